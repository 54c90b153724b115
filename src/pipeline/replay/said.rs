//! An answer for people, in German and English.

use std::fmt::Write as _;

use crate::ledger::Program;
use crate::pipeline::replay::answer::{
    ActSaid, ComparedFile, PublishedState, Replay, ReplayedMonth, ReplayedRun, Verdict,
};
use crate::pipeline::replay::reason::Reason;
use crate::pipeline::replay::rows::{ChangedColumn, RowDifferences};
use crate::text::Language;

/// The answer as text.
pub fn text(replay: &Replay, language: Language) -> String {
    let mut out = format!("{}\n", replay.release);
    if let Some(act) = &replay.act {
        self::act(&mut out, act, language);
    }
    for run in &replay.runs {
        self::run(&mut out, run, &replay.program, language);
    }
    for month in &replay.months {
        self::month(&mut out, month, language);
    }
    for reason in &replay.unable {
        unable(&mut out, reason, language);
    }
    out.push('\n');
    out.push_str(match (replay.differs(), replay.is_unable()) {
        (true, _) => language.say("Es unterscheidet sich.", "It differs."),
        // What a person or a rule did is told above.
        (false, true) if replay.act.is_some() && replay.runs.is_empty() && replay.months.is_empty() => {
            language.say("Es gibt nichts nachzubilden.", "There is nothing to make again.")
        }
        (false, true) => language.say("Es kann nicht nachgebildet werden.", "It cannot be made again."),
        (false, false) => language.say("Es ist gleich.", "It is the same."),
    });
    out.push('\n');
    out
}

fn sentence(reason: &Reason, language: Language) -> &str {
    language.of(&reason.said).trim_end_matches('.')
}

fn unable(out: &mut String, reason: &Reason, language: Language) {
    let cannot = language.say("nicht nachgebildet", "not made again");
    let _ = writeln!(out, "\n  {cannot}: {}.", sentence(reason, language));
}

fn act(out: &mut String, act: &ActSaid, language: Language) {
    let word = match act.kind.as_str() {
        "rollback" => language.say("Rückkehr zu einer älteren Version", "rollback"),
        "withdrawal" => language.say("Zurückziehung", "withdrawal"),
        "lift" => language.say("Aufhebung einer Zurückziehung", "lift of a withdrawal"),
        "gc" => language.say("Löschung überholter Dateien", "deletion of superseded files"),
        "compaction" => language.say("Zusammenfassung vergangener Monate", "compaction"),
        other => other,
    };
    let to = act.to.map(|to| format!(" {} {to}", language.say("zu Version", "to version"))).unwrap_or_default();
    let at = act.at.map(|at| format!(", {at}")).unwrap_or_default();
    let by = act.by.as_ref().map(|by| format!(", {} {by}", language.say("von", "by"))).unwrap_or_default();
    let why = act.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let _ = writeln!(out, "{word}{to}{at}{by}{why}\n  {}", act.record);
}

fn version(program: &Program) -> String {
    let mut commit = program.commit.clone();
    commit.truncate(20);
    format!("{} {} ({commit})", program.name, program.version)
}

fn run(out: &mut String, run: &ReplayedRun, program: &Program, language: Language) {
    let of = [run.pipeline.clone(), run.date.map(|date| date.to_string())];
    let of = of.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let provisional = if run.provisional { language.say(", vorläufig", ", provisional") } else { "" };
    let _ = writeln!(out, "\n{of}{provisional}\n  {}", run.record);
    if let Some(then) = run.program.as_ref().filter(|_| !run.same_program) {
        let _ = match language {
            Language::De => writeln!(
                out,
                "  gemacht von {}, nachgebildet von {}: ein anderes Programm",
                version(then),
                version(program)
            ),
            Language::En => {
                writeln!(out, "  made by {}, made again by {}: another program", version(then), version(program))
            }
        };
    }
    if run.held_back || run.now_held_back {
        let said = match (run.held_back, run.now_held_back) {
            (true, true) => language.say("zurückgehalten, damals wie jetzt", "held back, then as now"),
            (false, _) => language.say("jetzt zurückgehalten", "held back now"),
            (true, false) => language.say("damals zurückgehalten, jetzt nicht", "held back then, and not now"),
        };
        let rules = run.blocked_by.join(", ");
        let _ = writeln!(out, "  {said}{}{rules}", if rules.is_empty() { "" } else { ": " });
    }
    for file in &run.files {
        self::file(out, file, language);
    }
    for other in &run.other_inputs {
        let _ =
            writeln!(out, "  {} {} '{}'", language.say("andere Eingabe:", "another input:"), other.kind, other.name);
    }
    for limit in &run.limits {
        let _ = writeln!(out, "  {}.", sentence(limit, language));
    }
    if let Some(reason) = &run.unable {
        unable(out, reason, language);
    }
}

