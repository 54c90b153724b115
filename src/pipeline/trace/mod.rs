//! From a published row back to the record in the evidence that it was made of, or why a row is not there.
//!
//! A [`Key`] says which rows. [`trace`] finds the date, in the published files or by the key, and walks that partition through the nodes
//! of a run once more, from the evidence, with a [`watch`] on the rows of the key. What privacy hides stays hidden: an answer holds the
//! key, public values of published rows, names of columns and rules, and places in the evidence, which is private and stays so.

mod answer;
mod ask;
mod find;
mod key;
mod made_of;
mod of_date;
mod question;
mod said;
pub(crate) mod watch;

pub use self::answer::{Change, CheckedBy, Evidence, Fate, MadeOf, PublishedFile, Reason, Trace, TracedRow, What};
pub use self::ask::trace;
pub use self::key::{Key, KeyError};
pub use self::question::{Question, TraceError};
pub use self::said::text;
