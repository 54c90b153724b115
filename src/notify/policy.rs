//! Which messages are due. Pure: the causes of now, what was sent before, the settings, the clock.
//!
//! For each channel by itself:
//! - One message when a cause is new and one when it is mended; reminders of one that stays after `reminder` (a day), then after
//!   two, four, seven times that, and from then on every seven times.
//! - What is due at once is one message.
//! - In quiet hours only what is new and [urgent](crate::notify::Cause::is_urgent) goes out. All else waits, and what is mended
//!   until then is never told.
//! - A cause that comes and goes: of one day the first two changes are told at once; then one that is told rests for an hour, for
//!   two after the next, and so on up to half a day, and what it is by then is told. So it makes at most seven messages a day. One
//!   that is there when quiet hours end does not rest longer than these: whoever comes to work learns of it, with one message more.
//! - What is neither a cause nor known to be well is not mended, and nobody is reminded of it.
//! - A channel that fails is tried again after a minute, two, four, and so on up to an hour (or as long as it asks for), with what
//!   is due then.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::notify::cause::{Cause, Findings, of_key};
use crate::notify::delivery::Delivery;
use crate::notify::settings::Settings;

const DAY: SignedDuration = SignedDuration::from_hours(24);
/// Changes of one cause within a day that are told at once.
const AT_ONCE: usize = 2;
const FIRST_REST: SignedDuration = SignedDuration::from_hours(1);
const LONGEST_REST: SignedDuration = SignedDuration::from_hours(12);
const FIRST_PAUSE: SignedDuration = SignedDuration::from_mins(1);
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(1);
/// Reminders are no farther apart than so many times the first one.
const RAREST_REMINDER: i32 = 7;

/// What a message says of a cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    New,
    Reminder,
    Mended,
    /// About no cause: whether the channel works.
    Test,
}

/// A line of the log: something was sent, or should have been.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// The key of the cause.
    pub cause: String,
    pub kind: Kind,
    /// Names of the channels that took it.
    pub channels: Vec<String>,
    /// Names of those that did not.
    pub failed: Vec<String>,
    /// Those that did not take it asked to be left alone until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
}

/// What goes to one channel at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The name of the channel.
    pub channel: String,
    /// At least one; urgent ones first.
    pub notices: Vec<Notice>,
}

/// What a message says of one cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub key: String,
    pub kind: Kind,
    /// `None` if it is mended.
    pub cause: Option<Cause>,
    pub is_urgent: bool,
    /// When the channel was first told of it; `None` if it is new.
    pub first_told: Option<Timestamp>,
    /// How often the channel was told of this cause before, ever: no two notices of it have the same number.
    pub number: usize,
}

/// What a channel was told, in the order of the log.
#[derive(Default)]
struct History<'a> {
    told: BTreeMap<&'a str, Vec<(Timestamp, Kind)>>,
    /// Tries that failed since one succeeded, and the last of them.
    failures: u32,
    last_failure: Option<(Timestamp, Option<Timestamp>)>,
}

impl<'a> History<'a> {
    fn of(channel: &str, sent: &'a [(Timestamp, Sent)]) -> Self {
        let mut history = Self::default();
        for (at, sent) in sent {
            if sent.channels.iter().any(|name| name == channel) {
                history.told.entry(&sent.cause).or_default().push((*at, sent.kind));
                (history.failures, history.last_failure) = (0, None);
            } else if sent.failed.iter().any(|name| name == channel) {
                // Lines of one try have one time.
                let is_same_try = history.last_failure.is_some_and(|(last, _)| last == *at);
                history.failures += u32::from(!is_same_try);
                history.last_failure = Some((*at, sent.not_before));
            }
        }
        history
    }

    /// Whether the channel has failed so shortly before that it is left alone.
    fn rests(&self, now: Timestamp) -> bool {
        let Some((last, not_before)) = self.last_failure else { return false };
        let pause = doubled(FIRST_PAUSE, self.failures.saturating_sub(1), LONGEST_PAUSE);
        let asked = not_before.map(|until| until.duration_since(last)).unwrap_or_default().min(LONGEST_PAUSE);
        !has_passed(last, pause.max(asked), now)
    }
}

/// Whether a time has passed since an instant. One that is to come was written by a wrong clock, and binds nobody.
fn has_passed(since: Timestamp, pause: SignedDuration, now: Timestamp) -> bool {
    let passed = now.duration_since(since);
    passed.is_negative() || passed >= pause
}

fn doubled(first: SignedDuration, times: u32, most: SignedDuration) -> SignedDuration {
    let factor = 1_i32.checked_shl(times.min(20)).unwrap_or(i32::MAX);
    first.checked_mul(factor).unwrap_or(most).min(most)
}

