//! Contracts: what a table is, which rows it accepts and which of its columns the public may see.
//!
//! A contract describes one table; a file of ODCS 3.0 or 3.1 under `schemas/` has one or several. This module is the model that the other
//! rooms work with; [`odcs`] makes it from YAML and reports every mistake with its line; [`library`] reads a folder of
//! them and checks what they say of each other.
//!
//! What ODCS has no word for stands in `customProperties`:
//!
//! | where | property | value |
//! |---|---|---|
//! | schema | `gtfsFile` | the file that holds the table in a GTFS archive, `stop_times.txt` |
//! | schema, property | `gtfsPresence` | `Required`, `Optional`, `Conditionally Required`, `Conditionally Forbidden`, `Recommended` |
//! | schema | `sortBy` | the columns to sort a release by, a list |
//! | schema | `businessNameDe` | the title, `businessName`, in German |
//! | schema | `descriptionDe` | the description in German |
//! | schema | `maxRowsLost` | percent of the rows that may be held back before the run is; 50. Of tables that a feed must have, and of those that are not GTFS |
//! | schema | `maxRoutesLost`, `maxServicesLost` | how many routes or services of a timetable may lose all of their rows in the table; 0 |
//! | schema | `missingValues` | the texts that stand for an absent value in files of the standard, a list |
//! | property | `mixedCase` | `true` if people read the text, so that it should not be all capitals or all small letters |
//! | property | `gtfsType` | the field type of the GTFS reference: `Time`, `Date`, `Latitude`, `Color` ... |
//! | property | `values` | the enum's values, a list of `{value, name, descriptionEn, descriptionDe}` or of plain values |
//! | property | `references` | a foreign key into any of several tables, a list of `table.column`; a key into one table is an ODCS relationship |
//! | property | `maxValuesLost` | percent of the values that rules may null before the run is held back; 50 |
//! | property | `physicalType` (of ODCS itself) | of numbers: `double`, or `float` for what comes as 32 bits, which is published so; of integers `int32`, `int64` |
//! | property | `descriptionDe`, `unit` | the description in German; the unit, `s`, `m`, `m/s`, `deg` |
//! | property | `roundTo` | of a public timestamp: the step of its published values, `1 s` (as they are) to `60 s`; `event_timestamp` has `5 s` unless said otherwise, see [`times`] |
//! | property | `allowsPrivateText` | why a public column may hold telephone numbers, e-mail addresses and texts of private columns, see `derive::privacy::texts` |
//! | property or rule | `onFail` | `block`, `quarantine`, `invalidate`, `report` |
//! | schema | `views` | queries that several rules use, asked once: a list of `{name, query, per}` |
//! | rule | `descriptionDe`, `businessImpactDe` | what the rule asks and why it matters, in German |
//! | rule, view | `per` | the columns whose equal values belong together, a list: the query looks at one vehicle, one trip at a time, so that a large table may be asked in parts |
//! | rule of ours | `mustBeLessThan` and the other operators | how many rows the query may name; ODCS has them only for metrics and `type: sql` |
//! | rule of ours | `returns` | `rows`, or `number`: then the operator is about the number that the query returns |
//! | rule | `partitions` | with `unit: percentOfMedian`: how many partitions before this one the median is of; 7 |
//! | rule | `invalidates` | the columns that `onFail: invalidate` sets to null, a list; on a column's rule, that column |
//! | property | `encoding` | `plain`, `dictionary`, `delta`, `byteStreamSplit`: how the column is written in Parquet, where that is smaller than what its type gets by itself |
//! | property | `bloomFilter` | `true` where rows are looked up by the value and each stands in few places of a file, as the trip in reports that are sorted by vehicle |
//! | property | `geometryOf` | `[stop_lat, stop_lon]`, or the column of a GeoJSON geometry: the column is made of these when rows are published, as WKB, see [`Geometry`] |
//! | property | `since`, `alias`, `wasType` | the first service date on which a public column is as it is, what it was called before, and the type of its numbers before, see [`change`] |
//! | property | `publicUntil` | of a column that was made private: `{date, reason}`, until when it was published, and why that may stay so |
//! | schema | `removedColumns` | the columns that the table had, a list of `{name, until}` |
//! | property | `severity` | `error`, `warning`, `info`: of the column's own checks |
//!
//! A relationship leads to a table of the same folder, `to: stops.stop_id`, or to one that has its contract elsewhere, in
//! the fully qualified form of ODCS: `to: '../gtfs/stops.odcs.yaml#/schema/stops/properties/stop_id'`, with the path as seen
//! from the contract's own folder. ODCS means ids there; in our contracts the id of what others refer to is its name.

