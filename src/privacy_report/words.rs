//! What the report says of how columns are made, in German and English.

use crate::text::Text;

pub(super) fn not_published() -> Text {
    Text::new("not published", "nicht veröffentlicht")
}

pub(super) fn as_it_came() -> Text {
    Text::new("as it came", "wie empfangen")
}

pub(super) fn pseudonym() -> Text {
    Text::new(
        "pseudonym per service date: the first 64 bits of HMAC-SHA256 of the vehicle's id under the key of the date",
        "Pseudonym je Betriebstag: die ersten 64 Bit von HMAC-SHA256 der Fahrzeugkennung mit dem Schlüssel des Tages",
    )
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
