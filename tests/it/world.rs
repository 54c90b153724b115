//! What the tests stand on: workspaces in temporary folders, the program, and the tools that `./test` sets up.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folder beside the repository with other people's feeds and standards.
pub(crate) fn shared(path: &str) -> PathBuf {
    root().join("../shared").join(path)
}

/// A tool of the virtual environment that `./test` makes.
fn tool(variable: &str, name: &str) -> PathBuf {
    let path = std::env::var_os(variable).map_or_else(|| root().join("target/venv/bin").join(name), PathBuf::from);
    assert!(path.exists(), "{} is not there: run ./test, which sets it up", path.display());
    path
}

/// Runs a script of `tests/python`.
pub(crate) fn python(script: &str, arguments: &[&str]) -> Output {
    script_of_python(script, arguments).output().unwrap()
}

/// The same, with DuckDB 2, which stands beside the other one.
pub(crate) fn python_with_duckdb_2(script: &str, arguments: &[&str]) -> Output {
    let folder = tool("FAHRTENBUCH_TEST_PYTHON", "python").with_file_name("../duckdb2");
    assert!(folder.exists(), "{} is not there: run ./test, which sets it up", folder.display());
    script_of_python(script, arguments).env("PYTHONPATH", folder).output().unwrap()
}

fn script_of_python(script: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(tool("FAHRTENBUCH_TEST_PYTHON", "python"));
    command.arg(root().join("tests/python").join(script)).args(arguments);
    // What one script takes from another leaves no compiled copy beside it.
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    // Of scripts that run the program: later than what a world did before.
    command.env("FAHRTENBUCH_NOW", LATER);
    command
}

/// Runs a script of `tests/browser` with Python or Node, by the end of its name.
pub(crate) fn browser(script: &str, arguments: &[&str]) -> Output {
    let mut command = match script.ends_with(".mjs") {
        true => Command::new("node"),
        false => Command::new(tool("FAHRTENBUCH_TEST_PYTHON", "python")),
    };
    command.arg(root().join("tests/browser").join(script)).args(arguments);
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command.env("FAHRTENBUCH_TEST_PROGRAM", env!("CARGO_BIN_EXE_fahrtenbuch"));
    command.output().unwrap()
}

/// A Python that stays; its first line of output tells a port.
pub(crate) struct Server(Child, pub u16);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Serves a folder over plain HTTP.
pub(crate) fn serve_folder(folder: &Path) -> Server {
    serve(&[folder])
}

/// The same; each request becomes a line of a file, which ends in the bytes that were given.
pub(crate) fn serve_logged(folder: &Path, log: &Path) -> Server {
    serve(&[folder, log])
}

fn serve(arguments: &[&Path]) -> Server {
    let mut child = Command::new(tool("FAHRTENBUCH_TEST_PYTHON", "python"))
        .arg(root().join("tests/python/serve_folder.py"))
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    Server(child, line.trim().parse().unwrap())
}

