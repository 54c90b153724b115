//! What a server sent, beside what a collector has in its evidence.

use std::collections::BTreeMap;
use std::path::Path;

use fahrtenbuch::capture::evidence::Store;
use fahrtenbuch::digest::Digest;
use jiff::{SignedDuration, Timestamp};

use super::log::{Log, Span};

/// A collector that lived so long after it had a body has kept it.
const KEPT_AFTER: SignedDuration = SignedDuration::from_secs(1);

/// A capture of the evidence: a body, or a revisit of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    /// Of its address, with the query.
    pub path: String,
    pub digest: Digest,
}

/// What a store of evidence has of a span of time, and what of it is damaged.
pub(crate) fn kept(folder: &Path, span: Span) -> (Vec<Kept>, Vec<String>) {
    let hour = SignedDuration::from_hours(1);
    let store = Store::new(folder);
    let (mut kept, mut damage) = (Vec::new(), Vec::new());
    for source in store.sources().unwrap() {
        let listing = store.list(&source, span.from - hour, span.until + hour).unwrap();
        damage.extend(listing.damage.into_iter().map(|damage| damage.message));
        kept.extend(listing.entries.into_iter().map(|entry| {
            // http://127.0.0.1:8080/bulk/1?frozen
            let path = entry.url.splitn(4, '/').nth(3).unwrap_or_default();
            Kept { path: format!("/{path}"), digest: entry.digest }
        }));
    }
    (kept, damage)
}

/// Bodies and answers, by number or by name.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    /// Bodies that the server sent wholly, and those of them that a collector must have: its process lived a second longer, and
    /// had room for them.
    pub sent: usize,
    pub due: usize,
    /// Captures in the evidence.
    pub kept: usize,
    /// Bodies that are due and are not in the evidence.
    pub lost: Vec<String>,
    /// Captures beyond what was sent of the same body, 304s included; a body that was never sent wholly is one of them.
    pub doubled: Vec<String>,
    /// Answers (bodies and 304s) that are due, beyond the captures of the same body. A collector that keeps only what is new has
    /// many, one that records every beat has none.
    pub unrecorded: usize,
}

/// Of one body of one feed.
#[derive(Default)]
struct Sums {
    sent: usize,
    due: usize,
    kept: usize,
    /// When one that is due came.
    body_due: Option<Timestamp>,
}

/// Compares; `lives` are those of the processes, `full` when the disk had no room.
pub(crate) fn compare(log: &Log, kept: &[Kept], lives: &[Span], full: &[Span]) -> Comparison {
    let mut bodies: BTreeMap<(&str, Digest), Sums> = BTreeMap::new();
    let mut comparison = Comparison { kept: kept.len(), ..Comparison::default() };
    for asked in log.asked.iter().filter(|asked| asked.is_ok()) {
        let Some(digest) = asked.digest else { continue };
        let sums = bodies.entry((&asked.path, digest)).or_default();
        sums.sent += 1;
        comparison.sent += usize::from(asked.is_body());
        let kept_at = asked.ended + KEPT_AFTER;
        let lived = lives.iter().any(|life| life.has(asked.at) && life.has(kept_at));
        let had_room = !full.iter().any(|full| full.has(asked.at) || full.has(kept_at));
        if lived && had_room && !asked.is_reset {
            sums.due += 1;
            if asked.is_body() {
                comparison.due += 1;
                sums.body_due = Some(asked.at);
            }
        }
    }
    for kept in kept {
        bodies.entry((&kept.path, kept.digest)).or_default().kept += 1;
    }
    for ((path, digest), sums) in bodies {
        let name = format!("{path} {}", digest.short());
        if let (Some(at), 0) = (sums.body_due, sums.kept) {
            comparison.lost.push(format!("{name}, sent at {at}"));
        }
        if sums.kept > sums.sent {
            comparison.doubled.push(format!("{name}: {} captures of {} answers", sums.kept, sums.sent));
        }
        comparison.unrecorded += sums.due.saturating_sub(sums.kept);
    }
    comparison
}

