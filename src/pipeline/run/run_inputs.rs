//! What a run's rules look at beside its evidence: the timetable that is valid on the date, the partition before, and what
//! rules came to earlier. All of it is found before a row is read, because its digests are inputs of the run.

mod of_record;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatch;
use jiff::Timestamp;

use crate::capture::evidence::{Entry, Store};
use crate::check::CheckError;
use crate::check::context::{RuleContext, Siblings, queries, timetable_needs};
use crate::check::timetable::{self, Needs, Timetable, TimetableError};
use crate::contract::library::Library;
use crate::contract::metric::{Limit, Metric};
use crate::contract::query::PREVIOUS;
use crate::contract::sla::SlaKind;
use crate::contract::{Contract, RuleId, Severity};
use crate::decode::Note;
use crate::decode::format::{Decoder, Partitioning};
use crate::ledger::{EvidenceEntry, Input, Status, capture_lines};
use crate::pipeline::Pipeline;
use crate::pipeline::journal;
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::evidence::{capture, date_of, evidence_store};
use crate::pipeline::run::readable::{self, Found, PassedOver};
use crate::publish::bucket::Bucket;
use crate::publish::index::{self, IndexColumn, IndexFile, UsedTimetable};
use crate::publish::parquet;
use crate::table::single::grown;
use crate::table::{Budget, Origin};
use crate::time::ServiceDate;
use crate::workspace::Workspace;

pub(super) use self::of_record::RecordedTimetable;

/// Partitions that are looked back to, at the most.
const LOOKED_BACK: usize = 400;

/// Values of rules by contract and rule.
type History<T> = BTreeMap<String, BTreeMap<RuleId, Vec<T>>>;

/// The partition whose rules are to run, and what they may use.
#[derive(Clone, Copy)]
pub struct Inspected<'a> {
    pub workspace: &'a Workspace,
    pub pipeline: &'a Pipeline,
    pub date: ServiceDate,
    /// When the last capture that was received on the date was.
    pub until: Option<Timestamp>,
    /// Where rows that wait may be kept on disk.
    pub spool: &'a Path,
    pub bucket: &'a Bucket,
    pub budget: &'a Budget,
}

/// The timetable that is valid on a date, as evidence of another pipeline.
struct FoundTimetable {
    source: String,
    /// Where it is published, and in which partition.
    dataset: String,
    partition: ServiceDate,
    store: Store,
    entry: Entry,
    /// Whether it was captured only after the date.
    is_late: bool,
    decoder: Arc<dyn Decoder>,
}

/// What was found.
#[derive(Default)]
pub struct RunInputs {
    timetable: Option<FoundTimetable>,
    /// Captures of its source that are no timetable.
    passed_over: Option<PassedOver>,
    needs: Needs,
    previous: BTreeMap<String, IndexFile>,
    /// By contract.
    history: History<(ServiceDate, f64)>,
    /// Whether more evidence of the date may come.
    pub is_provisional: bool,
    /// Of the partitions before the date.
    oldest: BTreeMap<String, ServiceDate>,
}

