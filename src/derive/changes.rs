//! Which rows of predictions and alerts say something new: else than what was said last of the same stop or place, or the same
//! after its trip or alert as a whole said something else in between.
//!
//! A trip that is cancelled, runs after all and is cancelled again says three things, though the row of the last one is equal to
//! that of the first. What a trip says as a whole are the columns that all its rows have in common, as whether it runs, and whether it
//! names stops. It may say several such things in one capture, as of two starts; each goes on for as long as no capture that names the
//! trip is without it. Holds 33 bytes for each stop or place and 49 for each trip, booked by its owner.

use std::collections::HashMap;

use arrow_array::cast::AsArray;
use arrow_array::types::UInt32Type;
use arrow_array::{Array, BooleanArray, RecordBatch};
use rustc_hash::FxBuildHasher;

use crate::contract::Contract;
use crate::decode::captures::SOURCE;
use crate::derive::reports::Fleets;
use crate::table::ORIGIN;
use crate::table::keys::{KeyColumns, Seed, key_of};

const FIXED: Seed = Seed::FIXED;

/// What may differ between two rows that say the same.
const INCIDENTAL: &[&str] = &["captured_at", "feed_timestamp", "timestamp", SOURCE];

/// Which columns are what, in a table of the feed. Those that are nothing else are what a row says of less than its trip or alert.
struct Layout {
    /// The id of a trip or alert, and what else tells the trip of a row without one.
    id: &'static str,
    without_id: &'static [&'static str],
    /// What a row is about: the id, and a stop, a period or a place.
    subject: &'static [&'static str],
    /// What all rows of a trip or alert have in common.
    of_whole: &'static [&'static str],
    /// Of rows of a trip that name a stop one is there.
    stop: &'static [&'static str],
}

const TRIP_UPDATES: Layout = Layout {
    id: "trip_id",
    without_id: &["route_id", "direction_id"],
    subject: &["trip_id", "start_date", "start_time", "stop_sequence", "stop_id"],
    of_whole: &[
        "route_id",
        "direction_id",
        "start_date",
        "start_time",
        "schedule_relationship",
        "vehicle_id",
        "vehicle_label",
        "license_plate",
        "delay",
        "original_trip_id",
    ],
    stop: &["stop_sequence", "stop_id"],
};

const ALERTS: Layout = Layout {
    id: "entity_id",
    without_id: &[],
    subject: &[
        "entity_id",
        "active_from",
        "period_kind",
        "agency_id",
        "route_id",
        "route_type",
        "trip_id",
        "stop_id",
        "direction_id",
    ],
    of_whole: &[
        "cause",
        "effect",
        "severity_level",
        "url",
        "header_text",
        "header_text_de",
        "header_text_en",
        "description_text",
        "description_text_de",
        "description_text_en",
    ],
    stop: &[],
};

type Map<V> = HashMap<u128, V, FxBuildHasher>;

/// What was said, from capture to capture.
pub(super) struct Changes {
    id: Option<usize>,
    stop: Vec<usize>,
    /// What a row says of its trip or alert as a whole, and what of less.
    of_whole: KeyColumns,
    of_part: KeyColumns,
    ids: KeyColumns,
    without_id: KeyColumns,
    subject: KeyColumns,
    /// What was said last of a subject, and in which run of what its trip said.
    last: Map<u128>,
    wholes: Map<Whole>,
    /// What trips say beside the one thing that each most often says: by trip and what it says.
    more: Map<Run>,
}

/// A trip or an alert.
#[derive(Clone, Copy)]
struct Whole {
    /// The last capture that names it, and how many did.
    origin: u32,
    captures: u32,
    /// What it says, and since when.
    says: u128,
    run: Run,
}

/// Captures one after the other in which a trip says something, by their number.
#[derive(Clone, Copy)]
struct Run {
    first: u32,
    last: u32,
}

impl Run {
    /// Takes it up in a capture; the same run goes on if it was in the one before.
    fn go_on(&mut self, capture: u32) -> u32 {
        if self.last + 1 < capture {
            self.first = capture;
        }
        self.last = capture;
        self.first
    }
}

