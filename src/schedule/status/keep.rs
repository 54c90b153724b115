//! Keeps the page in the private store: `status/index.html` in German, `status/en.html` in English.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::durable;
use crate::schedule::status::beats::Effort;
use crate::schedule::status::data::{Inputs, Status};
use crate::schedule::status::gather::Gatherer;
use crate::schedule::status::language::Language;
use crate::schedule::status::page::page;

/// Between two looks, at least.
const PAUSE: Duration = Duration::from_secs(60);

/// Writes the pages, each whole or not at all, readable by the owner alone.
///
/// # Errors
/// The private store cannot be written.
pub fn write(private: &Path, status: &Status) -> io::Result<()> {
    let folder = private.join("status");
    durable::create_dir_all(&folder)?;
    for language in Language::ALL {
        durable::write(&folder.join(language.file()), page(status, language).as_bytes())?;
    }
    Ok(())
}

/// Looks now and then, and writes what changed.
#[derive(Default)]
pub struct Keeper {
    gatherer: Gatherer,
    looked: Option<Instant>,
    /// What went wrong last, so that it is told once.
    problem: Option<String>,
}

impl Keeper {
    /// Makes the status and writes the pages, unless that was done a moment ago. That it fails keeps nothing else from being done: it
    /// is told in the log, once.
    pub fn keep(&mut self, inputs: &Inputs<'_>) -> Option<Status> {
        match self.looked {
            Some(at) if at.elapsed() < PAUSE => None,
            _ => self.keep_now(inputs),
        }
    }

    /// The same, however short ago that was: at the end.
    pub fn keep_now(&mut self, inputs: &Inputs<'_>) -> Option<Status> {
        self.looked = Some(Instant::now());
        let status = self.gatherer.gather(inputs, Effort::Few).map_err(|error| error.to_string());
        let written = status.and_then(|status| {
            let done = write(&inputs.workspace.private, &status);
            done.map(|()| status).map_err(|error| format!("the pages could not be written: {error}"))
        });
        match written {
            Ok(status) => {
                self.problem = None;
                Some(status)
            }
            Err(problem) => {
                if self.problem.as_ref() != Some(&problem) {
                    tracing::warn!("there is no new status.html: {problem}");
                    self.problem = Some(problem);
                }
                None
            }
        }
    }
}
