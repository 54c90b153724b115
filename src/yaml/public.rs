//! The text of a file of the workspace as the ledger publishes it: without secrets, and otherwise to the byte.
//!
//! The digest of this text stands in records. A file that has no secret is its own public text, so whoever has the file
//! computes the same digest. `${NAME}` stands for an environment variable and is no secret.

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};

use crate::yaml::parameters::shown_parameter;

/// What stands in the place of a secret.
pub const REDACTED: &str = "REDACTED";
/// Keys whose values are credentials wherever they stand.
const CREDENTIALS: &[&str] = &["username", "password", "client_id"];
/// Maps of which each value may be a credential, and the keys in them that name none.
const MAPS: &[(&str, &[&str])] = &[
    ("headers", &["accept", "accept-encoding", "accept-language", "content-type", "user-agent"]),
    ("options", &["endpoint", "region", "allow_http", "virtual_hosted_style_request", "skip_signature"]),
];
/// What a scheme of authorisation says before the secret itself.
const SCHEMES: &[&str] = &["", "Bearer", "Basic", "Token", "ApiKey"];
/// What names of credentials contain, where they stand in a comment.
const WORDS: &[&str] = &["pass", "kennwort", "secret", "token", "auth", "username", "client_id"];
/// Lists of values of a column, which are personal where the column is not public.
const VALUES: &[&str] = &["examples", "validValues"];
/// Shorter secrets are taken out where they stand, and not wherever their text occurs.
const SHORTEST: usize = 6;
/// Parts of a path that are as long and have digits may be keys.
const LONG_PART: usize = 20;

/// Why a file has no public text: the line of a secret that cannot be told from the text around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inseparable {
    pub line: u32,
}

impl Inseparable {
    pub fn message(self) -> &'static str {
        "what is secret or personal here cannot be taken out of the text, which the ledger publishes"
    }

    pub fn remedy(self) -> &'static str {
        "Write '${NAME}' for an environment variable, or the value plainly in one line."
    }
}

/// The text without secrets. A text that is no YAML is for others to tell; it has no public text.
///
/// # Errors
/// A secret is written such that it cannot be taken out alone.
pub fn public_text(text: &str) -> Result<String, Inseparable> {
    let mut found = Found::in_text(text).ok_or(Inseparable { line: 0 })?;
    let places = Places::of(text);
    // From behind, so that places before stay what they are.
    found.scalars.sort_by_key(|scalar| std::cmp::Reverse(scalar.from));
    let mut out = text.to_owned();
    let mut begins = text.len();
    for scalar in &found.scalars {
        let (from, until) = (places.byte(scalar.from), places.byte(scalar.until));
        // Between two values there are keys and comments.
        let comments = out.get(until..begins).map(without_secrets_in_comments);
        let changed = comments.filter(|comments| out.get(until..begins) != Some(comments.as_str()));
        if let Some(changed) = changed {
            out.replace_range(until..begins, &changed);
        }
        begins = from.min(begins);
        let written = text.get(from..until).ok_or(Inseparable { line: scalar.line })?;
        if let Some(shown) = &scalar.shown {
            let is_quoted = written.starts_with(['"', '\'']);
            let shown = if scalar.is_whole || !is_quoted { shown.clone() } else { shown.replace(['"', '\''], "") };
            // A text in several lines becomes one; what ends its line stays.
            let ending = &written[written.trim_end().len()..];
            out.replace_range(from..until, &format!("'{}'{ending}", shown.replace('\'', "''")));
        }
    }
    if let Some(comments) = out.get(..begins).map(without_secrets_in_comments) {
        out.replace_range(..begins, &comments);
    }
    found.secrets.sort_by_key(|(secret, _)| std::cmp::Reverse(secret.len()));
    for (secret, _) in found.secrets.iter().filter(|(secret, _)| secret.len() >= SHORTEST) {
        out = out.replace(secret.as_str(), REDACTED);
    }
    let Some((_, first)) = found.secrets.first() else { return Ok(out) };
    // What is left must be readable, and have none any more.
    let left = Found::in_text(&out).ok_or(Inseparable { line: *first })?;
    match left.secrets.first() {
        Some((_, line)) => Err(Inseparable { line: *line }),
        None => Ok(out),
    }
}

