//! What others are told while a scheduler is at work: people by messages, monitors by metrics, a dead man's switch by pings, and the
//! service manager.
//!
//! None of them can hold the scheduler up: what may take long has a thread of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use sd_notify::NotifyState;

use crate::capture::collector::Stop;
use crate::capture::coverage::Class;
use crate::metrics::{Metrics, textfile};
use crate::notify::heartbeat::RunId;
use crate::notify::settings::Language;
use crate::notify::{self, Cause, Findings, Heartbeat, Sent, Teller, Trouble};
use crate::pipeline::run::RunError;
use crate::schedule::causes::{Causes, Known};
use crate::schedule::log::{Entry, KnownLog, Log, Writer};
use crate::schedule::service::{Alive, Looked};
use crate::schedule::status::{Inputs, Keeper};
use crate::time;

/// Between two looks for causes.
const LOOK: Duration = Duration::from_secs(60);
/// A scheduler that did not turn for so long hangs.
const HANGS: Duration = Duration::from_secs(90);
const TURN: Duration = Duration::from_millis(250);
const SHORT_TURN: Duration = Duration::from_millis(20);
/// For so long messages that are on their way are waited for when all is to end: service managers kill after a minute.
const TOLD_AT_THE_END: Duration = Duration::from_secs(10);
/// For so long facts that may be there when they are looked for again may be unknown.
const PATIENCE: SignedDuration = SignedDuration::from_mins(30);

/// What is wrong now and what monitors are told, from what a scheduler knows.
pub trait Finder: Send {
    fn find(&mut self, looked: &Looked<'_>, now: Timestamp) -> (Findings, Metrics);
}

/// Finds causes and metrics in the facts, and keeps the page of the status.
#[derive(Default)]
pub struct FromFacts {
    causes: Causes,
    status: Keeper,
    beats: BeatCounts,
    started: Option<Timestamp>,
}

/// Beats by source and what came of them, as the collector of this process reports them.
pub type BeatCounts = Arc<Mutex<BTreeMap<String, BTreeMap<Class, u64>>>>;

impl FromFacts {
    /// `beats` are counted by a collector in this process; `started` is when it began, if it goes on.
    pub fn new(beats: BeatCounts, started: Option<Timestamp>) -> Self {
        Self { beats, started, ..Self::default() }
    }
}

impl Finder for FromFacts {
    fn find(&mut self, looked: &Looked<'_>, now: Timestamp) -> (Findings, Metrics) {
        let Looked { workspace, facts, due, log, newest_release } = *looked;
        let beats = self.beats.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let known = Known { workspace, facts, due, log, newest_release, beats: &beats, started: self.started, now };
        let found = self.causes.find(&known);
        let metrics = self.causes.metrics(&known, &found.causes);
        self.status.keep_now(&Inputs { workspace, facts, due, log, causes: &found.causes, now });
        (found, metrics)
    }
}

/// Tells others what a scheduler knows.
pub struct Observer {
    finder: Box<dyn Finder>,
    metrics: Arc<Mutex<Metrics>>,
    looked: Option<Instant>,
    /// Since when facts cannot be gathered.
    unknown_since: Option<Timestamp>,
    teller: Option<(Sender<News>, JoinHandle<()>)>,
    verdict: Arc<Mutex<Verdict>>,
    beating: Beating,
    textfile_failed: bool,
}

/// What was last found, in a sentence for a dead man's switch.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    said: String,
    /// The sources and what is due were looked at as a whole at least once. Before that nobody knows that this machine does its work,
    /// so nothing may say so.
    has_looked: bool,
}

struct News {
    found: Findings,
    settings: notify::Settings,
}

impl Observer {
    /// `writer` is the log's, whose messages say what people were told before.
    pub fn new(finder: Box<dyn Finder>, writer: Arc<Writer>) -> Self {
        let (news, received) = channel();
        let teller = std::thread::Builder::new().name("messages".to_owned());
        let teller = teller.spawn(move || tell_people(&writer, &received));
        let teller = match teller {
            Ok(thread) => Some((news, thread)),
            Err(error) => {
                tracing::error!("nobody can be told anything: {error}");
                None
            }
        };
        let metrics = Arc::new(Mutex::new(Metrics::at(time::now())));
        Self {
            finder,
            metrics,
            looked: None,
            unknown_since: None,
            teller,
            verdict: Arc::default(),
            beating: Beating::default(),
            textfile_failed: false,
        }
    }

