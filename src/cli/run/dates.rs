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
