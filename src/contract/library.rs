//! All contracts of a folder, and what they say of each other.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use crate::contract::notices::{self, Change};
use crate::contract::{Contract, odcs, references, standard};
use crate::digest::{Digest, Digester};
use crate::yaml::public::public_text;
use crate::yaml::{Problem, Problems};

/// The contracts of one folder, such as `schemas/gtfs`, by table name.
///
/// ```
/// # use fahrtenbuch::contract::library::Library;
/// let gtfs = Library::gtfs();
/// let stop_times = gtfs.get("stop_times").expect("it comes with the program");
/// assert_eq!(stop_times.gtfs_file.as_deref(), Some("stop_times.txt"));
/// assert!(stop_times.columns.iter().any(|column| column.name == "stop_sequence" && column.required));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Library {
    pub contracts: BTreeMap<String, Arc<Contract>>,
    /// What `notices.yaml` beside them says of the standard rules, and the public text of the file.
    pub changes: Vec<Change>,
    pub changes_text: Option<Arc<str>>,
}

/// A folder of contracts as it stands, also with those that no pipeline could use.
#[derive(Debug, Default)]
pub struct Survey {
    pub library: Library,
    /// Contracts of tables that a file before theirs has.
    pub others: Vec<Arc<Contract>>,
    /// What keeps contracts that are not written for this program from being used by it.
    pub unfit: Vec<Problem>,
}

impl Survey {
    /// Reads every `*.odcs.yaml` directly in `folder`, in the order of their names. What the standard does not allow is a
    /// mistake; of contracts that speak to this program also what it cannot use. All mistakes are told at once.
    pub fn read(folder: &Path) -> Result<Self, Vec<Problem>> {
        let (survey, found) = Self::collect(folder)?;
        if found.is_empty() { Ok(survey) } else { Err(found) }
    }

    pub fn contracts(&self) -> impl Iterator<Item = &Arc<Contract>> {
        self.library.contracts.values().chain(&self.others)
    }

    fn collect(folder: &Path) -> Result<(Self, Vec<Problem>), Vec<Problem>> {
        let (mut survey, mut found) = (Self::default(), Vec::new());
        let mut whole = true;
        for file in files(folder)? {
            let read =
                text(&file, "Check that it is readable and UTF-8.").and_then(|text| odcs::document(&file, &text));
            match read {
                Ok(document) => {
                    whole &= !document.is_ours || document.unfit.is_empty();
                    if document.is_ours { &mut found } else { &mut survey.unfit }.extend(document.unfit);
                    document.tables.into_iter().for_each(|contract| survey.add(contract, &mut found));
                }
                Err(mut problems) => {
                    whole = false;
                    found.append(&mut problems);
                }
            }
        }
        // A file that could not be read would make every key into it look like a key into nowhere.
        if whole {
            let mut between = Vec::new();
            references::check_keys(&survey.library.contracts, &mut between);
            survey.sort_out(between, &mut found);
        }
        survey.library.check_rule_ids(&mut found);
        survey.library.read_notices(folder, &mut found);
        Ok((survey, found))
    }

    /// Adds a contract; one of a table that another has is kept apart.
    fn add(&mut self, contract: Contract, found: &mut Vec<Problem>) {
        let contract = Arc::new(contract);
        let Some(first) = self.library.contracts.get(&contract.table) else {
            self.library.contracts.insert(contract.table.clone(), contract);
            return;
        };
        let mut problems = Problems::new(&contract.file);
        let other = first.file.display();
        let message = format!("the table '{}' has a contract in {other} already", contract.table);
        problems.add(0, message, "Keep one of the two.");
        let is_ours = contract.is_ours && first.is_ours;
        if is_ours { found } else { &mut self.unfit }.append(&mut problems.found);
        self.others.push(contract);
    }

    /// Mistakes between contracts are mistakes of those that are written for this program only.
    fn sort_out(&mut self, between: Vec<Problem>, found: &mut Vec<Problem>) {
        let foreign: BTreeSet<&Path> =
            self.library.contracts.values().filter(|c| !c.is_ours).map(|c| c.file.as_path()).collect();
        let (unfit, mut mistakes): (Vec<_>, Vec<_>) =
            between.into_iter().partition(|problem| foreign.contains(problem.file.as_path()));
        found.append(&mut mistakes);
        self.unfit.extend(unfit);
    }
}

/// The files of contracts in a folder, by name.
fn files(folder: &Path) -> Result<Vec<PathBuf>, Vec<Problem>> {
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
    Ok(files)
}

