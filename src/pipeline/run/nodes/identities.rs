//! How the rows of a run's tables are known: by what neither mappings replace nor rules may null on the way there.

use std::collections::{BTreeMap, BTreeSet};

use crate::contract::Contract;
use crate::decode::captures::SOURCE;
use crate::decode::format::Partitioning;
use crate::derive::derivation::DerivationType;
use crate::derive::telemetry;
use crate::pipeline::Pipeline;
use crate::pipeline::graph::{Maker, RunGraph};
use crate::quarantine::nullable;

/// For each table of a graph the columns that may have another value in the next run, of the same evidence.
pub(super) fn ignored(pipeline: &Pipeline, graph: &RunGraph) -> Vec<BTreeSet<String>> {
    let mapped: BTreeSet<String> = pipeline.mappings.keys().cloned().collect();
    // The source of a report stands in the name of its origin.
    let has_source = pipeline.partitioning() == Partitioning::ServiceDay;
    let of_feed = |contract: &Contract| {
        let mut ignored = &mapped | &nullable(contract);
        ignored.extend(has_source.then(|| SOURCE.to_owned()));
        ignored
    };
    let mut all: Vec<BTreeSet<String>> = graph.tables.iter().map(|table| of_feed(&table.contract)).collect();
    // A derivation stands behind what it reads.
    for place in graph.derivations_in_order() {
        let derivation = &graph.derivations[place];
        let before: BTreeMap<usize, BTreeSet<String>> =
            derivation.inputs.iter().map(|(table, input)| (*input, all[*table].clone())).collect();
        for (output, table) in derivation.outputs.iter().enumerate() {
            let contract = &graph.tables[*table].contract;
            all[*table] = match derivation.maker {
                Maker::Telemetry => {
                    let source = derivation.inputs.iter().find(|(_, input)| *input == 0);
                    let source = source.map_or("", |(table, _)| &graph.tables[*table].contract.table);
                    made_of_ignored(source, contract, before.get(&0))
                }
                Maker::Listed(of) => derived_from_ignored(of, output, &before),
            };
            all[*table].extend(nullable(contract));
        }
    }
    all
}

fn made_of_ignored(source: &str, contract: &Contract, ignored: Option<&BTreeSet<String>>) -> BTreeSet<String> {
    let is_ignored = |from: &&str| ignored.is_some_and(|ignored| ignored.contains(*from));
    let columns = contract.columns.iter().map(|column| &column.name);
    columns.filter(|name| telemetry::made_from(source, name).iter().any(is_ignored)).cloned().collect()
}

fn derived_from_ignored(
    of: &dyn DerivationType,
    output: usize,
    ignored: &BTreeMap<usize, BTreeSet<String>>,
) -> BTreeSet<String> {
    let columns = of.outputs().get(output).map_or(&[][..], |output| output.columns);
    let is_ignored = |from: &&str| ignored.values().any(|ignored| ignored.contains(*from));
    columns.iter().filter(|column| column.from.iter().any(is_ignored)).map(|column| column.name.to_owned()).collect()
}
