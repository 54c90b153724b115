//! What a run of the program costs.

use std::process::{Command, Stdio};
use std::time::Duration;

/// Whether the program was built with optimisation: without, it takes some ten times as long, and its own code 60 MiB.
const IS_OPTIMISED: bool = !matches!(env!("FAHRTENBUCH_OPT_LEVEL").as_bytes(), b"0" | b"1");
/// MiB that a run may take beside `limits: memory`.
pub(crate) const OVERHEAD: u64 = if IS_OPTIMISED { 100 } else { 130 };
/// Processor time that a hostile input may take.
pub(crate) const MOST_TIME: Duration = Duration::from_secs(if IS_OPTIMISED { 10 } else { 100 });

/// MiB that verifying a bucket of a thousand releases may take.
pub(crate) const VERIFY_PEAK: u64 = if IS_OPTIMISED { 50 } else { 80 };
/// Processor time that it may take beside the reading.
pub(crate) const VERIFY_TIME: Duration = Duration::from_secs(if IS_OPTIMISED { 1 } else { 10 });

pub(crate) struct Cost {
    /// The most memory that was resident, MiB.
    pub peak: u64,
    /// Processor time of all threads.
    pub time: Duration,
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

impl Cost {
    /// What was said, on both ways.
    pub(crate) fn said(&self) -> String {
        format!("{}{}", String::from_utf8_lossy(&self.stdout), String::from_utf8_lossy(&self.stderr))
    }
}

/// Processor time from `/proc/…/stat`, in hundredths of a second as Linux counts. Behind the name in brackets utime is the twelfth, stime the
/// thirteenth.
fn ticks(stat: &str) -> u64 {
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum()
}

/// Processor time of this thread so far.
pub(crate) fn own_time() -> Duration {
    Duration::from_millis(ticks(&std::fs::read_to_string("/proc/thread-self/stat").unwrap()) * 10)
}

/// Runs a command to its end. Memory and time are looked at every few milliseconds, so time may lack those.
pub(crate) fn cost(command: &mut Command) -> Cost {
    let out = tempfile::tempdir().unwrap();
    let file = |name: &str| std::fs::File::create(out.path().join(name)).unwrap();
    command.stdin(Stdio::null()).stdout(file("stdout")).stderr(file("stderr"));
    let mut child = command.spawn().unwrap();
    let folder = format!("/proc/{}", child.id());
    let read = |name: &str| std::fs::read_to_string(format!("{folder}/{name}")).unwrap_or_default();
    let (mut peak, mut ticks) = (0, 0);
    let code = loop {
        let (status, stat) = (read("status"), read("stat"));
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
        peak = line.and_then(|line| line.trim().parse().ok()).unwrap_or(0).max(peak);
        ticks = self::ticks(&stat).max(ticks);
        if let Some(status) = child.try_wait().unwrap() {
            break status.code();
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let read = |name: &str| std::fs::read(out.path().join(name)).unwrap();
    let time = Duration::from_millis(ticks * 10);
    assert!(peak > 0, "the command ended before it was looked at");
    Cost { peak: peak / 1024, time, code, stdout: read("stdout"), stderr: read("stderr") }
}
