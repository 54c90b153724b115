//! Archives that something tells of and that are gone, so that a loss is told although nothing is left that could be read.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use super::sealed::{self, Register};
use super::state::State;
use super::{Store, seal, stored};
use crate::capture::{CaptureError, imports};

/// What tells of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Witness {
    /// A line of `sealed.jsonl` that says that it was sealed.
    Sealed,
    /// Another line of `sealed.jsonl`, or `.state.json`.
    Store,
    /// `imports.jsonl`.
    Import,
    /// The record of a run.
    Run,
}

/// An hour of a source of which no archive is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    pub hour: Timestamp,
    /// As the archive was called, relative to the folder of its source.
    pub name: String,
    pub witness: Witness,
}

impl Missing {
    /// For people.
    pub fn said(&self) -> String {
        let Self { name, .. } = self;
        let known = match self.witness {
            Witness::Sealed => "was sealed and is gone",
            Witness::Store => "was written and is gone",
            Witness::Import => "has what an import brought, and is gone",
            Witness::Run => "has captures of a run, and is gone",
        };
        format!("{name} {known}. Restore it from a backup")
    }
}

impl Store {
    /// The sources that there are archives of, or of whose archives something tells.
    pub fn known_sources(&self) -> Result<Vec<String>, CaptureError> {
        let mut sources = self.sources()?;
        for source in self.folders()? {
            if !sources.contains(&source) && !self.witnessed(&source)?.is_empty() {
                sources.push(source);
            }
        }
        sources.sort_unstable();
        Ok(sources)
    }

    /// The hours of which something tells and no archive is left, in their order. `runs` are those that records of runs name;
    /// hours that were destroyed are none.
    pub fn missing(
        &self,
        source: &str,
        runs: impl Iterator<Item = Timestamp>,
        is_destroyed: &dyn Fn(&Range<Timestamp>) -> bool,
    ) -> Result<Vec<Missing>, CaptureError> {
        let mut hours = self.witnessed(source)?;
        runs.for_each(|at| _ = hours.entry(begin(at)).or_insert(Witness::Run));
        let mut missing = Vec::new();
        for (hour, witness) in hours {
            let end = hour.saturating_add(SignedDuration::from_hours(1)).unwrap_or(Timestamp::MAX);
            if is_destroyed(&(hour..end)) || self.has(source, hour)? {
                continue;
            }
            let file = self.file(source, hour);
            let file = if witness == Witness::Sealed { file.with_extension("zst") } else { file };
            let name = sealed::relative(&self.folder.join(source), &file);
            missing.push(Missing { hour, name, witness });
        }
        Ok(missing)
    }

    /// Whether anything of an hour is there, or is kept elsewhere.
    pub fn has(&self, source: &str, hour: Timestamp) -> Result<bool, CaptureError> {
        let file = self.file(source, hour);
        let failed = |source: io::Error| CaptureError::Evidence { file: file.clone(), verb: "read", source };
        let there = [file.clone(), file.with_extension("zst"), file.with_extension("")];
        if there.iter().any(|path| path.exists()) {
            return Ok(true);
        }
        Ok(!stored::of_hour(&file).map_err(failed)?.is_empty())
    }

    /// The hours that the store itself tells of, and by what.
    fn witnessed(&self, source: &str) -> Result<BTreeMap<Timestamp, Witness>, CaptureError> {
        let folder = self.folder.join(source);
        let failed = |file: &Path| {
            let file = file.to_owned();
            move |source| CaptureError::Evidence { file, verb: "read", source }
        };
        let mut hours = BTreeMap::new();
        let imports = imports::read(&self.folder, source).map_err(failed(&imports::path(&self.folder, source)))?;
        let captures = imports.iter().flat_map(|import| &import.captures);
        hours.extend(captures.map(|capture| (begin(capture.captured_at), Witness::Import)));
        if let Some(state) = State::read(&folder).filter(|state| state.length > 0) {
            hours.extend(hour_of(&state.archive).map(|hour| (hour, Witness::Store)));
        }
        let register = Register::read(&folder).map_err(failed(&folder.join(sealed::NAME)))?;
        hours.extend(register.left_files().filter_map(hour_of).map(|hour| (hour, Witness::Store)));
        hours.extend(register.newest().filter_map(|line| hour_of(&line.file)).map(|hour| (hour, Witness::Sealed)));
        Ok(hours)
    }
}

/// The beginning of the hour in the name of an archive.
fn hour_of(file: &str) -> Option<Timestamp> {
    let unsealed = file.strip_suffix(".zst").map_or_else(|| file.to_owned(), |stem| format!("{stem}.gz"));
    seal::end(Path::new(&unsealed))?.checked_sub(SignedDuration::from_hours(1)).ok()
}

fn begin(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second().div_euclid(3600) * 3600).unwrap_or(at)
}
