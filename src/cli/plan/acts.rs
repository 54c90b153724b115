//! What `plan` tells of acts on releases: what people decided, and what was begun and is not at its end. A pipeline needs no schedule
//! for either.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::cli::opened::bucket_to_read;
use crate::pipeline::run::RunError;
use crate::pipeline::run::releases::{begun_withdrawals, unfinished};
use crate::publish::bucket::Bucket;
use crate::publish::index::month_of;
use crate::schedule::facts::{Facts, ReleaseAct};
use crate::schedule::gather::ActsByPipeline;
use crate::schedule::words::local;
use crate::time::ServiceDate;
use crate::workspace::Workspace;

/// Jobs and acts that are listed of each kind.
pub(super) const LISTED: usize = 20;

/// One act, of one date if it is about dates.
pub(super) struct PlannedAct {
    /// Of what was decided: the pipeline whose runs it keeps away or allows.
    pipeline: Option<String>,
    dataset: String,
    date: Option<ServiceDate>,
    kind: &'static str,
    /// All of the dataset if there is none.
    tables: BTreeSet<String>,
    said: String,
    since: Option<Timestamp>,
    by: Option<String>,
    reason: Option<String>,
}

/// What people decided of the releases of pipelines: `facts` know it of those with a schedule, `others` are those without one.
pub(super) fn decided(workspace: &Workspace, facts: &Facts, others: &ActsByPipeline) -> Vec<PlannedAct> {
    let scheduled = facts.pipelines.iter();
    let scheduled = scheduled
        .flat_map(|(name, of)| of.dates.iter().filter_map(move |(date, of)| Some((name, *date, of.act.as_ref()?))));
    let others = others.iter().flat_map(|(name, acts)| acts.iter().map(move |(date, act)| (name, *date, act)));
    let dataset = |name: &String| {
        let of_name = workspace.pipelines.iter().find(|pipeline| pipeline.name == *name);
        of_name.map_or_else(|| name.clone(), |pipeline| pipeline.dataset.clone())
    };
    let act = |(pipeline, date, act): (&String, ServiceDate, &ReleaseAct)| PlannedAct {
        pipeline: Some(pipeline.clone()),
        dataset: dataset(pipeline),
        date: Some(date),
        kind: act.kind.word(),
        tables: act.tables.clone(),
        said: act.kind.said().to_owned(),
        since: Some(act.at),
        by: Some(act.by.clone()),
        reason: Some(act.reason.clone()),
    };
    scheduled.chain(others).map(act).collect()
}

/// Withdrawals and compactions that were begun and are not at their end, by what the private store notes.
///
/// # Errors
/// The bucket or the notes cannot be read.
pub(super) fn half_done(workspace: &Workspace) -> Result<Vec<PlannedAct>, RunError> {
    let Some(bucket) = bucket_to_read(workspace)? else { return Ok(Vec::new()) };
    let mut acts = Vec::new();
    for begun in begun_withdrawals(workspace, &bucket)? {
        let what = begun.what();
        let said = match begun.is_committed(&bucket)? {
            true => format!(
                "begun and not at its end, so that files of it may still be public: the next command that writes to the bucket finishes \
                 it, or 'fahrtenbuch withdraw {what}' again, unless it is at work now"
            ),
            false => format!(
                "begun, and nothing is withdrawn yet: type 'fahrtenbuch withdraw {what}' again if it is still to be, unless it is at \
                 work now"
            ),
        };
        acts.extend(begun.dates.iter().map(|date| PlannedAct {
            pipeline: None,
            dataset: begun.dataset.clone(),
            date: Some(*date),
            kind: "withdrawal_begun",
            tables: begun.table.iter().cloned().collect(),
            said: said.clone(),
            since: None,
            by: Some(begun.by.clone()),
            reason: Some(begun.reason.clone()),
        }));
    }
    acts.extend(compactions(workspace, &bucket)?);
    Ok(acts)
}

