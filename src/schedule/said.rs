//! What is said of a job that is over, in the log and wherever it is told: short, on one line, and without names of people.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::contract::RuleId;
use crate::ledger::is_zero;
use crate::text::{Text, grouped};

/// A sentence about a job that is over. What this program makes is in both languages from the start; what is an error, or another
/// program's, is as it was written, and stands for both. Logs of older versions have English alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    #[serde(rename = "said")]
    pub en: String,
    #[serde(rename = "said_de", default, skip_serializing_if = "Option::is_none")]
    de: Option<String>,
}

impl Said {
    fn both(en: impl Into<String>, de: impl Into<String>) -> Self {
        Self { en: en.into(), de: Some(de.into()) }
    }

    pub fn is_empty(&self) -> bool {
        self.en.is_empty()
    }

    pub fn de(&self) -> &str {
        self.de.as_deref().unwrap_or(&self.en)
    }

    /// Each on one line, and not longer than the log may have it.
    pub(super) fn shortened(&self) -> Self {
        Self { en: shortened(&self.en), de: self.de.as_deref().map(shortened) }
    }
}

/// In one language for both.
impl From<String> for Said {
    fn from(said: String) -> Self {
        Self { en: said, de: None }
    }
}

/// In English, as terminals have it.
impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.en)
    }
}

/// A rule that held a run back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldBy {
    pub rule: RuleId,
    /// Rows that it named; none if it names no rows, or could not run.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rows: u64,
    /// It could not run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_error: bool,
}

/// Characters of it.
const SAID: usize = 600;
/// Rules that are named.
const NAMED: usize = 3;

/// Of a job that was killed because it was at work for longer than so many minutes.
pub(super) fn killed_after(minutes: u64) -> Said {
    Said::both(
        format!("it did not end within {minutes} min ('limits: run_kill') and was killed"),
        format!("die Arbeit endete nicht binnen {minutes} min ('limits: run_kill') und wurde beendet"),
    )
}

/// What held a run back.
pub(super) fn held_back(by: &[HeldBy]) -> Said {
    if by.is_empty() {
        return Said::both("held back by quality", "zurückgehalten wegen der Qualität");
    }
    let (en, de): (Vec<String>, Vec<String>) = by.iter().take(NAMED).map(rule).map(|Text { en, de }| (en, de)).unzip();
    let more = match by.len().saturating_sub(NAMED) {
        0 => Text::default(),
        1 => Text::new(" and 1 more", " und 1 weiterer"),
        more => Text::new(format!(" and {more} more"), format!(" und {more} weiterer")),
    };
    Said::both(
        format!("held back by {}{}", en.join(", "), more.en),
        format!("zurückgehalten wegen {}{}", de.join(", "), more.de),
    )
}

/// How to go on with a date that these rules held back. A decision about rows lifts no rule that blocks, least of all one that is about
/// a whole day.
pub fn ways_out(by: &[HeldBy]) -> Text {
    let (mut en, mut de) = (Vec::new(), Vec::new());
    if by.iter().any(|by| by.is_error) {
        en.push("a rule could not run: mend its query ('fahrtenbuch rules test' tries it)");
        de.push("eine Regel lief nicht: berichtigen Sie ihre Abfrage ('fahrtenbuch rules test' probiert sie)");
    }
    if by.is_empty() || by.iter().any(|by| !by.is_error) {
        en.push("if the data is right, mend the rule in schemas/: its limit, or 'onFail: report' ('fahrtenbuch rules try' tries it)");
        en.push("if the data is wrong and there is better, bring it in ('fahrtenbuch evidence import')");
        de.push(
            "stimmen die Daten, so ändern Sie die Regel in schemas/: ihre Grenze, oder 'onFail: report' ('fahrtenbuch rules try' \
             probiert es)",
        );
        de.push("sind sie falsch und gibt es bessere, so bringen Sie diese ein ('fahrtenbuch evidence import')");
    }
    en.push("else the date stays unpublished. What changes is taken up by itself; a decision about rows lifts no rule that blocks");
    de.push(
        "sonst bleibt der Tag unveröffentlicht. Was sich ändert, wird von selbst aufgegriffen; eine Entscheidung über Zeilen hebt keine \
         Regel auf, die alles zurückhält",
    );
    Text::new(en.join("; "), de.join("; "))
}

/// Rows that were released, and those that were held back of them.
pub(super) fn released(published: u64, held: u64) -> Said {
    let (number, held) = (grouped(published), (held > 0).then(|| grouped(held)));
    let (row, of_row) = if published == 1 { ("row", "Zeile") } else { ("rows", "Zeilen") };
    let back = held.map_or_else(Text::default, |held| {
        Text::new(format!(", {} held back", held.en), format!(", {} zurückgehalten", held.de))
    });
    Said::both(
        format!("{} {row} published{}", number.en, back.en),
        format!("{} {of_row} veröffentlicht{}", number.de, back.de),
    )
}

