//! The faults that the simulator plants are found by the starter set of rules, and what is healthy is left alone.
//!
//! A run's record has only counts and samples, so the test goes through the rooms once more and asks each rule which rows it
//! names; that it names as many as the record of the real run says shows that it asked the same.

mod asked;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use fahrtenbuch::capture::Capture;
use fahrtenbuch::capture::evidence::Store;
use fahrtenbuch::digest::Digest;
use fahrtenbuch::publish::parquet::rows as parquet_rows;
use fahrtenbuch::workspace::Workspace;
use serde_json::Value;

use crate::world::World;
use asked::{Asked, POSITIONS, Report, Row, TELEMETRY, asked_again, seconds, texts};

const LOCATIONS: &str = "stadtbus-vehicle-locations";
const PREDICTIONS: &str = "stadtbus-trip-updates";

/// How a fault shows in what was received.
#[derive(Clone, Copy, PartialEq)]
enum Shows {
    /// In a report: a row of this vehicle and the time that it claims.
    Report,
    /// In a report that stands twice in one snapshot.
    Twice,
    /// In a report that claims another time than that of its arrival; not in one that was late by as much as the clock is
    /// ahead, which looks right.
    Clock,
    /// In a report that is received so many seconds after the moment that it is about; likewise.
    After(i64),
    /// As after, and something newer of the vehicle was received before: a bus that was silent for longer has no order.
    Behind(i64),
    /// In the rows of a trip.
    Trip,
    /// In the first snapshot after it.
    Gap,
    /// In a message of the decoder about one snapshot.
    Message,
}

/// Which rules cover a fault: any of them has to name it. A kind that stands here twice has to be found both times.
const COVERED: [(&str, Shows, &str, &[&str]); 16] = [
    ("frozen_gps", Shows::Report, LOCATIONS, &["frozen_gps"]),
    ("position_zero", Shows::Report, LOCATIONS, &["position_in_service_area"]),
    ("position_far", Shows::Report, LOCATIONS, &["position_in_service_area"]),
    ("duplicate", Shows::Twice, POSITIONS, &["reported_twice_in_snapshot"]),
    ("late", Shows::After(400), POSITIONS, &["received_late", "out_of_order"]),
    ("out_of_order", Shows::Behind(90), POSITIONS, &["out_of_order"]),
    ("clock_wrong", Shows::Clock, LOCATIONS, &["clock_of_vehicle_right"]),
    ("unknown_trip", Shows::Report, LOCATIONS, &["trip_in_timetable"]),
    ("wrong_trip", Shows::Report, LOCATIONS, &["start_time_of_the_trip", "report_within_trip_time"]),
    ("occupancy_zero", Shows::Report, LOCATIONS, &["occupancy_stuck_at_zero"]),
    ("negative_load", Shows::Report, LOCATIONS, &["occupancy_drift"]),
    ("cancelled_trip", Shows::Trip, PREDICTIONS, &["cancelled_trip"]),
    ("added_trip", Shows::Trip, LOCATIONS, &["added_trip"]),
    ("added_trip", Shows::Trip, PREDICTIONS, &["added_trip_predicted"]),
    ("outage", Shows::Gap, LOCATIONS, &["gap_in_feed"]),
    ("truncated_snapshot", Shows::Message, "", &["gtfs_realtime.broken_message"]),
];

/// What the clock of a vehicle with a wrong one is ahead.
const CLOCK_AHEAD: i64 = 7 * 60;

/// The end of an outage is told at the first snapshot after it, which comes within so many seconds.
const GAP_TOLD: i64 = 120;

/// A line of the truth table.
struct Planted {
    kind: String,
    vehicle: Option<Arc<str>>,
    trip: Option<Arc<str>>,
    from: i64,
    until: i64,
}

impl Planted {
    fn report(&self) -> Option<Report> {
        Some((self.vehicle.clone()?, self.from))
    }
}

/// A simulated day that was run, and asked about once more.
struct Day {
    planted: Vec<Planted>,
    /// By the contract's id.
    tables: BTreeMap<String, Asked>,
    /// Rows of the timetable that rules named, and how many rows each looked at.
    timetable: BTreeMap<String, [usize; 2]>,
    /// The snapshots that the decoder found broken.
    broken: BTreeSet<i64>,
    /// What the rules that a contract makes without SQL, and those over numbers, found in the feed.
    others: Vec<String>,
}

