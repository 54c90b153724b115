//! Folders of archives that somebody else keeps: which of them hold the captures of a source, and why others do not.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::capture::evidence::archive::{self, Options, Record};
use crate::capture::evidence::{Listing, damage, entry};
use crate::capture::warc::{Content, Header};
use crate::capture::CaptureError;

/// Folders within folders, at the most.
const DEPTH: usize = 16;
/// Archives and addresses that are listed when nothing fits, at the most.
const SHOWN: usize = 4;

/// A folder of evidence that somebody else keeps, as a source of `type: evidence` names it.
///
/// Archives in our own layout, `<source>/YYYY/MM/DD/<source>-YYYYMMDDTHH.warc.gz`, belong to their source. Others (`*.warc`,
/// `*.warc.gz`, at any depth) belong to it if they stand in a folder of its name or have a name that begins with it. Of those,
/// and of archives that are of nobody, the captures count whose address is `url`; without a `url` all do, if they have one
/// address (but for its query), and if, for archives of nobody, no other source of the pipeline reads the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    pub path: PathBuf,
    /// The address of the source's captures; `*` stands for any text.
    pub url: Option<String>,
    /// No other source of the pipeline reads this folder.
    pub is_alone: bool,
}

/// What an archive that is not in our layout is to a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Claim {
    Named,
    Nobodys,
}

impl Folder {
    /// Adds the captures of a source, of a time, from all archives that are not in our layout.
    pub(super) fn add(
        &self,
        source: &str,
        wants: &dyn Fn(Timestamp) -> bool,
        most: u64,
        listing: &mut Listing,
    ) -> Result<(), CaptureError> {
        let archives = self.archives(source)?;
        for claim in [Claim::Named, Claim::Nobodys] {
            if claim == Claim::Nobodys && self.url.is_none() && !self.is_alone {
                continue;
            }
            let mut addresses: HashSet<String> = HashSet::new();
            let mut found = Listing::default();
            for (_, path) in archives.iter().filter(|(other, _)| *other == claim) {
                let addresses = RefCell::new(&mut addresses);
                let is_ours = Cell::new(claim == Claim::Named);
                let wanted = |header: &Header| {
                    if header.no_capture().is_some() || !self.is_of_url(&header.url) || is_aside(&header.url) {
                        return false;
                    }
                    addresses.borrow_mut().insert(shown(&header.url));
                    is_ours.set(true);
                    header.date.is_some_and(wants)
                };
                let damages = found.damage.len();
                scan(path, &wanted, most, &mut found)?;
                if !is_ours.get() {
                    found.damage.truncate(damages);
                }
            }
            if self.url.is_some() || addresses.len() <= 1 {
                listing.entries.append(&mut found.entries);
                listing.damage.append(&mut found.damage);
            }
        }
        Ok(())
    }

    /// What stands in the folder and why it is no evidence of a source, for people; `None` if some of it is.
    pub(super) fn explain(&self, source: &str, most: u64) -> Result<Option<String>, CaptureError> {
        let folder = self.path.display();
        if !self.path.is_dir() {
            return Ok(Some(format!("The folder {folder} is not there.")));
        }
        let archives = self.archives(source)?;
        let Some((_, first)) = archives.first() else {
            let others = files(&self.path)?;
            let layout = others.iter().any(|path| layout_source(&self.path, path).is_some());
            let example = others.first().and_then(|path| path.file_name());
            return Ok(Some(match example {
                _ if layout => format!("The archives in {folder} are those of other sources."),
                Some(name) => format!(
                    "{folder} holds no archive whose name ends in '.warc' or '.warc.gz', but {} other files, as '{}'.",
                    others.len(),
                    name.to_string_lossy().escape_debug()
                ),
                None => format!("The folder {folder} is empty."),
            }));
        };
        let mut captures: BTreeMap<String, (u64, bool)> = BTreeMap::new();
        let mut others: BTreeMap<String, u64> = BTreeMap::new();
        let mut problems = Vec::new();
        for (claim, path) in &archives {
            let options = Options { wants: &|_| true, verify: false, most };
            let mut take = |record: Record| match record.content {
                Content::Body(_) => {
                    let may = *claim == Claim::Named || self.url.is_some() || self.is_alone;
                    let capture = captures.entry(shown(&record.header.url)).or_default();
                    capture.0 += 1;
                    capture.1 |= may && self.is_of_url(&record.header.url) && !is_aside(&record.header.url);
                }
                Content::NoCapture(reason) if !matches!(record.header.kind.as_str(), "warcinfo" | "request") => {
                    *others.entry(reason).or_default() += 1;
                }
                Content::NoCapture(_) => {}
            };
            let (_, stretches) = archive::scan(path, 0, &options, &mut take).map_err(failed(path))?;
            problems.extend(stretches.into_iter().map(|stretch| damage(path, stretch).message));
        }
        let fitting = captures.values().filter(|(_, fits)| *fits).count();
        if fitting == 1 || (fitting > 0 && self.url.is_some()) {
            return Ok(None);
        }
        let name = first.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut text = match archives.len() {
            1 => format!("In {folder} stands the archive '{name}'"),
            many => format!("In {folder} stand {many} archives, as '{name}'"),
        };
        let list = captures.iter().take(SHOWN).map(|(url, (count, _))| format!("{count} of {url}"));
        let list = list.collect::<Vec<_>>().join(", ");
        let more = if captures.len() > SHOWN { ", and others" } else { "" };
        if captures.is_empty() {
            text += ", but no capture is in them";
        } else {
            text += &format!(", with captures: {list}{more}");
        }
        for (reason, count) in others.iter().take(SHOWN) {
            text += &format!("; {count} records do not count: {reason}");
        }
        if let Some(problem) = problems.first() {
            text += &format!("; {problem}");
        }
        text += ".";
        if let (false, Some(url)) = (captures.is_empty(), &self.url) {
            text += &format!(" None has the address '{url}', the 'url' of the source '{source}'.");
        } else if let Some(url) = captures.keys().find(|url| !is_aside(url)) {
            text += &format!(
                " Nothing says which of them are those of '{source}': write the address of its captures into the source, as \
                 'url: {url}' ('*' stands for any text)."
            );
        }
        Ok(Some(text))
    }

