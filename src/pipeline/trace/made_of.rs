//! The rows that a derived row is made of, as far as its derivation says it.

use crate::derive::derivation::Tables;
use crate::pipeline::Pipeline;
use crate::pipeline::run::follow::follow;
use crate::pipeline::trace::answer::{MadeOf, evidence};
use crate::pipeline::trace::key::Key;
use crate::pipeline::trace::question::{Question, TraceError};
use crate::pipeline::trace::watch::{Watch, Watched};
use crate::time::ServiceDate;

/// Rows of an input that are named.
const NAMED: usize = 3;

/// The rows of the inputs that have the values of the derived row's key in columns of the same names.
pub(super) fn inputs(
    question: &Question<'_>,
    pipeline: &Pipeline,
    date: ServiceDate,
    row: &Watched,
) -> Result<Vec<MadeOf>, TraceError> {
    let derived = pipeline.derived.iter().find_map(|derived| {
        let contract = derived.contracts.iter().find(|contract| contract.table == question.table)?;
        Some((derived.derivation, contract))
    });
    let Some((derivation, contract)) = derived else { return Ok(Vec::new()) };
    let mut made_of = Vec::new();
    for input in derivation.inputs().iter().filter(|input| input.of != Tables::Timetable) {
        // Whoever accounts for the rows of a feed's table is the table of the release that is made of it.
        let account = match input.of {
            Tables::Feed => {
                pipeline.release.iter().flat_map(|release| &release.tables).find(|(_, from)| from == input.table)
            }
            _ => None,
        };
        let table = account.map_or(input.table, |(contract, _)| contract.table.as_str());
        let keys = contract.names(&contract.primary_key);
        let has = |name: &&&str| input.columns.iter().any(|column| column.name == **name);
        let values = keys.iter().filter(has).filter_map(|name| Some(((*name).to_owned(), row.value(name)?.clone())));
        let Some(key) = Key::of_values(values) else { continue };
        let watch = Watch::new(table, key.clone(), NAMED);
        let Some(followed) = follow(question.workspace, pipeline, question.bucket, date, watch)? else { continue };
        let first = followed.watch.rows.iter().map(|watched| evidence(pipeline, &followed, watched));
        made_of.push(MadeOf {
            table: table.to_owned(),
            key: key.to_string(),
            rows: followed.watch.rows.len() as u64 + followed.watch.more,
            first: first.collect(),
        });
    }
    Ok(made_of)
}
