//! Rules over numbers: metrics and service levels, measured over the rows that pass, as they are published.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;

use crate::check::context::RuleContext;
use crate::check::memory::Booked;
use crate::check::metrics::MetricAccumulator;
use crate::check::outcome::{Outcome, TableRule};
use crate::check::rules::RuleKind;
use crate::check::sla::SlaAccumulator;
use crate::contract::Contract;
use crate::contract::metric::{Limit, Metric};
use crate::contract::times::PublishedTimes;
use crate::table::{BudgetExceeded, Origin};

/// The metrics and the service levels of a table.
pub(super) struct NumberRules {
    metrics: Vec<MetricRule>,
    sla: Vec<SlaRule>,
    origins: Arc<[Origin]>,
    context: Arc<RuleContext>,
    /// How instants are published: numbers are about those.
    published: Option<PublishedTimes>,
}

struct MetricRule {
    rule: TableRule,
    counted: MetricAccumulator,
    limit: Limit,
    /// A count of rows is known where there are none.
    counts_rows: bool,
}

struct SlaRule {
    rule: TableRule,
    measured: SlaAccumulator,
}

/// Why rows could not be measured.
#[derive(Debug, thiserror::Error)]
pub(super) enum MeasureError {
    #[error(transparent)]
    Arrow(#[from] ArrowError),
    #[error(transparent)]
    Budget(#[from] BudgetExceeded),
}

impl NumberRules {
    /// Of the rules of a table, those over numbers; `published` as their instants are.
    pub(super) fn compile(
        rules: Vec<TableRule>,
        contract: &Contract,
        context: Arc<RuleContext>,
        origins: Arc<[Origin]>,
    ) -> Self {
        let (mut metrics, mut sla) = (Vec::new(), Vec::new());
        for rule in rules {
            match rule.spec.kind {
                RuleKind::Metric { metric } => {
                    let metric = &contract.metrics[metric];
                    let counted = MetricAccumulator::new(metric, contract);
                    let counts_rows = metric.metric == Metric::RowCount;
                    metrics.push(MetricRule { rule, counted, limit: metric.limit, counts_rows });
                }
                RuleKind::Sla { term } => {
                    sla.push(SlaRule { rule, measured: SlaAccumulator::new(&contract.sla[term]) });
                }
                _ => {}
            }
        }
        let published = PublishedTimes::new(contract, &origins);
        Self { metrics, sla, origins, context, published }
    }

    /// How instants are published, where that differs.
    pub(super) fn published_times(&self) -> Option<&PublishedTimes> {
        self.published.as_ref()
    }

    /// Measures rows that passed.
    pub(super) fn push(&mut self, passed: &RecordBatch, account: &mut Booked) -> Result<(), MeasureError> {
        if self.metrics.is_empty() && self.sla.is_empty() {
            return Ok(());
        }
        let published = self.published.as_ref().map(|times| times.rows(passed)).transpose()?;
        let passed = published.as_ref().unwrap_or(passed);
        for metric in &mut self.metrics {
            account.grow(metric.counted.push(passed))?;
        }
        for sla in &mut self.sla {
            sla.measured.push(passed, &self.origins, &self.context);
        }
        Ok(())
    }

    /// What the rules came to over a table of which so many rows came.
    pub(super) fn outcomes(self, table: &str, came: u64) -> Vec<Outcome> {
        let context = self.context;
        let metrics = self.metrics.into_iter().map(|metric| metric.outcome(table, came, &context));
        let sla = self.sla.into_iter().map(|sla| sla.outcome(table, came, &context));
        metrics.chain(sla).collect()
    }
}

impl MetricRule {
    fn outcome(self, table: &str, came: u64, context: &RuleContext) -> Outcome {
        let mut rule = self.rule;
        let (count, rows) = self.counted.finish();
        let found = &mut rule.found;
        (found.rows, found.checked, found.value) = (count, Some(rows), Some(count as f64));
        found.compare(self.limit, count as f64, rows, context.earlier(&rule.spec.id));
        if !self.counts_rows {
            found.skip_without_rows(came, rows);
        }
        rule.outcome(table, came)
    }
}

impl SlaRule {
    /// A service level says itself what it lacks.
    fn outcome(self, table: &str, came: u64, context: &RuleContext) -> Outcome {
        let mut rule = self.rule;
        let measured = self.measured.finish(table, context);
        let found = &mut rule.found;
        (found.holds, found.value, found.checked) = (measured.holds, measured.value, Some(measured.rows));
        found.rows = u64::from(measured.holds == Some(false));
        match measured.said {
            Ok(said) => found.said = Some(said),
            Err(nothing) => found.skipped = Some(nothing.to_owned()),
        }
        rule.outcome(table, came)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::check::RuleResult;
    use crate::check::testing::{CONTRACT, Run, chunk, contract, run};
    use crate::contract::odcs;

    #[test]
    fn metrics_count_the_rows_that_pass_over_all_chunks() {
        let contract = contract(
            "    quality:
      - {metric: rowCount, mustBe: 4}
      - {metric: rowCount, name: enough_rows, mustBeGreaterThan: 4, severity: warning}
      - {metric: duplicateValues, arguments: {properties: [kind]}, mustBe: 1}
",
        );
        let text = CONTRACT.replace("RULES", "").replace(
            "        customProperties: [{property: values, value: [0, 1]}]\n",
            "        quality:
          - {metric: nullValues, mustBe: 1}
          - {metric: nullValues, name: half, unit: percent, mustBeLessThan: 20}
          - {metric: missingValues, arguments: {missingValues: [0, null]}, mustBe: 3}
          - {metric: invalidValues, arguments: {validValues: [0, 1]}, mustBe: 0, customProperties: [{property: onFail, value: block}]}
          - {metric: duplicateValues, mustBeBetween: [0, 2]}
",
        );
        let of_column = Arc::new(odcs::contract(Path::new("stops.odcs.yaml"), &text).unwrap());
        let rows = |contract: &Contract| {
            vec![
                // The second row of a key is held back, so that no metric counts it.
                chunk(contract, &[(Some("a"), Some(0), None, None, None), (Some("a"), Some(9), None, None, None)]),
                chunk(contract, &[(Some("b"), None, None, None, None), (Some("c"), Some(0), None, None, None)]),
                chunk(contract, &[(Some("d"), Some(7), None, None, Some("a"))]),
            ]
        };
        let done = run(&contract, rows(&contract));
        let told = |run: &Run, id: &str| {
            let outcome = run.outcome(id);
            (outcome.rows, outcome.checked, outcome.result, outcome.blocks())
        };
        assert_eq!(told(&done, "stops.rowCount"), (4, 4, RuleResult::Passed, false));
        assert_eq!(told(&done, "stops.enough_rows"), (4, 4, RuleResult::Warning, false));
        assert_eq!(done.outcome("stops.enough_rows").message, "rowCount: 4, must be greater than 4");
        assert_eq!(told(&done, "stops.duplicateValues"), (1, 4, RuleResult::Passed, false));
        let done = run(&of_column, rows(&of_column));
        assert_eq!(told(&done, "stops.kind.nullValues"), (1, 4, RuleResult::Passed, false));
        assert_eq!(told(&done, "stops.half"), (1, 4, RuleResult::Failed, false));
        assert_eq!(done.outcome("stops.half").message, "nullValues: 25 %, must be less than 20 %");
        assert_eq!(done.outcome("stops.half").found_de.as_deref(), Some("25 %, muss kleiner sein als 20 %"));
        assert_eq!(told(&done, "stops.kind.missingValues"), (3, 4, RuleResult::Passed, false));
        assert_eq!(told(&done, "stops.kind.invalidValues"), (1, 4, RuleResult::Failed, true));
        assert_eq!(told(&done, "stops.kind.duplicateValues"), (1, 4, RuleResult::Passed, false));
    }
}
