//! Texts that stand in public files: lines that say something, and addresses on the web.

use url::Url;

use super::{Node, Problems, Value};

impl Node {
    /// The text of one line under `key`, if there is one; a problem if it says nothing or has several lines.
    pub(crate) fn line_of_text(&self, key: &str, problems: &mut Problems) -> Option<String> {
        let text = self.optional_text(key, problems)?;
        self.one_line(key, &text, &format!("Write '{key}: ...', or take it out."), problems)
    }

    /// The same where there must be one.
    pub(crate) fn require_line(&self, key: &str, problems: &mut Problems) -> Option<String> {
        let text = self.require_text(key, problems)?;
        self.one_line(key, &text, &format!("Write '{key}: ...' in one line."), problems)
    }

    fn one_line(&self, key: &str, text: &str, remedy: &str, problems: &mut Problems) -> Option<String> {
        let text = text.trim();
        if text.is_empty() || text.contains(char::is_control) {
            let line = self.get(key).map_or(self.line, |node| node.line);
            problems.add(line, format!("'{key}' is no text of one line"), remedy);
            return None;
        }
        Some(text.to_owned())
    }

    /// The text under `key`, if there is one, which may have several lines; a problem if it says nothing.
    pub(crate) fn lines_of_text(&self, key: &str, problems: &mut Problems) -> Option<String> {
        let text = self.optional_text(key, problems)?;
        self.said(key, &text, problems)
    }

    /// The same where there must be one.
    pub(crate) fn require_lines(&self, key: &str, problems: &mut Problems) -> Option<String> {
        let text = self.require_text(key, problems)?;
        self.said(key, &text, problems)
    }

    fn said(&self, key: &str, text: &str, problems: &mut Problems) -> Option<String> {
        let text = text.trim();
        if text.is_empty() {
            let line = self.get(key).map_or(self.line, |node| node.line);
            problems.add(line, format!("'{key}' is empty"), format!("Write '{key}: ...', or take it out."));
            return None;
        }
        Some(text.to_owned())
    }

    /// The address on the web under `key`, if there is one; a problem if it is something else.
    pub(crate) fn web_address(&self, key: &str, problems: &mut Problems) -> Option<String> {
        let url = self.line_of_text(key, problems)?;
        let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\"'<>\\^`{|}".contains(&byte);
        let is_right = host.is_some_and(|rest| {
            rest.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '[') && rest.bytes().all(is_plain)
        });
        if !is_right {
            let line = self.get(key).map_or(self.line, |node| node.line);
            let message = format!("'{key}' is no address on the web: '{}'", shown(&url));
            let remedy = match in_ascii(&url) {
                Some(ascii) => format!("Write it without umlauts, as browsers send it: '{key}: {ascii}'."),
                None => format!("Write '{key}: https://www.example.de/offene-daten'."),
            };
            problems.add(line, message, remedy);
            return None;
        }
        Some(url)
    }

    /// Tells of every key at any depth that is there and has no value: what it was to say is lost, and nobody would be told.
    /// `example` is what may be written for a key, by the keys that lead to it.
    pub(crate) fn tell_empty(&self, example: fn(&[String]) -> Option<&'static str>, problems: &mut Problems) {
        self.tell_empty_below(&mut Vec::new(), example, problems);
    }

    fn tell_empty_below(
        &self,
        path: &mut Vec<String>,
        example: fn(&[String]) -> Option<&'static str>,
        problems: &mut Problems,
    ) {
        self.items().iter().for_each(|item| item.tell_empty_below(path, example, problems));
        for (key, value) in self.pairs() {
            let name = key.scalar().unwrap_or_default();
            path.push(name.clone());
            if value.value == Value::Null {
                // Who writes a comment leaves a space behind the mark.
                let lost = value.comment().filter(|text| text.len() > 1 && !text.starts_with("# "));
                let (message, remedy) = match lost {
                    Some(text) => (
                        format!("'{name}' says nothing: what begins with '#' is a comment"),
                        format!("Write it in quotation marks: '{name}: \"{}\"'.", shown(text).replace('"', "")),
                    ),
                    None => {
                        let written = example(path).map_or_else(|| format!("{name}: ..."), str::to_owned);
                        let remedy = format!("Write '{written}', or what belongs below it, or take the line out.");
                        (format!("'{name}' is there and says nothing"), remedy)
                    }
                };
                problems.add(key.line, message, remedy);
            }
            value.tell_empty_below(path, example, problems);
            path.pop();
        }
    }
}

/// A text of somebody else for people: what a terminal or a page would not show is written out, and quotation marks and backslashes stay
/// as they are.
pub(crate) fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\'' | '"' | '\\' => shown.push(c),
            other => shown.extend(other.escape_debug()),
        }
    }
    shown
}

/// An address on the web with umlauts, as it goes over the wire: its host in Punycode. `None` of one that has none, or is no address.
pub(crate) fn in_ascii(url: &str) -> Option<String> {
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    if !is_web || url.is_ascii() {
        return None;
    }
    let read = Url::parse(url).ok()?;
    let written = read.to_string();
    // What was no path before is none now.
    let has_path = url.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
    Some(if has_path { written } else { written.trim_end_matches('/').to_owned() })
}

/// A host with umlauts in Punycode.
pub(crate) fn host_in_ascii(host: &str) -> Option<String> {
    let url = in_ascii(&format!("https://{host}"))?;
    url.strip_prefix("https://").filter(|host| !host.contains(['/', '@', ':', '?', '#'])).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn addresses_with_umlauts_are_told_as_they_go_over_the_wire() {
        for (url, expected) in [
            ("https://www.köln.de", Some("https://www.xn--kln-sna.de")),
            ("https://www.köln.de/größe", Some("https://www.xn--kln-sna.de/gr%C3%B6%C3%9Fe")),
            ("https://www.example.de", None),
            ("ftp://köln.de", None),
        ] {
            assert_eq!(in_ascii(url).as_deref(), expected, "{url}");
        }
        assert_eq!(host_in_ascii("köln.de").as_deref(), Some("xn--kln-sna.de"));
        assert_eq!(host_in_ascii("köln.de/x"), None);
    }

    #[test]
    fn a_text_that_must_be_there_says_something_in_one_line() {
        let file = Path::new("a.yaml");
        for (text, expected) in [
            ("a: T", None),
            ("a: >-\n  T\n  U\n", None),
            ("a: ''", Some("'a' is no text of one line")),
            ("a: '  '", Some("'a' is no text of one line")),
            ("a: |\n  T\n  U\n", Some("'a' is no text of one line")),
            ("b: T", Some("'a' is missing")),
        ] {
            let mut problems = Problems::new(file);
            let read = crate::yaml::parse(file, text).unwrap().require_line("a", &mut problems);
            let told = problems.found.first().map(|problem| problem.message.as_str());
            assert_eq!((read.is_none(), told), (expected.is_some(), expected), "{text}");
        }
    }
}
