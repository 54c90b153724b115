//! MQTT sources against mosquitto: what was acknowledged is evidence, through kills of the broker and of the follower.

mod broker;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use broker::Tap;
pub(crate) use broker::{Broker, Publisher, wait_for};
use fahrtenbuch::capture::CaptureError;
use fahrtenbuch::capture::FailureKind;
use fahrtenbuch::capture::evidence::Store;
use fahrtenbuch::capture::mqtt::frames::{Message, Messages};
use fahrtenbuch::capture::mqtt::settings::{Login, Settings};
use fahrtenbuch::capture::mqtt::{Frame, MqttEvent, Version, follow};
use jiff::{SignedDuration, Timestamp};

use crate::world::World;

/// A follower in this process.
struct Following {
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), CaptureError>>>,
    frames: Arc<Mutex<Vec<Frame>>>,
    events: Arc<Mutex<Vec<MqttEvent>>>,
    is_disk_full: Arc<AtomicBool>,
}

impl Following {
    fn start(settings: &Settings, spool: &Path) -> Self {
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let (frames, events, full) = (
            Arc::<Mutex<Vec<Frame>>>::default(),
            Arc::<Mutex<Vec<MqttEvent>>>::default(),
            Arc::<AtomicBool>::default(),
        );
        let (settings, spool) = (settings.clone(), spool.to_owned());
        let (kept, told, is_full) = (frames.clone(), events.clone(), full.clone());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let mut keep = |frame: Frame| -> fahrtenbuch::capture::mqtt::KeepFuture {
                let (kept, is_full) = (kept.clone(), is_full.clone());
                Box::pin(async move {
                    if is_full.load(Ordering::SeqCst) {
                        let source = std::io::ErrorKind::StorageFull.into();
                        return Err(CaptureError::Evidence { file: "x".into(), verb: "written", source });
                    }
                    kept.lock().unwrap().push(frame);
                    Ok(())
                })
            };
            let mut tell = |event: MqttEvent| told.lock().unwrap().push(event);
            runtime.block_on(follow(&settings, &spool, &mut keep, &mut tell, async {
                let _ = stopped.await;
            }))
        });
        Self { stop: Some(stop), thread: Some(thread), frames, events, is_disk_full: full }
    }

    fn has(&self, mut what: impl FnMut(&MqttEvent) -> bool) -> bool {
        self.events.lock().unwrap().iter().any(&mut what)
    }

    fn connected(&self) {
        wait_for("a connection", || self.has(|event| matches!(event, MqttEvent::Connected { .. })));
    }

    fn stop(mut self) -> (Vec<Message>, Vec<MqttEvent>, Result<(), CaptureError>) {
        self.stop.take().unwrap().send(()).unwrap();
        let ended = self.thread.take().unwrap().join().unwrap();
        let frames = std::mem::take(&mut *self.frames.lock().unwrap());
        let messages = frames.iter().flat_map(|frame| messages(frame.body.clone())).collect();
        (messages, std::mem::take(&mut *self.events.lock().unwrap()), ended)
    }
}

fn messages(body: bytes::Bytes) -> Vec<Message> {
    Messages::new(body).map(Result::unwrap).collect()
}

fn settings(url: &str, topics: &[&str]) -> Settings {
    let url: url::Url = url.parse().unwrap();
    Settings::new(url.into(), topics.iter().map(|topic| (*topic).to_owned()).collect())
}

fn payload(message: &Message) -> &str {
    std::str::from_utf8(&message.payload).unwrap()
}

#[test]
#[cfg_attr(not(mosquitto), ignore = "needs mosquitto, which ./test sets up")]
fn messages_of_each_qos_and_of_wildcards_are_framed_as_they_came() {
    let folder = tempfile::tempdir().unwrap();
    let broker = Broker::start(folder.path(), "");
    let mut publisher = Publisher::connect(broker.port, None).unwrap();
    publisher.publish("fleet/7/state", "retained", 1, true).unwrap();
    publisher.settle().unwrap();
    let mut followed = settings(&format!("mqtt://127.0.0.1:{}", broker.port), &["fleet/+/state", "/hfp/#"]);
    followed.qos = 2;
    let following = Following::start(&followed, &folder.path().join("a.spool"));
    wait_for("the retained message", || following.has(|event| matches!(event, MqttEvent::Connected { .. })));
    for qos in 0..=2 {
        publisher.publish("/hfp/v2/journey", &format!("q{qos}"), qos, false).unwrap();
        publisher.publish("fleet/7/other", "not followed", qos, false).unwrap();
    }
    publisher.publish("/hfp", "line\nend 1 2 3\n", 2, false).unwrap();
    publisher.settle().unwrap();
    std::thread::sleep(Duration::from_millis(500));
    let (messages, events, ended) = following.stop();
    ended.unwrap();
    let got: Vec<(&str, &str, u8, bool, bool)> = messages
        .iter()
        .map(|message| {
            let topic = std::str::from_utf8(&message.topic).unwrap();
            (topic, payload(message), message.qos, message.is_retained, message.is_duplicate)
        })
        .collect();
    assert_eq!(
        got,
        [
            ("fleet/7/state", "retained", 1, true, false),
            ("/hfp/v2/journey", "q0", 0, false, false),
            ("/hfp/v2/journey", "q1", 1, false, false),
            ("/hfp/v2/journey", "q2", 2, false, false),
            ("/hfp", "line\nend 1 2 3\n", 2, false, false),
        ]
    );
    assert_eq!(events, [MqttEvent::Connected { version: Version::V5, is_resumed: false }]);
}

