//! Reads what a decoder gives, step by step: rows go to the nodes, snapshots to the standard rules, and what was noted of a capture
//! counts where the capture was received on the date.

use std::ops::Range;

use jiff::Timestamp;

use crate::decode::{Note, Step, Steps};
use crate::feed_rules::run_rules::RunRules;
use crate::pipeline::run::context::RunContext;
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::nodes::run_nodes::{NodeResults, RunNodes};
use crate::pipeline::run::readable::Captures;
use crate::pipeline::run::reading::{Source, other_zone};
use crate::time::ServiceDate;

/// All that reads the steps of a decoder.
pub(super) struct StepReader<'a> {
    pub run: &'a RunContext<'a>,
    pub date: ServiceDate,
    /// When what counts for the date was received.
    pub received: Range<Timestamp>,
    /// Of the origins.
    pub sources: &'a [Source],
    /// The names of the decoder's tables.
    pub tables: Vec<String>,
    pub nodes: RunNodes,
    /// Of the standard that the format has.
    pub rules: Option<Box<dyn RunRules>>,
}

/// What was read.
pub(super) struct StepResults {
    pub nodes: NodeResults,
    pub rules: Option<Box<dyn RunRules>>,
    pub captures: Captures,
    pub notes: Vec<Note>,
}

impl StepReader<'_> {
    /// Reads all steps.
    pub(super) fn read(mut self, steps: Steps) -> Result<StepResults, RunError> {
        let (mut captures, mut notes) = (Captures::default(), Vec::new());
        // What was noted of the capture that is read.
        let mut of_capture = Vec::new();
        let mut rows = 0;
        let origin = |place: u32| {
            self.sources.get(place as usize).map_or_else(String::new, |(source, at)| format!("{source} {at}"))
        };
        for step in steps {
            match step? {
                Step::Rows { table, chunk } => {
                    rows += chunk.rows.num_rows() as u64;
                    (self.run.progress)("check", rows);
                    if self.tables.get(table).is_some_and(|name| name == "agency") {
                        notes.extend(other_zone(&chunk.rows, &self.run.workspace.zone, self.date));
                    }
                    self.nodes.push(table, chunk)?;
                }
                Step::End { table } => self.nodes.end(table)?,
                Step::Strays { table, strays } => self.nodes.stray(table, &strays, &origin)?,
                Step::Note(note) => of_capture.push(note),
                Step::Read { origin: place, read, snapshot } => {
                    let source = self.sources.get(place as usize);
                    if let (Some((source, at)), Some(snapshot), Some(rules)) = (source, snapshot, &mut self.rules) {
                        rules.look(source, snapshot, self.received.contains(at));
                    }
                    if let Some((source, _)) = source.filter(|(_, at)| self.received.contains(at)) {
                        captures.add(source, &origin(place), read);
                        notes.append(&mut of_capture);
                    }
                    // What was received on another date is told there.
                    of_capture.clear();
                }
            }
        }
        notes.append(&mut of_capture);
        let mut nodes = self.nodes.finish()?;
        notes.append(&mut nodes.notes);
        Ok(StepResults { nodes, rules: self.rules, captures, notes })
    }
}
