//! What a contract promises as a service, measured over the rows that pass. See [`crate::contract::sla`].

use arrow_array::cast::AsArray;
use arrow_array::types::{TimestampMillisecondType, UInt32Type};
use arrow_array::{Array, RecordBatch};

use crate::check::surroundings::Surroundings;
use crate::contract::sla::{Asks, Promise};
use crate::internal;
use crate::table::{ORIGIN, Origin};

/// Seconds of latency that are told apart; more counts as this.
const LONGEST: usize = 86_400;
/// The share of rows whose latency must be kept.
const SHARE: f64 = 95.0;
/// Seconds of a slot of completeness.
const SLOT: i64 = 300;
/// A service date has thirty hours.
const SLOTS: usize = 30 * 12;

/// One promise while the rows come.
pub struct Watch {
    promise: Promise,
    rows: u64,
    newest: Option<i64>,
    latencies: Vec<u64>,
    slots: Vec<bool>,
}

/// How a promise was kept.
pub struct Kept {
    /// `None` if there was nothing to look at.
    pub holds: Option<bool>,
    /// Seconds, percent or days.
    pub value: Option<f64>,
    pub rows: u64,
    pub said: String,
}

impl Watch {
    pub fn new(promise: &Promise) -> Self {
        let (latencies, slots) = match promise.asks {
            Asks::Latency { .. } => (vec![0; LONGEST + 1], Vec::new()),
            Asks::Completeness { .. } => (Vec::new(), vec![false; SLOTS]),
            Asks::Freshness { .. } | Asks::Retention { .. } => (Vec::new(), Vec::new()),
        };
        Self { promise: promise.clone(), rows: 0, newest: None, latencies, slots }
    }

