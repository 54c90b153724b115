//! What left the public and has not come back, and how pages say so: alike for a dataset, a table and a day.

use std::collections::BTreeMap;

use maud::{Markup, html};

use crate::portal::catalogue::{Dataset, Table};
use crate::portal::dates::at_text;
use crate::portal::frame::said;
use crate::publish::index::Tombstone;
use crate::text::Language;
use crate::time::ServiceDate;

/// What one act took of a date.
#[derive(Clone, Debug)]
pub(super) struct Withdrawal<'a> {
    pub tables: Vec<&'a Table>,
    pub tombstone: &'a Tombstone,
}

/// A date of which something was withdrawn and is not back.
#[derive(Clone, Debug, Default)]
pub(super) struct WithdrawnDay<'a> {
    /// In the order of the tables that they took first.
    pub acts: Vec<Withdrawal<'a>>,
    /// Whether no table has a file of the date any more.
    pub is_whole: bool,
}

impl WithdrawnDay<'_> {
    /// Whether the tables are to be named: others of the date are still there, or went by another act.
    pub(super) fn has_names(&self) -> bool {
        !self.is_whole || self.acts.len() > 1
    }
}

/// The dates of a table that left the public and are not back. One whose withdrawal was lifted is not back before it is released again.
pub(super) fn of_table(table: &Table) -> impl DoubleEndedIterator<Item = (ServiceDate, &Tombstone)> {
    let is_gone = |date: ServiceDate| table.index.file_of(date).is_none();
    table.index.withdrawn.iter().map(|(date, of)| (*date, of)).filter(move |(date, _)| is_gone(*date))
}

/// The same of a dataset.
pub(super) fn of_dataset(of: &Dataset) -> BTreeMap<ServiceDate, WithdrawnDay<'_>> {
    let mut days: BTreeMap<ServiceDate, WithdrawnDay<'_>> = BTreeMap::new();
    for table in &of.tables {
        for (date, tombstone) in of_table(table) {
            let acts = &mut days.entry(date).or_default().acts;
            match acts.iter_mut().find(|act| act.tombstone.record == tombstone.record) {
                Some(act) => act.tables.push(table),
                None => acts.push(Withdrawal { tables: vec![table], tombstone }),
            }
        }
    }
    for (date, day) in &mut days {
        day.is_whole = of.tables.iter().all(|table| table.index.file_of(*date).is_none());
    }
    days
}

/// Whether something of a dataset left the public and is not back.
pub(super) fn has_any(of: &Dataset) -> bool {
    of.tables.iter().any(|table| of_table(table).next().is_some())
}

/// When it was withdrawn, by whom and why, to stand after the word for it: ` am 25.11.2026, 5:00 UTC von Datenmanagement: Kennzeichen`.
pub(super) fn told(
    at: jiff::Timestamp,
    by: &str,
    reason: &str,
    lifted: Option<jiff::Timestamp>,
    language: Language,
) -> Markup {
    let time = |at: jiff::Timestamp| html! { time datetime=(at) { (at_text(at, language)) } };
    html! {
        (language.say(" am ", " on ")) (time(at)) (language.say(" von ", " by ")) (by) ": "
        (said(reason, Language::De, language))
        @if let Some(at) = lifted {
            " " (language.say("Seit ", "Since ")) (time(at))
            (language.say(
                " wieder zur Veröffentlichung freigegeben, aber noch nicht wieder da.",
                " free to be released again, but not back yet.",
            ))
        }
    }
}

/// As [`told`].
pub(super) fn act(of: &Tombstone, language: Language) -> Markup {
    told(of.at, &of.by, &of.reason, of.lifted.as_ref().map(|lifted| lifted.at), language)
}
