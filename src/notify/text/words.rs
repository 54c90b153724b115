//! The words for each cause: what, what is lost if nothing happens, the command, and that it is mended.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::notify::cause::{Cause, RunFailure, Trouble};
use crate::notify::text::disturbed;
use crate::text::{Text, days, grouped};
use crate::time::ServiceDate;

/// Dates of a list that are written out.
const WRITTEN: usize = 3;

/// What is said of a cause that is there.
pub(super) struct Words {
    /// A sentence without its full stop, of which subjects are made.
    pub title: Text,
    /// What is lost if nothing happens.
    pub loss: Text,
    /// What to type.
    pub command: String,
}

impl Words {
    fn new(title: Text, loss: Text, command: impl Into<String>) -> Self {
        Self { title, loss, command: command.into() }
    }
}

/// An instant by the clock of the zone: `24.11.2026, 14:05 Uhr` and `24 November 2026, 14:05`.
pub(super) fn instant(at: Timestamp, zone: &TimeZone) -> Text {
    let clock = zone.to_datetime(at);
    let form = |form: &str| clock.strftime(form).to_string();
    Text::new(form("%-d %B %Y, %H:%M"), form("%d.%m.%Y, %H:%M Uhr"))
}

fn date(date: ServiceDate) -> Text {
    let form = |form: &str| date.0.strftime(form).to_string();
    Text::new(form("%-d %B %Y"), form("%d.%m.%Y"))
}

/// The newest dates, and how many more there are, in German as they stand behind 'für'. Runs of a timetable have none.
fn dates(dates: &BTreeSet<ServiceDate>) -> Text {
    if dates.is_empty() {
        return Text::new("the newest data", "die neuesten Daten");
    }
    let newest = dates.iter().rev().take(WRITTEN).map(|one| date(*one));
    days(newest.collect(), dates.len().saturating_sub(WRITTEN))
}

/// `12.3 GB`.
fn size(bytes: u64) -> Text {
    let gigabytes = format!("{}.{} GB", bytes / 1_000_000_000, bytes / 100_000_000 % 10);
    Text::new(gigabytes.clone(), crate::text::german_number(&gigabytes))
}

/// What lies on a disk: `of …` in English, the genitive in German.
pub(super) fn place_name(place: &str) -> Text {
    match place {
        "private" => Text::new("the private store", "der privaten Ablage"),
        "bucket" => Text::new("the bucket", "des Buckets"),
        place => Text::new(format!("'{place}'"), format!("von '{place}'")),
    }
}

