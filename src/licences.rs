//! Licences: how they are written, what the list of GovData calls them, and under which licences data may be released that were made
//! of data under them. It is a table of what the licences' own texts say, no legal advice; each entry names the place.

use crate::yaml::shown;
use crate::yaml::{Node, Problems, suggestion};

/// Under which licences a release may stand that is made of data under a licence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Terms {
    /// Any.
    Free,
    /// Any that demands that whoever is to be named is named.
    Attribution,
    /// One of these, by their ids; whoever is to be named is named, too. With none of them nothing may be released.
    OneOf(&'static [&'static str]),
}

/// A licence that is known here.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Licence {
    /// Of SPDX, where it has one.
    pub id: &'static str,
    /// What else is written, in small letters.
    others: &'static [&'static str],
    /// Its name in the list of GovData (<https://www.dcat-ap.de/def/licenses/>), which has no slash at its end.
    govdata: Option<&'static str>,
    /// Where its text is.
    pub url: Option<&'static str>,
    pub terms: Terms,
    /// Where the text says so.
    pub basis: &'static str,
}

/// The data are the publisher's own.
pub(crate) const OWN: &str = "own";
/// An agreement with whoever has the rights lets the publisher release the data under the licence of the release.
pub(crate) const AGREEMENT: &str = "agreement";

const BY_SA: Terms = Terms::OneOf(&["CC-BY-SA-4.0", "LAL-1.3", "GPL-3.0-only", "GPL-3.0-or-later"]);
const BY_SA_3: Terms = Terms::OneOf(&["CC-BY-SA-3.0", "CC-BY-SA-3.0-DE", "CC-BY-SA-4.0"]);
const BY_BASIS: &str = "CC BY 4.0, section 3(a): whoever shares adapted material names who made it";
const BY_3_BASIS: &str = "CC BY 3.0, section 4(b): whoever shares adaptations names who made the work";
const ND_BASIS: &str = "CC BY-ND 4.0, section 2(a)(1)(B): adapted material may be made and not shared, and tables made of a feed are adapted";

const fn licence(
    id: &'static str,
    others: &'static [&'static str],
    govdata: &'static str,
    url: &'static str,
    terms: Terms,
    basis: &'static str,
) -> Licence {
    Licence {
        id,
        others,
        govdata: if govdata.is_empty() { None } else { Some(govdata) },
        url: if url.is_empty() { None } else { Some(url) },
        terms,
        basis,
    }
}

