//! The sources of a pipeline: where its captures come from, under which names.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::capture::evidence::Folder;
use crate::capture::redact::Address;
use crate::capture::source::{self, Policy, Source};
use crate::contract::names::{self, Named};
use crate::decode::formats;
use crate::pipeline::config::release::VEHICLES;
use crate::pipeline::config::source_terms::{self, SourceTerms};
use crate::pipeline::config::{interval, mqtt};
use crate::publish::bucket;
use crate::yaml::variables::with_variables;
use crate::yaml::{Node, Problems, suggestion};

const SOURCE_KEYS: &[&str] = &[
    "name",
    "vehicles",
    "every",
    "type",
    "path",
    "url",
    "headers",
    "options",
    "connect_timeout",
    "read_timeout",
    "total_timeout",
    "tries",
    "max_bytes",
    "max_redirects",
];
const SOURCE_TYPES: &[&str] = &["file", "http", "s3", "mqtt", "evidence"];

/// A source under the name that its evidence has.
#[derive(Clone, Debug, PartialEq)]
pub struct Feed {
    pub name: String,
    pub from: FeedOrigin,
    /// The fleet that its vehicle ids are of: sources of the same fleet share them.
    pub vehicles: Option<String>,
    /// Between two beats of a collector; `None` where the source does not say.
    pub every: Option<Duration>,
    /// Under which licence its data are, and who is to be named for them.
    pub terms: SourceTerms,
}

#[derive(Clone, Debug, PartialEq)]
pub enum FeedOrigin {
    /// To be captured.
    Source(Source),
    /// A folder of evidence that somebody else keeps.
    Evidence(Folder),
    /// To be captured, but its file does not tell how; its evidence is our own.
    Unknown,
}

impl FeedOrigin {
    /// The folder of evidence that somebody else keeps.
    pub fn folder(&self) -> Option<&Folder> {
        match self {
            Self::Evidence(folder) => Some(folder),
            Self::Source(_) | Self::Unknown => None,
        }
    }
}

/// The sources that a pipeline's file lists. `max_bytes` holds for bodies where a source says nothing.
pub(super) fn feeds(root: &Path, node: &Node, max_bytes: u64, problems: &mut Problems) -> Vec<Feed> {
    let items = node.get("sources").map_or(&[][..], Node::items);
    if items.is_empty() {
        let line = node.get("sources").map_or(node.line, |node| node.line);
        problems.add(line, "the pipeline has no sources", "List at least one under 'sources:'.");
    }
    let mut feeds: Vec<Feed> = Vec::new();
    for item in items {
        let is_mqtt = item.get("type").and_then(Node::text) == Some("mqtt");
        let keys = [if is_mqtt { mqtt::KEYS } else { SOURCE_KEYS }, &source_terms::KEYS].concat();
        item.only_keys(&keys, problems);
        let Some(name) = item.require_text("name", problems) else { continue };
        if let Some((message, remedy)) = names::mistake(Named::Folder, &name) {
            problems.add(item.line, message.replace("a folder", "a source"), remedy);
        }
        if feeds.iter().any(|other| other.name == name) {
            problems.add(item.line, format!("the source '{name}' stands here twice"), "Give each its own name.");
        }
        if let Some(from) = from(root, item, max_bytes, problems) {
            let vehicles = item.optional_text("vehicles", problems);
            if let Some(word) = vehicles.as_deref().filter(|word| VEHICLES.contains(word)) {
                let line = item.get("vehicles").map_or(item.line, |node| node.line);
                let message =
                    format!("'vehicles: {word}' stands at a source, where the name of its vehicles' operator does");
                problems.add(line, message, "Write it beside 'sources:', or give the operator another name.");
            }
            if let Some((message, remedy)) = vehicles.as_ref().and_then(|fleet| names::mistake(Named::Folder, fleet)) {
                let line = item.get("vehicles").map_or(item.line, |node| node.line);
                problems.add(line, message.replace("a folder", "vehicles"), remedy);
            }
            let every = item.get("every").and_then(|node| interval::read(node, problems));
            let terms = SourceTerms::read(item, problems);
            feeds.push(Feed { name, from, vehicles, every, terms });
        }
    }
    let folders: Vec<PathBuf> =
        feeds.iter().filter_map(|feed| feed.from.folder().map(|folder| folder.path.clone())).collect();
    for feed in &mut feeds {
        if let FeedOrigin::Evidence(folder) = &mut feed.from {
            folder.is_alone = folders.iter().filter(|other| **other == folder.path).count() == 1;
        }
    }
    feeds
}

/// The sources that a pipeline's file lists, also those of which it does not tell how they are asked; `None` if the name of one, or
/// where its evidence is, cannot be read.
pub(super) fn named(root: &Path, node: &Node, max_bytes: u64, problems: &mut Problems) -> Option<Vec<Feed>> {
    let mut feeds = feeds(root, node, max_bytes, problems);
    let mut is_whole = true;
    for item in node.get("sources").map_or(&[][..], Node::items) {
        let name = item.get("name").and_then(Node::scalar).filter(|name| names::mistake(Named::Folder, name).is_none());
        let kind = item.get("type").and_then(Node::scalar).filter(|kind| SOURCE_TYPES.contains(&kind.as_str()));
        let (Some(name), Some(kind)) = (name, kind) else {
            is_whole = false;
            continue;
        };
        if feeds.iter().any(|feed| feed.name == name) {
            continue;
        }
        is_whole &= kind != "evidence";
        feeds.push(Feed {
            name,
            from: FeedOrigin::Unknown,
            vehicles: None,
            every: None,
            terms: SourceTerms::default(),
        });
    }
    (is_whole && !feeds.is_empty()).then_some(feeds)
}

