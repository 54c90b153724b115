//! The partition of a row: which rows belong to the service date that is made, and what is told of those that do not.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::contract::Severity;
use crate::decode::captures::{CaptureRules, Only, Strays};
use crate::decode::rows::LAST_SECOND;
use crate::decode::{Note, Step};
use crate::time::{Assigned, Dated, ServiceDate, ServiceDates, ServiceSeconds};

/// Strays that are shown.
const STRAYS_SHOWN: usize = 5;

/// What an entity says of its service date.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Says<'a> {
    pub start_date: Option<&'a [u8]>,
    pub start_time: Option<&'a [u8]>,
    /// When it was made, in seconds since 1970; the first that can be counts.
    pub made: [Option<i64>; 2],
}

/// Where and when an entity was received.
#[derive(Clone, Copy, Debug)]
pub(super) struct Received {
    pub at: Timestamp,
    pub origin: u32,
    /// The place of the entity in its message.
    pub row: u64,
}

/// Knows early messages without a row of a date, before they are taken apart: until noon of the day before, nothing but its
/// digits as a `start_date` makes a row one of the date (see [`ServiceDates`]).
pub(super) struct Skips {
    until: Timestamp,
    digits: memchr::memmem::Finder<'static>,
}

impl Skips {
    pub(super) fn new(only: &Only) -> Self {
        let noon = ServiceSeconds(12 * 3600);
        let until = only.date.plus_days(-1).instant(noon, &only.zone);
        Self { until, digits: memchr::memmem::Finder::new(only.date.to_gtfs().as_bytes()).into_owned() }
    }

    pub(super) fn is_of_others(&self, received: Timestamp, body: &[u8]) -> bool {
        received < self.until && self.digits.find(body).is_none()
    }
}

/// Whose a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowPartition {
    /// That of the partition that is made.
    Own,
    /// That of a date which was over, or has not begun, received on the date of the partition.
    Neighbour(ServiceDate),
    /// No partition's; counted in this one.
    Stray(ServiceDate),
    Other,
}

/// Picks the rows of one partition before they are made.
pub(super) struct RowFilter {
    date: ServiceDate,
    /// As a snapshot writes it.
    digits: String,
    dates: ServiceDates,
    strays: Strays,
    /// Rows received on the date of the partition that are of another one: named, and come after it was over, or of a later one.
    others: BTreeMap<ServiceDate, u64>,
    /// How many strays and samples there were before the entity that is being read, and which rows of another date it has.
    strays_before: (u64, usize),
    others_of_entity: Option<(ServiceDate, u64)>,
}

impl RowFilter {
    pub(super) fn new(only: &Only) -> Self {
        Self {
            date: only.date,
            digits: only.date.to_gtfs(),
            dates: ServiceDates::new(only.zone.clone()),
            strays: Strays::default(),
            others: BTreeMap::new(),
            strays_before: (0, 0),
            others_of_entity: None,
        }
    }

    /// An entity begins.
    pub(super) fn begin(&mut self) {
        self.strays_before = (self.strays.rows, self.strays.samples.len());
        self.others_of_entity = None;
    }

    /// Forgets what it counted of an entity that is left out. All of its rows in a table are of the same date.
    pub(super) fn undo(&mut self) {
        self.strays.rows = self.strays_before.0;
        self.strays.samples.truncate(self.strays_before.1);
        if let Some((date, rows)) = self.others_of_entity.take() {
            match self.others.get_mut(&date) {
                Some(count) if *count > rows => *count -= rows,
                _ => _ = self.others.remove(&date),
            }
        }
    }

    /// Whose the rows of an entity are that says this.
    pub(super) fn partition(&mut self, says: &Says<'_>, received: Timestamp) -> RowPartition {
        // All captures are of the partition's evidence.
        if says.start_date.is_some_and(|text| text == self.digits.as_bytes()) {
            return RowPartition::Own;
        }
        let start_date = says.start_date.and_then(|text| std::str::from_utf8(text).ok());
        let start_time = says.start_time.filter(|text| std::str::from_utf8(text).is_ok());
        let seconds = says.made.into_iter().flatten().filter(|second| (1..=LAST_SECOND).contains(second));
        let dated = Dated {
            start_date: start_date.and_then(ServiceDate::from_gtfs),
            start_time: start_time.and_then(ServiceSeconds::from_gtfs),
            made: seconds.filter_map(|second| Timestamp::from_second(second).ok()).next(),
        };
        self.partition_of(dated, received)
    }

    /// The same of what was read already.
    pub(super) fn partition_of(&mut self, dated: Dated, received: Timestamp) -> RowPartition {
        match self.dates.assign(received, dated) {
            Assigned::To(date) if date == self.date => RowPartition::Own,
            Assigned::To(date) => {
                let says_when = dated.start_date.is_some() || dated.start_time.is_some();
                let is_late = says_when && self.dates.day(date).is_over(received);
                let is_told = is_late || date > self.date;
                match is_told && self.dates.reported(received).date == self.date {
                    true => RowPartition::Neighbour(date),
                    false => RowPartition::Other,
                }
            }
            Assigned::Stray { of, counted_in } if counted_in == self.date => RowPartition::Stray(of),
            Assigned::Stray { .. } => RowPartition::Other,
        }
    }

    /// Counts rows of an entity that are not made.
    pub(super) fn count(&mut self, partition: RowPartition, received: &Received, rows: u64) {
        match partition {
            RowPartition::Neighbour(date) => {
                *self.others.entry(date).or_default() += rows;
                self.others_of_entity = Some((date, self.others_of_entity.map_or(rows, |(_, before)| before + rows)));
            }
            RowPartition::Stray(of) => {
                self.strays.rows += rows;
                let shown = STRAYS_SHOWN.saturating_sub(self.strays.samples.len());
                let sample = (received.origin, received.row, of);
                self.strays.samples.extend((0..rows).take(shown).map(|_| sample));
            }
            RowPartition::Own | RowPartition::Other => {}
        }
    }

    /// What is to be told of a table at its end.
    pub(super) fn steps(self, table: usize, name: &str, rules: &CaptureRules) -> Vec<Step> {
        let told = |(date, rows): (ServiceDate, u64)| {
            let of = format!("{rows} rows of {name} were received on {} and are of {date}", self.date);
            let (rule, message) = match date > self.date {
                true => (rules.early_rows, format!("{of}: they are in its partition")),
                false => (
                    rules.late_rows,
                    format!(
                        "{of}, which was over: they are in its partition if it is run, or run again, after noon of the day \
                         after it"
                    ),
                ),
            };
            Step::Note(Note { rule, severity: Severity::Info, message })
        };
        let mut steps: Vec<Step> = self.others.into_iter().map(told).collect();
        if self.strays.rows > 0 {
            steps.push(Step::Strays { table, strays: self.strays });
        }
        steps
    }
}
