//! What is looked up in the bucket: how long timetables go, and scores. Once for each file.

use std::collections::BTreeMap;

use jiff::Timestamp;
use parquet::file::reader::{ChunkReader, FileReader, SerializedFileReader};
use parquet::file::statistics::Statistics;

use super::journals::{Journals, Runs};
use super::known::{Known, cause};
use super::quality::dates_of_scores;
use crate::notify::{Cause, Trouble};
use crate::publish::bucket::Bucket;
use crate::report::results;
use crate::time::ServiceDate;

/// Days that a timetable must go on for.
const DAYS: i32 = 14;
/// The tables and columns that say how long it goes: until the latest of these …
const CALENDARS: &[(&str, &str)] = &[("calendar", "end_date"), ("calendar_dates", "date")];
/// … or until this, if it is earlier.
const FEED_END: (&str, &str) = ("feed_info", "feed_end_date");

/// A date and when its run was prepared.
type Released = (ServiceDate, Timestamp);

/// What is remembered of the bucket.
#[derive(Default)]
pub(super) struct Releases {
    /// The last date in a file, by its path.
    last_days: BTreeMap<String, Option<ServiceDate>>,
    /// By dataset: of which runs, and the score of each.
    scores: BTreeMap<String, (Vec<Released>, BTreeMap<ServiceDate, f64>)>,
}

/// The last day of a timetable, and when it was released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LastDay {
    pub day: ServiceDate,
    pub released: Timestamp,
}

/// Opens the bucket when it is needed, once for a look.
struct Opening<'a> {
    known: &'a Known<'a>,
    bucket: Option<Option<Bucket>>,
}

impl Opening<'_> {
    fn bucket(&mut self) -> Option<&Bucket> {
        let workspace = self.known.workspace;
        let open = || Bucket::open(&workspace.bucket, &workspace.bucket_options).ok();
        self.bucket.get_or_insert_with(open).as_ref()
    }

    /// Inner `None` if the column has no date; outer if the file cannot be read now.
    fn last_date(&mut self, path: &str, column: &str) -> Option<Option<ServiceDate>> {
        let bucket = self.bucket()?;
        match bucket.folder() {
            Some(folder) => last_date(crate::durable::open_to_read(&folder.join(path)).ok()?, column),
            None => last_date(bucket.get(path).ok()??, column),
        }
    }
}

impl Releases {
    /// Looks up what is not known. What cannot be read is looked up at the next look.
    pub(super) fn look(&mut self, known: &Known<'_>, journals: &Journals) {
        let mut opening = Opening { known, bucket: None };
        let mut last_days = BTreeMap::new();
        for pipeline in &known.workspace.pipelines {
            let runs = journals.of(&pipeline.name);
            if pipeline.is_timetable() {
                for (path, column) in files_of_calendar(runs) {
                    let known = self.last_days.get(&path).copied().or_else(|| opening.last_date(&path, column));
                    last_days.extend(known.map(|day| (path, day)));
                }
            }
            let of: Vec<(ServiceDate, Timestamp)> = dates_of_scores(runs)
                .into_iter()
                .filter_map(|date| Some((date, runs.get(&date)?.prepared_at)))
                .collect();
            if self.scores.get(&pipeline.dataset).is_some_and(|(known, _)| *known == of) {
                continue;
            }
            let dates: Vec<ServiceDate> = of.iter().map(|(date, _)| *date).collect();
            let read = |bucket: &Bucket| results::read(bucket, &pipeline.dataset, &dates).ok();
            if let Some(found) = opening.bucket().and_then(read) {
                let scores = found.into_iter().filter_map(|quality| Some((quality.date, quality.score.dataset?)));
                self.scores.insert(pipeline.dataset.clone(), (of, scores.collect()));
            }
        }
        self.last_days = last_days;
    }

    /// The scores of the newest complete dates; nothing if that of the newest is not known.
    pub(super) fn scores(&self, dataset: &str) -> Option<&BTreeMap<ServiceDate, f64>> {
        let (of, scores) = self.scores.get(dataset)?;
        let newest = of.last()?;
        scores.contains_key(&newest.0).then_some(scores)
    }

    /// How long the newest timetable goes that was released.
    pub(super) fn last_day(&self, runs: &Runs) -> Option<LastDay> {
        let released = runs.values().rev().find(|run| run.is_released())?.prepared_at;
        let of = |table: &str| {
            let files = files_of_calendar(runs).into_iter().filter(|(path, _)| table_of(runs, path) == Some(table));
            files.filter_map(|(path, _)| self.last_days.get(&path).copied().flatten()).max()
        };
        let last = CALENDARS.iter().filter_map(|(table, _)| of(table)).max()?;
        let day = of(FEED_END.0).map_or(last, |end| end.min(last));
        Some(LastDay { day, released })
    }
}

/// The files of the newest released timetable that say how long it goes, and the column of each that does.
fn files_of_calendar(runs: &Runs) -> Vec<(String, &'static str)> {
    let Some(run) = runs.values().rev().find(|run| run.is_released()) else { return Vec::new() };
    let column =
        |table: &str| CALENDARS.iter().chain([&FEED_END]).find(|(of, _)| *of == table).map(|(_, column)| *column);
    run.files.iter().filter_map(|(table, path, _)| Some((path.clone(), column(table)?))).collect()
}

fn table_of<'a>(runs: &'a Runs, path: &str) -> Option<&'a str> {
    let run = runs.values().rev().find(|run| run.is_released())?;
    run.files.iter().find(|(_, of, _)| of == path).map(|(table, ..)| table.as_str())
}

/// The last date of a column, from the statistics of a Parquet file; `None` if it is none.
fn last_date<R: ChunkReader + 'static>(file: R, column: &str) -> Option<Option<ServiceDate>> {
    let reader = SerializedFileReader::new(file).ok()?;
    let mut last: Option<i32> = None;
    for group in reader.metadata().row_groups() {
        for chunk in group.columns().iter().filter(|chunk| chunk.column_path().string() == column) {
            if let Some(Statistics::Int32(values)) = chunk.statistics() {
                last = last.max(values.max_opt().copied());
            }
        }
    }
    Some(last.and_then(ServiceDate::from_days_since_epoch))
}

/// A timetable that ends soon.
pub(super) fn timetable(pipeline: &str, last: LastDay, known: &Known<'_>) -> Option<Cause> {
    let since = known.begin_of(last.day.plus_days(1 - DAYS)).max(last.released);
    let trouble = || Trouble::TimetableEnding { pipeline: pipeline.to_owned(), last_day: last.day };
    (last.day < known.today().plus_days(DAYS)).then(|| cause(trouble(), since))
}
