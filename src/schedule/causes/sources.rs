//! Sources that give nothing, or the same again and again, and that nobody asks them.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::known::{Known, ago, cause};
use crate::capture::collector::{self, Collector};
use crate::capture::evidence::{SourceHealth, Store};
use crate::capture::source::Source;
use crate::notify::{Cause, CauseKind, Trouble};
use crate::time::future;

/// A source is silent after this and [`SILENT_BEATS`] without anything good.
const SILENT: SignedDuration = SignedDuration::from_mins(10);
const SILENT_BEATS: i32 = 3;
/// For so long a header time may stand still.
const FROZEN: SignedDuration = SignedDuration::from_mins(15);
/// For so long nobody may ask: a machine that starts anew takes less.
const NOBODY: SignedDuration = SignedDuration::from_mins(2);

/// A source that is asked, or sends by itself.
#[derive(Clone, Debug)]
pub(super) struct LiveSource {
    /// Between two beats.
    pub every: SignedDuration,
    pub sends: bool,
    pub is_realtime: bool,
    pub is_gtfs_realtime: bool,
    /// A collector asks it now.
    pub is_owned: bool,
    /// What is in the future was kept while a clock was wrong, and is not there.
    pub health: SourceHealth,
}

/// The sources, and who asks them.
#[derive(Clone, Debug, Default)]
pub(super) struct Collecting {
    pub is_at_work: bool,
    /// Since when the collector asks those that it asks.
    pub owned_since: Option<Timestamp>,
    /// By name.
    pub sources: BTreeMap<String, LiveSource>,
}

/// `newest` are the newest captures of sources of which nothing is remembered, as after an import: they are looked for once.
pub(super) fn look(known: &Known<'_>, newest: &mut BTreeMap<String, Option<Timestamp>>) -> Collecting {
    let private = &known.workspace.private;
    let store = Store::new(Collector::evidence(private));
    let owned = collector::owned(private);
    let mut sources = BTreeMap::new();
    for pipeline in &known.workspace.pipelines {
        let wanted = pipeline.decoder.wanted();
        for scheduled in pipeline.scheduled() {
            let name = scheduled.collected.name;
            let mut health = store.health(&name).unwrap_or_default();
            if health.last_body.is_none() {
                let known = store.known(&name).0.map(|capture| capture.captured_at);
                health.last_body =
                    known.or_else(|| *newest.entry(name.clone()).or_insert_with(|| store.newest_capture(&name)));
            }
            let source = LiveSource {
                every: SignedDuration::try_from(scheduled.grid.every()).unwrap_or(SignedDuration::MAX),
                sends: matches!(scheduled.collected.source, Source::Mqtt { .. }),
                is_realtime: wanted.is_telemetry(),
                is_gtfs_realtime: pipeline.decoder.format().name() == "gtfs-realtime",
                is_owned: owned.contains(&name),
                health: up_to(health, known.now),
            };
            sources.insert(name, source);
        }
    }
    // A clock that was set tells nothing.
    let owned_since = collector::owned_since(private).filter(|since| *since <= known.now);
    Collecting { is_at_work: collector::work(private) == Some(true), owned_since, sources }
}

/// Without what a wrong clock said: it would keep a source from being missed for as long as the clock was ahead.
fn up_to(health: SourceHealth, now: Timestamp) -> SourceHealth {
    let past = |at: Option<Timestamp>| at.filter(|at| *at < future(now));
    let SourceHealth { last_good, last_beat, last_body, feed_time, feed_since, failing, clock } = health;
    let (last_good, last_beat, last_body) = (past(last_good), past(last_beat), past(last_body));
    let failing = failing.filter(|failing| failing.since < future(now));
    SourceHealth { last_good, last_beat, last_body, feed_time, feed_since: past(feed_since), failing, clock }
}

/// `watched_since` is when this was looked at first.
pub(super) fn causes(collecting: &Collecting, watched_since: Timestamp, now: Timestamp) -> Vec<Cause> {
    if !collecting.is_at_work {
        return nobody(collecting, watched_since, now).into_iter().collect();
    }
    let owned = collecting.sources.iter().filter(|(_, source)| source.is_owned);
    let of = |(name, source): (&String, &LiveSource)| {
        let asked_since = collecting.owned_since.or(source.health.last_good).unwrap_or(watched_since);
        silent(name, source, asked_since, now).or_else(|| frozen(name, source))
    };
    let clocks = owned.clone().filter_map(|(name, source)| clock(name, source, now));
    owned.filter_map(of).chain(clocks).collect()
}

/// A server's clock differs, and evidence follows it.
fn clock(name: &str, source: &LiveSource, now: Timestamp) -> Option<Cause> {
    let seconds = source.health.clock?;
    Some(cause(Trouble::SourceClock { source: name.to_owned(), seconds }, now))
}

/// Realtime sources that nobody asks.
fn nobody(collecting: &Collecting, watched_since: Timestamp, now: Timestamp) -> Option<Cause> {
    let realtime = || collecting.sources.values().filter(|source| source.is_realtime);
    let every = realtime().map(|source| source.every).min()?;
    let since = realtime().filter_map(|source| source.health.last_beat).max().unwrap_or(watched_since);
    let patience = every.saturating_mul(2).max(NOBODY);
    (ago(since, now) >= patience).then(|| cause(Trouble::CollectorDown, since))
}

