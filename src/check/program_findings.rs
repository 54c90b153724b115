//! The findings and notes that the program makes itself, without a contract: what each means and what to do.
//!
//! `<table>` and `<pipeline>` stand for names of the workspace, `<format>` for that of a format. Notes `gtfs.<code>` that are not here are notices of the
//! canonical validator, which have their own words.

/// One of them.
pub struct ProgramFinding {
    pub id: &'static str,
    /// What it means, and what to do, in English and in German.
    pub en: (&'static str, &'static str),
    pub de: (&'static str, &'static str),
}

/// The words of a finding or note with this id.
pub fn of(id: &str) -> Option<&'static ProgramFinding> {
    PROGRAM_FINDINGS.iter().find(|finding| match finding.id.split_once('>') {
        Some((_, rest)) => id.len() > rest.len() && id.ends_with(rest) && !id.starts_with('.'),
        None => finding.id == id,
    })
}

/// All of them. Where two fit an id, the first does.
pub static PROGRAM_FINDINGS: &[ProgramFinding] = &[
    ProgramFinding {
        id: "<table>.rows_lost",
        en: (
            "Rules hold back so many rows that the table would mislead: the run is held back.",
            "Look at the rules that name the rows; raise maxRowsLost if the loss is right.",
        ),
        de: (
            "Regeln halten so viele Zeilen zurück, dass die Tabelle irreführen würde: Der Lauf wird zurückgehalten.",
            "Die Regeln ansehen, die die Zeilen nennen; maxRowsLost anheben, wenn der Verlust richtig ist.",
        ),
    },
    ProgramFinding {
        id: "<table>.route_lost",
        en: (
            "A route loses all of its rows: riders would think that it does not run. The run is held back.",
            "Mend the rows, or raise maxRoutesLost.",
        ),
        de: (
            "Eine Linie verliert alle Zeilen; Fahrgäste hielten sie für eingestellt. Der Lauf wird zurückgehalten.",
            "Die Zeilen berichtigen oder maxRoutesLost anheben.",
        ),
    },
    ProgramFinding {
        id: "<table>.service_lost",
        en: ("A service loses all of its rows. The run is held back.", "Mend the rows, or raise maxServicesLost."),
        de: (
            "Ein Verkehrstag-Kalender verliert alle Zeilen. Der Lauf wird zurückgehalten.",
            "Die Zeilen berichtigen oder maxServicesLost anheben.",
        ),
    },
    ProgramFinding {
        id: "<table>.values_lost",
        en: (
            "Rules null so many values of a column that it would mislead. The run is held back.",
            "Look at the rules of the column; raise maxValuesLost if the loss is right.",
        ),
        de: (
            "Regeln löschen so viele Werte einer Spalte, dass sie irreführen würde. Der Lauf wird zurückgehalten.",
            "Die Regeln der Spalte ansehen; maxValuesLost anheben, wenn der Verlust richtig ist.",
        ),
    },
    ProgramFinding {
        id: "<table>.private_text",
        en: (
            "A published text is a private one of the run, or looks like personal data: people could be recognised. The run is held back.",
            "Classify the column as private, mend the source or a mapping, or allow it with allowsPrivateText and a reason.",
        ),
        de: (
            "Ein veröffentlichter Text ist ein privater oder sieht nach Personendaten aus; Menschen wären erkennbar. Der Lauf wird zurückgehalten.",
            "Spalte als privat einstufen, Quelle oder Zuordnung berichtigen oder mit allowsPrivateText und Grund erlauben.",
        ),
    },
    ProgramFinding {
        id: "<table>.same_position",
        en: (
            "A row is a report that was not there before: same vehicle, place, time and content. Others are dropped, so that no report counts twice.",
            "Nothing; many of them mean that the source repeats itself.",
        ),
        de: (
            "Eine Zeile ist eine Meldung, die es noch nicht gab: gleiches Fahrzeug, gleicher Ort, gleiche Zeit, gleicher Inhalt. Andere fallen weg",
            "Nichts; viele davon heißen, dass die Quelle sich wiederholt.",
        ),
    },
    ProgramFinding {
        id: "alerts.unchanged",
        en: (
            "A row says something else than the one before, or its alert said something else in between. Others are dropped.",
            "Nothing.",
        ),
        de: (
            "Eine Zeile sagt anderes als die vorige, oder ihre Störung sagte dazwischen anderes. Andere fallen weg",
            "Nichts.",
        ),
    },
    ProgramFinding {
        id: "<table>.unchanged",
        en: (
            "A row says of its stop something else than the one before, or its trip said something else in between. Others are dropped.",
            "Nothing.",
        ),
        de: (
            "Eine Zeile sagt von ihrem Halt anderes als die vorige, oder ihre Fahrt sagte dazwischen anderes. Andere fallen weg",
            "Nichts.",
        ),
    },
    ProgramFinding {
        id: "<table>.report_without_trip",
        en: (
            "A report names its trip. Others, as of buses on the way to the depot, are of no trip and in no row of the table.",
            "Nothing where they are few; many are drivers who did not log on, or a feed that leaves trips out.",
        ),
        de: (
            "Eine Meldung nennt ihre Fahrt. Andere, etwa von Bussen auf dem Weg zum Betriebshof, gehören zu keiner Fahrt und zu keiner Zeile der Tabelle",
            "Nichts, wenn es wenige sind; viele heißen, dass Fahrer sich nicht anmelden oder der Feed Fahrten weglässt.",
        ),
    },
    ProgramFinding {
        id: "<table>.prediction_without_trip",
        en: (
            "A prediction names its trip by its id. Others describe it by route and start, and are in no row of the table.",
            "Ask the operator of the source for ids of trips.",
        ),
        de: (
            "Eine Prognose nennt ihre Fahrt mit deren Kennung. Andere beschreiben sie durch Linie und Start und stehen in keiner Zeile der Tabelle",
            "Den Betreiber der Quelle um Kennungen der Fahrten bitten.",
        ),
    },
    ProgramFinding {
        id: "<table>.other_service_date",
        en: (
            "A row is received at most a day before its service date begins, and until noon of the day after it. Others are dropped: no partition has them.",
            "Look at the clock and the dates of the source.",
        ),
        de: (
            "Eine Zeile kommt höchstens einen Tag vor Beginn ihres Betriebstags und bis zum Mittag des Tages danach an. Andere fallen weg: keine Partition hat sie",
            "Uhr und Daten der Quelle ansehen.",
        ),
    },
    ProgramFinding {
        id: "<table>.not_released",
        en: (
            "The table is checked and not published; its rows are counted here.",
            "To publish it, add it to 'release: tables' of the pipeline, with a contract.",
        ),
        de: (
            "Die Tabelle wird geprüft und nicht veröffentlicht; ihre Zeilen sind hier gezählt.",
            "Zum Veröffentlichen unter 'release: tables' der Pipeline nennen, mit einem Vertrag.",
        ),
    },
    ProgramFinding {
        id: "<table>.discarded",
        en: ("Rows that the data manager discarded by a decision.", "Take the decision back if it was wrong."),
        de: ("Zeilen, die nach Entscheidung verworfen wurden.", "Die Entscheidung zurücknehmen, wenn sie falsch war."),
    },
    ProgramFinding {
        id: "<pipeline>.readable_captures",
        en: (
            "Captures of a source are readable messages. The others are pages of errors, so that a gap is no silence of the buses.",
            "Look at the captures with 'fahrtenbuch evidence list', and ask the operator of the source.",
        ),
        de: (
            "Abrufe einer Quelle sind lesbare Nachrichten. Die anderen sind Fehlerseiten; eine Lücke ist dann keine Ruhe der Busse.",
            "Die Abrufe mit 'fahrtenbuch evidence list' ansehen und den Betreiber der Quelle fragen.",
        ),
    },
    ProgramFinding {
        id: "capture.failed",
        en: (
            "A source did not give its feed when the run asked. The run used the evidence that was there.",
            "Try 'fahrtenbuch capture': it tells the address and the reason, which the public record does not.",
        ),
        de: (
            "Eine Quelle gab ihren Feed nicht, als der Lauf fragte. Der Lauf nahm die vorhandenen Belege.",
            "'fahrtenbuch capture' versuchen: Es nennt Adresse und Grund, die im öffentlichen Nachweis nicht stehen.",
        ),
    },
    ProgramFinding {
        id: "evidence.damaged",
        en: (
            "A stretch of an archive is damaged. The captures before and behind it were read; those in it are missing.",
            "Put the archive back from a backup and run the date again.",
        ),
        de: (
            "Ein Stück eines Archivs ist beschädigt. Die Abrufe davor und dahinter wurden gelesen; die darin fehlen.",
            "Das Archiv aus einer Sicherung zurückholen und den Tag neu laufen lassen.",
        ),
    },
    ProgramFinding {
        id: "evidence.future",
        en: (
            "Evidence is later than the run: a clock was wrong when it was captured, or when it was run.",
            "Correct the clock of the machine, and run the date again.",
        ),
        de: (
            "Ein Beleg ist später als der Lauf: Beim Abruf oder beim Lauf ging eine Uhr falsch.",
            "Die Uhr des Rechners stellen und den Tag neu laufen lassen.",
        ),
    },
    ProgramFinding {
        id: "evidence.none",
        en: (
            "There is no evidence of one of the sources for the date: its rows are missing.",
            "See whether the collector ran; bring evidence that others keep in by the command that the message names.",
        ),
        de: (
            "Von einer der Quellen gibt es zu diesem Tag keine Belege: Ihre Zeilen fehlen.",
            "Prüfen, ob der Sammler lief; Belege, die andere führen, mit dem Befehl aus der Meldung einlesen.",
        ),
    },
    ProgramFinding {
        id: "evidence.source_lost",
        en: (
            "The last record has captures of a source that the pipeline does not name any more. The release is made without them.",
            "Name the source again if that was a slip.",
        ),
        de: (
            "Der letzte Nachweis hat Abrufe einer Quelle, die die Pipeline nicht mehr nennt. Die Fassung entsteht ohne sie.",
            "Die Quelle wieder eintragen, wenn das ein Versehen war.",
        ),
    },
    ProgramFinding {
        id: "evidence.too_large",
        en: (
            "A record of an archive is larger than is read: its capture is missing.",
            "Look at the archive: the collector writes no such record.",
        ),
        de: (
            "Ein Eintrag eines Archivs ist größer, als gelesen wird: Der Abruf fehlt.",
            "Das Archiv ansehen: Der Sammler schreibt keine solchen Einträge.",
        ),
    },
    ProgramFinding {
        id: "evidence.torn",
        en: (
            "An archive ends with a record that is not complete: a crash left it, or somebody is still writing. The captures before it were read.",
            "Nothing: the next capture moves the rest aside.",
        ),
        de: (
            "Ein Archiv endet mit einem unvollständigen Eintrag: Ein Absturz ließ ihn zurück, oder es wird noch geschrieben. Die Abrufe davor wurden gelesen.",
            "Nichts: Der nächste Abruf legt den Rest beiseite.",
        ),
    },
    ProgramFinding {
        id: "gtfs.file_name_letter_case",
        en: (
            "A file of the timetable has a name in other letter case; it was read all the same, and other programs will not find it.",
            "Write the names of files in small letters.",
        ),
        de: (
            "Eine Datei des Fahrplans ist anders groß- und kleingeschrieben; sie wurde gelesen, andere Programme finden sie nicht.",
            "Dateinamen kleinschreiben.",
        ),
    },
    ProgramFinding {
        id: "gtfs_realtime.bare_gzip",
        en: (
            "A body is packed with gzip and its headers do not say so; it was unpacked.",
            "Let the source send Content-Encoding.",
        ),
        de: (
            "Ein Inhalt ist mit gzip gepackt, ohne dass die Kopfzeilen es sagen; er wurde entpackt.",
            "Die Quelle soll Content-Encoding senden.",
        ),
    },
    ProgramFinding {
        id: "gtfs_realtime.broken_message",
        en: (
            "A message cannot be read to its end; the entities before the damage were read.",
            "Ask the operator of the source.",
        ),
        de: (
            "Eine Nachricht ist nicht bis zum Ende lesbar; die Einträge davor wurden gelesen.",
            "Den Betreiber der Quelle fragen.",
        ),
    },
    ProgramFinding {
        id: "gtfs_realtime.damaged_entity",
        en: (
            "An entity is damaged and was left out whole; those behind it were read.",
            "Ask the operator of the source.",
        ),
        de: (
            "Ein Eintrag ist beschädigt und fehlt ganz; die dahinter wurden gelesen.",
            "Den Betreiber der Quelle fragen.",
        ),
    },
    ProgramFinding {
        id: "gtfs_realtime.deleted_entity",
        en: ("An entity says that it is deleted, and gives no row.", "Nothing."),
        de: ("Ein Eintrag ist als gelöscht markiert und ergibt keine Zeile.", "Nichts."),
    },
    ProgramFinding {
        id: "gtfs_realtime.differential",
        en: (
            "Captures tell only what has changed (DIFFERENTIAL): a vehicle or trip that one of them does not name is not gone.",
            "Ask the operator for a feed of full messages.",
        ),
        de: (
            "Abrufe sagen nur, was sich geändert hat (DIFFERENTIAL): Ein Fahrzeug oder eine Fahrt, die darin fehlt, ist nicht weggefallen.",
            "Den Betreiber um vollständige Nachrichten bitten.",
        ),
    },
    ProgramFinding {
        id: "gtfs_realtime.early_rows",
        en: ("Rows that were received on this date are of a later one: they are in its partition.", "Nothing."),
        de: (
            "Zeilen, die an diesem Tag ankamen, gehören zu einem späteren: Sie stehen in dessen Partition.",
            "Nichts.",
        ),
    },
    ProgramFinding {
        id: "gtfs_realtime.late_rows",
        en: (
            "Rows that were received on this date are of an earlier one, which was over: they are in its partition if it is run after noon of the day after it.",
            "Run the earlier date again if its last run was before that.",
        ),
        de: (
            "Zeilen, die an diesem Tag ankamen, gehören zu einem früheren, der vorbei war: Sie stehen in dessen Partition, wenn er nach dem Mittag des Folgetags läuft.",
            "Den früheren Tag neu laufen lassen, wenn sein letzter Lauf davor war.",
        ),
    },
    ProgramFinding {
        id: "gtfs_realtime.no_message",
        en: (
            "A capture is no message of GTFS-Realtime, and gives no row.",
            "See what it is with 'fahrtenbuch evidence list': often a page that tells an error.",
        ),
        de: (
            "Ein Abruf ist keine Nachricht von GTFS-Realtime und ergibt keine Zeile.",
            "Mit 'fahrtenbuch evidence list' ansehen, was er ist: oft eine Fehlerseite.",
        ),
    },
    ProgramFinding {
        id: "gtfs_realtime.oversized_entity",
        en: ("An entity is larger than is read and was left out.", "Ask the operator of the source."),
        de: ("Ein Eintrag ist größer, als gelesen wird, und fehlt.", "Den Betreiber der Quelle fragen."),
    },
    ProgramFinding {
        id: "gtfs_realtime.vehicles_by_source",
        en: (
            "Several sources give positions, and the same vehicle id in two of them is taken for two vehicles.",
            "Write 'vehicles: shared' into the pipeline if it is one, else 'vehicles: by_source', or 'vehicles: NAME' at each source.",
        ),
        de: (
            "Mehrere Quellen geben Positionen; dieselbe Fahrzeugkennung in zweien gilt als zwei Fahrzeuge.",
            "'vehicles: shared' in die Pipeline schreiben, wenn es eines ist, sonst 'vehicles: by_source' oder 'vehicles: NAME' an jede Quelle.",
        ),
    },
    ProgramFinding {
        id: "gtfs_realtime.zero_time",
        en: (
            "A time is 0, which stands for none: it is null.",
            "Nothing; ask the operator for times if there are none else.",
        ),
        de: (
            "Eine Zeit ist 0, was für keine steht: Die Zelle ist leer.",
            "Nichts; den Betreiber um Zeiten bitten, wenn es sonst keine gibt.",
        ),
    },
    ProgramFinding {
        id: "quarantine.decision_without_row",
        en: (
            "A decision is about rows that no rule holds like that any more: the evidence, a rule or a mapping has changed.",
            "Look at it with 'fahrtenbuch decisions', and take it back if it is not needed.",
        ),
        de: (
            "Eine Entscheidung betrifft Zeilen, die keine Regel mehr so zurückhält: Belege, Regel oder Zuordnung haben sich geändert.",
            "Mit 'fahrtenbuch decisions' ansehen und zurücknehmen, wenn sie nicht gebraucht wird.",
        ),
    },
    ProgramFinding {
        id: "quarantine.gone",
        en: (
            "The last record says that rows are in quarantine, and their files were gone. The run held such rows back anew.",
            "Nothing, if the run found them again; see who removes files from the private store.",
        ),
        de: (
            "Der letzte Nachweis nennt Zeilen in der Quarantäne, deren Dateien fehlten. Der Lauf hielt solche Zeilen neu zurück.",
            "Nichts, wenn der Lauf sie wieder fand; prüfen, wer Dateien aus dem privaten Speicher entfernt.",
        ),
    },
    ProgramFinding {
        id: "quarantine.too_many_rows",
        en: (
            "The quarantine of the run before is too large to be compared.",
            "Look at the rule that holds so many rows.",
        ),
        de: (
            "Die Quarantäne des vorigen Laufs ist zu groß zum Vergleichen.",
            "Die Regel ansehen, die so viele Zeilen zurückhält.",
        ),
    },
    ProgramFinding {
        id: "quarantine.unreadable",
        en: (
            "The quarantine of the run before cannot be read; which rows left it is not known.",
            "Put the file back from a copy.",
        ),
        de: (
            "Die Quarantäne des vorigen Laufs ist nicht lesbar; welche Zeilen sie verließen, ist unbekannt.",
            "Die Datei aus einer Kopie zurückholen.",
        ),
    },
    ProgramFinding {
        id: "record.list_damaged",
        en: (
            "The list of captures that a record names was damaged or gone in the bucket.",
            "See who writes into the bucket; bring the list back from a backup where the message says that it could not be put again.",
        ),
        de: (
            "Die Liste der Abrufe, die ein Nachweis nennt, war im Speicher beschädigt oder fehlte.",
            "Prüfen, wer in den Speicher schreibt; die Liste aus einer Sicherung zurückholen, wenn sie laut Meldung nicht neu abgelegt werden konnte.",
        ),
    },
    ProgramFinding {
        id: "release.damaged",
        en: (
            "A published file was damaged in the bucket; the message says what became of it.",
            "See who writes into the bucket.",
        ),
        de: (
            "Eine veröffentlichte Datei war im Speicher beschädigt; die Meldung sagt, was daraus wurde.",
            "Prüfen, wer in den Speicher schreibt.",
        ),
    },
    ProgramFinding {
        id: "release.rolled_back",
        en: (
            "The index of a table had lost a release: it was released again.",
            "See who writes into the bucket, or brought an old copy of it back.",
        ),
        de: (
            "Das Verzeichnis einer Tabelle hatte eine Fassung verloren: Sie wurde wieder veröffentlicht.",
            "Prüfen, wer in den Speicher schreibt oder eine alte Kopie zurückholte.",
        ),
    },
    ProgramFinding {
        id: "run.checkout_not_read",
        en: (
            "The workspace is a git checkout, and its commit, or whether its files are those of the commit, could not be read.",
            "See what 'git status' says in the workspace.",
        ),
        de: (
            "Der Arbeitsbereich ist ein Git-Checkout, aber sein Commit, oder ob die Dateien die des Commits sind, war nicht zu lesen.",
            "Sehen, was 'git status' im Arbeitsbereich sagt.",
        ),
    },
    ProgramFinding {
        id: "run.empty_release_taken_back",
        en: (
            "No report belongs to the date: its release without rows was taken back, since an empty table says that there were no buses.",
            "Nothing.",
        ),
        de: (
            "Zu dem Tag gehört keine Meldung: Seine Fassung ohne Zeilen wurde zurückgenommen, denn eine leere Tabelle hieße, es fuhr kein Bus.",
            "Nichts.",
        ),
    },
    ProgramFinding {
        id: "run.provisional",
        en: ("The date is not over: what is published now is provisional.", "Run the date again after its end."),
        de: (
            "Der Tag ist nicht zu Ende: Was jetzt erscheint, ist vorläufig.",
            "Den Tag nach seinem Ende neu laufen lassen.",
        ),
    },
    ProgramFinding {
        id: "run.table_too_early",
        en: ("A table has no row yet and is not published: the date is not over.", "Run the date again after its end."),
        de: (
            "Eine Tabelle hat noch keine Zeile und erscheint nicht: Der Tag ist nicht zu Ende.",
            "Den Tag nach seinem Ende neu laufen lassen.",
        ),
    },
    ProgramFinding {
        id: "timetable.captured_later",
        en: (
            "No timetable was captured until the end of the service date: the rules look into the next one.",
            "Capture the timetable every day.",
        ),
        de: (
            "Bis zum Ende des Betriebstags wurde kein Fahrplan abgerufen: Die Regeln nehmen den nächsten.",
            "Den Fahrplan jeden Tag abrufen.",
        ),
    },
    ProgramFinding {
        id: "timetable.other_time_zone",
        en: (
            "The agency_timezone of the timetable is not the time_zone of the workspace, by which service dates and rules go.",
            "Give a feed of another zone a workspace of its own, or correct time_zone in fahrtenbuch.yaml.",
        ),
        de: (
            "Die agency_timezone des Fahrplans ist nicht die time_zone des Arbeitsbereichs, nach der Betriebstage und Regeln gehen.",
            "Einem Feed anderer Zone einen eigenen Arbeitsbereich geben oder time_zone in fahrtenbuch.yaml berichtigen.",
        ),
    },
    ProgramFinding {
        id: "timetable.unreadable",
        en: (
            "Captures of the timetable cannot be read and were passed over; the message names the one that was used.",
            "Ask the publisher for a readable one.",
        ),
        de: (
            "Abrufe des Fahrplans sind nicht lesbar und wurden übergangen; die Meldung nennt den verwendeten.",
            "Den Herausgeber um einen lesbaren bitten.",
        ),
    },
    // Of formats without words of their own for it.
    ProgramFinding {
        id: "<format>.no_document",
        en: (
            "A capture is no document of the format, or has no rows where the pipeline says: it gives none.",
            "See what it is with 'fahrtenbuch evidence list'; compare it with 'mapping' in the pipeline.",
        ),
        de: (
            "Ein Abruf ist kein Dokument des Formats oder hat keine Zeilen, wo die Pipeline sie nennt: Er ergibt keine.",
            "Mit 'fahrtenbuch evidence list' ansehen, was er ist; mit 'mapping' in der Pipeline vergleichen.",
        ),
    },
    ProgramFinding {
        id: "<format>.broken_document",
        en: (
            "A document cannot be read to its end; the rows before the damage were read.",
            "Ask the operator of the source.",
        ),
        de: (
            "Ein Dokument ist nicht bis zum Ende lesbar; die Zeilen davor wurden gelesen.",
            "Den Betreiber der Quelle fragen.",
        ),
    },
    ProgramFinding {
        id: "<format>.damaged_row",
        en: ("A row is damaged and was left out; those behind it were read.", "Ask the operator of the source."),
        de: ("Eine Zeile ist beschädigt und fehlt; die dahinter wurden gelesen.", "Den Betreiber der Quelle fragen."),
    },
    ProgramFinding {
        id: "<format>.unreadable_message",
        en: (
            "Messages of a broker are no document of the format: they give no row, the others are read.",
            "Compare what is published with 'mapping' in the pipeline; 'topics' of the source may be too wide.",
        ),
        de: (
            "Nachrichten eines Brokers sind kein Dokument des Formats: Sie ergeben keine Zeile, die anderen werden gelesen.",
            "Was gesendet wird, mit 'mapping' in der Pipeline vergleichen; 'topics' der Quelle nennt vielleicht zu viel.",
        ),
    },
    ProgramFinding {
        id: "<format>.repeated_message",
        en: (
            "A broker sent messages again that it did not know to be kept: they count once.",
            "Nothing has to be done.",
        ),
        de: (
            "Ein Broker hat Nachrichten noch einmal gesendet, von denen er nicht wusste, dass sie da sind: Sie zählen einmal.",
            "Es ist nichts zu tun.",
        ),
    },
    ProgramFinding {
        id: "<format>.unknown_value",
        en: (
            "A value is none of those that the pipeline gives a meaning: the cell is null.",
            "Ask the operator what it means, and add it to 'values' in the pipeline.",
        ),
        de: (
            "Ein Wert ist keiner von denen, deren Bedeutung die Pipeline nennt: Die Zelle ist leer.",
            "Den Betreiber fragen, was er heißt, und ihn unter 'values' in der Pipeline ergänzen.",
        ),
    },
    ProgramFinding {
        id: "<format>.path_not_found",
        en: (
            "No row has what the pipeline says that a column is made of: the column is null.",
            "Compare the name under 'mapping' in the pipeline with the feed; it may have been renamed there.",
        ),
        de: (
            "Keine Zeile hat, woraus eine Spalte laut Pipeline entsteht: Die Spalte ist leer.",
            "Den Namen unter 'mapping' in der Pipeline mit dem Feed vergleichen; vielleicht heißt er dort jetzt anders.",
        ),
    },
    ProgramFinding {
        id: "<format>.bare_gzip",
        en: (
            "A body is packed with gzip and its headers do not say so; it was unpacked.",
            "Let the source send Content-Encoding.",
        ),
        de: (
            "Ein Inhalt ist mit gzip gepackt, ohne dass die Kopfzeilen es sagen; er wurde entpackt.",
            "Die Quelle soll Content-Encoding senden.",
        ),
    },
    ProgramFinding {
        id: "<format>.zero_time",
        en: (
            "A time is 0, which stands for none: it is null.",
            "Nothing; ask the operator for times if there are none else.",
        ),
        de: (
            "Eine Zeit ist 0, was für keine steht: Die Zelle ist leer.",
            "Nichts; den Betreiber um Zeiten bitten, wenn es sonst keine gibt.",
        ),
    },
    ProgramFinding {
        id: "<format>.early_rows",
        en: ("Rows that were received on this date are of a later one: they are in its partition.", "Nothing."),
        de: (
            "Zeilen, die an diesem Tag ankamen, gehören zu einem späteren: Sie stehen in dessen Partition.",
            "Nichts.",
        ),
    },
    ProgramFinding {
        id: "<format>.late_rows",
        en: (
            "Rows that were received on this date are of an earlier one, which was over: they are in its partition if it is run after noon of the day after it.",
            "Run the earlier date again if its last run was before that.",
        ),
        de: (
            "Zeilen, die an diesem Tag ankamen, gehören zu einem früheren, der vorbei war: Sie stehen in dessen Partition, wenn er nach dem Mittag des Folgetags läuft.",
            "Den früheren Tag neu laufen lassen, wenn sein letzter Lauf davor war.",
        ),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Rules that contracts make: `check::rules` and the contract's reader have their words.
    const OF_CONTRACTS: &[&str] = &["{name}", "row_length", "primary_key", "{}", "{name}.{rule}", "sla", "{rule}"];

    #[test]
    fn every_id_that_the_source_makes_has_its_words() {
        let rooms = "evidence|gtfs|quarantine|release|run|timetable|record|capture";
        let formats = crate::decode::formats::names().join("|").replace('-', "_");
        let literal = regex::Regex::new(&format!(r#""((?:{rooms}|{formats})\.[a-z_]+)""#)).unwrap();
        let made = regex::Regex::new(r#"RuleId\(format!\("\{(?:table)?\}\.([a-z_]+)"#).unwrap();
        let notices: Vec<&str> = crate::feed_rules::gtfs::notices().iter().map(|notice| notice.code).collect();
        let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
        let (mut missing, mut seen) = (Vec::new(), 0);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                let text = text.split("#[cfg(test)]").next().unwrap_or_default();
                if path.ends_with("program_findings.rs") {
                    continue;
                }
                for found in literal.captures_iter(text) {
                    let id = &found[1];
                    seen += 1;
                    let is_notice = id.strip_prefix("gtfs.").is_some_and(|code| notices.contains(&code));
                    if of(id).is_none() && !is_notice && !id.ends_with(".zip") {
                        missing.push(id.to_owned());
                    }
                }
                for found in made.captures_iter(text).filter(|found| !OF_CONTRACTS.contains(&&found[1])) {
                    seen += 1;
                    if of(&format!("t.{}", &found[1])).is_none() {
                        missing.push(found[1].to_owned());
                    }
                }
            }
        }
        assert!(seen > 30 && missing.is_empty(), "{seen}: {missing:?}");
    }
}
