//! The rules over rows that need no query, in the order of the contract: each a value with its own tally.

use std::sync::Arc;

use arrow_array::Array;

use crate::check::chunk_check::ChunkCheck;
use crate::check::columns::ColumnTest;
use crate::check::gate::Flag;
use crate::check::keys::{ForeignKeyTest, ReferencedKeys, UniqueKey};
use crate::check::memory::Booked;
use crate::check::outcome::{Outcome, SAMPLES, Sample, TableRule};
use crate::check::rules::RuleKind;
use crate::check::verdict::{TableVerdict, Verdict};
use crate::contract::{Contract, EMPTY_ROW, OnFail, TEXT_RULES};
use crate::table::{BudgetExceeded, Chunk, Expected, Flaw};
use crate::text::Text;

/// The rules over rows of a table.
pub(super) struct RowRules(Vec<RowRule>);

struct RowRule {
    rule: TableRule,
    test: RowTest,
}

/// What a rule looks at in a chunk.
enum RowTest {
    /// Rows that could not be taken apart.
    RowLength,
    /// Rows without any value, which the decoder left out.
    EmptyRows,
    /// Values with quotes or with a line end in them.
    Text(TextRemark),
    /// Cells that could not be read. `shows_found`: whether what stood there may be shown.
    Type {
        column: usize,
        shows_found: bool,
    },
    Required {
        column: usize,
    },
    Column {
        column: usize,
        test: ColumnTest,
    },
    Unique(UniqueKey),
    ForeignKey(ForeignKeyTest),
}

#[derive(Clone, Copy)]
enum TextRemark {
    Quotes,
    LineEnds,
}

impl RowTest {
    /// The test of a rule, `None` for one over all rows or one that is a query.
    fn compile(kind: &RuleKind, contract: &Arc<Contract>) -> Option<Self> {
        Some(match kind {
            RuleKind::RowLength => Self::RowLength,
            &RuleKind::Text { rule } if TEXT_RULES[rule].0 == EMPTY_ROW => Self::EmptyRows,
            RuleKind::Text { rule: 0 } => Self::Text(TextRemark::Quotes),
            RuleKind::Text { .. } => Self::Text(TextRemark::LineEnds),
            // What telemetry writes in the place of a time or a number may be anything, also a name.
            &RuleKind::Type { column } => Self::Type { column, shows_found: contract.gtfs_file.is_some() },
            &RuleKind::Required { column } => Self::Required { column },
            RuleKind::Once { columns } => Self::Unique(UniqueKey::new(columns, contract)),
            &RuleKind::ForeignKey { key } => Self::ForeignKey(ForeignKeyTest::new(contract.clone(), key)),
            kind => {
                let (column, test) = ColumnTest::compile(kind, contract)?;
                Self::Column { column, test }
            }
        })
    }

    fn check(&mut self, rule: &mut TableRule, chunk: &mut ChunkCheck<'_>) -> Result<(), BudgetExceeded> {
        match self {
            Self::RowLength => torn_rows(rule, chunk),
            Self::EmptyRows => empty_rows(rule, chunk),
            Self::Text(remark) => text_remarks(*remark, rule, chunk),
            Self::Type { column, shows_found } => unread_cells((*column, *shows_found), rule, chunk),
            Self::Required { column } => absent_cells(*column, rule, chunk),
            Self::Column { column, test } => {
                let rows = &chunk.chunk.rows;
                let offending = test.offending(rows.column(*column));
                chunk.gate.flag_cells(rule, rows, (*column, &offending), &mut chunk.verdict);
            }
            Self::Unique(key) => return key.check(rule, chunk),
            Self::ForeignKey(key) => return key.check(rule, chunk),
        }
        Ok(())
    }
}

fn torn_rows(rule: &mut TableRule, chunk: &mut ChunkCheck<'_>) {
    let torn = chunk.chunk;
    for flaw in torn.flaws.iter().filter(|flaw| flaw.column.is_none()) {
        chunk.flag(rule, Flag { row: flaw.row as usize, column: None, value: Some(flaw.found.clone()) });
    }
}

/// Tells rows that were left out by their lines.
fn empty_rows(rule: &mut TableRule, chunk: &mut ChunkCheck<'_>) {
    let lines = &chunk.chunk.remarks.empty;
    let origins = &chunk.gate.describer.origins;
    rule.found.rows += lines.len() as u64;
    for &row in lines.iter().take(SAMPLES.saturating_sub(rule.found.samples.len())) {
        let origin = origins.first().map_or_else(String::new, |origin| origin.name.clone());
        rule.found.samples.push(Sample { origin, row, column: None, value: None });
    }
}

