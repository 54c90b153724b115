//! All contracts of a folder, and what they say of each other.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use crate::contract::notices::{self, Change};
use crate::contract::{Contract, read, standard};
use crate::digest::{Digest, Digester};
use crate::yaml::{Problem, Problems, suggestion};

/// The contracts of one folder, such as `schemas/gtfs`, by table name.
#[derive(Clone, Debug, Default)]
pub struct Library {
    pub contracts: BTreeMap<String, Arc<Contract>>,
    /// What `notices.yaml` beside them says of the standard rules, and the digest of the file.
    pub changes: Vec<Change>,
    pub changes_digest: Option<Digest>,
}

impl Library {
    /// Reads every `*.odcs.yaml` directly in `folder`, in the order of their names. Reports every mistake of every file
    /// at once, and what does not fit between files (two contracts for one table, a foreign key into nowhere, a rule
    /// id twice, a cycle of foreign keys).
    pub fn read(folder: &Path) -> Result<Self, Vec<Problem>> {
        let cannot = |error: std::io::Error| {
            let mut problems = Problems::new(folder);
            problems.add(0, format!("cannot be listed: {error}"), "Check that the folder exists and is readable.");
            problems.found
        };
        let entries =
            std::fs::read_dir(folder).and_then(|entries| entries.collect::<Result<Vec<_>, _>>()).map_err(cannot)?;
        let mut files: Vec<_> = entries.into_iter().map(|entry| entry.path()).collect();
        files.retain(|file| file.to_string_lossy().ends_with(".odcs.yaml"));
        files.sort();
        let mut library = Self::default();
        let mut found = Vec::new();
        let mut whole = true;
        for file in files {
            let contract = std::fs::read_to_string(&file)
                .map_err(|error| {
                    let mut problems = Problems::new(&file);
                    problems.add(0, format!("cannot be read: {error}"), "Check that it is readable and UTF-8.");
                    problems.found
                })
                .and_then(|text| read::contract(&file, &text));
            match contract {
                Ok(contract) => {
                    if let Some(first) = library.contracts.get(&contract.table) {
                        let mut problems = Problems::new(&file);
                        let other = first.file.display();
                        problems.add(
                            0,
                            format!("the table '{}' has a contract in {other} already", contract.table),
                            "Keep one of the two.",
                        );
                        found.append(&mut problems.found);
                    } else {
                        library.contracts.insert(contract.table.clone(), Arc::new(contract));
                    }
                }
                Err(mut problems) => {
                    whole = false;
                    found.append(&mut problems);
                }
            }
        }
        // A file that could not be read would make every key into it look like a key into nowhere.
        if whole {
            library.check_keys(&mut found);
        }
        library.check_rule_ids(&mut found);
        let file = folder.join(notices::FILE);
        if file.exists() {
            let cannot = |error: std::io::Error| {
                let mut problems = Problems::new(&file);
                problems.add(0, format!("cannot be read: {error}"), "Check that it is readable and UTF-8.");
                problems.found
            };
            match std::fs::read_to_string(&file).map_err(cannot).and_then(|text| {
                library.changes_digest = Some(Digest::of(text.as_bytes()));
                notices::read(&file, &text)
            }) {
                Ok(changes) => library.changes = changes,
                Err(mut problems) => found.append(&mut problems),
            }
        }
        if found.is_empty() { Ok(library) } else { Err(found) }
    }

    /// The contracts of GTFS that come with the program.
    pub fn gtfs() -> Self {
        let mut library = Self::default();
        for (path, text) in standard::FILES.iter().filter(|(path, _)| path.starts_with("schemas/gtfs/")) {
            // They are those of the repository, which a test reads as a folder.
            if let Ok(contract) = read::contract(Path::new(path), text) {
                library.contracts.insert(contract.table.clone(), Arc::new(contract));
            }
        }
        library
    }

    /// These contracts, and the others' where both have one for a table.
    pub fn overlaid(mut self, other: Self) -> Self {
        self.contracts.extend(other.contracts);
        self.changes = other.changes;
        self.changes_digest = other.changes_digest;
        self
    }

    pub fn get(&self, table: &str) -> Option<&Arc<Contract>> {
        self.contracts.get(table)
    }

    /// The contracts in an order in which every table comes after the tables that its foreign keys name; ties by name.
    pub fn in_reference_order(&self) -> Vec<Arc<Contract>> {
        self.order().0
    }

    /// Over the digests of the files, in the order of the tables' names: what a run record names.
    pub fn digest(&self) -> Digest {
        let mut digester = Digester::default();
        for contract in self.contracts.values() {
            digester.update(&contract.digest.0);
        }
        digester.finish()
    }

    /// The order, and the tables that a cycle keeps out of it (they follow at its end, by name).
    fn order(&self) -> (Vec<Arc<Contract>>, Vec<Arc<Contract>>) {
        let mut waiting: Vec<&Arc<Contract>> = self.contracts.values().collect();
        let mut done = BTreeSet::new();
        let mut order = Vec::new();
        let ready = |contract: &Contract, done: &BTreeSet<&str>| {
            contract.foreign_keys.iter().flat_map(|key| &key.targets).all(|target| {
                target.table == contract.table
                    || done.contains(target.table.as_str())
                    || !self.contracts.contains_key(&target.table)
            })
        };
        while let Some(place) = waiting.iter().position(|contract| ready(contract, &done)) {
            let next = waiting.remove(place);
            done.insert(next.table.as_str());
            order.push(next.clone());
        }
        let stuck: Vec<_> = waiting.into_iter().cloned().collect();
        order.extend(stuck.iter().cloned());
        (order, stuck)
    }

