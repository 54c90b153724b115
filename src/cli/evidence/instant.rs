//! Times that people write: one reading for all commands about evidence.

use jiff::Timestamp;
use jiff::ZonedDateTime;
use jiff::civil::Time;
use jiff::fmt::temporal::Pieces;
use jiff::tz::TimeZone;

use crate::cli::exit::{Exit, usage};
use crate::time::first_local_instant;
use crate::workspace::Workspace;

/// An instant, a time by the clock of the workspace, or the midnight of a date.
pub(super) fn instant(workspace: &Workspace, text: &str) -> Result<Timestamp, Exit> {
    read(text, &workspace.zone).ok_or_else(|| {
        let remedy = "Write 2026-11-24 (its midnight), '2026-11-24 10:00' or 2026-11-24T10:00:00.25 (by the clock of \
                      'time_zone'), or 2026-11-24T09:00:00Z or 2026-11-24T10:00:00+01:00";
        usage(&format!("'{text}' is no date and no time. {remedy}."))
    })
}

fn read(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let text = text.trim();
    let pieces = Pieces::parse(text).ok()?;
    if pieces.time_zone_annotation().is_some() {
        return text.parse::<ZonedDateTime>().ok().map(|zoned| zoned.timestamp());
    }
    if pieces.offset().is_some() {
        return text.parse().ok();
    }
    first_local_instant(pieces.date().to_datetime(pieces.time().unwrap_or(Time::midnight())), zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str, zone: &str) -> Option<String> {
        read(text, &TimeZone::get(zone).unwrap()).map(|at| at.to_string())
    }

    #[test]
    fn a_time_is_read_to_its_end_and_by_the_clock_of_the_zone_where_it_names_none() {
        for (text, expected) in [
            ("2026-11-27", "2026-11-26T23:00:00Z"),
            ("2026-11-27 06:50:00", "2026-11-27T05:50:00Z"),
            ("2026-11-27 11:01", "2026-11-27T10:01:00Z"),
            ("2026-11-27T11:01", "2026-11-27T10:01:00Z"),
            ("2026-11-27T11:01:02.25", "2026-11-27T10:01:02.25Z"),
            ("2026-11-27 11:01:02,25", "2026-11-27T10:01:02.25Z"),
            ("2026-07-27 11:01:02", "2026-07-27T09:01:02Z"),
            ("2026-11-27T11:01:02Z", "2026-11-27T11:01:02Z"),
            ("2026-11-27 11:01Z", "2026-11-27T11:01:00Z"),
            ("2026-11-27T11:01:02.5+05:30", "2026-11-27T05:31:02.5Z"),
            ("2026-11-27T11:01[Asia/Tokyo]", "2026-11-27T02:01:00Z"),
        ] {
            assert_eq!(said(text, "Europe/Berlin").as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_time_that_the_clock_shows_twice_is_the_first_and_one_that_it_jumps_over_is_the_jump() {
        assert_eq!(said("2026-10-25 02:30", "Europe/Berlin").as_deref(), Some("2026-10-25T00:30:00Z"));
        for jumped_over in ["2026-03-29 02:00", "2026-03-29 02:30", "2026-03-29T02:59:59.9", "2026-03-29 03:00"] {
            assert_eq!(said(jumped_over, "Europe/Berlin").as_deref(), Some("2026-03-29T01:00:00Z"), "{jumped_over}");
        }
        // A midnight that there is not.
        assert_eq!(said("2018-11-04", "America/Sao_Paulo").as_deref(), Some("2018-11-04T03:00:00Z"));
    }

    #[test]
    fn what_is_no_date_and_no_time_is_none() {
        for text in [
            "",
            "yesterday",
            "2026-02-30",
            "2026-11-27 25:00",
            "2026-11-27 11:61",
            "2026-11-27 11:01:02 CET",
            "11:01",
            "2026-11-27 11:01 ",
            "9999-12-31T23:59:59-20:00",
            "2026-11-27T11:01[Asia/Nowhere]",
            "27.11.2026",
        ] {
            assert!(text.ends_with(' ') == said(text, "Europe/Berlin").is_some(), "{text}");
        }
    }
}
