//! How platforms are reached (GTFS reference, `stops.txt`, "stop_access").

use super::prelude::*;

pub static NO_PARENT: Notice = Notice {
    code: "stop_access_specified_for_stop_with_no_parent_station",
    severity: Severity::Error,
    files: &["stops.txt"],
    fields: &["csvRowNumber", "locationType", "stopAccess", "stopId", "stopName"],
    en: Words {
        what: "It is said how the stop is reached through its station, but it belongs to none.",
        mend: "Fill in parent_station, or empty stop_access.",
    },
    de: Words {
        what: "Es ist angegeben, wie der Halt durch seine Station erreicht wird, er gehört aber zu keiner.",
        mend: "parent_station ergänzen oder stop_access leeren.",
    },
};
pub static WRONG_LOCATION: Notice = Notice {
    code: "stop_access_specified_for_incorrect_location",
    severity: Severity::Error,
    files: &["stops.txt"],
    fields: &["csvRowNumber", "locationType", "stopAccess", "stopId", "stopName"],
    en: Words { what: "Only platforms can say how they are reached.", mend: "Empty stop_access." },
    de: Words { what: "Nur Steige können angeben, wie sie erreicht werden.", mend: "stop_access leeren." },
};

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&NO_PARENT, &WRONG_LOCATION],
    needs: Needs::Tables(&[]),
    check: Some(check),
    examples: &[
        fails(
            "stop_access_specified_for_stop_with_no_parent_station",
            1,
            &[(
                "stops.txt",
                "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station,stop_access\n\
                 a,Rathaus,48.47,7.94,,,0\n",
            )],
        ),
        passes(
            "stop_access_specified_for_stop_with_no_parent_station",
            &[(
                "stops.txt",
                "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station,stop_access\n\
                 a,Rathaus,48.47,7.94,,x,0\n\
                 x,Halle,48.47,7.94,1,,\n",
            )],
        ),
        fails(
            "stop_access_specified_for_incorrect_location",
            1,
            &[(
                "stops.txt",
                "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station,stop_access\n\
                 x,Halle,48.47,7.94,1,,0\n",
            )],
        ),
        passes(
            "stop_access_specified_for_incorrect_location",
            &[(
                "stops.txt",
                "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station,stop_access\n\
                 a,Rathaus,48.47,7.94,,x,1\n\
                 x,Halle,48.47,7.94,1,,\n",
            )],
        ),
    ],
};

fn check(feed: &Feed, out: &mut Out) {
    let table = feed.table("stops");
    let (access, types, parents) = (table.int("stop_access"), table.int("location_type"), table.text("parent_station"));
    for row in table.good().filter(|row| access.has(*row)) {
        let notice = match types.or(row, 0) {
            0 if parents.has(row) => continue,
            0 => &NO_PARENT,
            _ => &WRONG_LOCATION,
        };
        out.add(notice, || {
            let [id, name] = ["stop_id", "stop_name"].map(|column| table.text(column).value(row));
            [table.at(row), types.or(row, 0).into(), access.value(row), id, name]
        });
    }
}