#[test]
#[cfg_attr(not(mosquitto), ignore = "needs mosquitto, which ./test sets up")]
fn a_session_is_kept_while_nobody_follows_and_topics_that_are_gone_are_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let broker = Broker::start(folder.path(), "");
    let spool = folder.path().join("a.spool");
    let mut followed = settings(&format!("mqtt://127.0.0.1:{}", broker.port), &["a/#", "b/#"]);
    let following = Following::start(&followed, &spool);
    following.connected();
    following.stop().2.unwrap();
    let mut publisher = Publisher::connect(broker.port, None).unwrap();
    for number in 0..3000 {
        publisher.publish("a/1", &number.to_string(), 1, false).unwrap();
    }
    publisher.settle().unwrap();
    followed.topics.pop();
    let following = Following::start(&followed, &spool);
    following.connected();
    publisher.publish("b/1", "gone", 1, false).unwrap();
    publisher.publish("a/1", "last", 1, false).unwrap();
    publisher.settle().unwrap();
    std::thread::sleep(Duration::from_secs(2));
    let (messages, events, ended) = following.stop();
    ended.unwrap();
    assert_eq!(events, [MqttEvent::Connected { version: Version::V5, is_resumed: true }]);
    let expected: Vec<String> = (0..3000).map(|number| number.to_string()).chain(["last".to_owned()]).collect();
    assert_eq!(messages.iter().map(payload).collect::<Vec<_>>(), expected);
}

#[test]
#[cfg_attr(not(mosquitto), ignore = "needs mosquitto, which ./test sets up")]
fn two_thousand_messages_a_second_of_qos_1_do_not_pile_up() {
    // MQTT 3.1.1, where the window is 20 and nobody says so.
    for is_old in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let broker = Broker::start(folder.path(), "");
        let tap = Tap::start(broker.port, is_old);
        let following = Following::start(
            &settings(&format!("mqtt://127.0.0.1:{}", tap.port), &["#"]),
            &folder.path().join("a.spool"),
        );
        following.connected();
        let mut publisher = Publisher::connect(broker.port, None).unwrap();
        let begin = Instant::now();
        for number in 0..10_000_u32 {
            publisher.publish("a/1", &format!("{number} {}", "x".repeat(400)), 1, false).unwrap();
            let due = begin + Duration::from_micros(500) * number;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        publisher.settle().unwrap();
        wait_for("the last message", || tap.acked.lock().unwrap().len() == 10_000);
        let took = begin.elapsed();
        assert!(took < Duration::from_millis(6000), "3.1.1: {is_old}: {took:?}");
        let (messages, events, ended) = following.stop();
        ended.unwrap();
        assert_eq!(messages.len(), 10_000);
        let version = if is_old { Version::V3 } else { Version::V5 };
        assert!(events.contains(&MqttEvent::Connected { version, is_resumed: false }), "{events:?}");
        // All delays between the broker and the disk, by the clock of the messages.
        let span = messages[9_999].received.as_millisecond() - messages[0].received.as_millisecond();
        println!("3.1.1: {is_old}, {took:?}, received within {span} ms, {} acks in writes of {}", 10_000, tap.writes());
    }
}

