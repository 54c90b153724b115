//! The configuration of then: the pipeline's file and the contracts that a record names, from the ledger, in a folder of their own.
//!
//! Where the workspace still has a file whose public text is the one that the record names, that file is taken: the ledger has texts
//! without secrets and without values of private columns. What comes from a bucket is not trusted: a text counts if it has
//! the digest of its name, and a path in it only if it stays in the folder.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::check::area::ServiceArea;
use crate::contract::{Contract, notices};
use crate::digest::Digest;
use crate::durable;
use crate::ledger::{ContractEntry, Input, RunRecord, object_key};
use crate::pipeline::replay::reason::{Reason, ReplayError};
use crate::pipeline::run::{RunError, contract_entries};
use crate::pipeline::{Pipeline, journal};
use crate::publish::bucket::Bucket;
use crate::workspace::{Workspace, contract_folders};
use crate::yaml::public::REDACTED;
use crate::yaml::{self, Node, Problem, Value};

/// Bytes of a text of the ledger, at most.
const MOST_TEXT: usize = 16 << 20;
/// Bytes of a private file that a pipeline names, at most.
const MOST_FILE: u64 = 256 << 20;
/// Contracts of a run, at most: each may be the last one of the feed.
const MOST_CONTRACTS: usize = 300;
/// Mistakes of texts that are told.
const TOLD: usize = 3;

/// What a pipeline was.
pub(super) struct Then {
    pub pipeline: Pipeline,
    /// What of the texts is not what it was, for it is not public.
    pub limits: Vec<Reason>,
}

/// Where texts of then are looked for, and the folder that they are put into.
pub(super) struct Texts<'a> {
    pub now: &'a Workspace,
    pub bucket: &'a Bucket,
    pub record: &'a RunRecord,
    pub root: &'a Path,
}

/// A text, and how the file of it is called where it is known.
struct Found {
    text: String,
    name: Option<String>,
}

