//! SQL rules: tables become Polars frames without a copy, and queries name offending rows or return a number.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMillisecondType;
use arrow_array::{
    Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, StringArray, StringViewArray,
    TimestampMillisecondArray, UInt32Array, make_array,
};
use arrow_buffer::BooleanBuffer;
use arrow_schema::{ArrowError, DataType};
use polars::prelude::{Column, DataFrame, IntoLazy, LazyFrame, PlSmallStr, Series};
use polars::sql::SQLContext;

use crate::check::functions::{Functions, NAMES};
use crate::check::surroundings::{Siblings, Surroundings};
use crate::contract::query::{INDEX, Nulls, PREVIOUS, Query, TIMETABLE};
use crate::contract::{Classification, Contract, View};

/// Why a query gave no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoResult {
    /// It could not run.
    Broken(String),
    /// There is nothing to look at, and why.
    Skipped(String),
}

impl NoResult {
    fn broken(error: impl std::fmt::Display) -> Self {
        Self::Broken(error.to_string())
    }
}

/// Asks the queries of one table's rules.
pub struct Asker {
    contract: Arc<Contract>,
    surroundings: Arc<Surroundings>,
    functions: Arc<Functions>,
    /// Frames beside the table, made when first asked for.
    beside: BTreeMap<String, LazyFrame>,
    /// Views that do not read the table.
    views: BTreeMap<String, LazyFrame>,
    /// Views over the table as a whole.
    whole: BTreeMap<String, LazyFrame>,
    /// Views over parts of the table, their parts one below the other.
    joined: BTreeMap<String, LazyFrame>,
    /// Whether queries see of private values only where there is one.
    hides_private: bool,
}

/// How much of the table a frame has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All rows.
    Whole,
    /// Rows of which none belongs together with one elsewhere.
    Part,
}

impl Asker {
    pub fn new(contract: Arc<Contract>, surroundings: Arc<Surroundings>) -> Self {
        let functions = Arc::new(surroundings.functions());
        let (beside, views, whole, joined) = Default::default();
        Self { contract, surroundings, functions, beside, views, whole, joined, hides_private: false }
    }

    /// From here on queries see of private columns only which rows have a value: all numbers are published, and none may be
    /// made from a private value, in whatever way a query comes to it. `check` refuses the ways that it knows.
    pub fn hide_private(&mut self) {
        self.hides_private = true;
        self.forget_views();
        let (contract, siblings) = (&self.contract, &self.surroundings.siblings);
        self.beside.retain(|table, _| !siblings.has_private(table));
        self.views
            .retain(|name, _| contract.view(name).is_some_and(|view| !reads_private(contract, &view.query, siblings)));
    }

    /// Asks a view that says which rows belong together, part by part, for the queries over the table as a whole. One that
    /// cannot be asked is told by the rules that read it.
    pub fn join_views(
        &mut self,
        views: &[&View],
        parts: impl Iterator<Item = Result<RecordBatch, ArrowError>>,
    ) -> Result<(), ArrowError> {
        let mut joined: Vec<Option<DataFrame>> = views.iter().map(|_| None).collect();
        let mut broken = vec![false; views.len()];
        for part in parts {
            let Ok(mut frame) = self.over(&part?, Extent::Part) else { return Ok(()) };
            for (place, view) in views.iter().enumerate().filter(|(place, _)| !broken[*place]).collect::<Vec<_>>() {
                let rows = frame.view(view).ok().and_then(|rows| rows.collect().ok());
                let below = match (&mut joined[place], rows) {
                    (Some(above), Some(rows)) => above.vstack_mut(&rows).is_ok(),
                    (above @ None, Some(rows)) => above.replace(rows).is_none(),
                    (_, None) => false,
                };
                broken[place] = !below;
            }
        }
        for ((view, rows), broken) in views.iter().zip(joined).zip(broken) {
            if let Some(rows) = rows.filter(|_| !broken) {
                self.joined.insert(view.name.clone(), rows.lazy());
            }
        }
        Ok(())
    }

    /// Asks a view over the table as a whole for the queries of parts. One that cannot be asked is told by the rules that
    /// read it.
    pub fn keep_whole_view(&mut self, view: &View, rows: &RecordBatch) {
        let frame = self.over(rows, Extent::Whole).and_then(|mut frame| frame.view(view));
        if let Ok(frame) = frame {
            self.whole.insert(view.name.clone(), frame);
        }
    }

    /// Forgets the views over rows, for they become others.
    pub fn forget_views(&mut self) {
        (self.whole, self.joined) = Default::default();
    }

