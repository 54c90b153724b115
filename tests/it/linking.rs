//! What is published of several dates does not tell which bus of one date is which of another.
//!
//! An attacker has the published Parquet alone. Each attack makes a vector of numbers of every bus of a date and takes for
//! the same bus of another date the one whose vector is nearest. The buses of the simulated city report every ten seconds,
//! each at a second of its own, and drive another block every day.

use std::collections::BTreeMap;
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMillisecondType;
use fahrtenbuch::derive::privacy::Pseudonyms;
use fahrtenbuch::publish::parquet::rows as parquet_rows;
use fahrtenbuch::simulate::vehicle::vehicle_id;

use crate::world::World;

const DATES: [&str; 5] = ["2026-11-23", "2026-11-24", "2026-11-25", "2026-11-26", "2026-11-27"];
/// All of them in the many rounds of `./test --long`: each is a day of 60 buses at every ten seconds.
fn dates(few: usize) -> &'static [&'static str] {
    if std::env::var_os("FAHRTENBUCH_TEST_ROUNDS").is_some() { &DATES } else { &DATES[..few] }
}

const VEHICLES: usize = 60;

/// A report as it is published, in the order of the file.
struct Report {
    vehicle: String,
    id: String,
    /// Seconds.
    event: i64,
    received: i64,
}

/// The reports of a date, and its buses: the pseudonym and the number.
struct Day {
    reports: Vec<Report>,
    /// Of predictions: the pseudonym of the vehicle, if any, when it was made and received.
    predictions: Vec<Report>,
    buses: BTreeMap<String, usize>,
}

type Features = BTreeMap<String, Vec<f64>>;

/// Shares of the reports of each bus that fall into each of some classes.
fn shares(reports: &[Report], classes: usize, class: impl Fn(&Report) -> i64) -> Features {
    let mut features = Features::new();
    for report in reports {
        let shares = features.entry(report.vehicle.clone()).or_insert_with(|| vec![0.0; classes]);
        shares[class(report).rem_euclid(classes as i64) as usize] += 1.0;
    }
    for shares in features.values_mut() {
        let sum: f64 = shares.iter().sum();
        shares.iter_mut().for_each(|share| *share /= sum);
    }
    features
}

/// The same of a report and the one before it.
fn steps(day: &Day, classes: usize, class: impl Fn(&Report, &Report) -> i64) -> Features {
    let pairs = day.reports.windows(2).filter(|pair| pair[0].vehicle == pair[1].vehicle);
    let steps: Vec<Report> = pairs
        .map(|pair| Report {
            vehicle: pair[1].vehicle.clone(),
            id: String::new(),
            event: class(&pair[0], &pair[1]),
            received: 0,
        })
        .collect();
    shares(&steps, classes, |step| step.event)
}

/// One number of each bus.
fn number(day: &Day, of: impl Fn(&[&Report]) -> f64) -> Features {
    let mut by_bus: BTreeMap<&str, Vec<&Report>> = BTreeMap::new();
    day.reports.iter().for_each(|report| by_bus.entry(&report.vehicle).or_default().push(report));
    by_bus.into_iter().map(|(bus, reports)| (bus.to_owned(), vec![of(&reports)])).collect()
}

fn digit(id: &str, back: usize) -> i64 {
    i64::from(id.as_bytes()[id.len() - 1 - back])
}

