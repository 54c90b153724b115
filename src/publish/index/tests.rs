use std::collections::BTreeMap;
use std::path::Path;

use super::paths::versions_folder;
use super::versions::WINDOW;
use super::*;
use crate::contract::{Contract, odcs};
use crate::digest::Digest;
use crate::object_stores::Options;
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::time::ServiceDate;

fn partition(date: ServiceDate) -> TablePartition<'static> {
    TablePartition { dataset: "bus", table: "t", date }
}

fn contract() -> Contract {
    let text = "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: '1'\nstatus: active\nschema:\n  - name: t\n    \
                    properties:\n      - {name: id, logicalType: string, classification: public}\n";
    odcs::contract(Path::new("t.odcs.yaml"), text).unwrap()
}

/// A file as the next run of its partition would release it.
fn file_of(bucket: &Bucket, date: &str, content: &str, provisional: bool) -> IndexFile {
    let sha256 = Digest::of(content.as_bytes());
    let date = date.parse().unwrap();
    let index = current(bucket, "bus", "t").unwrap();
    IndexFile {
        path: path_of_release(index.as_ref(), partition(date), provisional, &sha256),
        partition_date: date,
        rows: 1,
        bytes: 1,
        sha256,
        record: "ledger/records/0.json".to_owned(),
        provisional,
        timetable: None,
    }
}

fn bucket(folder: &Path) -> Bucket {
    Bucket::open(folder.to_str().unwrap(), &Options::default()).unwrap()
}

fn commit_of(
    bucket: &Bucket,
    contract: &Contract,
    date: ServiceDate,
    file: Option<&IndexFile>,
) -> Result<Option<Commit>, PublishError> {
    commit(bucket, Change { dataset: "bus", contract, date, file, at: jiff::Timestamp::UNIX_EPOCH })
}

fn commit_file(bucket: &Bucket, file: &IndexFile) -> Commit {
    commit_of(bucket, &contract(), file.partition_date, Some(file)).unwrap().unwrap()
}

fn release(bucket: &Bucket, date: &str, content: &str, provisional: bool) -> String {
    let file = file_of(bucket, date, content, provisional);
    bucket.put(&file.path, content.to_owned().into()).unwrap();
    commit_file(bucket, &file);
    file.path
}

#[test]
fn a_partition_without_a_file_is_withdrawn_and_what_was_first_published_stays_known() {
    let folder = tempfile::tempdir().unwrap();
    let bucket = bucket(folder.path());
    let file = file_of(&bucket, "2026-11-24", "a", false);
    let date = file.partition_date;
    assert_eq!(commit_of(&bucket, &contract(), date, None).unwrap(), None);
    commit_file(&bucket, &file);
    let withdrawn = commit_of(&bucket, &contract(), date, None).unwrap().unwrap();
    assert!(matches!(&withdrawn, Commit::New(index) if index.version == 2 && index.files.is_empty()));
    let again = commit_of(&bucket, &contract(), date, None).unwrap().unwrap();
    assert!(matches!(again, Commit::Nothing(_)));
    assert_eq!(withdrawn.index().first[&date].path, file.path);
    assert!(file_of(&bucket, "2026-11-24", "b", false).path.starts_with("revised/"));
}

#[test]
fn the_first_complete_release_of_a_date_is_below_data_and_every_other_below_revised() {
    let folder = tempfile::tempdir().unwrap();
    let bucket = bucket(folder.path());
    let revised = |content: &str| {
        let digest = Digest::of(content.as_bytes()).short();
        format!("revised/bus/t/partition_date=2026-11-24/part-{digest}.parquet")
    };
    assert_eq!(release(&bucket, "2026-11-24", "half a day", true), revised("half a day"));
    let first = release(&bucket, "2026-11-24", "half a day", false);
    assert_eq!(first, revised("half a day").replace("revised/", "data/"));
    for content in ["b", "c", "half a day", "d"] {
        assert_eq!(release(&bucket, "2026-11-24", content, false), revised(content));
    }
    let index = current(&bucket, "bus", "t").unwrap().unwrap();
    assert_eq!((index.version, index.files.len(), &index.first[&index.files[0].partition_date].path), (6, 1, &first));
    assert_eq!(bucket.list("data").unwrap(), [first]);
}

