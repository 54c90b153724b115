//! What rules say of rows: which are held back and by which rules, and which cells become null.

use std::collections::{BTreeMap, BTreeSet};

use crate::check::memory::Booked;
use crate::table::BudgetExceeded;

/// What the rules say of one batch: rows to hold back and cells to null. Rows are places in the batch.
#[derive(Default)]
pub(super) struct Verdict {
    /// By row the places of the rules that hold it, in the order in which they did.
    pub held: BTreeMap<usize, Vec<u32>>,
    /// By column.
    pub nulled: BTreeMap<usize, Vec<usize>>,
    /// Rows that could not be taken apart, of whose cells no rule can say anything.
    pub torn: BTreeSet<usize>,
}

impl Verdict {
    /// Whether it leaves every row as it is.
    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty() && self.nulled.is_empty()
    }

    pub(super) fn hold(&mut self, row: usize, rule: u32) {
        self.held.entry(row).or_default().push(rule);
    }

    pub(super) fn null(&mut self, row: usize, column: usize) {
        self.nulled.entry(column).or_default().push(row);
    }
}

/// What the rules say of all rows of a table: eight bytes for each row and rule that holds it, four for each cell to null.
/// Rows are places among those that passed the rules of single rows. Call [`Self::sort`] before any other question.
#[derive(Default)]
pub(super) struct TableVerdict {
    /// Rows, and the places of the rules that hold them.
    held: Vec<(u32, u32)>,
    /// By column.
    pub nulled: BTreeMap<usize, Vec<u32>>,
}

impl TableVerdict {
    /// Adds what is said of a batch whose first row has this place.
    pub(super) fn add(&mut self, batch: &Verdict, first: usize, account: &mut Booked) -> Result<(), BudgetExceeded> {
        account.make_room(&mut self.held, batch.held.values().map(Vec::len).sum())?;
        let rules = batch.held.iter().flat_map(|(row, rules)| rules.iter().map(move |rule| (*row, *rule)));
        self.held.extend(rules.map(|(row, rule)| ((first + row) as u32, rule)));
        for (&column, rows) in &batch.nulled {
            let rows = rows.iter().map(|row| first + row);
            self.null(column, rows, account)?;
        }
        Ok(())
    }

    /// A rule holds some rows.
    pub(super) fn hold(
        &mut self,
        rule: u32,
        rows: impl ExactSizeIterator<Item = usize>,
        account: &mut Booked,
    ) -> Result<(), BudgetExceeded> {
        account.make_room(&mut self.held, rows.len())?;
        self.held.extend(rows.map(|row| (row as u32, rule)));
        Ok(())
    }

    /// A rule nulls some cells of a column.
    pub(super) fn null(
        &mut self,
        column: usize,
        rows: impl ExactSizeIterator<Item = usize>,
        account: &mut Booked,
    ) -> Result<(), BudgetExceeded> {
        let nulled = self.nulled.entry(column).or_default();
        account.make_room(nulled, rows.len())?;
        nulled.extend(rows.map(|row| row as u32));
        Ok(())
    }

    pub(super) fn holds_rows(&self) -> bool {
        !self.held.is_empty()
    }

    /// Brings rows into their order, those of a row in that in which rules held it.
    pub(super) fn sort(&mut self) {
        self.held.sort_by_key(|(row, _)| *row);
        self.nulled.values_mut().for_each(|rows| rows.sort_unstable());
    }

    /// The rules that hold a row.
    pub(super) fn rules(&self, row: usize) -> impl Iterator<Item = u32> {
        let first = self.held.partition_point(|(other, _)| (*other as usize) < row);
        let rules = self.held[first..].iter().take_while(move |(other, _)| *other as usize == row);
        rules.map(|(_, rule)| *rule)
    }

    /// What is said of the rows of a batch.
    pub(super) fn of_batch(&self, rows: std::ops::Range<usize>) -> Verdict {
        let mut verdict = Verdict::default();
        let first = self.held.partition_point(|(row, _)| (*row as usize) < rows.start);
        for (row, rule) in self.held[first..].iter().take_while(|(row, _)| (*row as usize) < rows.end) {
            verdict.hold(*row as usize - rows.start, *rule);
        }
        for (column, nulled) in &self.nulled {
            let first = nulled.partition_point(|row| (*row as usize) < rows.start);
            let until = nulled.partition_point(|row| (*row as usize) < rows.end);
            if first < until {
                let nulled = nulled[first..until].iter().map(|row| *row as usize - rows.start);
                verdict.nulled.insert(*column, nulled.collect());
            }
        }
        verdict
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Budget;

    #[test]
    fn what_is_said_of_batches_comes_back_for_other_batches() {
        let mut account = Booked::on(&Budget::new(1 << 10));
        let mut whole = TableVerdict::default();
        let mut batch = Verdict::default();
        batch.hold(1, 7);
        batch.hold(1, 4);
        batch.null(2, 0);
        whole.add(&batch, 0, &mut account).unwrap();
        whole.add(&batch, 3, &mut account).unwrap();
        whole.hold(9, [1].into_iter(), &mut account).unwrap();
        whole.null(0, [0].into_iter(), &mut account).unwrap();
        whole.sort();
        assert_eq!(whole.rules(1).collect::<Vec<_>>(), [7, 4, 9]);
        assert_eq!(whole.rules(2).count(), 0);
        let part = whole.of_batch(2..6);
        assert_eq!(part.held, BTreeMap::from([(2, vec![7, 4])]));
        assert_eq!(part.nulled, BTreeMap::from([(0, vec![0, 3])]));
        assert!(whole.of_batch(6..9).is_empty());
    }

    #[test]
    fn a_verdict_takes_no_more_than_the_run_may_hold() {
        let mut account = Booked::on(&Budget::new(16));
        let mut whole = TableVerdict::default();
        whole.hold(0, [1, 2].into_iter(), &mut account).unwrap();
        assert!(whole.hold(0, [3].into_iter(), &mut account).is_err());
        assert_eq!(whole.rules(3).count(), 0);
    }
}