const LICENCES: &[Licence] = &[
    licence(
        "CC-BY-4.0",
        &[],
        "cc-by/4.0",
        "https://creativecommons.org/licenses/by/4.0/",
        Terms::Attribution,
        BY_BASIS,
    ),
    licence(
        "CC-BY-SA-4.0",
        &[],
        "cc-by-sa/4.0",
        "https://creativecommons.org/licenses/by-sa/4.0/",
        BY_SA,
        "CC BY-SA 4.0, section 3(b), and the list of compatible licences of Creative Commons: adapted material is shared under the \
         same licence, a later one or a compatible one",
    ),
    licence(
        "CC-BY-ND-4.0",
        &[],
        "cc-by-nd/4.0",
        "https://creativecommons.org/licenses/by-nd/4.0/",
        Terms::OneOf(&[]),
        ND_BASIS,
    ),
    licence(
        "CC-BY-NC-4.0",
        &[],
        "cc-by-nc/4.0",
        "https://creativecommons.org/licenses/by-nc/4.0/",
        Terms::OneOf(&["CC-BY-NC-4.0", "CC-BY-NC-SA-4.0"]),
        "CC BY-NC 4.0, section 2(a)(1): the data may be shared for purposes that are not commercial only, which no open licence says",
    ),
    licence(
        "CC-BY-NC-SA-4.0",
        &[],
        "",
        "https://creativecommons.org/licenses/by-nc-sa/4.0/",
        Terms::OneOf(&["CC-BY-NC-SA-4.0"]),
        "CC BY-NC-SA 4.0, section 3(b): adapted material is shared under the same licence or a later one",
    ),
    licence(
        "CC-BY-NC-ND-4.0",
        &[],
        "",
        "https://creativecommons.org/licenses/by-nc-nd/4.0/",
        Terms::OneOf(&[]),
        ND_BASIS,
    ),
    licence("CC-BY-3.0", &[], "", "https://creativecommons.org/licenses/by/3.0/", Terms::Attribution, BY_3_BASIS),
    licence(
        "CC-BY-3.0-DE",
        &[],
        "cc-by-de/3.0",
        "https://creativecommons.org/licenses/by/3.0/de/",
        Terms::Attribution,
        BY_3_BASIS,
    ),
    licence(
        "CC-BY-SA-3.0",
        &[],
        "",
        "https://creativecommons.org/licenses/by-sa/3.0/",
        BY_SA_3,
        "CC BY-SA 3.0, section 4(b): adaptations are shared under the same licence, that of another country or a later one",
    ),
    licence(
        "CC-BY-SA-3.0-DE",
        &[],
        "cc-by-sa-de/3.0",
        "https://creativecommons.org/licenses/by-sa/3.0/de/",
        BY_SA_3,
        "CC BY-SA 3.0 DE, section 4(b): adaptations are shared under the same licence, that of another country or a later one",
    ),
    licence(
        "CC0-1.0",
        &["cc0", "cc-zero"],
        "cc-zero",
        "https://creativecommons.org/publicdomain/zero/1.0/",
        Terms::Free,
        "CC0 1.0, section 2: all rights are waived",
    ),
    licence(
        "DL-DE-BY-2.0",
        &["dl-de/by-2-0", "dl-by-de/2.0", "dl-de-by-2-0"],
        "dl-by-de/2.0",
        "https://www.govdata.de/dl-de/by-2-0",
        Terms::Attribution,
        "Datenlizenz Deutschland – Namensnennung – Version 2.0, (2): whoever uses the data names who provides them",
    ),
    licence(
        "DL-DE-ZERO-2.0",
        &["dl-de/zero-2-0", "dl-zero-de/2.0", "dl-de-zero-2-0"],
        "dl-zero-de/2.0",
        "https://www.govdata.de/dl-de/zero-2-0",
        Terms::Free,
        "Datenlizenz Deutschland – Zero – Version 2.0: any use is free of conditions",
    ),
    licence(
        "ODbL-1.0",
        &["odbl"],
        "odbl",
        "https://opendatacommons.org/licenses/odbl/1-0/",
        Terms::OneOf(&["ODbL-1.0"]),
        "ODbL 1.0, section 4.4: a derivative database is shared under the same licence, a later one or a compatible one",
    ),
    licence(
        "ODC-By-1.0",
        &["odc-by"],
        "odby",
        "https://opendatacommons.org/licenses/by/1-0/",
        Terms::Attribution,
        "ODC-By 1.0, sections 4.2 and 4.3: derivative databases keep the notices",
    ),
    licence(
        "PDDL-1.0",
        &["pddl"],
        "odcpddl",
        "https://opendatacommons.org/licenses/pddl/1-0/",
        Terms::Free,
        "PDDL 1.0, section 3: all rights are given up",
    ),
    licence(
        "Apache-2.0",
        &[],
        "apache",
        "https://www.apache.org/licenses/LICENSE-2.0",
        Terms::Attribution,
        "Apache License 2.0, section 4: derivative works keep the notices",
    ),
    licence(
        "GPL-3.0-only",
        &["gpl-3.0"],
        "gpl/3.0",
        "https://www.gnu.org/licenses/gpl-3.0.html",
        Terms::OneOf(&["GPL-3.0-only"]),
        "GPL 3.0, section 5(c): modified works are under the same licence",
    ),
    licence(
        "GPL-3.0-or-later",
        &[],
        "gpl/3.0",
        "https://www.gnu.org/licenses/gpl-3.0.html",
        Terms::OneOf(&["GPL-3.0-or-later", "GPL-3.0-only"]),
        "GPL 3.0, sections 5(c) and 14: modified works are under the same licence or a later one",
    ),
    licence(
        "MPL-2.0",
        &[],
        "mozilla",
        "https://www.mozilla.org/MPL/2.0/",
        Terms::OneOf(&["MPL-2.0"]),
        "MPL 2.0, section 3.1: modifications are under the same licence",
    ),
    licence(
        "GFDL-1.3-only",
        &["gfdl-1.3"],
        "gfdl",
        "https://www.gnu.org/licenses/fdl-1.3.html",
        Terms::OneOf(&["GFDL-1.3-only"]),
        "GFDL 1.3, section 4: modified versions are under the same licence",
    ),
    licence(
        "GFDL-1.3-or-later",
        &[],
        "gfdl",
        "https://www.gnu.org/licenses/fdl-1.3.html",
        Terms::OneOf(&["GFDL-1.3-or-later", "GFDL-1.3-only"]),
        "GFDL 1.3, sections 4 and 10: modified versions are under the same licence or a later one",
    ),
    licence(
        "LAL-1.3",
        &[],
        "",
        "https://artlibre.org/licence/lal/en/",
        Terms::OneOf(&["LAL-1.3", "CC-BY-SA-4.0"]),
        "Free Art License 1.3, sections 3 and 5: works made of the work are under the same licence or a compatible one",
    ),
    licence(OWN, &[], "", "", Terms::Free, "the publisher has the rights"),
    licence(AGREEMENT, &[], "", "", Terms::Free, "whoever has the rights agreed to the release under its licence"),
    licence(
        "proprietary",
        &["none", "all rights reserved"],
        "",
        "",
        Terms::OneOf(&[]),
        "whoever has the rights (UrhG, sections 87a to 87e) gave no leave to publish what is made of the data",
    ),
];

