//! The service levels of a contract, measured over the rows that pass. See [`crate::contract::sla`].

use arrow_array::cast::AsArray;
use arrow_array::types::{TimestampMillisecondType, UInt32Type};
use arrow_array::{Array, RecordBatch};

use crate::check::context::RuleContext;
use crate::contract::sla::{SlaKind, SlaTerm};
use crate::internal;
use crate::table::{ORIGIN, Origin};
use crate::text::{Text, german_number};
use crate::time::ServiceSeconds;

/// Seconds of latency that are told apart; more counts as this.
const LONGEST: usize = 86_400;
/// The share of rows whose latency must be kept.
const SHARE: f64 = 95.0;
/// Seconds of a slot of completeness.
const SLOT: i64 = 300;
/// A service date has thirty hours.
const SLOTS: usize = 30 * 12;

/// Measures one service level while the rows come.
pub(super) struct SlaAccumulator {
    term: SlaTerm,
    rows: u64,
    newest: Option<i64>,
    latencies: Vec<u64>,
    slots: Vec<bool>,
}

/// How a service level was kept.
pub(super) struct SlaOutcome {
    /// `None` if there was nothing to look at.
    pub holds: Option<bool>,
    /// Seconds, percent or days.
    pub value: Option<f64>,
    pub rows: u64,
    /// How it was kept, or why there was nothing to look at.
    pub said: Result<Text, &'static str>,
}

impl SlaAccumulator {
    pub(super) fn new(term: &SlaTerm) -> Self {
        let (latencies, slots) = match term.kind {
            SlaKind::Latency { .. } => (vec![0; LONGEST + 1], Vec::new()),
            SlaKind::Completeness { .. } => (Vec::new(), vec![false; SLOTS]),
            SlaKind::Freshness { .. } | SlaKind::Retention { .. } => (Vec::new(), Vec::new()),
        };
        Self { term: term.clone(), rows: 0, newest: None, latencies, slots }
    }

    /// Looks at some rows that passed.
    pub(super) fn push(&mut self, rows: &RecordBatch, origins: &[Origin], context: &RuleContext) {
        self.rows += rows.num_rows() as u64;
        let column = match self.term.kind {
            SlaKind::Freshness { column, .. }
            | SlaKind::Latency { column, .. }
            | SlaKind::Completeness { column, .. } => column,
            SlaKind::Retention { .. } => return,
        };
        // The contract's reader takes instants only.
        let Some(instants) = rows.column(column).as_primitive_opt::<TimestampMillisecondType>() else {
            internal::impossible("measuring a promise", format!("{} is no instant", self.term.id))
        };
        let zero = context.date.zero(&context.zone).as_second();
        let captured = rows.column_by_name(ORIGIN).and_then(|array| array.as_primitive_opt::<UInt32Type>());
        for row in (0..rows.num_rows()).filter(|row| instants.is_valid(*row)) {
            let second = instants.value(row).div_euclid(1000);
            match self.term.kind {
                SlaKind::Freshness { .. } => self.newest = self.newest.max(Some(second)),
                SlaKind::Latency { .. } => {
                    let origin = captured.and_then(|captured| origins.get(captured.value(row) as usize));
                    let Some(origin) = origin else { continue };
                    let latency = (origin.captured_at.as_second() - second).clamp(0, LONGEST as i64);
                    self.latencies[latency as usize] += 1;
                }
                _ => {
                    let slot = usize::try_from((second - zero).div_euclid(SLOT)).ok();
                    if let Some(slot) = slot.and_then(|slot| self.slots.get_mut(slot)) {
                        *slot = true;
                    }
                }
            }
        }
    }

    pub(super) fn finish(self, table: &str, context: &RuleContext) -> SlaOutcome {
        let rows = self.rows;
        let measured = match self.term.kind {
            SlaKind::Freshness { seconds, .. } => self.freshness(seconds, context),
            SlaKind::Latency { seconds, .. } => self.latency(seconds),
            SlaKind::Completeness { percent, .. } => self.completeness(percent, context),
            SlaKind::Retention { days } => retention(days, table, context),
        };
        match measured {
            Ok(Measured { holds, value, said }) => {
                SlaOutcome { holds: Some(holds), value: Some(value), rows, said: Ok(said) }
            }
            Err(nothing) => SlaOutcome { holds: None, value: None, rows, said: Err(nothing) },
        }
    }