fn compactions(workspace: &Workspace, bucket: &Bucket) -> Result<Vec<PlannedAct>, RunError> {
    let mut by_dataset: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in unfinished(workspace, bucket)? {
        let mut parts = path.split('/').skip(1);
        if let (Some(dataset), Some(table), Some(_)) = (parts.next(), parts.next(), month_of(&path)) {
            by_dataset.entry(dataset.to_owned()).or_default().insert(table.to_owned());
        }
    }
    let act = |(dataset, tables)| {
        PlannedAct {
        pipeline: None,
        dataset,
        date: None,
        kind: "compaction_begun",
        tables,
        said: "begun and not at its end: the next 'fahrtenbuch compact' or 'withdraw' finishes it, unless it is at work now"
            .to_owned(),
        since: None,
        by: None,
        reason: None,
    }
    };
    Ok(by_dataset.into_iter().map(act).collect())
}

/// Why nothing is planned of pipelines without a schedule, and of daily jobs without a time where no pipeline has one.
pub(super) fn not_planned(workspace: &Workspace) -> Vec<String> {
    let is_without = |pipeline: &&crate::pipeline::Pipeline| pipeline.schedule.is_none();
    let names: Vec<&str> = workspace.pipelines.iter().filter(is_without).map(|of| of.name.as_str()).collect();
    let mut notes = Vec::new();
    if names.is_empty() {
        return notes;
    }
    notes.push(format!(
        "no run is planned of what has no 'schedule' in its file: {}. What people decided of its releases is listed all the same",
        names.join(", ")
    ));
    let is_untimed = |name: &&str| workspace.chores.iter().all(|chore| chore.name != *name);
    let untimed: Vec<&str> = ["compact", "gc"].into_iter().filter(is_untimed).collect();
    if names.len() == workspace.pipelines.len() && !untimed.is_empty() {
        let commands: Vec<String> = untimed.iter().map(|name| format!("'fahrtenbuch {name} --dry-run'")).collect();
        notes.push(format!(
            "nothing is planned of {}, which have no time below 'schedule' of fahrtenbuch.yaml: {} tells what there is to do",
            untimed.join(" and "),
            commands.join(" or ")
        ));
    }
    notes
}

impl PlannedAct {
    pub(super) fn json(&self) -> Value {
        json!({
            "pipeline": self.pipeline,
            "dataset": self.dataset,
            "date": self.date,
            "kind": self.kind,
            "tables": self.tables,
            "said": self.said,
            "since": self.since,
            "by": self.by,
            "reason": self.reason,
        })
    }

    fn show(&self, zone: &TimeZone) {
        let name = self.pipeline.as_ref().unwrap_or(&self.dataset);
        let date = self.date.map(|date| format!(" {date}")).unwrap_or_default();
        let since = self.since.map(|since| format!(", since {}", local(since, zone))).unwrap_or_default();
        let what = match self.kind {
            "withdrawal_begun" => ", withdrawal",
            "compaction_begun" => ", months in one file",
            _ => "",
        };
        println!("  {name}{date}{what}{since}: {}", self.said);
        let tables: Vec<&str> = self.tables.iter().map(String::as_str).collect();
        let tables = if tables.is_empty() { "all tables".to_owned() } else { tables.join(", ") };
        match (&self.by, &self.reason) {
            (Some(by), Some(reason)) => println!("    {tables}, by {by}: {reason}"),
            _ => println!("    {tables}"),
        }
    }
}

/// Lists acts below a title, if there are any.
pub(super) fn show(title: &str, acts: &[PlannedAct], zone: &TimeZone) {
    if acts.is_empty() {
        return;
    }
    println!("{title}");
    acts.iter().take(LISTED).for_each(|act| act.show(zone));
    more(acts.len());
}

/// Says how many are not listed.
pub(super) fn more(count: usize) {
    if count > LISTED {
        println!("  and {} more", count - LISTED);
    }
}