fn verdict(of: Verdict, published: PublishedState, language: Language) -> String {
    let said = match of {
        Verdict::Equal => language.say("gleich, Byte für Byte", "equal to the byte"),
        Verdict::SameRows => language.say("dieselben Zeilen in anderen Bytes", "the same rows in other bytes"),
        Verdict::Differs => language.say("anders", "differs"),
        Verdict::NotMade => language.say("nicht wieder entstanden", "was not made again"),
    };
    let published = match published {
        PublishedState::Whole => "",
        PublishedState::Changed => language.say(
            "; die veröffentlichte Datei ist nicht die, die der Beleg nennt",
            "; the published file is not the one that the record names",
        ),
        PublishedState::Gone => {
            language.say("; die veröffentlichte Datei ist gelöscht", "; the published file is deleted")
        }
        PublishedState::Missing => language.say(
            "; die veröffentlichte Datei fehlt, und der neueste Index nennt sie",
            "; the published file is missing, and the newest index names it",
        ),
    };
    format!("{said}{published}")
}

fn file(out: &mut String, file: &ComparedFile, language: Language) {
    let _ = writeln!(out, "  {}: {}\n    {}", file.table, verdict(file.verdict, file.published, language), file.path);
    let _ = writeln!(out, "    SHA-256 {}", file.sha256);
    if let Some(made) = file.replayed_sha256.filter(|made| *made != file.sha256) {
        let _ = writeln!(out, "    {} {made}", language.say("nachgebildet", "made again"));
    }
    if let Some(rows) = file.replayed_rows.filter(|rows| *rows != file.rows) {
        let _ = writeln!(
            out,
            "    {} {}, {} {rows}",
            language.say("Zeilen", "rows"),
            file.rows,
            language.say("nachgebildet", "made again")
        );
    }
    if let Some(differences) = &file.differences {
        self::differences(out, differences, language);
    }
}

fn differences(out: &mut String, of: &RowDifferences, language: Language) {
    if of.is_not_compared {
        let _ = writeln!(
            out,
            "    {}",
            language.say("zu viele Zeilen, um sie zu vergleichen", "too many rows to compare them")
        );
        return;
    }
    let _ = match language {
        Language::De => writeln!(
            out,
            "    {} Zeilen nur veröffentlicht, {} nur nachgebildet, {} mit anderen Werten",
            of.only_published, of.only_replayed, of.changed
        ),
        Language::En => writeln!(
            out,
            "    {} rows only published, {} only made again, {} with other values",
            of.only_published, of.only_replayed, of.changed
        ),
    };
    if of.only_form {
        let said =
            language.say("Reihenfolge, Typen oder Geometrien sind andere", "the order, types or geometries are others");
        let _ = writeln!(out, "    {said}");
    }
    for (what, names) in [
        (language.say("Spalten nur veröffentlicht", "columns only published"), &of.columns_published),
        (language.say("Spalten nur nachgebildet", "columns only made again"), &of.columns_replayed),
        (language.say("nur veröffentlicht", "only published"), &of.examples_published),
        (language.say("nur nachgebildet", "only made again"), &of.examples_replayed),
    ] {
        if !names.is_empty() {
            let _ = writeln!(out, "    {what}: {}", names.join(", "));
        }
    }
    for ChangedColumn { column, rows, examples } in &of.columns {
        let _ = writeln!(out, "    {column}: {rows} {}", language.say("Zeilen", "rows"));
        for example in examples {
            let shown = |value: &Option<serde_json::Value>| {
                value.as_ref().map_or_else(|| "null".to_owned(), ToString::to_string)
            };
            let (published, replayed) = (shown(&example.published), shown(&example.replayed));
            let _ = writeln!(out, "      {}: {published} → {replayed}", example.key);
        }
    }
}

fn month(out: &mut String, month: &ReplayedMonth, language: Language) {
    let said = verdict(month.verdict, month.published, language);
    let _ = writeln!(out, "\n{} {}: {said}\n  {}", month.table, month.month, month.path);
    if let Some(reason) = &month.unable {
        unable(out, reason, language);
    }
}
