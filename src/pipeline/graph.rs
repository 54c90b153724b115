//! The tables of a run and how they follow from each other.
//!
//! Made of a pipeline before a row is read. Its nodes are the tables of the feed (checked), the derivations, and the tables of the
//! release (checked and written). Rows flow as they come; what must wait is a [`Step`]:
//!
//! | step | comes after |
//! |---|---|
//! | all rows of a feed's table have come | the end of the table in the feed |
//! | a table is finished: rules over all rows run, rows that waited go on | all rows of the table, and of those that its rules ask about, have come |
//! | a derivation is finished | the tables that it reads are finished |
//! | all rows of a release's table have come | the derivation that makes it is finished |
//!
//! So rules of two tables may ask about each other; but no rule of a table may ask about what is derived from it.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::check::context::siblings_of;
use crate::contract::Contract;
use crate::contract::library::Library;
use crate::derive::derivation::{DerivationType, Tables};
use crate::pipeline::config::derived::DerivedTables;
use crate::pipeline::config::release::Release;
use crate::quarantine::Stage;

/// A table of the feed or of the release.
#[derive(Debug)]
pub(crate) struct TableNode {
    pub stage: Stage,
    pub contract: Arc<Contract>,
    /// The derivations that read it, and at which place of their inputs.
    pub readers: Vec<(usize, usize)>,
    /// The tables that its rules ask about.
    asks: Vec<usize>,
    pub made_by: Option<usize>,
    /// The table under whose name its rows are accounted for and kept in quarantine: that of the release which is made of it row
    /// by row, or else itself.
    pub account: usize,
}

/// How a derivation is made.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Maker {
    /// A table of the release of one of the feed, row by row.
    Telemetry,
    Listed(&'static dyn DerivationType),
}

#[derive(Debug)]
pub(crate) struct DerivationNode {
    pub maker: Maker,
    /// The tables that it reads, and at which place of its inputs.
    pub inputs: Vec<(usize, usize)>,
    /// The tables that it makes.
    pub outputs: Vec<usize>,
}

/// What waits for others, by the places of tables and derivations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// All rows of a table have come.
    Complete(usize),
    /// The rules of a table run.
    Finish(usize),
    Derive(usize),
}

/// Rules ask about what is derived from their table.
#[derive(Debug, thiserror::Error)]
#[error("{} wait for each other: a rule asks about a table that is derived from its own", .tables.join(" and "))]
pub(crate) struct Cycle {
    /// `'vehicle_locations'`, sorted.
    pub tables: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct RunGraph {
    pub tables: Vec<TableNode>,
    pub derivations: Vec<DerivationNode>,
    /// All steps, each after those that it waits for.
    order: Vec<Step>,
}

impl RunGraph {
    /// # Errors
    /// Rules ask about what is derived from their table.
    pub(crate) fn of(feed: &Library, release: Option<&Release>, derived: &[DerivedTables]) -> Result<Self, Cycle> {
        let mut graph = Self { tables: Vec::new(), derivations: Vec::new(), order: Vec::new() };
        for contract in feed.contracts.values() {
            graph.add_table(Stage::Feed, contract.clone());
        }
        for (contract, from) in release.iter().flat_map(|release| &release.tables) {
            let to = graph.add_table(Stage::Release, contract.clone());
            let Some(from) = graph.place(Stage::Feed, from) else { continue };
            graph.tables[from].account = to;
            graph.add_derivation(Maker::Telemetry, vec![(from, 0)], vec![to]);
        }
        let outputs: Vec<Vec<usize>> = (derived.iter())
            .map(|derived| derived.contracts.iter().map(|c| graph.add_table(Stage::Release, c.clone())).collect())
            .collect();
        for (derived, outputs) in derived.iter().zip(outputs) {
            let inputs = derived.derivation.inputs().iter().enumerate();
            let inputs = inputs.filter_map(|(place, input)| match input.of {
                Tables::Timetable => None,
                Tables::Feed => Some((graph.place(Stage::Feed, input.table)?, place)),
                Tables::Release => Some((graph.place(Stage::Release, input.table)?, place)),
            });
            let inputs = inputs.collect();
            graph.add_derivation(Maker::Listed(derived.derivation), inputs, outputs);
        }
        graph.ordered()
    }

