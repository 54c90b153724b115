//! The same web page for a stop, its route and its agency.

use rustc_hash::FxHashMap;

use super::prelude::*;

notice!(ROUTE_AND_AGENCY = "same_route_and_agency_url", Warning, ["routes.txt", "agency.txt"],
    ["agencyCsvRowNumber", "agencyName", "routeCsvRowNumber", "routeId", "routeUrl"],
    "The page of the route is that of its agency, where riders find nothing about the route.", "Give the page of the route, or leave it empty.",
    "Die Seite der Linie ist die des Unternehmens; dort steht nichts über die Linie.", "Seite der Linie angeben oder leer lassen.");
notice!(STOP_AND_AGENCY = "same_stop_and_agency_url", Warning, ["stops.txt", "agency.txt"],
    ["agencyCsvRowNumber", "agencyName", "stopCsvRowNumber", "stopId", "stopUrl"],
    "The page of the stop is that of an agency.", "Give the page of the stop, or leave it empty.",
    "Die Seite des Halts ist die eines Unternehmens.", "Seite des Halts angeben oder leer lassen.");
notice!(STOP_AND_ROUTE = "same_stop_and_route_url", Warning, ["stops.txt", "routes.txt"],
    ["routeCsvRowNumber", "routeId", "stopCsvRowNumber", "stopId", "stopUrl"],
    "The page of the stop is that of a route.", "Give the page of the stop, or leave it empty.",
    "Die Seite des Halts ist die einer Linie.", "Seite des Halts angeben oder leer lassen.");

rule!([ROUTE_AND_AGENCY, STOP_AND_AGENCY, STOP_AND_ROUTE], needs: ["agency", "routes", "stops"], check, &[
    fails("same_route_and_agency_url", 1, &[("routes.txt", "route_id,agency_id,route_short_name,route_type,route_url\nr,1,S1,3,https://EXAMPLE.com\n")]),
    passes("same_route_and_agency_url", &[("routes.txt", "route_id,agency_id,route_short_name,route_type,route_url\nr,1,S1,3,https://example.com/s1\n")]),
    fails("same_stop_and_agency_url", 1, &[("stops.txt", "stop_id,stop_name,stop_lat,stop_lon,stop_url\na,Rathaus,48.47,7.94,https://example.com\n")]),
    passes("same_stop_and_agency_url", &[("stops.txt", "stop_id,stop_name,stop_lat,stop_lon,stop_url\na,Rathaus,48.47,7.94,https://example.com/a\n")]),
    fails("same_stop_and_route_url", 1, &[("routes.txt", "route_id,agency_id,route_short_name,route_type,route_url\nr,1,S1,3,https://example.com/x\n"), ("stops.txt", "stop_id,stop_name,stop_lat,stop_lon,stop_url\na,Rathaus,48.47,7.94,https://example.com/x\n")]),
    passes("same_stop_and_route_url", &[("routes.txt", "route_id,agency_id,route_short_name,route_type,route_url\nr,1,S1,3,https://example.com/x\n"), ("stops.txt", "stop_id,stop_name,stop_lat,stop_lon,stop_url\na,Rathaus,48.47,7.94,https://example.com/y\n")]),
]);

fn check(feed: &Feed, out: &mut Out) {
    let (agency, routes, stops) = (feed.table("agency"), feed.table("routes"), feed.table("stops"));
    let (agency_urls, route_urls, stop_urls) = (agency.text("agency_url"), routes.text("route_url"), stops.text("stop_url"));
    let of_agencies = by_url(&agency_urls, agency.rows);
    let of_routes = by_url(&route_urls, routes.rows);
    let find = |map: &FxHashMap<String, Vec<usize>>, url: &str| map.get(&url.to_ascii_lowercase()).cloned().unwrap_or_default();
    let name = |row: usize| agency.text("agency_name").value(row);
    for row in (0..routes.rows).filter(|row| route_urls.has(*row)) {
        for other in find(&of_agencies, route_urls.get(row)) {
            out.add(&ROUTE_AND_AGENCY, || {
                [agency.at(other), name(other), routes.at(row), routes.text("route_id").value(row), route_urls.value(row)]
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

fn by_url(urls: &crate::feed_rules::gtfs::feed::Text<'_>, rows: usize) -> FxHashMap<String, Vec<usize>> {
    let mut map: FxHashMap<String, Vec<usize>> = FxHashMap::default();
    for row in (0..rows).filter(|row| urls.has(*row)) {
        map.entry(urls.get(row).to_ascii_lowercase()).or_default().push(row);
    }
    map
}
