//! `service_dates`: on which dates each service of a timetable runs, one row per service and date.
//!
//! Made of `calendar` and `calendar_dates`, or of the one of them that the feed has. A service runs on the weekdays of its periods
//! in `calendar`, on the dates that `calendar_dates` adds, and not on those that it removes; a date that is added and removed is
//! removed. All dates are listed, also past ones and those after the end of `feed_info`.
//!
//! Holds 48 bytes for each row of `calendar_dates` and some 300 for each service, booked on the run's budget. Its own rows are made
//! service by service as they are written. A calendar whose keys alone, which the check of the table holds, exceed `limits: memory`
//! is refused before the first of them is made.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Int32Type};
use arrow_array::{Array, ArrayRef, Date32Array, RecordBatch, StringArray};

use crate::contract::{Contract, Kind};
use crate::derive::derivation::{
    Derivation, DerivationType, DeriveContext, Derived, Finished, Input, InputAccount, InputColumn, Output,
    OutputColumn, Tables, Unused, rows_by_name,
};
use crate::derive::error::DeriveError;
use crate::derive::reports;
use crate::table::{Budget, Lineage};

const TABLE: &str = "service_dates";
/// Rows of a chunk.
const CHUNK: usize = 10_000;
/// The columns of `calendar`, and the words of `weekday`.
const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
/// 1970-01-01 was a Thursday.
const FIRST_WEEKDAY: i32 = 3;
/// `exception_type` of `calendar_dates`.
const ADDED: i32 = 1;
const REMOVED: i32 = 2;
/// What the check of the table holds of each row at the least: its key.
const KEY: usize = size_of::<u128>();
/// The places of the inputs.
const CALENDAR: usize = 0;
const CALENDAR_DATES: usize = 1;

const INPUTS: &[Input] = &[
    Input {
        of: Tables::Feed,
        table: "calendar",
        columns: &[
            InputColumn::needed("service_id", Kind::Text),
            InputColumn::needed("start_date", Kind::Date),
            InputColumn::needed("end_date", Kind::Date),
            InputColumn::needed(WEEKDAYS[0], Kind::Int32),
            InputColumn::needed(WEEKDAYS[1], Kind::Int32),
            InputColumn::needed(WEEKDAYS[2], Kind::Int32),
            InputColumn::needed(WEEKDAYS[3], Kind::Int32),
            InputColumn::needed(WEEKDAYS[4], Kind::Int32),
            InputColumn::needed(WEEKDAYS[5], Kind::Int32),
            InputColumn::needed(WEEKDAYS[6], Kind::Int32),
        ],
        is_required: true,
    },
    Input {
        of: Tables::Feed,
        table: "calendar_dates",
        columns: &[
            InputColumn::needed("service_id", Kind::Text),
            InputColumn::needed("date", Kind::Date),
            InputColumn::needed("exception_type", Kind::Int32),
        ],
        is_required: true,
    },
];

/// The column of the first weekday in `calendar`.
const FIRST_DAY: usize = 3;

const DATES: &[&str] = &["start_date", "end_date", "date", "exception_type"];

const OUTPUTS: &[Output] = &[Output {
    table: TABLE,
    columns: &[
        OutputColumn::made("service_id", Kind::Text, &["service_id"]),
        OutputColumn::made("service_date", Kind::Date, DATES),
        OutputColumn::made("weekday", Kind::Text, DATES),
        OutputColumn::made("runs_by", Kind::Text, DATES),
    ],
}];

pub(super) struct ServiceDates;

impl DerivationType for ServiceDates {
    fn name(&self) -> &'static str {
        TABLE
    }

    fn inputs(&self) -> &'static [Input] {
        INPUTS
    }

    fn outputs(&self) -> &'static [Output] {
        OUTPUTS
    }

    fn begin(&self, context: DeriveContext) -> Result<Box<dyn Derivation>, DeriveError> {
        Ok(Box::new(Run {
            contract: context.contract(TABLE)?,
            services: BTreeMap::new(),
            without: [0; 2],
            never: 0,
            booked: Booked { budget: context.budget, bytes: 0 },
        }))
    }
}

