//! Witnesses that cosign the log, and an authority that stamps it: real requests over loopback, a witness that is written by its
//! specification with the trees of `tlog_tiles`, and openssl as the authority.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey};
use sha2::{Digest as _, Sha256};
use signed_note::{StandardVerifier, VerifierList};

use crate::log::{kill_at, log, succeeds};
use crate::published::add_a_row_to_stops;
use crate::world::{World, copy};

const ORIGIN: &str = "stadt.example/bus";
const NAME: &str = "witness.example";
const CHECKPOINT: &str = "data/bucket/ledger/checkpoint";

/// Reads a request whole: its body.
fn body(stream: &mut TcpStream) -> Vec<u8> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let read = stream.read(&mut buffer).unwrap_or(0);
        bytes.extend_from_slice(&buffer[..read]);
        let Some(head) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            assert!(read > 0, "the request broke off");
            continue;
        };
        let text = String::from_utf8_lossy(&bytes[..head]).to_lowercase();
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        if bytes.len() - head - 4 >= length.parse().unwrap() {
            return bytes.split_off(head + 4);
        }
    }
}

/// A server on loopback that answers each body; its address.
fn serve(mut answer: impl FnMut(Vec<u8>) -> (u16, Vec<u8>) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let (status, answer) = answer(body(&mut stream));
            let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", answer.len());
            let _ = stream.write_all(&[head.as_bytes(), &answer].concat());
        }
    });
    url
}

/// What a witness knows of the log.
#[derive(Default)]
struct Known {
    size: u64,
    root: [u8; 32],
    requests: u64,
    is_down: bool,
}

struct Witness {
    url: String,
    vkey: String,
    known: Arc<Mutex<Known>>,
}

impl Witness {
    /// A witness that knows the log by this key.
    fn of(log: &str) -> Self {
        let key = SigningKey::from_bytes(&[7; 32]);
        let public = [&[4][..], key.verifying_key().as_bytes()].concat();
        let hash = Sha256::digest([format!("{NAME}\n").as_bytes(), &public].concat());
        let id: [u8; 4] = hash[..4].try_into().unwrap();
        let vkey = format!("{NAME}+{:08x}+{}", u32::from_be_bytes(id), STANDARD.encode(&public));
        let known = Arc::new(Mutex::new(Known::default()));
        let (shared, log) = (known.clone(), log.to_owned());
        let url = serve(move |body| {
            let mut known = shared.lock().unwrap();
            known.requests += 1;
            if known.is_down {
                return (503, Vec::new());
            }
            let (status, text) = known.add_checkpoint(std::str::from_utf8(&body).unwrap(), &log);
            if status != 200 {
                return (status, text.into_bytes());
            }
            let time = 1_800_000_000_u64;
            let message = format!("cosignature/v1\ntime {time}\n{text}");
            let signature = key.sign(message.as_bytes()).to_bytes();
            let line = [&id[..], &time.to_be_bytes(), &signature].concat();
            (200, format!("— {NAME} {}\n", STANDARD.encode(line)).into_bytes())
        });
        Self { url, vkey, known }
    }

    fn size(&self) -> u64 {
        self.known.lock().unwrap().size
    }

    /// Whether the checkpoint in a bucket has this witness' line.
    fn signed(&self, world: &World) -> bool {
        let note = std::fs::read(world.path(CHECKPOINT)).unwrap();
        String::from_utf8(note).unwrap().contains(&format!("— {NAME} "))
    }

    fn configure(&self, world: &World, more: &str) {
        let witnesses = format!("witnesses: [{{url: \"{}\", key: \"{}\"}}]", self.url, self.vkey);
        world.replace_first(
            "fahrtenbuch.yaml",
            "people:",
            &format!("signing: {{origin: {ORIGIN}, {witnesses}{more}}}\npeople:"),
        );
    }
}

