//! Whether a purge by the calendar may believe the clock: one that is far ahead would destroy everything at once.
//!
//! What is known of the time without the clock of now is when something was destroyed last, or of what date the newest is that the
//! private store has. Dates that were due then are beyond doubt. Of those that have become due since, a daily purge finds one, and
//! one that was not run for a while some.

use std::collections::BTreeSet;

use super::subjects::Subject;
use crate::ledger::PurgeRecord;
use crate::pipeline::purged::Purged;
use crate::pipeline::run::context::now;
use crate::pipeline::run::day_key::day_keys;
use crate::pipeline::run::error::RunError;
use crate::time::ServiceDate;
use crate::workspace::Workspace;

/// Dates that may have become due since the time that is known, at the most.
const MOST_DATES: usize = 31;

/// Why somebody has to decide what is destroyed; `None` if the clock can be believed.
pub(super) fn doubt(
    workspace: &Workspace,
    subjects: &[Subject<'_>],
    known: &Purged,
    first_kept: ServiceDate,
    records: &[PurgeRecord],
) -> Result<Option<String>, RunError> {
    let today = ServiceDate::local_date_of(now(), &workspace.zone);
    let mut dates: BTreeSet<ServiceDate> = day_keys(workspace).dates().into_iter().collect();
    for subject in subjects {
        dates.extend(subject.all_dates(workspace)?);
    }
    let last = known.all().map(|purged| purged.at).filter(|at| *at <= now()).max();
    let last = last.map(|at| ServiceDate::local_date_of(at, &workspace.zone));
    let newest = dates.range(..=today).next_back().copied();
    let Some(sign) = last.or(newest) else { return Ok(None) };
    let was_due = workspace.retention.first_kept(sign);
    let since: BTreeSet<ServiceDate> =
        records.iter().map(|record| record.date).filter(|date| *date >= was_due).collect();
    let is_all = dates.range(first_kept..).next().is_none();
    if since.is_empty() || since.len() <= MOST_DATES && !is_all {
        return Ok(None);
    }
    let what = match (last, is_all) {
        (_, true) => "that is all there is".to_owned(),
        (Some(last), _) => format!("they have become due since the last purge, of {last}"),
        (None, _) => format!("the newest that there is is of {sign}"),
    };
    Ok(Some(format!(
        "{} dates would be destroyed that were not due on {sign}; {what}. Is this machine's clock, which shows {}, far ahead? Then \
         set it. If it is right, say so: --before {first_kept} with --by and --reason. Nothing was destroyed.",
        since.len(),
        now()
    )))
}