impl Licence {
    /// Whether it is an open word of a source about its rights, and no licence that a release can have.
    pub(crate) fn is_of_sources_only(&self) -> bool {
        self.url.is_none()
    }

    /// The address in the list of GovData; where it is not on it, that of its text.
    pub(crate) fn address(&self) -> Option<String> {
        let listed = self.govdata.map(|name| format!("http://dcat-ap.de/def/licenses/{name}"));
        listed.or_else(|| self.url.map(str::to_owned))
    }

    /// Whether everybody may use the data for any purpose and pass on what they make of them.
    pub(crate) fn is_open(&self) -> bool {
        let is_for_some = ["-NC-", "-ND-"].iter().any(|word| self.id.contains(word));
        !self.is_of_sources_only() && !is_for_some
    }

    /// Whether (EU) 2023/138, Art. 4, allows it for high-value datasets: CC0, CC BY 4.0 or what is as free as they are. Whoever makes
    /// something of the data may have to name who provides them, and nothing more.
    pub(crate) fn is_free_for_high_value(&self) -> bool {
        self.is_open() && matches!(self.terms, Terms::Free | Terms::Attribution)
    }

    /// Whether an address leads to this licence, by its own address or by one of the lists of others.
    pub(crate) fn is_at(&self, url: &str) -> bool {
        let asked = place(url);
        let listed = self.govdata.map(|name| format!("dcat-ap.de/def/licenses/{name}"));
        let spdx = format!("spdx.org/licenses/{}", self.id);
        let eu = format!("publications.europa.eu/resource/authority/licence/{}", self.id.replace(['-', '.'], "_"));
        let known = self.url.into_iter().map(str::to_owned).chain(listed).chain([spdx, eu]);
        known.map(|known| place(&known)).any(|known| known == asked)
    }

    /// Whether whoever is to be named must be.
    pub(crate) fn demands_attribution(&self) -> bool {
        match self.terms {
            Terms::Free => false,
            Terms::Attribution => true,
            Terms::OneOf(others) => !others.is_empty(),
        }
    }

    /// Whether what is made of data under this licence may be released under another.
    pub(crate) fn allows(&self, release: &Licence) -> bool {
        match self.terms {
            Terms::Free => true,
            Terms::Attribution => release.terms != Terms::Free,
            Terms::OneOf(others) => others.contains(&release.id),
        }
    }
}

/// An address without what makes no other text of it: the scheme, `www.`, a slash at the end, the ending of a file, and the words for the
/// summary, the text and its language (`deed.de`, `legalcode`).
fn place(url: &str) -> String {
    let url = url.trim().to_ascii_lowercase();
    let url = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
    let url = url.strip_prefix("www.").unwrap_or(url);
    let url = url.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    let (before, last) = url.rsplit_once('/').unwrap_or(("", url));
    let word = last.split('.').next().unwrap_or_default();
    if ["deed", "legalcode", "summary"].contains(&word) {
        return before.trim_end_matches('/').to_owned();
    }
    let is_language = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_lowercase());
    let mut parts: Vec<&str> = url.split('.').collect();
    while parts.len() > 2
        && parts.last().is_some_and(|last| ["html", "htm", "txt", "md"].contains(last) || is_language(last))
    {
        parts.pop();
    }
    // The domain of the country is none of these.
    let shortened = parts.join(".");
    if shortened.contains('/') { shortened } else { url.to_owned() }
}

/// A licence by its id of SPDX, or as it is written elsewhere; large and small letters are the same.
pub(crate) fn find(written: &str) -> Option<&'static Licence> {
    let written = written.trim().to_ascii_lowercase();
    LICENCES.iter().find(|known| known.id.to_ascii_lowercase() == written || known.others.contains(&written.as_str()))
}

