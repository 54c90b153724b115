//! How the files of the crate lie upon each other: no two import each other, and rooms only those below them.
//!
//! A file imports another if it names an item that is defined there, by `use` or by a path, outside tests. Re-exports are
//! followed to the definition; a parent that re-exports an item of a child does not import it. What macros write and methods are
//! not seen: the type that has them is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::world::root;

/// A module by its path in the crate.
type Module = Vec<String>;

/// What `use` brings into a file: the name, its path from the crate's root, and whether others may use it from there.
struct Import {
    name: String,
    path: Module,
    is_public: bool,
}

struct File {
    /// Below `src/`.
    path: String,
    /// The code without comments, texts and tests; then without imports.
    code: String,
    imports: Vec<Import>,
}

/// What `use` says: names, their paths as they are written, and whether others may use them.
type Uses = Vec<(String, Vec<String>, bool)>;

/// Files by the module that each is.
struct Crate(BTreeMap<Module, File>);

/// The code without comments, and without what stands in texts and characters.
fn bare(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut code, mut place) = (String::with_capacity(text.len()), 0);
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    while place < bytes.len() {
        let rest = &text[place..];
        if rest.starts_with("//") {
            place += rest.find('\n').unwrap_or(rest.len());
            continue;
        }
        if rest.starts_with("/*") {
            place += rest.find("*/").unwrap() + 2;
            continue;
        }
        let after_word = place > 0 && is_word(bytes[place - 1]);
        let raw = rest.trim_start_matches('b').strip_prefix('r').map(|rest| rest.trim_start_matches('#'));
        if !after_word
            && raw.is_some_and(|raw| raw.starts_with('"'))
            && (rest.starts_with('r') || rest.starts_with("br"))
        {
            let head = rest.len() - raw.unwrap().len();
            let end = format!("\"{}", "#".repeat(rest[..head].matches('#').count()));
            place += head + 1;
            place += text[place..].find(&end).unwrap() + end.len();
            code.push_str("\"\"");
            continue;
        }
        if bytes[place] == b'"' {
            place += 1;
            while bytes[place] != b'"' {
                place += if bytes[place] == b'\\' { 2 } else { 1 };
            }
            place += 1;
            code.push_str("\"\"");
            continue;
        }
        let is_character = rest.starts_with("'\\") || rest.chars().nth(2) == Some('\'');
        if bytes[place] == b'\'' && is_character {
            let mut inner = rest[1..].char_indices();
            let first = inner.next().unwrap().1;
            if first == '\\' {
                inner.next();
            }
            place += 1 + inner.find(|(_, letter)| *letter == '\'').unwrap().0 + 1;
            code.push_str("' '");
            continue;
        }
        let letter = rest.chars().next().unwrap();
        code.push(letter);
        place += letter.len_utf8();
    }
    code
}

/// Without the items that only tests have.
fn without_tests(code: &str) -> String {
    let mut kept = String::new();
    let mut rest = code;
    while let Some(found) = rest.find("#[cfg(test)]") {
        kept.push_str(&rest[..found]);
        let item = &rest[found + "#[cfg(test)]".len()..];
        let (mut depth, mut end) = (0, item.len());
        for (place, letter) in item.char_indices() {
            match letter {
                '{' | '(' | '[' => depth += 1,
                '}' | ')' | ']' => depth -= 1,
                _ => {}
            }
            let is_use = item.trim_start().starts_with("use ") || item.trim_start().starts_with("pub");
            if depth == 0 && (letter == ';' || letter == '}' && !(is_use && item[place + 1..].starts_with(';'))) {
                end = place + 1;
                break;
            }
        }
        rest = &item[end..];
    }
    kept + rest
}

