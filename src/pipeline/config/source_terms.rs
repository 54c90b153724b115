//! Under which licence a source gives its data, and who is to be named for it.

use crate::licences::{self, Licence};
use crate::yaml::{Node, Problems};

/// The keys of a source about its rights, whatever its type is.
pub(super) const KEYS: [&str; 4] = ["licence", "licence_url", "attribution", "homepage"];

/// What the file of a pipeline says of the rights of a source. The file says it for the public: addresses that a source is asked at
/// may have secrets and are not in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SourceTerms {
    /// Where the source stands, or its licence, if it has one.
    pub(crate) line: u32,
    pub(crate) licence: Option<Named>,
    /// Where the text of the licence is.
    pub(crate) licence_url: Option<String>,
    /// Who is to be named.
    pub(crate) attribution: Option<String>,
    /// A page about the source.
    pub(crate) homepage: Option<String>,
}

/// A licence of a source.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Named {
    Known(&'static Licence),
    /// One of its own, as it is written; where its text is, is said.
    Other(String),
}

impl SourceTerms {
    /// What the item of a source says; its mistakes go to `problems`.
    pub(crate) fn read(item: &Node, problems: &mut Problems) -> Self {
        let mut text = |key: &str| item.line_of_text(key, problems);
        let (written, attribution) = (text("licence"), text("attribution"));
        let licence_url = item.web_address("licence_url", problems);
        let homepage = item.web_address("homepage", problems);
        let line = item.get("licence").map_or(item.line, |node| node.line);
        let licence = written.and_then(|written| named(written, item, line, problems));
        if let Some(Named::Known(known)) = &licence {
            licences::contradiction(known, item, problems);
        }
        let is_known = |licence: &Named| matches!(licence, Named::Known(known) if known.demands_attribution());
        if licence.as_ref().is_some_and(is_known) && item.get("attribution").is_none() {
            let message = "the licence of the source demands that somebody is named, and it is not said who";
            let remedy =
                "Write 'attribution: Verkehrsverbund Musterland' beside it, as whoever provides the data wants it.";
            problems.add(line, message, remedy);
        }
        Self { line, licence, licence_url, attribution, homepage }
    }
}

fn named(written: String, item: &Node, line: u32, problems: &mut Problems) -> Option<Named> {
    match licences::find(&written) {
        Some(known) => Some(Named::Known(known)),
        None if item.get("licence_url").is_some() => Some(Named::Other(written)),
        None => {
            let remedy = format!(
                "{} Write the id of SPDX; 'own' where the data are the publisher's, 'agreement' where whoever has the rights agreed \
                 to the release, or the licence's own name and 'licence_url:' with the address of its text.",
                licences::suggested(&written)
            );
            problems.add(line, format!("the licence '{written}' of the source is not known"), remedy);
            None
        }
    }
}
