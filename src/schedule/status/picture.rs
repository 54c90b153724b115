//! The pictures of the page, as SVG: each part says in words what it is, and has a shape of its own beside its colour.

use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};

use crate::capture::coverage::{Class, Sign};
use crate::schedule::status::data::{DateState, DateStatus, Hour, SourceStatus, Status};
use crate::schedule::status::language::Language;
use crate::schedule::status::words::{bytes, day, local, number, state};
use crate::text::Text;

const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// Of a row of beats.
const HEIGHT: u32 = 24;
/// How far an hour that failed hangs down.
const FAILED: u32 = 17;
/// A date's mark has so much room, square.
pub(super) const MARK: u32 = 20;

/// Hours one behind the other that came to the same.
pub(super) struct Stretch {
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
    pub(super) sign: Option<Sign>,
    /// Of all beats in it, so many gave a good body or nothing new.
    pub(super) beats: u64,
    pub(super) good: u64,
    is_known: bool,
}

/// The stretches of a source's week.
pub(super) fn stretches(source: &SourceStatus, now: Timestamp) -> Vec<Stretch> {
    let sign = |hour: &Hour| (hour.counts.is_some(), hour.counts.as_ref().and_then(Sign::of));
    let runs = source.hours.chunk_by(|one, other| sign(one) == sign(other));
    let stretch = |run: &[Hour]| {
        let (first, last) = (run.first()?, run.last()?);
        let sum =
            |of: fn(&[u64; Class::ALL.len()]) -> u64| run.iter().filter_map(|hour| hour.counts.as_ref()).map(of).sum();
        let (is_known, sign) = sign(first);
        let until = last.begin.saturating_add(HOUR).unwrap_or(last.begin).min(now);
        let beats = sum(|counts| counts.iter().sum());
        let good = sum(|counts| {
            counts[Class::Body as usize] + counts[Class::Unchanged as usize] + counts[Class::UnderWay as usize]
        });
        Some(Stretch { from: first.begin, until, sign, beats, good, is_known })
    };
    runs.filter_map(stretch).collect()
}

/// The class of the style sheet, and how high a cell is of 24: what is missing is lower.
fn look(sign: Sign) -> (&'static str, u32) {
    match sign {
        Sign::All => ("all", 24),
        Sign::Most => ("most", 20),
        Sign::Half => ("half", 15),
        Sign::Unexplained => ("unexplained", 24),
        Sign::Gap(Class::Off) => ("off", 4),
        Sign::Gap(Class::Silent) => ("silent", 10),
        Sign::Gap(Class::Frozen) => ("frozen", 10),
        Sign::Gap(Class::Unreadable) => ("unreadable", 10),
        Sign::Gap(Class::Skipped) => ("skipped", 7),
        Sign::Gap(_) => ("failed", FAILED),
    }
}

/// Where a cell begins from above: what stands is lower where something is missing, and what failed hangs down, so that a single hour
/// of a week is seen on a small screen, too.
fn top(sign: Sign, height: u32) -> u32 {
    if height == FAILED && matches!(sign, Sign::Gap(_)) { 0 } else { HEIGHT - height }
}

/// What a sign means.
pub(super) fn meaning(sign: Sign) -> Text {
    let (en, de) = match sign {
        Sign::All => {
            ("every beat gave a body or nothing new", "jeder Takt wurde beantwortet, mit Daten oder „nichts Neues“")
        }
        Sign::Most => ("9 of 10 beats did", "9 von 10 Takten wurden beantwortet"),
        Sign::Half => ("half of the beats did", "die Hälfte der Takte wurde beantwortet"),
        Sign::Unexplained => ("some beats have no explanation", "manche Takte sind ungeklärt"),
        Sign::Gap(Class::Off) => ("no collector was at work", "kein Erfasser lief"),
        Sign::Gap(Class::Silent) => ("connected, nothing came", "verbunden, nichts kam"),
        Sign::Gap(Class::Frozen) => ("frozen: its time stood still", "eingefroren: ihre Zeit stand still"),
        Sign::Gap(Class::Unreadable) => ("unreadable", "unlesbar"),
        Sign::Gap(Class::Skipped) => ("left out by the collector", "vom Erfasser ausgelassen"),
        Sign::Gap(_) => ("failed: no answer, or an error", "gescheitert: keine Antwort oder ein Fehler"),
    };
    Text::new(en, de)
}

/// All signs, for the legend.
pub(super) const SIGNS: [Sign; 10] = [
    Sign::All,
    Sign::Most,
    Sign::Half,
    Sign::Gap(Class::Failed),
    Sign::Gap(Class::Frozen),
    Sign::Gap(Class::Silent),
    Sign::Gap(Class::Unreadable),
    Sign::Gap(Class::Skipped),
    Sign::Gap(Class::Off),
    Sign::Unexplained,
];

/// A stretch in words.
pub(super) fn told(stretch: &Stretch, status: &Status) -> Text {
    let (from, until) = (local(stretch.from, &status.zone), local(stretch.until, &status.zone));
    let (en, de) = match (stretch.sign, stretch.is_known) {
        (Some(sign), _) => {
            let meaning = meaning(sign);
            let counts = (number(stretch.good), number(stretch.beats));
            (
                format!("{} ({} of {} beats good)", meaning.en, counts.0.en, counts.1.en),
                format!("{} ({} von {} Takten gut)", meaning.de, counts.0.de, counts.1.de),
            )
        }
        (None, true) => ("no beats".to_owned(), "keine Takte".to_owned()),
        (None, false) => ("not looked at yet".to_owned(), "noch nicht angesehen".to_owned()),
    };
    Text::new(format!("{} – {}: {en}", from.en, until.en), format!("{} – {}: {de}", from.de, until.de))
}

