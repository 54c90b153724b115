//! What a clone without the collection and the tools leaves out is known by name, so that no test is lost in silence.

use std::collections::BTreeMap;
use std::path::Path;

use crate::world::root;

/// The tests that are ignored where something is missing, with what they need, by their own attribute.
fn marked() -> BTreeMap<String, String> {
    fn visit(folder: &Path, found: &mut BTreeMap<String, String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                visit(&path, found);
                continue;
            }
            let Some("rs") = path.extension().and_then(|extension| extension.to_str()) else { continue };
            let text = std::fs::read_to_string(&path).unwrap();
            let mut needs: Vec<&str> = Vec::new();
            for line in text.lines().map(str::trim) {
                if let Some(rest) = line.strip_prefix("#[cfg_attr(not(") {
                    needs.push(rest.split(')').next().unwrap());
                } else if let Some(rest) = line.strip_prefix("fn ") {
                    if !needs.is_empty() {
                        let name = rest.split('(').next().unwrap().to_owned();
                        assert_eq!(found.insert(name.clone(), needs.join("+")), None, "{name} stands twice");
                    }
                    needs.clear();
                }
            }
        }
    }
    let mut found = BTreeMap::new();
    visit(&root().join("src"), &mut found);
    visit(&root().join("tests/it"), &mut found);
    found
}

#[test]
fn the_tests_that_may_be_left_out_are_those_of_the_list() {
    let list = std::fs::read_to_string(root().join("tests/left_out.tsv")).unwrap();
    let listed: BTreeMap<String, String> = (list.lines().skip(1))
        .map(|line| line.split_once('\t').unwrap())
        .map(|(test, needs)| (test.to_owned(), needs.to_owned()))
        .collect();
    let marked = marked();
    let differs = |one: &BTreeMap<String, String>, other: &BTreeMap<String, String>| {
        one.iter()
            .filter(|(test, needs)| other.get(*test) != Some(needs))
            .map(|(test, _)| test.clone())
            .collect::<Vec<_>>()
    };
    let (new, gone) = (differs(&marked, &listed), differs(&listed, &marked));
    assert!(new.is_empty() && gone.is_empty(), "not in tests/left_out.tsv: {new:?}; only there: {gone:?}");
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn where_the_tools_were_set_up_they_are_there() {
    assert!(crate::world::python("read_warc.py", &[]).status.code().is_some());
}
