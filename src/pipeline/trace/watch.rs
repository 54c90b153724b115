//! Rows of a table that have a key, watched on their way through a run: what they were, what changed them, what became of them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{UInt32Type, UInt64Type};
use serde_json::Value;

use crate::check::Quarantined;
use crate::contract::RuleId;
use crate::pipeline::trace::key::Key;
use crate::quarantine::decisions::Effect;
use crate::quarantine::{self, RowId, Stage};
use crate::table::{Flaw, ORIGIN, ORIGIN_ROW, Origin};

/// The values of a row by column. Columns that only a run sees are not among them.
pub(crate) type Values = BTreeMap<String, Value>;

/// Where a row stands: the place of its origin, and the row there.
pub(crate) type Place = (u32, u64);

/// Watches the rows of a table that have a key.
pub(crate) struct Watch {
    /// The table under whose name rows are accounted for.
    pub table: String,
    key: Key,
    /// Rows that are watched at most, and how many more have the key.
    most: usize,
    pub more: u64,
    pub rows: Vec<Watched>,
    by_place: HashMap<Place, Vec<usize>>,
    /// The rules by which rows of the feed became no row of the release.
    pub unused: Vec<RuleId>,
    /// Where the rows of the table come from.
    pub origins: Arc<[Origin]>,
}

/// A row that has the key.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    pub place: Place,
    /// As the check of the feed's table sees it, and as that of the release does: before what rules null.
    feed: Values,
    release: Values,
    /// Columns whose values a mapping replaced, with what stood there.
    pub mapped: Vec<(String, Value, Value)>,
    /// Columns whose text could not be read, and what was expected of it.
    pub unreadable: Vec<(Option<String>, String)>,
    /// Columns that rules nulled.
    pub nulled: Vec<(Stage, String)>,
    pub held: Option<(Stage, Vec<RuleId>)>,
    pub ids: [Option<RowId>; 2],
    pub effect: Option<Effect>,
    /// The rules of privacy by which it is not published, or not as a whole.
    pub cut: Vec<RuleId>,
    pub blanked: Vec<RuleId>,
    /// As it is published.
    pub published: Option<Values>,
}

/// What became of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RowFate {
    Published,
    Held(Stage, Vec<RuleId>),
    /// By one of these rules.
    Dropped(Vec<RuleId>),
    Discarded,
}

/// The two forms of a row of the release: as rules see it, and as it is published.
pub(crate) struct Forms {
    pub exact: RecordBatch,
    pub public: RecordBatch,
}

impl Watch {
    pub(crate) fn new(table: &str, key: Key, most: usize) -> Self {
        let (rows, by_place, unused) = (Vec::new(), HashMap::new(), Vec::new());
        let origins = Arc::default();
        Self { table: table.to_owned(), key, most, more: 0, rows, by_place, unused, origins }
    }

    /// Rows of the feed's table come: as decoded, with values mapped, and in the forms that they may have in the release.
    pub(crate) fn came(&mut self, (decoded, mapped): (&RecordBatch, &RecordBatch), flaws: &[Flaw], forms: &[Forms]) {
        for Forms { exact, public } in forms {
            for row in self.key.matches(public) {
                let Some(place) = place(public, row) else { continue };
                let Some(in_exact) = same_place(exact, row, place) else { continue };
                let Some(in_feed) = same_place(mapped, row, place) else { continue };
                let (feed, release) = (values(mapped, in_feed), values(exact, in_exact));
                let is_known = |other: &usize| self.rows[*other].feed == feed;
                if self.by_place.get(&place).is_some_and(|known| known.iter().any(is_known)) {
                    continue;
                }
                let before = values(decoded, in_feed);
                let replaced = before.into_iter().filter(|(column, value)| feed.get(column) != Some(value));
                let replaced = replaced.map(|(column, from)| {
                    let to = feed.get(&column).cloned().unwrap_or_default();
                    (column, from, to)
                });
                let of_row = flaws.iter().filter(|flaw| flaw.row as usize == in_feed);
                let names = mapped.schema();
                let unreadable = of_row.map(|flaw| {
                    let column = flaw.column.and_then(|column| names.fields().get(column as usize));
                    (column.map(|field| field.name().clone()), flaw.expected.en().to_owned())
                });
                let (mapped, unreadable) = (replaced.collect(), unreadable.collect());
                self.add(Watched { place, feed, release, mapped, unreadable, ..Watched::default() });
            }
        }
    }

    /// Rows of a derived table are made.
    pub(crate) fn made(&mut self, Forms { exact, public }: &Forms) {
        for row in self.key.matches(public) {
            let Some(place) = place(public, row) else { continue };
            self.add(Watched { place, release: values(exact, row), ..Watched::default() });
        }
    }

    fn add(&mut self, row: Watched) {
        if self.rows.len() >= self.most {
            self.more += 1;
            return;
        }
        self.by_place.entry(row.place).or_default().push(self.rows.len());
        self.rows.push(row);
    }

    /// Rows enter a check, with their ids in quarantine and what was decided of them.
    pub(crate) fn enters(
        &mut self,
        stage: Stage,
        rows: &RecordBatch,
        decided: &dyn Fn(usize) -> (RowId, Option<Effect>),
    ) {
        self.each(stage, rows, |watched, row| {
            let (id, effect) = decided(row);
            watched.ids[stage as usize] = Some(id);
            watched.effect = watched.effect.take().or(effect);
        });
    }

