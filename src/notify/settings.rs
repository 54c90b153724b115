//! `notify:` of `fahrtenbuch.yaml`: who is told, of what, by which channels, when not.

mod reader;
pub mod secret;
pub mod targets;

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use self::reader::Reader;
use self::secret::Endpoint;
use self::targets::{TYPES, Target};
use crate::notify::cause::{CauseKind, KINDS};
use crate::time::first_local_instant;
use crate::yaml::{Node, Problem, Problems, suggestion};

const KEYS: &[&str] = &["language", "quiet", "reminder", "off", "on", "heartbeat", "channels"];
/// Between two pings of the heartbeat, where nothing is said; the least and the most.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(300);
const HEARTBEAT_LEAST: Duration = Duration::from_secs(1);
const HEARTBEAT_MOST: Duration = Duration::from_secs(86_400);
const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// The longest first `reminder`.
const REMINDER_MOST: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What `notify:` says. Without it nobody is told anything.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The title of the workspace, with which subjects begin.
    pub city: String,
    /// The workspace's zone, in which times are told and quiet hours count.
    pub zone: TimeZone,
    pub language: Language,
    pub quiet: Option<Quiet>,
    /// The time until a cause is told again for the first time; `None`: never.
    pub reminder: Option<SignedDuration>,
    pub channels: Vec<Channel>,
    pub heartbeat: Option<Endpoint>,
    /// Between two pings.
    pub heartbeat_every: Duration,
    /// Where 'watch' pings.
    pub watch: Option<Endpoint>,
    /// Causes of which nobody is told.
    off: BTreeSet<CauseKind>,
    /// Variables of the heartbeat that are not set.
    heartbeat_unset: Vec<Problem>,
}

/// The language of messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    #[default]
    German,
    English,
}

/// Hours of every day, by the clock of the zone. They may go over midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quiet {
    pub from: Time,
    pub until: Time,
}

/// A way out.
#[derive(Clone, Debug, PartialEq)]
pub struct Channel {
    /// Unlike those of all others; the log remembers it.
    pub name: String,
    /// The `type`: `email`, `ntfy`, `matrix`, `teams`, `webhook`.
    pub kind: String,
    /// `None` if it cannot be used, since variables are not set.
    pub target: Option<Target>,
    /// Variables that are not set.
    pub unset: Vec<Problem>,
}

impl Settings {
    /// Reads `notify:` of the configuration, whose root is `node`. Its `title` and `time_zone` are used, and mistakes in them are
    /// told elsewhere.
    pub fn read(node: &Node, problems: &mut Problems) -> Self {
        let text = |key: &str| node.get(key).and_then(Node::scalar);
        let zone = text("time_zone").and_then(|name| TimeZone::get(&name).ok()).unwrap_or(TimeZone::UTC);
        let off = KINDS.iter().map(|(_, kind)| *kind).filter(|kind| !kind.is_on_by_default()).collect();
        let mut settings = Self {
            city: text("title").unwrap_or_default(),
            zone,
            language: Language::default(),
            quiet: None,
            reminder: Some(DAY),
            channels: Vec::new(),
            heartbeat: None,
            heartbeat_every: HEARTBEAT_EVERY,
            watch: None,
            off,
            heartbeat_unset: Vec::new(),
        };
        let Some(map) = node.get("notify") else { return settings };
        if map.pairs().is_empty() {
            let remedy = "Write 'channels:' below it, with a list of channels.";
            problems.add(map.line, format!("'notify' is {}, expected a map", map.kind()), remedy);
        }
        map.only_keys(KEYS, problems);
        settings.language = language(map, problems);
        settings.quiet = quiet(map, problems);
        settings.reminder = reminder(map, problems);
        settings.switch(map, problems);
        settings.read_heartbeat(map, problems);
        settings.channels = channels(map, problems);
        settings
    }

    /// Whether messages about such causes are sent.
    pub fn is_on(&self, kind: CauseKind) -> bool {
        !self.off.contains(&kind)
    }