    /// The archives that are not in our layout and may have captures of a source.
    fn archives(&self, source: &str) -> Result<Vec<(Claim, PathBuf)>, CaptureError> {
        let files = files(&self.path)?.into_iter().filter(|path| is_archive(path));
        let files = files.filter(|path| layout_source(&self.path, path).is_none());
        Ok(files.map(|path| (self.claim(source, &path), path)).collect())
    }

    fn claim(&self, source: &str, path: &Path) -> Claim {
        let relative = path.strip_prefix(&self.path).unwrap_or(path);
        let name = relative.file_name().unwrap_or_default().to_string_lossy();
        let in_folder = relative.parent().is_some_and(|parent| parent.iter().any(|part| part == source));
        // 'bus' is not the source of 'bus-alerts-2026.warc.gz'.
        let rest = name.strip_prefix(source).map(|rest| rest.trim_start_matches(['-', '_']));
        let is_named = rest.is_some_and(|rest| rest.starts_with(|letter: char| letter == '.' || letter.is_ascii_digit()));
        if in_folder || is_named { Claim::Named } else { Claim::Nobodys }
    }

    fn is_of_url(&self, url: &str) -> bool {
        self.url.as_deref().is_none_or(|pattern| matches(pattern, url))
    }
}

/// Adds what is wanted of an archive.
fn scan(
    path: &Path,
    wanted: &dyn Fn(&Header) -> bool,
    most: u64,
    listing: &mut Listing,
) -> Result<(), CaptureError> {
    let file: std::sync::Arc<Path> = path.into();
    let mut last_url = "".into();
    let mut take = |record: Record| listing.entries.extend(entry(record, &file, &mut last_url));
    // What another writer calls the payload is not always what we do.
    let options = Options { wants: wanted, verify: true, most };
    let (_, stretches) = archive::scan(path, 0, &options, &mut take).map_err(failed(path))?;
    listing.damage.extend(stretches.into_iter().map(|stretch| damage(path, stretch)));
    Ok(())
}

/// Whether an address fits one in which `*` stands for any text.
fn matches(pattern: &str, url: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| url.strip_prefix(first)) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// What crawlers ask beside what they were sent for.
fn is_aside(url: &str) -> bool {
    shown(url).ends_with("/robots.txt")
}

/// An address without its query, its user and its password, which may be secrets.
fn shown(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let end = rest.find('/').unwrap_or(rest.len());
            let host = rest[..end].rsplit('@').next().unwrap_or_default();
            format!("{scheme}://{host}{}", &rest[end..])
        }
        None => url.to_owned(),
    }
}

pub(super) fn is_archive(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    name.ends_with(".warc") || name.ends_with(".warc.gz")
}

/// The source of an archive in our layout: `<source>/YYYY/MM/DD/<source>-YYYYMMDDTHH.warc.gz`, or not packed without `.gz`.
pub(super) fn layout_source(root: &Path, path: &Path) -> Option<String> {
    let parts: Vec<&str> = path.strip_prefix(root).ok()?.iter().map(|part| part.to_str()).collect::<Option<_>>()?;
    let &[source, year, month, day, name] = parts.as_slice() else { return None };
    let stem = name.strip_suffix(".gz").unwrap_or(name).strip_suffix(".warc")?;
    let hour = stem.strip_prefix(source)?.strip_prefix('-')?.strip_prefix(year)?.strip_prefix(month)?;
    let hour = hour.strip_prefix(day)?.strip_prefix('T')?;
    let is_number = |text: &str, length| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    (is_number(year, 4) && is_number(month, 2) && is_number(day, 2) && is_number(hour, 2)).then(|| source.to_owned())
}

/// All files at any depth, in the order of their paths. Symbolic links are followed, each folder once.
fn files(root: &Path) -> Result<Vec<PathBuf>, CaptureError> {
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    let mut folders = vec![(root.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        if !fs::canonicalize(&folder).is_ok_and(|path| seen.insert(path)) {
            continue;
        }
        for entry in fs::read_dir(&folder).map_err(failed(&folder))? {
            let path = entry.map_err(failed(&folder))?.path();
            // A hidden file is of the store that keeps the folder.
            let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            if path.is_dir() && depth < DEPTH {
                folders.push((path, depth + 1));
            } else if path.is_file() && !is_hidden {
                found.push(path);
            }
        }
    }
    found.sort_unstable();
    Ok(found)
}

fn failed(file: &Path) -> impl Fn(io::Error) -> CaptureError + '_ {
    move |source| CaptureError::Evidence { file: file.to_owned(), verb: "read", source }
}
