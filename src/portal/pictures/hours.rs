//! Buses on the road and how full they were, by hour of a date: a chart, and its numbers as a table.
//!
//! Figures, and the queries that give each, over the table that [`Hours`] names and its date, by hours since noon minus twelve hours:
//! `vehicles DATASET DATE HOUR` counts distinct `vehicle_id`, `reports …` counts rows, `percentage …` is the mean of
//! `occupancy_percentage`.

use std::fmt::Write;

use maud::{Markup, html};

use crate::portal::frame::{count, day, decimal};
use crate::portal::overview::{Hour, Hours};
use crate::text::{Language, grouped};

/// Of the drawing, in pixels of a phone, whose width it has: text is 12 high on it; on a screen the style of the page makes it smaller.
const WIDTH: f64 = 358.0;
const LEFT: f64 = 46.0;
const RIGHT: f64 = 8.0;
/// Of a panel, its heading and its labels.
const PANEL: f64 = 110.0;
const HEADING: f64 = 38.0;
const LABELS: f64 = 40.0;
/// Pixels between two labels below the axis.
const APART: f64 = 44.0;

/// The hour of the clock, and what day it is of if it is not the service date itself.
fn clock(hour: i32, language: Language) -> (String, Option<&'static str>) {
    let of_day = hour.rem_euclid(24);
    let text = match (language, of_day) {
        (Language::De, _) => format!("{of_day} Uhr"),
        (Language::En, 0) => "12 am".to_owned(),
        (Language::En, 12) => "12 pm".to_owned(),
        (Language::En, 1..12) => format!("{of_day} am"),
        (Language::En, _) => format!("{} pm", of_day - 12),
    };
    let day = match hour {
        ..0 => Some(language.say("am Vortag", "the day before")),
        0..24 => None,
        24..30 => Some(language.say("nachts", "at night")),
        _ => Some(language.say("am Folgetag", "the next day")),
    };
    (text, day)
}

/// `7 Uhr`, `1 Uhr nachts`.
fn said(hour: i32, language: Language) -> String {
    match clock(hour, language) {
        (text, Some(day)) => format!("{text} {day}"),
        (text, None) => text,
    }
}

fn percent(value: f64, places: usize, language: Language) -> String {
    language.decimal(value, places) + language.say("\u{a0}%", "%")
}

/// A round end of an axis from zero, and its half.
fn nice(most: f64) -> f64 {
    let steps = (0..12).flat_map(|power| [2.0, 4.0, 6.0, 10.0, 12.0, 16.0].map(|digit| digit * 10_f64.powi(power)));
    steps.filter(|end| *end >= most).fold(f64::MAX, f64::min)
}

/// The hours with the most buses and with the fullest ones; of several the first.
fn peaks(hours: &Hours) -> (Option<&Hour>, Option<(&Hour, f64)>) {
    let busiest = hours.hours.iter().rev().max_by_key(|hour| hour.vehicles);
    let full = hours.hours.iter().filter_map(|hour| Some((hour, hour.percentage?)));
    (busiest, full.rev().max_by(|one, other| one.1.total_cmp(&other.1)))
}

/// What the chart tells, in words.
fn message(hours: &Hours, language: Language) -> String {
    let (busiest, fullest) = peaks(hours);
    let mut text = String::new();
    if let Some(hour) = busiest {
        let is_first_of_several = hours.hours.iter().filter(|other| other.vehicles == hour.vehicles).count() > 1;
        let first = if is_first_of_several { language.say("zuerst ", "first ") } else { "" };
        let (number, at) = (grouped(hour.vehicles), said(hour.hour, language));
        let _ = match language {
            Language::De => write!(text, "Die meisten Busse ({}) waren {first}um {at} unterwegs", number.de),
            Language::En => write!(text, "Most buses on the road: {}, {first}at {at}", number.en),
        };
    }
    match (fullest, language) {
        (Some((hour, value)), Language::De) => {
            let _ = write!(
                text,
                "; am vollsten waren sie um {}: Im Mittel waren {} der Plätze belegt.",
                said(hour.hour, language),
                percent(value, 1, language)
            );
        }
        (Some((hour, value)), Language::En) => {
            let _ = write!(
                text,
                "; they were fullest at {}, with {} of the places taken on average.",
                said(hour.hour, language),
                percent(value, 1, language)
            );
        }
        (None, _) => text.push_str(language.say(
            "; wie viele der Plätze belegt waren, wurde nicht in Prozent gemeldet.",
            "; what share of the places was taken was not reported.",
        )),
    }
    text
}