/// The words for a cause.
pub(super) fn words(cause: &Cause, zone: &TimeZone) -> Words {
    match &cause.trouble {
        Trouble::SourceSilent { .. } | Trouble::SourceFrozen { .. } | Trouble::SourceShrinking { .. } => {
            of_source(&cause.trouble, zone)
        }
        Trouble::RunFailed { pipeline, dates: of, failure } => run_failed(pipeline, of, *failure),
        Trouble::ChoreFailed { chore, failure } => chore_failed(chore, *failure),
        Trouble::RunHeldBack { pipeline, dataset, dates: of, rules } => {
            let newest = of.last().map_or_else(String::new, |date| format!(" --from {date} --to {date}"));
            let of = dates(of);
            let by = if rules.is_empty() { String::new() } else { format!(" ({})", rules.join(", ")) };
            Words::new(
                Text::new(
                    format!("{pipeline} is not published for {}: held back by quality{by}", of.en),
                    format!("{pipeline} ist nicht veröffentlicht für {}: wegen der Qualität{by} zurückgehalten", of.de),
                ),
                Text::new(
                    "Whoever uses the data misses these days until the data is mended (other evidence) or the rule is (its limit, or its \
                     'onFail'); the next look takes that up.",
                    "Wer die Daten nutzt, dem fehlen diese Tage, bis die Daten stimmen (andere Belege) oder die Regel (ihre Grenze, ihr \
                     'onFail'); beides wird von selbst aufgegriffen.",
                ),
                format!("fahrtenbuch quality report {dataset}{newest}"),
            )
        }
        Trouble::RuleFailed { .. } | Trouble::ScoreFell { .. } | Trouble::QuarantineUndecided { .. } => {
            of_quality(&cause.trouble)
        }
        Trouble::KeyExpiring { dataset, dates: of, on } => key_expiring(dataset, of, *on),
        Trouble::EvidenceExpiring { source, pipeline, dates: of, on } => evidence_expiring(source, pipeline, of, *on),
        Trouble::TimetableEnding { pipeline, last_day } => {
            let last = date(*last_day);
            Words::new(
                Text::new(
                    format!("The timetable {pipeline} ends on {}, and there is no newer one", last.en),
                    format!("Der Fahrplan {pipeline} endet am {}, und es gibt keinen neueren", last.de),
                ),
                Text::new(
                    "After that day no trip is planned: what vehicles report belongs to nothing, and trips cannot be compared.",
                    "Danach ist keine Fahrt geplant: Meldungen von Fahrzeugen gehören zu nichts, Fahrten sind nicht vergleichbar.",
                ),
                format!("fahrtenbuch run {pipeline}"),
            )
        }
        Trouble::EvidenceUnreadable { .. }
        | Trouble::FilesMissing { .. }
        | Trouble::RunHangs { .. }
        | Trouble::SourceClock { .. }
        | Trouble::LogUnconfirmed { .. } => {
            let of = match &cause.trouble {
                Trouble::FilesMissing { dates: of, .. } if !of.is_empty() => dates(of),
                Trouble::RunHangs { date: Some(of), .. } => days(vec![date(*of)], 0),
                _ => Text::new("", ""),
            };
            let (title, loss, command) = disturbed::words(&cause.trouble, &of);
            Words::new(title, loss, command)
        }
        _ => of_machine(&cause.trouble, zone),
    }
}

fn of_source(trouble: &Trouble, zone: &TimeZone) -> Words {
    match trouble {
        Trouble::SourceSilent { source, last_body } => {
            let last = last_body.map(|at| instant(at, zone));
            let last = last.map_or_else(
                || Text::new("it never gave anything", "sie hat noch nie etwas geliefert"),
                |at| Text::new(format!("the last data came on {}", at.en), format!("letzte Daten am {}", at.de)),
            );
            Words::new(
                Text::new(
                    format!("The source {source} gives no data: {}", last.en),
                    format!("Die Quelle {source} liefert keine Daten: {}", last.de),
                ),
                Text::new(
                    "What it does not give now is missing for ever; nobody else keeps it.",
                    "Was sie jetzt nicht liefert, fehlt für immer; niemand sonst bewahrt es auf.",
                ),
                format!("fahrtenbuch evidence gaps {source}"),
            )
        }
        Trouble::SourceShrinking { source, rows, usual_rows } => {
            let (rows, usual) = (grouped(*rows), grouped(*usual_rows));
            Words::new(
                Text::new(
                    format!("The source {source} gives {} rows, usually it is {}", rows.en, usual.en),
                    format!("Die Quelle {source} liefert {} Zeilen, üblich sind {}", rows.de, usual.de),
                ),
                Text::new(
                    "Vehicles, trips or stops may be missing from what is published, and nobody sees it there.",
                    "In den veröffentlichten Daten können Fahrzeuge, Fahrten oder Halte fehlen, ohne dass es dort auffällt.",
                ),
                format!("fahrtenbuch evidence gaps {source}"),
            )
        }
        other => {
            let source = match other {
                Trouble::SourceFrozen { source } => source.as_str(),
                _ => "",
            };
            Words::new(
                Text::new(
                    format!("The source {source} is frozen: it gives the same again and again"),
                    format!("Die Quelle {source} ist eingefroren: sie liefert immer wieder dasselbe"),
                ),
                Text::new(
                    "Where the vehicles really are is not recorded, and cannot be found out later.",
                    "Wo die Fahrzeuge wirklich sind, wird nicht aufgezeichnet und lässt sich später nicht feststellen.",
                ),
                format!("fahrtenbuch evidence gaps {source}"),
            )
        }
    }
}

