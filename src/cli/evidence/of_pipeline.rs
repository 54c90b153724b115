//! What the commands share: what a capture is to its pipeline, and how they speak.

use std::path::Path;

use jiff::Timestamp;

use crate::capture::payload::Wanted;
use crate::cli::exit::Exit;
use crate::pipeline::{Format, Pipeline};
use crate::time::{ServiceDate, ServiceDay};
use crate::workspace::Workspace;

/// What a pipeline's decoder wants of a capture.
pub fn wanted(pipeline: &Pipeline) -> Wanted {
    match pipeline.format {
        Format::Gtfs => Wanted::Timetable,
        Format::GtfsRealtime { .. } => Wanted::Message,
    }
}

/// The date of whose partition a capture is evidence first.
pub fn date_of(workspace: &Workspace, pipeline: &Pipeline, at: Timestamp) -> ServiceDate {
    match pipeline.format {
        Format::Gtfs => ServiceDate::local_date_of(at, &workspace.zone),
        Format::GtfsRealtime { .. } => ServiceDay::of(at, &workspace.zone).date,
    }
}

pub fn usage(message: &str) -> Exit {
    eprintln!("error: {message}");
    Exit::Usage
}

/// The command's name for the same workspace.
pub fn program(workspace: &Workspace) -> String {
    match workspace.root == Path::new(".") {
        true => "fahrtenbuch".to_owned(),
        false => format!("fahrtenbuch -C {}", workspace.root.display()),
    }
}