/// A real S3 server on loopback, with a bucket `stadtbus`.
pub(crate) struct S3 {
    child: Child,
    pub port: u16,
    _folder: TempDir,
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Ports that are free now, and whose gRPC neighbours (10,000 above) are, too.
fn free_ports<const N: usize>() -> [u16; N] {
    let held: Vec<_> = std::iter::repeat_with(|| std::net::TcpListener::bind("127.0.0.1:0").unwrap())
        .filter(|listener| {
            let port = listener.local_addr().unwrap().port();
            port < 55_000 && std::net::TcpListener::bind(("127.0.0.1", port + 10_000)).is_ok()
        })
        .take(N)
        .collect();
    std::array::from_fn(|place| held[place].local_addr().unwrap().port())
}

pub(crate) fn s3() -> S3 {
    let folder = tempfile::tempdir().unwrap();
    let [master, volume, filer, port] = free_ports();
    let child = Command::new(tool("FAHRTENBUCH_TEST_WEED", "weed"))
        .args([
            "server",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            "-s3",
            "-volume.max=100",
            "-master.volumeSizeLimitMB=64",
        ])
        .arg(format!("-dir={}", folder.path().display()))
        .arg(format!("-master.port={master}"))
        .arg(format!("-volume.port={volume}"))
        .arg(format!("-filer.port={filer}"))
        .arg(format!("-s3.port={port}"))
        .args(["-s3.port.iceberg=0", "-s3.port.lance=0"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let server = S3 { child, port, _folder: folder };
    let until = std::time::Instant::now() + std::time::Duration::from_secs(90);
    while !http(port, "PUT /stadtbus").contains(" 200 ") {
        assert!(std::time::Instant::now() < until, "the S3 server did not come up");
        std::thread::sleep(std::time::Duration::from_millis(300));
    }
    server
}

/// How `fahrtenbuch.yaml` and pipelines say where that server is.
pub(crate) fn s3_options(port: u16) -> String {
    s3_options_with(port, ["x", "y"])
}

/// The same, with a key and its secret.
pub(crate) fn s3_options_with(port: u16, [key, secret]: [&str; 2]) -> String {
    format!(
        "{{endpoint: 'http://127.0.0.1:{port}', region: us-east-1, access_key_id: {key}, secret_access_key: {secret}, allow_http: 'true'}}"
    )
}

/// A request without a body; the answer, or nothing where nobody answers.
fn http(port: u16, request: &str) -> String {
    http_with(port, request, b"")
}

/// A request with a body; the answer, or nothing where nobody answers.
pub(crate) fn http_with(port: u16, request: &str, body: &[u8]) -> String {
    use std::io::{Read, Write};
    let Ok(mut stream) = std::net::TcpStream::connect(("127.0.0.1", port)) else { return String::new() };
    let length = body.len();
    let _ = write!(
        stream,
        "{request} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    let _ = stream.write_all(body);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// When the program begins unless a test says otherwise: after the sample's date, and within its timetable's calendar, so that
/// no midnight and no year changes what tests find.
pub(crate) const NOW: &str = "2026-11-27T12:00:00Z";
const LATER: &str = "2026-11-27T13:00:00Z";

/// A workspace of its own, with the repository's sample, pipelines and contracts.
pub(crate) struct World {
    folder: TempDir,
    /// What the clock shows where the program begins for the first time; ten seconds later the next time, and so on.
    now: jiff::Timestamp,
    begun: std::cell::Cell<i64>,
}

impl World {
    pub(crate) fn new() -> Self {
        let world = Self { folder: tempfile::tempdir().unwrap(), now: NOW.parse().unwrap(), begun: Default::default() };
        for name in ["fahrtenbuch.yaml", "pipelines", "schemas", "portal", "data/sample"] {
            copy(&root().join(name), &world.path(name));
        }
        // Most tests are about the city's own feeds.
        std::fs::remove_file(world.path("pipelines/busplus.yaml")).unwrap();
        // And about these alone: many count files and versions or compare whole buckets, and what tells of releases has their
        // times. Tests that walk through the program have it.
        world.replace_first("fahrtenbuch.yaml", "people:", "publication: off\npeople:");
        world
    }

    /// As `fahrtenbuch init` makes one.
    pub(crate) fn of_init() -> Self {
        let world = Self { folder: tempfile::tempdir().unwrap(), now: NOW.parse().unwrap(), begun: Default::default() };
        let output = world.program(&["init", &world.folder.path().to_string_lossy()]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        world
    }

    /// With the tables that tell what was published, as a workspace has them unless it says otherwise.
    pub(crate) fn with_publication() -> Self {
        let world = Self::new();
        world.keep_publication();
        world
    }

    /// From now on with these tables.
    pub(crate) fn keep_publication(&self) {
        self.replace("fahrtenbuch.yaml", "publication: off\n", "");
    }

    /// With the feed of the app, too.
    pub(crate) fn with_busplus() -> Self {
        let world = Self::new();
        copy(&root().join("pipelines/busplus.yaml"), &world.path("pipelines/busplus.yaml"));
        world
    }

    /// A workspace in which it is always the same time, as `2026-11-26T03:30:00Z`.
    pub(crate) fn at(now: &str) -> Self {
        let mut world = Self::new();
        world.set_clock(now);
        world
    }

    pub(crate) fn set_clock(&mut self, now: &str) {
        self.now = now.parse().unwrap();
        self.begun.set(0);
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn replace(&self, name: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.path(name)).unwrap();
        assert!(text.contains(from), "{name} has no '{from}'");
        self.write(name, &text.replace(from, to));
    }

    /// Puts the bucket into that of an S3 server.
    pub(crate) fn move_to_s3(&self, port: u16) {
        let location = format!("location: s3://stadtbus/offen\n  options: {}", s3_options(port));
        self.replace("fahrtenbuch.yaml", "location: data/bucket", &location);
    }

    /// Replaces a text where it first stands.
    pub(crate) fn replace_first(&self, name: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.path(name)).unwrap();
        assert!(text.contains(from), "{name} has no '{from}'");
        self.write(name, &text.replacen(from, to, 1));
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fahrtenbuch"));
        command.arg("-C").arg(self.folder.path());
        let begun = self.begun.replace(self.begun.get() + 1);
        let now = self.now + jiff::SignedDuration::from_secs(10 * begun);
        command.env("FAHRTENBUCH_NOW", now.to_string());
        command
    }

    pub(crate) fn program(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().unwrap()
    }

    /// Runs all pipelines, which must succeed; the results by pipeline.
    pub(crate) fn run(&self) -> BTreeMap<String, Value> {
        self.run_of(&[])
    }

    /// The same, with more arguments.
    pub(crate) fn run_of(&self, arguments: &[&str]) -> BTreeMap<String, Value> {
        let output = self.program(&[&["run", "--json"], arguments].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let results: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
        results.into_iter().map(|result| (result["pipeline"].as_str().unwrap().to_owned(), result)).collect()
    }

    /// Every published file but the run records, which tell the time, with its bytes; without the names of records, the
    /// digests of indexes that name them, and the times of releases.
    pub(crate) fn published(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = files(&self.path("data/bucket"));
        files.retain(|name, _| !name.starts_with("ledger/"));
        for (_, bytes) in files.iter_mut().filter(|(name, _)| name.starts_with("meta/")) {
            let text = without_digest(std::str::from_utf8(bytes).unwrap(), "ledger/records/");
            let text = without_digest(&text, "\"previous\": \"");
            *bytes = without_number(&text, "\"at\": \"").into_bytes();
        }
        for (_, bytes) in files.iter_mut().filter(|(name, _)| name.starts_with("iceberg/v1/")) {
            let text = without_number(std::str::from_utf8(bytes).unwrap(), "\"last-updated-ms\":");
            *bytes = without_number(&text, "\"timestamp-ms\":").into_bytes();
        }
        for (_, bytes) in files.iter_mut().filter(|(name, _)| name.ends_with("/overview.json")) {
            // What was released when, and by which runs.
            let mut overview: Value = serde_json::from_slice(bytes).unwrap();
            ["changes", "versions"].iter().for_each(|field| _ = overview.as_object_mut().unwrap().remove(*field));
            let days = overview["days"].as_object_mut().unwrap().values_mut();
            days.for_each(|day| day["records"] = day["records"].as_array().unwrap().len().into());
            *bytes = overview.to_string().into_bytes();
        }
        // They tell which run released what, and when, and by which digest of an index a release is cited.
        let is_told_with_times = |name: &str| {
            let is_of_dataset = ["/index.html", "/index.en.html"]
                .iter()
                .any(|page| name.strip_suffix(page).is_some_and(|of| !of.is_empty()));
            is_of_dataset
                || name.ends_with("/feed.xml")
                || name.ends_with("/feed.en.xml")
                || name.contains("/tables/") && name.ends_with(".html")
        };
        for (_, bytes) in files.iter_mut().filter(|(name, _)| is_told_with_times(name)) {
            *bytes = Vec::new();
        }
        if let Some(bytes) = files.get_mut("catalog.ttl") {
            let text = String::from_utf8(bytes.clone()).unwrap();
            let lines: Vec<&str> = text.lines().filter(|line| !line.contains("dcterms:modified")).collect();
            *bytes = lines.join("\n").into_bytes();
        }
        if let Some(bytes) = files.get_mut("catalog.jsonld") {
            let mut catalog: Value = serde_json::from_slice(bytes).unwrap();
            for node in catalog["@graph"].as_array_mut().unwrap() {
                node.as_object_mut().unwrap().remove("dcterms:modified");
            }
            *bytes = catalog.to_string().into_bytes();
        }
        files
    }

    /// The files of the tables, and what `files.json` and `index.csv` say of them apart from the version.
    pub(crate) fn tables(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = self.published();
        files.retain(|name, _| {
            let is_view = name.ends_with("/files.json") || name.ends_with("/index.csv");
            name.starts_with("data/") || name.starts_with("revised/") || (name.starts_with("meta/") && is_view)
        });
        for (_, bytes) in files.iter_mut().filter(|(name, _)| name.ends_with("/files.json")) {
            let text = String::from_utf8(bytes.clone()).unwrap();
            // That of the index, not that of the contract, which is a text.
            let is_version = |line: &&str| line.starts_with("  \"version\": ") && line.ends_with(',');
            let lines = text.lines().filter(|line| !is_version(line));
            *bytes = lines.map(|line| format!("{line}\n")).collect::<String>().into_bytes();
        }
        files
    }

    /// The view of a table, `dataset/table`.
    pub(crate) fn files_json(&self, table: &str) -> Value {
        let path = self.path(&format!("data/bucket/meta/{table}/files.json"));
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    }

    pub(crate) fn records(&self) -> Vec<Value> {
        whole_files(&self.path("data/bucket/ledger/records"))
            .values()
            .map(|bytes| serde_json::from_slice(bytes).unwrap())
            .collect()
    }

    /// Puts what was captured of simulated dates, a snapshot each so many seconds, in the place of the sample's evidence.
    pub(crate) fn simulate(&self, dates: &[&str], interval: &str) {
        let evidence = self.path("data/sample/evidence");
        std::fs::remove_dir_all(&evidence).unwrap();
        for date in dates {
            let folder = evidence.to_string_lossy();
            let simulate = ["simulate", "--date", date, "--interval", interval, "--evidence", &folder];
            assert!(self.program(&simulate).status.success());
        }
    }

    /// Gives this workspace the keys of another one, so that it makes the same pseudonyms.
    pub(crate) fn take_keys(&self, other: &World) {
        copy(&other.path("data/private/keys"), &self.path("data/private/keys"));
    }
}

pub(crate) fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(from, to).unwrap();
    }
}

/// The files of a folder that are whole. A command that was killed while it wrote one leaves a part of it beside, whose name ends
/// with `#` and a number; nobody reads it, and it goes when it is old.
pub(crate) fn whole_files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = files(folder);
    found.retain(|name, _| name.rsplit_once('#').is_none_or(|(_, rest)| rest.parse::<u64>().is_err()));
    found
}

/// All files of a folder by their relative names.
pub(crate) fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fn visit(folder: &Path, root: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                visit(&path, root, found);
            } else if path.is_file() {
                // A pipe would be waited for without end.
                let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    if folder.exists() {
        visit(folder, folder, &mut found);
    }
    found
}

/// A text in which the 64 digits after each `before` are gone.
fn without_digest(text: &str, before: &str) -> String {
    let mut parts = text.split(before);
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |done, part| format!("{done}{before}{}", &part[64..]))
}

/// A text without the numbers and times after another.
fn without_number(text: &str, before: &str) -> String {
    let mut parts = text.split(before);
    let first = parts.next().unwrap().to_owned();
    let is_of_time = |character: char| character.is_ascii_digit() || "-:.TZ".contains(character);
    parts.fold(first, |done, part| format!("{done}{before}{}", part.trim_start_matches(is_of_time)))
}

/// The rows that a run's record says were published, by `dataset/table`.
pub(crate) fn rows_of(results: &BTreeMap<String, Value>) -> BTreeMap<String, u64> {
    let mut rows = BTreeMap::new();
    for result in results.values() {
        for table in result["record"]["tables"].as_array().unwrap() {
            let name =
                format!("{}/{}", result["record"]["dataset"].as_str().unwrap(), table["table"].as_str().unwrap());
            rows.insert(name, table["published"].as_u64().unwrap());
        }
    }
    rows
}