pub mod change;
pub mod content;
mod depth;
pub mod library;
pub mod metric;
pub mod names;
pub mod notices;
pub mod odcs;
pub(crate) mod pattern;
pub mod personal;
pub mod query;
mod references;
pub mod rule;
pub mod sla;
pub mod standard;
pub mod test_cases;
pub mod times;
mod written;

use std::path::PathBuf;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::digest::Digest;

pub use rule::{Dimension, OnFail, RuleId, Severity};

/// One table's contract.
#[derive(Clone, Debug, PartialEq)]
pub struct Contract {
    /// ODCS `id`.
    pub id: String,
    /// The table's name, ODCS `schema[0].name`: `stop_times`, `vehicle_locations`.
    pub table: String,
    /// The line of the table in the file.
    pub line: u32,
    /// ODCS `version`.
    pub version: String,
    pub file: PathBuf,
    /// Of `text`.
    pub digest: Digest,
    /// The file's text without what is not for the public, see [`crate::yaml::public`]; that of most files is the file's own.
    pub text: Arc<str>,
    pub title: Option<String>,
    pub title_de: Option<String>,
    pub description: Option<String>,
    pub description_de: Option<String>,
    pub columns: Vec<Column>,
    /// Those that the table had, and has no more.
    pub removed: Vec<change::RemovedColumn>,
    /// Places of the primary key's columns, in key order; empty if there is none.
    pub primary_key: Vec<usize>,
    pub foreign_keys: Vec<ForeignKey>,
    /// The SQL rules.
    pub rules: Vec<Rule>,
    /// Queries that several rules use.
    pub views: Vec<View>,
    /// The library metrics.
    pub metrics: Vec<metric::MetricRule>,
    /// Quality rules that are only text, which nothing executes.
    pub texts: Vec<TextRule>,
    /// Quality rules that this program cannot run, and why.
    pub unexecuted: Vec<UnexecutedRule>,
    /// What is promised of the table as a service.
    pub sla: Vec<sla::SlaTerm>,
    /// Places of the columns that a release is sorted by.
    pub sort_by: Vec<usize>,
    /// The texts that stand for an absent value in files of the standard that the table is from: `NA`, the empty text.
    pub missing_values: Vec<String>,
    /// The file in a GTFS archive that holds this table.
    pub gtfs_file: Option<String>,
    pub presence: Presence,
    /// What the contract says of the rules over the text of its file.
    pub text_rules: Vec<TextRuleChange>,
    /// The geometry that is published beside the public columns.
    pub geometry: Option<Geometry>,
    /// How much of the table rules may take away.
    pub limits: LossLimits,
    /// Whether the file speaks to this program: it names our engine or has custom properties that only we have.
    pub is_ours: bool,
}

