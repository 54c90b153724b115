//! Whether the files of a workspace have what they need of each other: pipelines, contracts and the configuration.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::check::sql::dry_run::{self, Lack};
use crate::contract::library::Library;
use crate::pipeline::{Pipeline, Schedule, Trigger};
use crate::yaml::{self, Problem, Problems};

/// A query that needs something that the workspace does not give it.
pub(super) struct Lacking {
    lack: Lack,
    /// The rule or the view.
    what: String,
    contract: PathBuf,
    line: u32,
}

/// Asks the queries of a folder's contracts over tables without rows.
pub(super) fn queries(
    library: &Library,
    pipelines: &[Pipeline],
    has_area: bool,
    lacks: &mut Vec<Lacking>,
) -> Vec<Problem> {
    let gtfs = Arc::new(Library::gtfs());
    let mut found = Vec::new();
    for contract in library.contracts.values() {
        let uses = |library: &Library| library.get(&contract.table).is_some_and(|other| other.file == contract.file);
        let users = || {
            pipelines.iter().filter(|pipeline| {
                uses(&pipeline.contracts) || pipeline.released().iter().any(|other| other.file == contract.file)
            })
        };
        // The queries of others may be in the dialect of another program.
        if !contract.is_ours && users().next().is_none() {
            continue;
        }
        let place = dry_run::Place {
            siblings: library,
            gtfs: gtfs.clone(),
            has_timetable: users().all(|pipeline| pipeline.timetable.is_some()),
            is_timetable: users().any(|pipeline| pipeline.is_timetable()),
            has_area,
            // Contracts that nothing uses yet are taken to be released.
            is_released: users().next().is_none()
                || users().any(|p| p.released().iter().any(|other| other.file == contract.file)),
        };
        let mut problems = Problems::new(&contract.file);
        let dry_run = dry_run::dry_run(contract, &place);
        for mistake in dry_run.mistakes {
            problems.add(mistake.line, mistake.message, mistake.remedy);
        }
        let of_contract = |(lack, what, line)| Lacking { lack, what, contract: contract.file.clone(), line };
        lacks.extend(dry_run.lacks.into_iter().map(of_contract));
        found.append(&mut problems.found);
    }
    found
}

/// What queries lack, told once and where it has to be written.
pub(super) fn lacking(root: &Path, workspace: (&Path, u32), pipelines: &[Pipeline], lacks: &[Lacking]) -> Vec<Problem> {
    let shown = |of: &[&Lacking]| {
        let first = of.first()?;
        let file = first.contract.strip_prefix(root).unwrap_or(&first.contract).display();
        let others = match of.len() - 1 {
            0 => String::new(),
            1 => " and another query".to_owned(),
            many => format!(" and {many} other queries"),
        };
        Some((
            format!("{} ({file}:{}){others}", first.what, first.line),
            if others.is_empty() { "needs" } else { "need" },
        ))
    };
    let mut found = Vec::new();
    let area: Vec<&Lacking> = lacks.iter().filter(|lacking| lacking.lack == Lack::Area).collect();
    if let Some((queries, need)) = shown(&area) {
        let mut problems = Problems::new(workspace.0);
        let remedy = "Add 'service_area: [south, west, north, east]' here.";
        problems.add(workspace.1, format!("{queries} {need} the service area, which is missing"), remedy);
        found.append(&mut problems.found);
    }
    let timetable = pipelines.iter().find(|pipeline| pipeline.is_timetable());
    for pipeline in pipelines.iter().filter(|pipeline| pipeline.timetable.is_none()) {
        let is_its = |lacking: &&Lacking| {
            lacking.lack == Lack::Timetable && pipeline.all_contracts().any(|other| other.file == lacking.contract)
        };
        let of_pipeline: Vec<&Lacking> = lacks.iter().filter(is_its).collect();
        let Some((queries, need)) = shown(&of_pipeline) else { continue };
        let mut problems = Problems::new(&pipeline.file);
        let remedy = match timetable {
            Some(timetable) => format!("Add 'timetable: {}' here.", timetable.name),
            None => "Make a pipeline of a timetable, and add 'timetable: <its name>' here.".to_owned(),
        };
        problems.add(pipeline.line, format!("{queries} {need} a timetable, and the pipeline names none"), remedy);
        found.append(&mut problems.found);
    }
    found
}

