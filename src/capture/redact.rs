//! Addresses as they are recorded and shown: without what may be a key.

/// Names of query parameters whose values are no secrets. Every other value is left out, for providers invent new names
/// for keys (`pwd`, `sid`, `code`, `jwt`), and a value that is missing here only makes an address longer to recognise.
const HARMLESS: &[&str] = &[
    "agency",
    "agency_id",
    "agencyid",
    "area",
    "channel",
    "city",
    "country",
    "date",
    "day",
    "encoding",
    "entity",
    "f",
    "feed",
    "feed_id",
    "feedid",
    "file",
    "filetype",
    "fmt",
    "format",
    "kind",
    "lang",
    "language",
    "limit",
    "line",
    "locale",
    "mode",
    "month",
    "network",
    "operator",
    "outputformat",
    "page",
    "provider",
    "region",
    "release",
    "request",
    "route",
    "route_id",
    "schema",
    "service",
    "stop",
    "stop_id",
    "type",
    "v",
    "ver",
    "version",
    "year",
];
/// Longer values are left out under any name: words and dates are shorter, keys are not.
const LONGEST: usize = 31;

/// An address without user, password, fragment, and the values of query parameters that may be secrets.
pub fn url(url: &url::Url) -> String {
    let mut shown = url.clone();
    // Fails only for addresses that cannot have a user.
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    shown.set_fragment(None);
    if let Some(query) = url.query() {
        let parts: Vec<String> = query.split('&').map(parameter).collect();
        shown.set_query(Some(&parts.join("&")));
    }
    shown.into()
}

/// One parameter as it stands in a query; a key may also stand there without a name.
fn parameter(text: &str) -> String {
    let name = text.split_once('=').map_or(text, |(name, _)| name);
    let is_harmless = HARMLESS.contains(&name.to_ascii_lowercase().as_str());
    match text.split_once('=') {
        Some((_, value)) if value.is_empty() || is_harmless && value.len() <= LONGEST => text.to_owned(),
        Some((name, _)) => format!("{name}=REDACTED"),
        None if is_harmless || text.is_empty() => text.to_owned(),
        None => "REDACTED".to_owned(),
    }
}

#[cfg(test)]
mod tests {
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
