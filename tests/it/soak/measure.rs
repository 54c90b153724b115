//! How steadily a collector asked, from the log of the server.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::log::{Asked, Log, Span};

/// Milliseconds off its grid that an ask may be, of retries: what follows a failure sooner than the next beat.
const EARLY: i64 = 250;

/// How steadily all sources were asked.
#[derive(Debug, Default)]
pub(crate) struct Beats {
    /// Requests that were beats, and those that were tries after a failure.
    pub beats: usize,
    pub retries: usize,
    /// How far each beat was from the grid of its source, in ms, sorted. The offset of a source is the median of its phases.
    pub jitter: Vec<i64>,
    /// How far the phase of a source moved from its first quarter to its last, in ms, at most.
    pub drift: i64,
    /// Beats of a source closer than half of `every` to the one before.
    pub bursts: Vec<String>,
}

impl Beats {
    /// A percentile of the jitter.
    pub(crate) fn percentile(&self, percent: usize) -> i64 {
        let last = self.jitter.len().saturating_sub(1);
        self.jitter.get((self.jitter.len() * percent / 100).min(last)).copied().unwrap_or_default()
    }
}

/// Measures against a grid of so many milliseconds.
pub(crate) fn beats(log: &Log, every: i64) -> Beats {
    let mut sources: BTreeMap<&str, Vec<&Asked>> = BTreeMap::new();
    for asked in &log.asked {
        sources.entry(&asked.path).or_default().push(asked);
    }
    let mut beats = Beats::default();
    for (path, asked) in sources {
        let mut phases = Vec::new();
        let mut before: Option<(&Asked, Timestamp)> = None;
        for asked in asked {
            if let Some((last, beat)) = before {
                let since = |at: Timestamp| asked.at.as_millisecond() - at.as_millisecond();
                if !last.is_ok() && since(last.at) < every - EARLY && since(beat) < every - EARLY {
                    beats.retries += 1;
                    before = Some((asked, beat));
                    continue;
                }
                if since(beat) < every / 2 {
                    beats.bursts.push(format!("{path} at {}, {} ms after the beat before", asked.at, since(beat)));
                }
            }
            before = Some((asked, asked.at));
            phases.push(asked.at.as_millisecond().rem_euclid(every));
        }
        beats.beats += phases.len();
        let offset = median(&phases, every);
        beats.jitter.extend(phases.iter().map(|phase| off(*phase, offset, every).abs()));
        let quarter = phases.len() / 4;
        if quarter > 0 {
            let [first, last] = [&phases[..quarter], &phases[phases.len() - quarter..]].map(|part| median(part, every));
            beats.drift = beats.drift.max(off(last, first, every).abs());
        }
    }
    beats.jitter.sort_unstable();
    beats
}

/// How far a phase is from another one, on a circle.
fn off(phase: i64, from: i64, every: i64) -> i64 {
    (phase - from + every / 2).rem_euclid(every) - every / 2
}

/// The median of phases on a circle, which is opened in its widest gap.
fn median(phases: &[i64], every: i64) -> i64 {
    let mut sorted = phases.to_vec();
    sorted.sort_unstable();
    let gap = |place: usize| match place {
        0 => sorted[0] + every - sorted[sorted.len() - 1],
        _ => sorted[place] - sorted[place - 1],
    };
    let Some(begin) = (0..sorted.len()).max_by_key(|place| gap(*place)) else { return 0 };
    sorted[(begin + sorted.len() / 2) % sorted.len()]
}

/// Milliseconds from the start of each process to the first request that the server saw of it, if there was one.
pub(crate) fn first_requests(log: &Log, lives: &[Span]) -> Vec<Option<i64>> {
    let first = |life: &Span| {
        let first = log.asked.iter().map(|asked| asked.at).filter(|at| life.has(*at)).min()?;
        Some(first.as_millisecond() - life.from.as_millisecond())
    };
    lives.iter().map(first).collect()
}

#[cfg(test)]
mod tests {
    use super::super::log::parse;
    use super::*;

    fn log(asked: &[(&str, i64, u16)]) -> Log {
        let line = |(request, (path, at, status)): (usize, &(&str, i64, u16))| {
            let at = Timestamp::from_millisecond(1_795_752_000_000 + at).unwrap();
            format!(
                "{{\"request\":{request},\"at\":\"{at}\",\"ended\":\"{at}\",\"path\":\"{path}\",\"status\":{status},\
                 \"complete\":true,\"sha256\":\"{}\"}}\n",
                "0".repeat(64)
            )
        };
        parse(&asked.iter().enumerate().map(line).collect::<String>())
    }

    #[test]
    fn jitter_is_against_the_grid_of_each_source_also_over_its_end() {
        // The offset of one is 2 ms before the end of the beat, that of the other a second.
        let one = (0..100).map(|beat| ("one", beat * 5000 + 4998 + [0, 4, -3][beat as usize % 3], 200));
        let other = (0..100).map(|beat| ("other", beat * 5000 + 1000 + i64::from(beat == 50) * 80, 200));
        let beats = beats(&log(&one.chain(other).collect::<Vec<_>>()), 5000);
        assert_eq!((beats.beats, beats.retries, beats.bursts.len(), beats.drift), (200, 0, 0, 0), "{beats:?}");
        assert_eq!((beats.percentile(50), beats.percentile(99), beats.percentile(100)), (0, 4, 80));
    }

    #[test]
    fn bursts_drift_and_retries_are_told_apart() {
        let bursts = beats(&log(&[("a", 0, 200), ("a", 5000, 200), ("a", 6000, 200), ("a", 10_000, 200)]), 5000);
        assert_eq!((bursts.bursts.len(), bursts.beats), (1, 4), "{bursts:?}");
        let retries = beats(&log(&[("a", 0, 500), ("a", 1000, 503), ("a", 3000, 200), ("a", 5000, 200)]), 5000);
        assert_eq!((retries.bursts.len(), retries.beats, retries.retries), (0, 2, 2), "{retries:?}");
        let drifting: Vec<_> = (0..100).map(|beat| ("a", beat * 5003, 200)).collect();
        assert_eq!(beats(&log(&drifting), 5000).drift, 75 * 3);
    }

    #[test]
    fn a_process_that_never_asked_has_no_first_request() {
        let at = |ms: i64| Timestamp::from_millisecond(1_795_752_000_000 + ms).unwrap();
        let lives = [Span { from: at(0), until: at(400) }, Span { from: at(410), until: at(2000) }];
        assert_eq!(first_requests(&log(&[("a", 500, 200), ("a", 1500, 200)]), &lives), [None, Some(90)]);
    }
}
