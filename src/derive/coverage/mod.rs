//! `coverage`: what is missing on a service date, by line and hour, and by source and hour, and why.
//!
//! Rows of two kinds. Those of lines (without a source) have the trips of a route that begin in the hour and the rows of
//! `vehicle_locations` that are from it; those of sources (without a route) the snapshots. An hour is a whole hour since noon minus
//! twelve hours, as GTFS counts, so a day of 23 or of 25 hours has each once.
//!
//! - Trips are those of `trips_observed`, so sums are equal to sums over that table. Without a timetable they are null, and not 0.
//! - Rows that name no route are of that of their trip. Routes that neither a published report nor a trip names are not told: what a
//!   held row says may be private.
//! - Rows published, held and dropped add up to the record's account of `vehicle_locations`. Of dropped rows those that repeat another
//!   have their line and hour; what decisions, privacy and other dates dropped stands in the row without both.
//!
//! Holds some 200 bytes for each line and hour, and for each trip its id and route, booked on the run's budget.

mod columns;
mod rows;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, UInt32Type};
use arrow_array::{Array, RecordBatch, StringArray};
use rustc_hash::FxHashMap;

use crate::contract::Contract;
use crate::derive::derivation::{
    Derivation, DerivationType, DeriveContext, Derived, Finished, Input, InputAccount, Output, RowAccount, SourceHours,
};
use crate::derive::error::DeriveError;
use crate::derive::line_hours::{Line, LineHours, hour_of};
use crate::table::{Budget, ORIGIN};
use crate::time::ServiceDate;

use columns::{INPUTS, OUTPUTS, REPORTS, TABLE, TRIPS};

/// What a line takes for an hour, and a trip beside its id.
const ENTRY: usize = 200;
const TRIP: usize = 64;

pub(super) struct CoverageTable;

impl DerivationType for CoverageTable {
    fn name(&self) -> &'static str {
        TABLE
    }

    fn inputs(&self) -> &'static [Input] {
        INPUTS
    }

    fn outputs(&self) -> &'static [Output] {
        OUTPUTS
    }

    fn reads_run(&self) -> bool {
        true
    }

    fn begin(&self, context: DeriveContext) -> Result<Box<dyn Derivation>, DeriveError> {
        let zero_ms = context.service_date.zero(&context.zone).as_millisecond();
        Ok(Box::new(Run {
            contract: context.contract(TABLE)?,
            date: context.service_date,
            zero_ms,
            origin: context.timetable_origin,
            has_trips: context.made.get(TRIPS).copied().unwrap_or_default(),
            sources: context.sources,
            published: LineHours::new(zero_ms, context.budget.clone()),
            lines: BTreeMap::new(),
            routes: FxHashMap::default(),
            known: BTreeSet::new(),
            sources_of: FxHashMap::default(),
            reporting: Vec::new(),
            is_accounted: false,
            came: [0; 2],
            booked: 0,
            budget: context.budget,
        }))
    }
}

/// A line and an hour of the service day.
type Place = (Option<Arc<str>>, Option<i32>);

/// What is known of a line in an hour.
#[derive(Clone, Copy, Debug, Default)]
struct LineHour {
    scheduled: u32,
    /// Scheduled, with a report.
    observed: u32,
    cancelled: u32,
    /// Cancelled, without a report.
    cancelled_unobserved: u32,
    /// Not scheduled, with a report.
    unscheduled: u32,
    /// By [`Fate`].
    rows: [u64; 3],
}

/// What became of a row.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Published,
    Held,
    Dropped,
}

struct Run {
    contract: Arc<Contract>,
    date: ServiceDate,
    zero_ms: i64,
    /// The origin that rows name, which are made of many.
    origin: u32,
    /// Whether there is a table of trips.
    has_trips: bool,
    sources: Arc<SourceHours>,
    published: LineHours,
    lines: BTreeMap<Place, LineHour>,
    /// The route of each trip that has one.
    routes: FxHashMap<Arc<str>, Arc<str>>,
    /// All routes that trips name.
    known: BTreeSet<Arc<str>>,
    /// The sources of published reports, by the route that these name, and of all.
    sources_of: FxHashMap<Arc<str>, Vec<u32>>,
    reporting: Vec<u32>,
    /// Whether it is known what became of all rows.
    is_accounted: bool,
    /// Rows of each input.
    came: [u64; 2],
    budget: Budget,
    booked: usize,
}

impl Derivation for Run {
    fn push(&mut self, input: usize, rows: RecordBatch) -> Result<Vec<Derived>, DeriveError> {
        match input {
            REPORTS => self.reports(&rows)?,
            TRIPS => self.trips(&rows)?,
            _ => return Err(DeriveError::fault(TABLE, &format!("it has no input {input}"))),
        }
        self.came[input] += rows.num_rows() as u64;
        Ok(Vec::new())
    }

