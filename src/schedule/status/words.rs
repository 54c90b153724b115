//! Numbers and states as people read them, in German and English.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::schedule::facts::JobKey;
use crate::schedule::status::data::{DateState, Status};
use crate::text::{Text, german_number, grouped};
use crate::time::ServiceDate;

/// `12 s`, `5 min`, `3 h`, `2 days`.
pub(super) fn length(span: SignedDuration) -> Text {
    let seconds = span.as_secs().max(0);
    match seconds {
        0..120 => same(format!("{seconds} s")),
        120..7_200 => same(format!("{} min", seconds / 60)),
        7_200..172_800 => same(format!("{} h", seconds / 3_600)),
        _ => Text::new(format!("{} days", seconds / 86_400), format!("{} Tage", seconds / 86_400)),
    }
}

/// How long ago something was.
pub(super) fn ago(at: Timestamp, now: Timestamp) -> Text {
    let length = length(now.duration_since(at));
    Text::new(format!("{} ago", length.en), format!("vor {}", length.de.replace("Tage", "Tagen")))
}

/// Bytes with three figures: `1.20 GB`; a thousand is the next unit.
pub(super) fn bytes(bytes: u64) -> Text {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 1_000 {
        return Text::new(format!("{bytes} bytes"), format!("{bytes} Byte"));
    }
    let mut size = bytes as f64 / 1_000.0;
    let mut place = 0;
    while size >= 999.5 && place + 1 < UNITS.len() {
        size /= 1_000.0;
        place += 1;
    }
    let places = if size < 9.995 { 2 } else { usize::from(size < 99.95) };
    let text = format!("{size:.places$} {}", UNITS[place]);
    Text::new(text.clone(), german_number(&text))
}

pub(super) fn same(text: String) -> Text {
    Text { en: text.clone(), de: text }
}

/// A time by the clock of a zone, as both languages write it: `2026-11-27 06:00`, `27.11.2026, 06:00`.
pub(super) fn local(at: Timestamp, zone: &TimeZone) -> Text {
    let at = zone.to_datetime(at);
    Text::new(at.strftime("%Y-%m-%d %H:%M").to_string(), at.strftime("%d.%m.%Y, %H:%M").to_string())
}

/// A date, as both languages write it: `2026-11-27`, `27.11.2026`.
pub(super) fn day(date: ServiceDate) -> Text {
    Text::new(date.to_string(), date.0.strftime("%d.%m.%Y").to_string())
}

/// A number with its thousands set apart.
pub(super) fn number(number: u64) -> Text {
    grouped(number)
}

/// What a job is called.
pub(super) fn job(key: &JobKey) -> Text {
    match key.date {
        Some(date) => Text::new(format!("{} {date}", key.pipeline), format!("{} vom {}", key.pipeline, day(date).de)),
        None => Text::new(key.to_string(), format!("{}: Abruf seiner Quellen", key.pipeline)),
    }
}

/// Why a job is due, by the word that `plan --json` has for it.
pub(super) fn why(name: &str, said: &str) -> Text {
    let de = match name {
        "over" => "der Tag ist vorbei und nicht veröffentlicht",
        "captured" => "ein Fahrplan ist erfasst und nicht veröffentlicht",
        "provisional" => "es gibt neue Belege des laufenden Tages, für eine vorläufige Veröffentlichung",
        "late" => "nach dem Lauf können Belege dazugekommen sein",
        "again" => "der Lauf ist gescheitert und wird wiederholt",
        "mended" => {
            "der letzte Versuch hat nichts veröffentlicht, und seither wurden Konfiguration, Contracts oder Entscheidungen geändert"
        }
        "new_evidence" => "der letzte Versuch hat nichts veröffentlicht, und seither sind neue Belege da",
        "missing" => "der Tag war veröffentlicht und ist nicht im Bucket",
        "asking" => "kein Erfasser fragt seine Quellen",
        other => other,
    };
    Text::new(said, de)
}

/// Since when a job is due. Of sources that nobody asks nobody knows since when: what is known is the time of the schedule that has passed.
pub(super) fn due_since(name: &str, at: &Text) -> Text {
    match name {
        "asking" => {
            Text::new(format!("its schedule's time was {}", at.en), format!("nach dem Zeitplan dran: {}", at.de))
        }
        _ => Text::new(format!("since {}", at.en), format!("seit {}", at.de)),
    }
}

