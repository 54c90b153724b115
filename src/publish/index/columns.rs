//! The columns that a table has had over the years, each with an id that stays its own.
//!
//! Files say no ids: a contract may put a new column anywhere, and readers find the columns of a file by their names. Catalogues
//! tell columns apart by id, so that a column that is gone and one that comes years later under another name stay two.

use arrow_schema::DataType;
use serde::{Deserialize, Serialize};

use crate::contract::change::NumberType;
use crate::contract::{Column, Contract};
use crate::time::ServiceDate;

/// The first id of a column that a table did not have in its first version. Files of earlier versions of this program say the
/// place in the contract as id, and no contract has so many columns.
const LATER_IDS: u32 = 1001;

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexColumn {
    /// Given once, and never to another column.
    pub id: u32,
    pub name: String,
    #[serde(rename = "type")]
    pub kind: ColumnType,
    /// Whether a file of the table may lack it, or have a row without it.
    pub nullable: bool,
    /// No release has it any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gone: bool,
    /// Of a column that came after the first release: the first service date that has it, where its contract says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<ServiceDate>,
    /// Of a column that is gone: the last service date that has it, where its contract said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<ServiceDate>,
    /// What it was before, the oldest first: files of those dates have it so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<EarlierColumn>,
}

/// What a column was called, and its type, until a service date.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlierColumn {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: ColumnType,
    /// The last date that has it so.
    pub until: ServiceDate,
}

impl IndexColumn {
    /// What it was called before, the last name first; without the name that it has.
    pub fn earlier_names(&self) -> impl Iterator<Item = &str> {
        let names = self.earlier.iter().rev().map(|earlier| earlier.name.as_str());
        names.filter(move |name| *name != self.name)
    }
}

/// The type of a published column, by its name in the specification of Iceberg (section "Primitive Types").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnType {
    String,
    Int,
    Long,
    Float,
    Double,
    Boolean,
    Date,
    /// An instant in UTC.
    TimestampTz,
}

impl ColumnType {
    pub(super) fn of(column: &Column) -> Self {
        let release = column.release_type();
        match (NumberType::of(&release), release) {
            (Some(number), _) => number.into(),
            (_, DataType::Boolean) => Self::Boolean,
            (_, DataType::Date32) => Self::Date,
            (_, DataType::Timestamp(..)) => Self::TimestampTz,
            _ => Self::String,
        }
    }

    /// As it stands in an index.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Int => "int",
            Self::Long => "long",
            Self::Float => "float",
            Self::Double => "double",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::TimestampTz => "timestamptz",
        }
    }

    /// The type that has the values of both without loss: Iceberg lets a column grow into it.
    pub(super) fn wider(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Int, Self::Long) | (Self::Long, Self::Int) => Some(Self::Long),
            (Self::Float, Self::Double) | (Self::Double, Self::Float) => Some(Self::Double),
            _ => (self == other).then_some(self),
        }
    }
}

impl From<NumberType> for ColumnType {
    fn from(number: NumberType) -> Self {
        match number {
            NumberType::Int => Self::Int,
            NumberType::Long => Self::Long,
            NumberType::Float => Self::Float,
            NumberType::Double => Self::Double,
        }
    }
}

/// The columns of a table whose next release is made by a contract: those of the contract in its order, then those that are gone
/// by their ids. `before` are those of the version before, `is_new` says that there is none. What [`super::evolution`] refuses is not
/// among the differences.
pub(super) fn columns(before: &[IndexColumn], is_new: bool, contract: &Contract) -> Vec<IndexColumn> {
    let mut next = before.iter().map(|column| column.id + 1).max().unwrap_or(0).max(LATER_IDS);
    let mut gone: Vec<IndexColumn> = before.to_vec();
    let mut columns = Vec::new();
    // Geometries and their bounds are for readers of files: what DuckDB reads as GEOMETRY it cannot cast to the bytes that a catalogue
    // would have to say, as others know no native type, and then 'SELECT *' fails.
    for (place, column) in contract.public_columns() {
        let kind = ColumnType::of(column);
        let change = column.change.as_ref();
        // Of the same name there may be several whose types do not go together; the last one is the newest.
        let known = gone.iter().rposition(|known| known.name == column.name && known.kind.wider(kind).is_some());
        let renamed = || {
            let alias = change?.alias.as_deref()?;
            let is_it = |known: &IndexColumn| !known.gone && known.name == alias && known.kind.wider(kind).is_some();
            gone.iter().position(is_it)
        };
        let known = known.or_else(renamed).map(|place| gone.remove(place));
        let is_first = before.is_empty();
        let id = match &known {
            Some(known) => known.id,
            None if is_first => u32::try_from(place + 1).unwrap_or(next),
            None => {
                next += 1;
                next - 1
            }
        };
        let could_lack = match &known {
            Some(known) => known.nullable || known.gone,
            // Files that are there already do not have it.
            None => !is_new,
        };
        let mut earlier = known.as_ref().map_or_else(Vec::new, |known| known.earlier.clone());
        let wider = known.as_ref().and_then(|known| known.kind.wider(kind)).unwrap_or(kind);
        if let (Some(known), Some(change)) = (&known, change)
            && (known.name != column.name || known.kind != wider)
        {
            let until = change.since.plus_days(-1);
            earlier.push(EarlierColumn { name: known.name.clone(), kind: known.kind, until });
        }
        let since = match &known {
            Some(known) if !known.gone => known.since,
            _ => change.filter(|_| !is_new).map(|change| change.since),
        };
        columns.push(IndexColumn {
            id,
            name: column.name.clone(),
            kind: wider,
            nullable: could_lack || !contract.is_never_null(place),
            gone: false,
            since,
            until: None,
            earlier,
        });
    }
    gone.sort_by_key(|column| column.id);
    columns.extend(gone.into_iter().map(|column| IndexColumn {
        until: if column.gone { column.until } else { last_date(&column.name, contract) },
        gone: true,
        ..column
    }));
    columns
}

