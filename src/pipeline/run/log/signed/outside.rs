//! Asking outsiders to confirm the log: witnesses cosign each checkpoint, and an authority stamps the first one of each day.
//!
//! ```text
//! ledger/checkpoint                               with a line for each witness that cosigned it
//! ledger/timestamps/2026-11-27.checkpoint         the checkpoint that was stamped
//! ledger/timestamps/2026-11-27.tsr                the time stamp (RFC 3161) of the bytes of that file
//! ```
//!
//! A release never fails by them: who does not answer is told, is asked again by later runs, and 'fahrtenbuch key list', and after a day
//! 'fahrtenbuch status' and messages, say since when he has not.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

use super::asked::{AllAsked, Asked};
use crate::capture::source::first_cause;
use crate::digest::Digest;
use crate::ledger::log::checkpoint::Checkpoint;
use crate::ledger::log::merkle::Hash;
use crate::ledger::log::note::{Note, Verifier as _};
use crate::ledger::log::tiles::TileError;
use crate::ledger::log::timestamp::{MAX_REPLY, Query};
use crate::ledger::log::witness::{Answer, MAX_ANSWER, Post, Witness};
use crate::pipeline::run::error::RunError;
use crate::publish::bucket::Bucket;
use crate::publish::view_writer::ViewWriter;
use crate::time;
use crate::workspace::Workspace;

const CONNECT: Duration = Duration::from_secs(4);
/// For the whole of a request and its answer: a run waits for each once.
const TOTAL: Duration = Duration::from_secs(8);

/// Those who are asked, and what is known of them.
pub(super) struct Outside<'a> {
    workspace: &'a Workspace,
    now: Timestamp,
    asked: AllAsked,
    before: AllAsked,
}

impl<'a> Outside<'a> {
    pub(super) fn read(workspace: &'a Workspace) -> Result<Self, RunError> {
        let signing = &workspace.signing;
        let asked = match signing.witnesses.is_empty() && signing.timestamps.is_none() {
            true => AllAsked::default(),
            false => AllAsked::read(workspace)?,
        };
        Ok(Self { workspace, now: time::now(), before: asked.clone(), asked })
    }

    /// The day of the time stamp, by UTC.
    fn day(&self) -> String {
        self.now.strftime("%Y-%m-%d").to_string()
    }

    fn of_witness(&self, witness: &Witness) -> Asked {
        self.asked.of_witness(&witness.key).cloned().unwrap_or_default()
    }

    /// The witnesses that have not cosigned so many entries and may be asked now.
    fn due(&self, size: u64) -> Vec<Witness> {
        let is_due = |witness: &&Witness| {
            let asked = self.of_witness(witness);
            asked.size != size && asked.is_due(self.now)
        };
        self.workspace.signing.witnesses.iter().filter(is_due).cloned().collect()
    }

    fn is_stamp_due(&self) -> bool {
        let asked = &self.asked.timestamps;
        let today = asked.at.is_some_and(|at| at.strftime("%Y-%m-%d").to_string() == self.day());
        self.workspace.signing.timestamps.is_some() && !today && asked.is_due(self.now)
    }

    /// Whether somebody is to be asked though the log is signed.
    pub(super) fn is_due(&self, size: u64) -> bool {
        self.is_stamp_due() || !self.due(size).is_empty()
    }

    /// Asks the witnesses to cosign; gives how many lines came to the note.
    pub(super) fn cosign(
        &mut self,
        (checkpoint, note): (&Checkpoint, &mut Note),
        mut prove: impl FnMut(u64) -> Result<Vec<Hash>, TileError>,
    ) -> Result<usize, RunError> {
        let due = self.due(checkpoint.size);
        if due.is_empty() {
            return Ok(0);
        }
        let (web, mut lines) = (Web::new()?, 0);
        for witness in due {
            let mut asked = self.of_witness(&witness);
            let answer = web.runtime.block_on(witness.cosign(&web, (checkpoint, note), asked.size, &mut prove));
            match answer {
                Ok(line) => {
                    note.add_line(line);
                    asked.confirmed(checkpoint.size, self.now);
                    lines += 1;
                }
                Err(error) => {
                    let name = witness.key.name();
                    tell(name, &error, error.is_transient(), "cosigned by it");
                    asked.failed(error.to_string(), !error.is_transient(), self.now);
                }
            }
            self.asked.witnesses.insert(witness.key.to_string(), asked);
        }
        Ok(lines)
    }

