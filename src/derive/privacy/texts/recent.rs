//! A few texts that came lately.

/// A few texts that came lately, each at the place that its last bytes give. The stops of a trip come again with the next
/// trip, and comparing a text takes a tenth of hashing it.
#[derive(Default)]
pub(super) struct Recent(Vec<String>);

impl Recent {
    const PLACES: usize = 1 << 11;

    /// Whether a text was there lately; it is from now on.
    pub(super) fn has(&mut self, text: &str) -> bool {
        if self.0.is_empty() {
            self.0.resize(Self::PLACES, String::new());
        }
        let bytes = text.as_bytes();
        let end = bytes[bytes.len().saturating_sub(8)..].iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        let place = (end ^ bytes.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 53;
        let there = &mut self.0[place as usize];
        // An empty text looks like nothing private.
        if there == text {
            return true;
        }
        there.clear();
        there.push_str(text);
        false
    }
}
