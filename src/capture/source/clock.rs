//! The clocks of a server and of this machine, which evidence is dated by.

use jiff::{SignedDuration, Timestamp};

use crate::capture::http_date;

/// Clocks may differ by so much before it is told.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);
/// 2026-01-01: this program is younger, so a clock of this machine that shows less is wrong.
pub const PROGRAM_BEGINS: i64 = 1_767_225_600;
/// 2020-01-01: a server's clock that shows less was never set.
const CLOCKS_BEGIN: i64 = 1_577_836_800;
/// The header of a record that keeps this machine's time where `captured_at` follows the server's.
pub const CLOCK_HEADER: &str = "Fahrtenbuch-Clock";

/// By how much the server's clock differs from ours, where evidence is to follow it; what differs is told.
///
/// `Date` says when the response was made, and `Age` for how long caches have kept it since (RFC 9111, 5.1), so both
/// together are the server's now. Evidence of the future stands in the way of every later run: so a server that is ahead
/// is followed only where it is this machine's clock that is wrong, as it shows a time before this program or before the
/// newest capture, which was not after the server's now.
pub(super) fn clock_difference(
    shown: &str,
    date: Option<&str>,
    age: Option<&str>,
    now: Timestamp,
    newest: Option<Timestamp>,
) -> Option<SignedDuration> {
    let age = age.and_then(|age| age.trim().parse::<u32>().ok()).unwrap_or(0);
    let server = http_date::parse(date?)?.saturating_add(SignedDuration::from_secs(age.into())).ok()?;
    let difference = now.duration_until(server);
    if difference.abs() <= CLOCK_TOLERANCE {
        return None;
    }
    let ours_is_behind = now.as_second() < PROGRAM_BEGINS
        || newest.is_some_and(|newest| now.duration_until(newest) > CLOCK_TOLERANCE && newest <= server);
    let follows = server.as_second() >= CLOCKS_BEGIN && (difference.is_negative() || ours_is_behind);
    let whose = if follows { "the evidence follows the server's" } else { "the evidence keeps this machine's" };
    let remedy = "Check the clock of this machine.";
    tracing::warn!(url = %shown, "this machine's clock shows {now:.0}, the server's {server:.0}: {whose}. {remedy}");
    follows.then_some(difference)
}