    fn kept_view(&self, name: &str, extent: Extent) -> Option<&LazyFrame> {
        let joined = self.joined.get(name).filter(|_| extent == Extent::Whole);
        joined.or_else(|| self.whole.get(name)).or_else(|| self.views.get(name))
    }

    /// The views that a query reads and that have not been asked.
    fn new_views<'a>(&'a self, query: &'a Query, extent: Extent) -> impl Iterator<Item = &'a View> {
        let new = query.tables.iter().filter(move |table| self.kept_view(table, extent).is_none());
        new.filter_map(|table| self.contract.view(table))
    }

    /// Whether a query reads the table other than by views that have been asked.
    pub fn reads_rows(&self, query: &Query, extent: Extent) -> bool {
        query.tables.contains(&self.contract.table)
            || self.new_views(query, extent).any(|view| self.reads_rows(&view.query, extent))
    }

    /// Whether a query may need a column of the table other than by views that have been asked.
    pub fn needs(&self, query: &Query, column: &str, extent: Extent) -> bool {
        query.needs(&self.contract.table, column)
            || self.new_views(query, extent).any(|view| self.needs(&view.query, column, extent))
    }

    /// The queries over some rows of the table. `rows` has the columns that the queries need, `_index` among them.
    pub fn over(&mut self, rows: &RecordBatch, extent: Extent) -> Result<Frame<'_>, NoResult> {
        let blanked = self.hides_private.then(|| {
            let column = |name: &str| self.contract.index_of(name).map(|place| &self.contract.columns[place]);
            blanked(rows, |name| column(name).is_some_and(|c| c.classification == Classification::Private))
        });
        let blanked = blanked.transpose().map_err(NoResult::broken)?;
        Ok(Frame { own: frame(blanked.as_ref().unwrap_or(rows))?.lazy(), views: BTreeMap::new(), asker: self, extent })
    }

    fn beside(&mut self, table: &str) -> Result<LazyFrame, NoResult> {
        if let Some(frame) = self.beside.get(table) {
            return Ok(frame.clone());
        }
        let around = &self.surroundings;
        let rows = if let Some(name) = table.strip_prefix(TIMETABLE) {
            let timetable =
                around.timetable.as_ref().map_err(|why| NoResult::Broken(format!("no timetable: {why}")))?;
            let rows = timetable.table(name, &around.gtfs);
            rows.ok_or_else(|| NoResult::Broken(format!("a timetable has no table '{name}'")))?
        } else if table == PREVIOUS {
            let rows = around.previous.get(&self.contract.table).cloned();
            rows.ok_or_else(|| NoResult::Skipped("there is no earlier partition to compare with".to_owned()))?
        } else if around.siblings.leaves_out(table) {
            let why =
                format!("the table '{table}' is not released by this pipeline, so there is nothing to compare with");
            return Err(NoResult::Skipped(why));
        } else {
            let rows = around.siblings.rows(table);
            let rows = rows.ok_or_else(|| NoResult::Broken(format!("there is no table '{table}'")))?;
            match self.hides_private && around.siblings.has_private(table) {
                true => blanked(&rows, |name| around.siblings.is_private(table, name)).map_err(NoResult::broken)?,
                false => rows,
            }
        };
        let frame = frame(&rows)?.lazy();
        self.beside.insert(table.to_owned(), frame.clone());
        Ok(frame)
    }
}

/// Some rows of a table, to be asked about.
pub struct Frame<'a> {
    asker: &'a mut Asker,
    own: LazyFrame,
    views: BTreeMap<String, LazyFrame>,
    extent: Extent,
}

