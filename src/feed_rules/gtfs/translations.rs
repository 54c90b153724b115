//! Translations of what is not there (GTFS reference, `translations.txt`).

use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};

use super::cells::MISSING_REQUIRED_FIELD;
use super::columns::RowsByCode;
use super::prelude::*;
use crate::contract::Kind;
use crate::decode::gtfs::{Column, NONE, Table};
use crate::time::{ServiceDate, ServiceSeconds};

pub static UNKNOWN_TABLE: Notice = Notice {
    code: "translation_unknown_table_name",
    severity: Severity::Warning,
    files: &["translations.txt"],
    fields: &["csvRowNumber", "tableName"],
    en: Words { what: "A text of a file is translated that is not there.", mend: "Correct table_name." },
    de: Words { what: "Ein Text einer Datei ist übersetzt, die es nicht gibt.", mend: "table_name berichtigen." },
};
pub static UNEXPECTED_VALUE: Notice = Notice {
    code: "translation_unexpected_value",
    severity: Severity::Error,
    files: &["translations.txt"],
    fields: &["csvRowNumber", "fieldName", "fieldValue"],
    en: Words {
        what: "A field must be empty here: what is translated is named by its id or by its text, not by both.",
        mend: "Empty the field.",
    },
    de: Words {
        what: "Ein Feld muss hier leer sein: Übersetztes wird durch Kennung oder Text benannt, nicht beides.",
        mend: "Feld leeren.",
    },
};
pub static NOT_FOUND: Notice = Notice {
    code: "translation_foreign_key_violation",
    severity: Severity::Error,
    files: &["translations.txt"],
    fields: &["csvRowNumber", "recordId", "recordSubId", "tableName"],
    en: Words { what: "A row is translated that is not there.", mend: "Correct record_id and record_sub_id." },
    de: Words {
        what: "Eine Zeile ist übersetzt, die es nicht gibt.",
        mend: "record_id und record_sub_id berichtigen.",
    },
};

const SOUND: &str = "table_name,field_name,language,translation,record_id,record_sub_id,field_value\n\
                     stops,stop_name,en,Town hall,a,,\n\
                     stop_times,stop_headsign,en,Town hall,t,1,\n\
                     stops,stop_name,en,Station,,,Bahnhof\n\
                     feed_info,feed_publisher_name,en,X,,,\n";

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&UNKNOWN_TABLE, &UNEXPECTED_VALUE, &NOT_FOUND],
    needs: Needs::AllTables,
    check: Some(check),
    examples: &[
        fails(
            "translation_unknown_table_name",
            1,
            &[(
                "translations.txt",
                "table_name,field_name,language,translation,field_value\n\
                 levels,level_name,en,Ground floor,EG\n",
            )],
        ),
        passes("translation_unknown_table_name", &[("translations.txt", SOUND)]),
        fails(
            "translation_unexpected_value",
            2,
            &[(
                "translations.txt",
                "table_name,field_name,language,translation,record_id,record_sub_id,field_value\n\
                 stops,stop_name,en,Town hall,a,1,Rathaus\n",
            )],
        ),
        fails(
            "translation_unexpected_value",
            1,
            &[(
                "translations.txt",
                "table_name,field_name,language,translation,record_id,record_sub_id,field_value\n\
                 stops,stop_name,en,Town hall,a,1,\n",
            )],
        ),
        passes("translation_unexpected_value", &[("translations.txt", SOUND)]),
        fails(
            "translation_foreign_key_violation",
            2,
            &[(
                "translations.txt",
                "table_name,field_name,language,translation,record_id,record_sub_id,field_value\n\
                 stops,stop_name,en,Town hall,x,,\n\
                 stop_times,stop_headsign,en,Town hall,t,9,\n",
            )],
        ),
        passes("translation_foreign_key_violation", &[("translations.txt", SOUND)]),
        fails(
            "missing_required_field",
            1,
            &[(
                "translations.txt",
                "table_name,field_name,language,translation,record_id,record_sub_id,field_value\n\
                 stops,stop_name,en,Town hall,,,\n",
            )],
        ),
    ],
};

