//! Small timetables along a meridian, a stop at each hundredth of a degree (1.1 km), and what is said of their trips.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMillisecondType;
use arrow_array::{Array, ArrayRef, Float64Array, Int32Array, RecordBatch, StringArray, TimestampMillisecondArray};
use jiff::tz::TimeZone;

use super::TripsObserved;
use crate::contract::library::Library;
use crate::derive::derivation::{DerivationType, DeriveContext, InputAccount};
use crate::derive::error::DeriveError;
use crate::table::{Budget, Lineage};

/// Noon minus twelve hours of the date in Berlin, seconds since 1970: 2026-11-23T23:00:00Z.
const ZERO: i64 = 1_795_474_800;
const EIGHT: i32 = 8 * 3600;
const BUDGET: usize = 1 << 20;

/// The timetable.
#[derive(Clone, Default)]
struct Planned {
    /// Trips with their stops, each of which is a digit, and their start; two minutes lie between two stops.
    trips: Vec<(&'static str, &'static str, i32)>,
    /// Trip, first and last start, headway, `exact_times`.
    frequencies: Vec<(&'static str, i32, i32, i32, i32)>,
}

/// A row of `vehicle_locations`, in seconds since the zero of the date; latitudes in stops.
#[derive(Clone, Copy, Default)]
struct Report {
    trip: Option<&'static str>,
    start: Option<i32>,
    relationship: Option<&'static str>,
    at: i32,
    vehicle: Option<&'static str>,
    stop: Option<&'static str>,
    sequence: Option<i32>,
    status: Option<&'static str>,
    place: Option<f64>,
}

/// A row of `trip_updates`.
#[derive(Clone, Copy, Default)]
struct Prediction {
    trip: Option<&'static str>,
    start: Option<i32>,
    relationship: Option<&'static str>,
    received: i32,
    route: Option<&'static str>,
}

/// A report of the trip `t` near a stop.
fn near(at: i32, place: f64) -> Report {
    Report { trip: Some("t"), at, place: Some(place), ..Report::default() }
}

/// A report of the trip `t` that names a stop.
fn says(at: i32, status: &'static str, stop: Option<&'static str>, sequence: Option<i32>) -> Report {
    Report { trip: Some("t"), at, status: Some(status), stop, sequence, ..Report::default() }
}

fn once(stops: &'static str) -> Planned {
    Planned { trips: vec![("t", stops, EIGHT)], ..Planned::default() }
}

fn texts<'a>(values: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
    Arc::new(values.collect::<StringArray>())
}

fn numbers(values: impl Iterator<Item = Option<i32>>) -> ArrayRef {
    Arc::new(values.collect::<Int32Array>())
}

fn instants(values: impl Iterator<Item = i32>) -> ArrayRef {
    let values = values.map(|second| (ZERO + i64::from(second)) * 1000);
    Arc::new(TimestampMillisecondArray::from_iter_values(values).with_timezone("UTC"))
}

fn batch(columns: Vec<ArrayRef>) -> RecordBatch {
    let names = (0..columns.len()).map(|column| column.to_string());
    RecordBatch::try_from_iter_with_nullable(names.zip(columns).map(|(name, column)| (name, column, true))).unwrap()
}