type Attack = (&'static str, fn(&Day) -> Features);

const ATTACKS: &[Attack] = &[
    ("event mod 10", |day| shares(&day.reports, 10, |r| r.event)),
    ("event mod 15", |day| shares(&day.reports, 15, |r| r.event)),
    ("event mod 20", |day| shares(&day.reports, 20, |r| r.event)),
    ("event mod 30", |day| shares(&day.reports, 30, |r| r.event)),
    ("event mod 60", |day| shares(&day.reports, 60, |r| r.event)),
    ("age", |day| shares(&day.reports, 120, |r| r.received - r.event)),
    ("age by snapshot", |day| {
        shares(&day.reports, 60 * 60, |r| r.received.rem_euclid(60) * 60 + (r.received - r.event).rem_euclid(60))
    }),
    ("snapshots", |day| shares(&day.reports, 60, |r| r.received)),
    ("snapshots of five minutes", |day| shares(&day.reports, 300, |r| r.received)),
    ("steps by time", |day| steps(day, 30 * 60, |a, b| a.event.rem_euclid(30) * 60 + (b.event - a.event).clamp(0, 59))),
    ("steps by snapshot", |day| {
        steps(day, 60 * 60, |a, b| a.received.rem_euclid(60) * 60 + (b.event - a.event).clamp(0, 59))
    }),
    ("last digit of the id", |day| shares(&day.reports, 128, |r| digit(&r.id, 0))),
    ("last digit of the id by event", |day| {
        shares(&day.reports, 128 * 60, |r| digit(&r.id, 0) * 60 + r.event.rem_euclid(60))
    }),
    ("first digit of the id", |day| shares(&day.reports, 128, |r| digit(&r.id, 3))),
    ("first report", |day| number(day, |r| r.iter().map(|r| r.event).min().unwrap().rem_euclid(86_400) as f64)),
    ("first second", |day| number(day, |r| r.iter().map(|r| r.event).min().unwrap().rem_euclid(60) as f64)),
    ("last report", |day| number(day, |r| r.iter().map(|r| r.event).max().unwrap().rem_euclid(86_400) as f64)),
    ("place in the snapshot", |day| {
        // The order of rows within each snapshot, as they stand in the file.
        let mut snapshots: BTreeMap<i64, Vec<&str>> = BTreeMap::new();
        day.reports.iter().for_each(|report| snapshots.entry(report.received).or_default().push(&report.vehicle));
        let mut places: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
        for buses in snapshots.values() {
            for (place, bus) in buses.iter().enumerate() {
                let sum = places.entry(bus).or_default();
                *sum = (sum.0 + place as f64 / buses.len() as f64, sum.1 + 1.0);
            }
        }
        places.into_iter().map(|(bus, (sum, count))| (bus.to_owned(), vec![sum / count])).collect()
    }),
    ("place in the file", |day| {
        let mut order: Vec<&str> = day.reports.iter().map(|report| report.vehicle.as_str()).collect();
        order.dedup();
        order.into_iter().enumerate().map(|(place, bus)| (bus.to_owned(), vec![place as f64])).collect()
    }),
    ("order of the pseudonyms", |day| {
        day.buses.keys().enumerate().map(|(place, bus)| (bus.clone(), vec![place as f64])).collect()
    }),
    ("predictions mod 60", |day| shares(&day.predictions, 60, |r| r.event)),
    ("snapshots of predictions", |day| shares(&day.predictions, 60, |r| r.received)),
];

/// How many buses of one date are found on another, and how many would be by guessing.
fn found(one: &Day, other: &Day, attack: fn(&Day) -> Features) -> (usize, f64) {
    let (of_one, of_other) = (attack(one), attack(other));
    let apart = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum::<f64>();
    let (mut right, mut by_chance) = (0, 0.0);
    for (bus, number) in &one.buses {
        if !other.buses.values().any(|other| other == number) {
            continue;
        }
        by_chance += 1.0 / other.buses.len() as f64;
        let Some(features) = of_one.get(bus) else { continue };
        // Of equal ones the first by pseudonym, which is a guess.
        let nearest = of_other.iter().min_by(|a, b| apart(features, a.1).total_cmp(&apart(features, b.1)));
        right += usize::from(nearest.is_some_and(|(found, _)| other.buses[found] == *number));
    }
    (right, by_chance)
}

fn instants(rows: &RecordBatch, column: &str) -> Vec<i64> {
    let column = rows.column_by_name(column).unwrap().as_primitive::<TimestampMillisecondType>();
    column.values().iter().map(|millis| millis.div_euclid(1000)).collect()
}

fn texts(rows: &RecordBatch, column: &str) -> Vec<String> {
    rows.column_by_name(column).unwrap().as_string::<i32>().iter().map(|text| text.unwrap_or("").to_owned()).collect()
}

fn reports(rows: &RecordBatch, id: &str) -> Vec<Report> {
    let times = instants(rows, "event_timestamp").into_iter().zip(instants(rows, "received_at"));
    let names = texts(rows, "vehicle_id").into_iter().zip(texts(rows, id));
    let all = names.zip(times).map(|((vehicle, id), (event, received))| Report { vehicle, id, event, received });
    all.filter(|report| !report.vehicle.is_empty()).collect()
}

/// Simulates the city on all dates, runs the program over them, and reads what it published.
fn published(step: Option<&str>, dates: &[&str]) -> Vec<Day> {
    let world = World::new();
    std::fs::remove_dir_all(world.path("data/sample/evidence")).unwrap();
    let evidence = world.path("data/sample/evidence");
    if let Some(step) = step {
        for table in ["vehicle_locations", "trip_updates"] {
            world.replace(
                &format!("schemas/stadtbus/{table}.odcs.yaml"),
                "roundTo, value: 5 s",
                &format!("roundTo, value: {step}"),
            );
        }
    }
    let mut days = Vec::new();
    for (place, &date) in dates.iter().enumerate() {
        let simulated = world.program(&["simulate", "--date", date, "--evidence", &evidence.to_string_lossy()]);
        assert!(simulated.status.success(), "{}", String::from_utf8_lossy(&simulated.stderr));
        // Keys that are the same whenever the test runs: what is by chance stays so.
        let key = [place as u8 + 1; 32];
        let text: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        world.write(&format!("data/private/keys/{date}.key"), &format!("{text}\n"));
        let results = world.run_of(&["stadtbus-telemetrie", "--date", date]);
        let table = |name: &str| {
            let tables = results["stadtbus-telemetrie"]["record"]["tables"].as_array().unwrap();
            let entry = tables.iter().find(|entry| entry["table"] == name).unwrap();
            let path = world.path("data/bucket").join(entry["files"][0]["path"].as_str().unwrap());
            rows(&path)
        };
        let pseudonyms = Pseudonyms::new(key);
        let reports_of = reports(&table("vehicle_locations"), "location_ping_id");
        let names: BTreeMap<String, usize> =
            (0..VEHICLES).map(|number| (pseudonyms.of(None, &vehicle_id(number)).name().to_owned(), number)).collect();
        let buses = reports_of.iter().map(|report| (report.vehicle.clone(), names[&report.vehicle])).collect();
        days.push(Day { reports: reports_of, predictions: reports(&table("trip_updates"), "vehicle_id"), buses });
    }
    days
}

fn rows(path: &Path) -> RecordBatch {
    parquet_rows(std::fs::read(path).unwrap().into()).unwrap()
}

/// For each attack the buses found over all pairs of dates, and by guessing.
fn attack(days: &[Day]) -> BTreeMap<&'static str, (usize, f64)> {
    let run = |&(name, attack): &Attack| {
        let pairs =
            days.iter().enumerate().flat_map(|(place, one)| days[place + 1..].iter().map(move |other| (one, other)));
        let sum = pairs.fold((0, 0.0), |sum, (one, other)| {
            let (right, by_chance) = found(one, other, attack);
            (sum.0 + right, sum.1 + by_chance)
        });
        (name, sum)
    };
    ATTACKS.iter().map(run).collect()
}

