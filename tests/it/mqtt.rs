//! MQTT sources against mosquitto: what was acknowledged is evidence, through kills of the broker and of the follower.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use fahrtenbuch::capture::CaptureError;
use fahrtenbuch::capture::FailureKind;
use fahrtenbuch::capture::evidence::Store;
use fahrtenbuch::capture::mqtt::frames::{Message, Messages};
use fahrtenbuch::capture::mqtt::settings::{Login, Settings};
use fahrtenbuch::capture::mqtt::{Frame, MqttEvent, Version, follow};
use jiff::{SignedDuration, Timestamp};

use crate::world::World;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn wait_for(what: &str, mut is_there: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_there() {
        assert!(begin.elapsed() < PATIENCE, "{what} did not come");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A port that nobody listens on.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A mosquitto with a folder of its own.
pub(crate) struct Broker {
    child: Option<Child>,
    config: PathBuf,
    pub(crate) port: u16,
}

impl Broker {
    pub(crate) fn start(folder: &Path, more: &str) -> Self {
        let (port, config) = (free_port(), folder.join("mosquitto.conf"));
        let text = format!(
            "listener {port} 127.0.0.1\n{more}\nuser root\npersistence true\npersistence_location {}/\n\
             autosave_interval 1\nmax_queued_messages 0\n",
            folder.display()
        );
        let anonymous = if more.contains("password_file") { "" } else { "allow_anonymous true\n" };
        std::fs::write(&config, text + anonymous).unwrap();
        let mut broker = Self { child: None, config, port };
        broker.begin();
        broker
    }

    fn begin(&mut self) {
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap());
        let program =
            Command::new("mosquitto").env("PATH", path).arg("-c").arg(&self.config).stderr(Stdio::null()).spawn();
        self.child = Some(program.unwrap());
        wait_for("mosquitto", || TcpStream::connect(("127.0.0.1", self.port)).is_ok());
    }

    /// SIGKILL.
    fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The length of what stands behind the fixed header of a packet, and that of the header, if it is there.
fn length(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut length = 0;
    for (place, byte) in bytes.iter().skip(1).take(4).enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some((length, 2 + place));
        }
    }
    None
}

/// Takes the whole packets from the front.
fn packets(buffer: &mut Vec<u8>) -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    while let Some((length, head)) = length(buffer).filter(|(length, head)| buffer.len() >= length + head) {
        packets.push(buffer.drain(..length + head).collect());
    }
    packets
}

fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    assert!(body.len() < 1 << 14);
    let mut out = vec![first];
    if body.len() < 128 {
        out.push(body.len() as u8);
    } else {
        out.extend([(body.len() & 0x7f | 0x80) as u8, (body.len() >> 7) as u8]);
    }
    out.extend(body);
    out
}

fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u16).to_be_bytes(), text.as_bytes()].concat()
}

/// A publisher of MQTT 3.1.1, written here so that it loses nothing that it does not know of.
pub(crate) struct Publisher {
    stream: TcpStream,
    buffer: Vec<u8>,
    sent: u16,
    under_way: usize,
}

impl Publisher {
    pub(crate) fn connect(port: u16, login: Option<(&str, &str)>) -> std::io::Result<Self> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let flags = if login.is_some() { 0xc2 } else { 2 };
        let mut body = [text("MQTT"), vec![4, flags, 0, 0], text(&format!("publisher{}", fastrand::u64(..)))].concat();
        if let Some((user, password)) = login {
            body.extend([text(user), text(password)].concat());
        }
        stream.write_all(&packet(0x10, &body))?;
        let mut answer = [0; 4];
        stream.read_exact(&mut answer)?;
        assert_eq!(answer[3], 0, "refused");
        Ok(Self { stream, buffer: Vec::new(), sent: 0, under_way: 0 })
    }

    pub(crate) fn publish(&mut self, topic: &str, payload: &str, qos: u8, retain: bool) -> std::io::Result<()> {
        let mut body = text(topic);
        if qos > 0 {
            self.sent = self.sent % 60_000 + 1;
            body.extend(self.sent.to_be_bytes());
            self.under_way += 1;
        }
        body.extend(payload.as_bytes());
        self.stream.write_all(&packet(0x30 | qos << 1 | u8::from(retain), &body))?;
        while self.under_way > 200 {
            self.receive()?;
        }
        Ok(())
    }

    /// Waits until the broker has everything.
    pub(crate) fn settle(&mut self) -> std::io::Result<()> {
        while self.under_way > 0 {
            self.receive()?;
        }
        Ok(())
    }

    fn receive(&mut self) -> std::io::Result<()> {
        let mut chunk = [0; 4096];
        let read = self.stream.read(&mut chunk)?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        self.buffer.extend(&chunk[..read]);
        for answer in packets(&mut self.buffer) {
            match answer[0] >> 4 {
                5 => self.stream.write_all(&packet(0x62, &answer[2..4]))?,
                4 | 7 => self.under_way -= 1,
                _ => {}
            }
        }
        Ok(())
    }
}

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