impl Planned {
    fn tables(&self) -> BTreeMap<&'static str, RecordBatch> {
        let trips = || self.trips.iter();
        // Backwards, since nothing says that rows of stop_times are sorted.
        let mut times: Vec<(&str, i32, String, i32)> = trips()
            .flat_map(|(trip, stops, start)| {
                let calls = stops.chars().enumerate();
                calls.map(move |(place, stop)| (*trip, place as i32 + 1, stop.to_string(), start + 120 * place as i32))
            })
            .collect();
        times.reverse();
        let digits: Vec<String> = (0..10).map(|digit| digit.to_string()).collect();
        let latitudes = (0..10).map(|digit| 48.0 + f64::from(digit) / 100.0);
        let frequencies = || self.frequencies.iter();
        BTreeMap::from([
            (
                "trips",
                batch(vec![
                    texts(trips().map(|(trip, ..)| Some(*trip))),
                    texts(trips().map(|_| Some("S1"))),
                    numbers(trips().map(|_| Some(1))),
                ]),
            ),
            (
                "stop_times",
                batch(vec![
                    texts(times.iter().map(|(trip, ..)| Some(*trip))),
                    numbers(times.iter().map(|(_, sequence, ..)| Some(*sequence))),
                    texts(times.iter().map(|(_, _, stop, _)| Some(stop.as_str()))),
                    numbers(times.iter().map(|(.., time)| Some(*time))),
                    numbers(times.iter().map(|(.., time)| Some(*time))),
                ]),
            ),
            (
                "stops",
                batch(vec![
                    texts(digits.iter().map(|digit| Some(digit.as_str()))),
                    Arc::new(latitudes.map(Some).collect::<Float64Array>()),
                    Arc::new(Float64Array::from(vec![8.0; 10])),
                ]),
            ),
            (
                "frequencies",
                batch(vec![
                    texts(frequencies().map(|(trip, ..)| Some(*trip))),
                    numbers(frequencies().map(|(_, begin, ..)| Some(*begin))),
                    numbers(frequencies().map(|(_, _, end, ..)| Some(*end))),
                    numbers(frequencies().map(|(.., headway, _)| Some(*headway))),
                    numbers(frequencies().map(|(.., exact)| Some(*exact))),
                ]),
            ),
        ])
    }
}

/// With the origin fields, each row where it stands.
fn placed(columns: Vec<ArrayRef>, rows: usize) -> RecordBatch {
    let columns = batch(columns);
    let places: Vec<(u32, u64)> = (0..rows as u64).map(|row| (0, row)).collect();
    Lineage::of_first(&places).with(columns.schema().fields(), columns.columns().to_vec()).unwrap()
}

fn of_reports(reports: &[Report]) -> RecordBatch {
    let rows = || reports.iter();
    let columns = vec![
        texts(rows().map(|row| row.trip)),
        numbers(rows().map(|row| row.start)),
        texts(rows().map(|row| row.relationship)),
        texts(rows().map(|_| Some("S7"))),
        numbers(rows().map(|_| None)),
        instants(rows().map(|row| row.at)),
        texts(rows().map(|row| row.vehicle)),
        texts(rows().map(|row| row.stop)),
        numbers(rows().map(|row| row.sequence)),
        texts(rows().map(|row| row.status)),
        Arc::new(rows().map(|row| row.place.map(|place| 48.0 + place / 100.0)).collect::<Float64Array>()),
        Arc::new(rows().map(|row| row.place.map(|_| 8.0)).collect::<Float64Array>()),
    ];
    placed(columns, reports.len())
}

fn of_predictions(predictions: &[Prediction]) -> RecordBatch {
    let rows = || predictions.iter();
    let columns = vec![
        texts(rows().map(|row| row.trip)),
        numbers(rows().map(|row| row.start)),
        texts(rows().map(|row| row.relationship)),
        texts(rows().map(|row| row.route)),
        numbers(rows().map(|_| None)),
        instants(rows().map(|row| row.received)),
        instants(rows().map(|row| row.received)),
    ];
    placed(columns, predictions.len())
}

/// The rows, as the value of each column in words; and the accounts.
type Rows = (Vec<BTreeMap<String, String>>, Vec<InputAccount>);

fn run_in(
    bytes: usize,
    planned: &Planned,
    reports: &[RecordBatch],
    predictions: &[RecordBatch],
) -> Result<Rows, DeriveError> {
    let library = Library::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/stadtbus")).unwrap();
    let budget = Budget::new(bytes);
    let context = DeriveContext {
        service_date: "2026-11-24".parse().unwrap(),
        zone: TimeZone::get("Europe/Berlin").unwrap(),
        contracts: vec![library.get("trips_observed").unwrap().clone()],
        timetable: planned.tables(),
        timetable_origin: 1,
        made: Vec::new(),
        sources: std::sync::Arc::default(),
        budget: budget.clone(),
    };
    let mut run = TripsObserved.begin(context)?;
    for rows in reports {
        assert!(run.push(4, rows.clone())?.is_empty());
    }
    for rows in predictions {
        assert!(run.push(5, rows.clone())?.is_empty());
    }
    let finished = run.finish()?;
    assert_eq!(budget.left(), bytes, "what was booked is given back");
    let mut rows = Vec::new();
    for derived in finished.derived {
        let of = &derived?.chunk.rows;
        for row in 0..of.num_rows() {
            let columns = of.schema_ref().fields().iter().zip(of.columns());
            let words = columns.map(|(field, column)| (field.name().clone(), word(column, row)));
            rows.push(words.collect());
        }
    }
    Ok((rows, finished.inputs))
}