impl RunInputs {
    /// Finds what the rules of a pipeline need for a date. Where a timetable is needed of which nothing was ever captured, it
    /// is captured now.
    pub fn find(
        workspace: &Workspace,
        pipeline: &Pipeline,
        date: ServiceDate,
        bucket: &Bucket,
    ) -> Result<Self, RunError> {
        let mut inputs = Self::default();
        let contracts = || pipeline.all_contracts();
        inputs.needs = timetable_needs(contracts(), &timetable::contracts());
        if let Some((name, _)) = &pipeline.timetable
            && let Some(other) = workspace.pipelines.iter().find(|other| other.name == *name)
        {
            inputs.need_timetable(pipeline, date);
            if !inputs.needs.is_empty() {
                (inputs.timetable, inputs.passed_over) = timetable(workspace, other, date)?;
            }
        }
        for contract in pipeline.released() {
            let wants_previous = queries(&contract).any(|query| query.tables.contains(PREVIOUS));
            let limits: Vec<(&RuleId, bool)> = with_history(&contract).collect();
            let retains = contract.sla.iter().any(|promise| matches!(promise.kind, SlaKind::Retention { .. }));
            if !wants_previous && limits.is_empty() && !retains {
                continue;
            }
            let Some(index) = index::current(bucket, &pipeline.dataset, &contract.table)? else { continue };
            let earlier: Vec<&IndexFile> = index.files.iter().filter(|file| file.partition_date < date).collect();
            if let Some(file) = earlier.last().filter(|_| wants_previous) {
                inputs.previous.insert(contract.table.clone(), (*file).clone());
            }
            // A table that has no earlier partition is as one that has none at all: the first run and the next have the same
            // inputs.
            let counting = limits.iter().filter(|(_, counts_rows)| *counts_rows && !earlier.is_empty());
            for (rule, _) in counting {
                let rows = earlier[earlier.len().saturating_sub(LOOKED_BACK)..].iter();
                let rows = rows.map(|file| (file.partition_date, file.rows as f64));
                inputs.history.entry(contract.id.clone()).or_default().insert((*rule).clone(), rows.collect());
            }
            if let Some(oldest) = earlier.iter().map(|file| file.partition_date).min() {
                inputs.oldest.insert(contract.table.clone(), oldest);
            }
        }
        let others: Vec<(&str, &RuleId)> = contracts()
            .flat_map(|contract| with_history(contract).map(move |(rule, counts_rows)| (contract, rule, counts_rows)))
            .filter(|(.., counts_rows)| !counts_rows)
            .map(|(contract, rule, _)| (contract.id.as_str(), rule))
            .collect();
        if !others.is_empty() {
            inputs.look_back(workspace, pipeline, date, &others)?;
        }
        Ok(inputs)
    }

    /// Adds what a run needs of a timetable beside what its rules read.
    fn need_timetable(&mut self, pipeline: &Pipeline, date: ServiceDate) {
        let contracts = || pipeline.all_contracts();
        // Standard rules that look at snapshots ask about all of them.
        self.needs.add_all_trips();
        if contracts().flat_map(|c| &c.sla).any(|p| matches!(p.kind, SlaKind::Completeness { .. })) {
            self.needs.add_span();
        }
        if contracts().any(|contract| with_history(contract).next().is_some()) {
            self.needs.add_days([date]);
        }
        for input in pipeline.derived_from_timetable() {
            input.columns.iter().for_each(|column| self.needs.add(input.table, column.name));
        }
    }

    /// What rules came to in the runs of earlier dates that were published, from the journal.
    fn look_back(
        &mut self,
        workspace: &Workspace,
        pipeline: &Pipeline,
        date: ServiceDate,
        rules: &[(&str, &RuleId)],
    ) -> Result<(), RunError> {
        let entries = journal::before(&workspace.private, &pipeline.name, date, LOOKED_BACK);
        let folder = workspace.private.join("journal");
        for entry in entries.map_err(|error| RunError::private(&folder, "read", &error))? {
            let record = &entry.record;
            if !entry.published || record.status != Status::Published {
                continue;
            }
            for (contract, rule) in rules {
                if let Some(value) = record.values.get(*contract).and_then(|values| values.get(rule)) {
                    let of_contract = self.history.entry((*contract).to_owned()).or_default();
                    of_contract.entry((*rule).clone()).or_default().push((record.date, *value));
                }
            }
        }
        Ok(())
    }

    /// The timetable as evidence of the run, and its list of captures.
    pub fn evidence(&self) -> Option<(EvidenceEntry, String)> {
        let FoundTimetable { source, entry, .. } = self.timetable.as_ref()?;
        let captures = [(entry.captured_at, entry.digest)];
        // What a timetable says does not depend on when it was captured.
        let entry = EvidenceEntry { sha256: entry.digest, ..EvidenceEntry::of(source, &captures) };
        Some((entry, capture_lines(&captures)))
    }

    /// The origin of rows that are made of the timetable alone. It does not depend on when the timetable was captured.
    pub fn timetable_origin(&self) -> Option<Origin> {
        let FoundTimetable { source, entry, .. } = self.timetable.as_ref()?;
        Some(Origin { name: format!("{source} {}", entry.digest.short()), captured_at: entry.captured_at })
    }

