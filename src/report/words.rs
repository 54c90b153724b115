//! What results are called, in German and English, and texts that no reader stumbles over.

use crate::check::RuleResult;
use crate::contract::{Dimension, EMPTY_ROW, OnFail, RuleId, Severity};
use crate::ledger::Status;
use crate::report::quality::{Evaluates, RuleReport, TableCount};

/// A part of what is said to have happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// In German and English.
    Words(&'static str, &'static str),
    Rows(Of, u64),
}

/// Which rows are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    /// Of the table, published.
    Published,
    /// Of the table, held back by rules.
    HeldBack,
    /// Of the table, discarded by a decision.
    Discarded,
    /// Named by the rule, and released by a decision.
    Released,
}

/// As [`happened`], as one text in German and one in English.
pub(crate) fn then(result: &RuleReport, status: Status, tables: &[TableCount]) -> (String, String) {
    let (mut de, mut en) = (String::new(), String::new());
    for part in happened(result, status, tables) {
        match part {
            Part::Words(german, english) => {
                de += german;
                en += english;
            }
            Part::Rows(Of::Released, rows) => {
                de += &rows.to_string();
                en += &rows.to_string();
            }
            Part::Rows(_, rows) => {
                de += &grouped(rows, "\u{202f}");
                en += &grouped(rows, ",");
            }
        }
    }
    (de, en)
}

/// What happened to the rows that a rule named, or to the run. `status` and `tables` are those of the run that it is a result of.
pub(crate) fn happened(result: &RuleReport, status: Status, tables: &[TableCount]) -> Vec<Part> {
    let mut parts = without_released(result, status, tables);
    if result.rows_released > 0 {
        let words = Part::Words(" davon freigegeben", " of them released");
        parts.extend([Part::Words(", ", ", "), Part::Rows(Of::Released, result.rows_released), words]);
    }
    parts
}

fn without_released(result: &RuleReport, status: Status, tables: &[TableCount]) -> Vec<Part> {
    let of_table = tables.iter().find(|count| count.table == result.table);
    let discarded = of_table.map_or(0, |count| {
        let is_discard = |rule: &RuleId| rule.0 == format!("{}.discarded", count.table);
        count.dropped.iter().filter(|(rule, _)| is_discard(rule)).map(|(_, rows)| *rows).sum()
    });
    let has_rows = !matches!(result.result, RuleResult::Error) && result.asks == Evaluates::Rows;
    if let Some(count) = of_table.filter(|_| has_rows && status != Status::HeldBack) {
        let held = count.quarantined;
        let of_all = |mut parts: Vec<Part>| {
            parts.extend([Part::Rows(Of::Published, count.published), Part::Words(" veröffentlicht", " published")]);
            if held > 0 {
                let words = Part::Words(" zurückgehalten", " held back");
                parts.extend([Part::Words(", ", ", "), Part::Rows(Of::HeldBack, held), words]);
            }
            if discarded > 0 {
                let words = Part::Words(" nach Entscheidung verworfen", " discarded by decision");
                parts.extend([Part::Words(", ", ", "), Part::Rows(Of::Discarded, discarded), words]);
            }
            parts
        };
        match result.on_fail {
            // Which of them the rule named, and which another, is not counted.
            OnFail::Quarantine if discarded > 0 => {
                return of_all(vec![Part::Words("Zeilen der Tabelle: ", "rows of the table: ")]);
            }
            OnFail::Report
                if result.released
                    && held + discarded > 0
                    && !count.dropped.contains_key(&result.id)
                    && !result.id.0.ends_with(&format!(".{EMPTY_ROW}")) =>
            {
                let reported = "nur gemeldet; Zeilen der Tabelle: ";
                return of_all(vec![Part::Words(reported, "reported only; rows of the table: ")]);
            }
            _ => {}
        }
    }
    let (de, en) = happened_to_all(result, status, of_table);
    vec![Part::Words(de, en)]
}

