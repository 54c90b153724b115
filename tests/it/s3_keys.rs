//! An S3 store whose keys are not set: every command says so at once, with the place that names the store, and asks no machine for some.

use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::http_server::{Request, Seen, say, serve};
use crate::world::World;

/// A workspace whose bucket, evidence and backups are in S3, at an endpoint where nobody answers.
fn in_s3() -> World {
    let world = World::new();
    let location =
        "location: s3://unser-bucket/stadtbus\n  options: {endpoint: 'http://127.0.0.1:9', allow_http: 'true'}";
    world.replace("fahrtenbuch.yaml", "location: data/bucket", location);
    let pipeline = std::fs::read_to_string(world.path("pipelines/stadtbus-telemetrie.yaml")).unwrap();
    if !pipeline.contains("\nschedule:") {
        world.write("pipelines/stadtbus-telemetrie.yaml", &format!("{pipeline}\nschedule:\n  run: '06:30'\n"));
    }
    let text = std::fs::read_to_string(world.path("fahrtenbuch.yaml")).unwrap();
    let more = "evidence: s3://unsere-belege/stadtbus\nbackup:\n  to: s3://unsere-sicherung/stadtbus\n";
    world.write("fahrtenbuch.yaml", &format!("{text}\n{more}"));
    world
}

/// The program without any variable that has to do with S3 but these.
fn with(world: &World, variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut command = world.command();
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
        command.env_remove(name);
    }
    command.envs(variables.iter().copied()).args(arguments).output().unwrap()
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The line of the configuration that has a text.
fn line_of(world: &World, text: &str) -> usize {
    let file = std::fs::read_to_string(world.path("fahrtenbuch.yaml")).unwrap();
    file.lines().position(|line| line.contains(text)).unwrap() + 1
}

#[test]
fn every_command_says_at_once_which_keys_are_not_set_and_where_the_store_is_named() {
    let world = in_s3();
    let bucket = format!("fahrtenbuch.yaml:{}", line_of(&world, "s3://unser-bucket"));
    let backup = format!("fahrtenbuch.yaml:{}", line_of(&world, "s3://unsere-sicherung"));
    for (arguments, code, place) in [
        (&["check", "--bucket"][..], 2, bucket.as_str()),
        (&["run"], 2, &bucket),
        (&["plan"], 2, &bucket),
        (&["status"], 2, &bucket),
        (&["schedule", "--once"], 2, &bucket),
        (&["watch", "--once"], 2, &bucket),
        (&["publish", "--rebuild", "--dry-run"], 2, &bucket),
        (&["backup"], 2, &backup),
        (&["backup", "list"], 2, &backup),
        (&["backup", "--to", "s3://anders/x"], 2, "s3://anders/x"),
    ] {
        let begun = Instant::now();
        let output = with(&world, &[], arguments);
        let told = told(&output);
        assert!(begun.elapsed() < Duration::from_secs(10), "{arguments:?}: {:?}", begun.elapsed());
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}");
        let missing = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set";
        assert!(told.contains(missing) && told.contains(place), "{arguments:?}: {told}");
        assert!(told.contains("docs/operations.md") && told.contains("/etc/fahrtenbuch.env"), "{arguments:?}: {told}");
        assert!(!told.contains("169.254") && !told.contains(".. ") && !told.contains("..\n"), "{arguments:?}: {told}");
    }
}

#[test]
fn a_check_without_the_network_notes_each_store_without_keys() {
    let world = in_s3();
    let output = with(&world, &[], &["check"]);
    let said = told(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    for store in ["s3://unser-bucket/stadtbus", "s3://unsere-belege/stadtbus", "s3://unsere-sicherung/stadtbus"] {
        let line = line_of(&world, store);
        let note = format!("fahrtenbuch.yaml:{line}: {store}: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set");
        assert!(said.lines().any(|line| line.starts_with("note: ") && line.contains(&note)), "{note}: {said}");
    }
    let json: Value = serde_json::from_slice(&with(&world, &[], &["check", "--json"]).stdout).unwrap();
    assert_eq!((json["without_keys"].as_array().unwrap().len(), &json["mistakes"]), (3, &serde_json::json!([])));
    let keys = [("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b")];
    assert!(!told(&with(&world, &keys, &["check"])).contains("AWS_"));
    // What was copied with the end of its line.
    let keys = [("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "geheim\n")];
    for arguments in [&["check"][..], &["check", "--bucket"]] {
        let said = told(&with(&world, &keys, arguments));
        assert!(said.contains("AWS_SECRET_ACCESS_KEY has a line break at its end"), "{said}");
        assert!(!said.contains("geheim"), "{said}");
    }
    let said = told(&with(&world, &[("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "")], &["plan"]));
    assert!(said.contains("AWS_SECRET_ACCESS_KEY is not set, and AWS_ACCESS_KEY_ID is"), "{said}");
}

#[test]
fn a_metadata_service_is_asked_only_where_the_configuration_or_the_environment_names_it() {
    let service = |request: &Request, stream: &mut std::net::TcpStream| {
        if request.path.ends_with("/token") {
            say(stream, "200 OK", "token");
        } else {
            say(stream, "404 Not Found", "");
        }
    };
    let (url, asked): (String, Seen) = serve(service);
    let world = in_s3();
    // Nothing but the roles that are meant for it: they name another service, or none.
    with(&world, &[("AWS_ROLE_ARN", "arn:aws:iam::1:role/x")], &["plan"]);
    assert_eq!(asked.count(), 0);
    with(&world, &[("AWS_METADATA_ENDPOINT", &url)], &["plan"]);
    assert!(asked.count() > 0);
    let before = asked.count();
    let location = format!("{{endpoint: 'http://127.0.0.1:9', metadata_endpoint: '{url}',");
    world.replace("fahrtenbuch.yaml", "{endpoint: 'http://127.0.0.1:9',", &location);
    with(&world, &[], &["plan"]);
    assert!(asked.count() > before);
    // Keys win.
    let before = asked.count();
    with(&world, &[("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b")], &["plan"]);
    assert_eq!(asked.count(), before);
}

#[test]
fn keys_of_a_store_of_its_own_may_stand_in_variables_of_their_own() {
    let world = World::new();
    let (url, asked) = serve(|request: &Request, stream: &mut std::net::TcpStream| {
        assert!(request.head.contains("credential=schluessel/"), "{}", request.head);
        say(stream, "404 Not Found", "");
    });
    let location = format!(
        "location: s3://offen\n  options: {{endpoint: '{url}', allow_http: 'true', access_key_id: '${{OFFEN_ID}}', \
         secret_access_key: '${{OFFEN_SECRET}}'}}"
    );
    world.replace("fahrtenbuch.yaml", "location: data/bucket", &location);
    let said = told(&with(&world, &[("OFFEN_ID", "schluessel")], &["check"]));
    assert!(said.contains("OFFEN_SECRET, which option 'secret_access_key' names, is not set"), "{said}");
    with(&world, &[("OFFEN_ID", "schluessel"), ("OFFEN_SECRET", "x")], &["check", "--bucket"]);
    assert!(asked.count() > 0);
}