impl Changes {
    /// Of predictions or of alerts.
    pub(super) fn new(source: &Contract) -> Self {
        let layout = if source.table == "alerts" { ALERTS } else { TRIP_UPDATES };
        let places = |keep: &dyn Fn(&str) -> bool| -> Vec<usize> {
            let columns = source.columns.iter().enumerate();
            columns.filter(|(_, column)| keep(&column.name)).map(|(place, _)| place).collect()
        };
        let of = |names: &[&str]| KeyColumns::fixed(places(&|name| names.contains(&name)));
        let is_of_part = |name: &str| !INCIDENTAL.contains(&name) && !layout.of_whole.contains(&name);
        Self {
            id: source.index_of(layout.id),
            stop: places(&|name| layout.stop.contains(&name)),
            of_whole: of(layout.of_whole),
            of_part: KeyColumns::fixed(places(&is_of_part)),
            ids: of(&[layout.id]),
            without_id: of(layout.without_id),
            subject: of(layout.subject),
            last: Map::default(),
            wholes: Map::default(),
            more: Map::default(),
        }
    }

    /// Whether each row of a batch says something new.
    pub(super) fn keep(&mut self, rows: &RecordBatch, fleets: &Fleets) -> BooleanArray {
        let mut said: Vec<u128> = self.of_whole.keys(rows).collect();
        let parts = self.of_part.keys(rows);
        let contents: Vec<u128> =
            said.iter().zip(parts).map(|(of_whole, part)| key_of([*of_whole, part], FIXED)).collect();
        let (mut subjects, mut wholes): (Vec<u128>, Vec<u128>) =
            self.subject.keys(rows).zip(self.ids.keys(rows)).unzip();
        self.name_by_other_columns(rows, &contents, &mut subjects, &mut wholes);
        fleets.mix_operators(rows, &mut subjects);
        fleets.mix_operators(rows, &mut wholes);
        for (row, said) in said.iter_mut().enumerate() {
            if !self.stop.is_empty() && self.stop.iter().all(|stop| rows.column(*stop).is_null(row)) {
                *said = key_of([*said], FIXED);
            }
        }
        let origins = rows.column_by_name(ORIGIN).and_then(|origins| origins.as_primitive_opt::<UInt32Type>());
        let keep = (0..rows.num_rows()).map(|row| {
            let origin = origins.map_or(0, |origins| origins.value(row));
            let since = self.since(wholes[row], said[row], origin);
            // Hashes of 128 bits with neighbours do not meet either.
            let content = contents[row].wrapping_add(u128::from(since));
            Some(self.last.insert(subjects[row], content) != Some(content))
        });
        keep.collect()
    }

    /// Rows without an id: a trip may be described by its route, direction and start; nothing tells two alerts apart but what they
    /// say.
    fn name_by_other_columns(&self, rows: &RecordBatch, contents: &[u128], subjects: &mut [u128], wholes: &mut [u128]) {
        let Some(ids) = self.id.map(|id| rows.column(id)).filter(|ids| ids.null_count() > 0) else { return };
        if self.without_id.places.is_empty() {
            for row in (0..rows.num_rows()).filter(|row| ids.is_null(*row)) {
                (subjects[row], wholes[row]) = (contents[row], contents[row]);
            }
            return;
        }
        for (row, key) in self.without_id.keys(rows).enumerate().filter(|(row, _)| ids.is_null(*row)) {
            subjects[row] = key_of([subjects[row], key], FIXED);
            wholes[row] = key_of([wholes[row], key], FIXED);
        }
    }

    /// In which capture of its trip or alert the run began in which it says this.
    fn since(&mut self, key: u128, says: u128, origin: u32) -> u32 {
        let begun = |capture| Run { first: capture, last: capture };
        let whole = self.wholes.entry(key).or_insert(Whole { origin, captures: 1, says, run: begun(1) });
        if whole.origin != origin {
            whole.origin = origin;
            whole.captures += 1;
        }
        let capture = whole.captures;
        if whole.says == says {
            return whole.run.go_on(capture);
        }
        let also = key_of([key, says], FIXED);
        if whole.run.last < capture && !self.more.contains_key(&also) {
            (whole.says, whole.run) = (says, begun(capture));
            return capture;
        }
        self.more.entry(also).or_insert(begun(capture)).go_on(capture)
    }

    /// What it holds.
    pub(super) fn bytes(&self) -> usize {
        fn of<V>(map: &Map<V>) -> usize {
            // One control byte beside each slot, and the table is at most seven eighths full.
            map.capacity() * 8 / 7 * (size_of::<(u128, V)>() + 1)
        }
        of(&self.last) + of(&self.wholes) + of(&self.more)
    }
}
