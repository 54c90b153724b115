//! The days of a dataset: what became of each, and what is missing on it.

use std::collections::{BTreeMap, BTreeSet};

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;

use super::sources::{Sources, has, readable};
use crate::check::RuleResult;
use crate::portal::Table;
use crate::portal::overview::{CANCELLED, COMPLETE_BELOW, Day, DayCoverage, DayFinding, DayGap};
use crate::publication::DATASET;
use crate::publish::PublishError;
use crate::publish::column_reader::read_columns;
use crate::publish::index::{IndexFile, Tombstone};
use crate::report::Quality;
use crate::report::results;
use crate::time::ServiceDate;

/// The columns of a table that tells what is missing, by which it is known.
const COVERAGE: [&str; 8] = [
    "hour",
    "source",
    "trips_scheduled",
    "trips_observed",
    "trips_cancelled",
    "snapshots_expected",
    "snapshots_received",
    "gap_reason",
];

/// All dates that have a file or results, or had results that are gone. What is there of a date stays unless there is a reason to look
/// at it; where all is made anew, only what nothing else tells any more.
pub(super) fn days(
    sources: &Sources<'_>,
    before: Option<&BTreeMap<ServiceDate, Day>>,
) -> Result<BTreeMap<ServiceDate, Day>, PublishError> {
    let kept = before.filter(|_| !sources.is_anew);
    let mut records: BTreeMap<ServiceDate, BTreeSet<String>> = BTreeMap::new();
    let mut withdrawn = BTreeSet::new();
    for table in sources.tables {
        for file in &table.index.files {
            records.entry(file.partition_date).or_default().insert(file.record.clone());
        }
        withdrawn.extend(table.index.withdrawn.iter().filter(|(_, of)| of.holds()).map(|(date, _)| *date));
    }
    let mut with_results: BTreeSet<ServiceDate> = sources.listed.dates().into_iter().collect();
    match (kept, sources.listed.since()) {
        // Those from before what is listed are still there.
        (Some(kept), Some(since)) => {
            let earlier = kept.range(..since).filter(|(_, day)| day.status.is_some());
            with_results.extend(earlier.map(|(date, _)| *date));
        }
        (None, Some(_)) => with_results.extend(results::dates(sources.bucket, sources.dataset)?),
        (_, None) => {}
    }
    // Results of a withdrawn date leave the public, too.
    with_results.retain(|date| !withdrawn.contains(date));
    let mut dates: BTreeSet<ServiceDate> = records.keys().copied().collect();
    dates.extend(&with_results);
    // Results that are gone although nobody withdrew them: the day stays what it was.
    let is_lost = |(date, day): &(&ServiceDate, &Day)| {
        day.status.is_some()
            && !with_results.contains(date)
            && !withdrawn.contains(date)
            && records.get(date).map_or_else(|| day.records.is_empty(), |records| *records == day.records)
    };
    let lost = before.into_iter().flatten().filter(is_lost);
    let mut days: BTreeMap<ServiceDate, Day> = lost.map(|(date, day)| (*date, day.clone())).collect();
    dates.retain(|date| !days.contains_key(date));
    let known: BTreeMap<ServiceDate, &Quality> = sources.results.iter().map(|of| (of.date, of)).collect();
    for date in dates {
        let records = records.remove(&date).unwrap_or_default();
        let of_date = |days: Option<&BTreeMap<ServiceDate, Day>>| days.and_then(|days| days.get(&date)).cloned();
        let [same, was] = [kept, before].map(|days| of_date(days).filter(|day| day.records == records));
        let has_results = with_results.contains(&date);
        let is_looked_at = sources.dates.contains(&date)
            || known.contains_key(&date)
            || same.as_ref().is_none_or(|day| !has_results && day.status.is_some());
        if let Some(day) = same.clone().filter(|_| !is_looked_at) {
            days.insert(date, day);
            continue;
        }
        let mut day = Day { records, ..Day::default() };
        let read = match known.get(&date) {
            _ if !has_results || sources.dataset == DATASET => None,
            Some(quality) => Some((*quality).clone()),
            None => results::read(sources.bucket, sources.dataset, &[date])?.pop(),
        };
        if let Some(quality) = read {
            tell(&mut day, &quality);
        } else if day.records.is_empty() {
            continue;
        }
        // The same records made the same files.
        let told = |table: &&Table| COVERAGE.iter().all(|name| has(&table.index, name));
        let is_gone = |table: &Table| {
            table.index.file_of(date).is_none() && table.index.withdrawn.get(&date).is_some_and(Tombstone::holds)
        };
        day.coverage = match same {
            // What said so was withdrawn, and what was withdrawn is told no more.
            _ if sources.tables.iter().find(told).is_some_and(is_gone) => None,
            Some(same) => same.coverage,
            // A file that is gone does not make its day a complete one.
            None => coverage(sources, date)?.or_else(|| was.and_then(|was| was.coverage)),
        };
        days.insert(date, day);
    }
    Ok(days)
}