/// The axis of hours.
struct Axis {
    first: i32,
    last: i32,
}

impl Axis {
    fn step(&self) -> f64 {
        (WIDTH - LEFT - RIGHT) / f64::from(self.last - self.first + 1)
    }

    /// The left edge of an hour.
    fn x(&self, hour: i32) -> f64 {
        LEFT + self.step() * f64::from(hour - self.first)
    }

    /// Hours that have a label: as many as do not touch.
    fn labelled(&self) -> impl Iterator<Item = i32> {
        let step = self.step();
        let every =
            [1, 2, 3, 4, 6, 8, 12, 24].into_iter().find(|every| f64::from(*every) * step >= APART).unwrap_or(24);
        // A label in the middle of its hour runs out of the drawing at neither end.
        let (first, last) = (self.first, self.last);
        let has_room = move |hour: &i32| {
            let middle = LEFT + step * (f64::from(*hour - first) + 0.5);
            middle <= WIDTH - 20.0
        };
        (first..=last).filter(move |hour| hour.rem_euclid(every) == 0).filter(has_room)
    }

    fn labels(&self, top: f64, language: Language) -> Markup {
        html! {
            @for hour in self.labelled() {
                @let middle = self.x(hour) + self.step() / 2.0;
                @let (text, day) = clock(hour, language);
                path d=(format!("M{middle:.1} {top}v4")) style="stroke:var(--muted,#555)" {}
                text x=(format!("{middle:.1}")) y=(top + 17.0) text-anchor="middle" style="fill:var(--muted,#555)" { (text) }
                @if hour >= 24 && day.is_some() {
                    text x=(format!("{middle:.1}")) y=(top + 31.0) text-anchor="middle" style="fill:var(--muted,#555)" { (language.say("nachts", "night")) }
                }
            }
        }
    }
}

fn scale(top: f64, end: f64, label: &dyn Fn(f64) -> String) -> Markup {
    html! {
        @for share in [0.0, 0.5, 1.0] {
            @let y = top + PANEL * (1.0 - share);
            path d=(format!("M{LEFT} {y}H{}", WIDTH - RIGHT)) style=(if share == 0.0 { "stroke:var(--muted,#555)" } else { "stroke:var(--line,#ccc)" }) {}
            text x=(LEFT - 5.0) y=(y + 4.0) text-anchor="end" style="fill:var(--muted,#555)" { (label(end * share)) }
        }
    }
}

/// Bars of the buses on the road, and below, with an axis of its own, the mean of how full they were. Nothing of no hours.
pub(crate) fn chart(hours: &Hours, language: Language) -> Markup {
    let (Some(first), Some(last)) = (hours.hours.first(), hours.hours.last()) else { return html! {} };
    let axis = Axis { first: first.hour, last: last.hour };
    let (busiest, fullest) = peaks(hours);
    let end = nice(busiest.map_or(0, |hour| hour.vehicles) as f64);
    let half = |value: f64| if language == Language::De { grouped(value as u64).de } else { grouped(value as u64).en };
    let (top, second) = (HEADING, HEADING + PANEL + LABELS + HEADING);
    let height = if fullest.is_some() { second + PANEL + LABELS } else { top + PANEL + LABELS };
    let step = axis.step();
    let bar = |hour: &Hour| {
        let height = PANEL * hour.vehicles as f64 / end;
        (top + PANEL - height, height)
    };
    let message = message(hours, language);
    html! {
        figure.hours {
            svg role="img" viewBox=(format!("0 0 {WIDTH} {height}")) font-size="12" fill="none" style="width:100%;max-width:34rem;height:auto" {
                title { (language.say("Busse unterwegs und wie voll sie waren, nach Stunde", "Buses on the road and how full they were, by hour")) }
                desc { (message) }
                text x="0" y="16" font-weight="600" style="fill:var(--ink,#111)" { (language.say("Busse unterwegs", "Buses on the road")) }
                (scale(top, end, &half))
                @for hour in &hours.hours {
                    @let (y, height) = bar(hour);
                    rect x=(format!("{:.1}", axis.x(hour.hour) + step * 0.1)) y=(format!("{y:.1}")) width=(format!("{:.1}", step * 0.8)) height=(format!("{height:.1}")) style="fill:var(--accent,#1d5fa8)" {
                        title { (said(hour.hour, language)) ": " (half(hour.vehicles as f64)) " " (language.say(if hour.vehicles == 1 { "Bus" } else { "Busse" }, if hour.vehicles == 1 { "bus" } else { "buses" })) }
                    }
                }
                @if let Some(hour) = busiest {
                    text x=(format!("{:.1}", inside(axis.x(hour.hour) + step / 2.0, 20.0))) y=(format!("{:.1}", bar(hour).0 - 4.0)) text-anchor="middle" font-weight="600" style="fill:var(--ink,#111)" { (half(hour.vehicles as f64)) }
                }
                (axis.labels(top + PANEL, language))
                @if let Some((fullest, most)) = fullest { (panel(hours, &axis, (fullest, most), second, language)) }
            }
            figcaption { (message) }
        }
    }
}

