//! `fahrtenbuch check`

mod bucket;
mod published;
mod signing;
mod wanted;

use std::path::Path;

use self::bucket::Indexes;
use self::published::Compared;
use self::wanted::{For, Wanted};
use crate::cli::exit::Exit;
use crate::cli::init::PUBLISHER;
use crate::cli::opened::{renamed, stale_catalogue, tell};
use crate::cli::terminal::count;
use crate::contract::library::Survey;
use crate::contract::test_cases;
use crate::pipeline::FeedOrigin;
use crate::publish::bucket::local_folder;
use crate::publish::iceberg::Stale;
use crate::time::{self, ServiceDate};
use crate::workspace::stores::without_keys;
use crate::workspace::{
    FILE, Workspace, contract_folders, examples, literal_secrets, portal, unclear_licences, undone_pseudonyms,
};
use crate::yaml::Problem;

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fahrtenbuch check
  fahrtenbuch -C /srv/offenburg check --json
  fahrtenbuch check --for govdata  4 if GovData demands what the configuration does not say: docs/catalogues.md
  fahrtenbuch check --for govdata,mobilithek,mobidata-bw,hvd
  fahrtenbuch check --bucket       0 if all works, 4 if readers lack something or a file is gone that an index names, 2 if nothing
                                   can be published or read, 1 if the bucket is gone, 42 if an index in it is damaged

The columns of contracts are compared with those that are published; of a bucket that is no folder only with --bucket, and by every
run. What a contract must say of a column that has another name or type, or is gone: schemas/README.md, 'Contracts over the years'.

A contract that is written for other programs, that no pipeline uses and none could, is told in a note; it is no mistake. Nor is what
is published beside the pseudonyms that a pipeline chose and undoes them, of which a warning tells: docs/privacy.md.

What German law demands of pages on the web and 'portal:' does not say is a mistake once 'portal:' or 'bucket: base_url' is there; data
are published all the same: docs/portal.md.")]
pub(super) struct Arguments {
    /// Write the mistakes as JSON to standard output; under 'unfit' what keeps contracts of others from being used, under
    /// 'published' what contracts change of what is published, under 'without_keys' the S3 stores that cannot be used from here, under 'licences' what cannot be told of the licences of sources and of the release, under 'signing' the name of the log if it is signed, under 'undone_pseudonyms' what is published that undoes the chosen pseudonyms, under 'catalogue' why the catalogue for SQL engines has to be
    /// written anew, if it has; with --bucket, under 'missing' what indexes name and is not there, with the remedy; with --for, under
    /// 'wanted' what the portal demands; under 'paste' blocks of all that is missing, under 'examples' what still stands as in an example
    #[arg(long)]
    json: bool,
    /// Try what the bucket can do, too: writes two small objects below ledger/probe/, reads them as the publisher and as anybody, and
    /// removes them
    #[arg(long)]
    bucket: bool,
    /// Tell what a portal demands of the catalogue, or an audit of the workspace, and the configuration does not say, each with its line and what to write there, and all
    /// of it in blocks to paste; several with commas between them
    #[arg(long = "for", value_name = "PORTAL", value_delimiter = ',')]
    portals: Vec<For>,
}