/// The command that runs the dates from the first to the last of some; none without a date.
pub(crate) fn run_of(pipeline: &str, dates: &BTreeSet<ServiceDate>) -> Option<String> {
    let (first, last) = (dates.first()?, dates.last()?);
    Some(match first == last {
        true => format!("fahrtenbuch run {pipeline} --date {first}"),
        false => format!("fahrtenbuch run {pipeline} --from {first} --to {last}"),
    })
}

fn run_failed(pipeline: &str, of: &BTreeSet<ServiceDate>, failure: RunFailure) -> Words {
    let (days, how) = (dates(of), how(failure));
    let command = match failure {
        RunFailure::Usage => "fahrtenbuch check".to_owned(),
        _ => run_of(pipeline, of).unwrap_or_else(|| format!("fahrtenbuch capture {pipeline}")),
    };
    if of.is_empty() {
        return Words::new(
            Text::new(
                format!("Asking the sources of {pipeline} failed: {}", how.en),
                format!("Die Quellen von {pipeline} ließen sich nicht abfragen: {}", how.de),
            ),
            Text::new(
                "What they give now is missing for ever; nobody else keeps it.",
                "Was sie jetzt liefern, fehlt für immer; niemand sonst bewahrt es auf.",
            ),
            command,
        );
    }
    if matches!(failure, RunFailure::Missing | RunFailure::Lost) {
        return Words::new(
            Text::new(
                format!("{pipeline} was published for {}, and {}", days.en, how.en),
                format!("{pipeline} war für {} veröffentlicht, {}", days.de, how.de),
            ),
            Text::new(
                "Who uses the data misses these days; see who empties the bucket, and bring them back from a copy of it.",
                "Wer die Daten nutzt, dem fehlen diese Tage; sehen Sie nach, wer den Bucket leert, und holen Sie sie aus einer Kopie.",
            ),
            if failure == RunFailure::Lost { "fahrtenbuch status".to_owned() } else { command },
        );
    }
    Words::new(
        Text::new(
            format!("The run of {pipeline} failed for {}: {}", days.en, how.en),
            format!("Der Lauf von {pipeline} für {} ist gescheitert: {}", days.de, how.de),
        ),
        Text::new(
            "These days stay unpublished. The evidence is kept, so they can be published until it expires.",
            "Diese Tage bleiben unveröffentlicht. Die Belege sind da; bis sie ablaufen, lässt sich alles nachholen.",
        ),
        command,
    )
}

/// How something failed, as the end of a sentence.
fn how(failure: RunFailure) -> Text {
    match failure {
        RunFailure::Transient => Text::new("it is tried again", "es wird weiter versucht"),
        RunFailure::Permanent => Text::new("trying again does not help", "erneut versuchen hilft nicht"),
        RunFailure::Usage => Text::new("the configuration has a mistake", "die Konfiguration hat einen Fehler"),
        RunFailure::Killed => Text::new("it was killed", "der Prozess wurde abgebrochen"),
        RunFailure::Missing => Text::new("is not in the bucket any more", "ist aber nicht mehr im Bucket"),
        RunFailure::Lost => Text::new(
            "is not in the bucket any more, and its evidence is gone",
            "ist aber nicht mehr im Bucket, und die Belege sind fort",
        ),
    }
}

