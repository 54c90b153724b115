use std::collections::BTreeSet;
use std::path::Path;

use super::*;
use crate::notify::cause::{Cause, KINDS, RunFailure, Trouble};
use crate::time::ServiceDate;
use crate::yaml::{self, Problems};

pub(crate) fn settings(language: &str) -> Settings {
    let text = format!(
        "title: Offene Mobilitätsdaten Offenburg\ntime_zone: Europe/Berlin\nnotify: {{language: {language}, channels: [\
         {{name: mail, type: teams, url: 'https://a.example/x'}}]}}\n"
    );
    let file = Path::new("fahrtenbuch.yaml");
    Settings::read(&yaml::parse(file, &text).unwrap(), &mut Problems::new(file))
}

pub(crate) fn now() -> Timestamp {
    "2026-11-27T12:00:00Z".parse().unwrap()
}

/// One cause of each kind.
pub(crate) fn every_trouble() -> Vec<Trouble> {
    let date = |text: &str| text.parse::<ServiceDate>().unwrap();
    let dates = |texts: &[&str]| texts.iter().map(|text| date(text)).collect::<BTreeSet<_>>();
    let (source, pipeline, dataset) =
        ("stadtbus-vp".to_owned(), "stadtbus-telemetrie".to_owned(), "telemetrie".to_owned());
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    vec![
        Trouble::SourceSilent { source: source.clone(), last_body: Some(at("2026-11-24T13:05:00Z")) },
        Trouble::SourceFrozen { source: source.clone() },
        Trouble::SourceShrinking { source: source.clone(), rows: 1_204, usual_rows: 1_234_567 },
        Trouble::RunFailed {
            pipeline: pipeline.clone(),
            dates: dates(&["2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23", "2026-11-24"]),
            failure: RunFailure::Permanent,
        },
        Trouble::RunHeldBack {
            pipeline: pipeline.clone(),
            dataset: dataset.clone(),
            dates: dates(&["2026-11-24"]),
            rules: Vec::new(),
        },
        Trouble::ChoreFailed { chore: "purge".to_owned(), failure: RunFailure::Permanent },
        Trouble::DiskFilling {
            place: "private".to_owned(),
            free_bytes: 12_345_678_901,
            full_at: Some(at("2026-12-24T17:00:00Z")),
        },
        Trouble::BackupOld { last: None },
        Trouble::KeyExpiring { dataset: dataset.clone(), dates: dates(&["2025-10-28"]), on: date("2026-11-29") },
        Trouble::EvidenceExpiring {
            source,
            pipeline,
            dates: dates(&["2025-10-28", "2025-10-29"]),
            on: date("2026-11-29"),
        },
        Trouble::QuarantineUndecided { dataset: dataset.clone(), rows: 81, oldest: date("2026-11-01") },
        Trouble::TimetableEnding { pipeline: "stadtbus-fahrplan".to_owned(), last_day: date("2026-12-12") },
        Trouble::RuleFailed {
            dataset: dataset.clone(),
            rule: "vehicle_locations.speed".to_owned(),
            date: date("2026-11-24"),
            findings: 17,
        },
        Trouble::ScoreFell { dataset, date: date("2026-11-24"), before: 98, now: 71 },
        Trouble::CollectorDown,
        Trouble::SchedulerDown,
        Trouble::PrivateStoreLost,
        Trouble::ClockBehind { now: at("2026-01-01T00:00:00Z"), newest: at("2026-11-24T13:05:00Z") },
        Trouble::BucketUnreadable { dataset: "telemetrie".to_owned() },
        Trouble::ConfigurationWrong { mistakes: 1, file: "pipelines/stadtbus-fahrplan.yaml".to_owned(), line: 12 },
        Trouble::EvidenceUnreadable {
            pipeline: "stadtbus-telemetrie".to_owned(),
            problem: "/srv/private/evidence/stadtbus-vp: Permission denied".to_owned(),
        },
        Trouble::FilesMissing {
            dataset: "telemetrie".to_owned(),
            dates: dates(&["2026-11-23", "2026-11-24"]),
            months: Default::default(),
        },
        Trouble::RunHangs { job: "stadtbus-telemetrie".to_owned(), date: Some(date("2026-11-24")) },
        Trouble::SourceClock { source: "stadtbus-vp".to_owned(), seconds: -900 },
        Trouble::LogUnconfirmed { witness: Some("zeuge.example".to_owned()), refuses: false },
    ]
}

pub(crate) fn notice(trouble: Trouble, kind: Kind) -> Notice {
    let cause = Cause { trouble, since: "2026-11-24T13:05:00Z".parse().unwrap() };
    Notice {
        key: cause.key(),
        kind,
        is_urgent: cause.is_urgent(now()) && kind == Kind::New,
        first_told: (kind != Kind::New).then(|| "2026-11-24T14:00:00Z".parse().unwrap()),
        cause: (kind != Kind::Mended).then_some(cause),
        number: 0,
    }
}

fn message(notices: Vec<Notice>) -> Message {
    Message { channel: "mail".to_owned(), notices }
}

