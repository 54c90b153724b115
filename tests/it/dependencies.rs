//! What the program is built from: licences, sources and the one major of arrow, as `deny.toml` says.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

fn root() -> &'static str {
    env!("CARGO_MANIFEST_DIR")
}

/// All packages of the lock file, for all platforms. Those of other platforms were not built, and are fetched if they are not there.
fn packages() -> Vec<Value> {
    let arguments = ["metadata", "--locked", "--format-version", "1", "--manifest-path"];
    let output = Command::new(env!("CARGO")).args(arguments).arg(format!("{}/Cargo.toml", root())).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let Value::Array(packages) = metadata["packages"].take() else { panic!("no packages") };
    packages.into_iter().filter(|package| package["name"] != "fahrtenbuch").collect()
}

/// The texts in quotes of a list of `deny.toml`.
fn listed<'a>(section: &str, list: &str, deny: &'a str) -> BTreeSet<&'a str> {
    let from = deny.find(section).unwrap() + section.len();
    let list = &deny[from..][deny[from..].find(&format!("{list} = [")).unwrap()..];
    list[..list.find(']').unwrap()].split('"').skip(1).step_by(2).collect()
}

/// Whether an SPDX expression is satisfied by some licences. `/` is the old way to write OR.
fn is_allowed(expression: &str, allowed: &BTreeSet<&str>) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ").replace(" WITH ", "+WITH+");
    let words: Vec<String> = spaced.split_whitespace().map(|word| word.replace("+WITH+", " WITH ")).collect();
    let mut place = 0;
    let allowed = any_of(&words, &mut place, allowed);
    assert_eq!(place, words.len(), "{expression} is no licence expression");
    allowed
}

fn any_of(words: &[String], place: &mut usize, allowed: &BTreeSet<&str>) -> bool {
    let mut is = all_of(words, place, allowed);
    while words.get(*place).is_some_and(|word| word == "OR") {
        *place += 1;
        is |= all_of(words, place, allowed);
    }
    is
}

fn all_of(words: &[String], place: &mut usize, allowed: &BTreeSet<&str>) -> bool {
    let mut is = one(words, place, allowed);
    while words.get(*place).is_some_and(|word| word == "AND") {
        *place += 1;
        is &= one(words, place, allowed);
    }
    is
}

fn one(words: &[String], place: &mut usize, allowed: &BTreeSet<&str>) -> bool {
    *place += 1;
    match words[*place - 1].as_str() {
        "(" => {
            let is = any_of(words, place, allowed);
            *place += 1;
            is
        }
        licence => allowed.contains(licence),
    }
}

#[test]
fn every_dependency_has_a_licence_that_is_allowed_and_comes_from_the_registry() {
    let deny = std::fs::read_to_string(format!("{}/deny.toml", root())).unwrap();
    let allowed = listed("[licenses]", "allow", &deny);
    assert!(allowed.contains("MIT") && !allowed.contains("GPL-3.0-only"));
    let mut wrong = Vec::new();
    for package in packages() {
        let name = package["name"].as_str().unwrap();
        let licence = package["license"].as_str().unwrap_or("none");
        let is_exception = deny.contains(&format!("crate = \"{name}\"\nallow = [\"{licence}\"]"));
        if !is_exception && !is_allowed(licence, &allowed) {
            wrong.push(format!("{name}: {licence}"));
        }
        let source = package["source"].as_str().unwrap_or("none");
        if source != "registry+https://github.com/rust-lang/crates.io-index" {
            wrong.push(format!("{name} comes from {source}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn there_is_one_major_of_arrow_and_one_tls() {
    let packages = packages();
    let is_arrow = |name: &str| name == "parquet" || name.starts_with("arrow-");
    let arrow = packages.iter().filter(|package| is_arrow(package["name"].as_str().unwrap()));
    let majors: BTreeSet<&str> = arrow.map(|p| p["version"].as_str().unwrap().split('.').next().unwrap()).collect();
    assert_eq!(majors.len(), 1, "{majors:?}");
    for refused in ["openssl-sys", "native-tls"] {
        assert!(!packages.iter().any(|package| package["name"] == refused), "{refused}");
    }
}

#[test]
fn licence_expressions_are_read_as_spdx_has_them() {
    let allowed = BTreeSet::from(["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"]);
    for good in
        ["MIT", "GPL-2.0 OR MIT", "MIT/GPL-2.0", "(GPL-2.0 OR MIT) AND Apache-2.0", "Apache-2.0 WITH LLVM-exception"]
    {
        assert!(is_allowed(good, &allowed), "{good}");
    }
    for bad in ["GPL-2.0", "MIT AND GPL-2.0", "GPL-2.0 OR (MIT AND ISC)", "none"] {
        assert!(!is_allowed(bad, &allowed), "{bad}");
    }
}
