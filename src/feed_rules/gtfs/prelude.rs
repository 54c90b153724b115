//! What the files of the rules begin with.

pub(super) use super::columns::{Float, Groups, NO_ROW, Rows, Text, date, iso_date, time};
pub(super) use super::feed::{Feed, Needs};
pub(super) use crate::contract::Severity;
pub(super) use crate::feed_rules::notice::{Notice, Out, Words};
pub(super) use crate::feed_rules::rule::{fails, passes};

/// A rule over a whole feed.
pub(super) type Rule = crate::feed_rules::rule::Rule<Feed>;