/// `max_bytes` holds for bodies where the source says nothing.
fn from(root: &Path, item: &Node, max_bytes: u64, problems: &mut Problems) -> Option<FeedOrigin> {
    let kind = item.require_text("type", problems)?;
    let address = |scheme: &[&str], problems: &mut Problems| {
        let text = item.require_text("url", problems)?;
        let line = item.get("url").map_or(item.line, |node| node.line);
        let (text, secrets) = with_variables(&text, line, problems)?;
        let parsed = url::Url::parse(&text);
        if parsed == Err(url::ParseError::InvalidPort) {
            let remedy = "Write a number from 1 to 65535 behind the host, or none; it may come from a variable.";
            problems.add(line, "the port in the address of the source is no number of a port", remedy);
            return None;
        }
        let url = parsed.ok().filter(|url| scheme.contains(&url.scheme()) && url.has_host());
        if url.is_none() {
            let message = format!("the address of the source is not one of {}", scheme.join(", "));
            problems.add(line, message, format!("Write '{}://...'.", scheme[0]));
        }
        Some(Address::new(url?, secrets))
    };
    match kind.as_str() {
        "file" => {
            let path = item.require_text("path", problems)?;
            Some(FeedOrigin::Source(Source::File {
                path: root.join(path),
                max_bytes: policy(item, max_bytes, problems).max_bytes,
            }))
        }
        "evidence" => Some(FeedOrigin::Evidence(Folder {
            path: root.join(item.require_text("path", problems)?),
            url: item.optional_text("url", problems),
            is_alone: true,
        })),
        "http" => {
            let url = address(&["https", "http"], problems);
            let headers = pairs(item, "headers", problems);
            let policy = policy(item, max_bytes, problems);
            Some(FeedOrigin::Source(Source::Http { url: url?, headers, policy }))
        }
        "s3" => {
            let url = address(&["s3"], problems)?;
            for (key, _) in item.get("options").map_or(&[][..], Node::pairs) {
                if let Some((message, remedy)) = key.scalar().and_then(|key| bucket::unknown_option(&key)) {
                    problems.add(key.line, message, remedy);
                }
            }
            Some(FeedOrigin::Source(Source::S3 {
                url,
                options: pairs(item, "options", problems),
                policy: policy(item, max_bytes, problems),
            }))
        }
        "mqtt" => {
            let url = address(&["mqtts", "mqtt"], problems);
            let settings = mqtt::settings(root, item, url, problems)?;
            Some(FeedOrigin::Source(Source::Mqtt { settings: Box::new(settings) }))
        }
        other => {
            let line = item.get("type").map_or(item.line, |node| node.line);
            problems.add(line, format!("'{other}' is no type of source"), another_type(other));
            None
        }
    }
}

/// What to write in the place of a type of source that there is not. It may be what captures are, which stands elsewhere.
fn another_type(word: &str) -> String {
    let known = suggestion(word, SOURCE_TYPES);
    let word = word.to_ascii_lowercase();
    if formats::names().contains(&word.as_str()) {
        return format!("{known} What captures are is said beside 'sources:': 'format: {word}'.");
    }
    match word.as_str() {
        "csv" | "json" => format!(
            "{known} What captures are is said beside 'sources:': 'format: mapped', and 'body: {word}' under 'mapping:'."
        ),
        _ => known,
    }
}

/// A map of texts, with environment variables in the values.
fn pairs(item: &Node, key: &str, problems: &mut Problems) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for (name, value) in item.get(key).map_or(&[][..], Node::pairs) {
        let (Some(name), Some(text)) = (name.scalar(), value.scalar()) else {
            problems.add(value.line, format!("an entry of '{key}' is no text"), "Write 'name: value'.");
            continue;
        };
        pairs.extend(with_variables(&text, value.line, problems).map(|(text, _)| (name, text)));
    }
    pairs
}

fn policy(item: &Node, max_bytes: u64, problems: &mut Problems) -> Policy {
    let mut policy = Policy { max_bytes, ..Policy::default() };
    let mut number = |key: &str, least: i64| -> Option<i64> {
        let node = item.get(key)?;
        let value = node.int().filter(|value| *value >= least);
        if value.is_none() {
            problems.add(node.line, format!("'{key}' is no number from {least}"), "Write a whole number.");
        }
        value
    };
    let seconds = |value: i64| Duration::from_secs(value.unsigned_abs());
    if let Some(value) = number("connect_timeout", 1) {
        policy.connect_timeout = seconds(value);
    }
    if let Some(value) = number("read_timeout", 1) {
        policy.read_timeout = seconds(value);
    }
    if let Some(value) = number("total_timeout", 1) {
        policy.total_timeout = seconds(value);
    }
    if let Some(value) = number("tries", 1) {
        policy.tries = u32::try_from(value).unwrap_or(u32::MAX);
    }
    if let Some(value) = number("max_bytes", 1) {
        policy.max_bytes = value.unsigned_abs();
    }
    if let Some(value) = number("max_redirects", 0) {
        policy.max_redirects = usize::try_from(value).unwrap_or(usize::MAX);
    }
    if let Some(node) = item.get("max_bytes").filter(|_| policy.max_bytes > source::MAX_BYTES) {
        let remedy = format!("Write at most {}.", source::MAX_BYTES);
        problems.add(node.line, "'max_bytes' is more than evidence can keep of one body", remedy);
    }
    policy
}