fn chore_failed(chore: &str, failure: RunFailure) -> Words {
    let how = how(failure);
    let (loss, command) = match chore {
        "backup" => (
            Text::new(
                "If the disk breaks, evidence, keys and decisions since the last backup are lost for ever.",
                "Geht der Datenträger kaputt, sind Belege, Schlüssel und Entscheidungen seit der letzten Sicherung für immer verloren.",
            ),
            "fahrtenbuch backup".to_owned(),
        ),
        "purge" => (
            Text::new(
                "Personal data is kept for longer than 'retention' allows.",
                "Personenbezogene Daten bleiben länger gespeichert, als 'retention' erlaubt.",
            ),
            "fahrtenbuch evidence purge".to_owned(),
        ),
        "compact" => (
            Text::new(
                "Questions over years ask for a file of each day; what is published is right.",
                "Fragen über Jahre brauchen für jeden Tag eine Datei; was veröffentlicht ist, stimmt.",
            ),
            "fahrtenbuch compact".to_owned(),
        ),
        "gc" => (
            Text::new(
                "Superseded files are kept for longer than 'retention' says.",
                "Ersetzte Dateien bleiben länger liegen, als 'retention' sagt.",
            ),
            "fahrtenbuch gc".to_owned(),
        ),
        chore => {
            (Text::new("What it does is not done.", "Was sie tut, geschieht nicht."), format!("fahrtenbuch {chore}"))
        }
    };
    let title = Text::new(
        format!("The daily job '{chore}' failed: {}", how.en),
        format!("Die tägliche Arbeit '{chore}' ist gescheitert: {}", how.de),
    );
    Words::new(title, loss, command)
}

fn of_quality(trouble: &Trouble) -> Words {
    match trouble {
        Trouble::RuleFailed { dataset, rule, date: on, findings } => {
            let (on, findings) = (date(*on), grouped(*findings));
            Words::new(
                Text::new(
                    format!("The rule {rule} of {dataset} fails since {}: {} findings", on.en, findings.en),
                    format!("Die Regel {rule} von {dataset} schlägt seit {} an: {} Funde", on.de, findings.de),
                ),
                Text::new(
                    "The mistake goes on into every day that is published.",
                    "Der Fehler geht in jeden weiteren Tag ein, der veröffentlicht wird.",
                ),
                format!("fahrtenbuch quality report {dataset}"),
            )
        }
        Trouble::ScoreFell { dataset, date: on, before, now } => {
            let on = date(*on);
            Words::new(
                Text::new(
                    format!("The quality of {dataset} fell from {before} to {now} points on {}", on.en),
                    format!("Die Qualität von {dataset} fiel am {} von {before} auf {now} Punkte", on.de),
                ),
                Text::new(
                    "Whoever uses the data gets worse data, and everybody can see the score.",
                    "Wer die Daten nutzt, bekommt schlechtere, und die Punktzahl ist öffentlich.",
                ),
                format!("fahrtenbuch quality report {dataset}"),
            )
        }
        other => {
            let (dataset, rows, oldest) = match other {
                Trouble::QuarantineUndecided { dataset, rows, oldest } => (dataset.as_str(), *rows, date(*oldest)),
                _ => ("", 0, Text::new("", "")),
            };
            let rows = grouped(rows);
            Words::new(
                Text::new(
                    format!(
                        "{} rows of {dataset} wait in quarantine for a decision, the oldest of {}",
                        rows.en, oldest.en
                    ),
                    format!(
                        "{} Zeilen von {dataset} warten in der Quarantäne auf eine Entscheidung, die ältesten vom {}",
                        rows.de, oldest.de
                    ),
                ),
                Text::new(
                    "They are missing from what is published, and are destroyed when their evidence expires.",
                    "Sie fehlen in den veröffentlichten Daten und werden mit ihren Belegen vernichtet, wenn diese ablaufen.",
                ),
                format!("fahrtenbuch quarantine list {dataset}"),
            )
        }
    }
}

fn key_expiring(dataset: &str, of: &BTreeSet<ServiceDate>, on: ServiceDate) -> Words {
    let what = Text::new(
        format!("Rows of {dataset} wait for a decision: their keys"),
        format!("Zeilen von {dataset} warten auf eine Entscheidung: ihre Schlüssel"),
    );
    expiring(&what, of, on, format!("fahrtenbuch quarantine list {dataset}"))
}

