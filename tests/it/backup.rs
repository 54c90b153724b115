//! Backups and the restore drill: an empty machine makes the same bytes; what was destroyed does not come back.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::purge::{DATES, PIPELINE, collected, hours, purge, told};
use crate::world::{World, copy, files, s3, s3_options};

const POSITIONS: &str = crate::purge::POSITIONS;

/// Two places on other disks.
struct Places(TempDir);

impl Places {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn arguments(&self, first: [&str; 2]) -> Vec<String> {
        let [data, keys] = ["data", "keys"].map(|name| self.path(name).to_string_lossy().into_owned());
        vec![first[0].to_owned(), data, first[1].to_owned(), keys]
    }
}

fn with(world: &World, command: &str, arguments: &[String]) -> Output {
    world.command().arg(command).args(arguments).output().unwrap()
}

fn backup(world: &World, places: &Places) -> Value {
    let output =
        world.command().args(["backup", "--json"]).args(places.arguments(["--to", "--keys-to"])).output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn restore(world: &World, places: &Places) -> Output {
    with(world, "restore", &places.arguments(["--from", "--keys-from"]))
}

fn run(world: &World, date: &str) -> Value {
    let output = world.program(&["run", PIPELINE, "--date", date, "--json"]);
    assert!(output.status.success(), "{}", told(&output));
    let results: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    results[0].clone()
}

/// A machine with nothing but the sample's feed, and the bucket as it is.
fn empty_machine(of: &World) -> World {
    let world = World::new();
    for name in ["fahrtenbuch.yaml", "pipelines", "schemas"] {
        let path = world.path(name);
        if path.is_dir() { std::fs::remove_dir_all(path).unwrap() } else { std::fs::remove_file(path).unwrap() }
    }
    copy(&of.path("data/bucket"), &world.path("data/bucket"));
    world
}

/// The store without what a machine says of itself.
fn store(world: &World) -> BTreeMap<String, Vec<u8>> {
    let mut all = files(&world.path("data/private"));
    all.retain(|name, _| {
        let file = name.rsplit('/').next().unwrap();
        // What the bucket tells again, as what was seen of its log, and what a restore that is done was killed at removing, too.
        let is_passing =
            ["locks/", "staging/", "publication/", ".tmp-restored/"].iter().any(|folder| name.starts_with(folder))
                || file.ends_with(".lock");
        !is_passing && !["backup.json", ".state.json", "owned.json", "lock"].contains(&file)
    });
    all
}

/// The drill: three dates of evidence, two of them published. `places` have their backup.
fn drilled(places: &Places) -> World {
    let world = collected(&DATES[..3], "3600");
    run(&world, DATES[0]);
    run(&world, DATES[1]);
    // The third was begun, and killed: it has its key.
    kill_run(&world, DATES[2], "check", Duration::ZERO);
    backup(&world, places);
    world
}

fn kill_run(world: &World, date: &str, stage: &str, wait: Duration) {
    let arguments = ["-v", "--log-format", "json", "run", PIPELINE, "--date", date];
    kill_at(world, &arguments.map(str::to_owned), stage, wait);
}

/// Starts a command and kills it a while after it came to a stage.
fn kill_at(world: &World, arguments: &[String], stage: &str, wait: Duration) {
    let mut child = world.command().args(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let reached = BufReader::new(child.stderr.take().unwrap())
        .lines()
        .map_while(Result::ok)
        .any(|line| line.contains(&format!("\"stage\":\"{stage}\"")));
    assert!(reached, "never came to {stage}");
    std::thread::sleep(wait);
    // It may be done already, which is a moment like any other.
    let _ = child.kill();
    child.wait().unwrap();
}

#[test]
fn an_empty_machine_makes_the_same_bytes_after_a_restore() {
    let places = Places::new();
    let world = drilled(&places);
    let machine = empty_machine(&world);
    let output = restore(&machine, &places);
    assert!(output.status.success(), "{}", told(&output));
    assert!(told(&output).contains("keys: 3 of pseudonyms"), "{}", told(&output));
    assert_eq!(store(&machine).keys().collect::<Vec<_>>(), store(&world).keys().collect::<Vec<_>>());
    assert!(store(&machine) == store(&world));
    for name in ["pipelines", "schemas"] {
        assert!(files(&machine.path(name)) == files(&world.path(name)), "{name}");
    }
    let configuration = |of: &World| std::fs::read(of.path("fahrtenbuch.yaml")).unwrap();
    assert_eq!(configuration(&machine), configuration(&world));
    // A service with a user of its own could not read what is its owner's alone.
    let mode = |of: &World, name: &str| {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata(of.path(name)).unwrap().permissions().mode() & 0o777
    };
    assert_eq!(mode(&machine, "fahrtenbuch.yaml"), mode(&world, "fahrtenbuch.yaml"));
    assert_eq!(
        mode(&machine, &format!("pipelines/{PIPELINE}.yaml")),
        mode(&world, &format!("pipelines/{PIPELINE}.yaml"))
    );
    assert_eq!(mode(&machine, "data/private/store.json"), 0o600);
    let output = machine.program(&["evidence", "verify"]);
    assert!(output.status.success(), "{}", told(&output));
    for date in &DATES[..2] {
        assert_eq!(run(&machine, date)["nothing_new"], true, "{date}");
    }
    for of in [&world, &machine] {
        run(of, DATES[2]);
    }
    assert!(machine.tables() == world.tables());
    assert_eq!(machine.tables().keys().filter(|name| name.contains(DATES[2])).count(), 5);
}

#[test]
fn a_backup_copies_only_what_is_new_and_tells_its_age() {
    let places = Places::new();
    let world = drilled(&places);
    let again = backup(&world, &places);
    assert_eq!((&again["new"]["files"], &again["keys"]), (&Value::from(0), &Value::from(3)), "{again}");
    let last: Value = serde_json::from_slice(&std::fs::read(world.path("data/private/backup.json")).unwrap()).unwrap();
    assert_eq!((&last["at"], &last["place"]), (&again["at"], &again["place"]));
    run(&world, DATES[2]);
    let more = backup(&world, &places);
    let (new, all) = (more["new"]["files"].as_u64().unwrap(), more["files"].as_u64().unwrap());
    assert!(new > 1 && new < all / 2, "{more}");
    // Nothing in it is for others to read, and no key is beside the evidence.
    let keys = files(&world.path("data/private/keys"));
    let data = files(&places.path("data"));
    assert!(keys.values().all(|key| !data.values().any(|bytes| bytes == key)));
    for name in data.keys() {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(places.path("data").join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o77, 0, "{name}");
    }
    let look = places.arguments(["--from", "--keys-from"]);
    let output = world.command().args(["backup", "verify"]).args(&look).output().unwrap();
    assert!(output.status.success() && told(&output).contains("all there"), "{}", told(&output));
    let output = world.command().args(["backup", "list"]).args(&look).output().unwrap();
    assert!(
        told(&output).contains("data: 3 backups") && told(&output).contains("keys: 3 backups"),
        "{}",
        told(&output)
    );
}

#[test]
fn keys_and_evidence_never_go_to_one_place_and_nothing_goes_where_it_would_be_published_or_lost() {
    let world = collected(&DATES[..1], "3600");
    run(&world, DATES[0]);
    let places = Places::new();
    let at = |name: &str| places.path(name).to_string_lossy().into_owned();
    for (to, keys_to, said) in [
        (at("a"), at("a"), "undo pseudonyms"),
        (at("a"), at("a/keys"), "undo pseudonyms"),
        (at("a/data"), at("a"), "undo pseudonyms"),
        (world.path("data/bucket/x").to_string_lossy().into_owned(), at("k"), "would be published"),
        (at("a"), world.path("data/bucket").to_string_lossy().into_owned(), "would be published"),
        (world.path("data/private/backup").to_string_lossy().into_owned(), at("k"), "lost at once"),
        (world.path("").to_string_lossy().into_owned(), at("k"), "lie"),
        ("gs://x".to_owned(), at("k"), "is no place"),
    ] {
        let output = world.program(&["backup", "--to", &to, "--keys-to", &keys_to]);
        assert_eq!(output.status.code(), Some(2), "{to} {keys_to}: {}", told(&output));
        assert!(told(&output).contains(said), "{to} {keys_to}: {}", told(&output));
    }
    assert!(!places.path("a").exists() && !world.path("data/bucket/x").exists());
    // One after the other is no way, either.
    let output = world.program(&["backup", "--to", &at("a")]);
    assert!(output.status.success() && told(&output).contains("keys of pseudonyms are not in it"), "{}", told(&output));
    let output = world.program(&["backup", "--to", &at("b"), "--keys-to", &at("a")]);
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
    assert!(told(&output).contains("both in one place"), "{}", told(&output));
    // The place of another store.
    let other = collected(&DATES[1..2], "3600");
    let output = other.program(&["backup", "--to", &at("a")]);
    assert!(output.status.code() == Some(2) && told(&output).contains("another private store"), "{}", told(&output));
    // A disk that is not mounted.
    std::fs::remove_dir_all(places.path("a")).unwrap();
    std::fs::create_dir(places.path("a")).unwrap();
    let output = world.program(&["backup", "--to", &at("a")]);
    assert!(output.status.code() == Some(1) && told(&output).contains("Mount its disk"), "{}", told(&output));
}

#[test]
fn without_the_keys_runs_are_refused_and_no_new_key_is_made() {
    let places = Places::new();
    let world = drilled(&places);
    let machine = empty_machine(&world);
    let from = places.path("data").to_string_lossy().into_owned();
    let output = machine.program(&["restore", "--from", &from]);
    assert!(output.status.success() && told(&output).contains("without the keys"), "{}", told(&output));
    for date in &DATES[..3] {
        let output = machine.program(&["run", PIPELINE, "--date", date]);
        assert_eq!(output.status.code(), Some(42), "{date}: {}", told(&output));
        assert!(told(&output).contains("key"), "{date}: {}", told(&output));
    }
    assert!(files(&machine.path("data/private/keys")).is_empty());
    // The keys alone, from their place, and all is well.
    std::fs::rename(machine.path("data/private"), machine.path("data/without")).unwrap();
    assert!(restore(&machine, &places).status.success());
    assert_eq!(run(&machine, DATES[0])["nothing_new"], true);
}

#[test]
fn a_damaged_object_is_named_and_nothing_is_restored() {
    let places = Places::new();
    let world = drilled(&places);
    let objects = places.path("data/objects");
    let (name, bytes) = files(&objects).into_iter().max_by_key(|(_, bytes)| bytes.len()).unwrap();
    let (digest, path) = (name.rsplit('/').next().unwrap().to_owned(), objects.join(&name));
    let mut damaged = bytes.clone();
    damaged[bytes.len() / 2] ^= 1;
    for (change, said) in
        [(Some(damaged), "has the SHA-256"), (Some(bytes[1..].to_vec()), "bytes instead of"), (None, "is gone")]
    {
        match change {
            Some(bytes) => std::fs::write(&path, bytes).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
        let machine = empty_machine(&world);
        let output = restore(&machine, &places);
        assert_eq!(output.status.code(), Some(42), "{}", told(&output));
        assert!(told(&output).contains(&digest) && told(&output).contains(said), "{}", told(&output));
        assert!(
            store(&machine).is_empty() && !machine.path("fahrtenbuch.yaml").exists(),
            "{:?}",
            store(&machine).keys()
        );
        let look = places.arguments(["--from", "--keys-from"]);
        let output = world.command().args(["backup", "verify"]).args(&look).output().unwrap();
        assert_eq!(output.status.code(), Some(4), "{}", told(&output));
        assert!(told(&output).contains(&digest) && told(&output).contains(said), "{}", told(&output));
    }
    // The next backup mends what is gone.
    backup(&world, &places);
    assert!(restore(&empty_machine(&world), &places).status.success());
}

#[test]
fn a_backup_of_a_newer_program_is_refused_by_all_with_the_code_of_wrong_use() {
    let places = Places::new();
    let world = drilled(&places);
    let of_backups = |name: &&String| name.ends_with(".json");
    let manifests: Vec<String> = files(&places.path("data")).into_keys().filter(|name| of_backups(&name)).collect();
    let newer = manifests.iter().filter(|name| {
        let path = places.path("data").join(name);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("fahrtenbuch-backup/1\"", "fahrtenbuch-backup/99\"")).unwrap();
        text.contains("fahrtenbuch-backup/1\"")
    });
    assert!(newer.count() > 0, "{manifests:?}");
    let before = files(&places.path("data"));
    let machine = empty_machine(&world);
    let from = places.arguments(["--from", "--keys-from"]);
    let verify = world.command().args(["backup", "verify"]).args(&from).output().unwrap();
    let again = with(&world, "backup", &places.arguments(["--to", "--keys-to"]));
    for output in [restore(&machine, &places), verify, again] {
        assert_eq!(output.status.code(), Some(2), "{}", told(&output));
        assert!(
            told(&output).contains("by a newer version of this program (fahrtenbuch-backup/99"),
            "{}",
            told(&output)
        );
    }
    assert!(store(&machine).is_empty() && files(&places.path("data")) == before);
}

#[test]
fn a_restore_goes_into_an_empty_store_only() {
    let places = Places::new();
    let world = drilled(&places);
    let before = files(&world.path("data/private"));
    let output = restore(&world, &places);
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
    assert!(told(&output).contains("is not empty: it has evidence, journal, keys"), "{}", told(&output));
    assert!(files(&world.path("data/private")) == before);
    // Neither a place without a backup, nor one of keys.
    let machine = empty_machine(&world);
    for (from, said) in [("none", "there is no such folder"), ("keys", "has keys only")] {
        let output = machine.program(&["restore", "--from", &places.path(from).to_string_lossy()]);
        assert!(!output.status.success() && told(&output).contains(said), "{}", told(&output));
    }
}

#[test]
fn a_restore_that_is_killed_is_finished_by_the_next_one() {
    let places = Places::new();
    let world = drilled(&places);
    for (stage, wait) in
        [("copy", 0), ("copy", 3), ("copy", 20), ("copy", 80), ("complete", 0), ("move", 0), ("move", 2)]
    {
        let machine = empty_machine(&world);
        let arguments = [
            vec!["-v".to_owned(), "--log-format".to_owned(), "json".to_owned(), "restore".to_owned()],
            places.arguments(["--from", "--keys-from"]),
        ];
        kill_at(&machine, &arguments.concat(), stage, Duration::from_millis(wait));
        if machine.path("data/private/restoring").exists() && machine.path("fahrtenbuch.yaml").exists() {
            // Nobody works on a half of it.
            let output = machine.program(&["run", PIPELINE, "--date", DATES[0]]);
            assert_eq!(output.status.code(), Some(2), "{stage} {wait}: {}", told(&output));
            assert!(told(&output).contains("restore"), "{}", told(&output));
        }
        if store(&machine) != store(&world) || machine.path("data/private/restoring").exists() {
            let output = restore(&machine, &places);
            assert!(output.status.success(), "{stage} {wait}: {}", told(&output));
        }
        assert!(store(&machine) == store(&world), "{stage} {wait}");
        assert!(!machine.path("data/private/restoring").exists());
    }
}

#[test]
fn a_backup_that_is_killed_is_finished_by_the_next_one() {
    let world = collected(&DATES[..1], "3600");
    run(&world, DATES[0]);
    for wait in [5, 20, 40, 60, 90, 130, 200, 300] {
        let places = Places::new();
        let arguments = places.arguments(["--to", "--keys-to"]);
        let mut child = world.command().arg("backup").args(&arguments).stdout(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(wait));
        let _ = child.kill();
        child.wait().unwrap();
        // What was killed is no backup of this store to other places: the next one is to the same.
        backup(&world, &places);
        let look = places.arguments(["--from", "--keys-from"]);
        let output = world.command().args(["backup", "verify"]).args(&look).output().unwrap();
        assert!(output.status.success(), "{wait}: {}", told(&output));
        let machine = empty_machine(&world);
        assert!(restore(&machine, &places).status.success());
        assert!(store(&machine) == store(&world), "{wait}");
        assert!(files(&places.path("data")).keys().all(|name| !name.contains('#')), "{wait}");
    }
}

#[test]
fn any_moment_of_runs_and_seals_can_be_restored() {
    let world = collected(&DATES[..3], "1800");
    let run_of = |world: &World, date: &str| {
        world
            .command()
            .args(["run", PIPELINE, "--date", date])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let places: Vec<Places> = (0..5).map(|_| Places::new()).collect();
    let mut children = vec![run_of(&world, DATES[0]), run_of(&world, DATES[1])];
    for (number, place) in places.iter().enumerate() {
        backup(&world, place);
        match number {
            1 => children.push(run_of(&world, DATES[2])),
            3 => children.push(world.command().args(["evidence", "seal"]).stdout(Stdio::null()).spawn().unwrap()),
            _ => std::thread::sleep(Duration::from_millis(150)),
        }
    }
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let last = store(&world);
    for (number, place) in places.iter().enumerate() {
        let machine = empty_machine(&world);
        let output = restore(&machine, place);
        assert!(output.status.success(), "{number}: {}", told(&output));
        let output = machine.program(&["evidence", "verify"]);
        assert!(output.status.success(), "{number}: {}", told(&output));
        // Keys that were made since are brought by hand, as those of a later backup would be.
        copy(&world.path("data/private/keys"), &machine.path("data/private/keys"));
        for date in &DATES[..3] {
            let result = run(&machine, date);
            assert_eq!(
                (&result["nothing_new"], &result["releases"]),
                (&true.into(), &0.into()),
                "{number} {date}: {result}"
            );
        }
        assert!(machine.tables() == world.tables(), "{number}");
    }
    assert!(last.keys().any(|name| name.ends_with(".warc.zst")));
}

#[test]
fn what_was_destroyed_does_not_live_on_in_backups() {
    let places = Places::new();
    let world = drilled(&places);
    run(&world, DATES[2]);
    backup(&world, &places);
    let old = hours(&world, POSITIONS);
    let key = std::fs::read(world.path(&format!("data/private/keys/{}.key", DATES[0]))).unwrap();
    let before = Places::new();
    copy(&places.path("data"), &before.path("data"));
    copy(&places.path("keys"), &before.path("keys"));
    purge(&world, &["--before", DATES[2], "--by", "Datenmanagement", "--reason", "The contract ended"]);
    let gone: Vec<&String> = old.iter().filter(|hour| !hours(&world, POSITIONS).contains(*hour)).collect();
    assert!(!gone.is_empty());
    let report = backup(&world, &places);
    let expired = |name: &str| report["expired"][name].as_u64().unwrap();
    assert!(expired("files") > gone.len() as u64 && expired("objects") > gone.len() as u64, "{report}");
    assert_eq!(files(&places.path("data/backups")).len(), 3);
    assert!(files(&places.path("keys")).values().all(|bytes| *bytes != key));
    for (name, bytes) in files(&places.path("data/backups")) {
        let text = String::from_utf8(bytes).unwrap();
        assert!(gone.iter().all(|hour| !text.contains(&format!("{POSITIONS}-{hour}"))), "{name}");
        assert!(!text.contains(&format!("journal/{PIPELINE}/{}", DATES[0])), "{name}");
    }
    // Once more: there is nothing left to go.
    let again = backup(&world, &places);
    assert_eq!(again["expired"]["objects"], 0, "{again}");
    // Both backups are whole, and the older one comes back without the date.
    let at = files(&places.path("data/backups")).into_keys().next().unwrap();
    let at = format!("{}-{}-{}T{}:{}:{}Z", &at[..4], &at[4..6], &at[6..8], &at[9..11], &at[11..13], &at[13..15]);
    let machine = empty_machine(&world);
    let output = machine
        .command()
        .arg("restore")
        .args(places.arguments(["--from", "--keys-from"]))
        .args(["--at", &at])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", told(&output));
    without_date(&machine, &gone, "a later backup");
    // A backup from before, whose place knew nothing of it: the bucket does.
    let machine = empty_machine(&world);
    let output = restore(&machine, &before);
    assert!(output.status.success() && told(&output).contains(DATES[0]), "{}", told(&output));
    without_date(&machine, &gone, "the bucket");
}

/// The first date is as destroyed as it was, and the third can be run.
fn without_date(machine: &World, gone: &[&String], who: &str) {
    assert!(hours(machine, POSITIONS).iter().all(|hour| !gone.contains(&hour)), "{who}");
    assert!(!machine.path(&format!("data/private/keys/{}.key", DATES[0])).exists(), "{who}");
    assert!(!machine.path(&format!("data/private/journal/{PIPELINE}/{}.json", DATES[0])).exists(), "{who}");
    let output = machine.program(&["run", PIPELINE, "--date", DATES[0]]);
    assert_eq!(output.status.code(), Some(42), "{who}: {}", told(&output));
    assert!(told(&output).contains("were destroyed on"), "{who}: {}", told(&output));
    assert_eq!(run(machine, DATES[2])["nothing_new"], true, "{who}");
    let output = machine.program(&["evidence", "verify"]);
    assert!(output.status.success(), "{who}: {}", told(&output));
    let output = machine.program(&["evidence", "purge", "--dry-run"]);
    assert!(output.status.success(), "{who}: {}", told(&output));
}

#[test]
fn old_backups_go_with_the_evidence_of_their_time() {
    let places = Places::new();
    let mut world = drilled(&places);
    world.set_clock("2026-12-29T12:00:00Z");
    backup(&world, &places);
    world.set_clock("2027-02-01T12:00:00Z");
    backup(&world, &places);
    let names = |places: &Places| {
        files(&places.path("data/backups")).into_keys().map(|name| name[..8].to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&places), ["20261127", "20261229", "20270201"]);
    world.set_clock("2028-02-15T12:00:00Z");
    let report = backup(&world, &places);
    assert_eq!(report["expired"]["backups"], 4, "{report}");
    assert_eq!(names(&places), ["20270201", "20280215"]);
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn a_backup_goes_to_s3_and_comes_back_from_there() {
    let server = s3();
    let world = collected(&DATES[..2], "3600");
    let options = s3_options(server.port);
    let text = format!(
        "backup:\n  to: {{location: 's3://stadtbus/sicherung', options: {options}}}\n  keys_to: {{location: 's3://stadtbus/keys', options: {options}}}\nlimits:\n"
    );
    world.replace("fahrtenbuch.yaml", "limits:\n", &text);
    run(&world, DATES[0]);
    run(&world, DATES[1]);
    for new in [true, false] {
        let output = world.program(&["backup", "--json"]);
        assert!(output.status.success(), "{}", told(&output));
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((report["new"]["files"].as_u64().unwrap() > 5, &report["keys"]), (new, &2.into()), "{report}");
    }
    let output = world.program(&["backup", "verify"]);
    assert!(output.status.success(), "{}", told(&output));
    let machine = empty_machine(&world);
    copy(&world.path("fahrtenbuch.yaml"), &machine.path("fahrtenbuch.yaml"));
    let output = machine.program(&["restore"]);
    assert!(output.status.success(), "{}", told(&output));
    assert!(store(&machine) == store(&world));
    assert_eq!(run(&machine, DATES[1])["nothing_new"], true);
    purge(&world, &["--before", DATES[1], "--by", "Datenmanagement", "--reason", "The contract ended"]);
    let output = world.program(&["backup", "--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(report["expired"]["objects"].as_u64().unwrap() > 3, "{report}");
}

/// Whoever restores by hand finds what the manifest says.
#[test]
fn a_manifest_names_every_file_and_its_digest() {
    let places = Places::new();
    let world = drilled(&places);
    let (_, bytes) = files(&places.path("data/backups")).into_iter().next().unwrap();
    let manifest: Value = serde_json::from_slice(&bytes).unwrap();
    let mut named: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for file in manifest["files"].as_array().unwrap() {
        let sha256 = file["sha256"].as_str().unwrap();
        let bytes = std::fs::read(places.path("data/objects").join(&sha256[..2]).join(sha256)).unwrap();
        assert_eq!(fahrtenbuch::digest::Digest::of(&bytes).to_string(), sha256);
        named.insert(file["path"].as_str().unwrap().to_owned(), bytes);
    }
    let mut expected = store(&world);
    expected.retain(|name, _| !name.starts_with("keys/"));
    for (name, bytes) in expected {
        assert!(named.remove(&format!("private/{name}")) == Some(bytes), "{name}");
    }
    assert!(named.keys().all(|name| name.starts_with("workspace/")), "{:?}", named.keys());
    assert!(Path::new(manifest["keys_at"].as_str().unwrap()).ends_with("keys"));
}
