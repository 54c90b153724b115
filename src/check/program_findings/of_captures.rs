//! Of captures, evidence and the standard feeds in it.

use super::finding::ProgramFinding;

pub(super) static FINDINGS: &[ProgramFinding] = &[
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
];
