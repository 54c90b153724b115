//! Publication: what was published, how good it was and what was decided of it, as tables that anyone can query.
//!
//! Takes versions of table indexes, results and public records; makes the rows of `releases`, `rule_results` and `decisions` of one
//! date, by functions that read nothing: what pages, reports and `releases list` say, no more; and finds the files that have results
//! of withdrawn dates. They are the tables of the dataset [`DATASET`], and each has a contract that comes with the program. Other than
//! the city's tables they say when things happened, for that is what they are about; so they differ where releases came in another
//! order. Nothing here tells of people: roles and reasons are those of the public records, and of rows only how many.

mod cells;
mod decisions;
mod releases;
mod results;
mod stored;

use std::path::Path;
use std::sync::{Arc, LazyLock};

use crate::contract::{Contract, odcs};

pub(crate) use self::cells::{CellError, batch, rows};
pub(crate) use self::decisions::{DecisionRow, of_acts, of_record};
pub(crate) use self::releases::{Fate, FateKind, ReleaseRow, settle};
pub(crate) use self::results::{ResultRow, of_quality};
pub(crate) use self::stored::stored_results;

/// The dataset of these tables. No pipeline has it.
pub(crate) const DATASET: &str = "publication";
pub(crate) const RELEASES: &str = "releases";
pub(crate) const RULE_RESULTS: &str = "rule_results";
pub(crate) const DECISIONS: &str = "decisions";

const TEXTS: [(&str, &str); 3] = [
    ("decisions.odcs.yaml", include_str!("contracts/decisions.odcs.yaml")),
    ("releases.odcs.yaml", include_str!("contracts/releases.odcs.yaml")),
    ("rule_results.odcs.yaml", include_str!("contracts/rule_results.odcs.yaml")),
];

/// The contracts of the tables, by their names.
pub(crate) fn contracts() -> &'static [Arc<Contract>] {
    static READ: LazyLock<Vec<Arc<Contract>>> = LazyLock::new(|| {
        // A test reads them: they have no mistake.
        let read = TEXTS.iter().flat_map(|(file, text)| odcs::contracts(Path::new(file), text).unwrap_or_default());
        read.map(Arc::new).collect()
    });
    &READ
}

/// The contract of one of the tables.
pub(crate) fn contract(table: &str) -> Option<&'static Arc<Contract>> {
    contracts().iter().find(|contract| contract.table == table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contracts_have_no_mistake_and_describe_every_column_in_two_languages() {
        for (file, text) in TEXTS {
            odcs::contracts(Path::new(file), text).unwrap();
        }
        let names: Vec<&str> = contracts().iter().map(|contract| contract.table.as_str()).collect();
        assert_eq!(names, [DECISIONS, RELEASES, RULE_RESULTS]);
        for column in contracts().iter().flat_map(|contract| &contract.columns) {
            assert!(column.description.is_some() && column.description_de.is_some(), "{}", column.name);
            // No city can say when another version of the program came: columns only come, and are not renamed, retyped or removed.
            assert!(column.change.is_none() && column.stays_public.is_none(), "{}", column.name);
        }
        assert!(contracts().iter().all(|contract| contract.removed.is_empty()));
    }
}