fn text_remarks(remark: TextRemark, rule: &mut TableRule, chunk: &mut ChunkCheck<'_>) {
    let Chunk { rows, remarks, .. } = chunk.chunk;
    let cells = match remark {
        TextRemark::Quotes => &remarks.quotes,
        TextRemark::LineEnds => &remarks.line_ends,
    };
    let mut last = None;
    for &(row, column) in cells {
        let (row, column) = (row as usize, column as usize);
        if last == Some(row) {
            // A row counts once, however many of its values are so.
            if rule.spec.on_fail == OnFail::Invalidate && !chunk.verdict.torn.contains(&row) {
                chunk.gate.invalidate(rule, row, column, &mut chunk.verdict);
            }
            continue;
        }
        last = Some(row);
        let value = chunk.gate.shown(rule, rows, row, &[column]);
        chunk.flag(rule, Flag { row, column: Some(column), value });
    }
}

fn unread_cells((column, shows_found): (usize, bool), rule: &mut TableRule, chunk: &mut ChunkCheck<'_>) {
    let flaws = &chunk.chunk.flaws;
    for flaw in flaws.iter().filter(|flaw| flaw.column == Some(column as u32)) {
        if let Expected::Mapping(en, de) = flaw.expected {
            let said = || Text::new(format!("expected was {en}"), format!("erwartet war {de}"));
            rule.found.said.get_or_insert_with(said);
        }
        let value = (shows_found && rule.found.wants_sample()).then(|| flaw.found.clone());
        chunk.flag(rule, Flag { row: flaw.row as usize, column: Some(column), value });
    }
}

fn absent_cells(column: usize, rule: &mut TableRule, chunk: &mut ChunkCheck<'_>) {
    let Chunk { rows, flaws, .. } = chunk.chunk;
    let array = rows.column(column);
    if array.null_count() == 0 {
        return;
    }
    // A cell that could not be read was told by the type's rule.
    let is_unread = |row: usize| {
        let of_row = flaws.partition_point(|flaw| (flaw.row as usize) < row);
        let mut of_row = flaws[of_row..].iter().take_while(|flaw: &&Flaw| flaw.row as usize == row);
        of_row.any(|flaw| flaw.column == Some(column as u32))
    };
    for row in (0..rows.num_rows()).filter(|&row| array.is_null(row) && !is_unread(row)) {
        chunk.flag(rule, Flag { row, column: Some(column), value: None });
    }
}

impl RowRules {
    /// Takes the rules over rows from those of a table; gives back the others.
    pub(super) fn compile(rules: Vec<TableRule>, contract: &Arc<Contract>) -> (Self, Vec<TableRule>) {
        let (mut compiled, mut others) = (Vec::new(), Vec::new());
        for rule in rules {
            match RowTest::compile(&rule.spec.kind, contract) {
                Some(test) => compiled.push(RowRule { rule, test }),
                None => others.push(rule),
            }
        }
        (Self(compiled), others)
    }

    /// Checks a chunk, of which the first row that passes will have the place `first` among all that pass.
    pub(super) fn check(&mut self, first: usize, mut chunk: ChunkCheck<'_>) -> Result<Verdict, BudgetExceeded> {
        for RowRule { rule, test } in &mut self.0 {
            test.check(rule, &mut chunk)?;
        }
        for rule in &mut self.0 {
            if let RowTest::ForeignKey(key) = &mut rule.test {
                key.place_rows(first, &chunk.verdict);
            }
        }
        Ok(chunk.verdict)
    }

    /// Answers the keys into the table itself.
    pub(super) fn close_own_keys(
        &mut self,
        own: &ReferencedKeys,
        verdict: &mut TableVerdict,
        account: &mut Booked,
    ) -> Result<(), BudgetExceeded> {
        for RowRule { rule, test } in &mut self.0 {
            if let RowTest::ForeignKey(key) = test {
                key.close(rule, own, verdict, account)?;
            }
        }
        Ok(())
    }

    /// No rows come any more that could have a key again.
    pub(super) fn forget_keys(&mut self, account: &mut Booked) {
        for rule in &mut self.0 {
            if let RowTest::Unique(key) = &mut rule.test {
                account.shrink(key.forget());
            }
        }
    }