    fn freshness(&self, seconds: i64, context: &RuleContext) -> Result<Measured, &'static str> {
        let (newest, captured) = self.newest.zip(context.until).ok_or(NO_ROWS)?;
        let captured = captured.as_second();
        // What is captured after the last trip cannot bring anything new.
        const EVIDENCE: (&str, &str) = ("when the last evidence came", "als der letzte Beleg kam");
        const TRIP: (&str, &str) =
            ("when the last trip before it was to end", "als die letzte Fahrt davor enden sollte");
        let (until, when) = match last_planned(context, captured) {
            Some(planned) if planned < captured => (planned, TRIP),
            Some(_) => (captured, EVIDENCE),
            None if captured > context.date.plus_days(1).zero(&context.zone).as_second() => {
                return Err("evidence came until after midnight, and no timetable says until when buses ran");
            }
            None => (captured, EVIDENCE),
        };
        let age = (until - newest).max(0);
        let said = Text::new(
            format!("the newest value was {age} s old {}, at most {seconds} s", when.0),
            format!("der neueste Wert war {age} s alt, {}; zugesagt sind höchstens {seconds} s", when.1),
        );
        Ok(Measured { holds: age <= seconds, value: age as f64, said })
    }

    fn latency(&self, seconds: i64) -> Result<Measured, &'static str> {
        let all: u64 = self.latencies.iter().sum();
        if all == 0 {
            return Err(NO_ROWS);
        }
        // The least latency that so many rows keep.
        let wanted = (all as f64 * SHARE / 100.0).ceil() as u64;
        let mut sum = 0;
        let reached = self.latencies.iter().position(|rows| {
            sum += rows;
            sum >= wanted
        });
        let latency = reached.unwrap_or(LONGEST);
        let said = Text::new(
            format!("{SHARE} % of the rows were captured within {latency} s, promised are {seconds} s"),
            format!("{SHARE} % der Zeilen wurden innerhalb von {latency} s erfasst, zugesagt sind {seconds} s"),
        );
        Ok(Measured { holds: latency as i64 <= seconds, value: latency as f64, said })
    }

    fn completeness(&self, percent: f64, context: &RuleContext) -> Result<Measured, &'static str> {
        let slot = |seconds: ServiceSeconds| (i64::from(seconds.0) / SLOT).clamp(0, SLOTS as i64 - 1) as usize;
        let planned = context.timetable.as_ref().ok().and_then(|timetable| timetable.span);
        let reported = || {
            let first = self.slots.iter().position(|slot| *slot)?;
            Some((first, self.slots.iter().rposition(|slot| *slot)?))
        };
        let span = planned.map(|(first, last)| (slot(first), slot(last)));
        let (first, last) = span.or_else(reported).ok_or(NO_ROWS)?;
        let there = self.slots[first..=last].iter().filter(|slot| **slot).count();
        let share = there as f64 * 100.0 / (last - first + 1) as f64;
        let said = Text::new(
            format!("{share:.1} % of the five-minute slots of the service date have a value, promised are {percent} %"),
            format!(
                "{} % der Abschnitte von fünf Minuten des Betriebstags haben einen Wert, zugesagt sind {} %",
                german_number(&format!("{share:.1}")),
                german_number(&percent.to_string())
            ),
        );
        Ok(Measured { holds: share >= percent, value: share, said })
    }
}

/// A service level that could be measured.
struct Measured {
    holds: bool,
    value: f64,
    said: Text,
}

const NO_ROWS: &str = "there are no rows";

fn retention(days: i64, table: &str, context: &RuleContext) -> Result<Measured, &'static str> {
    let oldest = context.oldest.get(table).ok_or("nothing was released before")?;
    let age = i64::from(context.date.days_since_epoch() - oldest.days_since_epoch());
    let said = Text::new(
        format!("the oldest released partition is {oldest}, {age} days before; kept are {days} days"),
        format!("die älteste veröffentlichte Partition ist {oldest}, {age} Tage davor; aufbewahrt werden {days} Tage"),
    );
    Ok(Measured { holds: age <= days, value: age as f64, said })
}