fn check(feed: &Feed, out: &mut Out) {
    let table = feed.table("translations");
    let [names, records, subs, values] =
        ["table_name", "record_id", "record_sub_id", "field_value"].map(|column| table.text(column));
    // For each file that is translated the rows by the first part of the key.
    let mut parents: BTreeMap<&str, Rows> = BTreeMap::new();
    for row in 0..table.rows {
        let unexpected = |field: &str, cell: serde_json::Value, out: &mut Out| {
            out.add(&UNEXPECTED_VALUE, || [table.at(row), field.into(), cell]);
        };
        if values.has(row) {
            for (name, column) in [("record_id", records), ("record_sub_id", subs)] {
                if column.has(row) {
                    unexpected(name, column.value(row), out);
                }
            }
        }
        let name = names.get(row);
        let parent = feed.timetable.tables.iter().find(|table| table.contract.table.eq_ignore_ascii_case(name));
        let Some(parent) = parent.filter(|parent| parent.is_there()) else {
            out.add(&UNKNOWN_TABLE, || [table.at(row), name.into()]);
            continue;
        };
        if values.has(row) || parent.contract.table == "locations" {
            continue;
        }
        let key = key_of(parent);
        let mut wrong = false;
        for (field, column, expected) in
            [("record_id", records, !key.is_empty()), ("record_sub_id", subs, key.len() >= 2)]
        {
            match (column.has(row), expected) {
                (true, false) => unexpected(field, column.value(row), out),
                (false, true) => {
                    out.add(&MISSING_REQUIRED_FIELD, || [table.at(row), field.into(), "translations.txt".into()])
                }
                _ => continue,
            }
            wrong = true;
            break;
        }
        let rows = parents
            .entry(&parent.contract.table)
            .or_insert_with(|| Rows { by_first: first_parts(parent, &key), seconds: FxHashMap::default() });
        if !wrong && !is_there(parent, &key, rows, records.get(row), subs.get(row)) {
            out.add(&NOT_FOUND, || [table.at(row), records.value(row), subs.value(row), name.into()]);
        }
    }
}

/// The columns that `record_id` and `record_sub_id` stand for.
fn key_of(parent: &Table) -> Vec<usize> {
    // The one row of feed_info needs no key.
    if parent.contract.table == "feed_info" { Vec::new() } else { parent.contract.primary_key.clone() }
}

/// For each code of the first column of the key, if that is text, its rows.
fn first_parts(parent: &Table, key: &[usize]) -> RowsByCode {
    key.first()
        .map_or_else(RowsByCode::default, |place| parent.text(&parent.contract.columns[*place].name).rows_by_code())
}

/// The rows of a file that is translated.
struct Rows {
    /// By the first part of the key.
    by_first: RowsByCode,
    /// The second parts that there are, where a first part has many.
    seconds: FxHashMap<u32, FxHashSet<u64>>,
}

/// Rows of one first part that are looked through one by one.
const FEW: usize = 32;

fn is_there(parent: &Table, key: &[usize], all: &mut Rows, record: &str, sub: &str) -> bool {
    let [first, rest @ ..] = key else { return parent.rows > 0 };
    // The first part of every key that a translation can name is text, and an empty one names nothing.
    let code = parent.text(&parent.contract.columns[*first].name).find(record);
    let Some((code, rows)) = code.map(|code| (code, all.by_first.of(code))) else { return false };
    let Some(second) = rest.first() else { return !rows.is_empty() };
    let Some(column) = &parent.columns[*second] else { return sub.is_empty() && !rows.is_empty() };
    let kind = parent.contract.columns[*second].kind;
    let cell = |row: u32| match column {
        Column::Text { codes, .. } => u64::from(codes[row as usize]),
        Column::Int(cells) => u64::from(cells[row as usize] as u32),
        // 0 and -0 are the same number.
        Column::Float(cells) => (cells[row as usize] + 0.0).to_bits(),
    };
    let wanted = match column {
        Column::Text { .. } if sub.is_empty() => Some(u64::from(NONE)),
        Column::Text { words, .. } => words.find(sub.as_bytes()).map(u64::from),
        Column::Int(_) => match kind {
            Kind::ServiceTime => ServiceSeconds::from_gtfs(sub.as_bytes()).map(|time| time.0),
            Kind::Date => ServiceDate::from_gtfs(sub).map(ServiceDate::days_since_epoch),
            _ => sub.parse().ok(),
        }
        .map(|value| u64::from(value as u32)),
        Column::Float(_) => {
            sub.parse::<f64>().ok().filter(|value| !value.is_nan()).map(|value| (value + 0.0).to_bits())
        }
    };
    let Some(wanted) = wanted else { return false };
    if rows.len() <= FEW {
        return rows.iter().any(|row| cell(*row) == wanted);
    }
    all.seconds.entry(code).or_insert_with(|| rows.iter().map(|row| cell(*row)).collect()).contains(&wanted)
}
