//! A derivation that aggregates, from the pipeline's file to the record: [`crate::derive::testing::TripReports`].

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, TimestampMillisecondType};
use arrow_array::{Array, RecordBatch};

use crate::ledger::{RunRecord, Status, TableEntry};
use crate::pipeline::run::{Lock, Outcome, Run, RunContext, open_bucket, run};
use crate::publish::bucket::Bucket;
use crate::publish::parquet;
use crate::quarantine::{self, Stage};
use crate::time;
use crate::workspace::Workspace;
use crate::yaml::Problem;

const DATE: &str = "2026-11-24";
const PIPELINE: &str = "pipelines/stadtbus-telemetrie.yaml";
const CONTRACT: &str = "schemas/stadtbus/trip_reports.odcs.yaml";
const HOLDS: &str = "    quality:
      - name: reported
        type: custom
        engine: fahrtenbuch
        description: A trip is reported.
        dimension: completeness
        severity: warning
        implementation: SELECT _index FROM trip_reports WHERE reports = 0
        customProperties: [{property: onFail, value: quarantine}]
";

/// A workspace with the sample, and the table `trip_reports` derived in it.
struct World(tempfile::TempDir);

impl World {
    fn new() -> Self {
        let world = Self(tempfile::tempdir().unwrap());
        for name in ["fahrtenbuch.yaml", "pipelines", "schemas", "data/sample"] {
            copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join(name), &world.path(name));
        }
        // Whatever else is derived from the sample.
        let text = fs::read_to_string(world.path(PIPELINE)).unwrap();
        let others = text.lines().filter(|line| !line.starts_with("  derived:"));
        fs::write(world.path(PIPELINE), others.map(|line| format!("{line}\n")).collect::<String>()).unwrap();
        world.replace(PIPELINE, "    alerts: alerts\n", "    alerts: alerts\n  derived: [trip_reports]\n");
        world.contract("");
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn replace(&self, name: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(name)).unwrap();
        assert!(text.contains(from), "{name} has no '{from}'");
        fs::write(self.path(name), text.replace(from, to)).unwrap();
    }

    fn contract(&self, quality: &str) {
        let column = |name: &str, logical: &str| {
            format!(
                "      - {{name: {name}, logicalType: {logical}, required: {}, classification: public, description: x}}\n",
                name != "first_report"
            )
        };
        let columns = column("trip_id", "string")
            + &column("is_planned", "boolean")
            + &column("reports", "integer")
            + &column("first_report", "timestamp");
        let text = format!(
            "apiVersion: v3.1.0\nkind: DataContract\nid: stadtbus-trip-reports\nversion: 1.0.0\nstatus: active\nschema:\n  - \
             name: trip_reports\n    logicalType: object\n    physicalType: table\n    description: x\n    \
             properties:\n{columns}{quality}"
        );
        fs::write(self.path(CONTRACT), text).unwrap();
    }

    fn read(&self) -> Result<Workspace, Vec<Problem>> {
        Workspace::read(self.0.path())
    }

    fn mistakes(&self) -> Vec<String> {
        let found = self.read().err().unwrap_or_default();
        found.iter().map(|found| format!("{}: {} {}", found.line, found.message, found.remedy)).collect()
    }

    /// Runs the date.
    fn run(&self) -> (RunRecord, Bucket) {
        time::set_clock("2026-11-27T12:00:00Z".parse().unwrap());
        let workspace = self.read().unwrap();
        let mut lock = Lock::take(&workspace).unwrap();
        let bucket = open_bucket(&workspace, &mut lock).unwrap();
        let pipeline = workspace.pipelines.iter().find(|other| other.name == "stadtbus-telemetrie").unwrap();
        let context =
            RunContext { workspace: &workspace, pipeline, bucket: &bucket, lock: &lock, progress: &|_, _| {} };
        let outcome = run(&context, Some(DATE.parse().unwrap())).unwrap();
        let report = match outcome {
            Run { outcome: Outcome::Done(report), .. } => report,
            other => panic!("{other:?}"),
        };
        (report.record, bucket)
    }
}

fn copy(from: &Path, to: &Path) {
    if from.is_file() {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
        return;
    }
    fs::read_dir(from).unwrap().for_each(|entry| {
        let name = entry.unwrap().file_name();
        copy(&from.join(&name), &to.join(&name));
    });
}