impl Frame<'_> {
    /// The rows that a query names, by their `_index`, ascending, each once, of a table with so many rows. A query that
    /// fails, panics, returns no `_index`, or one that is no row of the table, is broken.
    pub fn offending(&mut self, query: &Query, rows: usize) -> Result<Vec<usize>, NoResult> {
        let result = self.collect(query)?;
        let index = result.column(INDEX);
        let index = index.map_err(|_| NoResult::Broken(format!("the query does not return the column '{INDEX}'")))?;
        let index = index
            .i64()
            .map_err(|_| NoResult::Broken(format!("the query returns another type than integer as '{INDEX}'")))?;
        // The value is not told: a query may have made it from a private one, and what is told is published.
        let row = |row: Option<i64>| {
            let row = row.ok_or_else(|| NoResult::Broken(format!("the query returns an '{INDEX}' that is null")))?;
            usize::try_from(row)
                .ok()
                .filter(|row| *row < rows)
                .ok_or_else(|| NoResult::Broken(format!("the query returns an '{INDEX}' that is no row of the table")))
        };
        let mut named = index.iter().map(row).collect::<Result<Vec<usize>, _>>()?;
        // A join or a UNION may name a row for several reasons.
        named.sort_unstable();
        named.dedup();
        Ok(named)
    }

    /// The one number that a query returns; `None` if there is none: it is null, as the mean of no rows is, a share of
    /// nothing, or there is no row, as with a group of nothing.
    pub fn number(&mut self, query: &Query) -> Result<Option<f64>, NoResult> {
        let result = self.collect(query)?;
        let (rows, columns) = result.shape();
        if (rows, columns) == (0, 1) {
            return Ok(None);
        }
        if (rows, columns) != (1, 1) {
            let message = format!("the query returns {rows} rows of {columns} columns instead of one number");
            return Err(NoResult::Broken(message));
        }
        let cell = result.columns()[0].get(0).map_err(NoResult::broken)?;
        if cell.is_null() {
            return Ok(None);
        }
        let kind = cell.dtype();
        let number = cell.try_extract::<f64>().map(Some);
        let number = number.map_err(|_| NoResult::Broken(format!("the query returns a {kind}, which is no number")))?;
        // 0/0 and n/0 are no numbers either.
        Ok(number.filter(|number| number.is_finite()))
    }

    /// What a query returns.
    pub fn collect(&mut self, query: &Query) -> Result<DataFrame, NoResult> {
        let contract = self.asker.contract.clone();
        let mut tables = BTreeMap::new();
        for table in &query.tables {
            let frame = if *table == contract.table {
                self.own.clone()
            } else if let Some(view) = contract.view(table) {
                self.view(view)?
            } else {
                self.asker.beside(table)?
            };
            tables.insert(table.as_str(), frame);
        }
        let asker = &self.asker;
        let placeholders = asker.surroundings.placeholders();
        let over = |rows: Option<u32>| {
            let mut context = SQLContext::new().with_function_registry(asker.functions.clone());
            for (table, frame) in &tables {
                context.register(table, rows.map_or_else(|| frame.clone(), |rows| frame.clone().limit(rows)));
            }
            let steps = NAMES.iter().any(|name| query.says(name)).then(|| query.in_steps(placeholders)).flatten();
            let Some((steps, last)) = steps else { return context.execute(&query.with(placeholders))?.collect() };
            for (name, sql) in steps {
                let step = context.execute(&sql)?;
                context.register(&name, step);
            }
            context.execute(&last)?.collect()
        };
        // Polars panics on some queries that it does not support; such a rule is an error, not the end of the run.
        let asked = |rows| catch_unwind(AssertUnwindSafe(|| over(rows)));
        let broken = |why: &str| NoResult::Broken(why.to_owned());
        let result = asked(None).map_err(|_| broken("the query made Polars panic"))?;
        // The reason is published, and Polars tells values in it, and how many of those that one of its threads had before
        // it. What fails over no rows, too, is the query's own fault and tells neither.
        result.map_err(|error| match asked(Some(0)) {
            Ok(Err(of_the_query)) => NoResult::broken(of_the_query),
            _ => match error.to_string().split_once(" for ") {
                Some((conversion, _)) if conversion.starts_with("conversion from ") => broken(conversion),
                _ => broken("a value in the rows makes the query fail"),
            },
        })
    }

    /// A view, asked once.
    fn view(&mut self, view: &View) -> Result<LazyFrame, NoResult> {
        if let Some(frame) = self.views.get(&view.name).or_else(|| self.asker.kept_view(&view.name, self.extent)) {
            return Ok(frame.clone());
        }
        let frame = self.collect(&view.query).map_err(|why| match why {
            NoResult::Broken(why) => NoResult::Broken(format!("the view '{}' cannot be asked: {why}", view.name)),
            skipped @ NoResult::Skipped(_) => skipped,
        })?;
        let frame = frame.lazy();
        let is_constant = !reads_own(&self.asker.contract, &view.query);
        let views = if is_constant { &mut self.asker.views } else { &mut self.views };
        views.insert(view.name.clone(), frame.clone());
        Ok(frame)
    }
}

/// Whether a query reads the rows of its own table, be it by a view.
fn reads_own(contract: &Contract, query: &Query) -> bool {
    let by_view = |table: &String| contract.view(table).is_some_and(|view| reads_own(contract, &view.query));
    query.tables.contains(&contract.table) || query.tables.iter().any(by_view)
}

