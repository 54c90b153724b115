//! What rules take away from a table: when it is too much to be a fault of single rows, the run is held back.
//!
//! A feed whose every row is torn loses nothing by itself, since all of it waits in quarantine; what would be published is an
//! empty table over the good one of yesterday. So a table that may not be absent blocks the run where more than half of its
//! rows are held back, or all rows of a route or a service, and a column where more than half of its values were nulled. The
//! contract may set other limits: `maxRowsLost`, `maxRoutesLost`, `maxServicesLost`, `maxValuesLost`. Rows that the data
//! manager discarded are not lost: somebody decided that.
//!
//! Holds 16 bytes for each route, service and trip of a timetable, booked on the run's budget by the caller.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::check::{Outcome, RuleResult, show};
use crate::contract::{Classification, Contract, Dimension, Kind, OnFail, Presence, RuleId, Severity};
use crate::table::keys::{Seed, text_key};
use crate::text::{Text, german_number};

/// Of a column with fewer values than this nobody can say that a rule emptied it.
const FEWEST_VALUES: u64 = 5;
/// Routes or services that a message names.
const NAMED: usize = 5;
/// Routes and services whose names are kept for messages.
const KEPT_NAMES: usize = 10_000;

/// What a table has lost so far.
pub(super) struct Losses {
    rows: u64,
    held: u64,
    columns: Vec<Values>,
    groups: Vec<Group>,
}

/// The values of a column.
#[derive(Clone, Copy, Default)]
struct Values {
    /// Those that came, readable or not.
    came: u64,
    nulled: u64,
}

/// The rows of a table by route, service or trip.
struct Group {
    what: What,
    column: usize,
    held: FxHashSet<u128>,
    published: FxHashSet<u128>,
    names: FxHashMap<u128, String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Route,
    Service,
    /// Stands for the route and the service of the trip.
    Trip,
}

/// Which route and which service a trip is of, for tables that name only the trip. Filled by the table of trips, which
/// comes before those that refer to it.
#[derive(Default)]
pub struct Trips(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// Places in `names`, by trip.
    trips: FxHashMap<u128, [Option<u32>; 2]>,
    places: FxHashMap<(bool, String), u32>,
    names: Vec<String>,
}

impl Losses {
    pub(super) fn new(contract: &Contract) -> Self {
        let group = |name: &str, what: What| {
            let column = contract.index_of(name)?;
            let (held, published, names) = Default::default();
            Some(Group { what, column, held, published, names })
        };
        let mut groups = Vec::new();
        if is_guarded(contract) && contract.gtfs_file.is_some() {
            let named = [("route_id", What::Route), ("service_id", What::Service)];
            groups.extend(named.into_iter().filter_map(|(name, what)| group(name, what)));
            if groups.is_empty() {
                groups.extend(group("trip_id", What::Trip));
            }
        }
        Self { rows: 0, held: 0, columns: vec![Values::default(); contract.columns.len()], groups }
    }

    /// Rows came that no rule has seen, one of which swallowed so many others.
    pub(super) fn came(&mut self, rows: &RecordBatch, swallowed: u64) {
        self.rows += rows.num_rows() as u64 + swallowed;
        self.held += swallowed;
        for (values, array) in self.columns.iter_mut().zip(rows.columns()) {
            values.came += (array.len() - array.null_count()) as u64;
        }
    }

    /// A rule nulls cells of a column. A cell that is null already was there and could not be read, if `unread`.
    pub(super) fn nulls(&mut self, column: usize, array: &ArrayRef, rows: &[usize], unread: bool) {
        let Some(values) = self.columns.get_mut(column) else { return };
        let distinct: BTreeSet<usize> = rows.iter().copied().collect();
        for row in distinct {
            let was_there = row < array.len() && array.is_valid(row);
            values.nulled += u64::from(was_there || unread);
            values.came += u64::from(!was_there && unread);
        }
    }

    /// Rows are held back. Gives how many bytes more are held here.
    pub(super) fn held(&mut self, rows: &RecordBatch) -> usize {
        self.held += rows.num_rows() as u64;
        let mut bytes = 0;
        for group in &mut self.groups {
            for (_, text) in changes(rows.column(group.column)) {
                let key = text_key(text, Seed::of_process());
                if !group.held.insert(key) {
                    continue;
                }
                bytes += size_of::<u128>();
                if group.what != What::Trip && group.names.len() < KEPT_NAMES {
                    bytes += text.len();
                    group.names.insert(key, text.to_owned());
                }
            }
        }
        bytes
    }

