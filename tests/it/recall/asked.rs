//! Goes through the rooms of a run once more, and asks each rule which rows it names.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMillisecondType;
use fahrtenbuch::capture::evidence::{self, Store};
use fahrtenbuch::check::context::RuleContext;
use fahrtenbuch::check::rule_tests::{self, Found};
use fahrtenbuch::check::{CheckError, Checked, TableCheck};
use fahrtenbuch::contract::Contract;
use fahrtenbuch::decode::{self, Limits, Step};
use fahrtenbuch::derive::privacy::{DayKeys, Pseudonyms};
use fahrtenbuch::derive::reports::Fleets;
use fahrtenbuch::derive::telemetry::{self, Repeats, Settings};
use fahrtenbuch::pipeline::run::run_inputs::{Inspected, RunInputs};
use fahrtenbuch::pipeline::{FeedOrigin, Release};
use fahrtenbuch::publish::bucket::Bucket;
use fahrtenbuch::table::keys::Keys;
use fahrtenbuch::table::{Budget, Chunk, Origin};
use fahrtenbuch::time::ServiceDate;
use fahrtenbuch::workspace::Workspace;
use jiff::SignedDuration;

use crate::world::World;

pub(super) const TELEMETRY: &str = "stadtbus-telemetrie";
pub(super) const POSITIONS: &str = "gtfs-realtime-vehicle-positions";

/// A vehicle and the second that its report claims.
pub(super) type Report = (Arc<str>, i64);

/// A row, as far as faults are concerned.
pub(super) struct Row {
    pub vehicle: Option<Arc<str>>,
    pub trip: Option<Arc<str>>,
    /// Seconds since 1970.
    pub claimed: i64,
    pub received: i64,
}

impl Row {
    pub(super) fn report(&self) -> Option<Report> {
        Some((self.vehicle.clone()?, self.claimed))
    }
}

/// The rows of a table before any of its SQL rules did something to them, and which of them each rule named.
pub(super) struct Asked {
    pub contract: Arc<Contract>,
    pub rows: Vec<Row>,
    pub named: BTreeMap<String, Vec<usize>>,
}

pub(super) fn seconds(rows: &RecordBatch, column: &str) -> Vec<i64> {
    let array = rows.column_by_name(column).unwrap().as_primitive::<TimestampMillisecondType>();
    // A time that is absent is none of the truth table's.
    array.iter().map(|value| value.map_or(i64::MIN, |millis| millis.div_euclid(1000))).collect()
}

pub(super) fn texts(rows: &RecordBatch, column: &str) -> Vec<Option<Arc<str>>> {
    let Some(array) = rows.column_by_name(column) else { return vec![None; rows.num_rows()] };
    array.as_string::<i32>().iter().map(|text| text.map(Arc::from)).collect()
}

