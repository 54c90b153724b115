//! Follows a broker until it is stopped, through lost connections, restarts and full disks.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::connection::{Connection, Opening, Problem};
use super::frames::Message;
use super::keeper::{Ack, Batch, Done, Keep, Keeper};
use super::pace::{HALF_OF_UNKNOWN, Pace};
use super::packet::{self, Incoming, Publish, RECEIVE_MAXIMUM, Version};
use super::recent::Recent;
use super::settings::Settings;
use super::spool::{self, Spool};
use crate::capture::CaptureError;
use crate::capture::FailureKind;
use crate::durable;

/// A broker that sends nothing for so long is told.
const SILENCE: Duration = Duration::from_secs(10);
/// The first wait before the next connection, and the longest.
const RECONNECT: Duration = Duration::from_millis(500);
const LONGEST_RECONNECT: Duration = Duration::from_secs(30);
/// No more is received while so much waits for the disk: the broker waits then.
const BATCH_BYTES: usize = 4 << 20;
/// Packets that are handled before anything else is looked at.
const AT_ONCE: usize = 256;

/// What happens beside the frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MqttEvent {
    /// Connected and subscribed. Where the broker did not keep our session, messages were lost since the last connection.
    Connected { version: Version, is_resumed: bool },
    /// Not connected, or not any more; the next try is after this time.
    Disconnected { kind: FailureKind, problem: String, wait: Duration },
    /// There is a connection, and nothing came since.
    Silent { since: Timestamp },
    /// A message that is larger than any that is kept; it is acknowledged, for it would come for ever.
    TooLarge { topic: String, bytes: usize },
    /// A frame could not be kept; it waits in the spool and is tried again.
    NotKept { problem: String },
    /// Bytes of the spool that were no messages when it was opened: at its end, where nothing was acknowledged yet, and before.
    Damaged { torn: u64, lost: u64 },
}

/// Follows the broker of `settings` until `stop` ends; gives frames to `keep`, one after the other, and all else to `tell`.
///
/// Belongs on a runtime of tokio with its timers, be it of one thread; disks are waited for on threads of its pool. What is left in
/// the spool from before is framed first. After `stop` what is there is framed and kept, once.
///
/// # Errors
///
/// When the spool cannot be opened, or what it has could not be kept at the end; both may succeed when tried again.
pub async fn follow(
    settings: &Settings,
    spool: &Path,
    keep: &mut Keep<'_>,
    tell: &mut dyn FnMut(MqttEvent),
    stop: impl Future<Output = ()>,
) -> Result<(), CaptureError> {
    let failed = |verb: &'static str| {
        let file = spool.to_owned();
        move |source| CaptureError::Evidence { file, verb, source }
    };
    let (path, limit) = (spool.to_owned(), settings.spool_bytes);
    let opened = tokio::task::spawn_blocking(move || {
        let identity = Identity::load(&path)?;
        Spool::open(&path, limit).map(|(spool, damage)| (spool, damage, identity))
    });
    let opened = opened.await.map_err(std::io::Error::other).and_then(|opened| opened);
    let (opened, damage, identity) = opened.map_err(failed("opened"))?;
    if damage.torn + damage.lost > 0 {
        tell(MqttEvent::Damaged { torn: damage.torn, lost: damage.lost });
    }
    let keeper = Keeper::new(opened, keep);
    let mut follower = Follower::new(settings, identity, keeper, tell);
    tokio::select! {
        never = follower.run() => match never {},
        () = stop => {}
    }
    follower.finish().await.map_err(|problem| failed("emptied")(std::io::Error::other(problem)))
}

/// What a session hangs on, kept beside the spool.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Identity {
    client_id: String,
    /// Topics of the last configuration.
    topics: Vec<String>,
    #[serde(skip)]
    file: PathBuf,
}

impl Identity {
    fn load(spool: &Path) -> std::io::Result<Self> {
        let file = spool.with_extension("mqtt.json");
        let read = durable::read(&file).ok().and_then(|bytes| serde_json::from_slice::<Self>(&bytes).ok());
        if let Some(identity) = read {
            return Ok(Self { file, ..identity });
        }
        // Every broker takes 23 letters and digits.
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(std::io::Error::other)?;
        let client_id: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let identity = Self { client_id: format!("fahrtb{client_id}"), topics: Vec::new(), file };
        identity.save()?;
        Ok(identity)
    }

