//! How the quality of a dataset has gone, day by day.

use std::fmt::Write;

use maud::{Markup, PreEscaped, html};

use crate::portal::dates::month_short;
use crate::text::Language;
use crate::time::ServiceDate;

/// Of the drawing, in pixels of a phone, whose width it has: text is 12 high on it; on a screen the style of the page makes it smaller.
const WIDTH: f64 = 358.0;
const HEIGHT: f64 = 150.0;
const LEFT: f64 = 34.0;
/// Room for the newest score, up to `100,00` in bold.
const RIGHT: f64 = 60.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 30.0;
/// Days that a curve shows, the newest ones.
const DAYS: i32 = 400;
/// Pixels between the middles of two labels below the axis: of months, and of days with their month.
const APART: [f64; 2] = [44.0, 66.0];

fn day(date: ServiceDate, language: Language) -> String {
    match language {
        Language::De => format!("{}. {}", date.0.day(), month_short(language, date)),
        Language::En => format!("{} {}", date.0.day(), month_short(language, date)),
    }
}

fn with_year(date: ServiceDate, language: Language) -> String {
    format!("{} {}", day(date, language), date.0.year())
}

/// The lower end of the axis and the steps of its labels: the axis goes up to 100, and down as far as it must.
fn axis(least: f64) -> (f64, f64) {
    let steps = [(98.0, 1.0), (95.0, 2.5), (90.0, 5.0), (80.0, 10.0), (50.0, 25.0)];
    steps.into_iter().find(|(from, _)| least >= *from).unwrap_or((0.0, 50.0))
}

/// Days with a score, one behind the other: between them nothing is known.
fn runs(points: &[(ServiceDate, Option<f64>)]) -> Vec<Vec<(ServiceDate, f64)>> {
    let mut runs: Vec<Vec<(ServiceDate, f64)>> = Vec::new();
    for (date, score) in points {
        let Some(score) = score else { continue };
        match runs.last_mut().filter(|run| run.last().is_some_and(|last| last.0.plus_days(1) == *date)) {
            Some(run) => run.push((*date, *score)),
            None => runs.push(vec![(*date, *score)]),
        }
    }
    runs
}