    /// The timetable as the index names it beside the files of the run.
    pub fn used_timetable(&self) -> Option<UsedTimetable> {
        let FoundTimetable { dataset, partition, entry, .. } = self.timetable.as_ref()?;
        Some(UsedTimetable { dataset: dataset.clone(), partition_date: *partition, sha256: entry.digest })
    }

    pub fn timetable_entry(&self) -> Option<&Entry> {
        self.timetable.as_ref().map(|timetable| &timetable.entry)
    }

    /// What of this decides what rules report, and no row.
    pub fn rule_inputs(&self) -> Vec<Input> {
        let mut inputs = Vec::new();
        inputs.extend(self.previous.iter().map(|(table, file)| Input::new("previous", table, file.sha256)));
        for (contract, rules) in &self.history {
            for (rule, values) in rules {
                let values: Vec<String> = values.iter().map(|(date, value)| format!("{date}={value}")).collect();
                inputs.push(Input::of_value("history", &format!("{contract}/{rule}"), values.join(" ")));
            }
        }
        inputs.extend(self.oldest.iter().map(|(table, date)| Input::of_value("oldest", table, date.to_string())));
        inputs
    }

    pub fn notes(&self) -> Vec<Note> {
        let late = self.timetable.iter().filter(|timetable| timetable.is_late).map(|FoundTimetable { source, entry, .. }| Note {
            rule: "timetable.captured_later",
            severity: Severity::Info,
            message: format!(
                "no timetable of '{source}' was captured until the end of the service date; the rules look into the next one, \
                 {}",
                entry.digest.short()
            ),
        });
        let used =
            self.timetable.iter().zip(&self.passed_over).map(|(timetable, others)| others.note(&timetable.entry));
        late.chain(used).collect()
    }

    /// Reads all of it. The first is for the rules of the feed's contracts, the second for those of the release.
    pub fn rule_contexts(mut self, of: &Inspected<'_>) -> Result<[Arc<RuleContext>; 2], RunError> {
        let Inspected { workspace, pipeline, .. } = *of;
        let timetables = Arc::new(timetable::contracts());
        if !self.needs.is_empty() && !self.history.is_empty() {
            let compared = self.history.values().flat_map(BTreeMap::values).flatten();
            self.needs.add_days(compared.map(|(date, _)| *date));
        }
        let timetable = self.read_timetable(of, &timetables)?;
        let history = self.alike(of, &timetable);
        let previous = self.read_previous(of)?;
        let make = |siblings: Siblings, contracts: &[Arc<Contract>]| RuleContext {
            date: of.date,
            zone: workspace.zone.clone(),
            area: workspace.area.clone(),
            timetable: timetable.clone(),
            previous: previous.clone(),
            history: contracts.iter().filter_map(|c| history.get(&c.id)).flat_map(Clone::clone).collect(),
            oldest: self.oldest.clone(),
            until: of.until,
            is_provisional: self.is_provisional,
            spool: of.spool.to_owned(),
            gtfs: timetables.clone(),
            siblings,
        };
        let released = pipeline.released();
        let feed: Vec<Arc<Contract>> = pipeline.contracts.contracts.values().cloned().collect();
        let of_feed = make(Siblings::of(feed.iter()), &feed);
        let left_out = pipeline.not_released().into_iter();
        let of_release = make(Siblings::of(released.iter()).leaving_out(left_out), &released);
        Ok([Arc::new(of_feed), Arc::new(of_release)])
    }

