use super::*;

#[test]
fn a_folder_honours_create_only_writes_and_keeps_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let bucket = Bucket::open(folder.path().to_str().unwrap(), &Options::default()).unwrap();
    bucket.probe().unwrap();
    assert!(bucket.put_new("a/b.json", Bytes::from_static(b"1")).unwrap());
    assert!(!bucket.put_new("a/b.json", Bytes::from_static(b"2")).unwrap());
    assert_eq!(bucket.get("a/b.json").unwrap().as_deref(), Some(&b"1"[..]));
    assert_eq!(bucket.list("a").unwrap(), ["a/b.json"]);
    assert!(bucket.put_new("../out", Bytes::new()).is_err());
}

#[test]
fn what_is_damaged_is_told_and_put_again() {
    let folder = tempfile::tempdir().unwrap();
    let bucket = Bucket::open(folder.path().to_str().unwrap(), &Options::default()).unwrap();
    let (staged, digest) = (folder.path().join("staged"), Digest::of(b"rows"));
    std::fs::write(&staged, "rows").unwrap();
    let file = folder.path().join("data/part.parquet");
    let put = || bucket.put_file("data/part.parquet", &staged, &digest).unwrap();
    let damage = || bucket.damage_of("data/part.parquet", 4, &digest).unwrap();
    assert_eq!(damage().as_deref(), Some("it is gone"));
    assert!(put() && !put());
    for (bytes, told) in [("row", "it has 3 bytes instead of 4"), ("rowz", "SHA-256")] {
        std::fs::write(&file, bytes).unwrap();
        assert!(damage().is_some_and(|problem| problem.contains(told)));
        assert!(put());
        assert_eq!((damage(), std::fs::read(&file).unwrap()), (None, b"rows".to_vec()));
    }
    bucket.remove("data/part.parquet").unwrap();
    bucket.remove("data/part.parquet").unwrap();
    assert!(!file.exists());
}

#[test]
fn a_bucket_of_another_layout_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let bucket = Bucket::open(folder.path().to_str().unwrap(), &Options::default()).unwrap();
    bucket.put(FORMAT, "{\"format\": \"fahrtenbuch-bucket/1\"}\n".into()).unwrap();
    let error = bucket.probe().unwrap_err().to_string();
    assert!(error.contains("new, empty bucket"), "{error}");
}

#[test]
fn what_a_killed_write_left_is_swept_away() {
    let folder = tempfile::tempdir().unwrap();
    let bucket = Bucket::open(folder.path().to_str().unwrap(), &Options::default()).unwrap();
    bucket.put("data/x.json", Bytes::from_static(b"{}")).unwrap();
    let staged = folder.path().join("data/x.json#1");
    std::fs::write(&staged, "half").unwrap();
    // Another store may be writing it just now.
    bucket.sweep();
    assert!(staged.exists());
    let before = std::time::SystemTime::now() - std::time::Duration::from_secs(7200);
    std::fs::File::options().write(true).open(&staged).unwrap().set_modified(before).unwrap();
    bucket.sweep();
    assert!(!staged.exists() && folder.path().join("data/x.json").exists());
    // Whoever alone writes an object need not wait.
    let (other, no_number) = (folder.path().join("data/y.json#2"), folder.path().join("data/x.json#a"));
    for file in [&staged, &other, &no_number] {
        std::fs::write(file, "half").unwrap();
    }
    bucket.sweep_staged(&["data/x.json".to_owned(), "data/none.json".to_owned(), "none/z".to_owned()]);
    assert!(!staged.exists() && other.exists() && no_number.exists() && folder.path().join("data/x.json").exists());
}

#[test]
fn an_unknown_store_is_refused_with_a_remedy() {
    let error = Bucket::open("ftp://x", &Options::default()).err().unwrap().to_string();
    assert_eq!(error, "the bucket ftp://x: this kind of store is not known. Write a folder or 's3://bucket/prefix'.");
}

#[test]
fn a_listing_is_gone_through_a_page_at_a_time_and_begins_anew_at_its_end() {
    let bucket = Bucket::in_memory();
    for name in ["a/1", "a/2", "a/3", "b/1"] {
        bucket.put(name, "x".into()).unwrap();
    }
    let names = |page: &Page| page.sizes.keys().cloned().collect::<Vec<_>>();
    let first = bucket.page("a", "", 2).unwrap();
    assert_eq!(
        (names(&first), first.end.as_deref(), first.is_whole()),
        (vec!["a/1".into(), "a/2".into()], Some("a/2"), false)
    );
    assert!(first.covers("a/10") && !first.covers("a/3"));
    let second = bucket.page("a", "a/2", 2).unwrap();
    assert_eq!((names(&second), second.end.as_deref()), (vec!["a/3".into()], None));
    assert!(second.covers("a/9") && !second.covers("a/2"));
    let anew = bucket.page("a", "a/3", 2).unwrap();
    assert_eq!((names(&anew), anew.end.as_deref()), (vec!["a/1".into(), "a/2".into()], Some("a/2")));
    // There is nothing behind the last one, which was looked at, too.
    assert!(anew.covers("a/1") && anew.covers("a/4") && !anew.covers("a/3"));
    assert!(bucket.page("a", "", 4).unwrap().is_whole());
    assert_eq!(bucket.folders("").unwrap().into_iter().collect::<Vec<_>>(), ["a", "b"]);
    assert!(bucket.folders("a").unwrap().is_empty());
    let before = bucket.requests();
    let after = bucket.list_after("a", "a/1").unwrap();
    assert_eq!((after.len(), after["a/2"].bytes, bucket.requests() - before), (2, 1, 1));
}

