//! What the files of the rules begin with.

pub use super::columns::{Float, Groups, NO_ROW, Rows, Text, date, iso_date, time};
pub use super::feed::{Feed, Needs};
pub use crate::contract::Severity;
pub use crate::feed_rules::notice::{Notice, Out, Words};
pub use crate::feed_rules::rule::{fails, passes};

/// A rule over a whole feed.
pub type Rule = crate::feed_rules::rule::Rule<Feed>;