    /// Whether it is a quiet hour.
    pub fn is_quiet(&self, now: Timestamp) -> bool {
        let Some(Quiet { from, until }) = self.quiet else { return false };
        let clock = self.zone.to_datetime(now).time();
        if from < until { (from..until).contains(&clock) } else { clock >= from || clock < until }
    }

    /// When the last quiet hours ended, by an instant; `None` if there are none.
    pub fn quiet_ended(&self, now: Timestamp) -> Option<Timestamp> {
        let Quiet { until, .. } = self.quiet?;
        let today = self.zone.to_datetime(now).date();
        let ends = [Some(today), today.yesterday().ok()].into_iter().flatten();
        ends.filter_map(|date| first_local_instant(date.to_datetime(until), &self.zone)).find(|end| *end <= now)
    }

    pub fn channel(&self, name: &str) -> Option<&Channel> {
        self.channels.iter().find(|channel| channel.name == name)
    }

    /// Environment variables that are not set although a channel or the heartbeat needs them.
    pub fn unset(&self) -> impl Iterator<Item = &Problem> {
        self.channels.iter().flat_map(|channel| &channel.unset).chain(&self.heartbeat_unset)
    }

    /// Of these the heartbeat needs some.
    pub fn heartbeat_unset(&self) -> &[Problem] {
        &self.heartbeat_unset
    }

    /// `off` and `on`.
    fn switch(&mut self, map: &Node, problems: &mut Problems) {
        let off = kinds(map, "off", problems);
        let on = kinds(map, "on", problems);
        for (kind, line) in &on {
            if off.iter().any(|(other, _)| other == kind) {
                let message = format!("'{}' is both on and off", kind.name());
                problems.add(*line, message, "Remove it from one of the two lists.");
            }
            self.off.remove(kind);
        }
        self.off.extend(off.iter().map(|(kind, _)| *kind));
    }

    fn read_heartbeat(&mut self, map: &Node, problems: &mut Problems) {
        let Some(map) = map.get("heartbeat") else { return };
        map.only_keys(&["url", "every", "watch"], problems);
        let mut reader = Reader::new(map, problems);
        // Somebody may only watch.
        if map.get("url").is_some() || map.get("watch").is_none() {
            self.heartbeat = reader.endpoint("url");
        }
        if map.get("watch").is_some() {
            self.watch = reader.endpoint("watch");
        }
        self.heartbeat_unset = reader.unset;
        if let Some(text) = map.optional_text("every", problems) {
            let every = every(&text).filter(|every| (HEARTBEAT_LEAST..=HEARTBEAT_MOST).contains(every));
            if every.is_none() {
                let line = map.get("every").map_or(map.line, |node| node.line);
                let remedy = "Write a time from '1 s' to '1 day'; the service must wait for longer than that.";
                problems.add(line, format!("'every: {text}' is no time between two pings"), remedy);
            }
            self.heartbeat_every = every.unwrap_or(HEARTBEAT_EVERY);
        }
    }
}

/// A number of seconds, minutes or hours: `30 s`, `5 min`, `1 h`, `1 day`.
fn every(text: &str) -> Option<Duration> {
    let text = text.trim();
    let (number, unit) = text.split_at(text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len()));
    let factor = match unit.trim() {
        "s" => 1,
        "min" => 60,
        "h" => 3_600,
        "day" => 86_400,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor).map(Duration::from_secs)
}

fn language(map: &Node, problems: &mut Problems) -> Language {
    let text = map.optional_text("language", problems).unwrap_or_else(|| "de".to_owned());
    match text.as_str() {
        "de" => Language::German,
        "en" => Language::English,
        _ => {
            let line = map.get("language").map_or(map.line, |node| node.line);
            problems.add(line, format!("'language: {text}' is not known"), "Write 'language: de' or 'language: en'.");
            Language::default()
        }
    }
}