    /// Has the day's first checkpoint stamped.
    pub(super) fn stamp(
        &mut self,
        bucket: &Bucket,
        writer: &mut ViewWriter<'_>,
        (size, note): (u64, &Note),
    ) -> Result<(), RunError> {
        let Some(url) = self.workspace.signing.timestamps.as_ref().filter(|_| self.is_stamp_due()) else {
            return Ok(());
        };
        let [kept, reply] = ["checkpoint", "tsr"].map(|end| format!("ledger/timestamps/{}.{end}", self.day()));
        // Another one who publishes may have had it stamped.
        if bucket.get(&reply)?.is_some() {
            self.asked.timestamps.confirmed(size, self.now);
            return Ok(());
        }
        let bytes = Bytes::from(note.to_string());
        match stamped(url, Digest::of(&bytes)) {
            Ok(stamp) => {
                // The stamp is of these bytes, so they are there before it.
                writer.put(&kept, bytes)?;
                writer.put(&reply, stamp.into())?;
                self.asked.timestamps.confirmed(size, self.now);
            }
            Err(problem) => {
                tell("the time stamp authority", &problem, true, "stamped");
                self.asked.timestamps.failed(problem, false, self.now);
            }
        }
        Ok(())
    }

    /// Keeps what was found out.
    pub(super) fn keep(&self) -> Result<(), RunError> {
        if self.asked == self.before { Ok(()) } else { self.asked.write(self.workspace) }
    }
}

/// What was released stays released; somebody may have to look.
fn tell(who: &str, problem: &dyn std::fmt::Display, is_transient: bool, what: &str) {
    let then = if is_transient { "a later run asks again" } else { "see docs/keys.md" };
    tracing::warn!("{who}: {problem}. The checkpoint of the log is not {what} yet; {then}");
}

fn stamped(url: &str, digest: Digest) -> Result<Vec<u8>, String> {
    let query = Query::new(digest).map_err(|error| error.to_string())?;
    let web = Web::new().map_err(|error| error.to_string())?;
    let sent = web.send(url, query.to_der(), Some("application/timestamp-query"), MAX_REPLY);
    let answer = web.runtime.block_on(sent)?;
    if answer.status != 200 {
        return Err(format!("it answers with status {}", answer.status));
    }
    query.read(&answer.body).map_err(|error| error.to_string())?;
    Ok(answer.body)
}

/// Requests that follow no redirect, with time limits.
struct Web {
    client: reqwest::Client,
    runtime: tokio::runtime::Runtime,
}

impl Web {
    fn new() -> Result<Self, RunError> {
        // A second call finds the provider installed, which is what it wants.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .timeout(TOTAL)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("fahrtenbuch/", env!("CARGO_PKG_VERSION")))
            .build();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let internal = |error: &dyn std::fmt::Display| RunError::internal(format!("no witness can be asked: {error}"));
        Ok(Self {
            client: client.map_err(|error| internal(&error.without_url()))?,
            runtime: runtime.map_err(|error| internal(&error))?,
        })
    }

    async fn send(&self, url: &str, body: Vec<u8>, kind: Option<&str>, most: usize) -> Result<Answer, String> {
        let failed = |error: reqwest::Error| match error.is_timeout() {
            true => "no answer in time".to_owned(),
            false => first_cause(&error.without_url()).to_string(),
        };
        let mut request = self.client.post(url).body(body);
        if let Some(kind) = kind {
            request = request.header("Content-Type", kind);
        }
        let mut response = request.send().await.map_err(failed)?;
        let (status, mut body) = (response.status().as_u16(), Vec::new());
        // One byte more than what is read, so that a longer one is seen to be longer.
        while body.len() <= most
            && let Some(chunk) = response.chunk().await.map_err(failed)?
        {
            body.extend_from_slice(&chunk[..chunk.len().min(most + 1 - body.len())]);
        }
        Ok(Answer { status, body })
    }
}

impl Post for Web {
    async fn post(&self, url: &str, body: Vec<u8>) -> Result<Answer, String> {
        self.send(url, body, None, MAX_ANSWER).await
    }
}
