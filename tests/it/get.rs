//! The files of a bucket, fetched by somebody who has no workspace.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::TcpStream;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::process::Output;

use fahrtenbuch::digest::Digest;
use serde_json::{Value, json};

use crate::attempts::ends;
use crate::http_server::{Request, serve};
use crate::serve::Serving;
use crate::world::{World, files};

const TABLE: &str = "stadtbus-telemetrie/vehicle_locations";

fn get(world: &World, arguments: &[&str]) -> Output {
    world.command().current_dir(world.path("")).arg("get").args(arguments).output().unwrap()
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn result(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", told(output)))
}

/// The files of a folder that readers see, by their paths.
fn fetched(world: &World, to: &str) -> BTreeMap<String, Vec<u8>> {
    let mut files = files(&world.path(to));
    files.retain(|name, _| !name.ends_with("/.lock"));
    files
}

fn states(result: &Value) -> Vec<&str> {
    result["files"].as_array().unwrap().iter().map(|file| file["state"].as_str().unwrap()).collect()
}

#[test]
fn tables_are_listed_fetched_and_not_fetched_again() {
    let world = World::new();
    world.run();
    let serving = Serving::start(&world);
    let url = format!("{}/index.html", serving.url());
    let output = get(&world, &[&url]);
    assert!(output.status.success() && told(&output).contains(TABLE), "{}", told(&output));
    let tables = result(&get(&world, &[&url, "--json"]));
    let named: Vec<&Value> = tables["tables"].as_array().unwrap().iter().collect();
    let locations = named.iter().find(|table| table["table"] == "vehicle_locations").unwrap();
    assert_eq!((locations["first"].as_str(), locations["files"].as_u64()), (Some("2026-11-24"), Some(1)));
    let before = serving.logged(2).len();
    let output = get(&world, &[&url, TABLE, "--to", "there", "--json"]);
    assert_eq!((output.status.code(), states(&result(&output))), (Some(0), vec!["fetched"]), "{}", told(&output));
    let file = &world.files_json(TABLE)["files"][0];
    let path = file["path"].as_str().unwrap();
    let local = path.replacen("data/", "", 1);
    let expected = std::fs::read(world.path("data/bucket").join(path)).unwrap();
    assert_eq!(fetched(&world, "there"), BTreeMap::from([(local.clone(), expected.clone())]));
    assert_eq!(serving.logged(before + 2).len(), before + 2);
    // What is there and right is looked at here alone; a byte that fell over is told and mended.
    let output = get(&world, &[&url, TABLE, "--to", "there", "--json"]);
    assert_eq!(states(&result(&output)), ["present"]);
    assert_eq!(serving.logged(before + 3).len(), before + 3);
    let mut damaged = expected.clone();
    damaged[100] ^= 1;
    std::fs::write(world.path("there").join(&local), damaged).unwrap();
    let output = get(&world, &[&url, TABLE, "--to", "there"]);
    assert!(told(&output).contains("had other bytes, and was fetched again"), "{}", told(&output));
    assert_eq!(std::fs::read(world.path("there").join(&local)).unwrap(), expected);
    // The same of a folder, and of dates that there are not.
    let output = get(&world, &["data/bucket", TABLE, "--to", "again", "--json"]);
    assert_eq!(states(&result(&output)), ["fetched"]);
    assert_eq!(fetched(&world, "again")[&local], expected);
    let output = get(&world, &["data/bucket", TABLE, "--to", "none", "--since", "2026-11-25", "--json"]);
    assert_eq!((output.status.code(), states(&result(&output)).len()), (Some(0), 0));
    // What is asked for in a wrong way is told with what there is.
    let output = get(&world, &[&url, "stadtbus-telemetrie/vehicles"]);
    assert!(output.status.code() == Some(2) && told(&output).contains(TABLE), "{}", told(&output));
    for arguments in [
        &["ftp://example.org", TABLE][..],
        &["no/such/folder", TABLE],
        &["data/bucket", "../x"],
        &["data/bucket", TABLE, "--since", "2026-11-25", "--until", "2026-11-24"],
        &["data/sample", TABLE],
    ] {
        let output = get(&world, arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", told(&output));
    }
}

/// A bucket with one table of two dates, each with a file of so many bytes, as its list says.
fn bucket(bytes: usize) -> (World, Vec<(String, Vec<u8>)>) {
    let world = World::new();
    let mut files = Vec::new();
    for (date, seed) in [("2026-11-23", 1_usize), ("2026-11-24", 2)] {
        let content: Vec<u8> = (0..bytes).map(|place| (place * seed % 251) as u8).collect();
        let short = Digest::of(&content).short();
        files.push((format!("data/bus/t/partition_date={date}/part-{short}.parquet"), content));
    }
    for (path, content) in &files {
        let path = world.path("data/bucket").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    world.write("data/bucket/meta/bus/t/files.json", &list(&files));
    (world, files)
}

/// The list of some files.
fn list(files: &[(String, Vec<u8>)]) -> String {
    let files: Vec<Value> = files
        .iter()
        .map(|(path, content)| json!({"path": path, "rows": 1, "bytes": content.len(), "sha256": Digest::of(content)}))
        .collect();
    json!({"version": 7, "dataset": "bus", "table": "t", "files": files}).to_string()
}

/// Where a file is fetched to, and where its beginning is kept.
fn places(path: &str) -> [String; 3] {
    let local = path.replacen("data/", "", 1);
    let (folder, name) = local.rsplit_once('/').unwrap();
    [local.clone(), format!("{folder}/.{name}.partial"), format!("{folder}/.{name}.etag")]
}

#[test]
fn what_was_begun_goes_on_and_what_is_wrong_of_it_is_fetched_anew() {
    let (world, files) = bucket(1_000_000);
    let serving = Serving::start(&world);
    let [(first, content), (second, other)] = files.as_slice() else { panic!() };
    let [_, partial, tag] = places(first);
    world.write(&format!("to/{tag}"), &format!("\"{}-{:x}\"", Digest::of(content).short(), content.len()));
    std::fs::write(world.path("to").join(&partial), &content[..700_000]).unwrap();
    // Half of another file, without a tag.
    let [_, partial, _] = places(second);
    world.write(&format!("to/{partial}"), &"x".repeat(500_000));
    let output = get(&world, &[&serving.url(), "bus/t", "--to", "to", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert_eq!(states(&result(&output)), ["resumed", "fetched"]);
    let there = fetched(&world, "to");
    assert_eq!(there.len(), 2, "{:?}", there.keys());
    assert!(there[&places(first)[0]] == *content && there[&places(second)[0]] == *other);
    let lines = serving.logged(4);
    let of_first = lines.iter().find(|line| line.request.contains(first.as_str())).unwrap();
    assert_eq!((of_first.status, of_first.bytes), (206, 300_000));
}

#[test]
fn what_a_newer_release_replaced_goes_away_and_what_is_published_no_more_is_told() {
    let (world, files) = bucket(10_000);
    let [(first, _), (second, content)] = files.as_slice() else { panic!() };
    let old = places(first)[0].rsplit_once('/').unwrap().0.to_owned() + "/part-aaaaaaaaaaaa.parquet";
    world.write(&format!("to/{old}"), "old");
    world.write("to/bus/t/partition_date=2026-11-23/notes.parquet", "mine");
    world.write("to/bus/t/partition_date=2026-11-20/part-bbbbbbbbbbbb.parquet", "withdrawn");
    let output = get(&world, &["data/bucket", "bus/t", "--to", "to", "--since", "2026-11-21"]);
    assert!(output.status.success() && told(&output).contains("was replaced by a newer release"), "{}", told(&output));
    assert!(!told(&output).contains("published no more"), "{}", told(&output));
    let there = fetched(&world, "to");
    assert!(!there.contains_key(&old) && there.contains_key("bus/t/partition_date=2026-11-23/notes.parquet"));
    let output = get(&world, &["data/bucket", "bus/t", "--to", "to"]);
    assert!(output.status.success() && told(&output).contains("partition_date=2026-11-20"), "{}", told(&output));
    assert!(told(&output).contains("published no more"), "{}", told(&output));
    assert_eq!(fetched(&world, "to").len(), 4);
    // A file that differs from the list replaces nothing.
    std::fs::write(world.path("data/bucket").join(second), vec![0; content.len()]).unwrap();
    std::fs::remove_file(world.path("to").join(&places(second)[0])).unwrap();
    let older = "bus/t/partition_date=2026-11-24/part-cccccccccccc.parquet";
    world.write(&format!("to/{older}"), "older");
    let output = get(&world, &["data/bucket", "bus/t", "--to", "to"]);
    assert!(output.status.code() == Some(42) && told(&output).contains("SHA-256"), "{}", told(&output));
    // What came is told, and what did not, and how to go on.
    let said = "not complete. Of 2 files, 0 were fetched (0 bytes), 1 were there, 1 failed, 0 were not tried";
    assert!(told(&output).contains(said) && told(&output).contains("When what is told above is mended"), "{output:?}");
    let there = fetched(&world, "to");
    assert!(there.contains_key(older) && !there.keys().any(|name| name.contains(".partial")), "{:?}", there.keys());
}

/// Answers with a status and a body, whose length is told as one likes.
fn send(stream: &mut TcpStream, status: u16, headers: &str, body: &[u8]) {
    let _ = write!(stream, "HTTP/1.1 {status} x\r\n{headers}Connection: close\r\n\r\n");
    let _ = stream.write_all(body);
}

fn whole(stream: &mut TcpStream, body: &[u8]) {
    send(stream, 200, &format!("Content-Length: {}\r\n", body.len()), body);
}

/// What comes of fetching from a server that answers so for files: the exit code, what is told, and what is there.
fn from_server(
    list: String,
    answer: impl Fn(&Request, &mut TcpStream) + Send + Sync + 'static,
) -> (Option<i32>, String, BTreeMap<String, Vec<u8>>) {
    let (url, _) = serve(move |request, stream| match request.path.as_str() {
        "/meta/bus/t/files.json" => whole(stream, list.as_bytes()),
        _ => answer(request, stream),
    });
    let world = World::new();
    let output = get(&world, &[&url, "bus/t", "--to", "to"]);
    assert!(!Path::new(&world.path("fahrtenbuch.yaml.parquet")).exists());
    (output.status.code(), told(&output), fetched(&world, "to"))
}

#[test]
fn a_server_that_lies_is_not_believed() {
    let (_, files) = bucket(100_000);
    let files = &files[..1];
    let content = files[0].1.clone();
    // Other bytes of the same length; an endless body; another length; nothing at all.
    let (code, told, there) = from_server(list(files), |_, stream| whole(stream, &vec![7; 100_000]));
    assert!(code == Some(42) && told.contains("SHA-256") && there.is_empty(), "{told} {:?}", there.keys());
    let (code, told, there) = from_server(list(files), |_, stream| {
        let _ = write!(stream, "HTTP/1.1 200 x\r\nConnection: close\r\n\r\n");
        while stream.write_all(&[7; 65_536]).is_ok() {}
    });
    assert!(code == Some(42) && told.contains("more than 100000 bytes") && there.is_empty(), "{told}");
    let (code, told, there) = from_server(list(files), |_, stream| whole(stream, &[7; 10]));
    assert!(code == Some(42) && told.contains("10 bytes instead of 100000") && there.is_empty(), "{told}");
    let (code, told, there) = from_server(list(files), |_, stream| send(stream, 404, "Content-Length: 0\r\n", b""));
    assert!(code == Some(1) && told.contains("may just have been replaced") && there.is_empty(), "{told}");
    // A list that names places of this machine.
    for path in ["../../../fahrtenbuch.yaml.parquet", "/part-0.parquet", "data/bus/t/../../x.parquet"] {
        let (code, told, there) =
            from_server(list(&[(path.to_owned(), content.clone())]), |_, stream| whole(stream, b"x"));
        assert!(code == Some(42) && told.contains("no place of a file") && there.is_empty(), "{path}: {told}");
    }
    let (code, told, _) = from_server("<html>".to_owned(), |_, stream| whole(stream, b"x"));
    assert!(code == Some(42) && told.contains("no list of files"), "{told}");
}

#[test]
fn a_server_that_stumbles_is_asked_again_from_where_it_was() {
    let (_, files) = bucket(300_000);
    let files = files[..1].to_vec();
    let content = files[0].1.clone();
    let sent = content.clone();
    let (code, told, there) = from_server(list(&files), move |request, stream| {
        let all = sent.len();
        match request.number {
            0 => send(stream, 503, "Retry-After: 1\r\nContent-Length: 0\r\n", b""),
            // Cut off after the first third.
            1 => send(stream, 200, &format!("Content-Length: {all}\r\nETag: \"one\"\r\n"), &sent[..100_000]),
            2 => {
                assert!(request.head.contains("range: bytes=100000-") && request.head.contains("if-range: \"one\""));
                let range = format!("Content-Range: bytes 100000-{}/{all}\r\nETag: \"one\"\r\n", all - 1);
                send(stream, 206, &format!("{range}Content-Length: 200000\r\n"), &sent[100_000..150_000]);
            }
            // It has another one now, and sends all of it.
            _ => send(stream, 200, &format!("Content-Length: {all}\r\nETag: \"two\"\r\n"), &sent),
        }
    });
    assert_eq!(code, Some(0), "{told}");
    assert_eq!(there.values().collect::<Vec<_>>(), [&content]);
    // A part that was not asked for is not put behind what is there.
    let sent = content.clone();
    let (code, told, there) = from_server(list(&files), move |request, stream| match request.number {
        0 => send(stream, 200, "Content-Length: 300000\r\n", &sent[..100_000]),
        1 => send(stream, 206, "Content-Range: bytes 0-9/300000\r\nContent-Length: 10\r\n", &sent[..10]),
        _ => whole(stream, &sent),
    });
    assert!(code == Some(0) && there.values().next() == Some(&content), "{told}");
    // One that is down is given up after some tries.
    let (code, told, there) = from_server(list(&files), |_, stream| send(stream, 500, "Content-Length: 0\r\n", b""));
    assert!(code == Some(1) && told.contains("tried 5 times"), "{told}");
    assert!(told.contains("1 failed") && told.contains("Call the same command again: it fetches the rest."), "{told}");
    assert!(there.values().all(Vec::is_empty), "{:?}", there.keys());
}

#[test]
fn what_is_no_file_is_neither_waited_for_nor_replaced() {
    let (world, files) = bucket(1_000);
    let [(first, _), (second, _)] = files.as_slice() else { panic!() };
    let pipe = |path: &Path| {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
    };
    let get = |to: &str| {
        let mut command = world.command();
        command.current_dir(world.path("")).args(["get", "data/bucket", "bus/t", "--to", to]);
        ends(command)
    };
    let [file, partial, tag] = places(first);
    for (place, name) in [file, partial, tag, "bus/t/.lock".to_owned()].into_iter().enumerate() {
        let to = format!("to-{place}");
        let path = world.path(&to).join(&name);
        pipe(&path);
        let output = get(&to);
        assert_eq!(output.status.code(), Some(2), "{name}: {}", told(&output));
        assert!(told(&output).contains("it is a pipe, and no file: move it away"), "{name}: {}", told(&output));
        assert!(std::fs::symlink_metadata(&path).unwrap().file_type().is_fifo(), "{name}");
        std::fs::remove_file(&path).unwrap();
        assert!(get(&to).status.success(), "{name}");
    }
    // In the bucket, too.
    std::fs::remove_file(world.path("data/bucket").join(second)).unwrap();
    pipe(&world.path("data/bucket").join(second));
    let output = get("other");
    assert_eq!(output.status.code(), Some(42), "{}", told(&output));
    assert!(told(&output).contains("it is a pipe, and no file"), "{}", told(&output));
}

#[test]
fn a_date_that_was_withdrawn_is_told_with_its_reason_and_so_is_what_is_still_here_of_it() {
    let world = World::new();
    world.run();
    let serving = Serving::start(&world);
    assert!(get(&world, &[&serving.url(), TABLE, "--to", "there"]).status.success());
    let withdraw = ["withdraw", TABLE, "--date", "2026-11-24", "--by", "Datenmanagement", "--reason", "plates"];
    let output = world.program(&withdraw);
    assert!(output.status.success(), "{}", told(&output));
    let output = get(&world, &[&serving.url(), TABLE, "--to", "there", "--json"]);
    let result = result(&output);
    assert_eq!((&result["withdrawn"], &result["files"]), (&json!({"2026-11-24": "plates"}), &json!([])), "{result}");
    assert_eq!(result["unlisted"].as_array().unwrap().len(), 1, "{result}");
    assert!(told(&output).contains("2026-11-24 was withdrawn by its publisher: plates."), "{}", told(&output));
    let other = get(&world, &[&serving.url(), TABLE, "--to", "there", "--until", "2026-11-23", "--json"]);
    assert!(!told(&other).contains("was withdrawn by"), "{}", told(&other));
}
