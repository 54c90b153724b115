//! The pictures of the portal: pure functions from figures to SVG.
//!
//! Each says in words what it shows, has its own measure (scale bar or axis), and is legible on light and dark paper and on a phone.

pub(crate) mod colour;

pub(crate) mod map;

pub(crate) mod hours;
pub(crate) mod trend;
