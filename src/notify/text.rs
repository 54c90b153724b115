//! What is sent, in the language of the settings: what, since when, what is lost if nothing happens, and the command.

mod disturbed;
mod mended;
mod words;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

pub(crate) use self::words::run_of;
use crate::digest::Digest;
use crate::notify::cause::{Cause, of_key};
use crate::notify::policy::{Kind, Message, Notice};
use crate::notify::settings::{Language, Settings};
use crate::text::Text;

/// Notices of one message that are written out; of more their number is told.
const WRITTEN: usize = 20;
/// Characters of the title of the workspace that stand in a subject.
const CITY: usize = 60;

/// A message in words, as channels take it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The name of the channel that it goes to.
    pub channel: String,
    /// The same if the same is sent again, and else another one: 32 hex digits.
    pub id: String,
    pub at: Timestamp,
    pub city: String,
    /// One line.
    pub subject: String,
    pub mood: Mood,
    pub parts: Vec<Part>,
    /// How many notices there are beside `parts`, in words.
    pub more: Option<String>,
    pub language: Language,
}

/// How loud a message is: as its loudest notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Urgent,
    New,
    Reminder,
    Mended,
    Test,
}

/// What is said of one cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// The key of the cause; empty in a test.
    pub cause: String,
    pub kind: Kind,
    /// `New`, `Reminder`, `Mended`, `Test` in words.
    #[serde(skip)]
    pub label: &'static str,
    /// One line, without a full stop.
    pub title: String,
    /// When it began, or when it was first told, by the clock of the zone.
    pub since: Option<String>,
    /// What is lost if nothing happens.
    pub loss: Option<String>,
    /// What to type.
    pub command: Option<String>,
}

/// The names of the parts of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Labels {
    pub since: &'static str,
    pub loss: &'static str,
    pub command: &'static str,
}

impl Language {
    fn pick(self, text: Text) -> String {
        match self {
            Self::German => text.de,
            Self::English => text.en,
        }
    }

    fn word(self, en: &'static str, de: &'static str) -> &'static str {
        match self {
            Self::German => de,
            Self::English => en,
        }
    }

    fn kind(self, kind: Kind) -> &'static str {
        match kind {
            Kind::New => self.word("New", "Neu"),
            Kind::Reminder => self.word("Reminder", "Erinnerung"),
            Kind::Mended => self.word("Mended", "Behoben"),
            Kind::Test => self.word("Test", "Probe"),
        }
    }
}

impl Outgoing {
    pub fn labels(&self) -> Labels {
        let word = |en, de| self.language.word(en, de);
        Labels {
            since: word("Since", "Seit"),
            loss: word("If nothing happens", "Wenn nichts geschieht"),
            command: word("What to do", "Was zu tun ist"),
        }
    }

    /// The whole as plain text.
    pub fn body(&self) -> String {
        let labels = self.labels();
        let mut body = String::new();
        for part in &self.parts {
            let lines = [
                Some(format!("{}: {}.", part.label, part.title)),
                part.since.as_ref().map(|since| format!("{}: {since}", labels.since)),
                part.loss.as_ref().map(|loss| format!("{}: {loss}", labels.loss)),
                part.command.as_ref().map(|command| format!("{}: {command}", labels.command)),
            ];
            lines.into_iter().flatten().for_each(|line| body += &(line + "\n"));
            body.push('\n');
        }
        if let Some(more) = &self.more {
            body += &format!("{more}\n\n");
        }
        body + &format!("-- \n{}\nFahrtenbuch\n", self.city)
    }
}