/// Whether a query reads another table of the feed that has private columns, be it by a view.
fn reads_private(contract: &Contract, query: &Query, siblings: &Siblings) -> bool {
    query.tables.iter().any(|table| match contract.view(table) {
        Some(view) => reads_private(contract, &view.query, siblings),
        None => siblings.has_private(table),
    })
}

/// Rows in which a private value is another one, the same everywhere; where there is none, there is none still.
fn blanked(rows: &RecordBatch, is_private: impl Fn(&str) -> bool) -> Result<RecordBatch, ArrowError> {
    let schema = rows.schema();
    let columns = schema.fields().iter().zip(rows.columns()).map(|(field, array)| match is_private(field.name()) {
        true => {
            let one = blank(array.data_type())?;
            let first = UInt32Array::new(vec![0; array.len()].into(), array.logical_nulls());
            arrow_select::take::take(&one, &first, None)
        }
        false => Ok(array.clone()),
    });
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    RecordBatch::try_new_with_options(
        schema.clone(),
        columns,
        &RecordBatchOptions::new().with_row_count(Some(rows.num_rows())),
    )
}

/// One value of a type that says nothing.
fn blank(kind: &DataType) -> Result<ArrayRef, ArrowError> {
    Ok(match kind {
        DataType::Utf8 => Arc::new(StringArray::from(vec![""])),
        DataType::Utf8View => Arc::new(StringViewArray::from(vec![""])),
        DataType::Boolean => Arc::new(BooleanArray::from(vec![false])),
        kind if kind.is_primitive() => {
            let zero = arrow_data::ArrayData::builder(kind.clone()).len(1).add_buffer(vec![0u64, 0].into()).build()?;
            make_array(zero)
        }
        kind => return Err(ArrowError::NotYetImplemented(format!("a private column of the type {kind}"))),
    })
}

/// Whether a query reads other tables than its own, be it by a view.
pub fn reads_others(contract: &Contract, query: &Query) -> bool {
    query.tables.iter().filter(|table| **table != contract.table).any(|table| match contract.view(table) {
        Some(view) => reads_others(contract, &view.query),
        None => true,
    })
}

/// The views over the table as a whole that queries read, be it by other views; each after those that it reads.
pub fn whole_views<'a>(contract: &'a Contract, queries: &[&Query]) -> Vec<&'a View> {
    let mut read: Vec<&View> = Vec::new();
    // A view reads only views above it, so one way back through the list finds all.
    for view in contract.views.iter().rev() {
        let is_read = |query: &Query| query.tables.contains(&view.name);
        if queries.iter().any(|query| is_read(query)) || read.iter().any(|other| is_read(&other.query)) {
            read.push(view);
        }
    }
    read.retain(|view| view.per.is_empty());
    read.reverse();
    read
}

/// The views over parts of the table that queries over the table as a whole read, be it by views over the table as a whole;
/// by the columns whose equal values belong together.
pub fn views_in_parts<'a>(contract: &'a Contract, queries: &[&Query]) -> BTreeMap<&'a [usize], Vec<&'a View>> {
    let mut views: BTreeMap<&[usize], Vec<&View>> = BTreeMap::new();
    let by_views = whole_views(contract, queries);
    for view in contract.views.iter().filter(|view| !view.per.is_empty()) {
        let is_read = |query: &Query| query.tables.contains(&view.name);
        if queries.iter().any(|query| is_read(query)) || by_views.iter().any(|reader| is_read(&reader.query)) {
            views.entry(&view.per).or_default().push(view);
        }
    }
    views
}

/// Whether a query may need a column of its own table, views included.
pub fn needs(contract: &Contract, query: &Query, column: &str) -> bool {
    query.needs(&contract.table, column)
        || query.tables.iter().filter_map(|t| contract.view(t)).any(|view| needs(contract, &view.query, column))
}

/// The rows that a condition on null cells holds of, ascending: what [`Frame::offending`] gives for its query, without a
/// query. `None` where there is no column of a name.
pub fn offending_nulls(condition: &Nulls, rows: &RecordBatch) -> Option<Vec<usize>> {
    fn holds(condition: &Nulls, rows: &RecordBatch) -> Option<BooleanBuffer> {
        Some(match condition {
            Nulls::IsNull(column) => match rows.column_by_name(column)?.logical_nulls() {
                Some(nulls) => !nulls.inner(),
                None => BooleanBuffer::new_unset(rows.num_rows()),
            },
            Nulls::Not(inner) => !&holds(inner, rows)?,
            Nulls::And(left, right) => &holds(left, rows)? & &holds(right, rows)?,
            Nulls::Or(left, right) => &holds(left, rows)? | &holds(right, rows)?,
        })
    }
    Some(holds(condition, rows)?.set_indices().collect())
}

