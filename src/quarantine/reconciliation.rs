//! Which rows a run took into quarantine, and where those went that were there before.
//!
//! Holds some 100 bytes for each row that was held before, booked on the run's budget, an eighth of it at most: a quarantine
//! with more rows is not compared, so that it never keeps a run from being made again. Looks only at rows of the same places
//! of the same origins, so that a run whose quarantine was empty pays nothing.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatch;
use rustc_hash::FxHashMap;

use crate::ledger::LeftQuarantine;
use crate::quarantine::{Identity, ORIGIN_NAME, QuarantineError, RowId, Stage, place, read, texts};
use crate::table::{self, Budget};

/// What a row that was held before takes here.
const BYTES: usize = 100;
/// The part of what a run may hold that rows which were held before may take.
const SHARE: usize = 8;

/// An origin, the first of those with its name, and a place there.
type Place = (u32, u64);

/// Rows that are looked for, how many of each.
#[derive(Default)]
struct UnmatchedRows {
    rows: FxHashMap<RowId, u32>,
    places: FxHashMap<Place, Vec<RowId>>,
}

impl UnmatchedRows {
    fn add(&mut self, place: Option<Place>, id: RowId) {
        *self.rows.entry(id).or_default() += 1;
        if let Some(place) = place {
            self.places.entry(place).or_default().push(id);
        }
    }

    fn take(&mut self, id: RowId) -> bool {
        let Some(count) = self.rows.get_mut(&id).filter(|count| **count > 0) else { return false };
        *count -= 1;
        true
    }

    /// Any row of a place.
    fn take_from(&mut self, place: Place) -> bool {
        let ids = self.places.get(&place).cloned().unwrap_or_default();
        ids.into_iter().any(|id| self.take(id))
    }
}

/// Compares the quarantine of one table before a run with what the run does with its rows.
pub(crate) struct Reconciliation {
    identities: [Arc<Identity>; 2],
    /// For each origin the first one with its name.
    first: Vec<u32>,
    /// What each check held before.
    before: [UnmatchedRows; 2],
    /// Rows of the release that were made from rows of the feed which the check had held before.
    derived: UnmatchedRows,
    held_before: u64,
    still_held: u64,
    published: u64,
    entered: u64,
    /// Whether a row of each check was known again by its id. Where none was, another column or key may have changed all ids,
    /// and rows are known by their places.
    is_known: [bool; 2],
    /// Rows before of origins that the run does not have.
    without_place: Vec<(Stage, RowId)>,
    /// Rows of such places that the run held or published under ids that were not there before.
    others_held: FxHashMap<Place, u32>,
    others_published: FxHashMap<Place, u32>,
    /// What is booked, and where.
    booked: Option<(Budget, usize)>,
}

impl Drop for Reconciliation {
    fn drop(&mut self) {
        if let Some((budget, bytes)) = self.booked.take() {
            budget.give_back(bytes);
        }
    }
}

impl Reconciliation {
    pub(crate) fn new(feed: Arc<Identity>, release: Arc<Identity>) -> Self {
        Self {
            identities: [feed, release],
            first: Vec::new(),
            before: Default::default(),
            derived: UnmatchedRows::default(),
            held_before: 0,
            still_held: 0,
            published: 0,
            entered: 0,
            is_known: [false; 2],
            without_place: Vec::new(),
            others_held: FxHashMap::default(),
            others_published: FxHashMap::default(),
            booked: None,
        }
    }

    /// A decision was about a row of this check: its ids are what they were.
    pub(crate) fn decided(&mut self, stage: Stage) {
        self.is_known[stage as usize] = true;
    }

    fn was_held_at(&self, place: Place) -> bool {
        self.before.iter().any(|before| before.places.contains_key(&place))
    }

    /// Looks at what is in quarantine, batch by batch. Books on `budget` until this is dropped.
    ///
    /// # Errors
    /// The file cannot be read, or it has more rows than can be compared.
    pub(crate) fn read(&mut self, stage: Stage, path: &Path, budget: &Budget) -> Result<(), ReconciliationError> {
        let Some(reader) = read(path, None)? else { return Ok(()) };
        let identity = self.identities[stage as usize].clone();
        let mut known: HashMap<&str, u32> = HashMap::new();
        let origins = identity.origins.iter().enumerate();
        self.first = origins.map(|(at, origin)| *known.entry(&origin.name).or_insert(at as u32)).collect();
        for rows in reader {
            let rows = rows?;
            let more = rows.num_rows() * BYTES;
            let (_, booked) = self.booked.get_or_insert_with(|| (budget.clone(), 0));
            if *booked + more > budget.limit() / SHARE || budget.take("quarantine", more).is_err() {
                return Err(ReconciliationError::TooMany);
            }
            *booked += more;
            let names = texts(&rows, ORIGIN_NAME);
            for row in 0..rows.num_rows() {
                let origin = names.and_then(|names| known.get(names.value(row)));
                let place = origin.map(|&origin| (origin, place(&rows, row).1));
                let id = identity.of_kept(&rows, row);
                self.before[stage as usize].add(place, id);
                if place.is_none() {
                    self.without_place.push((stage, id));
                }
                self.held_before += 1;
            }
        }
        Ok(())
    }

