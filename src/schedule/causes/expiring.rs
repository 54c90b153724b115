//! What retention will destroy although somebody still needs it: evidence of dates that were never released, and keys of dates with
//! rows that wait for a decision.

use std::collections::{BTreeMap, BTreeSet};

use super::journals::{Journals, RunSummary};
use super::known::{Known, cause};
use super::runs::{DoneElsewhere, failing};
use super::undecided::Waiting;
use crate::capture::collector::Collector;
use crate::notify::{Cause, Trouble};
use crate::pipeline::journal;
use crate::pipeline::run::day_key::day_keys;
use crate::schedule::due::Stop;
use crate::schedule::facts::{JobKey, Outcome};
use crate::time::ServiceDate;
use crate::workspace::retention::Retention;

/// Days before it is destroyed.
const DAYS: i32 = 14;

/// Dates that will be destroyed, and when the first of them is.
type Going<T> = BTreeMap<T, (BTreeSet<ServiceDate>, ServiceDate)>;

pub(super) fn causes(known: &Known<'_>, done: DoneElsewhere<'_>, waiting: &Waiting) -> Vec<Cause> {
    let evidence = evidence(known, done).into_iter().map(|((source, pipeline), (dates, on))| {
        cause(Trouble::EvidenceExpiring { source, pipeline, dates, on }, known.begin_of(on.plus_days(-DAYS)))
    });
    let keys = keys(known, waiting).into_iter().map(|(dataset, (dates, on))| {
        cause(Trouble::KeyExpiring { dataset, dates, on }, known.begin_of(on.plus_days(-DAYS)))
    });
    evidence.chain(keys).collect()
}

/// Of sources whose evidence is our own, each with the first pipeline that it is of.
fn evidence(known: &Known<'_>, done: DoneElsewhere<'_>) -> Going<(String, String)> {
    let mut going: BTreeMap<String, (String, (BTreeSet<ServiceDate>, ServiceDate))> = BTreeMap::new();
    let own = Collector::evidence(&known.workspace.private);
    // What failed may be tried once more at any time, and is not released by that.
    let stopped = known.due.stopped.iter().filter(|stopped| stopped.why != Stop::Ended(Outcome::Absent));
    let keys = stopped.map(|stopped| &stopped.key).chain(failing(known, done).map(|(_, key, _)| key));
    let keys: BTreeSet<&JobKey> = keys.collect();
    for key in keys {
        let Some(date) = key.date else { continue };
        let Some(on) = destroyed_soon(&known.workspace.retention, date, known.today()) else { continue };
        let name = &key.pipeline;
        let pipeline = known.workspace.pipelines.iter().find(|pipeline| pipeline.name == *name);
        let Some(pipeline) = pipeline.filter(|_| !was_released(known, done.journals, name, date)) else { continue };
        let is_own = |folder: &std::path::Path| folder == own;
        for feed in pipeline.feeds.iter().filter(|feed| feed.from.folder().is_none_or(|of| is_own(&of.path))) {
            let new = || (name.clone(), (BTreeSet::new(), on));
            let (_, (dates, first)) = going.entry(feed.name.clone()).or_insert_with(new);
            dates.insert(date);
            *first = on.min(*first);
        }
    }
    going.into_iter().map(|(source, (pipeline, of))| ((source, pipeline), of)).collect()
}

/// By the bucket, or by what the journal has of it.
fn was_released(known: &Known<'_>, journals: &Journals, pipeline: &str, date: ServiceDate) -> bool {
    let of_date = known.facts.pipelines.get(pipeline).and_then(|facts| facts.dates.get(&date));
    if of_date.and_then(|of| of.released).is_some_and(|released| !released.is_provisional) {
        return true;
    }
    if let Some(run) = journals.of(pipeline).get(&date) {
        return run.is_released();
    }
    let file = journal::path(&known.workspace.private, pipeline, date);
    journal::read(&file).ok().flatten().is_some_and(|entry| RunSummary::of(&entry).is_released())
}

/// Of datasets.
fn keys(known: &Known<'_>, waiting: &Waiting) -> Going<String> {
    let mut going = Going::new();
    let soon = |date: &ServiceDate| Some((*date, destroyed_soon(&known.workspace.retention, *date, known.today())?));
    let of = |(dataset, dates): (&String, &BTreeMap<ServiceDate, _>)| {
        dates.keys().filter_map(soon).map(|found| (dataset.clone(), found)).collect::<Vec<_>>()
    };
    let soon: Vec<_> = waiting.iter().flat_map(of).collect();
    if soon.is_empty() {
        return going;
    }
    let keys: BTreeSet<ServiceDate> = day_keys(known.workspace).dates().into_iter().collect();
    for (dataset, (date, on)) in soon.into_iter().filter(|(_, (date, _))| keys.contains(date)) {
        add(&mut going, &dataset, date, on);
    }
    going
}

fn add(going: &mut Going<String>, name: &str, date: ServiceDate, on: ServiceDate) {
    let (dates, first) = going.entry(name.to_owned()).or_insert_with(|| (BTreeSet::new(), on));
    dates.insert(date);
    *first = on.min(*first);
}

/// The day on which retention destroys a date, if that is near and still to come.
fn destroyed_soon(retention: &Retention, date: ServiceDate, today: ServiceDate) -> Option<ServiceDate> {
    if retention.first_kept(today) > date {
        return None;
    }
    (1..=DAYS).map(|days| today.plus_days(days)).find(|day| retention.first_kept(*day) > date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_near_its_end_from_fourteen_days_before_until_it_is_destroyed() {
        let date = |text: &str| text.parse::<ServiceDate>().unwrap();
        let soon = |today| destroyed_soon(&Retention::default(), date("2026-11-24"), date(today));
        // It is kept through the day on which it is thirteen months old.
        let on = Some(date("2027-12-25"));
        assert_eq!((soon("2027-12-10"), soon("2027-12-11"), soon("2027-12-24")), (None, on, on));
        assert_eq!((soon("2027-12-25"), soon("2026-11-24")), (None, None));
    }
}
