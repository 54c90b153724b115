//! Networks of routes that are said in two places.

use super::prelude::*;

pub static TWICE: Notice = Notice {
    code: "route_networks_specified_in_more_than_one_file",
    severity: Severity::Error,
    files: &["routes.txt", "route_networks.txt", "networks.txt"],
    fields: &["fieldName", "fileNameA", "fileNameB"],
    en: Words {
        what: "Which network a route belongs to is said in routes.txt and in files of its own, so it is not clear what \
               holds.",
        mend: "Keep one of the two ways.",
    },
    de: Words {
        what: "Zu welchem Netz eine Linie gehört, steht in routes.txt und in eigenen Dateien; unklar ist, was gilt.",
        mend: "Eine der beiden Arten behalten.",
    },
};

const ROUTES: &str = "route_id,agency_id,route_short_name,route_type,network_id\nr,1,S1,3,n\n";

pub static RULE: Rule = Rule {
    module: module_path!(),
    notices: &[&TWICE],
    needs: Needs::Tables(&["routes", "route_networks", "networks"]),
    check: Some(check),
    examples: &[
        fails(
            "route_networks_specified_in_more_than_one_file",
            2,
            &[
                ("routes.txt", ROUTES),
                ("networks.txt", "network_id\nn\n"),
                ("route_networks.txt", "network_id,route_id\nn,r\n"),
            ],
        ),
        passes("route_networks_specified_in_more_than_one_file", &[("routes.txt", ROUTES)]),
    ],
};

fn check(feed: &Feed, out: &mut Out) {
    if !feed.table("routes").has("network_id") {
        return;
    }
    for table in
        ["route_networks", "networks"].map(|name| feed.table(name)).into_iter().filter(|table| table.is_there())
    {
        out.add(&TWICE, || ["network_id".into(), "routes.txt".into(), table.file.as_str().into()]);
    }
}
