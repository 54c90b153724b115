//! The published tables that the report counts: which they are, which version of each is read, and their rows of the year.
//!
//! Days of past months that are in one file each are read from these, so that a year is some files a table. Of a table only the
//! columns are read that a query has, some thousand rows at a time.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType, TimestampMillisecondType,
};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use jiff::Timestamp;

use crate::audit_report::error::AuditError;
use crate::digest::Digest;
use crate::publication;
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::publish::column_reader::ColumnReader;
use crate::publish::index::{self, IndexFile, TableIndex};
use crate::publish::log::Heads;
use crate::time::ServiceDate;

/// What queries call the rows of one table, or of such tables of all datasets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum View {
    Releases,
    RuleResults,
    Decisions,
    Coverage,
    Positions,
}

/// The date of a row: of a file of a day that of its folder, and a column of a file of a month.
const DATE: &str = "partition_date";
/// The columns by which a table is known that tells where vehicles were.
const POSITIONS: [&str; 3] = ["event_timestamp", "latitude", "longitude"];

impl View {
    pub(crate) const ALL: [Self; 5] =
        [Self::Releases, Self::RuleResults, Self::Decisions, Self::Coverage, Self::Positions];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Releases => publication::RELEASES,
            Self::RuleResults => publication::RULE_RESULTS,
            Self::Decisions => publication::DECISIONS,
            Self::Coverage => "coverage",
            Self::Positions => "positions",
        }
    }

    /// Whether its rows are of one table that says the dataset itself.
    pub(crate) fn is_of_publication(self) -> bool {
        matches!(self, Self::Releases | Self::RuleResults | Self::Decisions)
    }

    /// The columns that queries read, with their types in DuckDB. `partition_date`, and of tables of datasets `dataset`, come to them.
    pub(crate) fn columns(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Releases => &[
                ("dataset", "VARCHAR"),
                ("table_name", "VARCHAR"),
                ("act", "VARCHAR"),
                ("reasons", "VARCHAR"),
                ("released_at", "TIMESTAMP"),
                ("is_current", "BOOLEAN"),
                ("rows", "BIGINT"),
                ("bytes", "BIGINT"),
                ("rows_in", "BIGINT"),
                ("rows_published", "BIGINT"),
                ("rows_quarantined", "BIGINT"),
                ("rows_held_back", "BIGINT"),
                ("rows_dropped", "BIGINT"),
                ("role", "VARCHAR"),
                ("reason", "VARCHAR"),
                ("record", "VARCHAR"),
            ],
            Self::RuleResults => &[
                ("dataset", "VARCHAR"),
                ("kind", "VARCHAR"),
                ("rule_id", "VARCHAR"),
                ("dimension", "VARCHAR"),
                ("severity", "VARCHAR"),
                ("on_fail", "VARCHAR"),
                ("result", "VARCHAR"),
                ("rows_checked", "BIGINT"),
                ("rows_flagged", "BIGINT"),
                ("value", "DOUBLE"),
                ("requirement", "VARCHAR"),
                ("requirement_de", "VARCHAR"),
                ("contract_id", "VARCHAR"),
                ("contract_version", "VARCHAR"),
                ("contract_sha256", "VARCHAR"),
                ("program_version", "VARCHAR"),
            ],
            Self::Decisions => &[
                ("dataset", "VARCHAR"),
                ("decision_id", "VARCHAR"),
                ("table_name", "VARCHAR"),
                ("kind", "VARCHAR"),
                ("effect", "VARCHAR"),
                ("role", "VARCHAR"),
                ("decided_at", "TIMESTAMP"),
                ("reason", "VARCHAR"),
                ("rows", "BIGINT"),
                ("is_in_force", "BOOLEAN"),
            ],
            Self::Coverage => &[
                ("hour_start", "TIMESTAMP"),
                ("source", "VARCHAR"),
                ("trips_scheduled", "BIGINT"),
                ("trips_observed", "BIGINT"),
                ("trips_cancelled", "BIGINT"),
                ("trips_unscheduled", "BIGINT"),
                ("snapshots_expected", "BIGINT"),
                ("snapshots_received", "BIGINT"),
                ("gap_reason", "VARCHAR"),
            ],
            Self::Positions => &[],
        }
    }
}

/// Bytes of the positions of a year up to which their digests are compared, too; of more than that, their sizes alone.
const MOST_READ: u64 = 4 << 30;

/// Whether a name is one that a table can have; whatever else lies in the bucket is none of ours, and must not come into SQL.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter))
}

