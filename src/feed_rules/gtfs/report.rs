//! A report as JSON in the canonical shape, as SARIF, as a page for people, and as a table for a terminal.

use std::collections::BTreeMap;
use std::fmt::Write;

use jiff::Timestamp;
use maud::{Markup, html};
use serde_json::{Map, Value, json};

use crate::contract::Severity;
use crate::decode::timetable::Table;
use crate::feed_rules::gtfs::Report;
use crate::feed_rules::gtfs::feed::{Feed, date};
use crate::feed_rules::gtfs::rows::{self, Place};
use crate::feed_rules::notice::Notice;
use crate::page::{both, page};
use crate::time::ServiceDate;

/// Samples of a notice that the page shows.
const SHOWN: usize = 20;
/// Points of shapes, and stops, that the map draws.
const MAP_POINTS: usize = 40_000;
const MAP_STOPS: usize = 10_000;
/// Days that the picture of service shows.
const DAYS: i32 = 366;

/// How the report came about; goes into its summary.
#[derive(Clone, Debug)]
pub struct Circumstances {
    pub input: String,
    pub validated_at: Timestamp,
    pub seconds: f64,
    pub country: Option<String>,
    pub output: Option<String>,
}

/// The word of a severity in the canonical report.
pub fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "ERROR",
        Severity::Warning => "WARNING",
        Severity::Info => "INFO",
    }
}

impl Report {
    /// `report.json`: `summary` and `notices`, which readers of the canonical report understand. What is ours alone stands
    /// in `rulesNotRun` and `changes`.
    pub fn json(&self, how: &Circumstances) -> Value {
        let notices: Vec<Value> = self
            .results
            .iter()
            .map(|result| {
                let found = &result.found;
                json!({
                    "code": found.notice.code,
                    "severity": word(result.severity),
                    "totalNotices": found.total,
                    "sampleNotices": found.samples.iter().map(|sample| fields(found.notice, sample)).collect::<Vec<_>>(),
                })
            })
            .collect();
        let letter_case = self.feed.timetable.letter_case.iter();
        let letter_case: Vec<Value> = letter_case.map(|(file, meant)| json!({"file": file, "readAs": meant})).collect();
        let not_run: Vec<Value> =
            self.incomplete().map(|(rule, because)| json!({"rule": rule, "because": because})).collect();
        json!({
            "summary": self.summary(how),
            "notices": notices,
            "rulesNotRun": not_run,
            "filesInOtherLetterCase": letter_case,
            "changes": self.changes,
        })
    }

