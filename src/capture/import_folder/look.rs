//! Looks at everything in a folder: what each file is, of which source and of which time.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::files::{Found, begins_as_archive, read, read_described, sidecar, walk, with_folder};
use super::look_packed::{check_addresses, look_at_packed, plan_capture, readable, stamp};
use super::merge;
use super::packed;
use super::planned::{Item, Origin, Plan, Request, Times};
use super::sidecar::{Sidecar, is_answer};
use crate::capture::evidence::{self, Entry};
use crate::capture::file_names::{self, NamedTime};
use crate::capture::payload::{Payload, Wanted, identify};
use crate::capture::{Capture, CaptureError, warc};

/// Looks at everything in a folder.
pub fn plan(request: &Request<'_>) -> Result<Plan, CaptureError> {
    let mut plan = Plan::default();
    let mut files = Vec::new();
    walk(request.folder, Path::new(""), 0, &mut files, &mut plan)?;
    let binary: HashSet<String> = {
        let names = files.iter().map(|file| file.shown.as_str());
        let binary = names.filter(|name| file_names::ending(name).is_none_or(|ending| ending != "json"));
        binary.map(|name| file_names::stem(name).to_owned()).collect()
    };
    let names: HashSet<&str> = files.iter().map(|file| file.shown.as_str()).collect();
    for file in &files {
        look_at(request, file, &binary, &mut plan)?;
        if file.shown.ends_with(".meta") && !describes(&file.shown, &names) {
            look_at_lone(request, file, &mut plan);
        }
    }
    check_addresses(request, &mut plan);
    plan.items.sort_by_key(|item| item.at);
    plan.hours.sort_by_key(|hour| (hour.source, hour.begin));
    Ok(plan)
}

/// Whether a `.meta` is beside the file that it describes.
fn describes(meta: &str, names: &HashSet<&str>) -> bool {
    let stem = meta.strip_suffix(".meta").unwrap_or(meta);
    let is_there = |ending: &str| names.contains(format!("{stem}{ending}").as_str());
    ["", ".pb", ".pbf", ".bin", ".proto"].into_iter().any(is_there)
}

/// A description without its body: of an answer that had none, or of one that was lost.
fn look_at_lone(request: &Request<'_>, file: &Found, plan: &mut Plan) {
    match sidecar(request.folder, &file.relative.with_extension("pb")) {
        Ok(Some(sidecar)) if !is_answer(sidecar.status) => {
            plan.pass_over(format!("answers with status {}", sidecar.status));
        }
        Ok(Some(_)) => plan.pass_over("descriptions without their body"),
        Ok(None) => plan.pass_over("*.meta"),
        Err(_) => plan.pass_over("*.meta that cannot be read"),
    }
}

fn look_at(request: &Request<'_>, file: &Found, binary: &HashSet<String>, plan: &mut Plan) -> Result<(), CaptureError> {
    let ending = file_names::ending(&file.shown);
    let full = request.folder.join(&file.relative);
    if merge::look_at(request, file, &full, plan)? {
        return Ok(());
    }
    if file.shown.ends_with(".warc.zst") && !evidence::is_archive(&full) {
        plan.problem(
            &file.shown,
            "it is a sealed archive, which cannot be read; import the '.warc.gz' that was sealed",
        );
        return Ok(());
    }
    let is_named = matches!(&request.times, Times::Names(None));
    if let Some(form) = packed::form(&full).filter(|_| is_named) {
        return look_at_packed(request, file, form, plan);
    }
    let is_csv = request.wanted == Wanted::Csv && ending.as_deref() == Some("csv");
    let is_known = is_csv || ending.as_deref().is_some_and(file_names::is_capture_ending);
    if evidence::is_archive(&full) || (!is_known && begins_as_archive(&full)) {
        return look_at_archive(request, file, &full, plan);
    }
    if ending.as_deref() == Some("meta") {
        return Ok(());
    }
    if !is_known && ending.is_some() {
        plan.pass_over(format!("*.{}", ending.unwrap_or_default().escape_debug()));
        return Ok(());
    }
    let is_json = ending.as_deref() == Some("json");
    if is_json && request.wanted != Wanted::Json && binary.contains(file_names::stem(&file.shown)) {
        plan.pass_over("JSON beside a file of the same name");
        return Ok(());
    }
    if file.length > warc::BLOCK_BYTES / 2 {
        plan.problem(&file.shown, &format!("it has {} bytes, more than evidence keeps of one capture", file.length));
        return Ok(());
    }
    // Who names a pattern, or the times of the file system, wants those.
    match sidecar(request.folder, &file.relative) {
        Ok(Some(sidecar)) if is_named => {
            look_at_described(request, file, sidecar, plan);
            return Ok(());
        }
        Err(problem) if is_named => {
            plan.problem(&file.shown, &problem);
            return Ok(());
        }
        _ => {}
    }
    match read(request.folder, &file.relative, Timestamp::UNIX_EPOCH) {
        Ok(capture) => {
            let path = with_folder(request.folder, &file.shown);
            let named = named_time(request, file, &path);
            let payload = identify(&capture).payload;
            Looked { file, ending, path, named, capture, payload }.add_to(request, plan);
        }
        Err(error) => plan.problem(&file.shown, &format!("it cannot be read: {error}")),
    }
    Ok(())
}