/// Stands between a follower and its broker, and sees what is acknowledged.
struct Tap {
    port: u16,
    /// Payloads of QoS 1 that were acknowledged.
    acked: Arc<Mutex<BTreeSet<String>>>,
    acknowledgements: Arc<AtomicUsize>,
}

impl Tap {
    /// `is_old`: the broker seems to speak 3.1.1 alone.
    fn start(broker: u16, is_old: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let acked = Arc::<Mutex<BTreeSet<String>>>::default();
        let acknowledgements = Arc::<AtomicUsize>::default();
        let (seen, writes) = (acked.clone(), acknowledgements.clone());
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(client) = client else { return };
                let (seen, writes) = (seen.clone(), writes.clone());
                std::thread::spawn(move || pass(client, broker, is_old, &seen, &writes));
            }
        });
        Self { port, acked, acknowledgements }
    }

    fn writes(&self) -> usize {
        self.acknowledgements.load(Ordering::SeqCst)
    }
}

/// One connection through the tap.
fn pass(mut client: TcpStream, broker: u16, is_old: bool, acked: &Mutex<BTreeSet<String>>, writes: &AtomicUsize) {
    let mut first = [0; 9];
    if client.read_exact(&mut first).is_err() {
        return;
    }
    let level = first[8];
    if is_old && level == 5 {
        let _ = client.write_all(&[0x20, 2, 0, 1]);
        return;
    }
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", broker)) else { return };
    server.set_nodelay(true).unwrap();
    client.set_nodelay(true).unwrap();
    server.write_all(&first).unwrap();
    // Payloads by their packet ids; a broker may send one again before it is acknowledged.
    let open = Arc::new(Mutex::new(BTreeMap::<u16, VecDeque<String>>::new()));
    let (mut back, mut from, under_way) = (client.try_clone().unwrap(), server.try_clone().unwrap(), open.clone());
    let down = std::thread::spawn(move || {
        let (mut buffer, mut chunk) = (Vec::new(), [0; 65_536]);
        while let Ok(read @ 1..) = from.read(&mut chunk) {
            buffer.extend(&chunk[..read]);
            for packet in packets(&mut buffer) {
                if packet[0] >> 4 == 3 && packet[0] >> 1 & 3 > 0 {
                    let (_, head) = length(&packet).unwrap();
                    let topic = usize::from(u16::from_be_bytes([packet[head], packet[head + 1]]));
                    let id = &packet[head + 2 + topic..];
                    let payload = &id[if level == 5 { 3 } else { 2 }..];
                    let payload = String::from_utf8(payload.to_vec()).unwrap();
                    under_way.lock().unwrap().entry(u16::from_be_bytes([id[0], id[1]])).or_default().push_back(payload);
                }
            }
            if back.write_all(&chunk[..read]).is_err() {
                break;
            }
        }
        let _ = back.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    });
    // The CONNECT is behind its first bytes.
    let (mut buffer, mut chunk) = (first.to_vec(), [0; 65_536]);
    while let Ok(read @ 1..) = client.read(&mut chunk) {
        buffer.extend(&chunk[..read]);
        writes.fetch_add(1, Ordering::SeqCst);
        for packet in packets(&mut buffer) {
            if packet[0] >> 4 == 4 {
                let id = u16::from_be_bytes([packet[2], packet[3]]);
                let payload = open.lock().unwrap().get_mut(&id).and_then(VecDeque::pop_front);
                acked.lock().unwrap().insert(payload.expect("a message is acknowledged that was not sent"));
            }
        }
        if server.write_all(&chunk[..read]).is_err() {
            break;
        }
    }
    let _ = server.shutdown(Shutdown::Both);
    let _ = client.shutdown(Shutdown::Both);
    let _ = down.join();
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

#[test]
#[cfg_attr(not(mosquitto), ignore = "needs mosquitto, which ./test sets up")]
fn nothing_acknowledged_is_lost_though_broker_and_collector_are_killed_five_times_each() {
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
    for _ in 0..5 {
        std::thread::sleep(Duration::from_millis(1500 + fastrand::u64(..500)));
        follower.kill();
        std::thread::sleep(Duration::from_millis(fastrand::u64(..300)));
        follower = Collecting::start(&world);
        std::thread::sleep(Duration::from_millis(3000 + fastrand::u64(..500)));
        broker.kill();
        std::thread::sleep(Duration::from_millis(fastrand::u64(..300)));
        broker.begin();
    }
    std::thread::sleep(Duration::from_secs(2));
    stop.store(true, Ordering::SeqCst);
    let sent = publishing.join().unwrap();
    std::thread::sleep(Duration::from_secs(4));
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
