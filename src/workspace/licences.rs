//! Whether the licences of sources allow the licence of the release.
//!
//! What is published under a wrong licence cannot be taken back: others have copied it and rely on it. So a conflict is a mistake of
//! the workspace, with which no run begins; collecting goes on, for what was not collected is lost. What cannot be told is a note.

use std::path::Path;

use crate::licences::{self, Licence, Terms};
use crate::pipeline::{Feed, Named, Pipeline, SourceTerms};
use crate::portal::{Rights, Site, SourceLicence};
use crate::yaml::{Node, Problem, Problems};

/// Sources whose licences do not allow that of the release. `url_line` is that of `licence_url` in the configuration, if it is there.
pub(super) fn conflicts(release: &Site, file: &Path, url_line: Option<u32>, pipelines: &[Pipeline]) -> Vec<Problem> {
    let mut found = Vec::new();
    let file = file.file_name().unwrap_or_default().to_string_lossy();
    for pipeline in pipelines {
        let mut problems = Problems::new(&pipeline.file);
        for feed in &pipeline.feeds {
            let Some(Named::Known(source)) = &feed.terms.licence else { continue };
            if let Some((why, remedy)) = conflict(source, &release.licence, (&file, url_line)) {
                let message = format!(
                    "the source '{}' is under {} and the release under {} ({file}:{}): {why}",
                    feed.name, source.id, release.licence, release.licence_line
                );
                problems.add(feed.terms.line, message, remedy);
            }
        }
        found.append(&mut problems.found);
    }
    found
}

/// Why a release may not have its licence, and what to do about it.
fn conflict(source: &Licence, release: &str, (file, url_line): (&str, Option<u32>)) -> Option<(&'static str, String)> {
    let allowed = match licences::of_release(release) {
        Some(known) => source.allows(known),
        // Nobody knows what a licence of one's own demands; that it is one of these is known.
        None => !matches!(source.terms, Terms::OneOf(_)),
    };
    if allowed {
        return None;
    }
    let ask = "whoever has the rights whether they agree to the release under its licence, in writing, and write 'licence: agreement' \
               at the source";
    // Both say under which licence it is; who changes one has to change the other.
    let with_address = |id: &str| match (url_line, licences::find(id).and_then(|licence| licence.url)) {
        (Some(line), Some(address)) => format!(" and 'licence_url: {address}' ({file}:{line})"),
        _ => String::new(),
    };
    let its_address =
        url_line.map(|line| format!(" with its address as 'licence_url' ({file}:{line})")).unwrap_or_default();
    let remedy = match source.terms {
        Terms::OneOf([]) => format!("Ask {ask}, or take the source out."),
        Terms::OneOf([only]) => {
            format!("Write 'licence: {only}' in {file}{}, or ask {ask}.", with_address(only))
        }
        Terms::OneOf(several) => {
            format!(
                "Write 'licence: {}' in {file}{} (also allowed: {}), or ask {ask}.",
                several[0],
                with_address(several[0]),
                several[1..].join(", ")
            )
        }
        Terms::Free | Terms::Attribution => format!(
            "Write a licence in {file} that demands it, too, as 'licence: CC-BY-4.0' or 'licence: DL-DE-BY-2.0'{its_address}, or ask {ask}."
        ),
    };
    Some((source.basis, remedy))
}

