//! What the catalogue says: DCAT-AP.de 3.0 and mobilityDCAT-AP 1.1 (<https://www.dcat-ap.de>,
//! <https://w3id.org/mobilitydcat-ap/releases/1.1.0>).
//!
//! One dataset for each dataset of the bucket and a distribution for each of its tables, so that a harvester has few of them whatever
//! the number of days. All names are made of the bucket's address and of names, so that they stay over releases; those of datasets and
//! tables are those that the results of runs use. Without `base_url` they are relative to the file. There is no `spdx:checksum`:
//! mobilityDCAT-AP allows SHA-1 only; the digests stand in `files.json`.

use crate::contract::Contract;
use crate::licences;
use crate::portal::catalogue::{Catalogue, Dataset, Rights, Site, SourceLicence, Table};
use crate::portal::metadata::{Contact, DatasetMetadata};
use crate::portal::rdf::graph::{Graph, Iri, Name, Node, Term};
use crate::publication;
use crate::publish::iceberg;
use crate::publish::index::{TableIndex, meta_folder};
use crate::report::results::page_path;
use crate::report::words::encoded;
use crate::text::Language;
use crate::time::ServiceDate;

/// The namespaces, by the prefixes that stand for them in names as `dcat:Dataset`.
const PREFIXES: &[(&str, &str)] = &[
    ("dcat", "http://www.w3.org/ns/dcat#"),
    ("dcatap", "http://data.europa.eu/r5r/"),
    ("dcatde", "http://dcat-ap.de/def/dcatde/"),
    ("dcterms", "http://purl.org/dc/terms/"),
    ("foaf", "http://xmlns.com/foaf/0.1/"),
    ("geosparql", "http://www.opengis.net/ont/geosparql#"),
    ("mobilitydcatap", "https://w3id.org/mobilitydcat-ap#"),
    ("prov", "http://www.w3.org/ns/prov#"),
    ("rdfs", "http://www.w3.org/2000/01/rdf-schema#"),
    ("vcard", "http://www.w3.org/2006/vcard/ns#"),
    ("xsd", "http://www.w3.org/2001/XMLSchema#"),
];

/// Where the graph is in Turtle. Its fragments are the names of the publisher, the contact and the records.
pub(super) const TURTLE: &str = "catalog.ttl";
const EU: &str = "http://publications.europa.eu/resource/authority";
const MOBILITY: &str = "https://w3id.org/mobilitydcat-ap";
/// The act on high-value datasets.
const HIGH_VALUE: &str = "http://data.europa.eu/eli/reg_impl/2023/138/oj";
const PARQUET: &str = "https://www.iana.org/assignments/media-types/application/vnd.apache.parquet";
const LANGUAGES: [&str; 2] = ["DEU", "ENG"];

/// All that is said of what was released. A dataset without files is not in it.
pub(super) fn graph(catalogue: &Catalogue) -> Graph {
    let site = &catalogue.site;
    let base = site.base_url.as_deref().map(|url| Iri::new(&format!("{}/", url.trim_end_matches('/'))));
    let described: Vec<Described<'_>> = catalogue.datasets.iter().filter_map(|of| Described::of(site, of)).collect();
    let mut nodes = vec![whole(site, &described), publisher(site), rights()];
    nodes.extend(site.metadata.contact.as_ref().map(contact));
    for dataset in &described {
        nodes.push(dataset.record());
        nodes.push(dataset.node());
        nodes.extend(dataset.tables.iter().map(|table| dataset.distribution(table)));
    }
    nodes.extend(sources(&described));
    nodes.extend(service(site, &described));
    nodes.extend(pages(&nodes));
    Graph { prefixes: PREFIXES, base, nodes }
}

fn iri(text: &str) -> Term {
    Term::Iri(Iri::new(text))
}

/// A node of the catalogue's own, as `#publisher`.
fn own(name: &str) -> Iri {
    Iri::new(&format!("{TURTLE}#{name}"))
}

fn date(date: ServiceDate) -> Term {
    Term::Typed(date.to_string(), "xsd:date")
}

