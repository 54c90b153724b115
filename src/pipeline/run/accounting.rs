//! The accounts of a run: rows in = rows published + quarantined + dropped + held back, for every table.

use crate::ledger::TableEntry;
use crate::pipeline::run::error::RunError;
use crate::pipeline::run::lane::Arrived;

/// The account of a table that has come to its end.
///
/// # Errors
/// The sum does not hold, or the file has other rows than the account: a fault of the program, and nothing is published.
pub(super) fn account(table: &Arrived) -> Result<TableEntry, RunError> {
    let entry = TableEntry {
        table: table.release.table.clone(),
        from: table.source.table.clone(),
        rows_in: table.rows_in,
        published: table.published,
        quarantined: table.quarantined,
        held_back: 0,
        dropped: table.dropped.clone(),
        released: table.released.clone(),
        mapped: table.mapped.clone(),
        left_quarantine: table.left_quarantine,
        entered_quarantine: table.entered_quarantine,
        files: Vec::new(),
    };
    check(&entry, table.staged.as_ref().map(|staged| staged.rows))?;
    Ok(entry)
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
    use crate::ledger::LeftQuarantine;

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
