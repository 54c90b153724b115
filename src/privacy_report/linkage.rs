//! How far vehicles can be followed in the files that are published, over the last dates, and what of it is more than chance.

use std::collections::{HashMap, HashSet};

use arrow_array::Array;
use arrow_array::cast::AsArray;
use serde::Serialize;

use crate::contract::Contract;
use crate::derive::privacy::step::Scope;
use crate::pipeline::Pipeline;
use crate::pipeline::run::RunError;
use crate::pipeline::run::vehicles_behind::vehicles_behind;
use crate::privacy_report::attack::{self, Attack, Track, Truth};
use crate::privacy_report::day::{self, Day};
use crate::publish;
use crate::publish::bucket::Bucket;
use crate::publish::index;
use crate::time::ServiceDate;
use crate::workspace::Workspace;

/// The linkage of vehicles in a table.
#[derive(Debug, Serialize)]
pub(crate) struct Linkage {
    pub table: String,
    pub days: Vec<DayReport>,
    /// From each date to the one after it.
    pub nights: Vec<Night>,
    /// Over all nights: by the place in the evening and in the morning, and by the trips of both days.
    pub by_place: Attack,
    pub by_trips: Attack,
    /// From pseudonym to pseudonym within a day, where they change then; over all days.
    pub within_day: Option<Attack>,
    /// Rows that say on which line they are, and those that are the only vehicle of their line and hour.
    pub rows_on_lines: u64,
    pub rows_alone: u64,
}

/// A date.
#[derive(Debug, Serialize)]
pub(crate) struct DayReport {
    pub date: ServiceDate,
    pub rows: u64,
    /// Pseudonyms of which there is a position.
    pub pseudonyms: u64,
    /// Whether the evidence and the key are there that tell who they are.
    pub is_known: bool,
}

/// A date and the next one.
#[derive(Debug, Serialize)]
pub(crate) struct Night {
    pub from: ServiceDate,
    pub to: ServiceDate,
    pub by_place: Attack,
    pub by_trips: Attack,
}

/// A date as outsiders see it, and who the vehicles are.
struct Known {
    date: ServiceDate,
    day: Day,
    truth: Option<Truth>,
    /// What an attack within the day came to, and the places of the pseudonyms that it links to no later one, and to no earlier one.
    within_day: Option<Attack>,
    last: Vec<usize>,
    first: Vec<usize>,
}

impl Known {
    fn of(date: ServiceDate, day: Day, truth: Option<Truth>, changes: bool) -> Self {
        let all = || 0..day.tracks.len();
        let tracks: Vec<&Track> = day.tracks.iter().collect();
        let (mut last, mut first, mut within_day) = (all().collect(), all().collect(), None);
        if changes {
            let links = attack::within_day(&tracks);
            within_day = Some(attack::of_day(&links, &tracks, truth.as_ref()));
            // Who follows a bus through the day looks for its last pseudonym in the evening, and for its first in the morning.
            let (from, to): (HashSet<usize>, HashSet<usize>) = links.into_iter().unzip();
            last = all().filter(|place| !from.contains(place)).collect();
            first = all().filter(|place| !to.contains(place)).collect();
        }
        Self { date, day, truth, within_day, last, first }
    }
}

/// The linkage in all tables of a pipeline that tell where vehicles were.
pub(super) fn of_pipeline(
    workspace: &Workspace,
    pipeline: &Pipeline,
    bucket: &Bucket,
    days: usize,
) -> Result<Vec<Linkage>, RunError> {
    let Some(release) = &pipeline.release else { return Ok(Vec::new()) };
    let is_public = |contract: &Contract, name: &str| contract.public_columns().any(|(_, column)| column.name == name);
    let tells = |contract: &Contract| day::NEEDED.iter().all(|name| is_public(contract, name));
    let tables = release.tables.iter().map(|(contract, _)| contract).filter(|contract| tells(contract));
    let mut found = Vec::new();
    for contract in tables {
        let lines = match is_public(contract, "route_id") {
            true => HashMap::new(),
            false => lines(workspace, pipeline, bucket)?,
        };
        found.extend(of_table(workspace, pipeline, (bucket, &contract.table), &lines, days)?);
    }
    Ok(found)
}