#[test]
fn two_first_releases_of_a_date_are_not_both_committed() {
    let folder = tempfile::tempdir().unwrap();
    let bucket = bucket(folder.path());
    let (one, other) = (file_of(&bucket, "2026-11-24", "a", false), file_of(&bucket, "2026-11-24", "b", false));
    commit_file(&bucket, &one);
    let error = commit_of(&bucket, &contract(), other.partition_date, Some(&other)).unwrap_err();
    assert!(matches!(&error, PublishError::Overtaken { first, .. } if *first == one.path) && error.is_transient());
}

#[test]
fn what_a_killed_run_left_below_data_is_removed_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let bucket = bucket(folder.path());
    let first = release(&bucket, "2026-11-24", "a", false);
    let orphan = first.replace("part-", "part-0");
    let of_another_date = orphan.replace("-24", "-23");
    for name in [&orphan, &of_another_date] {
        bucket.put(name, "left".into()).unwrap();
    }
    let next = release(&bucket, "2026-11-24", "b", false);
    let date = "2026-11-24".parse().unwrap();
    let left = [orphan.clone(), of_another_date.clone()];
    assert_eq!(remove_orphans(&bucket, partition(date), Some(&orphan), &left).unwrap(), [""; 0]);
    assert_eq!(remove_orphans(&bucket, partition(date), None, &[]).unwrap(), [""; 0]);
    assert_eq!(remove_orphans(&bucket, partition(date), None, &left).unwrap(), [orphan]);
    assert_eq!(bucket.list("data").unwrap(), [of_another_date, first]);
    assert_eq!(bucket.list("revised").unwrap(), [next]);
}

#[test]
fn times_of_releases_go_on_by_milliseconds_and_not_from_one_of_a_clock_that_was_ahead() {
    let bucket = Bucket::in_memory();
    let release_at = |date: &str, at: jiff::Timestamp| {
        let file = file_of(&bucket, date, date, false);
        let (contract, date) = (contract(), file.partition_date);
        let change = Change { dataset: "bus", contract: &contract, date, file: Some(&file), at };
        let Some(Commit::New(index)) = commit(&bucket, change).unwrap() else { panic!() };
        index.release.unwrap().at
    };
    let at = |second: i64, millis: i64| jiff::Timestamp::from_millisecond(second * 1_000 + millis).unwrap();
    // Many at once stay behind the clock, and one that was prepared before another does, too.
    assert_eq!(release_at("2026-11-20", at(1_700_000_000, 0)), at(1_700_000_000, 0));
    assert_eq!(release_at("2026-11-21", at(1_700_000_000, 0)), at(1_700_000_000, 1));
    assert_eq!(release_at("2026-11-22", at(1_600_000_000, 0)), at(1_700_000_000, 2));
    assert_eq!(release_at("2026-11-23", at(9_000_000_000, 0)), at(9_000_000_000, 0));
    assert_eq!(release_at("2026-11-24", at(1_700_000_005, 0)), at(1_700_000_005, 0));
    assert_eq!(release_at("2026-11-25", at(1_700_000_005, 0)), at(1_700_000_005, 1));
}

#[test]
fn a_commit_adds_a_version_that_names_the_one_before_and_repeats_are_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let bucket = bucket(folder.path());
    let commit = |date: &str, content: &str| commit_file(&bucket, &file_of(&bucket, date, content, false));
    let Commit::New(first) = commit("2026-11-24", "a") else { panic!() };
    assert_eq!((first.version, first.previous), (1, None));
    assert!(matches!(commit_file(&bucket, &first.files[0]), Commit::Nothing(_)));
    let Commit::New(second) = commit("2026-11-23", "b") else { panic!() };
    assert_eq!(
        second.files.iter().map(|file| file.partition_date.to_string()).collect::<Vec<_>>(),
        ["2026-11-23", "2026-11-24"]
    );
    let before = bucket.get("meta/bus/t/index/v0000000001.json").unwrap().unwrap();
    assert_eq!(second.previous, Some(Digest::of(&before)));
    let Commit::New(third) = commit("2026-11-24", "c") else { panic!() };
    assert_eq!(third.files.len(), 2);
    let found = verified(&bucket, "bus", "t").unwrap().unwrap();
    assert_eq!((found.index, found.changed), (third, ["2026-11-24".parse().unwrap()].into()));
}

