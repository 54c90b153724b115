//! What the portal tells of: who publishes, and what has been released.

use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::contract::{Classification, Column, Contract};
use crate::licences::{self, Licence};
use crate::portal::metadata::{Concept, Contact, FREQUENCIES, Metadata};
use crate::portal::overview::Overview;
use crate::portal::settings::Settings;
use crate::publication;
use crate::publish::index::TableIndex;
use crate::report::Quality;
use crate::text::Language;
use crate::time::ServiceDate;

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
    /// For the pages.
    pub portal: Settings,
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
    pub recency: Recency,
}

/// How new the data of a dataset should be, by what the bucket says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Recency {
    /// Whether each day is to have data, by how often the dataset is renewed.
    pub is_daily: bool,
    /// The local date on which the newest version of its tables was released.
    pub released_on: Option<ServiceDate>,
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
    /// Whether no pipeline makes it any more, so that nothing new comes.
    pub is_ended: bool,
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
    /// Whether it is known that everybody may use the data.
    pub(super) fn is_open(&self) -> bool {
        licences::of_release(&self.licence).is_some_and(Licence::is_open)
    }

    /// What the data are called at the beginning of a sentence: open where they are known to be.
    pub(super) fn data(&self, language: Language) -> &'static str {
        match self.is_open() {
            true => language.say("Offene Daten", "Open data"),
            false => language.say("Daten", "Data"),
        }
    }

    /// Who answers questions: the contact, or who stands in the imprint.
    pub(super) fn contact(&self) -> Option<Contact> {
        let imprint = &self.portal.imprint;
        self.metadata.contact.clone().or_else(|| {
            let name = imprint.name.clone().unwrap_or_else(|| self.publisher.clone());
            imprint.email.clone().map(|email| Contact { name, email: Some(email), url: None })
        })
    }

    /// Who is to be named for what a dataset says: the city, and whoever its sources demand, each once.
    pub(super) fn attributed<'a>(&'a self, about: &'a About) -> Vec<&'a str> {
        let mut names = vec![self.metadata.attribution.as_deref().unwrap_or(&self.publisher)];
        for name in about.sources.iter().filter_map(|source| source.attribution.as_deref()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// These in one text.
    pub(super) fn attribution(&self, about: &About) -> String {
        self.attributed(about).join("; ")
    }
}

impl About {
    /// What people call the dataset of this name.
    pub(super) fn title<'a>(&'a self, site: &'a Site, name: &'a str, language: Language) -> (&'a str, Language) {
        let of = site.metadata.datasets.get(name);
        let english = of.and_then(|of| of.title_en.as_deref()).filter(|_| language == Language::En);
        let german = of.and_then(|of| of.title.as_deref());
        match (english, german, language) {
            (Some(title), ..) => (title, Language::En),
            (None, Some(title), Language::De) => (title, Language::De),
            (None, german, _) => {
                let english = self.title_en.as_deref().filter(|_| language == Language::En);
                let german = || german.or(self.title.as_deref()).unwrap_or(name);
                english.map_or_else(|| (german(), Language::De), |title| (title, Language::En))
            }
        }
    }
}

/// Words of frequencies with which each day has data.
const DAILY: [&str; 3] = ["continuous", "hourly", "daily"];

impl Recency {
    /// Of a dataset and its tables. No clock is read: the newest version says when it was made.
    pub(crate) fn of(site: &Site, name: &str, about: &About, tables: &[Table], zone: &TimeZone) -> Self {
        let frequency = site.metadata.datasets.get(name).and_then(|of| of.frequency).or(about.frequency);
        let is_daily = DAILY.iter().any(|word| frequency.is_some() && FREQUENCIES.concept(word) == frequency);
        let is_by_day = !about.is_timetable && !about.is_ended && name != publication::DATASET;
        let releases = tables.iter().filter_map(|table| table.index.release.as_ref());
        let newest = releases.map(|release| release.at).max();
        Self { is_daily: is_daily && is_by_day, released_on: newest.map(|at| ServiceDate::local_date_of(at, zone)) }
    }

    /// The newest day that should be there on a date: the one before, if each day is to have data.
    pub(super) fn expected_on(self, date: Option<ServiceDate>) -> Option<ServiceDate> {
        date.filter(|_| self.is_daily).map(|date| date.plus_days(-1))
    }
}

impl Dataset {
    /// Whether everything that was published of it is withdrawn and nothing is back. One that was never released has nothing to withdraw.
    pub(super) fn is_withdrawn(&self) -> bool {
        let indexes = || self.tables.iter().map(|table| &table.index);
        indexes().all(|index| index.files.is_empty()) && indexes().any(|index| !index.withdrawn.is_empty())
    }

    /// What people call it, and the language of that: by the configuration, by its pipeline, or the name of its folder.
    pub(super) fn title<'a>(&'a self, site: &'a Site, language: Language) -> (&'a str, Language) {
        self.about.title(site, &self.name, language)
    }

    /// What it is in a sentence or two, and the language of that, by the configuration; or by what makes it.
    pub(super) fn description<'a>(&'a self, site: &'a Site, language: Language) -> Option<(&'a str, Language)> {
        let of = site.metadata.datasets.get(&self.name);
        let german = of.and_then(|of| of.description.as_deref()).map(|text| (text, Language::De));
        let english = of.and_then(|of| of.description_en.as_deref()).map(|text| (text, Language::En));
        let own = match language {
            Language::De => german.or(english),
            Language::En => english.or(german),
        };
        let known = match self.name == publication::DATASET {
            true => Some(language.say(
                "Das Protokoll dieser Seiten als Tabellen: jede Veröffentlichung, jedes Ergebnis einer Prüfung, jede Entscheidung.",
                "The records of these pages as tables: each release, each result of a check, each decision.",
            )),
            false if self.about.is_timetable => Some(language.say(
                "Haltestellen, Linien und Fahrten mit ihren Abfahrtszeiten, wie sie geplant sind.",
                "Stops, routes and trips with their times of departure, as they are planned.",
            )),
            false => None,
        };
        own.or(known.map(|text| (text, language)))
    }
}

impl Table {
    /// What people call it, and the language of that; none where its contract does not say.
    pub(super) fn title(&self, language: Language) -> Option<(&str, Language)> {
        let contract = &self.contract;
        let [german, english] = [(&contract.title_de, Language::De), (&contract.title, Language::En)]
            .map(|(text, of)| Some((text.as_deref()?.trim(), of)).filter(|(text, _)| !text.is_empty()));
        match language {
            Language::De => german.or(english),
            Language::En => english.or(german),
        }
    }

    /// Of the current files.
    pub(super) fn rows(&self) -> u64 {
        self.index.files.iter().map(|file| file.rows).sum()
    }
}

impl Catalogue {
    pub(super) fn tables(&self) -> impl Iterator<Item = (&Dataset, &Table)> {
        self.datasets.iter().flat_map(|of| of.tables.iter().map(move |table| (of, table)))
    }
}

pub(super) fn public(contract: &Contract) -> impl Iterator<Item = &Column> {
    contract.columns.iter().filter(|column| column.classification == Classification::Public)
}

/// The dates whose current files are provisional.
pub(super) fn provisional_dates(index: &TableIndex) -> Vec<String> {
    index.files.iter().filter(|file| file.provisional).map(|file| file.partition_date.to_string()).collect()
}
