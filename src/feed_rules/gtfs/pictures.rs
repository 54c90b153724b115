//! Pictures of a feed for the page: where its stops and shapes are, and how many trips run on each day.

use std::fmt::Write;

use maud::{Markup, html};

use super::feed::Feed;
use crate::page::{both, day_words, number};
use crate::text::{Text, grouped};
use crate::time::ServiceDate;

/// Points of shapes, and stops, that the map draws.
const MAP_POINTS: usize = 40_000;
const MAP_STOPS: usize = 10_000;
/// Days that the picture of service shows.
const DAYS: i32 = 366;

/// Stops and shapes as a picture, north up, true to scale in the middle.
pub(super) fn map(feed: &Feed) -> Markup {
    let places: Vec<[f64; 2]> = feed.locations().iter().flatten().copied().collect();
    let shapes = feed.table("shapes");
    let (lat, lon) = (shapes.float("shape_pt_lat"), shapes.float("shape_pt_lon"));
    let usable = |place: &[f64; 2]| place[0].abs() < 89.0 && (place[0].abs() > 1.0 || place[1].abs() > 1.0);
    let stops: Vec<[f64; 2]> = places.into_iter().filter(usable).collect();
    let every = shapes.rows.div_ceil(MAP_POINTS).max(1);
    let lines: Vec<Vec<[f64; 2]>> = feed
        .shape_points()
        .iter()
        .map(|(_, rows)| {
            let last = rows.len() - 1;
            let kept = rows.iter().enumerate().filter(|(place, _)| place % every == 0 || *place == last);
            kept.filter_map(|(_, row)| Some([lat.get(row)?, lon.get(row)?])).filter(usable).collect()
        })
        .collect();
    // A stop far away would make all others one point.
    let near = near(if stops.is_empty() { lines.iter().flatten().collect() } else { stops.iter().collect() });
    let (stops, far): (Vec<[f64; 2]>, Vec<[f64; 2]>) = stops.into_iter().partition(&near);
    let lines: Vec<Vec<[f64; 2]>> = lines.into_iter().map(|line| line.into_iter().filter(&near).collect()).collect();
    let all = || stops.iter().chain(lines.iter().flatten());
    let bounds = all().fold([f64::MAX, f64::MAX, f64::MIN, f64::MIN], |b, p| {
        [b[0].min(p[0]), b[1].min(p[1]), b[2].max(p[0]), b[3].max(p[1])]
    });
    if all().next().is_none() {
        return html! { p { "–" } };
    }
    let narrow = ((bounds[0] + bounds[2]) / 2.0).to_radians().cos().max(0.01);
    let (height, width) = ((bounds[2] - bounds[0]).max(1e-4), ((bounds[3] - bounds[1]) * narrow).max(1e-4));
    let scale = 960.0 / width.max(height * 1.5);
    let point =
        |place: &[f64; 2]| ((place[1] - bounds[1]) * narrow * scale + 20.0, (bounds[2] - place[0]) * scale + 20.0);
    let mut path = String::new();
    for line in &lines {
        for (place, corner) in line.iter().enumerate() {
            let (x, y) = point(corner);
            let _ = write!(path, "{}{x:.1} {y:.1}", if place == 0 { 'M' } else { 'L' });
        }
    }
    let step = stops.len().div_ceil(MAP_STOPS).max(1);
    // Many would hide the shapes.
    let radius = if stops.len() > 500 { "1.1" } else { "2" };
    html! {
        svg role="img" viewBox=(format!("0 0 {:.0} {:.0}", width * scale + 40.0, height * scale + 40.0)) {
            title { "Halte und Linienwege / stops and shapes" }
            path.shape d=(path) {}
            @for stop in stops.iter().step_by(step) {
                @let (x, y) = point(stop);
                circle cx=(format!("{x:.1}")) cy=(format!("{y:.1}")) r=(radius) {}
            }
        }
        p.legend {
            i.stop {} " " (both("Halt", "stop"))
            @if lines.iter().any(|line| line.len() > 1) { " " i.line {} " " (both("Linienweg", "shape")) }
        }
        @if !far.is_empty() {
            p { (number(far.len() as u64)) " " (both("Halte liegen weit außerhalb und sind nicht auf der Karte.", "stops are far away and not on the map.")) }
        }
    }
}

/// Whether a place belongs to the picture: it is not farther from the middle than five times what nineteen of twenty are.
fn near(mut places: Vec<&[f64; 2]>) -> impl Fn(&[f64; 2]) -> bool + use<> {
    let mut middle = [0.0; 2];
    for (axis, of) in middle.iter_mut().enumerate() {
        places.sort_unstable_by(|one, other| one[axis].total_cmp(&other[axis]));
        *of = places.get(places.len() / 2).map_or(0.0, |place| place[axis]);
    }
    let away = move |place: &[f64; 2]| (place[0] - middle[0]).abs().max((place[1] - middle[1]).abs());
    let mut distances: Vec<f64> = places.iter().map(|place| away(place)).collect();
    distances.sort_unstable_by(f64::total_cmp);
    // About five kilometres, so that no small network loses its ends.
    let most = distances.get(distances.len() * 19 / 20).map_or(0.0, |distance| 5.0 * distance).max(0.05);
    move |place| away(place) <= most
}

/// Of the bars, in pixels of a phone, whose width they have: text on them is as high there as text of the page.
const WIDTH: f64 = 358.0;

/// Trips per day around the date of the report, as bars.
pub(super) fn days(feed: &Feed) -> Markup {
    let per_day = feed.services().trips_per_day(feed.table("trips"), feed.table("frequencies"));
    let today = feed.date.days_since_epoch();
    let (Some(&(first, _)), Some(&(last, _))) = (per_day.first(), per_day.last()) else {
        return html! { p { "–" } };
    };
    // The year that begins a month ago, or what there is nearest to it.
    let from = (today - 30).min(last - DAYS + 1).max(first);
    let until = last.min(from + DAYS - 1);
    let place = |day: i32| per_day.partition_point(|(other, _)| *other < day);
    let shown_days = &per_day[place(from)..place(until + 1)];
    let most = shown_days.iter().map(|(_, trips)| *trips).max().unwrap_or(1).max(1);
    let width = WIDTH / f64::from(until - from + 1);
    let words = |day: i32| ServiceDate::from_days_since_epoch(day).map(day_words).unwrap_or_default();
    let shown = |day: i32| {
        let [de, en] = words(day);
        html! { tspan.de lang="de" { (de) } tspan.en lang="en" { (en) } }
    };
    let Text { de, en } = grouped(u64::try_from(most).unwrap_or_default());
    html! {
        svg.days role="img" viewBox=(format!("0 0 {WIDTH} 160")) {
            title { "Fahrten je Tag / trips per day" }
            @for (day, trips) in shown_days {
                @let height = 115.0 * *trips as f64 / most as f64;
                rect.today[*day == today] x=(format!("{:.2}", f64::from(*day - from) * width)) y=(format!("{:.1}", 130.0 - height))
                    width=(format!("{:.2}", width * 0.85)) height=(format!("{height:.1}")) {
                    title { (words(*day).join(" / ")) ": " (trips) }
                }
            }
            text x="0" y="150" { (shown(from)) }
            text x=(WIDTH) y="150" text-anchor="end" { (shown(until)) }
            text x="0" y="11" { tspan.de lang="de" { (de) } tspan.en lang="en" { (en) } }
        }
    }
}