/// All of it was there.
pub(super) fn nothing_new() -> Said {
    Said::both("nothing new: all of it was published before", "nichts Neues: alles war schon veröffentlicht")
}

/// Of a job that a signal ended.
pub(super) fn killed() -> Said {
    Said::both("the process was killed", "der Prozess wurde beendet")
}

fn rule(HeldBy { rule, rows, is_error }: &HeldBy) -> Text {
    match (is_error, rows) {
        (true, _) => Text::new(format!("{rule} (could not run)"), format!("{rule} (lief nicht)")),
        (false, 0) => Text::new(rule.to_string(), rule.to_string()),
        (false, 1) => Text::new(format!("{rule} (1 row)"), format!("{rule} (1 Zeile)")),
        (false, rows) => {
            let rows = grouped(*rows);
            Text::new(format!("{rule} ({} rows)", rows.en), format!("{rule} ({} Zeilen)", rows.de))
        }
    }
}

/// What a process has to say that wrote this: where it failed its errors, the first ones; of one that did what it should its
/// summary.
pub(super) fn gist(exit: Option<i32>, stdout: &[u8], stderr: &[u8]) -> String {
    let (stdout, stderr) = (String::from_utf8_lossy(stdout), String::from_utf8_lossy(stderr));
    let lines = |text: &str| -> Vec<String> {
        text.lines().map(str::trim_end).filter(|line| !line.is_empty()).map(str::to_owned).collect()
    };
    let (out, errors) = (lines(&stdout), lines(&stderr));
    let said = match exit {
        Some(0) => summary(&out).or_else(|| errors.last().cloned()),
        _ => error(&errors).or_else(|| summary(&out)),
    };
    shortened(&without_people(&said.unwrap_or_default()))
}

/// The first line, with what belongs to it where it only introduces others.
fn summary(lines: &[String]) -> Option<String> {
    let (first, rest) = lines.split_first()?;
    if !first.ends_with(':') {
        return Some(first.clone());
    }
    let rest: Vec<&str> = rest.iter().take_while(|line| line.starts_with(' ')).map(|line| line.trim()).collect();
    Some(format!("{first} {}", rest.join("; ")))
}

/// The first error; of a workspace with mistakes all of them, and if there is neither, the first thing that was told.
fn error(lines: &[String]) -> Option<String> {
    let first = |prefix: &str| lines.iter().find_map(|line| line.strip_prefix(prefix)).map(str::to_owned);
    let is_count = |line: &&String| {
        let count = line.strip_suffix(" in the workspace").and_then(|line| line.split_once(' '));
        count.is_some_and(|(count, what)| count.parse::<u64>().is_ok() && what.starts_with("mistake"))
    };
    if let Some(count) = lines.iter().position(|line| is_count(&line)) {
        let mistakes: Vec<&str> =
            lines[..count].iter().map(String::as_str).filter(|line| !line.starts_with("warning: ")).collect();
        return Some(format!("{}: {}", lines[count], mistakes.join(" | ")));
    }
    first("error: ").or_else(|| first("warning: ")).or_else(|| lines.first().cloned())
}

/// Without quoted texts that may name somebody: addresses of mail, and words that each begin with a capital.
fn without_people(text: &str) -> String {
    let is_name = |quoted: &str| {
        let words: Vec<&str> = quoted.split_whitespace().collect();
        quoted.contains('@')
            || (words.len() > 1 && words.iter().all(|word| word.chars().next().is_some_and(char::is_uppercase)))
    };
    let mut parts: Vec<&str> = text.split('\'').collect();
    for place in (1..parts.len().saturating_sub(1)).step_by(2) {
        if is_name(parts[place]) {
            parts[place] = "…";
        }
    }
    parts.join("'")
}

