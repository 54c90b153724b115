//! Folders of archives that somebody else keeps: which of them hold the captures of a source, and why others do not.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::capture::CaptureError;
use crate::capture::evidence::archive::{self, Options, Record};
use crate::capture::evidence::archive_file::ArchiveFile;
use crate::capture::evidence::listing::{Listing, damage, entry};
use crate::capture::evidence::walk::{Walked, walk};
use crate::capture::warc::{Content, Header};

/// Archives and addresses that are listed when nothing fits, at the most.
const SHOWN: usize = 4;

/// A folder of evidence that somebody else keeps, as a source of `type: evidence` names it.
///
/// Archives in our own layout, `<source>/YYYY/MM/DD/<source>-YYYYMMDDTHH.warc.gz` or `.warc.zst`, belong to their source. Others
/// (`*.warc`, `*.warc.gz`, `*.warc.zst`, at any depth) belong to it if they stand in a folder of its name or have a name that begins with it. Of those,
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
        // The whole path is nobody else's business: notes are published.
        let folder = self.path.file_name().unwrap_or_default().to_string_lossy();
        let folder = format!("the folder '{}'", folder.escape_debug());
        if !self.path.is_dir() {
            return Ok(Some(format!("There is no such folder as its 'path' says: {folder}.")));
        }
        let archives = self.archives(source)?;
        let Some((_, first)) = archives.first() else {
            let Walked { others, has_layout } = walked(&self.path)?;
            let example = others.first().and_then(|path| path.file_name());
            return Ok(Some(match example {
                _ if has_layout => format!("The archives in {folder} are those of other sources."),
                Some(name) => format!(
                    "In {folder} is no archive whose name ends in '.warc', '.warc.gz' or '.warc.zst', but {} other files, as '{}'.",
                    others.len(),
                    name.to_string_lossy().escape_debug()
                ),
                None => format!("There is nothing in {folder}."),
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
                Content::Revisit(_) | Content::Note(_) => {
                    *others.entry(format!("it is a '{}' record", record.header.kind)).or_default() += 1;
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

    /// The archives that may have captures of a source and are not in our layout, in the order of their paths.
    pub(super) fn of(&self, source: &str) -> Result<Vec<PathBuf>, CaptureError> {
        let may = |claim: Claim| claim == Claim::Named || self.url.is_some() || self.is_alone;
        Ok(self.archives(source)?.into_iter().filter(|(claim, _)| may(*claim)).map(|(_, path)| path).collect())
    }

    fn archives(&self, source: &str) -> Result<Vec<(Claim, PathBuf)>, CaptureError> {
        let files = walked(&self.path)?.others.into_iter().filter(|path| is_archive(path));
        Ok(files.map(|path| (self.claim(source, &path), path)).collect())
    }

    fn claim(&self, source: &str, path: &Path) -> Claim {
        let relative = path.strip_prefix(&self.path).unwrap_or(path);
        let name = relative.file_name().unwrap_or_default().to_string_lossy();
        let in_folder = relative.parent().is_some_and(|parent| parent.iter().any(|part| part == source));
        // 'bus' is not the source of 'bus-alerts-2026.warc.gz'.
        let rest = name.strip_prefix(source).map(|rest| rest.trim_start_matches(['-', '_']));
        let is_named =
            rest.is_some_and(|rest| rest.starts_with(|letter: char| letter == '.' || letter.is_ascii_digit()));
        if in_folder || is_named { Claim::Named } else { Claim::Nobodys }
    }

    fn is_of_url(&self, url: &str) -> bool {
        self.url.as_deref().is_none_or(|pattern| matches(pattern, url))
    }
}

/// Adds what is wanted of an archive.
pub(super) fn scan(
    path: &Path,
    wanted: &dyn Fn(&Header) -> bool,
    most: u64,
    listing: &mut Listing,
) -> Result<(), CaptureError> {
    let file = ArchiveFile::local(path, None);
    let mut last_url = "".into();
    let mut take = |record: Record| listing.entries.extend(entry(record, &file, &mut last_url));
    // What another writer calls the payload is not always what we do.
    let options = Options { wants: wanted, verify: true, most };
    let (_, stretches) = archive::scan(path, 0, &options, &mut take).map_err(failed(path))?;
    listing.damage.extend(stretches.into_iter().map(|stretch| damage(path, stretch)));
    Ok(())
}

/// Whether an address fits one in which `*` stands for any text.
pub fn matches(pattern: &str, url: &str) -> bool {
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

/// Whether a record may be a capture.
pub(super) fn is_capture(header: &Header) -> bool {
    header.no_capture().is_none() && !is_aside(&header.url)
}

/// What crawlers ask beside what they were sent for.
fn is_aside(url: &str) -> bool {
    shown(url).ends_with("/robots.txt")
}

/// An address without its query, its user and its password, which may be secrets.
pub fn shown(url: &str) -> String {
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

/// How the names of archives end.
const PACKED: [&str; 3] = [".warc", ".warc.gz", ".warc.zst"];

pub fn is_archive(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    PACKED.iter().any(|ending| name.ends_with(ending))
}

/// The source of an archive in our layout: `<source>/YYYY/MM/DD/<source>-YYYYMMDDTHH.warc.gz`, sealed with `.zst`, or not
/// packed with neither.
pub(super) fn layout_source(root: &Path, path: &Path) -> Option<String> {
    let parts: Vec<&str> = path.strip_prefix(root).ok()?.iter().map(|part| part.to_str()).collect::<Option<_>>()?;
    let &[source, year, month, day, name] = parts.as_slice() else { return None };
    let stem = PACKED.iter().find_map(|ending| name.strip_suffix(ending))?;
    let hour = stem.strip_prefix(source)?.strip_prefix('-')?.strip_prefix(year)?.strip_prefix(month)?;
    let hour = hour.strip_prefix(day)?.strip_prefix('T')?;
    let is_number = |text: &str, length| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    (is_number(year, 4) && is_number(month, 2) && is_number(day, 2) && is_number(hour, 2)).then(|| source.to_owned())
}

/// What is not in our layout, at any depth.
fn walked(root: &Path) -> Result<Walked, CaptureError> {
    walk(root, &|path| layout_source(root, path).is_some())
}

fn failed(file: &Path) -> impl Fn(io::Error) -> CaptureError + '_ {
    move |source| CaptureError::Evidence { file: file.to_owned(), verb: "read", source }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::*;
    use crate::capture::evidence::Store;
    use crate::digest::Digest;

    const URL: &str = "http://example.org/vp.pb";

    fn record(fields: &str, block: &str) -> String {
        format!("{fields}Content-Length: {}\r\n\r\n{block}\r\n\r\n", block.len())
    }

    fn response(fields: &str, second: u32, block: &str) -> String {
        let head = format!(
            "WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: <{URL}>\r\nWARC-Date: 2026-11-24T10:00:{second:02}Z\r\n\
             Content-Type: application/http;msgtype=response\r\n{fields}"
        );
        record(&head, block)
    }

    fn gzip(text: &str) -> Vec<u8> {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        out.write_all(text.as_bytes()).unwrap();
        out.finish().unwrap()
    }

    fn folder(root: &Path, url: Option<&str>, is_alone: bool) -> Folder {
        Folder { path: root.to_owned(), url: url.map(str::to_owned), is_alone }
    }

    /// The bodies of all captures of the source `bus`, and what is damaged.
    fn read(folder: &Folder) -> (Vec<String>, Vec<String>) {
        let store = Store::of_folder(folder);
        let listing =
            store.list("bus", "2026-11-24T00:00:00Z".parse().unwrap(), "2026-11-25T00:00:00Z".parse().unwrap());
        let listing = listing.unwrap();
        let captures = crate::capture::evidence::read(listing.entries).collect::<Result<Vec<_>, _>>().unwrap();
        assert!(captures.iter().all(|capture| capture.digest == Digest::of(&capture.body)));
        let bodies = captures.iter().map(|capture| String::from_utf8_lossy(&capture.body).into_owned()).collect();
        (bodies, listing.damage.into_iter().map(|damage| damage.message).collect())
    }

    fn hello(head: &str) -> String {
        format!("{head}\r\nContent-Type: application/x-protobuf\r\n\r\nhello")
    }

    #[test]
    fn records_of_other_writers_are_read_whatever_their_digests_headers_and_packing() {
        let fine = [
            response("", 0, &hello("HTTP/1.1 200 OK")),
            response("WARC-Payload-Digest: sha1:VL2MMHO4YXUKFWV63YHTWSBM3GXKSQ2N\r\n", 1, &hello("HTTP/1.0 200 OK")),
            response("warc-payload-digest: SHA1:aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d\r\n", 2, &hello("HTTP/2 200")),
            response("WARC-Payload-Digest: md5:5d41402abc4b2a76b9719d911017c592\r\n", 3, &hello("HTTP/1.1 203 x")),
            response(
                "WARC-Payload-Digest: sha256:FTZE3OS7WCRQ4JXIHMVMLOPCTYNRMHS4D6TUEXTTAQZWFE4LTASA====\r\n",
                4,
                &hello("HTTP/1.1 200 OK"),
            ),
            response("WARC-Payload-Digest: blake3:00\r\nX: a\r\n folded\r\n", 5, &hello("HTTP/1.1 200 OK")),
            response(
                "",
                6,
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
            ),
            // The chunks were taken away, the header was not.
            response("", 7, "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\nhello"),
            response("", 8, &hello("HTTP/1.1 200 OK"))
                .replace("10:00:08Z", "10:00:08.123456Z")
                .replace("WARC/1.0", "WARC/1.1"),
        ];
        let aside = [
            record("WARC/1.0\r\nWARC-Type: warcinfo\r\nWARC-Date: 2026-11-24T10:00:00Z\r\n", "software: x"),
            response("", 9, &hello("HTTP/1.1 404 Not Found")),
            response("", 9, "").replace("response", "request"),
            response("", 9, "").replace("response", "revisit"),
            response("", 9, "a").replace(URL, "dns:example.org").replace("application/http", "text/dns"),
            response("", 9, &hello("HTTP/1.1 200 OK")).replace("/vp.pb", "/robots.txt"),
        ];
        let all: Vec<&String> = aside.iter().chain(&fine).chain(&aside).collect();
        let texts = || all.iter().map(|text| text.as_str());
        for bytes in [
            texts().flat_map(gzip).collect::<Vec<u8>>(),
            gzip(&texts().collect::<String>()),
            texts().collect::<String>().into_bytes(),
        ] {
            for name in ["bus/2026/11/24/bus-20261124T10.warc.gz", "bus/x.warc", "bus-00000.warc.gz", "crawl/dump.warc"]
            {
                let root = tempfile::tempdir().unwrap();
                let path = root.path().join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, &bytes).unwrap();
                let is_ours = name.contains("T10");
                let expected = fine.len() + if is_ours { 2 } else { 0 };
                let (bodies, damage) = read(&folder(root.path(), None, true));
                assert_eq!(bodies, vec!["hello"; expected], "{name}");
                assert_eq!(damage, Vec::<String>::new());
            }
        }
    }

    #[test]
    fn a_digest_that_is_not_that_of_the_payload_is_damage() {
        let root = tempfile::tempdir().unwrap();
        let wrong = response(
            "WARC-Payload-Digest: sha1:VL2MMHO4YXUKFWV63YHTWSBM3GXKSQ2N\r\n",
            0,
            "HTTP/1.1 200 OK\r\n\r\nhallo",
        );
        fs::write(root.path().join("bus.warc"), wrong + &response("", 1, &hello("HTTP/1.1 200 OK"))).unwrap();
        let (bodies, damage) = read(&folder(root.path(), None, true));
        assert_eq!(bodies, ["hello"]);
        assert!(damage.len() == 1 && damage[0].contains("its digest differs"), "{damage:?}");
    }

    #[test]
    fn captures_that_nobody_names_count_by_their_address_or_are_told() {
        let root = tempfile::tempdir().unwrap();
        let other =
            response("", 1, &hello("HTTP/1.1 200 OK").replace("hello", "other")).replace("/vp.pb", "/tu.pb?key=geheim");
        let texts = [response("", 0, &hello("HTTP/1.1 200 OK")), other, response("", 2, &hello("HTTP/1.1 500 no"))];
        fs::write(root.path().join("dump.warc"), texts.concat()).unwrap();
        let by = |url: Option<&str>, is_alone| folder(root.path(), url, is_alone);
        let explained = |folder: &Folder| Store::of_folder(folder).explain("bus").unwrap();
        assert_eq!(read(&by(Some(URL), false)).0, ["hello"]);
        assert_eq!(read(&by(Some("http://*/tu.pb*"), false)).0, ["other"]);
        assert_eq!(explained(&by(Some(URL), false)), None);
        for folder in [by(None, true), by(None, false), by(Some("http://example.org/x"), true)] {
            assert!(read(&folder).0.is_empty());
            let told = explained(&folder).unwrap();
            assert!(told.contains("dump.warc") && told.contains("1 of http://example.org/tu.pb"), "{told}");
            assert!(told.contains("its status is 500") && told.contains("url") && !told.contains("geheim"), "{told}");
        }
        fs::remove_file(root.path().join("dump.warc")).unwrap();
        assert!(explained(&by(None, true)).unwrap().contains("There is nothing in"));
        fs::write(root.path().join("20261124T100000Z.pb"), "x").unwrap();
        assert!(explained(&by(None, true)).unwrap().contains("no archive whose name ends in '.warc'"));
    }

    #[test]
    fn an_open_end_of_somebody_elses_archive_is_no_damage() {
        let root = tempfile::tempdir().unwrap();
        let bytes: Vec<u8> = (0..3).flat_map(|second| gzip(&response("", second, &hello("HTTP/1.1 200 OK")))).collect();
        fs::write(root.path().join("bus.warc.gz"), &bytes[..bytes.len() - 9]).unwrap();
        let store = Store::of_folder(&folder(root.path(), None, true));
        let newest = store.latest("bus", Timestamp::MAX).unwrap().unwrap();
        assert_eq!(newest.captured_at, "2026-11-24T10:00:01Z".parse().unwrap());
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }
}
