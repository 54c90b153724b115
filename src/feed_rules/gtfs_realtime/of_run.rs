//! The rules of GTFS-Realtime in a run, with the trips of the timetable that is valid on its date.

use std::sync::Arc;

use super::SnapshotRules;
use super::moment::TripIds;
use crate::contract::notices::Change;
use crate::decode::snapshot::Snapshot;
use crate::feed_rules::report::Report;
use crate::feed_rules::run_rules::{RunRules, RunRulesError, RunSubjects};

struct SnapshotCheck {
    rules: SnapshotRules,
    changes: Vec<Change>,
}

/// Books the ids of the timetable's trips for the whole run.
pub(in crate::feed_rules) fn open(subjects: RunSubjects<'_>) -> Result<Box<dyn RunRules>, RunRulesError> {
    let trips = match subjects.timetable {
        Ok(timetable) => {
            let ids = TripIds::of(timetable.all_trips.iter().flatten().flatten());
            subjects.budget.take("feed rules", ids.bytes())?;
            Ok(ids)
        }
        Err(why) => Err(why.clone()),
    };
    Ok(Box::new(SnapshotCheck { rules: SnapshotRules::new(trips), changes: subjects.changes.to_vec() }))
}

impl RunRules for SnapshotCheck {
    fn look(&mut self, source: &Arc<str>, snapshot: Snapshot, counts: bool) {
        self.rules.look(source, snapshot, counts);
    }

    fn report(self: Box<Self>) -> Result<Report<()>, RunRulesError> {
        Ok(self.rules.report(&self.changes))
    }
}