    /// Rows come out of a check that holds them back.
    pub(crate) fn held(&mut self, stage: Stage, held: &Quarantined) {
        self.each(stage, &held.rows, |watched, row| {
            watched.held = Some((stage, held.rules.get(row).cloned().unwrap_or_default()));
        });
    }

    /// Rows come out of a check that lets them pass.
    pub(crate) fn passed(&mut self, stage: Stage, rows: &RecordBatch) {
        self.each(stage, rows, |watched, row| {
            let before = if stage == Stage::Feed { &watched.feed } else { &watched.release };
            let after = values(rows, row);
            let is_nulled = |(column, value): &(&String, &Value)| !value.is_null() && !after.contains_key(*column);
            let nulled = before.iter().filter(is_nulled).map(|(column, _)| (stage, column.clone()));
            watched.nulled.extend(nulled.collect::<Vec<_>>());
        });
    }

    /// Rows that passed all checks are published, in the form that `form` gives of each: none if a rule of privacy drops it.
    pub(crate) fn published<E>(
        &mut self,
        stage: Stage,
        rows: &RecordBatch,
        form: impl Fn(&RecordBatch) -> Result<PublishedForm, E>,
    ) -> Result<(), E> {
        let mut failed = None;
        self.each(stage, rows, |watched, row| match form(&rows.slice(row, 1)) {
            Ok(PublishedForm { public, cut, blanked }) => {
                (watched.cut, watched.blanked) = (cut, blanked);
                watched.published = (public.num_rows() > 0).then(|| values(&public, 0));
            }
            Err(error) => failed = Some(error),
        });
        failed.map_or(Ok(()), Err)
    }

    /// Calls `then` for each row of a batch that is watched and has not left this check before.
    fn each(&mut self, stage: Stage, rows: &RecordBatch, mut then: impl FnMut(&mut Watched, usize)) {
        if self.by_place.is_empty() {
            return;
        }
        let mut seen: Vec<usize> = Vec::new();
        for row in 0..rows.num_rows() {
            let Some(known) = place(rows, row).and_then(|place| self.by_place.get(&place)) else { continue };
            let fits = |at: &&usize| {
                let watched = &self.rows[**at];
                let own = if stage == Stage::Feed { &watched.feed } else { &watched.release };
                !seen.contains(*at) && is_same(own, rows, row)
            };
            let Some(&at) = known.iter().find(fits) else { continue };
            seen.push(at);
            then(&mut self.rows[at], row);
        }
    }
}

/// What a row that passed all rules is published as, and the rules of privacy that drop it or blank cells of it.
pub(crate) struct PublishedForm {
    pub public: RecordBatch,
    pub cut: Vec<RuleId>,
    pub blanked: Vec<RuleId>,
}

impl Watched {
    /// What became of it. `unused` are the rules by which rows of the feed are no rows of the release.
    pub(crate) fn fate(&self, unused: &[RuleId]) -> RowFate {
        match (&self.held, &self.published) {
            (_, Some(_)) => RowFate::Published,
            (Some((stage, rules)), None) => RowFate::Held(*stage, rules.clone()),
            (None, None) if !self.cut.is_empty() => RowFate::Dropped(self.cut.clone()),
            (None, None) if self.effect == Some(Effect::Discard) => RowFate::Discarded,
            (None, None) => RowFate::Dropped(unused.to_vec()),
        }
    }

    /// A value that it has in the release.
    pub(crate) fn value(&self, column: &str) -> Option<&Value> {
        self.published.as_ref().unwrap_or(&self.release).get(column)
    }
}

/// Whether a row of a batch has these values, but for cells that rules null.
fn is_same(own: &Values, rows: &RecordBatch, row: usize) -> bool {
    own.iter().all(|(column, value)| {
        let cell = rows.column_by_name(column).map(|array| quarantine::json(array, row)).unwrap_or_default();
        cell.is_null() || cell == *value
    })
}

/// The row of a batch that stands at a place: the one at `hint` if it does.
fn same_place(rows: &RecordBatch, hint: usize, at: Place) -> Option<usize> {
    let is_there = |row: usize| place(rows, row) == Some(at);
    if hint < rows.num_rows() && is_there(hint) {
        return Some(hint);
    }
    (0..rows.num_rows()).find(|row| is_there(*row))
}

fn place(rows: &RecordBatch, row: usize) -> Option<Place> {
    let origin = rows.column_by_name(ORIGIN)?.as_primitive_opt::<UInt32Type>()?.value(row);
    Some((origin, rows.column_by_name(ORIGIN_ROW)?.as_primitive_opt::<UInt64Type>()?.value(row)))
}

/// The values that are there.
pub(crate) fn values(rows: &RecordBatch, row: usize) -> Values {
    let cells = rows.schema_ref().fields().iter().zip(rows.columns());
    let cells = cells.filter(|(field, array)| !field.name().starts_with('_') && array.is_valid(row));
    cells.map(|(field, array)| (field.name().clone(), quarantine::json(array, row))).collect()
}
