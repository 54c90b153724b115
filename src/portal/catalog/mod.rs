//! `catalog.ttl` and `catalog.jsonld`: the catalogue that GovData, Mobilithek and other portals harvest.
//!
//! Both files hold one graph, which [`dcat`] makes of what was released and what the configuration says, and of nothing else:
//! the same bucket gives the same bytes. It follows DCAT-AP.de 3.0 and mobilityDCAT-AP 1.1 at once.

mod dcat;

use crate::portal::catalogue::Catalogue;
use crate::portal::rdf::{json_ld, turtle};

/// The names of both files.
pub(crate) const FILES: [&str; 2] = [dcat::TURTLE, "catalog.jsonld"];

/// The names of both files, and their texts.
pub(super) fn files(catalogue: &Catalogue) -> [(&'static str, String); 2] {
    let graph = dcat::graph(catalogue);
    let [turtle, json_ld] = FILES;
    [(turtle, turtle::write(&graph)), (json_ld, json_ld::write(&graph))]
}
