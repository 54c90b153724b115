//! The picture of the network and the chart of a day, each with its numbers in words.

use maud::{Markup, html};

use super::View;
use super::names::title;

/// Where the picture of a dataset's network is.
pub(super) fn map_path(dataset: &str) -> String {
    format!("{dataset}/map.svg")
}

pub(super) fn map(view: View<'_>) -> Markup {
    let Some(map) = &view.of.overview.map else { return html! {} };
    let name = view.name();
    let of = title(view.page.site, view.of, view.page.language).text;
    let alt = format!("{} {of}", view.say("Karte der Linien und Haltestellen:", "Map of lines and stops:"));
    html! {
        section #map aria-labelledby="map-title" {
            h2 #map-title { (view.say("Das Netz", "The network")) }
            figure {
                img src=(view.page.link(&map_path(name))) alt=(alt) loading="lazy";
                figcaption {
                    (view.count(&format!("stops {name} {}", map.date), map.stops)) (view.say(" Haltestellen, ", " stops, "))
                    (view.count(&format!("routes {name} {}", map.date), map.routes)) (view.say(" Linien im Fahrplan vom ", " lines in the timetable of "))
                    (view.date(map.date)) (view.say(". Gezeichnet aus den Daten dieses Datensatzes.", ". Drawn from the data of this dataset."))
                }
            }
        }
    }
}

pub(super) fn hours(view: View<'_>) -> Markup {
    let Some(hours) = &view.of.overview.hours else { return html! {} };
    let has_percentage = hours.hours.iter().any(|hour| hour.percentage.is_some());
    html! {
        section #hours aria-labelledby="hours-title" {
            h2 #hours-title { (view.say("Ein Tag auf der Straße", "A day on the road")) }
            p {
                (view.say("Busse unterwegs", "Buses on the road"))
                @if has_percentage { (view.say(" und wie voll sie waren", " and how full they were")) }
                (view.say(", Stunde für Stunde am ", ", hour by hour on ")) (view.date(hours.date)) "."
            }
            details {
                summary { (view.say("Die Zahlen als Tabelle", "The numbers as a table")) }
                div.wide tabindex="0" role="region" aria-label=(view.say("Zahlen nach Stunden", "Numbers by hour")) { table {
                    caption { (view.say("Nach Stunden des Betriebstags", "By hours of the service date")) }
                    thead { tr {
                        th scope="col" { (view.say("Stunde", "Hour")) }
                        th.n scope="col" { (view.say("Busse", "Buses")) }
                        th.n scope="col" { (view.say("Meldungen", "Reports")) }
                        @if has_percentage { th.n scope="col" { (view.say("Auslastung im Mittel", "Mean occupancy")) } }
                    } }
                    tbody { @for hour in &hours.hours {
                        @let what = |kind: &str| format!("{kind} {} {} {}", view.name(), hours.date, hour.hour);
                        tr {
                            th scope="row" { (super::reasons::hours(&[hour.hour].into(), view.page.language)) }
                            td.n { (view.count(&what("vehicles"), hour.vehicles)) }
                            td.n { (view.count(&what("reports"), hour.reports)) }
                            @if has_percentage {
                                td.n {
                                    @match hour.percentage {
                                        Some(value) => { (view.decimal(&what("percentage"), value, 1)) "\u{202f}%" },
                                        None => "–",
                                    }
                                }
                            }
                        }
                    } }
                } }
            }
        }
    }
}
