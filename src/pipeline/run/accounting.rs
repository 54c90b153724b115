//! The accounts of a run: rows in = rows published + quarantined + dropped + held back, for every table.

use crate::ledger::TableEntry;
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::gap::nothing_captured;
use crate::pipeline::run::nodes::account::TableResult;

/// The account of a table that has come to its end.
///
/// # Errors
/// The sum does not hold, or the file has other rows than the account: a fault of the program, and nothing is published.
pub(super) fn account(table: &TableResult) -> Result<TableEntry, RunError> {
    let counts = &table.counts;
    let entry = TableEntry {
        table: table.release.table.clone(),
        from: table.from.join(", "),
        rows_in: counts.rows_in,
        published: counts.published,
        quarantined: counts.quarantined,
        held_back: 0,
        dropped: counts.dropped.clone(),
        released: counts.released.clone(),
        mapped: counts.mapped.clone(),
        left_quarantine: table.left_quarantine,
        entered_quarantine: table.entered_quarantine,
        inputs: table.inputs.clone(),
        files: Vec::new(),
    };
    check(&entry, table.staged.as_ref().map(|staged| staged.rows))?;
    Ok(entry)
}

/// Along the graph: what a derived table read of one of the release are all rows that this published.
///
/// # Errors
/// They are not: a fault of the program, and nothing is published.
pub(super) fn check_inputs(entries: &[TableEntry]) -> Result<(), RunError> {
    for entry in entries {
        for input in entry.inputs.iter().filter(|input| input.of == "release") {
            let published = entries.iter().find(|other| other.table == input.table);
            let published = published.map_or(0, |other| other.published + other.held_back + unpublished(other));
            if published != input.rows {
                let (table, of) = (&entry.table, &input.table);
                let problem = format!("{table} is derived from {} rows of {of}, which has {published}", input.rows);
                return Err(RunError::internal(problem));
            }
        }
    }
    Ok(())
}

/// Rows that were read and then not published, since nothing was captured on the date.
fn unpublished(entry: &TableEntry) -> u64 {
    entry.dropped.get(&nothing_captured(&entry.table)).copied().unwrap_or(0)
}

fn check(entry: &TableEntry, staged_rows: Option<u64>) -> Result<(), RunError> {
    if !entry.adds_up() {
        return Err(RunError::internal(format!("the rows of {} do not add up: {entry:?}", entry.table)));
    }
    match staged_rows {
        Some(rows) if rows != entry.published => {
            let problem = format!("{} has {rows} rows in its file, not {}", entry.table, entry.published);
            Err(RunError::internal(problem))
        }
        _ => Ok(()),
    }
}

/// What would have been published is held back with the run.
pub(super) fn hold_back(entry: &mut TableEntry) {
    entry.held_back = std::mem::take(&mut entry.published);
    entry.left_quarantine.held_back = std::mem::take(&mut entry.left_quarantine.published);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::contract::RuleId;
    use crate::ledger::{InputRows, LeftQuarantine};

    fn entry() -> TableEntry {
        TableEntry {
            table: "t".to_owned(),
            from: "f".to_owned(),
            rows_in: 10,
            published: 6,
            quarantined: 1,
            held_back: 0,
            dropped: BTreeMap::from([(RuleId("t.same_position".to_owned()), 3)]),
            released: BTreeMap::new(),
            mapped: BTreeMap::new(),
            left_quarantine: LeftQuarantine { published: 2, ..LeftQuarantine::default() },
            entered_quarantine: 0,
            inputs: Vec::new(),
            files: Vec::new(),
        }
    }

    #[test]
    fn every_row_is_in_one_account() {
        assert!(check(&entry(), Some(6)).is_ok());
        assert!(check(&entry(), None).is_ok());
        for change in [-1_i64, 1] {
            let one = |value: u64| value.strict_add_signed(change);
            let wrong = [
                TableEntry { rows_in: one(10), ..entry() },
                TableEntry { published: one(6), ..entry() },
                TableEntry { quarantined: one(1), ..entry() },
            ];
            for wrong in wrong {
                let error = check(&wrong, None).unwrap_err().to_string();
                assert!(error.contains("do not add up"), "{error}");
            }
        }
    }

    #[test]
    fn what_a_table_is_derived_from_is_all_that_was_published_of_it_and_used_or_not() {
        let unused = BTreeMap::from([(RuleId("d.without_trip".to_owned()), 2)]);
        let input = InputRows { of: "release".to_owned(), table: "t".to_owned(), rows: 6, used: 4, unused };
        let derived = |input: &InputRows| TableEntry {
            table: "d".to_owned(),
            rows_in: 3,
            published: 3,
            dropped: BTreeMap::new(),
            quarantined: 0,
            inputs: vec![input.clone()],
            ..entry()
        };
        assert!(check(&derived(&input), Some(3)).is_ok());
        assert!(check_inputs(&[entry(), derived(&input)]).is_ok());
        // Also in a run that is held back.
        let held = TableEntry { published: 0, held_back: 6, ..entry() };
        assert!(check_inputs(&[held, derived(&input)]).is_ok());
        assert!(check(&derived(&InputRows { used: 5, ..input.clone() }), None).is_err());
        let more = InputRows { rows: 7, used: 5, ..input };
        assert!(check(&derived(&more), None).is_ok());
        let error = check_inputs(&[entry(), derived(&more)]).unwrap_err().to_string();
        assert!(error.contains("7 rows of t, which has 6"), "{error}");
    }

    #[test]
    fn a_file_has_the_rows_of_its_account() {
        let error = check(&entry(), Some(5)).unwrap_err().to_string();
        assert!(error.contains("5 rows in its file, not 6"), "{error}");
    }

    #[test]
    fn a_run_that_is_held_back_publishes_no_row_and_the_account_still_holds() {
        let mut entry = entry();
        hold_back(&mut entry);
        assert_eq!((entry.published, entry.held_back), (0, 6));
        assert_eq!((entry.left_quarantine.published, entry.left_quarantine.held_back), (0, 2));
        assert!(entry.adds_up());
    }
}