pub(super) fn tell(day: &mut Day, quality: &Quality) {
    day.status = Some(quality.status);
    day.provisional = quality.provisional;
    day.nothing_captured = quality.nothing_captured;
    day.score = quality.score.dataset;
    let is_finding = |result| matches!(result, RuleResult::Failed | RuleResult::Warning | RuleResult::Error);
    let findings = quality.rules.iter().filter(|rule| is_finding(rule.result));
    day.findings = findings
        .map(|rule| DayFinding {
            table: rule.table.clone(),
            contract: rule.contract.clone(),
            rule: rule.id.clone(),
            result: rule.result,
            rows: rule.rows,
        })
        .collect();
}

/// What is missing on a date, by the table that tells it.
fn coverage(sources: &Sources<'_>, date: ServiceDate) -> Result<Option<DayCoverage>, PublishError> {
    let mut tables = sources.tables.iter().filter(|table| COVERAGE.iter().all(|name| has(&table.index, name)));
    let Some(file) = tables.find_map(|table| table.index.file_of(date)) else { return Ok(None) };
    coverage_of(sources, file)
}

fn coverage_of(sources: &Sources<'_>, file: &IndexFile) -> Result<Option<DayCoverage>, PublishError> {
    let read = read_columns(sources.bucket, file, &COVERAGE, None, sources.memory);
    let Some(batches) = readable(read)? else { return Ok(None) };
    let mut sums = Sums::default();
    batches.iter().for_each(|batch| sums.add(batch));
    sums.coverage.partial = sums.is_partial();
    let gaps = sums.gaps.into_iter();
    sums.coverage.gaps =
        gaps.map(|((reason, source), (hours, missing))| DayGap { reason, source, hours, missing }).collect();
    Ok(Some(sums.coverage))
}

#[derive(Default)]
struct Sums {
    coverage: DayCoverage,
    gaps: BTreeMap<(String, Option<String>), (BTreeSet<i32>, u64)>,
    /// Trips that are missing and were not called off.
    trips_missing: u64,
    /// Hours in which trips are scheduled.
    scheduled: BTreeSet<i32>,
    /// Snapshots of each source that were expected, and those that are missing.
    snapshots: BTreeMap<String, (u64, u64)>,
    /// Hours of gaps of sources that do not say how many snapshots were expected.
    unmeasured: BTreeSet<Option<i32>>,
}

impl Sums {
    /// Whether so much is missing that the date is not complete: [`COMPLETE_BELOW`] of the trips or of the snapshots of a source, or
    /// what nobody can count in an hour in which buses run.
    fn is_partial(&self) -> bool {
        let is_much = |missing: u64, expected: u64| missing > 0 && missing as f64 >= COMPLETE_BELOW * expected as f64;
        let is_service =
            |hour: &Option<i32>| self.scheduled.is_empty() || hour.is_none_or(|hour| self.scheduled.contains(&hour));
        is_much(self.trips_missing, self.coverage.trips_scheduled)
            || self.snapshots.values().any(|(expected, missing)| is_much(*missing, *expected))
            || self.unmeasured.iter().any(is_service)
    }