/// On one line, and not longer than the log may have it.
pub(super) fn shortened(text: &str) -> String {
    let text: String = text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect();
    match text.char_indices().nth(SAID) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(exit: i32, stdout: &str, stderr: &str) -> String {
        gist(Some(exit), stdout.as_bytes(), stderr.as_bytes())
    }

    #[test]
    fn a_mistake_is_told_itself_and_who_is_named_in_it_is_not() {
        let one =
            "/srv/pipelines/bus.yaml:7: 'shedule' is no key. Did you mean 'schedule'?\n1 mistake in the workspace\n";
        assert_eq!(
            of(2, "", one),
            "1 mistake in the workspace: /srv/pipelines/bus.yaml:7: 'shedule' is no key. Did you mean 'schedule'?"
        );
        let named = "f.yaml:3: 'Erika Mustermann' stands twice. Remove one.\nf.yaml:9: 'a@b.example' is no channel. Mend it.\n\
                     2 mistakes in the workspace\n";
        let said = of(2, "", named);
        assert!(said.contains("f.yaml:3: '…' stands twice") && said.contains("f.yaml:9: '…'"), "{said}");
        let many: String = (0..1000).map(|line| format!("f.yaml:{line}: wrong. Mend it.\n")).collect();
        assert!(of(2, "", &format!("{many}1000 mistakes in the workspace\n")).chars().count() <= SAID + 1);
        // What stands before it is not it.
        let error = "warning: slow\nerror: the disk is full. Make room.\n  Caused by: x\n";
        assert_eq!(of(1, "asked\n", error), "the disk is full. Make room.");
    }

    #[test]
    fn a_job_that_did_what_it_should_gives_its_summary() {
        let backup =
            "backed up to /mnt as of 2026-11-24T02:30:00Z: 12 files, 99 bytes\n  new: 3 files\n  keys: 4, at /keys\n";
        assert_eq!(of(0, backup, "warning: x\n"), "backed up to /mnt as of 2026-11-24T02:30:00Z: 12 files, 99 bytes");
        let purge =
            "destroyed, of dates before 2025-10-24:\n  bus: 2025-10-23 (3 captures)\n  evidence of bus: 1 file\nend\n";
        assert_eq!(
            of(0, purge, ""),
            "destroyed, of dates before 2025-10-24: bus: 2025-10-23 (3 captures); evidence of bus: 1 file"
        );
        assert_eq!(of(4, "destroyed\n", "warning: /x is a link and was left.\n"), "/x is a link and was left.");
        assert_eq!(of(0, "", ""), "");
    }

    #[test]
    fn what_the_log_says_is_told_in_german_too() {
        let by = |rule: &str, rows, is_error| HeldBy { rule: RuleId(rule.to_owned()), rows, is_error };
        let rules = [by("t.c", 0, true), by("t.a", 1_200, false), by("t.b", 1, false), by("t.d", 0, false)];
        for (said, en, de) in [
            (released(19_916, 0), "19,916 rows published", "19.916 Zeilen veröffentlicht"),
            (
                released(19_916, 7),
                "19,916 rows published, 7 held back",
                "19.916 Zeilen veröffentlicht, 7 zurückgehalten",
            ),
            (released(1, 0), "1 row published", "1 Zeile veröffentlicht"),
            (
                nothing_new(),
                "nothing new: all of it was published before",
                "nichts Neues: alles war schon veröffentlicht",
            ),
            (held_back(&[]), "held back by quality", "zurückgehalten wegen der Qualität"),
            (
                held_back(&rules),
                "held back by t.c (could not run), t.a (1,200 rows), t.b (1 row) and 1 more",
                "zurückgehalten wegen t.c (lief nicht), t.a (1.200 Zeilen), t.b (1 Zeile) und 1 weiterer",
            ),
            (
                killed_after(1440),
                "it did not end within 1440 min ('limits: run_kill') and was killed",
                "die Arbeit endete nicht binnen 1440 min ('limits: run_kill') und wurde beendet",
            ),
            // What another program said, as if it were ours, is nobody's to translate.
            ("1 row published".to_owned().into(), "1 row published", "1 row published"),
        ] {
            assert_eq!((said.to_string().as_str(), said.de()), (en, de));
            assert_eq!(serde_json::from_value::<Said>(serde_json::to_value(&said).unwrap()).unwrap(), said);
        }
        // A log of an older version.
        let old: Said = serde_json::from_str(r#"{"said": "held back by quality"}"#).unwrap();
        assert_eq!((old.en.as_str(), old.de()), ("held back by quality", "held back by quality"));
    }

    #[test]
    fn the_ways_out_are_those_that_apply() {
        let by = |rows, is_error| HeldBy { rule: RuleId("t.a".to_owned()), rows, is_error };
        let broken = ways_out(&[by(0, true)]);
        assert!(broken.en.contains("mend its query") && !broken.en.contains("onFail"), "{}", broken.en);
        let blocking = ways_out(&[by(0, false)]);
        assert!(blocking.en.contains("onFail: report") && !blocking.en.contains("mend its query"), "{}", blocking.en);
        assert!(blocking.de.contains("Entscheidung über Zeilen hebt keine"), "{}", blocking.de);
    }

    #[test]
    fn rules_that_held_back_are_named_the_first_of_them_with_their_rows() {
        let by = |rule: &str, rows, is_error| HeldBy { rule: RuleId(rule.to_owned()), rows, is_error };
        assert_eq!(held_back(&[]).en, "held back by quality");
        let rules = [by("t.a", 12, false), by("t.b", 1, false), by("t.c", 0, true), by("t.d", 0, false)];
        assert_eq!(held_back(&rules).en, "held back by t.a (12 rows), t.b (1 row), t.c (could not run) and 1 more");
    }
}