    fn place(&self, rows: &RecordBatch, row: usize) -> Place {
        let (origin, place) = place(rows, row);
        (self.first.get(origin as usize).copied().unwrap_or(origin), place)
    }

    /// Rows that a check holds now.
    pub(crate) fn held(&mut self, stage: Stage, rows: &RecordBatch, ids: &[RowId]) {
        for (row, &id) in ids.iter().enumerate() {
            let is_same = self.before[stage as usize].take(id);
            self.is_known[stage as usize] |= is_same;
            let before = is_same
                || match stage {
                    // The feed's check holds now what the release's check held before.
                    Stage::Feed if self.held_before > 0 => {
                        let place = self.place(rows, row);
                        self.before[Stage::Release as usize].take_from(place)
                    }
                    Stage::Feed => false,
                    Stage::Release => self.derived.take(id),
                };
            if before {
                self.still_held += 1;
            } else {
                self.entered += 1;
                if self.held_before > 0 {
                    let place = self.place(rows, row);
                    if self.was_held_at(place) {
                        *self.others_held.entry(place).or_default() += 1;
                    }
                }
            }
        }
    }

    /// Marks the rows of the feed that its check held before and does not hold now, see [`table::HELD_BEFORE`].
    pub(crate) fn mark(&mut self, rows: RecordBatch) -> RecordBatch {
        if self.before[Stage::Feed as usize].places.is_empty() {
            return rows;
        }
        let feed = Stage::Feed as usize;
        let identity = self.identities[feed].clone();
        let mut marked = false;
        let held: Vec<bool> = (0..rows.num_rows())
            .map(|row| {
                let at = self.place(&rows, row);
                let before = &mut self.before[feed];
                let held = before.places.contains_key(&at) && before.take(identity.of(&rows, row));
                marked |= held;
                held
            })
            .collect();
        if !marked {
            return rows;
        }
        self.is_known[feed] = true;
        table::with_held_before(&rows, held.into())
    }

    /// Takes the marks off the rows of the release that were made from marked ones, and looks for them further on.
    pub(crate) fn unmark(&mut self, rows: RecordBatch) -> RecordBatch {
        let (rows, held) = table::take_held_before(rows);
        let Some(held) = held else { return rows };
        for (row, _) in held.iter().enumerate().filter(|(_, held)| *held == Some(true)) {
            let id = self.identities[Stage::Release as usize].of(&rows, row);
            self.derived.add(Some(self.place(&rows, row)), id);
        }
        rows
    }

    /// Rows that are published, as the check of this stage let them pass.
    pub(crate) fn published(&mut self, stage: Stage, rows: &RecordBatch) {
        if self.held_before == 0 {
            return;
        }
        let identity = self.identities[stage as usize].clone();
        for row in 0..rows.num_rows() {
            let place = self.place(rows, row);
            let before = &mut self.before[stage as usize];
            if before.places.contains_key(&place) || self.derived.places.contains_key(&place) {
                let id = identity.of(rows, row);
                let is_same = before.take(id);
                self.is_known[stage as usize] |= is_same;
                if is_same || self.derived.take(id) {
                    self.published += 1;
                    continue;
                }
            }
            if self.was_held_at(place) {
                *self.others_published.entry(place).or_default() += 1;
            }
        }
    }

    /// The rows that left the quarantine, and the number of those that entered it. `dropped` rows were dropped by rules and
    /// decisions of the run: no more than that can have gone this way, and the others are not in the feed any more.
    pub(crate) fn finish(mut self, dropped: u64) -> (LeftQuarantine, u64) {
        for stage in Stage::BOTH {
            if !self.is_known[stage as usize] {
                self.match_places(stage);
            }
        }
        let left = self.held_before - self.still_held;
        let lost =
            self.without_place.iter().filter(|(stage, id)| self.before[*stage as usize].take(*id)).count() as u64;
        let rest = left.saturating_sub(self.published);
        let dropped = dropped.min(rest.saturating_sub(lost));
        let gone = rest - dropped;
        (LeftQuarantine { published: self.published, dropped, gone, held_back: 0 }, self.entered)
    }

