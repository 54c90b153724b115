//! The picture of the network and the chart of a day, each with its numbers in words.

use maud::{Markup, html};

use super::view::View;
use crate::portal::frame::Page;
use crate::portal::overview::MapContent;
use crate::portal::pictures;

/// The picture of a dataset's network, whose place is there before it is.
///
/// It is not loaded late: a browser that prints the page would leave its frame empty.
pub(in crate::portal) fn map_image(page: &Page<'_>, dataset: &str, map: &MapContent, alt: &str) -> Markup {
    let [width, height] = pictures::map::size(map.bounds);
    html! {
        img.map width=(width) height=(height) style=(format!("--ratio:{:.3}", width / height))
            src=(page.link(&format!("{dataset}/map.svg"))) alt=(alt);
    }
}

pub(super) fn map(view: View<'_>) -> Markup {
    let Some(map) = &view.of.overview.map else { return html! {} };
    let name = view.name();
    // Without the title, whose language no attribute could mark.
    let alt =
        view.say("Karte der Linien und Haltestellen dieses Datensatzes", "Map of the lines and stops of this dataset");
    html! {
        section #map aria-labelledby="map-title" {
            h2 #map-title { (view.say("Das Netz", "The network")) }
            figure {
                (map_image(&view.page, name, map, alt))
                figcaption {
                    (view.count(&format!("stops {name} {}", map.date), map.stops)) (view.say(" Haltestellen, ", " stops, "))
                    (view.count(&format!("routes {name} {}", map.date), map.routes)) (view.say(" Linien im Fahrplan vom ", " routes in the timetable of "))
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
            (pictures::hours::chart(hours, view.page.language))
            details {
                summary { (view.say("Die Zahlen als Tabelle", "The numbers as a table")) }
                (pictures::hours::table(hours, view.page.language, view.name()))
            }
        }
    }
}
