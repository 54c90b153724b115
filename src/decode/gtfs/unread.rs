//! What of a timetable is no column of a contract: files and columns that a contract does not have.

use std::io::Read;

use super::archive;
use super::header;
use super::source::{Package, Source};
use crate::contract::library::Library;
use crate::decode::Limits;
use crate::decode::unread::Unread;

/// Bytes of a file in which its header is looked for.
const HEADER: u64 = 1 << 16;

/// The files and columns of an archive that no contract has: `driver.txt`, `trips.txt: driver_id`. Of what is no archive nothing is told.
pub(super) fn unread(name: &str, body: bytes::Bytes, contracts: &Library) -> Unread {
    let mut unread = Unread::default();
    let Ok(mut source) = Source::open(name, Package::Archive(body), Limits::default()) else { return unread };
    let files: Vec<(String, String)> =
        source.files().into_iter().map(|(path, name)| (path.to_owned(), name.to_owned())).collect();
    let Source::Archive(archive, _) = &mut source else { return unread };
    for (path, name) in files {
        let of_file = |file: &str| path.eq_ignore_ascii_case(file);
        let contract = contracts.contracts.values().find(|contract| contract.gtfs_file.as_deref().is_some_and(of_file));
        let Some(contract) = contract else {
            unread.add(&path.replace(['/', '\\'], "."));
            continue;
        };
        if !path.to_ascii_lowercase().ends_with(".txt") {
            continue;
        }
        let mut header = Vec::new();
        let read = archive::entry(archive, &name).map(|entry| entry.take(HEADER).read_to_end(&mut header));
        if !matches!(read, Ok(Ok(_))) {
            continue;
        }
        let header = header.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&header);
        let line = header.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        let columns: Vec<String> =
            line.split(',').map(|column| column.trim().trim_matches('"').trim().to_owned()).collect();
        let columns = header::by_today(contract, &columns);
        // A file of which no column is known has no header: these may be values.
        if columns.iter().any(|column| contract.index_of(column).is_some()) {
            let unknown = columns.iter().filter(|column| !column.is_empty() && contract.index_of(column).is_none());
            unknown.for_each(|column| unread.add_header(Some(&contract.table), column));
        }
    }
    unread
}
