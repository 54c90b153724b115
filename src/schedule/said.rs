//! What is said of a job that is over, in the log and wherever it is told: short, on one line, and without names of people.

use crate::schedule::log::HeldBy;
use crate::text::{Text, grouped};

/// Characters of it.
const SAID: usize = 600;
/// All of it was there.
pub(super) const NOTHING_NEW: &str = "nothing new: all of it was published before";
/// Behind the minutes that a job may be at work.
const KILLED: &str = " min ('limits: run_kill') and was killed";
/// Rules that are named.
const NAMED: usize = 3;

/// Of a job that was killed because it was at work for longer than so many minutes.
pub(super) fn killed_after(minutes: u64) -> String {
    format!("it did not end within {minutes}{KILLED}")
}

/// What held a run back.
pub(super) fn held_back(by: &[HeldBy]) -> String {
    if by.is_empty() {
        return "held back by quality".to_owned();
    }
    let named: Vec<String> = by.iter().take(NAMED).map(rule).collect();
    let more = match by.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("held back by {}{more}", named.join(", "))
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

/// In German what the log has in English of how a job ended; what is an error, or another program's, stays as it is.
pub(super) fn in_german(said: &str) -> String {
    let german = |number: &str| number.replace(',', ".");
    if said == NOTHING_NEW {
        return "nichts Neues: alles war schon veröffentlicht".to_owned();
    }
    if said == "the process was killed" {
        return "der Prozess wurde beendet".to_owned();
    }
    let limit = said.strip_prefix("it did not end within ").and_then(|rest| rest.strip_suffix(KILLED));
    if let Some(minutes) = limit {
        return format!("die Arbeit endete nicht binnen {minutes} min ('limits: run_kill') und wurde beendet");
    }
    if let Some(by) = said.strip_prefix("held back by ") {
        let by = if by == "quality" { "der Qualität".to_owned() } else { by.to_owned() };
        let by =
            by.replace(" (could not run)", " (lief nicht)").replace(" rows)", " Zeilen)").replace(" row)", " Zeile)");
        let by = match by.rsplit_once(" and ") {
            Some((first, more)) => format!("{first} und {}", more.replace(" more", " weiterer")),
            None => by,
        };
        return format!("zurückgehalten wegen {by}");
    }
    let rows = |text: &str| -> Option<String> {
        let (number, rest) = text.split_once(' ')?;
        let is_number = number.chars().all(|c| c.is_ascii_digit() || c == ',');
        let rest = rest.strip_prefix("rows published").or_else(|| rest.strip_prefix("row published"))?;
        let held = match rest.strip_prefix(", ").and_then(|rest| rest.strip_suffix(" held back")) {
            Some(held) => format!(", {} zurückgehalten", german(held)),
            None if rest.is_empty() => String::new(),
            None => return None,
        };
        let unit = if number == "1" { "Zeile" } else { "Zeilen" };
        is_number.then(|| format!("{} {unit} veröffentlicht{held}", german(number)))
    };
    rows(said).unwrap_or_else(|| said.to_owned())
}

fn rule(HeldBy { rule, rows, is_error }: &HeldBy) -> String {
    match (is_error, rows) {
        (true, _) => format!("{rule} (could not run)"),
        (false, 0) => rule.to_string(),
        (false, 1) => format!("{rule} (1 row)"),
        (false, rows) => format!("{rule} ({} rows)", grouped(*rows).en),
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
    use crate::contract::RuleId;

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
        for (said, expected) in [
            ("19,916 rows published", "19.916 Zeilen veröffentlicht"),
            ("19916 rows published, 7 held back", "19916 Zeilen veröffentlicht, 7 zurückgehalten"),
            ("1 row published", "1 Zeile veröffentlicht"),
            (NOTHING_NEW, "nichts Neues: alles war schon veröffentlicht"),
            ("held back by quality", "zurückgehalten wegen der Qualität"),
            ("held back by t.a (12 rows), t.b (1 row)", "zurückgehalten wegen t.a (12 Zeilen), t.b (1 Zeile)"),
            ("held back by t.c (could not run) and 1 more", "zurückgehalten wegen t.c (lief nicht) und 1 weiterer"),
            ("the disk is full. Make room.", "the disk is full. Make room."),
            (&killed_after(1440), "die Arbeit endete nicht binnen 1440 min ('limits: run_kill') und wurde beendet"),
        ] {
            assert_eq!(in_german(said), expected);
        }
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
        assert_eq!(held_back(&[]), "held back by quality");
        let rules = [by("t.a", 12, false), by("t.b", 1, false), by("t.c", 0, true), by("t.d", 0, false)];
        assert_eq!(held_back(&rules), "held back by t.a (12 rows), t.b (1 row), t.c (could not run) and 1 more");
    }
}