impl Known {
    /// `add-checkpoint` of C2SP `tlog-witness`: the status, and the text to cosign or what the answer says.
    fn add_checkpoint(&mut self, body: &str, log: &str) -> (u16, String) {
        let (head, note) = body.split_once("\n\n").unwrap();
        let mut head = head.lines();
        let old: u64 = head.next().unwrap().strip_prefix("old ").unwrap().parse().unwrap();
        let proof: Vec<tlog_tiles::Hash> =
            head.map(|line| tlog_tiles::Hash(STANDARD.decode(line).unwrap().try_into().unwrap())).collect();
        let note = signed_note::Note::from_bytes(note.as_bytes()).unwrap();
        let key = Box::new(StandardVerifier::new(log).unwrap()) as Box<dyn signed_note::Verifier>;
        let checkpoint = tlog_tiles::Checkpoint::from_bytes(note.text()).unwrap();
        if checkpoint.origin() != ORIGIN {
            return (404, String::new());
        }
        if note.verify(&VerifierList::new(vec![key])).is_err() {
            return (403, String::new());
        }
        if old > checkpoint.size() {
            return (400, String::new());
        }
        if old != self.size {
            return (409, format!("{}\n", self.size));
        }
        let root = *checkpoint.hash();
        let is_grown = match old {
            0 => proof.is_empty(),
            _ if old == checkpoint.size() => proof.is_empty() && root.0 == self.root,
            _ => tlog_tiles::check_tree(&proof, checkpoint.size(), root, old, tlog_tiles::Hash(self.root)).is_ok(),
        };
        if !is_grown {
            return (422, String::new());
        }
        (self.size, self.root) = (checkpoint.size(), root.0);
        (200, String::from_utf8(note.text().to_vec()).unwrap())
    }
}

/// A world with a key, and its public part.
fn keyed() -> (World, String) {
    let world = World::new();
    world.replace_first("fahrtenbuch.yaml", "people:", &format!("signing: {{origin: {ORIGIN}}}\npeople:"));
    let said = succeeds(&world, &["key", "new"]);
    let key = said.lines().find(|line| line.starts_with(ORIGIN)).unwrap().to_owned();
    // What is configured next stands in its place.
    world.replace_first("fahrtenbuch.yaml", &format!("signing: {{origin: {ORIGIN}}}\n"), "");
    (world, key)
}

/// The same with a witness, which has cosigned the first run; and the key.
fn witnessed() -> (World, String, Witness) {
    let (world, key) = keyed();
    let witness = Witness::of(&key);
    witness.configure(&world, "");
    succeeds(&world, &["run", "stadtbus-fahrplan"]);
    (world, key, witness)
}

fn size(world: &World) -> u64 {
    log(world).len() as u64
}