fn text(file: &Path, remedy: &str) -> Result<String, Vec<Problem>> {
    crate::durable::read_to_string(file).map_err(|error| {
        let mut problems = Problems::new(file);
        problems.add(0, format!("cannot be read: {error}"), remedy);
        problems.found
    })
}

impl Library {
    /// Reads a folder of contracts that a pipeline uses: every `*.odcs.yaml` directly in it. Reports every mistake of every
    /// file at once, what this program cannot use of them, and what does not fit between files (two contracts for one
    /// table, a foreign key into nowhere, a rule id twice, a cycle of foreign keys).
    pub fn read(folder: &Path) -> Result<Self, Vec<Problem>> {
        let (survey, mut found) = Survey::collect(folder)?;
        found.extend(survey.unfit);
        found.sort();
        if found.is_empty() { Ok(survey.library) } else { Err(found) }
    }

    fn read_notices(&mut self, folder: &Path, found: &mut Vec<Problem>) {
        let file = folder.join(notices::FILE);
        if !file.exists() {
            return;
        }
        match text(&file, "Check that it is readable and UTF-8.").and_then(|text| {
            let public = public_text(&text).map_err(|secret| {
                let mut problems = Problems::new(&file);
                problems.add(secret.line, secret.message(), secret.remedy());
                problems.found
            });
            let changes = notices::read(&file, &text)?;
            self.changes_text = Some(public?.into());
            Ok(changes)
        }) {
            Ok(changes) => self.changes = changes,
            Err(mut problems) => found.append(&mut problems),
        }
    }

    /// The contracts of GTFS that come with the program.
    pub fn gtfs() -> Self {
        static READ: LazyLock<Library> = LazyLock::new(Library::read_gtfs);
        READ.clone()
    }

    fn read_gtfs() -> Self {
        let mut library = Self::default();
        let is_contract = |path: &str| path.starts_with("schemas/gtfs/") && path.ends_with(".odcs.yaml");
        for (path, text) in standard::FILES.iter().filter(|(path, _)| is_contract(path)) {
            // They are those of the repository, which a test reads as a folder.
            for contract in odcs::contracts(Path::new(path), text).unwrap_or_default() {
                library.contracts.insert(contract.table.clone(), Arc::new(contract));
            }
        }
        library
    }

    /// These contracts, and the others' where both have one for a table.
    pub fn overlaid(mut self, other: Self) -> Self {
        self.contracts.extend(other.contracts);
        self.changes = other.changes;
        self.changes_text = other.changes_text;
        self
    }

    pub fn get(&self, table: &str) -> Option<&Arc<Contract>> {
        self.contracts.get(table)
    }

    /// The contracts in an order in which every table comes after the tables that its foreign keys name; ties by name.
    pub fn in_reference_order(&self) -> Vec<Arc<Contract>> {
        references::order(&self.contracts).0
    }

    /// Over the digests of the files, in the order of the tables' names: what a run record names.
    pub fn digest(&self) -> Digest {
        let mut digester = Digester::default();
        for contract in self.contracts.values() {
            digester.update(&contract.digest.0);
        }
        digester.finish()
    }

