//! What the rules of a run see beside the rows of their own table: its date, the city, the timetable that is valid, the
//! partitions before, and the other tables of the feed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use arrow_array::RecordBatch;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::check::area::ServiceArea;
use crate::check::losses::Trips;
use crate::check::timetable::{Needs, Timetable};
use crate::contract::library::Library;
use crate::contract::query::{PREVIOUS, Placeholders, Query, TIMETABLE};
use crate::contract::{Classification, Contract, RuleId};
use crate::internal;
use crate::time::{ServiceDate, ServiceSeconds};

/// What rules see beside the rows of their table. It does not change while a run checks its tables, but for the rows of
/// [`Siblings`].
pub struct RuleContext {
    /// The partition.
    pub date: ServiceDate,
    pub zone: TimeZone,
    pub area: Option<ServiceArea>,
    /// Why there is none, where rules need one.
    pub timetable: Result<Arc<Timetable>, String>,
    /// The table before this partition, by table; a table that has none is in its first.
    pub previous: BTreeMap<String, RecordBatch>,
    /// What rules came to in earlier partitions of the same kind of day, the newest last.
    pub history: BTreeMap<RuleId, Vec<f64>>,
    /// The oldest partition that a table has released.
    pub oldest: BTreeMap<String, ServiceDate>,
    /// When the last evidence of the run was captured.
    pub until: Option<Timestamp>,
    /// Whether more evidence of the date may come: then nothing after the last one is missing.
    pub is_provisional: bool,
    /// Where rows may wait that do not fit into memory; in the private store.
    pub spool: PathBuf,
    /// The contracts of timetables.
    pub gtfs: Arc<Library>,
    pub siblings: Siblings,
}

impl RuleContext {
    /// Of a date, with nothing around.
    pub fn of(date: ServiceDate) -> Self {
        Self {
            date,
            zone: TimeZone::UTC,
            area: None,
            timetable: Err("there is none".to_owned()),
            previous: BTreeMap::new(),
            history: BTreeMap::new(),
            oldest: BTreeMap::new(),
            until: None,
            is_provisional: false,
            spool: std::env::temp_dir(),
            gtfs: Arc::default(),
            siblings: Siblings::default(),
        }
    }

    /// What stands for `{date}` and `{until}` in queries: a date that is over can be judged whole, another one until its last
    /// evidence.
    pub fn placeholders(&self) -> Placeholders {
        let whole = Placeholders::of(self.date);
        let Some(until) = self.until.filter(|_| self.is_provisional) else { return whole };
        let seconds = until.as_second() - self.date.zero(&self.zone).as_second();
        let until = i32::try_from(seconds).map_or(whole.until, |seconds| ServiceSeconds(seconds).min(whole.until));
        Placeholders { until, ..whole }
    }

    /// What a rule came to in earlier partitions.
    pub fn earlier(&self, rule: &RuleId) -> &[f64] {
        self.history.get(rule).map_or(&[], Vec::as_slice)
    }
}

/// The queries of a contract: those of its rules and of its views.
pub fn queries(contract: &Contract) -> impl Iterator<Item = &Query> {
    contract.rules.iter().map(|rule| &rule.query).chain(contract.views.iter().map(|view| &view.query))
}

/// What the rules of these contracts need of a timetable.
pub fn timetable_needs<'a>(contracts: impl Iterator<Item = &'a Arc<Contract>>, gtfs: &Library) -> Needs {
    let mut needs = Needs::default();
    for contract in contracts {
        for query in queries(contract) {
            for name in query.tables.iter().filter(|name| name.starts_with(TIMETABLE)) {
                let table = name.trim_start_matches(TIMETABLE);
                let columns = gtfs.get(table).map_or(&[][..], |contract| &contract.columns);
                columns.iter().filter(|column| query.needs(name, &column.name)).for_each(|c| needs.add(table, &c.name));
                // A table of which only the rows are counted.
                if let Some(first) = columns.first() {
                    needs.add(table, &first.name);
                }
            }
            if query.says("distance_to_shape_m") {
                needs.add_shapes();
            }
        }
    }
    needs
}