fn rows_of(rows: &RecordBatch) -> Vec<Row> {
    let first = |columns: [&'static str; 2]| columns.into_iter().find(|column| rows.column_by_name(column).is_some());
    let times =
        |columns| first(columns).map_or_else(|| vec![i64::MIN; rows.num_rows()], |column| seconds(rows, column));
    let (claimed, received) = (times(["event_timestamp", "timestamp"]), times(["received_at", "captured_at"]));
    let vehicles = texts(rows, "vehicle_id");
    let trips = texts(rows, first(["trip_id_scheduled", "trip_id"]).unwrap_or_default());
    let cells = vehicles.into_iter().zip(trips).zip(claimed.into_iter().zip(received));
    cells.map(|((vehicle, trip), (claimed, received))| Row { vehicle, trip, claimed, received }).collect()
}

/// A contract without SQL rules: what passes it is what they look at.
fn without_rules(contract: &Contract) -> Arc<Contract> {
    Arc::new(Contract { rules: Vec::new(), ..contract.clone() })
}

/// What a check lets pass, and what it holds back.
fn checked(
    contract: &Arc<Contract>,
    origins: &Arc<[Origin]>,
    around: &Arc<RuleContext>,
    chunks: impl IntoIterator<Item = Chunk>,
) -> Checked {
    let budget = Budget::new(8 << 30);
    let mut check = TableCheck::new(contract.clone(), origins.clone(), &[], around.clone(), budget).unwrap();
    let mut all = Checked::default();
    let mut take = |checked: Checked| -> Result<(), CheckError> {
        all.passed.extend(checked.passed);
        all.quarantined.extend(checked.quarantined);
        Ok(())
    };
    for chunk in chunks {
        take(check.push(chunk, &Keys::default()).unwrap()).unwrap();
    }
    check.finish(&mut Keys::default(), &mut take).unwrap();
    all
}

/// Asks all rules of a table that name rows about those that passed the others; rows that did not pass come after them.
fn ask(contract: &Arc<Contract>, around: &Arc<RuleContext>, checked: &Checked) -> Asked {
    let passed = arrow_select::concat::concat_batches(&contract.chunk_schema(), &checked.passed).unwrap();
    let mut named: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for rule in contract.rules.iter().filter(|rule| !rule.is_number) {
        match rule_tests::ask(contract, rule, around, &passed) {
            Found::Flagged(rows) => _ = named.insert(rule.id.0.clone(), rows),
            other => panic!("{} came to {other:?}", rule.id),
        }
    }
    let mut rows = rows_of(&passed);
    for held in &checked.quarantined {
        for (row, rules) in rows_of(&held.rows).into_iter().zip(&held.rules) {
            rules.iter().for_each(|rule| named.entry(rule.0.clone()).or_default().push(rows.len()));
            rows.push(row);
        }
    }
    Asked { contract: contract.clone(), rows, named }
}

/// Goes through decode, check and derive as a run does, and asks every rule about the rows that it looked at there. Vehicles
/// of the release have their ids again.
pub(super) fn asked_again(world: &World, date: ServiceDate) -> BTreeMap<String, Asked> {
    let workspace = Workspace::read(&world.path("")).unwrap();
    let pipeline = workspace.pipelines.iter().find(|pipeline| pipeline.name == TELEMETRY).unwrap();
    let Release { tables, occupancy_source, .. } = pipeline.release.as_ref().unwrap();
    let bucket = Bucket::open(&workspace.bucket, &workspace.bucket_options).unwrap();
    let (from, mut all) = (date.zero(&workspace.zone), Vec::new());
    for feed in &pipeline.feeds {
        let FeedOrigin::Evidence(folder) = &feed.from else { panic!("{} is no evidence", feed.name) };
        let entries =
            Store::of_folder(folder).list(&feed.name, from, from + SignedDuration::from_hours(30)).unwrap().entries;
        all.extend(entries.into_iter().map(|entry| (feed.name.clone(), entry)));
    }
    all.sort_by_key(|(_, entry)| entry.captured_at);
    let until = all.last().map(|(_, entry)| entry.captured_at);
    let contexts = || {
        let (budget, spool) = (Budget::new(workspace.memory), world.path("data"));
        let inspected =
            Inspected { workspace: &workspace, pipeline, date, until, spool: &spool, bucket: &bucket, budget: &budget };
        RunInputs::find(&workspace, pipeline, date, &bucket).unwrap().rule_contexts(&inspected).unwrap()
    };
    let [of_feed, of_release] = contexts();
    let origin = |(name, entry): &(String, fahrtenbuch::capture::evidence::Entry)| Origin {
        name: format!("{name} {}", entry.captured_at),
        captured_at: entry.captured_at,
    };
    let origins = all.iter().map(origin).collect();
    let captures = Box::new(evidence::read(all.into_iter().map(|(_, entry)| entry).collect()));
    let decoded =
        decode::gtfs_realtime::decode(origins, captures, &pipeline.contracts, Limits::default(), Budget::new(1 << 30))
            .unwrap();
    let heads = decoded.tables;
    let mut chunks: Vec<Vec<Chunk>> = heads.iter().map(|_| Vec::new()).collect();
    for step in decoded.steps {
        if let Step::Rows { table, chunk } = step.unwrap() {
            chunks[table].push(chunk);
        }
    }
    let key = DayKeys::new(workspace.private.join("keys")).key(date).unwrap();
    let pseudonyms = Arc::new(Pseudonyms::new(key));
    let settings = Settings {
        service_date: date,
        zone: workspace.zone.clone(),
        pseudonyms: pseudonyms.clone(),
        occupancy_source: occupancy_source.clone(),
        fleets: Fleets::default(),
        are_entities_vehicles: false,
        counts_lines: false,
        repeats: Repeats::Dropped,
    };
    let (mut asked, mut released) = (BTreeMap::new(), Vec::new());
    for (head, chunks) in heads.iter().zip(chunks) {
        let contract = &head.contract;
        let bare = checked(&without_rules(contract), &head.origins, &Arc::new(RuleContext::of(date)), chunks.clone());
        asked.insert(contract.id.clone(), ask(contract, &of_feed, &bare));
        let Some((release, _)) = tables.iter().find(|(_, from)| *from == contract.table) else { continue };
        let budget = Budget::new(8 << 30);
        let settings = settings.clone();
        let mut derivation = telemetry::derivation(contract.clone(), release.clone(), settings, budget).unwrap();
        let mut derived = Vec::new();
        for rows in checked(contract, &head.origins, &of_feed, chunks).passed {
            derived.extend(derivation.push(0, rows).unwrap());
        }
        derived.extend(derivation.finish().unwrap().derived.map(Result::unwrap));
        let derived: Vec<_> = derived.into_iter().map(|derived| derived.chunk).collect();
        released.push((release, checked(&without_rules(release), &head.origins, &of_release, derived)));
    }
    let known = vehicles_of_pseudonyms(&asked[POSITIONS], &pseudonyms);
    // Rules look at the other tables of the release, so all of them have to be there.
    for (release, rows) in released {
        let mut table = ask(release, &of_release, &rows);
        table
            .rows
            .iter_mut()
            .for_each(|row| row.vehicle = row.vehicle.take().and_then(|name| known.get(&name).cloned()));
        asked.insert(release.id.clone(), table);
    }
    asked
}

/// The ids of vehicles by their pseudonyms.
fn vehicles_of_pseudonyms(positions: &Asked, pseudonyms: &Pseudonyms) -> BTreeMap<Arc<str>, Arc<str>> {
    let ids: BTreeSet<Arc<str>> = positions.rows.iter().filter_map(|row| row.vehicle.clone()).collect();
    ids.into_iter().map(|id| (pseudonyms.of(None, &id).name().into(), id)).collect()
}
