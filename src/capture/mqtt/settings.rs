//! What a pipeline's file says of an MQTT source.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::capture::redact::Address;

/// The most that a spool holds where the source does not say otherwise.
pub const SPOOL_BYTES: u64 = 256 << 20;
/// The time without a packet after which a broker takes a client for gone, where the source does not say otherwise.
pub const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// The most that a topic filter or a client id may have: the protocol gives its length in two bytes.
const TEXT_BYTES: usize = u16::MAX as usize;

/// Which broker is followed, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// `mqtt://host:1883` or `mqtts://host:8883`; a user and a password in it are used and never shown.
    pub url: Address,
    /// Topic filters, with `+` and `#`.
    pub topics: Vec<String>,
    /// 0 to 2. With 0 a broker sends nothing again, so that messages are lost while nobody listens.
    pub qos: u8,
    /// Without it one is made and remembered beside the spool.
    pub client_id: Option<String>,
    pub keep_alive: Duration,
    /// In place of those of the address.
    pub login: Option<Login>,
    /// Certificates of issuers (PEM) that are trusted beside those of the system.
    pub ca: Option<PathBuf>,
    /// The most that the spool holds of messages that are not kept as evidence yet.
    pub spool_bytes: u64,
}

/// Who we are to the broker.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    pub username: String,
    pub password: Option<String>,
}

impl fmt::Debug for Login {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Login(REDACTED)")
    }
}

impl Settings {
    pub fn new(url: Address, topics: Vec<String>) -> Self {
        Self {
            url,
            topics,
            qos: 1,
            client_id: None,
            keep_alive: KEEP_ALIVE,
            login: None,
            ca: None,
            spool_bytes: SPOOL_BYTES,
        }
    }

    pub fn is_tls(&self) -> bool {
        self.url.url.scheme() == "mqtts"
    }

    /// The host without the brackets of an IPv6 address.
    pub(super) fn host(&self) -> String {
        self.url.url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned()
    }

    pub(super) fn port(&self) -> u16 {
        self.url.url.port().unwrap_or(if self.is_tls() { 8883 } else { 1883 })
    }

    /// That of the settings, or that of the address.
    pub(super) fn login(&self) -> Option<Login> {
        let decoded = |text: &str| {
            let bytes = percent_decoded(text);
            String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
        };
        let url = &self.url.url;
        let of_address = || {
            let password = url.password().map(decoded);
            let is_there = !url.username().is_empty() || password.is_some();
            is_there.then(|| Login { username: decoded(url.username()), password })
        };
        self.login.clone().or_else(of_address)
    }
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((&first, after)) = rest.split_first() {
        let hex = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match (first, after) {
            (b'%', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    out.push(high << 4 | low);
                    rest = after;
                    continue;
                }
                _ => out.push(first),
            },
            _ => out.push(first),
        }
        rest = after;
    }
    out
}

/// What is wrong with a topic filter (MQTT 5.0, 4.7), and what to write.
pub fn filter_mistake(filter: &str) -> Option<(String, String)> {
    let remedy = |text: &str| text.to_owned();
    if let Some(mistake) = text_mistake(filter, "topic") {
        return Some(mistake);
    }
    let levels = match filter.strip_prefix("$share/") {
        None => filter,
        Some(shared) => match shared.split_once('/') {
            Some((group, rest)) if !group.is_empty() && !group.contains(['+', '#']) && !rest.is_empty() => rest,
            _ => {
                let message = format!("the topic '{filter}' is no shared subscription");
                return Some((message, remedy("Write '$share/<group>/<topic>'.")));
            }
        },
    };
    let last = levels.split('/').count() - 1;
    for (place, level) in levels.split('/').enumerate() {
        if level.contains('#') && (level != "#" || place != last) {
            let message = format!("in the topic '{filter}' a '#' stands where none may");
            let remedy = remedy("It is the whole last level, as in 'vehicles/#'; for one level anywhere write '+'.");
            return Some((message, remedy));
        }
        if level.contains('+') && level != "+" {
            let message = format!("in the topic '{filter}' a '+' stands beside other characters of its level");
            return Some((message, remedy("It stands for a whole level, as in 'vehicles/+/position'.")));
        }
    }
    None
}

/// What is wrong with a text that goes to a broker.
pub fn text_mistake(text: &str, what: &str) -> Option<(String, String)> {
    if text.is_empty() {
        return Some((format!("a {what} is empty"), format!("Write a {what}.")));
    }
    if text.len() > TEXT_BYTES {
        let message = format!("a {what} has {} bytes, which is more than MQTT knows", text.len());
        return Some((message, format!("Write at most {TEXT_BYTES}.")));
    }
    text.contains('\0').then(|| (format!("a {what} has a character NUL in it"), "Remove it.".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_only_where_the_protocol_has_them() {
        for right in ["#", "+", "a/#", "/hfp/v2/journey/ongoing/vp/#", "+/a/+", "a//b", "$share/g/a/#", "$SYS/#", "ä/ö"]
        {
            assert_eq!(filter_mistake(right), None, "{right}");
        }
        for wrong in
            ["", "a#", "a/#/b", "#/", "a+/b", "a/+b", "##", "$share//a", "$share/g", "$share/g/", "$share/+/a", "a\0"]
        {
            assert!(filter_mistake(wrong).is_some(), "{wrong}");
        }
        assert!(filter_mistake(&"a".repeat(70_000)).is_some());
    }

    #[test]
    fn the_login_of_an_address_is_decoded_and_never_shown() {
        let url: url::Url = "mqtts://me:ge%20heim%2F%zz@a.example:8884".parse().unwrap();
        let mut settings = Settings::new(url.into(), vec!["#".to_owned()]);
        let login = settings.login().unwrap();
        assert_eq!((login.username.as_str(), login.password.as_deref()), ("me", Some("ge heim/%zz")));
        assert_eq!((settings.host().as_str(), settings.port()), ("a.example", 8884));
        assert!(!settings.url.shown().contains("heim") && !format!("{login:?}").contains("heim"));
        settings.url = "mqtt://[::1]".parse::<url::Url>().unwrap().into();
        assert_eq!((settings.host().as_str(), settings.port(), settings.login()), ("::1", 1883, None));
    }
}