    fn save(&self) -> std::io::Result<()> {
        durable::write(&self.file, &serde_json::to_vec(self)?)
    }
}

struct Follower<'a> {
    settings: &'a Settings,
    identity: Identity,
    keeper: Keeper<'a>,
    tell: &'a mut dyn FnMut(MqttEvent),
    connection: Option<Connection>,
    /// Counts connections, so that an acknowledgement never goes to another one.
    number: u64,
    version: Version,
    batch: Batch,
    pace: Pace,
    recent: Recent,
    /// When the last message was received, never before the one before it.
    received: Timestamp,
    wait: Duration,
}

/// Times of a connection.
struct Clock {
    heard: Instant,
    sent: Instant,
    message: Instant,
    message_at: Timestamp,
    is_silent: bool,
}

impl<'a> Follower<'a> {
    fn new(settings: &'a Settings, identity: Identity, keeper: Keeper<'a>, tell: &'a mut dyn FnMut(MqttEvent)) -> Self {
        Self {
            settings,
            identity,
            keeper,
            tell,
            connection: None,
            number: 0,
            version: Version::V5,
            batch: Batch::default(),
            pace: Pace::new(HALF_OF_UNKNOWN, Instant::now()),
            recent: Recent::default(),
            received: Timestamp::MIN,
            wait: RECONNECT,
        }
    }

    async fn run(&mut self) -> std::convert::Infallible {
        while !self.keeper.is_settled() && !self.keeper.is_full() {
            let done = self.keeper.progress().await;
            let is_not_kept = matches!(done, Done::NotKept(_));
            self.handle(done);
            // Evidence that cannot be written does not keep us from the broker.
            if is_not_kept {
                break;
            }
        }
        loop {
            let problem = match self.connect().await {
                Ok(connection) => {
                    self.connection = Some(connection);
                    self.receive().await
                }
                Err(problem) => problem,
            };
            self.connection = None;
            if problem.is_of_version {
                self.version = if self.version == Version::V5 { Version::V3 } else { Version::V5 };
            }
            let wait = self.wait.mul_f64(0.5 + fastrand::f64());
            self.wait = (self.wait * 2).min(LONGEST_RECONNECT);
            (self.tell)(MqttEvent::Disconnected { kind: problem.kind, problem: problem.text, wait });
            self.rest(wait).await;
        }
    }

    /// Waits, and longer where there is no room for messages.
    async fn rest(&mut self, wait: Duration) {
        let end = Instant::now() + wait;
        while Instant::now() < end || self.keeper.is_full() {
            self.spool_what_came();
            tokio::select! {
                done = self.keeper.progress() => self.handle(done),
                () = tokio::time::sleep_until(end.into()), if Instant::now() < end => {}
            }
        }
    }

    /// Messages of a connection that ended are kept too: what was of QoS 0 comes no second time.
    fn spool_what_came(&mut self) {
        if !self.batch.records.is_empty() && self.keeper.is_free() {
            self.pace.taken();
            self.keeper.append(std::mem::take(&mut self.batch));
        }
    }

    async fn connect(&mut self) -> Result<Connection, Problem> {
        let former: Vec<String> =
            self.identity.topics.iter().filter(|topic| !self.settings.topics.contains(topic)).cloned().collect();
        // Remembered before they are subscribed to, so that they can be given up later.
        if self.settings.topics.iter().any(|topic| !self.identity.topics.contains(topic)) {
            self.identity.topics.extend(self.settings.topics.iter().cloned());
            self.save_identity()?;
        }
        let client_id = self.settings.client_id.clone().unwrap_or_else(|| self.identity.client_id.clone());
        let (settings, version) = (self.settings, self.version);
        let opening = Opening { settings, client_id: &client_id, version, former_topics: &former };
        let mut opened = std::pin::pin!(Connection::open(&opening));
        let connection = loop {
            tokio::select! {
                connection = &mut opened => break connection?,
                done = self.keeper.progress() => { let _ = handle(done, self.number, self.tell); },
            }
        };
        if self.identity.topics != self.settings.topics {
            self.identity.topics.clone_from(&self.settings.topics);
            self.save_identity()?;
        }
        self.number += 1;
        Ok(connection)
    }