    /// The metrics as they were found last.
    pub fn metrics(&self) -> Arc<Mutex<Metrics>> {
        self.metrics.clone()
    }

    /// What was found last, in a sentence, for a dead man's switch.
    pub fn verdict(&self) -> Arc<Mutex<Verdict>> {
        self.verdict.clone()
    }

    /// The dead man's switch as the configuration has it now.
    pub fn beating(&self) -> Beating {
        self.beating.clone()
    }

    /// Looks for causes, once a minute at the most unless it must.
    pub fn look(&mut self, looked: &Looked<'_>, must: bool) {
        self.beating.set(&looked.workspace.notify);
        if !must && self.looked.is_some_and(|at| at.elapsed() < LOOK) {
            return;
        }
        self.looked = Some(Instant::now());
        self.unknown_since = None;
        let now = time::now();
        let (found, metrics) = self.finder.find(looked, now);
        let said = verdict(&found.causes, looked.workspace.notify.language);
        *self.verdict.lock().unwrap_or_else(PoisonError::into_inner) = Verdict { said, has_looked: true };
        if let Some(file) = &looked.workspace.metrics.textfile {
            match textfile::write(file, &metrics) {
                Ok(()) => self.textfile_failed = false,
                Err(error) => {
                    if !std::mem::replace(&mut self.textfile_failed, true) {
                        tracing::warn!("{error}");
                    }
                }
            }
        }
        *self.metrics.lock().unwrap_or_else(PoisonError::into_inner) = metrics;
        if let Some((news, _)) = &self.teller {
            let _ = news.send(News { found, settings: looked.workspace.notify.clone() });
        }
    }

    /// Facts could not be gathered: nothing is begun, and of what was told before nothing is known. What may succeed if tried again has
    /// a while to do so. `settings` say who is told.
    pub fn unknown(&mut self, error: &RunError, settings: Option<notify::Settings>) {
        if let Some(settings) = &settings {
            self.beating.set(settings);
        }
        let now = time::now();
        let since = *self.unknown_since.get_or_insert(now);
        let language = settings.as_ref().map(|settings| settings.language);
        self.verdict.lock().unwrap_or_else(PoisonError::into_inner).said = unknown(error, language.unwrap_or_default());
        let must_wait = error.is_transient() && now.duration_since(since) < PATIENCE;
        if must_wait || self.looked.is_some_and(|at| at.elapsed() < LOOK) {
            return;
        }
        self.looked = Some(Instant::now());
        let trouble = match error {
            RunError::Publish(_) => Trouble::BucketUnreadable { dataset: String::new() },
            _ => Trouble::SchedulerDown,
        };
        let found = Findings { causes: vec![Cause { trouble, since }], well: Some(BTreeSet::new()) };
        if let (Some((news, _)), Some(settings)) = (&self.teller, settings) {
            let _ = news.send(News { found, settings });
        }
    }

    /// Waits until people were told what is due, a minute or two at most; from when this is to stop on a few seconds. What is not
    /// sent then was not told, so that it is due when a scheduler begins again.
    pub fn finish(mut self, stop: &Stop) {
        let Some((news, thread)) = self.teller.take() else { return };
        drop(news);
        let mut until = None;
        while !thread.is_finished() {
            if stop.is_requested() && Instant::now() >= *until.get_or_insert_with(|| Instant::now() + TOLD_AT_THE_END) {
                tracing::warn!(
                    "a message was not taken within {} s and is sent at the next start",
                    TOLD_AT_THE_END.as_secs()
                );
                return;
            }
            std::thread::sleep(SHORT_TURN);
        }
        let _ = thread.join();
    }
}

