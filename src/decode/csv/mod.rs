//! CSV text is cut into blocks of whole records, and each block into fields.
//!
//! The text is read as the canonical validator's reader does (univocity 2.9.1, line end LF, quotes doubled inside quotes):
//! blanks around a value are none of it, also outside of its quotes; CR is a blank, so that CR LF and CR CR LF end a line;
//! a value whose closing quote is followed by more text runs to the next comma and keeps its quotes.
//!
//! The common block (no quotes, every record as long as the header) is used as it came: one scan finds the separators.
//! Any other block is first rewritten field by field.

mod blocks;
mod fields;
mod texts;

#[cfg(test)]
mod tests;

pub(crate) use blocks::{BARE_RETURNS, Block, Blocks, bare_returns};
pub(crate) use fields::{Fields, Remark, Swallowing, Torn, header_fields};
pub(crate) use texts::{float, integer, trim};