fn word(column: &ArrayRef, row: usize) -> String {
    match column.as_primitive_opt::<TimestampMillisecondType>().filter(|instants| instants.is_valid(row)) {
        Some(instants) => jiff::Timestamp::from_millisecond(instants.value(row)).unwrap().to_string(),
        None if column.is_null(row) => String::new(),
        None => arrow_cast::display::array_value_to_string(column, row).unwrap(),
    }
}

fn run(planned: &Planned, reports: &[Report], predictions: &[Prediction]) -> Vec<BTreeMap<String, String>> {
    run_in(BUDGET, planned, &[of_reports(reports)], &[of_predictions(predictions)]).unwrap().0
}

/// Some columns of all rows.
fn columns(rows: &[BTreeMap<String, String>], names: &[&str]) -> Vec<String> {
    rows.iter().map(|row| names.iter().map(|name| row[*name].as_str()).collect::<Vec<_>>().join(" ")).collect()
}

fn seen(stops: &'static str, reports: &[Report]) -> String {
    let rows = run(&once(stops), reports, &[]);
    assert_eq!(rows.len(), 1);
    rows[0]["stops_seen"].clone()
}

#[test]
fn a_planned_trip_without_a_report_is_a_row_and_after_midnight_keeps_its_service_date() {
    let planned = Planned { trips: vec![("t", "0123", 25 * 3600)], ..Planned::default() };
    let [row] = run(&planned, &[], &[]).try_into().unwrap();
    let value = |name: &str| row[name].as_str();
    assert_eq!((value("service_date"), value("trip_id_scheduled"), value("route_id")), ("2026-11-24", "t", "S1"));
    assert_eq!((value("trip_start_time"), value("trip_end_time")), ("90000", "90360"));
    assert_eq!(value("schedule_trip_start"), "2026-11-25T00:00:00Z");
    assert_eq!(value("schedule_trip_end"), "2026-11-25T00:06:00Z");
    assert_eq!((value("is_planned"), value("is_added"), value("is_cancelled")), ("true", "false", "false"));
    assert_eq!((value("reports"), value("vehicles"), value("first_report_at")), ("0", "0", ""));
    assert_eq!((value("stops_planned"), value("stops_seen"), value("share_of_stops_seen")), ("4", "0", "0.0"));
}

#[test]
fn reports_are_counted_with_their_first_and_last_and_their_vehicles() {
    let report = |at, vehicle| Report { trip: Some("t"), at, vehicle, ..Report::default() };
    let reports = [report(EIGHT + 60, Some("a")), report(EIGHT, None), report(EIGHT + 30, Some("b"))];
    let names = ["reports", "vehicles", "first_report_at", "last_report_at", "route_id"];
    let found = columns(&run(&once("01"), &reports, &[]), &names);
    assert_eq!(found, ["3 2 2026-11-24T07:00:00Z 2026-11-24T07:01:00Z S1"]);
}

#[test]
fn the_last_prediction_of_the_day_says_whether_a_trip_is_cancelled_in_whatever_order_they_come() {
    let says = |received, relationship| Prediction { trip: Some("t"), received, relationship, ..Prediction::default() };
    let cancelled = |predictions: &[Prediction]| {
        let mut turned = predictions.to_vec();
        turned.reverse();
        let [one, other] = [predictions, &turned].map(|rows| columns(&run(&once("01"), &[], rows), &["is_cancelled"]));
        assert_eq!(one, other);
        one[0].clone()
    };
    assert_eq!(cancelled(&[says(10, Some("CANCELED")), says(20, Some("SCHEDULED"))]), "false");
    assert_eq!(cancelled(&[says(10, None), says(20, Some("DELETED"))]), "true");
    assert_eq!(cancelled(&[says(10, Some("CANCELED")), says(20, None)]), "false");
    assert_eq!(cancelled(&[says(10, Some("SCHEDULED")), says(10, Some("CANCELED"))]), "true");
}