    /// The timetable, or why there is none.
    fn read_timetable(
        &self,
        of: &Inspected<'_>,
        contracts: &Library,
    ) -> Result<Result<Arc<Timetable>, String>, RunError> {
        let FoundTimetable { source, store, entry, decoder, .. } = match (&self.timetable, &of.pipeline.timetable) {
            (Some(timetable), _) => timetable,
            (None, Some((name, _))) => {
                return Ok(Err(match &self.passed_over {
                    Some(passed_over) => format!("there is no readable evidence of '{name}': {}", passed_over.said()),
                    None => format!("there is no evidence of '{name}'"),
                }));
            }
            (None, None) => return Ok(Err("the pipeline names none".to_owned())),
        };
        let Some(decoder) = decoder.timetables() else {
            return Ok(Err(format!("'{source}' is {}, which is no timetable", decoder.format().name())));
        };
        let capture = store.open(entry)?;
        let origin = Origin { name: source.clone(), captured_at: capture.captured_at };
        let body = decoder.unpacked(source, &capture);
        let held = body.as_ref().map_or(0, bytes::Bytes::len);
        of.budget.take("the archive of the timetable", held).map_err(CheckError::from)?;
        let needs = self.needs.clone().with_services();
        let decoded = body.and_then(|body| decoder.decode_needed(body, &origin, contracts, needs.columns()));
        let read =
            decoded.map_err(Into::into).and_then(|decoded| Timetable::read_within(decoded, needs, of.date, of.budget));
        of.budget.give_back(held);
        match read {
            Err(TimetableError::Budget(exceeded)) => Err(CheckError::from(exceeded).into()),
            read => Ok(read.map(Arc::new).map_err(|error| error.to_string())),
        }
    }

    /// What rules came to on dates that are like this one, by contract.
    fn alike(&self, of: &Inspected<'_>, timetable: &Result<Arc<Timetable>, String>) -> History<f64> {
        // Timetables have no kinds of days: each is of many.
        let days = match of.pipeline.partitioning() {
            Partitioning::CapturedDay => None,
            Partitioning::ServiceDay => Some(timetable.as_ref().map(|read| &read.trips_on)),
        };
        let is_like = |other: ServiceDate| {
            let Some(trips) = &days else { return true };
            let trips_on = |date| trips.as_ref().ok().and_then(|trips| trips.get(&date)).copied();
            is_same_kind((of.date, trips_on(of.date)), (other, trips_on(other)))
        };
        let alike = |values: &Vec<(ServiceDate, f64)>| -> Vec<f64> {
            values.iter().filter(|(date, _)| is_like(*date)).map(|(_, value)| *value).collect()
        };
        let of_contract = |rules: &BTreeMap<RuleId, Vec<(ServiceDate, f64)>>| {
            rules.iter().map(|(rule, values)| (rule.clone(), alike(values))).collect()
        };
        self.history.iter().map(|(contract, rules)| (contract.clone(), of_contract(rules))).collect()
    }

    /// The rows of the partitions before, by table.
    fn read_previous(&self, of: &Inspected<'_>) -> Result<BTreeMap<String, RecordBatch>, RunError> {
        let mut previous = BTreeMap::new();
        let contracts = of.pipeline.released();
        for (table, file) in &self.previous {
            let Some(contract) = contracts.iter().find(|contract| contract.table == *table) else { continue };
            let index = index::last_read(of.bucket, &of.pipeline.dataset, table)?;
            let known = index.map_or_else(Vec::new, |index| index.columns);
            if let Some(rows) = read_previous(of.bucket, (contract, &known), file)? {
                of.budget.take("previous", rows.get_array_memory_size()).map_err(CheckError::from)?;
                previous.insert(table.clone(), rows);
            }
        }
        Ok(previous)
    }
}

/// The rules of a contract that are compared with earlier partitions, and whether it is the rows that are counted.
fn with_history(contract: &Contract) -> impl Iterator<Item = (&RuleId, bool)> {
    let compared = |limit: &Limit| limit.needs_history();
    let rules = contract.rules.iter().filter(move |rule| rule.limit.as_ref().is_some_and(compared));
    let metrics = contract.metrics.iter().filter(move |metric| compared(&metric.limit));
    let metrics = metrics.map(|metric| (&metric.id, metric.metric == Metric::RowCount));
    rules.map(|rule| (&rule.id, false)).chain(metrics)
}