/// What is known of a service.
#[derive(Default)]
struct Service {
    periods: Vec<Period>,
    exceptions: Vec<Exception>,
}

/// A row of `calendar`: days since 1970, and where it stands.
struct Period {
    first: i32,
    last: i32,
    /// By weekday, Monday first.
    runs: [bool; 7],
    place: (u32, u64),
}

/// A row of `calendar_dates`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Exception {
    day: i32,
    /// A date that is both is removed: that row comes first.
    is_added: bool,
    place: (u32, u64),
}

/// A date on which a service runs.
#[derive(Clone, Copy)]
struct Running {
    day: i32,
    by: RunsBy,
    place: (u32, u64),
}

#[derive(Clone, Copy)]
enum RunsBy {
    Calendar,
    Added,
}

impl RunsBy {
    const fn word(self) -> &'static str {
        match self {
            Self::Calendar => "calendar",
            Self::Added => "added",
        }
    }
}

impl Period {
    fn runs_on(&self, day: i32) -> bool {
        (self.first..=self.last).contains(&day) && self.runs[weekday(day)]
    }

    /// How many dates it has.
    fn days(&self) -> usize {
        let length = (i64::from(self.last) - i64::from(self.first) + 1).max(0);
        let (weeks, rest) = (length / 7, length % 7);
        let each_week = self.runs.iter().filter(|runs| **runs).count() as i64;
        let first = weekday(self.first);
        let in_rest = (0..rest as usize).filter(|day| self.runs[(first + day) % 7]).count() as i64;
        (weeks * each_week + in_rest) as usize
    }
}

/// Monday is 0.
fn weekday(day: i32) -> usize {
    ((day.rem_euclid(7) + FIRST_WEEKDAY) % 7) as usize
}

impl Service {
    /// Exceptions in order, each date once.
    fn sort(&mut self) {
        self.periods.sort_by_key(|period| period.place);
        self.exceptions.sort_unstable();
        self.exceptions.shrink_to_fit();
    }

    /// What the calendar says of a date that is no exception: the first row that has it.
    fn period_on(&self, day: i32) -> Option<&Period> {
        self.periods.iter().find(|period| period.runs_on(day))
    }

    /// The exception of a date that counts.
    fn exception_on(&self, day: i32) -> Option<&Exception> {
        let place = self.exceptions.partition_point(|exception| exception.day < day);
        self.exceptions.get(place).filter(|exception| exception.day == day)
    }

    fn running_on(&self, day: i32) -> Option<Running> {
        let exception = self.exception_on(day);
        if exception.is_some_and(|exception| !exception.is_added) {
            return None;
        }
        let by_calendar = self.period_on(day).map(|period| Running { day, by: RunsBy::Calendar, place: period.place });
        by_calendar.or_else(|| exception.map(|added| Running { day, by: RunsBy::Added, place: added.place }))
    }

    /// The next date from this one on.
    fn next(&self, from: i32) -> Option<Running> {
        let mut day = from;
        loop {
            if let Some(running) = self.running_on(day) {
                return Some(running);
            }
            // Weekdays repeat; where no period holds, the next one or the next exception may be far.
            let is_within = self.periods.iter().any(|period| (period.first..=period.last).contains(&day));
            let after = day.checked_add(1)?;
            let next_exception = self.exceptions.partition_point(|exception| exception.day < after);
            let next_exception = self.exceptions.get(next_exception).map(|exception| exception.day);
            let next_period = self.periods.iter().map(|period| period.first).filter(|first| *first >= after).min();
            day = if is_within { after } else { next_exception.into_iter().chain(next_period).min()? };
        }
    }

    /// The number of its dates at the least.
    fn dates_at_least(&self) -> usize {
        let removed = self.exceptions.iter().filter(|exception| !exception.is_added).count();
        self.periods.iter().map(Period::days).max().unwrap_or_default().saturating_sub(removed)
    }

