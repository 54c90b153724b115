//! What the reports say of a feed beside the notices: its summary, and the features that it uses.

use serde_json::{Map, Value, json};

use super::feed::Feed;
use super::pictures;
use super::rows;
use crate::decode::gtfs::Table;
use crate::feed_rules::notice::Notice;
use crate::feed_rules::report::{Circumstances, Place, Reported};
use crate::page::{both, day, number};
use crate::time::ServiceDate;
use maud::{Markup, html};

impl Reported for Feed {
    fn help_uri(notice: &Notice) -> String {
        format!("https://gtfs-validator.mobilitydata.org/rules.html#{}-rule", notice.code)
    }

    fn summary(&self, how: &Circumstances) -> Value {
        summary(self, how)
    }

    fn json_keys(&self) -> Map<String, Value> {
        let read = |(file, meant): &(String, String)| json!({"file": file, "readAs": meant});
        let letter_case: Vec<Value> = self.timetable.letter_case.iter().map(read).collect();
        Map::from_iter([("filesInOtherLetterCase".to_owned(), letter_case.into())])
    }

    fn sarif_properties(&self, how: &Circumstances) -> Value {
        json!({"dateForValidation": self.date.to_string(), "gtfsInput": how.input})
    }

    fn rows(&self, notice: &Notice, fields: &Map<String, Value>) -> Vec<(&'static str, Place)> {
        rows::rows(self, notice, fields)
    }

    fn place(&self, notice: &Notice, fields: &Map<String, Value>) -> Option<Place> {
        rows::place(self, notice, fields)
    }

    fn remarks(&self) -> Vec<String> {
        let read = |(file, meant): &(String, String)| {
            format!("{file} was read as {meant}: GTFS writes the names of files in small letters")
        };
        self.timetable.letter_case.iter().map(read).collect()
    }

    fn title(&self) -> (String, &'static str) {
        let title = self.table("agency").text("agency_name").get(0);
        (if title.is_empty() { self.timetable.name.clone() } else { title.to_owned() }, "GTFS")
    }

    fn introduction(&self, how: &Circumstances) -> Markup {
        let summary = summary(self, how);
        html! {
            p {
                (both("Prüfung des Fahrplans nach den Regeln von GTFS Schedule, Stand ", "Check of the timetable by the rules of GTFS Schedule, as of "))
                (day(self.date))
            }
            dl {
                @for (de, en, value) in [
                    ("Quelle", "Source", html! { (how.input) }),
                    ("Gültig laut feed_info.txt", "Valid according to feed_info.txt", range(&summary["feedInfo"], "feedStartDate", "feedEndDate")),
                    ("Fahrten von – bis", "Trips from – to", range(&summary["feedInfo"], "feedServiceWindowStart", "feedServiceWindowEnd")),
                    ("Merkmale", "Features", features_of_page(self)),
                ] {
                    dt { (both(de, en)) } dd { (value) }
                }
            }
            ul.counts {
                @for (key, de, en) in [("Agencies", "Unternehmen", "agencies"), ("Routes", "Linien", "routes"), ("Trips", "Fahrten", "trips"), ("Stops", "Halte", "stops"), ("Shapes", "Linienwege", "shapes"), ("Blocks", "Umläufe", "blocks")] {
                    li { b { (number(summary["counts"][key].as_u64().unwrap_or_default())) } " " (both(de, en)) }
                }
            }
        }
    }

    fn remarks_of_page(&self) -> Markup {
        html! {
            @for (file, meant) in &self.timetable.letter_case {
                p {
                    code { (file) } " – "
                    (both("gelesen als ", "read as ")) code { (meant) }
                    (both(": GTFS schreibt Dateinamen klein.", ": GTFS writes the names of files in small letters."))
                }
            }
        }
    }

    fn pictures(&self) -> Markup {
        html! {
            h2 #map { (both("Halte und Linienwege", "Stops and shapes")) }
            (pictures::map(self))
            h2 #days { (both("Fahrten je Tag", "Trips per day")) }
            (pictures::days(self))
        }
    }
}

