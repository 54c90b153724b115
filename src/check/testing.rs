//! A table of stops for the tests of this room, and its check from the first row to the last.

use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, RecordBatch, StringArray, UInt32Array, UInt64Array};

use crate::check::context::RuleContext;
use crate::check::{CheckError, Outcome, TableCheck, referenced};
use crate::contract::{Contract, odcs};
use crate::table::keys::Keys;
use crate::table::{Budget, Chunk, Origin};

pub(super) const CONTRACT: &str = "\
apiVersion: v3.1.0
kind: DataContract
id: stops
version: '1'
status: active
schema:
  - name: stops
    properties:
      - {name: id, logicalType: string, primaryKey: true, required: true, classification: public}
      - name: kind
        logicalType: integer
        classification: public
        customProperties: [{property: values, value: [0, 1]}]
      - name: lat
        logicalType: number
        classification: public
        logicalTypeOptions: {minimum: -90, maximum: 90}
        customProperties: [{property: onFail, value: invalidate}]
      - name: driver
        logicalType: string
        logicalTypeOptions: {pattern: '[0-9]+'}
      - name: parent
        logicalType: string
        classification: public
        relationships: [{to: stops.id}]
RULES";

pub(super) fn contract(rules: &str) -> Arc<Contract> {
    Arc::new(odcs::contract(Path::new("stops.odcs.yaml"), &CONTRACT.replace("RULES", rules)).unwrap())
}

pub(super) type Row<'a> = (Option<&'a str>, Option<i32>, Option<f64>, Option<&'a str>, Option<&'a str>);

pub(super) fn chunk(contract: &Contract, rows: &[Row<'_>]) -> Chunk {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(rows.iter().map(|row| row.0).collect::<StringArray>()),
        Arc::new(rows.iter().map(|row| row.1).collect::<arrow_array::Int32Array>()),
        Arc::new(rows.iter().map(|row| row.2).collect::<arrow_array::Float64Array>()),
        Arc::new(rows.iter().map(|row| row.3).collect::<StringArray>()),
        Arc::new(rows.iter().map(|row| row.4).collect::<StringArray>()),
        Arc::new(UInt32Array::from_value(0, rows.len())),
        Arc::new(UInt64Array::from_iter_values(2..2 + rows.len() as u64)),
    ];
    Chunk {
        rows: RecordBatch::try_new(contract.chunk_schema(), columns).unwrap(),
        flaws: Vec::new(),
        remarks: Default::default(),
    }
}

pub(super) struct Run {
    pub passed: Vec<Option<String>>,
    pub passed_rows: Vec<RecordBatch>,
    pub held: Vec<(Option<String>, Vec<String>)>,
    pub outcomes: Vec<Outcome>,
}

impl Run {
    pub(super) fn outcome(&self, id: &str) -> &Outcome {
        self.outcomes.iter().find(|outcome| outcome.rule.0 == id).unwrap()
    }
}

pub(super) fn run(contract: &Arc<Contract>, chunks: Vec<Chunk>) -> Run {
    let budget = Budget::new(1 << 20);
    let run = run_with(contract, chunks, context(), &budget);
    // Everything but the keys that later tables ask for was given back.
    budget.take("test", (1 << 20) - 10_000).unwrap();
    run
}

pub(super) fn context() -> RuleContext {
    RuleContext::of("2026-11-24".parse().unwrap())
}

pub(super) fn run_with(contract: &Arc<Contract>, chunks: Vec<Chunk>, context: RuleContext, budget: &Budget) -> Run {
    let origins = [Origin { name: "stops.txt".into(), captured_at: jiff::Timestamp::UNIX_EPOCH }];
    let referenced = referenced([contract].into_iter());
    let lists = referenced.get("stops").unwrap();
    let context = Arc::new(context);
    let mut check = TableCheck::new(contract.clone(), origins.into(), lists, context, budget.clone()).unwrap();
    let mut keys = Keys::default();
    let mut all = Vec::new();
    for chunk in chunks {
        all.push(check.push(chunk, &keys).unwrap());
    }
    let mut last = Vec::new();
    let keep = &mut |checked| -> Result<(), CheckError> {
        last.push(checked);
        Ok(())
    };
    let outcomes = check.finish(&mut keys, keep).unwrap();
    all.extend(last);
    let ids = |rows: &RecordBatch| -> Vec<Option<String>> {
        rows.column(0).as_string::<i32>().iter().map(|id| id.map(str::to_owned)).collect()
    };
    let passed_rows: Vec<_> = all.iter().flat_map(|checked| checked.passed.clone()).collect();
    Run {
        passed: passed_rows.iter().flat_map(&ids).collect(),
        passed_rows,
        held: all
            .iter()
            .flat_map(|checked| &checked.quarantined)
            .flat_map(|held| ids(&held.rows).into_iter().zip(&held.rules))
            .map(|(id, rules)| (id, rules.iter().map(ToString::to_string).collect()))
            .collect(),
        outcomes,
    }
}

#[cfg(feature = "sql")]
pub(super) fn same_rules() -> [Arc<Contract>; 3] {
    let rule = |sql: &str, per: &str| {
        contract(&format!(
            "    quality:
      - {{name: south, type: custom, engine: fahrtenbuch, implementation: \"{sql} WHERE lat < 0\", customProperties: [{{property: onFail, value: quarantine}}{per}]}}
      - {{name: odd, type: custom, engine: fahrtenbuch, implementation: \"{sql} WHERE kind = 1\", customProperties: [{{property: onFail, value: invalidate}}, {{property: invalidates, value: [kind, lat]}}{per}]}}
      - {{name: kinds, type: sql, query: 'SELECT COUNT(kind) FROM stops', mustBe: 0}}
"
        ))
    };
    let whole = "SELECT _index FROM (SELECT * FROM stops) stops";
    [rule("SELECT _index FROM stops", ""), rule(whole, ""), rule(whole, ", {property: per, value: [kind, id]}")]
}

#[cfg(feature = "sql")]
pub(super) fn many_rows(contract: &Contract, rows: i32, chunk_of: i32) -> Vec<Chunk> {
    let ids: Vec<String> = (0..rows).map(|id| format!("stop {id}")).collect();
    let row = |i: i32| {
        let id = ids[i as usize].as_str();
        (Some(id), (i % 5 != 0).then_some(i % 4), (i % 7 != 0).then_some(f64::from(i % 10 - 3)), None, None)
    };
    let rows: Vec<Row<'_>> = (0..rows).map(row).collect();
    rows.chunks(chunk_of as usize).map(|rows| chunk(contract, rows)).collect()
}

#[cfg(feature = "sql")]
pub(super) fn with_views(head: &str) -> Arc<Contract> {
    let text = CONTRACT.replace("RULES", "").replace("  - name: stops\n", &format!("  - name: stops\n{head}"));
    Arc::new(odcs::contract(Path::new("stops.odcs.yaml"), &text).unwrap())
}