impl Texts<'_> {
    /// Reads the pipeline as it was.
    ///
    /// # Errors
    /// A text is gone, or cannot be read by this program.
    pub(super) fn pipeline(&self) -> Result<Then, ReplayError> {
        let record = self.record;
        let name = plain_name(&record.pipeline)?;
        if record.contracts.len() > MOST_CONTRACTS {
            return Err(self.unreadable(&[]).into());
        }
        let mut limits = Vec::new();
        let text = self.pipeline_text(&mut limits)?;
        let file = self.root.join("pipelines").join(format!("{name}.yaml"));
        write(&file, text.as_bytes())?;
        let node = yaml::parse(&file, &text).map_err(|problems| self.unreadable(&problems))?;
        let feed = self.folder(&node)?;
        let release = node.get("release").map(|release| self.folder(release)).transpose()?.flatten();
        let Some(feed) = feed else { return Err(self.unreadable(&[]).into()) };
        let contracts = self.contracts(&mut limits)?;
        if contracts.values().any(|found| found.text.contains(".odcs.yaml#")) {
            self.copy_others(&[Some(&feed), release.as_ref()])?;
        }
        self.copy_named(&node)?;
        let notices = record.inputs.rules.iter().find(|input| input.kind == "notices");
        let notices = notices.map(|input| self.text(&input.sha256, "notices")).transpose()?;
        let mut first_mistakes = None;
        for of_feed in self.splits(release.is_some()) {
            for folder in [Some(&feed), release.as_ref()].into_iter().flatten() {
                // What an attempt before has put.
                let _ = fs::remove_dir_all(self.root.join(folder));
            }
            let (feed_entries, others) = record.contracts.split_at(of_feed);
            self.put_contracts(&feed, feed_entries, &contracts)?;
            if let Some(release) = &release {
                self.put_contracts(release, others, &contracts)?;
            }
            if let Some(text) = &notices {
                write(&self.root.join(&feed).join(notices::FILE), text.as_bytes())?;
            }
            match Pipeline::read(self.root, &file) {
                Ok(pipeline) if contract_entries(&pipeline) == record.contracts => {
                    return Ok(Then { pipeline, limits });
                }
                Ok(_) => {}
                Err(problems) => _ = first_mistakes.get_or_insert(problems),
            }
        }
        Err(self.unreadable(&first_mistakes.unwrap_or_default()).into())
    }

    /// Gives a workspace what of then decides rows and stands in no pipeline.
    pub(super) fn configure(&self, then: &mut Workspace) -> Result<(), ReplayError> {
        let inputs = || self.record.inputs.data.iter().chain(&self.record.inputs.rules);
        let zone = inputs().find(|input| input.kind == "setting" && input.name == "time_zone");
        if let Some(zone) = zone.and_then(|input| input.value.as_deref()).and_then(|name| TimeZone::get(name).ok()) {
            then.zone = zone;
        }
        then.area = inputs().find(|input| input.kind == "area").map(|input| self.area(input)).transpose()?;
        then.root = self.root.to_owned();
        then.private = self.root.join("private");
        then.evidence = None;
        durable::create_dir_all(&then.private).map_err(|error| RunError::private(&then.private, "made", &error))?;
        Ok(())
    }

    fn area(&self, input: &Input) -> Result<ServiceArea, ReplayError> {
        if let Some(area) = self.now.area.as_ref().filter(|area| area.digest == input.sha256) {
            return Ok(area.clone());
        }
        let text = self.text(&input.sha256, "area")?;
        let numbers: Option<Vec<f64>> = text
            .strip_prefix("box ")
            .map(|numbers| numbers.split(' ').filter_map(|number| number.parse().ok()).collect());
        let area = match numbers {
            Some(numbers) => {
                <[f64; 4]>::try_from(numbers).map_err(|_| "is no box".to_owned()).and_then(ServiceArea::of_box)
            }
            None => {
                let file = self.root.join("area.geojson");
                write(&file, text.as_bytes())?;
                ServiceArea::of_file(&file)
            }
        };
        area.map_err(|problem| {
            Reason::new(
                "texts",
                format!("the service area that the record names {problem}"),
                format!("Das Bediengebiet, das der Beleg nennt, ist nicht lesbar: {problem}"),
            )
            .into()
        })
    }

    /// The pipeline's file: that of the workspace if its public text is the one of then, or else this text.
    fn pipeline_text(&self, limits: &mut Vec<Reason>) -> Result<String, ReplayError> {
        let digest = self.record.pipeline_file;
        let own = self.now.pipelines.iter().find(|pipeline| pipeline.digest == digest);
        if let Some(text) = own.and_then(|pipeline| durable::read_to_string(&pipeline.file).ok()) {
            return Ok(text);
        }
        let text = self.text(&digest, "pipeline")?;
        if text.contains(REDACTED) {
            limits.push(Reason::new(
                "without_secrets",
                "the pipeline's file of then is not in the workspace any more: its published text was used, which has REDACTED in the place \
                 of secrets. Sources are not asked, so that these decide nothing",
                "Die Pipeline-Datei von damals ist nicht mehr im Arbeitsbereich: Verwendet wurde ihr veröffentlichter Text, in dem REDACTED an der \
                 Stelle von Geheimnissen steht. Quellen werden nicht gefragt, daher entscheiden diese nichts",
            ));
        }
        Ok(text)
    }

    /// The files of the contracts by the digests of their public texts.
    fn contracts(&self, limits: &mut Vec<Reason>) -> Result<BTreeMap<Digest, Found>, ReplayError> {
        let mut found = BTreeMap::new();
        for entry in &self.record.contracts {
            if found.contains_key(&entry.sha256) {
                continue;
            }
            let known = self.known(|contract| contract.digest == entry.sha256);
            let same_id = || self.known(|contract| contract.id == entry.id);
            let name = known.clone().or_else(same_id).and_then(|contract| file_name(&contract.file));
            let own = known.and_then(|contract| durable::read_to_string(&contract.file).ok());
            let text = match own {
                Some(text) => text,
                None => {
                    let text = self.text(&entry.sha256, &format!("contract {}", entry.id))?;
                    if text.contains(REDACTED) {
                        limits.push(Reason::new(
                            "without_private_values",
                            format!(
                                "the contract {} of then is not in the workspace any more: its published text was used, which lacks values \
                                 of private columns. Rules that compare with these may find something else",
                                entry.id
                            ),
                            format!(
                                "Der Contract {} von damals ist nicht mehr im Arbeitsbereich: Verwendet wurde sein veröffentlichter Text, dem \
                                 Werte nicht öffentlicher Spalten fehlen. Regeln, die damit vergleichen, können anderes finden",
                                entry.id
                            ),
                        ));
                    }
                    text
                }
            };
            found.insert(entry.sha256, Found { text, name });
        }
        Ok(found)
    }

    /// A contract that a pipeline of the workspace uses now.
    fn known(&self, is_it: impl Fn(&Contract) -> bool) -> Option<Arc<Contract>> {
        let of_pipeline = |pipeline: &Pipeline| -> Vec<Arc<Contract>> {
            let release = pipeline.release.iter().flat_map(|release| release.contracts.contracts.values());
            pipeline.all_contracts().chain(release).cloned().collect()
        };
        self.now.pipelines.iter().flat_map(of_pipeline).find(|contract| is_it(contract))
    }

    /// A text of the ledger, from the journal or the bucket.
    fn text(&self, digest: &Digest, what: &str) -> Result<String, ReplayError> {
        let kept = journal::read_object(&self.now.private, &self.record.pipeline, digest);
        let bytes = match kept {
            Some(bytes) => Some(bytes),
            None => self.bucket.get(&object_key(digest))?.map(|bytes| bytes.to_vec()),
        };
        let bytes = bytes.filter(|bytes| bytes.len() <= MOST_TEXT && Digest::of(bytes) == *digest);
        bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| {
            let key = object_key(digest);
            Reason::new(
                "texts",
                format!("the text of '{what}', '{key}', is gone or changed, and neither the journal nor the workspace has it: bring it back from a backup"),
                format!(
                    "Der Text von '{what}', '{key}', fehlt oder wurde geändert, und weder Journal noch Arbeitsbereich hat ihn: aus einer \
                     Sicherung zurückholen"
                ),
            )
            .into()
        })
    }

    /// The folder of contracts that a node names.
    fn folder(&self, node: &Node) -> Result<Option<PathBuf>, ReplayError> {
        let Some(named) = node.get("contracts").and_then(Node::scalar) else { return Ok(None) };
        match inside(&named) {
            Some(folder) => Ok(Some(folder)),
            None => Err(self.unreadable(&[]).into()),
        }
    }

    /// In how many of the record's contracts those of the feed may end: the record has those of the feed first. What fits is what
    /// names the same contracts when it is read.
    fn splits(&self, has_release: bool) -> Vec<usize> {
        let all = self.record.contracts.len();
        if !has_release {
            return vec![all];
        }
        let own = self.now.pipelines.iter().find(|pipeline| pipeline.name == self.record.pipeline);
        let likely = own.map_or(all, |pipeline| pipeline.contracts.contracts.len()).min(all);
        let mut splits = vec![likely];
        splits.extend((0..=all).filter(|split| *split != likely));
        splits
    }

    fn put_contracts(
        &self,
        folder: &Path,
        entries: &[ContractEntry],
        texts: &BTreeMap<Digest, Found>,
    ) -> Result<(), ReplayError> {
        let (mut put, mut names) = (BTreeSet::new(), BTreeSet::new());
        for entry in entries.iter().filter(|entry| put.insert(entry.sha256)) {
            let Some(Found { text, name }) = texts.get(&entry.sha256) else { continue };
            let own = || format!("{}.odcs.yaml", entry.sha256.short());
            let mut name = name.clone().unwrap_or_else(own);
            if !names.insert(name.clone()) {
                name = own();
            }
            write(&self.root.join(folder).join(name), text.as_bytes())?;
        }
        Ok(())
    }

    /// Copies the other folders of contracts: keys of some lead into tables of others.
    fn copy_others(&self, own: &[Option<&PathBuf>]) -> Result<(), ReplayError> {
        for folder in contract_folders(&self.now.root) {
            let Ok(below) = folder.strip_prefix(&self.now.root) else { continue };
            if own.iter().flatten().any(|own| own.as_path() == below) {
                continue;
            }
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                let (path, name) = (entry.path(), entry.file_name());
                if name.to_string_lossy().ends_with(".odcs.yaml")
                    && let Ok(text) = durable::read(&path)
                {
                    write(&self.root.join(below).join(name), &text)?;
                }
            }
        }
        Ok(())
    }

    /// Copies the private files that the pipeline names and the workspace has: mappings and zones. Their digests are inputs.
    fn copy_named(&self, node: &Node) -> Result<(), ReplayError> {
        let mut named = BTreeSet::new();
        scalars(node, &mut named);
        for path in named.iter().filter_map(|named| inside(named)) {
            let (from, to) = (self.now.root.join(&path), self.root.join(&path));
            let is_file = fs::metadata(&from).is_ok_and(|of| of.is_file() && of.len() <= MOST_FILE);
            if is_file && !to.exists() {
                let bytes = durable::read(&from).map_err(|error| RunError::private(&from, "read", &error))?;
                write(&to, &bytes)?;
            }
        }
        Ok(())
    }

    /// Says that this program cannot use the texts of then.
    fn unreadable(&self, problems: &[Problem]) -> Reason {
        let shown = |problem: &Problem| {
            let file = problem.file.strip_prefix(self.root).unwrap_or(&problem.file);
            Problem { file: file.to_owned(), ..problem.clone() }.to_string()
        };
        let told: Vec<String> = problems.iter().take(TOLD).map(shown).collect();
        let told = match told.is_empty() {
            true => String::new(),
            false => format!(": {}", told.join(" ")),
        };
        let version = &self.record.program.version;
        Reason::new(
            "texts",
            format!(
                "this program cannot use the pipeline and the contracts that the record names; version {version} wrote it{told}"
            ),
            format!(
                "Dieses Programm kann die Pipeline und die Contracts, die der Beleg nennt, nicht verwenden; Version {version} schrieb ihn{told}"
            ),
        )
    }
}