    fn check_rule_ids(&self, found: &mut Vec<Problem>) {
        let mut seen = BTreeMap::new();
        for contract in self.contracts.values() {
            for rule in &contract.rules {
                // Two of one contract were told when it was read.
                if seen.insert(&rule.id, &contract.table).is_some_and(|other| *other != contract.table) {
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
        let key: Vec<_> = stop_times.names(&stop_times.primary_key);
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
        assert!(problems.iter().all(|p| p.message.contains("cycle")) && problems.len() == 2, "{problems:?}");
        // What only leads to a cycle is no part of it.
        let problems = read(&[("a", &key("x", "b.y")), ("b", &key("y", "c.z")), ("c", &key("z", "b.y"))]).unwrap_err();
        let text: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(text.len(), 2, "{text:?}");
        assert!(text[0].contains("b.odcs.yaml:11: this foreign key is part of a cycle: b -> c -> b."), "{text:?}");
    }

    /// A library whose table `a` has one key, beside a folder with a table `stops`.
    fn leads_elsewhere(to: &str) -> Result<Library, Vec<String>> {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, table: &str, columns: &str| {
            let text = format!(
                "apiVersion: v3.1.0\nkind: DataContract\nid: {table}\nversion: '1'\nstatus: active\nschema:\n  - name: {table}\n    \
                 properties:\n      {columns}\n"
            );
            std::fs::create_dir_all(root.path().join(path).parent().unwrap()).unwrap();
            std::fs::write(root.path().join(path), text).unwrap();
        };
        write(
            "gtfs/stops.odcs.yaml",
            "stops",
            "- {name: stop_id, logicalType: string}\n      - {name: lat, logicalType: number}",
        );
        write("gtfs/broken.odcs.yaml", "broken", "- {name: id, logicalType: strin}");
        // What leads back from elsewhere makes no cycle, also where the tables have the same name.
        write("gtfs/a.odcs.yaml", "a", "- {name: x, logicalType: string, relationships: [{to: stops.stop_id}]}");
        write("own/a.odcs.yaml", "a", &format!("- {{name: x, logicalType: string, relationships: [{{to: {to}}}]}}"));
        write("own/b.odcs.yaml", "b", "- {name: y, logicalType: string, relationships: [{to: a.x}]}");
        Library::read(&root.path().join("own")).map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_key_may_lead_to_a_table_of_another_folder() {
        for to in [
            "'../gtfs/stops.odcs.yaml#/schema/stops/properties/stop_id'",
            "'../gtfs/a.odcs.yaml#/schema/a/properties/x'",
        ] {
            let library = leads_elsewhere(to).unwrap();
            let target = &library.get("a").unwrap().foreign_keys[0].targets[0];
            assert!(target.file.as_deref().is_some_and(|file| file.starts_with("../gtfs")), "{target:?}");
            let order: Vec<_> = library.in_reference_order().iter().map(|contract| contract.table.clone()).collect();
            assert_eq!(order, ["a", "b"]);
        }
    }

    #[test]
    fn mistakes_in_keys_that_lead_elsewhere_are_told_with_file_line_and_remedy() {
        let cases = [
            (
                "../gtfs/stop.odcs.yaml#/schema/stops/properties/stop_id",
                "'../gtfs/stop.odcs.yaml', which does not exist",
                "Write the path",
            ),
            (
                "https://example.de/stops.odcs.yaml#/schema/stops/properties/stop_id",
                "which does not exist",
                "Write the path",
            ),
            (
                "../gtfs/stops.odcs.yaml#/schema/stop/properties/stop_id",
                "is the contract of 'stops', not of 'stop'",
                "Did you mean 'stops'?",
            ),
            (
                "../gtfs/stops.odcs.yaml#/schema/stops/properties/stopid",
                "'stopid' is no column of 'stops'",
                "Did you mean 'stop_id'?",
            ),
            (
                "../gtfs/stops.odcs.yaml#/schema/stops/properties/lat",
                "'x' is Text, but 'stops.lat' is Float",
                "the same type",
            ),
            (
                "b.odcs.yaml#/schema/b/properties/y",
                "'b.odcs.yaml', which lies in the same folder",
                "Write 'table.column'",
            ),
            ("../own/a.odcs.yaml#/schema/a/properties/x", "which lies in the same folder", "Write 'table.column'"),
            (
                "../gtfs/stops.odcs.yaml#/stops/stop_id",
                "does not name a column of one other table",
                "#/schema/table/properties/column",
            ),
            (
                "../gtfs/stops.odcs.yaml",
                "does not name a column of one other table",
                "#/schema/table/properties/column",
            ),
        ];
        for (to, message, remedy) in cases {
            let problems = leads_elsewhere(&format!("'{to}'")).unwrap_err();
            let told =
                |text: &String| text.contains("own/a.odcs.yaml:9: ") && text.contains(message) && text.contains(remedy);
            assert!(problems.iter().any(told), "{to}: {problems:#?}");
        }
        let problems = leads_elsewhere("'../gtfs/broken.odcs.yaml#/schema/broken/properties/id'").unwrap_err();
        let told = "gtfs/broken.odcs.yaml:9: 'strin' is no logicalType. Did you mean 'string'?";
        assert!(problems.len() == 1 && problems[0].ends_with(told), "{problems:#?}");
        assert!(!problems[0].contains(".."), "{problems:#?}");
    }

    #[test]
    fn the_contracts_that_come_with_the_program_are_those_of_the_repository() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/gtfs");
        let (own, read) = (Library::gtfs(), Library::read(&folder).unwrap());
        assert_eq!(own.digest(), read.digest());
        assert_eq!(own.contracts.len(), 32);
    }

    #[test]
    fn missing_values_are_a_list_of_texts() {
        let with = |value: &str| {
            let column = "      - {name: x, logicalType: string}\n";
            read(&[("a", &format!("{column}    customProperties: [{{property: missingValues, value: {value}}}]\n"))])
        };
        assert_eq!(with("['NA', '']").unwrap().get("a").unwrap().missing_values, ["NA", ""]);
        assert!(with("NA").unwrap_err()[0].message.contains("'missingValues' is not a list"));
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
