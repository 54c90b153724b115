//! Catalogues that lead elsewhere, are old or are gone.

use serde_json::Value;

use super::{json as json_of, told, verify};
use crate::published::add_a_row_to_stops;
use crate::releases::with_catalogue;
use crate::serve::Serving;
use crate::world::{World, files};

const ANSWER: &str = "iceberg/v1/namespaces/stadtbus-fahrplan/tables/stops.json";

/// Kinds and paths of what is found, all of it of catalogues.
fn found(world: &World, bucket: &str) -> Vec<(String, String)> {
    let output = verify(world, bucket, &[]);
    let faults = json_of(&output)["faults"].as_array().unwrap().clone();
    assert_eq!(output.status.code(), Some(if faults.is_empty() { 0 } else { 4 }), "{}", told(&output));
    let text = |fault: &Value, field: &str| fault[field].as_str().unwrap().to_owned();
    let of = |fault: &Value| {
        assert_eq!(fault["what"], "catalogue", "{fault}");
        (text(fault, "kind"), text(fault, "path"))
    };
    faults.iter().map(of).collect()
}

#[test]
fn catalogues_that_lead_elsewhere_are_old_or_gone_are_named_in_a_folder_and_over_http() {
    let world = with_catalogue();
    world.run();
    let root = world.path("data/bucket");
    let before = files(&root);
    add_a_row_to_stops(&world);
    world.run_of(&["stadtbus-fahrplan"]);
    let (now, serving) = (files(&root), Serving::start(&world));
    let addresses = [root.to_string_lossy().into_owned(), serving.url()];
    for address in &addresses {
        assert_eq!(found(&world, address), [], "{address}");
    }
    let output = json_of(&verify(&world, &addresses[0], &[]));
    assert!(output["looked_at"]["catalogues"].as_u64().unwrap() > 50, "{output}");
    assert!(output["leads_to"].as_str().unwrap().starts_with("http"), "{output}");
    let mut manifest =
        now.keys().filter(|name| name.starts_with("iceberg/tables/stadtbus-fahrplan/stops/v0000000002-0-"));
    let manifest = manifest.next_back().unwrap().as_str();
    let edited = |name: &str, from: &str, to: &str| {
        let text = String::from_utf8(now[name].clone()).unwrap();
        assert!(text.contains(from), "{name} lacks {from}");
        Some(text.replacen(from, to, 1).into_bytes())
    };
    let flipped = |name: &str| {
        let mut bytes = now[name].clone();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        Some(bytes)
    };
    let old = |name: &str| Some(before[name].clone());
    let evil = "https://evil.example";
    let cases: Vec<(&str, Option<Vec<u8>>, &str)> = vec![
        ("datapackage.json", edited("datapackage.json", "/stops/partition_date=", "/evil/partition_date="), "changed"),
        ("datapackage.json", edited("datapackage.json", "\"data/", "\"https://evil.example/data/"), "changed"),
        ("datapackage.json", edited("datapackage.json", "\"total_rows\": 1", "\"total_rows\": 2"), "changed"),
        ("datapackage.json", edited("datapackage.json", "\"table\": \"stops\"", "\"table\": \"stop\""), "changed"),
        ("datapackage.json", old("datapackage.json"), "rolled_back"),
        ("datapackage.json", None, "missing"),
        ("catalog.ttl", edited("catalog.ttl", "dcat:accessURL <", "dcat:accessURL <https://evil.example/"), "changed"),
        ("catalog.ttl", edited("catalog.ttl", "<iceberg>", "<https://evil.example/iceberg>"), "changed"),
        ("catalog.ttl", old("catalog.ttl"), "changed"),
        ("catalog.ttl", None, "missing"),
        (
            "catalog.jsonld",
            edited("catalog.jsonld", "\"@base\": \"http", "\"@base\": \"https://evil.example/?http"),
            "changed",
        ),
        ("catalog.jsonld", old("catalog.jsonld"), "changed"),
        ("catalog.jsonld", None, "missing"),
        (
            "iceberg/v1/config.json",
            edited("iceberg/v1/config.json", "\"overrides\":{}", "\"overrides\":{\"uri\":\"https://evil.example\"}"),
            "changed",
        ),
        ("iceberg/v1/config.json", None, "missing"),
        ("iceberg/v1/namespaces.json", edited("iceberg/v1/namespaces.json", "stadtbus-fahrplan", "evil"), "changed"),
        ("iceberg/v1/namespaces.json", None, "missing"),
        (
            "iceberg/v1/namespaces/stadtbus-telemetrie/tables.json",
            edited("iceberg/v1/namespaces/stadtbus-telemetrie/tables.json", "\"alerts\"", "\"evil\""),
            "changed",
        ),
        ("iceberg/v1/namespaces/stadtbus-telemetrie.json", None, "missing"),
        (ANSWER, edited(ANSWER, "\"config\":{}", "\"config\":{\"s3.endpoint\":\"https://evil.example\"}"), "changed"),
        (ANSWER, old(ANSWER), "rolled_back"),
        (ANSWER, None, "missing"),
        (manifest, flipped(manifest), "changed"),
        (manifest, Some(Vec::new()), "changed"),
        (manifest, None, "missing"),
    ];
    for (place, (name, bytes, kind)) in cases.into_iter().enumerate() {
        match bytes {
            Some(bytes) => std::fs::write(root.join(name), bytes).unwrap(),
            None => std::fs::remove_file(root.join(name)).unwrap(),
        }
        // Over the web, too, but not each of them.
        for address in addresses.iter().take(1 + usize::from(place % 3 == 0)) {
            assert_eq!(found(&world, address), [(kind.to_owned(), name.to_owned())], "case {place} at {address}");
        }
        std::fs::write(root.join(name), &now[name]).unwrap();
    }
    // A table that leads to another bucket, manifests and all.
    let base = output["leads_to"].as_str().unwrap();
    let text = String::from_utf8(now[ANSWER].clone()).unwrap().replace(base, evil);
    std::fs::write(root.join(ANSWER), text).unwrap();
    assert_eq!(found(&world, &addresses[0]), [("changed".to_owned(), ANSWER.to_owned())]);
    let said = verify(&world, &addresses[0], &["--lang", "de"]);
    assert!(told(&said).contains(evil), "{}", told(&said));
    // Without any of it.
    std::fs::remove_dir_all(root.join("iceberg")).unwrap();
    let all = found(&world, &addresses[0]);
    assert!(all.iter().all(|(kind, path)| kind == "missing" && path.starts_with("iceberg/")), "{all:?}");
    assert!(all.iter().any(|(_, path)| path == "iceberg/v1/config.json"), "{all:?}");
    assert_eq!(all.iter().map(|(_, path)| path).collect::<std::collections::BTreeSet<_>>().len(), all.len());
}