/// Points of quality, 0 to 100, rounded down to hundredths, by day, in the order of the days. Days without a score, or that are left out, are gaps.
///
/// Nothing of a dataset that has none.
pub(crate) fn curve(points: &[(ServiceDate, Option<f64>)], language: Language) -> Markup {
    let Some((end, _)) = points.last() else { return html! {} };
    let shown = &points[points.partition_point(|(date, _)| *date <= end.plus_days(-DAYS))..];
    let runs = runs(shown);
    let scores = || runs.iter().flatten();
    let (Some((first, _)), Some((last, newest))) = (shown.first(), scores().next_back()) else { return html! {} };
    let Some((worst_day, worst)) = scores().min_by(|one, other| one.1.total_cmp(&other.1)) else { return html! {} };
    let (low, step) = axis(*worst);
    let days = (end.days_since_epoch() - first.days_since_epoch()).max(1);
    let x = |date: ServiceDate| {
        LEFT + (WIDTH - LEFT - RIGHT) * f64::from(date.days_since_epoch() - first.days_since_epoch()) / f64::from(days)
    };
    let y = |score: f64| TOP + (HEIGHT - TOP - BOTTOM) * (100.0 - score.clamp(low, 100.0)) / (100.0 - low);
    let mut path = String::new();
    for run in &runs {
        for (place, (date, score)) in run.iter().enumerate() {
            let _ = write!(path, "{}{:.1} {:.1}", if place == 0 { 'M' } else { 'L' }, x(*date), y(*score));
        }
    }
    // A day between gaps has no line.
    let single = runs.iter().filter(|run| run.len() == 1).flatten();
    let ticks = (0..).map(|place| low + step * f64::from(place)).take_while(|tick| *tick <= 100.0);
    let title = language.say("Punkte für die Qualität je Tag", "Points of quality by day");
    let gaps = usize::try_from(days + 1).unwrap_or(0).saturating_sub(scores().count());
    let (from, until) = (with_year(*first, language), with_year(*end, language));
    let mut said = match language {
        Language::De => format!(
            "Vom {from} bis zum {until}: zuletzt {} Punkte ({}), am wenigsten {} Punkte am {}.",
            language.decimal(*newest, 2),
            with_year(*last, language),
            language.decimal(*worst, 2),
            with_year(*worst_day, language)
        ),
        Language::En => format!(
            "From {from} to {until}: {} points at the end ({}), the fewest on {}: {}.",
            language.decimal(*newest, 2),
            with_year(*last, language),
            with_year(*worst_day, language),
            language.decimal(*worst, 2)
        ),
    };
    match (gaps, language) {
        (0, _) => {}
        (1, Language::De) => said.push_str(" An einem Tag gibt es keine Punkte: dort ist eine Lücke."),
        (_, Language::De) => said.push_str(&format!(" An {gaps} Tagen gibt es keine Punkte: dort ist eine Lücke.")),
        (1, Language::En) => said.push_str(" One day has no points: there is a gap."),
        (_, Language::En) => said.push_str(&format!(" {gaps} days have no points: there is a gap.")),
    }
    let said_axis = (low > 0.0).then(|| match language {
        Language::De => format!("Die Achse beginnt bei {low}, nicht bei 0."),
        Language::En => format!("The axis begins at {low}, not at 0."),
    });
    html! {
        figure.curve {
            svg role="img" viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) font-size="12" fill="none" style="width:100%;max-width:34rem;height:auto" {
                title { (title) }
                desc { (said) }
                @for tick in ticks {
                    path d=(format!("M{LEFT} {:.1}H{}", y(tick), WIDTH - RIGHT)) style="stroke:var(--line,#ccc)" {}
                    text x=(LEFT - 5.0) y=(format!("{:.1}", y(tick) + 4.0)) text-anchor="end" style="fill:var(--muted,#555)" { (language.decimal(tick, usize::from(tick.fract() != 0.0))) }
                }
                @for (at, label) in labels(*first, *end, &x, language) {
                    path d=(format!("M{at:.1} {}v5", HEIGHT - BOTTOM)) style="stroke:var(--muted,#555)" {}
                    text x=(format!("{at:.1}")) y=(HEIGHT - BOTTOM + 18.0) text-anchor="middle" style="fill:var(--muted,#555)" { (label) }
                }
                path d=(path) stroke-width="2" stroke-linejoin="round" stroke-linecap="round" style="stroke:var(--accent,#1d5fa8)" {}
                @for (date, score) in single { circle cx=(format!("{:.1}", x(*date))) cy=(format!("{:.1}", y(*score))) r="2" style="fill:var(--accent,#1d5fa8)" {} }
                circle cx=(format!("{:.1}", x(*last))) cy=(format!("{:.1}", y(*newest))) r="3.5" style="fill:var(--accent,#1d5fa8)" {}
                text x=(format!("{:.1}", x(*last) + 7.0)) y=(format!("{:.1}", y(*newest) + 4.0)) font-weight="600" style="fill:var(--ink,#111)" { (language.decimal(*newest, 2)) }
            }
            @if let Some(said) = said_axis { figcaption { (said) } }
        }
    }
}

/// Labels of the axis of days that do not touch: months, or some days where it is not yet two months.
fn labels(
    first: ServiceDate,
    end: ServiceDate,
    x: &dyn Fn(ServiceDate) -> f64,
    language: Language,
) -> Vec<(f64, String)> {
    let days = end.days_since_epoch() - first.days_since_epoch();
    let dates = (0..=days).map(|after| first.plus_days(after));
    let candidates: Vec<(ServiceDate, String)> = match days {
        0..60 => dates.map(|date| (date, day(date, language))).collect(),
        _ => {
            let begins = dates.filter(|date| date.0.day() == 1);
            begins
                .map(|date| {
                    let is_new_year = date.0.month() == 1;
                    (date, if is_new_year { date.0.year().to_string() } else { month_short(language, date).to_owned() })
                })
                .collect()
        }
    };
    // Every n-th, so that the distances are even; of more than a year those that name it stay.
    let most = ((WIDTH - LEFT - RIGHT) / APART[usize::from(days < 60)]) as usize;
    let every = candidates.len().div_ceil(most.max(1)).max(1);
    let offset = candidates.iter().position(|(date, _)| days >= 60 && date.0.month() == 1).unwrap_or(0) % every;
    candidates.into_iter().skip(offset).step_by(every).map(|(date, label)| (x(date), label)).collect()
}

