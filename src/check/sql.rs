//! SQL rules: a table becomes a Polars frame without a copy, and a query names its offending rows.

use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMillisecondType;
use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch, TimestampMillisecondArray};
use arrow_schema::DataType;
use polars::prelude::{Column, DataFrame, IntoLazy, LazyFrame, PlSmallStr, Series};
use polars::sql::SQLContext;

use crate::contract::{Contract, Rule};

/// The column that says which row of the table a row of a result is.
const INDEX: &str = "_index";

/// A table, as the queries of its rules see it.
pub struct Frame {
    table: String,
    frame: LazyFrame,
}

impl Frame {
    pub fn new(contract: &Contract, rows: &RecordBatch) -> Result<Self, String> {
        let index: ArrayRef = std::sync::Arc::new(Int64Array::from_iter_values(0..rows.num_rows() as i64));
        let mut columns = vec![column(INDEX, &index)?];
        for (field, array) in rows.schema().fields().iter().zip(rows.columns()) {
            columns.push(column(field.name(), array)?);
        }
        let frame = DataFrame::new(rows.num_rows(), columns).map_err(|error| error.to_string())?;
        Ok(Self { table: contract.table.clone(), frame: frame.lazy() })
    }

    /// The rows that a query names, in their order, each once. A query that fails, panics, or returns no `_index` is an
    /// error.
    pub fn offending(&self, sql: &str, rows: usize) -> Result<Vec<usize>, String> {
        // Polars panics on some queries that it does not support; such a rule is an error, not the end of the run.
        let run = catch_unwind(AssertUnwindSafe(|| self.run(sql)));
        let mut named = run.map_err(|_| "the query made Polars panic".to_owned())??;
        if let Some(row) = named.iter().find(|&&row| row >= rows) {
            return Err(format!("the query returned the {INDEX} {row}, which is no row of the table"));
        }
        named.sort_unstable();
        named.dedup();
        Ok(named)
    }

    /// The one number that a query returns; `None` if it is null, as the mean of no rows is.
    pub fn number(&self, sql: &str) -> Result<Option<f64>, String> {
        let run = catch_unwind(AssertUnwindSafe(|| self.collect(sql)));
        let result = run.map_err(|_| "the query made Polars panic".to_owned())??;
        if result.shape() != (1, 1) {
            let (rows, columns) = result.shape();
            return Err(format!("the query returns {rows} rows of {columns} columns instead of one number"));
        }
        let cell = result.columns()[0].get(0).map_err(|error| error.to_string())?;
        if cell.is_null() {
            return Ok(None);
        }
        let kind = cell.dtype();
        cell.try_extract::<f64>().map(Some).map_err(|_| format!("the query returns a {kind}, which is no number"))
    }

    fn collect(&self, sql: &str) -> Result<DataFrame, String> {
        let over = |frame: LazyFrame| {
            let mut context = SQLContext::new();
            context.register(&self.table, frame);
            context.execute(sql).and_then(LazyFrame::collect).map_err(|error| error.to_string())
        };
        // The reason is published, and Polars tells values in it, and how many of those that one of its threads had before
        // it. What fails over no rows, too, is the query's own fault and tells neither.
        over(self.frame.clone()).map_err(|error| match over(self.frame.clone().limit(0)) {
            Err(of_the_query) => of_the_query,
            Ok(_) => match error.split_once(" for ") {
                Some((conversion, _)) if conversion.starts_with("conversion from ") => conversion.to_owned(),
                _ => "a value in the rows makes the query fail".to_owned(),
            },
        })
    }

    fn run(&self, sql: &str) -> Result<Vec<usize>, String> {
        let result = self.collect(sql)?;
        let index = result.column(INDEX).map_err(|_| format!("the query does not return the column '{INDEX}'"))?;
        let index = index.i64().map_err(|_| format!("the query returns another type than integer as '{INDEX}'"))?;
        index
            .iter()
            .map(|row| {
                row.and_then(|row| usize::try_from(row).ok()).ok_or_else(|| format!("'{INDEX}' is null or negative"))
            })
            .collect()
    }
}