/// Rows with `_index` before their columns.
pub fn indexed(rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let index: ArrayRef = Arc::new(arrow_array::Int64Array::from_iter_values(0..rows.num_rows() as i64));
    let mut fields = vec![Arc::new(arrow_schema::Field::new(INDEX, DataType::Int64, false))];
    fields.extend(rows.schema().fields().iter().cloned());
    let columns = [index].into_iter().chain(rows.columns().iter().cloned()).collect();
    RecordBatch::try_new(Arc::new(arrow_schema::Schema::new(fields)), columns)
}

fn frame(rows: &RecordBatch) -> Result<DataFrame, NoResult> {
    let schema = rows.schema();
    let columns = schema.fields().iter().zip(rows.columns());
    let columns = columns.map(|(field, array)| column(field.name(), array)).collect::<Result<_, _>>();
    let columns: Vec<Column> = columns.map_err(NoResult::Broken)?;
    DataFrame::new(rows.num_rows(), columns).map_err(NoResult::broken)
}

fn column(name: &str, array: &ArrayRef) -> Result<Column, String> {
    // An instant loses its zone here, which is always UTC: Polars' zones are a feature that nothing else needs.
    let array: ArrayRef = match array.data_type() {
        DataType::Timestamp(..) => {
            let instants = array.as_primitive::<TimestampMillisecondType>();
            std::sync::Arc::new(TimestampMillisecondArray::new(instants.values().clone(), instants.nulls().cloned()))
        }
        _ => array.clone(),
    };
    let field = arrow_schema::Field::new(name, array.data_type().clone(), true);
    let schema = arrow_schema::ffi::FFI_ArrowSchema::try_from(&field).map_err(|error| error.to_string())?;
    let data = arrow_data::ffi::FFI_ArrowArray::new(&array.to_data());
    // SAFETY: both sides define the same structs of the Arrow C data interface, laid out by `repr(C)`; ownership moves,
    // so the release callback runs once, on the importing side.
    let imported = unsafe {
        let schema = std::mem::transmute::<arrow_schema::ffi::FFI_ArrowSchema, polars_arrow::ffi::ArrowSchema>(schema);
        let data = std::mem::transmute::<arrow_data::ffi::FFI_ArrowArray, polars_arrow::ffi::ArrowArray>(data);
        let field = polars_arrow::ffi::import_field_from_c(&schema).map_err(|error| error.to_string())?;
        polars_arrow::ffi::import_array_from_c(data, field.dtype).map_err(|error| error.to_string())?
    };
    let series = Series::from_arrow(PlSmallStr::from_str(name), imported).map_err(|error| error.to_string())?;
    Ok(series.into())
}

#[cfg(test)]
mod tests {
    use arrow_array::{BooleanArray, Date32Array, Float64Array, Int32Array, StringArray};
    use proptest::prelude::*;

    use super::*;
    use crate::check::area::ServiceArea;

    /// A contract of a table `t` with these columns, and what stands under the table.
    fn contract(columns: &str, rest: &str) -> Arc<Contract> {
        let text = format!(
            "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: '1'\nstatus: active\nschema:\n  - name: t\n    properties:\n\
             {columns}{rest}"
        );
        let read = crate::contract::odcs::contract(std::path::Path::new("t.odcs.yaml"), &text);
        Arc::new(read.unwrap_or_else(|problems| panic!("{problems:?}")))
    }

    const COLUMNS: &str = "      - {name: a, logicalType: string}\n      - {name: b, logicalType: integer}\n      \
                           - {name: c, logicalType: number}\n      - {name: d, logicalType: date}\n      \
                           - {name: e, logicalType: timestamp}\n      - {name: f, logicalType: boolean}\n";

