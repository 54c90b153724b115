//! Addresses as they are recorded and shown: without what may be a key.

use crate::yaml::parameters::shown_parameter;

/// Where a source is: the address that is asked, and how it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub url: url::Url,
    /// What environment variables gave for parts of it.
    secrets: Vec<String>,
}

impl Address {
    /// `secrets` are the texts within the address that no record, message or log may show, whatever they are called.
    pub fn new(url: url::Url, secrets: Vec<String>) -> Self {
        Self { url, secrets: secrets.into_iter().filter(|secret| !secret.is_empty()).collect() }
    }

    pub fn shown(&self) -> String {
        self.shown_at(&self.url)
    }

    /// An address that this one led to, which may repeat its secrets.
    pub fn shown_at(&self, at: &url::Url) -> String {
        let mut shown = url(at);
        for secret in &self.secrets {
            // A URL has them percent-encoded, by other sets of characters in the path and in the query.
            let mut forms = vec![secret.clone()];
            let mut probe = at.clone();
            probe.set_path(secret);
            forms.push(probe.path().trim_start_matches('/').to_owned());
            probe.set_query(Some(secret));
            forms.extend(probe.query().map(str::to_owned));
            // A host is written in small letters.
            forms.push(secret.to_lowercase());
            forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
            for form in forms.iter().filter(|form| !form.is_empty()) {
                shown = shown.replace(form.as_str(), "REDACTED");
            }
        }
        shown
    }
}

impl From<url::Url> for Address {
    fn from(url: url::Url) -> Self {
        Self::new(url, Vec::new())
    }
}

/// An address without user, password, fragment, and the values of query parameters that may be secrets.
pub fn url(url: &url::Url) -> String {
    let mut shown = url.clone();
    // Fails only for addresses that cannot have a user.
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    shown.set_fragment(None);
    if let Some(query) = url.query() {
        let parts: Vec<String> = query.split('&').map(shown_parameter).collect();
        shown.set_query(Some(&parts.join("&")));
    }
    shown.into()
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn what_the_environment_gave_is_never_shown() {
        for (address, secret, shown) in [
            (
                "https://a.example/api/geheim/rt.pb?format=pb",
                "geheim",
                "https://a.example/api/REDACTED/rt.pb?format=pb",
            ),
            ("https://a.example/rt?format=geheim", "geheim", "https://a.example/rt?format=REDACTED"),
            ("https://a.example/rt?format=ge heim", "ge heim", "https://a.example/rt?format=REDACTED"),
            ("https://a.example/ge heim/", "ge heim", "https://a.example/REDACTED/"),
            ("https://geheim.a.example/rt", "geheim", "https://REDACTED.a.example/rt"),
            ("https://Geheim.a.example/rt", "Geheim", "https://REDACTED.a.example/rt"),
        ] {
            let address = Address::new(address.parse().unwrap(), vec![secret.to_owned(), String::new()]);
            assert_eq!(address.shown(), shown);
        }
    }

    #[test]
    fn only_values_that_are_known_to_be_harmless_are_shown() {
        for (address, shown) in [
            (
                "https://a.example/rt?pwd=1&sid=2&code=3&jwt=4&pass=5",
                "pwd=REDACTED&sid=REDACTED&code=REDACTED&jwt=REDACTED&pass=REDACTED",
            ),
            (
                "https://me:secret@a.example/rt?format=pb&X-Amz-Signature=abc#token=1",
                "format=pb&X-Amz-Signature=REDACTED",
            ),
            ("https://a.example/rt?Version=2&type=0123456789abcdef0123456789abcdef", "Version=2&type=REDACTED"),
            ("https://a.example/rt?4f3a9c&agency=sw%20o&key=", "REDACTED&agency=sw%20o&key="),
        ] {
            let expected = format!("https://a.example/rt?{shown}");
            assert_eq!(super::url(&address.parse().unwrap()), expected);
        }
    }
}