/// The licence of a release; words that only sources have are none.
pub(crate) fn of_release(written: &str) -> Option<&'static Licence> {
    find(written).filter(|licence| !licence.is_of_sources_only())
}

/// The address of a licence in the list of GovData, if it is on it.
pub(crate) fn govdata_address(written: &str) -> Option<String> {
    find(written).filter(|licence| licence.govdata.is_some())?.address()
}

/// What was meant by a licence of a source that is not known.
pub(crate) fn suggested(written: &str) -> String {
    suggested_of(written, LICENCES.iter())
}

/// What was meant by a licence of a release that is not known.
pub(crate) fn suggested_of_release(written: &str) -> String {
    suggested_of(written, LICENCES.iter().filter(|licence| !licence.is_of_sources_only()))
}

/// Tells of a `licence_url` of a map that is not the address of the licence beside it.
pub(crate) fn contradiction(licence: &Licence, map: &Node, problems: &mut Problems) {
    let (Some(node), Some(address)) = (map.get("licence_url"), licence.url) else { return };
    let Some(url) = node.scalar().filter(|url| !licence.is_at(url)) else { return };
    let message = format!("'licence_url: {}' is not the address of {}, which 'licence' says", shown(&url), licence.id);
    problems.add(node.line, message, format!("Write 'licence_url: {address}', or take the line out."));
}

