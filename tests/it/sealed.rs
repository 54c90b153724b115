//! Evidence whose hours are sealed: runs, other programs and a seal that is killed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use fahrtenbuch::capture::evidence::seal::{Due, seal};
use fahrtenbuch::capture::evidence::{Listing, Store, read};
use jiff::Timestamp;

use crate::world::{World, files, python};

const SAMPLE: &str = "data/sample/evidence";
const SOURCE: &str = "stadtbus-vehicle-positions";

fn seal_all(evidence: &Path) {
    let due = Due { until: Timestamp::MAX, quiet: Duration::ZERO, again: true, stop: &|| false };
    for source in Store::new(evidence).sources().unwrap() {
        let report = seal(evidence, &source, &due).unwrap();
        assert!(report.hours > 0 && report.left.is_empty(), "{source}: {report:?}");
    }
}

fn names(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let names = files(folder).into_keys().filter(|name| name.ends_with(ending));
    names.map(|name| folder.join(name)).collect()
}

fn captures(evidence: &Path, source: &str) -> Vec<(Timestamp, String)> {
    let mut all = Listing::default();
    let store = Store::new(evidence);
    store.by_archive(source, Timestamp::MIN, Timestamp::MAX, &mut |part| all.entries.extend(part.entries)).unwrap();
    let captures = read(all.entries).map(Result::unwrap);
    captures.map(|capture| (capture.captured_at, capture.digest.to_string())).collect()
}

#[test]
fn a_run_over_sealed_evidence_publishes_the_same_bytes() {
    let reference = World::new();
    reference.run();
    let world = World::new();
    world.take_keys(&reference);
    seal_all(&world.path(SAMPLE));
    assert_eq!(names(&world.path(SAMPLE), ".warc.gz"), Vec::<PathBuf>::new());
    world.run();
    let (found, expected) = (world.published(), reference.published());
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (name, bytes) in &expected {
        assert!(found[name] == *bytes, "{name} differs");
    }
}

#[test]
fn a_seal_that_is_killed_at_any_time_loses_and_doubles_nothing() {
    let world = World::new();
    let evidence = world.path("data/private/evidence");
    std::fs::create_dir_all(evidence.parent().unwrap()).unwrap();
    std::fs::rename(world.path(SAMPLE), &evidence).unwrap();
    let kept = captures(&evidence, SOURCE);
    for round in 0..12_u64 {
        let mut command = world.command();
        let child = command.args(["evidence", "seal", SOURCE]).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut child = child.unwrap();
        std::thread::sleep(Duration::from_millis(20 + round * 37 % 400));
        let _ = child.kill();
        child.wait().unwrap();
        assert_eq!(captures(&evidence, SOURCE), kept, "round {round}");
    }
    let output = world.program(&["evidence", "seal", SOURCE]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let folder = evidence.join(SOURCE);
    assert_eq!(names(&folder, ".warc.gz").len() + names(&folder, ".part").len(), 0);
    assert_eq!(captures(&evidence, SOURCE), kept);
    let output = world.program(&["evidence", "seal"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains(&format!("{SOURCE}: nothing to seal")) && text.contains("hours sealed"), "{text}");
    assert_eq!(world.program(&["evidence", "seal", "stadtbus-vehicle-position"]).status.code(), Some(2));
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn fastwarc_reads_sealed_evidence_and_finds_every_digest_right() {
    let world = World::new();
    let evidence = world.path(SAMPLE);
    seal_all(&evidence);
    let archives: Vec<String> =
        names(&evidence, ".warc.zst").iter().map(|path| path.to_string_lossy().into_owned()).collect();
    let output = python("read_sealed.py", &archives.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let counts: BTreeMap<String, u64> = serde_json::from_slice(&output.stdout).unwrap();
    let store = Store::new(&evidence);
    let kept: usize = store.sources().unwrap().iter().map(|source| captures(&evidence, source).len()).sum();
    assert_eq!((counts["response"], counts["warcinfo"]), (kept as u64, archives.len() as u64));
    assert!(kept > 1_000);
}