/// Two pipelines with one dataset would overwrite each other's reports and quarantine.
pub(super) fn datasets(pipelines: &[Pipeline]) -> Vec<Problem> {
    let mut found = Vec::new();
    for (place, pipeline) in pipelines.iter().enumerate() {
        let Some(first) = pipelines[..place].iter().find(|other| other.dataset == pipeline.dataset) else { continue };
        let mut problems = Problems::new(&pipeline.file);
        let other = first.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let message = format!("the dataset '{}' is that of {other}, too", pipeline.dataset);
        problems.add(pipeline.dataset_line, message, "Give each pipeline a 'dataset' of its own.");
        found.append(&mut problems.found);
    }
    found
}

/// Whether each pipeline that names a timetable names one. Those with mistakes of their own are `unread`.
pub(super) fn timetables(pipelines: &[Pipeline], unread: &[String]) -> Vec<Problem> {
    let mut found = Vec::new();
    for pipeline in pipelines {
        let Some((name, line)) = &pipeline.timetable else { continue };
        let mut problems = Problems::new(&pipeline.file);
        let known: Vec<&str> =
            pipelines.iter().filter(|other| other.is_timetable()).map(|other| other.name.as_str()).collect();
        if !known.contains(&name.as_str()) && !unread.contains(name) {
            let remedy = crate::yaml::suggestion(name, &known);
            problems.add(*line, format!("there is no pipeline of a timetable with the name '{name}'"), remedy);
        }
        found.append(&mut problems.found);
    }
    found
}

/// What is run after another pipeline must find it, with times of its own at the end of the line.
pub(super) fn schedules(pipelines: &[Pipeline], unread: &[String]) -> Vec<Problem> {
    let after = |name: &str| {
        let pipeline = pipelines.iter().find(|pipeline| pipeline.name == name)?;
        match &pipeline.schedule {
            Some(Schedule { trigger: Trigger::After(other), line, .. }) => Some((pipeline, other, *line)),
            _ => None,
        }
    };
    let scheduled: Vec<&str> = pipelines.iter().filter(|p| p.schedule.is_some()).map(|p| p.name.as_str()).collect();
    let mut found = Vec::new();
    for (pipeline, other, line) in pipelines.iter().filter_map(|pipeline| after(&pipeline.name)) {
        let mut problems = Problems::new(&pipeline.file);
        if !pipelines.iter().any(|pipeline| pipeline.name == *other) {
            if !unread.contains(other) {
                let message = format!("'after' names '{other}', and there is no such pipeline");
                problems.add(line, message, yaml::suggestion(other, &scheduled));
            }
        } else if !scheduled.contains(&other.as_str()) {
            let message = format!("'after' names '{other}', which has no 'schedule'");
            problems.add(line, message, "Give that pipeline a schedule, or this one times of its own.");
        } else {
            let mut seen = vec![pipeline.name.as_str()];
            let mut next = other.as_str();
            while let Some((_, other, _)) = after(next).filter(|_| !seen.contains(&next)) {
                seen.push(next);
                next = other;
            }
            if seen.contains(&next) {
                let message = format!("'after: {other}' leads back to '{next}': nothing would ever begin");
                problems.add(line, message, "Give one of these pipelines times of its own.");
            }
        }
        found.append(&mut problems.found);
    }
    found
}

/// The same of a workspace that is used with its mistakes: what names a pipeline that cannot be followed has no times.
pub(super) fn mark_without_times(pipelines: &mut [Pipeline], unread: &[String]) -> Vec<Problem> {
    let found = schedules(pipelines, unread);
    for pipeline in pipelines {
        let Some(schedule) = &mut pipeline.schedule else { continue };
        if let Trigger::After(other) = &schedule.trigger
            && (unread.contains(other) || found.iter().any(|problem| problem.file == pipeline.file))
        {
            schedule.trigger = Trigger::Nowhere(other.clone());
        }
    }
    found
}
