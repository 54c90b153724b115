//! Polars as the engine of queries. Batches become frames without a copy.

mod fault;
mod functions;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMillisecondType;
use arrow_array::{Array, ArrayRef, RecordBatch, TimestampMillisecondArray};
use arrow_schema::DataType;
use polars::prelude::{Column, DataFrame, DataType as PolarsType, IntoLazy, PlSmallStr, PolarsResult, Series};
use polars::sql::SQLContext;

use self::functions::Functions;
use crate::check::context::RuleContext;
use crate::check::sql::functions::NAMES;
use crate::check::sql::{NoResult, QueryFault, ResultColumn, ResultKind, ResultShape, SqlEngine};
use crate::contract::query::{INDEX, Placeholders, Query};

/// Runs queries by Polars SQL.
pub struct PolarsEngine {
    functions: Arc<Functions>,
    placeholders: Placeholders,
}

impl SqlEngine for PolarsEngine {
    type Table = DataFrame;

    fn new(context: &RuleContext) -> Self {
        Self { functions: Arc::new(Functions::new(context)), placeholders: context.placeholders() }
    }

    fn table(&self, rows: &RecordBatch) -> Result<DataFrame, NoResult> {
        frame(rows)
    }

    fn execute(&self, query: &Query, tables: &BTreeMap<&str, DataFrame>) -> Result<DataFrame, NoResult> {
        // Polars panics on some queries that it does not support; such a rule is an error, not the end of the run.
        let run = |rows| catch_unwind(AssertUnwindSafe(|| self.over(query, tables, rows)));
        let broken = |why: &str| NoResult::Broken(why.to_owned());
        let result = run(None).map_err(|_| broken("the query made Polars panic"))?;
        // The reason is published, and Polars tells values in it, and how many of those that one of its threads had before
        // it. What fails over no rows, too, is the query's own fault and tells neither.
        result.map_err(|error| match run(Some(0)) {
            Ok(Err(of_the_query)) => NoResult::broken(of_the_query),
            _ => match error.to_string().split_once(" for ") {
                Some((conversion, _)) if conversion.starts_with("conversion from ") => broken(conversion),
                _ => broken("a value in the rows makes the query fail"),
            },
        })
    }

    fn stack(&self, mut above: DataFrame, below: &DataFrame) -> Option<DataFrame> {
        above.vstack_mut(below).is_ok().then_some(above)
    }

    fn indexes(&self, result: &DataFrame) -> Result<Vec<Option<i64>>, NoResult> {
        let index = result.column(INDEX);
        let index = index.map_err(|_| NoResult::Broken(format!("the query does not return the column '{INDEX}'")))?;
        let index = index
            .i64()
            .map_err(|_| NoResult::Broken(format!("the query returns another type than integer as '{INDEX}'")))?;
        Ok(index.iter().collect())
    }

    fn number(&self, result: &DataFrame) -> Result<Option<f64>, NoResult> {
        let column = result.columns().first().ok_or_else(|| NoResult::broken("the query returns no column"))?;
        let cell = column.get(0).map_err(NoResult::broken)?;
        if cell.is_null() {
            return Ok(None);
        }
        let kind = cell.dtype();
        let number = cell.try_extract::<f64>().map(Some);
        number.map_err(|_| NoResult::Broken(format!("the query returns a {kind}, which is no number")))
    }

    fn shape(&self, result: &DataFrame) -> ResultShape {
        let columns = result.columns().iter().map(|column| ResultColumn {
            name: column.name().to_string(),
            kind: kind(column.dtype()),
            engine_type: column.dtype().to_string(),
        });
        ResultShape { rows: result.height(), columns: columns.collect() }
    }

    fn fault(why: &str) -> QueryFault {
        fault::read(why)
    }
}

impl PolarsEngine {
    /// Executes a query over its tables, or the first rows of each.
    fn over(&self, query: &Query, tables: &BTreeMap<&str, DataFrame>, rows: Option<u32>) -> PolarsResult<DataFrame> {
        let mut context = SQLContext::new().with_function_registry(self.functions.clone());
        for (table, frame) in tables {
            let frame = frame.clone().lazy();
            context.register(table, rows.map_or_else(|| frame.clone(), |rows| frame.clone().limit(rows)));
        }
        let calls_ours = NAMES.iter().any(|name| query.says(name));
        let steps = calls_ours.then(|| query.in_steps(self.placeholders)).flatten();
        let Some((steps, last)) = steps else { return context.execute(&query.with(self.placeholders))?.collect() };
        for (name, sql) in steps {
            let step = context.execute(&sql)?;
            context.register(&name, step);
        }
        context.execute(&last)?.collect()
    }
}

fn kind(of: &PolarsType) -> ResultKind {
    match of {
        PolarsType::Int64 => ResultKind::Int64,
        PolarsType::String => ResultKind::Text,
        PolarsType::Date => ResultKind::Date,
        PolarsType::Datetime(..) => ResultKind::Timestamp,
        of if of.is_primitive_numeric() || of.is_bool() || of.is_null() => ResultKind::Number,
        _ => ResultKind::Other,
    }
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
            Arc::new(TimestampMillisecondArray::new(instants.values().clone(), instants.nulls().cloned()))
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
