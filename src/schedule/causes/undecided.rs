//! Rows in quarantine of which nobody decides.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};

use super::journals::{Stamp, stamp};
use super::known::{Known, ago, cause};
use crate::decision;
use crate::notify::{Cause, Trouble};
use crate::quarantine::decisions::Decisions;
use crate::quarantine::held::{self, Undecided};
use crate::time::ServiceDate;

/// For so long a row may wait.
const PATIENCE: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Rows of a dataset without a decision, by date.
pub(super) type Waiting = BTreeMap<String, BTreeMap<ServiceDate, Undecided>>;

/// What is remembered of the files of the quarantine.
#[derive(Default)]
pub(super) struct Quarantine {
    files: BTreeMap<PathBuf, (Seen, Undecided)>,
    /// Datasets of which a file cannot be read now.
    pub unread: BTreeSet<String>,
}

/// The file, the decisions about its table, and the day on which those held.
type Seen = (Stamp, Option<Stamp>, Option<ServiceDate>);

impl Quarantine {
    /// Reads the files that changed, or whose decisions did. One that cannot be read has what it had when it could be.
    pub(super) fn look(&mut self, known: &Known<'_>) -> Waiting {
        let (private, today) = (&known.workspace.private, known.today());
        let mut files = BTreeMap::new();
        let mut waiting = Waiting::new();
        self.unread.clear();
        for file in held::files(private, None, None) {
            let decisions = decision::path_of_rows(private, &file.dataset, &file.table);
            let Some(of_file) = stamp(&file.path) else { continue };
            let of_decisions = stamp(&decisions);
            // Without decisions the day decides nothing.
            let day = of_decisions.map(|_| today);
            let seen = (of_file, of_decisions, day);
            let (seen, undecided) = match self.files.get(&file.path) {
                Some(before) if before.0 == seen => *before,
                before => {
                    let lines = decision::read(&decisions).ok();
                    let of = |lines: Vec<_>| held::undecided(&file.path, &Decisions::of(&lines, file.date, today)).ok();
                    if let Some(undecided) = lines.and_then(of) {
                        (seen, undecided)
                    } else {
                        self.unread.insert(file.dataset.clone());
                        let Some(before) = before else { continue };
                        *before
                    }
                }
            };
            files.insert(file.path, (seen, undecided));
            if undecided.rows > 0 {
                let of = waiting.entry(file.dataset).or_default().entry(file.date).or_default();
                of.rows += undecided.rows;
                of.since = of.since.into_iter().chain(undecided.since).min();
            }
        }
        self.files = files;
        waiting
    }
}

pub(super) fn causes(waiting: &Waiting, now: Timestamp) -> Vec<Cause> {
    let of = |(dataset, dates): (&String, &BTreeMap<ServiceDate, Undecided>)| {
        let old = || dates.iter().filter(|(_, of)| of.since.is_some_and(|since| ago(since, now) > PATIENCE));
        let (oldest, since) = (*old().map(|(date, _)| date).min()?, old().filter_map(|(_, of)| of.since).min()?);
        let (dataset, rows) = (dataset.clone(), old().map(|(_, of)| of.rows).sum());
        Some(cause(Trouble::QuarantineUndecided { dataset, rows, oldest }, since))
    };
    waiting.iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_told_that_wait_for_more_than_fourteen_days() {
        let (now, date) = (Timestamp::UNIX_EPOCH, |text: &str| text.parse::<ServiceDate>().unwrap());
        let of = |rows, days: i32, seconds| {
            let since = now - SignedDuration::from_hours(24) * days - SignedDuration::from_secs(seconds);
            Undecided { rows, since: Some(since) }
        };
        let mut dates = BTreeMap::from([(date("1969-12-18"), of(3, 14, 0)), (date("1969-12-31"), of(5, 1, 0))]);
        let waiting = |dates: &BTreeMap<_, _>| Waiting::from([("bus".to_owned(), dates.clone())]);
        assert_eq!(causes(&waiting(&dates), now), []);
        dates.insert(date("1969-12-17"), of(4, 14, 1));
        let since = of(0, 14, 1).since.unwrap();
        let trouble = Trouble::QuarantineUndecided { dataset: "bus".to_owned(), rows: 4, oldest: date("1969-12-17") };
        assert_eq!(causes(&waiting(&dates), now), [Cause { trouble, since }]);
    }
}