/// The paths of a `use`, with the name that each gets.
fn paths(tree: &str, before: &[String], found: &mut Vec<(String, Vec<String>)>) {
    let tree = tree.trim();
    let words = |text: &str| -> Vec<String> {
        text.split("::").map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect()
    };
    if let Some((head, list)) = tree.split_once('{') {
        let before: Vec<String> = before.iter().cloned().chain(words(head)).collect();
        let (mut depth, mut from) = (0, 0);
        let list = &list[..list.rfind('}').unwrap_or_else(|| panic!("no end of '{tree}'"))];
        for (place, letter) in list.char_indices() {
            match letter {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    paths(&list[from..place], &before, found);
                    from = place + 1;
                }
                _ => {}
            }
        }
        paths(&list[from..], &before, found);
        return;
    }
    if tree.is_empty() {
        return;
    }
    let (path, alias) = tree.split_once(" as ").map_or((tree, None), |(path, alias)| (path, Some(alias.trim())));
    let mut path: Vec<String> = before.iter().cloned().chain(words(path)).collect();
    if path.last().is_some_and(|last| last == "self") && path.len() > 1 {
        path.pop();
    }
    let name = alias.map_or_else(|| path.last().unwrap().clone(), str::to_owned);
    found.push((name, path));
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Cuts the imports out of code.
fn imports(code: &str) -> (String, Uses) {
    let (mut kept, mut all, mut rest) = (String::new(), Vec::new(), code);
    while let Some(place) = rest.find("use ") {
        let (before, from) = rest.split_at(place);
        kept.push_str(before);
        // An id of an element of a page may be called so, too.
        if before.chars().next_back().is_some_and(|letter| is_word(letter) || letter == '#') {
            kept.push_str("use ");
            rest = &from[4..];
            continue;
        }
        let line = before.rsplit(['\n', ';', '}', '{']).next().unwrap();
        let end = from.find(';').unwrap();
        let mut found = Vec::new();
        paths(&from[4..end], &[], &mut found);
        all.extend(found.into_iter().map(|(name, path)| (name, path, line.trim_start().starts_with("pub"))));
        rest = &from[end..];
    }
    kept.push_str(rest);
    (kept, all)
}

/// Paths of two words and more that stand in code.
fn inline_paths(code: &str) -> BTreeSet<Vec<String>> {
    let mut found = BTreeSet::new();
    let mut words: Vec<String> = Vec::new();
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        if is_word(first) {
            let end = rest.find(|letter| !is_word(letter)).unwrap_or(rest.len());
            words.push(rest[..end].to_owned());
            rest = &rest[end..];
            if let Some(after) = rest.strip_prefix("::").filter(|after| after.starts_with(is_word)) {
                rest = after;
                continue;
            }
            if words.len() > 1 {
                found.insert(std::mem::take(&mut words));
            }
            words.clear();
        } else {
            rest = &rest[first.len_utf8()..];
        }
    }
    found
}

impl Crate {
    fn read(source: &Path) -> Self {
        let mut texts = BTreeMap::new();
        visit(source, source, &mut texts);
        Self::of(texts)
    }

    /// From the texts of files, by their paths below `src/`.
    fn of(texts: BTreeMap<String, String>) -> Self {
        let mut files = BTreeMap::new();
        for (path, text) in texts.iter().filter(|(path, _)| *path != "main.rs") {
            let mut module: Module = path.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
            if module.last().is_some_and(|last| last == "mod" || *path == "lib.rs") {
                module.pop();
            }
            let (code, imports) = imports(&without_tests(&bare(text)));
            files.insert(module, (path.clone(), code, imports));
        }
        let modules: BTreeSet<Module> = files.keys().cloned().collect();
        let file = |(module, (path, code, imports)): (Module, (String, String, Uses))| {
            let imports = imports.into_iter().filter_map(|(name, path, is_public)| {
                Some(Import { name, path: absolute(&modules, &module, &path)?, is_public })
            });
            let imports = imports.collect();
            (module, File { path, code, imports })
        };
        Self(files.into_iter().map(file).collect())
    }

    /// The module that defines what a path leads to.
    fn definition(&self, path: &[String], links: usize) -> Option<Module> {
        let known = (0..=path.len()).rev().find(|length| self.0.contains_key(&path[..*length]))?;
        let (module, rest) = path.split_at(known);
        let (Some(name), true) = (rest.first(), links > 0) else { return Some(module.to_vec()) };
        let file = &self.0[module];
        let public = || file.imports.iter().filter(|import| import.is_public);
        let rest = rest.iter().skip(1).cloned();
        if let Some(import) = public().find(|import| import.name == *name) {
            let path: Module = import.path.iter().cloned().chain(rest).collect();
            return self.definition(&path, links - 1);
        }
        let is_here = |word: &str| file.code.contains(&format!("{word} {name}"));
        if !["fn", "struct", "enum", "trait", "type", "const", "static", "mod"].into_iter().any(is_here) {
            for import in public().filter(|import| import.name == "*") {
                let module = &import.path[..import.path.len() - 1];
                if self.0.get(module).is_some_and(|file| file.code.contains(name.as_str())) {
                    return Some(module.to_vec());
                }
            }
        }
        Some(module.to_vec())
    }