/// A message in words.
pub fn write(message: &Message, settings: &Settings, now: Timestamp) -> Outgoing {
    let language = settings.language;
    let parts: Vec<Part> = message.notices.iter().take(WRITTEN).map(|notice| part(notice, settings)).collect();
    let first = parts.first().map_or_else(String::new, |part| match part.kind {
        Kind::Reminder | Kind::Mended => format!("{}: {}", part.label, part.title),
        Kind::New | Kind::Test => part.title.clone(),
    });
    let others = match message.notices.len().saturating_sub(1) {
        0 => String::new(),
        1 => language.word(" (and one more message)", " (und eine weitere Meldung)").to_owned(),
        many => {
            language.pick(Text::new(format!(" (and {many} more messages)"), format!(" (und {many} weitere Meldungen)")))
        }
    };
    let more = match message.notices.len().saturating_sub(WRITTEN) {
        0 => None,
        many => {
            let en = format!("And {many} more, which 'fahrtenbuch status' tells.");
            Some(language.pick(Text::new(en, format!("Und {many} weitere, die 'fahrtenbuch status' nennt."))))
        }
    };
    let loudest = message.notices.iter().map(|notice| notice.kind).min();
    let mood = match loudest {
        _ if message.notices.iter().any(|notice| notice.is_urgent) => Mood::Urgent,
        Some(Kind::New) | None => Mood::New,
        Some(Kind::Reminder) => Mood::Reminder,
        Some(Kind::Mended) => Mood::Mended,
        Some(Kind::Test) => Mood::Test,
    };
    Outgoing {
        channel: message.channel.clone(),
        id: id(message),
        at: now,
        subject: subject(&settings.city, &(first + &others)),
        city: settings.city.clone(),
        mood,
        parts,
        more,
        language,
    }
}

/// What is said of a cause, in both languages: what it is, what is lost if nothing happens, and what to type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// A sentence without its full stop.
    pub what: Text,
    pub loss: Text,
    pub command: String,
}

/// The words for a cause, as messages have them.
pub fn said(cause: &Cause, zone: &TimeZone) -> Said {
    let words = words::words(cause, zone);
    Said { what: words.title, loss: words.loss, command: words.command }
}

/// A message about nothing, which tells whether the channel works.
pub fn test(channel: &str, settings: &Settings, now: Timestamp) -> Outgoing {
    let language = settings.language;
    let title = language.pick(Text::new(
        format!("This is a test message to the channel '{channel}': it works"),
        format!("Dies ist eine Probenachricht an den Kanal '{channel}': er funktioniert"),
    ));
    let label = language.kind(Kind::Test);
    let since = None;
    let part = Part { cause: String::new(), kind: Kind::Test, label, title, since, loss: None, command: None };
    Outgoing {
        channel: channel.to_owned(),
        id: short(&format!("test {channel} {now}")),
        at: now,
        subject: subject(&settings.city, language.word("test message", "Probenachricht")),
        city: settings.city.clone(),
        mood: Mood::Test,
        parts: vec![part],
        more: None,
        language,
    }
}

fn subject(city: &str, what: &str) -> String {
    let city: String = city.chars().take(CITY).collect();
    let subject = if city.is_empty() { what.to_owned() } else { format!("{city}: {what}") };
    // A line break would end the header of a mail.
    subject.replace(char::is_control, " ")
}

fn part(notice: &Notice, settings: &Settings) -> Part {
    let (language, zone) = (settings.language, &settings.zone);
    let local = |at: Timestamp| language.pick(words::instant(at, zone));
    let (kind, label, cause) = (notice.kind, language.kind(notice.kind), notice.key.clone());
    let Some(present) = &notice.cause else {
        let title = of_key(&notice.key).map(|(kind, subject)| mended::mended(kind, subject));
        let title = title.map_or_else(|| notice.key.clone(), |title| language.pick(title));
        let told = notice.first_told.map(|at| {
            let at = words::instant(at, zone);
            language.pick(Text::new(format!("told on {}", at.en), format!("gemeldet am {}", at.de)))
        });
        let title = told.map_or(title.clone(), |told| format!("{title} ({told})"));
        return Part { cause, kind, label, title, since: None, loss: None, command: None };
    };
    let words = words::words(present, zone);
    Part {
        cause,
        kind,
        label,
        title: language.pick(words.title),
        since: Some(local(present.since)),
        loss: Some(language.pick(words.loss)),
        command: Some(words.command),
    }
}

/// By what a message says and to whom, not by when: sent again after a failure it is the same.
fn id(message: &Message) -> String {
    let mut of = message.channel.clone();
    for notice in &message.notices {
        let since = notice.cause.as_ref().map(|cause| cause.since).or(notice.first_told);
        of += &format!("\n{} {:?} {} {since:?}", notice.key, notice.kind, notice.number);
    }
    short(&of)
}

fn short(of: &str) -> String {
    let mut digest = Digest::of(of.as_bytes()).to_string();
    digest.truncate(32);
    digest
}

#[cfg(test)]
pub(crate) mod tests;