    fn rows() -> RecordBatch {
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("a", Arc::new(StringArray::from(vec![Some("x"), None, Some("ä")]))),
            ("b", Arc::new(Int32Array::from(vec![Some(1), None, Some(3)]))),
            ("c", Arc::new(Float64Array::from(vec![Some(0.5), None, Some(1.5)]))),
            ("d", Arc::new(Date32Array::from(vec![Some(0), None, Some(2)]))),
            ("e", Arc::new(TimestampMillisecondArray::from(vec![Some(0), None, Some(5)]).with_timezone("UTC"))),
            ("f", Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]))),
        ];
        indexed(&RecordBatch::try_from_iter(columns).unwrap()).unwrap()
    }

    fn around() -> Surroundings {
        let mut around = Surroundings::of("2026-11-24".parse().unwrap());
        around.zone = jiff::tz::TimeZone::get("Europe/Berlin").unwrap();
        around.area = Some(ServiceArea::of_box([48.2, 7.6, 48.75, 8.3]).unwrap());
        around
    }

    fn ask(sql: &str) -> Result<Vec<usize>, NoResult> {
        let mut asker = Asker::new(contract(COLUMNS, ""), Arc::new(around()));
        asker.over(&rows(), Extent::Whole)?.offending(&Query::read(sql, "t").unwrap(), 3)
    }

    fn number(sql: &str) -> Result<Option<f64>, NoResult> {
        let mut asker = Asker::new(contract(COLUMNS, ""), Arc::new(around()));
        asker.over(&rows(), Extent::Whole)?.number(&Query::read(sql, "t").unwrap())
    }

    #[test]
    fn every_kind_of_column_reaches_the_query_with_its_nulls() {
        for name in ["a", "b", "c", "d", "e", "f"] {
            assert_eq!(ask(&format!("SELECT _index FROM t WHERE {name} IS NULL")), Ok(vec![1]), "{name}");
        }
        let sql = "SELECT _index FROM t WHERE a = 'ä' AND b > 2 AND c > 1 AND e > '1970-01-01 00:00:00' AND NOT f";
        assert_eq!(ask(sql), Ok(vec![2]));
        assert_eq!(ask("SELECT _index FROM t WHERE d < {date} - INTERVAL '30 days'"), Ok(vec![0, 2]));
    }

    /// Conditions on null cells, and such that are none.
    fn condition() -> impl Strategy<Value = String> {
        let column = "[a-f]";
        let leaf = prop_oneof![
            4 => column.prop_map(|column| format!("{column} IS NULL")),
            4 => column.prop_map(|column| format!("{column} IS NOT NULL")),
            1 => column.prop_map(|column| format!("\"{column}\" is  null")),
        ];
        leaf.prop_recursive(4, 24, 2, |inner| {
            prop_oneof![
                (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("{left} AND {right}")),
                (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("{left} OR {right}")),
                inner.clone().prop_map(|inner| format!("NOT {inner}")),
                inner.prop_map(|inner| format!("({inner})")),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn a_condition_on_null_cells_gives_the_rows_that_polars_gives(
            condition in condition(),
            cells in prop::collection::vec(prop::array::uniform6(any::<bool>()), 0..20),
            skip in 0_usize..3,
        ) {
            let column = |place: usize| cells.iter().map(move |row| row[place]);
            let columns: Vec<(&str, ArrayRef)> = vec![
                ("a", Arc::new(column(0).map(|there| there.then_some("x")).collect::<StringArray>())),
                ("b", Arc::new(column(1).map(|there| there.then_some(1)).collect::<Int32Array>())),
                ("c", Arc::new(column(2).map(|there| there.then_some(0.5)).collect::<Float64Array>())),
                ("d", Arc::new(column(3).map(|there| there.then_some(0)).collect::<Date32Array>())),
                ("e", Arc::new(column(4).map(|there| there.then_some(5)).collect::<TimestampMillisecondArray>().with_timezone("UTC"))),
                ("f", Arc::new(column(5).map(|there| there.then_some(true)).collect::<BooleanArray>())),
            ];
            let rows = RecordBatch::try_from_iter(columns).unwrap();
            // Also of a part of a larger batch.
            let skip = skip.min(rows.num_rows());
            let rows = rows.slice(skip, rows.num_rows() - skip);
            let query = Query::read(&format!("SELECT _index FROM t WHERE {condition}"), "t").unwrap();
            let by_nulls = offending_nulls(query.nulls.as_ref().unwrap(), &rows).unwrap();
            let mut asker = Asker::new(contract(COLUMNS, ""), Arc::new(around()));
            let indexed = indexed(&rows).unwrap();
            let by_polars = asker.over(&indexed, Extent::Part).unwrap().offending(&query, rows.num_rows()).unwrap();
            prop_assert_eq!(by_nulls, by_polars, "{}", condition);
        }
    }

    #[test]
    fn what_asks_for_more_than_null_cells_is_left_to_polars() {
        for condition in
            ["a", "a IS NULL AND b > 1", "NOT f", "a IS NULL OR f IS TRUE", "a || 'x' IS NULL", "t.a IS NULL"]
        {
            let query = Query::read(&format!("SELECT _index FROM t WHERE {condition}"), "t").unwrap();
            assert_eq!(query.nulls, None, "{condition}");
        }
        for sql in [
            "SELECT _index FROM t",
            "SELECT _index FROM t WHERE a IS NULL LIMIT 1",
            "SELECT MIN(_index) AS _index FROM t WHERE a IS NULL",
        ] {
            assert_eq!(Query::read(sql, "t").unwrap().nulls, None, "{sql}");
        }
        let unknown = Query::read("SELECT _index FROM t WHERE A IS NULL", "t").unwrap();
        assert_eq!(offending_nulls(&unknown.nulls.unwrap(), &rows()), None);
    }

    #[test]
    fn the_functions_of_mobility_can_be_called() {
        assert_eq!(number("SELECT ROUND(MAX(distance_m(48.0, 7.9, 49.0, 7.9))) FROM t"), Ok(Some(111_195.0)));
        assert_eq!(ask("SELECT _index FROM t WHERE distance_m(48.0, c, 48.0, c) = 0"), Ok(vec![0, 2]));
        assert_eq!(ask("SELECT _index FROM t WHERE in_service_area(48 + c, 7.9)"), Ok(vec![0]));
        assert_eq!(ask("SELECT _index FROM t WHERE in_service_area(48 + c, 7.9) IS NULL"), Ok(vec![1]));
        // 1970-01-01 00:00 UTC is one o'clock in Berlin; of the day after the next it is 47 hours before.
        assert_eq!(ask("SELECT _index FROM t WHERE service_seconds(e, d) = 3600"), Ok(vec![0]));
        assert_eq!(ask("SELECT _index FROM t WHERE service_seconds(e, d) < 0"), Ok(vec![2]));
        let groups = "SELECT MIN(_index) AS _index FROM t GROUP BY a HAVING NOT is_monotonic(-b)";
        assert_eq!(ask(groups), Ok(vec![]));
        assert_eq!(ask("SELECT MIN(_index) AS _index FROM t GROUP BY 1 = 1 HAVING NOT is_monotonic(-b)"), Ok(vec![0]));
        assert_eq!(ask("SELECT MIN(_index) AS _index FROM t GROUP BY 1 = 1 HAVING is_monotonic(b)"), Ok(vec![0]));
        assert!(matches!(ask("SELECT _index FROM t WHERE distance_m(1, 2) > 0"), Err(NoResult::Broken(_))));
    }

    #[test]
    fn a_query_that_cannot_run_is_broken_and_one_without_a_partition_before_is_skipped() {
        for sql in [
            "SELECT a FROM t",
            "SELECT b AS _index FROM t",
            "SELECT a AS _index FROM t",
            "SELECT _index FROM t WHERE g = 1",
            "SELECT _index FROM t WHERE no_such_function(a)",
            "SELECT t._index FROM t JOIN timetable_trips ON trip_id = a",
        ] {
            assert!(matches!(ask(sql), Err(NoResult::Broken(_))), "{sql}: {:?}", ask(sql));
        }
        assert!(matches!(ask("SELECT t._index FROM t JOIN previous ON previous.a = t.a"), Err(NoResult::Skipped(_))));
        assert!(matches!(number("SELECT a FROM t"), Err(NoResult::Broken(_))));
        assert_eq!(number("SELECT MAX(b) FROM t WHERE b > 5"), Ok(None));
    }

    #[test]
    fn a_row_that_is_none_of_the_table_breaks_the_rule_and_is_not_told() {
        for sql in [
            "SELECT _index + 100000 AS _index FROM t",
            "SELECT _index - 1 AS _index FROM t",
            "SELECT _index * b AS _index FROM t",
            "SELECT NULLIF(_index, 1) AS _index FROM t",
            "SELECT CAST(b AS BIGINT) * 394257277 AS _index FROM t WHERE b IS NOT NULL",
        ] {
            let Err(NoResult::Broken(why)) = ask(sql) else { panic!("{sql}") };
            assert!(why.contains("_index") && !why.contains(|c: char| c.is_ascii_digit()), "{sql}: {why}");
        }
        assert_eq!(ask("SELECT _index FROM t WHERE b > 0 UNION ALL SELECT _index FROM t WHERE c > 0"), Ok(vec![0, 2]));
        assert_eq!(ask("SELECT 2 - _index AS _index FROM t WHERE _index = 0"), Ok(vec![2]));
    }

    #[test]
    fn the_deepest_queries_that_are_read_run_on_the_stack_of_a_thread() {
        let many = |what: &str, times: usize| what.repeat(times);
        for (expression, named) in [
            (format!("b{} > 0", many(" + 1", 490)), vec![0, 2]),
            (format!("b > 0{}", many(" OR b > 9", 240)), vec![0, 2]),
            (format!("{}b{} > 0", many("ABS(", 20), many(")", 20)), vec![0, 2]),
            (format!("CASE {}END = 1", many("WHEN b > 5 THEN 1 ", 200)), vec![]),
        ] {
            let sql = format!("SELECT _index FROM t WHERE {expression}");
            assert_eq!(ask(&sql), Ok(named), "{}", &sql[..60]);
        }
        let union = format!("SELECT _index FROM t{}", many(" UNION ALL SELECT _index FROM t", 50));
        assert_eq!(ask(&union), Ok(vec![0, 1, 2]));
        let joined = (0..49).map(|n| format!(" JOIN t AS u{n} ON u{n}._index = t._index")).collect::<String>();
        assert_eq!(ask(&format!("SELECT t._index FROM t{joined}")), Ok(vec![0, 1, 2]));
    }

    #[test]
    fn numbers_see_of_private_values_only_where_there_is_one() {
        // Every column is private, for none is said to be public.
        let mut asker = Asker::new(contract(COLUMNS, ""), Arc::new(around()));
        asker.hide_private();
        let mut number = |sql: &str| {
            asker.over(&rows(), Extent::Whole).and_then(|mut frame| frame.number(&Query::read(sql, "t").unwrap()))
        };
        for (sql, expected) in [
            ("SELECT COUNT(b) FROM t", 2.0),
            ("SELECT COUNT(*) FROM t WHERE a IS NULL", 1.0),
            ("SELECT MAX(b) + MAX(c) FROM t", 0.0),
            ("SELECT MAX(m) FROM (SELECT * RENAME (b AS m) FROM t) AS x", 0.0),
            ("SELECT COUNT(*) FROM t WHERE a = 'ä' OR f OR d > '1970-01-01' OR e > '1970-01-01 00:00:00'", 0.0),
            ("SELECT COUNT(DISTINCT a) + COUNT(DISTINCT b) + COUNT(DISTINCT e) FROM t", 3.0),
            ("SELECT MAX(_index) FROM t", 2.0),
        ] {
            let number = number(sql);
            assert!(
                number == Ok(Some(expected)) || sql.contains("DISTINCT") && number == Ok(Some(6.0)),
                "{sql}: {number:?}"
            );
        }
    }

    #[test]
    fn the_functions_can_be_called_in_the_parts_of_a_query() {
        for sql in [
            "WITH x AS (SELECT _index FROM t WHERE in_service_area(48 + c, 7.9)) SELECT _index FROM x",
            "SELECT _index FROM (SELECT _index, distance_m(48.0, c, 48.0, c) AS m FROM t) AS x WHERE m = 0 AND _index < 2",
            "SELECT _index FROM t WHERE a IN (SELECT a FROM t WHERE in_service_area(48 + c, 7.9))",
            "SELECT _index FROM t WHERE b NOT IN (SELECT b FROM t WHERE NOT in_service_area(48 + c, 7.9))",
        ] {
            assert_eq!(ask(sql), Ok(vec![0]), "{sql}");
        }
    }

    #[test]
    fn why_a_rule_could_not_run_is_told_without_a_value_of_a_row() {
        let contract = contract("      - {name: driver, logicalType: string}\n", "");
        let rows: Vec<(&str, ArrayRef)> = vec![("driver", Arc::new(StringArray::from(vec!["Fahrer 4711"])))];
        let rows = indexed(&RecordBatch::try_from_iter(rows).unwrap()).unwrap();
        let mut asker = Asker::new(contract, Arc::new(around()));
        let mut why =
            |sql: &str| match asker.over(&rows, Extent::Whole).unwrap().offending(&Query::read(sql, "t").unwrap(), 1) {
                Err(NoResult::Broken(why)) => why,
                other => panic!("{other:?}"),
            };
        let mut reasons = vec![
            why("SELECT _index FROM t WHERE CAST(driver AS INTEGER) > 0"),
            why("SELECT _index FROM t WHERE CAST(driver AS DATE) > '2026-01-01'"),
            why("SELECT _index FROM t WHERE missing = 1"),
        ];
        let number =
            asker.over(&rows, Extent::Whole).unwrap().number(&Query::read("SELECT MAX(driver) FROM t", "t").unwrap());
        reasons.push(format!("{number:?}"));
        assert!(reasons.iter().all(|reason| !reason.contains("4711") && !reason.is_empty()), "{reasons:#?}");
        assert!(reasons[0].contains("'driver'") && reasons[2].contains("missing"), "{reasons:#?}");
    }
}
