//! E003: a trip that the timetable does not have.

use super::prelude::*;

pub static UNKNOWN_TRIP: Notice = Notice {
    code: "E003",
    severity: Severity::Error,
    files: &["trips.txt"],
    fields: &["capturedAt", "entity", "scheduleRelationship", "tripId"],
    en: Words {
        what: "A trip update or vehicle position names a trip that the timetable does not have and that is not said to be \
               additional, so nobody can tell what it is about.",
        mend: "Use the trip_id of the published timetable, or say ADDED (NEW) where a trip is additional.",
    },
    de: Words {
        what: "Eine Fahrtmeldung oder Position nennt eine Fahrt, die der Fahrplan nicht kennt und die nicht als zusätzlich \
               gemeldet ist; niemand kann sie zuordnen.",
        mend: "Die trip_id des veröffentlichten Fahrplans verwenden oder zusätzliche Fahrten als ADDED (NEW) melden.",
    },
};

/// Trips that no timetable has by their meaning. `NEW` took the place of `ADDED` in the standard. Duplicated trips name the trip
/// of the timetable that they are copies of.
const ADDITIONAL: [&str; 2] = ["ADDED", "NEW"];

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&UNKNOWN_TRIP],
    needs: Needs { timetable: true },
    check: Some(check),
    examples: &[
        fails("E003", 1, &[Shown::Timetable(&["a"]), Shown::At(1_764_000_010, &[("a", None), ("b", None)])]),
        fails(
            "E003",
            3,
            &[
                Shown::Timetable(&["a"]),
                Shown::At(1_764_000_010, &[("b", Some("SCHEDULED")), ("c", Some("CANCELED"))]),
                Shown::At(1_764_000_020, &[("b", Some("UNSCHEDULED"))]),
            ],
        ),
        passes("E003", &[Shown::Timetable(&["a"]), Shown::At(1_764_000_010, &[("a", Some("DUPLICATED"))])]),
        passes(
            "E003",
            &[Shown::Timetable(&["a"]), Shown::At(1_764_000_010, &[("b", Some("ADDED")), ("c", Some("NEW"))])],
        ),
    ],
};

fn check(moment: &Moment, out: &mut Out) {
    let Ok(timetable) = &moment.timetable else { return };
    for trip in moment.now.trips() {
        if trip.relationship.is_some_and(|relationship| ADDITIONAL.contains(&relationship)) || timetable.has(trip.id) {
            continue;
        }
        out.add(&UNKNOWN_TRIP, || {
            [
                moment.now.header.captured_at.to_string().into(),
                trip.entity.into(),
                trip.relationship.into(),
                String::from_utf8_lossy(trip.id).into(),
            ]
        });
    }
}