/// What is known to be well: a source that gave something good of late, whose header time moves; and that a collector is at work.
/// Nothing is known of one that nobody asks, or that has had no time yet.
pub(super) fn well(collecting: &Collecting, now: Timestamp) -> Vec<(CauseKind, String)> {
    let mut well = Vec::new();
    for (name, source) in &collecting.sources {
        let is_good = source.health.last_good.is_some_and(|good| ago(good, now) < source.patience());
        if is_good {
            well.push((CauseKind::SourceSilent, name.clone()));
            well.push((CauseKind::SourceClock, name.clone()));
        }
        if is_good && source.health.feed_since.is_some() && frozen(name, source).is_none() {
            well.push((CauseKind::SourceFrozen, name.clone()));
        }
    }
    if collecting.is_at_work {
        well.push((CauseKind::CollectorDown, String::new()));
    }
    well
}

impl LiveSource {
    /// So long it may give nothing good.
    fn patience(&self) -> SignedDuration {
        self.every.saturating_mul(SILENT_BEATS).max(SILENT)
    }
}

fn silent(name: &str, source: &LiveSource, asked_since: Timestamp, now: Timestamp) -> Option<Cause> {
    let last_good = source.health.last_good;
    let patience = source.patience();
    // A collector that began anew has had no time yet.
    let waited_since = last_good.map_or(asked_since, |good| good.max(asked_since));
    let last_body = source.health.last_body;
    // What others have asked in vain before this collector counts, or one that is started anew again and again would never tell.
    let failing = source.health.failing.filter(|failing| failing.beats >= SILENT_BEATS.unsigned_abs());
    let waited_since = failing.map_or(waited_since, |failing| failing.since.min(waited_since));
    let trouble = || Trouble::SourceSilent { source: name.to_owned(), last_body };
    (ago(waited_since, now) >= patience).then(|| cause(trouble(), last_good.unwrap_or(asked_since)))
}

