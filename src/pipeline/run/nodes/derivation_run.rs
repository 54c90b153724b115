//! A derivation at work, and the account of what it reads.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::UInt32Type;
use arrow_array::{ArrayRef, RecordBatch, new_null_array};
use arrow_schema::{Field, SchemaRef};

use crate::derive::derivation::{DerivationType, Derived, Finished, InputColumn, RowAccount, Tables, Unused};
use crate::derive::{Derivation, DeriveError};
use crate::ledger::InputRows;
use crate::pipeline::run::error::RunError;
use crate::table::single::widened;
use crate::table::{ORIGIN, ORIGIN_ROW, origin_fields};

pub(in crate::pipeline::run) struct DerivationRun {
    /// For messages.
    name: String,
    derivation: Box<dyn Derivation>,
    inputs: Vec<InputRun>,
    /// Rows made so far, of all outputs.
    made: u64,
}

struct InputRun {
    /// Whose table it is, as the record says it, and which; of a timetable's nothing.
    of: Option<(&'static str, String)>,
    /// The columns that it wants; `None` if it takes the rows as they are.
    columns: Option<(&'static [InputColumn], SchemaRef)>,
    /// Where the origins of its table begin among those of derived tables.
    first_origin: u32,
    rows: u64,
}

/// What a derivation leaves: the last rows, and what became of those of each input.
pub(in crate::pipeline::run) struct DerivationResult {
    /// See [`Finished::derived`].
    pub derived: Box<dyn Iterator<Item = Result<Derived, DeriveError>> + Send>,
    /// Rows made before these, of all outputs.
    pub made: u64,
    pub inputs: Vec<InputRows>,
    pub unused: Vec<Unused>,
    /// Rows of all inputs that were used.
    pub used: u64,
}

impl DerivationRun {
    /// One that takes the rows of a table of the feed as they are.
    pub(super) fn of_rows(table: &str, derivation: Box<dyn Derivation>) -> Self {
        let input = InputRun { of: Some(("feed", table.to_owned())), columns: None, first_origin: 0, rows: 0 };
        Self { name: table.to_owned(), derivation, inputs: vec![input], made: 0 }
    }

    /// One of the list. `first_origins` are of its inputs, see [`InputRun::first_origin`].
    pub(super) fn listed(
        of: &dyn DerivationType,
        derivation: Box<dyn Derivation>,
        first_origins: &[u32],
        made: &[bool],
    ) -> Self {
        let inputs = of.inputs().iter().zip(first_origins).zip(made).map(|((input, first_origin), is_made)| {
            let own = input.columns.iter();
            let fields = own.map(|column| Arc::new(Field::new(column.name, column.kind.data_type(), true)));
            let schema = arrow_schema::Schema::new(fields.chain(origin_fields()).collect::<Vec<_>>());
            let whose = match input.of {
                Tables::Feed => Some("feed"),
                Tables::Release => Some("release"),
                Tables::Timetable => None,
            };
            // Of a table that may be absent and is, the record says nothing.
            let whose = whose.filter(|_| *is_made || input.is_required);
            let of = whose.map(|whose| (whose, input.table.to_owned()));
            InputRun { of, columns: Some((input.columns, Arc::new(schema))), first_origin: *first_origin, rows: 0 }
        });
        Self { name: of.name().to_owned(), derivation, inputs: inputs.collect(), made: 0 }
    }

    /// Takes rows of an input: `rows` with their origin fields, and `public` where the table is published.
    pub(super) fn push(
        &mut self,
        input: usize,
        rows: &RecordBatch,
        public: Option<&RecordBatch>,
    ) -> Result<Vec<Derived>, RunError> {
        let Some(run) = self.inputs.get_mut(input) else {
            return Err(RunError::internal(format!("{} has no input {input}", self.name)));
        };
        run.rows += rows.num_rows() as u64;
        let rows = match &run.columns {
            Some((columns, schema)) => {
                let rows = project((columns, schema.clone()), run.first_origin, rows, public);
                rows.map_err(|error| RunError::internal(format!("the input {input} of {}: {error}", self.name)))?
            }
            None => rows.clone(),
        };
        let derived = self.derivation.push(input, rows)?;
        self.made += derived.iter().map(|derived| derived.chunk.rows.num_rows() as u64).sum::<u64>();
        Ok(derived)
    }

    /// Takes what became of the rows of an input.
    pub(super) fn account(&mut self, input: usize, rows: &RowAccount) -> Result<(), RunError> {
        Ok(self.derivation.account(input, rows)?)
    }

    /// Ends it.
    ///
    /// # Errors
    /// A row of an input is in no account: a fault of the program, and nothing is published.
    pub(super) fn finish(self) -> Result<DerivationResult, RunError> {
        let Finished { derived, inputs } = self.derivation.finish()?;
        let mut result = DerivationResult { derived, made: self.made, inputs: Vec::new(), unused: Vec::new(), used: 0 };
        if inputs.len() != self.inputs.len() {
            let problem = format!("{} accounts for {} inputs of {}", self.name, inputs.len(), self.inputs.len());
            return Err(RunError::internal(problem));
        }
        for (run, account) in self.inputs.into_iter().zip(inputs) {
            let Some((of, table)) = run.of else { continue };
            let unused = account.unused.iter().filter(|unused| unused.rows > 0);
            let entry = InputRows {
                of: of.to_owned(),
                table,
                rows: run.rows,
                used: account.used,
                unused: unused.map(|unused| (unused.rule.clone(), unused.rows)).collect(),
            };
            if !entry.adds_up() {
                let problem = format!("the rows that {} reads do not add up: {entry:?}", self.name);
                return Err(RunError::internal(problem));
            }
            result.used += account.used;
            result.inputs.push(entry);
            result.unused.extend(account.unused);
        }
        Ok(result)
    }
}

/// The columns that an input wants, from what is published where the table is, with the origin fields.
fn project(
    (columns, schema): (&[InputColumn], SchemaRef),
    first_origin: u32,
    rows: &RecordBatch,
    public: Option<&RecordBatch>,
) -> Result<RecordBatch, arrow_schema::ArrowError> {
    let from = public.unwrap_or(rows);
    let column = |column: &InputColumn| -> ArrayRef {
        let data_type = column.kind.data_type();
        let there = from.column_by_name(column.name).map(widened).filter(|array| *array.data_type() == data_type);
        there.unwrap_or_else(|| new_null_array(&data_type, rows.num_rows()))
    };
    let mut origins: Vec<ArrayRef> =
        [ORIGIN, ORIGIN_ROW].into_iter().filter_map(|name| rows.column_by_name(name).cloned()).collect();
    if let Some(own) = origins.first_mut().filter(|_| first_origin > 0)
        && let Some(places) = own.as_primitive_opt::<UInt32Type>()
    {
        *own = Arc::new(places.unary::<_, UInt32Type>(|place| place + first_origin));
    }
    RecordBatch::try_new(schema, columns.iter().map(column).chain(origins).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derive::derivation::{InputAccount, Unused};
    use crate::table::Lineage;

    /// Says that it used so many of the rows that came, and that a rule left one out.
    struct Says(u64);

    impl Derivation for Says {
        fn push(&mut self, _: usize, _: RecordBatch) -> Result<Vec<Derived>, DeriveError> {
            Ok(Vec::new())
        }

        fn finish(self: Box<Self>) -> Result<Finished, DeriveError> {
            let unused = vec![Unused::counted("t.other", 1)];
            Ok(Finished::with(Vec::new(), vec![InputAccount { used: self.0, unused }]))
        }
    }

    #[test]
    fn a_derivation_that_loses_a_row_of_what_it_reads_ends_the_run() {
        let rows = Lineage::of_first(&[(0, 0), (0, 1), (0, 2)]).with(&[], Vec::new()).unwrap();
        for (used, adds_up) in [(1, false), (2, true), (3, false)] {
            let mut run = DerivationRun::of_rows("t", Box::new(Says(used)));
            run.push(0, &rows, None).unwrap();
            let finished = run.finish();
            assert_eq!(finished.is_ok(), adds_up, "{used}");
            match finished {
                Ok(result) => assert_eq!((result.used, result.inputs[0].rows, result.made), (2, 3, 0)),
                Err(error) => assert!(error.to_string().contains("do not add up"), "{error}"),
            }
        }
    }
}