fn of_table(
    workspace: &Workspace,
    pipeline: &Pipeline,
    (bucket, table): (&Bucket, &str),
    lines: &HashMap<String, String>,
    days: usize,
) -> Result<Option<Linkage>, RunError> {
    let Some(index) = index::current(bucket, &pipeline.dataset, table)? else { return Ok(None) };
    let mut linkage = Linkage {
        table: table.to_owned(),
        days: Vec::new(),
        nights: Vec::new(),
        by_place: Attack::default(),
        by_trips: Attack::default(),
        within_day: None,
        rows_on_lines: 0,
        rows_alone: 0,
    };
    let mut before: Option<Known> = None;
    let changes = pipeline.release.as_ref().is_some_and(|release| release.privacy.pseudonyms != Scope::Day);
    let mut within = Vec::new();
    let first = index.files.len().saturating_sub(days);
    for file in &index.files[first..] {
        let day = read(workspace, bucket, &file.path, lines)?;
        let truth = vehicles_behind(workspace, pipeline, file.partition_date, bucket)?;
        linkage.rows_on_lines += day.on_line;
        linkage.rows_alone += day.alone;
        linkage.days.push(DayReport {
            date: file.partition_date,
            rows: day.rows,
            pseudonyms: day.tracks.len() as u64,
            is_known: truth.is_some(),
        });
        let known = Known::of(file.partition_date, day, truth, changes);
        within.extend(known.within_day.clone());
        if let Some(before) = before.filter(|before| before.date.plus_days(1) == known.date) {
            linkage.nights.push(night(&before, &known));
        }
        before = Some(known);
    }
    linkage.within_day = changes.then(|| sum(within.iter()));
    linkage.by_place = sum(linkage.nights.iter().map(|night| &night.by_place));
    linkage.by_trips = sum(linkage.nights.iter().map(|night| &night.by_trips));
    Ok(Some(linkage))
}

fn night<'a>(evening: &'a Known, morning: &'a Known) -> Night {
    let tracks = |known: &'a Known, places: &[usize]| -> Vec<&'a Track> {
        places.iter().map(|place| &known.day.tracks[*place]).collect()
    };
    let (one, other) = (tracks(evening, &evening.last), tracks(morning, &morning.first));
    let all = [evening, morning].map(|known| known.day.tracks.iter().collect::<Vec<_>>());
    let truth = evening.truth.as_ref().zip(morning.truth.as_ref()).map(|(one, other)| [one, other]);
    Night {
        from: evening.date,
        to: morning.date,
        by_place: attack::between_days(&attack::by_place(&one, &other), [&one, &other], truth),
        by_trips: attack::between_days(&attack::by_trips(&all[0], &all[1]), [&all[0], &all[1]], truth),
    }
}

/// Of all nights together; where nobody knows who was who in one of them, that one counts for the claims alone.
fn sum<'a>(attacks: impl Iterator<Item = &'a Attack>) -> Attack {
    attacks.fold(Attack::default(), |sum, one| {
        fn add<T: std::ops::Add<Output = T>>(one: Option<T>, other: Option<T>) -> Option<T> {
            match (one, other) {
                (Some(one), Some(other)) => Some(one + other),
                (one, other) => one.or(other),
            }
        }
        Attack {
            claimed: sum.claimed + one.claimed,
            right: add(sum.right, one.right),
            possible: add(sum.possible, one.possible),
            by_chance: add(sum.by_chance, one.by_chance),
        }
    })
}

/// Reads a published file, through a copy if the bucket is elsewhere.
fn read(workspace: &Workspace, bucket: &Bucket, key: &str, lines: &HashMap<String, String>) -> Result<Day, RunError> {
    let staging = workspace.private.join("staging");
    let copy = staging.join(format!("privacy-report-{}.parquet", std::process::id()));
    if bucket.folder().is_none() {
        crate::durable::create_dir_all(&staging).map_err(|error| RunError::private(&staging, "made", &error))?;
    }
    let file = index::open_named(bucket, key, &copy);
    // What is open can be read to its end.
    let removed = match bucket.folder() {
        None => std::fs::remove_file(&copy),
        Some(_) => Ok(()),
    };
    let day = day::read(file?, lines);
    removed.map_err(|error| RunError::private(&copy, "removed", &error))?;
    day.map_err(|error| publish::PublishError::Damaged { key: key.to_owned(), problem: error.to_string() }.into())
}

/// The line of each trip, by the timetable that is published.
fn lines(workspace: &Workspace, pipeline: &Pipeline, bucket: &Bucket) -> Result<HashMap<String, String>, RunError> {
    let timetable = pipeline.timetable.as_ref().map(|(name, _)| name);
    let timetable = workspace.pipelines.iter().find(|other| Some(&other.name) == timetable);
    let Some(timetable) = timetable else { return Ok(HashMap::new()) };
    let index = index::current(bucket, &timetable.dataset, "trips")?;
    let Some(file) = index.as_ref().and_then(|index| index.files.last()) else { return Ok(HashMap::new()) };
    let Some(bytes) = bucket.get(&file.path)? else { return Ok(HashMap::new()) };
    let rows = publish::parquet::rows(bytes)
        .map_err(|error| publish::PublishError::Damaged { key: file.path.clone(), problem: error.to_string() })?;
    let column = |name: &str| rows.column_by_name(name)?.as_string_opt::<i32>();
    let (Some(trips), Some(routes)) = (column("trip_id"), column("route_id")) else { return Ok(HashMap::new()) };
    let is_there = |row: &usize| trips.is_valid(*row) && routes.is_valid(*row);
    let line = |row: usize| (trips.value(row).to_owned(), routes.value(row).to_owned());
    Ok((0..rows.num_rows()).filter(is_there).map(line).collect())
}