    fn save_identity(&self) -> Result<(), Problem> {
        let not_kept = |error| Problem::new(FailureKind::NotKept, format!("{}: {error}", self.identity.file.display()));
        self.identity.save().map_err(not_kept)
    }

    /// Receives until the connection ends.
    async fn receive(&mut self) -> Problem {
        let now = Instant::now();
        let mut clock = Clock { heard: now, sent: now, message: now, message_at: crate::time::now(), is_silent: false };
        let half = if self.version == Version::V5 { usize::from(RECEIVE_MAXIMUM) / 2 } else { HALF_OF_UNKNOWN };
        self.pace = Pace::new(half, now);
        loop {
            if let Err(problem) = self.step(&mut clock).await {
                return problem;
            }
        }
    }

    /// Waits for what comes next, and handles it.
    async fn step(&mut self, clock: &mut Clock) -> Result<(), Problem> {
        let now = Instant::now();
        if self.keeper.is_free() && self.pace.due().is_some_and(|due| due <= now) {
            self.pace.taken();
            self.keeper.append(std::mem::take(&mut self.batch));
        }
        let Some(connection) = &mut self.connection else {
            return Err(Problem::new(FailureKind::CutOff, "there is no connection"));
        };
        let keep_alive = connection.keep_alive;
        let has_room = self.batch.records.len() < BATCH_BYTES;
        let due = self.pace.due().filter(|_| self.keeper.is_free());
        let tick = next_tick(clock, keep_alive, due);
        tokio::select! {
            packet = connection.next(), if has_room => {
                let mut next = Some(packet?);
                clock.heard = Instant::now();
                let mut replies = Vec::new();
                for _ in 0..AT_ONCE {
                    let Some(packet) = next.take() else { break };
                    self.incoming(packet, &mut replies, clock)?;
                    if let Some(connection) = &mut self.connection {
                        next = connection.received()?;
                    }
                }
                if let Some(packet) = next {
                    self.incoming(packet, &mut replies, clock)?;
                }
                self.send(&replies, clock).await
            }
            done = self.keeper.progress() => {
                let acks = handle(done, self.number, self.tell)?;
                let mut out = Vec::with_capacity(4 * acks.len());
                for ack in &acks {
                    packet::put_ack(&mut out, ack.qos, ack.packet_id);
                }
                self.send(&out, clock).await?;
                if !acks.is_empty() {
                    self.pace.acknowledged(Instant::now());
                }
                Ok(())
            }
            () = tokio::time::sleep_until(tick.into()) => self.ticked(clock, keep_alive, has_room).await,
        }
    }