/// Where the characters of a text begin, which is what the parser counts.
struct Places(Vec<usize>, usize);

impl Places {
    fn of(text: &str) -> Self {
        Self(text.char_indices().map(|(begin, _)| begin).collect(), text.len())
    }

    fn byte(&self, place: usize) -> usize {
        self.0.get(place).copied().unwrap_or(self.1)
    }
}

/// A value of a file.
struct ScalarAt {
    from: usize,
    until: usize,
    line: u32,
    /// What is shown instead of it, where that is something else.
    shown: Option<String>,
    /// Whether nothing of it is shown.
    is_whole: bool,
}

/// The values of a file, and the secrets among them.
#[derive(Default)]
struct Found {
    scalars: Vec<ScalarAt>,
    secrets: Vec<(String, u32)>,
}

impl Found {
    fn in_text(text: &str) -> Option<Self> {
        let mut found = Self::default();
        let documents = MarkedYaml::load_from_str(text).ok()?;
        documents.iter().for_each(|document| found.walk(document, "", false));
        Some(found)
    }

    /// `key` is what the node stands under.
    fn walk(&mut self, node: &MarkedYaml<'_>, key: &str, is_secret: bool) {
        match &node.data {
            YamlData::Sequence(items) => items.iter().for_each(|item| self.walk(item, key, is_secret)),
            YamlData::Mapping(pairs) => {
                let is_private = key == "properties" && !is_public(node);
                let of_map = MAPS.iter().find(|(map, _)| *map == key).map(|(_, harmless)| *harmless);
                for (name, value) in pairs {
                    self.walk(name, "", false);
                    let name = text_of(name).unwrap_or_default();
                    let small = name.to_ascii_lowercase();
                    let is_secret = is_secret
                        || CREDENTIALS.contains(&small.as_str())
                        || small == "team"
                        || of_map.is_some_and(|harmless| !harmless.contains(&small.trim_start_matches("aws_")))
                        || is_private && VALUES.contains(&name)
                        || key == "private values" && VALUES.contains(&name);
                    // Rules stand below the property that they are about.
                    let below = match is_private || key == "private values" {
                        true if name != "properties" => "private values",
                        _ => name,
                    };
                    self.walk(value, below, is_secret);
                }
            }
            YamlData::Tagged(_, inner) => self.walk(inner, key, is_secret),
            YamlData::Value(Scalar::Null) | YamlData::Alias(_) | YamlData::BadValue => {}
            YamlData::Value(_) | YamlData::Representation(..) => self.scalar(node, is_secret),
        }
    }

    fn scalar(&mut self, node: &MarkedYaml<'_>, is_secret: bool) {
        let (from, until) = (node.span.start.index(), node.span.end.index());
        let line = u32::try_from(node.span.start.line()).unwrap_or(u32::MAX);
        let other = "a number";
        let value = text_of(node).unwrap_or(other);
        let is_hidden = is_secret && value != REDACTED && is_literal(value);
        let shown = match is_hidden {
            true => Some(REDACTED.to_owned()),
            false => Some(without_secrets_in_addresses(value)).filter(|shown| shown != value),
        };
        if shown.is_some() {
            self.secrets.push((if value == other { String::new() } else { value.to_owned() }, line));
            // Without the scheme before it.
            let last = value.split(' ').next_back().filter(|last| is_hidden && *last != value);
            self.secrets.extend(last.map(|last| (last.to_owned(), line)));
        }
        self.scalars.push(ScalarAt { from, until, line, shown, is_whole: is_hidden });
    }
}

