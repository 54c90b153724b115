//! An answer for people, in German and English.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::contract::RuleId;
use crate::pipeline::trace::answer::{Change, Discarded, Evidence, Fate, Trace, TracedRow, What};
use crate::text::Language;

/// The answer as text, with so many rows at most.
pub fn text(trace: &Trace, language: Language, limit: usize) -> String {
    let mut out = String::new();
    let date = trace.date.map_or_else(String::new, |date| format!(", {date}"));
    let _ = writeln!(out, "{}/{} {}{date}", trace.dataset, trace.table, trace.key);
    for row in trace.rows.iter().take(limit) {
        out.push('\n');
        self::row(&mut out, trace, row, language);
    }
    let more = trace.rows.len().saturating_sub(limit) as u64 + trace.more;
    if more > 0 {
        let _ = match language {
            Language::De => {
                writeln!(out, "\nweitere Zeilen mit diesem Schlüssel: {more} (--limit, --json, ein engerer Schlüssel)")
            }
            Language::En => writeln!(out, "\nmore rows with this key: {more} (--limit, --json, a narrower key)"),
        };
    }
    for reason in &trace.reasons {
        let _ = writeln!(out, "\n{}.", language.of(&reason.said).trim_end_matches('.'));
    }
    if !trace.other_dates.is_empty() {
        let dates: Vec<String> = trace.other_dates.iter().map(ToString::to_string).collect();
        let said = language.say("Auch veröffentlicht unter", "Published also under");
        let _ = writeln!(out, "\n{said} {}: --date", dates.join(", "));
    }
    out
}

fn ids(rules: &[RuleId]) -> String {
    rules.iter().map(|rule| rule.0.as_str()).collect::<Vec<_>>().join(", ")
}

fn row(out: &mut String, trace: &Trace, row: &TracedRow, language: Language) {
    let rules = ids(&row.rules);
    let fate = match row.fate {
        Fate::Published => language.say("veröffentlicht", "published").to_owned(),
        Fate::NotPublished => language.say("nicht veröffentlicht", "not published").to_owned(),
        Fate::Held => {
            let since = row.since.map(|at| format!(" {} {at}", language.say("seit", "since"))).unwrap_or_default();
            format!(
                "{}{since} {} {rules}",
                language.say("in Quarantäne", "held in quarantine"),
                language.say("von", "by")
            )
        }
        Fate::Dropped => format!("{} {rules}", language.say("verworfen von", "dropped by")),
        Fate::Discarded => language
            .say(
                "verworfen durch eine Entscheidung (quarantine discard)",
                "discarded by a decision (quarantine discard)",
            )
            .to_owned(),
    };
    let _ = writeln!(out, "{fate}");
    if let Some(Discarded { by, at, reason, .. }) = &row.discarded {
        let _ = writeln!(out, "  {}  {at}, {by}: {reason}", language.say("Beschluss", "decision "));
    }
    if let Some(file) = &row.file {
        let provisional = if file.provisional { language.say(" (vorläufig)", " (provisional)") } else { "" };
        let _ = writeln!(
            out,
            "  {}  {}, {} {}{provisional}",
            language.say("Datei    ", "file     "),
            file.path,
            language.say("seit Version", "since version"),
            file.since_version
        );
        let _ = writeln!(out, "  {}  {}", language.say("Beleg    ", "record   "), file.record);
    }
    places(out, &row.evidence, language);
    for change in &row.changes {
        let _ = writeln!(out, "  {}  {}", language.say("geändert ", "changed  "), changed(change, language));
    }
    if !row.released.is_empty() {
        let said = language.say("freigegeben durch eine Entscheidung von", "released by a decision from");
        let _ = writeln!(out, "  {said} {}", ids(&row.released));
    }
    // A contract of which rows are checked as they come and as they are released is one.
    let mut by_contract: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for checked in &row.checked_by {
        by_contract.entry(&checked.contract).or_default().extend(checked.rules.iter().map(|rule| rule.0.as_str()));
    }
    for (contract, rules) in by_contract {
        let of = match rules.len() {
            1 => language.say("Regel von", "rule of"),
            _ => language.say("Regeln von", "rules of"),
        };
        let said = language.say("geprüft  ", "checked  ");
        let _ = writeln!(out, "  {said}  {} {of} {contract}", rules.len());
    }
    for made_of in &row.made_of {
        let rows = match made_of.rows {
            1 => language.say("Zeile von", "row of"),
            _ => language.say("Zeilen von", "rows of"),
        };
        let _ = writeln!(
            out,
            "  {}  {} {rows} {} ({})",
            language.say("gebildet aus", "made of"),
            made_of.rows,
            made_of.table,
            made_of.key
        );
        made_of.first.iter().for_each(|evidence| places(out, evidence, language));
    }
    if let (Fate::Held, Some(date)) = (row.fate, trace.date) {
        let of = format!("{}/{} --date {date}", trace.dataset, trace.table);
        let row = row.quarantine_id.map(|id| format!(" --row {id}")).unwrap_or_default();
        let _ = match language {
            Language::De => writeln!(
                out,
                "  zu tun     ansehen mit 'fahrtenbuch quarantine show {of}'; die Quelle, eine Zuordnung oder die Regel berichtigen, oder \
                 'fahrtenbuch quarantine release {of}{row}' (oder 'discard')"
            ),
            Language::En => writeln!(
                out,
                "  to do      look at it with 'fahrtenbuch quarantine show {of}'; mend the source, a mapping or the rule, or \
                 'fahrtenbuch quarantine release {of}{row}' (or 'discard')"
            ),
        };
    }
}

fn places(out: &mut String, evidence: &Evidence, language: Language) {
    let _ = writeln!(out, "  {}  {}", language.say("Stelle   ", "place    "), language.of(&evidence.place));
    if let (Some(source), Some(at)) = (&evidence.source, evidence.captured_at) {
        let same = if evidence.is_revisit {
            language.say(" (unverändert seit einer früheren Antwort)", " (the same as an earlier answer)")
        } else {
            ""
        };
        let _ = writeln!(out, "  {}  {source} {at}{same}", language.say("empfangen", "captured "));
    }
    if let (Some(archive), Some(offset), Some(length)) = (&evidence.archive, evidence.offset, evidence.length) {
        let skip = evidence.skip.filter(|skip| *skip > 0).map(|skip| format!(", +{skip}")).unwrap_or_default();
        let _ = writeln!(
            out,
            "  {}  {}, {} {offset} ({length} {}{skip})",
            language.say("Archiv   ", "evidence "),
            archive.display(),
            language.say("ab Byte", "at byte"),
            language.say("Bytes", "bytes")
        );
    }
    if let Some(sha256) = evidence.sha256 {
        let _ = writeln!(out, "  SHA-256    {sha256}");
    }
}

fn changed(change: &Change, language: Language) -> String {
    let Change { column, what, rules, from, to } = change;
    let by = if rules.is_empty() { String::new() } else { format!(" {} {}", language.say("von", "by"), ids(rules)) };
    match what {
        What::Mapped => match (from, to) {
            (Some(from), Some(to)) => format!("{column}: {from} → {to} ({})", language.say("Zuordnung", "mapping")),
            _ => format!("{column} ({})", language.say("Zuordnung", "mapping")),
        },
        What::Unreadable => format!("{column}: {}", language.say("nicht lesbar, daher leer", "not readable, and null")),
        What::Invalidated => format!("{column}: {}{by}", language.say("ungültig, geleert", "invalid, set to null")),
        What::Blanked => format!("{}{by}", language.say("Ort nicht veröffentlicht", "place not published")),
    }
}