fn quiet(map: &Node, problems: &mut Problems) -> Option<Quiet> {
    let text = map.optional_text("quiet", problems)?;
    let time = |text: &str| {
        let (hour, minute) = text.trim().split_once(':')?;
        let is_number = |text: &str| (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        let both = is_number(hour) && is_number(minute) && minute.len() == 2;
        both.then(|| Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()).flatten()
    };
    let hours = text.split_once(['-', '–']).and_then(|(from, until)| Some((time(from)?, time(until)?)));
    let line = map.get("quiet").map_or(map.line, |node| node.line);
    match hours {
        Some((from, until)) if from != until => return Some(Quiet { from, until }),
        Some(_) => {
            let remedy = "Write 'quiet: 20:00-07:00'; to be told nothing, remove the channels.";
            problems.add(line, format!("'quiet: {text}' begins when it ends"), remedy);
        }
        None => problems.add(line, format!("'quiet: {text}' are no hours"), "Write 'quiet: 20:00-07:00'."),
    }
    None
}

fn reminder(map: &Node, problems: &mut Problems) -> Option<SignedDuration> {
    let Some(text) = map.optional_text("reminder", problems) else { return Some(DAY) };
    let text = text.trim();
    if text == "never" {
        return None;
    }
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = match unit.trim() {
        "h" | "hour" | "hours" => Some(HOUR),
        "day" | "days" => Some(DAY),
        "week" | "weeks" => Some(DAY * 7),
        _ => None,
    };
    let length = number.parse::<i32>().ok().zip(unit).and_then(|(number, unit)| unit.checked_mul(number));
    let length = length.filter(|length| (HOUR..=REMINDER_MOST).contains(length));
    if length.is_none() {
        let line = map.get("reminder").map_or(map.line, |node| node.line);
        let remedy = "Write a time from an hour to 30 days, as 'reminder: 1 day' or '12 hours', or 'never'.";
        problems.add(line, format!("'reminder: {text}' is no time until a reminder"), remedy);
    }
    length.or(Some(DAY))
}

/// A list of causes, with their lines.
fn kinds(map: &Node, key: &str, problems: &mut Problems) -> Vec<(CauseKind, u32)> {
    let Some(list) = map.get(key) else { return Vec::new() };
    let names: Vec<&str> = KINDS.iter().map(|(name, _)| *name).collect();
    if list.items().is_empty() {
        let message = format!("'{key}' is {}, expected a list of causes", list.kind());
        problems.add(list.line, message, format!("Write '{key}: [{}]'.", names.join(", ")));
    }
    let mut kinds = Vec::new();
    for item in list.items() {
        let name = item.scalar().unwrap_or_default();
        match CauseKind::of_name(&name) {
            Some(kind) => kinds.push((kind, item.line)),
            None => {
                problems.add(item.line, format!("'{name}' is no cause of a message"), suggestion(&name, &names));
            }
        }
    }
    kinds
}

fn channels(map: &Node, problems: &mut Problems) -> Vec<Channel> {
    let Some(list) = map.get("channels") else { return Vec::new() };
    let types: Vec<&str> = TYPES.iter().map(|(name, _)| *name).collect();
    if list.items().is_empty() {
        let remedy = "Write a list: '- {name: mail, type: email, ...}'.";
        problems.add(list.line, format!("'channels' is {}, expected a list of channels", list.kind()), remedy);
    }
    let mut channels: Vec<Channel> = Vec::new();
    for item in list.items() {
        let name = item.require_text("name", problems);
        let kind = item.require_text("type", problems);
        let (Some(name), Some(kind)) = (name, kind) else { continue };
        let line = |key: &str| item.get(key).map_or(item.line, |node| node.line);
        if name.trim().is_empty() || name.contains(char::is_control) {
            problems.add(line("name"), "a 'name' of a channel is no text of one line", "Write 'name: mail'.");
        }
        if channels.iter().any(|other| other.name == name) {
            let message = format!("two channels have the name '{name}'");
            problems.add(line("name"), message, "Give each a name of its own: what it was told is kept by it.");
        }
        if !types.contains(&kind.as_str()) {
            problems.add(line("type"), format!("'{kind}' is no type of channel"), suggestion(&kind, &types));
            continue;
        }
        let mut reader = Reader::new(item, problems);
        let target = targets::read(&kind, &mut reader);
        let unset = reader.unset;
        channels.push(Channel { name, kind, target, unset });
    }
    channels
}

#[cfg(test)]
mod tests;
