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
    world.write(LOGO, "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>");
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

#[test]
fn a_key_that_is_there_and_empty_is_a_mistake_with_its_line_and_what_to_write() {
    for (from, to, begin, told_of) in [
        (
            "  colour: \"#00594f\"\n",
            "  colour: #00594f\n",
            "  colour:",
            "'colour' says nothing: what begins with '#' is a comment. Write it in quotation marks: 'colour: \"#00594f\"'.",
        ),
        (PHONE, "    phone:\n", "    phone:", "'phone' is there and says nothing. Write 'phone: +49 1234 560', or"),
        ("  logo: portal/logo.svg\n", "  logo:\n", "  logo:", "'logo' is there and says nothing."),
        (
            "publisher: Stadt Offenburg (Beispiel)\n",
            "publisher:\n",
            "publisher:",
            "'publisher' is there and says nothing.",
        ),
        (
            "people: [Datenmanagement]\n",
            "people: #Leitung\n",
            "people:",
            "'people' says nothing: what begins with '#' is a comment. Write it in quotation marks: 'people: \"#Leitung\"'.",
        ),
        (
            "\nportal:\n",
            "\ncatalogues:\n  datasets:\n    stadtbus-fahrplan:\n      keywords:\nportal:\n",
            "      keywords:",
            "'keywords' is there and says nothing.",
        ),
    ] {
        let world = World::new();
        world.replace(CONFIGURATION, from, to);
        let text = std::fs::read_to_string(world.path(CONFIGURATION)).unwrap();
        let line = text.lines().position(|line| line.starts_with(begin)).unwrap() + 1;
        let (exit, told) = program(&world, &["check"]);
        assert!(exit == Some(2) && told.contains(&format!("fahrtenbuch.yaml:{line}: {told_of}")), "{told_of}: {told}");
        assert!(told.contains("1 mistake in the workspace"), "{told}");
    }
}

#[test]
fn what_may_not_be_so_on_the_web_is_a_mistake_at_its_line() {
    let first =
        "\ncatalogues:\n  datasets:\n    stadtbus-fahrplan: {title: Fahrplan, first_published: 2026-11-28}\nportal:\n";
    for (from, to, begin, told_of) in [
        (
            "    date: 2026-11-01\n",
            "    date: 2027-11-01\n",
            "    date:",
            "'date: 2027-11-01' is still to come, today is 2026-11-27",
        ),
        ("\nportal:\n", first, "    stadtbus-fahrplan:", "'first_published: 2026-11-28' is still to come, today is"),
        (
            "      Beispielplatz 1\n      77652 Offenburg\n    rep",
            "      Postfach 24\n      77652 Offenburg\n    rep",
            "    address:",
            "a post box is none",
        ),
        ("    state: partial\n", "    state: full\n", "    barriers:", "are said to be accessible"),
        (PHONE, "    phone: auf Anfrage\n", "    phone:", "has no number that can be called"),
        (
            "title: Offene Daten des Stadtbusses Offenburg (Beispiel)\n",
            "title: ''\n",
            "title:",
            "'title' is no text of one line",
        ),
        (
            "publisher: Stadt Offenburg (Beispiel)\n",
            "publisher: |\n  Stadt\n  Land\n",
            "publisher:",
            "'publisher' is no text of one line",
        ),
        (
            "  logo: portal/logo.svg\n",
            "  logo: https://example.de/a.svg\n",
            "  logo:",
            "must be a file of the workspace",
        ),
    ] {
        let world = World::new();
        world.replace(CONFIGURATION, from, to);
        let text = std::fs::read_to_string(world.path(CONFIGURATION)).unwrap();
        let line = text.lines().position(|line| line.starts_with(begin)).unwrap() + 1;
        let (exit, told) = program(&world, &["check"]);
        let at = told.lines().find(|text| text.contains(told_of)).unwrap_or_else(|| panic!("{told_of}: {told}"));
        // Where a text of several lines begins is the line below its key.
        let places = [line, line + 1].map(|line| format!("fahrtenbuch.yaml:{line}: "));
        assert!(exit == Some(2) && places.iter().any(|place| at.contains(place)), "{at}");
        assert!(told.contains("1 mistake in the workspace"), "{told}");
    }
}

#[test]
fn a_logo_that_is_gone_or_another_leaves_none_behind() {
    let world = World::new();
    let is_there = |name: &str| world.path("data/bucket").join(name).exists();
    assert_eq!(program(&world, &["run", "stadtbus-fahrplan"]).0, Some(0));
    assert!(is_there("logo.svg"));
    world.replace(CONFIGURATION, "  logo: portal/logo.svg\n", "");
    let (exit, told) = program(&world, &["publish", "--rebuild", "--dry-run"]);
    assert!(exit == Some(0) && told.contains("logo.svg") && is_there("logo.svg"), "{told}");
    assert_eq!(program(&world, &["publish", "--rebuild"]).0, Some(0));
    assert!(!is_there("logo.svg") && !is_there("logo.png"));
    let page = std::fs::read_to_string(world.path("data/bucket/index.html")).unwrap();
    assert!(!page.contains("logo."), "{page}");
}

#[test]
fn a_dataset_is_refused_the_name_of_a_page_with_a_true_sentence_and_its_line() {
    for (name, told_of) in [
        ("impressum", "'impressum' is the name of a page of the bucket itself, and cannot be a dataset"),
        ("index", "'index' is the name of a page of the bucket itself"),
        ("data", "'data' is a folder of the bucket itself"),
        ("catalog", "'catalog' is the name of a catalogue at the root of the bucket"),
    ] {
        let world = World::new();
        let file = "pipelines/stadtbus-fahrplan.yaml";
        let text = std::fs::read_to_string(world.path(file)).unwrap();
        world.write(file, &format!("{text}dataset: {name}\n"));
        let line = text.lines().count() + 1;
        let (exit, told) = program(&world, &["check"]);
        assert!(exit == Some(2) && told.contains(&format!("stadtbus-fahrplan.yaml:{line}: {told_of}")), "{told}");
        // By the name of the file: where a dataset can be named.
        let world = World::new();
        world.write(&format!("pipelines/{name}.yaml"), &text);
        let (_, told) = program(&world, &["check"]);
        let first = text.lines().position(|line| !line.starts_with('#')).unwrap() + 1;
        assert!(told.contains(&format!("{name}.yaml:{first}: {told_of}")), "{told}");
    }
}
