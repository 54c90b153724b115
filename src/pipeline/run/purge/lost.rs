//! Hours of our own evidence that are gone and that no purge destroyed.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use jiff::Timestamp;

use super::reads::{DestroyedHours, hour_of};
use crate::capture::collector::Collector;
use crate::capture::evidence::{Missing, Store};
use crate::decision::{self, About};
use crate::ledger::parse_captures;
use crate::pipeline::purged::{self, Purged};
use crate::pipeline::run::error::RunError;
use crate::pipeline::{Pipeline, journal};
use crate::time::ServiceDate;
use crate::workspace::Workspace;

/// What is known of hours without the archives.
pub struct Losses<'a> {
    workspace: &'a Workspace,
    store: Store,
    purged: Purged,
    /// The hours that records of runs name, by source.
    of_runs: BTreeMap<String, BTreeSet<Timestamp>>,
    /// Losses that somebody accepted: pipeline, date and source.
    accepted: BTreeSet<(String, ServiceDate, String)>,
}

impl<'a> Losses<'a> {
    /// Reads the lists of captures that the journal has, of runs of the dates in `dates`, or of all.
    pub fn read(workspace: &'a Workspace, dates: Option<Range<ServiceDate>>) -> Result<Self, RunError> {
        let private = &workspace.private;
        let purged =
            Purged::read(private).map_err(|error| RunError::private(&purged::path(private), "read", &error))?;
        let store = Store::new(Collector::evidence(private)).with_remote(workspace.evidence.clone());
        // Of a list that cannot be read, nothing is accepted here.
        let lines = decision::read(&decision::path(private)).unwrap_or_default();
        let accepted = lines.into_iter().filter(|line| !line.is_undone).filter_map(|line| match line.decision.about {
            About::AcceptEvidence(of) => Some((of.pipeline, of.date, of.source)),
            _ => None,
        });
        let accepted = accepted.collect();
        let mut losses = Self { workspace, store, purged, of_runs: BTreeMap::new(), accepted };
        for pipeline in &workspace.pipelines {
            let is_asked = |date: &ServiceDate| dates.as_ref().is_none_or(|dates| dates.contains(date));
            for date in journal::dates(private, &pipeline.name).into_iter().filter(is_asked) {
                losses.add_run(pipeline, date)?;
            }
        }
        Ok(losses)
    }

    /// The sources that there are archives of, or of whose archives something tells.
    pub fn sources(&self) -> Result<Vec<String>, RunError> {
        let mut sources: BTreeSet<String> = self.store.known_sources()?.into_iter().collect();
        sources.extend(self.of_runs.keys().cloned());
        Ok(sources.into_iter().collect())
    }

    /// Hours of a source of which no archive is left although something tells of them, in their order.
    pub fn of(&self, source: &str) -> Result<Vec<Missing>, RunError> {
        let destroyed = DestroyedHours::of(self.workspace, &self.purged, source);
        let is_destroyed = |hour: &Range<Timestamp>| destroyed.has(hour);
        let of_runs = self.of_runs.get(source).into_iter().flatten().copied();
        Ok(self.store.missing(source, of_runs, &is_destroyed)?)
    }

    /// Adds the hours that the record of a run names, but those of a loss that was accepted.
    fn add_run(&mut self, pipeline: &Pipeline, date: ServiceDate) -> Result<(), RunError> {
        let private = &self.workspace.private;
        let path = journal::path(private, &pipeline.name, date);
        let entry = journal::read(&path).map_err(|error| RunError::private(&path, "read", &error))?;
        let is_own = |source: &str| {
            let mut feeds = self.workspace.pipelines.iter().flat_map(|pipeline| &pipeline.feeds);
            feeds.any(|feed| feed.name == source && feed.from.folder().is_none())
        };
        for known in entry.into_iter().flat_map(|entry| entry.record.evidence) {
            let of = (pipeline.name.clone(), date, known.source.clone());
            if !is_own(&known.source) || self.accepted.contains(&of) {
                continue;
            }
            let lines = known.list_digest().and_then(|of| journal::read_list(private, &pipeline.name, date, &of));
            let captures = lines.and_then(|lines| parse_captures(&String::from_utf8(lines).ok()?));
            let times: Vec<Timestamp> = match captures {
                Some(captures) => captures.into_iter().map(|(at, _)| at).collect(),
                None => known.first.into_iter().chain(known.last).collect(),
            };
            let hours = times.into_iter().map(|at| hour_of(at).start);
            self.of_runs.entry(known.source).or_default().extend(hours);
        }
        Ok(())
    }
}
