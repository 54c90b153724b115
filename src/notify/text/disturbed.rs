//! The words for what disturbs the work without ending it: evidence that cannot be read, files that are gone, jobs that hang, clocks
//! that differ.

use std::collections::BTreeSet;

use crate::notify::cause::Trouble;
use crate::publish::index::Month;
use crate::text::Text;

/// Months that are named one by one.
const NAMED: usize = 3;

/// The newest months by name, and how many there are beside them.
fn written(months: &BTreeSet<Month>) -> String {
    let newest: Vec<String> = months.iter().rev().take(NAMED).map(ToString::to_string).collect();
    match months.len().saturating_sub(NAMED) {
        0 => newest.join(", "),
        more => format!("{} (+{more})", newest.join(", ")),
    }
}

/// What it is, what is lost if nothing happens, and the command. `dates` are those that it is about, as they stand behind 'for' and
/// 'für'.
pub(super) fn words(trouble: &Trouble, dates: &Text) -> (Text, Text, String) {
    match trouble {
        Trouble::EvidenceUnreadable { pipeline, problem } => (
            Text::new(
                format!("The evidence of {pipeline} cannot be read: {problem}"),
                format!("Die Belege von {pipeline} sind nicht lesbar: {problem}"),
            ),
            Text::new(
                "Nothing of it is published until it can be read. All other pipelines go on.",
                "Bis sie lesbar sind, wird davon nichts veröffentlicht. Alle anderen Pipelines laufen weiter.",
            ),
            "fahrtenbuch plan".to_owned(),
        ),
        Trouble::FilesMissing { dataset, dates: of, months } if of.is_empty() => {
            let months = written(months);
            (
                Text::new(
                    format!("The files of past months of {dataset} are not in the bucket any more, for {months}"),
                    format!("Die Dateien vergangener Monate von {dataset} sind nicht mehr im Bucket, für {months}"),
                ),
                Text::new(
                    "Whoever asks the SQL catalogue for those months gets an error. The days have files of their own, of which those of \
                     months are made again.",
                    "Wer im SQL-Katalog nach diesen Monaten fragt, bekommt einen Fehler. Die Tage haben eigene Dateien, aus denen die der \
                     Monate neu gemacht werden.",
                ),
                "fahrtenbuch compact".to_owned(),
            )
        }
        Trouble::FilesMissing { dataset, months, .. } => {
            let (mut more, mut remedy) = (Text::new("", ""), Text::new("", ""));
            if !months.is_empty() {
                let months = written(months);
                more =
                    Text::new(format!(", and months' files for {months}"), format!(", und Monatsdateien für {months}"));
                remedy = Text::new(
                    " Months' files are made again by 'fahrtenbuch compact'.",
                    " Monatsdateien macht 'fahrtenbuch compact' neu.",
                );
            }
            (
                Text::new(
                    format!("Published files of {dataset} are not in the bucket any more, for {}{}", dates.en, more.en),
                    format!(
                        "Veröffentlichte Dateien von {dataset} sind nicht mehr im Bucket, für {}{}",
                        dates.de, more.de
                    ),
                ),
                Text::new(
                    format!(
                        "Whoever loads them gets an error. Dates whose evidence is there are made again; all others only a copy of the \
                         bucket has.{}",
                        remedy.en
                    ),
                    format!(
                        "Wer sie lädt, bekommt einen Fehler. Tage, deren Belege da sind, werden neu gemacht; alle anderen hat nur eine \
                         Kopie des Buckets.{}",
                        remedy.de
                    ),
                ),
                "fahrtenbuch plan".to_owned(),
            )
        }
        Trouble::RunHangs { job, date } => {
            let (en, de) = match date {
                Some(_) => {
                    (format!("The run of {job} for {}", dates.en), format!("Der Lauf von {job} für {}", dates.de))
                }
                None => (format!("The job {job}"), format!("Die Arbeit {job}")),
            };
            (
                Text::new(
                    format!("{en} is at work for much longer than usual, and seems to hang"),
                    format!("{de} dauert viel länger als üblich und scheint zu hängen"),
                ),
                Text::new(
                    "Nothing else of it is done until it ends. It is ended after 'limits: run_kill', which loses nothing, and tried again.",
                    "Bis das endet, geschieht dort nichts Weiteres. Nach 'limits: run_kill' wird es beendet, wobei nichts verloren geht, \
                     und neu versucht.",
                ),
                "fahrtenbuch status".to_owned(),
            )
        }
        Trouble::SourceClock { source, seconds } => {
            let minutes = seconds.unsigned_abs() / 60;
            let (en, de) = if *seconds < 0 { ("behind", "nach") } else { ("ahead of", "vor") };
            (
                Text::new(
                    format!("The clock of the source {source} is {minutes} minutes {en} this machine's"),
                    format!("Die Uhr der Quelle {source} geht gegenüber dieser Maschine {minutes} Minuten {de}"),
                ),
                Text::new(
                    "Its evidence has the time of its server. If that clock is the wrong one, times of its data may be wrong, too.",
                    "Ihre Belege tragen die Zeit ihres Servers. Geht diese Uhr falsch, sind vielleicht auch Zeiten in den Daten falsch.",
                ),
                "timedatectl".to_owned(),
            )
        }
        Trouble::LogUnconfirmed { witness: None, .. } => (
            Text::new(
                "The authority of time stamps ('signing: timestamps') stamps the log no more",
                "Der Zeitstempeldienst ('signing: timestamps') stempelt das Protokoll nicht mehr",
            ),
            Text::new(
                "Releases go on, and later runs ask again. Of a day without a stamp nobody else says that its log was there on that day. \
                 'key list' says why; if the service has ended, name another one.",
                "Veröffentlicht wird weiter, und spätere Läufe fragen wieder. Für Tage ohne Stempel bezeugt niemand sonst, dass das \
                 Protokoll an diesem Tag da war. 'key list' sagt, warum; wurde der Dienst eingestellt, nennen Sie einen anderen.",
            ),
            "fahrtenbuch key list".to_owned(),
        ),
        Trouble::LogUnconfirmed { witness: Some(witness), refuses: false } => (
            Text::new(
                format!("The witness {witness} confirms the log of releases no more"),
                format!("Der Zeuge {witness} bestätigt das Protokoll der Veröffentlichungen nicht mehr"),
            ),
            Text::new(
                "Releases go on, and later runs ask it again; it then confirms all at once. Until then it does not vouch that all see the \
                 same log, and whoever demands its signature finds it missing. 'key list' says why; ask its operator.",
                "Veröffentlicht wird weiter, und spätere Läufe fragen ihn wieder; dann bestätigt er alles auf einmal. Bis dahin bürgt er \
                 nicht dafür, dass alle dasselbe Protokoll sehen, und wer seine Signatur verlangt, vermisst sie. 'key list' sagt, warum; \
                 fragen Sie den Betreiber.",
            ),
            "fahrtenbuch key list".to_owned(),
        ),
        Trouble::LogUnconfirmed { witness: Some(witness), refuses: true } => (
            Text::new(
                format!("The witness {witness} refuses to confirm the log of releases"),
                format!("Der Zeuge {witness} weigert sich, das Protokoll der Veröffentlichungen zu bestätigen"),
            ),
            Text::new(
                "This does not go away by itself: it saw another history of the log, or does not know the log and its key. 'key list' says \
                 which; docs/keys.md says what to do. Readers may be shown two logs.",
                "Das vergeht nicht von selbst: Er sah eine andere Geschichte des Protokolls, oder er kennt Protokoll und Schlüssel nicht. \
                 'key list' sagt, was; docs/keys.md sagt, was zu tun ist. Vielleicht sehen Leser zweierlei Protokoll.",
            ),
            "fahrtenbuch key list".to_owned(),
        ),
        // The others have their words elsewhere.
        _ => (Text::new("", ""), Text::new("", ""), String::new()),
    }
}
