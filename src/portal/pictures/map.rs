//! A map of the stops and lines of a timetable: an SVG file that needs nothing else, no tiles and no server.

mod extent;
mod mesh;
mod network;
mod picture;
mod simplify;

use crate::portal::pictures::map::extent::Extent;
pub(crate) use crate::portal::pictures::map::network::{Drawing, Network, NetworkLine};

/// Draws a network; none where it has neither a stop nor a line at a place on earth.
///
/// Same network, same drawing. It takes n log n of the points, and a few times that if there is much to leave out.
pub(crate) fn draw(network: &Network) -> Option<Drawing> {
    let extent = Extent::of(network)?;
    Some(picture::draw(network, &extent))
}

/// The size of a drawing without the notes at its foot, of its [`Drawing::bounds`]. A page keeps a place of this shape for it.
pub(crate) fn size(bounds: [f64; 4]) -> [f64; 2] {
    [extent::WIDTH, extent::height(bounds)]
}

#[cfg(test)]
mod tests;
