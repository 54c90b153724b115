//! The workspace of a city.
