//! What the private store has to do with a pipeline, read without its contracts: a mistake in a rule, or a variable that is not set,
//! must not keep evidence from being looked after.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::capture::payload::Wanted;
use crate::contract::library::Library;
use crate::decode::captures::CaptureRules;
use crate::decode::format::{DecodeInput, Decoder, Format, RuleBook, SourceColumn};
use crate::decode::{DecodeError, Decoded};
use crate::digest::Digest;
use crate::durable;
use crate::pipeline::Pipeline;
use crate::pipeline::config::files::Files;
use crate::pipeline::config::schedule::Schedule;
use crate::pipeline::config::{MINIMUM_READABLE, dataset, format, max_bytes, sources};
use crate::text::Text;
use crate::yaml::{self, Problem};

/// The format of a pipeline that was read without its contracts: it tells what captures are and how they make partitions.
struct Outlined {
    format: &'static dyn Format,
    wanted: Wanted,
}

/// Reads name, dataset, sources and partitioning of a pipeline's file. It has no contracts and decodes nothing. With it come the
/// mistakes in how its sources are asked.
///
/// # Errors
/// All mistakes, if one of them is in what is read here.
pub(crate) fn outline(root: &Path, file: &Path) -> Result<(Pipeline, Vec<Problem>), Vec<Problem>> {
    let node = yaml::read(file)?;
    let text = durable::read_to_string(file).unwrap_or_default();
    let mut files = Files::new(root, file);
    let format = format(&mut files.problems, &node);
    let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let dataset = dataset(&mut files, &node, &name);
    let is_known = files.problems.found.is_empty();
    let feeds = sources::named(root, &node, max_bytes(format), &mut files.problems);
    // What they say is looked at by who needs them; without them nothing can be run.
    for named in [Some(&node), node.get("release")].into_iter().flatten() {
        files.contracts(named);
    }
    // One with a mistake is a schedule all the same: what is to be run by it is not forgotten.
    let schedule = Schedule::read(&node, &mut files.problems);
    let schedule = schedule.or_else(|| node.get("schedule").map(Schedule::unreadable));
    let public = files.public_text(&text);
    let found = files.all();
    let (Some(format), Some(feeds), true) = (format, feeds, is_known) else { return Err(found) };
    let pipeline = Pipeline {
        name,
        dataset,
        description: None,
        description_en: None,
        file: file.to_owned(),
        line: node.line,
        dataset_line: node.line,
        digest: Digest::of(public.as_bytes()),
        text: public,
        decoder: Arc::new(Outlined { format, wanted: format.wanted(&node) }),
        release: None,
        derived: Vec::new(),
        feeds,
        contracts: Library::default(),
        timetable: None,
        mappings: BTreeMap::new(),
        minimum_readable: MINIMUM_READABLE,
        schedule,
    };
    Ok((pipeline, found))
}

impl fmt::Debug for Outlined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} without contracts", self.format.name())
    }
}

impl Decoder for Outlined {
    fn format(&self) -> &'static dyn Format {
        self.format
    }

    fn wanted(&self) -> Wanted {
        self.wanted
    }

    fn capture_rules(&self) -> &'static CaptureRules {
        static RULES: CaptureRules = CaptureRules::all("evidence.none");
        &RULES
    }

    fn rule_book(&self) -> Option<RuleBook> {
        None
    }

    fn columns(&self, _: &str) -> Option<Vec<SourceColumn<'_>>> {
        None
    }

    fn place(&self, origin: &str, row: u64) -> Text {
        Text::new(format!("row {row} of {origin}"), format!("Zeile {row} von {origin}"))
    }

    fn decode(&self, _: DecodeInput<'_>) -> Result<Decoded, DecodeError> {
        Err(DecodeError::feed(self.format.name(), "the pipeline was read without its contracts", "Tell us of it"))
    }
}
