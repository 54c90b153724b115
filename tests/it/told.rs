//! What the pages go on to tell when something is gone: results, a pipeline, all days of a dataset.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::readable::{TEN, keep, message, telemetry};
use crate::releases::{json_of, withdraw};
use crate::world::World;

const TELEMETRY: &str = "stadtbus-telemetrie";
const DATE: &str = "2026-11-24";

fn page(world: &World, name: &str) -> String {
    std::fs::read_to_string(world.path("data/bucket").join(name)).unwrap()
}

/// That a rebuild, which makes all of it anew, has nothing to write.
fn is_as_made_anew(world: &World) {
    let rebuilt = json_of(world, &["publish", "--rebuild"]);
    assert_eq!((&rebuilt["written"], &rebuilt["removed"]), (&json!([]), &json!([])));
}

#[test]
fn results_that_are_gone_come_back_and_shorten_no_page() {
    let world = telemetry();
    let begin = TEN - 3 * 86_400;
    let zip = std::fs::read(world.path("data/sample/stadtbus-gtfs.zip")).unwrap();
    keep(&world, "stadtbus-gtfs", begin - 3_600, &[], &zip);
    let mut dates = Vec::new();
    for at in (0..3).map(|number| begin + number * 86_400) {
        keep(&world, "stadtbus-vehicle-positions", at, &[], &message(at, 2));
        dates.push(Timestamp::from_second(at).unwrap().to_string()[..10].to_owned());
    }
    world.run_of(&[TELEMETRY, "--from", &dates[0], "--to", &dates[2]]);
    let results = |date: &str| format!("reports/{TELEMETRY}/date={date}/quality.json");
    let all = ["index.html", "2026.html"].map(|name| format!("{TELEMETRY}/{name}"));
    let all =
        [&all[..], &[format!("reports/{TELEMETRY}/quality.html"), results(&dates[0]), results(&dates[1])]].concat();
    let told = || all.iter().map(|name| page(&world, name)).collect::<Vec<_>>();
    let before = told();
    let lose = |date: &str| std::fs::remove_file(world.path("data/bucket").join(results(date))).unwrap();
    // By a run of another date, and by a rebuild.
    lose(&dates[0]);
    world.run_of(&[TELEMETRY, "--date", &dates[2]]);
    assert!(before == told());
    lose(&dates[0]);
    lose(&dates[1]);
    json_of(&world, &["publish", "--rebuild"]);
    assert!(before == told());
    is_as_made_anew(&world);
}

#[test]
fn a_dataset_that_no_pipeline_makes_any_more_stays_told() {
    let world = World::with_busplus();
    world.run();
    let of_busplus = || -> Vec<Value> {
        let package: Value = serde_json::from_str(&page(&world, "datapackage.json")).unwrap();
        let resources = package["resources"].as_array().unwrap();
        resources.iter().filter(|resource| resource["dataset"] == "busplus").cloned().collect()
    };
    let before = of_busplus();
    assert_eq!(before.len(), 1);
    std::fs::remove_file(world.path("pipelines/busplus.yaml")).unwrap();
    world.run_of(&[TELEMETRY]);
    // Its columns are those of the contract that the bucket has.
    assert_eq!(of_busplus(), before);
    let home = page(&world, "index.html");
    assert!(home.contains("Auslastung aus der App Busplus") && home.contains("Wird nicht mehr erneuert."), "{home}");
    let own = page(&world, "busplus/index.html");
    // Whoever gave the data is still to be named.
    assert!(own.contains("Es kommt nichts Neues.") && own.contains("; Busplus GmbH (Beispiel)</dd>"), "{own}");
    assert!(page(&world, "busplus/index.en.html").contains("nothing new comes"));
    assert!(page(&world, "catalog.ttl").contains("busplus"));
    is_as_made_anew(&world);
    // Without the texts of its contract it has the columns that its index says.
    let objects = world.path("data/bucket/ledger/objects");
    std::fs::read_dir(&objects).unwrap().for_each(|file| std::fs::remove_file(file.unwrap().path()).unwrap());
    world.run_of(&[TELEMETRY]);
    let names = |of: &[Value]| -> Vec<Value> {
        let fields = of[0]["schema"]["fields"].as_array().unwrap();
        fields.iter().map(|field| field["name"].clone()).collect()
    };
    assert_eq!(names(&of_busplus()), names(&before));
}

#[test]
fn a_dataset_of_which_all_is_withdrawn_says_so() {
    let world = World::new();
    world.run();
    json_of(&world, &withdraw(TELEMETRY, DATE, &[]));
    for (name, said) in [
        ("index.html", "Alle Tage dieses Datensatzes sind zurückgezogen"),
        ("index.en.html", "All days of this dataset are withdrawn"),
        ("stadtbus-telemetrie/index.html", "Alle Dateien sind zurückgezogen."),
        ("reports/stadtbus-telemetrie/quality.html", "Die Ergebnisse sind mit den Tagen zurückgezogen."),
    ] {
        let text = page(&world, name);
        assert!(text.contains(said) && !text.contains("Noch gibt es keine"), "{name}: {text}");
    }
}

#[test]
fn a_withdrawn_table_is_told_alike_on_all_pages_and_its_day_is_not_gone() {
    let world = World::new();
    world.run();
    let table = format!("{TELEMETRY}/vehicle_locations");
    json_of(&world, &withdraw(&table, DATE, &[]));
    let said = "zurückgezogen am <time datetime=";
    for (name, others) in [
        ("index.html", &["Zurückgezogen</h2>", "<code>vehicle_locations</code>): zurückgezogen am "][..]),
        (
            "stadtbus-telemetrie/index.html",
            &["dieses Tages zurückgezogen am ", "teilweise</b>", "<td class=\"partial\""],
        ),
        (
            "stadtbus-telemetrie/tables/vehicle_locations.html",
            &["Alle Tage dieser Tabelle sind zurückgezogen", "Stattdessen: die anderen Tabellen des Datensatzes: "],
        ),
    ] {
        let text = page(&world, name);
        assert!(text.contains(said) && others.iter().all(|other| text.contains(other)), "{name}: {text}");
        assert!(!text.contains("<td class=\"withdrawn\""), "{name}: {text}");
    }
    let feed = page(&world, "stadtbus-telemetrie/feed.xml");
    assert!(feed.contains(&format!("<title>Zurückgezogen: {DATE} (vehicle_locations)</title>")), "{feed}");
    assert!(feed.contains(&format!("<title>Veröffentlicht: {DATE}</title>")), "{feed}");
    is_as_made_anew(&world);
}