pub(super) fn run(root: &Path, arguments: &Arguments) -> Exit {
    let read = Workspace::read(root);
    let mut problems = read.as_ref().err().cloned().unwrap_or_default();
    let (in_tests, mut unfit) = folders(root);
    problems.extend(in_tests);
    let lacks = read.as_ref().map(|of| portal::lacks(&of.root, &of.site, false)).unwrap_or_default();
    problems.extend(lacks.iter().map(|lack| lack.problem.clone()));
    problems.extend(read.iter().flat_map(not_for_the_web));
    let signing = read.as_ref().ok().map(signing::look);
    problems.extend(signing.iter().filter_map(|signing| signing.mistake.clone()));
    problems.sort();
    // Where a pipeline uses the contract, it was told as a mistake.
    unfit.retain(|problem| !problems.contains(problem));
    let compared = read.as_ref().ok().map(|workspace| self::published::compare(workspace, arguments.bucket));
    if let Some(Compared::Done(changes)) = &compared {
        problems.extend(changes.refused.iter().cloned());
    }
    let (findings, exit) = match arguments.bucket {
        true => self::bucket::check(root).map_or_else(|exit| (None, exit), |(findings, exit)| (Some(findings), exit)),
        false => (None, Exit::Done),
    };
    let Indexes { damaged, missing } = match &read {
        Ok(workspace) if arguments.bucket => Indexes::read(workspace),
        _ => Indexes::default(),
    };
    let exit = if damaged.is_empty() { exit } else { exit.max(Exit::Permanent) };
    let exit = if missing.is_empty() { exit } else { exit.max(Exit::Found) };
    let catalogue = read.as_ref().ok().and_then(|workspace| catalogue(workspace, arguments.bucket));
    let undone = read.as_ref().map(|workspace| undone_pseudonyms(&workspace.pipelines)).unwrap_or_default();
    let secrets = read.as_ref().map(|workspace| literal_secrets(&workspace.pipelines)).unwrap_or_default();
    let licences = read.as_ref().map(unclear).unwrap_or_default();
    let wanted = read.as_ref().map(|workspace| Wanted::of(workspace, &arguments.portals)).unwrap_or_default();
    let pasted =
        read.as_ref().map(|of| self::wanted::pasted(of, lacks.iter().chain(wanted.lacks()))).unwrap_or_default();
    let examples_left = read.as_ref().map(examples_left).unwrap_or_default();
    if arguments.json {
        let without_keys: Vec<Problem> = read.iter().flat_map(without_keys).collect();
        let mut json = serde_json::json!({ "mistakes": problems, "unfit": unfit, "without_keys": without_keys });
        json["published"] = compared.as_ref().map(Compared::json).into();
        json["signing"] = signing.as_ref().and_then(|signing| signing.origin.clone()).into();
        json["licences"] = serde_json::json!(licences);
        json["undone_pseudonyms"] = serde_json::json!(undone);
        json["literal_secrets"] = serde_json::json!(secrets);
        json["catalogue"] = catalogue.as_ref().map(|stale| stale.to_string()).into();
        json["wanted"] = (!arguments.portals.is_empty()).then(|| serde_json::json!(wanted.problems())).into();
        json["paste"] = serde_json::json!(pasted);
        json["examples"] = serde_json::json!(examples_left);
        if let Some(findings) = &findings {
            json["bucket"] = findings.iter().map(self::bucket::json).collect();
            json["damaged"] = damaged.iter().map(ToString::to_string).collect();
            json["missing"] = missing.clone().into();
        }
        println!("{json}");
    } else if let (Ok(workspace), true) = (&read, problems.is_empty()) {
        let contracts: usize = workspace.pipelines.iter().map(|pipeline| pipeline.contracts.contracts.len()).sum();
        let pipelines = count(workspace.pipelines.len() as u64, "pipeline", "pipelines");
        println!("{pipelines} and the {} of the feeds: no mistakes", count(contracts as u64, "contract", "contracts"));
    } else {
        tell(&problems);
    }
    if !arguments.json {
        undone.iter().chain(&secrets).for_each(|problem| println!("warning: {problem}"));
        licences.iter().for_each(|problem| println!("note: {problem}"));
        // Only who sends messages needs them.
        let without_keys = read.iter().flat_map(without_keys);
        without_keys.for_each(|problem| println!("note: a store cannot be used from here: {problem}"));
        let unset_channels = read.iter().flat_map(|workspace| workspace.notify.unset());
        unset_channels.for_each(|problem| println!("note: a channel of 'notify' cannot be used from here: {problem}"));
        read.iter().flat_map(unset).for_each(|note| println!("note: {note}"));
        examples_left.iter().for_each(|note| println!("note: {note}"));
        if read.as_ref().is_ok_and(|workspace| workspace.site.base_url.is_none()) {
            println!(
                "note: without 'bucket: base_url', the bucket's address on the web, SQL engines find no catalogue in the bucket"
            );
        }
        read.iter().filter_map(|of| portal::before_the_web(&of.site)).for_each(|note| println!("note: {note}"));
        signing.iter().filter_map(|of| of.note.as_ref()).for_each(|note| println!("note: {note}"));
        catalogue.iter().for_each(|stale| println!("note: {stale}"));
        compared.iter().for_each(Compared::show);
        // Over the network only where that is asked for.
        let may_look = |workspace: &&Workspace| arguments.bucket || !workspace.bucket.starts_with("s3://");
        let renamed = read.as_ref().ok().filter(may_look).and_then(renamed);
        renamed.iter().for_each(|note| println!("note: {note}"));
        unfit.chunk_by(|one, other| one.file == other.file).for_each(tell_of_unfit);
        wanted.show();
        self::wanted::show_pasted(&pasted);
        findings.iter().flatten().for_each(self::bucket::show);
        missing.iter().for_each(|missing| eprintln!("warning: {}.", missing.trim_end_matches('.')));
        damaged.iter().for_each(|error| eprintln!("error: {}.", error.to_string().trim_end_matches('.')));
    }
    let exit = exit.max(wanted.exit());
    exit.max(if problems.is_empty() { Exit::Done } else { Exit::Usage })
}

