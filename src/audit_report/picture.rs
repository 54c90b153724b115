//! Availability by month: two bars a month, with their numbers beside them.

use maud::{Markup, html};

use crate::audit_report::words::rounded_down;
use crate::text::Language;

/// Of the drawing.
const WIDTH: f64 = 700.0;
const HEIGHT: f64 = 190.0;
/// Room for `100` in the letters of a phone.
const LEFT: f64 = 46.0;
const TOP: f64 = 16.0;
const BOTTOM: f64 = 24.0;

/// A month of the year: shares of a hundred, where something is known.
pub(super) struct Month {
    pub sources: Option<f64>,
    pub trips: Option<f64>,
}

/// Bars for the twelve months.
pub(super) fn availability(months: &[Month; 12], language: Language) -> Markup {
    let say = |de, en| language.say(de, en);
    let step = (WIDTH - LEFT) / 12.0;
    let y = |share: f64| TOP + (HEIGHT - TOP - BOTTOM) * (100.0 - share.clamp(0.0, 100.0)) / 100.0;
    let names =
        say("Jan Feb Mär Apr Mai Jun Jul Aug Sep Okt Nov Dez", "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec");
    let bars = |place: usize, month: &Month| {
        let x = LEFT + step * place as f64;
        [(month.sources, 0.08, "s"), (month.trips, 0.54, "t")]
            .into_iter()
            .filter_map(move |(share, from, class)| Some((share?, x + step * from, class)))
            .collect::<Vec<_>>()
    };
    let width = step * 0.38;
    html! {
        figure.bars {
            svg role="img" viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) font-size="10" style="width:100%;height:auto" {
                title { (say("Verfügbarkeit der Quellen und beobachtete Fahrten je Monat", "Availability of the sources and observed trips by month")) }
                @for tick in [0.0, 50.0, 100.0] {
                    path d=(format!("M{LEFT} {:.1}H{WIDTH}", y(tick))) style="stroke:var(--line,#ccc)" {}
                    text.axis x=(LEFT - 5.0) y=(format!("{:.1}", y(tick) + 3.5)) text-anchor="end" style="fill:var(--muted,#555)" { (language.decimal(tick, 0)) }
                }
                @for (place, (month, name)) in months.iter().zip(names.split(' ')).enumerate() {
                    @let middle = LEFT + step * (place as f64 + 0.5);
                    @let bars = bars(place, month);
                    @for (share, x, class) in &bars {
                        rect x=(format!("{x:.1}")) y=(format!("{:.1}", y(*share))) width=(format!("{width:.1}")) height=(format!("{:.1}", (HEIGHT - BOTTOM - y(*share)).max(0.5))) class=(class) {}
                        text.bar x=(format!("{:.1}", x + width / 2.0)) y=(format!("{:.1}", y(*share) - 3.0)) text-anchor="middle" style="fill:var(--ink,#111)" {
                            (language.decimal((rounded_down(*share) * 10.0 + 1e-6).floor() / 10.0, usize::from(*share < 100.0)))
                        }
                    }
                    @if bars.is_empty() { text x=(format!("{middle:.1}")) y=(format!("{:.1}", HEIGHT - BOTTOM - 4.0)) text-anchor="middle" style="fill:var(--muted,#555)" { "–" } }
                    text x=(format!("{middle:.1}")) y=(HEIGHT - 8.0) text-anchor="middle" style="fill:var(--muted,#555)" { (name) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_of_which_nothing_is_known_has_a_dash_and_no_bar() {
        let months = std::array::from_fn(|place| Month {
            sources: (place == 2).then_some(99.96),
            trips: (place == 2).then_some(50.0),
        });
        let text = availability(&months, Language::De).into_string();
        assert_eq!((text.matches("<rect").count(), text.matches('–').count()), (2, 11), "{text}");
        // Rounded down: what lacks something is not whole.
        assert!(text.contains(">99,9<") && text.contains(">50,0<"), "{text}");
    }
}
