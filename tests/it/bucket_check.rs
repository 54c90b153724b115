//! What a bucket can do, tried with the stores that cities use and with one that does too little.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::serve::Serving;
use crate::world::{World, files, http_with, root, s3, s3_options_with, serve_folder};

/// The exit code of a check, and what became of each thing that was tried.
fn check(world: &World) -> (Option<i32>, BTreeMap<String, String>, String) {
    let output =
        world.command().args(["check", "--bucket", "--json"]).env("AWS_ACCESS_KEY_ID", "S3RVER").output().unwrap();
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let json: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let findings = json["bucket"].as_array().cloned().unwrap_or_default();
    let mut outcomes = BTreeMap::new();
    for finding in &findings {
        // The worse of two.
        let (id, outcome) = (text(&finding["id"]), text(&finding["outcome"]));
        assert_eq!(outcome == "works", finding["remedy"].is_null(), "{finding}");
        let kept = outcomes.entry(id).or_insert_with(|| outcome.clone());
        if outcome != "works" {
            *kept = outcome;
        }
    }
    (output.status.code(), outcomes, told)
}

fn lacking(outcomes: &BTreeMap<String, String>) -> Vec<&str> {
    outcomes.iter().filter(|(_, outcome)| *outcome != "works").map(|(id, _)| id.as_str()).collect()
}

fn in_s3(port: u16, keys: [&str; 2], base_url: &str) -> World {
    let world = World::new();
    let options = format!("location: s3://stadtbus/offen\n{base_url}  options: {}", s3_options_with(port, keys));
    world.replace("fahrtenbuch.yaml", "location: data/bucket", &options);
    world
}

#[test]
fn a_folder_that_is_served_lacks_nothing() {
    let world = World::new();
    let (code, outcomes, told) = check(&world);
    assert!(code == Some(0) && lacking(&outcomes) == ["base-url"], "{told}");
    let serving = Serving::start(&world);
    let base_url = format!("location: data/bucket\n  base_url: {}", serving.url());
    world.replace("fahrtenbuch.yaml", "location: data/bucket", &base_url);
    let (code, outcomes, told) = check(&world);
    assert!(code == Some(0) && lacking(&outcomes).is_empty(), "{told}");
    for id in
        ["create-only", "read", "anonymous", "head", "range", "conditions", "cors", "preflight", "type", "caching"]
    {
        assert!(outcomes.contains_key(id), "{id}: {told}");
    }
    let left: Vec<String> =
        files(&world.path("data/bucket")).into_keys().filter(|name| name.contains("probe")).collect();
    assert!(left.is_empty() && !world.path("data/bucket/ledger/probe").exists(), "{left:?}");
    let output = world.program(&["check", "--bucket"]);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(told.contains("no mistakes") && told.contains("works   byte ranges are sent."), "{told}");
}

#[test]
fn an_address_that_nobody_answers_at_is_told() {
    let world = World::new();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let base_url = format!("location: data/bucket\n  base_url: http://127.0.0.1:{closed}/");
    world.replace("fahrtenbuch.yaml", "location: data/bucket", &base_url);
    let (code, outcomes, told) = check(&world);
    assert!(code == Some(2) && lacking(&outcomes) == ["anonymous"] && told.contains("refused"), "{told}");
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn a_plain_web_server_lacks_what_it_does_not_send() {
    let world = World::new();
    std::fs::create_dir_all(world.path("data/bucket")).unwrap();
    let server = serve_folder(&world.path("data/bucket"));
    let base_url = format!("location: data/bucket\n  base_url: http://127.0.0.1:{}", server.1);
    world.replace("fahrtenbuch.yaml", "location: data/bucket", &base_url);
    let (code, outcomes, told) = check(&world);
    assert_eq!(code, Some(4), "{told}");
    let expected = ["caching", "conditions", "cors", "preflight", "type"];
    assert_eq!(lacking(&outcomes), expected, "{told}");
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn seaweedfs_keeps_what_it_is_told() {
    let server = s3();
    let base_url = format!("  base_url: http://127.0.0.1:{}/stadtbus/offen\n", server.port);
    let world = in_s3(server.port, ["x", "y"], &base_url);
    let (_, outcomes, told) = check(&world);
    println!("{told}");
    for id in [
        "create-only",
        "read",
        "stored-type",
        "stored-caching",
        "anonymous",
        "head",
        "range",
        "conditions",
        "type",
        "caching",
    ] {
        assert_eq!(outcomes.get(id).map(String::as_str), Some("works"), "{id}: {told}");
    }
    // A bucket that is not there is no finding: nothing can be tried.
    let world = in_s3(server.port, ["x", "y"], "");
    world.replace("fahrtenbuch.yaml", "s3://stadtbus/", "s3://nirgends/");
    let (code, outcomes, told) = check(&world);
    assert!(code != Some(0) && outcomes.is_empty() && told.contains("nirgends"), "{told}");
}

/// A store in a folder, of npm, that overwrites what it is asked only to create.
struct S3rver(Child, u16);

impl Drop for S3rver {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn s3rver(folder: &std::path::Path) -> S3rver {
    let path = std::env::var_os("FAHRTENBUCH_TEST_S3RVER");
    let program = path.map_or_else(|| root().join("target/npm/node_modules/s3rver/bin/s3rver.js"), Into::into);
    assert!(program.exists(), "{} is not there: run ./test, which sets it up", program.display());
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let child = Command::new("node")
        .arg(program)
        .args(["--directory", &folder.to_string_lossy(), "--address", "127.0.0.1", "--port", &port.to_string()])
        .args(["--silent", "--configure-bucket", "stadtbus"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let server = S3rver(child, port);
    let until = Instant::now() + Duration::from_secs(60);
    while http_with(port, "GET /stadtbus", b"").is_empty() {
        assert!(Instant::now() < until, "s3rver did not come up");
        std::thread::sleep(Duration::from_millis(100));
    }
    server
}

#[test]
#[cfg_attr(not(s3rver), ignore = "needs s3rver of npm, which ./test sets up where there is npm")]
fn a_store_that_overwrites_what_it_is_asked_to_create_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let server = s3rver(folder.path());
    let world = in_s3(server.1, ["S3RVER", "S3RVER"], "");
    let (code, outcomes, told) = check(&world);
    assert_eq!((code, outcomes.get("create-only").map(String::as_str)), (Some(2), Some("fails")), "{told}");
    assert!(told.contains("ignores create-only writes") && told.contains("AWS S3"), "{told}");
    assert_eq!(outcomes.get("read").map(String::as_str), Some("works"), "{told}");
    // A run publishes nothing there.
    let output = world.program(&["run", "stadtbus-fahrplan"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && told.contains("create-only"), "{told}");
}
