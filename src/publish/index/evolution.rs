//! How the columns of a contract follow from those that a table has: what may change, and what the contract has to say for it.
//!
//! Files name their columns, and those that are out never change. So a table keeps its history only if each name and type of older
//! files leads to one column of today. What a catalogue can express is allowed: a new column, another name for the same values
//! (`alias`), numbers that grow into the wider type (`wasType`), a column that is gone (`removedColumns`). Other types under the same
//! name are refused: pyiceberg reads no column of two of them, and DuckDB casts the one into the other without a word.
//! What the contract says must be after the last date that is out, so that the dates it names are right.

use super::columns::{ColumnType, IndexColumn};
use super::table_index::TableIndex;
use crate::contract::change::ColumnChange;
use crate::contract::{BBOX, Classification, Column, Contract};
use crate::time::ServiceDate;
use crate::yaml::{Problem, suggestion};

/// Of a name that other values have in files that are out.
const ANOTHER_NAME: &str = "Give the column another name: whoever reads several years by name would mix the two.";

/// How a contract differs from what is published by it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evolution {
    /// What the contract does not say, or says wrong: nothing may be published by it.
    pub refused: Vec<Problem>,
    /// What the next release changes, and is fine.
    pub notes: Vec<Problem>,
    /// Public columns that the contract makes private, without a word on what is out.
    pub made_private: Vec<MadePrivate>,
}

/// A column that is published, and is private in its contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadePrivate {
    /// The line of the column in the contract.
    pub line: u32,
    /// What files call it: its name, and those that it had before.
    pub names: Vec<String>,
}

/// Compares a contract with the newest index of its table. A table without a file has nothing that could be lost; one of an earlier
/// version of this program says no columns.
pub fn evolution(index: &TableIndex, contract: &Contract) -> Evolution {
    let mut compared = Compared {
        index,
        contract,
        name: format!("{}/{}", index.dataset, index.table),
        last: index.files.iter().rfind(|file| !file.provisional).map(|file| file.partition_date),
        found: Evolution::default(),
    };
    if !index.files.is_empty() && !index.columns.is_empty() {
        contract.public_columns().for_each(|(place, column)| compared.column(place, column));
        index.columns.iter().for_each(|known| compared.is_kept(known));
        compared.geometry();
    }
    compared.found.refused.sort();
    compared.found
}

/// What files of a table may call a column of its contract: its name, what the contract says that it was called before, and what the
/// index says.
pub fn names_of<'a>(name: &'a str, contract: &'a Contract, known: &'a [IndexColumn]) -> impl Iterator<Item = &'a str> {
    let column = contract.index_of(name).map(|place| &contract.columns[place]);
    let alias = column.and_then(|column| column.change.as_ref()?.alias.as_deref());
    let of = |name: &str| known.iter().find(|known| !known.gone && known.name == name);
    let before = of(name).or_else(|| of(alias?));
    std::iter::once(name).chain(alias).chain(before.into_iter().flat_map(IndexColumn::earlier_names))
}

struct Compared<'a> {
    index: &'a TableIndex,
    contract: &'a Contract,
    /// Of the table, with its dataset.
    name: String,
    /// The last date that is out and complete.
    last: Option<ServiceDate>,
    found: Evolution,
}

impl<'a> Compared<'a> {
    fn refuse(&mut self, line: u32, message: String, remedy: impl Into<String>) {
        let (file, remedy) = (self.contract.file.clone(), remedy.into());
        self.found.refused.push(Problem { file, line, message, remedy });
    }

    fn note(&mut self, line: u32, message: String, remedy: &str) {
        let (file, remedy) = (self.contract.file.clone(), remedy.to_owned());
        self.found.notes.push(Problem { file, line, message, remedy });
    }