/// What is wrong with the catalogue in the bucket for the configured address. A bucket that is no folder is asked only where its
/// answers are asked for; one that cannot be read is told elsewhere.
fn catalogue(workspace: &Workspace, is_asked: bool) -> Option<Stale> {
    let is_folder = local_folder(&workspace.bucket).is_ok_and(|folder| folder.is_some());
    if !is_asked && !is_folder {
        return None;
    }
    stale_catalogue(workspace)
}

/// What is there and may not be so on the web.
fn not_for_the_web(workspace: &Workspace) -> Vec<Problem> {
    let today = ServiceDate::local_date_of(time::now(), &workspace.zone);
    portal::unfit(&workspace.root, &workspace.site, today)
}

/// What still stands as in an example, and what no list knows.
fn examples_left(workspace: &Workspace) -> Vec<Problem> {
    let mut notes = examples::examples(&workspace.root, &workspace.site);
    notes.extend(examples::unlisted_contributor(&workspace.root, &workspace.site));
    notes
}

/// What cannot be told of licences.
fn unclear(workspace: &Workspace) -> Vec<Problem> {
    unclear_licences(&workspace.site, &workspace.root.join(FILE), &workspace.pipelines)
}

/// Mistakes in the tests of rules, and rules that lack one; and what keeps contracts that are not written for this program from
/// being used by it.
fn folders(root: &Path) -> (Vec<Problem>, Vec<Problem>) {
    let (mut found, mut unfit) = (Vec::new(), Vec::new());
    for folder in contract_folders(root) {
        // What keeps a folder from being read was told already.
        let Ok(survey) = Survey::read(&folder) else { continue };
        let (tests, mut problems) = test_cases::read_all(&folder, &survey.library);
        found.extend(test_cases::untested(&folder, &survey.library, &tests, &problems));
        found.append(&mut problems);
        unfit.extend(survey.unfit);
    }
    unfit.sort();
    unfit.dedup();
    (found, unfit)
}

/// What is still as 'init' made it: the publisher, and addresses that nobody has (RFC 2606).
fn unset(workspace: &Workspace) -> Vec<String> {
    let mut notes = Vec::new();
    if workspace.site.publisher == PUBLISHER {
        notes.push(format!("'publisher: {PUBLISHER}' in fahrtenbuch.yaml is that of the example: write who publishes"));
    }
    for pipeline in &workspace.pipelines {
        let sources = pipeline.feeds.iter().filter(|feed| match &feed.from {
            FeedOrigin::Source(source) => is_example(&source.shown()),
            FeedOrigin::Evidence(_) | FeedOrigin::Unknown => false,
        });
        let names: Vec<&str> = sources.map(|feed| feed.name.as_str()).collect();
        if !names.is_empty() {
            let file = pipeline.file.strip_prefix(&workspace.root).unwrap_or(&pipeline.file).display();
            notes.push(format!(
                "{file}: the address of {} is that of the example: write that of your feed",
                names.join(", ")
            ));
        }
    }
    notes
}

/// Whether an address is one of those that are kept free for examples (RFC 2606), or the one of 'init'.
fn is_example(address: &str) -> bool {
    let host = address.split_once("://").map_or(address, |(_, rest)| rest);
    let host = host.split(['/', ':', '?']).next().unwrap_or_default();
    ["example.de", "example.com", "example.org", "example.net", "example"]
        .iter()
        .any(|name| host == *name || host.strip_suffix(name).is_some_and(|before| before.ends_with('.')))
}

/// Tells of one file that no pipeline uses, and could not as it stands. It is no mistake.
fn tell_of_unfit(problems: &[Problem]) {
    let [first, rest @ ..] = problems else { return };
    let others = match rest.len() {
        0 => String::new(),
        1 => " There is one more in --json.".to_owned(),
        many => format!(" There are {many} more in --json."),
    };
    println!("note: no pipeline uses this contract, and none could: {first}{others}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_an_example_is_known_by_its_host() {
        for (address, expected) in [
            ("https://example.de/gtfs.zip", true),
            ("mqtts://broker.example.com:8883", true),
            ("https://x.example/a", true),
            ("https://beispiel.de/example.de", false),
            ("https://notexample.de/a", false),
            ("data/gtfs.zip", false),
        ] {
            assert_eq!(is_example(address), expected, "{address}");
        }
    }
}