/// The rules over the text of a CSV file that could be taken apart into rows: the end of their ids, what they ask in English
/// and German, and what may happen to what they find.
pub const TEXT_RULES: [(&str, &str, &str, &[OnFail]); 3] = [
    (
        "quotes_in_value",
        "quotes inside a quoted value are doubled; a value whose quotes are not keeps all of them",
        "Anführungszeichen in einem Wert in Anführungszeichen sind verdoppelt; sonst behält der Wert alle",
        &[OnFail::Report, OnFail::Invalidate, OnFail::Quarantine, OnFail::Block],
    ),
    (
        "new_line_in_value",
        "no value has a line end in it",
        "kein Wert enthält ein Zeilenende",
        &[OnFail::Report, OnFail::Invalidate, OnFail::Quarantine, OnFail::Block],
    ),
    (
        EMPTY_ROW,
        "every row has a value; a row without any is left out",
        "jede Zeile hat einen Wert; eine ohne jeden fällt weg",
        // There is no row to hold back.
        &[OnFail::Report, OnFail::Block],
    ),
];
/// The end of the id of the rule about rows that are left out.
pub const EMPTY_ROW: &str = "empty_row";

/// What a contract changes of a rule of [`TEXT_RULES`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextRuleChange {
    /// A place in the list.
    pub rule: usize,
    pub severity: Option<Severity>,
    pub on_fail: Option<OnFail>,
}

/// What a table may lose before the run is held back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LossLimits {
    /// Percent of the rows.
    pub rows_lost: f64,
    /// Routes and services that lose all of their rows.
    pub routes_lost: u64,
    pub services_lost: u64,
}

impl Default for LossLimits {
    fn default() -> Self {
        Self { rows_lost: 50.0, routes_lost: 0, services_lost: 0 }
    }
}

/// Whether a feed must have the table or the row must have the value (GTFS reference, "Presence").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Presence {
    Required,
    Recommended,
    ConditionallyRequired,
    ConditionallyForbidden,
    #[default]
    Optional,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    pub name: String,
    /// The line in the contract's file.
    pub line: u32,
    pub kind: Kind,
    /// Whether one value a row stands there. Only such columns can be published; the kind of others is `Text`.
    pub shape: Shape,
    /// Whether a number came as a `float` of 32 bits and is published as one (`physicalType: float`). Inside a run it is
    /// `Float64` like any other, see [`crate::table::single`].
    pub is_single: bool,
    /// How the column is written in Parquet; `None` leaves it to the kind.
    pub encoding: Option<Encoding>,
    /// Whether readers look rows up by its values, each of which stands in few places of a file: then row groups have a Bloom filter.
    pub bloom_filter: bool,
    pub required: bool,
    /// What the GTFS reference says of the column, where it is not simply required or optional. `Required` on a column
    /// that is not `required`: it must be there, but an empty cell has a meaning.
    pub presence: Option<Presence>,
    /// The field type of the GTFS reference.
    pub gtfs_type: Option<String>,
    /// Whether people read it, so that it should not be in capitals or small letters only.
    pub mixed_case: bool,
    pub unique: bool,
    /// The values allowed, as the text they have in the feed; empty if any.
    pub values: Vec<EnumValue>,
    /// Inclusive.
    pub minimum: Option<f64>,
    /// Inclusive.
    pub maximum: Option<f64>,
    /// A regular expression that the whole value must match.
    pub pattern: Option<String>,
    /// Exclusive.
    pub above: Option<f64>,
    /// Exclusive.
    pub below: Option<f64>,
    pub multiple_of: Option<f64>,
    /// In characters.
    pub min_length: Option<usize>,
    /// In characters.
    pub max_length: Option<usize>,
    pub classification: Classification,
    /// That it has had another name or type, or was not there.
    pub change: Option<change::ColumnChange>,
    /// Why what was published of it may stay so, though it is private.
    pub stays_public: Option<change::StaysPublic>,
    /// The step of the published values of a timestamp, in seconds, where the contract says one.
    pub round_to: Option<u32>,
    /// Why the column may hold texts that look personal, or are private elsewhere.
    pub allows_private_text: Option<String>,
    /// Why the column is published or kept, for the data protection officer, in English and in German.
    pub why: Option<String>,
    pub why_de: Option<String>,
    /// Addresses of what decides that: a law, a decision, a record of processing activities.
    pub definitions: Vec<String>,
    pub unit: Option<String>,
    pub description: Option<String>,
    pub description_de: Option<String>,
    /// What the column's own checks weigh, and what happens to a row that fails them; `None` leaves it to the check.
    pub severity: Option<Severity>,
    pub on_fail: Option<OnFail>,
    /// Percent of the values that rules may null before the run is held back.
    pub most_values_lost: f64,
}