/// A table of which the report tells.
#[derive(Debug)]
pub(crate) struct Table {
    pub view: View,
    pub dataset: String,
    pub table: String,
    pub version: u64,
    /// Of the version of the index, which names the digest of each file.
    pub sha256: Digest,
    /// The files of the year that are read: of days, and of months.
    pub days: Vec<IndexFile>,
    pub months: Vec<IndexFile>,
    /// Rows of the year, as the index has them.
    pub rows: u64,
}

impl Table {
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.dataset, self.table)
    }

    fn of(bucket: &Bucket, view: View, index: &TableIndex, year: i16) -> Result<Self, PublishError> {
        let TableIndex { dataset, table, version, .. } = index;
        let sha256 = match index::last_digest(bucket, index) {
            Some(sha256) => sha256,
            None => index::digest_of_version(bucket, dataset, table, *version)?.unwrap_or_else(|| index::digest(index)),
        };
        let (months, days) = index.parted();
        let months = months.into_iter().filter(|of| of.month.last_day().0.year() == year).map(|of| IndexFile {
            path: of.path.clone(),
            partition_date: of.month.last_day(),
            rows: of.rows,
            bytes: of.bytes,
            sha256: of.sha256,
            record: String::new(),
            provisional: false,
            timetable: None,
        });
        let days: Vec<IndexFile> =
            days.into_iter().filter(|file| file.partition_date.0.year() == year).cloned().collect();
        let months: Vec<IndexFile> = months.collect();
        let rows = days.iter().chain(&months).map(|file| file.rows).sum();
        let (dataset, table) = (dataset.clone(), table.clone());
        Ok(Self { view, dataset, table, version: *version, sha256, days, months, rows })
    }
}

/// The tables of a bucket that the report counts, in the order in which it numbers them.
#[derive(Debug)]
pub(crate) struct Tables(pub Vec<Table>);

impl Tables {
    /// Finds them, and which files they have in a year.
    ///
    /// # Errors
    /// The bucket cannot be read, or has not the tables that every report needs.
    pub(crate) fn of(bucket: &Bucket, year: i16) -> Result<Self, AuditError> {
        let (mut found, mut years) = (Vec::new(), BTreeSet::new());
        let heads = Heads::read(bucket)?;
        for view in View::ALL.into_iter().filter(|view| view.is_of_publication()) {
            let Some(index) = heads.current(bucket, publication::DATASET, view.name())? else {
                match view {
                    // Comes with the first decision in buckets of earlier versions of this program.
                    View::Decisions => continue,
                    _ => return Err(AuditError::NoTable { table: view.name(), place: bucket.place() }),
                }
            };
            if view == View::Releases {
                years.extend(index.files.iter().map(|file| file.partition_date.0.year()));
            }
            found.push(Table::of(bucket, view, &index, year)?);
        }
        if found.iter().any(|table| table.view == View::Releases && table.rows == 0) {
            return Err(AuditError::NoData { year, years: years.into_iter().filter(|of| *of != year).collect() });
        }
        for dataset in bucket.folders("meta")? {
            if dataset == publication::DATASET || !is_plain(&dataset) {
                continue;
            }
            for table in bucket.folders(&format!("meta/{dataset}"))?.into_iter().filter(|table| is_plain(table)) {
                let Some(index) = heads.current(bucket, &dataset, &table)? else { continue };
                let has = |name: &str| index.columns.iter().any(|column| !column.gone && column.name == name);
                if View::Coverage.columns().iter().all(|(name, _)| has(name)) {
                    found.push(Table::of(bucket, View::Coverage, &index, year)?);
                } else if POSITIONS.iter().all(|name| has(name)) {
                    found.push(Table::of(bucket, View::Positions, &index, year)?);
                }
            }
        }
        found.retain(|table| table.view.is_of_publication() || table.rows > 0);
        found.sort_by_key(|table| (table.view, table.name()));
        let found = Self(found);
        found.refuse_other_files(bucket)?;
        Ok(found)
    }

    /// Refuses files that are not what their indexes say: the report names the indexes by their digests, and stands on all of them.
    fn refuse_other_files(&self, bucket: &Bucket) -> Result<(), PublishError> {
        for table in &self.0 {
            let mut sizes = bucket.sizes(&format!("data/{}/{}", table.dataset, table.table))?;
            sizes.extend(bucket.sizes(&format!("revised/{}/{}", table.dataset, table.table))?);
            let files = || table.days.iter().chain(&table.months);
            // Of positions only rows are counted, which the index has; reading all of a large city's would take longer than the report.
            let is_read = table.view != View::Positions || files().map(|file| file.bytes).sum::<u64>() <= MOST_READ;
            for file in files() {
                let damaged = |problem: String| PublishError::Damaged { key: file.path.clone(), problem };
                match sizes.get(&file.path) {
                    None => return Err(damaged("it is not there, and its index names it".to_owned())),
                    Some(found) if *found != file.bytes => {
                        let problem = format!(
                            "it has other bytes than its index says: {found} of them instead of {}",
                            file.bytes
                        );
                        return Err(damaged(problem));
                    }
                    Some(_) if is_read => bucket.refuse_other(&file.path, (file.bytes, &file.sha256))?,
                    Some(_) => {}
                }
            }
        }
        Ok(())
    }

