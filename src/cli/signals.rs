//! Signals: Ctrl-C and SIGTERM end a collector, SIGHUP lets it look at its configuration.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};

use crate::capture::collector::Stop;

/// A signal that comes so soon after the first is the same wish: 'timeout' and terminals send it twice.
const TWICE: Duration = Duration::from_secs(1);

/// The signals that end a collector. The first lets it end by itself, the second ends the process.
pub(super) struct Signals(Arc<OnceLock<&'static str>>);

impl Signals {
    pub(super) fn listen(stop: Stop) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (mut interrupt, mut terminate) = {
            let _inside = runtime.enter();
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
        };
        let received = Arc::new(OnceLock::new());
        let first = received.clone();
        std::thread::spawn(move || {
            let mut at = Instant::now();
            runtime.block_on(async {
                loop {
                    let name = tokio::select! {
                        _ = interrupt.recv() => "Ctrl-C",
                        _ = terminate.recv() => "SIGTERM",
                    };
                    if first.set(name).is_ok() {
                        at = Instant::now();
                        stop.request();
                    } else if at.elapsed() > TWICE {
                        std::process::exit(1);
                    }
                }
            });
        });
        Ok(Self(received))
    }

    pub(super) fn received(&self) -> Option<&'static str> {
        self.0.get().copied()
    }
}

/// Whether SIGHUP came since it was last asked.
pub(super) struct HangUp(Arc<AtomicBool>);

impl HangUp {
    pub(super) fn listen() -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut hang_up = {
            let _inside = runtime.enter();
            signal(SignalKind::hangup())?
        };
        let came = Arc::new(AtomicBool::new(false));
        let set = came.clone();
        std::thread::spawn(move || {
            runtime.block_on(async {
                while hang_up.recv().await.is_some() {
                    set.store(true, Ordering::Relaxed);
                }
            });
        });
        Ok(Self(came))
    }

    pub(super) fn came(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}