    /// Takes rows of the same places for those that were held before.
    fn match_places(&mut self, stage: Stage) {
        let before = &mut self.before[stage as usize];
        for (place, ids) in std::mem::take(&mut before.places) {
            for id in ids {
                let take = |others: &mut FxHashMap<Place, u32>| {
                    others.get_mut(&place).filter(|count| **count > 0).map(|count| *count -= 1).is_some()
                };
                if !before.take(id) {
                    continue;
                }
                if take(&mut self.others_held) {
                    self.still_held += 1;
                    self.entered -= 1;
                } else if take(&mut self.others_published) {
                    self.published += 1;
                }
            }
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ReconciliationError {
    #[error(transparent)]
    Quarantine(#[from] QuarantineError),
    #[error("it has more rows than a run with this 'limits: memory' can compare")]
    TooMany,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::PathBuf;

    use arrow_array::{ArrayRef, StringArray, UInt32Array, UInt64Array};
    use jiff::Timestamp;

    use super::*;
    use crate::contract::{Contract, RuleId, odcs};
    use crate::quarantine::Writer;
    use crate::table::Origin;

    /// Rows: the place in the snapshot, the trip and the stop.
    type Row = (u64, &'static str, &'static str);

    struct Table {
        folder: tempfile::TempDir,
        contract: Contract,
        identity: Arc<Identity>,
    }

    impl Table {
        fn new(mapped: &[&str]) -> Self {
            let text = "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: 1.0.0\nstatus: active\nschema:\n  - name: t\n    \
                        logicalType: object\n    physicalType: table\n    properties:\n      - {name: trip_id, logicalType: \
                        string}\n      - {name: stop_id, logicalType: string}\n";
            let contract = odcs::contract(Path::new("t.odcs.yaml"), text).unwrap();
            let origins: Vec<Origin> =
                ["a", "b"].map(|name| Origin { name: name.to_owned(), captured_at: Timestamp::UNIX_EPOCH }).to_vec();
            let mapped: BTreeSet<String> = mapped.iter().map(|name| (*name).to_owned()).collect();
            let identity = Arc::new(Identity::new(&contract, &mapped, origins.into()));
            Self { folder: tempfile::tempdir().unwrap(), contract, identity }
        }

        fn rows(&self, rows: &[Row]) -> RecordBatch {
            let columns: [ArrayRef; 4] = [
                Arc::new(rows.iter().map(|row| Some(row.1)).collect::<StringArray>()),
                Arc::new(rows.iter().map(|row| Some(row.2)).collect::<StringArray>()),
                Arc::new(UInt32Array::from_value(1, rows.len())),
                Arc::new(rows.iter().map(|row| Some(row.0)).collect::<UInt64Array>()),
            ];
            RecordBatch::try_new(self.contract.chunk_schema(), columns.to_vec()).unwrap()
        }

        fn ids(&self, rows: &RecordBatch) -> Vec<RowId> {
            (0..rows.num_rows()).map(|row| self.identity.of(rows, row)).collect()
        }

        fn keep(&self, stage: Stage, rows: &[Row]) -> PathBuf {
            let path = self.folder.path().join(stage.file("t"));
            let mut writer = Writer::new(path.clone(), "run", Timestamp::UNIX_EPOCH);
            let rows = self.rows(rows);
            let rules = vec![vec![RuleId("t.r".into())]; rows.num_rows()];
            writer.push(&self.identity, &rows, &self.ids(&rows), &rules).unwrap();
            writer.finish().unwrap();
            path
        }

        /// What a run says that finds these rows in quarantine.
        fn reconcile(&self, before: &[(Stage, &[Row])]) -> Reconciliation {
            let mut reconciliation = Reconciliation::new(self.identity.clone(), self.identity.clone());
            for (stage, rows) in before {
                reconciliation.read(*stage, &self.keep(*stage, rows), &Budget::new(1 << 20)).unwrap();
            }
            reconciliation
        }

        fn hold(&self, reconciliation: &mut Reconciliation, stage: Stage, rows: &[Row]) {
            let rows = self.rows(rows);
            reconciliation.held(stage, &rows, &self.ids(&rows));
        }
    }

    fn left(reconciliation: Reconciliation) -> (u64, u64, u64) {
        let (left, entered) = reconciliation.finish(u64::MAX);
        (left.published, left.dropped, entered)
    }

    #[test]
    fn rows_of_one_entity_are_told_apart_on_their_way_through_a_transform() {
        let table = Table::new(&[]);
        let held = [(7, "x", "1"), (7, "x", "2"), (8, "x", "1")];
        let mut reconciliation = table.reconcile(&[(Stage::Feed, &held)]);
        // The first is held on, the second passes and is dropped on the way, the third is published.
        table.hold(&mut reconciliation, Stage::Feed, &[(7, "x", "1"), (9, "x", "1")]);
        let passed = reconciliation.mark(table.rows(&[(7, "x", "2"), (7, "x", "3"), (8, "x", "1")]));
        let keep = arrow_array::BooleanArray::from(vec![false, true, true]);
        let derived = reconciliation.unmark(arrow_select::filter::filter_record_batch(&passed, &keep).unwrap());
        assert_eq!(derived, table.rows(&[(7, "x", "3"), (8, "x", "1")]));
        reconciliation.published(Stage::Release, &derived);
        assert_eq!(left(reconciliation), (1, 1, 1));
    }

    #[test]
    fn a_row_that_another_check_holds_now_has_not_left() {
        let table = Table::new(&[]);
        let mut reconciliation =
            table.reconcile(&[(Stage::Feed, &[(1, "x", "1")]), (Stage::Release, &[(2, "x", "1")])]);
        table.hold(&mut reconciliation, Stage::Feed, &[(2, "other columns", "1")]);
        let derived = reconciliation.mark(table.rows(&[(1, "x", "1")]));
        let derived = reconciliation.unmark(derived);
        reconciliation.held(Stage::Release, &derived, &table.ids(&derived));
        assert_eq!(left(reconciliation), (0, 0, 0));
    }

    #[test]
    fn a_value_that_is_mapped_now_makes_no_other_row() {
        let before = Table::new(&[]);
        let path = before.keep(Stage::Feed, &[(1, "x", "1"), (2, "x", "1")]);
        let table = Table::new(&["trip_id"]);
        let mut reconciliation = Reconciliation::new(table.identity.clone(), table.identity.clone());
        reconciliation.read(Stage::Feed, &path, &Budget::new(1 << 20)).unwrap();
        table.hold(&mut reconciliation, Stage::Feed, &[(1, "mapped", "1")]);
        reconciliation.published(Stage::Feed, &table.rows(&[(2, "mapped", "1"), (3, "mapped", "1")]));
        assert_eq!(left(reconciliation), (1, 0, 0));
    }

    #[test]
    fn rows_whose_ids_have_all_changed_are_known_by_their_places_and_nothing_was_dropped() {
        let table = Table::new(&[]);
        let held = [(7, "x", "1"), (7, "x", "2"), (8, "x", "1"), (9, "x", "1")];
        let mut reconciliation = table.reconcile(&[(Stage::Release, &held)]);
        // As under another key: other ids at the same places.
        table.hold(&mut reconciliation, Stage::Release, &[(7, "y", "1"), (7, "y", "2"), (6, "y", "1")]);
        reconciliation.published(Stage::Release, &table.rows(&[(8, "y", "1"), (5, "y", "1")]));
        let (left, entered) = reconciliation.finish(0);
        assert_eq!((left.published, left.dropped, left.gone, entered), (1, 0, 1, 1));
        // Where one is known again, the others were dropped.
        let mut reconciliation = table.reconcile(&[(Stage::Release, &held)]);
        table.hold(&mut reconciliation, Stage::Release, &[(7, "x", "1"), (7, "y", "2")]);
        reconciliation.published(Stage::Release, &table.rows(&[(8, "y", "1")]));
        let (left, entered) = reconciliation.finish(2);
        assert_eq!((left.published, left.dropped, left.gone, entered), (0, 2, 1, 1));
    }

    #[test]
    fn a_quarantine_of_too_many_rows_is_not_compared_and_takes_nothing() {
        let table = Table::new(&[]);
        let path = table.keep(Stage::Feed, &[(1, "x", "1"), (2, "x", "1"), (3, "x", "1")]);
        let budget = Budget::new(SHARE * 3 * BYTES);
        let mut reconciliation = table.reconcile(&[]);
        reconciliation.read(Stage::Feed, &path, &budget).unwrap();
        assert!(matches!(reconciliation.read(Stage::Release, &path, &budget), Err(ReconciliationError::TooMany)));
        drop(reconciliation);
        budget.take("test", SHARE * 3 * BYTES).unwrap();
    }

    #[test]
    fn what_is_no_quarantine_is_told() {
        let table = Table::new(&[]);
        let path = table.folder.path().join("t.parquet");
        std::fs::write(&path, "no parquet").unwrap();
        let mut reconciliation = table.reconcile(&[]);
        let error = reconciliation.read(Stage::Feed, &path, &Budget::new(1)).unwrap_err().to_string();
        assert!(error.contains("t.parquet is no quarantine") && error.contains("Remove it"), "{error}");
    }
}
