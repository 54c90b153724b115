//! Library metrics: numbers over the rows that passed.

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};
use regex::Regex;
use rustc_hash::FxHashSet;

use crate::contract::metric::{Metric, MetricRule};
use crate::contract::{Contract, Kind};
use crate::internal;
use crate::table::keys::{KeyColumns, KeySet};

/// Counts for one metric while the rows come.
pub(super) struct MetricAccumulator {
    count: u64,
    rows: u64,
    counting: Counting,
}

/// What a metric keeps.
enum Counting {
    Rows,
    Null {
        column: usize,
    },
    /// Values, as text, and whether one of them counts (missing) or every other (invalid).
    Values {
        column: usize,
        kind: Kind,
        listed: Option<FxHashSet<String>>,
        pattern: Option<Regex>,
        counts_listed: bool,
    },
    Duplicates {
        columns: KeyColumns,
        seen: KeySet,
        again: KeySet,
    },
}

impl MetricAccumulator {
    pub(super) fn new(rule: &MetricRule, contract: &Contract) -> Self {
        Self::of(&rule.metric, contract)
    }

    fn of(metric: &Metric, contract: &Contract) -> Self {
        let values = |column: usize, listed: Option<&Vec<String>>, pattern: Option<&String>, counts_listed: bool| {
            let kind = contract.columns[column].kind;
            Counting::Values {
                column,
                kind,
                listed: listed.map(|listed| listed.iter().map(|text| plain(text, kind)).collect()),
                // The contract's reader has refused patterns that do not compile.
                pattern: pattern.map(|pattern| {
                    Regex::new(pattern).unwrap_or_else(|error| internal::impossible("reading a pattern", error))
                }),
                counts_listed,
            }
        };
        let counting = match metric {
            Metric::RowCount => Counting::Rows,
            Metric::NullValues { column } => Counting::Null { column: *column },
            Metric::MissingValues { column, missing } => values(*column, Some(missing), None, true),
            Metric::InvalidValues { column, valid, pattern } => {
                values(*column, valid.as_ref(), pattern.as_ref(), false)
            }
            Metric::DuplicateValues { columns } => Counting::Duplicates {
                columns: KeyColumns::new(columns.clone()),
                seen: KeySet::default(),
                again: KeySet::default(),
            },
        };
        Self { count: 0, rows: 0, counting }
    }

    /// Counts some rows that passed; tells by how many bytes what is kept has grown.
    pub(super) fn push(&mut self, rows: &RecordBatch) -> usize {
        self.rows += rows.num_rows() as u64;
        match &mut self.counting {
            Counting::Rows => self.count = self.rows,
            Counting::Null { column } => self.count += rows.column(*column).null_count() as u64,
            Counting::Values { column, kind, listed, pattern, counts_listed } => {
                let array = rows.column(*column);
                let texts = array.as_string_opt::<i32>();
                for row in 0..array.len() {
                    if array.is_null(row) {
                        self.count += u64::from(*counts_listed);
                        continue;
                    }
                    let shown;
                    let text = match texts {
                        Some(texts) => texts.value(row),
                        None => {
                            shown = super::cells::show(array, *kind, row)
                                .map(|text| plain(&text, *kind))
                                .unwrap_or_default();
                            shown.as_str()
                        }
                    };
                    let is_listed = listed.as_ref().is_none_or(|listed| listed.contains(text));
                    let fits = is_listed && pattern.as_ref().is_none_or(|pattern| pattern.is_match(text));
                    self.count += u64::from(if *counts_listed { is_listed } else { !fits });
                }
            }
            Counting::Duplicates { columns, seen, again } => {
                let before = seen.bytes() + again.bytes();
                // An absent value is none that could occur twice, as with UNIQUE in SQL; `nullValues` counts those.
                let keyed: Vec<_> = columns.places.iter().map(|&column| rows.column(column)).collect();
                for (row, key) in columns.keys(rows).enumerate() {
                    if keyed.iter().all(|array| array.is_valid(row)) && !seen.insert(key) && again.insert(key) {
                        self.count += 1;
                    }
                }
                return seen.bytes() + again.bytes() - before;
            }
        }
        0
    }

    /// What was counted, and among how many rows.
    pub(super) fn finish(self) -> (u64, u64) {
        (self.count, self.rows)
    }
}

/// A number without what does not change it, so that 1.0 and 1 are the same.
fn plain(text: &str, kind: Kind) -> String {
    match kind {
        Kind::Float | Kind::Int32 | Kind::Int64 => {
            text.parse::<f64>().map_or_else(|_| text.to_owned(), |v| v.to_string())
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use arrow_array::StringArray;

    use super::*;

    #[test]
    fn an_absent_value_is_no_duplicate_of_another_one() {
        let text = "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: '1'\nstatus: active\nschema:\n  - name: t\n    \
                    properties:\n      - {name: a, logicalType: string}\n      - {name: b, logicalType: string}\n";
        let contract = crate::contract::odcs::contract(Path::new("t.odcs.yaml"), text).unwrap();
        let column = |values: [Option<&str>; 6]| Arc::new(StringArray::from(values.to_vec())) as arrow_array::ArrayRef;
        let a = column([None, None, Some("x"), Some("x"), Some("x"), Some("y")]);
        let b = column([Some("1"), Some("1"), None, None, Some("2"), Some("2")]);
        let rows = RecordBatch::try_from_iter([("a", a), ("b", b)]).unwrap();
        let duplicates = |columns: Vec<usize>| {
            let metric = crate::contract::metric::Metric::DuplicateValues { columns };
            let mut accumulator = MetricAccumulator::of(&metric, &contract);
            // Also where the two stand in different chunks.
            (0..rows.num_rows()).for_each(|row| _ = accumulator.push(&rows.slice(row, 1)));
            accumulator.finish()
        };
        assert_eq!([duplicates(vec![0]), duplicates(vec![1]), duplicates(vec![0, 1])], [(1, 6), (2, 6), (0, 6)]);
    }
}
