//! When a report was made, as it is published: without the second by which a vehicle could be known from day to day.
//!
//! Many on-board units report at a fixed beat, each at a second of its own. Rounding alone leaves it visible: of a bus that
//! reports every ten seconds a multiple of five tells half of its beat, and which reports a snapshot every 15 seconds
//! catches tells the other half. So the time is counted back from the snapshot that first had the report, in spans of
//! twice the step: a report that was at most one span old is published as made in the middle of that span, one that was
//! older in the middle of its own. Every vehicle that reports at least once a span looks the same, whatever its second,
//! and the published time is off by at most the step (half a step more where snapshots are not received on multiples of it).
//!
//! Snapshots within one span count as one, received when the last of them was: else the one that first had a report would
//! tell its second.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{TimestampMillisecondType, UInt32Type};
use arrow_array::{Array, ArrayRef, RecordBatch, TimestampMillisecondArray};
use arrow_schema::ArrowError;

use crate::contract::{Classification, Contract, Kind};
use crate::table::{ORIGIN, Origin};

/// When a report was made.
pub const EVENT: &str = "event_timestamp";
/// When the snapshot that first had it was received.
pub const RECEIVED: &str = "received_at";
/// Seconds, unless the contract says otherwise.
pub const DEFAULT_STEP: u32 = 5;

/// How the instants of a table are published.
#[derive(Clone, Debug)]
pub struct PublishedTimes {
    /// By column: its step in milliseconds. The event time is counted back from its snapshot, others go to the nearest step.
    steps: BTreeMap<String, i64>,
    /// For each origin when its snapshot counts as received, milliseconds.
    received: Arc<[i64]>,
}

impl PublishedTimes {
    /// `None` if the table's instants are published as they are.
    pub fn new(contract: &Contract, origins: &[Origin]) -> Option<Self> {
        let step = |column: &crate::contract::Column| {
            let step = column.round_to.or((column.name == EVENT).then_some(DEFAULT_STEP))?;
            Some((column.name.clone(), i64::from(step) * 1000))
        };
        let columns = contract.columns.iter();
        let public = columns.filter(|c| c.classification == Classification::Public && c.kind == Kind::Instant);
        let steps: BTreeMap<String, i64> = public.filter_map(step).filter(|(_, step)| *step > 1000).collect();
        if steps.is_empty() {
            return None;
        }
        let captured = || origins.iter().map(|origin| origin.captured_at.as_millisecond());
        let received = match steps.get(EVENT) {
            Some(step) => {
                let span = |at: i64| (at - 1).div_euclid(2 * step);
                let mut last: BTreeMap<i64, i64> = BTreeMap::new();
                for at in captured() {
                    let latest = last.entry(span(at)).or_insert(at);
                    *latest = at.max(*latest);
                }
                captured().map(|at| last.get(&span(at)).copied().unwrap_or(at)).collect()
            }
            None => captured().collect(),
        };
        Some(Self { steps, received })
    }

    /// Whether the values of a column are published otherwise than rules see them.
    pub fn changes(&self, column: &str) -> bool {
        self.steps.contains_key(column) || (column == RECEIVED && self.steps.contains_key(EVENT))
    }

    /// A column as it is published; `origins` are those of its rows.
    pub fn column(&self, name: &str, array: &ArrayRef, origins: &ArrayRef) -> ArrayRef {
        let instants = array.as_primitive_opt::<TimestampMillisecondType>();
        let origins = origins.as_primitive_opt::<UInt32Type>();
        let (Some(instants), Some(origins)) = (instants.filter(|_| self.changes(name)), origins) else {
            return array.clone();
        };
        let received = |row: usize| self.received.get(origins.value(row) as usize).copied();
        let value = |row: usize| {
            let exact = instants.is_valid(row).then(|| instants.value(row))?;
            let step = self.steps.get(name).copied();
            match (step, received(row)) {
                (Some(step), Some(received)) if name == EVENT => {
                    let span = 2 * step;
                    let back = (received - exact).div_euclid(span) * span + step;
                    Some(nearest(received - back, step))
                }
                (Some(step), _) => Some(nearest(exact, step)),
                (None, received) => received.or(Some(exact)),
            }
        };
        let published: TimestampMillisecondArray = (0..instants.len()).map(value).collect();
        Arc::new(published.with_data_type(instants.data_type().clone()))
    }

    /// Rows of the table, all of their columns there, as they are published.
    pub fn rows(&self, rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let Some(origins) = rows.column_by_name(ORIGIN) else { return Ok(rows.clone()) };
        let columns = rows.schema_ref().fields().iter().zip(rows.columns());
        let columns = columns.map(|(field, array)| self.column(field.name(), array, origins)).collect();
        RecordBatch::try_new(rows.schema(), columns)
    }
}

