//! The findings and notes that the program makes itself, without a contract: what each means and what to do.
//!
//! `<table>` and `<pipeline>` stand for names of the workspace. Notes `gtfs.<code>` that are not here are notices of the
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

macro_rules! findings {
    ($($id:literal: $en:literal, $mend:literal; $de:literal, $mend_de:literal;)*) => {
        pub static PROGRAM_FINDINGS: &[ProgramFinding] =
            &[$(ProgramFinding { id: $id, en: ($en, $mend), de: ($de, $mend_de) }),*];
    };
}

findings! {
    "<table>.rows_lost": "Rules hold back so many rows that the table would mislead: the run is held back.", "Look at the rules that name the rows; raise maxRowsLost if the loss is right.";
        "Regeln halten so viele Zeilen zurück, dass die Tabelle irreführen würde: Der Lauf wird zurückgehalten.", "Die Regeln ansehen, die die Zeilen nennen; maxRowsLost anheben, wenn der Verlust richtig ist.";
    "<table>.route_lost": "A route loses all of its rows: riders would think that it does not run. The run is held back.", "Mend the rows, or raise maxRoutesLost.";
        "Eine Linie verliert alle Zeilen; Fahrgäste hielten sie für eingestellt. Der Lauf wird zurückgehalten.", "Die Zeilen berichtigen oder maxRoutesLost anheben.";
    "<table>.service_lost": "A service loses all of its rows. The run is held back.", "Mend the rows, or raise maxServicesLost.";
        "Ein Verkehrstag-Kalender verliert alle Zeilen. Der Lauf wird zurückgehalten.", "Die Zeilen berichtigen oder maxServicesLost anheben.";
    "<table>.values_lost": "Rules null so many values of a column that it would mislead. The run is held back.", "Look at the rules of the column; raise maxValuesLost if the loss is right.";
        "Regeln löschen so viele Werte einer Spalte, dass sie irreführen würde. Der Lauf wird zurückgehalten.", "Die Regeln der Spalte ansehen; maxValuesLost anheben, wenn der Verlust richtig ist.";
    "<table>.private_text": "A published text is a private one of the run, or looks like personal data: people could be recognised. The run is held back.", "Classify the column as private, mend the source or a mapping, or allow it with allowsPrivateText and a reason.";
        "Ein veröffentlichter Text ist ein privater oder sieht nach Personendaten aus; Menschen wären erkennbar. Der Lauf wird zurückgehalten.", "Spalte als privat einstufen, Quelle oder Zuordnung berichtigen oder mit allowsPrivateText und Grund erlauben.";
    "<table>.same_position": "A row is a report that was not there before: same vehicle, place, time and content. Others are dropped, so that no report counts twice.", "Nothing; many of them mean that the source repeats itself.";
        "Eine Zeile ist eine Meldung, die es noch nicht gab: gleiches Fahrzeug, gleicher Ort, gleiche Zeit, gleicher Inhalt. Andere fallen weg", "Nichts; viele davon heißen, dass die Quelle sich wiederholt.";
    "alerts.unchanged": "A row says of its alert something else than the one before. Others are dropped.", "Nothing.";
        "Eine Zeile sagt von ihrer Störung anderes als die vorige. Andere fallen weg", "Nichts.";
    "<table>.unchanged": "A row says of its stop something else than the one before. Others are dropped.", "Nothing.";
        "Eine Zeile sagt von ihrem Halt anderes als die vorige. Andere fallen weg", "Nichts.";
    "<table>.other_service_date": "A row is received at most a day before its service date begins, and until noon of the day after it. Others are dropped: no partition has them.", "Look at the clock and the dates of the source.";
        "Eine Zeile kommt höchstens einen Tag vor Beginn ihres Betriebstags und bis zum Mittag des Tages danach an. Andere fallen weg: keine Partition hat sie", "Uhr und Daten der Quelle ansehen.";
    "<table>.not_released": "The table is checked and not published; its rows are counted here.", "Name it under publish in the pipeline to publish it.";
        "Die Tabelle wird geprüft und nicht veröffentlicht; ihre Zeilen sind hier gezählt.", "Zum Veröffentlichen in der Pipeline nennen.";
    "<table>.discarded": "Rows that the data manager discarded by a decision.", "Take the decision back if it was wrong.";
        "Zeilen, die nach Entscheidung verworfen wurden.", "Die Entscheidung zurücknehmen, wenn sie falsch war.";
    "<pipeline>.readable_captures": "Captures of a source are readable messages. The others are pages of errors, so that a gap is no silence of the buses.", "Look at the captures with 'fahrtenbuch evidence list', and ask the operator of the source.";
        "Abrufe einer Quelle sind lesbare Nachrichten. Die anderen sind Fehlerseiten; eine Lücke ist dann keine Ruhe der Busse.", "Die Abrufe mit 'fahrtenbuch evidence list' ansehen und den Betreiber der Quelle fragen.";
    "capture.failed": "A source gave nothing: what it would have said is missing.", "Look at the message; ask the operator of the source if it lasts.";
        "Eine Quelle lieferte nichts: Was sie gesagt hätte, fehlt.", "Die Meldung ansehen; den Betreiber der Quelle fragen, wenn es anhält.";
    "evidence.damaged": "A part of the evidence cannot be read; what it held is missing.", "Put it back from a copy, and run the date again.";
        "Ein Teil der Belege ist nicht lesbar; sein Inhalt fehlt.", "Aus einer Kopie zurückholen und den Tag neu laufen lassen.";
    "evidence.future": "A capture is dated after now: a clock is wrong, and the capture may stand on a wrong date.", "Set the clock of the machine that captures.";
        "Ein Abruf liegt in der Zukunft: Eine Uhr geht falsch, der Abruf kann am falschen Tag stehen.", "Die Uhr des abrufenden Rechners stellen.";
    "evidence.none": "A source has no evidence for the date, so nothing of it is published.", "See whether the collector ran.";
        "Zu einer Quelle gibt es an diesem Tag keine Belege; von ihr wird nichts veröffentlicht.", "Prüfen, ob der Sammler lief.";
    "evidence.source_lost": "A source that the run before had has no evidence any more: a new release would lose rows.", "Put its evidence back, or remove the source from the pipeline.";
        "Eine Quelle des vorigen Laufs hat keine Belege mehr: Eine neue Fassung verlöre Zeilen.", "Die Belege zurückholen oder die Quelle aus der Pipeline nehmen.";
    "evidence.too_large": "A capture is larger than is read, so its content is missing.", "Raise maxBytes of the source if it is sound.";
        "Ein Abruf ist größer, als gelesen wird; sein Inhalt fehlt.", "maxBytes der Quelle anheben, wenn er in Ordnung ist.";
    "evidence.torn": "A capture ended before its time; what came of it is kept and not read.", "Nothing if it is rare; otherwise look at the network.";
        "Ein Abruf brach ab; was ankam, ist aufbewahrt und wird nicht gelesen.", "Nichts, wenn es selten ist; sonst das Netz ansehen.";
    "gtfs.file_name_letter_case": "A file of the timetable has a name in other letter case; it was read all the same, and other programs will not find it.", "Write the names of files in small letters.";
        "Eine Datei des Fahrplans ist anders groß- und kleingeschrieben; sie wurde gelesen, andere Programme finden sie nicht.", "Dateinamen kleinschreiben.";
    "gtfs_realtime.bare_gzip": "A body is packed with gzip and its headers do not say so; it was unpacked.", "Let the source send Content-Encoding.";
        "Ein Inhalt ist mit gzip gepackt, ohne dass die Kopfzeilen es sagen; er wurde entpackt.", "Die Quelle soll Content-Encoding senden.";
    "gtfs_realtime.broken_message": "A message cannot be read to its end; the entities before the damage were read.", "Ask the operator of the source.";
        "Eine Nachricht ist nicht bis zum Ende lesbar; die Einträge davor wurden gelesen.", "Den Betreiber der Quelle fragen.";
    "gtfs_realtime.damaged_entity": "An entity is damaged and was left out whole; those behind it were read.", "Ask the operator of the source.";
        "Ein Eintrag ist beschädigt und fehlt ganz; die dahinter wurden gelesen.", "Den Betreiber der Quelle fragen.";
    "gtfs_realtime.deleted_entity": "An entity says that it is deleted, and gives no row.", "Nothing.";
        "Ein Eintrag ist als gelöscht markiert und ergibt keine Zeile.", "Nichts.";
    "gtfs_realtime.differential": "A message holds only what has changed. What it leaves out is not taken for gone.", "Ask for a feed of full messages.";
        "Eine Nachricht enthält nur Änderungen. Was fehlt, gilt nicht als weggefallen.", "Um vollständige Nachrichten bitten.";
    "gtfs_realtime.late_rows": "Rows belong to this date and were received on the next.", "Nothing.";
        "Zeilen gehören zu diesem Tag und kamen am nächsten an.", "Nichts.";
    "gtfs_realtime.no_message": "A capture is no message of GTFS-Realtime.", "Look at the body: often a page of an error.";
        "Ein Abruf ist keine Nachricht von GTFS-Realtime.", "Den Inhalt ansehen: oft eine Fehlerseite.";
    "gtfs_realtime.oversized_entity": "An entity is larger than is read and was left out.", "Ask the operator of the source.";
        "Ein Eintrag ist größer, als gelesen wird, und fehlt.", "Den Betreiber der Quelle fragen.";
    "gtfs_realtime.vehicles_by_source": "Several sources give the same vehicle ids, which are kept apart by their source.", "Say in the pipeline that the sources share vehicles if they do.";
        "Mehrere Quellen nennen gleiche Fahrzeugkennungen; sie werden nach Quelle getrennt.", "In der Pipeline sagen, wenn die Quellen Fahrzeuge teilen.";
    "gtfs_realtime.zero_time": "A time is 0, which stands for none.", "Nothing; ask the operator of the source for times.";
        "Eine Zeit ist 0 und gilt als nicht vorhanden.", "Nichts; den Betreiber um Zeiten bitten.";
    "quarantine.decision_without_row": "A decision is about rows that no rule holds any more.", "Remove it if it is not needed.";
        "Eine Entscheidung betrifft Zeilen, die keine Regel mehr zurückhält.", "Entfernen, wenn sie nicht gebraucht wird.";
    "quarantine.gone": "Rows that the run before held back are gone from the quarantine.", "Put the file back from a copy if they are needed.";
        "Zeilen, die der vorige Lauf zurückhielt, fehlen in der Quarantäne.", "Die Datei aus einer Kopie zurückholen, wenn sie gebraucht wird.";
    "quarantine.too_many_rows": "The quarantine of the run before is too large to be compared.", "Look at the rule that holds so many rows.";
        "Die Quarantäne des vorigen Laufs ist zu groß zum Vergleichen.", "Die Regel ansehen, die so viele Zeilen zurückhält.";
    "quarantine.unreadable": "The quarantine of the run before cannot be read; which rows left it is not known.", "Put the file back from a copy.";
        "Die Quarantäne des vorigen Laufs ist nicht lesbar; welche Zeilen sie verließen, ist unbekannt.", "Die Datei aus einer Kopie zurückholen.";
    "record.list_damaged": "A list of the ledger is damaged and was made anew from the records.", "See whether others write into the bucket.";
        "Eine Liste der Nachweise ist beschädigt und wurde aus ihnen neu gemacht.", "Prüfen, ob andere in den Speicher schreiben.";
    "release.damaged": "A published file is not what its index says.", "See who writes into the bucket; the run puts the file again where it can.";
        "Eine veröffentlichte Datei ist nicht die aus ihrem Verzeichnis.", "Prüfen, wer in den Speicher schreibt; der Lauf legt sie neu ab, wo er kann.";
    "release.rolled_back": "The bucket shows an older release than the ledger: somebody put back old files.", "See who writes into the bucket.";
        "Der Speicher zeigt eine ältere Fassung als die Nachweise: Jemand legte alte Dateien zurück.", "Prüfen, wer in den Speicher schreibt.";
    "run.empty_release_taken_back": "A release without rows was replaced.", "Nothing.";
        "Eine Fassung ohne Zeilen wurde ersetzt.", "Nichts.";
    "run.provisional": "The date is not over: the release is provisional.", "Nothing; the next run completes it.";
        "Der Tag ist nicht zu Ende: Die Fassung ist vorläufig.", "Nichts; der nächste Lauf vervollständigt sie.";
    "run.table_too_early": "A table belongs to a date that has not come and was left for its run.", "Nothing.";
        "Eine Tabelle gehört zu einem Tag, der noch nicht da ist, und bleibt für dessen Lauf.", "Nichts.";
    "timetable.captured_later": "The timetable that was used was captured after the date: it may have been another one then.", "Keep the timetables of each day.";
        "Der verwendete Fahrplan wurde nach dem Tag abgerufen; damals kann ein anderer gegolten haben.", "Die Fahrpläne jedes Tages aufbewahren.";
    "timetable.other_time_zone": "The timetable is in another time zone than the workspace.", "Set the time zone in fahrtenbuch.yaml.";
        "Der Fahrplan steht in einer anderen Zeitzone als der Arbeitsbereich.", "Die Zeitzone in fahrtenbuch.yaml setzen.";
    "timetable.unreadable": "A timetable cannot be read and was passed over.", "Ask the publisher for a readable one.";
        "Ein Fahrplan ist nicht lesbar und wurde übergangen.", "Den Herausgeber um einen lesbaren bitten.";
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rules that contracts make: `check::rules` and the contract's reader have their words.
    const OF_CONTRACTS: &[&str] = &["{name}", "row_length", "primary_key", "{}", "{name}.{rule}", "sla", "{rule}"];

    #[test]
    fn every_id_that_the_source_makes_has_its_words() {
        let literal = r#""((?:evidence|gtfs|gtfs_realtime|quarantine|release|run|timetable|record|capture)\.[a-z_]+)""#;
        let literal = regex::Regex::new(literal).unwrap();
        let made = regex::Regex::new(r#"RuleId\(format!\("\{(?:table)?\}\.([a-z_]+)"#).unwrap();
        let notices: Vec<&str> = crate::check::gtfs::notices().iter().map(|notice| notice.code).collect();
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