#[test]
fn a_contract_whose_version_alone_is_new_makes_no_version_of_the_index() {
    let folder = tempfile::tempdir().unwrap();
    let bucket = bucket(folder.path());
    let made = commit_file(&bucket, &file_of(&bucket, "2026-11-24", "a", false));
    let contract = Contract { version: "2".to_owned(), ..contract() };
    let file = &made.index().files[0];
    let again = commit_of(&bucket, &contract, file.partition_date, Some(file)).unwrap().unwrap();
    assert!(matches!(again, Commit::Nothing(index) if index.contract.version == "1"));
}

#[test]
fn an_index_with_a_gap_a_wrong_link_or_no_sense_is_refused_for_good() {
    let key = |version: u32| format!("meta/bus/t/index/v{version:010}.json");
    let edited = |edit: &dyn Fn(&Path)| {
        let folder = tempfile::tempdir().unwrap();
        let bucket = bucket(folder.path());
        for content in ["a", "b", "c"] {
            release(&bucket, "2026-11-24", content, false);
        }
        assert!(verified(&bucket, "bus", "t").unwrap().is_some());
        edit(folder.path());
        let error = verified(&bucket, "bus", "t").unwrap_err();
        assert!(!error.is_transient());
        error.to_string()
    };
    let gap = edited(&|folder| std::fs::remove_file(folder.join(key(2))).unwrap());
    assert!(gap.contains(&key(2)) && gap.contains("missing"), "{gap}");
    let first = edited(&|folder| std::fs::remove_file(folder.join(key(1))).unwrap());
    assert!(first.contains(&key(1)), "{first}");
    let far = edited(&|folder| _ = std::fs::copy(folder.join(key(3)), folder.join(key(9))).unwrap());
    assert!(far.contains(&key(4)), "{far}");
    let change = |folder: &Path, version, from: &str, to: &str| {
        let text = std::fs::read_to_string(folder.join(key(version))).unwrap();
        assert!(text.contains(from));
        std::fs::write(folder.join(key(version)), text.replace(from, to)).unwrap();
    };
    let before = edited(&|folder| change(folder, 2, "\"rows\": 1", "\"rows\": 2"));
    assert!(before.contains(&key(2)) && before.contains("digest"), "{before}");
    let link = edited(&|folder| change(folder, 3, "\"previous\": \"", "\"before\": \""));
    assert!(link.contains(&key(3)), "{link}");
    let number = edited(&|folder| change(folder, 3, "\"version\": 3", "\"version\": 4"));
    assert!(number.contains(&key(3)), "{number}");
    let cut = edited(&|folder| std::fs::write(folder.join(key(3)), "{").unwrap());
    assert!(cut.contains(&key(3)), "{cut}");
}

