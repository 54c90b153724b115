//! Fare media without a name, or twice the same.

use rustc_hash::FxHashMap;

use super::cells::MISSING_RECOMMENDED_FIELD;
use super::prelude::*;

pub static DUPLICATE_FARE_MEDIA: Notice = Notice {
    code: "duplicate_fare_media",
    severity: Severity::Warning,
    files: &["fare_media.txt"],
    fields: &["csvRowNumber1", "csvRowNumber2", "fareMediaId1", "fareMediaId2"],
    en: Words { what: "Two fare media have the same name and type.", mend: "Keep one of the two." },
    de: Words { what: "Zwei Ticketmedien haben denselben Namen und Typ.", mend: "Eines der beiden behalten." },
};

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&DUPLICATE_FARE_MEDIA],
    needs: Needs::Tables(&[]),
    check: Some(check),
    examples: &[
        fails(
            "duplicate_fare_media",
            1,
            &[("fare_media.txt", "fare_media_id,fare_media_name,fare_media_type\na,Karte,2\nb,Karte,2\n")],
        ),
        passes(
            "duplicate_fare_media",
            &[("fare_media.txt", "fare_media_id,fare_media_name,fare_media_type\na,Karte,2\nb,Karte,4\n")],
        ),
        fails(
            "missing_recommended_field",
            1,
            &[("fare_media.txt", "fare_media_id,fare_media_name,fare_media_type\na,,2\nb,,1\n")],
        ),
    ],
};

fn check(feed: &Feed, out: &mut Out) {
    let table = feed.table("fare_media");
    let (ids, names, types) =
        (table.text("fare_media_id"), table.text("fare_media_name"), table.int("fare_media_type"));
    // Cards and apps have a name that riders know.
    for row in table.good().filter(|row| matches!(types.get(*row), Some(2 | 4)) && !names.has(*row)) {
        out.add(&MISSING_RECOMMENDED_FIELD, || [table.at(row), "fare_media_name".into(), table.file.as_str().into()]);
    }
    if !table.is_usable() {
        return;
    }
    let mut first: FxHashMap<(Option<u32>, i32), usize> = FxHashMap::default();
    for row in 0..table.rows {
        let old = *first.entry((names.code(row), types.or(row, 0))).or_insert(row);
        if old != row {
            out.add(&DUPLICATE_FARE_MEDIA, || [table.at(old), table.at(row), ids.value(old), ids.value(row)]);
        }
    }
}
