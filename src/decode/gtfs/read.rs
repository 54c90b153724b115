//! Reads a feed as columns alone, for a report.

use std::sync::mpsc::sync_channel;

use super::archive;
use super::inflate::{Job, inflate_all};
use super::reader::{QUEUE, Reader};
use super::source::{Package, Source};
use super::timetable::{Table, Timetable};
use crate::contract::library::Library;
use crate::decode::{DecodeError, Limits};

/// Reads a feed. `name` is for messages.
///
/// # Errors
/// The archive or folder as a whole cannot be read. What cannot be read of its files is told in the timetable.
pub fn read(name: &str, package: Package, contracts: &Library, limits: Limits) -> Result<Timetable, DecodeError> {
    let source = Source::open(name, package, limits)?;
    let (timetable, jobs) = unread(name, &source, contracts);
    let (send, receive) = sync_channel(QUEUE);
    std::thread::scope(|scope| {
        let mut reader = Reader::new(&jobs, limits, Some(timetable), None, None);
        let inflating = scope.spawn(|| {
            // The sender goes with the thread, so that the reader does not wait for one that has stopped.
            let send = send;
            inflate_all(source, &jobs, limits, &send);
        });
        reader.take_all(&receive);
        drop(receive);
        let has_stopped = inflating.join().is_err();
        reader.close(name, has_stopped);
        reader.timetable.ok_or_else(|| DecodeError::feed(name, "the timetable is gone", "Please report it."))
    })
}

/// The timetable of a feed before its files are read, and those that are to be read, in the order of the archive.
pub(super) fn unread(name: &str, source: &Source, contracts: &Library) -> (Timetable, Vec<Job>) {
    let paths = source.paths();
    let mut timetable = Timetable {
        name: name.to_owned(),
        files: paths.iter().filter(|path| !path.contains('/')).map(|path| (*path).to_owned()).collect(),
        nested: false,
        unknown: Vec::new(),
        letter_case: Vec::new(),
        tables: Vec::new(),
        zones: None,
        failures: Vec::new(),
        bytes: 0,
    };
    for contract in contracts.contracts.values() {
        if let Some(file) = &contract.gtfs_file {
            timetable.tables.push(Table::missing(contract, file));
        }
    }
    let is_known = |leaf: &str| timetable.tables.iter().any(|table| table.file.eq_ignore_ascii_case(leaf));
    timetable.nested = paths.iter().any(|path| path.contains('/') && is_known(archive::leaf(path)));
    let mut jobs = Vec::new();
    let found = |table: &Table| archive::find(timetable.files.iter().map(String::as_str), &table.file);
    let found: Vec<Option<usize>> = timetable.tables.iter().map(found).collect();
    for (place, file) in timetable.files.iter().enumerate() {
        match found.iter().position(|found| *found == Some(place)) {
            Some(table) => {
                let of_table = &timetable.tables[table];
                if *file != of_table.file {
                    timetable.letter_case.push((file.clone(), of_table.file.clone()));
                }
                let contract = of_table.contract.clone();
                jobs.push(Job { file: file.clone(), contract, published: None, held: Some(table) });
            }
            None => timetable.unknown.push(file.clone()),
        }
    }
    (timetable, jobs)
}