/// A text in German and in English; empty ones are none.
fn texts(de: Option<&str>, en: Option<&str>) -> Vec<Term> {
    let said = [(de, "de"), (en, "en")].into_iter().filter_map(|(text, language)| Some((text?.trim(), language)));
    said.filter(|(text, _)| !text.is_empty()).map(|(text, language)| Term::text(text, language)).collect()
}

fn languages() -> impl Iterator<Item = Term> {
    LANGUAGES.into_iter().map(|language| iri(&format!("{EU}/language/{language}")))
}

/// The days of the current files.
fn period(first: ServiceDate, last: ServiceDate) -> Term {
    let period = Node::blank("dcterms:PeriodOfTime");
    Term::Blank(period.with("dcat:startDate", date(first)).with("dcat:endDate", date(last)))
}

/// The day on which the newest version of a table was made.
fn modified(index: &TableIndex) -> Option<ServiceDate> {
    index.release.as_ref().map(|release| ServiceDate::local_date_of(release.at, &jiff::tz::TimeZone::UTC))
}

/// The place that the data are about: by its key, and by the bounds of the service area.
fn places(site: &Site) -> Vec<Term> {
    let key = site.metadata.geocoding.as_ref().map(|key| iri(&key.address()));
    let area = site.metadata.area.map(|[south, west, north, east]| {
        let ring = format!("{west} {south}, {east} {south}, {east} {north}, {west} {north}, {west} {south}");
        let bounds = Term::Typed(format!("POLYGON(({ring}))"), "geosparql:wktLiteral");
        Term::Blank(Node::blank("dcterms:Location").with("dcat:bbox", bounds))
    });
    key.into_iter().chain(area).collect()
}

fn homepage(site: &Site) -> Term {
    iri(site.metadata.homepage.as_deref().unwrap_or("index.html"))
}