fn entry<'a>(record: &'a RunRecord, table: &str) -> &'a TableEntry {
    record.tables.iter().find(|entry| entry.table == table).unwrap()
}

fn published(record: &RunRecord, bucket: &Bucket, table: &str) -> RecordBatch {
    let [file] = entry(record, table).files.as_slice() else { panic!("{table} has not one file") };
    parquet::rows(bucket.get(&file.path).unwrap().unwrap()).unwrap()
}

/// Reports and the first time of each trip.
type Trips = BTreeMap<String, (i32, Option<i64>)>;

fn trips_of(rows: &RecordBatch) -> Trips {
    let (ids, reports) = (rows["trip_id"].as_string::<i32>(), rows["reports"].as_primitive::<Int32Type>());
    let first = rows["first_report"].as_primitive::<TimestampMillisecondType>();
    let trip =
        |row: usize| (ids.value(row).to_owned(), (reports.value(row), first.is_valid(row).then(|| first.value(row))));
    (0..rows.num_rows()).map(trip).collect()
}

#[test]
fn an_aggregated_table_can_be_made_again_from_the_published_one_and_all_rows_are_accounted_for() {
    let world = World::new();
    let (record, bucket) = world.run();
    assert_eq!(record.status, Status::Published, "{:?}", record.findings);
    let locations = published(&record, &bucket, "vehicle_locations");
    let ids = locations["trip_id_scheduled"].as_string::<i32>();
    let times = locations["event_timestamp"].as_primitive::<TimestampMillisecondType>();
    let mut expected = Trips::new();
    for row in (0..locations.num_rows()).filter(|row| ids.is_valid(*row)) {
        let trip = expected.entry(ids.value(row).to_owned()).or_default();
        trip.0 += 1;
        trip.1 = trip.1.into_iter().chain([times.value(row)]).min();
    }
    let found = trips_of(&published(&record, &bucket, "trip_reports"));
    let (reported, planned): (Trips, Trips) = found.into_iter().partition(|(_, (reports, _))| *reports > 0);
    assert_eq!(reported, expected);
    assert!(!planned.is_empty() && planned.values().all(|(_, first)| first.is_none()));
    let of_table = entry(&record, "trip_reports");
    assert_eq!(of_table.from, "vehicle_locations, alerts");
    assert_eq!(of_table.rows_in, (reported.len() + planned.len()) as u64);
    let [input, alerts] = of_table.inputs.as_slice() else { panic!("{:?}", of_table.inputs) };
    assert_eq!((alerts.of.as_str(), alerts.table.as_str(), alerts.used), ("feed", "alerts", 0));
    assert_eq!((alerts.rows, alerts.unused.len()), (entry(&record, "alerts").rows_in, 1));
    assert_eq!((input.of.as_str(), input.rows), ("release", locations.num_rows() as u64));
    assert_eq!(input.used, (locations.num_rows() - ids.null_count()) as u64);
    assert!(record.tables.iter().all(TableEntry::adds_up));
    assert!(entry(&record, "vehicle_locations").inputs.is_empty());
    let setting = record.inputs.data.iter().find(|input| input.name == "derived:trip_reports").unwrap();
    assert_eq!(setting.value.as_deref(), Some("trips vehicle_locations alerts"));
    assert!(
        record
            .inputs
            .data
            .iter()
            .any(|input| (input.kind.as_str(), input.name.as_str()) == ("rows", "stadtbus-trip-reports"))
    );
    assert!(record.contracts.iter().any(|contract| contract.id == "stadtbus-trip-reports"));
    // The same again, and nothing is to do.
    let (again, _) = world.run();
    assert_eq!(again, record);
}

#[test]
fn rows_of_a_derived_table_are_held_back_and_let_go_as_others_are() {
    let world = World::new();
    world.contract(HOLDS);
    let (record, bucket) = world.run();
    let held = entry(&record, "trip_reports");
    assert!(held.quarantined > 0 && held.adds_up() && held.entered_quarantine == held.quarantined, "{held:?}");
    assert!(trips_of(&published(&record, &bucket, "trip_reports")).values().all(|(reports, _)| *reports > 0));
    let folder = quarantine::partition(&world.read().unwrap().private, "stadtbus-telemetrie", record.date);
    let rows: Vec<RecordBatch> = quarantine::read(&folder.join(Stage::Release.file("trip_reports")), None)
        .unwrap()
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(rows.iter().map(|rows| rows.num_rows() as u64).sum::<u64>(), held.quarantined);
    let origin = rows[0][quarantine::ORIGIN_NAME].as_string::<i32>().value(0);
    assert!(origin.starts_with("stadtbus-gtfs "), "{origin}");
    world.contract("");
    let (record, _) = world.run();
    let let_go = entry(&record, "trip_reports");
    assert_eq!((let_go.quarantined, let_go.left_quarantine.published), (0, held.quarantined));
}

