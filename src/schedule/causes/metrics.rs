//! The facts that monitors ask, out of what causes are found from.

use std::collections::BTreeMap;

use super::disk::Disk;
use super::journals::{Journals, Runs};
use super::known::Known;
use super::sources::Collecting;
use crate::metrics::{DiskMetrics, MetricAttempts, Metrics, PipelineMetrics, SourceMetrics, SpoolMetrics};
use crate::notify::Cause;
use crate::notify::policy::Sent;
use crate::pipeline::Pipeline;
use crate::schedule::due::Why;

/// What the last look found.
pub(super) struct Looked<'a> {
    pub collecting: &'a Collecting,
    pub journals: &'a Journals,
    pub disks: &'a [Disk],
    pub spool: Option<SpoolMetrics>,
    pub last_backup: Option<jiff::Timestamp>,
}

pub(super) fn metrics(known: &Known<'_>, looked: &Looked<'_>, causes: &[Cause]) -> Metrics {
    let pipelines = known.workspace.pipelines.iter();
    let of_pipeline = |of: &Pipeline| (of.name.clone(), pipeline(known, &of.name, looked.journals.of(&of.name)));
    let mut metrics = Metrics {
        started: known.started,
        pipelines: pipelines.map(of_pipeline).collect(),
        sources: sources(known, looked.collecting),
        spool: looked.spool,
        last_backup: looked.last_backup,
        ..Metrics::at(known.now)
    };
    for disk in looked.disks {
        let of = DiskMetrics { free: disk.free, per_day: disk.per_day };
        metrics.disks.insert(disk.place.to_owned(), of);
    }
    for cause in causes {
        *metrics.causes.entry(cause.kind().name().to_owned()).or_default() += 1;
    }
    messages(known, &mut metrics);
    metrics
}

fn messages(known: &Known<'_>, metrics: &mut Metrics) {
    use serde::Deserialize;
    for sent in known.log.messages.iter().filter_map(|(_, value)| Sent::deserialize(value).ok()) {
        if !sent.channels.is_empty() {
            let kind = serde_json::to_value(sent.kind).ok();
            let kind = kind.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default();
            *metrics.messages.entry(kind.to_owned()).or_default() += 1;
        }
        for channel in sent.failed {
            *metrics.message_failures.entry(channel).or_default() += 1;
        }
    }
}

fn sources(known: &Known<'_>, collecting: &Collecting) -> BTreeMap<String, SourceMetrics> {
    let of = |(name, source): (&String, &super::sources::LiveSource)| {
        let of = SourceMetrics {
            is_gtfs_realtime: source.is_gtfs_realtime,
            interval: (!source.sends).then_some(source.every.as_secs_f64()),
            beats: known.beats.get(name).cloned().unwrap_or_default(),
            last_good: source.health.last_good,
            header_time: source.health.feed_time,
        };
        (name.clone(), of)
    };
    collecting.sources.iter().map(of).collect()
}

fn pipeline(known: &Known<'_>, name: &str, runs: &Runs) -> PipelineMetrics {
    let is_its = |pipeline: &str| pipeline == name;
    let sums = known.log.sums.get(name);
    let running: Vec<_> =
        known.facts.running.iter().filter(|key| is_its(&key.pipeline) && key.date.is_some()).collect();
    let now = known.due.now.iter().filter(|job| is_its(&job.key.pipeline) && job.key.date.is_some());
    let again = known.due.later.iter().filter(|later| {
        is_its(&later.key.pipeline) && later.key.date.is_some() && matches!(later.why, Why::Again { .. })
    });
    let begun = |key| known.log.tried(key).map(|tried| tried.failing_since.unwrap_or(tried.attempt.begun));
    // What is tried again was due when it failed first.
    let since_now =
        now.clone().map(|job| begun(&job.key).filter(|_| matches!(job.why, Why::Again { .. })).unwrap_or(job.since));
    let since_begun = again.clone().map(|later| &later.key).chain(running.iter().copied()).filter_map(begun);
    let of_bucket = known.facts.pipelines.get(name).and_then(|facts| {
        let is_whole = |released: &crate::schedule::facts::Released| !released.is_provisional;
        facts.dates.iter().filter(|(_, of)| of.released.as_ref().is_some_and(is_whole)).map(|(date, _)| *date).max()
    });
    let of_journal = runs.iter().rev().find(|(_, run)| run.is_released()).map(|(date, _)| *date);
    let newest = runs.values().next_back();
    PipelineMetrics {
        last_success: sums.and_then(|sums| sums.last_success),
        last_complete: of_bucket.max(of_journal),
        due: (now.count() + again.count() + running.len()) as u64,
        due_since: since_now.chain(since_begun).min(),
        running: running.len() as u64,
        attempts: attempts(known, name),
        rows: newest.map(|run| run.tables.clone()).unwrap_or_default(),
        findings: newest.map(findings).unwrap_or_default(),
    }
}

fn findings(run: &super::journals::RunSummary) -> BTreeMap<String, u64> {
    run.findings.iter().map(|(severity, count)| ((*severity).to_owned(), *count)).collect()
}

fn attempts(known: &Known<'_>, name: &str) -> MetricAttempts {
    let mut attempts = MetricAttempts::default();
    for (outcome, count) in known.log.sums.get(name).iter().flat_map(|sums| &sums.ended) {
        attempts.ended.insert(outcome.word().to_owned(), *count);
    }
    for (key, tried) in known.log.all().filter(|(key, _)| key.pipeline == name && key.date.is_some()) {
        let outcome = tried.attempt.ended.as_ref().map(|ended| ended.outcome);
        let failed = outcome.filter(|outcome| outcome.is_tried_again() || outcome.needs_a_person());
        if let Some(outcome) = failed.filter(|_| !known.facts.running.contains(key)) {
            *attempts.failed.entry(outcome.word().to_owned()).or_default() += 1;
        }
    }
    attempts
}
