//! Network cuts: for some seconds nobody listens, and all connections end.

use std::time::Duration;

use crate::simulate::dice::Dice;

/// Cuts by a schedule, made by [`Cuts::new`].
#[derive(Clone, Copy, Debug)]
pub struct Cuts {
    count: u32,
    length: Duration,
    over: Duration,
}

impl Cuts {
    /// So many cuts of `seconds` each, at seeded moments of as many equal parts of the `over` seconds from the start on. Of each
    /// part at least half is without a cut; else an error that says what to change.
    pub fn new(count: u32, seconds: u32, over: u32) -> Result<Self, String> {
        if u64::from(count) * u64::from(seconds) * 2 > u64::from(over) {
            return Err(format!(
                "{count} cuts of {seconds} s do not fit into {over} s, of which half is to be without: raise --over, or lower \
                 --cut-seconds"
            ));
        }
        let [length, over] = [seconds, over].map(|seconds| Duration::from_secs(seconds.into()));
        Ok(Self { count, length, over })
    }

    /// When each begins, after the start, and how long it is.
    pub(super) fn schedule(self, seed: u64) -> Vec<(Duration, Duration)> {
        let part = self.over / self.count.max(1);
        let start = |number: u32| {
            let place = Dice::new(seed, &format!("cut {number}")).unit();
            (part * number + (part - self.length).mul_f64(place), self.length)
        };
        (0..self.count).map(start).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_lie_within_their_time_and_apart() {
        let schedule = Cuts::new(3, 20, 1800).unwrap().schedule(1);
        assert_eq!(schedule.len(), 3);
        assert!(schedule.windows(2).all(|pair| pair[0].0 + pair[0].1 <= pair[1].0), "{schedule:?}");
        assert!(schedule[2].0 + schedule[2].1 <= Duration::from_secs(1800));
        assert_ne!(schedule, Cuts::new(3, 20, 1800).unwrap().schedule(2));
        assert!(Cuts::new(3, 20, 119).unwrap_err().contains("raise --over"));
    }
}