#[cfg(test)]
mod tests {
    use super::super::log::parse;
    use super::*;

    fn at(seconds: &str) -> Timestamp {
        format!("2026-11-27T04:00:{seconds}Z").parse().unwrap()
    }

    fn span(from: &str, until: &str) -> Span {
        Span { from: at(from), until: at(until) }
    }

    fn line(request: u64, seconds: &str, status: u16, is_complete: bool, body: &str) -> String {
        let (at, digest) = (at(seconds), Digest::of(body.as_bytes()));
        format!(
            "{{\"request\":{request},\"at\":\"{at}\",\"ended\":\"{at}\",\"path\":\"/bulk/1\",\"status\":{status},\
             \"complete\":{is_complete},\"sha256\":\"{digest}\"}}\n"
        )
    }

    fn evidence(bodies: &[&str]) -> Vec<Kept> {
        let kept = |body: &&str| Kept { path: "/bulk/1".to_owned(), digest: Digest::of(body.as_bytes()) };
        bodies.iter().map(kept).collect()
    }

    #[test]
    fn what_was_sent_and_is_not_there_is_lost_and_more_than_was_sent_is_doubled() {
        let lines = [
            line(0, "01", 200, true, "a"),
            line(1, "02", 200, true, "b"),
            // Cut off.
            line(2, "03", 200, false, "c"),
            // The same again, by a 304.
            line(3, "04", 304, true, "b"),
            // Half a second before the kill.
            line(4, "09.5", 200, true, "d"),
        ];
        let (log, lives) = (parse(&lines.concat()), [span("00", "10")]);
        let of = |bodies: &[&str]| compare(&log, &evidence(bodies), &lives, &[]);
        let good = of(&["a", "b", "b"]);
        assert_eq!((good.sent, good.due, good.kept, good.unrecorded), (3, 2, 3, 0));
        assert!(good.lost.is_empty() && good.doubled.is_empty(), "{good:?}");
        // What came just before the kill may be there.
        assert!(of(&["a", "b", "b", "d"]).doubled.is_empty());
        let lossy = of(&["a"]);
        assert_eq!((lossy.lost.len(), lossy.unrecorded), (1, 2), "{lossy:?}");
        assert!(lossy.lost[0].contains("sent at 2026-11-27T04:00:02Z"), "{lossy:?}");
        // Only what is new was kept.
        let new = of(&["a", "b"]);
        assert_eq!((new.lost.len(), new.unrecorded), (0, 1), "{new:?}");
        assert_eq!(of(&["a", "a", "b"]).doubled.len(), 1);
        // Half a body, or one that nobody sent.
        assert_eq!(of(&["a", "b", "c"]).doubled.len(), 1);
        assert_eq!(of(&["a", "b", "e"]).doubled.len(), 1);
    }

    #[test]
    fn what_a_collector_could_not_keep_is_not_due() {
        let text =
            [line(0, "01", 200, true, "a"), line(1, "05", 200, true, "b"), line(2, "08", 200, true, "c")].concat();
        let lives = [span("00", "10")];
        let due = |text: &str, lives: &[Span], full: &[Span]| compare(&parse(text), &[], lives, full).due;
        assert_eq!(due(&text, &lives, &[]), 3);
        assert_eq!(due(&text, &lives, &[span("05.5", "07.5")]), 2);
        // Between two lives, and begun by one and ended in the next.
        assert_eq!(due(&text, &[span("00", "04"), span("06", "10")], &[]), 2);
        assert_eq!(due(&text, &[span("00", "01.5"), span("01.6", "10")], &[]), 2);
        let reset = "{\"event\":\"reset\",\"at\":\"2026-11-27T04:00:05Z\",\"request\":1}\n{\"event\":\"cut\",\"at\":\
                     \"2026-11-27T04:00:06Z\",\"until\":\"2026-11-27T04:00:07Z\"}\n{\"half";
        assert_eq!(due(&(text + reset), &lives, &[]), 2);
    }
}