fn look_at_described(request: &Request<'_>, file: &Found, sidecar: Sidecar, plan: &mut Plan) {
    if !is_answer(sidecar.status) {
        plan.pass_over(format!("answers with status {}", sidecar.status));
        return;
    }
    match read_described(request.folder, &file.relative, sidecar) {
        Ok(capture) => plan_capture(request, &file.shown, &capture, Origin::File(file.relative.clone(), true), plan),
        Err(error) => plan.problem(&file.shown, &error.to_string()),
    }
}

/// The time of a file, or why there is none.
fn named_time(request: &Request<'_>, file: &Found, path: &str) -> Result<NamedTime, &'static str> {
    match (&request.times, file.modified) {
        (Times::Files, Some(modified)) => Ok(NamedTime::Instant(modified)),
        (Times::Files, None) => Err("the file system has no time of it"),
        (Times::Names(Some(pattern)), _) => pattern.time(path).ok_or("its name does not fit the pattern"),
        (Times::Names(None), _) => file_names::time(path),
    }
}

/// A file that was read and may be a capture.
struct Looked<'a> {
    file: &'a Found,
    ending: Option<String>,
    /// With the name of the folder.
    path: String,
    named: Result<NamedTime, &'static str>,
    capture: Capture,
    payload: Payload,
}

impl Looked<'_> {
    /// What it is if it is no capture of this import, although nothing is wrong with it.
    fn passed_over(&self, request: &Request<'_>) -> Option<&'static str> {
        let is_json = self.ending.as_deref() == Some("json");
        if is_json && self.named.is_err() {
            return Some("JSON without a time");
        }
        // What is no feed is kept where its name says that it is a capture.
        let is_by_name = || request.sources.len() > 1 && file_names::source(&self.path, &request.sources).is_some();
        let is_told = || self.named.is_ok() && (request.source.is_some() || is_by_name());
        let is_feed = self.payload.is_feed() || request.wanted.is(self.payload);
        if self.ending.is_none() && !is_feed && !is_told() {
            return Some("no ending and no feed");
        }
        match request.wanted {
            Wanted::Timetable if self.payload == Payload::GtfsRealtime => {
                Some("realtime messages, which are of another pipeline")
            }
            wanted if wanted.is_telemetry() && self.payload == Payload::Gtfs => {
                Some("timetables, which are of another pipeline")
            }
            _ => None,
        }
    }

    fn add_to(self, request: &Request<'_>, plan: &mut Plan) {
        if let Some(what) = self.passed_over(request) {
            plan.pass_over(what);
            return;
        }
        let Self { file, path, named, capture, payload, .. } = self;
        if payload == Payload::Zip && request.wanted.is_telemetry() {
            plan.problem(&file.shown, "it is a zip archive; unpack it beside the other files first");
            return;
        }
        let at = named.and_then(|time| instant(request, time, plan));
        let at = match at {
            Ok(at) if at >= request.until => Err("its time is in the future"),
            other => other,
        };
        let source = source_of(request, &path, plan);
        let (at, source) = match (at, source) {
            (Ok(at), Some(source)) => (at, source),
            (Err(reason), _) => {
                plan.problem(&file.shown, reason);
                return;
            }
            (_, None) => {
                plan.problem(&file.shown, "its name does not tell which source it is of");
                return;
            }
        };
        let capture = Capture { captured_at: at, ..capture };
        stamp(payload, &capture, plan);
        plan.items.push(Item { source, at, digest: capture.digest, from: Origin::File(file.relative.clone(), false) });
    }
}

