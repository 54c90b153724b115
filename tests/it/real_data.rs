//! Feeds and snapshots that nobody here wrote go through decode and check without a crash.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fahrtenbuch::capture::Capture;
use fahrtenbuch::check::area::ServiceArea;
use fahrtenbuch::check::context::{RuleContext, Siblings};
use fahrtenbuch::check::{self, CheckError, Checked, RuleResult, TableCheck};
use fahrtenbuch::contract::library::Library;
use fahrtenbuch::decode::{Decoded, Limits, Step, gtfs, gtfs_realtime};
use fahrtenbuch::derive::privacy::texts::{PrivateTexts, PublishedTexts};
use fahrtenbuch::digest::Digest;
use fahrtenbuch::table::keys::Keys;
use fahrtenbuch::table::{Budget, Origin};
use jiff::Timestamp;

use crate::world::{root, shared};

fn capture(body: bytes::Bytes) -> Capture {
    Capture {
        url: "file:x".into(),
        captured_at: Timestamp::UNIX_EPOCH,
        status: 200,
        headers: Vec::new(),
        digest: Digest::of(&body),
        body,
    }
}

fn find(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find(&path, extension, found);
        } else if path.extension().is_some_and(|other| other == extension) {
            found.push(path);
        }
    }
    found.sort();
}

/// Checks all rows; the rows that came in, passed and were held back.
fn check_all(decoded: Decoded, contracts: &Library) -> Result<[usize; 3], String> {
    let referenced = check::referenced(contracts.contracts.values());
    let budget = Budget::new(1 << 30);
    let mut around = RuleContext::of("2026-11-24".parse().unwrap());
    around.area = Some(ServiceArea::of_box([-90.0, -180.0, 90.0, 180.0]).unwrap());
    around.timetable = Ok(Arc::default());
    around.gtfs = Arc::new(Library::gtfs());
    around.siblings = Siblings::of(contracts.contracts.values());
    let around = Arc::new(around);
    let mut checks: Vec<Option<TableCheck>> = decoded
        .tables
        .iter()
        .map(|head| {
            let lists = referenced.get(&head.contract.table).cloned().unwrap_or_default();
            let (around, budget) = (around.clone(), budget.clone());
            Some(TableCheck::new(head.contract.clone(), head.origins.clone(), &lists, around, budget).unwrap())
        })
        .collect();
    let mut keys = Keys::default();
    let mut counts = [0; 3];
    let mut count = |checked: Checked| -> Result<(), CheckError> {
        counts[1] += checked.passed.iter().map(|rows| rows.num_rows()).sum::<usize>();
        counts[2] += checked.quarantined.iter().map(|held| held.rows.num_rows()).sum::<usize>();
        Ok(())
    };
    let mut rows = 0;
    for step in decoded.steps {
        match step.map_err(|error| error.to_string())? {
            Step::Rows { table, chunk } => {
                rows += chunk.rows.num_rows();
                count(checks[table].as_mut().unwrap().push(chunk, &keys).unwrap()).unwrap();
            }
            Step::End { table } => {
                let outcomes = checks[table].take().unwrap().finish(&mut keys, &mut count).unwrap();
                let broken: Vec<_> = outcomes.iter().filter(|outcome| outcome.result == RuleResult::Error).collect();
                assert!(broken.is_empty(), "{broken:?}");
            }
            Step::Note(_) | Step::Read { .. } | Step::Strays { .. } => {}
        }
    }
    counts[0] = rows;
    assert!(checks.iter().all(Option::is_none), "a table never ended");
    Ok(counts)
}

#[test]
fn every_feed_of_the_repository_is_checked_or_refused_with_a_clear_error() {
    checked_or_refused(&root().join("tests/feeds"), 4);
}

#[test]
#[cfg_attr(not(shared), ignore = "needs the collection of feeds and captures beside the checkout")]
fn every_feed_of_the_collection_is_checked_or_refused_with_a_clear_error() {
    checked_or_refused(&shared("feeds"), 10);
}

fn checked_or_refused(folder: &Path, at_least: usize) {
    let contracts = Library::read(&root().join("schemas/gtfs")).unwrap();
    let mut feeds = Vec::new();
    find(folder, "zip", &mut feeds);
    assert!(feeds.len() >= at_least);
    for feed in feeds {
        let origin = Origin { name: "feed.zip".into(), captured_at: Timestamp::UNIX_EPOCH };
        let bytes = std::fs::read(&feed).unwrap().into();
        let checked = gtfs::decode("feed.zip", bytes, &origin, &contracts, Limits::default())
            .map_err(|error| error.to_string())
            .and_then(|decoded| check_all(decoded, &contracts));
        match checked {
            Ok([rows, passed, held]) => assert!(rows > 0 && rows == passed + held, "{}", feed.display()),
            Err(error) => assert!(error.contains(".txt") || error.contains("feed.zip"), "{}: {error}", feed.display()),
        }
    }
}

