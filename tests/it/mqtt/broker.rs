//! A mosquitto of its own, a publisher, and a tap between a follower and its broker that sees what is acknowledged.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

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

    pub(super) fn begin(&mut self) {
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap());
        let program =
            Command::new("mosquitto").env("PATH", path).arg("-c").arg(&self.config).stderr(Stdio::null()).spawn();
        self.child = Some(program.unwrap());
        wait_for("mosquitto", || TcpStream::connect(("127.0.0.1", self.port)).is_ok());
    }

    /// SIGKILL.
    pub(super) fn kill(&mut self) {
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

/// Stands between a follower and its broker, and sees what is acknowledged.
pub(super) struct Tap {
    pub(super) port: u16,
    /// Payloads of QoS 1 that were acknowledged.
    pub(super) acked: Arc<Mutex<BTreeSet<String>>>,
    acknowledgements: Arc<AtomicUsize>,
}

impl Tap {
    /// `is_old`: the broker seems to speak 3.1.1 alone.
    pub(super) fn start(broker: u16, is_old: bool) -> Self {
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

    pub(super) fn writes(&self) -> usize {
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