fn file_name(file: &Path) -> Option<String> {
    Some(file.file_name()?.to_str()?.to_owned())
}

/// A name that becomes a file's.
fn plain_name(name: &str) -> Result<&str, ReplayError> {
    let is_plain =
        !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_".contains(letter));
    match is_plain {
        true => Ok(name),
        false => Err(Reason::new(
            "record",
            "the record names a pipeline by what is no name",
            "Der Beleg nennt eine Pipeline mit etwas, das kein Name ist",
        )
        .into()),
    }
}

/// A path that stays in the folder that it begins in.
fn inside(path: &str) -> Option<PathBuf> {
    let mut found = PathBuf::new();
    for part in Path::new(path.trim()).components() {
        match part {
            Component::Normal(name) => found.push(name),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    (!found.as_os_str().is_empty()).then_some(found)
}

fn scalars(node: &Node, found: &mut BTreeSet<String>) {
    match &node.value {
        Value::Text(text) => _ = found.insert(text.clone()),
        Value::List(items) => items.iter().for_each(|item| scalars(item, found)),
        Value::Map(pairs) => pairs.iter().for_each(|(_, value)| scalars(value, found)),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => {}
    }
}

/// Writes a file of the folder, which goes when the command ends.
fn write(path: &Path, bytes: &[u8]) -> Result<(), ReplayError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let written = durable::create_dir_all(folder).and_then(|()| {
        use std::io::Write;
        durable::create(path)?.write_all(bytes)
    });
    written.map_err(|error| RunError::private(path, "written", &error).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_in_their_folder() {
        assert_eq!(inside("./schemas/gtfs"), Some(PathBuf::from("schemas/gtfs")));
        for wrong in ["/etc/passwd", "../x", "a/../../x", "", "."] {
            assert_eq!(inside(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_pipeline_has_a_plain_name() {
        assert!(plain_name("stadtbus-telemetrie").is_ok());
        for wrong in ["", "../x", "a/b", "a.b"] {
            assert!(plain_name(wrong).is_err(), "{wrong}");
        }
    }
}
