//! The ways into the data, as the pages show them: each is taken out of the page and run as it stands.

use serde_json::Value;

use crate::pages::city_on_the_web;
use crate::world::{World, browser};

/// What was run, by page and way, with what it came to; and the ways that were left out.
fn run(world: &World, more: &[&str]) -> (Vec<String>, Vec<String>) {
    let bucket = world.path("data/bucket").to_string_lossy().into_owned();
    let output = browser("ways_in.py", &[&[bucket.as_str()], more].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let ran = told["ran"].as_object().unwrap().keys().cloned().collect();
    let left_out = told["left_out"].as_array().unwrap().iter().map(|way| way.as_str().unwrap().to_owned()).collect();
    (ran, left_out)
}

fn has_run(ran: &[String], ways: &[&str]) {
    for dataset in ["stadtbus-fahrplan", "stadtbus-telemetrie"] {
        for way in ways {
            let is_it = |of: &String| of.starts_with(&format!("{dataset}/")) && of.ends_with(&format!(" {way}"));
            assert!(ran.iter().any(is_it), "{dataset} {way}: {ran:?}");
        }
    }
}

#[test]
#[cfg_attr(not(browser), ignore = "needs the browser that ./test finds")]
fn each_way_into_a_bucket_on_the_web_runs_as_its_page_has_it() {
    let (world, serving) = city_on_the_web();
    world.run();
    let (ran, left_out) = run(&world, &["--base", &serving.url()]);
    let ways =
        ["duckdb-catalogue", "duckdb-list", "duckdb-files", "polars", "pandas", "pyiceberg", "javascript", "curl"];
    has_run(&ran, &ways);
    assert_eq!(left_out, ["spark", "r"]);
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn each_way_into_a_bucket_without_an_address_runs_in_its_folder() {
    let world = World::with_publication();
    world.run();
    let (ran, left_out) = run(&world, &[]);
    has_run(&ran, &["duckdb-list", "duckdb-files", "polars", "pandas", "curl"]);
    assert_eq!(left_out, ["duckdb-catalogue", "pyiceberg", "spark", "r", "javascript"]);
}

#[test]
#[cfg_attr(not(pyspark), ignore = "needs Spark, which ./test --long sets up where there is Java")]
fn the_way_in_by_spark_runs_as_its_page_has_it() {
    let (world, serving) = city_on_the_web();
    world.run();
    has_run(&run(&world, &["--long", "--only", "spark", "--base", &serving.url()]).0, &["spark"]);
    has_run(&run(&world, &["--long", "--only", "spark"]).0, &["spark"]);
}

#[test]
#[cfg_attr(not(rscript), ignore = "needs R, which ./test --long sets up where it may")]
fn the_way_in_by_r_runs_as_its_page_has_it() {
    let (world, serving) = city_on_the_web();
    world.run();
    has_run(&run(&world, &["--long", "--only", "r", "--base", &serving.url()]).0, &["r"]);
}