#[test]
fn a_folder_that_is_not_there_is_opened_by_nobody_and_made_only_where_it_is_asked_for() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("a/bucket");
    let none = Options::default();
    for location in [folder.display().to_string(), format!("file://{}", folder.display())] {
        let error = Bucket::open(&location, &none).err().unwrap();
        assert!(matches!(error, PublishError::Gone { .. }) && error.is_transient() && !folder.exists());
        let bucket = Bucket::make(&location, &none).unwrap();
        assert!(bucket.put_new("a.json", Bytes::new()).unwrap() && Bucket::open(&location, &none).is_ok());
        // Moved away while somebody is at work.
        std::fs::remove_dir_all(&folder).unwrap();
        let error = bucket.put_new("b.json", Bytes::new()).unwrap_err();
        assert!(matches!(error, PublishError::Gone { .. }) && !folder.exists(), "{error}");
    }
    std::fs::write(&folder, "").unwrap();
    let error = Bucket::make(folder.to_str().unwrap(), &none).err().unwrap();
    assert!(matches!(error, PublishError::Configuration { .. }), "{error}");
}

#[test]
fn a_place_is_the_same_however_it_is_written() {
    for (one, other, expected) in [
        ("s3://a/b", "s3://a/b", true),
        ("s3://a/b", "s3://a/c", false),
        ("/srv/a/data/bucket", "file:///srv/a/data/bucket", true),
        ("./data/bucket", "/srv/a/data/bucket", true),
        ("/srv/a/data/bucket", "data/bucket", false),
        ("/srv/a/data/bucket", "/srv/b/data/bucket", false),
        ("data/bucket", "./data/bucket", true),
        // As 'run' in the workspace kept it, and as '-C stadtbus' and '-C ../stadtbus' name it.
        ("./data/bucket", "stadtbus/data/bucket", true),
        ("stadtbus/data/bucket", "../stadtbus/data/bucket", true),
        ("data/bucket", "s3://data/bucket", false),
        ("data/bucket", "data/other", false),
    ] {
        assert_eq!(is_same_place(one, other), expected, "{one} {other}");
    }
    let (root, none) = (tempfile::tempdir().unwrap(), Options::default());
    let path = root.path().join("bucket").to_str().unwrap().to_owned();
    let bucket = Bucket::make(&path, &none).unwrap();
    std::os::unix::fs::symlink(&path, root.path().join("link")).unwrap();
    let link = root.path().join("link").to_str().unwrap().to_owned();
    for (place, expected) in [
        (format!("file://{path}"), true),
        (format!("{path}/../bucket/"), true),
        (link, true),
        (root.path().join("other").to_str().unwrap().to_owned(), false),
        ("./bucket".to_owned(), true),
        ("other/bucket".to_owned(), false),
        ("s3://bucket".to_owned(), false),
    ] {
        assert_eq!(bucket.is_at(&place), expected, "{place}");
    }
}

#[test]
fn a_bucket_in_a_workspace_is_the_same_where_the_workspace_was_moved_to() {
    for (kept, root, location, expected) in [
        ("/srv/a/data/bucket", "drill", "drill/data/bucket", true),
        ("/srv/a/data/bucket", "/srv/drill", "/srv/drill/data/bucket", true),
        ("./data/bucket", "drill", "drill/data/bucket", true),
        ("/srv/a/data/bucket", "drill", "drill/data/other", false),
        ("/srv/a/data/bucket", "/srv/drill", "/mnt/data/bucket", false),
        ("/srv/a/data/bucket", "/srv/drill", "s3://a/data/bucket", false),
        ("s3://a/b", "/srv/drill", "s3://a/b/", true),
    ] {
        assert_eq!(is_place_of(kept, Path::new(root), location), expected, "{kept} {root} {location}");
    }
}

#[test]
fn what_is_no_file_is_refused_and_data_takes_its_place_again_unless_it_is_a_folder() {
    let root = tempfile::tempdir().unwrap();
    let bucket = Bucket::open(root.path().to_str().unwrap(), &Options::default()).unwrap();
    let (staged, digest) = (root.path().join("staged"), Digest::of(b"rows"));
    std::fs::write(&staged, "rows").unwrap();
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mkfifoat(rustix::fs::CWD, root.path().join("pipe"), mode).unwrap();
    std::fs::create_dir(root.path().join("folder")).unwrap();
    for (key, kind) in [("pipe", "it is a pipe, and no file: move it away"), ("folder", "it is a folder")] {
        let is_told = |error: PublishError| {
            let said = error.to_string();
            assert!(said.contains(key) && said.contains(kind) && !error.is_transient(), "{said}");
        };
        is_told(bucket.get(key).unwrap_err());
        is_told(bucket.described(key).unwrap_err());
        is_told(bucket.get_range(key, 0..1).unwrap_err());
        is_told(bucket.open_file(key, &staged).unwrap_err());
        assert!(bucket.damage_of(key, 4, &digest).unwrap().is_some_and(|problem| problem.contains(kind)));
        match key {
            "pipe" => assert!(bucket.put_file(key, &staged, &digest).unwrap()),
            _ => is_told(bucket.put_file(key, &staged, &digest).unwrap_err()),
        }
    }
    assert_eq!(bucket.get("pipe").unwrap().as_deref(), Some(&b"rows"[..]));
}
