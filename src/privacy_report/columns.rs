//! What is published of each column, how, and why.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::check::rules;
use crate::contract::times::{DEFAULT_STEP, EVENT, RECEIVED};
use crate::contract::{Classification, Column, Contract, RuleId, personal};
use crate::derive::privacy::step::{OF_PLACE, Scope};
use crate::derive::telemetry::{self, ColumnOrigin};
use crate::pipeline::Pipeline;
use crate::pipeline::run::still_published;
use crate::privacy_report::words::{self, StillPublished};
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::publish::index;
use crate::text::Text;
use crate::time::ServiceDate;

/// A published table of a dataset.
#[derive(Debug, Serialize)]
pub(crate) struct Table {
    pub table: String,
    pub contract: String,
    /// Whether it tells of single vehicles.
    pub is_of_vehicles: bool,
    /// Whether something was published of it yet.
    pub has_files: bool,
    pub columns: Vec<ColumnReport>,
}

/// A column of a published table.
#[derive(Debug, Serialize)]
pub(crate) struct ColumnReport {
    pub column: String,
    pub published: bool,
    pub classification: &'static str,
    /// Whether it tells of persons, or of a vehicle that a person drives.
    pub personal: bool,
    pub how: Text,
    /// Of a private column that was public: what files that are out still have of it.
    pub still_published: Option<StillPublished>,
    pub what: Option<Text>,
    pub why: Option<Text>,
    /// Addresses of what decides that.
    pub definitions: Vec<String>,
}

/// A table as it is received, of which other tables are published.
#[derive(Debug, Serialize)]
pub(crate) struct ReceivedTable {
    pub table: String,
    pub columns: Vec<ReceivedColumn>,
}

#[derive(Debug, Serialize)]
pub(crate) struct ReceivedColumn {
    pub column: String,
    /// The published columns that it is used for, `table.column`.
    pub used_for: Vec<String>,
}

impl ColumnReport {
    /// Whether nobody has written down why a personal column is published.
    pub(crate) fn lacks_why(&self) -> bool {
        self.published && self.personal && self.why.is_none()
    }
}

/// The column that holds the pseudonym, and the key that is made of it.
const VEHICLE: &str = "vehicle_id";
const REPORT: &str = "location_ping_id";
/// Columns that tell where a vehicle was, and when.
const PLACES: [&str; 3] = ["latitude", "longitude", EVENT];

/// Private columns that published files still have, with the dates of these.
type Still = BTreeMap<String, BTreeSet<ServiceDate>>;

/// All tables that a pipeline publishes; without a bucket nothing was published yet.
///
/// # Errors
/// The bucket cannot be read.
pub(super) fn tables(pipeline: &Pipeline, bucket: Option<&Bucket>) -> Result<Vec<Table>, PublishError> {
    let released = pipeline.released();
    let tables = released.iter().map(|contract| {
        let still = bucket.map(|bucket| still_published(bucket, &pipeline.dataset, contract)).transpose()?;
        let index = bucket.map(|bucket| index::current(bucket, &pipeline.dataset, &contract.table)).transpose()?;
        let has_files = index.flatten().is_some_and(|index| !index.files.is_empty());
        Ok(table(pipeline, contract, has_files, &still.unwrap_or_default()))
    });
    tables.collect()
}

fn table(pipeline: &Pipeline, contract: &Contract, has_files: bool, still: &Still) -> Table {
    let is_of_vehicles = contract.public_columns().any(|(_, column)| column.name == VEHICLE);
    let columns =
        contract.columns.iter().map(|column| self::column(pipeline, contract, column, (is_of_vehicles, still)));
    Table {
        table: contract.table.clone(),
        contract: contract.id.clone(),
        is_of_vehicles,
        has_files,
        columns: columns.chain(geometry(contract)).collect(),
    }
}

fn column(
    pipeline: &Pipeline,
    contract: &Contract,
    column: &Column,
    (is_of_vehicles, still): (bool, &Still),
) -> ColumnReport {
    let name = column.name.as_str();
    let published = column.classification == Classification::Public;
    let is_personal_of_vehicle = [VEHICLE, REPORT].contains(&name) || PLACES.contains(&name);
    let still_published = still.get(name).and_then(|dates| still_of(dates, column));
    let how = match &still_published {
        _ if published => how(pipeline, contract, column),
        Some(still) => words::still_published(still),
        None => words::not_published(),
    };
    ColumnReport {
        column: column.name.clone(),
        published,
        classification: if published { "public" } else { "private" },
        personal: is_of_vehicles && is_personal_of_vehicle || personal::said_by_name(&contract.table, name).is_some(),
        how,
        still_published,
        what: said(column.description.as_deref(), column.description_de.as_deref()),
        why: said(column.why.as_deref(), column.why_de.as_deref()),
        definitions: column.definitions.clone(),
    }
}