    fn add_table(&mut self, stage: Stage, contract: Arc<Contract>) -> usize {
        let account = self.tables.len();
        let (readers, asks) = (Vec::new(), Vec::new());
        self.tables.push(TableNode { stage, contract, readers, asks, made_by: None, account });
        account
    }

    fn add_derivation(&mut self, maker: Maker, inputs: Vec<(usize, usize)>, outputs: Vec<usize>) {
        let place = self.derivations.len();
        inputs.iter().for_each(|(table, input)| self.tables[*table].readers.push((place, *input)));
        outputs.iter().for_each(|table| self.tables[*table].made_by = Some(place));
        self.derivations.push(DerivationNode { maker, inputs, outputs });
    }

    /// The place of a table.
    pub(crate) fn place(&self, stage: Stage, table: &str) -> Option<usize> {
        self.tables.iter().position(|node| node.stage == stage && node.contract.table == table)
    }

    /// The tables that one is made of: of one of the feed itself.
    pub(crate) fn made_from(&self, table: usize) -> Vec<String> {
        let Some(derivation) = self.tables[table].made_by else {
            return vec![self.tables[table].contract.table.clone()];
        };
        let inputs = self.derivations[derivation].inputs.iter();
        inputs.map(|(table, _)| self.tables[*table].contract.table.clone()).collect()
    }

    /// The places of the derivations, each after those that make what it reads.
    pub(crate) fn derivations_in_order(&self) -> impl Iterator<Item = usize> {
        self.order.iter().filter_map(|step| if let Step::Derive(place) = step { Some(*place) } else { None })
    }

    /// Finds what each table's rules ask about, and an order.
    fn ordered(mut self) -> Result<Self, Cycle> {
        for place in 0..self.tables.len() {
            let TableNode { stage, contract, .. } = &self.tables[place];
            let asks = siblings_of(contract).into_iter().filter_map(|other| self.place(*stage, other)).collect();
            self.tables[place].asks = asks;
        }
        let mut left: Vec<Step> = self.steps().collect();
        let mut done = vec![false; left.len()];
        while !left.is_empty() {
            let ready = left.iter().position(|step| self.before(*step).iter().all(|step| done[self.index(*step)]));
            let Some(ready) = ready else { return Err(self.cycle(&left)) };
            let step = left.remove(ready);
            done[self.index(step)] = true;
            self.order.push(step);
        }
        Ok(self)
    }

    fn steps(&self) -> impl Iterator<Item = Step> {
        let tables = 0..self.tables.len();
        let finish = tables.clone().map(Step::Finish);
        tables.map(Step::Complete).chain((0..self.derivations.len()).map(Step::Derive)).chain(finish)
    }

    fn index(&self, step: Step) -> usize {
        match step {
            Step::Complete(table) => table,
            Step::Derive(derivation) => self.tables.len() + derivation,
            Step::Finish(table) => self.tables.len() + self.derivations.len() + table,
        }
    }

    /// The steps that one waits for.
    fn before(&self, step: Step) -> Vec<Step> {
        match step {
            Step::Complete(table) => self.tables[table].made_by.map(Step::Derive).into_iter().collect(),
            Step::Finish(table) => {
                let asks = self.tables[table].asks.iter().copied();
                [table].into_iter().chain(asks).map(Step::Complete).collect()
            }
            Step::Derive(derivation) => {
                self.derivations[derivation].inputs.iter().map(|(table, _)| Step::Finish(*table)).collect()
            }
        }
    }

    fn cycle(&self, left: &[Step]) -> Cycle {
        let tables = left.iter().filter_map(|step| match step {
            Step::Finish(table) => Some(format!("'{}'", self.tables[*table].contract.table)),
            _ => None,
        });
        Cycle { tables: tables.collect::<BTreeSet<_>>().into_iter().collect() }
    }

