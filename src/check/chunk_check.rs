//! A chunk on its way through the rules over rows.

use crate::check::gate::{Flag, RowGate};
use crate::check::memory::Booked;
use crate::check::outcome::TableRule;
use crate::check::verdict::Verdict;
use crate::table::Chunk;
use crate::table::keys::Keys;

/// A chunk on its way through the rules over rows.
pub(super) struct ChunkCheck<'a> {
    pub chunk: &'a Chunk,
    /// Those of the tables that came before.
    pub keys: &'a Keys,
    pub gate: &'a mut RowGate,
    pub account: &'a mut Booked,
    /// What the rules have said so far.
    pub verdict: Verdict,
}

impl<'a> ChunkCheck<'a> {
    pub(super) fn new(chunk: &'a Chunk, keys: &'a Keys, gate: &'a mut RowGate, account: &'a mut Booked) -> Self {
        let torn = chunk.flaws.iter().filter(|flaw| flaw.column.is_none()).map(|flaw| flaw.row as usize).collect();
        Self { chunk, keys, gate, account, verdict: Verdict { torn, ..Verdict::default() } }
    }

    pub(super) fn flag(&mut self, rule: &mut TableRule, flag: Flag) {
        self.gate.flag(rule, &self.chunk.rows, flag, &mut self.verdict);
    }
}
