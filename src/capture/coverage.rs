//! Coverage: what became of every beat of a period, from the records that the beats left.
//!
//! [`Explainer`] takes the records of a source in the order of their time and gives stretches of beats, each with its [`Explanation`];
//! [`Coverage`] adds up those of a period. Beats without a record are counted by the grid of the record before them. What is held in
//! memory does not grow with the number of records, but for the gaps that are told one by one, which have a limit.

mod explainer;
mod explanation;
mod signs;
mod sums;

pub use self::explainer::{End, Explainer, Stretch};
pub use self::explanation::{Class, Explanation, OffReason};
pub use self::signs::{LEGEND, Sign};
pub use self::sums::{Coverage, Span};

#[cfg(test)]
mod tests;