    /// Comes when all rows of both inputs have: all routes are known.
    fn account(&mut self, input: usize, rows: &RowAccount) -> Result<(), DeriveError> {
        if input != REPORTS || std::mem::replace(&mut self.is_accounted, true) {
            return Ok(());
        }
        if rows.published != self.came[REPORTS] {
            let problem = format!("{} rows came of {} that are published", self.came[REPORTS], rows.published);
            return Err(DeriveError::fault(TABLE, &problem));
        }
        let held = self.count(rows.held_lines.as_ref(), Fate::Held)?;
        if held != rows.held {
            let problem = format!("{held} rows were held back by line and hour, and {} in all", rows.held);
            return Err(DeriveError::fault(TABLE, &problem));
        }
        let dropped = self.count(rows.dropped_lines.as_ref(), Fate::Dropped)?;
        let Some(others) = rows.dropped.checked_sub(dropped) else {
            let problem = format!("{dropped} rows were dropped by line and hour, and {} in all", rows.dropped);
            return Err(DeriveError::fault(TABLE, &problem));
        };
        if others > 0 {
            self.line((None, None))?.rows[Fate::Dropped as usize] += others;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Finished, DeriveError> {
        if !self.is_accounted {
            return Err(DeriveError::fault(TABLE, &"nobody said what became of the rows that were not published"));
        }
        let budget = self.budget.clone();
        let published = std::mem::replace(&mut self.published, LineHours::new(0, budget));
        for (line, hour, rows) in published.iter() {
            // A published report may name any route.
            let route = match line {
                Line::Route(route) => Some(self.known.get(route).cloned().unwrap_or_else(|| route.into())),
                other => self.route(&published, other),
            };
            self.line((route, hour))?.rows[Fate::Published as usize] += rows;
        }
        let derived = self.rows()?;
        self.budget.give_back(self.booked);
        let inputs = self.came.map(|used| InputAccount { used, unused: Vec::new() });
        Ok(Finished::with(derived, inputs.into()))
    }
}

impl Run {
    fn book(&mut self, bytes: usize) -> Result<(), DeriveError> {
        self.budget.take("derive", bytes)?;
        self.booked += bytes;
        Ok(())
    }

    fn line(&mut self, place: Place) -> Result<&mut LineHour, DeriveError> {
        if !self.lines.contains_key(&place) {
            self.book(ENTRY + place.0.as_ref().map_or(0, |route| route.len()))?;
        }
        Ok(self.lines.entry(place).or_default())
    }

    /// The route of a row, if it is one that is published.
    fn route(&self, published: &LineHours, line: Line<'_>) -> Option<Arc<str>> {
        match line {
            Line::Route(route) => {
                let known = self.known.get(route).cloned();
                known.or_else(|| published.has_route(route).then(|| route.into()))
            }
            Line::Trip(trip) => self.routes.get(trip).cloned(),
            Line::Unknown => None,
        }
    }

    /// Adds rows that were not published; gives how many.
    fn count(&mut self, lines: Option<&LineHours>, fate: Fate) -> Result<u64, DeriveError> {
        let mut sum = 0;
        for (line, hour, rows) in lines.into_iter().flat_map(LineHours::iter) {
            let route = self.route(&self.published, line);
            self.line((route, hour))?.rows[fate as usize] += rows;
            sum += rows;
        }
        Ok(sum)
    }

    fn reports(&mut self, rows: &RecordBatch) -> Result<(), DeriveError> {
        self.published.add(rows, 0..rows.num_rows())?;
        let origins = rows.column_by_name(ORIGIN).and_then(|column| column.as_primitive_opt::<UInt32Type>());
        let routes = rows.column(1).as_string::<i32>();
        let mut last = None;
        for row in 0..rows.num_rows() {
            let origin = origins.map(|origins| origins.value(row) as usize);
            let Some(source) = origin.and_then(|origin| self.sources.of_origins.get(origin).copied()) else { continue };
            let route = text(routes, row);
            // Rows of a snapshot and a route often stand together.
            if last == Some((source, route)) {
                continue;
            }
            last = Some((source, route));
            if !self.reporting.contains(&source) {
                self.reporting.push(source);
            }
            let Some(route) = route else { continue };
            match self.sources_of.get_mut(route) {
                Some(sources) if sources.contains(&source) => {}
                Some(sources) => sources.push(source),
                None => {
                    self.book(ENTRY + route.len())?;
                    self.sources_of.insert(route.into(), vec![source]);
                }
            }
        }
        Ok(())
    }

    fn trips(&mut self, rows: &RecordBatch) -> Result<(), DeriveError> {
        let (ids, routes) = (rows.column(0).as_string::<i32>(), rows.column(1).as_string::<i32>());
        let starts = rows.column(2).as_primitive::<Int32Type>();
        let (planned, cancelled) = (rows.column(3).as_boolean(), rows.column(4).as_boolean());
        let reports = rows.column(5).as_primitive::<Int32Type>();
        for row in 0..rows.num_rows() {
            let route = match text(routes, row) {
                None => None,
                Some(route) => Some(self.known_route(route)?),
            };
            if let (Some(id), Some(route)) = (text(ids, row), &route)
                && !self.routes.contains_key(id)
            {
                self.book(id.len() + TRIP)?;
                self.routes.insert(id.into(), route.clone());
            }
            // Seconds since zero.
            let start = starts.is_valid(row).then(|| i64::from(starts.value(row)) * 1_000);
            let hour = start.and_then(|start| hour_of(0, start));
            let is_observed = reports.is_valid(row) && reports.value(row) > 0;
            let is_cancelled = cancelled.is_valid(row) && cancelled.value(row);
            let is_planned = planned.is_valid(row) && planned.value(row);
            let line = self.line((route, hour))?;
            if is_planned {
                line.scheduled += 1;
                line.observed += u32::from(is_observed);
                line.cancelled += u32::from(is_cancelled);
                line.cancelled_unobserved += u32::from(is_cancelled && !is_observed);
            } else {
                line.unscheduled += u32::from(is_observed);
            }
        }
        Ok(())
    }

    /// A route that a trip names.
    fn known_route(&mut self, route: &str) -> Result<Arc<str>, DeriveError> {
        if let Some(known) = self.known.get(route) {
            return Ok(known.clone());
        }
        self.book(2 * route.len() + TRIP)?;
        let new: Arc<str> = route.into();
        self.known.insert(new.clone());
        Ok(new)
    }
}

fn text(texts: &StringArray, row: usize) -> Option<&str> {
    texts.is_valid(row).then(|| texts.value(row))
}