    /// Rows are published. Gives how many bytes more are held here.
    pub(super) fn published(&mut self, rows: &RecordBatch) -> usize {
        let mut bytes = 0;
        for group in &mut self.groups {
            for (_, text) in changes(rows.column(group.column)) {
                bytes += size_of::<u128>() * usize::from(group.published.insert(text_key(text, Seed::of_process())));
            }
        }
        bytes
    }

    /// The limits that were passed; within them there is nothing to tell.
    pub(super) fn outcomes(&self, contract: &Contract, trips: &Trips) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        if is_guarded(contract) {
            let most = contract.limits.rows_lost;
            let table = &contract.table;
            let mut message = Text::new(
                format!(
                    "no more than {most} % of the rows of {table} are held back: {} of {} are",
                    self.held, self.rows
                ),
                format!(
                    "höchstens {} % der Zeilen von {table} werden zurückgehalten: es sind {} von {}",
                    german_number(&most.to_string()),
                    self.held,
                    self.rows
                ),
            );
            let mut too_many = self.held as f64 * 100.0 > most * self.rows as f64;
            // A file of which only the header came is as one that lost all of its rows.
            if self.rows == 0 && contract.presence == Presence::Required && most < 100.0 {
                too_many = true;
                message = Text::new(
                    format!("{table} has rows, as every feed must: it has none"),
                    format!("{table} hat Zeilen, wie in jedem Feed: es hat keine"),
                );
            }
            outcomes.push(outcome(
                contract,
                "rows_lost",
                Loss { rows: self.held, checked: self.rows, too_many },
                message,
            ));
            outcomes.extend(self.groups_lost(contract, trips));
        }
        let columns = contract.columns.iter().zip(&self.columns);
        for (column, values) in columns.filter(|(column, _)| column.classification == Classification::Public) {
            if values.came < FEWEST_VALUES || values.nulled == 0 {
                continue;
            }
            let most = column.most_values_lost;
            let (name, nulled, came) = (&column.name, values.nulled, values.came);
            let message = Text::new(
                format!(
                    "rules null no more than {most} % of the values of {name}: they null {nulled} of {came}. Where the values \
                     are right, the rule, the service area or the order of its numbers is wrong"
                ),
                format!(
                    "Regeln leeren höchstens {} % der Werte von {name}: sie leeren {nulled} von {came}. Sind die Werte richtig, \
                     so ist die Regel, das Bediengebiet oder die Reihenfolge seiner Zahlen falsch",
                    german_number(&most.to_string())
                ),
            );
            let too_many = values.nulled as f64 * 100.0 > most * values.came as f64;
            let rule = format!("{}.values_lost", column.name);
            outcomes.push(outcome(
                contract,
                &rule,
                Loss { rows: values.nulled, checked: values.came, too_many },
                message,
            ));
        }
        outcomes.retain(|outcome| outcome.result == RuleResult::Failed);
        outcomes
    }

    fn groups_lost(&self, contract: &Contract, trips: &Trips) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        let mut add = |what: What, lost: Vec<String>, of: usize| {
            let (name, most) = match what {
                What::Service => ("service", contract.limits.services_lost),
                _ => ("route", contract.limits.routes_lost),
            };
            let shown: Vec<&str> = lost.iter().take(NAMED).map(String::as_str).collect();
            let more = if lost.len() > NAMED { format!(" and {} more", lost.len() - NAMED) } else { String::new() };
            let found =
                if lost.is_empty() { String::new() } else { format!(": all of {}{more} are", shown.join(", ")) };
            let german = match lost.len() {
                0 => String::new(),
                count if count > NAMED => format!(": alle von {} und {} weiteren", shown.join(", "), count - NAMED),
                _ => format!(": alle von {}", shown.join(", ")),
            };
            let none = if matches!(what, What::Service) { "keiner Verkehrstageregelung" } else { "keiner Linie" };
            let message = Text::new(
                format!("of no {name} all rows of {} are held back{found}", contract.table),
                format!("von {none} werden alle Zeilen von {} zurückgehalten{german}", contract.table),
            );
            let too_many = lost.len() as u64 > most;
            let rule = format!("{name}_lost");
            outcomes.push(outcome(
                contract,
                &rule,
                Loss { rows: lost.len() as u64, checked: of as u64, too_many },
                message,
            ));
        };
        for group in &self.groups {
            match group.what {
                What::Trip => {
                    let (routes, services, of) = trips.lost(&group.held, &group.published);
                    add(What::Route, routes, of[0]);
                    add(What::Service, services, of[1]);
                }
                what => {
                    let lost: Vec<u128> = group.held.difference(&group.published).copied().collect();
                    let mut names: Vec<String> = lost
                        .iter()
                        .map(|key| {
                            group.names.get(key).cloned().unwrap_or_else(|| "one without a name here".to_owned())
                        })
                        .collect();
                    names.sort();
                    add(what, names, group.held.union(&group.published).count());
                }
            }
        }
        outcomes
    }
}

