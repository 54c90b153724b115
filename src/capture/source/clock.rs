//! The clocks of a server and of this machine, which evidence is dated by.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use crate::capture::http_date;

/// Clocks may differ by so much before it is told.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);
/// A difference that stays is told again after this.
const AGAIN: Duration = Duration::from_secs(86_400);
/// Servers of which it is remembered what was told.
const MOST_TOLD: usize = 1000;
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
        told().remove(shown);
        return None;
    }
    let ours_is_behind = now.as_second() < PROGRAM_BEGINS
        || newest.is_some_and(|newest| now.duration_until(newest) > CLOCK_TOLERANCE && newest <= server);
    let follows = server.as_second() >= CLOCKS_BEGIN && (difference.is_negative() || ours_is_behind);
    let whose = if follows { "the evidence follows the server's" } else { "the evidence keeps this machine's" };
    let remedy = "Check the clock of this machine.";
    if is_new(&mut told(), shown, difference.as_secs(), Instant::now()) {
        tracing::warn!(url = %shown, "this machine's clock shows {now:.0}, the server's {server:.0}: {whose}. {remedy}");
    }
    follows.then_some(difference)
}

/// What was told of a server's clock: the difference in seconds, and when.
type Told = HashMap<String, (i64, Instant)>;

fn told() -> MutexGuard<'static, Told> {
    static TOLD: LazyLock<Mutex<Told>> = LazyLock::new(Mutex::default);
    TOLD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a difference is to be told: it is new, has changed by more than clocks may differ, or was told a day ago. A source is asked
/// every few seconds.
fn is_new(told: &mut Told, shown: &str, seconds: i64, now: Instant) -> bool {
    let is_known = told.get(shown).is_some_and(|(known, at)| {
        known.abs_diff(seconds) <= CLOCK_TOLERANCE.as_secs().unsigned_abs() && now.duration_since(*at) < AGAIN
    });
    if is_known {
        return false;
    }
    if told.len() >= MOST_TOLD {
        told.clear();
    }
    told.insert(shown.to_owned(), (seconds, now));
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_told_once_and_again_when_it_changes_or_after_a_day() {
        let (mut told, now) = (Told::new(), Instant::now());
        let mut is_told =
            |seconds, later| is_new(&mut told, "https://a.example", seconds, now + Duration::from_secs(later));
        assert_eq!([is_told(-900, 0), is_told(-902, 15), is_told(-890, 30)], [true, false, false]);
        assert_eq!([is_told(-1300, 45), is_told(-1300, 60)], [true, false]);
        assert_eq!([is_told(-1300, 86_400), is_told(-1300, 86_450)], [false, true]);
    }
}