#[test]
fn the_newest_version_of_many_is_found_in_a_window_that_misses_what_was_taken_away() {
    let bucket = Bucket::in_memory();
    let (folder, newest) = (versions_folder("bus", "t"), 2 * WINDOW);
    let mut index = None;
    for version in 1..=newest {
        let content = (version % 2).to_string();
        let made = commit_file(&bucket, &file_of(&bucket, "2026-11-24", &content, true));
        index = Some(made.index().clone());
    }
    assert_eq!(index.as_ref().map(|index| index.version), Some(newest));
    // As the next process: it knows what the private store remembers.
    let look = |known: u64| {
        bucket.forget_version(&folder);
        remember_version(&bucket, "bus", "t", known);
        let before = bucket.requests();
        let found = verified(&bucket, "bus", "t").map(|found| found.map(|verified| verified.index.version));
        (found, bucket.requests() - before)
    };
    // A listing, the newest version, and the one before it.
    let (found, requests) = look(newest);
    assert_eq!((found.unwrap(), requests), (Some(newest), 3));
    assert_eq!(look(newest - 500).0.unwrap(), Some(newest));
    // What is known already costs one request, whoever asks.
    let before = bucket.requests();
    assert_eq!(current(&bucket, "bus", "t").unwrap(), index);
    assert_eq!(bucket.requests() - before, 1);
    let names = |bucket: &Bucket| bucket.list(&folder).unwrap();
    assert_eq!(missing_version("", names(&bucket).iter()), None);
    // One that was taken away from before the window is missed by the look that goes on from page to page.
    bucket.remove(&index_key("bus", "t", 7)).unwrap();
    assert_eq!(look(newest).0.unwrap(), Some(newest));
    assert_eq!(missing_version("", names(&bucket).iter()), Some(index_key("bus", "t", 7)));
    let begin = index_key("bus", "t", 6);
    let page: Vec<String> = bucket.list_after(&folder, &begin).unwrap().into_keys().collect();
    assert_eq!(missing_version(&begin, page.iter()), Some(index_key("bus", "t", 7)));
    assert_eq!(missing_version(&index_key("bus", "t", 7), page.iter()), None);
    // One from within the window is missed by every run.
    let key = index_key("bus", "t", newest - 5);
    let bytes = bucket.get(&key).unwrap().unwrap();
    bucket.remove(&key).unwrap();
    assert!(look(newest).0.unwrap_err().to_string().contains(&key));
    bucket.put(&key, bytes).unwrap();
    // Where the newest known one is gone, all are looked at.
    bucket.remove(&index_key("bus", "t", newest)).unwrap();
    assert!(look(newest).0.unwrap_err().to_string().contains(&index_key("bus", "t", 7)));
}

#[test]
fn two_runs_that_commit_at_once_both_land() {
    let folder = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let folder = folder.path();
            scope.spawn(move || {
                let bucket = bucket(folder);
                for day in 1..=5 {
                    let date = format!("2026-{:02}-{day:02}", worker + 1);
                    commit_file(&bucket, &file_of(&bucket, &date, &date, false));
                }
            });
        }
    });
    let index = current(&bucket(folder.path()), "bus", "t").unwrap().unwrap();
    assert_eq!((index.version, index.files.len(), index.first.len()), (20, 20, 20));
}

#[test]
fn views_say_what_the_index_says_whatever_the_order_of_its_versions() {
    let views = |dates: [&str; 2]| {
        let folder = tempfile::tempdir().unwrap();
        let bucket = bucket(folder.path());
        dates.iter().for_each(|date| _ = release(&bucket, date, date, false));
        let [(json, files), (csv, lines)] = super::views(&current(&bucket, "bus", "t").unwrap().unwrap());
        assert_eq!((json.as_str(), csv.as_str()), ("meta/bus/t/files.json", "meta/bus/t/index.csv"));
        (files, String::from_utf8(lines.to_vec()).unwrap())
    };
    let (json, csv) = views(["2026-11-23", "2026-11-24"]);
    assert_eq!(views(["2026-11-24", "2026-11-23"]), (json, csv.clone()));
    let digest = Digest::of(b"2026-11-24");
    let path = format!("data/bus/t/partition_date=2026-11-24/part-{}.parquet", digest.short());
    let line = format!("{path},2026-11-24,1,1,{digest},ledger/records/0.json,false,,,");
    assert_eq!(csv.lines().nth(2), Some(line.as_str()));
    assert_eq!(date_of(Path::new(&path)), "2026-11-24".parse().ok());
}