/// What was found, in a sentence for a dead man's switch, with the keys of what needs somebody.
fn verdict(causes: &[Cause], language: Language) -> String {
    let keys: Vec<String> = causes.iter().map(Cause::key).collect();
    let list = keys.join(", ");
    match (keys.len(), language) {
        (0, Language::English) => "all is well".to_owned(),
        (0, Language::German) => "alles in Ordnung".to_owned(),
        (1, Language::English) => format!("1 thing needs somebody: {list}"),
        (1, Language::German) => format!("um 1 Sache muss sich jemand kümmern: {list}"),
        (count, Language::English) => format!("{count} things need somebody: {list}"),
        (count, Language::German) => format!("um {count} Dinge muss sich jemand kümmern: {list}"),
    }
}

/// The same where nobody can tell what is due. What an error says is English in all languages.
fn unknown(error: &RunError, language: Language) -> String {
    match language {
        Language::English => format!("nothing is begun: {error}"),
        Language::German => format!("es wird nichts begonnen: {error}"),
    }
}

/// Tells people what is due by the newest news, until there are no more.
fn tell_people(writer: &Writer, received: &Receiver<News>) {
    let (mut log, mut teller) = (KnownLog::default(), Teller::default());
    let remember = |lines: Vec<(Timestamp, Sent)>| {
        for (at, line) in lines {
            match serde_json::to_value(&line) {
                Ok(line) => writer.add(at, Entry::Message(line)),
                Err(error) => tracing::warn!("a message was sent and could not be written down: {error}"),
            }
        }
    };
    let mut latest: Option<News> = None;
    loop {
        let first = match teller.is_at_work() {
            true => received.try_recv(),
            false => received.recv().map_err(|_| TryRecvError::Disconnected),
        };
        let is_over = matches!(first, Err(TryRecvError::Disconnected));
        let newest = std::iter::successors(first.ok(), |_| received.try_recv().ok()).last();
        let is_new = newest.is_some();
        latest = newest.or(latest);
        let ended = match is_over {
            true => teller.finish(),
            false => teller.ended(if is_new { Duration::ZERO } else { TURN }),
        };
        // A channel that was at work may have something to be told since.
        let must_look = is_new || !ended.is_empty();
        remember(ended);
        if let Some(news) = latest.as_ref().filter(|_| must_look) {
            match log.look(writer) {
                Ok(()) => teller.begin(&news.found, &sent(log.log()), &news.settings, time::now()),
                Err(error) => tracing::warn!("what was told before cannot be read: {error}"),
            }
        }
        if is_over && !teller.is_at_work() {
            return;
        }
    }
}

/// What was told before, as the log has it.
pub fn sent(log: &Log) -> Vec<(Timestamp, Sent)> {
    let sent = |(at, line): &(Timestamp, serde_json::Value)| Some((*at, serde_json::from_value(line.clone()).ok()?));
    log.messages.iter().filter_map(sent).collect()
}

/// Pings a dead man's switch as long as a scheduler is alive, and tells the service manager.
#[derive(Clone)]
pub struct Pulse {
    pub alive: Alive,
    pub stop: Stop,
    pub verdict: Arc<Mutex<Verdict>>,
    pub beating: Beating,
}

/// The dead man's switch that is pinged now, and how often: it follows the configuration.
#[derive(Clone, Debug, Default)]
pub struct Beating(Arc<Mutex<(Option<Heartbeat>, Duration)>>);

