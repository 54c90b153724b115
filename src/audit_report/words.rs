//! How the report writes values: numbers and dates of each language, and words of the tables.

use crate::audit_report::figure::{Cell, Unit, Words};
use crate::page::day_words;
use crate::portal::reason_words;
use crate::report::words::{DIMENSIONS, dimension_word};
use crate::text::{Language, grouped};
use crate::time::ServiceDate;

/// Characters of a text in a cell of the report; `figures.csv` has all.
const TEXT: usize = 140;

/// Points and shares, rounded down to hundredths, so that what lacks something is never said to be whole.
pub(crate) fn rounded_down(number: f64) -> f64 {
    // What stands at a hundredth may be a little below it.
    (number * 100.0 + 1e-6).floor() / 100.0
}

/// A value as the report shows it.
pub(crate) fn shown(cell: &Cell, unit: Unit, language: Language) -> String {
    match (cell, unit) {
        (Cell::Null, _) => "–".to_owned(),
        (Cell::Text(text), Unit::Date) => date(text, language),
        (Cell::Text(text), Unit::Month) => month(text, language),
        (Cell::Text(text), Unit::Minute) => minute(text, language),
        (Cell::Text(text), Unit::Word(words)) => word(text, words, language),
        (Cell::Text(text), _) => shortened(text),
        (cell, Unit::Percent) => format!("{}{}", decimal(cell, language), language.say("\u{202f}%", "%")),
        (Cell::Number(_), _) => decimal(cell, language),
        (Cell::Count(count), _) => {
            let text = grouped(count.unsigned_abs());
            format!("{}{}", if *count < 0 { "−" } else { "" }, language.of(&text))
        }
    }
}

fn decimal(cell: &Cell, language: Language) -> String {
    language.decimal(rounded_down(cell.number().unwrap_or_default()), 2)
}

