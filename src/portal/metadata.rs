//! What catalogues of others want to know of a city and of its datasets that no file in the bucket says.

use std::collections::BTreeMap;

use crate::time::ServiceDate;

/// What `contact` and `catalogues` of the configuration say. All of it may be missing: then nothing is said of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metadata {
    pub contact: Option<Contact>,
    /// The page about the data, where that is not the bucket's own.
    pub homepage: Option<String>,
    /// Of [`PUBLISHER_TYPES`].
    pub publisher_type: Option<Concept>,
    /// Who brings the data to GovData: a name of the list `http://dcat-ap.de/def/contributors/`.
    pub contributor: Option<String>,
    pub geocoding: Option<Geocoding>,
    /// Who is to be named by whoever uses the data; the publisher where nothing else is said.
    pub attribution: Option<String>,
    /// Of [`TRANSPORT_MODES`].
    pub transport_modes: Vec<Concept>,
    /// South, west, north, east of the service area, in degrees (WGS 84).
    pub area: Option<[f64; 4]>,
    /// By their names.
    pub datasets: BTreeMap<String, DatasetMetadata>,
}

/// Who answers questions about the data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contact {
    pub name: String,
    pub email: Option<String>,
    pub url: Option<String>,
}

/// What the configuration says of one dataset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatasetMetadata {
    /// Where it stands in the file.
    pub line: u32,
    pub title: Option<String>,
    pub title_en: Option<String>,
    pub description: Option<String>,
    pub description_en: Option<String>,
    pub keywords: Vec<String>,
    pub keywords_en: Vec<String>,
    /// The day on which the dataset was published for the first time.
    pub first_published: Option<ServiceDate>,
    /// Of [`FREQUENCIES`].
    pub frequency: Option<Concept>,
    /// Of [`HIGH_VALUE`], if the city declares the dataset to be one.
    pub high_value: Option<Concept>,
}

/// A list of concepts that standards refer to, and the plain words for them in the configuration.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Vocabulary {
    prefix: &'static str,
    /// A word, and what the concept is called behind the prefix.
    words: &'static [(&'static str, &'static str)],
}

/// A concept of a vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Concept {
    prefix: &'static str,
    code: &'static str,
}

impl Vocabulary {
    /// What may be written.
    pub(crate) fn words(&self) -> Vec<&'static str> {
        self.words.iter().map(|(word, _)| *word).collect()
    }

    pub(crate) fn concept(&self, word: &str) -> Option<Concept> {
        let (_, code) = self.words.iter().find(|(known, _)| *known == word)?;
        Some(Concept { prefix: self.prefix, code })
    }
}

impl Concept {
    pub fn address(self) -> String {
        format!("{}{}", self.prefix, self.code)
    }
}

/// How often a dataset is renewed, by the EU's authority table of frequencies: the most frequent first.
pub(crate) const FREQUENCIES: Vocabulary = Vocabulary {
    prefix: "http://publications.europa.eu/resource/authority/frequency/",
    words: &[
        ("continuous", "UPDATE_CONT"),
        ("hourly", "HOURLY"),
        ("daily", "DAILY"),
        ("weekly", "WEEKLY"),
        ("monthly", "MONTHLY"),
        ("quarterly", "QUARTERLY"),
        ("yearly", "ANNUAL"),
        ("irregular", "IRREG"),
    ],
};

/// What kind of body publishes, by the vocabulary of ADMS.
pub(crate) const PUBLISHER_TYPES: Vocabulary = Vocabulary {
    prefix: "http://purl.org/adms/publishertype/",
    words: &[
        ("local authority", "LocalAuthority"),
        ("regional authority", "RegionalAuthority"),
        ("national authority", "NationalAuthority"),
        ("company", "Company"),
        ("non-profit organisation", "NonProfitOrganisation"),
        ("academic organisation", "Academia-ScientificOrganisation"),
    ],
};

