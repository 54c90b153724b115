//! The dates of a run, as people write them and as they are told.

use crate::time::ServiceDate;

/// A date as people write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DateArgument {
    On(ServiceDate),
    /// So many days after today, by the calendar of the workspace's zone.
    Relative(i32),
}

impl std::str::FromStr for DateArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_lowercase().as_str() {
            "today" | "heute" => Ok(Self::Relative(0)),
            "yesterday" | "gestern" => Ok(Self::Relative(-1)),
            _ => match text.parse() {
                Ok(date) => Ok(Self::On(date)),
                Err(_) => Err(format!(
                    "expected a date like 2026-11-24 and no time behind it, today or yesterday, found '{text}'"
                )),
            },
        }
    }
}

impl DateArgument {
    pub(super) fn on(self, today: ServiceDate) -> ServiceDate {
        match self {
            Self::On(date) => date,
            Self::Relative(days) => today.plus_days(days),
        }
    }
}

/// A part of a range of dates, for workers that share it: of `COUNT` dates in a row the one at `INDEX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slice {
    index: usize,
    count: usize,
}

impl std::str::FromStr for Slice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
        match numbers {
            Some((index, count)) if index < count => Ok(Self { index, count }),
            _ => Err(format!("expected INDEX/COUNT with an index below the count, as 0/30 and 29/30, found '{text}'")),
        }
    }
}

impl Slice {
    /// The items of the part, in order. All parts together are all items, each once.
    pub(super) fn of<T>(self, items: Vec<T>) -> Vec<T> {
        items.into_iter().skip(self.index).step_by(self.count).collect()
    }
}

/// Dates in a row as one: `2026-11-01 to 2026-11-05, 2026-11-08`. In order.
pub(in crate::cli) fn spans(dates: &[ServiceDate]) -> String {
    let mut spans: Vec<(ServiceDate, ServiceDate)> = Vec::new();
    for date in dates {
        match spans.last_mut() {
            Some((_, last)) if last.plus_days(1) == *date => *last = *date,
            _ => spans.push((*date, *date)),
        }
    }
    let shown = spans.iter().map(|(first, last)| match first == last {
        true => first.to_string(),
        false => format!("{first} to {last}"),
    });
    shown.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slices_of_a_range_are_the_range_each_date_once() {
        for (dates, count) in [(30, 30), (30, 7), (3, 5), (0, 2), (1, 1)] {
            let slice = |index: usize| format!("{index}/{count}").parse::<Slice>().unwrap();
            let mut all: Vec<u32> = (0..count).flat_map(|index| slice(index).of((0..dates).collect())).collect();
            all.sort_unstable();
            assert_eq!(all, (0..dates).collect::<Vec<_>>());
        }
        assert_eq!("2/30".parse::<Slice>().unwrap().of((0..30).collect()), [2]);
        for wrong in ["30/30", "0/0", "-1/3", "1", "1/", "a/b", "1/2/3", ""] {
            assert!(wrong.parse::<Slice>().unwrap_err().contains("INDEX/COUNT"), "{wrong}");
        }
    }
}