#[test]
fn every_snapshot_of_the_repository_is_checked_or_noted() {
    assert!(rows_checked_or_noted(&root().join("tests/captures"), 30) > 20);
}

#[test]
#[cfg_attr(not(shared), ignore = "needs the collection of feeds and captures beside the checkout")]
fn every_snapshot_of_the_collection_is_checked_or_noted() {
    assert!(rows_checked_or_noted(&shared("realtime"), 100) > 10_000);
}

/// Checks each snapshot of a folder; the rows of all of them.
fn rows_checked_or_noted(folder: &Path, more_than: usize) -> usize {
    let contracts = Library::read(&root().join("schemas/gtfs-realtime")).unwrap();
    let mut snapshots = Vec::new();
    find(folder, "pb", &mut snapshots);
    assert!(snapshots.len() > more_than, "{}", snapshots.len());
    let mut rows_in_all = 0;
    for snapshot in snapshots {
        let body: bytes::Bytes = std::fs::read(&snapshot).unwrap().into();
        let capture = capture(body);
        let origins = vec![Origin { name: "x.pb".into(), captured_at: Timestamp::UNIX_EPOCH }];
        let captures = Box::new(std::iter::once(Ok(capture)));
        let decoded =
            gtfs_realtime::decode(origins, captures, &contracts, Limits::default(), Budget::new(1 << 30)).unwrap();
        let [rows, passed, held] = check_all(decoded, &contracts).unwrap();
        assert_eq!(rows, passed + held, "{}", snapshot.display());
        rows_in_all += rows;
    }
    rows_in_all
}

/// What the deny-list says of all rows, as if the public columns of the feed were published as they are: for each column
/// how many different texts have a private one in them, and how many look so.
fn denied(decoded: Decoded) -> Result<Vec<String>, String> {
    let budget = Budget::new(1 << 30);
    let mut private = PrivateTexts::new(budget.clone());
    let compares = decoded.tables.iter().any(|head| PrivateTexts::may_be_in(&head.contract));
    let mut published: Vec<PublishedTexts> =
        (decoded.tables.iter()).map(|head| PublishedTexts::new(&head.contract, compares, budget.clone())).collect();
    for step in decoded.steps {
        if let Step::Rows { table, chunk } = step.map_err(|error| error.to_string())? {
            private.push(&decoded.tables[table].contract, &chunk.rows).unwrap();
            published[table].push(&chunk.rows).unwrap();
        }
    }
    let tables = decoded.tables.iter().zip(&published);
    let found = tables.flat_map(|(head, texts)| {
        let table = &head.contract.table;
        let found = texts.found(&private).into_iter();
        found.map(move |(column, (equal, looks))| format!("{table}.{column} {equal} {looks}")).collect::<Vec<_>>()
    });
    Ok(found.collect())
}

/// The findings of the deny-list in all feeds and snapshots of some folders, and how many files were read.
fn denied_in(folders: &[PathBuf]) -> (usize, Vec<String>) {
    let [timetable, realtime] =
        ["schemas/gtfs", "schemas/gtfs-realtime"].map(|folder| Library::read(&root().join(folder)).unwrap());
    let (mut read, mut found) = (0, Vec::new());
    for folder in folders {
        let mut feeds = Vec::new();
        find(folder, "zip", &mut feeds);
        find(folder, "pb", &mut feeds);
        for feed in feeds {
            let body: bytes::Bytes = std::fs::read(&feed).unwrap().into();
            let origin = Origin { name: "feed".into(), captured_at: Timestamp::UNIX_EPOCH };
            let decoded = if feed.extension().is_some_and(|extension| extension == "zip") {
                gtfs::decode("feed.zip", body, &origin, &timetable, Limits::default())
            } else {
                let capture = capture(body);
                let captures = Box::new(std::iter::once(Ok(capture)));
                gtfs_realtime::decode(vec![origin], captures, &realtime, Limits::default(), Budget::new(1 << 30))
            };
            // What cannot be read is not published.
            let Ok(denied) = decoded.map_err(|error| error.to_string()).and_then(denied) else { continue };
            read += 1;
            let name = feed.strip_prefix(folder).unwrap().display().to_string();
            found.extend(denied.into_iter().map(|finding| format!("{name} {finding}")));
        }
    }
    (read, found)
}

#[test]
fn the_deny_list_alarms_in_no_feed_of_the_repository() {
    let (read, found) = denied_in(&["tests/feeds", "tests/captures"].map(|folder| root().join(folder)));
    assert!(read > 30 && found.is_empty(), "{read}: {found:#?}");
}

#[test]
#[cfg_attr(not(shared), ignore = "needs the collection of feeds and captures beside the checkout")]
fn the_deny_list_alarms_in_no_feed_of_the_collection() {
    let (read, found) = denied_in(&[shared("feeds"), shared("realtime")]);
    assert!(read > 110 && found.is_empty(), "{read}: {found:#?}");
}
