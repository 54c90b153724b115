//! Graphs of RDF and the forms in which they are written, for all files that have one: what may stand in an address or a text is
//! decided here once.

pub(super) mod graph;
pub(super) mod json_ld;
pub(super) mod turtle;
