//! The list of all derivations that pipelines can name.

use crate::derive::derivation::DerivationType;

/// All derivations. Telemetry is none of them: which of its tables is made from which is said by `release: tables:`.
pub static DERIVATIONS: &[&dyn DerivationType] = &[
    &crate::derive::trips_observed::TripsObserved,
    &crate::derive::service_dates::ServiceDates,
    &crate::derive::coverage::CoverageTable,
    #[cfg(test)]
    &crate::derive::testing::TripReports,
];

/// The derivation of this name.
pub fn find(name: &str) -> Option<&'static dyn DerivationType> {
    DERIVATIONS.iter().copied().find(|derivation| derivation.name() == name)
}

/// The names of all derivations.
pub fn names() -> Vec<&'static str> {
    DERIVATIONS.iter().map(|derivation| derivation.name()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::library::Library;
    use crate::derive::derivation::Tables;

    #[test]
    fn what_derivations_read_of_a_timetable_is_in_the_contracts_of_timetables() {
        let gtfs = Library::gtfs();
        for derivation in DERIVATIONS {
            for input in derivation.inputs().iter().filter(|input| input.of == Tables::Timetable) {
                let contract = gtfs.get(input.table).unwrap();
                for column in input.columns {
                    let kind = contract.index_of(column.name).map(|place| contract.columns[place].kind);
                    assert_eq!(kind, Some(column.kind), "{}: {}.{}", derivation.name(), input.table, column.name);
                }
            }
        }
    }

    #[test]
    fn derivations_have_names_of_their_own_and_tables_that_no_other_makes() {
        let outputs = DERIVATIONS.iter().flat_map(|derivation| derivation.outputs()).map(|output| output.table);
        for mut names in [names(), outputs.collect()] {
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), count, "{names:?}");
        }
    }
}
