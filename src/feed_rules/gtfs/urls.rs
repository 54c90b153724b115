//! The same web page for a stop, its route and its agency.

use rustc_hash::FxHashMap;

use super::prelude::*;

pub static ROUTE_AND_AGENCY: Notice = Notice {
    code: "same_route_and_agency_url",
    severity: Severity::Warning,
    files: &["routes.txt", "agency.txt"],
    fields: &["agencyCsvRowNumber", "agencyName", "routeCsvRowNumber", "routeId", "routeUrl"],
    en: Words {
        what: "The page of the route is that of its agency, where riders find nothing about the route.",
        mend: "Give the page of the route, or leave it empty.",
    },
    de: Words {
        what: "Die Seite der Linie ist die des Unternehmens; dort steht nichts über die Linie.",
        mend: "Seite der Linie angeben oder leer lassen.",
    },
};
pub static STOP_AND_AGENCY: Notice = Notice {
    code: "same_stop_and_agency_url",
    severity: Severity::Warning,
    files: &["stops.txt", "agency.txt"],
    fields: &["agencyCsvRowNumber", "agencyName", "stopCsvRowNumber", "stopId", "stopUrl"],
    en: Words {
        what: "The page of the stop is that of an agency.",
        mend: "Give the page of the stop, or leave it empty.",
    },
    de: Words {
        what: "Die Seite des Halts ist die eines Unternehmens.",
        mend: "Seite des Halts angeben oder leer lassen.",
    },
};
pub static STOP_AND_ROUTE: Notice = Notice {
    code: "same_stop_and_route_url",
    severity: Severity::Warning,
    files: &["stops.txt", "routes.txt"],
    fields: &["routeCsvRowNumber", "routeId", "stopCsvRowNumber", "stopId", "stopUrl"],
    en: Words {
        what: "The page of the stop is that of a route.",
        mend: "Give the page of the stop, or leave it empty.",
    },
    de: Words { what: "Die Seite des Halts ist die einer Linie.", mend: "Seite des Halts angeben oder leer lassen." },
};

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&ROUTE_AND_AGENCY, &STOP_AND_AGENCY, &STOP_AND_ROUTE],
    needs: Needs::Tables(&["agency", "routes", "stops"]),
    check: Some(check),
    examples: &[
        fails(
            "same_route_and_agency_url",
            1,
            &[(
                "routes.txt",
                "route_id,agency_id,route_short_name,route_type,route_url\n\
                 r,1,S1,3,https://EXAMPLE.com\n",
            )],
        ),
        passes(
            "same_route_and_agency_url",
            &[(
                "routes.txt",
                "route_id,agency_id,route_short_name,route_type,route_url\n\
                 r,1,S1,3,https://example.com/s1\n",
            )],
        ),
        fails(
            "same_stop_and_agency_url",
            1,
            &[(
                "stops.txt",
                "stop_id,stop_name,stop_lat,stop_lon,stop_url\n\
                 a,Rathaus,48.47,7.94,https://example.com\n",
            )],
        ),
        passes(
            "same_stop_and_agency_url",
            &[(
                "stops.txt",
                "stop_id,stop_name,stop_lat,stop_lon,stop_url\n\
                 a,Rathaus,48.47,7.94,https://example.com/a\n",
            )],
        ),
        fails(
            "same_stop_and_route_url",
            1,
            &[
                (
                    "routes.txt",
                    "route_id,agency_id,route_short_name,route_type,route_url\n\
                     r,1,S1,3,https://example.com/x\n",
                ),
                (
                    "stops.txt",
                    "stop_id,stop_name,stop_lat,stop_lon,stop_url\n\
                     a,Rathaus,48.47,7.94,https://example.com/x\n",
                ),
            ],
        ),
        passes(
            "same_stop_and_route_url",
            &[
                (
                    "routes.txt",
                    "route_id,agency_id,route_short_name,route_type,route_url\n\
                     r,1,S1,3,https://example.com/x\n",
                ),
                (
                    "stops.txt",
                    "stop_id,stop_name,stop_lat,stop_lon,stop_url\n\
                     a,Rathaus,48.47,7.94,https://example.com/y\n",
                ),
            ],
        ),
    ],
};

fn check(feed: &Feed, out: &mut Out) {
    let (agency, routes, stops) = (feed.table("agency"), feed.table("routes"), feed.table("stops"));
    let (agency_urls, route_urls, stop_urls) =
        (agency.text("agency_url"), routes.text("route_url"), stops.text("stop_url"));
    let of_agencies = by_url(&agency_urls, agency.rows);
    let of_routes = by_url(&route_urls, routes.rows);
    let find = |map: &FxHashMap<String, Vec<usize>>, url: &str| {
        map.get(&url.to_ascii_lowercase()).cloned().unwrap_or_default()
    };
    let name = |row: usize| agency.text("agency_name").value(row);
    for row in (0..routes.rows).filter(|row| route_urls.has(*row)) {
        for other in find(&of_agencies, route_urls.get(row)) {
            out.add(&ROUTE_AND_AGENCY, || {
                [
                    agency.at(other),
                    name(other),
                    routes.at(row),
                    routes.text("route_id").value(row),
                    route_urls.value(row),
                ]
            });
        }
    }
    for row in (0..stops.rows).filter(|row| stop_urls.has(*row)) {
        let id = || stops.text("stop_id").value(row);
        for other in find(&of_agencies, stop_urls.get(row)) {
            out.add(&STOP_AND_AGENCY, || [agency.at(other), name(other), stops.at(row), id(), stop_urls.value(row)]);
        }
        for other in find(&of_routes, stop_urls.get(row)) {
            out.add(&STOP_AND_ROUTE, || {
                [routes.at(other), routes.text("route_id").value(other), stops.at(row), id(), stop_urls.value(row)]
            });
        }
    }
}

fn by_url(urls: &Text<'_>, rows: usize) -> FxHashMap<String, Vec<usize>> {
    let mut map: FxHashMap<String, Vec<usize>> = FxHashMap::default();
    for row in (0..rows).filter(|row| urls.has(*row)) {
        map.entry(urls.get(row).to_ascii_lowercase()).or_default().push(row);
    }
    map
}