fn text_of<'a>(node: &'a MarkedYaml<'_>) -> Option<&'a str> {
    match &node.data {
        YamlData::Value(Scalar::String(text)) | YamlData::Representation(text, ..) => Some(text),
        _ => None,
    }
}

/// Whether a property of a contract is published.
fn is_public(property: &MarkedYaml<'_>) -> bool {
    let YamlData::Mapping(pairs) = &property.data else { return false };
    let of = pairs.iter().find(|(name, _)| text_of(name) == Some("classification"));
    of.is_some_and(|(_, value)| text_of(value) == Some("public"))
}

/// Whether a text says more than environment variables and the scheme before them.
fn is_literal(text: &str) -> bool {
    let mut literal = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        literal.push_str(before);
        let Some((_, behind)) = after.split_once('}') else { return true };
        rest = behind;
    }
    literal.push_str(rest);
    !SCHEMES.contains(&literal.trim_matches([' ', ':', '\'', '"']))
}

/// A text with its addresses without user, password, fragment and parameters that may be keys.
fn without_secrets_in_addresses(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        out.push_str(before);
        out.push_str("://");
        let end = after.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>')).unwrap_or(after.len());
        out.push_str(&address(&after[..end]));
        rest = &after[end..];
    }
    out.push_str(rest);
    out
}

/// What stands behind `://` of an address, as it is shown.
fn address(text: &str) -> String {
    let (text, fragment) = text.split_once('#').map_or((text, None), |(text, of)| (text, Some(of)));
    let (text, query) = text.split_once('?').map_or((text, None), |(text, of)| (text, Some(of)));
    let (place, path) = text.split_once('/').map_or((text, None), |(place, path)| (place, Some(path)));
    let shown = |text: &str| if is_literal(text) && text != REDACTED { REDACTED.to_owned() } else { text.to_owned() };
    let mut out = match place.rsplit_once('@') {
        Some((user, host)) => format!("{}@{host}", shown(user)),
        None => place.to_owned(),
    };
    if let Some(path) = path {
        let part = |part: &str| match is_literal(part) && is_long_key(part) {
            true => REDACTED.to_owned(),
            false => part.to_owned(),
        };
        out += "/";
        out += &path.split('/').map(part).collect::<Vec<_>>().join("/");
    }
    if let Some(query) = query {
        let parameter = |text: &str| match text.split_once('=') {
            Some((_, value)) if !is_literal(value) || value == REDACTED => text.to_owned(),
            None if !is_literal(text) || text == REDACTED => text.to_owned(),
            _ => shown_parameter(text),
        };
        out += "?";
        out += &query.split('&').map(parameter).collect::<Vec<_>>().join("&");
    }
    fragment.map_or(out.clone(), |fragment| format!("{out}#{}", shown(fragment)))
}

fn is_long_key(part: &str) -> bool {
    let is_sign = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '=' | '%' | '~');
    let has = |what: fn(char) -> bool| part.chars().any(what);
    part.len() >= LONG_PART
        && part.chars().all(is_sign)
        && has(|c| c.is_ascii_digit())
        && has(|c| c.is_ascii_alphabetic())
}

/// What stands between two values, its comments without what may be a secret in them.
fn without_secrets_in_comments(text: &str) -> String {
    let line = |line: &str| match line
        .char_indices()
        .find(|(at, c)| *c == '#' && line[..*at].chars().next_back().is_none_or(|before| before.is_whitespace()))
    {
        Some((at, _)) => format!("{}{}", &line[..at], comment(&line[at..])),
        None => line.to_owned(),
    };
    text.split_inclusive('\n').map(line).collect()
}

