//! What the pages tell of all days of a dataset, `reports/<dataset>/overview.json`: each number of it against the published files, and
//! that it is the same whatever came between.

use serde_json::{Value, json};

use crate::releases::{json_of, text, withdraw};
use crate::world::{World, files, python};

const TELEMETRY: &str = "stadtbus-telemetrie";

fn overview(world: &World, dataset: &str) -> Value {
    let path = world.path(&format!("data/bucket/reports/{dataset}/overview.json"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Compares all of it with the files; gives how much that was.
fn compared(world: &World) -> Value {
    let output = python("overview.py", &[world.path("data/bucket").to_str().unwrap()]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// That a rebuild, which makes all of it anew, has nothing to write.
fn is_as_made_anew(world: &World) {
    let rebuilt = json_of(world, &["publish", "--rebuild"]);
    assert_eq!((&rebuilt["written"], &rebuilt["removed"]), (&json!([]), &json!([])));
}

#[test]
fn every_number_of_it_is_that_of_a_query_over_the_published_files() {
    let world = World::with_publication();
    world.run();
    let of = compared(&world);
    let least = [("days", 2), ("coverage", 1), ("tables", 8), ("columns", 60), ("hours", 1)];
    assert!(least.iter().all(|(name, least)| of[*name].as_u64().unwrap() >= *least), "{of}");
    is_as_made_anew(&world);
    // Lost or edited, it is made anew by the next run.
    let before = files(&world.path("data/bucket/reports"));
    std::fs::remove_file(world.path(&format!("data/bucket/reports/{TELEMETRY}/overview.json"))).unwrap();
    world.write("data/bucket/reports/stadtbus-fahrplan/overview.json", "{\"format\": \"edited\"}");
    world.run_of(&[TELEMETRY]);
    world.run_of(&["stadtbus-fahrplan"]);
    let after = files(&world.path("data/bucket/reports"));
    let of_city = |name: &&String| name.starts_with("stadtbus-") && name.ends_with("/overview.json");
    assert_eq!(before.keys().filter(of_city).count(), 2);
    assert!(before.keys().filter(of_city).all(|name| before[name] == after[name]));
}

#[test]
fn a_withdrawal_leaves_nothing_of_the_date_but_that_it_was_withdrawn() {
    let world = World::new();
    world.run();
    let before = overview(&world, TELEMETRY);
    let date = before["hours"]["date"].as_str().unwrap().to_owned();
    assert!(before["days"].get(&date).is_some() && before["tables"]["vehicle_locations"]["date"] == date.as_str());
    json_of(&world, &withdraw(TELEMETRY, &date, &[]));
    let after = overview(&world, TELEMETRY);
    assert_eq!((after["days"].get(&date), after.get("hours")), (None, None), "{after}");
    assert!(after["tables"].as_object().unwrap().values().all(|of| of["date"] != date.as_str()), "{after}");
    let changes = after["changes"].as_array().unwrap();
    let withdrawal = changes.iter().find(|change| change["kind"] == "withdrawal").unwrap();
    assert!(withdrawal["by"].is_string() && withdrawal["reason"].is_string() && withdrawal["dates"] == json!([date]));
    let of_date = changes.iter().filter(|change| change["dates"].as_array().unwrap().contains(&json!(date)));
    let mut tables = of_date.flat_map(|change| change["tables"].as_array().unwrap());
    assert!(tables.all(|of| of.get("rows").is_none()), "{changes:?}");
    compared(&world);
    is_as_made_anew(&world);
    // Lifted and released again, it is there again.
    json_of(&world, &withdraw(TELEMETRY, &date, &["--lift"]));
    world.run_of(&[TELEMETRY, "--date", &date]);
    assert_eq!(overview(&world, TELEMETRY)["hours"], before["hours"]);
    compared(&world);
    is_as_made_anew(&world);
}

#[test]
fn a_dataset_may_not_have_the_name_of_something_else_in_the_bucket() {
    let world = World::new();
    let folders = ["data", "meta", "reports", "iceberg", "ledger"].map(|name| (name, "is a folder of the bucket"));
    for (name, why) in folders.into_iter().chain([("en", "is kept for pages of that language")]) {
        let file = format!("pipelines/{TELEMETRY}.yaml");
        let before = std::fs::read_to_string(world.path(&file)).unwrap();
        world.write(&file, &format!("dataset: {name}\n{before}"));
        let output = world.program(&["check"]);
        let told = text(&output.stdout) + &text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{name}: {told}");
        assert!(told.contains(&format!("'{name}' {why}")), "{told}");
        assert!(told.contains("Give the dataset another name"), "{told}");
        world.write(&file, &before);
    }
}