/// The beats of a source's week, an hour a cell, over `days` of 24 hours.
pub(super) fn beats(status: &Status, source: &SourceStatus, of: fn(&Text) -> &str, label: &str) -> Markup {
    let days = status.disk.evidence.len().max(1);
    let begin = source.hours.first().map_or(status.now, |hour| hour.begin);
    let x = |at: Timestamp| at.duration_since(begin).as_secs().max(0) / 60;
    html! {
        svg.beats role="img" aria-label=(label) viewBox=(format!("0 0 {} {HEIGHT}", days * 1440)) preserveAspectRatio="none" {
            rect.none x="0" y="0" width=(x(status.now)) height=(HEIGHT) {}
            @for stretch in stretches(source, status.now) {
                @let width = (x(stretch.until) - x(stretch.from)).max(1);
                @match stretch.sign {
                    Some(sign) => {
                        @let (class, height) = look(sign);
                        rect class=(class) x=(x(stretch.from)) y=(top(sign, height)) width=(width) height=(height) {
                            title { (of(&told(&stretch, status))) }
                        }
                    }
                    None => {
                        rect.none x=(x(stretch.from)) y="0" width=(width) height=(HEIGHT) { title { (of(&told(&stretch, status))) } }
                    }
                }
            }
            @for day in 1..days { line.midnight x1=(day * 1440) x2=(day * 1440) y1="0" y2=(HEIGHT) {} }
        }
    }
}

/// A cell for the legend.
pub(super) fn cell(sign: Sign) -> Markup {
    let (class, height) = look(sign);
    html! {
        svg.key aria-hidden="true" viewBox="0 0 14 24" width="14" height="24" {
            rect.none x="0" y="0" width="14" height="24" {}
            rect class=(class) x="0" y=(top(sign, height)) width="14" height=(height) {}
        }
    }
}

/// A cell of which nothing is known, for the legend.
pub(super) fn empty_cell() -> Markup {
    html! { svg.key.beats aria-hidden="true" viewBox="0 0 14 24" style="width:14px" { rect.none x="0" y="0" width="14" height="24" {} } }
}

/// How it stands with the newest dates, a mark each.
pub(super) fn dates(dates: &[DateStatus], language: Language, label: &str) -> Markup {
    let of = language.of();
    let width = MARK * u32::try_from(dates.len()).unwrap_or(0);
    html! {
        svg.dates role="img" aria-label=(label) viewBox=(format!("0 0 {width} {MARK}")) width=(width) height=(MARK) {
            @for (place, date) in dates.iter().enumerate() {
                g transform=(format!("translate({} 0)", place * MARK as usize)) {
                    title { (of(&day(date.date))) ": " (of(&state(date.state))) @if !date.said.is_empty() { " – " (language.said(&date.said)) } }
                    rect.none x="0" y="0" width=(MARK) height=(MARK) {}
                    (shape(date.state))
                }
            }
        }
    }
}

/// A mark for the legend.
pub(super) fn mark(state: DateState) -> Markup {
    html! { svg.key aria-hidden="true" viewBox="0 0 20 20" width="20" height="20" { (shape(state)) } }
}

fn shape(state: DateState) -> Markup {
    html! {
        @match state {
            DateState::Published => { circle.good cx="10" cy="10" r="7" {} path.tick d="M6.5 10.5l2.5 2.5 4.5-5.5" {} },
            DateState::Provisional => { circle.line cx="10" cy="10" r="6.5" {} path.good d="M10 3.5a6.5 6.5 0 0 1 0 13z" {} },
            DateState::Running => { circle.line cx="10" cy="10" r="6.5" {} path.good d="M8 6.5l6 3.5-6 3.5z" {} },
            DateState::HeldBack => { rect.held x="3.5" y="3.5" width="13" height="13" {} path.tick d="M8 7v6M12 7v6" {} },
            DateState::Failed => path.bad d="M4.5 4.5l11 11M15.5 4.5l-11 11" {},
            DateState::Again => { path.warn d="M10 3l8 14H2z" {} path.tick d="M10 8.5v3.5M10 14v1" {} },
            DateState::Due => path.line d="M10 3l7 7-7 7-7-7z" {},
            DateState::Waiting => circle.line cx="10" cy="10" r="2.5" {},
            DateState::TooOld => path.bad d="M4 10h12" {},
            DateState::Nothing => circle.faint cx="10" cy="10" r="1.5" {},
        }
    }
}

/// All states, for the legend.
pub(super) const STATES: [DateState; 10] = [
    DateState::Published,
    DateState::Provisional,
    DateState::Running,
    DateState::Due,
    DateState::Waiting,
    DateState::HeldBack,
    DateState::Failed,
    DateState::Again,
    DateState::TooOld,
    DateState::Nothing,
];

/// What the evidence of each day takes.
pub(super) fn disk(status: &Status, of: fn(&Text) -> &str, label: &str) -> Markup {
    let days = &status.disk.evidence;
    let most = days.iter().map(|(_, bytes)| *bytes).max().unwrap_or(0).max(1);
    html! {
        svg.disk role="img" aria-label=(label) viewBox=(format!("0 0 {} 64", days.len() * 40)) {
            @for (place, (day, size)) in days.iter().enumerate() {
                @let height = (*size as f64 / most as f64 * 60.0).max(if *size > 0 { 2.0 } else { 0.0 });
                rect.all x=(place * 40 + 4) y=(format!("{:.1}", 62.0 - height)) width="32" height=(format!("{height:.1}")) {
                    title { (day) ": " (of(&bytes(*size))) }
                }
            }
            line.day x1="0" x2=(days.len() * 40) y1="63" y2="63" {}
        }
    }
}