/// A place for a text of some width that does not run out of the drawing.
fn inside(x: f64, half: f64) -> f64 {
    x.clamp(LEFT + half, WIDTH - half)
}

/// How full buses were: a line that breaks where nothing is known.
fn panel(hours: &Hours, axis: &Axis, (fullest, most): (&Hour, f64), top: f64, language: Language) -> Markup {
    let end = if most > 100.0 {
        nice(most)
    } else if most > 50.0 {
        100.0
    } else if most > 20.0 {
        50.0
    } else {
        20.0
    };
    let place = |hour: &Hour, value: f64| {
        (axis.x(hour.hour) + axis.step() / 2.0, top + PANEL * (1.0 - value.clamp(0.0, end) / end))
    };
    let points: Vec<(&Hour, f64)> = hours.hours.iter().filter_map(|hour| Some((hour, hour.percentage?))).collect();
    let mut path = String::new();
    let mut last = None;
    for (hour, value) in &points {
        let (x, y) = place(hour, *value);
        let is_next = last == Some(hour.hour - 1);
        let _ = write!(path, "{}{x:.1} {y:.1}", if is_next { 'L' } else { 'M' });
        last = Some(hour.hour);
    }
    let (x, y) = place(fullest, most);
    html! {
        text x="0" y=(top - HEADING + 16.0) font-weight="600" style="fill:var(--ink,#111)" { (language.say("Belegte Plätze im Mittel", "Places taken, on average")) }
        (scale(top, end, &|value| percent(value, 0, language)))
        path d=(path) stroke-width="2" stroke-linejoin="round" style="stroke:var(--accent,#1d5fa8)" {}
        @for (hour, value) in &points {
            @let (x, y) = place(hour, *value);
            circle cx=(format!("{x:.1}")) cy=(format!("{y:.1}")) r="2.5" style="fill:var(--accent,#1d5fa8)" {
                title { (said(hour.hour, language)) ": " (percent(*value, 1, language)) }
            }
        }
        text x=(format!("{:.1}", inside(x, 26.0))) y=(format!("{:.1}", y - 7.0)) text-anchor="middle" font-weight="600" style="fill:var(--ink,#111)" { (percent(most, 1, language)) }
        (axis.labels(top + PANEL, language))
    }
}

