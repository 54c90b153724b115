//! What a file of many captures gives.

use crate::capture::{Capture, CaptureError};

/// The most that one body may have.
pub(super) const BODY_BYTES: u64 = 256 << 20;

/// What stands in a file of many captures.
pub(super) enum Piece {
    Capture(Box<Capture>),
    /// What is no capture although nothing is wrong with it, and how many of it.
    PassedOver(String, u64),
    /// For people.
    Problem(String),
}

pub(super) type Give<'a> = &'a mut dyn FnMut(Piece) -> Result<(), CaptureError>;