    fn live(&self, name: &str) -> Option<&'a IndexColumn> {
        self.index.columns.iter().find(|known| !known.gone && known.name == name)
    }

    /// Of several that had the name and are gone, the newest.
    fn gone(&self, name: &str) -> Option<&'a IndexColumn> {
        self.index.columns.iter().rev().find(|known| known.gone && known.name == name)
    }

    /// The column that once had a name, and has another one.
    fn renamed(&self, name: &str) -> Option<&'a IndexColumn> {
        self.index.columns.iter().find(|known| known.earlier_names().any(|earlier| earlier == name))
    }

    /// The first date on which a change can hold.
    fn next(&self) -> ServiceDate {
        let newest = || self.index.files.last().map(|file| file.partition_date);
        let next = self.last.map(|date| date.plus_days(1)).or_else(newest);
        next.unwrap_or_else(|| ServiceDate::local_date_of(jiff::Timestamp::UNIX_EPOCH, &jiff::tz::TimeZone::UTC))
    }

    fn column(&mut self, place: usize, column: &'a Column) {
        let (line, name, kind) = (column.line, &column.name, ColumnType::of(column));
        let alias = column.change.as_ref().and_then(|change| change.alias.as_deref());
        if let Some(known) = self.live(name) {
            self.kind(column, known, kind);
            self.said_before(column, known);
            if let Some(alias) = alias.filter(|alias| self.live(alias).is_some()) {
                let message = format!(
                    "'{name}' of {} is published already as a column of its own, so that '{alias}' cannot become it",
                    self.name
                );
                self.refuse(line, message, format!("Remove the alias, and write '{alias}' under 'removedColumns'."));
            }
            return;
        }
        let is_of_geometry = self.index.geometries.iter().any(|geometry| geometry == name)
            || !self.index.geometries.is_empty() && name == BBOX;
        if is_of_geometry {
            let message = format!("'{name}' of {} is a geometry or its bounds in files that are out", self.name);
            return self.refuse(line, message, ANOTHER_NAME);
        }
        if let Some(other) = self.renamed(name).filter(|other| other.gone || Some(other.name.as_str()) != alias) {
            let message =
                format!("'{name}' of {} is what '{}' was called before, in files that are out", self.name, other.name);
            return self.refuse(line, message, ANOTHER_NAME);
        }
        if let Some(before) = self.gone(name) {
            if before.kind.wider(kind).is_none() || alias.is_some() {
                let kind = before.kind.word();
                let message =
                    format!("'{name}' of {} was the name of another column, which is gone and was {kind}", self.name);
                return self.refuse(line, message, ANOTHER_NAME);
            }
            self.is_after_what_is_out(column.change.as_ref(), name);
            let message = format!("the column '{name}' of {} comes back", self.name);
            return self.note(
                line,
                message,
                "In the catalogue it is the same as before, with nulls on the dates between.",
            );
        }
        match alias {
            Some(alias) => self.alias(column, kind, alias),
            None => {
                self.is_after_what_is_out(column.change.as_ref(), name);
                let message = format!("the column '{name}' of {} is new", self.name);
                let remedy = match self.contract.is_never_null(place) {
                    true => {
                        "It is 'required', and the dates that are out do not have it: the catalogue says that it may be null, and \
                         who reads all dates finds nulls on those."
                    }
                    false => "The dates that are out do not have it: who reads all dates finds nulls on those.",
                };
                self.note(line, message, remedy);
            }
        }
    }

    /// A geometry must not have the name of a column: in the files of one of the two its values would be those of the other.
    fn geometry(&mut self) {
        let Some(geometry) = &self.contract.geometry else { return };
        let (name, bounds) = (geometry.name.as_str(), BBOX);
        let had = |known: &&IndexColumn| {
            [name, bounds]
                .iter()
                .any(|name| known.name == *name || known.earlier_names().any(|earlier| earlier == *name))
        };
        if let Some(known) = self.index.columns.iter().find(had) {
            let message = format!(
                "the geometry '{name}' of {} and its bounds '{bounds}' take the name of '{}', a column of files that are out",
                self.name, known.name
            );
            let remedy = match known.name == bounds || known.earlier_names().any(|earlier| earlier == bounds) {
                true => "Remove the geometry: its bounds have this name in every file.",
                false => "Give the geometry another name.",
            };
            self.refuse(geometry.line, message, remedy);
        }
    }

    /// A column that is new under its name, and was called otherwise.
    fn alias(&mut self, column: &'a Column, kind: ColumnType, alias: &str) {
        let (name, table) = (&column.name, self.name.clone());
        let line = column.change.as_ref().map_or(column.line, |change| change.line);
        if let Some(known) = self.live(alias) {
            self.kind(column, known, kind);
            self.is_after_what_is_out(column.change.as_ref(), name);
            let message = format!("the column '{alias}' of {table} is called '{name}' from now on");
            return self.note(
                line,
                message,
                "The catalogue finds both names; 'files.json' says which dates have which.",
            );
        }
        if let Some(other) = self.renamed(alias) {
            let other = &other.name;
            let message = format!("'{alias}' of {table}, the alias of '{name}', is called '{other}' already");
            return self.refuse(line, message, format!("Write 'alias' with the last name: '{other}'."));
        }
        if self.gone(alias).is_some() {
            let message = format!("'{alias}' of {table}, the alias of '{name}', is gone already");
            return self.refuse(line, message, "Remove the alias: a column that is gone gets no other name.");
        }
        let known: Vec<&str> =
            self.index.columns.iter().filter(|known| !known.gone).map(|known| known.name.as_str()).collect();
        let message = format!("'{alias}', the alias of '{name}', was never published in {table}");
        self.refuse(line, message, suggestion(alias, &known));
    }

    /// Whether the values of today may stand where those of before stand.
    fn kind(&mut self, column: &'a Column, known: &IndexColumn, kind: ColumnType) {
        let (line, name, table, next) = (column.line, &column.name, &self.name, self.next());
        let (was, is) = (known.kind.word(), kind.word());
        if known.kind == kind {
            return;
        }
        match known.kind.wider(kind) {
            None => {
                let (was_name, last) = (&known.name, next.plus_days(-1));
                let message = format!(
                    "'{was_name}' of {table} is published as {was}, and '{name}' is {is}: no reader has both as one column"
                );
                let remedy = format!(
                    "Give the new values a column of a name that was never published, and write at the table \
                     '{{property: removedColumns, value: [{{name: {was_name}, until: {last}}}]}}'."
                );
                self.refuse(line, message, remedy);
            }
            Some(wider) if wider == known.kind => {
                let message = format!("'{name}' of {table} is published as {was}, and {is} has not all of its values");
                self.refuse(line, message, format!("Write 'physicalType: {}'.", physical(known.kind)));
            }
            Some(_) => {
                let change = column.change.as_ref();
                if change.and_then(|change| change.was_type).map(ColumnType::from) == Some(known.kind) {
                    self.is_after_what_is_out(change, name);
                    let message = format!("'{name}' of {} grows from {was} into {is}", self.name);
                    return self.note(line, message, "The catalogue reads older files as the wider type.");
                }
                let message = format!("'{name}' of {table} is published as {was}, and is {is} now");
                let remedy = format!(
                    "Write at the column 'customProperties: [{{property: wasType, value: {}}}, {{property: since, value: {next}}}]', or \
                     give it its type back.",
                    physical(known.kind)
                );
                self.refuse(line, message, remedy);
            }
        }
    }

    /// What the contract still says of a change that is out must be what was said then.
    fn said_before(&mut self, column: &Column, known: &IndexColumn) {
        let Some(change) = &column.change else { return };
        let was_type = change.was_type.map(ColumnType::from);
        let same = known.earlier.iter().rev().find(|earlier| {
            change.alias.as_ref().is_some_and(|alias| earlier.name == *alias)
                || was_type.is_some_and(|kind| earlier.kind == kind)
        });
        let is_plain = change.alias.is_none() && was_type.is_none();
        let since = same.map(|earlier| earlier.until.plus_days(1)).or(known.since.filter(|_| is_plain));
        if let Some(since) = since.filter(|since| *since != change.since) {
            let message = format!(
                "'since' of '{}' is {}, and {} was published with {since}",
                column.name, change.since, self.name
            );
            self.refuse(
                change.line,
                message,
                format!("Write 'since' with {since}, as whoever has the files was told."),
            );
        }
    }

    /// A change that is not out yet cannot hold on dates that are.
    fn is_after_what_is_out(&mut self, change: Option<&ColumnChange>, name: &str) {
        let (Some(change), Some(last)) = (change, self.last) else { return };
        if change.since <= last {
            let message = format!(
                "'since' of '{name}' is {}, and {} is published up to {last} as it was before",
                change.since, self.name
            );
            self.refuse(change.line, message, format!("Write 'since' with {} or a later date.", last.plus_days(1)));
        }
    }

    /// What becomes of a column that is published.
    fn is_kept(&mut self, known: &'a IndexColumn) {
        let name = &known.name;
        let said = self.contract.removed.iter().find(|removed| removed.name == *name).map(|it| (it.line, it.until));
        if known.gone {
            // One that has come back and is gone again has the last word.
            let is_newest = self.gone(name).is_some_and(|newest| newest.id == known.id) && self.live(name).is_none();
            if let (Some((line, said)), Some(until), true) = (said, known.until, is_newest)
                && said != until
            {
                let message = format!("'until' of '{name}' is {said}, and {} was published with {until}", self.name);
                self.refuse(line, message, format!("Write 'until' with {until}, as whoever has the files was told."));
            }
            return;
        }
        let becomes = |column: &Column| {
            column.name == *name || column.change.as_ref().is_some_and(|change| change.alias.as_ref() == Some(name))
        };
        if self.contract.public_columns().any(|(_, column)| becomes(column)) {
            return;
        }
        let column = self.contract.columns.iter().find(|column| column.name == *name);
        let private = column.filter(|column| column.classification == Classification::Private);
        if let Some(column) = private {
            match &column.stays_public {
                Some(stays) => self.ends_after_what_is_out(name, stays.line, stays.until),
                None => {
                    let names = std::iter::once(name.as_str()).chain(known.earlier_names()).map(str::to_owned);
                    self.found.made_private.push(MadePrivate { line: column.line, names: names.collect() });
                }
            }
            return;
        }
        if let Some((line, until)) = said {
            return self.ends_after_what_is_out(name, line, until);
        }
        let next = self.next();
        let message = format!("'{name}' of {} is published, and is no column of the contract any more", self.name);
        let remedy = format!(
            "If it is gone, write at the table '{{property: removedColumns, value: [{{name: {name}, until: {}}}]}}'. If it has another \
             name now, write there 'customProperties: [{{property: alias, value: {name}}}, {{property: since, value: {next}}}]'.",
            next.plus_days(-1)
        );
        self.refuse(self.contract.line, message, remedy);
    }

    /// The last date that has a column is not before one that is out.
    fn ends_after_what_is_out(&mut self, name: &str, line: u32, until: ServiceDate) {
        if let Some(last) = self.last.filter(|last| until < *last) {
            let message = format!("'{name}' of {} ends with {until}, and is published up to {last}", self.name);
            return self.refuse(line, message, format!("Write {last} or a later date."));
        }
        let message = format!("'{name}' of {} is not published any more", self.name);
        self.note(line, message, "Dates that are out keep it; the catalogue shows it in older versions only.");
    }
}

/// As a contract says it.
fn physical(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Int => "int32",
        ColumnType::Long => "int64",
        other => other.word(),
    }
}

#[cfg(test)]
mod tests;