impl Trips {
    /// Remembers the route and the service of trips; gives how many bytes that takes.
    pub(super) fn push(&self, contract: &Contract, rows: &RecordBatch) -> usize {
        let places = ["trip_id", "route_id", "service_id"].map(|name| contract.index_of(name));
        let [Some(trip), route, service] = places else { return 0 };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = known.names.len();
        let mut bytes = 0;
        for (row, trip) in changes(rows.column(trip)) {
            let key = text_key(trip, Seed::of_process());
            let of = [(false, route), (true, service)].map(|(is_service, place)| {
                let name = show(rows.column(place?), Kind::Text, row)?;
                let Known { places, names, .. } = &mut *known;
                Some(*places.entry((is_service, name)).or_insert_with_key(|(_, name)| {
                    names.push(name.clone());
                    names.len() as u32 - 1
                }))
            });
            bytes += if known.trips.insert(key, of).is_none() { 32 } else { 0 };
        }
        bytes + known.names[before..].iter().map(|name| 2 * name.len() + 48).sum::<usize>()
    }

    /// The routes and the services all of whose trips are among those held and none among those published, and how many
    /// there are of each.
    fn lost(&self, held: &FxHashSet<u128>, published: &FxHashSet<u128>) -> (Vec<String>, Vec<String>, [usize; 2]) {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let places = |trips: &FxHashSet<u128>, which: usize| -> BTreeSet<u32> {
            trips.iter().filter_map(|trip| known.trips.get(trip)?[which]).collect()
        };
        let lost = |which: usize| {
            let (gone, there) = (places(held, which), places(published, which));
            let mut names: Vec<String> =
                gone.difference(&there).filter_map(|place| known.names.get(*place as usize).cloned()).collect();
            names.sort();
            (names, gone.union(&there).count())
        };
        let ((routes, of_routes), (services, of_services)) = (lost(0), lost(1));
        (routes, services, [of_routes, of_services])
    }
}

/// The texts of a column with their rows, without those that are the same as in the row before: rows of one trip stand
/// together.
fn changes(array: &ArrayRef) -> impl Iterator<Item = (usize, &str)> {
    let mut last = None;
    let texts = array.as_string_opt::<i32>().into_iter().flatten().enumerate();
    texts.filter_map(move |(row, text)| {
        let is_new = last != text;
        last = text;
        Some((row, text?)).filter(|_| is_new)
    })
}

/// Tables that a feed must have, and those that are not of a timetable: they are what the dataset is about.
fn is_guarded(contract: &Contract) -> bool {
    contract.gtfs_file.is_none() || matches!(contract.presence, Presence::Required | Presence::ConditionallyRequired)
}

/// What was lost of `checked` rows or values, and whether that is too much.
struct Loss {
    rows: u64,
    checked: u64,
    too_many: bool,
}

fn outcome(contract: &Contract, rule: &str, loss: Loss, message: Text) -> Outcome {
    let Loss { rows, checked, too_many } = loss;
    let result = if too_many { RuleResult::Failed } else { RuleResult::Passed };
    Outcome {
        rule: RuleId(format!("{}.{rule}", contract.table)),
        table: contract.table.clone(),
        dimension: Dimension::Completeness,
        severity: Severity::Error,
        on_fail: OnFail::Block,
        result,
        rows,
        checked,
        value: None,
        message: message.en,
        found_de: Some(message.de),
        samples: Vec::new(),
    }
}