/// The messages that are due now, at most one for each channel.
///
/// `sent` is the log: when, and what. Causes of one key are one.
pub fn messages(found: &Findings, sent: &[(Timestamp, Sent)], settings: &Settings, now: Timestamp) -> Vec<Message> {
    let present: BTreeMap<String, &Cause> =
        found.causes.iter().filter(|cause| settings.is_on(cause.kind())).map(|cause| (cause.key(), cause)).collect();
    let is_quiet = settings.is_quiet(now);
    let of_channel = |name: &str| {
        let history = History::of(name, sent);
        if history.rests(now) {
            return None;
        }
        let told = history.told.keys().copied();
        let keys: BTreeSet<&str> = present.keys().map(String::as_str).chain(told).collect();
        let notice = |key: &str| {
            // What was turned off, or is of another version, is not mended by that.
            of_key(key).filter(|(kind, _)| settings.is_on(*kind))?;
            let cause = present.get(key).copied();
            if cause.is_none() && !found.is_well(key) {
                return None;
            }
            let told = history.told.get(key).map_or(&[][..], Vec::as_slice);
            let kind = due(told, cause.is_some(), settings, now)?;
            let is_urgent = cause.is_some_and(|cause| cause.is_urgent(now));
            if is_quiet && !(is_urgent && kind == Kind::New) {
                return None;
            }
            let last_new = told.iter().rev().find(|(_, kind)| *kind == Kind::New);
            let first_told = last_new.filter(|_| kind != Kind::New).map(|(at, _)| *at);
            let (key, cause) = (key.to_owned(), cause.cloned());
            Some(Notice { key, kind, cause, is_urgent, first_told, number: told.len() })
        };
        let mut notices: Vec<Notice> = keys.into_iter().filter_map(notice).collect();
        notices.sort_by_key(|notice| (!notice.is_urgent, notice.kind));
        (!notices.is_empty()).then(|| Message { channel: name.to_owned(), notices })
    };
    settings.channels.iter().filter_map(|channel| of_channel(&channel.name)).collect()
}

/// What is to be told of a cause, by what was told of it.
fn due(told: &[(Timestamp, Kind)], is_present: bool, settings: &Settings, now: Timestamp) -> Option<Kind> {
    let is_open = told.last().is_some_and(|(_, kind)| *kind != Kind::Mended);
    match (is_open, is_present) {
        (false, true) => (may_change(told, now) || has_waited(told, settings, now)).then_some(Kind::New),
        (true, false) => may_change(told, now).then_some(Kind::Mended),
        (true, true) => {
            let (last, _) = told.last()?;
            let reminders = told.iter().rev().take_while(|(_, kind)| *kind == Kind::Reminder).count();
            let factor = 1_i32.checked_shl(u32::try_from(reminders).unwrap_or(u32::MAX)).unwrap_or(i32::MAX);
            let pause = settings.reminder?.checked_mul(factor.clamp(1, RAREST_REMINDER)).unwrap_or(SignedDuration::MAX);
            has_passed(*last, pause, now).then_some(Kind::Reminder)
        }
        (false, false) => None,
    }
}

/// Whether a change of a cause may be told, or is one of too many.
fn may_change(told: &[(Timestamp, Kind)], now: Timestamp) -> bool {
    let changes = || told.iter().filter(|(_, kind)| *kind != Kind::Reminder);
    let of_a_day = changes().filter(|(at, _)| !has_passed(*at, DAY, now)).count();
    let Some(more) = of_a_day.checked_sub(AT_ONCE) else { return true };
    let rest = doubled(FIRST_REST, u32::try_from(more).unwrap_or(u32::MAX), LONGEST_REST);
    changes().next_back().is_none_or(|(last, _)| has_passed(*last, rest, now))
}

/// Whether quiet hours have ended since the last change of a cause was told.
fn has_waited(told: &[(Timestamp, Kind)], settings: &Settings, now: Timestamp) -> bool {
    let last = told.iter().rev().find(|(_, kind)| *kind != Kind::Reminder).map(|(at, _)| *at);
    !settings.is_quiet(now) && last.zip(settings.quiet_ended(now)).is_some_and(|(last, ended)| last < ended)
}

/// What the log is to remember of messages that were sent at a time: a line for each cause that a channel was told of, and one for
/// each channel that failed.
pub fn lines(messages: &[Message], deliveries: &[Delivery], at: Timestamp) -> Vec<Sent> {
    let mut lines = Vec::new();
    for message in messages {
        let Some(delivery) = deliveries.iter().find(|delivery| delivery.channel == message.channel) else { continue };
        let line = |notice: &Notice, channels: Vec<String>, failed: Vec<String>, not_before| Sent {
            cause: notice.key.clone(),
            kind: notice.kind,
            channels,
            failed,
            not_before,
        };
        let name = || vec![message.channel.clone()];
        match &delivery.result {
            Ok(()) => lines.extend(message.notices.iter().map(|notice| line(notice, name(), Vec::new(), None))),
            Err(failure) => {
                let asked = failure.retry_after.and_then(|wait| SignedDuration::try_from(wait).ok());
                let not_before = asked.and_then(|wait| at.checked_add(wait).ok());
                lines.extend(message.notices.first().map(|notice| line(notice, Vec::new(), name(), not_before)));
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests;
