//! What was found of a source, and how long a gap is in words.

use jiff::SignedDuration;

use crate::capture::coverage::Coverage;
use crate::pipeline::purged::PurgedDate;
use crate::workspace::beats::Explained;

/// What became of the beats of a source.
pub(super) struct Found {
    pub source: String,
    pub coverage: Coverage,
    pub explained: Explained,
    /// Dates of the period that were destroyed, in their order.
    pub destroyed: Vec<PurgedDate>,
}

/// `2 d 3 h`, `1 h 5 min`, `3 min 20 s`, `15 s`.
pub(super) fn length(length: SignedDuration) -> String {
    let seconds = length.as_secs();
    let parts = [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")];
    let first = parts.iter().position(|(unit, _)| seconds >= *unit).unwrap_or(parts.len() - 1);
    let mut left = seconds;
    let mut said = Vec::new();
    for (place, (unit, name)) in parts.iter().enumerate().skip(first).take(2) {
        let number = left / unit;
        left %= unit;
        if number > 0 || place == first {
            said.push(format!("{number} {name}"));
        }
    }
    said.join(" ")
}