#[test]
fn the_timetable_of_a_file_is_named_or_none_or_not_known() {
    let folder = tempfile::tempdir().unwrap();
    let bucket = bucket(folder.path());
    let sha256 = Digest::of(b"gtfs");
    let used = UsedTimetable { dataset: "plan".to_owned(), partition_date: "2026-11-20".parse().unwrap(), sha256 };
    let mut json = String::new();
    for (date, timetable) in
        [("2026-11-22", None), ("2026-11-23", Some(None)), ("2026-11-24", Some(Some(used.clone())))]
    {
        let file = IndexFile { timetable, ..file_of(&bucket, date, date, false) };
        commit_file(&bucket, &file);
        let index =
            read_version(&bucket, "bus", "t", current(&bucket, "bus", "t").unwrap().unwrap().version).unwrap().0;
        assert_eq!(index.file_of(file.partition_date), Some(&file), "as it was written");
        let [files, csv] = views(&index).map(|(_, bytes)| String::from_utf8(bytes.to_vec()).unwrap());
        let line = csv.lines().last().unwrap().to_owned();
        let of_used = format!("plan,2026-11-20,{sha256}");
        assert!(
            line.ends_with(if file.timetable == Some(Some(used.clone())) { &of_used } else { "false,,," }),
            "{line}"
        );
        json = files;
    }
    let files: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(files["files"][0].get("timetable"), None);
    assert_eq!(files["files"][1].get("timetable"), Some(&serde_json::Value::Null));
    let expected = serde_json::json!({"dataset": "plan", "partition_date": "2026-11-20", "sha256": sha256});
    assert_eq!(files["files"][2]["timetable"], expected);
    // A program that will know more of it is not taken for damage.
    let path = folder.path().join(index_key("bus", "t", 3));
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("\"dataset\": \"plan\"", "\"dataset\": \"plan\", \"later\": 1")).unwrap();
    let error = current(&self::bucket(folder.path()), "bus", "t").unwrap_err();
    assert!(matches!(error, PublishError::Newer { .. }) && error.to_string().contains("'later'"), "{error}");
}

#[test]
fn an_index_of_a_newer_program_is_refused_and_named() {
    let folder = tempfile::tempdir().unwrap();
    release(&bucket(folder.path()), "2026-11-24", "a", false);
    let path = folder.path().join(index_key("bus", "t", 1));
    let text = std::fs::read_to_string(&path).unwrap();
    for (from, to) in
        [("\"version\": 1", "\"version\": 1, \"later\": []"), ("\"rows\": 1", "\"rows\": 1, \"later\": 7")]
    {
        assert!(text.contains(from));
        std::fs::write(&path, text.replace(from, to)).unwrap();
        let error = current(&bucket(folder.path()), "bus", "t").unwrap_err();
        assert!(matches!(error, PublishError::Newer { .. }) && !error.is_transient(), "{error}");
        assert!(error.to_string().contains("'later'"), "{error}");
    }
    std::fs::write(&path, &text[1..]).unwrap();
    assert!(matches!(current(&bucket(folder.path()), "bus", "t"), Err(PublishError::Damaged { .. })));
}

fn act(kind: ActKind, dates: &[ServiceDate]) -> Act {
    Act {
        kind,
        dates: dates.iter().copied().collect(),
        by: "Datenmanagement".to_owned(),
        reason: "a test".to_owned(),
        to: None,
        record: "ledger/records/1.json".to_owned(),
    }
}

fn amendment(act: Act, files: BTreeMap<ServiceDate, Option<IndexFile>>) -> Amendment {
    let at = jiff::Timestamp::UNIX_EPOCH;
    Amendment { at, act, files, rolled_back: BTreeMap::new(), withdrawn: BTreeMap::new(), months: Vec::new() }
}

#[test]
fn the_act_of_a_person_may_change_several_dates_at_once_and_a_release_may_not() {
    let folder = tempfile::tempdir().unwrap();
    let bucket = bucket(folder.path());
    let dates: Vec<ServiceDate> = ["2026-11-24", "2026-11-25"].iter().map(|date| date.parse().unwrap()).collect();
    for date in ["2026-11-24", "2026-11-25"] {
        release(&bucket, date, "a", false);
    }
    let older = current(&bucket, "bus", "t").unwrap().unwrap();
    for date in ["2026-11-24", "2026-11-25"] {
        release(&bucket, date, "b", false);
    }
    let files: BTreeMap<ServiceDate, Option<IndexFile>> =
        dates.iter().map(|date| (*date, older.file_of(*date).cloned())).collect();
    let back = amendment(act(ActKind::Rollback, &dates), files);
    // Somebody else was faster.
    assert!(matches!(amend(&bucket, ("bus", "t"), 3, &back).unwrap(), Amended::Overtaken));
    let Amended::New(index) = amend(&bucket, ("bus", "t"), 4, &back).unwrap() else { panic!() };
    assert_eq!((index.version, &index.files), (5, &older.files));
    let found = verified(&bucket, "bus", "t").unwrap().unwrap();
    assert_eq!((found.index, found.changed), (index, dates.iter().copied().collect()));
    // It says that it changed one date, and it changed two.
    let wrong = Amendment { act: act(ActKind::Rollback, &dates[..1]), ..back };
    let none = dates.iter().map(|date| (*date, None)).collect();
    amend(&bucket, ("bus", "t"), 5, &Amendment { files: none, ..wrong }).unwrap();
    let error = verified(&bucket, "bus", "t").unwrap_err().to_string();
    assert!(error.contains("it changes 2026-11-25, which is none of the dates of its rollback"), "{error}");
}