fn summary(feed: &Feed, how: &Circumstances) -> Value {
    let info = feed.table("feed_info");
    let agency = feed.table("agency");
    let text = |table: &Table, column: &str, row: usize| table.text(column).get(row).to_owned();
    let window = window(feed);
    let iso = |days: Option<i32>| {
        days.and_then(ServiceDate::from_days_since_epoch).map_or(Value::Null, |date| date.to_string().into())
    };
    let agencies: Vec<Value> = (0..agency.rows)
        .map(|row| {
            json!({
                "name": text(agency, "agency_name", row),
                "url": text(agency, "agency_url", row),
                "phone": text(agency, "agency_phone", row),
                "email": text(agency, "agency_email", row),
                "timezone": text(agency, "agency_timezone", row),
            })
        })
        .collect();
    let mut files = feed.timetable.files.clone();
    files.sort_unstable();
    json!({
        "validatorVersion": concat!("fahrtenbuch ", env!("CARGO_PKG_VERSION")),
        "validatedAt": how.validated_at.to_string(),
        "gtfsInput": how.input,
        "threads": std::thread::available_parallelism().map_or(1, usize::from),
        "outputDirectory": how.output,
        "systemErrorsReportName": Value::Null,
        "validationReportName": how.output.as_ref().map(|_| "report.json"),
        "htmlReportName": how.output.as_ref().map(|_| "report.html"),
        "countryCode": how.country.as_deref().unwrap_or("ZZ"),
        "dateForValidation": feed.date.to_string(),
        "feedInfo": {
            "publisherName": text(info, "feed_publisher_name", 0),
            "publisherUrl": text(info, "feed_publisher_url", 0),
            "feedLanguage": text(info, "feed_lang", 0),
            "feedStartDate": iso(info.int("feed_start_date").get(0)),
            "feedEndDate": iso(info.int("feed_end_date").get(0)),
            "feedEmail": text(info, "feed_contact_email", 0),
            "feedServiceWindowStart": iso(window.map(|window| window.0)),
            "feedServiceWindowEnd": iso(window.map(|window| window.1)),
        },
        "agencies": agencies,
        "files": files,
        "validationTimeSeconds": how.seconds,
        "memoryUsageRecords": [],
        "counts": counts(feed),
        "gtfsFeatures": features(feed),
    })
}

/// How many of each there are, under the names of the canonical report.
fn counts(feed: &Feed) -> Map<String, Value> {
    let distinct = |table: &str, column: &str| feed.table(table).text(column).distinct();
    [
        ("Shapes", distinct("shapes", "shape_id")),
        ("Stops", distinct("stops", "stop_id")),
        ("Routes", distinct("routes", "route_id")),
        ("Trips", distinct("trips", "trip_id")),
        ("Agencies", distinct("agency", "agency_id")),
        ("Blocks", distinct("trips", "block_id")),
    ]
    .into_iter()
    .map(|(name, count)| (name.to_owned(), count.into()))
    .collect()
}

/// The first and the last day on which a trip runs, since 1970.
fn window(feed: &Feed) -> Option<(i32, i32)> {
    let services = feed.services();
    let mut used = services.of_trips(feed.table("trips"));
    used.sort_unstable();
    used.dedup();
    let days = used.iter().filter_map(|place| services.all.get(*place as usize)).map(|service| &service.days);
    let first = days.clone().filter_map(|days| days.first()).min()?;
    Some((first, days.filter_map(|days| days.last()).max()?))
}

fn range(object: &Value, from: &str, to: &str) -> Markup {
    let part = |key: &str| object[key].as_str().and_then(|date| date.parse::<ServiceDate>().ok());
    if part(from).is_none() && part(to).is_none() {
        return both("nicht angegeben", "not stated");
    }
    html! {
        @for (place, date) in [part(from), part(to)].into_iter().enumerate() {
            @if place > 0 { " – " }
            @match date { Some(date) => (day(date)), None => "?" }
        }
    }
}

fn features_of_page(feed: &Feed) -> Markup {
    let all = features(feed);
    html! { @if all.is_empty() { (both("keine über das Nötigste hinaus", "none beyond the basics")) } @else { (all.join(", ")) } }
}