fn suggested_of(written: &str, known: impl Iterator<Item = &'static Licence>) -> String {
    let ids: Vec<&str> = known.map(|licence| licence.id).collect();
    // Small and capital letters are the same here, and not to the search for what is near.
    let same = written.trim().to_ascii_uppercase();
    let known: Vec<String> = ids.iter().map(|id| id.to_ascii_uppercase()).collect();
    let capitals: Vec<&str> = known.iter().map(String::as_str).collect();
    let told = suggestion(&same, &capitals);
    ids.iter().zip(&known).fold(told, |told, (id, capital)| told.replace(capital, id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_licence_is_found_by_the_id_of_spdx_and_by_the_german_one() {
        let by = Some("http://dcat-ap.de/def/licenses/dl-by-de/2.0".to_owned());
        assert_eq!((govdata_address("DL-DE-BY-2.0"), govdata_address("dl-de/by-2-0")), (by.clone(), by));
        assert_eq!(govdata_address("CC-BY-4.0").as_deref(), Some("http://dcat-ap.de/def/licenses/cc-by/4.0"));
        assert_eq!((govdata_address("our own"), govdata_address("own"), of_release("own")), (None, None, None));
    }

    #[test]
    fn each_licence_is_there_once_and_names_licences_that_are_there() {
        let mut written: Vec<String> = Vec::new();
        for licence in LICENCES {
            written.push(licence.id.to_ascii_lowercase());
            written.extend(licence.others.iter().map(|other| (*other).to_owned()));
            if let Terms::OneOf(others) = licence.terms {
                assert!(others.iter().all(|other| find(other).is_some_and(|known| known.id == *other)), "{licence:?}");
            }
            assert!(!licence.basis.is_empty() && !licence.basis.contains("  "), "{licence:?}");
        }
        let all = written.len();
        written.sort();
        written.dedup();
        assert_eq!(written.len(), all);
    }

    #[test]
    fn a_release_keeps_what_the_licences_of_its_sources_demand() {
        let allows = |source: &str, release: &str| find(source).unwrap().allows(of_release(release).unwrap());
        for (source, release, expected) in [
            ("CC0-1.0", "CC0-1.0", true),
            ("dl-de/zero-2-0", "ODbL-1.0", true),
            ("own", "CC0-1.0", true),
            ("agreement", "CC-BY-4.0", true),
            ("CC-BY-4.0", "CC-BY-4.0", true),
            ("CC-BY-4.0", "DL-DE-BY-2.0", true),
            ("CC-BY-4.0", "CC0-1.0", false),
            ("DL-DE-BY-2.0", "DL-DE-ZERO-2.0", false),
            ("DL-DE-BY-2.0", "CC-BY-SA-4.0", true),
            ("CC-BY-SA-4.0", "CC-BY-SA-4.0", true),
            ("CC-BY-SA-4.0", "CC-BY-4.0", false),
            ("CC-BY-SA-4.0", "ODbL-1.0", false),
            ("CC-BY-SA-3.0", "CC-BY-SA-4.0", true),
            ("CC-BY-SA-4.0", "CC-BY-SA-3.0", false),
            ("ODbL-1.0", "ODbL-1.0", true),
            ("ODbL-1.0", "CC-BY-4.0", false),
            ("CC-BY-NC-4.0", "CC-BY-4.0", false),
            ("CC-BY-NC-4.0", "CC-BY-NC-4.0", true),
            ("CC-BY-ND-4.0", "CC-BY-ND-4.0", false),
            ("proprietary", "CC-BY-4.0", false),
        ] {
            assert_eq!(allows(source, release), expected, "{source} -> {release}");
        }
    }

    #[test]
    fn an_address_is_that_of_a_licence_however_it_is_written() {
        for (licence, url, expected) in [
            ("CC-BY-4.0", "https://creativecommons.org/licenses/by/4.0/", true),
            ("CC-BY-4.0", "http://creativecommons.org/licenses/by/4.0", true),
            ("CC-BY-4.0", "https://creativecommons.org/licenses/by/4.0/deed.de", true),
            ("CC-BY-4.0", "https://www.creativecommons.org/licenses/by/4.0/legalcode.de#s3", true),
            ("CC-BY-4.0", "http://dcat-ap.de/def/licenses/cc-by/4.0", true),
            ("CC-BY-4.0", "https://spdx.org/licenses/CC-BY-4.0.html", true),
            ("CC-BY-4.0", "http://publications.europa.eu/resource/authority/licence/CC_BY_4_0", true),
            ("CC-BY-4.0", "https://creativecommons.org/licenses/by-sa/4.0/", false),
            ("CC-BY-4.0", "https://creativecommons.org/licenses/by/3.0/", false),
            ("CC-BY-4.0", "https://stadt.example/lizenz", false),
            ("CC-BY-3.0", "https://creativecommons.org/licenses/by/3.0/de/", false),
            ("CC-BY-3.0-DE", "https://creativecommons.org/licenses/by/3.0/de/deed.de", true),
            ("CC-BY-SA-4.0", "https://creativecommons.org/licenses/by/4.0/", false),
            ("CC0-1.0", "https://creativecommons.org/publicdomain/zero/1.0/deed.en", true),
            ("dl-de/by-2-0", "http://www.govdata.de/dl-de/by-2-0/", true),
            ("dl-de/by-2-0", "https://www.govdata.de/dl-de/zero-2-0", false),
            ("Apache-2.0", "https://www.apache.org/licenses/LICENSE-2.0.txt", true),
            ("GPL-3.0-only", "https://www.gnu.org/licenses/gpl-3.0.de.html", true),
            ("ODbL-1.0", "https://opendatacommons.org/licenses/odbl/1-0", true),
        ] {
            assert_eq!(find(licence).unwrap().is_at(url), expected, "{licence} {url}");
        }
        for licence in LICENCES.iter().filter(|licence| !licence.is_of_sources_only()) {
            let addresses = licence.url.map(str::to_owned).into_iter().chain(licence.address());
            addresses.for_each(|url| assert!(licence.is_at(&url), "{url}"));
        }
    }

    #[test]
    fn what_is_open_and_what_high_value_datasets_may_have() {
        let told = |id: &str| find(id).map(|licence| (licence.is_open(), licence.is_free_for_high_value())).unwrap();
        for id in ["CC0-1.0", "CC-BY-4.0", "CC-BY-3.0", "dl-de/by-2-0", "dl-de/zero-2-0", "ODC-By-1.0", "PDDL-1.0"] {
            assert_eq!(told(id), (true, true), "{id}");
        }
        for id in ["CC-BY-SA-4.0", "CC-BY-SA-3.0-DE", "ODbL-1.0", "GPL-3.0-only", "LAL-1.3"] {
            assert_eq!(told(id), (true, false), "{id}");
        }
        for id in ["CC-BY-NC-4.0", "CC-BY-ND-4.0", "CC-BY-NC-ND-4.0", "CC-BY-NC-SA-4.0", "own", "proprietary"] {
            assert_eq!(told(id), (false, false), "{id}");
        }
    }

    #[test]
    fn what_is_not_known_is_answered_with_what_was_meant() {
        assert_eq!(suggested("cc-by-4"), "Did you mean 'CC-BY-4.0'?");
        assert_eq!(suggested("odbl-1"), "Did you mean 'ODbL-1.0'?");
        assert_eq!(suggested("DL-DE-BY-2"), "Did you mean 'DL-DE-BY-2.0'?");
    }
}
