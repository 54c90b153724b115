//! The beats of sources over time, a line for each: cells of equal length, each a sign that says without colour what it is.

use std::io::IsTerminal;

use jiff::{SignedDuration, Timestamp};

use super::found::{Found, length};
use crate::capture::coverage::{Class, LEGEND, Sign};
use crate::cli::terminal::{coloured, one_line, print_coloured};
use crate::workspace::Workspace;

/// Lengths of cells, in seconds: what people count in. Longer ones are whole days.
const LENGTHS: [i64; 14] = [60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10_800, 14_400, 21_600, 43_200, 86_400];
/// A name has so much room, at most.
const NAME: usize = 32;

/// In how many cells a period is shown; the last may reach beyond it.
pub(super) fn cells(from: Timestamp, until: Timestamp, width: usize, sources: &[String]) -> usize {
    let room = width.saturating_sub(name_width(sources.iter().map(String::as_str)) + 2).max(10);
    let seconds = until.duration_since(from).as_secs().max(1);
    let room = i64::try_from(room).unwrap_or(10);
    let each = LENGTHS.into_iter().find(|each| seconds <= each * room);
    let each = each.unwrap_or_else(|| (seconds / 86_400 / room + 1) * 86_400);
    usize::try_from((seconds + each - 1) / each).unwrap_or(1).max(1)
}

fn name_width<'a>(names: impl Iterator<Item = &'a str>) -> usize {
    names.map(|name| name.chars().count()).max().unwrap_or(0).min(NAME)
}

/// The sign of a cell and its colour.
fn sign(counts: &[u64; Class::ALL.len()]) -> (char, Option<u8>) {
    let Some(sign) = Sign::of(counts) else { return (' ', None) };
    let colour = match sign {
        Sign::All | Sign::Most => 32,
        Sign::Half | Sign::Gap(Class::Skipped) => 33,
        Sign::Gap(Class::Silent | Class::Frozen) => 36,
        Sign::Gap(Class::Unreadable) => 35,
        Sign::Gap(Class::Off) => 34,
        Sign::Gap(_) | Sign::Unexplained => 31,
    };
    (sign.char(), Some(colour))
}

pub(super) fn print(workspace: &Workspace, found: &[Found], no_colour: bool) {
    let Some(first) = found.iter().find(|found| found.coverage.beats > 0) else { return };
    let is_plain = no_colour
        || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
        || !std::io::stdout().is_terminal();
    let width = name_width(found.iter().map(|found| found.source.as_str()));
    let mut lines = vec![axis(workspace, first, width)];
    for Found { source, coverage, .. } in found {
        let name: String = one_line(source).chars().take(width).collect();
        let mut line = coloured(&format!("{name:width$}  "), None);
        let signs: Vec<(char, Option<u8>)> = coverage.cells.iter().map(sign).collect();
        for run in signs.chunk_by(|one, other| one.1 == other.1) {
            let text: String = run.iter().map(|(sign, _)| sign).collect();
            let colour = run.first().and_then(|(_, colour)| *colour).filter(|_| !is_plain);
            line += &coloured(&text, colour);
        }
        lines.push(line);
    }
    lines.push(LEGEND.to_owned());
    print_coloured(&lines);
}

/// When the first cell begins and the last ends, and how long a cell is.
fn axis(workspace: &Workspace, found: &Found, width: usize) -> String {
    let (from, until) = (found.coverage.shown_from, found.coverage.until);
    let count = found.coverage.cells.len().max(1);
    let local = |at: Timestamp| workspace.zone.to_datetime(at).strftime("%m-%d %H:%M").to_string();
    let each = i32::try_from(count).map_or(SignedDuration::ZERO, |count| until.duration_since(from) / count);
    // A new source has no beats before.
    let begins = if from > found.coverage.from { "; nothing was asked before" } else { "" };
    let (first, last) = (local(from), format!("{} (a sign is {}{begins})", local(until), length(each)));
    let space = count.saturating_sub(first.len() + local(until).len()).max(2);
    coloured(&format!("{:width$}  {first}{:space$}{last}", "", ""), None)
}