    /// How many of its rows in `calendar` and in `calendar_dates` have a date on which it runs.
    fn used(&self) -> [u64; 2] {
        let runs_in = |period: &&Period| {
            let mut days = (period.first..=period.last).filter(|day| period.runs_on(*day));
            days.any(|day| self.running_on(day).is_some())
        };
        let adds = |exception: &&Exception| exception.is_added && self.running_on(exception.day).is_some();
        [self.periods.iter().filter(runs_in).count() as u64, self.exceptions.iter().filter(adds).count() as u64]
    }
}

/// Bytes on the budget of the run, which are given back when what holds them is dropped.
struct Booked {
    budget: Budget,
    bytes: usize,
}

impl Booked {
    fn take(&mut self, bytes: usize) -> Result<(), DeriveError> {
        self.budget.take("derive", bytes)?;
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Booked {
    fn drop(&mut self) {
        self.budget.give_back(self.bytes);
    }
}

struct Run {
    contract: Arc<Contract>,
    services: BTreeMap<Arc<str>, Service>,
    /// Rows of each input that lack what they are about: checks nulled it.
    without: [u64; 2],
    /// Rows of `calendar` without a date.
    never: u64,
    booked: Booked,
}

impl Run {
    fn service(&mut self, id: &str) -> Result<&mut Service, DeriveError> {
        if !self.services.contains_key(id) {
            self.booked.take(2 * id.len() + 4 * size_of::<(Arc<str>, Service)>())?;
            self.services.insert(id.into(), Service::default());
        }
        self.services.get_mut(id).ok_or_else(|| DeriveError::fault(TABLE, &"a service is gone"))
    }

    fn periods(&mut self, rows: &RecordBatch) -> Result<(), DeriveError> {
        let ids = rows.column(0).as_string::<i32>();
        let [first, last] = [1, 2].map(|column| rows.column(column).as_primitive::<Date32Type>());
        let days: [_; 7] = std::array::from_fn(|day| rows.column(FIRST_DAY + day).as_primitive::<Int32Type>());
        for row in 0..rows.num_rows() {
            let is_whole = ids.is_valid(row) && first.is_valid(row) && last.is_valid(row);
            let (Some(place), true) = (reports::place(rows, row), is_whole) else {
                self.without[CALENDAR] += 1;
                continue;
            };
            let runs = days.map(|day| day.is_valid(row) && day.value(row) == 1);
            let period = Period { first: first.value(row), last: last.value(row), runs, place };
            if period.days() == 0 {
                self.never += 1;
                continue;
            }
            self.booked.take(2 * size_of::<Period>())?;
            self.service(ids.value(row))?.periods.push(period);
        }
        Ok(())
    }

    /// Refuses a calendar that no run within this memory can publish.
    fn refuse_endless(&self) -> Result<(), DeriveError> {
        let dates: usize = self.services.values().map(Service::dates_at_least).sum();
        let (needed, limit) = (dates.saturating_mul(KEY), self.booked.budget.limit());
        if needed <= limit {
            return Ok(());
        }
        Err(DeriveError::Table {
            table: TABLE.to_owned(),
            problem: format!(
                "the {} services of 'calendar' run on {dates} dates or more, whose keys take {needed} bytes, and the run may hold \
                 {limit}",
                self.services.len()
            ),
            remedy: "Raise 'limits: memory' in fahrtenbuch.yaml, or take 'service_dates' out of 'derived' in the pipeline's file. \
                     Often the end of a service is a placeholder, as 2099: ask who makes the timetable for the real one"
                .to_owned(),
        })
    }

    fn exceptions(&mut self, rows: &RecordBatch) -> Result<(), DeriveError> {
        let ids = rows.column(0).as_string::<i32>();
        let days = rows.column(1).as_primitive::<Date32Type>();
        let types = rows.column(2).as_primitive::<Int32Type>();
        // A list that grows holds up to twice what is in it.
        self.booked.take(2 * rows.num_rows() * size_of::<Exception>())?;
        for row in 0..rows.num_rows() {
            let is_whole = ids.is_valid(row) && days.is_valid(row) && types.is_valid(row);
            let is_known = is_whole && [ADDED, REMOVED].contains(&types.value(row));
            let (Some(place), true) = (reports::place(rows, row), is_known) else {
                self.without[CALENDAR_DATES] += 1;
                continue;
            };
            let exception = Exception { day: days.value(row), is_added: types.value(row) == ADDED, place };
            self.service(ids.value(row))?.exceptions.push(exception);
        }
        Ok(())
    }
}

impl Derivation for Run {
    fn push(&mut self, input: usize, rows: RecordBatch) -> Result<Vec<Derived>, DeriveError> {
        match input {
            CALENDAR => self.periods(&rows)?,
            CALENDAR_DATES => self.exceptions(&rows)?,
            _ => return Err(DeriveError::fault(TABLE, &format!("it has no input {input}"))),
        }
        Ok(Vec::new())
    }

    fn finish(mut self: Box<Self>) -> Result<Finished, DeriveError> {
        self.refuse_endless()?;
        let (mut used, mut all) = ([0; 2], [self.never, 0]);
        for service in self.services.values_mut() {
            service.sort();
            let of_service = service.used();
            used = std::array::from_fn(|input| used[input] + of_service[input]);
            all[CALENDAR] += service.periods.len() as u64;
            all[CALENDAR_DATES] += service.exceptions.len() as u64;
        }
        let unused = ["service_dates.never_runs", "service_dates.removed"];
        let account = |input: usize| InputAccount {
            used: used[input],
            unused: vec![
                Unused::counted(unused[input], all[input] - used[input]),
                Unused::counted("service_dates.incomplete", self.without[input]),
            ],
        };
        let inputs = vec![account(CALENDAR), account(CALENDAR_DATES)];
        let Self { contract, services, booked, .. } = *self;
        let rest = Rest { contract, services: services.into_iter(), current: None, _booked: booked };
        Ok(Finished { derived: Box::new(rest), inputs })
    }
}

/// The rows, in the order of services and dates.
struct Rest {
    contract: Arc<Contract>,
    services: std::collections::btree_map::IntoIter<Arc<str>, Service>,
    /// A service and the date from which its rows are still to be made.
    current: Option<(Arc<str>, Service, i32)>,
    _booked: Booked,
}

impl Iterator for Rest {
    type Item = Result<Derived, DeriveError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut ids: Vec<Arc<str>> = Vec::with_capacity(CHUNK);
        let mut dates: Vec<Running> = Vec::with_capacity(CHUNK);
        while dates.len() < CHUNK {
            let Some((id, service, from)) = &mut self.current else {
                let Some((id, service)) = self.services.next() else { break };
                self.current = Some((id, service, i32::MIN));
                continue;
            };
            // From the first date that it may run on.
            let running = service.next(*from);
            match running.and_then(|running| Some((running, running.day.checked_add(1)?))) {
                Some((running, after)) => {
                    *from = after;
                    ids.push(id.clone());
                    dates.push(running);
                }
                None => self.current = None,
            }
        }
        (!dates.is_empty()).then(|| chunk(&self.contract, &ids, &dates))
    }
}

fn chunk(contract: &Contract, ids: &[Arc<str>], dates: &[Running]) -> Result<Derived, DeriveError> {
    let places: Vec<(u32, u64)> = dates.iter().map(|date| date.place).collect();
    let column = |name: &str| -> Option<ArrayRef> {
        let dates = dates.iter();
        Some(match name {
            "service_id" => Arc::new(ids.iter().map(Some).collect::<StringArray>()),
            "service_date" => Arc::new(dates.map(|date| Some(date.day)).collect::<Date32Array>()),
            "weekday" => Arc::new(dates.map(|date| Some(WEEKDAYS[weekday(date.day)])).collect::<StringArray>()),
            "runs_by" => Arc::new(dates.map(|date| Some(date.by.word())).collect::<StringArray>()),
            _ => return None,
        })
    };
    let chunk = rows_by_name(contract, Lineage::of_first(&places), places.len(), column)?;
    Ok(Derived { output: 0, chunk })
}

#[cfg(test)]
mod tests;