#[test]
#[cfg_attr(not(mosquitto), ignore = "needs mosquitto, which ./test sets up")]
fn where_evidence_cannot_be_written_the_broker_keeps_the_messages() {
    let folder = tempfile::tempdir().unwrap();
    let broker = Broker::start(folder.path(), "");
    let mut followed = settings(&format!("mqtt://127.0.0.1:{}", broker.port), &["#"]);
    followed.spool_bytes = 20_000;
    let following = Following::start(&followed, &folder.path().join("a.spool"));
    following.is_disk_full.store(true, Ordering::SeqCst);
    following.connected();
    let mut publisher = Publisher::connect(broker.port, None).unwrap();
    for number in 0..2000 {
        publisher.publish("a", &number.to_string(), 1, false).unwrap();
    }
    publisher.settle().unwrap();
    wait_for("a full spool", || {
        following.has(|event| matches!(event, MqttEvent::Disconnected { kind: FailureKind::NotKept, .. }))
    });
    following.is_disk_full.store(false, Ordering::SeqCst);
    wait_for("the rest", || {
        let bodies: Vec<_> = following.frames.lock().unwrap().iter().map(|frame| frame.body.clone()).collect();
        bodies.into_iter().flat_map(messages).map(|message| payload(&message).to_owned()).collect::<BTreeSet<_>>().len()
            >= 1500
    });
    let (messages, _, ended) = following.stop();
    ended.unwrap();
    let mut seen = BTreeSet::new();
    for message in &messages {
        assert!(seen.insert(payload(message)) || message.is_duplicate, "{message:?}");
    }
    // What is not here yet waits at the broker.
    let following = Following::start(&followed, &folder.path().join("a.spool"));
    std::thread::sleep(Duration::from_secs(2));
    let (rest, _, ended) = following.stop();
    ended.unwrap();
    seen.extend(rest.iter().map(payload));
    assert_eq!(seen.len(), 2000);
}

/// Makes a certificate of an issuer of its own for 127.0.0.1.
fn certificates(folder: &Path) {
    let openssl = |arguments: &str| {
        let output = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    std::fs::write(folder.join("names"), "subjectAltName=IP:127.0.0.1\n").unwrap();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(&format!("req -x509 {key} -keyout ca.key -out ca.pem -days 2 -subj /CN=issuer"));
    openssl(&format!("req {key} -keyout server.key -out server.csr -subj /CN=broker"));
    openssl("x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.pem");
}

#[test]
#[cfg_attr(not(mosquitto), ignore = "needs mosquitto, which ./test sets up")]
fn tls_and_logins_are_checked_and_secrets_are_not_told() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    std::fs::write(folder.path().join("users"), "bus:geheim\n").unwrap();
    let mut path = std::env::var("PATH").unwrap();
    path += ":/usr/sbin";
    let hashed = Command::new("mosquitto_passwd").env("PATH", path).arg("-U").arg(folder.path().join("users")).status();
    assert!(hashed.unwrap().success());
    let file = |name: &str| folder.path().join(name).display().to_string();
    let broker = Broker::start(
        folder.path(),
        &format!("certfile {}\nkeyfile {}\npassword_file {}", file("server.pem"), file("server.key"), file("users")),
    );
    let mut followed = settings(&format!("mqtts://bus:geheim@127.0.0.1:{}", broker.port), &["#"]);
    let kinds = |followed: &Settings| {
        let following = Following::start(followed, &folder.path().join("a.spool"));
        wait_for("a failure", || !following.events.lock().unwrap().is_empty());
        let (_, events, _) = following.stop();
        assert!(!format!("{events:?} {}", followed.url.shown()).contains("geheim"), "{events:?}");
        events.first().cloned().unwrap()
    };
    let event = kinds(&followed);
    assert!(
        matches!(&event, MqttEvent::Disconnected { kind: FailureKind::Tls, problem, .. } if problem.contains("issuer")),
        "{event:?}"
    );
    followed.ca = Some(folder.path().join("ca.pem"));
    let event = kinds(&followed);
    assert_eq!(event, MqttEvent::Connected { version: Version::V5, is_resumed: false });
    followed.login = Some(Login { username: "bus".to_owned(), password: Some("geheim2".to_owned()) });
    let event = kinds(&followed);
    assert!(matches!(&event, MqttEvent::Disconnected { kind: FailureKind::Refused, .. }), "{event:?}");
    drop(broker);
    let event = kinds(&followed);
    assert!(matches!(&event, MqttEvent::Disconnected { kind: FailureKind::Refused, .. }), "{event:?}");
}

/// The collector, as a process that can be killed.
struct Collecting(Child);

