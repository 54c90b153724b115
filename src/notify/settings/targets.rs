//! Where the messages of a channel go.

use lettre::message::Mailbox;
use url::Host;

use crate::notify::settings::reader::{Reader, is_loopback};
use crate::notify::settings::secret::{Endpoint, Secret};
use crate::yaml::{Node, suggestion};

/// Where a channel leads.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    Email(Email),
    Ntfy(Ntfy),
    Matrix(Matrix),
    /// The address of a Workflows webhook ("Post to a channel when a webhook request is received").
    Teams(Endpoint),
    Webhook(Webhook),
}

/// A mail server that takes mails for others (RFC 6409).
#[derive(Clone, Debug, PartialEq)]
pub struct Email {
    pub host: String,
    pub port: u16,
    pub tls: Tls,
    pub login: Option<(String, Secret)>,
    pub from: Mailbox,
    pub to: Vec<Mailbox>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// Begins in the clear, and goes on only if it can be encrypted.
    Starttls,
    /// Encrypted from the first byte.
    Implicit,
    /// To this machine only.
    None,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ntfy {
    pub url: Endpoint,
    /// Whoever knows it can read the messages.
    pub topic: Secret,
    pub token: Option<Secret>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matrix {
    pub homeserver: Endpoint,
    /// `!id:server`.
    pub room: String,
    pub token: Secret,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    pub url: Endpoint,
    pub headers: Vec<(String, Secret)>,
}

/// The types of channels, with what each has.
pub(super) const TYPES: &[(&str, &[&str])] = &[
    ("email", &["name", "type", "host", "port", "tls", "username", "password", "from", "to"]),
    ("ntfy", &["name", "type", "url", "topic", "token"]),
    ("matrix", &["name", "type", "homeserver", "room", "token"]),
    ("teams", &["name", "type", "url"]),
    ("webhook", &["name", "type", "url", "headers"]),
];
const TLS: &[(&str, Tls, u16)] =
    &[("starttls", Tls::Starttls, 587), ("implicit", Tls::Implicit, 465), ("none", Tls::None, 25)];

impl Target {
    /// Where it leads, without secrets.
    pub fn shown(&self) -> String {
        match self {
            Self::Email(email) => {
                let to: Vec<String> = email.to.iter().map(|to| to.email.to_string()).collect();
                format!("{} by {}:{}", to.join(", "), email.host, email.port)
            }
            Self::Ntfy(ntfy) => ntfy.url.shown().to_owned(),
            Self::Matrix(matrix) => format!("{} at {}", matrix.room, matrix.homeserver.shown()),
            Self::Teams(url) => url.shown().to_owned(),
            Self::Webhook(webhook) => webhook.url.shown().to_owned(),
        }
    }
}

/// Reads what a channel of a type has; `None` if something is missing or wrong.
pub(super) fn read(kind: &str, reader: &mut Reader<'_>) -> Option<Target> {
    let known = TYPES.iter().find(|(name, _)| *name == kind).map_or(&[][..], |(_, keys)| keys);
    reader.map.only_keys(known, reader.problems);
    match kind {
        "email" => email(reader).map(Target::Email),
        "ntfy" => ntfy(reader).map(Target::Ntfy),
        "matrix" => matrix(reader).map(Target::Matrix),
        "teams" => reader.endpoint("url").map(Target::Teams),
        _ => webhook(reader).map(Target::Webhook),
    }
}

fn email(reader: &mut Reader<'_>) -> Option<Email> {
    let host = host(reader);
    let word = reader.map.optional_text("tls", reader.problems).unwrap_or_else(|| "starttls".to_owned());
    let tls = TLS.iter().find(|(name, ..)| *name == word);
    if tls.is_none() {
        let names: Vec<&str> = TLS.iter().map(|(name, ..)| *name).collect();
        reader.add("tls", format!("'tls: {word}' is not known"), suggestion(&word, &names));
    }
    if tls.is_some_and(|(_, tls, _)| *tls == Tls::None) && host.as_ref().is_some_and(|host| !is_local(host)) {
        let remedy = "Write 'tls: starttls' or 'tls: implicit'; 'none' is for a mail server on this machine.";
        reader.add("tls", "'tls: none' would send the mails to another machine without encryption", remedy);
    }
    let port = port(reader).or(tls.map(|(.., port)| *port));
    let login = login(reader);
    let from = reader.text("from").and_then(|text| mailbox(&text, "from", reader));
    let to = recipients(reader);
    Some(Email { host: host?, port: port?, tls: tls?.1, login: login?, from: from?, to: to? })
}

fn host(reader: &mut Reader<'_>) -> Option<String> {
    let host = reader.text("host")?;
    // An address of IPv6 stands in brackets where a port may follow, and here none does.
    let is_host = Host::parse(&host).is_ok() || host.parse::<std::net::Ipv6Addr>().is_ok();
    if !is_host {
        let remedy = "Write its name alone, as 'host: smtp.example.de'; the port is 'port'.";
        reader.add("host", "'host' is no name of a mail server", remedy);
    }
    is_host.then(|| host.trim_matches(['[', ']']).to_owned())
}

fn is_local(host: &str) -> bool {
    let address = host.parse::<std::net::IpAddr>();
    address.map_or_else(|_| is_loopback(&Host::Domain(host)), |address| address.is_loopback())
}

fn port(reader: &mut Reader<'_>) -> Option<u16> {
    let text = reader.optional("port")?;
    let port = text.parse().ok().filter(|port| *port > 0);
    if port.is_none() {
        reader.add("port", "'port' is no number of a port", "Write a number from 1 to 65535, as 'port: 587'.");
    }
    port
}

/// `None` if it is wrong, `Some(None)` if there is none.
fn login(reader: &mut Reader<'_>) -> Option<Option<(String, Secret)>> {
    let has = |reader: &Reader<'_>, key| reader.map.get(key).is_some();
    match (has(reader, "username"), has(reader, "password")) {
        (false, false) => Some(None),
        (true, true) => {
            let (username, password) = (reader.text("username"), reader.secret("password"));
            Some(Some((username?, password?)))
        }
        (true, false) => {
            reader.add("username", "a 'username' without a 'password'", "Add 'password: ${SMTP_PASSWORD}'.");
            None
        }
        (false, true) => {
            reader.add("password", "a 'password' without a 'username'", "Add 'username: ...'.");
            None
        }
    }
}

fn mailbox(text: &str, key: &str, reader: &mut Reader<'_>) -> Option<Mailbox> {
    let mailbox = text.parse().ok();
    if mailbox.is_none() {
        let remedy = "Write 'name@example.de' or 'Fahrtenbuch <name@example.de>'.";
        reader.add(key, format!("'{key}' has something that is no address of a mail"), remedy);
    }
    mailbox
}

/// One address or a list of them.
fn recipients(reader: &mut Reader<'_>) -> Option<Vec<Mailbox>> {
    let items = reader.map.get("to").map_or(&[][..], Node::items);
    if items.is_empty() {
        return reader.text("to").and_then(|text| mailbox(&text, "to", reader)).map(|one| vec![one]);
    }
    let texts: Vec<Option<String>> = items.iter().map(Node::scalar).collect();
    let mut read = |text: Option<String>| {
        let text = text.unwrap_or_default();
        let (text, _) = reader.expanded(&text, "to")?;
        mailbox(&text, "to", reader)
    };
    let found: Vec<Option<Mailbox>> = texts.into_iter().map(&mut read).collect();
    found.into_iter().collect()
}

fn ntfy(reader: &mut Reader<'_>) -> Option<Ntfy> {
    let url = reader.endpoint("url");
    let topic = reader.text("topic");
    // As its server takes them: https://docs.ntfy.sh/publish/, "Picking a topic".
    let is_topic = |topic: &str| {
        let is_letter = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
        topic.len() <= 64 && topic.chars().all(is_letter)
    };
    if topic.as_ref().is_some_and(|topic| !is_topic(topic)) {
        let remedy = "Write up to 64 letters, digits, '-' and '_', which nobody guesses.";
        reader.add("topic", "'topic' is none that ntfy knows", remedy);
        return None;
    }
    let is_below = |url: &Endpoint| !matches!(url.reveal().path(), "" | "/") || url.reveal().query().is_some();
    if url.as_ref().is_some_and(is_below) {
        let remedy = "Write the address of the server alone, as 'url: https://ntfy.sh', and the topic as 'topic'.";
        reader.add("url", "'url' of ntfy has a path", remedy);
        return None;
    }
    let has_token = reader.map.get("token").is_some();
    let token = reader.optional_secret("token");
    let token = if has_token { Some(token?) } else { None };
    Some(Ntfy { url: url?, topic: Secret::new(topic?), token })
}

fn matrix(reader: &mut Reader<'_>) -> Option<Matrix> {
    let homeserver = reader.endpoint("homeserver");
    let room = reader.text("room");
    if room.as_ref().is_some_and(|room| !room.starts_with('!')) {
        let remedy = "Write the internal id, as '!abc:example.de'; a client shows it in the settings of the room.";
        reader.add("room", "'room' is no id of a room", remedy);
        return None;
    }
    let token = reader.secret("token");
    Some(Matrix { homeserver: homeserver?, room: room?, token: token? })
}

fn webhook(reader: &mut Reader<'_>) -> Option<Webhook> {
    let map = reader.map.get("headers");
    let url = if map.is_some() { reader.endpoint("url") } else { reader.endpoint_without_keys("url") };
    let pairs: Vec<(Option<String>, Option<String>)> =
        map.map_or(&[][..], Node::pairs).iter().map(|(name, value)| (name.scalar(), value.scalar())).collect();
    if map.is_some() && pairs.is_empty() {
        reader.add("headers", "'headers' has no header", "Write 'headers: {Authorization: \"Bearer ${TOKEN}\"}'.");
    }
    let mut header = |(name, value): (Option<String>, Option<String>)| {
        let name = name.unwrap_or_default();
        let (value, _) = reader.expanded(&value.unwrap_or_default(), "headers")?;
        let is_header = reqwest::header::HeaderName::from_bytes(name.as_bytes()).is_ok()
            && reqwest::header::HeaderValue::from_str(&value).is_ok();
        if !is_header {
            let remedy = "Write 'headers: {Authorization: \"Bearer ${TOKEN}\"}'.";
            reader.add("headers", format!("'{name}' of 'headers' is no header of HTTP"), remedy);
        }
        is_header.then(|| (name, Secret::new(value)))
    };
    let headers: Vec<Option<(String, Secret)>> = pairs.into_iter().map(&mut header).collect();
    let headers: Option<Vec<(String, Secret)>> = headers.into_iter().collect();
    Some(Webhook { url: url?, headers: headers? })
}