fn comment(text: &str) -> String {
    let text = without_secrets_in_addresses(text);
    for (at, sign) in text.char_indices().filter(|(_, c)| matches!(c, ':' | '=')) {
        let before = text[..at].trim_end_matches(['"', '\'', ' ']);
        let begin =
            before.rfind(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-'))).map_or(0, |place| place + 1);
        let Some(name) = before.get(begin..).map(str::to_lowercase) else { continue };
        let is_name = WORDS.iter().any(|word| name.contains(word)) || name.len() > 3 && name.ends_with("key");
        let value = text[at + sign.len_utf8()..].trim_end();
        let bare =
            value.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '{' | '}' | ',' | ']' | '['));
        // A variable loses its end by that.
        let is_variable = bare.starts_with('$') && !value.trim_start_matches([' ', '"', '\'']).contains(' ');
        if is_name && !bare.is_empty() && !is_variable && is_literal(bare) {
            let ending = &text[text.trim_end().len()..];
            return format!("{} {REDACTED}{ending}", &text[..at + sign.len_utf8()]);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public(text: &str) -> String {
        public_text(text).unwrap_or_else(|error| panic!("{error:?}: {text}"))
    }

    #[test]
    fn a_text_without_secrets_is_its_own_public_text() {
        for text in [
            "# Über die Busse: key figures\nformat: mapped # gut\nsources:\n  - {name: a, url: 'https://a.example/rt?format=pb'}\n",
            "sources:\n  - name: a\n    headers: {X-Key: '${KEY}', Authorization: 'Bearer ${T}'}\n    # headers: {X-Api-Key: '${KEY}'}\n",
            "url: https://${USER}:${PW}@a.example/${KEY}/rt?token=${T}\noptions: {region: de, access_key_id: '${ID}'}\n",
            "text: |\n  Zwei Zeilen,\n  # die zweite\nnext: 1\n",
        ] {
            assert_eq!(public(text), text);
        }
    }

    #[test]
    fn no_secret_is_left() {
        for text in [
            "sources:\n  - name: a\n    headers: {X-Key: geheim1}\n",
            "sources:\n  - {name: a, headers: {\"Authorization\": \"Bearer geheim1\"}, type: http}\n",
            "options:\n  region: de\n  secret_access_key: geheim1 # geheim1\n",
            "username: geheim1\npassword: \"geheim1\"\n",
            "password: \"geh\\x65im1\"\n",
            "headers: {X-Key: 4711471}\n",
            "url: https://me:geheim1@a.example/rt?format=pb\n",
            "url: https://a.example/rt?format=pb&pwd=geheim1,geheim1 # äöü https://a.example?x=geheim1\n",
            "sources: [{url: 'https://a.example/geheim1geheim1geheim1/rt#geheim1'}]\n",
            "# password: geheim1\n# X-Api-Key = geheim1\na: 1 # Authorization: Bearer geheim1\n# https://u:geheim1@a.example/x\n",
            "headers:\n  - X-Key: geheim1\n# und noch einmal: geheim1\n",
            "schema:\n  - properties:\n      - {name: driver, classification: private, examples: [geheim1]}\n",
            "properties:\n  - name: driver\n    quality: [{rule: validValues, arguments: {validValues: [geheim1]}}]\n",
            "team: [{name: geheim1}]\n",
        ] {
            let shown = public(text);
            assert!(!shown.contains("geheim1") && !shown.contains("4711471"), "{text}{shown}");
            assert!(shown.contains(REDACTED), "{shown}");
            assert_eq!(public(&shown), shown);
        }
        let text = "properties: [{name: colour, classification: public, examples: [red]}]\n";
        assert_eq!(public(text), text);
    }

    #[test]
    fn a_secret_that_cannot_be_taken_out_alone_is_refused() {
        let text = "format: mapped\npassword: >-\n  geheim1\n  und mehr\nnext: 1\n";
        assert!(public_text(text).is_err());
    }

    #[test]
    fn what_stands_around_a_secret_stays() {
        let text = "# äöü\nformat: mapped\nsources:\n  - name: a # eins\n    headers: {X-Key: geheim1, Accept: text/csv}\n    url: 'https://u:geheim2@a.example/rt?v=2'\n";
        let shown = text.replace("geheim1", "'REDACTED'").replace("u:geheim2", "REDACTED");
        assert_eq!(public(text), shown);
    }
}