/// The curve of the newest days without an axis, for a card that tells the number beside it.
pub(crate) fn sparkline(points: &[(ServiceDate, Option<f64>)]) -> Markup {
    const DAYS: i32 = 60;
    const SIZE: [f64; 2] = [120.0, 28.0];
    let Some((end, _)) = points.last() else { return html! {} };
    let from = end.plus_days(1 - DAYS);
    let runs = runs(&points[points.partition_point(|(date, _)| *date < from)..]);
    let scores = || runs.iter().flatten().map(|(_, score)| *score);
    let Some(least) = scores().min_by(f64::total_cmp) else { return html! {} };
    let low = axis(least).0;
    let x = |date: ServiceDate| {
        3.0 + (SIZE[0] - 6.0) * f64::from(date.days_since_epoch() - from.days_since_epoch()) / f64::from(DAYS - 1)
    };
    let y = |score: f64| 3.0 + (SIZE[1] - 6.0) * (100.0 - score.clamp(low, 100.0)) / (100.0 - low);
    let mut path = String::new();
    for run in &runs {
        for (place, (date, score)) in run.iter().enumerate() {
            let _ = write!(path, "{}{:.1} {:.1}", if place == 0 { 'M' } else { 'L' }, x(*date), y(*score));
        }
        if run.len() == 1 {
            path.push_str("h0");
        }
    }
    let path = PreEscaped(path);
    html! {
        svg.sparkline aria-hidden="true" viewBox=(format!("0 0 {} {}", SIZE[0], SIZE[1])) width=(SIZE[0]) height=(SIZE[1]) {
            path d=(format!("M0 {}H{}", SIZE[1] - 0.5, SIZE[0])) style="stroke:var(--line,#ccc)" {}
            path d=(path) fill="none" stroke-width="2" stroke-linejoin="round" stroke-linecap="round" style="stroke:var(--accent,#1d5fa8)" {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(scores: &[Option<f64>]) -> Vec<(ServiceDate, Option<f64>)> {
        let first: ServiceDate = "2025-10-20".parse().unwrap();
        (0..).zip(scores).map(|(after, score)| (first.plus_days(after), *score)).collect()
    }

    #[test]
    fn nothing_is_drawn_of_no_score_and_a_gap_is_no_line() {
        assert_eq!(curve(&[], Language::De).into_string(), "");
        assert_eq!(curve(&days(&[None, None]), Language::De).into_string(), "");
        let text = curve(&days(&[Some(99.0), Some(98.5), None, Some(99.25), None]), Language::De).into_string();
        assert!(text.contains("d=\"M34.0 66.0L100.0 93.0M232.0 52.5\""), "{text}");
        assert!(text.contains("Die Achse beginnt bei 98, nicht bei 0."), "{text}");
        assert!(
            text.contains("zuletzt 99,25 Punkte (23. Okt. 2025), am wenigsten 98,50 Punkte am 21. Okt. 2025."),
            "{text}"
        );
        assert!(text.contains("An 2 Tagen gibt es keine Punkte"), "{text}");
        let text = curve(&days(&[Some(20.0)]), Language::En).into_string();
        assert!(!text.contains("The axis begins") && text.contains(">20.00</text>"), "{text}");
    }

    #[test]
    fn labels_of_a_year_and_of_a_week_do_not_touch() {
        for count in [1, 2, 7, 13, 59, 60, 61, 100, 365, 400, 900] {
            let points = days(&vec![Some(97.0); count]);
            let (first, end) = (points[0].0, points[count - 1].0);
            let span = f64::from(end.days_since_epoch() - first.days_since_epoch()).max(1.0);
            let x = |date: ServiceDate| {
                LEFT + (WIDTH - LEFT - RIGHT) * f64::from(date.days_since_epoch() - first.days_since_epoch()) / span
            };
            let labels = labels(first, end, &x, Language::De);
            assert!(!labels.is_empty(), "{count}");
            // As wide as the font of Debian's chromium has them, and four pixels between two.
            let half = |label: &str| label.chars().count() as f64 * 7.0 / 2.0;
            for pair in labels.windows(2) {
                assert!(pair[1].0 - half(&pair[1].1) >= pair[0].0 + half(&pair[0].1) + 4.0, "{count}: {labels:?}");
            }
            assert!(
                labels.iter().all(|(at, label)| at - half(label) >= 0.0 && at + half(label) <= WIDTH),
                "{labels:?}"
            );
        }
        assert!(curve(&days(&vec![Some(97.0); 900]), Language::De).into_string().len() < 20_000);
    }

    #[test]
    fn a_sparkline_shows_the_newest_days() {
        let text = sparkline(&days(&vec![Some(97.0); 900])).into_string();
        assert_eq!(text.matches('L').count(), 59, "{text}");
        assert_eq!(sparkline(&[]).into_string(), "");
    }
}
