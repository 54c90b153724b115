//! What the report says of how columns are made, in German and English.

use std::path::Path;

use serde::Serialize;

use crate::contract::RuleId;
use crate::derive::derivation::{OutputColumn, RowsRead};
use crate::derive::privacy::step::{CutOff, OutsideTrips, PrivacyRules, Scope};
use crate::text::Text;
use crate::time::ServiceDate;

pub(super) fn not_published() -> Text {
    Text::new("not published", "nicht veröffentlicht")
}

/// The published dates that still have a column which is private now.
#[derive(Debug, Serialize)]
pub(crate) struct StillPublished {
    pub dates: usize,
    pub first: ServiceDate,
    pub last: ServiceDate,
    /// Why that may stay so, as the contract says (`publicUntil`).
    pub reason: Option<String>,
}

/// Of a column that is private now, and that published files still have.
pub(super) fn still_published(still: &StillPublished) -> Text {
    let StillPublished { dates, first, last, reason } = still;
    let (have, enthalten) = match dates {
        1 => ("date still has", "veröffentlichter Tag enthält"),
        _ => ("dates still have", "veröffentlichte Tage enthalten"),
    };
    let (en, de) = match reason {
        Some(reason) => (format!("which may stay so: {reason}"), format!("das darf so bleiben: {reason}")),
        None => (
            format!("'fahrtenbuch check' says how to withdraw {}", if *dates == 1 { "it" } else { "them" }),
            "'fahrtenbuch check' nennt den Befehl, der sie zurückzieht".to_owned(),
        ),
    };
    Text::new(
        format!("not published any more; {dates} published {have} it ({first} to {last}), {en}"),
        format!("nicht mehr veröffentlicht; {dates} {enthalten} sie noch ({first} bis {last}), {de}"),
    )
}

pub(super) fn as_it_came() -> Text {
    Text::new("as it came", "wie empfangen")
}

pub(super) fn pseudonym(scope: Scope) -> Text {
    match scope {
        Scope::Day => Text::new(
            "pseudonym per service date: the first 64 bits of HMAC-SHA256 of the vehicle's id under the key of the date",
            "Pseudonym je Betriebstag: die ersten 64 Bit von HMAC-SHA256 der Fahrzeugkennung mit dem Schlüssel des Tages",
        ),
        Scope::Trip => Text::new(
            "pseudonym per trip: the first 64 bits of HMAC-SHA256 of vehicle and trip under the key of the date",
            "Pseudonym je Fahrt: die ersten 64 Bit von HMAC-SHA256 aus Fahrzeug und Fahrt mit dem Schlüssel des Tages",
        ),
        Scope::Block => Text::new(
            "pseudonym per block: the first 64 bits of HMAC-SHA256 of vehicle and block under the key of the date; per trip where \
             the timetable knows no block",
            "Pseudonym je Umlauf: die ersten 64 Bit von HMAC-SHA256 aus Fahrzeug und Umlauf mit dem Schlüssel des Tages; je Fahrt, wo \
             der Fahrplan keinen Umlauf kennt",
        ),
    }
}

/// Worked out of columns of the feed's table.
pub(super) fn worked_out(from: &[&str]) -> Text {
    let list = from.join(", ");
    match from {
        [] => made_by_program(),
        [_] => Text::new(
            format!("made of the received column {list}"),
            format!("aus der empfangenen Spalte {list} gebildet"),
        ),
        _ => {
            Text::new(format!("made of received columns: {list}"), format!("aus empfangenen Spalten gebildet: {list}"))
        }
    }
}

/// Some values are replaced by others before the check.
pub(super) fn replaced(values: Text, file: &Path) -> Text {
    let file = file.file_name().unwrap_or_default().display();
    Text::new(
        format!("{}, with the values that {file} replaces", values.en),
        format!("{}, mit den Werten, die {file} ersetzt", values.de),
    )
}

/// Where values are not published although their row is: positions that are cut off, and what rules null.
pub(super) fn but_for(made: Text, is_cut_off: bool, nulling: &[RuleId]) -> Text {
    let Text { mut en, mut de } = made;
    if is_cut_off {
        en += ", where it is not cut off (see above)";
        de += ", soweit nicht abgeschnitten (siehe oben)";
    }
    if !nulling.is_empty() {
        let rules = nulling.iter().map(|rule| rule.0.as_str()).collect::<Vec<_>>().join(", ");
        en += &format!("; null where a rule rejects the value: {rules}");
        de += &format!("; leer, wo eine Regel den Wert verwirft: {rules}");
    }
    Text::new(en, de)
}