    /// Looks at some rows that passed.
    pub fn push(&mut self, rows: &RecordBatch, origins: &[Origin], around: &Surroundings) {
        self.rows += rows.num_rows() as u64;
        let column = match self.promise.asks {
            Asks::Freshness { column, .. } | Asks::Latency { column, .. } | Asks::Completeness { column, .. } => column,
            Asks::Retention { .. } => return,
        };
        // The contract's reader takes instants only.
        let Some(instants) = rows.column(column).as_primitive_opt::<TimestampMillisecondType>() else {
            internal::impossible("measuring a promise", format!("{} is no instant", self.promise.id))
        };
        let zero = around.date.zero(&around.zone).as_second();
        let captured = rows.column_by_name(ORIGIN).and_then(|array| array.as_primitive_opt::<UInt32Type>());
        for row in (0..rows.num_rows()).filter(|row| instants.is_valid(*row)) {
            let second = instants.value(row).div_euclid(1000);
            match self.promise.asks {
                Asks::Freshness { .. } => self.newest = self.newest.max(Some(second)),
                Asks::Latency { .. } => {
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

    pub fn finish(self, table: &str, around: &Surroundings) -> Kept {
        let nothing = |said: &str| Kept { holds: None, value: None, rows: self.rows, said: said.to_owned() };
        let kept = |holds: bool, value: f64, said: String| Kept {
            holds: Some(holds),
            value: Some(value),
            rows: self.rows,
            said,
        };
        match self.promise.asks {
            Asks::Freshness { seconds, .. } => {
                let Some((newest, captured)) = self.newest.zip(around.until) else {
                    return nothing("there are no rows");
                };
                let captured = captured.as_second();
                // What is captured after the last trip cannot bring anything new.
                let (until, when) = match last_planned(around, captured) {
                    Some(planned) if planned < captured => (planned, "when the last trip before it was to end"),
                    Some(_) => (captured, "when the last evidence came"),
                    None if captured > around.date.plus_days(1).zero(&around.zone).as_second() => {
                        return nothing(
                            "evidence came until after midnight, and no timetable says until when buses ran",
                        );
                    }
                    None => (captured, "when the last evidence came"),
                };
                let age = (until - newest).max(0);
                let said = format!("the newest value was {age} s old {when}, at most {seconds} s");
                kept(age <= seconds, age as f64, said)
            }
            Asks::Latency { seconds, .. } => {
                let all: u64 = self.latencies.iter().sum();
                if all == 0 {
                    return nothing("there are no rows");
                }
                // The least latency that so many rows keep.
                let wanted = (all as f64 * SHARE / 100.0).ceil() as u64;
                let mut sum = 0;
                let reached = self.latencies.iter().position(|rows| {
                    sum += rows;
                    sum >= wanted
                });
                let latency = reached.unwrap_or(LONGEST);
                let said = format!("{SHARE} % of the rows were captured within {latency} s, promised are {seconds} s");
                kept(latency as i64 <= seconds, latency as f64, said)
            }
            Asks::Completeness { percent, .. } => {
                let slot = |seconds: crate::time::ServiceSeconds| {
                    (i64::from(seconds.0) / SLOT).clamp(0, SLOTS as i64 - 1) as usize
                };
                let planned = around.timetable.as_ref().ok().and_then(|timetable| timetable.span);
                let reported = || {
                    let first = self.slots.iter().position(|slot| *slot)?;
                    Some((first, self.slots.iter().rposition(|slot| *slot)?))
                };
                let span = planned.map(|(first, last)| (slot(first), slot(last)));
                let Some((first, last)) = span.or_else(reported) else { return nothing("there are no rows") };
                let there = self.slots[first..=last].iter().filter(|slot| **slot).count();
                let share = there as f64 * 100.0 / (last - first + 1) as f64;
                let said = format!(
                    "{share:.1} % of the five-minute slots of the service date have a value, promised are {percent} %"
                );
                kept(share >= percent, share, said)
            }
            Asks::Retention { days } => {
                let Some(oldest) = around.oldest.get(table) else { return nothing("nothing was released before") };
                let age = i64::from(around.date.days_since_epoch() - oldest.days_since_epoch());
                let said =
                    format!("the oldest released partition is {oldest}, {age} days before; kept are {days} days");
                kept(age <= days, age as f64, said)
            }
        }
    }
}

/// The last instant until another one, in seconds since 1970, at which a trip of the timetable was under way. Nothing if the
/// timetable has no trip on the date, or none before.
fn last_planned(around: &Surroundings, until: i64) -> Option<i64> {
    let zero = around.date.zero(&around.zone).as_second();
    let planned = &around.timetable.as_ref().ok()?.planned;
    let (_, ends) = planned.iter().rev().find(|(starts, _)| zero + i64::from(starts.0) <= until)?;
    Some(until.min(zero + i64::from(ends.0)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, TimestampMillisecondArray, UInt32Array};

    use super::*;
    use crate::contract::RuleId;

    fn kept(asks: Asks, seconds: &[i64], around: &Surroundings) -> Kept {
        let promise = Promise { id: RuleId("t.sla.x".into()), line: 1, asks, description: None };
        let mut watch = Watch::new(&promise);
        let instants = TimestampMillisecondArray::from_iter_values(seconds.iter().map(|second| second * 1000));
        let rows = RecordBatch::try_from_iter([
            ("at", Arc::new(instants) as ArrayRef),
            (ORIGIN, Arc::new(UInt32Array::from_value(0, seconds.len())) as ArrayRef),
        ]);
        let captured_at = jiff::Timestamp::from_second(1_795_500_000).unwrap();
        let origins = [Origin { name: "x".into(), captured_at }];
        watch.push(&rows.unwrap(), &origins, around);
        watch.finish("t", around)
    }

    fn around() -> Surroundings {
        let mut around = Surroundings::of("2026-11-24".parse().unwrap());
        around.until = Some(jiff::Timestamp::from_second(1_795_500_000).unwrap());
        around
    }

    #[test]
    fn freshness_is_seen_from_the_last_capture() {
        let asks = Asks::Freshness { column: 0, seconds: 60 };
        let at = 1_795_500_000;
        let fresh = kept(asks.clone(), &[at - 900, at - 60], &around());
        assert_eq!((fresh.holds, fresh.value), (Some(true), Some(60.0)));
        assert_eq!(kept(asks.clone(), &[at - 61], &around()).holds, Some(false));
        assert_eq!(kept(asks, &[], &around()).holds, None);
    }

    #[test]
    fn freshness_is_seen_from_the_last_planned_trip_where_captures_go_on_after_it() {
        use arrow_array::{Int32Array, StringArray};
        let asks = Asks::Freshness { column: 0, seconds: 900 };
        let mut around = around();
        let zero = around.date.zero(&jiff::tz::TimeZone::UTC).as_second();
        let times = |seconds: [i32; 4]| Arc::new(Int32Array::from(seconds.to_vec())) as ArrayRef;
        let ids = Arc::new(StringArray::from(vec!["a", "a", "b", "b"])) as ArrayRef;
        let departures = times([6 * 3600, 7 * 3600, 18 * 3600, 22 * 3600]);
        let rows = [("trip_id", ids), ("departure_time", departures.clone()), ("arrival_time", departures)];
        let rows = RecordBatch::try_from_iter(rows).unwrap();
        let timetable = crate::check::timetable::Timetable::of([("stop_times".to_owned(), rows)].into(), around.date);
        around.timetable = Ok(Arc::new(timetable.unwrap()));
        let mut held = |until: i64, newest: i64| {
            around.until = Some(jiff::Timestamp::from_second(zero + until).unwrap());
            kept(asks.clone(), &[zero + newest], &around).holds
        };
        // The next morning at half past five, after a last report at two to ten.
        assert_eq!(held(29 * 3600 + 1800, 22 * 3600 - 120), Some(true));
        assert_eq!(held(29 * 3600 + 1800, 22 * 3600 - 1000), Some(false));
        // In the break at noon, and while buses run.
        assert_eq!(held(12 * 3600, 7 * 3600 - 60), Some(true));
        assert_eq!(held(19 * 3600, 18 * 3600), Some(false));
        // Without a timetable nobody knows how long buses run; until midnight it is as it was.
        around.timetable = Err("there is none".to_owned());
        for (until, holds) in [(24 * 3600, Some(false)), (24 * 3600 + 1, None)] {
            around.until = Some(jiff::Timestamp::from_second(zero + until).unwrap());
            assert_eq!(kept(asks.clone(), &[zero + 20 * 3600], &around).holds, holds);
        }
    }

    #[test]
    fn latency_is_that_of_ninety_five_percent() {
        let at = 1_795_500_000;
        let mut instants: Vec<i64> = vec![at - 10; 95];
        instants.extend([at - 5000; 5]);
        let asks = Asks::Latency { column: 0, seconds: 10 };
        let found = kept(asks.clone(), &instants, &around());
        assert_eq!((found.holds, found.value), (Some(true), Some(10.0)));
        instants.push(at - 5000);
        assert_eq!(kept(asks, &instants, &around()).holds, Some(false));
    }

    #[test]
    fn completeness_counts_slots_of_five_minutes() {
        let zero = around().date.zero(&jiff::tz::TimeZone::UTC).as_second();
        let asks = Asks::Completeness { column: 0, percent: 90.0 };
        let all: Vec<i64> = (0..10).map(|slot| zero + 36_000 + slot * 300).collect();
        assert_eq!(kept(asks.clone(), &all, &around()).value, Some(100.0));
        let gap: Vec<i64> =
            all.iter().copied().enumerate().filter(|(i, _)| !(3..6).contains(i)).map(|(_, s)| s).collect();
        let found = kept(asks, &gap, &around());
        assert_eq!((found.holds, found.value), (Some(false), Some(70.0)));
    }

    #[test]
    fn retention_looks_at_the_oldest_partition() {
        let mut around = around();
        let asks = Asks::Retention { days: 30 };
        assert_eq!(kept(asks.clone(), &[], &around).holds, None);
        around.oldest.insert("t".into(), "2026-10-25".parse().unwrap());
        assert_eq!(kept(asks.clone(), &[], &around).holds, Some(true));
        around.oldest.insert("t".into(), "2026-10-24".parse().unwrap());
        assert_eq!(kept(asks, &[], &around).holds, Some(false));
    }
}