/// What stands in one cell of a column.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Shape {
    /// One value.
    #[default]
    Value,
    /// ODCS `array`: a list of values like this one, if the contract says of what.
    Array(Option<Box<Column>>),
    /// ODCS `object`: values with names.
    Object(Vec<Column>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct EnumValue {
    /// As it stands in the data: `0`, `STOPPED_AT`.
    pub value: String,
    pub name: Option<String>,
}

/// What a column holds, and with that its Arrow type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8 text: names, ids, URLs, colours, time zones, languages, currency codes. `Utf8`.
    Text,
    /// `Int32`. Enums of GTFS, which are numbers, too.
    Int32,
    /// `Int64`.
    Int64,
    /// `Float64`, in a release `Float32` where the contract says so. Latitudes and longitudes, distances, amounts.
    Float,
    Boolean,
    /// A calendar or service date. `Date32`; in GTFS text `YYYYMMDD`.
    Date,
    /// Seconds since noon minus twelve hours of the service date. `Int32`; in GTFS text `H:MM:SS`.
    ServiceTime,
    /// A UTC instant. `Timestamp(Millisecond, "UTC")`; in GTFS-Realtime seconds since 1970.
    Instant,
}

impl Kind {
    pub fn data_type(self) -> DataType {
        match self {
            Kind::Text => DataType::Utf8,
            Kind::Int32 | Kind::ServiceTime => DataType::Int32,
            Kind::Int64 => DataType::Int64,
            Kind::Float => DataType::Float64,
            Kind::Boolean => DataType::Boolean,
            Kind::Date => DataType::Date32,
            Kind::Instant => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
        }
    }
}

/// A column that is made of others when rows are published: where a row is, for programs that know geometries (GeoParquet 1.1).
/// Rules, previous partitions and quarantine do not have it. The file has the bounds of each geometry beside it, see [`BBOX`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Geometry {
    pub name: String,
    /// The line in the contract's file.
    pub line: u32,
    pub of: GeometryOf,
    pub description: Option<String>,
    pub description_de: Option<String>,
}

/// What a geometry is made of: places of public columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GeometryOf {
    /// A point, of latitude and longitude in degrees, WGS 84.
    Point { latitude: usize, longitude: usize },
    /// A polygon or several, of the text of a GeoJSON geometry (RFC 7946).
    GeoJson(usize),
}

/// The column with the bounds of each geometry in a released file, by which readers leave out row groups (GeoParquet 1.1, "Bounding
/// Box Columns"); a group of four numbers.
pub const BBOX: &str = "bbox";
/// Its parts: degrees, as floating point numbers of 32 bits that are rounded away from the geometry.
pub const BBOX_PARTS: [&str; 4] = ["xmin", "ymin", "xmax", "ymax"];

impl Geometry {
    /// What people need to know of it, as of a [`Column`].
    pub fn documentation(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let texts = [("description", self.description.as_deref()), ("description_de", self.description_de.as_deref())];
        texts.into_iter().filter_map(|(key, value)| Some((key, value?)))
    }

    /// The geometry as WKB, and its bounds.
    fn fields(&self) -> [Field; 2] {
        let parts: Vec<Field> = BBOX_PARTS.iter().map(|name| Field::new(*name, DataType::Float32, false)).collect();
        let geometry = Field::new(&self.name, DataType::Binary, true);
        let description = self.description.iter().map(|text| ("description".to_owned(), text.clone()));
        [
            geometry.with_metadata(description.collect::<std::collections::HashMap<_, _>>()),
            Field::new(BBOX, DataType::Struct(parts.into()), true),
        ]
    }
}