#[test]
fn a_withdrawn_date_is_released_by_nobody_until_that_is_lifted() {
    let folder = tempfile::tempdir().unwrap();
    let bucket = bucket(folder.path());
    let first = release(&bucket, "2026-11-24", "a", false);
    let date: ServiceDate = "2026-11-24".parse().unwrap();
    let file = file_of(&bucket, "2026-11-24", "b", false);
    let before = current(&bucket, "bus", "t").unwrap().unwrap().first[&date].clone();
    let mut tombstone = Tombstone {
        at: jiff::Timestamp::UNIX_EPOCH,
        by: "Datenmanagement".to_owned(),
        reason: "a test".to_owned(),
        record: "ledger/records/1.json".to_owned(),
        from: 1,
        version: 2,
        files: [before].into(),
        lifted: None,
    };
    let mut withdrawal = amendment(act(ActKind::Withdrawal, &[date]), [(date, None)].into());
    withdrawal.withdrawn.insert(date, tombstone.clone());
    is_still_named(&bucket, &first).unwrap();
    let Amended::New(index) = amend(&bucket, ("bus", "t"), 1, &withdrawal).unwrap() else { panic!() };
    // Who reads it now may try again: that it is gone is no damage.
    let vanished = is_still_named(&bucket, &first).unwrap_err();
    assert!(matches!(vanished, PublishError::Vanished { .. }) && vanished.is_transient());
    assert!(index.hides(1) && !index.hides(2) && index.is_deleted(date, &first));
    let view = views(&index)[0].1.clone();
    let view: serde_json::Value = serde_json::from_slice(&view).unwrap();
    assert_eq!(view["withdrawn"]["2026-11-24"]["reason"], "a test");
    verified(&bucket, "bus", "t").unwrap();
    let error = commit_of(&bucket, &contract(), date, Some(&file)).unwrap_err();
    assert!(matches!(error, PublishError::Withdrawn { .. }) && !error.is_transient());
    let (at, by, record) = (tombstone.at, "D".to_owned(), "ledger/records/2.json".to_owned());
    tombstone.lifted = Some(Lifted { at, by, reason: "mended".to_owned(), record });
    let mut lift = amendment(act(ActKind::Lift, &[date]), BTreeMap::new());
    lift.withdrawn.insert(date, tombstone);
    assert!(matches!(amend(&bucket, ("bus", "t"), 2, &lift).unwrap(), Amended::New(_)));
    verified(&bucket, "bus", "t").unwrap();
    let index = commit_of(&bucket, &contract(), date, Some(&file)).unwrap().unwrap();
    let index = index.index();
    // The first bytes are gone for ever, and the tombstone stays.
    assert!(file.path.starts_with("revised/") && index.is_deleted(date, &first) && index.hides(1));
    assert!(!index.is_deleted(date, &file.path) && index.withdrawn[&date].lifted.is_some());
    // A version that has lost it is refused.
    let lost = TableIndex { version: 5, withdrawn: BTreeMap::new(), previous: Some(digest(index)), ..index.clone() };
    bucket.put(&index_key("bus", "t", 5), serde_json::to_vec(&lost).unwrap().into()).unwrap();
    let error = verified(&bucket, "bus", "t").unwrap_err().to_string();
    assert!(error.contains("it has lost that 2026-11-24 was withdrawn"), "{error}");
}
