//! The results of runs: files that outsiders' programs read, the trend, the score, and what CI is told.

use serde_json::Value;

use crate::broken_feeds::changed;
use crate::published::add_a_row_to_stops;
use crate::world::{World, files, python};

const TELEMETRY: &str = "data/bucket/reports/stadtbus-telemetrie/date=2026-11-24";
const RULES: &str = "schemas/stadtbus/vehicle_locations.odcs.yaml";

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn json(world: &World, name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(world.path(name)).unwrap()).unwrap()
}

/// What other programs find in the results of a run.
fn outsiders_find(world: &World, folder: &str, base: &str) -> Value {
    let output = python("read_quality.py", &[&world.path(folder).to_string_lossy(), base]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The score that another program computed is ours, which is rounded down.
fn is_the_same(ours: &Value, theirs: &Value) {
    let (ours, theirs) = (ours.as_f64().unwrap(), theirs.as_f64().unwrap());
    assert!((-1e-6..0.01).contains(&(theirs - ours)), "{ours} {theirs}");
}

/// A world in which a blocking rule is broken, a metric fails, and texts hold what breaks files.
fn faulty() -> World {
    let world = World::new();
    world.replace(
        RULES,
        "\n    quality:\n",
        "\n    quality:
      - {metric: rowCount, mustBeLessThan: 5, severity: warning}
      - {metric: rowCount, name: enough, mustBeGreaterThan: 5}
      - {name: none, type: custom, engine: fahrtenbuch, dimension: coverage, implementation: 'SELECT _index FROM vehicle_locations WHERE speed < 0', description: \"<b> & \\\"ä\\\" \\\\ ]]> \\e[31m\\0 \u{1F68C}\"}
",
    );
    let feed = "schemas/gtfs-realtime/vehicle_positions.odcs.yaml";
    let cast = "\n    quality:
      - name: cast
        type: custom
        engine: fahrtenbuch
        severity: info
        implementation: SELECT _index FROM vehicle_positions WHERE CAST(vehicle_label AS INTEGER) > 0
      - {name: largest, type: sql, query: SELECT MAX(CAST(trip_id AS INTEGER)) FROM vehicle_positions, mustBe: 0}
";
    world.replace(feed, "\n    quality:\n", cast);
    world
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn other_programs_read_the_results_and_come_to_the_same_score() {
    let world = World::new();
    world.run();
    let quality = json(&world, &format!("{TELEMETRY}/quality.json"));
    let rules = quality["rules"].as_array().unwrap();
    let found =
        outsiders_find(&world, TELEMETRY, "https://daten.example.de/reports/stadtbus-telemetrie/date=2026-11-24");
    let count = |keep: &dyn Fn(&Value) -> bool| rules.iter().filter(|rule| keep(rule)).count();
    let junit = &found["junit"];
    for name in ["tests", "told", "names"] {
        assert_eq!(junit[name], rules.len(), "{name}");
    }
    let result = |result: &str| count(&|rule| rule["result"] == *result);
    assert_eq!((&junit["failures"], &junit["errors"]), (&result("failed").into(), &0.into()));
    assert!(junit["skipped"] == result("skipped") && result("failed") > 0 && result("skipped") > 0);
    let dqv = found["dqv"]["rules"].as_array().unwrap();
    assert_eq!(dqv.len(), count(&|rule| rule["checked"] != 0));
    assert_eq!(found["dqv"]["measurements"].as_u64().unwrap(), dqv.len() as u64);
    let napcore = serde_json::json!({
        "accuracy": "correctness",
        "completeness": "completeness",
        "conformity": "reliability",
        "consistency": "correctness",
        "coverage": "completeness",
        "timeliness": "timeliness",
        "uniqueness": "correctness",
    });
    let told: Vec<_> = found["dqv"]["napcore"].as_object().unwrap().iter().collect();
    assert!(told.len() >= 4 && told.iter().all(|(dimension, category)| napcore[*dimension] == **category), "{told:?}");
    let named = |id: &str| rules.iter().find(|rule| rule["id"] == id && rule["released"] == true).unwrap();
    let south = named("vehicle_locations.position_in_service_area");
    let share = 1.0 - south["rows"].as_f64().unwrap() / south["checked"].as_f64().unwrap();
    let on = "https://daten.example.de/data/stadtbus-telemetrie/vehicle_locations";
    let told = dqv.iter().find(|rule| rule[0] == south["id"]).unwrap();
    assert!((told[1].as_f64().unwrap() - share).abs() < 1e-6 && told[2] == on && told[3] == "accuracy", "{told}");
    assert!(south["rows"].as_u64().unwrap() > 10);
    assert_eq!(found["dqv"]["distributions"].as_array().unwrap().len(), 5);
    assert!(found["dqv"]["labels"].as_array().unwrap().contains(&"Richtigkeit".into()));
    is_the_same(&quality["score"]["dataset"], &found["score"]["dataset"]);
    for (dimension, score) in quality["score"]["dimensions"].as_object().unwrap() {
        is_the_same(score, &found["score"]["dimensions"][dimension]);
        assert_eq!(found["dqv"]["scores"][dimension].as_f64(), score.as_f64(), "{dimension}");
    }
    // What the record says and what the results say is the same.
    let records = world.records();
    let record = records.iter().find(|record| record["pipeline"] == "stadtbus-telemetrie").unwrap();
    // That no private text was found is no rule of a contract, and stands in the results only where one was.
    let of_contracts = |rule: &&Value| !rule.as_str().unwrap().ends_with(".private_text");
    let passed = record["passed"].as_object().unwrap().values().flat_map(|of| of.as_array().unwrap());
    let passed = passed.filter(of_contracts).count();
    assert_eq!(passed, count(&|rule| rule["result"] == "passed"));
    let is_finding = |rule: &Value| rule["result"] != "passed" && rule["result"] != "skipped";
    assert_eq!(record["findings"].as_array().unwrap().len(), count(&is_finding));
    assert_eq!(record["inputs"]["sha256"], quality["inputs"]);
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn a_run_that_is_held_back_publishes_its_results_and_stops_ci() {
    let world = faulty();
    assert_eq!(world.program(&["run", "stadtbus-telemetrie"]).status.code(), Some(3));
    let found = outsiders_find(&world, TELEMETRY, "file:///reports/stadtbus-telemetrie/date=2026-11-24");
    let junit = &found["junit"];
    let quality = json(&world, &format!("{TELEMETRY}/quality.json"));
    let fails = |rule: &&Value| rule["result"] == "failed" || rule["result"] == "warning" && rule["on_fail"] == "block";
    let failures = quality["rules"].as_array().unwrap().iter().filter(fails).count();
    assert_eq!((&junit["errors"], &junit["failures"]), (&2.into(), &failures.into()), "{junit}");
    assert!(failures > 0);
    assert_eq!(quality["status"], "held_back");
    is_the_same(&quality["score"]["dataset"], &found["score"]["dataset"]);
    let rule = |id: &str| quality["rules"].as_array().unwrap().iter().find(|rule| rule["id"] == id).unwrap().clone();
    let metric = rule("vehicle_locations.rowCount");
    assert_eq!((&metric["result"], &metric["asks"], &metric["rows"]), (&"warning".into(), &"number".into(), &0.into()));
    assert!(metric["value"].as_f64().unwrap() > 10_000.0);
    let cast = rule("vehicle_positions.cast");
    assert_eq!(cast["result"], "error");
    // Why it could not run is told, and no driver with it.
    let message = cast["message"].as_str().unwrap();
    assert!(message.contains("'vehicle_label'") && !message.contains("Fahrer"), "{message}");
    for (form, name) in [("json", "quality.json"), ("junit", "quality.junit.xml"), ("dqv", "quality.dqv.ttl")] {
        for date in [&["--date", "2026-11-24"][..], &[]] {
            let arguments = [&["quality", "results", "stadtbus-telemetrie", "--format", form][..], date].concat();
            let output = world.program(&arguments);
            assert_eq!(output.status.code(), Some(3), "{form}");
            assert_eq!(output.stdout, std::fs::read(world.path(TELEMETRY).join(name)).unwrap(), "{form}");
        }
    }
    let report = text(&world.program(&["quality", "report"]).stdout);
    assert!(report.contains("HELD BACK") && report.contains("vehicle_positions.cast: could not run"), "{report}");
    let page = std::fs::read_to_string(world.path("data/bucket/index.html")).unwrap();
    assert!(page.contains("Zurückgehalten") && page.contains("reports/stadtbus-telemetrie/quality.html"));
}

#[test]
fn the_report_tells_the_trend_of_two_dates_and_what_has_become_worse() {
    let world = World::new();
    let evidence = world.path("data/sample/evidence").to_string_lossy().into_owned();
    let simulate = ["simulate", "--date", "2026-11-23", "--interval", "600", "--evidence", &evidence];
    assert!(world.program(&simulate).status.success());
    for date in ["2026-11-24", "2026-11-23"] {
        assert!(world.program(&["run", "stadtbus-telemetrie", "--date", date]).status.success());
    }
    let report = |arguments: &[&str]| {
        let output = world.program(&[&["quality", "report", "stadtbus-telemetrie"], arguments].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let reports: Value = serde_json::from_str(&report(&["--format", "json"])).unwrap();
    let dates: Vec<&str> =
        reports[0]["runs"].as_array().unwrap().iter().filter_map(|run| run["date"].as_str()).collect();
    assert_eq!(dates, ["2026-11-23", "2026-11-24"]);
    let rules = reports[0]["rules"].as_array().unwrap();
    let mut worse = Vec::new();
    for rule in rules {
        let points = rule["points"].as_array().unwrap();
        assert_eq!(points.len(), 2);
        for (place, date) in dates.iter().enumerate() {
            let file = format!("data/bucket/reports/stadtbus-telemetrie/date={date}/quality.json");
            let own = json(&world, &file)["rules"].as_array().unwrap().clone();
            let own = own.iter().find(|own| own["id"] == rule["id"] && own["contract"] == rule["contract"]);
            // What a run drops is told only where it did, as no contract has a rule of that name.
            let Some(own) = own else {
                assert_eq!(rule["id"], "vehicle_locations.same_position");
                assert_eq!(points[place]["rows"].as_u64().unwrap_or(0), 0);
                continue;
            };
            assert_eq!((&own["rows"], &own["checked"]), (&points[place]["rows"], &points[place]["checked"]));
        }
        let share = |place: usize| points[place]["conformity"].as_f64().unwrap_or(1.0);
        let named = |list: &str| {
            let of = reports[0][list].as_array().unwrap();
            of.iter().any(|named| named["id"] == rule["id"] && named["contract"] == rule["contract"])
        };
        assert!(!named("worse") || share(1) < share(0), "{rule}");
        assert!(!named("better") || share(1) > share(0), "{rule}");
        worse.extend(named("worse").then(|| rule["id"].as_str().unwrap()));
    }
    assert!(worse.contains(&"vehicle_locations.primary_key"), "{worse:?}");
    let one: Value = serde_json::from_str(&report(&["--format", "json", "--to", "2026-11-23"])).unwrap();
    assert_eq!(one[0]["runs"].as_array().unwrap().len(), 1);
    let shown = report(&[]);
    assert!(shown.contains("2026-11-23 to 2026-11-24, 2 partitions") && shown.contains("To look at:"), "{shown}");
    let page = report(&["--format", "html", "--output", &world.path("report.html").to_string_lossy()]);
    assert_eq!(page, "");
    let page = std::fs::read_to_string(world.path("report.html")).unwrap();
    // Those of the bucket have the way back to the other pages, and the title of the dataset, above.
    let [german, english] = pages(&world, "stadtbus-telemetrie");
    assert_eq!(told_in(&page, "de"), told_in(&german, "de"));
    assert_eq!(told_in(&page, "en").replace("\"en-", "\"").replace("\"#en-", "\"#"), told_in(&english, "en"));
    assert!(german.contains("href=\"../../index.html\"") && !page.contains("../../index.html"));
    assert!(
        english.contains("href=\"../../index.en.html\"") && english.contains("hreflang=\"de\" href=\"quality.html\"")
    );
    // The dates came in another order than they were run, and the newest is what the front page tells.
    let front = std::fs::read_to_string(world.path("data/bucket/index.html")).unwrap();
    assert!(
        front.contains("\"score stadtbus-telemetrie 2026-11-24\"")
            && !front.contains("\"score stadtbus-telemetrie 2026-11-23\"")
    );
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn results_are_the_same_bytes_in_two_worlds_and_come_back_if_they_are_lost() {
    let (one, other) = (faulty(), faulty());
    one.program(&["run"]);
    other.take_keys(&one);
    other.program(&["run"]);
    let reports = |world: &World| {
        let mut files = files(&world.path("data/bucket/reports"));
        // It tells which runs released what, and when.
        files.retain(|name, _| !name.ends_with("/overview.json"));
        files
    };
    let before = reports(&one);
    assert!(before.len() == 10 && before == reports(&other), "{:?}", before.keys());
    let bucket = one.path("data/bucket").to_string_lossy().into_owned();
    let search = python("find_personal.py", &[&bucket, r"Fahrer ?47\d\d", "OG-FB", r"ofg-1\d\d"]);
    assert!(search.status.success(), "{}", text(&search.stdout));
    std::fs::remove_dir_all(one.path("data/bucket/reports")).unwrap();
    let output = one.program(&["run"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    assert!(reports(&one) == before);
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn the_address_of_the_bucket_makes_the_names_of_the_catalogue_absolute() {
    let world = World::new();
    world.replace(
        "fahrtenbuch.yaml",
        "  # base_url: https://daten.example.de",
        "  base_url: https://offen.example.de/bus",
    );
    assert!(world.program(&["run", "stadtbus-telemetrie"]).status.success());
    let found = outsiders_find(&world, TELEMETRY, "file:///somewhere/else/entirely");
    for distribution in found["dqv"]["distributions"].as_array().unwrap() {
        assert!(distribution.as_str().unwrap().starts_with("https://offen.example.de/bus/data/stadtbus-telemetrie/"));
    }
}

#[test]
fn what_is_asked_wrongly_is_told() {
    let world = World::new();
    let none = world.program(&["quality", "report"]);
    assert_eq!(none.status.code(), Some(42));
    assert!(text(&none.stderr).contains("Make some with 'fahrtenbuch run'"));
    let unknown = world.program(&["quality", "report", "stadtbus-telemetri"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(text(&unknown.stderr).contains("Did you mean 'stadtbus-telemetrie'?"));
    let none = world.program(&["quality", "results", "stadtbus-telemetrie", "--date", "2026-11-20"]);
    assert_eq!((none.status.code(), none.stdout.len()), (Some(42), 0));
    let help = text(&world.program(&["quality", "report", "--help"]).stdout);
    assert!(help.contains("1 - named / checked") && help.contains("Examples"), "{help}");
}

#[test]
fn every_rule_of_the_sample_is_told_in_german_and_what_was_dropped_is_said_to_be_dropped() {
    let world = World::new();
    world.run();
    let quality = json(&world, &format!("{TELEMETRY}/quality.json"));
    let rules = quality["rules"].as_array().unwrap();
    for rule in rules {
        assert!(rule["description_de"].as_str().is_some_and(|text| !text.is_empty()), "{rule}");
    }
    let [german, english] = pages(&world, "stadtbus-telemetrie");
    for id in ["vehicle_locations.same_position", "trip_updates.unchanged", "alerts.unchanged"] {
        assert!(rules.iter().any(|rule| rule["id"] == id && rule["rows"].as_u64() > Some(0)), "{id}");
    }
    assert_eq!(english.matches("rows dropped").count(), 3);
    assert_eq!(german.matches("Zeilen weggelassen").count(), 3);
}

/// The German and the English quality page of a dataset in the bucket.
fn pages(world: &World, dataset: &str) -> [String; 2] {
    ["quality.html", "quality.en.html"]
        .map(|name| std::fs::read_to_string(world.path(&format!("data/bucket/reports/{dataset}/{name}"))).unwrap())
}

/// What a quality page tells in a language of a single dataset.
fn told_in(page: &str, language: &str) -> String {
    let (_, rest) = page.split_once(&format!("lang=\"{language}\"")).unwrap();
    let rest = match rest.split_once(&format!("<div class=\"{language}\" lang=\"{language}\">")) {
        Some((_, of_both)) => of_both,
        None => rest,
    };
    let (_, rest) = rest.split_once("<p class=\"lead\">").unwrap();
    let last =
        if language == "de" { "die Zeilen selbst zeigt sie nicht.</p>" } else { "it does not show the rows.</p>" };
    rest.split_once(last).unwrap().0.to_owned()
}

/// A figure of the newest run on a quality page.
fn tile(page: &str, kind: &str) -> u64 {
    let (before, _) = page.split_once(&format!(" {kind}\"")).unwrap();
    let (before, what) = before.rsplit_once("\" data-figure=\"").unwrap();
    assert!(what.starts_with("received "), "{what}");
    before.rsplit_once("value=\"").unwrap().1.parse().unwrap()
}

#[test]
fn of_every_dataset_the_rows_received_are_those_published_held_back_and_left_out() {
    let world = World::new();
    world.run();
    for dataset in ["stadtbus-telemetrie", "stadtbus-fahrplan"] {
        let [_, page] = pages(&world, dataset);
        let [received, rest @ ..] =
            ["rows_in", "rows_published", "rows_withheld", "rows_dropped"].map(|kind| tile(&page, kind));
        assert!(received > 0, "{dataset}");
        assert_eq!(received, rest.iter().sum::<u64>(), "{dataset}");
        let (_, results) = files(&world.path(&format!("data/bucket/reports/{dataset}")))
            .into_iter()
            .find(|(name, _)| name.ends_with("/quality.json"))
            .unwrap();
        let results: Value = serde_json::from_slice(&results).unwrap();
        let made = results["tables"].as_array().unwrap().iter().filter(|table| table["is_derived"] == true);
        let made: u64 = made.map(|table| table["published"].as_u64().unwrap()).sum();
        assert!(made > 0 && page.contains(" derived from them"), "{dataset}: {made}");
    }
}

#[test]
fn after_a_rollback_the_page_and_the_report_say_that_another_version_is_published_until_the_next_release() {
    let world = World::new();
    world.run_of(&["stadtbus-fahrplan"]);
    add_a_row_to_stops(&world);
    world.run_of(&["stadtbus-fahrplan"]);
    let page = || pages(&world, "stadtbus-fahrplan").concat();
    let report = |format: &str| {
        let output = world.program(&["quality", "report", "stadtbus-fahrplan", "--format", format]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    assert!(!page().contains("Zurückgenommen") && !report("text").contains("published again"));
    let back = ["releases", "rollback", "stadtbus-fahrplan/stops", "--to", "1", "--by", "Datenmanagement"];
    let output = world.program(&[&back[..], &["--reason", "a stop <too> many"]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let index = json(&world, "data/bucket/meta/stadtbus-fahrplan/stops/index/v0000000003.json");
    let since = index["release"]["at"].as_str().unwrap().replace('T', " ");
    let rolled_back = page();
    for said in [
        "Zurückgenommen",
        "Rolled back",
        "Rolled back in part: an earlier version is published",
        "data-figure=\"rolled_back_to stadtbus-fahrplan stops 2026-11-27\">1</data> since <time",
        &format!(">{} UTC</time>", &since[..16]),
        "Datenmanagement: a stop &lt;too&gt; many",
    ] {
        assert!(rolled_back.contains(said), "{said}: {rolled_back}");
    }
    let said = report("text");
    assert!(said.contains("version 1 of stops is published again (Datenmanagement: a stop <too> many)"), "{said}");
    assert_eq!(told_in(&report("html"), "de"), told_in(&rolled_back, "de"));
    let told: serde_json::Value = serde_json::from_str(&report("json")).unwrap();
    let run = told[0]["runs"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&run["rolled_back"][0]["table"], &run["rolled_back"][0]["to"]), (&"stops".into(), &1.into()), "{run}");
    changed(&world, "stops.txt", |stops| {
        let stops = String::from_utf8(stops).unwrap();
        Some(stops.replacen('\n', "\nneu2,Neueste Haltestelle,48.47,7.95,0,,1,\n", 1).into_bytes())
    });
    world.run_of(&["stadtbus-fahrplan"]);
    assert!(!page().contains("Zurückgenommen"), "the next release is the last run's");
}