    fn summary(&self, how: &Circumstances) -> Value {
        let info = self.feed.table("feed_info");
        let agency = self.feed.table("agency");
        let text = |table: &Table, column: &str, row: usize| table.text(column).get(row).to_owned();
        let window = self.window();
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
        let mut files = self.feed.timetable.files.clone();
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
            "dateForValidation": self.feed.date.to_string(),
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
            "counts": self.counts(),
            "gtfsFeatures": self.features(),
        })
    }

    /// How many of each there are, under the names of the canonical report.
    fn counts(&self) -> Map<String, Value> {
        let distinct = |table: &str, column: &str| self.feed.table(table).text(column).distinct();
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
    fn window(&self) -> Option<(i32, i32)> {
        let services = self.feed.services();
        let mut used = services.of_trips(&self.feed);
        used.sort_unstable();
        used.dedup();
        let days = used.iter().filter_map(|place| services.all.get(*place as usize)).map(|service| &service.days);
        let first = days.clone().filter_map(|days| days.first()).min()?;
        Some((first, days.filter_map(|days| days.last()).max()?))
    }

    /// The rules that did not run or not to their end, and why: the file that could not be read, or what was left out.
    pub fn incomplete(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let not_run = self.not_run.iter().map(|(rule, file)| (*rule, file.as_str()));
        not_run.chain(self.cut.iter().map(|(rule, cut)| (*rule, cut.en)))
    }

    /// What of GTFS the feed makes use of, under the names of the canonical report (<https://gtfs.org/features/>).
    fn features(&self) -> Vec<&'static str> {
        FEATURES
            .iter()
            .filter(|(_, ways)| {
                // A feature is used in any of several ways, each of them a list of tables and columns that have values.
                ways.iter().any(|way| {
                    way.iter().all(|place| match place.split_once('.') {
                        Some((table, column)) => has_values(self.feed.table(table), column),
                        None if *place == "locations" => !self.feed.zones().all.is_empty(),
                        None => self.feed.table(place).rows > 0,
                    })
                })
            })
            .map(|(name, _)| *name)
            .collect()
    }

    /// The report as SARIF 2.1.0, for tools that show the findings of checkers beside the files.
    pub fn sarif(&self, how: &Circumstances) -> Value {
        let level = |severity| match severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "note",
        };
        let rules: Vec<Value> = self
            .results
            .iter()
            .map(|result| {
                let notice = result.found.notice;
                json!({
                    "id": notice.code,
                    "shortDescription": {"text": notice.en.what},
                    "help": {"text": notice.en.mend},
                    "helpUri": format!("https://gtfs-validator.mobilitydata.org/rules.html#{}-rule", notice.code),
                    "defaultConfiguration": {"level": level(result.severity)},
                })
            })
            .collect();
        let mut results = Vec::new();
        for (place, result) in self.results.iter().enumerate() {
            let notice = result.found.notice;
            for sample in &result.found.samples {
                let named = fields(notice, sample);
                let location = |place: &Place| {
                    let mut location = Map::new();
                    location.insert("artifactLocation".into(), json!({"uri": place.file}));
                    if let Some(line) = place.row {
                        location.insert("region".into(), json!({"startLine": line}));
                    }
                    json!({"physicalLocation": location})
                };
                let first = rows::place(&self.feed, notice, &named);
                let others = rows::rows(&self.feed, notice, &named).into_iter().skip(1);
                let others: Vec<Value> = others
                    .map(|(field, place)| {
                        let mut other = location(&place);
                        other["message"] = json!({"text": field});
                        other
                    })
                    .collect();
                let mut found = json!({
                    "ruleId": notice.code,
                    "ruleIndex": place,
                    "level": level(result.severity),
                    "message": {"text": format!("{} {}", notice.en.what, notice.en.mend)},
                    "locations": first.iter().map(location).collect::<Vec<_>>(),
                    "properties": named,
                });
                if !others.is_empty() {
                    found["relatedLocations"] = others.into();
                }
                results.push(found);
            }
        }
        json!({
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": {"driver": {
                    "name": "fahrtenbuch",
                    "version": env!("CARGO_PKG_VERSION"),
                    "rules": rules,
                }},
                "invocations": [{
                    "executionSuccessful": true,
                    "endTimeUtc": how.validated_at.to_string(),
                    "properties": {"dateForValidation": self.feed.date.to_string(), "gtfsInput": how.input},
                }],
                "results": results,
            }],
        })
    }

    /// The report as a table for a terminal.
    pub fn table(&self) -> String {
        let mut out = String::new();
        if !self.results.is_empty() {
            let mut table = comfy_table::Table::new();
            table.load_style(comfy_table::presets::UTF8_BORDERS_ONLY);
            table.set_header(["severity", "notice", "count", "first at"]);
            for result in &self.results {
                let found = &result.found;
                let first =
                    found.samples.first().map_or_else(String::new, |sample| place(&self.feed, found.notice, sample));
                table.add_row([
                    word(result.severity).to_lowercase(),
                    found.notice.code.to_owned(),
                    found.total.to_string(),
                    first,
                ]);
            }
            let _ = writeln!(out, "{table}");
        }
        for (rule, cut) in &self.cut {
            let _ = writeln!(out, "not run to its end: {rule}, because {}", cut.en);
        }
        if !self.not_run.is_empty() {
            let mut by_file: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
            for (rule, file) in &self.not_run {
                by_file.entry(file).or_default().push(rule);
            }
            for (file, rules) in by_file {
                let _ = writeln!(out, "not run, because {file} could not be read: {}", rules.join(", "));
            }
        }
        for (file, meant) in &self.feed.timetable.letter_case {
            let _ = writeln!(out, "{file} was read as {meant}: GTFS writes the names of files in small letters");
        }
        for change in &self.changes {
            let severity = change.severity.map_or("off", |severity| word(severity));
            let _ = writeln!(out, "changed: {} is {}, because {}", change.code, severity.to_lowercase(), change.reason);
        }
        let of = |severity| {
            self.count(severity)
                - self.results.iter().filter(|r| r.severity > severity).map(|r| r.found.total).sum::<u64>()
        };
        let _ = writeln!(
            out,
            "{} errors, {} warnings, {} remarks",
            of(Severity::Error),
            of(Severity::Warning),
            of(Severity::Info)
        );
        out
    }

    /// The report as one page in German and English that needs nothing else.
    pub fn html(&self, how: &Circumstances) -> String {
        let summary = self.summary(how);
        let title = self.feed.table("agency").text("agency_name").get(0);
        let title = if title.is_empty() { self.feed.timetable.name.as_str() } else { title };
        let number = |severity: Severity| -> u64 {
            self.results.iter().filter(|result| result.severity == severity).map(|result| result.found.total).sum()
        };
        let severities = [
            (Severity::Error, "Fehler", "Errors", "error"),
            (Severity::Warning, "Warnungen", "Warnings", "warning"),
            (Severity::Info, "Hinweise", "Remarks", "info"),
        ];
        let content = html! {
            h1 { (title) }
            p {
                (both("Prüfung des Fahrplans nach den Regeln von GTFS Schedule, Stand ", "Check of the timetable by the rules of GTFS Schedule, as of "))
                (self.feed.date.to_string())
            }
            dl {
                @for (de, en, value) in [
                    ("Quelle", "Source", how.input.clone()),
                    ("Gültig laut feed_info.txt", "Valid according to feed_info.txt", range(&summary["feedInfo"], "feedStartDate", "feedEndDate")),
                    ("Fahrten von – bis", "Trips from – to", range(&summary["feedInfo"], "feedServiceWindowStart", "feedServiceWindowEnd")),
                    ("Merkmale", "Features", self.features().join(", ")),
                ] {
                    dt { (both(de, en)) } dd { (value) }
                }
            }
            ul.counts {
                @for (key, de, en) in [("Agencies", "Unternehmen", "agencies"), ("Routes", "Linien", "routes"), ("Trips", "Fahrten", "trips"), ("Stops", "Halte", "stops"), ("Shapes", "Linienwege", "shapes"), ("Blocks", "Umläufe", "blocks")] {
                    li { b { (summary["counts"][key].to_string()) } " " (both(de, en)) }
                }
            }
            ul.counts {
                @for (severity, de, en, class) in severities {
                    li class=(class) { b { (number(severity)) } " " (both(de, en)) }
                }
            }
            @for (severity, de, en, class) in severities {
                @if self.results.iter().any(|result| result.severity == severity) {
                    h2 { (both(de, en)) }
                    @for result in self.results.iter().filter(|result| result.severity == severity) {
                        (notice(result, class))
                    }
                }
            }
            @for (file, meant) in &self.feed.timetable.letter_case {
                p {
                    code { (file) } " – "
                    (both("gelesen als ", "read as ")) code { (meant) }
                    (both(": GTFS schreibt Dateinamen klein.", ": GTFS writes the names of files in small letters."))
                }
            }
            @if !self.not_run.is_empty() {
                h2 { (both("Nicht geprüft", "Not checked")) }
                p { (both("Diese Regeln konnten nicht laufen, weil eine Datei nicht vollständig lesbar war.", "These rules could not run, because a file could not be read completely.")) }
                ul { @for (rule, file) in &self.not_run { li { code { (rule) } " – " (file) } } }
            }
            @if !self.cut.is_empty() {
                h2 { (both("Nicht vollständig geprüft", "Not checked completely")) }
                p { (both("Hier wäre der Aufwand zu groß gewesen.", "Here it would have taken too long.")) }
                ul { @for (rule, cut) in &self.cut { li { code { (rule) } " – " (both(cut.de, cut.en)) } } }
            }
            @if !self.changes.is_empty() {
                h2 { (both("Geänderte Regeln", "Changed rules")) }
                ul { @for change in &self.changes {
                    li { code { (change.code) } ": " (change.severity.map_or("off", word)) " – " (change.reason) }
                } }
            }
            h2 { (both("Halte und Linienwege", "Stops and shapes")) }
            (self.map())
            h2 { (both("Fahrten je Tag", "Trips per day")) }
            (self.days())
            footer { "fahrtenbuch " (env!("CARGO_PKG_VERSION")) ", " (how.validated_at.to_string()) }
        };
        page(&format!("{title} – GTFS"), STYLE, &content)
    }

    /// Stops and shapes as a picture, north up, true to scale in the middle.
    fn map(&self) -> Markup {
        let places: Vec<[f64; 2]> = self.feed.locations().iter().flatten().copied().collect();
        let shapes = self.feed.table("shapes");
        let (lat, lon) = (shapes.float("shape_pt_lat"), shapes.float("shape_pt_lon"));
        let usable = |place: &[f64; 2]| place[0].abs() < 89.0 && (place[0].abs() > 1.0 || place[1].abs() > 1.0);
        let stops: Vec<[f64; 2]> = places.into_iter().filter(usable).collect();
        let every = shapes.rows.div_ceil(MAP_POINTS).max(1);
        let lines: Vec<Vec<[f64; 2]>> = self
            .feed
            .shape_points()
            .iter()
            .map(|(_, rows)| {
                let last = rows.len() - 1;
                let kept = rows.iter().enumerate().filter(|(place, _)| place % every == 0 || *place == last);
                kept.filter_map(|(_, row)| Some([lat.get(row)?, lon.get(row)?])).filter(usable).collect()
            })
            .collect();
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
        html! {
            svg role="img" viewBox=(format!("0 0 {:.0} {:.0}", width * scale + 40.0, height * scale + 40.0)) {
                title { "Halte und Linienwege / stops and shapes" }
                path.shape d=(path) {}
                @for stop in stops.iter().step_by(step) {
                    @let (x, y) = point(stop);
                    circle cx=(format!("{x:.1}")) cy=(format!("{y:.1}")) r="2" {}
                }
            }
        }
    }

    /// Trips per day around the date of the report, as bars.
    fn days(&self) -> Markup {
        let per_day = self.feed.services().trips_per_day(&self.feed);
        let today = self.feed.date.days_since_epoch();
        let (Some(&(first, _)), Some(&(last, _))) = (per_day.first(), per_day.last()) else {
            return html! { p { "–" } };
        };
        // The year that begins a month ago, or what there is nearest to it.
        let from = (today - 30).min(last - DAYS + 1).max(first);
        let until = last.min(from + DAYS - 1);
        let place = |day: i32| per_day.partition_point(|(other, _)| *other < day);
        let shown_days = &per_day[place(from)..place(until + 1)];
        let most = shown_days.iter().map(|(_, trips)| *trips).max().unwrap_or(1).max(1);
        let width = 1000.0 / f64::from(until - from + 1);
        let shown = |day: i32| date(day).as_str().unwrap_or_default().to_owned();
        html! {
            svg role="img" viewBox="0 0 1000 160" {
                title { "Fahrten je Tag / trips per day" }
                @for (day, trips) in shown_days {
                    @let height = 120.0 * *trips as f64 / most as f64;
                    rect.today[*day == today] x=(format!("{:.2}", f64::from(*day - from) * width)) y=(format!("{:.1}", 130.0 - height))
                        width=(format!("{:.2}", width * 0.85)) height=(format!("{height:.1}")) {
                        title { (shown(*day)) ": " (trips) }
                    }
                }
                text x="0" y="150" { (shown(from)) }
                text x="1000" y="150" text-anchor="end" { (shown(until)) }
                text x="0" y="10" { (most) }
            }
        }
    }
}

