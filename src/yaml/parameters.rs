//! Parameters in the query of an address, as they are recorded and shown.

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

/// One parameter as it stands in a query; a key may also stand there without a name.
pub(crate) fn shown_parameter(text: &str) -> String {
    let name = text.split_once('=').map_or(text, |(name, _)| name);
    let is_harmless = HARMLESS.contains(&name.to_ascii_lowercase().as_str());
    match text.split_once('=') {
        Some((_, value)) if value.is_empty() || is_harmless && value.len() <= LONGEST => text.to_owned(),
        Some((name, _)) => format!("{name}=REDACTED"),
        None if is_harmless || text.is_empty() => text.to_owned(),
        None => "REDACTED".to_owned(),
    }
}