/// What of GTFS the feed makes use of, under the names of the canonical report (<https://gtfs.org/features/>).
fn features(feed: &Feed) -> Vec<&'static str> {
    FEATURES
        .iter()
        .filter(|(_, ways)| {
            // A feature is used in any of several ways, each of them a list of tables and columns that have values.
            ways.iter().any(|way| {
                way.iter().all(|place| match place.split_once('.') {
                    Some((table, column)) => has_values(feed.table(table), column),
                    None if *place == "locations" => !feed.zones().all.is_empty(),
                    None => feed.table(place).rows > 0,
                })
            })
        })
        .map(|(name, _)| *name)
        .collect()
}

fn has_values(table: &Table, column: &str) -> bool {
    let (text, int, float) = (table.text(column), table.int(column), table.float(column));
    text.distinct() > 0 || (0..table.rows).any(|row| int.has(row) || float.has(row))
}

/// The features of GTFS and where each shows: any of several ways, each a list of tables or columns.
type Features = &'static [(&'static str, &'static [&'static [&'static str]])];
const FEATURES: Features = &[
    ("Pathway Connections", &[&["pathways"]]),
    ("Pathway Signs", &[&["pathways.signposted_as"], &["pathways.reversed_signposted_as"]]),
    (
        "Pathway Details",
        &[&["pathways.max_slope"], &["pathways.min_width"], &["pathways.length"], &["pathways.stair_count"]],
    ),
    ("Levels", &[&["levels"]]),
    ("In-station Traversal Time", &[&["pathways.traversal_time"]]),
    ("Transfers", &[&["transfers"]]),
    ("Shapes", &[&["shapes"]]),
    ("Frequencies", &[&["frequencies"]]),
    ("Feed Information", &[&["feed_info"]]),
    ("Attributions", &[&["attributions"]]),
    ("Translations", &[&["translations"]]),
    ("Fares V1", &[&["fare_attributes"]]),
    ("Fare Products", &[&["fare_products"]]),
    ("Fare Media", &[&["fare_media", "fare_products.fare_media_id"]]),
    ("Rider Categories", &[&["rider_categories", "fare_products.rider_category_id"]]),
    ("Fare Transfers", &[&["fare_transfer_rules"]]),
    (
        "Route-Based Fares",
        &[
            &["routes.network_id", "fare_products", "fare_leg_rules.network_id"],
            &["networks", "fare_products", "fare_leg_rules.network_id"],
        ],
    ),
    (
        "Time-Based Fares",
        &[
            &["timeframes", "fare_products", "fare_leg_rules.from_timeframe_group_id"],
            &["timeframes", "fare_products", "fare_leg_rules.to_timeframe_group_id"],
        ],
    ),
    (
        "Zone-Based Fares",
        &[
            &["areas", "fare_products", "fare_leg_rules.from_area_id"],
            &["areas", "fare_products", "fare_leg_rules.to_area_id"],
        ],
    ),
    ("Contactless EMV Support", &[&["agency.cemv_support"], &["routes.cemv_support"]]),
    ("Booking Rules", &[&["booking_rules"]]),
    ("Route Colors", &[&["routes.route_color"], &["routes.route_text_color"]]),
    ("Headsigns", &[&["trips.trip_headsign"], &["stop_times.stop_headsign"]]),
    ("Stops Wheelchair Accessibility", &[&["stops.wheelchair_boarding"]]),
    ("Trips Wheelchair Accessibility", &[&["trips.wheelchair_accessible"]]),
    ("Text-to-Speech", &[&["stops.tts_stop_name"]]),
    ("Bike Allowed", &[&["trips.bikes_allowed"]]),
    ("Cars Allowed", &[&["trips.cars_allowed"]]),
    ("Location Types", &[&["stops.location_type"]]),
    ("Stop Access", &[&["stops.stop_access"]]),
    (
        "Continuous Stops",
        &[
            &["routes.continuous_pickup"],
            &["routes.continuous_drop_off"],
            &["stop_times.continuous_pickup"],
            &["stop_times.continuous_drop_off"],
        ],
    ),
    ("Zone-Based Demand Responsive Services", &[&["locations", "stop_times.location_id"]]),
    ("Fixed-Stops Demand Responsive Transit", &[&["location_groups", "stop_times.location_group_id"]]),
];