/// What happened where it is the same for all rows.
fn happened_to_all(result: &RuleReport, status: Status, of_table: Option<&TableCount>) -> (&'static str, &'static str) {
    if result.result == RuleResult::Error {
        return match result.blocks() {
            true => ("nicht prüfbar, sperrt die Veröffentlichung", "not judged, blocks the release"),
            false => ("nicht prüfbar, hält nichts zurück", "not judged, holds nothing back"),
        };
    }
    if result.on_fail == OnFail::Report && result.id.0.ends_with(&format!(".{EMPTY_ROW}")) {
        return ("Zeilen ohne Wert weggelassen", "rows without a value left out");
    }
    if of_table.is_some_and(|count| count.dropped.contains_key(&result.id)) {
        return ("Zeilen weggelassen", "rows dropped");
    }
    match result.on_fail {
        OnFail::Block => ("sperrt die Veröffentlichung", "blocks the release"),
        OnFail::Quarantine => ("Zeilen zurückgehalten", "rows held back"),
        OnFail::Invalidate if status == Status::HeldBack => {
            ("Werte geleert, nichts veröffentlicht", "values nulled, nothing published")
        }
        OnFail::Invalidate => ("Werte geleert", "values nulled"),
        // A number names no rows, and rows of a feed are not those that are published.
        OnFail::Report if result.asks == Evaluates::Number || !result.released => ("nur gemeldet", "reported only"),
        OnFail::Report if status == Status::HeldBack => {
            ("nur gemeldet, nichts veröffentlicht", "reported only, nothing published")
        }
        OnFail::Report if of_table.is_none() => ("nur gemeldet", "reported only"),
        OnFail::Report => ("Zeilen veröffentlicht, wie sie sind", "published as they are"),
    }
}

/// A dimension in German and English.
pub(crate) fn dimension_word(dimension: Dimension) -> (&'static str, &'static str) {
    match dimension {
        Dimension::Accuracy => ("Richtigkeit", "Accuracy"),
        Dimension::Completeness => ("Vollständigkeit", "Completeness"),
        Dimension::Conformity => ("Konformität", "Conformity"),
        Dimension::Consistency => ("Stimmigkeit", "Consistency"),
        Dimension::Coverage => ("Abdeckung", "Coverage"),
        Dimension::Timeliness => ("Aktualität", "Timeliness"),
        Dimension::Uniqueness => ("Eindeutigkeit", "Uniqueness"),
    }
}

/// A result of a rule of some severity in German and English.
pub(crate) fn result_word(result: RuleResult, severity: Severity) -> (&'static str, &'static str) {
    Verdict::of(result, severity).words()
}

/// What a rule came to, as all pages tell it apart: each has one word and one colour everywhere. The gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    Error,
    Failed,
    Warning,
    Info,
    Passed,
    Skipped,
}

impl Verdict {
    /// In the order in which a run is summed up.
    pub(crate) const ALL: [Self; 6] =
        [Self::Passed, Self::Failed, Self::Error, Self::Warning, Self::Info, Self::Skipped];

    pub(crate) fn of(result: RuleResult, severity: Severity) -> Self {
        match (result, severity) {
            (RuleResult::Passed, _) => Self::Passed,
            (RuleResult::Warning, Severity::Info) => Self::Info,
            (RuleResult::Warning, _) => Self::Warning,
            (RuleResult::Failed, _) => Self::Failed,
            (RuleResult::Error, _) => Self::Error,
            (RuleResult::Skipped, _) => Self::Skipped,
        }
    }

    /// In names of numbers.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Failed => "failed",
            Self::Warning => "warning",
            Self::Info => "info",
            Self::Passed => "passed",
            Self::Skipped => "skipped",
        }
    }

    /// Of one rule, in German and English.
    pub(crate) fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Error => ("nicht prüfbar", "error"),
            Self::Failed => ("nicht erfüllt", "failed"),
            Self::Warning => ("Warnung", "warning"),
            Self::Info => ("Hinweis", "info"),
            Self::Passed => ("erfüllt", "passed"),
            Self::Skipped => ("ausgelassen", "skipped"),
        }
    }

    /// After a number of rules, in German and English.
    pub(crate) fn counted(self, rules: u64) -> (&'static str, &'static str) {
        match (self, rules) {
            (Self::Error, 1) => ("nicht prüfbar", "error"),
            (Self::Error, _) => ("nicht prüfbar", "errors"),
            (Self::Warning, 1) => ("Warnung", "warning"),
            (Self::Warning, _) => ("Warnungen", "warnings"),
            (Self::Info, 1) => ("Hinweis", "info"),
            (Self::Info, _) => ("Hinweise", "infos"),
            (of, _) => of.words(),
        }
    }

    /// Of the style sheets: red what is not met, amber what warns, the colour of the text what only remarks.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Error | Self::Failed => "bad",
            Self::Warning => "warn",
            Self::Info | Self::Skipped => "muted",
            Self::Passed => "good",
        }
    }
}

