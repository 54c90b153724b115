//! What the files of the rules begin with.

pub(super) use super::moment::{Moment, Needs, Shown};
pub(super) use crate::contract::Severity;
pub(super) use crate::feed_rules::notice::{Notice, Out, Words};
pub(super) use crate::feed_rules::rule::{fails, passes};

/// A rule over a snapshot with the one before and the timetable.
pub(super) type Rule = crate::feed_rules::rule::Rule<Moment>;