    async fn send(&mut self, bytes: &[u8], clock: &mut Clock) -> Result<(), Problem> {
        match &mut self.connection {
            Some(connection) if !bytes.is_empty() => {
                connection.write(bytes).await?;
                clock.sent = Instant::now();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    async fn ticked(&mut self, clock: &mut Clock, keep_alive: Duration, is_reading: bool) -> Result<(), Problem> {
        let now = Instant::now();
        if keep_alive > Duration::ZERO && is_reading && now >= clock.heard + keep_alive.mul_f64(1.5) {
            let text = format!("nothing came from the broker for {} s", (now - clock.heard).as_secs());
            return Err(Problem::new(FailureKind::TimeOut, text));
        }
        if keep_alive > Duration::ZERO && now >= clock.sent + keep_alive / 2 {
            self.send(packet::PINGREQ, clock).await?;
        }
        if !clock.is_silent && now >= clock.message + SILENCE {
            clock.is_silent = true;
            (self.tell)(MqttEvent::Silent { since: clock.message_at });
        }
        Ok(())
    }

    fn incoming(&mut self, packet: Incoming, replies: &mut Vec<u8>, clock: &mut Clock) -> Result<(), Problem> {
        match packet {
            Incoming::Publish(publish) => {
                self.message(publish);
                (clock.message, clock.message_at, clock.is_silent) = (clock.heard, self.received, false);
                self.wait = RECONNECT;
            }
            Incoming::TooLarge { publish, bytes } => {
                if publish.qos > 0 {
                    packet::put_ack(replies, publish.qos, publish.packet_id);
                }
                let topic = String::from_utf8_lossy(&publish.topic).into_owned();
                (self.tell)(MqttEvent::TooLarge { topic, bytes });
            }
            Incoming::Pubrel { packet_id } => packet::put_pubcomp(replies, packet_id),
            Incoming::Suback { codes } => {
                let refused = self.settings.topics.iter().zip(&codes).find(|(_, code)| **code >= 0x80);
                if let Some((topic, code)) = refused {
                    let reason = packet::reason(self.version, *code);
                    return Err(Problem::new(
                        FailureKind::Refused,
                        format!("the broker refuses the topic '{topic}': {reason}"),
                    ));
                }
                let is_resumed = self.connection.as_ref().is_some_and(|connection| connection.is_resumed);
                (self.tell)(MqttEvent::Connected { version: self.version, is_resumed });
                self.wait = RECONNECT;
            }
            Incoming::Disconnect { code } => {
                let reason = packet::reason(self.version, code);
                return Err(Problem::new(FailureKind::CutOff, format!("the broker ended the connection: {reason}")));
            }
            Incoming::Connack(_) | Incoming::Alive => {}
        }
        Ok(())
    }

    /// Puts a message into the batch that is spooled next.
    fn message(&mut self, publish: Publish) {
        let now = crate::time::now();
        let received = Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now);
        self.received = self.received.max(received);
        let mut is_duplicate = publish.is_duplicate;
        if publish.qos > 0 {
            is_duplicate |= self.recent.is_known(&publish.topic, &publish.payload, self.number);
            self.batch.acks.push(Ack { qos: publish.qos, packet_id: publish.packet_id });
        }
        let message = Message {
            received: self.received,
            qos: publish.qos,
            is_duplicate,
            is_retained: publish.is_retained,
            topic: publish.topic,
            payload: publish.payload,
        };
        self.batch.first.get_or_insert(message.received);
        self.batch.connection = self.number;
        spool::put_message(&mut self.batch.records, &message);
        self.pace.received(message.qos, Instant::now());
    }

    /// What was done while there is no connection.
    fn handle(&mut self, done: Done) {
        if let Err(problem) = handle(done, 0, self.tell) {
            tracing::warn!("{problem}");
        }
        self.keeper.is_settled();
    }

    /// Takes leave, so that the broker keeps the session, and brings everything into the evidence.
    async fn finish(&mut self) -> Result<(), String> {
        let kept = self.keeper.finish(std::mem::take(&mut self.batch)).await;
        if let Some(connection) = &mut self.connection {
            let _ = connection.write(packet::DISCONNECT).await;
        }
        kept
    }
}

/// What is to be acknowledged on the connection of this number.
fn handle(done: Done, number: u64, tell: &mut dyn FnMut(MqttEvent)) -> Result<Vec<Ack>, Problem> {
    match done {
        Done::Spooled { result: Ok(()), acks, connection } if connection == number => Ok(acks),
        Done::Spooled { result: Err(error), .. } => {
            let text = format!("messages could not be spooled, and the broker keeps them: {error}");
            Err(Problem::new(FailureKind::NotKept, text))
        }
        Done::NotKept(problem) => {
            tell(MqttEvent::NotKept { problem });
            Ok(Vec::new())
        }
        Done::Spooled { .. } | Done::Kept => Ok(Vec::new()),
    }
}

/// When something is to be done that no packet and no disk brings about.
fn next_tick(clock: &Clock, keep_alive: Duration, due: Option<Instant>) -> Instant {
    let mut tick = Instant::now() + Duration::from_secs(60);
    if keep_alive > Duration::ZERO {
        tick = tick.min(clock.sent + keep_alive / 2).min(clock.heard + keep_alive.mul_f64(1.5));
    }
    if !clock.is_silent {
        tick = tick.min(clock.message + SILENCE);
    }
    due.map_or(tick, |due| tick.min(due))
}
