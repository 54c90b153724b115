//! What the files of the rules begin with.

pub use super::moment::{Moment, Needs, Shown};
pub use crate::contract::Severity;
pub use crate::feed_rules::notice::{Notice, Out, Words};
pub use crate::feed_rules::rule::{fails, passes};

/// A rule over a snapshot with the one before and the timetable.
pub type Rule = crate::feed_rules::rule::Rule<Moment>;