/// What the geometries of a table's files are called, whose next release is made by a contract. `before` are those of the version before.
pub(super) fn geometries(before: &[String], contract: &Contract) -> Vec<String> {
    let new = contract.geometry.iter().map(|geometry| &geometry.name).filter(|name| !before.contains(name));
    before.iter().chain(new).cloned().collect()
}

/// The last service date that has a column which is gone, as the contract says.
fn last_date(name: &str, contract: &Contract) -> Option<ServiceDate> {
    let removed = contract.removed.iter().find(|removed| removed.name == name).map(|removed| removed.until);
    let stays = || {
        let column = contract.index_of(name).and_then(|place| contract.columns[place].stays_public.as_ref());
        column.map(|stays| stays.until)
    };
    removed.or_else(stays)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::contract::odcs;

    fn contract(columns: &str) -> Contract {
        let columns: String =
            columns.split(' ').filter_map(|column| column.split_once(':')).fold(String::new(), |text, (name, kind)| {
                let (kind, class) = kind.split_once('-').unwrap_or((kind, "public"));
                let required = kind == "boolean";
                text + &format!(
                    "      - {{name: {name}, logicalType: {kind}, classification: {class}, required: {required}}}\n"
                )
            });
        let text = format!(
            "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: '1'\nstatus: active\nschema:\n  - name: t\n    \
             properties:\n{columns}"
        );
        odcs::contract(Path::new("t.odcs.yaml"), &text).unwrap()
    }

    fn said(columns: &[IndexColumn]) -> Vec<String> {
        let said = columns.iter().map(|column| {
            let [nullable, gone] =
                [("?", column.nullable), (" gone", column.gone)].map(|(s, is)| if is { s } else { "" });
            format!("{} {}:{:?}{nullable}{gone}", column.id, column.name, column.kind)
        });
        said.collect()
    }

    #[test]
    fn a_column_keeps_its_id_wherever_its_contract_puts_it_and_whatever_comes_and_goes() {
        let first = columns(&[], true, &contract("a:string hidden:string-restricted b:boolean c:integer"));
        assert_eq!(said(&first), ["1 a:String?", "3 b:Boolean", "4 c:Int?"]);
        let second = columns(&first, false, &contract("new:date c:integer b:boolean"));
        assert_eq!(said(&second), ["1001 new:Date?", "4 c:Int?", "3 b:Boolean", "1 a:String? gone"]);
        // One that comes back is lacking in the files between; one of another type is another column.
        let third = columns(&second, false, &contract("a:string b:string other:boolean"));
        let expected = [
            "1 a:String?",
            "1002 b:String?",
            "1003 other:Boolean?",
            "3 b:Boolean gone",
            "4 c:Int? gone",
            "1001 new:Date? gone",
        ];
        assert_eq!(said(&third), expected);
        // Nothing changes where nothing has changed.
        assert_eq!(columns(&third, false, &contract("a:string b:string other:boolean")), third);
        // An index of an earlier version of this program has files, and says no columns.
        let older = columns(&[], false, &contract("a:string b:boolean"));
        assert_eq!(said(&older), ["1 a:String?", "2 b:Boolean?"]);
    }

    #[test]
    fn a_column_grows_into_the_wider_type_and_keeps_its_id() {
        for (one, other, both) in [
            (ColumnType::Int, ColumnType::Long, Some(ColumnType::Long)),
            (ColumnType::Double, ColumnType::Float, Some(ColumnType::Double)),
            (ColumnType::Date, ColumnType::Date, Some(ColumnType::Date)),
            (ColumnType::String, ColumnType::Int, None),
        ] {
            assert_eq!((one.wider(other), other.wider(one)), (both, both));
        }
    }
}