    fn add(&mut self, batch: &RecordBatch) {
        let text = |name: &str, row: usize| -> Option<String> {
            let column = batch.column_by_name(name)?.as_string_opt::<i32>()?;
            column.is_valid(row).then(|| column.value(row).to_owned())
        };
        let number = |name: &str, row: usize| -> Option<i64> {
            let column = batch.column_by_name(name).filter(|column| column.is_valid(row))?;
            match column.data_type() {
                DataType::Int32 => Some(i64::from(column.as_primitive::<Int32Type>().value(row))),
                DataType::Int64 => Some(column.as_primitive::<Int64Type>().value(row)),
                _ => None,
            }
        };
        let count = |name: &str, row: usize| number(name, row).and_then(|number| u64::try_from(number).ok());
        for row in 0..batch.num_rows() {
            let source = text("source", row);
            let hour = number("hour", row).and_then(|hour| i32::try_from(hour).ok());
            let reason = text("gap_reason", row);
            let is_gap = reason.as_ref().is_some_and(|reason| reason != CANCELLED);
            let expected = count("snapshots_expected", row);
            let missing = if let Some(source) = &source {
                let received = count("snapshots_received", row).unwrap_or(0);
                let missing = expected.unwrap_or(0).saturating_sub(received);
                match expected {
                    Some(expected) => {
                        self.coverage.snapshots_expected += expected;
                        self.coverage.snapshots_received += received;
                        let sum = self.snapshots.entry(source.clone()).or_default();
                        sum.0 += expected;
                        sum.1 += if is_gap { missing } else { 0 };
                    }
                    None => {
                        if is_gap {
                            self.unmeasured.insert(hour);
                        }
                        if received > 0 {
                            let of_source = self.coverage.without_beat.entry(source.clone());
                            let [fewest, most] = of_source.or_insert([received; 2]);
                            (*fewest, *most) = ((*fewest).min(received), (*most).max(received));
                        }
                    }
                }
                missing
            } else {
                let [scheduled, observed, cancelled] =
                    ["trips_scheduled", "trips_observed", "trips_cancelled"].map(|name| count(name, row).unwrap_or(0));
                self.coverage.trips_scheduled += scheduled;
                self.coverage.trips_observed += observed;
                self.coverage.trips_cancelled += cancelled;
                let missing = scheduled.saturating_sub(observed);
                self.trips_missing += if is_gap { missing } else { 0 };
                self.scheduled.extend(hour.filter(|_| scheduled > 0));
                missing
            };
            if let Some(reason) = reason {
                let gap = self.gaps.entry((reason, source)).or_default();
                gap.0.extend(hour);
                gap.1 += missing;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Int32Array, Int64Array, StringArray};

    use super::*;

    /// Hour, source, of what is expected how much is there, and why something is missing.
    type Row = (i32, Option<&'static str>, Option<[i32; 2]>, Option<&'static str>);

    fn is_partial(rows: &[Row]) -> bool {
        let number =
            |of: &dyn Fn(&Row) -> Option<i32>| -> ArrayRef { Arc::new(rows.iter().map(of).collect::<Int32Array>()) };
        let text = |of: &dyn Fn(&Row) -> Option<&'static str>| -> ArrayRef {
            Arc::new(rows.iter().map(of).collect::<StringArray>())
        };
        let of = |is_source: bool, place: usize| {
            number(&move |row: &Row| row.2.filter(|_| row.1.is_some() == is_source).map(|counts| counts[place]))
        };
        let batch = RecordBatch::try_from_iter_with_nullable([
            ("hour", number(&|row| Some(row.0)), true),
            ("source", text(&|row| row.1), true),
            ("trips_scheduled", of(false, 0), true),
            ("trips_observed", of(false, 1), true),
            ("snapshots_expected", of(true, 0), true),
            ("snapshots_received", of(true, 1), true),
            ("gap_reason", text(&|row| row.3), true),
        ]);
        let mut sums = Sums::default();
        sums.add(&batch.unwrap());
        sums.is_partial()
    }

    #[test]
    fn a_day_of_which_less_than_one_percent_is_missing_is_complete() {
        let (feed, why) = (Some("feed"), Some("failed"));
        let served: Row = (7, None, Some([1_000, 1_000]), None);
        for (expected, what, rows) in [
            (false, "nothing is missing", vec![served]),
            (false, "nine trips of a thousand", vec![(7, None, Some([1_000, 991]), Some("not_reported"))]),
            (true, "ten trips of a thousand", vec![(7, None, Some([1_000, 990]), Some("not_reported"))]),
            (false, "trips that were called off", vec![(7, None, Some([1_000, 500]), Some("cancelled"))]),
            (false, "nine snapshots", vec![served, (7, feed, Some([1_000, 991]), why)]),
            (
                true,
                "all of a slow source, few of all",
                vec![(7, feed, Some([10_000, 10_000]), None), (7, Some("slow"), Some([10, 0]), why)],
            ),
            (false, "at night, when no bus runs", vec![served, (3, feed, None, Some("no_capture"))]),
            (true, "nobody knows how much while buses run", vec![served, (7, feed, None, Some("no_capture"))]),
            (true, "at night, where no timetable says when buses run", vec![(3, feed, None, Some("no_capture"))]),
        ] {
            assert_eq!(is_partial(&rows), expected, "{what}");
        }
    }

    #[test]
    fn of_a_source_without_a_beat_it_is_known_how_many_snapshots_its_hours_had() {
        let large = |values: [Option<i64>; 5]| -> ArrayRef { Arc::new(Int64Array::from(values.to_vec())) };
        let sources: ArrayRef = Arc::new(StringArray::from(vec!["feed", "feed", "feed", "other", "other"]));
        let reasons: ArrayRef = Arc::new(StringArray::from(vec![None, None, Some("no_capture"), None, None]));
        let batch = RecordBatch::try_from_iter_with_nullable([
            ("source", sources, true),
            ("snapshots_expected", large([None, None, None, Some(60), Some(60)]), true),
            ("snapshots_received", large([Some(60), Some(39), Some(0), Some(60), Some(60)]), true),
            ("gap_reason", reasons, true),
        ]);
        let mut sums = Sums::default();
        sums.add(&batch.unwrap());
        // An hour without any is a gap of its own, and where a beat is known its gaps are looked for.
        assert_eq!(sums.coverage.without_beat, BTreeMap::from([("feed".to_owned(), [39, 60])]));
    }
}