/// A text that fits a cell, without characters that would change what stands around it.
pub(crate) fn shortened(text: &str) -> String {
    let text = crate::report::words::printable(text);
    match text.char_indices().nth(TEXT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn date(text: &str, language: Language) -> String {
    let Ok(date) = text.parse::<ServiceDate>() else { return text.to_owned() };
    let [de, en] = day_words(date);
    language.say(&de, &en).to_owned()
}

fn month(text: &str, language: Language) -> String {
    let Ok(date) = format!("{text}-01").parse::<ServiceDate>() else { return text.to_owned() };
    date.0.strftime(language.say("%-m/%Y", "%b %Y")).to_string()
}

fn minute(text: &str, language: Language) -> String {
    match text.split_once(' ') {
        Some((day, time)) => format!("{}, {time}", date(day, language)),
        None => text.to_owned(),
    }
}

/// Words of tables, in German and English; another word stands for itself.
const ACTS: &[(&str, &str, &str)] = &[
    ("release", "Veröffentlichung", "release"),
    ("taken_back", "zurückgenommen", "taken back"),
    ("rollback", "Rückgriff auf ältere Fassung", "rollback"),
    ("withdrawal", "Rückzug", "withdrawal"),
    ("lift", "wieder erlaubt", "allowed again"),
];
const REASONS: &[(&str, &str, &str)] = &[
    ("first", "erste Fassung", "first release"),
    ("after_withdrawal", "nach Rückzug", "after a withdrawal"),
    ("again", "erneut", "again"),
    ("provisional", "vorläufig", "provisional"),
    ("complete", "Tag vollständig", "date complete"),
    ("late_evidence", "spätere Aufzeichnungen", "late captures"),
    ("changed_timetable", "anderer Fahrplan", "another timetable"),
    ("changed_contract", "geänderter Vertrag", "changed contract"),
    ("changed_decisions", "andere Entscheidungen", "other decisions"),
    ("changed_settings", "andere Einstellungen", "other settings"),
    ("changed_program", "andere Programmversion", "another version of the program"),
    ("taken_back", "zurückgenommen", "taken back"),
    ("rollback", "Rückgriff", "rollback"),
    ("withdrawal", "Rückzug", "withdrawal"),
    ("lift", "wieder erlaubt", "allowed again"),
    ("unknown", "Anlass nicht bekannt", "cause not known"),
];
const DECISIONS: &[(&str, &str, &str)] = &[
    ("release", "Zeilen freigegeben", "rows released"),
    ("discard", "Zeilen verworfen", "rows discarded"),
    ("accept_evidence", "Aufzeichnungen hingenommen", "captures accepted"),
    ("accept_key", "anderer Schlüssel hingenommen", "another key accepted"),
    ("accept_decisions", "Entscheidungen hingenommen", "decisions accepted"),
    ("begin_anew", "neu begonnen", "begun anew"),
    ("undo", "Entscheidung aufgehoben", "decision undone"),
    ("rollback", "Rückgriff", "rollback"),
    ("withdrawal", "Rückzug", "withdrawal"),
    ("lift", "wieder erlaubt", "allowed again"),
];
const EFFECTS: &[(&str, &str, &str)] = &[
    ("published", "zur Veröffentlichung", "for publication"),
    ("dropped", "nicht veröffentlicht", "not published"),
    ("accepted", "hingenommen", "accepted"),
    ("replaced", "durch ältere Fassung ersetzt", "replaced by an older version"),
    ("removed", "aus der Öffentlichkeit genommen", "taken out of the public"),
    ("allowed", "darf wieder veröffentlicht werden", "may be published again"),
];
const CANCELLED: (&str, &str) = ("Die Fahrten waren als ausgefallen gemeldet", "The trips were reported as cancelled");
const ALL_DIMENSIONS: (&str, &str) = ("alle zusammen", "all together");

fn of(list: &[(&str, &'static str, &'static str)], word: &str, language: Language) -> Option<&'static str> {
    list.iter().find(|(known, ..)| *known == word).map(|(_, de, en)| language.say(de, en))
}

fn word(text: &str, words: Words, language: Language) -> String {
    let known = match words {
        Words::GapReason if text == "cancelled" => Some(language.say(CANCELLED.0, CANCELLED.1)),
        Words::GapReason => reason_words(text, language),
        Words::Dimension if text.is_empty() => Some(language.say(ALL_DIMENSIONS.0, ALL_DIMENSIONS.1)),
        Words::Dimension => {
            let dimension = DIMENSIONS.into_iter().find(|of| format!("{of:?}").to_lowercase() == text);
            dimension.map(|dimension| {
                let (de, en) = dimension_word(dimension);
                language.say(de, en)
            })
        }
        Words::Act => of(ACTS, text, language),
        Words::Decision => of(DECISIONS, text, language),
        Words::Effect => of(EFFECTS, text, language),
        Words::Reasons => {
            let parts =
                text.split(", ").map(|part| of(REASONS, part, language).map_or_else(|| shortened(part), str::to_owned));
            return parts.collect::<Vec<_>>().join(", ");
        }
    };
    known.map_or_else(|| shortened(text), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lacks_something_is_never_whole_and_a_hundredth_stays_one() {
        let percent = |number: f64| shown(&Cell::Number(number), Unit::Percent, Language::De);
        assert_eq!(percent(99.999), "99,99\u{202f}%");
        assert_eq!(percent(100.0), "100,00\u{202f}%");
        for hundredths in 0..=10_000_u32 {
            let number = f64::from(hundredths) / 100.0;
            assert_eq!(rounded_down(number), number);
        }
        assert_eq!(shown(&Cell::Null, Unit::Count, Language::De), "–");
        assert_eq!(shown(&Cell::Count(1_234), Unit::Count, Language::De), "1.234");
        assert_eq!(shown(&"2026-03".into(), Unit::Month, Language::En), "Mar 2026");
        assert_eq!(shown(&"2026-03-01 07:00".into(), Unit::Minute, Language::De), "1.3.2026, 07:00");
    }

    #[test]
    fn words_are_said_in_both_languages_and_unknown_ones_stand_for_themselves() {
        let say = |text: &str, words| Language::ALL.map(|language| shown(&text.into(), Unit::Word(words), language));
        assert_eq!(say("accuracy", Words::Dimension), ["Richtigkeit", "Accuracy"]);
        assert_eq!(say("first, later", Words::Reasons), ["erste Fassung, later", "first release, later"]);
        assert_eq!(say("cancelled", Words::GapReason)[1], CANCELLED.1);
        assert_eq!(say("new_word", Words::Act), ["new_word", "new_word"]);
    }
}
