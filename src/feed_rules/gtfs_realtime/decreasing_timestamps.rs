//! E018: a snapshot that says that it is older than the one before.

use super::prelude::*;

pub static DECREASED: Notice = Notice {
    code: "E018",
    severity: Severity::Error,
    files: &[],
    fields: &["capturedAt", "headerTimestamp", "prevCapturedAt", "prevHeaderTimestamp"],
    en: Words {
        what: "The header's timestamp is earlier than that of the snapshot before, so the feed goes back in time and apps show \
               old positions as new.",
        mend: "Let one server, or servers with the same state, answer; and write the time at which the snapshot was made.",
    },
    de: Words {
        what: "Der Zeitstempel im Kopf liegt vor dem des vorigen Abzugs: Der Datenstrom springt zurück, und Auskünfte zeigen alte \
               Positionen als neue.",
        mend: "Einen Server oder Server mit demselben Stand antworten lassen und die Zeit der Erstellung schreiben.",
    },
};

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&DECREASED],
    needs: Needs { timetable: false },
    check: Some(check),
    examples: &[
        fails(
            "E018",
            1,
            &[Shown::At(1_764_000_020, &[]), Shown::At(1_764_000_010, &[]), Shown::At(1_764_000_030, &[])],
        ),
        // Each is compared with the one before it, not with the latest of all.
        fails(
            "E018",
            1,
            &[Shown::At(1_764_000_020, &[]), Shown::At(1_764_000_000, &[]), Shown::At(1_764_000_010, &[])],
        ),
        passes("E018", &[Shown::At(1_764_000_010, &[]), Shown::At(1_764_000_010, &[]), Shown::At(1_764_000_020, &[])]),
        // What has no timestamp is not earlier; other rules ask for it.
        passes("E018", &[Shown::At(1_764_000_010, &[]), Shown::At(0, &[]), Shown::At(1_764_000_000, &[])]),
    ],
};

fn check(moment: &Moment, out: &mut Out) {
    let (now, Some(before)) = (moment.now.header, moment.before) else { return };
    if let (Some(timestamp), Some(prev)) = (now.timestamp, before.timestamp)
        && timestamp < prev
    {
        out.add(&DECREASED, || {
            [now.captured_at.to_string().into(), timestamp.into(), before.captured_at.to_string().into(), prev.into()]
        });
    }
}