fn evidence_expiring(source: &str, pipeline: &str, of: &BTreeSet<ServiceDate>, on: ServiceDate) -> Words {
    let what = Text::new(
        format!("{pipeline} is not published: the evidence of {source}"),
        format!("{pipeline} ist nicht veröffentlicht: die Belege von {source}"),
    );
    let command = run_of(pipeline, of).unwrap_or_else(|| format!("fahrtenbuch run {pipeline}"));
    expiring(&what, of, on, command)
}

/// What retention will destroy, `what` of some dates.
fn expiring(what: &Text, of: &BTreeSet<ServiceDate>, on: ServiceDate, command: String) -> Words {
    let (of, on) = (dates(of), date(on));
    Words::new(
        Text::new(
            format!("{} for {} will be destroyed on {}", what.en, of.en, on.en),
            format!("{} für {} werden am {} vernichtet", what.de, of.de, on.de),
        ),
        Text::new(
            "After that these days can never be published or corrected again.",
            "Danach lassen sich diese Tage nie mehr veröffentlichen oder berichtigen.",
        ),
        command,
    )
}

fn disk_filling(place: &str, free_bytes: u64, full_at: Option<Text>) -> Words {
    let free = size(free_bytes);
    let full = full_at.map_or_else(
        || Text::new(String::new(), String::new()),
        |at| Text::new(format!(", full on {}", at.en), format!(", voll am {}", at.de)),
    );
    let what = match place {
        "spool" => Text::new(
            "More evidence waits to be kept elsewhere than 'limits: spool' allows",
            "Es warten mehr Belege auf ihren Ort anderswo, als 'limits: spool' erlaubt",
        ),
        place => {
            let place = place_name(place);
            Text::new(
                format!("The disk of {} is filling", place.en),
                format!("Der Datenträger {} läuft voll", place.de),
            )
        }
    };
    // Sealed evidence takes a quarter; of the bucket only files that nobody names could go.
    let command = if place == "bucket" { "fahrtenbuch status" } else { "fahrtenbuch evidence seal" };
    Words::new(
        Text::new(
            format!("{}: {} free{}", what.en, free.en, full.en),
            format!("{}: {} frei{}", what.de, free.de, full.de),
        ),
        Text::new(
            "When the disk is full nothing is recorded and nothing is published any more.",
            "Ist der Datenträger voll, wird nichts mehr aufgezeichnet und nichts mehr veröffentlicht.",
        ),
        command,
    )
}

fn bucket_unreadable(dataset: &str) -> Words {
    let of = if dataset.is_empty() {
        Text::new("The bucket cannot be read", "Der Bucket ist nicht lesbar")
    } else {
        Text::new(
            format!("What the bucket has of {dataset} cannot be read"),
            format!("Was der Bucket von {dataset} hat, ist nicht lesbar"),
        )
    };
    Words::new(
        of,
        Text::new(
            "Nothing of it is published any more, and whether something is missing is not known.",
            "Davon wird nichts mehr veröffentlicht, und ob etwas fehlt, ist nicht bekannt.",
        ),
        "fahrtenbuch watch --once",
    )
}