/// The last instant until another one, in seconds since 1970, at which a trip of the timetable was under way. Nothing if the
/// timetable has no trip on the date, or none before.
fn last_planned(context: &RuleContext, until: i64) -> Option<i64> {
    let zero = context.date.zero(&context.zone).as_second();
    let planned = &context.timetable.as_ref().ok()?.planned;
    let (_, ends) = planned.iter().rev().find(|(starts, _)| zero + i64::from(starts.0) <= until)?;
    Some(until.min(zero + i64::from(ends.0)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, TimestampMillisecondArray, UInt32Array};

    use super::*;
    use crate::contract::RuleId;

    fn kept(kind: SlaKind, seconds: &[i64], context: &RuleContext) -> SlaOutcome {
        let term = SlaTerm { id: RuleId("t.sla.x".into()), line: 1, kind, description: None };
        let mut accumulator = SlaAccumulator::new(&term);
        let instants = TimestampMillisecondArray::from_iter_values(seconds.iter().map(|second| second * 1000));
        let rows = RecordBatch::try_from_iter([
            ("at", Arc::new(instants) as ArrayRef),
            (ORIGIN, Arc::new(UInt32Array::from_value(0, seconds.len())) as ArrayRef),
        ]);
        let captured_at = jiff::Timestamp::from_second(1_795_500_000).unwrap();
        let origins = [Origin { name: "x".into(), captured_at }];
        accumulator.push(&rows.unwrap(), &origins, context);
        accumulator.finish("t", context)
    }

    fn context() -> RuleContext {
        let mut context = RuleContext::of("2026-11-24".parse().unwrap());
        context.until = Some(jiff::Timestamp::from_second(1_795_500_000).unwrap());
        context
    }

    #[test]
    fn freshness_is_seen_from_the_last_capture() {
        let asks = SlaKind::Freshness { column: 0, seconds: 60 };
        let at = 1_795_500_000;
        let fresh = kept(asks.clone(), &[at - 900, at - 60], &context());
        assert_eq!((fresh.holds, fresh.value), (Some(true), Some(60.0)));
        assert_eq!(kept(asks.clone(), &[at - 61], &context()).holds, Some(false));
        assert_eq!(kept(asks, &[], &context()).holds, None);
    }

    #[test]
    fn freshness_is_seen_from_the_last_planned_trip_where_captures_go_on_after_it() {
        use arrow_array::{Int32Array, StringArray};
        let asks = SlaKind::Freshness { column: 0, seconds: 900 };
        let mut context = context();
        let zero = context.date.zero(&jiff::tz::TimeZone::UTC).as_second();
        let times = |seconds: [i32; 4]| Arc::new(Int32Array::from(seconds.to_vec())) as ArrayRef;
        let ids = Arc::new(StringArray::from(vec!["a", "a", "b", "b"])) as ArrayRef;
        let departures = times([6 * 3600, 7 * 3600, 18 * 3600, 22 * 3600]);
        let rows = [("trip_id", ids), ("departure_time", departures.clone()), ("arrival_time", departures)];
        let rows = RecordBatch::try_from_iter(rows).unwrap();
        let timetable = crate::check::timetable::Timetable::of([("stop_times".to_owned(), rows)].into(), context.date);
        context.timetable = Ok(Arc::new(timetable.unwrap()));
        let mut held = |until: i64, newest: i64| {
            context.until = Some(jiff::Timestamp::from_second(zero + until).unwrap());
            kept(asks.clone(), &[zero + newest], &context).holds
        };
        // The next morning at half past five, after a last report at two to ten.
        assert_eq!(held(29 * 3600 + 1800, 22 * 3600 - 120), Some(true));
        assert_eq!(held(29 * 3600 + 1800, 22 * 3600 - 1000), Some(false));
        // In the break at noon, and while buses run.
        assert_eq!(held(12 * 3600, 7 * 3600 - 60), Some(true));
        assert_eq!(held(19 * 3600, 18 * 3600), Some(false));
        // Without a timetable nobody knows how long buses run; until midnight it is as it was.
        context.timetable = Err("there is none".to_owned());
        for (until, holds) in [(24 * 3600, Some(false)), (24 * 3600 + 1, None)] {
            context.until = Some(jiff::Timestamp::from_second(zero + until).unwrap());
            assert_eq!(kept(asks.clone(), &[zero + 20 * 3600], &context).holds, holds);
        }
    }

    #[test]
    fn latency_is_that_of_ninety_five_percent() {
        let at = 1_795_500_000;
        let mut instants: Vec<i64> = vec![at - 10; 95];
        instants.extend([at - 5000; 5]);
        let asks = SlaKind::Latency { column: 0, seconds: 10 };
        let found = kept(asks.clone(), &instants, &context());
        assert_eq!((found.holds, found.value), (Some(true), Some(10.0)));
        instants.push(at - 5000);
        assert_eq!(kept(asks, &instants, &context()).holds, Some(false));
    }

    #[test]
    fn completeness_counts_slots_of_five_minutes() {
        let zero = context().date.zero(&jiff::tz::TimeZone::UTC).as_second();
        let asks = SlaKind::Completeness { column: 0, percent: 90.0 };
        let all: Vec<i64> = (0..10).map(|slot| zero + 36_000 + slot * 300).collect();
        assert_eq!(kept(asks.clone(), &all, &context()).value, Some(100.0));
        let gap: Vec<i64> =
            all.iter().copied().enumerate().filter(|(i, _)| !(3..6).contains(i)).map(|(_, s)| s).collect();
        let found = kept(asks, &gap, &context());
        assert_eq!((found.holds, found.value), (Some(false), Some(70.0)));
    }

    #[test]
    fn retention_looks_at_the_oldest_partition() {
        let mut context = context();
        let asks = SlaKind::Retention { days: 30 };
        assert_eq!(kept(asks.clone(), &[], &context).holds, None);
        context.oldest.insert("t".into(), "2026-10-25".parse().unwrap());
        assert_eq!(kept(asks.clone(), &[], &context).holds, Some(true));
        context.oldest.insert("t".into(), "2026-10-24".parse().unwrap());
        assert_eq!(kept(asks, &[], &context).holds, Some(false));
    }
}