/// The numbers of the chart.
pub(crate) fn table(hours: &Hours, language: Language, dataset: &str) -> Markup {
    let what = |kind: &str, hour: &Hour| format!("{kind} {dataset} {} {}", hours.date, hour.hour);
    let caption = language.say("Busse und ihre Belegung nach Stunde", "Buses and how full they were, by hour");
    html! {
        div.wide tabindex="0" role="region" aria-label=(caption) {
            table {
                caption { (caption) ", " (day(hours.date, language)) }
                thead {
                    tr {
                        th scope="col" { (language.say("Stunde", "Hour")) }
                        th.number scope="col" { (language.say("Busse", "Buses")) }
                        th.number scope="col" { (language.say("Meldungen", "Reports")) }
                        th.number scope="col" { (language.say("belegt in %", "% taken")) }
                    }
                }
                tbody {
                    @for hour in &hours.hours {
                        tr {
                            th scope="row" { (said(hour.hour, language)) }
                            td.number { (count(&what("vehicles", hour), hour.vehicles, language)) }
                            td.number { (count(&what("reports", hour), hour.reports, language)) }
                            td.number {
                                @match hour.percentage {
                                    Some(value) => (decimal(&what("percentage", hour), value, 1, language)),
                                    None => span title=(language.say("nicht gemeldet", "not reported")) { "–" },
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;

    fn hours(of: &[(i32, u64, Option<f64>)]) -> Hours {
        let hour = |(hour, vehicles, percentage): &(i32, u64, Option<f64>)| Hour {
            hour: *hour,
            vehicles: *vehicles,
            reports: vehicles * 240,
            with_percentage: if percentage.is_some() { vehicles * 200 } else { 0 },
            percentage: *percentage,
            statuses: std::collections::BTreeMap::new(),
        };
        Hours {
            date: "2026-11-24".parse().unwrap(),
            table: "vehicle_locations".into(),
            sha256: Digest::of(b""),
            hours: of.iter().map(hour).collect(),
        }
    }

    #[test]
    fn the_chart_tells_its_message_in_words() {
        let of = hours(&[(4, 3, None), (7, 1219, Some(21.0)), (8, 1219, Some(31.44)), (25, 2, Some(2.0))]);
        let de = chart(&of, Language::De).into_string();
        assert!(de.contains("Die meisten Busse (1.219) waren zuerst um 7 Uhr unterwegs; am vollsten waren sie um 8 Uhr: Im Mittel waren 31,4\u{a0}% der Plätze belegt."), "{de}");
        assert!(de.contains("1 Uhr nachts: 2 Busse"), "{de}");
        let en = chart(&of, Language::En).into_string();
        assert!(
            en.contains("Most buses on the road: 1,219, first at 7 am; they were fullest at 8 am, with 31.4% of the places taken"),
            "{en}"
        );
        // Between 8 and 25 nothing is known, so that there is no line.
        assert_eq!(de.matches('L').count(), 1, "{de}");
    }

    #[test]
    fn without_percentages_there_is_one_panel_and_without_hours_nothing() {
        let text = chart(&hours(&[(7, 1, None)]), Language::De).into_string();
        assert!(
            text.contains("nicht in Prozent gemeldet")
                && !text.contains("Belegte Plätze")
                && text.contains("7 Uhr: 1 Bus<"),
            "{text}"
        );
        assert_eq!(chart(&hours(&[]), Language::De).into_string(), "");
    }

    #[test]
    fn labels_do_not_touch_and_stay_inside() {
        for (first, last) in [(7, 7), (0, 29), (4, 25), (-2, 33), (5, 9), (0, 100)] {
            let axis = Axis { first, last };
            let at: Vec<f64> = axis.labelled().map(|hour| axis.x(hour) + axis.step() / 2.0).collect();
            assert!(at.windows(2).all(|pair| pair[1] - pair[0] >= APART - 0.01), "{first} {last}: {at:?}");
            assert!(!at.is_empty() && at.iter().all(|x| (20.0..=WIDTH - 20.0).contains(x)), "{first} {last}: {at:?}");
        }
    }

    #[test]
    fn the_table_marks_each_number() {
        let text = table(&hours(&[(25, 2, Some(2.5)), (26, 1, None)]), Language::De, "bus").into_string();
        for mark in ["vehicles bus 2026-11-24 25", "reports bus 2026-11-24 26", "percentage bus 2026-11-24 25"] {
            assert!(text.contains(&format!("data-figure=\"{mark}\"")), "{text}");
        }
        assert!(text.contains("1 Uhr nachts") && text.contains("2,5") && text.contains("480"), "{text}");
    }

    #[test]
    fn an_axis_ends_at_or_above_its_highest_bar() {
        for most in 0..2_000_u32 {
            let end = nice(f64::from(most));
            assert!(
                end >= f64::from(most) && end % 2.0 == 0.0 && end <= f64::from(most).max(2.0) * 2.0,
                "{most} {end}"
            );
        }
    }
}
