//! Rows that repeat the primary key of an earlier one.

use std::hash::{BuildHasher, Hasher, RandomState};

use serde_json::Value;

use super::prelude::*;
use crate::decode::gtfs::{Column, NONE, Status, Table};
use crate::feed_rules::notice::Cut;
use crate::time::{ServiceDate, ServiceSeconds};

pub static DUPLICATE_KEY: Notice = Notice {
    code: "duplicate_key",
    severity: Severity::Error,
    files: &[],
    fields: &[
        "fieldName1",
        "fieldName2",
        "fieldValue1",
        "fieldValue2",
        "filename",
        "newCsvRowNumber",
        "oldCsvRowNumber",
    ],
    en: Words {
        what: "Two rows have the same key, so it is not clear which one is meant.",
        mend: "Delete one of the two, or give it a key of its own.",
    },
    de: Words {
        what: "Zwei Zeilen haben denselben Schlüssel; unklar ist, welche gemeint ist.",
        mend: "Eine der beiden löschen oder mit eigenem Schlüssel versehen.",
    },
};

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&DUPLICATE_KEY],
    needs: Needs::Tables(&[]),
    check: Some(check),
    examples: &[
        fails("duplicate_key", 1, &[("levels.txt", "level_id,level_index\na,1\nb,2\na,3\n")]),
        fails(
            "duplicate_key",
            2,
            &[(
                "calendar_dates.txt",
                "service_id,date,exception_type\n\
                 s,20260101,1\n\
                 s,20260101,2\n\
                 s,20260102,1\n\
                 s,20260101,2\n",
            )],
        ),
        fails(
            "duplicate_key",
            1,
            &[(
                "stop_times.txt",
                "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n\
                 t,08:00:00,08:00:00,a,1\n\
                 t,08:05:00,08:05:00,b,1\n",
            )],
        ),
        passes(
            "duplicate_key",
            &[("calendar_dates.txt", "service_id,date,exception_type\ns,20260101,1\ns,20260102,1\ns2,20260101,1\n")],
        ),
    ],
};

static CUT: Cut = Cut {
    en: "a trip_id stands more than 100 times, and of these trips the stop times of the \
         first 100 were looked at",
    de: "Eine trip_id steht mehr als 100-mal da; von diesen Fahrten wurden die Halte der \
         ersten 100 geprüft",
};

fn check(feed: &Feed, out: &mut Out) {
    if feed.trips().are_cut() {
        out.cut(&CUT);
    }
    for table in feed.timetable.tables.iter().filter(|table| table.status == Status::Good && table.rows > 1) {
        match &table.contract.primary_key[..] {
            [] => {}
            [only] => single(table, *only, out),
            // Most of a feed's rows: in these two the order of the sequence finds a repetition without a set.
            _ if table.contract.table == "stop_times" => in_order(feed.trip_stops(), table, "stop_sequence", out),
            _ if table.contract.table == "shapes" => in_order(feed.shape_points(), table, "shape_pt_sequence", out),
            places => several(table, places, out),
        }
    }
}

fn single(table: &Table, place: usize, out: &mut Out) {
    let Some(Some(Column::Text { codes, words })) = table.columns.get(place) else { return };
    // As many values as cells, and no cell empty: none can be there twice.
    if words.len() == codes.len() {
        return;
    }
    let mut first = vec![u32::MAX; words.len()];
    for (row, &code) in codes.iter().enumerate().filter(|(_, code)| **code != NONE) {
        let old = &mut first[code as usize];
        if *old == u32::MAX {
            *old = row as u32;
        } else {
            tell(table, &[place], *old as usize, row, out);
        }
    }
}

fn in_order(groups: &Groups, table: &Table, sequence: &str, out: &mut Out) {
    let values = table.int(sequence);
    for (_, rows) in groups.iter() {
        let mut first = None;
        for row in rows.iter() {
            match first {
                // The sort is stable, so the first row of the file comes first.
                Some(old) if values.get(old) == values.get(row) => {
                    tell(table, &table.contract.primary_key, old, row, out);
                }
                _ => first = Some(row),
            }
        }
    }
}

fn several(table: &Table, places: &[usize], out: &mut Out) {
    let columns: Vec<Option<&Column>> =
        places.iter().map(|place| table.columns.get(*place).and_then(Option::as_ref)).collect();
    let key = |row: usize| {
        columns.iter().map(move |column| match column {
            None => 0,
            Some(Column::Text { codes, .. }) => u64::from(codes[row]),
            // An empty number is the same as none at all, which readers take for 0.
            Some(Column::Int(cells)) => u64::from(if cells[row] == i32::MIN { 0 } else { cells[row] as u32 }),
            Some(Column::Float(cells)) => cells[row].to_bits(),
        })
    };
    // The first row of each key, in open addressing: up to 16 bytes for a row. Random, so that no file can choose keys that collide.
    let hash = RandomState::new();
    let mut first = vec![NO_ROW; (2 * table.rows).next_power_of_two()];
    let mask = first.len() - 1;
    for row in 0..table.rows {
        let mut hasher = hash.build_hasher();
        key(row).for_each(|part| hasher.write_u64(part));
        let mut place = hasher.finish() as usize & mask;
        while first[place] != NO_ROW && !key(first[place] as usize).eq(key(row)) {
            place = (place + 1) & mask;
        }
        match first[place] {
            NO_ROW => first[place] = row as u32,
            old => tell(table, places, old as usize, row, out),
        }
    }
}

fn tell(table: &Table, places: &[usize], old: usize, new: usize, out: &mut Out) {
    out.add(&DUPLICATE_KEY, || {
        let mut names = Vec::new();
        let mut values = Vec::new();
        for &place in places {
            let Some(Some(column)) = table.columns.get(place) else { continue };
            let text = shown(column, table.contract.columns[place].kind, new);
            if !text.is_empty() {
                names.push(table.contract.columns[place].name.as_str());
                values.push(text);
            }
        }
        // Longer keys stand in the first of the two pairs of fields, as a list.
        let pair = names.len() <= 2;
        let second = |list: &[String]| list.get(1).filter(|_| pair).map_or(Value::Null, |text| text.as_str().into());
        let names_owned: Vec<String> = names.iter().map(ToString::to_string).collect();
        let first = |list: &[String]| if pair { list.first().cloned().unwrap_or_default() } else { list.join(",") };
        [
            first(&names_owned).into(),
            second(&names_owned),
            first(&values).into(),
            second(&values),
            table.file.as_str().into(),
            table.at(new),
            table.at(old),
        ]
    });
}

fn shown(column: &Column, kind: crate::contract::Kind, row: usize) -> String {
    match column {
        Column::Text { codes, words } => words.get(codes[row]).to_owned(),
        Column::Int(cells) if cells[row] == i32::MIN => String::new(),
        Column::Int(cells) => match kind {
            crate::contract::Kind::ServiceTime => ServiceSeconds(cells[row]).to_string(),
            crate::contract::Kind::Date => {
                ServiceDate::from_days_since_epoch(cells[row]).map_or_else(String::new, ServiceDate::to_gtfs)
            }
            _ => cells[row].to_string(),
        },
        Column::Float(cells) => cells[row].to_string(),
    }
}