    /// Begins a run. `has_table` says of the feed's tables whether the feed has them, `can_begin` of derivations whether they
    /// have what they need. A derivation none of whose tables is there makes none.
    pub(crate) fn begin(
        &self,
        has_table: impl Fn(&str) -> bool,
        can_begin: impl Fn(&DerivationNode) -> bool,
    ) -> Progress {
        let mut is_absent: Vec<bool> =
            self.tables.iter().map(|table| table.stage == Stage::Feed && !has_table(&table.contract.table)).collect();
        let mut done = vec![false; self.order.len()];
        let mut is_made = vec![true; self.derivations.len()];
        for step in &self.order {
            let Step::Derive(place) = *step else { continue };
            let derivation = &self.derivations[place];
            let mut inputs = derivation.inputs.iter().map(|(table, _)| *table).peekable();
            let has_none = inputs.peek().is_some() && inputs.all(|table| is_absent[table]);
            if has_none || !can_begin(derivation) {
                done[self.index(*step)] = true;
                is_made[place] = false;
                derivation.outputs.iter().for_each(|table| is_absent[*table] = true);
            }
        }
        for table in (0..self.tables.len()).filter(|table| is_absent[*table]) {
            done[self.index(Step::Complete(table))] = true;
            done[self.index(Step::Finish(table))] = true;
        }
        Progress { done, is_made }
    }
}

/// How far a run has come.
pub(crate) struct Progress {
    /// By the place of the step in the graph.
    done: Vec<bool>,
    /// By derivation.
    is_made: Vec<bool>,
}

impl Progress {
    /// All rows of a feed's table have come.
    pub(crate) fn complete(&mut self, graph: &RunGraph, table: usize) {
        self.done[graph.index(Step::Complete(table))] = true;
    }

    /// The next table to finish or derivation to end, which counts as done. Called again until there is none.
    pub(crate) fn next(&mut self, graph: &RunGraph) -> Option<Step> {
        for step in &graph.order {
            let is_ready = !self.done[graph.index(*step)]
                && graph.before(*step).iter().all(|before| self.done[graph.index(*before)]);
            match step {
                // That of a feed's table is told from outside.
                Step::Complete(table) if is_ready && graph.tables[*table].made_by.is_some() => {
                    self.done[graph.index(*step)] = true;
                }
                Step::Finish(_) | Step::Derive(_) if is_ready => {
                    self.done[graph.index(*step)] = true;
                    return Some(*step);
                }
                _ => {}
            }
        }
        None
    }

    /// Whether a derivation takes part in the run.
    pub(crate) fn is_made(&self, derivation: usize) -> bool {
        self.is_made[derivation]
    }

    /// A table that has not come to its end.
    pub(crate) fn waits<'a>(&self, graph: &'a RunGraph) -> Option<&'a TableNode> {
        let waits = |table: &usize| !self.done[graph.index(Step::Finish(*table))];
        (0..graph.tables.len()).find(waits).map(|table| &graph.tables[table])
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::contract::odcs;

    /// A contract with a rule that asks about these tables.
    fn contract(table: &str, asks: &[&str]) -> Arc<Contract> {
        let rules: String = asks
            .iter()
            .map(|other| {
                format!(
                    "      - {{name: asks_{other}, type: custom, engine: fahrtenbuch, implementation: 'SELECT a._index FROM \
                     {table} AS a ANTI JOIN {other} AS b ON a.id = b.id'}}\n"
                )
            })
            .collect();
        let quality = if asks.is_empty() { String::new() } else { format!("    quality:\n{rules}") };
        let text = format!(
            "apiVersion: v3.1.0\nkind: DataContract\nid: {table}\nversion: 1.0.0\nstatus: active\nschema:\n  - name: {table}\n    \
             logicalType: object\n    physicalType: table\n    properties:\n      - {{name: id, logicalType: string}}\n{quality}"
        );
        Arc::new(odcs::contract(Path::new("t.odcs.yaml"), &text).unwrap())
    }

