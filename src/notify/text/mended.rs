//! The words for what is well again.

use crate::notify::cause::CauseKind;
use crate::notify::text::words::place_name;
use crate::text::Text;

/// What is said when a cause is gone, of which no more than its key is known.
pub(super) fn mended(kind: CauseKind, subject: &str) -> Text {
    let (en, de) = match kind {
        CauseKind::SourceSilent => ("The source {} gives data again", "Die Quelle {} liefert wieder Daten"),
        CauseKind::SourceFrozen => ("The source {} gives new data again", "Die Quelle {} liefert wieder Neues"),
        CauseKind::SourceShrinking => {
            ("The source {} gives as much as usual", "Die Quelle {} liefert so viel wie üblich")
        }
        CauseKind::RunFailed => ("No run of {} fails any more", "Kein Lauf von {} scheitert mehr"),
        CauseKind::RunHeldBack => ("No date of {} is held back any more", "Kein Tag von {} wird mehr zurückgehalten"),
        CauseKind::ChoreFailed => ("The daily job '{}' succeeded", "Die tägliche Arbeit '{}' ist gelungen"),
        CauseKind::DiskFilling if subject == "spool" => {
            ("Less evidence waits than 'limits: spool' allows", "Es warten weniger Belege, als 'limits: spool' erlaubt")
        }
        CauseKind::DiskFilling => {
            let place = place_name(subject);
            return Text::new(
                format!("The disk of {} has room again", place.en),
                format!("Der Datenträger {} hat wieder Platz", place.de),
            );
        }
        CauseKind::BackupOld => ("There is a new backup", "Es gibt eine neue Sicherung"),
        CauseKind::KeyExpiring => (
            "No keys of {} expire soon of which rows wait for a decision",
            "Keine Schlüssel von {} laufen bald ab, zu denen Zeilen auf eine Entscheidung warten",
        ),
        CauseKind::EvidenceExpiring => {
            ("No unpublished evidence of {} expires soon", "Keine unveröffentlichten Belege von {} laufen bald ab")
        }
        CauseKind::QuarantineUndecided => {
            ("No rows of {} wait for a decision", "Keine Zeilen von {} warten auf eine Entscheidung")
        }
        CauseKind::TimetableEnding => ("There is a newer timetable {}", "Es gibt einen neueren Fahrplan {}"),
        CauseKind::RuleFailed => ("The rule {} passes again", "Die Regel {} ist wieder eingehalten"),
        CauseKind::ScoreFell => ("The quality of {} has recovered", "Die Qualität von {} hat sich erholt"),
        CauseKind::CollectorDown => ("The collector runs again", "Der Erfasser läuft wieder"),
        CauseKind::SchedulerDown => ("The scheduler runs again", "Der Planer läuft wieder"),
        CauseKind::PrivateStoreLost => ("The private store is there again", "Die private Ablage ist wieder da"),
        CauseKind::ClockBehind => {
            ("The clock of the machine is right again", "Die Uhr der Maschine geht wieder richtig")
        }
        CauseKind::ConfigurationWrong => {
            ("The configuration has no mistakes any more", "Die Konfiguration hat keine Fehler mehr")
        }
        CauseKind::EvidenceUnreadable => ("The evidence of {} can be read", "Die Belege von {} sind lesbar"),
        CauseKind::FilesMissing => {
            ("All published files of {} are in the bucket", "Alle veröffentlichten Dateien von {} sind im Bucket")
        }
        CauseKind::RunHangs => ("No job of {} hangs any more", "Keine Arbeit von {} hängt mehr"),
        CauseKind::SourceClock => ("The clock of the source {} is right", "Die Uhr der Quelle {} geht richtig"),
        CauseKind::LogUnconfirmed if subject.is_empty() => {
            ("The log is stamped again", "Das Protokoll wird wieder gestempelt")
        }
        CauseKind::LogUnconfirmed => {
            ("The witness {} confirms the log again", "Der Zeuge {} bestätigt das Protokoll wieder")
        }
        CauseKind::BucketUnreadable if subject.is_empty() => ("The bucket can be read", "Der Bucket ist lesbar"),
        CauseKind::BucketUnreadable => {
            ("What the bucket has of {} can be read", "Was der Bucket von {} hat, ist lesbar")
        }
    };
    Text::new(en.replace("{}", subject), de.replace("{}", subject))
}