/// All dimensions, in the order in which they are told.
pub(crate) const DIMENSIONS: [Dimension; 7] = [
    Dimension::Accuracy,
    Dimension::Completeness,
    Dimension::Conformity,
    Dimension::Consistency,
    Dimension::Coverage,
    Dimension::Timeliness,
    Dimension::Uniqueness,
];

/// A text without what no XML and no reader can do anything with: control characters become U+FFFD.
pub(crate) fn printable(text: &str) -> String {
    let printable = |c: char| match c {
        '\t' | '\n' | '\r' => c,
        '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
        _ if c.is_control() => '\u{fffd}',
        _ => c,
    };
    text.chars().map(printable).collect()
}

/// A part of an IRI: everything but letters, digits and `-._~` is percent-encoded.
pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out += &format!("%{byte:02X}");
        }
    }
    out
}

/// 1234567 in groups of three digits.
pub(crate) fn grouped(value: u64, separator: &str) -> String {
    let digits = value.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out += separator;
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::report::quality::tests::result;

    #[test]
    fn what_is_said_to_have_happened_is_what_happened() {
        let table = |quarantined| TableCount {
            is_derived: false,
            table: "t".to_owned(),
            rows_in: 9,
            published: 9 - quarantined,
            quarantined,
            held_back: 0,
            dropped: BTreeMap::new(),
        };
        let found = RuleReport { released: true, ..result("t.r", Dimension::Accuracy, RuleResult::Warning, 3, 9) };
        let said = |result: &RuleReport, status, quarantined| then(result, status, &[table(quarantined)]).1;
        let (out, back) = (Status::Published, Status::HeldBack);
        let of_feed = RuleReport { released: false, ..found.clone() };
        let number = RuleReport { asks: Evaluates::Number, ..found.clone() };
        let broken = RuleReport { result: RuleResult::Error, severity: Severity::Warning, ..found.clone() };
        let grave = RuleReport { severity: Severity::Error, ..broken.clone() };
        let nulled = RuleReport { on_fail: OnFail::Invalidate, rows_released: 1, ..found.clone() };
        for (result, status, quarantined, expected) in [
            (&found, out, 0, "published as they are"),
            (&found, out, 1, "reported only; rows of the table: 8 published, 1 held back"),
            (&found, back, 0, "reported only, nothing published"),
            (&of_feed, out, 0, "reported only"),
            (&number, out, 0, "reported only"),
            (&broken, out, 0, "not judged, holds nothing back"),
            (&grave, back, 0, "not judged, blocks the release"),
            (&nulled, out, 0, "values nulled, 1 of them released"),
            (&nulled, back, 0, "values nulled, nothing published, 1 of them released"),
        ] {
            assert_eq!(said(result, status, quarantined), expected);
        }
        let held = RuleReport { on_fail: OnFail::Quarantine, ..found.clone() };
        assert_eq!(said(&held, out, 3), "rows held back");
        let by_decision =
            TableCount { dropped: [(RuleId("t.discarded".to_owned()), 3)].into(), published: 6, ..table(0) };
        assert_eq!(then(&held, out, &[by_decision]).1, "rows of the table: 6 published, 3 discarded by decision");
        let many = TableCount { published: 14_902, ..table(7) };
        let (de, en) = then(&found, out, &[many]);
        assert_eq!(de, "nur gemeldet; Zeilen der Tabelle: 14\u{202f}902 veröffentlicht, 7 zurückgehalten");
        assert_eq!(en, "reported only; rows of the table: 14,902 published, 7 held back");
        let empty = RuleReport { id: RuleId("t.empty_row".to_owned()), ..found.clone() };
        assert_eq!(said(&empty, out, 1), "rows without a value left out");
        let dropped = TableCount { dropped: [(found.id.clone(), 3)].into(), ..table(1) };
        assert_eq!(then(&found, out, std::slice::from_ref(&dropped)).1, "rows dropped");
        assert_eq!(then(&found, back, &[dropped]).1, "rows dropped");
    }
}