#[test]
fn trips_that_the_timetable_does_not_have_are_rows_of_their_own() {
    let report = |trip, start, relationship| Report { trip: Some(trip), start, relationship, ..Report::default() };
    let reports = [
        report("t", Some(EIGHT + 600), Some("SCHEDULED")),
        report("t", Some(EIGHT), Some("DUPLICATED")),
        report("t", None, Some("ADDED")),
        report("t", Some(EIGHT + 900), Some("DUPLICATED")),
        report("unknown", Some(EIGHT), None),
        report("unknown", None, None),
        report("extra", None, None),
    ];
    let predictions = [
        Prediction { trip: Some("extra"), relationship: Some("ADDED"), route: Some("S7"), ..Prediction::default() },
        Prediction { trip: Some("unknown"), route: Some("S8"), start: Some(EIGHT), ..Prediction::default() },
        Prediction { trip: Some("predicted"), relationship: Some("CANCELED"), ..Prediction::default() },
    ];
    let names =
        ["trip_id_scheduled", "trip_start_time", "route_id", "is_planned", "is_added", "is_cancelled", "reports"];
    let found = run(&once("01"), &reports, &predictions);
    let expected = [
        "extra  S7 false true false 1",
        "predicted   false false true 0",
        // A start that is told of a planned trip changes nothing, unless the trip is said to be added.
        "t 28800 S1 true false false 3",
        "t 29700 S7 false true false 1",
        // One row tells no start; two tell different routes.
        "unknown 28800  false false false 2",
    ];
    assert_eq!(columns(&found, &names), expected);
    assert!(found.iter().all(|row| row["is_planned"] == "true" || row["stops_planned"].is_empty()));
}

#[test]
fn trips_without_a_start_are_apart_where_several_starts_are_told() {
    let report = |start| Report { trip: Some("x"), start, ..Report::default() };
    let found = run(&once("01"), &[report(None), report(Some(1)), report(Some(2)), report(Some(2))], &[]);
    assert_eq!(columns(&found[1..], &["trip_start_time", "reports"]), [" 1", "1 1", "2 2"]);
}

#[test]
fn a_trip_of_frequencies_is_a_row_for_each_start() {
    let exact = Planned { frequencies: vec![("t", EIGHT, EIGHT + 1800, 600, 1)], ..once("01") };
    let report =
        |start, place, at| Report { trip: Some("t"), start, place: Some(place), at: EIGHT + at, ..Report::default() };
    let reports = [report(Some(EIGHT + 600), 0.0, 600), report(Some(EIGHT + 600), 1.0, 720), report(None, 0.0, 0)];
    let names = ["trip_start_time", "trip_end_time", "is_planned", "reports", "stops_seen"];
    let expected = ["  false 1 ", "28800 28920 true 0 0", "29400 29520 true 2 2", "30000 30120 true 0 0"];
    assert_eq!(columns(&run(&exact, &reports, &[]), &names), expected);

    // How often it runs is not known, but it does.
    let broken = Planned { frequencies: vec![("t", EIGHT, EIGHT + 1800, 0, 1)], ..once("01") };
    assert_eq!(columns(&run(&broken, &[], &[]), &names), ["  true 0 0"]);

    let open = Planned { frequencies: vec![("t", EIGHT, EIGHT + 1800, 600, 0)], ..once("01") };
    assert_eq!(columns(&run(&open, &[], &[]), &names), ["  true 0 0"]);
    let expected = ["  true 1 1", "29400 29520 true 2 2"];
    assert_eq!(columns(&run(&open, &reports, &[]), &names), expected);
    // All that is known has a start; one that no window has is not planned.
    let reports = [report(Some(EIGHT + 601), 0.0, 601), report(Some(EIGHT + 1800), 0.0, 1800)];
    let expected = ["29401 29521 true 1 1", "30600  false 1 "];
    assert_eq!(columns(&run(&open, &reports, &[]), &names), expected);
}