/// How the values of a column are laid out in Parquet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Value after value: best where longer runs of values repeat, which the compression finds.
    Plain,
    /// Each value once, and numbers for them: where few values repeat without order.
    Dictionary,
    /// Differences from the value before: what counts up, or begins as the text before it.
    Delta,
    /// First bytes together, second bytes together: numbers measured.
    ByteStreamSplit,
}

/// ODCS `classification`. Only `public` columns are ever published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Classification {
    Public,
    /// Everything that is not said to be public.
    #[default]
    Private,
}

/// Values of `columns` must exist in any of `targets`.
#[derive(Clone, Debug, PartialEq)]
pub struct ForeignKey {
    /// Places of the columns in this contract.
    pub columns: Vec<usize>,
    /// At least one; each has as many columns as `columns`.
    pub targets: Vec<Target>,
    pub severity: Severity,
    pub on_fail: OnFail,
    pub line: u32,
}

/// Where a foreign key leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The contract's file as seen from the folder of the contract with the key, if it lies in another folder.
    pub file: Option<PathBuf>,
    pub table: String,
    /// Names of the columns over there.
    pub columns: Vec<String>,
}

impl Target {
    /// Whether the key leads into the table of `contract`, which has it.
    pub fn is_in(&self, contract: &Contract) -> bool {
        self.file.is_none() && self.table == contract.table
    }
}

/// A rule that the data manager writes: a SQL query (Polars SQL) that returns the offending rows.
///
/// The query sees the table under its own name, with the hidden columns of [`crate::table::origin_fields`] and a
/// column `_index` (Int64, the row's place in the table): it must return `_index`, or one number, see [`Rule::is_number`].
/// Beside it stand the other tables of the feed, `timetable_<table>`, `previous` and the contract's views.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    pub id: RuleId,
    pub line: u32,
    pub query: query::Query,
    /// Places of the columns whose equal values belong together; empty if the query needs the table as a whole.
    pub per: Vec<usize>,
    pub severity: Severity,
    pub dimension: Dimension,
    pub on_fail: OnFail,
    /// Places of the columns that `onFail: invalidate` sets to null.
    pub invalidates: Vec<usize>,
    /// How many rows the query may name, or what the number that it returns must be; without it, no row.
    pub limit: Option<metric::Limit>,
    /// Whether the query returns one number over the rows that pass, as `type: sql` does with an operator.
    pub is_number: bool,
    /// What must be true.
    pub description: Option<String>,
    pub description_de: Option<String>,
    /// Why it matters: ODCS `businessImpact`.
    pub why: Option<String>,
    pub why_de: Option<String>,
}

/// A named query that the rules of a contract may read from; it is asked once for all of them.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    pub name: String,
    pub line: u32,
    pub query: query::Query,
    /// As [`Rule::per`].
    pub per: Vec<usize>,
}

/// A quality rule of `type: text`: for people, not executable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextRule {
    pub id: RuleId,
    pub line: u32,
    pub description: String,
}

/// A quality rule that this program cannot run: of another engine, of a dialect that it does not know, of a value inside of
/// another. It neither passes nor fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnexecutedRule {
    pub id: RuleId,
    pub line: u32,
    pub severity: Severity,
    pub dimension: Dimension,
    /// What must be true, as the contract says.
    pub description: Option<String>,
    /// Why it cannot be run, as a part of a sentence.
    pub reason: String,
}

impl Column {
    /// Whether a file without this column cannot be used.
    pub fn must_be_there(&self) -> bool {
        self.required || self.presence == Some(Presence::Required)
    }

    /// The Arrow type that the column has in a release.
    pub fn release_type(&self) -> DataType {
        if self.kind == Kind::Float && self.is_single { DataType::Float32 } else { self.kind.data_type() }
    }

    /// What people need to know of the column, by the names that it has in published files, in the order of names.
    pub fn documentation(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            ("description", self.description.as_deref()),
            ("description_de", self.description_de.as_deref()),
            ("unit", self.unit.as_deref()),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
    }
}