impl Collecting {
    fn start(world: &World) -> Self {
        let mut command = world.command();
        command.env_remove("FAHRTENBUCH_NOW").args(["collect", "stadtbus-telemetrie"]);
        Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    fn end(mut self) {
        let done = Command::new("kill").arg(self.0.id().to_string()).status().unwrap();
        assert!(done.success() && self.0.wait().unwrap().success());
    }
}

/// A workspace that follows a broker, by the source `a`.
fn following(port: u16) -> World {
    let world = World::new();
    let file = "pipelines/stadtbus-telemetrie.yaml";
    let text = std::fs::read_to_string(world.path(file)).unwrap();
    let (head, rest) = text.split_once("sources:\n").unwrap();
    let (_, tail) = rest.split_once("release:\n").unwrap();
    let source =
        format!("  - name: a\n    type: mqtt\n    url: mqtt://127.0.0.1:{port}\n    topics: ['#']\n    qos: 1\n");
    world.write(file, &format!("{head}sources:\n{source}release:\n{tail}"));
    world
}

/// Publishes numbered messages, 2,000 a second, until it is stopped; what was under way when the broker was killed is not sent
/// again. Gives the number of those sent.
fn publish_all_the_time(port: u16, stop: Arc<AtomicBool>) -> JoinHandle<u64> {
    std::thread::spawn(move || {
        let (mut number, mut begin) = (0_u64, Instant::now());
        let mut at_begin = 0;
        while !stop.load(Ordering::SeqCst) {
            let Ok(mut publisher) = Publisher::connect(port, None) else {
                std::thread::sleep(Duration::from_millis(20));
                (begin, at_begin) = (Instant::now(), number);
                continue;
            };
            while !stop.load(Ordering::SeqCst)
                && publisher.publish("fleet/1/position", &number.to_string(), 1, false).is_ok()
            {
                number += 1;
                let due = begin + Duration::from_micros(500) * u32::try_from(number - at_begin).unwrap();
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
            }
            let _ = publisher.settle();
            // A number is of one message.
            number += 1;
        }
        number
    })
}

/// Of the broker and of the collector each: five in the many rounds of `./test --long`, two otherwise.
fn kills() -> usize {
    if std::env::var_os("FAHRTENBUCH_TEST_ROUNDS").is_some() { 5 } else { 2 }
}

#[test]
#[cfg_attr(not(mosquitto), ignore = "needs mosquitto, which ./test sets up")]
fn nothing_acknowledged_is_lost_though_broker_and_collector_are_killed_again_and_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut broker = Broker::start(folder.path(), "");
    let tap = Tap::start(broker.port, false);
    let stop = Arc::<AtomicBool>::default();
    let world = following(tap.port);
    let mut follower = Collecting::start(&world);
    wait_for("a first message", || {
        Publisher::connect(broker.port, None).unwrap().publish("first", "first", 1, false).unwrap();
        !tap.acked.lock().unwrap().is_empty()
    });
    let publishing = publish_all_the_time(broker.port, stop.clone());
    for _ in 0..kills() {
        std::thread::sleep(Duration::from_millis(1000 + fastrand::u64(..500)));
        follower.kill();
        std::thread::sleep(Duration::from_millis(fastrand::u64(..300)));
        follower = Collecting::start(&world);
        let before = tap.acked.lock().unwrap().len();
        wait_for("an acknowledgement after the kill", || tap.acked.lock().unwrap().len() > before);
        std::thread::sleep(Duration::from_millis(500 + fastrand::u64(..500)));
        broker.kill();
        std::thread::sleep(Duration::from_millis(fastrand::u64(..300)));
        broker.begin();
    }
    std::thread::sleep(Duration::from_secs(1));
    stop.store(true, Ordering::SeqCst);
    let sent = publishing.join().unwrap();
    // Until a second brings nothing more.
    let mut acked = 0;
    while std::mem::replace(&mut acked, tap.acked.lock().unwrap().len()) < acked {
        std::thread::sleep(Duration::from_secs(1));
    }
    follower.end();
    let store = Store::new(world.path("data/private/evidence"));
    let begin = Timestamp::now() - SignedDuration::from_hours(2);
    let entries = store.list("a", begin, Timestamp::now()).unwrap().entries;
    // Each ten seconds left a record, and what was not followed is known.
    let records = store.records("a", begin, Timestamp::now()).unwrap();
    assert!(records.iter().all(|record| record.beat.is_some()), "{records:?}");
    let bodies = entries.iter().map(|entry| store.open(entry).unwrap().body);
    let all: Vec<Message> = bodies.flat_map(messages).collect();
    let mut seen = BTreeSet::new();
    let mut unmarked = Vec::new();
    for message in &all {
        let is_new = seen.insert(payload(message).to_owned());
        if !is_new && !message.is_duplicate && payload(message) != "first" {
            unmarked.push(payload(message));
        }
    }
    let acked = tap.acked.lock().unwrap();
    let lost: Vec<&String> = acked.iter().filter(|payload| !seen.contains(*payload)).collect();
    println!("{sent} sent, {} acknowledged, {} kept, {} frames", acked.len(), all.len(), entries.len());
    assert!(lost.is_empty(), "{} of {}: {:?}", lost.len(), acked.len(), &lost[..lost.len().min(5)]);
    assert!(unmarked.is_empty(), "{}: {:?}", unmarked.len(), &unmarked[..unmarked.len().min(5)]);
    assert!(acked.len() as u64 > sent / 2, "{} of {sent}", acked.len());
}
