//! What a portal demands of a catalogue and the configuration does not say: `fahrtenbuch check --for`.
//!
//! Each lack is told at the line where it is to be written, with a line to write. What is told here is what the portals refuse a
//! dataset for, or what the law asks of a city that declares one to be of high value; what they recommend is in docs/catalogues.md.

use crate::licences;
use crate::portal::metadata::DatasetMetadata;
use crate::publication::DATASET;
use crate::workspace::{FILE, Workspace, described};
use crate::yaml::{self, Node, Problem, Problems};

/// Who is to harvest the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Portal {
    /// By DCAT-AP.de 3.0 and its conventions.
    GovData,
    /// By mobilityDCAT-AP 1.1.
    Mobilithek,
    /// By DCAT-AP.de.
    MobiDataBw,
    /// The law on high-value datasets, by DCAT-AP HVD 3.0.
    HighValue,
}

impl Portal {
    /// As people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::GovData => "GovData",
            Self::Mobilithek => "Mobilithek",
            Self::MobiDataBw => "MobiData BW",
            Self::HighValue => "(EU) 2023/138",
        }
    }

    fn follows_german_conventions(self) -> bool {
        matches!(self, Self::GovData | Self::MobiDataBw)
    }
}

/// What a portal demands of a workspace and its configuration does not say.
pub fn wanted(workspace: &Workspace, portal: Portal) -> Vec<Problem> {
    let file = workspace.root.join(FILE);
    let node = match yaml::read(&file) {
        Ok(node) => node,
        Err(problems) => return problems,
    };
    let mut wants = Wants { node: &node, portal, problems: Problems::new(&file) };
    wants.of_the_city(workspace);
    let datasets = workspace.pipelines.iter().map(|pipeline| pipeline.dataset.as_str());
    for dataset in datasets.chain(workspace.publication.then_some(DATASET)) {
        wants.of_a_dataset(workspace, dataset);
    }
    wants.problems.found
}

/// Where something is to be written below the keys of `path`, at the last of them that is there; and what, with the keys that are not.
pub(super) fn place_of(node: &Node, path: &[&str], example: &str) -> (u32, String) {
    let (mut place, mut line, mut there) = (node, node.line, 0);
    for key in path {
        let Some((key, below)) = place.pairs().iter().find(|(name, _)| name.scalar().as_deref() == Some(*key)) else {
            break;
        };
        (place, line, there) = (below, key.line, there + 1);
    }
    let nested = |text: String, key: &&str| format!("{key}: {{{text}}}");
    let text = path[there..].iter().rev().fold(example.to_owned(), nested);
    let below = path[..there].last().map(|key| format!(" below '{key}:'")).unwrap_or_default();
    (line, format!("Write '{text}'{below}."))
}

struct Wants<'a> {
    node: &'a Node,
    portal: Portal,
    problems: Problems,
}

impl Wants<'_> {
    /// Tells what is missing below the keys of `path`, at the last of them that is there, with what to write below that.
    fn lack(&mut self, path: &[&str], what: &str, example: &str) {
        let (line, remedy) = place_of(self.node, path, example);
        let message = format!("{} demands more: {what}", self.portal.name());
        self.problems.add(line, message, remedy);
    }

    fn of_the_city(&mut self, workspace: &Workspace) {
        let (site, metadata) = (&workspace.site, &workspace.site.metadata);
        if site.base_url.is_none() {
            let what = "nobody can harvest what has no address on the web";
            self.lack(&["bucket"], what, "base_url: https://daten.example.de");
        }
        let is_listed = licences::govdata_address(&site.licence).is_some();
        if !is_listed && (self.portal.follows_german_conventions() || site.licence_url.is_none()) {
            let line = self.node.get("licence").map_or(self.node.line, |node| node.line);
            let what = format!("the licence '{}' is not on the list of GovData", site.licence);
            let remedy = match self.portal.follows_german_conventions() {
                true => "Write one of the list, as 'licence: CC-BY-4.0' or 'licence: DL-DE-BY-2.0'.",
                false => {
                    "Write one of the list, as 'licence: CC-BY-4.0', or its address: 'licence_url: https://example.de/lizenz'."
                }
            };
            self.problems.add(line, format!("{} demands more: {what}", self.portal.name()), remedy);
        }
        if metadata.contact.is_none() {
            let what = "nobody is named who answers questions about the data";
            self.lack(&["contact"], what, "name: Datenmanagement, email: offene-daten@example.de");
        }
        if metadata.contributor.is_none() && self.portal == Portal::GovData {
            self.lack(&["catalogues"], "it is not said who brings it the data", "govdata_contributor: datenBW");
        }
        let is_somewhere = match self.portal {
            Portal::GovData | Portal::MobiDataBw => metadata.geocoding.is_some(),
            Portal::Mobilithek => metadata.geocoding.is_some() || metadata.area.is_some(),
            Portal::HighValue => true,
        };
        if !is_somewhere {
            let what = "it is not said which place the data are about";
            self.lack(&["catalogues"], what, "geocoding: \"08317096\"");
        }
        let is_declared = metadata.datasets.values().any(|of| of.high_value.is_some());
        if self.portal == Portal::HighValue && !is_declared {
            let dataset = workspace.pipelines.first().map_or("NAME", |pipeline| pipeline.dataset.as_str());
            let what = "no dataset is declared to be of high value";
            self.lack(&["catalogues", "datasets", dataset], what, "high_value: mobility");
        }
    }

    fn of_a_dataset(&mut self, workspace: &Workspace, dataset: &str) {
        let of = workspace.site.metadata.datasets.get(dataset);
        let about = described::about(&workspace.pipelines, dataset);
        let path = ["catalogues", "datasets", dataset];
        let has = |is_there: fn(&DatasetMetadata) -> bool| of.is_some_and(is_there);
        // Only what is declared to be of high value is asked of.
        if self.portal == Portal::HighValue && !has(|of| of.high_value.is_some()) {
            return;
        }
        if !has(|of| of.title.is_some()) && about.title.is_none() {
            let what = format!("the dataset '{dataset}' has no title");
            self.lack(&path, &what, "title: Fahrplan der Stadtbusse");
        }
        if self.portal != Portal::Mobilithek {
            return;
        }
        if !has(|of| of.frequency.is_some()) && about.frequency.is_none() {
            let what = format!("it is not said how often the dataset '{dataset}' is renewed");
            self.lack(&path, &what, "frequency: daily");
        }
        if !has(|of| of.first_published.is_some()) {
            let what = format!("it is not said when the dataset '{dataset}' was published for the first time");
            self.lack(&path, &what, "first_published: 2026-11-25");
        }
    }
}
