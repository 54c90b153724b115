use super::*;

const TABLE: &str = "vehicle_locations";

/// A folder with a pipeline of telemetry, and a bucket in which eight dates of it are released.
fn world() -> (tempfile::TempDir, Workspace, Bucket) {
    let folder = tempfile::tempdir().unwrap();
    let mut workspace = Workspace::read(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
    workspace.private = folder.path().join("private");
    let bucket = Bucket::in_memory();
    let pipeline = telemetry(&workspace);
    let contract = pipeline.released().into_iter().find(|contract| contract.table == TABLE).unwrap();
    for day in 1..=8 {
        let date: ServiceDate = format!("2026-11-{day:02}").parse().unwrap();
        let sha256 = Digest::of(date.to_string().as_bytes());
        let partition = index::TablePartition { dataset: &pipeline.dataset, table: TABLE, date };
        let path = index::path_of_release(None, partition, false, &sha256);
        bucket.put(&path, "x".into()).unwrap();
        let told = format!("{{\"date\": \"{date}\"}}");
        let record = crate::ledger::record_key(&Digest::of(told.as_bytes()));
        bucket.put(&record, told.into()).unwrap();
        let file = IndexFile {
            path,
            partition_date: date,
            rows: 1,
            bytes: 1,
            sha256,
            record,
            provisional: false,
            timetable: None,
        };
        let (dataset, contract) = (pipeline.dataset.as_str(), contract.as_ref());
        let change = index::Change { dataset, contract, date, file: Some(&file), at: Timestamp::UNIX_EPOCH };
        index::commit(&bucket, change).unwrap();
    }
    (folder, workspace, bucket)
}

fn telemetry(workspace: &Workspace) -> &Pipeline {
    workspace.pipelines.iter().find(|pipeline| pipeline.name == "stadtbus-telemetrie").unwrap()
}

/// A look of a run of a date, and the requests that it made.
fn look(workspace: &Workspace, bucket: &Bucket, date: &str) -> (Result<Tables, RunError>, u64) {
    let lock = Lock::take(workspace).unwrap();
    let (pipeline, date) = (telemetry(workspace), date.parse().unwrap());
    let before = bucket.requests();
    tell_versions(workspace, bucket).unwrap();
    let found = Look { workspace, pipeline, bucket, lock: &lock, date, unfinished: &[], page: 3 }.tables();
    (found, bucket.requests() - before)
}

#[test]
fn a_large_bucket_is_looked_at_a_page_a_run_and_a_foreign_file_is_refused_by_the_run_that_comes_to_it() {
    let (_folder, workspace, bucket) = world();
    let own = "2026-11-20";
    // The first look is at all of it: a later one begins where this one began.
    look(&workspace, &bucket, own).0.unwrap();
    let foreign = bucket.list("data").unwrap().pop().unwrap().replace("part-", "part-f");
    bucket.put(&foreign, "x".into()).unwrap();
    // Three names, three names, and what is left.
    let (found, requests) = look(&workspace, &bucket, own);
    found.unwrap();
    let (second, again) = look(&workspace, &bucket, own);
    second.unwrap();
    assert_eq!(requests, again);
    for _ in 0..2 {
        let error = look(&workspace, &bucket, own).0.err().unwrap();
        assert!(error.to_string().contains(&foreign), "{error}");
    }
    bucket.remove(&foreign).unwrap();
    (0..4).for_each(|_| _ = look(&workspace, &bucket, own).0.unwrap());
}

#[test]
fn a_foreign_file_of_the_date_of_the_run_is_refused_at_once() {
    let (_folder, workspace, bucket) = world();
    look(&workspace, &bucket, "2026-11-20").0.unwrap();
    let foreign = bucket.list("data").unwrap().pop().unwrap().replace("part-", "part-f");
    bucket.put(&foreign, "x".into()).unwrap();
    let error = look(&workspace, &bucket, "2026-11-08").0.err().unwrap();
    assert!(error.to_string().contains(&foreign), "{error}");
}

#[test]
fn an_edited_or_lost_newest_version_is_refused_whatever_the_page() {
    let (_folder, workspace, bucket) = world();
    look(&workspace, &bucket, "2026-11-20").0.unwrap();
    let dataset = &telemetry(&workspace).dataset;
    let key = index::index_key(dataset, TABLE, 8);
    let bytes = bucket.get(&key).unwrap().unwrap();
    let edited = String::from_utf8(bytes.to_vec()).unwrap().replace("\"rows\": 1", "\"rows\": 2");
    bucket.put(&key, edited.into()).unwrap();
    assert!(look(&workspace, &bucket, "2026-11-20").0.is_err());
    bucket.remove(&key).unwrap();
    let error = look(&workspace, &bucket, "2026-11-20").0.err().unwrap();
    assert!(error.to_string().contains(&key), "{error}");
    bucket.put(&key, bytes).unwrap();
    look(&workspace, &bucket, "2026-11-20").0.unwrap();
}