/// What cannot be told of the licences of sources and of the release. `file` is the configuration.
pub(crate) fn unclear_licences(site: &Site, file: &Path, pipelines: &[Pipeline]) -> Vec<Problem> {
    let mut found = Vec::new();
    let release = &site.licence;
    let mut problems = Problems::new(file);
    if licences::of_release(release).is_none() {
        let message =
            format!("the licence '{release}' is not known, so whether the licences of sources allow it cannot be told");
        problems.add(site.licence_line, message, licences::suggested_of_release(release));
    }
    found.append(&mut problems.found);
    for pipeline in pipelines {
        let mut problems = Problems::new(&pipeline.file);
        let unsaid: Vec<&Feed> = pipeline.feeds.iter().filter(|feed| feed.terms.licence.is_none()).collect();
        if let Some(first) = unsaid.first() {
            let names: Vec<&str> = unsaid.iter().map(|feed| feed.name.as_str()).collect();
            let message = format!("it is not said under which licence data of {} may be used", names.join(", "));
            let remedy = "Write 'licence: ...' at the source, 'licence: own' where the data are the publisher's.";
            problems.add(first.terms.line, message, remedy);
        }
        for feed in &pipeline.feeds {
            let Some(Named::Other(licence)) = &feed.terms.licence else { continue };
            let message = format!(
                "whether the licence '{licence}' of the source '{}' allows a release under {release} cannot be told",
                feed.name
            );
            let remedy = "Read its text; where whoever has the rights agreed, write 'licence: agreement'.";
            problems.add(feed.terms.line, message, remedy);
        }
        found.append(&mut problems.found);
    }
    found
}

/// What is said of the rights of the sources of a dataset: those of its pipeline, and of the timetable where tables are made of it.
/// A source of which nothing is said is not told.
pub(super) fn sources_of(pipelines: &[Pipeline], pipeline: &Pipeline) -> Vec<SourceLicence> {
    let timetable = pipeline.timetable.as_ref().filter(|_| pipeline.derived_from_timetable().next().is_some());
    let timetable = timetable.and_then(|(name, _)| pipelines.iter().find(|other| other.name == *name));
    let mut sources: Vec<SourceLicence> = Vec::new();
    let asked = [pipeline].into_iter().chain(timetable);
    for (of, feed) in asked.flat_map(|of| of.feeds.iter().map(move |feed| (of, feed))) {
        sources.extend(source(&of.dataset, &feed.name, &feed.terms));
    }
    sources
}

/// The same by the published file of a pipeline that is gone, and of the timetable that it names, as far as that is still there.
pub(super) fn sources_of_file(pipelines: &[Pipeline], dataset: &str, file: &Node) -> Vec<SourceLicence> {
    // What is wrong with it was told when it was read.
    let mut problems = Problems::new(Path::new("pipeline"));
    let items = file.get("sources").map_or(&[][..], Node::items);
    let named = items.iter().filter_map(|item| Some((item.get("name")?.text()?, item)));
    let own = named.filter_map(|(name, item)| source(dataset, name, &SourceTerms::read(item, &mut problems)));
    let mut sources: Vec<SourceLicence> = own.collect();
    let is_derived = file.get("release").and_then(|release| release.get("derived")).is_some();
    let timetable = file.get("timetable").and_then(Node::text).filter(|_| is_derived);
    let others = pipelines.iter().filter(|other| Some(other.name.as_str()) == timetable);
    sources
        .extend(others.flat_map(|of| of.feeds.iter().filter_map(|feed| source(&of.dataset, &feed.name, &feed.terms))));
    sources
}

/// None of a source of which nothing is said.
fn source(dataset: &str, name: &str, terms: &SourceTerms) -> Option<SourceLicence> {
    let rights = match &terms.licence {
        None => Rights::Unsaid,
        Some(Named::Known(known)) if known.id == licences::OWN => Rights::Own,
        Some(Named::Known(known)) if known.id == licences::AGREEMENT => Rights::Agreement,
        Some(Named::Known(known)) => {
            Rights::Licence { id: known.id.to_owned(), address: known.address().or_else(|| terms.licence_url.clone()) }
        }
        Some(Named::Other(id)) => Rights::Licence { id: id.clone(), address: terms.licence_url.clone() },
    };
    let is_said = rights != Rights::Unsaid || terms.attribution.is_some() || terms.homepage.is_some();
    is_said.then(|| SourceLicence {
        dataset: dataset.to_owned(),
        name: name.to_owned(),
        rights,
        attribution: terms.attribution.clone(),
        homepage: terms.homepage.clone(),
    })
}