/// Why a job is to be begun later: then it is what it is not yet.
pub(super) fn why_later(name: &str, said: &str) -> Text {
    match name {
        "over" => Text::new("the release of the whole date", "die Veröffentlichung des ganzen Tages"),
        name => why(name, said),
    }
}

pub(super) fn state(state: DateState) -> Text {
    let (en, de) = match state {
        DateState::Published => ("published", "veröffentlicht"),
        DateState::Provisional => ("published provisionally", "vorläufig veröffentlicht"),
        DateState::Running => ("running", "läuft"),
        DateState::HeldBack => ("held back", "zurückgehalten"),
        DateState::Failed => ("failed", "gescheitert"),
        DateState::Again => ("failed, is tried again", "gescheitert, wird wiederholt"),
        DateState::Due => ("due", "fällig"),
        DateState::Waiting => ("its time has not come", "noch nicht an der Reihe"),
        DateState::TooOld => ("too old, never published", "zu alt, nie veröffentlicht"),
        DateState::Nothing => ("no evidence", "keine Belege"),
    };
    Text::new(en, de)
}

/// The status in one sentence.
pub(super) fn verdict(status: &Status) -> Text {
    if let [first, rest @ ..] = status.needs.as_slice() {
        let count = rest.len() + 1;
        return match rest {
            [] => Text::new(
                format!("1 thing needs you: {}.", first.what.en),
                format!("Um 1 Sache müssen Sie sich kümmern: {}.", first.what.de),
            ),
            _ => Text::new(
                format!("{count} things need you: {}; …", first.what.en),
                format!("Um {count} Dinge müssen Sie sich kümmern: {}; …", first.what.de),
            ),
        };
    }
    let (mut en, mut de) = (Vec::new(), Vec::new());
    let newest = status.pipelines.iter().filter_map(|pipeline| pipeline.newest).max_by_key(|newest| newest.date);
    if let Some(newest) = newest {
        en.push(format!("the newest release is of {}", newest.date));
        de.push(format!("die neueste Veröffentlichung ist vom {}", day(newest.date).de));
    }
    if let Some(body) = status.sources.iter().filter_map(|source| source.newest_body).max() {
        let ago = ago(body, status.now);
        en.push(format!("the newest body came {}", ago.en));
        de.push(format!("die neueste Antwort kam {}", ago.de));
    }
    if let Some(next) = status.next.first() {
        let at = local(next.at, &status.zone);
        en.push(format!("next is {} at {}", next.key, at.en));
        de.push(format!("als Nächstes kommt {} am {} Uhr", job(&next.key).de, at.de.replace(", ", " um ")));
    }
    if !status.pipelines.is_empty() && !status.pipelines.iter().any(|pipeline| pipeline.is_scheduled) {
        en.push("no pipeline has a 'schedule', so runs are begun by hand".to_owned());
        de.push("keine Pipeline hat einen Zeitplan ('schedule'), Läufe werden also von Hand begonnen".to_owned());
    }
    let (en, de) = (en.join(", "), de.join(", "));
    let of = |head: (&str, &str)| match en.is_empty() {
        true => Text::new(format!("{}.", head.0), format!("{}.", head.1)),
        false => Text::new(format!("{}: {en}.", head.0), format!("{}: {de}.", head.1)),
    };
    match (is_nothing_yet(status), has_evidence(status)) {
        (false, _) => of(("All is well", "Alles in Ordnung")),
        (true, true) => of(("Nothing is published yet", "Noch ist nichts veröffentlicht")),
        (true, false) => of((
            "There is nothing yet, no evidence and no release",
            "Noch gibt es nichts, weder Belege noch Veröffentlichungen",
        )),
    }
}

fn has_evidence(status: &Status) -> bool {
    status.sources.iter().any(|source| source.newest_body.is_some())
}

/// Nothing needs anybody, and nothing was published, or even asked: whether it is well is not known yet.
pub(super) fn is_nothing_yet(status: &Status) -> bool {
    let is_published = status.pipelines.iter().any(|pipeline| pipeline.newest.is_some());
    let is_scheduled = status.pipelines.iter().any(|pipeline| pipeline.is_scheduled);
    status.needs.is_empty() && !is_published && (is_scheduled || !has_evidence(status))
}