/// The tables of the feed that the queries of a contract read beside their own.
pub fn siblings_of(contract: &Contract) -> BTreeSet<&str> {
    let tables = queries(contract).flat_map(|query| &query.tables).map(String::as_str);
    tables
        .filter(|table| *table != contract.table && *table != PREVIOUS && !table.starts_with(TIMETABLE))
        .filter(|table| contract.view(table).is_none())
        .collect()
}

/// The rows of tables that other tables' rules ask about: those that passed the checks of single rows.
#[derive(Default)]
pub struct Siblings {
    /// For each table that is asked about the columns that are needed, without rows.
    wanted: BTreeMap<String, RecordBatch>,
    /// Their private columns, by table.
    private: BTreeMap<String, BTreeSet<String>>,
    /// Tables that there are contracts for, and that the run does not make.
    left_out: BTreeSet<String>,
    rows: Mutex<BTreeMap<String, Vec<RecordBatch>>>,
    /// Which route and service a trip is of.
    pub trips: Trips,
}

impl Siblings {
    /// What the rules of contracts ask about one another.
    pub fn of<'a>(contracts: impl Iterator<Item = &'a Arc<Contract>> + Clone) -> Self {
        let mut wanted: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for contract in contracts.clone() {
            for sibling in siblings_of(contract) {
                let Some(other) = contracts.clone().find(|other| other.table == sibling) else { continue };
                let columns = wanted.entry(sibling.to_owned()).or_default();
                for column in &other.columns {
                    let is_needed = queries(contract).any(|query| query.needs(sibling, &column.name));
                    if is_needed && !columns.contains(&column.name) {
                        columns.push(column.name.clone());
                    }
                }
            }
        }
        let empty = |(table, columns): (String, Vec<String>)| {
            let schema = contracts.clone().find(|other| other.table == table)?.chunk_schema();
            let places: Vec<usize> = columns.iter().filter_map(|column| schema.index_of(column).ok()).collect();
            Some((table, RecordBatch::new_empty(Arc::new(schema.project(&places).ok()?))))
        };
        let private = |contract: &'a Arc<Contract>| {
            let columns = contract.columns.iter().filter(|column| column.classification == Classification::Private);
            (contract.table.clone(), columns.map(|column| column.name.clone()).collect())
        };
        // Where two contracts have a table, its rows are those of the first.
        let private = contracts.clone().map(private).collect::<Vec<_>>().into_iter().rev().collect();
        let wanted = wanted.into_iter().filter_map(empty).collect();
        Self { wanted, private, ..Self::default() }
    }

    /// Names tables that the run does not make although there are contracts for them: rules that ask about them are skipped.
    pub fn leaving_out(self, tables: impl Iterator<Item = String>) -> Self {
        Self { left_out: tables.collect(), ..self }
    }

    pub fn leaves_out(&self, table: &str) -> bool {
        self.left_out.contains(table)
    }

    /// Whether a column of a table is private.
    pub fn is_private(&self, table: &str, column: &str) -> bool {
        self.private.get(table).is_some_and(|columns| columns.contains(column))
    }

    /// Whether a table has private columns.
    pub fn has_private(&self, table: &str) -> bool {
        self.private.get(table).is_some_and(|columns| !columns.is_empty())
    }

    /// Keeps rows of a table for the others; gives how many bytes that takes.
    pub fn push(&self, table: &str, rows: &RecordBatch) -> usize {
        let Some(wanted) = self.wanted.get(table) else { return 0 };
        let (schema, wanted) = (rows.schema(), wanted.schema());
        let places: Vec<usize> =
            wanted.fields().iter().filter_map(|field| schema.index_of(field.name()).ok()).collect();
        // The places were found in the rows.
        let kept = rows.project(&places);
        let kept = kept.unwrap_or_else(|error| internal::impossible("keeping rows for other tables", error));
        let bytes = kept.get_array_memory_size();
        let mut all = self.rows.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        all.entry(table.to_owned()).or_default().push(kept);
        bytes
    }

    /// The rows of a table, as one batch; a table that the feed does not have has none. `None` if nobody asks about it.
    pub fn rows(&self, table: &str) -> Option<RecordBatch> {
        let all = self.rows.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let Some(batches) = all.get(table) else { return self.wanted.get(table).cloned() };
        arrow_select::concat::concat_batches(&batches.first()?.schema(), batches).ok()
    }
}
