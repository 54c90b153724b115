//! Lists the files of `schemas/`, which come with the program: contracts, the tests of their rules, how to write them. Finds
//! what the program is built from, for the records of its runs. And tells the tests what they find beside the checkout, so
//! that those that need more are reported as ignored.

#![allow(clippy::expect_used, reason = "a build fails by it")]
#![allow(clippy::disallowed_methods, reason = "a build knows what it made")]

use std::fmt::Write;
use std::path::{Path, PathBuf};

/// The words of `./test` for what it found.
const TOOLS: &[&str] =
    &["outsiders", "mosquitto", "promtool", "systemd", "s3rver", "browser", "pyspark", "rscript", "golang"];

fn main() {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let mut files = Vec::new();
    visit(&root.join("schemas"), &mut files);
    files.sort();
    let mut list = String::from("&[\n");
    for file in files {
        let name = file.strip_prefix(&root).expect("it was found there").to_string_lossy().replace('\\', "/");
        // Found when the crate is compiled, for checkouts may share what build scripts made.
        let text = format!("include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), {:?}))", format!("/{name}"));
        writeln!(list, "    ({name:?}, {text}),").expect("a text can be written to");
    }
    list.push_str("]\n");
    let out = PathBuf::from(std::env::var("OUT_DIR").expect("cargo sets it")).join("schemas.rs");
    std::fs::write(out, list).expect("the list can be written");
    found_beside(&root);
    program(&root);
    pack_relocations();
    // Tests of costs ask for it.
    println!("cargo::rustc-env=FAHRTENBUCH_OPT_LEVEL={}", std::env::var("OPT_LEVEL").expect("cargo sets it"));
    println!("cargo::rerun-if-changed=schemas");
    println!("cargo::rerun-if-changed=build.rs");
}

/// Sets `shared` where the collection of feeds and captures lies beside the checkout, `outsiders` where `./test` has set
/// up the tools that other people wrote, and one for each of `TOOLS` that it found. `./test` notes them in a file of the target
/// directory, which is made here, so that a build notices when they come or go and is not repeated otherwise.
fn found_beside(root: &Path) {
    println!("cargo::rustc-check-cfg=cfg(shared)");
    TOOLS.iter().for_each(|tool| println!("cargo::rustc-check-cfg=cfg({tool})"));
    if root.join("../shared/feeds/INDEX.tsv").exists() {
        println!("cargo::rustc-cfg=shared");
    }
    // <target>/<profile>/build/<package>/out
    let out = PathBuf::from(std::env::var("OUT_DIR").expect("cargo sets it"));
    let Some(target) = out.ancestors().nth(4) else { return };
    let found = target.join("found-by-tests");
    if !found.exists() {
        std::fs::write(&found, "").expect("the target directory can be written");
    }
    println!("cargo::rerun-if-changed={}", found.display());
    let found = std::fs::read_to_string(&found).expect("it was just there");
    for tool in found.split_whitespace().filter(|word| TOOLS.contains(word)) {
        println!("cargo::rustc-cfg={tool}");
    }
}

/// Packs the relocations of the program: it has 280,000, which are 7 MB that each process reads, and a few kB packed. The C library
/// knows them from glibc 2.36 on.
fn pack_relocations() {
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|found| found == value);
    let is_native = std::env::var("HOST").ok() == std::env::var("TARGET").ok();
    if !is_native || !is("CARGO_CFG_TARGET_OS", "linux") || !is("CARGO_CFG_TARGET_ENV", "gnu") {
        return;
    }
    let version = std::process::Command::new("getconf").arg("GNU_LIBC_VERSION").output();
    let version = version.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let numbers = version.trim().strip_prefix("glibc ").and_then(|version| version.split_once('.'));
    let known = numbers.and_then(|(major, minor)| Some((major.parse::<u32>().ok()?, minor.parse::<u32>().ok()?)));
    if known.is_some_and(|version| version >= (2, 36)) {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// The commit of the sources, with `+changes` if they differ from it, or `unknown` without git; and the lock file, whose digest
/// is taken when the program runs. Both are of the checkout that is compiled: the lock file is found by the compiler, and the
/// commit is found again when a source or the commit has changed.
fn program(root: &Path) {
    let git = |arguments: &[&str]| {
        let output = std::process::Command::new("git").arg("-C").arg(root).args(arguments).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    // A repository around an unpacked package is not the program's own.
    let is_own = git(&["ls-files", "--error-unmatch", "build.rs"]).is_some();
    let commit = match git(&["rev-parse", "HEAD"]).filter(|_| is_own) {
        Some(commit) => {
            let sources = ["status", "--porcelain", "--", "src", "schemas", "build.rs", "Cargo.toml", "Cargo.lock"];
            let is_clean = git(&sources).is_some_and(|changes| changes.is_empty());
            if is_clean { commit } else { format!("{commit}+changes") }
        }
        None => "unknown".to_owned(),
    };
    println!("cargo::rustc-env=FAHRTENBUCH_COMMIT={commit}");
    for name in ["HEAD", "logs/HEAD"] {
        if let Some(path) =
            git(&["rev-parse", "--git-path", name]).map(|path| root.join(path)).filter(|path| path.exists())
        {
            println!("cargo::rerun-if-changed={}", path.display());
        }
    }
    println!("cargo::rerun-if-changed=src");
    println!("cargo::rerun-if-changed=Cargo.lock");
    let lock = match root.join("Cargo.lock").exists() {
        true => "Some(include_bytes!(concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/Cargo.lock\")))",
        false => "None",
    };
    let out = PathBuf::from(std::env::var("OUT_DIR").expect("cargo sets it")).join("lock.rs");
    std::fs::write(out, lock).expect("it can be written");
}

fn visit(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("schemas can be listed").flatten() {
        let path = entry.path();
        if path.is_dir() {
            visit(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "yaml" || extension == "md") {
            files.push(path);
        }
    }
}