/// Asks whether a query parses and finds its columns, over a table without rows.
pub fn dry_run(contract: &Contract, rule: &Rule) -> Result<(), String> {
    let empty = RecordBatch::new_empty(contract.chunk_schema());
    let frame = Frame::new(contract, &empty)?;
    if rule.is_number { frame.number(&rule.sql).map(|_| ()) } else { frame.offending(&rule.sql, 0).map(|_| ()) }
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
    use std::sync::Arc;

    use arrow_array::{BooleanArray, Date32Array, Float64Array, Int32Array, StringArray};

    use super::*;
    use crate::contract::{Classification, Kind, Presence};
    use crate::digest::Digest;

    fn rule(sql: &str, is_number: bool) -> Rule {
        Rule {
            id: crate::contract::RuleId("t.r".into()),
            line: 1,
            sql: sql.into(),
            severity: crate::contract::Severity::Error,
            dimension: crate::contract::Dimension::Accuracy,
            on_fail: crate::contract::OnFail::Report,
            invalidates: Vec::new(),
            limit: None,
            is_number,
            description: None,
            description_de: None,
        }
    }

    fn contract(columns: &[(&str, Kind)]) -> Contract {
        let column = |(name, kind): &(&str, Kind)| crate::contract::Column {
            name: (*name).to_owned(),
            line: 1,
            kind: *kind,
            presence: None,
            gtfs_type: None,
            mixed_case: false,
            required: false,
            unique: false,
            values: Vec::new(),
            minimum: None,
            maximum: None,
            pattern: None,
            above: None,
            below: None,
            multiple_of: None,
            min_length: None,
            max_length: None,
            classification: Classification::Public,
            unit: None,
            description: None,
            description_de: None,
            severity: None,
            on_fail: None,
        };
        Contract {
            id: "t".into(),
            table: "t".into(),
            version: "1".into(),
            file: "t.odcs.yaml".into(),
            digest: Digest::of(b""),
            title: None,
            description: None,
            description_de: None,
            columns: columns.iter().map(column).collect(),
            primary_key: Vec::new(),
            foreign_keys: Vec::new(),
            rules: Vec::new(),
            metrics: Vec::new(),
            sort_by: Vec::new(),
            gtfs_file: None,
            presence: Presence::Optional,
        }
    }

    #[test]
    fn every_kind_of_column_reaches_the_query_with_its_nulls() {
        let kinds = [
            ("a", Kind::Text),
            ("b", Kind::Int32),
            ("c", Kind::Float),
            ("d", Kind::Date),
            ("e", Kind::Instant),
            ("f", Kind::Boolean),
        ];
        let contract = contract(&kinds);
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from(vec![Some("x"), None, Some("ä")])),
            Arc::new(Int32Array::from(vec![Some(1), None, Some(3)])),
            Arc::new(Float64Array::from(vec![Some(0.5), None, Some(1.5)])),
            Arc::new(Date32Array::from(vec![Some(0), None, Some(2)])),
            Arc::new(TimestampMillisecondArray::from(vec![Some(0), None, Some(5)]).with_timezone("UTC")),
            Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)])),
        ];
        columns.push(Arc::new(arrow_array::UInt32Array::from_value(0, 3)));
        columns.push(Arc::new(arrow_array::UInt64Array::from(vec![2, 3, 4])));
        let rows = RecordBatch::try_new(contract.chunk_schema(), columns).unwrap();
        let frame = Frame::new(&contract, &rows).unwrap();
        for (name, _) in kinds {
            let sql = format!("SELECT _index FROM t WHERE {name} IS NULL");
            assert_eq!(frame.offending(&sql, 3), Ok(vec![1]), "{name}");
        }
        let sql = "SELECT _index FROM t WHERE a = 'ä' AND b > 2 AND c > 1 AND e > '1970-01-01 00:00:00' AND NOT f";
        assert_eq!(frame.offending(sql, 3), Ok(vec![2]));
    }

    #[test]
    fn why_a_rule_could_not_run_is_told_without_a_value_of_a_row() {
        let contract = contract(&[("driver", Kind::Text)]);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from(vec!["Fahrer 4711"])),
            Arc::new(arrow_array::UInt32Array::from_value(0, 1)),
            Arc::new(arrow_array::UInt64Array::from(vec![2])),
        ];
        let frame = Frame::new(&contract, &RecordBatch::try_new(contract.chunk_schema(), columns).unwrap()).unwrap();
        let reasons = [
            frame.offending("SELECT _index FROM t WHERE CAST(driver AS INTEGER) > 0", 1).unwrap_err(),
            frame.offending("SELECT _index FROM t WHERE CAST(driver AS DATE) > '2026-01-01'", 1).unwrap_err(),
            frame.number("SELECT MAX(driver) FROM t").unwrap_err(),
            frame.number("SELECT missing FROM t").unwrap_err(),
        ];
        assert!(reasons.iter().all(|reason| !reason.contains("4711") && !reason.is_empty()), "{reasons:#?}");
        assert!(reasons[0].contains("'driver'") && reasons[3].contains("missing"), "{reasons:#?}");
    }

    #[test]
    fn a_rule_that_cannot_run_is_an_error() {
        let contract = contract(&[("a", Kind::Text)]);
        for sql in ["SELEC", "SELECT a FROM t", "SELECT _index FROM elsewhere", "SELECT _index FROM t WHERE b = 1"] {
            assert!(dry_run(&contract, &rule(sql, false)).is_err(), "{sql}");
        }
        assert_eq!(dry_run(&contract, &rule("SELECT _index FROM t WHERE a = 'x'", false)), Ok(()));
        assert_eq!(dry_run(&contract, &rule("SELECT COUNT(*) FROM t", true)), Ok(()));
        assert!(dry_run(&contract, &rule("SELECT a FROM t", true)).is_err());
    }
}
