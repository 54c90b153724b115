//! Chance that is the same every time: one stream for each purpose, so that a new use of chance changes no other.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

pub struct Dice(ChaCha8Rng);

impl Dice {
    /// The stream of a seed and a purpose.
    pub fn new(seed: u64, purpose: &str) -> Self {
        let mut digest = Sha256::new();
        digest.update(seed.to_le_bytes());
        digest.update(purpose);
        Self(ChaCha8Rng::from_seed(digest.finalize().into()))
    }

    /// From 0 to 1, 1 not included.
    pub fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// A whole number from 0, `below` not included.
    pub fn below(&mut self, below: usize) -> usize {
        ((self.unit() * below as f64) as usize).min(below.saturating_sub(1))
    }

    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// A count with this mean (Poisson, by multiplication; for small means).
    pub fn count(&mut self, mean: f64) -> u32 {
        let limit = (-mean).exp();
        let mut product = self.unit();
        let mut count = 0;
        while product > limit && count < 200 {
            product *= self.unit();
            count += 1;
        }
        count
    }
}
