//! Keys that sign the log: one that was ended signs nothing, whatever store comes back; and what is no key is told.

use serde_json::Value;

use crate::log::succeeds;
use crate::log_signed::{TIMETABLE, bucket, differences, new_key, refused, signed};
use crate::published::add_a_row_to_stops;
use crate::purge::told;
use crate::world::{World, copy, files};

/// A stolen key must not sign again because somebody brought back a store of before it was revoked.
#[test]
fn a_store_that_is_older_than_the_end_of_its_key_signs_nothing_and_writes_nothing() {
    let (world, _) = signed();
    world.run_of(&[TIMETABLE]);
    let keep = |world: &World| {
        let _ = std::fs::remove_dir_all(world.path("older"));
        copy(&world.path("data/private"), &world.path("older"));
    };
    let restore = |world: &World| {
        std::fs::remove_dir_all(world.path("data/private")).unwrap();
        copy(&world.path("older"), &world.path("data/private"));
    };
    for (number, (end, state)) in [
        (vec!["key", "revoke", "NAME", "--reason", "stolen"], "revoked"),
        (vec!["key", "rotate", "--name", "second", "--reason", "every two years"], "rotated"),
    ]
    .into_iter()
    .enumerate()
    {
        keep(&world);
        let list: Value = serde_json::from_slice(&world.program(&["key", "list", "--json"]).stdout).unwrap();
        let active = list.as_array().unwrap().iter().rfind(|key| key["state"] == "active").unwrap();
        let (name, key) = (active["name"].as_str().unwrap().to_owned(), active["key"].as_str().unwrap().to_owned());
        let end: Vec<&str> = end.into_iter().map(|word| if word == "NAME" { &name } else { word }).collect();
        succeeds(&world, &end);
        if state == "revoked" {
            new_key(&world, &["--name", "other"]);
        }
        restore(&world);
        let before = bucket(&world);
        add_a_row_to_stops(&world);
        for arguments in [["run", TIMETABLE], ["publish", "--rebuild"]] {
            let said = refused(&world, &arguments);
            assert!(said.contains(&format!("was {state} on")) && said.contains("fahrtenbuch key new"), "{said}");
        }
        assert_eq!(differences(&bucket(&world), &before), Vec::<String>::new());
        // Also where somebody has made the list say that the key is good: the log counts.
        if state == "revoked" {
            let path = world.path("data/bucket/ledger/keys.json");
            let whole = std::fs::read_to_string(&path).unwrap();
            std::fs::write(&path, whole.replace("revoked", "active")).unwrap();
            let logs = |world: &World| bucket(world).into_keys().filter(|name| name.starts_with("ledger/log/")).count();
            let log_before = logs(&world);
            refused(&world, &["run", TIMETABLE]);
            assert_eq!(logs(&world), log_before);
            std::fs::write(&path, whole).unwrap();
        }
        // Another key takes its place, and the list says of the old one what the log says.
        new_key(&world, &["--name", &format!("after-{number}")]);
        let keys: Value = serde_json::from_slice(&bucket(&world)["ledger/keys.json"]).unwrap();
        let of = keys["keys"].as_array().unwrap().iter().find(|of| of["key"] == key.as_str()).unwrap().clone();
        assert_eq!(of["state"], state, "{keys}");
        world.run_of(&[TIMETABLE]);
    }
}

#[test]
fn what_is_no_key_or_no_memory_of_what_was_signed_is_told_for_good_and_an_open_secret_is_warned_of() {
    use std::os::unix::fs::PermissionsExt;
    let (world, _) = signed();
    world.run_of(&[TIMETABLE]);
    let folder = world.path("data/private/keys/signing");
    let name = files(&folder).into_keys().find(|name| name.ends_with(".key")).unwrap();
    let secret = folder.join(name);
    let list = || told(&world.program(&["key", "list"]));
    assert!(!list().contains("warning"), "{}", list());
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(list().contains("can be read by others (mode 644)"), "{}", list());
    let whole = std::fs::read(&secret).unwrap();
    std::fs::remove_file(&secret).unwrap();
    assert!(list().contains("is active, and its secret") && list().contains("is gone"), "{}", list());
    std::fs::create_dir(&secret).unwrap();
    add_a_row_to_stops(&world);
    let said = refused(&world, &["run", TIMETABLE]);
    assert!(said.contains("cannot be used"), "{said}");
    std::fs::remove_dir(&secret).unwrap();
    std::fs::write(&secret, whole).unwrap();
    std::fs::write(folder.join("signed.json"), "{garbled").unwrap();
    let said = refused(&world, &["run", TIMETABLE]);
    assert!(said.contains("does not say what was signed last"), "{said}");
}
