//! The rows of `coverage`, and the reason of each gap.

use std::sync::Arc;

use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{ArrayRef, Date32Array, PrimitiveArray, StringArray, TimestampMillisecondArray};

use super::{LineHour, Place, Run};
use crate::derive::derivation::{Derived, SourceHour, rows_by_name};
use crate::derive::error::DeriveError;
use crate::derive::line_hours::hour_start;
use crate::table::Lineage;

/// Rows of a chunk.
const CHUNK: usize = 10_000;
/// Of a source of which no beat is known: nothing was captured.
const NO_CAPTURE: &str = "no_capture";
const CANCELLED: &str = "cancelled";
const ROWS_HELD: &str = "rows_held";
const NOT_REPORTED: &str = "not_reported";

enum Row<'a> {
    Line(&'a Place, &'a LineHour),
    Source(&'a SourceHour),
}

impl Row<'_> {
    fn hour(&self) -> Option<i32> {
        match self {
            Self::Line((_, hour), _) => *hour,
            Self::Source(of) => Some(of.hour),
        }
    }

    fn line(&self) -> Option<&LineHour> {
        match self {
            Self::Line(_, line) => Some(line),
            Self::Source(_) => None,
        }
    }

    fn source(&self) -> Option<&SourceHour> {
        match self {
            Self::Line(..) => None,
            Self::Source(of) => Some(of),
        }
    }
}

/// Why not all of what was expected of a source came.
fn reason_of_source(of: &SourceHour) -> Option<&str> {
    match of.expected {
        Some(expected) if of.received < expected => of.reason.as_deref(),
        None if of.received == 0 => Some(NO_CAPTURE),
        _ => None,
    }
}

/// Whether under half of what was expected of a source came.
fn is_out(of: &SourceHour) -> bool {
    of.expected.map_or(of.received == 0, |expected| 2 * of.received < expected)
}

impl Run {
    /// All rows.
    pub(super) fn rows(&self) -> Result<Vec<Derived>, DeriveError> {
        let lines = self.lines.iter().map(|(place, line)| Row::Line(place, line));
        let rows: Vec<Row<'_>> = lines.chain(self.sources.hours.iter().map(Row::Source)).collect();
        let chunks = rows.chunks(CHUNK).enumerate();
        chunks.map(|(chunk, rows)| self.chunk((chunk * CHUNK) as u64, rows)).collect()
    }

    fn chunk(&self, first: u64, rows: &[Row<'_>]) -> Result<Derived, DeriveError> {
        let texts = |value: &dyn Fn(&Row<'_>) -> Option<String>| -> ArrayRef {
            Arc::new(rows.iter().map(value).collect::<StringArray>())
        };
        let numbers = |value: &dyn Fn(&LineHour) -> u32| -> ArrayRef {
            let of = |row: &Row<'_>| row.line().filter(|_| self.has_trips).map(|line| value(line) as i32);
            Arc::new(rows.iter().map(of).collect::<PrimitiveArray<Int32Type>>())
        };
        let sums = |value: &dyn Fn(&Row<'_>) -> Option<u64>| -> ArrayRef {
            let of = |row: &Row<'_>| value(row).map(|value| value as i64);
            Arc::new(rows.iter().map(of).collect::<PrimitiveArray<Int64Type>>())
        };
        let fate = |place: usize| sums(&|row| row.line().map(|line| line.rows[place]));
        let column = |name: &str| -> Option<ArrayRef> {
            Some(match name {
                "service_date" => Arc::new(Date32Array::from_value(self.date.days_since_epoch(), rows.len())),
                "hour" => Arc::new(rows.iter().map(Row::hour).collect::<PrimitiveArray<Int32Type>>()),
                "hour_start" => {
                    let starts = rows.iter().map(|row| row.hour().map(|hour| hour_start(self.zero_ms, hour)));
                    Arc::new(starts.collect::<TimestampMillisecondArray>().with_timezone("UTC"))
                }
                "route_id" => texts(&|row| match row {
                    Row::Line((route, _), _) => route.as_deref().map(str::to_owned),
                    Row::Source(_) => None,
                }),
                "source" => texts(&|row| {
                    let name = self.sources.names.get(row.source()?.source as usize)?;
                    Some(name.to_string())
                }),
                "trips_scheduled" => numbers(&|line| line.scheduled),
                "trips_observed" => numbers(&|line| line.observed),
                "trips_cancelled" => numbers(&|line| line.cancelled),
                "trips_unscheduled" => numbers(&|line| line.unscheduled),
                "snapshots_expected" => sums(&|row| row.source()?.expected),
                "snapshots_received" => sums(&|row| row.source().map(|of| of.received)),
                "rows_published" => fate(0),
                "rows_held" => fate(1),
                "rows_dropped" => fate(2),
                "gap_reason" => texts(&|row| {
                    let reason = match row {
                        Row::Line((route, hour), line) => self.reason_of_line(route.as_deref(), *hour, line),
                        Row::Source(of) => reason_of_source(of),
                    };
                    reason.map(str::to_owned)
                }),
                _ => return None,
            })
        };
        let places: Vec<(u32, u64)> = (0..rows.len() as u64).map(|row| (self.origin, first + row)).collect();
        let chunk = rows_by_name(&self.contract, Lineage::of_first(&places), rows.len(), column)?;
        Ok(Derived { output: 0, chunk })
    }

    /// Why not all scheduled trips of a line were observed in an hour.
    fn reason_of_line(&self, route: Option<&str>, hour: Option<i32>, line: &LineHour) -> Option<&str> {
        let missing = line.scheduled.checked_sub(line.observed).filter(|missing| self.has_trips && *missing > 0)?;
        if let Some(of) = self.source_out(route, hour) {
            return reason_of_source(of);
        }
        let [published, held, _] = line.rows;
        Some(match () {
            () if missing <= line.cancelled_unobserved => CANCELLED,
            () if published == 0 && held > 0 => ROWS_HELD,
            () => NOT_REPORTED,
        })
    }

    /// Of the sources that report a line, the one of which least came, if under half did. Where none has reported the line on the
    /// date, all that reported another one count, and where none has, all.
    fn source_out(&self, route: Option<&str>, hour: Option<i32>) -> Option<&SourceHour> {
        let of_line = route.and_then(|route| self.sources_of.get(route));
        let asked = of_line.unwrap_or(&self.reporting);
        let is_asked = |of: &&SourceHour| asked.is_empty() || asked.contains(&of.source);
        let of_hour = self.sources.hours.iter().filter(|of| Some(of.hour) == hour).filter(is_asked);
        // As parts of what was expected; of two alike the first of the pipeline.
        let share = |of: &SourceHour| of.expected.map_or(0, |expected| of.received * 1_000_000 / expected.max(1));
        of_hour.filter(|of| is_out(of)).min_by_key(|of| (share(of), of.source))
    }
}