fn of_machine(trouble: &Trouble, zone: &TimeZone) -> Words {
    match trouble {
        Trouble::DiskFilling { place, free_bytes, full_at } => {
            disk_filling(place, *free_bytes, full_at.map(|at| instant(at, zone)))
        }
        Trouble::BackupOld { last } => {
            let last = last.map(|at| instant(at, zone));
            Words::new(
                last.map_or_else(
                    || Text::new("There is no backup", "Es gibt keine Sicherung"),
                    |at| {
                        let en = format!("The last backup is of {}", at.en);
                        Text::new(en, format!("Die letzte Sicherung ist vom {}", at.de))
                    },
                ),
                Text::new(
                    "If the disk breaks, evidence, keys and decisions since then are lost for ever.",
                    "Geht der Datenträger kaputt, sind Belege, Schlüssel und Entscheidungen seitdem für immer verloren.",
                ),
                "fahrtenbuch backup",
            )
        }
        Trouble::CollectorDown => Words::new(
            Text::new(
                "The collector does not run: no source is asked",
                "Der Erfasser läuft nicht: keine Quelle wird gefragt",
            ),
            Text::new(
                "What the sources give now is missing for ever; nobody else keeps it.",
                "Was die Quellen jetzt liefern, fehlt für immer; niemand sonst bewahrt es auf.",
            ),
            "fahrtenbuch up",
        ),
        Trouble::SchedulerDown => Words::new(
            Text::new(
                "The scheduler does not run: nothing is published",
                "Der Planer läuft nicht: nichts wird veröffentlicht",
            ),
            Text::new(
                "Days stay unpublished. The evidence is kept, and the scheduler catches up when it runs.",
                "Tage bleiben unveröffentlicht. Die Belege sind da; der Planer holt alles nach, sobald er läuft.",
            ),
            "fahrtenbuch up",
        ),
        Trouble::BucketUnreadable { dataset } => bucket_unreadable(dataset),
        Trouble::ConfigurationWrong { mistakes, file, line } => configuration_wrong(*mistakes, file, *line),
        Trouble::ClockBehind { now, newest } => clock_behind(&instant(*now, zone), &instant(*newest, zone)),
        _ => Words::new(
            Text::new(
                "The private store is not there or is another one: evidence, keys and decisions are missing",
                "Die private Ablage ist nicht da oder eine andere: Belege, Schlüssel und Entscheidungen fehlen",
            ),
            Text::new(
                "Nothing is recorded and nothing is published until it is back. New keys would tear pseudonyms apart.",
                "Bis sie wieder da ist, wird nichts aufgezeichnet und nichts veröffentlicht. Neue Schlüssel würden Pseudonyme zerreißen.",
            ),
            "fahrtenbuch restore",
        ),
    }
}

fn configuration_wrong(mistakes: usize, file: &str, line: u32) -> Words {
    let (line_en, line_de) = match line {
        0 => (String::new(), String::new()),
        line => (format!(", line {line}"), format!(", Zeile {line}")),
    };
    let title = match mistakes {
        0 | 1 => Text::new(
            format!("The configuration has a mistake ({file}{line_en})"),
            format!("Die Konfiguration hat einen Fehler ({file}{line_de})"),
        ),
        many => {
            let many = grouped(u64::try_from(many).unwrap_or(u64::MAX));
            Text::new(
                format!("The configuration has {} mistakes, the first in {file}{line_en}", many.en),
                format!("Die Konfiguration hat {} Fehler, den ersten in {file}{line_de}", many.de),
            )
        }
    };
    Words::new(
        title,
        Text::new(
            "No run begins and nothing is published until it is mended. What was known before of sources and times goes on being used; \
             what was not, is left out.",
            "Bis er behoben ist, beginnt kein Lauf, und nichts wird veröffentlicht. Was vorher über Quellen und Zeiten bekannt war, gilt \
             weiter; was nicht, fehlt.",
        ),
        "fahrtenbuch check",
    )
}

fn clock_behind(now: &Text, newest: &Text) -> Words {
    Words::new(
        Text::new(
            format!(
                "The clock of this machine is behind: it shows {}, and something was written on {}",
                now.en, newest.en
            ),
            format!(
                "Die Uhr der Maschine geht nach: sie zeigt {}, und etwas wurde am {} geschrieben",
                now.de, newest.de
            ),
        ),
        Text::new(
            "Nothing is published or backed up, and evidence gets wrong times, until it is set. If it is right, and was wrong then: \
             fahrtenbuch schedule --clock-is-right.",
            "Bis sie gestellt ist, wird nichts veröffentlicht oder gesichert, und Belege bekommen falsche Zeiten. Geht sie jetzt \
             richtig und ging damals falsch: fahrtenbuch schedule --clock-is-right.",
        ),
        "sudo timedatectl set-ntp true",
    )
}
