//! Sections of the configuration that the whole reading and the one without contracts have in common.

use std::path::Path;

use jiff::tz::TimeZone;

use crate::object_stores::Options;
use crate::publish::bucket;
use crate::yaml::{Node, Problems};

const BUCKET_KEYS: &[&str] = &["location", "base_url", "options"];

/// What `bucket:` says.
#[derive(Debug, Default)]
pub(super) struct BucketSection {
    pub location: Option<String>,
    pub base_url: Option<String>,
    pub options: Options,
}

impl BucketSection {
    pub(super) fn read(node: &Node, problems: &mut Problems) -> Self {
        let mut section = Self::default();
        let Some(map) = node.get("bucket") else {
            problems.add(node.line, "'bucket' is missing", "Add 'bucket:' with 'location: data/bucket'.");
            return section;
        };
        map.only_keys(BUCKET_KEYS, problems);
        section.location = map.require_text("location", problems);
        let line = map.get("location").map_or(map.line, |node| node.line);
        section.options = Options::default().named_in(problems.file(), line);
        section.base_url = map.optional_text("base_url", problems);
        if let (Some(url), Some(node)) = (&section.base_url, map.get("base_url"))
            && !is_web_address(url)
        {
            let message = format!("'base_url' is no address on the web: '{}'", url.escape_debug());
            problems.add(node.line, message, "Write 'https://daten.example.de', without '?' and '#'.");
        }
        for (key, value) in map.get("options").map_or(&[][..], Node::pairs) {
            match (key.scalar(), value.scalar()) {
                (Some(name), Some(value)) => {
                    if let Some((message, remedy)) = bucket::unknown_option(&name) {
                        problems.add(key.line, message, remedy);
                    }
                    section.options.values.insert(name, value);
                }
                _ => problems.add(key.line, "an option of the bucket is no text", "Write 'endpoint: https://...'."),
            }
        }
        section
    }
}

/// Whether names of objects can follow: the catalogue of the bucket and its results have such addresses.
fn is_web_address(url: &str) -> bool {
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"?#\"'<>\\".contains(&byte);
    host.is_some_and(|host| {
        host.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '[') && host.bytes().all(is_plain)
    })
}

/// A location as it is opened: folders are relative to the workspace.
pub(super) fn address(root: &Path, location: String) -> String {
    match location.contains("://") {
        true => location,
        false => root.join(location).to_string_lossy().into_owned(),
    }
}

/// `time_zone`.
pub(super) fn zone(node: &Node, problems: &mut Problems) -> Option<TimeZone> {
    let name = node.require_text("time_zone", problems)?;
    let zone = TimeZone::get(&name);
    if zone.is_err() {
        let line = node.get("time_zone").map_or(node.line, |node| node.line);
        problems.add(line, format!("'{name}' is no time zone"), "Write a name like 'Europe/Berlin'.");
    }
    zone.ok()
}
