//! `portal:` of the configuration: what is missing is a mistake of `check` and keeps no data from being published.

use crate::world::World;

const CONFIGURATION: &str = "fahrtenbuch.yaml";
const PHONE: &str = "    phone: +49 30 23125 000\n";
const LOGO: &str = "portal/logo.svg";

/// The exit code, and what is told on both ways.
fn program(world: &World, arguments: &[&str]) -> (Option<i32>, String) {
    let output = world.program(arguments);
    let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code(), told)
}

#[test]
fn what_the_law_demands_is_a_mistake_of_check_and_the_day_is_published_all_the_same() {
    let world = World::new();
    let page = |name: &str| std::fs::read_to_string(world.path(&format!("data/bucket/{name}"))).unwrap();
    assert_eq!(program(&world, &["check"]).0, Some(0));
    world.replace(CONFIGURATION, PHONE, "");
    world.write(LOGO, "<svg><script>alert(1)</script></svg>");
    let (exit, told) = program(&world, &["check"]);
    assert_eq!(exit, Some(2), "{told}");
    assert!(
        told.contains("Write 'phone: +49 1234 560' below 'imprint:'.") && told.contains("2 mistakes in the workspace"),
        "{told}"
    );
    assert!(told.contains("it has the element 'script'"), "{told}");
    assert_eq!(program(&world, &["run", "stadtbus-fahrplan"]).0, Some(0));
    let imprint = page("impressum.html");
    assert_eq!(imprint.matches("Der Herausgeber hat dazu nichts angegeben.").count(), 1);
    assert!(!imprint.contains("<img") && !world.path("data/bucket/logo.svg").exists());
    // Without the section and an address nothing is demanded yet.
    let text = std::fs::read_to_string(world.path(CONFIGURATION)).unwrap();
    let (before, _) = text.split_once("\nportal:\n").unwrap();
    world.write(CONFIGURATION, &format!("{before}\n"));
    let (exit, told) = program(&world, &["check"]);
    assert!(exit == Some(0) && told.contains("before the bucket goes on the web"), "{told}");
    world.replace(CONFIGURATION, "  # base_url:", "  base_url:");
    let (exit, told) = program(&world, &["check"]);
    assert!(exit == Some(2) && told.contains("14 mistakes in the workspace"), "{told}");
}
