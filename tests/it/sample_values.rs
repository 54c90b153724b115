//! That the sample publishes the values that it always published.

use fahrtenbuch::digest::Digest;

use crate::world::{World, python, root};

/// What the sample publishes, with the same pseudonyms everywhere.
const VALUES: &str = "tests/facts/sample_values.tsv";

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn the_sample_publishes_the_values_that_it_always_published() {
    let world = World::new();
    for day in 20..=30 {
        world.write(&format!("data/private/keys/2026-11-{day}.key"), &format!("{}\n", Digest::of(b"not secret")));
    }
    world.run();
    let output = python("published_values.py", &[world.path("data/bucket").to_str().unwrap()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found = String::from_utf8(output.stdout).unwrap();
    let file = root().join(VALUES);
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    let (head, kept): (Vec<&str>, Vec<&str>) = kept.lines().partition(|line| line.starts_with('#'));
    if std::env::var_os("FAHRTENBUCH_TEST_RENEW").is_some() {
        std::fs::write(&file, format!("{}\n{found}", head.join("\n"))).unwrap();
        return;
    }
    let is_new = |line: &&str| !kept.contains(line);
    let new: Vec<&str> = found.lines().filter(is_new).collect();
    let gone: Vec<&&str> = kept.iter().filter(|line| !found.lines().any(|other| other == **line)).collect();
    assert!(new.is_empty() && gone.is_empty(), "other values than in {VALUES}: {new:#?}, and not any more: {gone:#?}");
    assert!(kept.len() > 100, "{}", kept.len());
}