/// The nearest multiple of a step; between two the later one.
fn nearest(at: i64, step: i64) -> i64 {
    (2 * at + step).div_euclid(2 * step) * step
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use arrow_array::UInt32Array;
    use jiff::Timestamp;

    use super::*;
    use crate::contract::odcs;

    /// 2026-11-24 08:00 UTC.
    const BEGIN: i64 = 1_795_507_200;

    fn contract(rounding: &str) -> Contract {
        let column = |name: &str, custom: &str| {
            format!("      - {{name: {name}, logicalType: timestamp, classification: public{custom}}}\n")
        };
        let custom = match rounding {
            "" => String::new(),
            step => format!(", customProperties: [{{property: roundTo, value: {step}}}]"),
        };
        let text = format!(
            "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: '1'\nstatus: active\nschema:\n  - name: t\n    \
             properties:\n{}{}",
            column(EVENT, &custom),
            column(RECEIVED, "")
        );
        odcs::contract(Path::new("t.odcs.yaml"), &text).unwrap()
    }

    /// What is published of reports (seconds, place of the snapshot that first had it): when made, and when received.
    fn published(rounding: &str, snapshots: &[i64], reports: &[(i64, u32)]) -> Vec<(i64, i64)> {
        let origins: Vec<Origin> = snapshots
            .iter()
            .map(|at| Origin { name: String::new(), captured_at: Timestamp::from_second(*at).unwrap() })
            .collect();
        let instants = |at: &mut dyn Iterator<Item = i64>| -> ArrayRef {
            Arc::new(TimestampMillisecondArray::from_iter_values(at.map(|at| at * 1000)).with_timezone("UTC"))
        };
        let rows = RecordBatch::try_from_iter([
            (EVENT, instants(&mut reports.iter().map(|(event, _)| *event))),
            (RECEIVED, instants(&mut reports.iter().map(|(_, place)| snapshots[*place as usize]))),
            (ORIGIN, Arc::new(reports.iter().map(|(_, place)| *place).collect::<UInt32Array>()) as ArrayRef),
        ]);
        let rows = rows.unwrap();
        let times = PublishedTimes::new(&contract(rounding), &origins);
        let rows = times.map_or_else(|| rows.clone(), |times| times.rows(&rows).unwrap());
        let seconds = |place: usize| {
            let values = rows.column(place).as_primitive::<TimestampMillisecondType>().values().clone();
            values.iter().map(|millis| millis / 1000).collect::<Vec<_>>()
        };
        seconds(0).into_iter().zip(seconds(1)).collect()
    }

    /// The reports of a bus that reports every `beat` seconds, at the second `own`, as snapshots first have them.
    fn reports(snapshots: &[i64], beat: i64, own: i64) -> Vec<(i64, u32)> {
        let mut reports: Vec<(i64, u32)> = Vec::new();
        for (place, at) in snapshots.iter().enumerate() {
            let newest = at - (at - own).rem_euclid(beat);
            if reports.last().is_none_or(|(last, _)| *last < newest) {
                reports.push((newest, place as u32));
            }
        }
        reports
    }

    #[test]
    fn every_bus_that_reports_once_a_span_looks_the_same_whatever_its_second() {
        for (rounding, beat) in [("", 10), ("5 s", 10), ("5 s", 5), ("10 s", 20), ("15 s", 30), ("30 s", 60)] {
            for interval in [5, 10, 15, 20, 30, 60, 120] {
                // Snapshots more often than buses report are those of a span.
                if interval < beat && beat % interval != 0 {
                    continue;
                }
                let snapshots: Vec<i64> = (1..=480).map(|i| BEGIN + i * interval).collect();
                let of = |own: i64| {
                    let reports = reports(&snapshots, beat, own);
                    let all = published(rounding, &snapshots, &reports);
                    let step = if rounding.is_empty() { 5 } else { rounding[..rounding.len() - 2].parse().unwrap() };
                    for ((exact, _), (event, _)) in reports.iter().zip(&all) {
                        let most = if interval % step == 0 { step } else { step * 3 / 2 };
                        assert!((event - exact).abs() <= most && event % step == 0, "{exact} {event} {step}");
                    }
                    assert!(all.is_sorted());
                    // The first and the last span are cut off where the snapshots begin and end.
                    let (from, until) = (BEGIN + 240, BEGIN + 480 * interval - 240);
                    let kept = all.into_iter().filter(|(_, received)| (from..until).contains(received));
                    kept.collect::<Vec<_>>()
                };
                let first = of(0);
                assert!(first.len() > 5);
                for own in 1..beat {
                    assert_eq!(of(own), first, "{rounding} every {beat} s at {own}, snapshots every {interval} s");
                }
            }
        }
    }

    #[test]
    fn old_reports_and_fast_clocks_stay_within_the_step_and_one_second_is_as_it_is() {
        let snapshots = [BEGIN, BEGIN + 15, BEGIN + 30];
        let exact = [(BEGIN - 400, 1), (BEGIN + 3, 1), (BEGIN + 15, 1), (BEGIN + 450, 2)];
        for ((exact, _), (event, received)) in exact.iter().zip(published("", &snapshots, &exact)) {
            assert!((event - exact).abs() <= 5 && event % 5 == 0, "{exact} {event}");
            assert!(snapshots.contains(&received));
        }
        let off: Vec<(i64, i64)> = exact.iter().map(|(event, place)| (*event, snapshots[*place as usize])).collect();
        assert_eq!(published("1 s", &snapshots, &exact), off);
    }

    #[test]
    fn a_step_that_is_none_is_a_mistake_with_its_line() {
        let read = |column: &str| {
            let text = format!(
                "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: '1'\nstatus: active\nschema:\n  - name: t\n    \
                 properties:\n      - {column}\n"
            );
            odcs::contract(Path::new("t.odcs.yaml"), &text).map_err(|problems| problems[0].to_string())
        };
        for (step, is_right) in [
            ("1 s", true),
            ("60 s", true),
            ("5s", true),
            ("61 s", false),
            ("0 s", false),
            ("5", false),
            ("fast", false),
        ] {
            let column = format!(
                "{{name: a, logicalType: timestamp, classification: public, customProperties: [{{property: roundTo, value: {step}}}]}}"
            );
            assert_eq!(read(&column).is_ok(), is_right, "{step}");
        }
        let text = read(
            "{name: a, logicalType: string, classification: public, customProperties: [{property: roundTo, value: 5 s}]}",
        );
        assert!(text.unwrap_err().contains(":9: 'roundTo' stands at a column that is no public timestamp"));
        let driver = read("{name: driverName, logicalType: string, classification: public}").unwrap_err();
        assert!(driver.contains(":9: the column 'driverName' is public") && driver.contains("a driver"), "{driver}");
    }
}