    /// Two feed tables that become `a` and `b` row by row, and `c` that is derived from both; the tables that the rules of each
    /// ask about.
    fn graph(a: &[&str], b: &[&str], c: &[&str]) -> Result<RunGraph, Cycle> {
        let mut graph = RunGraph { tables: Vec::new(), derivations: Vec::new(), order: Vec::new() };
        let feed: Vec<usize> = ["x", "y"].map(|table| graph.add_table(Stage::Feed, contract(table, &[]))).to_vec();
        let release = [("a", a), ("b", b), ("c", c)];
        let release = release.map(|(table, asks)| graph.add_table(Stage::Release, contract(table, asks)));
        for (from, to) in feed.iter().zip(release) {
            graph.tables[*from].account = to;
            graph.add_derivation(Maker::Telemetry, vec![(*from, 0)], vec![to]);
        }
        graph.add_derivation(Maker::Telemetry, vec![(release[0], 0), (release[1], 2)], vec![release[2]]);
        graph.ordered()
    }

    /// The tables and derivations of all steps that follow from the end of feed tables, in these turns.
    fn run(graph: &RunGraph, ends: &[&str]) -> Vec<Vec<String>> {
        let mut progress = graph.begin(|_| true, |_| true);
        let name = |table: usize| graph.tables[table].contract.table.clone();
        let told = |step: Step| match step {
            Step::Derive(place) => format!("derive {}", name(graph.derivations[place].outputs[0])),
            Step::Finish(table) | Step::Complete(table) => name(table),
        };
        let steps = ends.iter().map(|end| {
            progress.complete(graph, graph.place(Stage::Feed, end).unwrap());
            std::iter::from_fn(|| progress.next(graph)).map(told).collect()
        });
        let steps = steps.collect();
        assert!(progress.waits(graph).is_none());
        steps
    }

    #[test]
    fn a_table_is_derived_once_what_it_is_derived_from_is_finished() {
        let graph = graph(&[], &[], &[]).unwrap();
        let expected = [vec!["x", "derive a", "a"], vec!["y", "derive b", "b", "derive c", "c"]];
        assert_eq!(run(&graph, &["x", "y"]), expected);
        assert_eq!(graph.tables[0].account, graph.place(Stage::Release, "a").unwrap());
        assert_eq!(graph.tables[2].readers, [(2, 0)]);
        assert_eq!(graph.tables[3].readers, [(2, 2)]);
    }

    #[test]
    fn tables_whose_rules_ask_about_each_other_wait_until_all_rows_of_both_have_come() {
        let graph = graph(&["b"], &["a"], &["a"]).unwrap();
        let expected = [vec!["x", "derive a"], vec!["y", "derive b", "a", "b", "derive c", "c"]];
        assert_eq!(run(&graph, &["x", "y"]), expected);
    }

    #[test]
    fn a_rule_about_what_is_derived_from_its_table_is_a_cycle() {
        let error = graph(&["c"], &[], &[]).unwrap_err();
        assert_eq!(error.tables, ["'a'", "'c'"]);
        assert!(error.to_string().contains("derived from its own"), "{error}");
    }

    #[test]
    fn a_table_that_the_feed_lacks_keeps_nobody_waiting_and_nothing_is_derived_from_nothing() {
        let graph = graph(&["b"], &[], &[]).unwrap();
        // The tables of the release that are made, once the feed's table 'x' has ended.
        let made = |feed: &[&str], has_timetable: bool| {
            let listed = |derivation: &DerivationNode| derivation.inputs.len() == 2;
            let mut progress = graph.begin(|table| feed.contains(&table), |d| has_timetable || !listed(d));
            feed.iter().for_each(|table| progress.complete(&graph, graph.place(Stage::Feed, table).unwrap()));
            let mut made = Vec::new();
            while let Some(step) = progress.next(&graph) {
                if let Step::Derive(place) = step {
                    made.push(graph.tables[graph.derivations[place].outputs[0]].contract.table.clone());
                }
            }
            assert!(progress.waits(&graph).is_none());
            assert_eq!((0..graph.derivations.len()).filter(|place| progress.is_made(*place)).count(), made.len());
            made
        };
        assert_eq!(made(&["x"], true), ["a", "c"]);
        assert_eq!(made(&[], true), [""; 0]);
        assert_eq!(made(&["x", "y"], false), ["a", "b"]);
        let waiting = self::graph(&["b"], &[], &[]).unwrap();
        let progress = waiting.begin(|_| true, |_| true);
        assert_eq!(progress.waits(&waiting).map(|table| table.contract.table.as_str()), Some("x"));
    }
}
