//! Looks at captures whose collector told their time and address: described files, tar archives, parsed rows.

use std::path::Path;

use super::files::{Found, encoded_address, feed_time, with_folder};
use super::packed::{self, Form};
use super::piece::Piece;
use super::planned::{Item, Origin, Plan, Request};
use super::rows::REBUILT;
use crate::capture::evidence;
use crate::capture::file_names;
use crate::capture::payload::{Payload, identify};
use crate::capture::{Capture, CaptureError};

/// How far a feed's own time may be from the one that its file tells, in seconds.
pub(super) const APART: i64 = 900;

/// Looks at a file of many captures.
pub(super) fn look_at_packed(
    request: &Request<'_>,
    file: &Found,
    form: Form,
    plan: &mut Plan,
) -> Result<(), CaptureError> {
    let mut place = 0;
    packed::read(form, &request.folder.join(&file.relative), &mut |piece| {
        match piece {
            Piece::Capture(capture) => {
                let origin = Origin::Packed(file.relative.clone(), form, place);
                place += 1;
                plan_capture(request, &file.shown, &capture, origin, plan);
            }
            Piece::PassedOver(what, count) => plan.pass_over_many(what, count),
            Piece::Problem(problem) => plan.problem(&file.shown, &problem),
        }
        Ok(())
    })
}

/// Plans a capture whose time and address are known.
pub(super) fn plan_capture(request: &Request<'_>, shown: &str, capture: &Capture, from: Origin, plan: &mut Plan) {
    let address = evidence::shown(&capture.url);
    let is_address = !address.starts_with("file:");
    if request.url.is_some_and(|pattern| !evidence::matches(pattern, &capture.url)) {
        plan.pass_over("captures of other addresses");
        return;
    }
    if capture.captured_at >= request.until {
        plan.problem(shown, &format!("its time is in the future: {}", capture.captured_at));
        return;
    }
    let payload = identify(capture).payload;
    if payload == Payload::Gtfs && request.wanted.is_telemetry() {
        plan.pass_over("timetables, which are of another pipeline");
        return;
    }
    let path = readable(&with_folder(request.folder, shown));
    let by_path = || file_names::source(&path, &request.sources);
    let by_address = || file_names::source(Path::new(&address).to_string_lossy().as_ref(), &request.sources);
    let Some(source) = request.source.or_else(by_path).or_else(by_address) else {
        let of = if is_address { format!(", and neither does its address {address}") } else { String::new() };
        plan.problem(shown, &format!("its name does not tell which source it is of{of}"));
        return;
    };
    if request.source.is_none() && request.sources.len() == 1 {
        plan.by_being_alone += 1;
    }
    if is_address && request.url.is_none() {
        plan.addresses.entry(source).or_default().insert(address);
    }
    stamp(payload, capture, plan);
    plan.rebuilt += u64::from(capture.headers.iter().any(|(name, _)| name == REBUILT));
    plan.items.push(Item { source, at: capture.captured_at, digest: capture.digest, from });
}

/// Counts a message that tells its own time, and whether that is far from the one of its file.
pub(super) fn stamp(payload: Payload, capture: &Capture, plan: &mut Plan) {
    let Some(time) = (payload == Payload::GtfsRealtime).then(|| feed_time(&capture.body)).flatten() else { return };
    plan.stamped += 1;
    let apart = time - capture.captured_at.as_second();
    if apart.abs() > APART {
        plan.apart += 1;
        plan.first_apart.get_or_insert(apart);
    }
}

/// A path with the address in it that collectors write in base64.
pub(super) fn readable(path: &str) -> String {
    let Some(address) = encoded_address(path) else { return path.to_owned() };
    let is_coded = |part: &&str| part.starts_with("base64url=") || part.starts_with("base64_url=");
    // The names of files may have it once more.
    let coded: Vec<&str> =
        path.split('/').filter(is_coded).filter_map(|part| part.split_once('=')).map(|(_, it)| it).collect();
    let kept = path.split('/').filter(|part| !is_coded(part));
    let mut parts: Vec<String> =
        kept.map(|part| coded.iter().fold(part.to_owned(), |part, code| part.replace(code, ""))).collect();
    let name = parts.pop().unwrap_or_default();
    parts.push(address.split(['?', '#']).next().unwrap_or_default().replace([':', '/'], " "));
    parts.push(name);
    parts.join("/")
}

/// Refuses captures of several addresses for one source: which of them is meant, nobody told.
pub(super) fn check_addresses(request: &Request<'_>, plan: &mut Plan) {
    let several: Vec<_> = std::mem::take(&mut plan.addresses).into_iter().filter(|(_, all)| all.len() > 1).collect();
    for (source, addresses) in several {
        let list = addresses.iter().take(4).cloned().collect::<Vec<_>>().join(", ");
        let more = if addresses.len() > 4 { ", …" } else { "" };
        let reason = format!(
            "captures of {} addresses are of this source ({list}{more}); say with --url which ones are meant, with --url '*' that all \
             are",
            addresses.len()
        );
        plan.problem(request.sources[source], &reason);
    }
}