#[test]
fn a_table_whose_timetable_cannot_be_read_is_absent_and_said_to_be() {
    let world = World::new();
    fs::write(world.path("data/sample/stadtbus-gtfs.zip"), "no archive").unwrap();
    let (record, _) = world.run();
    assert!(record.absent.contains(&"trip_reports".to_owned()), "{:?}", record.absent);
    assert!(record.tables.iter().all(|entry| entry.table != "trip_reports"));
    let note = record.notes.iter().find(|note| note.rule == "derive.no_timetable").unwrap();
    assert!(note.message.starts_with("trip_reports was not made") && note.severity == "warning", "{note:?}");
}

#[test]
fn what_a_derivation_lacks_is_a_mistake_with_its_line() {
    let world = World::new();
    assert_eq!(world.mistakes(), [""; 0]);
    let line = fs::read_to_string(world.path(PIPELINE)).unwrap().lines().position(|l| l.contains("derived:")).unwrap();
    let line = (line + 1).to_string();
    let lacks = |part: &str, change: &dyn Fn(&World)| {
        let world = World::new();
        change(&world);
        let found = world.mistakes();
        assert!(found.iter().any(|found| found.contains(part)), "{part}: {found:?}");
        found
    };
    let found = lacks("no derivation 'trip_report'", &|w| w.replace(PIPELINE, "[trip_reports]", "[trip_report]"));
    assert!(
        found[0].starts_with(&format!("{line}: ")) && found[0].contains("Did you mean 'trip_reports'"),
        "{found:?}"
    );
    lacks("is derived already", &|w| w.replace(PIPELINE, "[trip_reports]", "[trip_reports, trip_reports]"));
    lacks("names no derivation", &|w| w.replace(PIPELINE, "[trip_reports]", "[]"));
    lacks("for which there is no contract", &|w| fs::remove_file(w.path(CONTRACT)).unwrap());
    lacks("needs a timetable, and the pipeline names none", &|w| {
        w.replace(PIPELINE, "timetable: stadtbus-fahrplan\n", "");
    });
    lacks("reads 'vehicle_locations', and the release has no such table", &|w| {
        w.replace(PIPELINE, "    vehicle_locations: vehicle_positions\n", "");
    });
    lacks("nothing fills the column 'reported' of 'trip_reports': the derivation", &|w| {
        w.replace(CONTRACT, "name: reports,", "name: reported,");
    });
    lacks("comes as 'logicalType: integer'", &|w| {
        w.replace(CONTRACT, "name: reports, logicalType: integer", "name: reports, logicalType: string");
    });
    lacks("which is not public", &|w| {
        let file = "schemas/stadtbus/vehicle_locations.odcs.yaml";
        let text = fs::read_to_string(w.path(file)).unwrap();
        let (before, after) = text.split_once("name: trip_id_scheduled").unwrap();
        let after = after.replacen("classification: public", "classification: private", 1);
        // Bloom filters are for public ids.
        let after = after.replacen("          - {property: bloomFilter, value: true}\n", "", 1);
        fs::write(w.path(file), format!("{before}name: trip_id_scheduled{after}")).unwrap();
    });
    lacks("'vehicle_positions' becomes 'vehicle_locations' already", &|w| {
        w.replace(PIPELINE, "    alerts: alerts\n", "    alerts: vehicle_positions\n");
    });
    lacks("a rule asks about a table that is derived from its own", &|w| {
        let file = "schemas/stadtbus/vehicle_locations.odcs.yaml";
        let rule = "    quality:\n      - {name: derived, type: custom, engine: fahrtenbuch, description: x, dimension: accuracy, severity: \
                    info, implementation: 'SELECT a._index FROM vehicle_locations AS a ANTI JOIN trip_reports AS b ON \
                    a.trip_id_scheduled = b.trip_id'}\n";
        let text = fs::read_to_string(w.path(file)).unwrap();
        let text = text.replacen("\n    quality:\n", &format!("\n{rule}"), 1);
        fs::write(w.path(file), text).unwrap();
    });
}