/// How a published column is made.
fn how(pipeline: &Pipeline, contract: &Contract, column: &Column) -> Text {
    let derived = pipeline.derived.iter().find(|of| of.contracts.iter().any(|other| other.table == contract.table));
    if let Some(derived) = derived {
        let outputs = derived.derivation.outputs().iter().filter(|output| output.table == contract.table);
        let from = outputs.flat_map(|output| output.columns).find(|made| made.name == column.name);
        return from.map_or_else(words::made_by_program, words::derived);
    }
    let name = column.name.as_str();
    let Some(release) = &pipeline.release else {
        let nulling = rules::nulling(contract, name);
        return words::but_for(values(pipeline, &contract.table, name), false, &nulling);
    };
    let feed = release.tables.iter().find(|(of, _)| of.table == contract.table);
    let feed = feed.and_then(|(_, from)| pipeline.contracts.get(from));
    let origin = feed.map_or(ColumnOrigin::Copied(name), |feed| {
        let there = pipeline.decoder.columns(&feed.table).unwrap_or_default();
        let is_there = |name: &str| feed.index_of(name).is_some() && there.iter().any(|column| column.name == name);
        telemetry::origin(&feed.table, name, is_there)
    });
    // What nulls the one column that it is made of nulls it, too.
    let nulling = match (&origin, feed) {
        (ColumnOrigin::Copied(from), Some(feed)) => rules::nulling(feed, from),
        (ColumnOrigin::WorkedOut(from), Some(feed)) if from.len() == 1 => rules::nulling(feed, from[0]),
        _ => Vec::new(),
    };
    let mut nulling: Vec<RuleId> = nulling.into_iter().chain(rules::nulling(contract, name)).collect();
    // A feed's table and the one that is made of it may have rules of one name.
    let mut known = BTreeSet::new();
    nulling.retain(|rule| known.insert(rule.clone()));
    let is_cut_off = OF_PLACE.contains(&name) && release.privacy.cuts(contract);
    let made = match origin {
        ColumnOrigin::Copied(from) => feed.map_or_else(words::as_it_came, |feed| values(pipeline, &feed.table, from)),
        ColumnOrigin::WorkedOut(from) => words::worked_out(&from),
    };
    words::but_for(of_release(release.privacy.pseudonyms, contract, column, made), is_cut_off, &nulling)
}

/// What the values of a column of a feed's table are before the check.
fn values(pipeline: &Pipeline, table: &str, column: &str) -> Text {
    let conversion = pipeline.decoder.conversion(table, column).unwrap_or_else(words::as_it_came);
    match pipeline.mappings.get(column) {
        Some(mapping) => words::replaced(conversion, &mapping.file),
        None => conversion,
    }
}

/// What the release makes of values: `made` unless it has a way of its own for the column.
fn of_release(pseudonyms: Scope, contract: &Contract, column: &Column, made: Text) -> Text {
    match column.name.as_str() {
        VEHICLE => words::pseudonym(pseudonyms),
        REPORT => words::key_of_report(),
        EVENT => match column.round_to.unwrap_or(DEFAULT_STEP) {
            0 | 1 => made,
            step => words::counted_back(step),
        },
        RECEIVED if column.round_to.is_none() => {
            let event = contract.columns.iter().find(|other| other.name == EVENT);
            let step = event.map_or(1, |event| event.round_to.unwrap_or(DEFAULT_STEP));
            if step > 1 { words::last_of_span(2 * step) } else { made }
        }
        _ => match column.round_to {
            Some(step) if step > 1 => words::rounded(step),
            _ => made,
        },
    }
}

/// A geometry and its bounds are columns of the file, made of columns of the contract.
fn geometry(contract: &Contract) -> Option<ColumnReport> {
    let geometry = contract.geometry.as_ref()?;
    Some(ColumnReport {
        column: geometry.name.clone(),
        published: true,
        classification: "public",
        personal: false,
        how: words::geometry(),
        still_published: None,
        what: said(geometry.description.as_deref(), geometry.description_de.as_deref()),
        why: None,
        definitions: Vec::new(),
    })
}

/// A text in both languages; where there is one only, it stands for both.
fn said(en: Option<&str>, de: Option<&str>) -> Option<Text> {
    let any = en.or(de)?;
    Some(Text::new(en.unwrap_or(any), de.unwrap_or(any)))
}

/// What is received and not published as it came: each column with what it is used for.
pub(super) fn received(pipeline: &Pipeline) -> Vec<ReceivedTable> {
    let Some(release) = &pipeline.release else { return Vec::new() };
    let table = |feed: &Contract| {
        let used_for = |name: &str| {
            let of_feed = release.tables.iter().filter(|(_, from)| *from == feed.table);
            let uses = of_feed.flat_map(|(contract, _)| {
                let public = contract.public_columns().map(|(_, column)| column.name.as_str());
                let made_from = |column: &&str| telemetry::made_from(&feed.table, column).contains(&name);
                public.filter(made_from).map(|column| format!("{}.{column}", contract.table)).collect::<Vec<_>>()
            });
            uses.collect()
        };
        let columns = feed.columns.iter();
        let columns =
            columns.map(|column| ReceivedColumn { column: column.name.clone(), used_for: used_for(&column.name) });
        ReceivedTable { table: feed.table.clone(), columns: columns.collect() }
    };
    pipeline.contracts.contracts.values().map(|feed| table(feed)).collect()
}

fn still_of(dates: &BTreeSet<ServiceDate>, column: &Column) -> Option<StillPublished> {
    let reason = column.stays_public.as_ref().map(|stays| stays.reason.clone());
    Some(StillPublished { dates: dates.len(), first: *dates.first()?, last: *dates.last()?, reason })
}
