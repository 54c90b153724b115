//! The standard rules of GTFS Schedule: the canonical validator's notices over a whole feed.
//!
//! Takes a [`Timetable`] and makes a [`Report`]: for each notice how often it was found, with samples. A rule is one
//! file of this folder: its notices in both languages, its check, and the examples that are its test and its
//! explanation. To declare the module below is to register the rule. Codes, severities, context fields and counts are
//! those of the canonical validator (<https://gtfs-validator.mobilitydata.org/rules.html>).
//!
//! A rule that looks across rows runs only if the tables that it needs could be read; a report names those that did not
//! run and the files that kept them from it.

pub mod agencies;
pub mod agency_ids;
pub mod amounts;
pub mod attributions;
pub mod bikes;
pub mod blocks;
pub mod booking_rules;
pub mod calendars;
pub mod cells;
pub mod columns;
pub mod continuous_stops;
pub mod contrast;
pub mod fare_categories;
pub mod fare_joins;
pub mod fare_media;
pub mod fare_transfers;
pub mod feed;
pub mod feed_info;
pub mod files;
pub mod flex_geography;
pub mod flex_windows;
pub mod frequencies;
pub mod geojson;
pub mod headsigns;
pub mod keys;
pub mod languages;
pub mod letter_case;
pub mod levels;
pub mod networks;
pub(super) mod of_run;
pub mod origin_and_poles;
pub mod outline;
pub mod parent_stations;
pub mod pathways;
mod pictures;
mod prelude;
pub mod ranges;
pub mod recommended_files;
pub mod references;
pub mod route_names;
pub mod route_types;
pub mod rows;
pub mod service_window;
pub mod services;
pub mod shape_distances;
mod shape_matches;
pub mod shape_matching;
pub mod shapes;
pub mod speeds;
pub mod stop_access;
pub mod stop_locations;
pub mod stop_names;
pub mod stop_time_distances;
pub mod stop_time_order;
pub mod stop_times;
pub mod stop_times_of_stops;
mod summary;
pub mod timeframes;
pub mod timepoints;
pub mod transfers;
pub mod translations;
pub mod trip_edges;
pub mod trips;
pub mod urls;
pub mod values;
pub mod zone_ids;
pub mod zones;

use self::feed::Feed;
use crate::contract::notices::Change;
use crate::decode::gtfs::Timetable;
use crate::feed_rules::notice::{Notice, Out};
use crate::feed_rules::report;
use crate::feed_rules::rule::{self, Rule};
use crate::time::ServiceDate;

/// All rules, in the order of their names.
pub static RULES: &[&Rule<Feed>] = &[
    &agencies::RULE,
    &agency_ids::RULE,
    &amounts::RULE,
    &attributions::RULE,
    &bikes::RULE,
    &blocks::RULE,
    &booking_rules::RULE,
    &calendars::RULE,
    &cells::RULE,
    &continuous_stops::RULE,
    &contrast::RULE,
    &fare_categories::RULE,
    &fare_joins::RULE,
    &fare_media::RULE,
    &fare_transfers::RULE,
    &feed_info::RULE,
    &files::RULE,
    &flex_geography::RULE,
    &flex_windows::RULE,
    &frequencies::RULE,
    &geojson::RULE,
    &headsigns::RULE,
    &keys::RULE,
    &languages::RULE,
    &letter_case::RULE,
    &levels::RULE,
    &networks::RULE,
    &origin_and_poles::RULE,
    &parent_stations::RULE,
    &pathways::RULE,
    &ranges::RULE,
    &recommended_files::RULE,
    &references::RULE,
    &route_names::RULE,
    &route_types::RULE,
    &service_window::RULE,
    &shape_distances::RULE,
    &shape_matching::RULE,
    &shapes::RULE,
    &speeds::RULE,
    &stop_access::RULE,
    &stop_locations::RULE,
    &stop_names::RULE,
    &stop_times_of_stops::RULE,
    &stop_time_distances::RULE,
    &stop_time_order::RULE,
    &stop_times::RULE,
    &timeframes::RULE,
    &timepoints::RULE,
    &transfers::RULE,
    &translations::RULE,
    &trip_edges::RULE,
    &trips::RULE,
    &urls::RULE,
    &zone_ids::RULE,
];

/// How a feed is to be looked at.
#[derive(Clone, Debug)]
pub struct Options {
    pub date: ServiceDate,
    /// ISO 3166-1 alpha-2, for telephone numbers, which are not looked at without it.
    pub country: Option<String>,
    /// What the data manager changed.
    pub changes: Vec<Change>,
}

/// What was found in a feed.
pub type Report = report::Report<Feed>;

/// All notices that rules can give, by code.
pub fn notices() -> Vec<&'static Notice> {
    let mut notices: Vec<_> = RULES.iter().flat_map(|rule| rule.notices.iter().copied()).collect();
    notices.sort_by_key(|notice| notice.code);
    notices.dedup_by_key(|notice| notice.code);
    notices
}

/// The rules that take longest.
const LONGEST: [&str; 2] = ["shape_matching", "speeds"];

/// Looks at a feed with all rules, on as many threads as there are processors.
pub fn validate(mut timetable: Timetable, options: &Options) -> Report {
    values::check(&mut timetable, options.country.as_deref());
    let feed = Feed::new(timetable, options.date);
    let mut outcome = rule::run_all(RULES, &LONGEST, &feed);
    for rule in outcome.stopped {
        stopped(rule, &mut outcome.found);
    }
    let report = Report::new(feed, outcome.found, &options.changes);
    Report { not_run: outcome.not_run, cut: outcome.cut, ..report }
}

/// A rule that stopped by a fault of its own must be told.
fn stopped(rule: &str, out: &mut Out) {
    out.add(&files::RULE_FAILED, || ["panic".into(), "the rule stopped".into(), rule.into()]);
}

#[cfg(test)]
mod tests;
