//! Names of stops: missing, or repeated as their description.

use super::prelude::*;

pub static MISSING_NAME: Notice = Notice {
    code: "missing_stop_name",
    severity: Severity::Error,
    files: &["stops.txt"],
    fields: &["csvRowNumber", "locationType", "stopId"],
    en: Words {
        what: "A stop, station or entrance has no name, so nobody can ask for it.",
        mend: "Fill in stop_name.",
    },
    de: Words {
        what: "Ein Halt, eine Station oder ein Eingang hat keinen Namen; niemand kann danach fragen.",
        mend: "stop_name ergänzen.",
    },
};
pub static SAME_DESCRIPTION: Notice = Notice {
    code: "same_name_and_description_for_stop",
    severity: Severity::Warning,
    files: &["stops.txt"],
    fields: &["csvRowNumber", "stopDesc", "stopId"],
    en: Words {
        what: "The description only repeats the name.",
        mend: "Write something that the name does not say, or leave it empty.",
    },
    de: Words {
        what: "Die Beschreibung wiederholt nur den Namen.",
        mend: "Etwas schreiben, das der Name nicht sagt, oder leer lassen.",
    },
};

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&MISSING_NAME, &SAME_DESCRIPTION],
    needs: Needs::Tables(&[]),
    check: Some(check),
    examples: &[
        fails("missing_stop_name", 1, &[("stops.txt", "stop_id,stop_name,stop_lat,stop_lon\na,,48.47,7.94\n")]),
        passes(
            "missing_stop_name",
            &[(
                "stops.txt",
                "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station\n\
                 x,Halle,48.47,7.94,1,\n\
                 n,,,,3,x\n",
            )],
        ),
        fails(
            "same_name_and_description_for_stop",
            1,
            &[("stops.txt", "stop_id,stop_name,stop_desc,stop_lat,stop_lon\na,Rathaus,RATHAUS,48.47,7.94\n")],
        ),
        passes(
            "same_name_and_description_for_stop",
            &[(
                "stops.txt",
                "stop_id,stop_name,stop_desc,stop_lat,stop_lon\n\
                 a,Rathaus,vor dem Rathaus,48.47,7.94\n",
            )],
        ),
    ],
};

fn check(feed: &Feed, out: &mut Out) {
    let table = feed.table("stops");
    if !table.has("stop_name") && !table.has("location_type") {
        return;
    }
    let (names, descriptions) = (table.text("stop_name"), table.text("stop_desc"));
    let (ids, types) = (table.text("stop_id"), table.int("location_type"));
    for row in table.good() {
        let kind = types.or(row, 0);
        if (0..=2).contains(&kind) && !names.has(row) {
            out.add(&MISSING_NAME, || [table.at(row), kind.into(), ids.value(row)]);
        }
        if names.has(row) && names.get(row).to_lowercase() == descriptions.get(row).to_lowercase() {
            out.add(&SAME_DESCRIPTION, || [table.at(row), descriptions.value(row), ids.value(row)]);
        }
    }
}
