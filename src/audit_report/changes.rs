//! Contracts that changed in the year, with the lines that went and those that came, from the texts in the ledger.

use crate::audit_report::count::sums::Values;
use crate::audit_report::figure::Key;
use crate::digest::Digest;
use crate::ledger::object_key;
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;

/// Changes that are shown, and lines of each.
const CHANGES: usize = 6;
const LINES: usize = 14;
/// Bytes of a text that is compared, and characters of a line that is shown.
const TEXT: usize = 1 << 20;
const LINE: usize = 200;
/// Pairs of lines that are compared; of larger texts all lines between the first and the last change are told.
const PAIRS: usize = 4_000_000;

/// A contract's text, and the one after it.
#[derive(Debug, PartialEq)]
pub(crate) struct ContractChange {
    pub contract: String,
    /// The first date of which the new text was used.
    pub since: String,
    pub old: Digest,
    pub new: Digest,
    pub shown: Shown,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Shown {
    /// A text is not in the ledger, or is not what its name says.
    Missing(Digest),
    Lines {
        lines: Vec<Line>,
        has_more: bool,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Line {
    Gone(String),
    New(String),
}

/// The changes, in the order of their dates by contract; the first ones.
///
/// # Errors
/// The bucket cannot be read.
pub(super) fn of(bucket: &Bucket, values: &Values) -> Result<Vec<ContractChange>, PublishError> {
    let rows = values.get(&Key::Contracts).map(Vec::as_slice).unwrap_or_default();
    let mut changes = Vec::new();
    for pair in rows.windows(2).filter(|pair| pair[0][0] == pair[1][0] && pair[0][2] != pair[1][2]) {
        let (Some(old), Some(new)) = (Digest::parse(pair[0][2].text()), Digest::parse(pair[1][2].text())) else {
            continue;
        };
        if changes.len() == CHANGES {
            break;
        }
        let shown = match (text(bucket, &old)?, text(bucket, &new)?) {
            (Some(one), Some(other)) => shown(&one, &other),
            (None, _) => Shown::Missing(old),
            _ => Shown::Missing(new),
        };
        let (contract, since) = (pair[1][0].text().to_owned(), pair[1][3].text().to_owned());
        changes.push(ContractChange { contract, since, old, new, shown });
    }
    Ok(changes)
}

fn text(bucket: &Bucket, digest: &Digest) -> Result<Option<String>, PublishError> {
    let bytes = bucket.get(&object_key(digest))?;
    let bytes = bytes.filter(|bytes| bytes.len() <= TEXT && Digest::of(bytes) == *digest);
    Ok(bytes.and_then(|bytes| String::from_utf8(bytes.to_vec()).ok()))
}

fn shown(old: &str, new: &str) -> Shown {
    let mut lines = difference(&old.lines().collect::<Vec<_>>(), &new.lines().collect::<Vec<_>>());
    let has_more = lines.len() > LINES;
    lines.truncate(LINES);
    Shown::Lines { lines, has_more }
}

fn cut(line: &str) -> String {
    match line.char_indices().nth(LINE) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

/// The lines that went and came, by the longest common subsequence of what is between the first and the last change.
fn difference(old: &[&str], new: &[&str]) -> Vec<Line> {
    let same = |(one, other): &(&&str, &&str)| one == other;
    let before = old.iter().zip(new).take_while(same).count();
    let (old, new) = (&old[before..], &new[before..]);
    let after = old.iter().rev().zip(new.iter().rev()).take_while(same).count();
    let (old, new) = (&old[..old.len() - after], &new[..new.len() - after]);
    let gone = |line: &&str| Line::Gone(cut(line));
    let come = |line: &&str| Line::New(cut(line));
    if old.len().saturating_mul(new.len()) > PAIRS {
        return old.iter().map(gone).chain(new.iter().map(come)).collect();
    }
    let width = new.len() + 1;
    let mut common = vec![0_u32; (old.len() + 1) * width];
    for row in (0..old.len()).rev() {
        for column in (0..new.len()).rev() {
            common[row * width + column] = match old[row] == new[column] {
                true => common[(row + 1) * width + column + 1] + 1,
                false => common[(row + 1) * width + column].max(common[row * width + column + 1]),
            };
        }
    }
    let (mut row, mut column, mut lines) = (0, 0, Vec::new());
    while row < old.len() || column < new.len() {
        let down = if row < old.len() { Some(common[(row + 1) * width + column]) } else { None };
        let right = if column < new.len() { Some(common[row * width + column + 1]) } else { None };
        match (down, right) {
            (Some(_), Some(_)) if old[row] == new[column] => (row, column) = (row + 1, column + 1),
            (Some(down), right) if right.is_none_or(|right| down >= right) => {
                lines.push(gone(&old[row]));
                row += 1;
            }
            _ => {
                lines.push(come(&new[column]));
                column += 1;
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_that_went_or_came_are_told() {
        let told = |old: &'static str, new: &'static str| {
            let lines = |text: &'static str| text.split_whitespace().collect::<Vec<_>>();
            let told = difference(&lines(old), &lines(new));
            let say = |line: &Line| match line {
                Line::Gone(text) => format!("-{text}"),
                Line::New(text) => format!("+{text}"),
            };
            told.iter().map(say).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(told("a b c", "a b c"), "");
        assert_eq!(told("a b c d", "a x c y d"), "-b +x +y");
        assert_eq!(told("a b b c", "a b c"), "-b");
        assert_eq!(told("", "a b"), "+a +b");
        assert_eq!(told("a b", ""), "-a -b");
    }
}