    /// Which files each imports, and one path that says so.
    fn edges(&self) -> BTreeMap<(Module, Module), String> {
        let modules: BTreeSet<Module> = self.0.keys().cloned().collect();
        let mut edges = BTreeMap::new();
        for (module, file) in &self.0 {
            let mut add = |path: &[String], is_public: bool| {
                let Some(other) = self.definition(path, 8).filter(|other| other != module) else { return };
                let is_own_child = other.starts_with(module);
                // A module by itself is no item of it: what is used of it stands in the code.
                let is_module = modules.contains(path);
                if !(is_public && is_own_child || is_module) {
                    edges.entry((module.clone(), other)).or_insert_with(|| path.join("::"));
                }
            };
            let mut names: BTreeMap<&str, &Module> = BTreeMap::new();
            for import in &file.imports {
                add(&import.path, import.is_public);
                names.insert(&import.name, &import.path);
            }
            for path in inline_paths(&file.code) {
                match names.get(path[0].as_str()) {
                    Some(of) => {
                        let path: Module = of.iter().chain(&path[1..]).cloned().collect();
                        add(&path, false);
                    }
                    None => absolute(&modules, module, &path).iter().for_each(|path| add(path, false)),
                }
            }
        }
        edges
    }
}

/// A path from the crate's root; nothing for those of other crates.
fn absolute(modules: &BTreeSet<Module>, module: &[String], path: &[String]) -> Option<Module> {
    let mut base = module.to_vec();
    let mut rest = path;
    match path.first()?.as_str() {
        "crate" => {
            base.clear();
            rest = &path[1..];
        }
        "self" => rest = &path[1..],
        "super" => {
            while let Some(("super", after)) = rest.split_first().map(|(first, after)| (first.as_str(), after)) {
                base.pop()?;
                rest = after;
            }
        }
        first => {
            base.push(first.to_owned());
            if !modules.contains(&base) {
                return None;
            }
            base.pop();
        }
    }
    base.extend(rest.iter().cloned());
    Some(base)
}

fn visit(folder: &Path, source: &Path, texts: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            visit(&path, source, texts);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(source).unwrap().to_string_lossy().into_owned();
            texts.insert(name, std::fs::read_to_string(&path).unwrap());
        }
    }
}

/// Pairs of files that import each other, with the paths by which.
fn circles(all: &Crate) -> BTreeMap<(String, String), (String, String)> {
    let edges = all.edges();
    let path = |module: &Module| all.0[module].path.clone();
    edges
        .iter()
        .filter(|((one, other), _)| path(one) < path(other))
        .filter_map(|((one, other), there)| {
            let back = edges.get(&(other.clone(), one.clone()))?;
            Some(((path(one), path(other)), (there.clone(), back.clone())))
        })
        .collect()
}

fn lines<T: std::fmt::Debug>(of: impl IntoIterator<Item = T>) -> String {
    of.into_iter().map(|one| format!("\n    {one:?},")).collect()
}

#[test]
fn no_two_files_import_each_other() {
    let found = circles(&Crate::read(&root().join("src")));
    let known: BTreeSet<(String, String)> =
        CIRCLES.iter().map(|(one, other)| ((*one).to_owned(), (*other).to_owned())).collect();
    let new: Vec<_> = found.iter().filter(|(files, _)| !known.contains(files)).collect();
    assert!(new.is_empty(), "files that import each other, with what each takes from the other:{}", lines(&new));
    let gone: Vec<_> = known.iter().filter(|files| !found.contains_key(*files)).collect();
    assert!(gone.is_empty(), "no circle any more, take it out of CIRCLES:{}", lines(&gone));
}

#[test]
fn rooms_import_only_those_below_them() {
    let all = Crate::read(&root().join("src"));
    let mut found: BTreeMap<(String, String), String> = BTreeMap::new();
    for ((one, other), path) in all.edges() {
        if let Some((from, to)) = one.first().zip(other.first()).filter(|(from, to)| from != to) {
            let say = || format!("{}: {path}", all.0[&one].path);
            found.entry((from.clone(), to.clone())).or_insert_with(say);
        }
    }
    let place = |room: &str| ROOMS.iter().position(|known| *known == room);
    let rooms: BTreeSet<&String> = found.keys().flat_map(|(from, to)| [from, to]).collect();
    let unknown: Vec<_> = rooms.into_iter().filter(|room| place(room).is_none()).collect();
    assert!(unknown.is_empty(), "rooms that have no place in ROOMS:{}", lines(&unknown));
    let upwards: BTreeMap<(&str, &str), &String> = found
        .iter()
        .filter(|((from, to), _)| place(from) > place(to))
        .map(|((from, to), say)| ((from.as_str(), to.as_str()), say))
        .collect();
    let new: Vec<_> = upwards.iter().filter(|(rooms, _)| !UPWARDS.contains(rooms)).collect();
    assert!(new.is_empty(), "rooms that import one above them (see ROOMS):{}", lines(&new));
    let gone: Vec<_> = UPWARDS.iter().filter(|rooms| !upwards.contains_key(*rooms)).collect();
    assert!(gone.is_empty(), "not there any more, take it out of UPWARDS:{}", lines(&gone));
}

