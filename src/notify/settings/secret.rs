//! What no log, message or output may show.

use std::fmt;

use url::Url;

use crate::capture::redact::Address;

/// A text that is never shown: a password, a token.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, for the one who it is sent to.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("REDACTED")
    }
}

/// The address of a server. Whoever knows that of a webhook may use it, so only the host is shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    url: Url,
    shown: String,
}

impl Endpoint {
    /// `secrets` are what environment variables gave for parts of the address.
    pub fn new(url: Url, secrets: Vec<String>) -> Self {
        let mut origin = url.clone();
        origin.set_path("");
        origin.set_query(None);
        let shown = Address::new(origin, secrets).shown().trim_end_matches('/').to_owned();
        Self { url, shown }
    }

    /// The address, for the one who it is sent to.
    pub fn reveal(&self) -> &Url {
        &self.url
    }

    /// Scheme and host: `https://ntfy.example.de`.
    pub fn shown(&self) -> &str {
        &self.shown
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/REDACTED", self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_address_only_the_host_is_shown() {
        let endpoint = |url: &str, secrets: &[&str]| {
            Endpoint::new(url.parse().unwrap(), secrets.iter().map(|secret| (*secret).to_owned()).collect())
        };
        let hook = endpoint("https://me:geheim@a.example:8443/hooks/geheim?sig=geheim#geheim", &[]);
        assert_eq!(hook.shown(), "https://a.example:8443");
        assert_eq!(format!("{hook:?}"), "https://a.example:8443/REDACTED");
        assert_eq!(endpoint("https://geheim.a.example/x", &["geheim"]).shown(), "https://REDACTED.a.example");
        assert_eq!(format!("{:?}", Secret::new("geheim".to_owned())), "REDACTED");
    }
}
