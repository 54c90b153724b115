//! What the portal tells of: who publishes, and what has been released.

use std::sync::Arc;

use crate::contract::{Classification, Column, Contract};
use crate::portal::metadata::{Concept, Metadata};
use crate::portal::overview::Overview;
use crate::publish::index::TableIndex;
use crate::report::Quality;

/// Who publishes what.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    pub title: String,
    pub publisher: String,
    /// SPDX id, `CC-BY-4.0`, `dl-de/by-2-0`.
    pub licence: String,
    /// Of the configuration.
    pub licence_line: u32,
    pub licence_url: Option<String>,
    /// Where the bucket is on the web, if it is: `https://data.example.de`.
    pub base_url: Option<String>,
    /// For the catalogues of others.
    pub metadata: Metadata,
}

/// What has been released, by whom, and how good it is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Catalogue {
    pub site: Site,
    /// Each once, in the order in which they are told.
    pub datasets: Vec<Dataset>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Dataset {
    pub name: String,
    pub about: About,
    /// Those that have been released.
    pub tables: Vec<Table>,
    /// In the order of their dates. The home page tells the newest, the dataset's own page all of them.
    pub results: Vec<Quality>,
    /// Of all its days.
    pub overview: Overview,
}

/// What a dataset is, by what makes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct About {
    /// In German.
    pub title: Option<String>,
    pub title_en: Option<String>,
    /// The standard of its source, in the vocabulary `https://w3id.org/mobilitydcat-ap/mobility-data-standard/`; none of what has no
    /// source.
    pub standard: Option<&'static str>,
    /// Whether it is a timetable.
    pub is_timetable: bool,
    /// By the schedule.
    pub frequency: Option<Concept>,
    /// Of which it is made, where their rights are said.
    pub sources: Vec<SourceLicence>,
}

/// What the file of a pipeline says of the rights of a source, for the public.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SourceLicence {
    /// Of the pipeline that asks it.
    pub dataset: String,
    /// As that pipeline calls it.
    pub name: String,
    pub rights: Rights,
    /// Who is to be named.
    pub attribution: Option<String>,
    pub homepage: Option<String>,
}

/// Why data of a source may be released.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rights {
    /// A licence: its id of SPDX or its own name, and its address in the list of GovData, else that of its text.
    Licence {
        id: String,
        address: Option<String>,
    },
    /// The data are the publisher's own.
    Own,
    /// Whoever has the rights agreed to the release under its licence.
    Agreement,
    Unsaid,
}

/// A table that has been released.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Table {
    pub contract: Arc<Contract>,
    /// The newest.
    pub index: TableIndex,
}

impl Site {
    /// Who is to be named for what a dataset says: the city, and whoever its sources demand, each once.
    pub(super) fn attribution(&self, about: &About) -> String {
        let mut names = vec![self.metadata.attribution.as_deref().unwrap_or(&self.publisher)];
        for name in about.sources.iter().filter_map(|source| source.attribution.as_deref()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names.join("; ")
    }
}

impl Catalogue {
    pub(super) fn tables(&self) -> impl Iterator<Item = (&Dataset, &Table)> {
        self.datasets.iter().flat_map(|of| of.tables.iter().map(move |table| (of, table)))
    }

    /// The newest results of each dataset, by its name.
    pub(super) fn newest_results(&self) -> Vec<&Quality> {
        let mut newest: Vec<&Quality> = self.datasets.iter().filter_map(|of| of.results.last()).collect();
        newest.sort_by(|one, other| one.dataset.cmp(&other.dataset));
        newest
    }
}

pub(super) fn public(contract: &Contract) -> impl Iterator<Item = &Column> {
    contract.columns.iter().filter(|column| column.classification == Classification::Public)
}

/// The dates whose current files are provisional.
pub(super) fn provisional_dates(index: &TableIndex) -> Vec<String> {
    index.files.iter().filter(|file| file.provisional).map(|file| file.partition_date.to_string()).collect()
}
