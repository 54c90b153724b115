//! Finishing withdrawals that were killed, by whichever command writes to the bucket next.

use super::unfinished::{self, Begun};
use super::withdraw::{WithdrawRequest, withdraw_alone};
use super::{ActBy, ActContext, ActError};

/// Finishes withdrawals that were killed. What cannot be finished now is told, and does not keep the command from its own work.
pub fn finish_withdrawals(context: &ActContext<'_>) {
    if let Err(error) = try_finish(context) {
        tracing::warn!(
            "a withdrawal that was broken off is not finished, and what it was to delete may still be public: {error}. Repeat 'fahrtenbuch \
             withdraw', or run 'fahrtenbuch publish --rebuild'"
        );
    }
}

fn try_finish(context: &ActContext<'_>) -> Result<(), ActError> {
    if unfinished::all(context)?.is_empty() {
        return Ok(());
    }
    // One that is at work is waited for: it is no broken one.
    let _alone = context.lock.acting()?;
    for begun in unfinished::all(context)? {
        let what = begun.what();
        if begun.is_committed(context.bucket)? {
            tracing::warn!("the withdrawal of {what} was broken off, and is finished now");
            let Begun { dataset, table, dates, by, reason, .. } = begun;
            withdraw_alone(context, &WithdrawRequest { dataset, table, dates, release: None }, &ActBy { by, reason })?;
        } else {
            tracing::warn!(
                "a withdrawal of {what} was broken off before anything was withdrawn: if it is still to be, type 'fahrtenbuch withdraw' again"
            );
            unfinished::end(context, (&begun.dataset, begun.table.as_deref()), &begun.dates)?;
        }
    }
    Ok(())
}
