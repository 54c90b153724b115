//! What a portal demands of a catalogue and the configuration does not say: `fahrtenbuch check --for`.
//!
//! Each lack is told at the line where it is to be written, with a line to write. What is told here is what the portals refuse a
//! dataset for, or what the law asks of a city that declares one to be of high value; what they recommend is in docs/catalogues.md.

use url::{Host, Url};

use crate::licences::{self, Licence};
use crate::portal::metadata::DatasetMetadata;
use crate::publication::DATASET;
use crate::workspace::lacks::{Lack, Lacking};
use crate::workspace::{FILE, Workspace, described};
use crate::yaml::{self, Node, Problem};

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
///
/// # Errors
/// The configuration cannot be read.
pub fn wanted(workspace: &Workspace, portal: Portal) -> Result<Vec<Lack>, Vec<Problem>> {
    let file = workspace.root.join(FILE);
    let node = yaml::read(&file)?;
    let mut wants = Wants { node: &node, portal, lacking: Lacking::of_file(&file, &node) };
    wants.of_the_city(workspace);
    let datasets = workspace.pipelines.iter().map(|pipeline| pipeline.dataset.as_str());
    for dataset in datasets.chain(workspace.publication.then_some(DATASET)) {
        wants.of_a_dataset(workspace, dataset);
    }
    Ok(wants.lacking.finish())
}

struct Wants<'a> {
    node: &'a Node,
    portal: Portal,
    lacking: Lacking<'a>,
}

impl Wants<'_> {
    /// Tells what is missing below the keys of `path`, at the last of them that is there, with what to write below that.
    fn lack(&mut self, path: &[&str], what: &str, example: &str) {
        self.lacking.add(path, &format!("{} demands more: {what}", self.portal.name()), example);
    }

    /// Tells that what a key says is not enough, at its line.
    fn change(&mut self, path: &[&str], what: &str, remedy: &str) {
        let node = path.iter().try_fold(self.node, |map, key| map.get(key)).unwrap_or(self.node);
        let message = format!("{} demands more: {what}", self.portal.name());
        self.lacking.change(node.line, message, remedy.to_owned());
    }

    /// Who harvests must reach the address from elsewhere, and nobody on the way may change what it gives.
    fn of_the_address(&mut self, url: &str) {
        let (path, example) = (["bucket", "base_url"], "Write 'base_url: https://daten.example.de'");
        if is_of_this_machine(url) {
            let what = format!("the address '{url}' is that of this machine or house, where nobody else comes");
            self.change(&path, &what, &format!("{example}, as the bucket is called on the web."));
        } else if url.starts_with("http://") {
            let what = format!("whoever is between the address '{url}' and its readers can change what they get");
            let https = url.replacen("http://", "https://", 1);
            self.change(&path, &what, &format!("Let the web server give it encrypted, and write 'base_url: {https}'."));
        }
    }

    /// High-value datasets are free for every purpose ((EU) 2023/138, Art. 4).
    fn of_high_value(&mut self, workspace: &Workspace) {
        let metadata = &workspace.site.metadata;
        if metadata.datasets.values().any(|of| of.high_value.is_some()) {
            let licence = licences::of_release(&workspace.site.licence);
            if !licence.is_some_and(Licence::is_free_for_high_value) {
                let what = format!(
                    "under the licence '{}' high-value datasets may not stand (Art. 4): they are free for every purpose, under CC0, CC BY \
                     4.0 or a licence that demands no more",
                    workspace.site.licence
                );
                let remedy = "Write 'licence: CC-BY-4.0' or 'licence: CC0-1.0' with the 'licence_url' of it, or take 'high_value' out.";
                self.change(&["licence"], &what, remedy);
            }
            return;
        }
        // A timetable of buses is none by itself.
        let declarable = workspace.pipelines.iter().find(|pipeline| !pipeline.is_timetable());
        let what = "no dataset is declared to be of high value, which timetables of buses are not by themselves";
        match declarable {
            Some(pipeline) => self.lack(&["catalogues", "datasets", &pipeline.dataset], what, HIGH_VALUE),
            None => {
                let remedy = "Nothing is to be done, unless the city declares a dataset to be one: then write 'high_value: mobility' \
                              below its name in 'catalogues: datasets:'.";
                self.change(&["catalogues"], what, remedy);
            }
        }
    }

    fn of_the_city(&mut self, workspace: &Workspace) {
        let (site, metadata) = (&workspace.site, &workspace.site.metadata);
        match &site.base_url {
            Some(url) => self.of_the_address(url),
            None => {
                let what = "nobody can harvest what has no address on the web";
                self.lack(&["bucket"], what, "base_url: https://daten.example.de");
            }
        }
        let is_listed = licences::govdata_address(&site.licence).is_some();
        // What the law on high-value datasets asks of the licence says more.
        if !is_listed
            && self.portal != Portal::HighValue
            && (self.portal.follows_german_conventions() || site.licence_url.is_none())
        {
            let what = format!("the licence '{}' is not on the list of GovData", site.licence);
            let remedy = match self.portal.follows_german_conventions() {
                true => "Write one of the list, as 'licence: CC-BY-4.0' or 'licence: DL-DE-BY-2.0'.",
                false => {
                    "Write one of the list, as 'licence: CC-BY-4.0', or its address: 'licence_url: https://example.de/lizenz'."
                }
            };
            self.change(&["licence"], &what, remedy);
        }
        if metadata.contact.is_none() {
            let what = "nobody is named who answers questions about the data";
            self.lack(&["contact"], what, "name: Datenmanagement\nemail: offene-daten@example.de");
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
        if self.portal == Portal::HighValue {
            self.of_high_value(workspace);
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

/// What declares a dataset to be of high value, which no program can decide.
const HIGH_VALUE: &str = "# only if the city declares the dataset to be one\nhigh_value: mobility";

/// Whether an address on the web leads to this machine, or to one of the same house.
fn is_of_this_machine(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            !name.contains('.')
                || ["localhost", "local", "internal", "lan"].iter().any(|end| name.ends_with(&format!(".{end}")))
        }
        Some(Host::Ipv4(address)) => {
            address.is_loopback() || address.is_private() || address.is_link_local() || address.is_unspecified()
        }
        Some(Host::Ipv6(address)) => {
            address.is_loopback()
                || address.is_unspecified()
                || address.is_unique_local()
                || address.is_unicast_link_local()
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_this_machine_or_house_is_known() {
        for (url, expected) in [
            ("http://localhost:8080", true),
            ("http://127.0.0.1:8080/bus", true),
            ("https://[::1]/", true),
            ("https://192.168.0.9", true),
            ("https://[fd00::1]", true),
            ("http://nas", true),
            ("http://nas.local/bus", true),
            ("https://daten.example.de", false),
            ("https://localhost.example.de", false),
            ("https://1.1.1.1", false),
        ] {
            assert_eq!(is_of_this_machine(url), expected, "{url}");
        }
    }
}
