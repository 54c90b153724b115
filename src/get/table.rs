//! All current files of a table between two dates.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::StreamExt;

use super::download::download;
use super::error::GetError;
use super::list::{self, FileList, Listed, Span, TableName, TableSummary};
use super::local::{Places, TableFolder, is_right, parts, refuse_others, remove};
use super::origin::Origin;
use super::reader::document;
use crate::time::ServiceDate;

/// Files at once.
const AT_ONCE: usize = 4;
/// Bytes of a list: a hundred years of days have 10 MB.
const LIST: usize = 256 << 20;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Request {
    pub table: TableName,
    /// The first and the last service date, both of them included; all without them.
    pub since: Option<ServiceDate>,
    pub until: Option<ServiceDate>,
    /// The folder that gets `<dataset>/<table>/…`.
    pub to: PathBuf,
}

/// What became of a request.
#[derive(Debug)]
pub struct Results {
    /// Of the table's index.
    pub version: u64,
    /// Dates of the request that have left the public, and why.
    pub withdrawn: BTreeMap<ServiceDate, String>,
    /// In the order of the list.
    pub files: Vec<FileResult>,
    /// Files of these dates that are there and that the list does not name: they are published no more.
    pub unlisted: Vec<PathBuf>,
    /// Files that were not tried since another one failed.
    pub not_tried: usize,
}

#[derive(Debug)]
pub struct FileResult {
    /// In the bucket.
    pub key: String,
    /// On this machine.
    pub path: PathBuf,
    pub bytes: u64,
    pub state: Result<State, GetError>,
    /// Files of the same date that were removed since this one replaces them.
    pub replaced: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It was there, with the right bytes.
    Present,
    Fetched,
    /// Its beginning was there.
    Resumed,
    /// It was there with other bytes, and was fetched again.
    Mended,
}

/// The tables that a bucket has.
///
/// # Errors
/// The bucket cannot be read, or says nothing of tables.
pub async fn tables(origin: &Origin) -> Result<Vec<TableSummary>, GetError> {
    const KEY: &str = "datapackage.json";
    let shown = origin.shown(KEY);
    let bytes = document(origin, KEY, LIST).await?;
    let bytes = bytes.ok_or_else(|| {
        GetError::usage(&shown, "there is no such object", "Write the address of a bucket of this program")
    })?;
    list::tables(&shown, &bytes)
}

/// Brings the current files of a table. `total` gets the bytes that are to come at most, `progress` those that came.
///
/// # Errors
/// There is no such table, its list cannot be read, or the folder cannot be written. What becomes of each file stands in its result.
pub async fn get(
    origin: &Origin,
    request: &Request,
    total: impl FnOnce(u64),
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Results, GetError> {
    let Request { table, since, until, to } = request;
    let key = table.files_key();
    let shown = origin.shown(&key);
    let Some(bytes) = document(origin, &key, LIST).await? else { return Err(no_table(origin, table).await) };
    let FileList { version, files: all, mut withdrawn } = list::files(&shown, table, &bytes)?;
    withdrawn.retain(|date, _| Span { first: *date, last: *date }.meets(*since, *until));
    let folder = TableFolder::open(to, table)?;
    let files: Vec<&Listed> = all.iter().filter(|file| file.span.meets(*since, *until)).collect();
    total(files.iter().map(|file| file.bytes).fold(0, u64::saturating_add));
    // Where a server does not answer for one file it does not answer for thousands.
    let stop = AtomicBool::new(false);
    let work = files.iter().map(|file| async {
        let places = folder.places(file);
        if stop.load(Ordering::Relaxed) {
            return None;
        }
        let fetched = fetch(origin, file, &places, progress).await;
        stop.fetch_or(fetched.is_err(), Ordering::Relaxed);
        let (state, replaced) = match fetched {
            Ok((state, replaced)) => (Ok(state), replaced),
            Err(error) => (Err(error), Vec::new()),
        };
        Some(FileResult { key: file.key.clone(), path: places.file, bytes: file.bytes, state, replaced })
    });
    let done: Vec<Option<FileResult>> = futures::stream::iter(work).buffered(AT_ONCE).collect().await;
    let not_tried = done.iter().filter(|result| result.is_none()).count();
    let unlisted = folder.unlisted(&all, [*since, *until]);
    Ok(Results { version, withdrawn, files: done.into_iter().flatten().collect(), unlisted, not_tried })
}

/// One file: what is there and right stays. A file that it replaces goes away when all of its bytes are there, and before it gets
/// its name, so that no reader of the folder sees a date twice.
async fn fetch(
    origin: &Origin,
    file: &Listed,
    places: &Places,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<(State, Vec<PathBuf>), GetError> {
    fs::create_dir_all(&places.folder).map_err(|error| GetError::local(&places.folder, &error))?;
    let was_there = places.file.exists();
    let (path, bytes, sha256) = (places.file.clone(), file.bytes, file.sha256);
    let checked = tokio::task::spawn_blocking(move || is_right(&path, bytes, &sha256)).await;
    if checked.unwrap_or(false) {
        progress(file.bytes);
        let replaced = remove_others(places)?;
        remove(&places.partial)?;
        remove(&places.tag)?;
        return Ok((State::Present, replaced));
    }
    [&places.file, &places.partial, &places.tag].into_iter().try_for_each(|place| refuse_others(place))?;
    let resumed = download(origin, file, places, progress).await?;
    let replaced = remove_others(places)?;
    fs::rename(&places.partial, &places.file).map_err(|error| GetError::local(&places.file, &error))?;
    remove(&places.tag)?;
    let state = match (was_there, resumed) {
        (true, _) => State::Mended,
        (_, true) => State::Resumed,
        (_, false) => State::Fetched,
    };
    Ok((state, replaced))
}

/// Removes the other files of the same folder.
fn remove_others(places: &Places) -> Result<Vec<PathBuf>, GetError> {
    let others: Vec<PathBuf> = parts(&places.folder).into_iter().filter(|path| *path != places.file).collect();
    others.iter().try_for_each(|path| remove(path))?;
    Ok(others)
}

/// There is no list of this table: what there is instead.
async fn no_table(origin: &Origin, table: &TableName) -> GetError {
    let shown = origin.shown(&table.files_key());
    match tables(origin).await {
        Ok(tables) if !tables.is_empty() => {
            let names: Vec<String> = tables.iter().map(|table| table.name.to_string()).collect();
            GetError::usage(shown, format!("there is no table {table}"), format!("There are {}", names.join(", ")))
        }
        Ok(_) => GetError::usage(shown, "nothing is published there yet", "Try again later"),
        Err(error @ GetError::Transient { .. }) => error,
        Err(_) => GetError::usage(shown, "there is no such object", "Write the address of a bucket of this program"),
    }
}