impl Day {
    /// Simulates a day, runs both pipelines over it as their users do, and finds the rows that rules named.
    fn simulated(date: &str, seed: &str, interval: &str, with_faults: bool) -> Self {
        let world = World::new();
        std::fs::remove_dir_all(world.path("data/sample")).unwrap();
        let (evidence, output) = (world.path("data/sample/evidence"), world.path("city"));
        let mut arguments = vec!["simulate", "--date", date, "--seed", seed, "--interval", interval];
        arguments.extend(["--evidence", evidence.to_str().unwrap(), "--output", output.to_str().unwrap()]);
        arguments.extend(with_faults.then_some("--faults"));
        let simulated = world.program(&arguments);
        assert!(simulated.status.success(), "{}", String::from_utf8_lossy(&simulated.stderr));
        std::fs::copy(output.join("gtfs.zip"), world.path("data/sample/stadtbus-gtfs.zip")).unwrap();
        Self::run(&world, date, output.join("truth/faults.parquet"))
    }

    /// The sample of the repository, whose truth is that of its snapshots of vehicle positions.
    fn sample() -> Self {
        let world = World::new();
        let output = world.path("city");
        let arguments = ["simulate", "--date", "2026-11-24", "--faults", "--interval", "60", "--output"];
        let simulated = world.command().args(arguments).arg(&output).output().unwrap();
        assert!(simulated.status.success(), "{}", String::from_utf8_lossy(&simulated.stderr));
        Self::run(&world, "2026-11-24", output.join("truth/faults.parquet"))
    }

    fn run(world: &World, date: &str, truth: PathBuf) -> Self {
        // The timetable was there in the morning; what is valid then does not depend on when the test runs.
        let body = bytes::Bytes::from(std::fs::read(world.path("data/sample/stadtbus-gtfs.zip")).unwrap());
        let captured_at = format!("{date}T05:00:00Z").parse().unwrap();
        let (url, digest) = ("file:stadtbus-gtfs.zip".to_owned(), Digest::of(&body));
        let timetable = Capture { url, captured_at, status: 200, headers: Vec::new(), body, digest };
        Store::new(world.path("data/private/evidence")).append("stadtbus-gtfs", &timetable).unwrap();
        let results = world.run_of(&["--date", date]);
        let tables = asked_again(world, date.parse().unwrap());
        let record = &results[TELEMETRY]["record"];
        for (id, asked) in &tables {
            let checked = record["checked"][id].as_u64().unwrap();
            assert_eq!(checked, asked.rows.len() as u64, "{id}");
            for (rule, named) in &asked.named {
                assert_eq!(named.len() as u64, named_in(record, id, rule), "{rule} of {id}");
            }
        }
        let notes = record["notes"].as_array().unwrap().iter();
        let broken = notes.filter(|note| note["rule"] == "gtfs_realtime.broken_message").map(|note| {
            let message = note["message"].as_str().unwrap();
            let at = message.split(['\'', ' ']).find_map(|word| word.parse::<jiff::Timestamp>().ok());
            at.unwrap_or_else(|| panic!("{message} names no snapshot")).as_second()
        });
        let workspace = Workspace::read(&world.path("")).unwrap();
        let record = &results["stadtbus-fahrplan"]["record"];
        let pipeline = workspace.pipelines.iter().find(|pipeline| pipeline.name == "stadtbus-fahrplan").unwrap();
        let mut timetable = BTreeMap::new();
        for contract in pipeline.contracts.contracts.values() {
            for rule in contract.rules.iter().filter(|rule| !rule.is_number) {
                let checked = record["checked"][&contract.id].as_u64().unwrap_or(0);
                let named = named_in(record, &contract.id, &rule.id.0);
                timetable.insert(rule.id.0.clone(), [named as usize, checked as usize]);
            }
        }
        let findings = results.values().flat_map(|result| result["record"]["findings"].as_array().unwrap());
        let others = findings.filter_map(|finding| {
            let rule = finding["rule"].as_str().unwrap();
            let asked = |table: &Asked| table.named.contains_key(rule);
            // What only says again what was said before is dropped on every day.
            let is_repeated = [".same_position", ".unchanged"].iter().any(|name| rule.ends_with(name));
            let is_other = !tables.values().any(asked) && !timetable.contains_key(rule) && !is_repeated;
            is_other.then(|| format!("`{rule}` {} ({})", finding["rows"], finding["message"].as_str().unwrap()))
        });
        let (broken, others) = (broken.collect(), others.collect());
        Self { planted: planted(&truth), tables, timetable, broken, others }
    }