/// Good beats go on, and the header time is what it was.
fn frozen(name: &str, source: &LiveSource) -> Option<Cause> {
    let health = &source.health;
    let (since, good) = (health.feed_since?, health.last_good?);
    let is_frozen = source.is_realtime && health.feed_time.is_some() && ago(since, good) >= FROZEN;
    is_frozen.then(|| cause(Trouble::SourceFrozen { source: name.to_owned() }, since))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::evidence::Failing;

    fn at(minutes: i64, seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minutes * 60 + seconds).unwrap()
    }

    fn source(every: i64, health: SourceHealth) -> LiveSource {
        let every = SignedDuration::from_secs(every);
        LiveSource { every, sends: false, is_realtime: true, is_gtfs_realtime: true, is_owned: true, health }
    }

    fn good(at: Timestamp) -> SourceHealth {
        SourceHealth { last_good: Some(at), last_body: Some(at), last_beat: Some(at), ..SourceHealth::default() }
    }

    fn collecting(source: LiveSource) -> Collecting {
        Collecting { is_at_work: true, owned_since: None, sources: BTreeMap::from([("bus".to_owned(), source)]) }
    }

    fn keys(collecting: &Collecting, now: Timestamp) -> Vec<(String, Timestamp)> {
        causes(collecting, at(0, 0), now).iter().map(|cause| (cause.key(), cause.since)).collect()
    }

    #[test]
    fn a_source_is_silent_after_ten_minutes_and_three_beats() {
        let silent = |since| vec![("source_silent:bus".to_owned(), since)];
        let fast = collecting(source(15, good(at(0, 0))));
        assert_eq!(keys(&fast, at(9, 59)), []);
        assert_eq!(keys(&fast, at(10, 0)), silent(at(0, 0)));
        assert_eq!(keys(&collecting(source(15, good(at(10, 0)))), at(10, 0)), []);
        let slow = collecting(source(600, good(at(0, 0))));
        assert_eq!(keys(&slow, at(29, 59)), []);
        assert_eq!(keys(&slow, at(30, 0)), silent(at(0, 0)));
        // Failures go on, which are beats.
        let mut failing = fast.clone();
        failing.sources.get_mut("bus").unwrap().health.last_beat = Some(at(10, 0));
        assert_eq!(keys(&failing, at(10, 0)), silent(at(0, 0)));
        // A collector that was started anew after hours has had no time yet.
        let anew = Collecting { owned_since: Some(at(300, 0)), ..fast.clone() };
        assert_eq!((keys(&anew, at(309, 0)), keys(&anew, at(310, 0))), (vec![], silent(at(0, 0))));
        // One that never gave anything.
        let never = collecting(source(15, SourceHealth::default()));
        assert_eq!((keys(&never, at(9, 0)), keys(&never, at(10, 0))), (vec![], silent(at(0, 0))));
        // One that the collector does not ask is nobody's.
        let mut others = fast;
        others.sources.get_mut("bus").unwrap().is_owned = false;
        assert_eq!(keys(&others, at(60, 0)), []);
    }

    #[test]
    fn a_collector_that_is_started_anew_every_few_minutes_hides_no_dead_source() {
        let failing = |since, beats| SourceHealth { failing: Some(Failing { since, beats }), ..good(at(0, 0)) };
        let anew = |health| Collecting { owned_since: Some(at(27, 0)), ..collecting(source(15, health)) };
        assert_eq!(keys(&anew(good(at(0, 0))), at(28, 0)), []);
        assert_eq!(keys(&anew(failing(at(0, 15), 90)), at(28, 0)), [("source_silent:bus".to_owned(), at(0, 0))]);
        assert_eq!(keys(&anew(failing(at(0, 15), 90)), at(10, 0)), []);
        // A beat before the machine was off for hours is not enough.
        assert_eq!(keys(&anew(failing(at(0, 15), 2)), at(28, 0)), []);
    }

    #[test]
    fn a_source_whose_clock_differs_is_told_as_that_and_gives_data() {
        let slow = collecting(source(15, SourceHealth { clock: Some(-900), ..good(at(10, 0)) }));
        assert_eq!(keys(&slow, at(10, 5)), [("source_clock:bus".to_owned(), at(10, 5))]);
    }

    #[test]
    fn a_source_is_frozen_while_good_beats_go_on_and_its_header_time_stands_still() {
        let health =
            |last: Timestamp| SourceHealth { feed_time: Some(at(-99, 0)), feed_since: Some(at(0, 0)), ..good(last) };
        let frozen = |last, now| keys(&collecting(source(15, health(last))), now);
        assert_eq!(frozen(at(14, 59), at(15, 5)), []);
        assert_eq!(frozen(at(15, 0), at(15, 5)), [("source_frozen:bus".to_owned(), at(0, 0))]);
        // When it gives nothing at all it is silent.
        assert_eq!(frozen(at(15, 0), at(25, 0)), [("source_silent:bus".to_owned(), at(15, 0))]);
        let moved = SourceHealth { feed_since: Some(at(15, 0)), ..health(at(15, 0)) };
        assert_eq!(keys(&collecting(source(15, moved)), at(15, 5)), []);
        let mut timetable = source(15, health(at(15, 0)));
        timetable.is_realtime = false;
        assert_eq!(keys(&collecting(timetable), at(15, 5)), []);
    }

    #[test]
    fn a_source_is_well_only_if_it_gave_something_good_of_late() {
        let of = |collecting: &Collecting, now| -> Vec<&'static str> {
            well(collecting, now).into_iter().map(|(kind, _)| kind.name()).collect()
        };
        let moving = |last| SourceHealth { feed_time: Some(last), feed_since: Some(last), ..good(last) };
        let bus = collecting(source(15, moving(at(0, 0))));
        assert_eq!(of(&bus, at(9, 0)), ["source_silent", "source_clock", "source_frozen", "collector_down"]);
        // Whoever has just begun to ask it knows nothing.
        let anew = Collecting { owned_since: Some(at(300, 0)), ..bus.clone() };
        assert_eq!((of(&anew, at(301, 0)), keys(&anew, at(301, 0))), (vec!["collector_down"], vec![]));
        let nobody = Collecting { is_at_work: false, ..bus };
        assert_eq!(of(&nobody, at(60, 0)), [""; 0]);
        // One that gives nothing at all is not frozen, and not well.
        let never = collecting(source(15, SourceHealth::default()));
        assert_eq!(of(&never, at(0, 0)), ["collector_down"]);
    }

    #[test]
    fn what_a_clock_that_was_ahead_said_keeps_no_source_from_being_missed() {
        let years = at(5_000_000, 0);
        let known = up_to(SourceHealth { last_good: Some(years), ..good(years) }, at(0, 0));
        assert_eq!(known, SourceHealth::default());
        let source = collecting(source(15, known));
        assert_eq!(keys(&source, at(10, 0)), [("source_silent:bus".to_owned(), at(0, 0))]);
        assert_eq!(up_to(good(at(0, 0)), at(0, 0)), good(at(0, 0)));
    }

    #[test]
    fn nobody_asks_is_one_cause_however_many_sources_there_are() {
        let mut all = collecting(source(15, good(at(0, 0))));
        all.sources.insert("tram".to_owned(), source(15, good(at(1, 0))));
        all.is_at_work = false;
        assert_eq!(keys(&all, at(2, 59)), []);
        assert_eq!(keys(&all, at(3, 0)), [("collector_down".to_owned(), at(1, 0))]);
        all.is_at_work = true;
        assert_eq!(keys(&all, at(3, 0)), []);
        // Beats that are far from each other are no outage.
        let mut seldom = collecting(source(600, good(at(0, 0))));
        seldom.is_at_work = false;
        assert_eq!((keys(&seldom, at(19, 0)).len(), keys(&seldom, at(20, 0)).len()), (0, 1));
        seldom.sources.get_mut("bus").unwrap().is_realtime = false;
        assert_eq!(keys(&seldom, at(60, 0)), []);
        assert_eq!(keys(&Collecting::default(), at(60, 0)), []);
    }
}