impl Beating {
    pub fn set(&self, settings: &notify::Settings) {
        let now = (Heartbeat::of(settings), settings.heartbeat_every);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    fn get(&self) -> (Option<Heartbeat>, Duration) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Pulse {
    /// Pings until all is to end. The first ping to an address says that something begins; that all goes on is said after the first whole
    /// look, with what it found. Until then only the log of the service is told why there is none yet. An address that the configuration
    /// names no more is told so.
    pub fn ping(&self) {
        let run = RunId::new();
        let mut known: Option<Heartbeat> = None;
        let mut last: Option<(Instant, bool)> = None;
        while !self.stop.is_requested() {
            let (heartbeat, every) = self.beating.get();
            let heartbeat = heartbeat.map(|heartbeat| heartbeat.until(&self.stop));
            if heartbeat != known {
                if let Some(before) = &known {
                    before.log(None, "not pinged any more: the configuration names another address, or none");
                }
                if let Some(heartbeat) = &heartbeat {
                    heartbeat.start(&run);
                }
                (known, last) = (heartbeat, None);
            }
            let Verdict { said, has_looked } = self.verdict.lock().unwrap_or_else(PoisonError::into_inner).clone();
            // The first success does not wait for the interval.
            let is_due = last.is_none_or(|(at, had_looked)| at.elapsed() >= every || had_looked != has_looked);
            if let Some(heartbeat) = known.as_ref().filter(|_| is_due && !said.is_empty()) {
                last = Some((Instant::now(), has_looked));
                // Who hangs is dead.
                if self.alive.ago() < HANGS {
                    match has_looked {
                        true => heartbeat.success(None, &said),
                        false => heartbeat.log(None, &said),
                    };
                }
            }
            std::thread::sleep(TURN);
        }
        if let Some(heartbeat) = known {
            heartbeat.log(None, "stopped on purpose");
        }
    }

    /// Tells the service manager that this is alive as often as it wants; nothing if it does not.
    pub fn watchdog(&self) {
        let Some(every) = sd_notify::watchdog_enabled() else { return };
        let mut next = Instant::now();
        while !self.stop.is_requested() {
            if Instant::now() >= next && self.alive.ago() < HANGS {
                next = Instant::now() + every / 3;
                tell_service_manager(&[NotifyState::Watchdog]);
            }
            std::thread::sleep(TURN);
        }
    }
}

/// Tells the service manager something, if there is one.
pub fn tell_service_manager(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!("the service manager could not be told: {error}");
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::path::Path;

    use super::*;
    use crate::schedule::log::KnownLog;
    use crate::yaml::{self, Problems};

    /// A server that takes every ping, and gives the paths, each with its body behind a blank if it has one.
    fn switch() -> (String, Receiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (paths, received) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut text = String::new();
                let is_whole = |text: &str| {
                    let (head, body) = text.split_once("\r\n\r\n")?;
                    let length = head
                        .lines()
                        .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
                    Some(body.len() >= length.unwrap_or(0_usize))
                };
                while is_whole(&text) != Some(true) {
                    let mut bytes = [0; 4096];
                    match stream.read(&mut bytes).unwrap_or(0) {
                        0 => break,
                        count => text.push_str(&String::from_utf8_lossy(&bytes[..count])),
                    }
                }
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                let path = text.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default();
                let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
                if paths.send(format!("{path} {body}").trim_end().to_owned()).is_err() {
                    return;
                }
            }
        });
        (address, received)
    }

    fn settings(notify: &str) -> notify::Settings {
        let file = std::path::Path::new("fahrtenbuch.yaml");
        let node = yaml::parse(file, &format!("title: T\ntime_zone: Europe/Berlin\n{notify}")).unwrap();
        notify::Settings::read(&node, &mut Problems::new(file))
    }

    #[test]
    fn a_heartbeat_that_is_added_or_changed_is_pinged_without_a_restart() {
        let [(one, of_one), (other, of_other)] = [switch(), switch()];
        let beating = Beating::default();
        beating.set(&settings(""));
        let stop = Stop::default();
        let verdict = Arc::new(Mutex::new(Verdict { said: "all is well".to_owned(), has_looked: true }));
        let pulse = Pulse { alive: Alive::default(), stop: stop.clone(), verdict, beating: beating.clone() };
        let thread = std::thread::spawn(move || pulse.ping());
        let next = |of: &Receiver<String>| of.recv_timeout(Duration::from_secs(20)).unwrap();
        beating.set(&settings(&format!("notify: {{heartbeat: {{url: '{one}/a', every: 1 h}}}}\n")));
        assert_eq!([next(&of_one), next(&of_one)], ["/a/start", "/a all is well"]);
        beating.set(&settings(&format!("notify: {{heartbeat: {{url: '{other}/b', every: 1 h}}}}\n")));
        assert!(next(&of_one).starts_with("/a/log "));
        assert_eq!([next(&of_other), next(&of_other)], ["/b/start", "/b all is well"]);
        stop.request();
        thread.join().unwrap();
        assert_eq!(next(&of_other), "/b/log stopped on purpose");
    }

    #[test]
    fn success_is_pinged_after_a_whole_look_and_not_before() {
        let (address, pings) = switch();
        let beating = Beating::default();
        beating.set(&settings(&format!("notify: {{heartbeat: {{url: '{address}/a', every: 1 h}}}}\n")));
        let (stop, verdict) = (Stop::default(), Arc::<Mutex<Verdict>>::default());
        let pulse = Pulse { alive: Alive::default(), stop: stop.clone(), verdict: verdict.clone(), beating };
        let thread = std::thread::spawn(move || pulse.ping());
        let next = || pings.recv_timeout(Duration::from_secs(20)).unwrap();
        assert_eq!(next(), "/a/start");
        assert!(pings.recv_timeout(TURN * 4).is_err(), "something was said before anything was looked at");
        verdict.lock().unwrap().said = "nothing is begun: no bucket".to_owned();
        assert_eq!(next(), "/a/log nothing is begun: no bucket");
        *verdict.lock().unwrap() = Verdict { said: "all is well".to_owned(), has_looked: true };
        assert_eq!(next(), "/a all is well");
        stop.request();
        thread.join().unwrap();
        assert_eq!(next(), "/a/log stopped on purpose");
    }

    #[test]
    fn the_verdict_is_a_sentence_in_the_language_of_the_messages() {
        let cause = |trouble| Cause { trouble, since: Timestamp::UNIX_EPOCH };
        let (one, two) =
            (vec![cause(Trouble::CollectorDown)], vec![cause(Trouble::CollectorDown), cause(Trouble::SchedulerDown)]);
        assert_eq!(verdict(&one, Language::German), "um 1 Sache muss sich jemand kümmern: collector_down");
        assert_eq!(verdict(&one, Language::English), "1 thing needs somebody: collector_down");
        assert_eq!(
            verdict(&two, Language::German),
            "um 2 Dinge muss sich jemand kümmern: collector_down, scheduler_down"
        );
        assert_eq!(verdict(&[], Language::German), "alles in Ordnung");
        let error = RunError::ClockBehind("the clock is behind".to_owned());
        assert_eq!(unknown(&error, Language::German), format!("es wird nichts begonnen: {error}"));
        assert_eq!(unknown(&error, Language::English), format!("nothing is begun: {error}"));
    }

    #[test]
    fn a_channel_that_never_answers_does_not_keep_the_scheduler_from_stopping_and_is_tried_again_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let writer = Arc::new(Writer::take(folder.path()).unwrap().unwrap());
        let deaf = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = deaf.local_addr().unwrap();
        let text = format!(
            "title: T\ntime_zone: Europe/Berlin\nnotify: {{channels: [{{name: hook, type: webhook, url: 'http://{address}/x'}}]}}\n"
        );
        let file = Path::new("fahrtenbuch.yaml");
        let mut problems = Problems::new(file);
        let settings = notify::Settings::read(&yaml::parse(file, &text).unwrap(), &mut problems);
        assert!(problems.found.is_empty(), "{:?}", problems.found);
        let observer = Observer::new(Box::<FromFacts>::default(), writer.clone());
        let cause = Cause { trouble: Trouble::CollectorDown, since: time::now() };
        let (news, _) = observer.teller.as_ref().unwrap();
        news.send(News { found: vec![cause].into(), settings }).unwrap();
        std::thread::sleep(Duration::from_millis(300));
        let stop = Stop::default();
        stop.request();
        let begun = Instant::now();
        observer.finish(&stop);
        assert!(begun.elapsed() < TOLD_AT_THE_END * 2, "{:?}", begun.elapsed());
        // It was not told, and nothing says that it was, or that it failed.
        let mut log = KnownLog::default();
        log.look(&writer).unwrap();
        assert_eq!(sent(log.log()), Vec::new());
    }
}
