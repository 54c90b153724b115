//! Seals hours that are over while others are collected, on a thread of its own that gives way to everything else.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::capture::evidence::upload::Spool;
use crate::capture::evidence::{Store, seal};

/// Between two looks for hours that are over.
const EVERY: Duration = Duration::from_secs(300);
/// Between two looks whether the collector ends.
const NAP: Duration = Duration::from_millis(200);
/// How much less of the processor it gets than the collector, as `nice` has it.
const NICE: i32 = 15;

/// Seals what is due of all sources, again and again until it is over, and stores it elsewhere where that is configured.
pub(super) fn seal_all(evidence: &Path, spool: Option<&Spool>, is_over: &dyn Fn() -> bool) {
    // Of this thread alone. Without it sealing is as quick as collecting, and no more.
    let _ = rustix::process::nice(NICE);
    loop {
        let until = Instant::now() + EVERY;
        while Instant::now() < until {
            if is_over() {
                return;
            }
            std::thread::sleep(NAP);
        }
        if let Some(spool) = spool {
            spool.work_off(crate::time::now(), is_over);
            continue;
        }
        let sources = match Store::new(evidence).sources() {
            Ok(sources) => sources,
            Err(error) => {
                tracing::warn!("hours that are over were not sealed: {error}");
                continue;
            }
        };
        for source in sources {
            seal::seal_and_tell(evidence, &source, crate::time::now(), is_over);
        }
    }
}