fn instant(request: &Request<'_>, named: NamedTime, plan: &mut Plan) -> Result<Timestamp, &'static str> {
    let local = match named {
        NamedTime::Instant(instant) => return Ok(instant),
        NamedTime::Local(local) => {
            plan.without_zone += 1;
            local
        }
        NamedTime::Day(_) if request.wanted.is_telemetry() => {
            return Err("its name tells a date and no time of day");
        }
        NamedTime::Day(date) => {
            plan.days_only += 1;
            date.at(0, 0, 0, 0)
        }
    };
    let zone = request.zone.clone().unwrap_or(TimeZone::UTC);
    let instant = zone.to_ambiguous_timestamp(local).unambiguous();
    instant.map_err(|_| "its time was twice or never on the clocks of the zone, which were changed in that night")
}

fn source_of(request: &Request<'_>, path: &str, plan: &mut Plan) -> Option<usize> {
    let found = request.source.or_else(|| file_names::source(&readable(path), &request.sources))?;
    if request.source.is_none() && request.sources.len() == 1 {
        plan.by_being_alone += 1;
    }
    Some(found)
}

fn look_at_archive(request: &Request<'_>, file: &Found, full: &Path, plan: &mut Plan) -> Result<(), CaptureError> {
    let listing = evidence::captures(full)?;
    for damage in listing.damage {
        plan.problem(&file.shown, &damage.message);
    }
    let is_wanted = |entry: &Entry| request.url.is_none_or(|pattern| evidence::matches(pattern, &entry.url));
    let entries: Vec<Entry> = listing.entries.into_iter().filter(is_wanted).collect();
    let addresses: BTreeSet<String> = entries.iter().map(|entry| evidence::shown(&entry.url)).collect();
    let list = || addresses.iter().take(4).cloned().collect::<Vec<_>>().join(", ");
    if entries.is_empty() {
        plan.pass_over("WARC archives without such captures");
        return Ok(());
    }
    if request.source.is_some() && request.url.is_none() && addresses.len() > 1 {
        let reason = format!("it has captures of several addresses ({}); say with --url which ones are meant", list());
        plan.problem(&file.shown, &reason);
        return Ok(());
    }
    // What archives of one address are of, their names may tell; else each address must.
    let mut of_address: BTreeMap<String, Option<usize>> = BTreeMap::new();
    for address in &addresses {
        let path = with_folder(request.folder, &file.shown);
        let by_url = file_names::source(address, &request.sources).filter(|_| request.sources.len() > 1);
        let by_name = || (addresses.len() == 1).then(|| source_of(request, &path, plan)).flatten();
        let source = request.source.or(by_url).or_else(by_name);
        if source.is_none() {
            let reason = format!("neither its name nor the address {address} tells which source it is of");
            plan.problem(&file.shown, &reason);
        }
        of_address.insert(address.clone(), source);
    }
    for entry in entries {
        let Some(source) = of_address.get(&evidence::shown(&entry.url)).copied().flatten() else { continue };
        if entry.captured_at >= request.until {
            plan.problem(&file.shown, &format!("a capture of {} is in the future", entry.captured_at));
            continue;
        }
        plan.items.push(Item { source, at: entry.captured_at, digest: entry.digest, from: Origin::Record(entry) });
    }
    Ok(())
}
