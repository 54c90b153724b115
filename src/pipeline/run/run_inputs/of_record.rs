//! What the rules of a run looked at beside its evidence, as its record names it.

use std::collections::BTreeMap;

use crate::capture::evidence::{Entry, Store};
use crate::check::context::timetable_needs;
use crate::check::timetable;
use crate::contract::RuleId;
use crate::ledger::{Input, RunRecord};
use crate::pipeline::Pipeline;
use crate::pipeline::run::evidence::date_of;
use crate::pipeline::run::run_inputs::{FoundTimetable, RunInputs};
use crate::publish::index::IndexFile;
use crate::time::ServiceDate;
use crate::workspace::Workspace;

/// The timetable that a record names, where its capture is.
pub(in crate::pipeline::run) struct RecordedTimetable<'a> {
    pub pipeline: &'a Pipeline,
    pub source: String,
    pub store: Store,
    pub entry: Entry,
}

impl RunInputs {
    /// As the record of a run has it; `previous` are the files of partitions before that it names and that are there.
    pub(in crate::pipeline::run) fn of_record(
        workspace: &Workspace,
        pipeline: &Pipeline,
        record: &RunRecord,
        timetable: Option<RecordedTimetable<'_>>,
        previous: BTreeMap<String, IndexFile>,
    ) -> Self {
        let needs = timetable_needs(pipeline.all_contracts(), &timetable::contracts());
        let mut inputs = Self { needs, previous, ..Self::default() };
        // Whether a pipeline of the timetable was there when the run was made, only its use tells.
        if let Some(RecordedTimetable { pipeline: other, source, store, entry }) = timetable {
            inputs.need_timetable(pipeline, record.date);
            inputs.timetable = Some(FoundTimetable {
                source,
                dataset: other.dataset.clone(),
                partition: date_of(workspace, other, entry.captured_at),
                store,
                is_late: entry.captured_at >= record.date.plus_days(1).zero(&workspace.zone),
                entry,
                decoder: other.decoder.clone(),
            });
        }
        for input in &record.inputs.rules {
            let Some(value) = input.value.as_deref() else { continue };
            match input.kind.as_str() {
                "oldest" => inputs.oldest.extend(value.parse().ok().map(|date| (input.name.clone(), date))),
                "history" => inputs.add_history(pipeline, input, value),
                _ => {}
            }
        }
        inputs
    }

    fn add_history(&mut self, pipeline: &Pipeline, input: &Input, value: &str) {
        // The ids of contracts and of rules may both have a slash.
        let of = |id: &str| input.name.strip_prefix(id)?.strip_prefix('/').map(str::to_owned);
        let found = pipeline.all_contracts().find_map(|contract| Some((contract.id.clone(), of(&contract.id)?)));
        let Some((contract, rule)) = found else { return };
        let point = |point: &str| {
            let (date, value) = point.split_once('=')?;
            Some((date.parse::<ServiceDate>().ok()?, value.parse::<f64>().ok()?))
        };
        let values = value.split(' ').filter_map(point).collect();
        self.history.entry(contract).or_default().insert(RuleId(rule), values);
    }
}