    /// Rows by what they report, of a table of the feed or of the release.
    fn reports(&self, contract: &str) -> BTreeMap<Report, Vec<usize>> {
        let mut reports: BTreeMap<Report, Vec<usize>> = BTreeMap::new();
        for (place, row) in self.tables[contract].rows.iter().enumerate() {
            if let Some(report) = row.report() {
                reports.entry(report).or_default().push(place);
            }
        }
        reports
    }
}

/// How many rows a rule named, by a record.
fn named_in(record: &Value, contract: &str, rule: &str) -> u64 {
    let mut findings = record["findings"].as_array().unwrap().iter();
    let finding = findings.find(|finding| finding["rule"] == *rule && finding["contract"] == *contract);
    let tolerated = &record["tolerated"][contract][rule]["rows"];
    finding.map_or(tolerated, |finding| &finding["rows"]).as_u64().unwrap_or(0)
}

fn planted(truth: &PathBuf) -> Vec<Planted> {
    let rows = parquet_rows(std::fs::read(truth).unwrap().into()).unwrap();
    let (kinds, vehicles, trips) = (texts(&rows, "kind"), texts(&rows, "vehicle_id"), texts(&rows, "trip_id"));
    let times = seconds(&rows, "from").into_iter().zip(seconds(&rows, "until"));
    let cells = kinds.into_iter().zip(vehicles).zip(trips).zip(times);
    let line = |(((kind, vehicle), trip), (from, until)): (((Option<Arc<str>>, _), _), _)| Planted {
        kind: kind.unwrap().to_string(),
        vehicle,
        trip,
        from,
        until,
    };
    cells.map(line).collect()
}

/// What the rules of a table named of its healthy rows.
struct Alarms {
    table: String,
    /// For each rule how many rows it named, and how many of them are healthy.
    named: BTreeMap<String, [usize; 2]>,
    /// Healthy rows that any rule named.
    any: usize,
    healthy: usize,
}

/// What became of the planted faults of a kind.
#[derive(Default)]
struct Recall {
    planted: usize,
    /// Of those the ones that show in what was received: see [`Shows`], and the end of a snapshot that was cut off never was.
    shown: usize,
    found: usize,
    missed: Vec<String>,
}

/// What was received of vehicles.
struct Received<'a> {
    rows: &'a [Row],
    /// The newest time that a vehicle had claimed before each row.
    newest_before: Vec<i64>,
    reports: BTreeMap<Report, Vec<usize>>,
    /// Reports made by a clock that is ahead.
    ahead: BTreeSet<Report>,
}

impl<'a> Received<'a> {
    fn on(day: &'a Day) -> Self {
        let rows = &day.tables[POSITIONS].rows;
        let mut newest: BTreeMap<&str, i64> = BTreeMap::new();
        let newest_before = rows.iter().map(|row| {
            let newest = newest.entry(row.vehicle.as_deref().unwrap_or_default()).or_insert(i64::MIN);
            std::mem::replace(newest, row.claimed.max(*newest))
        });
        let ahead = day.planted.iter().filter(|fault| fault.kind == "clock_wrong").filter_map(Planted::report);
        Self { newest_before: newest_before.collect(), reports: day.reports(POSITIONS), ahead: ahead.collect(), rows }
    }

    /// The rows of a report in which a fault shows.
    fn with(&self, fault: &Planted, shows: Shows) -> Vec<usize> {
        let report = fault.report().unwrap_or_else(|| panic!("a {} is of no vehicle", fault.kind));
        let places = self.reports.get(&report).map_or(&[][..], Vec::as_slice);
        let is_ahead = self.ahead.contains(&report);
        let seen = report.1 - if is_ahead { CLOCK_AHEAD } else { 0 };
        let is_shown = |&place: &usize| {
            let received = self.rows[place].received;
            let looks_right = is_ahead && (received - report.1).abs() <= 60;
            match shows {
                Shows::Twice => places.iter().any(|&other| other < place && self.rows[other].received == received),
                Shows::Clock => !looks_right,
                Shows::After(delay) => !looks_right && received - seen >= delay,
                Shows::Behind(delay) => received - seen >= delay && self.newest_before[place] > report.1,
                _ => true,
            }
        };
        places.iter().copied().filter(is_shown).collect()
    }
}

