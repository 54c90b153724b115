//! What bodies are called: in records, for people, and by what a decoder wants.

use jiff::Timestamp;

use crate::capture::mqtt::frames;

/// What a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    Empty,
    /// A zip archive with files of a GTFS feed, in whatever folder.
    Gtfs,
    /// A `FeedMessage` whose header can be read; its entities may be damaged.
    GtfsRealtime,
    GtfsRealtimeJson,
    GtfsRealtimeText,
    /// Messages of an MQTT broker, each of which may be anything.
    MqttFrame,
    Html,
    Json,
    Xml,
    Text,
    /// A zip archive without a file of GTFS.
    Zip,
    /// It begins as a zip archive and has no directory at its end.
    BrokenZip,
    /// Gzip that cannot be unpacked, or in which there is gzip again and again.
    Gzip,
    /// A format that no feed comes in: what it is called, and its media type.
    Foreign(&'static str, &'static str),
    Unknown,
}

impl Payload {
    /// The name in records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Gtfs => "gtfs",
            Self::GtfsRealtime => "gtfs_realtime",
            Self::GtfsRealtimeJson => "gtfs_realtime_json",
            Self::GtfsRealtimeText => "gtfs_realtime_text",
            Self::MqttFrame => "mqtt_frame",
            Self::Html => "html",
            Self::Json => "json",
            Self::Xml => "xml",
            Self::Text => "text",
            Self::Zip | Self::BrokenZip => "zip",
            Self::Gzip => "gzip",
            Self::Foreign(..) | Self::Unknown => "other",
        }
    }

    /// Whether a decoder can read it.
    pub fn is_feed(self) -> bool {
        matches!(self, Self::Gtfs | Self::GtfsRealtime)
    }

    /// The media type of what is no feed.
    pub fn media_type(self) -> Option<&'static str> {
        Some(match self {
            Self::Gtfs | Self::GtfsRealtime => return None,
            // As file(1) calls it.
            Self::Empty => "application/x-empty",
            Self::GtfsRealtimeJson | Self::Json => "application/json",
            Self::GtfsRealtimeText | Self::Text => "text/plain",
            Self::MqttFrame => frames::CONTENT_TYPE,
            Self::Html => "text/html",
            Self::Xml => "application/xml",
            Self::Zip | Self::BrokenZip => "application/zip",
            Self::Gzip => "application/gzip",
            Self::Foreign(_, media_type) => media_type,
            Self::Unknown => "application/octet-stream",
        })
    }

    fn words(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Gtfs => "a GTFS archive",
            Self::GtfsRealtime => "a GTFS-Realtime message",
            Self::GtfsRealtimeJson => "GTFS-Realtime written as JSON",
            Self::GtfsRealtimeText => "GTFS-Realtime in the text format of protobuf",
            Self::MqttFrame => "MQTT messages",
            Self::Html => "an HTML page",
            Self::Json => "JSON",
            Self::Xml => "XML",
            Self::Text => "plain text",
            Self::Zip => "a zip archive without any file of GTFS",
            Self::BrokenZip => "a zip archive that is cut off or damaged",
            Self::Gzip => "gzip that is damaged or packed again and again",
            Self::Foreign(words, _) => words,
            Self::Unknown => "of an unknown format",
        }
    }
}

/// What a decoder wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    Timetable,
    Message,
    Json,
    Csv,
}

impl Wanted {
    /// With its article: `a GTFS archive`.
    pub fn words(self) -> &'static str {
        match self {
            Self::Timetable => "a GTFS archive",
            Self::Message => "a GTFS-Realtime message",
            Self::Json => "JSON",
            Self::Csv => "CSV",
        }
    }

    pub fn is(self, payload: Payload) -> bool {
        match self {
            Self::Timetable => payload == Payload::Gtfs,
            Self::Message => payload == Payload::GtfsRealtime,
            Self::Json => matches!(payload, Payload::Json | Payload::GtfsRealtimeJson | Payload::MqttFrame),
            Self::Csv => matches!(payload, Payload::Text | Payload::MqttFrame),
        }
    }

    /// Whether it is what vehicles report now, of which there is a capture each few seconds.
    pub fn is_telemetry(self) -> bool {
        self != Self::Timetable
    }

    /// What to do about a body that is something else.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Timetable => "Check that the source gives the GTFS zip itself and not a page about it",
            Self::Message => "Check that the source gives GTFS-Realtime in the binary format of protobuf",
            Self::Json => "Check that the source gives JSON, and that 'rows' under 'mapping' is where its rows stand",
            Self::Csv => "Check that the source gives CSV with a header, and its 'separator' under 'mapping'",
        }
    }
}

/// What a capture is, and what can be said of it without telling its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identified {
    pub payload: Payload,
    /// The media type that the source named.
    pub(super) content_type: Option<String>,
    /// The first tag of markup.
    pub(super) tag: Option<String>,
    /// As it came.
    pub(super) bytes: usize,
}

impl Identified {
    /// For people: `is an HTML page, not a GTFS-Realtime message (Content-Type text/html, 100 bytes, it begins with
    /// <!DOCTYPE>)`. Of the content it tells the name of the first tag at most.
    pub fn said(&self, wanted: Wanted) -> String {
        format!("is {}, not {} ({})", self.payload.words(), wanted.words(), self.about())
    }

    /// The same where nothing is wanted: `an HTML page (Content-Type text/html, 100 bytes)`.
    pub fn described(&self) -> String {
        format!("{} ({})", self.payload.words(), self.about())
    }

    fn about(&self) -> String {
        let mut about: Vec<String> = Vec::new();
        about.extend(self.content_type.as_ref().map(|media_type| format!("Content-Type {media_type}")));
        about.push(format!("{} bytes", self.bytes));
        about.extend(self.tag.as_ref().map(|tag| format!("it begins with <{tag}>")));
        about.join(", ")
    }
}

/// What is found of a body when it comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    pub identified: Identified,
    /// The header time of a GTFS-Realtime message that reports vehicles or trips, by the beginning of its body. Of alerts it is
    /// not told: they may rightly stay the same for days.
    pub feed_time: Option<Timestamp>,
    /// It is the beginning of something, or damaged: a GTFS-Realtime message that ends within an entity, gzip that ends within its
    /// stream or whose check sum or length is another. Nothing else shows it, and no run can read it.
    pub is_cut_off: bool,
    /// It is packed with gzip and unpacks to more bytes than the source may give.
    pub is_bomb: bool,
}

/// The name of a body that is the beginning of what the source is to give, or damaged.
pub const CUT_OFF: &str = "cut_off";

impl Looked {
    /// Why it cannot be used as what a source is to give: the name in records, and what is said to people.
    pub fn unreadable(&self, wanted: Wanted) -> Option<(&'static str, String)> {
        match wanted.is(self.identified.payload) {
            false => Some((self.identified.payload.name(), self.identified.said(wanted))),
            true if self.is_cut_off => Some((CUT_OFF, "is cut off or damaged".to_owned())),
            true => None,
        }
    }
}