#[test]
fn every_cause_is_told_in_both_languages_and_so_is_its_end() {
    let troubles = every_trouble();
    assert_eq!(troubles.len(), KINDS.len());
    for language in ["de", "en"] {
        let settings = settings(language);
        let mut all = String::new();
        for kind in [Kind::New, Kind::Mended] {
            for trouble in every_trouble() {
                let outgoing = write(&message(vec![notice(trouble, kind)]), &settings, now());
                assert!(outgoing.subject.chars().count() < 200 && !outgoing.subject.contains('\n'));
                all += &format!("{}\n  {}\n", outgoing.subject, outgoing.body().trim_end().replace('\n', "\n  "));
            }
        }
        insta::assert_snapshot!(format!("every_cause_{language}"), all.replace("  \n", "\n"));
    }
}

#[test]
fn what_has_more_than_one_form_is_told_as_it_is() {
    let zone = settings("de").zone;
    let of = |trouble| said(&Cause { trouble, since: now() }, &zone);
    let run = |dates: &[&str], failure| {
        let dates = dates.iter().map(|date| date.parse().unwrap()).collect();
        of(Trouble::RunFailed { pipeline: "bus".to_owned(), dates, failure })
    };
    let one = run(&["2026-11-24"], RunFailure::Killed);
    assert_eq!(one.what.en, "The run of bus failed for 24 November 2026: it was killed");
    assert_eq!(one.command, "fahrtenbuch run bus --date 2026-11-24");
    let lost = run(&["2026-11-24"], RunFailure::Lost);
    assert_eq!(
        lost.what.de,
        "bus war für den 24.11.2026 veröffentlicht, ist aber nicht mehr im Bucket, und die Belege sind fort"
    );
    let asked = run(&[], RunFailure::Transient);
    assert_eq!(asked.what.de, "Die Quellen von bus ließen sich nicht abfragen: es wird weiter versucht");
    assert_eq!(asked.command, "fahrtenbuch capture bus");
    assert_eq!(run(&["2026-11-24"], RunFailure::Usage).command, "fahrtenbuch check");
    let backup = of(Trouble::ChoreFailed { chore: "backup".to_owned(), failure: RunFailure::Usage });
    assert_eq!(backup.command, "fahrtenbuch backup");
    let disk = |place: &str| of(Trouble::DiskFilling { place: place.to_owned(), free_bytes: 0, full_at: None });
    assert_eq!(disk("bucket").what.de, "Der Datenträger des Buckets läuft voll: 0,0 GB frei");
    assert!(disk("spool").what.en.contains("than 'limits: spool' allows"));
    let bucket = of(Trouble::BucketUnreadable { dataset: String::new() });
    assert_eq!(bucket.what.en, "The bucket cannot be read");
    let missing = |dates: &[&str], months: &[&str]| {
        let dates = dates.iter().map(|date| date.parse().unwrap()).collect();
        let months = months.iter().map(|month| month.parse().unwrap()).collect();
        of(Trouble::FilesMissing { dataset: "bus".to_owned(), dates, months })
    };
    let months = missing(&[], &["2026-09", "2026-10"]);
    assert_eq!(
        (months.what.de.as_str(), months.command.as_str()),
        (
            "Die Dateien vergangener Monate von bus sind nicht mehr im Bucket, für 2026-10, 2026-09",
            "fahrtenbuch compact"
        )
    );
    let both = missing(&["2026-11-24"], &["2026-10"]);
    assert_eq!(
        both.what.en,
        "Published files of bus are not in the bucket any more, for 24 November 2026, and months' files for 2026-10"
    );
}

#[test]
fn many_causes_are_one_message_of_bounded_length() {
    let settings = settings("de");
    let silent = |number: usize| Trouble::SourceSilent { source: format!("s{number}"), last_body: None };
    let notices = (0..1_000).map(|number| notice(silent(number), Kind::New)).collect();
    let outgoing = write(&message(notices), &settings, now());
    assert_eq!(
        outgoing.subject,
        "Offene Mobilitätsdaten Offenburg: Die Quelle s0 liefert keine Daten: sie hat noch nie etwas geliefert (und 999 weitere Meldungen)"
    );
    assert_eq!(outgoing.parts.len(), 20);
    assert!(
        outgoing.body().contains("Und 980 weitere, die 'fahrtenbuch status' nennt.") && outgoing.body().len() < 12_000
    );
}

#[test]
fn the_same_message_has_the_same_id_and_another_one_another() {
    let settings = settings("de");
    let of = |kind, number, at: Timestamp| {
        let notice = Notice { number, ..notice(Trouble::CollectorDown, kind) };
        write(&message(vec![notice]), &settings, at).id
    };
    let later = "2026-11-28T12:00:00Z".parse().unwrap();
    assert_eq!(of(Kind::New, 0, now()), of(Kind::New, 0, later));
    let ids: BTreeSet<String> =
        [(Kind::New, 0), (Kind::Reminder, 1), (Kind::Reminder, 2), (Kind::Mended, 3), (Kind::New, 4)]
            .map(|(kind, number)| of(kind, number, now()))
            .into();
    assert_eq!(ids.len(), 5);
}

#[test]
fn a_subject_is_one_line_whatever_the_title_is() {
    let mut settings = settings("en");
    settings.city = "A\r\nBcc: x@example.de".to_owned() + &"ä".repeat(500);
    let outgoing = test("mail", &settings, now());
    assert!(!outgoing.subject.contains(char::is_control) && outgoing.subject.ends_with(": test message"));
}