    /// The tables of a view with their numbers, from 1.
    pub(crate) fn of_view(&self, view: View) -> impl Iterator<Item = (usize, &Table)> {
        (1..).zip(&self.0).filter(move |(_, table)| table.view == view)
    }

    /// Whether a view has a row.
    pub(crate) fn has(&self, view: View) -> bool {
        self.of_view(view).any(|(_, table)| table.rows > 0)
    }

    /// Gives each row of the year to `visit`.
    ///
    /// # Errors
    /// The bucket cannot be read, a file is damaged, or it was deleted meanwhile.
    pub(crate) fn visit(
        &self,
        bucket: &Bucket,
        view: View,
        mut visit: impl FnMut(&Line<'_>),
    ) -> Result<(), PublishError> {
        let mut columns: Vec<&str> = view.columns().iter().map(|(name, _)| *name).collect();
        columns.push(DATE);
        for (_, table) in self.of_view(view) {
            for file in table.days.iter().chain(&table.months) {
                let vanished = || PublishError::Vanished { key: file.path.clone() };
                let reader = ColumnReader::open(bucket, file)?.ok_or_else(vanished)?;
                let is_there = reader.visit(&columns, |batch| {
                    for place in 0..batch.num_rows() {
                        let line = Line { batch: &batch, place, date: file.partition_date, dataset: &table.dataset };
                        visit(&line);
                    }
                    ControlFlow::Continue(())
                })?;
                if !is_there {
                    return Err(vanished());
                }
            }
        }
        Ok(())
    }
}

/// A row of a table, and where it is.
pub(crate) struct Line<'a> {
    batch: &'a RecordBatch,
    place: usize,
    date: ServiceDate,
    dataset: &'a str,
}

impl<'a> Line<'a> {
    fn column(&self, name: &str) -> Option<&'a dyn Array> {
        let column = self.batch.column_by_name(name)?.as_ref();
        column.is_valid(self.place).then_some(column)
    }

    pub(crate) fn date(&self) -> ServiceDate {
        let of_row = self.column(DATE).and_then(|column| column.as_primitive_opt::<Date32Type>());
        let of_row = of_row.and_then(|column| ServiceDate::from_days_since_epoch(column.value(self.place)));
        of_row.unwrap_or(self.date)
    }

    /// The dataset that the row is about: what the row says, or that of its table.
    pub(crate) fn dataset(&self) -> &'a str {
        self.text("dataset").unwrap_or(self.dataset)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&'a str> {
        Some(self.column(name)?.as_string_opt::<i32>()?.value(self.place))
    }

    /// A text; an empty one where there is none.
    pub(crate) fn word(&self, name: &str) -> &'a str {
        self.text(name).unwrap_or_default()
    }

    pub(crate) fn count(&self, name: &str) -> Option<i64> {
        let column = self.column(name)?;
        match column.data_type() {
            DataType::Int32 => Some(i64::from(column.as_primitive::<Int32Type>().value(self.place))),
            DataType::Int64 => Some(column.as_primitive::<Int64Type>().value(self.place)),
            _ => None,
        }
    }

    pub(crate) fn number(&self, name: &str) -> Option<f64> {
        Some(self.column(name)?.as_primitive_opt::<Float64Type>()?.value(self.place))
    }

    pub(crate) fn is(&self, name: &str) -> bool {
        self.column(name).and_then(|column| column.as_boolean_opt()).is_some_and(|column| column.value(self.place))
    }

    pub(crate) fn instant(&self, name: &str) -> Option<Timestamp> {
        let column = self.column(name)?;
        match column.data_type() {
            DataType::Timestamp(TimeUnit::Millisecond, _) => {
                Timestamp::from_millisecond(column.as_primitive::<TimestampMillisecondType>().value(self.place)).ok()
            }
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                Timestamp::from_microsecond(column.as_primitive::<TimestampMicrosecondType>().value(self.place)).ok()
            }
            _ => None,
        }
    }
}