/// The categories of high-value datasets, by the annex of (EU) 2023/138.
pub(crate) const HIGH_VALUE: Vocabulary = Vocabulary {
    prefix: "http://data.europa.eu/bna/",
    words: &[
        ("mobility", "c_b79e35eb"),
        ("geospatial", "c_ac64a52d"),
        ("statistics", "c_e1da4e07"),
        ("earth observation and environment", "c_dd313021"),
        ("meteorological", "c_164e0bf5"),
        ("companies", "c_a9135398"),
    ],
};

/// Modes of transport, by mobilityDCAT-AP.
pub(crate) const TRANSPORT_MODES: Vocabulary = Vocabulary {
    prefix: "https://w3id.org/mobilitydcat-ap/transport-mode/",
    words: &[
        ("bus", "bus"),
        ("tram-light-rail", "tram-light-rail"),
        ("metro-subway-train", "metro-subway-train"),
        ("regional-and-local-rail", "regional-and-local-rail"),
        ("long-distance-rail", "long-distance-rail"),
        ("long-distance-coach", "long-distance-coach"),
        ("shuttle-bus", "shuttle-bus"),
        ("shuttle-ferry", "shuttle-ferry"),
        ("maritime", "maritime"),
        ("ride-pooling", "ride-pooling"),
        ("taxi", "taxi"),
        ("bike-sharing", "bike-sharing"),
        ("car-sharing", "car-sharing"),
        ("e-scooter", "e-scooter"),
        ("other", "other"),
    ],
};

/// The official key of the place that the data are about (amtlicher Gemeindeschlüssel).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Geocoding(String);

impl Geocoding {
    /// 8 digits are a municipality, 12 the same by its regional key, 5 a district, 2 a state; the first two are those of the state, from
    /// 01 to 16.
    pub fn of(key: &str) -> Option<Self> {
        let is_key = [2, 5, 8, 12].contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_digit());
        let state = key.get(..2).filter(|_| is_key).and_then(|state| state.parse::<u8>().ok());
        let is_right = state.is_some_and(|state| (1..=16).contains(&state));
        is_right.then(|| Self(key.to_owned()))
    }

    /// Of the place, in the vocabulary of GovData.
    pub fn address(&self) -> String {
        let list = match self.0.len() {
            2 => "stateKey",
            5 => "districtKey",
            8 => "municipalityKey",
            _ => "regionalKey",
        };
        format!("http://dcat-ap.de/def/politicalGeocoding/{list}/{}", self.0)
    }

    /// Of the level of administration, in the vocabulary of GovData.
    pub fn level(&self) -> &'static str {
        match self.0.len() {
            2 => "http://dcat-ap.de/def/politicalGeocoding/Level/state",
            5 => "http://dcat-ap.de/def/politicalGeocoding/Level/administrativeDistrict",
            _ => "http://dcat-ap.de/def/politicalGeocoding/Level/municipality",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_keys_have_addresses_in_their_vocabularies() {
        let daily = FREQUENCIES.concept("daily").unwrap().address();
        assert_eq!(daily, "http://publications.europa.eu/resource/authority/frequency/DAILY");
        assert_eq!((FREQUENCIES.concept("dayly"), FREQUENCIES.words()[2]), (None, "daily"));
        for (key, address, level) in [
            ("08317096", "municipalityKey/08317096", "municipality"),
            ("083170096096", "regionalKey/083170096096", "municipality"),
            ("08317", "districtKey/08317", "administrativeDistrict"),
            ("08", "stateKey/08", "state"),
        ] {
            let key = Geocoding::of(key).unwrap();
            assert!(key.address().ends_with(address) && key.level().ends_with(level), "{key:?}");
        }
        for key in ["", "8317096", "0831709x", "٠٨", "00000000", "17", "99317096"] {
            assert_eq!(Geocoding::of(key), None, "{key}");
        }
    }
}