#[test]
fn a_witness_cosigns_what_grew_and_one_that_is_down_stops_no_release_and_is_asked_again() {
    let (mut world, key) = keyed();
    let witness = Witness::of(&key);
    witness.configure(&world, "");
    world.run();
    assert!(witness.signed(&world) && witness.size() == size(&world));
    let verify = |key: &str| {
        let bucket = world.path("data/bucket");
        world.program(&["verify", &bucket.to_string_lossy(), "--key", key, "--witness", &witness.vkey])
    };
    let verified = verify(&key);
    let said = String::from_utf8(verified.stdout).unwrap();
    assert!(verified.status.success() && said.contains("cosigned by witness.example at 2027-01-15"), "{said}");
    // Proofs come with the cosignature.
    let first = std::fs::read_dir(world.path("data/bucket/meta/stadtbus-fahrplan/stops/proofs")).unwrap().next();
    let proof = std::fs::read_to_string(first.unwrap().unwrap().path()).unwrap();
    assert!(proof.contains(&format!("— {NAME} ")), "{proof}");
    // Nothing new: nobody is asked.
    let before = witness.known.lock().unwrap().requests;
    world.run();
    assert_eq!(witness.known.lock().unwrap().requests, before);
    witness.known.lock().unwrap().is_down = true;
    add_a_row_to_stops(&world);
    let output = world.program(&["run", "stadtbus-fahrplan"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.contains(NAME) && said.contains("503"), "{said}");
    assert!(!witness.signed(&world) && witness.size() < size(&world));
    let verified = verify(&key);
    let said = String::from_utf8(verified.stdout).unwrap();
    assert!(verified.status.code() == Some(4) && said.contains("has not cosigned"), "{said}");
    assert!(succeeds(&world, &["key", "list"]).contains("503"));
    // Up again: soon after it is left alone, then it is asked, though nothing was released.
    witness.known.lock().unwrap().is_down = false;
    world.run();
    assert!(!witness.signed(&world));
    world.set_clock("2026-11-27T18:00:00Z");
    world.run();
    assert!(witness.signed(&world) && witness.size() == size(&world));
    // The log is signed anew by another key, and keeps what the witness gave.
    let cosigned = std::fs::read(world.path(CHECKPOINT)).unwrap();
    succeeds(&world, &["publish", "--rebuild"]);
    assert_eq!(std::fs::read(world.path(CHECKPOINT)).unwrap(), cosigned);
}

/// What `status` says of those who confirm the log, by what it is about.
fn unconfirmed(world: &World) -> Vec<(String, serde_json::Value)> {
    let status: serde_json::Value = serde_json::from_str(&succeeds(world, &["status", "--json"])).unwrap();
    let needs = status["needs"].as_array().unwrap().iter().filter(|need| need["kind"] == "log_unconfirmed");
    needs.map(|need| (need["about"].as_str().unwrap().to_owned(), need.clone())).collect()
}

#[test]
fn who_has_not_confirmed_the_log_for_a_day_is_told_by_status_until_it_does() {
    let (mut world, key) = keyed();
    let witness = Witness::of(&key);
    // Nobody listens where the stamps are to come from.
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    witness.configure(&world, &format!(", timestamps: \"http://{nobody}\""));
    witness.known.lock().unwrap().is_down = true;
    world.run();
    // Told by the run itself and by 'key list'; for a day it may come again by itself.
    assert!(unconfirmed(&world).is_empty());
    world.set_clock("2026-11-28T11:00:00Z");
    assert!(unconfirmed(&world).is_empty());
    world.set_clock("2026-11-28T13:00:00Z");
    let found = unconfirmed(&world);
    assert_eq!(found.iter().map(|(about, _)| about.as_str()).collect::<Vec<_>>(), [NAME, ""], "{found:?}");
    let need = &found[0].1;
    assert!(need["since"].as_str().unwrap().starts_with("2026-11-27T12:"), "{need}");
    assert_eq!(need["command"], serde_json::json!(["fahrtenbuch", "key", "list"]));
    assert!(need["what"]["en"].as_str().unwrap().contains(NAME) && need["said"].to_string().contains("503"), "{need}");
    assert!(need["what"]["de"].as_str().unwrap().contains("Zeuge") && need["lost"]["de"].is_string(), "{need}");
    let text = succeeds(&world, &["status"]);
    assert!(text.contains(NAME) && text.contains("key list") && text.contains("authority of time stamps"), "{text}");
    // It answers again, and nobody stamps any more.
    witness.known.lock().unwrap().is_down = false;
    world.run();
    let found = unconfirmed(&world);
    assert_eq!(found.iter().map(|(about, _)| about.as_str()).collect::<Vec<_>>(), [""], "{found:?}");
    // Who refuses is told at once: that does not go away by itself.
    witness.known.lock().unwrap().size += 1000;
    add_a_row_to_stops(&world);
    succeeds(&world, &["run", "stadtbus-fahrplan"]);
    let found = unconfirmed(&world);
    let need = &found.iter().find(|(about, _)| about == NAME).unwrap().1;
    assert!(need["what"]["en"].as_str().unwrap().contains("refuses"), "{need}");
    assert!(need["what"]["de"].as_str().unwrap().contains("weigert sich"), "{need}");
    assert!(need["said"].to_string().contains("rolled back"), "{need}");
}

#[test]
fn what_was_killed_before_the_witnesses_were_asked_is_cosigned_by_the_next_run() {
    let (world, key, witness) = witnessed();
    add_a_row_to_stops(&world);
    // From here on the checkpoint is there, and nobody has confirmed it; or the witness has, and nobody has kept that.
    kill_at(&world, &["run", "stadtbus-fahrplan"], "log-confirmed");
    succeeds(&world, &["run", "stadtbus-fahrplan"]);
    assert!(witness.signed(&world) && witness.size() == size(&world));
    let bucket = world.path("data/bucket").to_string_lossy().into_owned();
    let verified = world.program(&["verify", &bucket, "--key", &key, "--witness", &witness.vkey]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    // Each release has its proof.
    let releases = log(&world).iter().filter(|line| line.starts_with("release ")).count();
    let proofs = crate::world::whole_files(&world.path("data/bucket"));
    assert_eq!(proofs.keys().filter(|name| name.ends_with(".tlog-proof")).count(), releases);
}

#[test]
fn a_witness_refuses_two_checkpoints_of_one_size_and_a_log_that_was_rolled_back_and_says_so() {
    let (world, _, witness) = witnessed();
    let seen = (witness.size(), witness.known.lock().unwrap().root);
    // Two histories from here, of the same key, in stores that do not know of each other.
    let mut other = World::new();
    std::fs::remove_dir_all(other.path("data")).unwrap();
    for name in ["data", "schemas", "pipelines"] {
        std::fs::remove_dir_all(other.path(name)).ok();
        copy(&world.path(name), &other.path(name));
    }
    std::fs::copy(world.path("fahrtenbuch.yaml"), other.path("fahrtenbuch.yaml")).unwrap();
    add_a_row_to_stops(&world);
    succeeds(&world, &["run", "stadtbus-fahrplan"]);
    assert!(witness.size() > seen.0 && witness.signed(&world));
    other.set_clock("2026-11-27T15:00:00Z");
    add_a_row_to_stops(&other);
    let output = other.program(&["run", "stadtbus-fahrplan"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(size(&other), witness.size());
    assert!(output.status.success() && said.contains("another history") && !witness.signed(&other), "{said}");
    assert_ne!(log(&world), log(&other));
    // A witness that saw more than the log has.
    witness.known.lock().unwrap().size += 1000;
    other.set_clock("2026-11-27T18:00:00Z");
    let output = other.program(&["run"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("rolled back") && !witness.signed(&other), "{said}");
}

fn openssl(folder: &Path, arguments: &str) -> bool {
    let output = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().unwrap();
    if !output.status.success() {
        println!("openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    }
    output.status.success()
}

#[test]
fn the_first_checkpoint_of_a_day_is_stamped_and_openssl_finds_the_stamp_right() {
    if Command::new("openssl").arg("version").output().is_err() {
        println!("left out: the_first_checkpoint_of_a_day_is_stamped_and_openssl_finds_the_stamp_right needs openssl");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().to_owned();
    std::fs::write(
        authority.join("ca.cnf"),
        "[tsa]\nextendedKeyUsage = critical,timeStamping\nkeyUsage = critical,digitalSignature\n",
    )
    .unwrap();
    std::fs::write(
        authority.join("tsa.cnf"),
        "[tsa]\ndefault_tsa = it\n[it]\nserial = serial\ncrypto_device = builtin\nsigner_cert = tsa.pem\nsigner_key = tsa.key\n\
         certs = ca.pem\ndefault_policy = 1.2.3.4.1\nsigner_digest = sha256\ndigests = sha256\naccuracy = secs:1\n\
         ordering = yes\ntsa_name = yes\ness_cert_id_chain = no\ness_cert_id_alg = sha256\n",
    )
    .unwrap();
    std::fs::write(authority.join("serial"), "01\n").unwrap();
    for command in [
        "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=Probe -days 2",
        "req -newkey rsa:2048 -nodes -subj /CN=Stamps -keyout tsa.key -out tsa.csr",
        "x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile ca.cnf -extensions tsa -out tsa.pem",
    ] {
        assert!(openssl(&authority, command));
    }
    let asked = Arc::new(Mutex::new(0));
    let (count, place) = (asked.clone(), authority.clone());
    let url = serve(move |query| {
        *count.lock().unwrap() += 1;
        std::fs::write(place.join("query.tsq"), query).unwrap();
        let is_right = openssl(&place, "ts -reply -config tsa.cnf -section it -queryfile query.tsq -out reply.tsr");
        if is_right { (200, std::fs::read(place.join("reply.tsr")).unwrap()) } else { (500, Vec::new()) }
    });
    let (mut world, key) = keyed();
    let witness = Witness::of(&key);
    witness.configure(&world, &format!(", timestamps: \"{url}\""));
    world.run();
    add_a_row_to_stops(&world);
    world.run();
    assert_eq!(*asked.lock().unwrap(), 1, "once a day");
    let stamps = world.path("data/bucket/ledger/timestamps");
    for name in ["2026-11-27.checkpoint", "2026-11-27.tsr"] {
        std::fs::copy(stamps.join(name), authority.join(name)).unwrap();
    }
    let verify = "ts -verify -data 2026-11-27.checkpoint -in 2026-11-27.tsr -CAfile ca.pem -untrusted tsa.pem";
    assert!(openssl(&authority, verify));
    // It is the stamp of these bytes.
    let text = std::fs::read_to_string(authority.join("2026-11-27.checkpoint")).unwrap();
    assert!(text.starts_with(&format!("{ORIGIN}\n")) && text.contains(NAME));
    std::fs::write(authority.join("2026-11-27.checkpoint"), text.replacen(ORIGIN, "other.example", 1)).unwrap();
    assert!(!openssl(&authority, verify));
    world.set_clock("2026-11-28T09:00:00Z");
    world.run();
    assert_eq!(*asked.lock().unwrap(), 2);
    assert!(stamps.join("2026-11-28.tsr").exists());
    a_stamp_is_looked_at_by_who_verifies(&world, &key);
}

/// The stamps of a bucket are those of its checkpoints, in a folder and over http.
fn a_stamp_is_looked_at_by_who_verifies(world: &World, key: &str) {
    let serving = crate::serve::Serving::start(world);
    let folder = world.path("data/bucket").to_string_lossy().into_owned();
    let stamps = world.path("data/bucket/ledger/timestamps");
    let verify = |bucket: &str| {
        let output = world.program(&["verify", bucket, "--key", key, "--json"]);
        let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let text =
            |fault: &serde_json::Value| ["kind", "what", "path"].map(|of| fault[of].as_str().unwrap().to_owned());
        let faults: Vec<[String; 3]> = found["faults"].as_array().unwrap().iter().map(text).collect();
        (faults, found["looked_at"]["timestamps"].as_u64().unwrap(), found["notes"].to_string())
    };
    let named =
        |kind: &str, name: &str| vec![[kind.to_owned(), "timestamp".to_owned(), format!("ledger/timestamps/{name}")]];
    let (faults, count, notes) = verify(&folder);
    assert!(faults.is_empty() && count == 2 && notes.contains("openssl ts -verify"), "{faults:?} {notes}");
    // Over http the days of releases are looked at.
    let (faults, count, notes) = verify(&serving.url());
    assert!(faults.is_empty() && count == 1 && notes.contains("days with a release"), "{faults:?} {count} {notes}");
    let (first, second) = ("2026-11-27.tsr", "2026-11-28.tsr");
    let read = |name: &str| std::fs::read(stamps.join(name)).unwrap();
    let (whole, foreign) = (read(first), read(second));
    std::fs::write(stamps.join(first), foreign).unwrap();
    for bucket in [&folder, &serving.url()] {
        assert_eq!(verify(bucket).0, named("changed", first));
    }
    std::fs::write(stamps.join(first), &whole[..whole.len() / 2]).unwrap();
    assert_eq!(verify(&folder).0, named("changed", first));
    std::fs::write(stamps.join(first), &whole).unwrap();
    let kept = "2026-11-27.checkpoint";
    let text = String::from_utf8(read(kept)).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines[1] = "1";
    std::fs::write(stamps.join(kept), lines.join("\n") + "\n").unwrap();
    assert_eq!(verify(&folder).0, named("changed", kept));
    std::fs::remove_file(stamps.join(kept)).unwrap();
    assert_eq!(verify(&folder).0, named("missing", kept));
    std::fs::write(stamps.join(kept), text).unwrap();
    assert_eq!(verify(&folder).0, Vec::<[String; 3]>::new());
}