impl Contract {
    /// Whether the table is read from a CSV file of GTFS, so that there are rules over its text.
    pub fn has_text_rules(&self) -> bool {
        self.gtfs_file.as_deref().is_some_and(|file| file.ends_with(".txt"))
    }

    /// The place of a column.
    pub fn index_of(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.name == column)
    }

    /// The names of columns at some places.
    pub fn names<'a>(&'a self, places: &[usize]) -> Vec<&'a str> {
        places.iter().map(|&place| self.columns[place].name.as_str()).collect()
    }

    /// The Arrow schema of a chunk: the columns, all nullable, then the hidden origin fields.
    pub fn chunk_schema(&self) -> SchemaRef {
        let fields = self.fields(|_| true).chain(crate::table::origin_fields());
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }

    /// The public columns with their places in the contract, in its order: those that a release has.
    pub fn public_columns(&self) -> impl Iterator<Item = (usize, &Column)> {
        self.columns.iter().enumerate().filter(|(_, column)| column.classification == Classification::Public)
    }

    /// The Arrow schema of published rows as rules see them: the public columns in the types of a chunk, all nullable.
    pub fn previous_schema(&self) -> SchemaRef {
        Arc::new(Schema::new(self.fields(|c| c.classification == Classification::Public).collect::<Vec<_>>()))
    }

    /// The Arrow schema of a release: the public columns in the types that are published, each with its description and its
    /// unit, then the geometry and its bounds. Columns without which no row is published are not nullable. A column has no id in Parquet: readers that know ids
    /// find columns by them, and a place in the contract is no id for years. The table's index has those.
    pub fn release_schema(&self) -> SchemaRef {
        let fields = self.public_columns().map(|(place, column)| {
            // What is said in German stands beside it in the footer, see the writer: a schema is read with every file.
            let documentation = column.documentation().filter(|(key, _)| *key != "description_de");
            let documentation = documentation.map(|(key, value)| (key.to_owned(), value.to_owned()));
            Field::new(&column.name, column.release_type(), !self.is_never_null(place))
                .with_metadata(documentation.collect::<std::collections::HashMap<_, _>>())
        });
        let geometry = self.geometry.iter().flat_map(Geometry::fields);
        Arc::new(Schema::new(fields.chain(geometry).collect::<Vec<_>>()))
    }

    /// Whether every published row has a value in the column at a place: rows without one are held back, and neither the
    /// column's own checks nor a rule or a foreign key sets it to null.
    pub fn is_never_null(&self, place: usize) -> bool {
        let column = &self.columns[place];
        let nulls_by_key = |key: &ForeignKey| key.on_fail == OnFail::Invalidate && key.columns.contains(&place);
        column.required
            && matches!(column.on_fail, None | Some(OnFail::Quarantine))
            && !self.foreign_keys.iter().any(nulls_by_key)
            && !self.rules.iter().any(|rule| rule.on_fail == OnFail::Invalidate && rule.invalidates.contains(&place))
    }

    /// Whether no two published rows have the same value in the column at a place.
    pub fn is_unique(&self, place: usize) -> bool {
        self.columns[place].unique || self.primary_key == [place]
    }

    /// The ids of the SQL rules, the metrics, the promises, the texts and the rules that cannot be run.
    pub fn rule_ids(&self) -> impl Iterator<Item = &RuleId> {
        let rules = self.rules.iter().map(|rule| &rule.id).chain(self.metrics.iter().map(|metric| &metric.id));
        rules
            .chain(self.sla.iter().map(|promise| &promise.id))
            .chain(self.texts.iter().map(|text| &text.id))
            .chain(self.unexecuted.iter().map(|rule| &rule.id))
    }

    pub fn view(&self, name: &str) -> Option<&View> {
        self.views.iter().find(|view| view.name == name)
    }

    fn fields(&self, keep: impl Fn(&Column) -> bool) -> impl Iterator<Item = Arc<Field>> {
        self.columns
            .iter()
            .filter(move |column| keep(column))
            .map(|column| Arc::new(Field::new(&column.name, column.kind.data_type(), true)))
    }
}