impl Day {
    /// What was found of the planted faults, by the lines of [`COVERED`].
    fn recall(&self) -> Vec<Recall> {
        let received = Received::on(self);
        let of_line = |(kind, shows, contract, rules): &(&str, Shows, &str, &[&str])| {
            let mut recall = Recall::default();
            let table = self.tables.get(*contract);
            let rows = table.map_or(&[][..], |table| &table.rows);
            let reports = table.map(|_| self.reports(contract)).unwrap_or_default();
            let rules = table.into_iter().flat_map(|table| {
                rules.iter().flat_map(|rule| &table.named[&format!("{}.{rule}", table.contract.table)])
            });
            let named: BTreeSet<usize> = rules.copied().collect();
            let places = |wanted: &dyn Fn(&Row) -> bool| -> Vec<usize> {
                (0..rows.len()).filter(|place| wanted(&rows[*place])).collect()
            };
            for fault in self.planted.iter().filter(|fault| fault.kind == *kind) {
                recall.planted += 1;
                // The rows in which it shows, of the feed, and those of the table whose rules are to find it.
                let (shown, to_name) = match shows {
                    Shows::Message => {
                        recall.shown += 1;
                        recall.found += usize::from(self.broken.contains(&fault.from));
                        continue;
                    }
                    Shows::Gap => {
                        let first = rows.iter().map(|row| row.received).filter(|at| *at >= fault.until).min();
                        let after = places(&|row| Some(row.received) == first);
                        (after.clone(), after)
                    }
                    Shows::Trip => {
                        let of_trip = places(&|row| row.trip == fault.trip);
                        (of_trip.clone(), of_trip)
                    }
                    _ => {
                        let shown = received.with(fault, *shows);
                        let derived = fault.report().and_then(|report| reports.get(&report).cloned());
                        let to_name = if *contract == POSITIONS { shown.clone() } else { derived.unwrap_or_default() };
                        (shown, to_name)
                    }
                };
                if shown.is_empty() {
                    continue;
                }
                recall.shown += 1;
                match to_name.iter().any(|place| named.contains(place)) {
                    true => recall.found += 1,
                    false => recall.missed.push(format!("{:?} {:?} at {}", fault.vehicle, fault.trip, fault.from)),
                }
            }
            recall
        };
        COVERED.iter().map(of_line).collect()
    }

    /// What the rules named of the rows that no planted fault touches.
    fn false_alarms(&self) -> Vec<Alarms> {
        let touched: BTreeSet<Report> = (self.planted.iter())
            .filter(|fault| shows(&fault.kind) != Shows::Trip)
            .filter_map(Planted::report)
            .collect();
        let mut alarms = Vec::new();
        for (id, table) in &self.tables {
            let is_of_reports = [POSITIONS, LOCATIONS].contains(&id.as_str());
            let is_touched = |row: &Row| row.report().is_some_and(|report| touched.contains(&report));
            let is_healthy = |row: &Row| !(is_of_reports && is_touched(row));
            let mut of_table = Alarms {
                table: id.clone(),
                named: BTreeMap::new(),
                any: 0,
                healthy: table.rows.iter().filter(|row| is_healthy(row)).count(),
            };
            let mut any = BTreeSet::new();
            for (rule, named) in &table.named {
                // What is no fault of a report but of a trip or of the feed is told by a rule about just that.
                let told = |row: &Row| {
                    let covered = COVERED.iter().filter(|(.., contract, rules)| {
                        contract == id && rules.iter().any(|name| *rule == format!("{}.{name}", table.contract.table))
                    });
                    let mut faults = covered.flat_map(|(kind, shows, ..)| {
                        self.planted.iter().filter(move |fault| fault.kind == *kind).map(move |fault| (*shows, fault))
                    });
                    faults.any(|(shows, fault)| match shows {
                        Shows::Trip => row.trip == fault.trip,
                        Shows::Gap => (fault.until..fault.until + GAP_TOLD).contains(&row.received),
                        _ => false,
                    })
                };
                let wrong: Vec<usize> = (named.iter().copied())
                    .filter(|&row| is_healthy(&table.rows[row]) && !told(&table.rows[row]))
                    .collect();
                of_table.named.insert(rule.clone(), [named.len(), wrong.len()]);
                any.extend(wrong);
            }
            of_table.any = any.len();
            alarms.push(of_table);
        }
        alarms.extend(self.timetable.iter().map(|(rule, [named, checked])| Alarms {
            table: "gtfs".to_owned(),
            named: BTreeMap::from([(rule.clone(), [*named; 2])]),
            any: *named,
            healthy: *checked,
        }));
        alarms
    }
}

