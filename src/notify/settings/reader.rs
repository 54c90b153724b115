//! Texts of a section, with environment variables in them.

use url::{Host, Url};

use crate::notify::settings::secret::{Endpoint, Secret};
use crate::yaml::variables::{self, Unexpanded, expand};
use crate::yaml::{Node, Problem, Problems};

/// Reads texts of one map. A variable that is not set is no mistake of the file: whoever looks at the quarantine needs no password
/// of a mail server. It is remembered, and the channel cannot be used.
pub(super) struct Reader<'a> {
    pub map: &'a Node,
    pub problems: &'a mut Problems,
    /// Variables that are not set.
    pub unset: Vec<Problem>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(map: &'a Node, problems: &'a mut Problems) -> Self {
        Self { map, problems, unset: Vec::new() }
    }

    pub(super) fn line(&self, key: &str) -> u32 {
        self.map.get(key).map_or(self.map.line, |node| node.line)
    }

    pub(super) fn add(&mut self, key: &str, message: impl Into<String>, remedy: impl Into<String>) {
        self.problems.add(self.line(key), message, remedy);
    }

    /// A text with what its variables gave; a problem if it is absent, empty, of several lines, or no text.
    pub(super) fn require(&mut self, key: &str) -> Option<(String, Vec<String>)> {
        let text = self.map.require_text(key, self.problems)?;
        self.expanded(&text, key)
    }

    pub(super) fn text(&mut self, key: &str) -> Option<String> {
        self.require(key).map(|(text, _)| text)
    }

    pub(super) fn optional(&mut self, key: &str) -> Option<String> {
        let text = self.map.optional_text(key, self.problems)?;
        self.expanded(&text, key).map(|(text, _)| text)
    }

    pub(super) fn secret(&mut self, key: &str) -> Option<Secret> {
        self.text(key).map(Secret::new)
    }

    pub(super) fn optional_secret(&mut self, key: &str) -> Option<Secret> {
        self.optional(key).map(Secret::new)
    }

    /// An address of the web. What is sent holds keys, so it is encrypted unless it stays on this machine.
    pub(super) fn endpoint(&mut self, key: &str) -> Option<Endpoint> {
        self.endpoint_of(key, false)
    }

    /// The same; where nothing is sent that is a key, the house is near enough.
    pub(super) fn endpoint_without_keys(&mut self, key: &str) -> Option<Endpoint> {
        self.endpoint_of(key, true)
    }

    fn endpoint_of(&mut self, key: &str, is_keyless: bool) -> Option<Endpoint> {
        let (text, values) = self.require(key)?;
        let remedy = format!(
            "Write '{key}: https://...'; 'http' is for servers on this machine, and of a webhook without keys for those of the house."
        );
        let Some(url) = Url::parse(&text).ok().filter(|url| url.has_host()) else {
            self.add(key, format!("'{key}' is no address of the web"), remedy);
            return None;
        };
        match url.scheme() {
            "https" => {}
            "http" if url.host().is_some_and(|host| is_loopback(&host)) => {}
            "http"
                if is_keyless
                    && is_without_keys(&url, &values)
                    && url.host().is_some_and(|host| is_of_house(&host)) => {}
            "http" if is_keyless => {
                let message = format!(
                    "'{key}' would send what is told, and what is secret in the address, across the web without encryption"
                );
                self.add(key, message, remedy);
                return None;
            }
            "http" => {
                self.add(key, format!("'{key}' would send keys without encryption"), remedy);
                return None;
            }
            _ => {
                self.add(key, format!("'{key}' is no address of the web"), remedy);
                return None;
            }
        }
        Some(Endpoint::new(url, values))
    }

    pub(super) fn expanded(&mut self, text: &str, key: &str) -> Option<(String, Vec<String>)> {
        let line = self.line(key);
        match expand(text) {
            Ok((text, _)) if text.trim().is_empty() || text.contains(char::is_control) => {
                // The value is not told, since it may be a secret.
                self.problems.add(line, format!("'{key}' is no text of one line"), format!("Write '{key}: ...'."));
                None
            }
            Ok(expanded) => Some(expanded),
            Err(unexpanded @ Unexpanded::Unclosed) => {
                variables::tell(&unexpanded, line, self.problems);
                None
            }
            Err(unexpanded @ Unexpanded::Unset(_)) => {
                let found = self.problems.found.len();
                variables::tell(&unexpanded, line, self.problems);
                self.unset.extend(self.problems.found.drain(found..));
                None
            }
        }
    }
}

/// Whether an address has nothing that only some may know: neither a login nor a query nor a variable.
fn is_without_keys(url: &Url, values: &[String]) -> bool {
    url.username().is_empty() && url.password().is_none() && url.query().is_none() && values.is_empty()
}

/// Whether a host lies in a network that is not the internet: an address for private use (RFC 1918, RFC 4193, link-local), or a name
/// that only such networks have (RFC 6762, RFC 8375, `.internal`, one without a dot).
fn is_of_house(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => {
            let endings = [".local", ".home.arpa", ".internal", ".lan", ".intranet"];
            !name.contains('.') || endings.iter().any(|ending| name.ends_with(ending))
        }
        Host::Ipv4(address) => address.is_private() || address.is_link_local(),
        Host::Ipv6(address) => address.is_unique_local() || address.is_unicast_link_local(),
    }
}

/// Whether what is sent to a host stays on this machine.
pub(super) fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}