    /// What the rules came to over a table of which so many rows came.
    pub(super) fn outcomes(self, table: &str, came: u64) -> Vec<Outcome> {
        let outcomes = self.0.into_iter().map(|RowRule { mut rule, test }| {
            if matches!(test, RowTest::EmptyRows) && rule.found.rows > 0 {
                rule.found.checked = Some(came + rule.found.rows);
            }
            rule.found.skip_without_rows(came, came);
            rule.outcome(table, came)
        });
        outcomes.collect()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use arrow_array::cast::AsArray;
    use arrow_array::types::Float64Type;

    use super::*;
    use crate::check::RuleResult;
    use crate::check::testing::{CONTRACT, chunk, contract, run};
    use crate::contract::odcs;

    #[test]
    fn rows_that_lack_a_required_value_or_repeat_a_key_are_held_back_with_the_rules_ids() {
        let contract = contract("");
        let rows =
            [(Some("a"), None, None, None, None), (None, None, None, None, None), (Some("a"), None, None, None, None)];
        let found = run(&contract, vec![chunk(&contract, &rows), chunk(&contract, &rows[..1])]);
        assert_eq!(found.passed, [Some("a".to_owned())]);
        let rules: Vec<_> = found.held.iter().map(|(_, rules)| rules.join(" ")).collect();
        assert_eq!(rules, ["stops.id.required", "stops.primary_key", "stops.primary_key"]);
        let outcome = found.outcome("stops.primary_key");
        assert_eq!((outcome.result, outcome.rows, outcome.checked), (RuleResult::Failed, 2, 4));
        assert_eq!(outcome.samples[0].row, 4);
    }

    #[test]
    fn a_bad_value_nulls_its_own_cell_and_the_row_lives_on() {
        let contract = contract("");
        let rows = [(Some("a"), Some(7), Some(99.0), None, None), (Some("b"), Some(1), Some(48.5), None, None)];
        let found = run(&contract, vec![chunk(&contract, &rows)]);
        assert_eq!(found.passed.len(), 2);
        let lat = found.passed_rows[0].column(2).as_primitive::<Float64Type>();
        assert_eq!((lat.is_null(0), lat.value(1)), (true, 48.5));
        assert_eq!(found.outcome("stops.lat.range").samples[0].value.as_deref(), Some("99"));
        let kind = found.outcome("stops.kind.enum");
        assert_eq!((kind.result, kind.rows), (RuleResult::Warning, 1));
    }

    #[test]
    fn samples_never_show_a_value_of_a_private_column() {
        let contract = contract("");
        let found = run(&contract, vec![chunk(&contract, &[(Some("a"), None, None, Some("Fahrer 4711"), None)])]);
        let outcome = found.outcome("stops.driver.pattern");
        assert_eq!((outcome.rows, outcome.samples[0].value.as_deref()), (1, None));
        assert!(!serde_json::to_string(&found.outcomes).unwrap().contains("4711"));
    }

    #[test]
    fn exclusive_bounds_steps_and_least_lengths_are_asked() {
        let text = CONTRACT
            .replace("RULES", "")
            .replace("{minimum: -90, maximum: 90}", "{exclusiveMinimum: 0, exclusiveMaximum: 1, multipleOf: 0.1}");
        let text = text.replace("{pattern: '[0-9]+'}", "{minLength: 2, maxLength: 3}");
        let contract = Arc::new(odcs::contract(Path::new("stops.odcs.yaml"), &text).unwrap());
        let row = |id, lat, driver| (Some(id), None, Some(lat), Some(driver), None);
        let rows =
            [row("a", 0.3, "ab"), row("b", 0.0, "a"), row("c", 1.0, "äöü"), row("d", 0.35, "abcd"), row("e", 0.7, "ä")];
        let done = run(&contract, vec![chunk(&contract, &rows)]);
        let named = |id: &str| -> Vec<u64> { done.outcome(id).samples.iter().map(|sample| sample.row).collect() };
        assert_eq!(named("stops.lat.range"), [3, 4, 5]);
        assert_eq!(named("stops.driver.length"), [3, 5, 6]);
        assert_eq!(
            done.outcome("stops.lat.range").message,
            "lat is greater than 0 and less than 1 and a multiple of 0.1"
        );
    }
}
