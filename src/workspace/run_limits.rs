//! How long jobs may be at work: `limits: run_warn` and `limits: run_kill`.

use std::time::Duration;

use crate::yaml::{Node, Problems};

/// After which people are told, where nothing is said, and after which a job is killed.
const WARN: Duration = Duration::from_secs(3600);
const KILL: Duration = Duration::from_secs(86_400);
const LEAST: Duration = Duration::from_secs(60);
const MOST: Duration = Duration::from_secs(30 * 86_400);

/// How long a job may be at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunLimits {
    /// After so long, or several times its usual length, whichever is longer, people are told that it hangs.
    pub warn: Duration,
    /// After so long it is killed, and tried again; `None`: never.
    pub kill: Option<Duration>,
}

impl Default for RunLimits {
    fn default() -> Self {
        Self { warn: WARN, kill: Some(KILL) }
    }
}

impl RunLimits {
    /// Reads them from the configuration, whose root is `node`.
    pub(super) fn read(node: &Node, problems: &mut Problems) -> Self {
        let mut read = |name: &str, default: Option<Duration>| {
            let Some(node) = node.get("limits").and_then(|limits| limits.get(name)) else { return default };
            let text = node.scalar().unwrap_or_default();
            if name == "run_kill" && text.trim() == "never" {
                return None;
            }
            let time = time(&text).filter(|time| (LEAST..=MOST).contains(time));
            if time.is_none() {
                let or_never = if name == "run_kill" { ", or 'never'" } else { "" };
                let remedy = format!("Write a time from '1 min' to '30 days', as '90 min' or '6 h'{or_never}.");
                problems.add(node.line, format!("'{name}: {text}' is no time that a job may be at work"), remedy);
            }
            time.or(default)
        };
        let (warn, kill) = (read("run_warn", Some(WARN)), read("run_kill", Some(KILL)));
        let limits = Self { warn: warn.unwrap_or(WARN), kill };
        if limits.kill.is_some_and(|kill| kill < limits.warn) {
            let line = node.get("limits").map_or(node.line, |limits| limits.line);
            let remedy = "Make 'run_kill' the longer one: people are told before a job is killed.";
            problems.add(line, "'run_kill' is shorter than 'run_warn', which is 1 h where it is not written", remedy);
        }
        limits
    }
}

/// `90 min`, `6 h`, `2 days`.
fn time(text: &str) -> Option<Duration> {
    let text = text.trim();
    let (number, unit) = text.split_at(text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len()));
    let factor = match unit.trim() {
        "min" => 60,
        "h" | "hour" | "hours" => 3_600,
        "day" | "days" => 86_400,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::yaml;

    fn read(text: &str) -> (RunLimits, usize) {
        let file = Path::new("fahrtenbuch.yaml");
        let mut problems = Problems::new(file);
        let limits = RunLimits::read(&yaml::parse(file, text).unwrap(), &mut problems);
        (limits, problems.found.len())
    }

    #[test]
    fn limits_of_jobs_are_times_and_people_are_told_before_one_is_killed() {
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        let of = |warn, kill| RunLimits { warn: hours(warn), kill };
        assert_eq!(read("title: x\n"), (of(1, Some(hours(24))), 0));
        assert_eq!(read("limits: {run_warn: 2 h, run_kill: 3 days}\n"), (of(2, Some(hours(72))), 0));
        assert_eq!(read("limits: {run_kill: never}\n"), (of(1, None), 0));
        assert_eq!(read("limits: {run_kill: 30 min}\n").1, 1);
        for wrong in ["run_warn: never", "run_warn: 5", "run_kill: 31 days", "run_kill: 0 h"] {
            assert_eq!(read(&format!("limits: {{{wrong}}}\n")).1, 1, "{wrong}");
        }
    }
}
