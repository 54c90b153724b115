//! What the report says of how columns are made, in German and English.

use std::path::Path;

use serde::Serialize;

use crate::contract::RuleId;
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
            "'fahrtenbuch check' says how to withdraw them".to_owned(),
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
        [] => derived(from),
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
pub(super) fn privacy(rules: &PrivacyRules) -> Vec<Text> {
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
            Text::new(
                format!("Positions in the {count} zones of {file} are cut off: {en}."),
                format!("Positionen in den {count} Zonen von {file} sind abgeschnitten: {de}."),
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
    Text::new(
        format!("counted back from the receipt, to {step} seconds, so that no on-board unit is known by its second"),
        format!(
            "vom Empfang zurückgerechnet, auf {step} Sekunden, damit kein Bordrechner an seiner Sekunde erkennbar ist"
        ),
    )
}

pub(super) fn last_of_span(span: u32) -> Text {
    Text::new(
        format!("that of the last snapshot within the same {span} seconds"),
        format!("die des letzten Schnappschusses derselben {span} Sekunden"),
    )
}

pub(super) fn rounded(step: u32) -> Text {
    Text::new(format!("rounded to {step} seconds"), format!("auf {step} Sekunden gerundet"))
}

pub(super) fn derived(from: &[&str]) -> Text {
    let list = from.join(", ");
    match from.is_empty() {
        true => Text::new("made by the program", "vom Programm gebildet"),
        false => Text::new(
            format!("made of published columns and of the timetable: {list}"),
            format!("aus veröffentlichten Spalten und dem Fahrplan gebildet: {list}"),
        ),
    }
}

pub(super) fn geometry() -> Text {
    Text::new("made of the published columns", "aus den veröffentlichten Spalten gebildet")
}