#[test]
fn a_stop_is_seen_by_a_bus_that_stands_at_it_and_not_by_one_on_its_way() {
    let named = |status, stop, sequence| seen("0123", &[says(EIGHT, status, stop, sequence)]);
    assert_eq!(named("Stopped at", Some("1"), None), "1");
    assert_eq!(named("Stopped at", None, Some(2)), "1");
    assert_eq!(named("Stopped at", Some("1"), Some(2)), "1");
    assert_eq!(named("Stopped at", Some("1"), Some(3)), "0", "stop and sequence are of two stops");
    assert_eq!(named("Stopped at", Some("9"), None), "0", "the trip does not serve it");
    assert_eq!(named("Stopped at", Some("nowhere"), None), "0");
    assert_eq!(named("In transit to", Some("1"), Some(2)), "0");
    assert_eq!(named("Incoming at", Some("1"), Some(2)), "0");
    assert_eq!(seen("0123", &[says(EIGHT, "Stopped at", Some("1"), None); 3]), "1");
}

#[test]
fn a_stop_is_seen_within_50_metres_and_a_report_without_a_position_sees_none() {
    // A hundredth of a degree is 1,112 m.
    assert_eq!(seen("0123", &[near(EIGHT + 120, 1.0 + 49.0 / 1112.0)]), "1");
    assert_eq!(seen("0123", &[near(EIGHT + 120, 1.0 - 49.0 / 1112.0)]), "1");
    assert_eq!(seen("0123", &[near(EIGHT + 120, 1.0 + 51.0 / 1112.0)]), "0");
    let nowhere = Report { place: None, ..near(EIGHT + 120, 1.0) };
    let rows = run(&once("0123"), &[nowhere], &[]);
    assert_eq!(columns(&rows, &["reports", "stops_seen", "share_of_stops_seen"]), ["1 0 0.0"]);
}

#[test]
fn a_late_bus_is_seen_and_one_that_cannot_be_of_this_time_is_not() {
    let late =
        |seconds: i32| seen("0123", &[0, 1, 2, 3].map(|stop| near(EIGHT + 120 * stop + seconds, f64::from(stop))));
    assert_eq!(late(0), "4");
    assert_eq!(late(40 * 60), "4");
    assert_eq!(late(4 * 3600), "0");
    assert_eq!(late(-20 * 60), "0");
}

#[test]
fn stops_that_lie_twice_on_a_trip_are_told_apart_by_time() {
    let drive = |stops: &[u8]| -> Vec<Report> {
        stops.iter().enumerate().map(|(place, stop)| near(EIGHT + 60 * place as i32, f64::from(*stop))).collect()
    };
    assert_eq!(seen("01210", &drive(&[0, 1, 2])), "3");
    assert_eq!(seen("01210", &drive(&[0, 1, 2, 1, 0])), "5");
    // It stood at the first stop, which is the last one, too, and went no farther.
    assert_eq!(seen("01210", &drive(&[0])), "1");
    assert_eq!(seen("01210", &drive(&[1, 1, 1])), "2");
    // Named without their sequence.
    let named = |times: &[i32]| -> Vec<Report> {
        times.iter().map(|time| says(EIGHT + time, "Stopped at", Some("1"), None)).collect()
    };
    assert_eq!(seen("01210", &named(&[100])), "1");
    assert_eq!(seen("01210", &named(&[100, 300])), "2");
    assert_eq!(seen("01210", &[named(&[100, 300]), drive(&[0])].concat()), "3");
}

#[test]
fn a_bus_that_stands_at_the_first_or_last_stop_at_another_time_of_day_has_not_served_it() {
    assert_eq!(seen("0123", &[near(EIGHT - 899, 0.0), near(EIGHT + 360 + 10_799, 3.0)]), "2");
    assert_eq!(seen("0123", &[near(EIGHT - 3 * 3600, 0.0), near(EIGHT + 12 * 3600, 3.0)]), "0");
}

#[test]
fn a_stop_that_is_named_bounds_when_its_neighbours_are_passed() {
    let named = says(EIGHT + 240, "Stopped at", None, Some(3));
    assert_eq!(seen("0123", &[named, near(EIGHT + 120, 1.0), near(EIGHT + 360, 3.0)]), "3");
    assert_eq!(seen("0123", &[named, near(EIGHT + 241, 1.0), near(EIGHT + 239, 3.0)]), "1");
}