fn notice(result: &super::Result, class: &str) -> Markup {
    let found = &result.found;
    let notice = found.notice;
    html! {
        details class=(class) {
            summary { code { (notice.code) } " " b { (found.total) } " " (both(notice.de.what, notice.en.what)) }
            p { b { (both("Abhilfe: ", "To mend: ")) } (both(notice.de.mend, notice.en.mend)) }
            @if !notice.files.is_empty() { p { (notice.files.join(", ")) } }
            @if !found.samples.is_empty() && !notice.fields.is_empty() {
                div.wide { table {
                    thead { tr { @for field in notice.fields { th { (field) } } } }
                    tbody { @for sample in found.samples.iter().take(SHOWN) {
                        tr { @for value in sample { td { (shown(value)) } } }
                    } }
                } }
                @if found.total > SHOWN as u64 {
                    p { "… " (found.total - found.samples.len().min(SHOWN) as u64) " " (both("weitere", "more")) }
                }
            }
        }
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_f64() => {
            let value = number.as_f64().unwrap_or_default();
            format!("{value:.4}").trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        other => other.to_string(),
    }
}

fn range(object: &Value, from: &str, to: &str) -> String {
    let part = |key: &str| object[key].as_str().unwrap_or("?").to_owned();
    format!("{} – {}", part(from), part(to))
}

/// A sample's values by the names of the context fields.
pub fn fields(notice: &Notice, sample: &[Value]) -> Map<String, Value> {
    notice.fields.iter().zip(sample).map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

/// Where a sample is, in a few words.
fn place(feed: &Feed, notice: &Notice, sample: &[Value]) -> String {
    let fields = fields(notice, sample);
    let text = |names: &[&str]| names.iter().find_map(|name| fields.get(*name)).map(shown).unwrap_or_default();
    let place = rows::place(feed, notice, &fields);
    let file = place.as_ref().map_or("", |place| place.file.as_str());
    let row = place.as_ref().and_then(|place| place.row).map_or_else(String::new, |row| format!(":{row}"));
    let what = text(&["fieldName", "childFieldName", "columnName", "serviceId", "stopId", "tripId"]);
    format!("{file}{row} {what}").trim().to_owned()
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

const STYLE: &str = "\
h2{margin-top:2rem}\
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem}dt{color:#555}dd{margin:0}\
.counts{display:flex;flex-wrap:wrap;gap:.5rem 1.5rem;list-style:none;padding:0}\
details{border-left:.4rem solid;padding:.3rem .8rem;margin:.4rem 0;background:#f6f6f6}\
.error{border-color:#b3261e}.warning{border-color:#b26a00}.info{border-color:#2c5f9e}\
li.error b{color:#b3261e}li.warning b{color:#8a5200}li.info b{color:#2c5f9e}\
table{font-size:.85rem}th,td{border:1px solid #ccc;padding:.1rem .4rem;text-align:left}\
svg{width:100%;height:auto;max-height:85vh;background:#f6f6f6}.shape{fill:none;stroke:#2c5f9e;stroke-width:.8}circle{fill:#b3261e}\
rect{fill:#2c5f9e}rect.today{fill:#b3261e}text{font-size:12px;fill:#333}\
@media(prefers-color-scheme:dark){details,svg{background:#222}dt{color:#aaa}text{fill:#ccc}\
th,td{border-color:#444}li.error b{color:#ff8a80}li.warning b{color:#ffb74d}li.info b{color:#90caf9}}";