fn whole(site: &Site, described: &[Described<'_>]) -> Node {
    let de = format!("{}: {}. Herausgegeben von {}.", site.data(Language::De), site.title, site.publisher);
    let en = format!("{}: {}. Published by {}.", site.data(Language::En), site.title, site.publisher);
    Node::new(own("catalog"), "dcat:Catalog")
        .with_all("dcterms:title", texts(Some(&site.title), None))
        .with_all("dcterms:description", texts(Some(&de), Some(&en)))
        .with("dcterms:publisher", Term::Iri(own("publisher")))
        .with("foaf:homepage", homepage(site))
        .with_all("dcterms:language", languages())
        .with_all("dcterms:spatial", places(site))
        .with("dcterms:license", licence(site))
        .with("dcterms:issued", described.iter().filter_map(|of| of.details?.first_published).min().map(date))
        .with("dcterms:modified", described.iter().filter_map(|of| of.modified).max().map(date))
        .with("dcat:themeTaxonomy", iri(&format!("{EU}/data-theme")))
        .with_all("dcat:dataset", described.iter().map(|of| Term::Iri(of.iri())))
        .with("dcat:service", service_iri(site, described).map(Term::Iri))
        .with_all("dcat:record", described.iter().map(|of| Term::Iri(of.record_iri())))
}

fn publisher(site: &Site) -> Node {
    Node::new(own("publisher"), "foaf:Agent")
        .with_all("foaf:name", texts(Some(&site.publisher), None))
        .with("dcterms:type", site.metadata.publisher_type.map(|kind| iri(&kind.address())))
}

fn contact(contact: &Contact) -> Node {
    Node::new(own("contact"), "vcard:Kind")
        .with("vcard:fn", Term::text(&contact.name, "de"))
        .with("vcard:hasEmail", contact.email.as_ref().map(|email| iri(&format!("mailto:{email}"))))
        .with("vcard:hasURL", contact.url.as_deref().map(iri))
}

/// What anybody may do, in the words of mobilityDCAT-AP.
fn rights() -> Node {
    let free = format!("{MOBILITY}/conditions-for-access-and-usage/licence-provided-free-of-charge");
    Node::new(own("rights"), "dcterms:RightsStatement").with("dcterms:type", iri(&free))
}

/// The licence by the list of GovData; where it is not on it, its own address.
fn licence(site: &Site) -> Option<Term> {
    licences::govdata_address(&site.licence)
        .map(|address| iri(&address))
        .or_else(|| site.licence_url.as_deref().map(iri))
}

/// Where SQL engines find all tables.
fn service_iri(site: &Site, described: &[Described<'_>]) -> Option<Iri> {
    let is_there = site.base_url.is_some() && described.iter().any(|of| of.is_served());
    is_there.then(|| own("iceberg"))
}

fn service(site: &Site, described: &[Described<'_>]) -> Option<Node> {
    let served: Vec<&Described<'_>> = described.iter().filter(|of| of.is_served()).collect();
    let high_value = || served.iter().filter_map(|of| of.details?.high_value);
    let node = Node::new(service_iri(site, described)?, "dcat:DataService")
        .with_all(
            "dcterms:title",
            texts(Some("Katalog für SQL (Apache Iceberg)"), Some("Catalogue for SQL (Apache Iceberg)")),
        )
        .with_all(
            "dcterms:description",
            texts(
                Some("Alle Tabellen als Katalog von Apache Iceberg (REST), nur lesend und ohne Anmeldung."),
                Some("All tables as a catalogue of Apache Iceberg (REST), to read only and without a login."),
            ),
        )
        .with("dcat:endpointURL", iri("iceberg"))
        .with("dcat:endpointDescription", iri("iceberg/v1/config"))
        .with("foaf:page", iri("index.html"))
        .with("dcterms:publisher", Term::Iri(own("publisher")))
        .with("dcat:contactPoint", site.metadata.contact.as_ref().map(|_| Term::Iri(own("contact"))))
        .with("dcterms:license", licence(site))
        .with("dcterms:accessRights", iri(&format!("{EU}/access-right/PUBLIC")))
        .with("dcat:theme", iri(&format!("{EU}/data-theme/TRAN")))
        .with("dcatap:applicableLegislation", high_value().next().map(|_| iri(HIGH_VALUE)))
        .with_all("dcatap:hvdCategory", high_value().map(|category| iri(&category.address())))
        .with_all("dcat:servesDataset", served.iter().map(|of| Term::Iri(of.iri())));
    Some(node)
}

fn source_iri(source: &SourceLicence) -> Iri {
    own(&format!("source-{}/{}", encoded(&source.dataset), encoded(&source.name)))
}

/// Of what the datasets are made: each source once, with its licence and whom it demands to be named. It is no dataset of the
/// catalogue, which would have to tell more of it than is known here.
fn sources(described: &[Described<'_>]) -> Vec<Node> {
    let mut nodes: Vec<Node> = Vec::new();
    for source in described.iter().flat_map(|of| &of.of.about.sources) {
        let licence = match &source.rights {
            Rights::Licence { address, .. } => address.as_deref().map(iri),
            Rights::Own | Rights::Agreement | Rights::Unsaid => None,
        };
        let words = match &source.rights {
            Rights::Own => texts(Some("eigene Daten des Herausgebers"), Some("the publisher's own data")),
            Rights::Agreement => {
                texts(Some("mit Zustimmung des Rechteinhabers"), Some("by agreement with the rights holder"))
            }
            Rights::Licence { id, address: None } => texts(Some(id), None),
            Rights::Licence { .. } | Rights::Unsaid => Vec::new(),
        };
        let attribution = source.attribution.as_deref().map(|text| Term::text(text, "de"));
        let node = Node::new(source_iri(source), "prov:Entity")
            .with("dcterms:identifier", Term::text(&source.name, None))
            .with("dcterms:license", licence)
            .with_all("rdfs:comment", words)
            .with("dcatde:licenseAttributionByText", attribution)
            .with("foaf:page", source.homepage.as_deref().map(iri));
        if !nodes.contains(&node) {
            nodes.push(node);
        }
    }
    nodes
}

/// The pages that the nodes name are documents, and nothing more is said of them.
fn pages(nodes: &[Node]) -> Vec<Node> {
    const PAGES: [Name; 3] = ["foaf:homepage", "foaf:page", "dcat:landingPage"];
    let mut pages: Vec<Iri> = Vec::new();
    let all = nodes.iter().flat_map(|node| &node.properties).filter(|(name, _)| PAGES.contains(name));
    for term in all.flat_map(|(_, terms)| terms) {
        if let Term::Iri(iri) = term
            && !pages.contains(iri)
        {
            pages.push(iri.clone());
        }
    }
    pages.into_iter().map(|iri| Node::new(iri, "foaf:Document")).collect()
}

/// A dataset of which there is something to harvest.
struct Described<'a> {
    site: &'a Site,
    of: &'a Dataset,
    /// What the configuration says.
    details: Option<&'a DatasetMetadata>,
    /// Those with files.
    tables: Vec<&'a Table>,
    first: ServiceDate,
    last: ServiceDate,
    modified: Option<ServiceDate>,
}

impl<'a> Described<'a> {
    fn of(site: &'a Site, of: &'a Dataset) -> Option<Self> {
        let tables: Vec<&Table> = of.tables.iter().filter(|table| !table.index.files.is_empty()).collect();
        let dates = || tables.iter().flat_map(|table| &table.index.files).map(|file| file.partition_date);
        let (first, last) = (dates().min()?, dates().max()?);
        // A withdrawal that left a table nothing changed the dataset, too.
        let modified = of.tables.iter().filter_map(|table| modified(&table.index)).max();
        let details = site.metadata.datasets.get(&of.name);
        Some(Self { site, of, details, tables, first, last, modified })
    }

    fn iri(&self) -> Iri {
        Iri::new(&self.path())
    }

    fn path(&self) -> String {
        format!("data/{}", encoded(&self.of.name))
    }

    fn record_iri(&self) -> Iri {
        own(&format!("record-{}", encoded(&self.of.name)))
    }

    fn is_served(&self) -> bool {
        self.tables.iter().any(|table| iceberg::has(&table.index))
    }

    fn issued(&self) -> Option<Term> {
        self.details?.first_published.map(date)
    }

    /// That the city declares it to be of high value.
    fn legislation(&self) -> Option<Term> {
        self.details?.high_value.map(|_| iri(HIGH_VALUE))
    }

    /// What the catalogue knows of the dataset, and since when.
    fn record(&self) -> Node {
        Node::new(self.record_iri(), "dcat:CatalogRecord")
            .with("foaf:primaryTopic", Term::Iri(self.iri()))
            .with("dcterms:created", self.issued())
            .with("dcterms:modified", self.modified.map(date))
            .with_all("dcterms:language", languages())
            .with("dcterms:publisher", Term::Iri(own("publisher")))
    }

    fn titles(&self) -> Vec<Term> {
        let of = |configured: Option<&'a String>, known: Option<&'a String>| configured.or(known).map(String::as_str);
        let de = of(self.details.and_then(|of| of.title.as_ref()), self.of.about.title.as_ref());
        let en = of(self.details.and_then(|of| of.title_en.as_ref()), self.of.about.title_en.as_ref());
        let titles = texts(de, en);
        if titles.is_empty() { texts(Some(&self.of.name), None) } else { titles }
    }

    fn descriptions(&self) -> Vec<Term> {
        let names: Vec<&str> = self.tables.iter().map(|table| table.index.table.as_str()).collect();
        let names = names.join(", ");
        let about = self.of.about.title.as_deref().map(|title| format!("{}. ", title.trim_end_matches('.')));
        let de = format!("{}Tabellen: {names}.", about.unwrap_or_default());
        let about = self.of.about.title_en.as_deref().map(|title| format!("{}. ", title.trim_end_matches('.')));
        let en = format!("{}Tables: {names}.", about.unwrap_or_default());
        let configured = |text: Option<&'a String>| text.map(String::as_str);
        texts(
            configured(self.details.and_then(|of| of.description.as_ref())).or(Some(&de)),
            configured(self.details.and_then(|of| of.description_en.as_ref())).or(Some(&en)),
        )
    }

    fn keywords(&self) -> Vec<Term> {
        let (de, en) = match self.of.about.is_timetable {
            _ if self.of.name == publication::DATASET => (&["Datenqualität"][..], &["data quality"][..]),
            true => (&["ÖPNV", "Fahrplan"][..], &["public transport", "timetable"][..]),
            false => (&["ÖPNV"][..], &["public transport"][..]),
        };
        let own = |words: Option<&Vec<String>>, others: &[&str], language| {
            let own = words.into_iter().flatten().map(String::as_str);
            own.chain(others.iter().copied()).map(|word| Term::text(word, language)).collect::<Vec<Term>>()
        };
        let mut words = own(self.details.map(|of| &of.keywords), de, "de");
        words.extend(own(self.details.map(|of| &of.keywords_en), en, "en"));
        words
    }

    /// What mobilityDCAT-AP calls what the data are about.
    fn themes(&self) -> impl Iterator<Item = Term> {
        let themes = match (self.of.about.standard, self.of.about.is_timetable) {
            (None, _) => &["other"][..],
            (Some(_), true) => &["public-transport-scheduled-transport", "timetables-static"][..],
            (Some(_), false) => &["public-transport-scheduled-transport"][..],
        };
        themes.iter().map(|theme| iri(&format!("{MOBILITY}/mobility-theme/{theme}")))
    }

    fn node(&self) -> Node {
        let metadata = &self.site.metadata;
        let identifier = match &self.site.base_url {
            Some(base) => format!("{}/{}", base.trim_end_matches('/'), self.path()),
            None => self.of.name.clone(),
        };
        let contributor =
            metadata.contributor.as_ref().map(|name| format!("http://dcat-ap.de/def/contributors/{name}"));
        let frequency = self.details.and_then(|of| of.frequency).or(self.of.about.frequency);
        // What tells of the quality of others has no page of its own.
        let page = (self.of.name != publication::DATASET).then(|| iri(&page_path(&self.of.name)));
        Node::new(self.iri(), "dcat:Dataset")
            .with("dcterms:identifier", Term::text(&identifier, None))
            .with_all("dcterms:title", self.titles())
            .with_all("dcterms:description", self.descriptions())
            .with("dcterms:publisher", Term::Iri(own("publisher")))
            .with("dcat:contactPoint", metadata.contact.as_ref().map(|_| Term::Iri(own("contact"))))
            .with("dcatde:contributorID", contributor.as_deref().map(iri))
            .with("dcatde:politicalGeocodingLevelURI", metadata.geocoding.as_ref().map(|key| iri(key.level())))
            .with_all("dcterms:spatial", places(self.site))
            .with("dcat:theme", iri(&format!("{EU}/data-theme/TRAN")))
            .with_all("mobilitydcatap:mobilityTheme", self.themes())
            .with_all("mobilitydcatap:transportMode", metadata.transport_modes.iter().map(|mode| iri(&mode.address())))
            .with_all("dcat:keyword", self.keywords())
            .with("dcterms:accrualPeriodicity", frequency.map(|frequency| iri(&frequency.address())))
            .with("dcterms:issued", self.issued())
            .with("dcterms:modified", self.modified.map(date))
            .with("dcterms:temporal", period(self.first, self.last))
            .with("dcterms:accessRights", iri(&format!("{EU}/access-right/PUBLIC")))
            .with("dcat:landingPage", homepage(self.site))
            .with("foaf:page", page)
            .with_all("prov:wasDerivedFrom", self.of.about.sources.iter().map(|source| Term::Iri(source_iri(source))))
            .with("dcatap:applicableLegislation", self.legislation())
            .with("dcatap:hvdCategory", self.details.and_then(|of| of.high_value).map(|of| iri(&of.address())))
            .with_all("dcat:distribution", self.tables.iter().map(|table| Term::Iri(self.distribution_iri(table))))
    }

    fn distribution_iri(&self, table: &Table) -> Iri {
        Iri::new(&format!("{}/{}", self.path(), encoded(&table.index.table)))
    }

    fn distribution(&self, table: &Table) -> Node {
        let Table { contract, index } = table;
        let files = format!("{}/files.json", meta_folder(&self.of.name, &index.table));
        let bytes = index.files.iter().map(|file| file.bytes).sum::<u64>();
        let standard = self.of.about.standard.unwrap_or("other");
        let (first, last) = (index.files.first(), index.files.last());
        let days = first.zip(last).map(|(first, last)| period(first.partition_date, last.partition_date));
        let service = (iceberg::has(index)).then(|| service_iri(self.site, std::slice::from_ref(self))).flatten();
        Node::new(self.distribution_iri(table), "dcat:Distribution")
            .with("dcterms:identifier", Term::text(&index.table, None))
            .with_all("dcterms:title", table_titles(contract))
            .with_all("dcterms:description", texts(contract.description_de.as_deref(), contract.description.as_deref()))
            .with("dcat:accessURL", iri(&files))
            .with("dcat:accessService", service.map(Term::Iri))
            .with("dcterms:format", iri(&format!("{EU}/file-type/PARQUET")))
            .with("dcat:mediaType", iri(PARQUET))
            .with("dcat:byteSize", Term::Typed(bytes.to_string(), "xsd:nonNegativeInteger"))
            .with("dcterms:license", licence(self.site))
            .with("dcatde:licenseAttributionByText", Term::text(&self.site.attribution(&self.of.about), "de"))
            .with("dcterms:rights", Term::Iri(own("rights")))
            .with("mobilitydcatap:mobilityDataStandard", iri(&format!("{MOBILITY}/mobility-data-standard/{standard}")))
            .with("dcterms:modified", modified(index).map(date))
            .with("dcterms:temporal", days)
            .with("dcatap:applicableLegislation", self.legislation())
    }
}

/// Without a title the table is called by its name, which people find in paths and pages.
fn table_titles(contract: &Contract) -> Vec<Term> {
    let de = format!("Tabelle {}", contract.table);
    texts(contract.title_de.as_deref().or(Some(&de)), contract.title.as_deref().or(Some(&contract.table)))
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::contract::odcs;
    use crate::portal::metadata::{FREQUENCIES, Geocoding, HIGH_VALUE, Metadata, PUBLISHER_TYPES, TRANSPORT_MODES};
    use crate::portal::overview::Overview;
    use crate::portal::rdf::{json_ld, turtle};
    use crate::portal::{About, Recency};
    use crate::publish::index::testing::{file, first_version};
    use crate::publish::index::{ColumnType, IndexColumn, Release};

    fn site(base_url: Option<&str>, metadata: Metadata) -> Site {
        Site {
            title: "Stadtbus".into(),
            publisher: "Stadt".into(),
            licence: "CC-BY-4.0".into(),
            licence_line: 4,
            licence_url: Some("https://creativecommons.org/licenses/by/4.0/".into()),
            base_url: base_url.map(str::to_owned),
            metadata,
            portal: crate::portal::settings::Settings::default(),
        }
    }

    /// A dataset with a table of these dates and one that was never released.
    fn dataset(dates: &[&str]) -> Dataset {
        let text = "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: '1'\nstatus: active\nschema:\n  - name: t\n    \
                    businessName: Buses\n    description: Where they were\n    properties:\n      - {name: id, logicalType: \
                    string, classification: public, description: An id}\n";
        let contract = Arc::new(odcs::contract(Path::new("t.odcs.yaml"), text).unwrap());
        let files = dates.iter().map(|date| file("bus", "t", date, "12345")).collect();
        let mut index = first_version("bus", "t", files);
        index.release = Some(Release {
            date: dates.last().unwrap_or(&"2026-11-24").parse().unwrap(),
            at: "2026-11-27T05:00:00Z".parse().unwrap(),
            complete_before: None,
            act: None,
        });
        index.columns = vec![IndexColumn {
            id: 1,
            name: "id".into(),
            kind: ColumnType::String,
            nullable: false,
            gone: false,
            since: None,
            until: None,
            earlier: Vec::new(),
        }];
        let withdrawn = first_version("bus", "gone", Vec::new());
        let about = About {
            title: Some("Wo die Busse waren".into()),
            title_en: None,
            standard: Some("gtfs-rt"),
            is_timetable: false,
            frequency: FREQUENCIES.concept("daily"),
            is_ended: false,
            sources: vec![SourceLicence {
                dataset: "bus".into(),
                name: "leitstelle".into(),
                rights: Rights::Licence {
                    id: "DL-DE-BY-2.0".into(),
                    address: Some("http://dcat-ap.de/def/licenses/dl-by-de/2.0".into()),
                },
                attribution: Some("Verkehrsverbund".into()),
                homepage: Some("https://verbund.example".into()),
            }],
        };
        let tables = [withdrawn, index].into_iter().map(|index| Table { contract: contract.clone(), index }).collect();
        Dataset {
            name: "bus".into(),
            about,
            tables,
            results: Vec::new(),
            overview: Overview::of("bus"),
            recency: Recency::default(),
        }
    }

    fn full() -> Metadata {
        let bus = DatasetMetadata {
            title_en: Some("Where the buses were".into()),
            keywords: vec!["Auslastung".into()],
            first_published: "2026-11-20".parse().ok(),
            high_value: HIGH_VALUE.concept("mobility"),
            ..DatasetMetadata::default()
        };
        Metadata {
            contact: Some(Contact {
                name: "Datenmanagement".into(),
                email: Some("daten@example.de".into()),
                url: None,
            }),
            publisher_type: PUBLISHER_TYPES.concept("local authority"),
            contributor: Some("datenBW".into()),
            geocoding: Geocoding::of("08317096"),
            transport_modes: vec![TRANSPORT_MODES.concept("bus").unwrap()],
            area: Some([48.2, 7.6, 48.75, 8.3]),
            datasets: [("bus".to_owned(), bus)].into(),
            ..Metadata::default()
        }
    }

    fn text(site: Site, datasets: Vec<Dataset>) -> String {
        turtle::write(&graph(&Catalogue { site, datasets }))
    }

    #[test]
    fn all_that_is_known_is_said() {
        let site = site(Some("https://daten.example.de/"), full());
        insta::assert_snapshot!(text(site, vec![dataset(&["2026-11-23", "2026-11-24"])]));
    }

    #[test]
    fn what_is_not_known_is_left_out_and_names_are_relative_to_the_file() {
        insta::assert_snapshot!(text(site(None, Metadata::default()), vec![dataset(&["2026-11-24"])]));
    }

    #[test]
    fn a_date_that_was_withdrawn_is_covered_no_more_and_a_dataset_without_files_is_not_there() {
        let of = |dates: &[&str]| text(site(None, full()), vec![dataset(dates)]);
        let (before, after) = (of(&["2026-11-23", "2026-11-24"]), of(&["2026-11-23"]));
        assert!(before.contains("dcat:endDate \"2026-11-24\"") && !after.contains("2026-11-24"), "{after}");
        assert!(before.contains("data/bus/t") && !before.contains("data/bus/gone"));
        let none = of(&[]);
        assert!(none.contains("a dcat:Catalog ;") && !none.contains("dcat:Dataset") && !none.contains("record-bus"));
        // The names of what stays are the same.
        let names =
            |text: &str| text.lines().filter(|line| line.starts_with('<')).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(names(&before), names(&after));
    }

    #[test]
    fn no_text_of_a_configuration_breaks_out_of_its_place() {
        let hostile = "a\"b\\c\n> .\n<#x> a <y>\u{0}";
        let mut site = site(None, full());
        (site.title, site.publisher, site.licence) = (hostile.into(), hostile.into(), "other".into());
        site.licence_url = Some(hostile.into());
        let mut dataset = dataset(&["2026-11-24"]);
        dataset.name = hostile.into();
        let graph = graph(&Catalogue { site, datasets: vec![dataset] });
        let text = turtle::write(&graph);
        assert!(!text.contains("<y>\n") && text.contains(r#""a\"b\\c\n> .\n<#x> a <y>�"@de"#), "{text}");
        assert!(text.contains("dcterms:license <a%22b%5Cc%0A%3E%20.%0A%3C#x%3E%20a%20%3Cy%3E%00>"), "{text}");
        let value: serde_json::Value = serde_json::from_str(&json_ld::write(&graph)).unwrap();
        assert_eq!(value["@graph"].as_array().unwrap().len(), graph.nodes.len());
    }
}