#[test]
fn neither_the_order_of_rows_nor_their_batches_change_a_value() {
    let planned = Planned {
        frequencies: vec![("f", EIGHT, EIGHT + 900, 300, 0)],
        trips: vec![("t", "01210", EIGHT), ("f", "0123", EIGHT)],
    };
    let mut dice = 7_u64;
    let mut pick = |from: usize| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) as usize % from
    };
    let reports: Vec<Report> = (0..300)
        .map(|_| Report {
            trip: [Some("t"), Some("f"), Some("x"), None][pick(4)],
            start: [None, Some(EIGHT), Some(EIGHT + 300)][pick(3)],
            relationship: [None, Some("SCHEDULED"), Some("ADDED")][pick(3)],
            at: EIGHT + pick(120) as i32 * 5,
            vehicle: [None, Some("a"), Some("b")][pick(3)],
            stop: [None, Some("0"), Some("1")][pick(3)],
            sequence: [None, Some(1), Some(2)][pick(3)],
            status: [None, Some("Stopped at")][pick(2)],
            place: [None, Some(0.0), Some(1.0), Some(2.0), Some(3.0)][pick(5)],
        })
        .collect();
    let predictions: Vec<Prediction> = (0..100)
        .map(|_| Prediction {
            trip: [Some("t"), Some("f"), Some("x"), None][pick(4)],
            start: [None, Some(EIGHT), Some(EIGHT + 300)][pick(3)],
            relationship: [None, Some("CANCELED"), Some("SCHEDULED"), Some("ADDED")][pick(4)],
            received: pick(20) as i32,
            route: [None, Some("S7")][pick(2)],
        })
        .collect();
    let values = |rows: Vec<BTreeMap<String, String>>| -> Vec<Vec<(String, String)>> {
        rows.into_iter().map(|row| row.into_iter().filter(|(name, _)| !name.starts_with('_')).collect()).collect()
    };
    let (rows, accounts) = run_in(BUDGET, &planned, &[of_reports(&reports)], &[of_predictions(&predictions)]).unwrap();
    let expected = values(rows);
    assert!(expected.len() >= 6, "{}", expected.len());
    for turn in 0..3 {
        let (mut reports, mut predictions) = (reports.clone(), predictions.clone());
        for place in (1..reports.len()).rev() {
            reports.swap(place, pick(place + 1));
        }
        predictions.rotate_left(turn * 31);
        predictions.reverse();
        let reports: Vec<RecordBatch> = reports.chunks(7).map(of_reports).collect();
        let predictions: Vec<RecordBatch> = predictions.chunks(3).map(of_predictions).collect();
        let (rows, again) = run_in(BUDGET, &planned, &reports, &predictions).unwrap();
        assert_eq!(values(rows), expected);
        assert_eq!(
            again.iter().map(|input| input.used).collect::<Vec<_>>(),
            accounts.iter().map(|i| i.used).collect::<Vec<_>>()
        );
    }
}

#[test]
fn a_row_without_a_trip_is_unused_by_its_rule_and_all_rows_are_accounted_for() {
    let reports = of_reports(&[near(EIGHT, 0.0), Report::default(), Report::default()]);
    let predictions = of_predictions(&[Prediction::default()]);
    let (rows, accounts) = run_in(BUDGET, &once("01"), &[reports], &[predictions]).unwrap();
    assert_eq!(rows.len(), 1);
    let found: Vec<(u64, &str, u64)> =
        accounts[4..].iter().map(|input| (input.used, input.unused[0].rule.0.as_str(), input.unused[0].rows)).collect();
    let expected = [(1, "trips_observed.report_without_trip", 2), (0, "trips_observed.prediction_without_trip", 1)];
    assert_eq!(found, expected);
    assert_eq!(accounts[4].unused[0].told.as_ref().unwrap().places, [(0, 1), (0, 2)]);
    let words = |rule: &str| crate::check::program_findings::of(rule).is_some();
    assert!(accounts[4..].iter().all(|input| words(&input.unused[0].rule.0)));
}

#[test]
fn what_does_not_fit_into_the_memory_of_a_run_is_an_error() {
    let every_second = Planned { frequencies: vec![("t", 0, 86_400, 1, 1)], ..once("01") };
    assert!(matches!(run_in(BUDGET, &every_second, &[], &[]), Err(DeriveError::Budget(_))));
    let reports: Vec<Report> = (0..4000).map(|second| near(EIGHT + second, 0.0)).collect();
    assert!(matches!(run_in(20_000, &once("01"), &[of_reports(&reports)], &[]), Err(DeriveError::Budget(_))));
    assert!(run_in(BUDGET, &once("01"), &[of_reports(&reports)], &[]).is_ok());
}
