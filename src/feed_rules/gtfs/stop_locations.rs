//! Stops without a place on the map.

use super::prelude::*;

pub static WITHOUT_LOCATION: Notice = Notice {
    code: "stop_without_location",
    severity: Severity::Error,
    files: &["stops.txt"],
    fields: &["csvRowNumber", "locationType", "stopId"],
    en: Words {
        what: "A stop, station or entrance has no position, so it cannot be found.",
        mend: "Fill in stop_lat and stop_lon.",
    },
    de: Words {
        what: "Ein Halt, eine Station oder ein Eingang hat keine Lage und ist nicht zu finden.",
        mend: "stop_lat und stop_lon ergänzen.",
    },
};

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&WITHOUT_LOCATION],
    needs: Needs::Tables(&[]),
    check: Some(check),
    examples: &[
        fails("stop_without_location", 1, &[("stops.txt", "stop_id,stop_name,stop_lat,stop_lon\na,Rathaus,48.47,\n")]),
        passes(
            "stop_without_location",
            &[(
                "stops.txt",
                "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station\n\
                 a,Rathaus,48.47,7.94,,x\n\
                 x,Halle,48.47,7.94,1,\n\
                 n,,,,3,x\n",
            )],
        ),
    ],
};

fn check(feed: &Feed, out: &mut Out) {
    let table = feed.table("stops");
    let (lat, lon, types) = (table.float("stop_lat"), table.float("stop_lon"), table.int("location_type"));
    for row in table.good().filter(|row| !lat.has(*row) || !lon.has(*row)) {
        let kind = types.or(row, 0);
        if (0..=2).contains(&kind) {
            out.add(&WITHOUT_LOCATION, || [table.at(row), kind.into(), table.text("stop_id").value(row)]);
        }
    }
}