/// Whether two dates are of the same kind: about as many trips are planned on both, so that a holiday is as a Sunday is.
/// Where the timetable has none of one of them, Mondays to Fridays are of one kind, and Saturdays and Sundays of theirs.
fn is_same_kind(one: (ServiceDate, Option<u64>), other: (ServiceDate, Option<u64>)) -> bool {
    if let (Some(one), Some(other)) = (one.1, other.1) {
        // Otherwise half of the one could be as much as is usual on the other.
        return 3 * one.min(other) >= 2 * one.max(other);
    }
    let kind = |date: ServiceDate| date.0.weekday().to_monday_zero_offset().max(4);
    kind(one.0) == kind(other.0)
}

/// The evidence of a timetable that is valid on a date: the newest readable one that was captured until its end, or else the
/// first after; and the captures that are none.
fn timetable(
    workspace: &Workspace,
    pipeline: &Pipeline,
    date: ServiceDate,
) -> Result<(Option<FoundTimetable>, Option<PassedOver>), RunError> {
    let Some(feed) = pipeline.feeds.first() else { return Ok((None, None)) };
    let store = || evidence_store(workspace, &feed.from);
    let end = date.plus_days(1).zero(&workspace.zone);
    let find = || -> Result<(Found, bool), RunError> {
        let before = readable::latest_timetable(&store(), &feed.name, end)?;
        if before.entry.is_some() {
            return Ok((before, false));
        }
        let after = readable::first_timetable(&store(), &feed.name, end)?;
        let passed_over = before.passed_over.or(after.passed_over);
        Ok((Found { entry: after.entry, passed_over }, true))
    };
    let (mut found, mut is_late) = find()?;
    if found.entry.is_none() {
        capture(workspace, pipeline)?;
        // What was captured now is in time for a date that has not ended.
        (found, is_late) = find()?;
    }
    let (source, decoder) = (feed.name.clone(), pipeline.decoder.clone());
    let timetable = found.entry.map(|entry| FoundTimetable {
        source,
        dataset: pipeline.dataset.clone(),
        partition: date_of(workspace, pipeline, entry.captured_at),
        store: store(),
        entry,
        is_late,
        decoder,
    });
    Ok((timetable, found.passed_over))
}

/// The rows of a table in its partition before, as far as its columns are those of today, by the names that they had; `None` if the
/// file is gone.
fn read_previous(
    bucket: &Bucket,
    (contract, known): (&Contract, &[IndexColumn]),
    file: &IndexFile,
) -> Result<Option<RecordBatch>, RunError> {
    let Some(bytes) = bucket.get(&file.path)? else { return Ok(None) };
    let rows =
        parquet::rows(bytes).map_err(|error| RunError::internal(format!("{} is not readable: {error}", file.path)))?;
    let wanted = contract.previous_schema();
    let columns = wanted.fields().iter().map(|field| {
        let there = index::names_of(field.name(), contract, known).find_map(|name| rows.column_by_name(name));
        there
            .and_then(|values| grown(values, field.data_type()))
            .unwrap_or_else(|| arrow_array::new_null_array(field.data_type(), rows.num_rows()))
    });
    let rows = RecordBatch::try_new(wanted.clone(), columns.collect());
    rows.map(Some).map_err(|error| RunError::internal(format!("{}: {error}", file.path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holiday_is_as_a_sunday_is_and_without_a_timetable_weekdays_are_of_one_kind() {
        let like = |one: (&str, Option<u64>), other: (&str, Option<u64>)| {
            let day = |(date, trips): (&str, Option<u64>)| (date.parse().unwrap(), trips);
            is_same_kind(day(one), day(other))
        };
        let (friday, sunday, monday, holiday) = ("2026-12-18", "2026-12-20", "2026-12-21", "2026-12-25");
        assert!(like((monday, Some(400)), (friday, Some(420))));
        assert!(like((holiday, Some(120)), (sunday, Some(120))));
        assert!(!like((holiday, Some(120)), (friday, Some(420))));
        // In the school holidays some trips less run.
        assert!(like(("2026-12-28", Some(300)), (friday, Some(420))));
        for trips in [None, Some(400)] {
            assert!(like((monday, None), (friday, trips)));
            assert!(!like((monday, None), (sunday, trips)));
            assert!(!like(("2026-12-19", None), (sunday, trips)));
        }
    }
}