/// What a pipeline says of privacy.
pub(crate) fn privacy(rules: &PrivacyRules) -> Vec<Text> {
    let mut told = vec![match rules.pseudonyms {
        Scope::Day => Text::new(
            "A vehicle has the same pseudonym all day.",
            "Ein Fahrzeug hat den ganzen Tag dasselbe Pseudonym.",
        ),
        Scope::Trip => Text::new(
            "A vehicle has another pseudonym on each trip.",
            "Ein Fahrzeug hat auf jeder Fahrt ein anderes Pseudonym.",
        ),
        Scope::Block => Text::new(
            "A vehicle has another pseudonym in each block.",
            "Ein Fahrzeug hat in jedem Umlauf ein anderes Pseudonym.",
        ),
    }];
    let cut = |cut: CutOff| match cut {
        CutOff::Drop => ("the row is dropped", "die Zeile entfällt"),
        CutOff::Blank => ("what tells the place is null", "Ortsangaben bleiben leer"),
    };
    told.push(match rules.outside_trips {
        Some(OutsideTrips { cut: how, before, after }) => {
            let (en, de) = cut(how);
            let (before, after) = (before / 60, after / 60);
            Text::new(
                format!("Positions of no trip, or more than {before} min before it or {after} min after it, are cut off: {en}."),
                format!("Positionen ohne Fahrt, oder mehr als {before} min davor oder {after} min danach, sind abgeschnitten: {de}."),
            )
        }
        None => Text::new("Positions outside of trips are published.", "Positionen außerhalb von Fahrten werden veröffentlicht."),
    });
    told.push(match &rules.zones {
        Some(zones) => {
            let ((en, de), count, file) = (cut(zones.cut), zones.zones.count(), &zones.file);
            let of = match count {
                1 => Text::new("the one zone", "der einen Zone"),
                count => Text::new(format!("the {count} zones"), format!("den {count} Zonen")),
            };
            Text::new(
                format!("Positions in {} of {file} are cut off: {en}.", of.en),
                format!("Positionen in {} von {file} sind abgeschnitten: {de}.", of.de),
            )
        }
        None => Text::new(
            "Positions in depots and lay-over places are published.",
            "Positionen in Betriebshöfen und an Pausenplätzen werden veröffentlicht.",
        ),
    });
    told
}

pub(super) fn key_of_report() -> Text {
    Text::new(
        "made of the pseudonym and of keyed digits that tell nothing",
        "aus dem Pseudonym und verschlüsselten Zeichen gebildet, die nichts verraten",
    )
}

pub(super) fn counted_back(step: u32) -> Text {
    let Text { en, de } = seconds(step);
    Text::new(
        format!("counted back from the receipt, to {en}, so that no on-board unit is known by its second"),
        format!("vom Empfang zurückgerechnet, auf {de}, damit kein Bordrechner an seiner Sekunde erkennbar ist"),
    )
}

pub(super) fn last_of_span(span: u32) -> Text {
    let Text { en, de } = seconds(span);
    Text::new(
        format!("that of the last snapshot within the same {en}"),
        format!("die des letzten Schnappschusses derselben {de}"),
    )
}

pub(super) fn rounded(step: u32) -> Text {
    let Text { en, de } = seconds(step);
    Text::new(format!("rounded to {en}"), format!("auf {de} gerundet"))
}

pub(super) fn made_by_program() -> Text {
    Text::new("made by the program", "vom Programm gebildet")
}

/// A column of a derived table.
pub(super) fn derived(column: &OutputColumn) -> Text {
    let list = column.from.join(", ");
    match column.rows {
        _ if column.from.is_empty() => made_by_program(),
        RowsRead::Published => Text::new(
            format!("made of published columns and of the timetable: {list}"),
            format!("aus veröffentlichten Spalten und dem Fahrplan gebildet: {list}"),
        ),
        RowsRead::All => Text::new(
            format!(
                "made of published columns, of the number of rows that are not published, and of the timetable: {list}"
            ),
            format!(
                "aus veröffentlichten Spalten, der Zahl nicht veröffentlichter Zeilen und dem Fahrplan gebildet: {list}"
            ),
        ),
        RowsRead::HeldBack => counted(("held back", "zurückgehaltene"), &list),
        RowsRead::Dropped => counted(("dropped", "verworfene"), &list),
    }
}

/// The number of rows that are not published, under what published ones say.
fn counted((en, de): (&str, &str), list: &str) -> Text {
    Text::new(
        format!(
            "counts rows that were {en} and are not published; nothing else of them is told, and their line and hour only where a \
             published row or a trip has the same: by {list}"
        ),
        format!(
            "zählt {de}, nicht veröffentlichte Zeilen; mehr wird von ihnen nicht gesagt, Linie und Stunde nur, wo eine veröffentlichte \
             Zeile oder eine Fahrt dieselben hat: nach {list}"
        ),
    )
}

/// Seconds, also behind 'auf' and 'derselben'.
fn seconds(count: u32) -> Text {
    match count {
        1 => Text::new("1 second", "1 Sekunde"),
        count => Text::new(format!("{count} seconds"), format!("{count} Sekunden")),
    }
}

pub(super) fn geometry() -> Text {
    Text::new("made of the published columns", "aus den veröffentlichten Spalten gebildet")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_second_and_a_single_date_are_told_as_one() {
        assert_eq!(rounded(1), Text::new("rounded to 1 second", "auf 1 Sekunde gerundet"));
        assert_eq!(rounded(5), Text::new("rounded to 5 seconds", "auf 5 Sekunden gerundet"));
        let date: ServiceDate = "2026-11-24".parse().unwrap();
        let still = |dates| still_published(&StillPublished { dates, first: date, last: date, reason: None }).en;
        assert!(
            still(1).contains("1 published date still has it") && still(1).ends_with("withdraw it"),
            "{}",
            still(1)
        );
        assert!(still(2).ends_with("withdraw them"), "{}", still(2));
    }
}