#[test]
fn the_rooms_of_a_run_name_no_format_and_no_standard() {
    let all = Crate::read(&root().join("src"));
    let is_of_one = |module: &Module| {
        let words: Vec<&str> = module.iter().map(String::as_str).collect();
        matches!(words[..], ["decode" | "feed_rules", "gtfs" | "gtfs_realtime" | "mapped", ..])
    };
    let edges = all.edges();
    let is_run = |module: &Module| module.first().is_some_and(|room| room == "pipeline" || room == "ledger");
    let found: Vec<_> = edges.iter().filter(|((one, other), _)| is_run(one) && is_of_one(other)).collect();
    assert!(found.is_empty(), "a format is its decoder, a standard its rule book:{}", lines(&found));
    // There are such modules, and others name them.
    assert!(edges.keys().any(|(_, other)| is_of_one(other)));
}

#[test]
fn circles_are_found_whichever_way_an_item_is_named() {
    let is_circle = |parent: &str, child: &str| {
        let texts = [("lib.rs", "pub mod a;"), ("a/mod.rs", parent), ("a/b.rs", child), ("a/c.rs", "pub fn g() {}")];
        let texts = texts.map(|(path, text)| (path.to_owned(), text.to_owned()));
        !circles(&Crate::of(BTreeMap::from(texts))).is_empty()
    };
    let parent = "mod b; pub mod c; pub struct A; fn f() { b::run(); }";
    for child in [
        "use crate::a::A; pub fn run() {}",
        "use super::A; pub fn run() {}",
        "use crate::{a::{A, c::g}, x}; pub fn run() {}",
        "pub fn run() { let _ = crate::a::A; }",
        "use super::*; pub fn run() {}",
        "use crate::a; pub fn run(_: a::A) {}",
    ] {
        assert!(is_circle(parent, child), "{child}");
        assert!(is_circle(&parent.replace("b::run()", "crate::a::b::run()"), child), "{child}");
        assert!(is_circle(&format!("use b::run; {}", parent.replace("b::run", "run")), child), "{child}");
        // A parent that only shows what its child has does not import it.
        assert!(!is_circle("pub use b::run; mod b; pub mod c; pub struct A;", child), "{child}");
    }
    for child in [
        "use super::c::g; pub fn run() { g() }",
        "// use super::A;\npub fn run() -> &'static str { \"crate::a::A\" }",
        "pub fn run() {} #[cfg(test)] mod tests { use super::super::A; }",
        "#[cfg(test)] use super::{A, c::g}; pub fn run() {}",
    ] {
        assert!(!is_circle(parent, child), "{child}");
    }
    // A sibling that takes an item by the name under which the parent shows it takes it of the child.
    assert!(!is_circle("pub use c::g; mod b; mod c; fn f() { b::run(); }", "use super::g; pub fn run() { g() }"));
}

/// The rooms from above to below: each imports only what stands after it. See the map in `src/lib.rs`.
const ROOMS: &[&str] = &[
    "cli",
    "schedule",
    "backup",
    "serve",
    "bucket_check",
    "get",
    "audit_report",
    "process_document",
    "privacy_report",
    "pipeline",
    "workspace",
    "notify",
    "metrics",
    "units",
    "simulate",
    "portal",
    "publication",
    "report",
    "ledger",
    "quarantine",
    "publish",
    "derive",
    "feed_rules",
    "check",
    "decode",
    "contract",
    "capture",
    "decision",
    "table",
    "page",
    "text",
    "spool",
    "protobuf",
    "object_stores",
    "licences",
    "yaml",
    "geo",
    "time",
    "output_file",
    "durable",
    "digest",
    "internal",
];

/// Rooms that import one above them. The list only gets shorter.
const UPWARDS: &[(&str, &str)] = &[
    ("check", "quarantine"),
    ("contract", "check"),
    ("contract", "quarantine"),
    ("decision", "contract"),
    ("decision", "quarantine"),
    ("quarantine", "ledger"),
    ("workspace", "pipeline"),
];

/// Files that import each other. The list only gets shorter.
const CIRCLES: &[(&str, &str)] = &[];