fn shows(kind: &str) -> Shows {
    COVERED.iter().find(|(covered, ..)| *covered == kind).unwrap_or_else(|| panic!("no rule covers {kind}")).1
}

fn percent(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
}

/// Tells what was found of a day, and demands that everything was, and nothing else. Gives how many faults of each line of
/// [`COVERED`] showed.
fn judge(title: &str, day: &Day) -> Vec<usize> {
    let (recalls, alarms) = (day.recall(), day.false_alarms());
    println!("\n{title}\n\n| fault | planted | in the feed | found | recall | by any of |\n|---|---|---|---|---|---|");
    for ((kind, _, contract, rules), recall) in COVERED.iter().zip(&recalls) {
        let table = day.tables.get(*contract).map_or(String::new(), |table| format!("{}.", table.contract.table));
        let rules: Vec<String> = rules.iter().map(|rule| format!("`{table}{rule}`")).collect();
        let Recall { planted, shown, found, .. } = recall;
        let share = if *shown == 0 { "-".to_owned() } else { format!("{:.1} %", percent(*found, *shown)) };
        println!("| {kind} | {planted} | {shown} | {found} | {share} | {} |", rules.join(", "));
    }
    println!("\n| table | rules | healthy rows | named by any rule | share | by |\n|---|---|---|---|---|---|");
    for alarms in &alarms {
        let wrong = alarms.named.iter().filter(|(_, [_, wrong])| *wrong > 0);
        let rules: Vec<String> = wrong.map(|(rule, [_, wrong])| format!("`{rule}` {wrong}")).collect();
        let (share, rules) = (percent(alarms.any, alarms.healthy), rules.join(", "));
        if alarms.table != "gtfs" || alarms.any > 0 {
            let (table, count, healthy) = (&alarms.table, alarms.named.len(), alarms.healthy);
            println!("| {table} | {count} | {healthy} | {} | {share:.4} % | {rules} |", alarms.any);
        }
    }
    println!("\nWhat the contracts ask without SQL, and the numbers: {} findings\n", day.others.len());
    for ((kind, ..), recall) in COVERED.iter().zip(&recalls) {
        let some = &recall.missed[..recall.missed.len().min(5)];
        assert!(recall.found == recall.shown, "{title}: {kind} was missed: {some:?}");
    }
    for alarms in &alarms {
        let share = percent(alarms.any, alarms.healthy);
        assert!(
            share <= 0.1,
            "{title}: {share} % of the healthy rows of {} are named: {:?}",
            alarms.table,
            alarms.named
        );
    }
    recalls.iter().map(|recall| recall.shown).collect()
}

#[test]
fn every_fault_of_a_day_is_found_and_healthy_rows_are_left_alone() {
    all_kinds_shown(&[judge("A day every 15 seconds, seed 1", &Day::simulated("2026-11-24", "1", "15", true))]);
}

#[test]
fn every_fault_of_the_sample_is_found_and_healthy_rows_are_left_alone() {
    all_kinds_shown(&[judge("The sample of the repository", &Day::sample())]);
}

/// A kind of fault that did not show anywhere was not judged.
fn all_kinds_shown(days: &[Vec<usize>]) {
    for (place, (kind, ..)) in COVERED.iter().enumerate() {
        assert!(days.iter().any(|shown| shown[place] > 0), "no {kind} was there to be found");
    }
}

#[test]
fn every_fault_of_other_days_and_cities_is_found_and_healthy_rows_are_left_alone() {
    // A Sunday, a holiday, and the nights in which the clocks change.
    let days =
        [("2026-11-29", "2"), ("2026-12-25", "3"), ("2027-03-28", "4"), ("2026-10-25", "5")].map(|(date, seed)| {
            judge(&format!("{date} every 30 seconds, seed {seed}"), &Day::simulated(date, seed, "30", true))
        });
    all_kinds_shown(&days);
}

#[test]
fn on_a_day_without_faults_the_rules_are_silent() {
    let day = Day::simulated("2026-11-24", "1", "30", false);
    assert!(day.planted.is_empty() && day.broken.is_empty() && day.others.is_empty(), "{:?}", day.others);
    judge("A day without faults", &day);
}