    fn check_keys(&self, found: &mut Vec<Problem>) {
        let tables: Vec<&str> = self.contracts.keys().map(String::as_str).collect();
        for contract in self.contracts.values() {
            let mut problems = Problems::new(&contract.file);
            for (key, target) in contract.foreign_keys.iter().flat_map(|key| key.targets.iter().map(move |t| (key, t)))
            {
                let Some(other) = self.get(&target.table) else {
                    let message = format!("the foreign key names the table '{}', which has no contract", target.table);
                    problems.add(key.line, message, suggestion(&target.table, &tables));
                    continue;
                };
                for (&place, name) in key.columns.iter().zip(&target.columns) {
                    let own = &contract.columns[place];
                    match other.index_of(name).map(|place| &other.columns[place]) {
                        None => {
                            let known: Vec<&str> = other.columns.iter().map(|column| column.name.as_str()).collect();
                            let message = format!("'{name}' is no column of '{}'", target.table);
                            problems.add(key.line, message, suggestion(name, &known));
                        }
                        Some(there) if there.kind != own.kind => problems.add(
                            key.line,
                            format!(
                                "'{}' is {:?}, but '{}.{name}' is {:?}",
                                own.name, own.kind, target.table, there.kind
                            ),
                            "Give both columns the same type.",
                        ),
                        Some(_) => {}
                    }
                }
            }
            found.append(&mut problems.found);
        }
        for contract in self.order().1 {
            let mut problems = Problems::new(&contract.file);
            let line = contract.foreign_keys.first().map_or(0, |key| key.line);
            problems.add(
                line,
                format!("the foreign keys of '{}' lead into a cycle", contract.table),
                "Remove one of the references of the cycle.",
            );
            found.append(&mut problems.found);
        }
    }

    fn check_rule_ids(&self, found: &mut Vec<Problem>) {
        let mut seen = BTreeSet::new();
        for contract in self.contracts.values() {
            for rule in &contract.rules {
                if !seen.insert(rule.id.clone()) {
                    let mut problems = Problems::new(&contract.file);
                    problems.add(rule.line, format!("the rule id '{}' is taken", rule.id), "Rename one of the two.");
                    found.append(&mut problems.found);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{Kind, Presence};

    fn workspace(folder: &str) -> Library {
        Library::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap_or_else(|problems| {
            panic!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
        })
    }

    fn read(files: &[(&str, &str)]) -> Result<Library, Vec<Problem>> {
        let folder = tempfile::tempdir().unwrap();
        for (name, columns) in files {
            let text = format!(
                "apiVersion: v3.1.0\nkind: DataContract\nid: {name}\nversion: '1'\nstatus: active\nschema:\n  - name: {name}\n    \
                 properties:\n{columns}"
            );
            std::fs::write(folder.path().join(format!("{name}.odcs.yaml")), text).unwrap();
        }
        Library::read(folder.path())
    }

    #[test]
    fn the_gtfs_contracts_cover_the_reference() {
        let library = workspace("schemas/gtfs");
        assert_eq!(library.contracts.len(), 32);
        let stop_times = library.get("stop_times").unwrap();
        assert_eq!(stop_times.gtfs_file.as_deref(), Some("stop_times.txt"));
        assert_eq!(stop_times.presence, Presence::Required);
        assert_eq!(stop_times.columns[stop_times.index_of("arrival_time").unwrap()].kind, Kind::ServiceTime);
        let key: Vec<_> = stop_times.primary_key.iter().map(|&place| stop_times.columns[place].name.as_str()).collect();
        assert_eq!(key, ["trip_id", "stop_sequence"]);
        let trips = library.get("trips").unwrap();
        assert_eq!(trips.foreign_keys.iter().map(|key| key.targets.len()).sum::<usize>(), 4);
    }

    #[test]
    fn a_table_comes_after_those_that_its_keys_name() {
        let order = workspace("schemas/gtfs").in_reference_order();
        let place = |table: &str| order.iter().position(|contract| contract.table == table).unwrap();
        assert!(place("agency") < place("routes"));
        assert!(place("calendar_dates") < place("trips"));
        assert!(place("trips") < place("stop_times"));
    }

    #[test]
    fn keys_into_nowhere_and_cycles_are_told_with_file_and_line() {
        let key = |name: &str, to: &str| {
            format!("      - name: {name}\n        logicalType: string\n        relationships: [{{to: {to}}}]\n")
        };
        let problems = read(&[("a", &key("x", "b.z")), ("b", &key("y", "a.x"))]).unwrap_err();
        let text: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert!(text.iter().any(|p| p.contains("a.odcs.yaml:11: 'z' is no column of 'b'")), "{text:?}");
        let problems = read(&[("a", &key("x", "b.y")), ("b", &key("y", "a.x"))]).unwrap_err();
        assert!(problems.iter().any(|p| p.message.contains("cycle")), "{problems:?}");
    }

    #[test]
    fn the_contracts_that_come_with_the_program_are_those_of_the_repository() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/gtfs");
        let (own, read) = (Library::gtfs(), Library::read(&folder).unwrap());
        assert_eq!(own.digest(), read.digest());
        assert_eq!(own.contracts.len(), 32);
    }

    #[test]
    fn every_mistake_is_told_at_once() {
        let columns = "      - name: x\n        logicalType: strin\n        requierd: true\n      - name: x\n        \
                       logicalType: integer\n";
        let problems = read(&[("a", columns)]).unwrap_err();
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(problems.iter().all(|problem| problem.line >= 8), "{problems:?}");
    }
}