#[test]
fn buses_cannot_be_linked_over_dates_by_second_order_or_id() {
    let found = attack(&published(None, dates(3)));
    println!("{found:#?}");
    for (attack, (right, by_chance)) in found {
        // Four deviations of guessing.
        let most = by_chance + 4.0 * by_chance.sqrt();
        assert!((right as f64) < most, "{attack}: {right} found, {by_chance:.1} by guessing");
    }
}

#[test]
fn the_same_attacks_find_the_buses_where_times_are_published_as_they_are() {
    let found = attack(&published(Some("1 s"), dates(2)));
    println!("{found:#?}");
    for attack in ["event mod 10", "event mod 30", "event mod 60", "age", "age by snapshot"] {
        let (right, by_chance) = found[attack];
        assert!(right as f64 > 5.0 * by_chance, "{attack}: {right} found, {by_chance:.1} by guessing");
    }
    let weak = attack_names(&found);
    assert!(weak.contains(&"last digit of the id") && weak.contains(&"place in the file"), "{weak:?}");
}

/// The attacks that are no better than guessing.
fn attack_names(found: &BTreeMap<&'static str, (usize, f64)>) -> Vec<&'static str> {
    let weak = found.iter().filter(|(_, (right, chance))| (*right as f64) < chance + 4.0 * chance.sqrt());
    weak.map(|(name, _)| *name).collect()
}
