//! Get: the current files of a table, on the machine of somebody who has no workspace.
//!
//! Reads `meta/<dataset>/<table>/files.json` of a bucket over HTTP or in a folder, brings the files that it names below
//! `<to>/<dataset>/<table>/partition_date=…/`, and keeps none whose bytes have not the size and the SHA-256 that stand there. What
//! is there and right stays, what was begun goes on, what a newer release replaced goes away once that is there. Nothing that the
//! bucket says is trusted: a list that names another place than that of a table's file is refused, and no body is read beyond the
//! size that the list names.

mod download;
mod error;
mod list;
mod local;
mod origin;
mod pace;
mod reader;
mod table;

pub use self::error::GetError;
pub use self::list::{Span, TableName, TableSummary};
pub use self::origin::{Origin, client};
pub use self::reader::BucketReader;
pub use self::table::{FileResult, Request, Results, State, get, tables};
