//! W008: a snapshot that was old when it was captured.

use super::prelude::*;

/// Seconds that a snapshot may be old.
const MOST: i64 = 65;

pub static STALE: Notice = Notice {
    code: "W008",
    severity: Severity::Warning,
    files: &[],
    fields: &["capturedAt", "headerTimestamp", "seconds"],
    en: Words {
        what: "The header's timestamp is more than 65 seconds before the time at which the snapshot was captured, so apps show \
               where the buses were, not where they are.",
        mend: "Make a snapshot at least every 30 seconds, write the time at which it was made, and let no cache keep it longer.",
    },
    de: Words {
        what: "Der Zeitstempel im Kopf liegt mehr als 65 Sekunden vor dem Abruf: Auskünfte zeigen, wo die Busse waren, nicht wo \
               sie sind.",
        mend: "Mindestens alle 30 Sekunden einen Abzug erstellen, die Zeit der Erstellung schreiben und keinen Zwischenspeicher \
               länger behalten lassen.",
    },
};

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&STALE],
    needs: Needs { timetable: false },
    check: Some(check),
    examples: &[
        fails("W008", 1, &[Shown::Late(1_764_000_000, 66)]),
        fails("W008", 2, &[Shown::Late(1_764_000_000, 70), Shown::Late(1_764_000_000, 100)]),
        passes("W008", &[Shown::Late(1_764_000_000, 65), Shown::Late(1_764_000_030, -5)]),
        // What has no timestamp is not old; other rules ask for it.
        passes("W008", &[Shown::Late(0, 3_600)]),
    ],
};

fn check(moment: &Moment, out: &mut Out) {
    let header = moment.now.header;
    let Some(timestamp) = header.timestamp else { return };
    // A timestamp beyond what can be an instant is not old.
    let age = i64::try_from(timestamp).ok().and_then(|timestamp| header.captured_at.as_second().checked_sub(timestamp));
    if let Some(age) = age.filter(|age| *age > MOST) {
        out.add(&STALE, || [header.captured_at.to_string().into(), timestamp.into(), age.into()]);
    }
}
