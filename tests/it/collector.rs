//! Capturing through the program: beats, exit codes, signals, certificates, and who may read what is kept.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::http_server::{Seen, say, serve};
use crate::world::World;

/// A server that answers by the number of the request; the address of its feed.
fn server(answer: impl Fn(usize, &mut TcpStream) + Send + Sync + 'static) -> (String, Seen) {
    let (url, seen) = serve(move |request, stream| answer(request.number, stream));
    (format!("{url}/feed"), seen)
}

fn good() -> (String, Seen) {
    // A message with nothing but its version, and what tells it from the one before in a field that nobody knows.
    server(|number, stream| say(stream, "200 OK", format!("\n\u{5}\n\u{3}2.0z\u{4}{number:04}")))
}

/// A workspace whose telemetry comes from these addresses.
pub(crate) fn world(sources: &[(&str, &str)]) -> World {
    let world = World::new();
    let file = "pipelines/stadtbus-telemetrie.yaml";
    let text = std::fs::read_to_string(world.path(file)).unwrap();
    let (head, rest) = text.split_once("sources:\n").unwrap();
    let (_, tail) = rest.split_once("release:\n").unwrap();
    let source = |(name, url): &(&str, &str)| {
        format!("  - name: {name}\n    type: http\n    url: {url}\n    read_timeout: 2\n    tries: 1\n")
    };
    let sources: String = sources.iter().map(source).collect();
    world.write(file, &format!("{head}sources:\n{sources}release:\n{tail}"));
    world
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn every_source_is_asked_and_every_failure_is_told() {
    let (dead, _) = server(|_, stream| say(stream, "404 Not Found", ""));
    let (busy, _) = server(|_, stream| say(stream, "503 Busy", ""));
    let (healthy, _) = good();
    let world = world(&[("dead", &dead), ("busy", &busy), ("good", &healthy)]);
    let output = world.program(&["capture", "stadtbus-telemetrie"]);
    let (told, failed) = (text(&output.stdout), text(&output.stderr));
    assert_eq!((output.status.code(), told.as_str()), (Some(42), "good: kept\n"), "{failed}");
    assert!(failed.contains("stadtbus-telemetrie: dead: ") && failed.contains("it answers 404"), "{failed}");
    assert!(failed.contains("stadtbus-telemetrie: busy: ") && failed.contains("it answers 503"), "{failed}");
}

#[test]
fn seconds_are_seconds_and_the_exit_code_is_that_of_the_worst_round() {
    // Fails in the first round only.
    let (recovers, recovered) = server(|number, stream| match number {
        0 => say(stream, "404 Not Found", ""),
        _ => say(stream, "200 OK", format!("{number}")),
    });
    let (stalling, asked) = server(|_, _| std::thread::sleep(Duration::from_secs(30)));
    let (healthy, seen) = good();
    let world = world(&[("recovers", &recovers), ("stalling", &stalling), ("good", &healthy)]);
    let begin = Instant::now();
    let output = world.program(&["capture", "stadtbus-telemetrie", "--every", "1", "--for", "5"]);
    let (told, failed) = (text(&output.stdout), text(&output.stderr));
    assert!((5..30).contains(&begin.elapsed().as_secs()), "{:?}", begin.elapsed());
    assert_eq!(output.status.code(), Some(42), "{failed}");
    // A machine that is busy comes late to a beat or skips it; it asks never oftener than it is to, and counts what it asked.
    let [often, first_fails] = [&seen, &recovered].map(Seen::count);
    assert!((3..=5).contains(&often) && (3..=5).contains(&first_fails), "{told}{failed}");
    let good = format!("good: asked {often} times, {often} kept, 0 failed");
    assert!(told.contains("stopped after ") && told.contains(&good), "{good}: {told}");
    let recovers = format!("recovers: asked {first_fails} times, {} kept, 1 failed", first_fails - 1);
    assert!(told.contains(&recovers), "{recovers}: {told}");
    assert!(failed.contains("skipped, the last ask took "), "{failed}");
    let closest = seen.times().windows(2).map(|pair| pair[1] - pair[0]).min().unwrap();
    assert!(closest > Duration::from_millis(300), "{closest:?}");
    assert!((1..=3).contains(&asked.count()));
}

#[test]
fn a_source_that_drips_ends_with_the_capture_and_does_not_hold_up_a_run() {
    let (dripping, _) = server(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
        while stream.write_all(b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    let world = world(&[("drips", &dripping)]);
    let begin = Instant::now();
    let output = world.program(&["capture", "stadtbus-telemetrie", "--every", "300", "--for", "1"]);
    let (told, failed) = (text(&output.stdout), text(&output.stderr));
    assert!((4..30).contains(&begin.elapsed().as_secs()), "{:?}", begin.elapsed());
    assert_eq!(output.status.code(), Some(1), "{failed}");
    assert!(told.contains("drips: asked 1 times, 0 kept, 1 failed"), "{told}");
    assert!(failed.contains("not answered completely 3 s after the end"), "{failed}");
    world.replace("pipelines/stadtbus-telemetrie.yaml", "    tries: 1\n", "    tries: 9\n    total_timeout: 2\n");
    let begin = Instant::now();
    let output = world.program(&["run", "stadtbus-telemetrie"]);
    assert!((2..30).contains(&begin.elapsed().as_secs()), "{:?}", begin.elapsed());
    assert_ne!(output.status.code(), Some(0));
    assert!(text(&output.stderr).contains("not answered completely within 2 s"), "{}", text(&output.stderr));
}

#[test]
fn a_signal_ends_it_with_its_code_and_a_line() {
    let (dead, _) = server(|_, stream| say(stream, "503 Busy", ""));
    let (healthy, seen) = good();
    for (signal, name, url, code) in [("TERM", "SIGTERM", &dead, 1), ("INT", "Ctrl-C", &healthy, 0)] {
        let world = world(&[("feed", url), ("good", &healthy)]);
        let asked = seen.count();
        let mut command = world.command();
        command.args(["capture", "stadtbus-telemetrie", "--every", "60"]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        while seen.count() == asked {
            std::thread::sleep(Duration::from_millis(20));
        }
        std::thread::sleep(Duration::from_millis(500));
        let begin = Instant::now();
        let kill = Command::new("kill").arg(format!("-{signal}")).arg(child.id().to_string()).status().unwrap();
        assert!(kill.success());
        let output = child.wait_with_output().unwrap();
        // Not with the next beat.
        assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
        let told = text(&output.stdout);
        assert_eq!(output.status.code(), Some(code), "{told}");
        assert!(told.contains(&format!("stopped by {name} after ")), "{told}");
    }
}

pub(crate) struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// A certificate authority in a folder.
pub(crate) struct Authority<'a>(pub &'a Path);

impl Authority<'_> {
    fn openssl(&self, arguments: &str) {
        let output = Command::new("openssl").args(arguments.split(' ')).current_dir(self.0).output().unwrap();
        assert!(output.status.success(), "openssl {arguments}: {}", text(&output.stderr));
    }

    pub(crate) fn make(&self) {
        let config = "[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\nnew_certs_dir=.\nrand_serial=yes\ndefault_md=sha256\n\
                      policy=p\nunique_subject=no\n[p]\ncommonName=supplied\n";
        for (name, text) in [("ca.conf", config), ("index.txt", ""), ("ext", "subjectAltName=DNS:localhost\n")] {
            std::fs::write(self.0.join(name), text).unwrap();
        }
        self.openssl("req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=Probe -days 2");
        self.openssl("req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout leaf.key -out leaf.csr");
    }

    /// Makes a certificate of `localhost` that is valid between two times, and serves a page with it; its port.
    pub(crate) fn serve(&self, name: &str, from: &str, until: &str) -> (Killed, u16) {
        self.openssl(&format!(
            "ca -batch -notext -config ca.conf -cert ca.pem -keyfile ca.key -in leaf.csr -out {name}.pem -startdate {from} \
             -enddate {until} -extfile ext"
        ));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let accept = format!("127.0.0.1:{port}");
        let child = Command::new("openssl")
            .args([
                "s_server",
                "-quiet",
                "-www",
                "-key",
                "leaf.key",
                "-cert",
                &format!("{name}.pem"),
                "-accept",
                &accept,
            ])
            .current_dir(self.0)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let child = Killed(child);
        let until = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(&accept).is_err() {
            assert!(Instant::now() < until, "the server did not come up");
            std::thread::sleep(Duration::from_millis(50));
        }
        (child, port)
    }
}

#[test]
fn bad_certificates_are_permanent_errors_in_words() {
    if Command::new("openssl").arg("version").output().is_err() {
        println!("left out: bad_certificates_are_permanent_errors_in_words needs openssl");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority(folder.path());
    authority.make();
    let (_valid, port) = authority.serve("valid", "20200101000000Z", "20491231000000Z");
    let (_expired, expired_port) = authority.serve("expired", "20200101000000Z", "20200201000000Z");
    let (_early, early_port) = authority.serve("early", "20480101000000Z", "20491231000000Z");
    let known = Some(folder.path().join("ca.pem"));
    /// The address, the authority that is known, and what is said of it.
    type Case = (String, Option<PathBuf>, Result<(), (&'static str, &'static str)>);
    let cases: [Case; 5] = [
        (format!("https://localhost:{port}"), known.clone(), Ok(())),
        (format!("https://127.0.0.1:{port}"), known.clone(), Err(("is that of another host", "Check the address"))),
        (format!("https://localhost:{expired_port}"), known.clone(), Err(("has expired", "renew the certificate"))),
        (format!("https://localhost:{early_port}"), known, Err(("is not valid yet", "Check the clock"))),
        (format!("https://localhost:{port}"), None, Err(("issuer that this machine does not know", "SSL_CERT_FILE"))),
    ];
    for (url, trusted, expected) in cases {
        let world = world(&[("feed", &url)]);
        let mut command = world.command();
        if let Some(file) = trusted {
            command.env("SSL_CERT_FILE", file);
        }
        let output = command.args(["capture", "stadtbus-telemetrie"]).output().unwrap();
        let failed = text(&output.stderr);
        match expected {
            Ok(()) => assert!(output.status.success(), "{failed}"),
            Err((problem, remedy)) => {
                assert_eq!(output.status.code(), Some(42), "{failed}");
                assert!(failed.contains(problem) && failed.contains(remedy), "{failed}");
            }
        }
    }
}

/// Every folder and file below a folder, with its mode.
fn modes(folder: &Path) -> Vec<(PathBuf, bool, u32)> {
    let own = std::fs::symlink_metadata(folder).unwrap();
    let mut found = vec![(folder.to_owned(), own.is_dir(), own.permissions().mode() & 0o777)];
    if own.is_dir() {
        let entries = std::fs::read_dir(folder).unwrap();
        found.extend(entries.flat_map(|entry| modes(&entry.unwrap().path())));
    }
    found
}

fn with_umask(world: &World, umask: &str, arguments: &[&str]) -> Output {
    let program = world.command();
    let mut command = Command::new("sh");
    command.args(["-c", "umask \"$0\" && exec \"$@\"", umask]).arg(program.get_program()).args(program.get_args());
    command.args(arguments).output().unwrap()
}

fn assert_modes(folder: &Path, folders: u32, files: u32) -> usize {
    let found = modes(folder);
    // Evidence is made private by its store.
    for (path, is_folder, mode) in found.iter().filter(|(path, ..)| !path.to_string_lossy().contains("/evidence")) {
        let expected = if *is_folder { folders } else { files };
        assert_eq!(*mode, expected, "{} is {mode:o}, not {expected:o}", path.display());
    }
    found.len()
}

#[test]
fn the_private_store_is_private_and_the_bucket_public_whatever_the_umask() {
    for umask in ["077", "000"] {
        let world = World::new();
        world.replace("fahrtenbuch.yaml", "location: data/bucket", "location: web/offen/bucket");
        world.replace("fahrtenbuch.yaml", "private: data/private", "private: store/private");
        let evidence = modes(&world.path("data/sample"));
        for arguments in [&["capture"][..], &["run"], &["run"]] {
            let output = with_umask(&world, umask, arguments);
            assert!(output.status.success(), "{}", text(&output.stderr));
        }
        assert!(assert_modes(&world.path("store/private"), 0o700, 0o600) > 10);
        assert!(assert_modes(&world.path("web"), 0o755, 0o644) > 20);
        // The folder beside is made for both.
        assert_eq!(modes(&world.path("store"))[0].2, 0o755);
        // What somebody else keeps stays as it is.
        assert_eq!(modes(&world.path("data/sample")), evidence);
        for part in ["journal", "keys", "locks", "quarantine", "evidence"] {
            assert!(world.path("store/private").join(part).is_dir(), "{part} was not tried");
        }
    }
}

#[test]
fn a_private_store_that_was_open_is_closed_and_told() {
    let world = World::new();
    assert!(world.program(&["run", "stadtbus-fahrplan"]).status.success());
    let private = world.path("data/private");
    for (path, is_folder, _) in modes(&private) {
        let mode = if is_folder { 0o777 } else { 0o666 };
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let output = world.program(&["capture", "stadtbus-fahrplan"]);
    assert!(text(&output.stderr).contains("was open to others"), "{}", text(&output.stderr));
    assert_modes(&private, 0o700, 0o600);
    assert!(!text(&world.program(&["capture", "stadtbus-fahrplan"]).stderr).contains("was open"));
}
