//! The ways out: a message in words becomes a mail, or a request to a server.

mod email;
mod http;
mod matrix;
mod ntfy;
mod teams;
mod webhook;

use std::sync::mpsc;
use std::time::Duration;

use crate::notify::delivery::{Delivery, Failure, FailureKind};
use crate::notify::settings::Settings;
use crate::notify::settings::targets::Target;
use crate::notify::text::Outgoing;

pub(super) use self::http::{answer_failure, client, request_failure, runtime};

/// The longest that one message may take, whatever its server does.
const LIMIT: Duration = Duration::from_secs(60);

/// Sends messages, each to its channel, all at the same time; what came of each, in their order. Takes a minute at most.
///
/// Blocks, so it is not to be called inside an async runtime. Never panics and never fails as a whole.
pub fn send(settings: &Settings, messages: &[Outgoing]) -> Vec<Delivery> {
    send_within(LIMIT, settings, messages)
}

fn send_within(limit: Duration, settings: &Settings, messages: &[Outgoing]) -> Vec<Delivery> {
    let started: Vec<_> = messages.iter().map(|message| start(settings, message)).collect();
    let until = std::time::Instant::now() + limit;
    let finish = |(channel, started): (String, Result<mpsc::Receiver<Result<(), Failure>>, Failure>)| {
        let left = until.saturating_duration_since(std::time::Instant::now());
        let result = started.and_then(|receiver| {
            let unfinished = || Failure::transient(format!("the server did not take it within {} s", limit.as_secs()));
            receiver.recv_timeout(left).unwrap_or_else(|_| Err(unfinished()))
        });
        Delivery { channel, result }
    };
    started.into_iter().map(finish).collect()
}

/// Begins to send on a thread of its own, which is left alone if it takes too long.
fn start(settings: &Settings, message: &Outgoing) -> (String, Result<mpsc::Receiver<Result<(), Failure>>, Failure>) {
    let name = message.channel.clone();
    let target = match settings.channel(&name) {
        None => Err(Failure::new(FailureKind::Configuration, format!("there is no channel '{name}'"), "Add it.")),
        Some(channel) => channel.target.clone().ok_or_else(|| {
            let unset: Vec<&str> = channel.unset.iter().map(|problem| problem.message.as_str()).collect();
            Failure::new(FailureKind::Configuration, unset.join(", "), "Set it where the program runs.")
        }),
    };
    let started = target.and_then(|target| {
        let (sender, receiver) = mpsc::sync_channel(1);
        let message = message.clone();
        let work = move || {
            // Nobody listens any more if it took too long.
            let _ = sender.send(deliver(&target, &message));
        };
        let spawned = std::thread::Builder::new().name("notify".to_owned()).spawn(work);
        spawned.map(|_| receiver).map_err(|error| Failure::transient(format!("no thread for it ({error})")))
    });
    (name, started)
}

fn deliver(target: &Target, message: &Outgoing) -> Result<(), Failure> {
    match target {
        Target::Email(email) => email::send(email, message),
        Target::Ntfy(ntfy) => http::send(&ntfy::request(ntfy, message)),
        Target::Matrix(matrix) => http::send(&matrix::request(matrix, message)),
        Target::Teams(url) => http::send(&teams::request(url, message)),
        Target::Webhook(webhook) => http::send(&webhook::request(webhook, message)),
    }
}

#[cfg(test)]
mod tests;
