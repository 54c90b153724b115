//! What the server of a soak wrote down, see `src/simulate/serve/log.rs`.

use fahrtenbuch::digest::Digest;
use jiff::Timestamp;
use serde_json::Value;

/// From one moment until another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub from: Timestamp,
    pub until: Timestamp,
}

impl Span {
    pub(crate) fn has(&self, at: Timestamp) -> bool {
        (self.from..=self.until).contains(&at)
    }
}

/// A request and what came of it.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub request: u64,
    pub at: Timestamp,
    pub ended: Timestamp,
    /// With its query.
    pub path: String,
    pub status: Option<u64>,
    /// The socket took all of the answer.
    pub is_complete: bool,
    /// The client ended without having read all of it.
    pub is_reset: bool,
    /// Of the body, or of the one that a 304 stands for.
    pub digest: Option<Digest>,
}

impl Asked {
    pub(crate) fn is_body(&self) -> bool {
        self.is_ok() && self.status == Some(200)
    }

    /// It gave the client the state of a feed, as a body or by a 304.
    pub(crate) fn is_ok(&self) -> bool {
        self.is_complete && self.digest.is_some() && matches!(self.status, Some(200 | 304))
    }
}

/// In the order of the requests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    pub asked: Vec<Asked>,
    pub cuts: Vec<Span>,
}

/// Reads a log. Of a server that was killed the last line may be half.
pub(crate) fn parse(text: &str) -> Log {
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let mut log = Log::default();
    let mut resets = Vec::new();
    for line in whole.lines() {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let moment = |name: &str| -> Timestamp { value[name].as_str().unwrap().parse().unwrap() };
        match value["event"].as_str() {
            Some("reset") => resets.push(value["request"].as_u64().unwrap()),
            Some("cut") => log.cuts.push(Span { from: moment("at"), until: moment("until") }),
            Some(other) => panic!("the event {other} is not known"),
            None => log.asked.push(Asked {
                request: value["request"].as_u64().unwrap(),
                at: moment("at"),
                ended: moment("ended"),
                path: value["path"].as_str().unwrap().to_owned(),
                status: value["status"].as_u64(),
                is_complete: value["complete"].as_bool().unwrap(),
                is_reset: false,
                digest: value["sha256"].as_str().map(|hex| Digest::parse(hex).unwrap()),
            }),
        }
    }
    log.asked.sort_by_key(|asked| asked.request);
    for request in resets {
        let place = log.asked.binary_search_by_key(&request, |asked| asked.request).unwrap();
        log.asked[place].is_reset = true;
    }
    log
}
