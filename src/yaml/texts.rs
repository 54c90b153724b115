//! Texts that stand in public files: lines that say something, and addresses on the web.

use super::{Node, Problems};

impl Node {
    /// The text of one line under `key`, if there is one; a problem if it says nothing or has several lines.
    pub(crate) fn line_of_text(&self, key: &str, problems: &mut Problems) -> Option<String> {
        let text = self.optional_text(key, problems)?.trim().to_owned();
        if text.is_empty() || text.contains(char::is_control) {
            let line = self.get(key).map_or(self.line, |node| node.line);
            let remedy = format!("Write '{key}: ...', or take it out.");
            problems.add(line, format!("'{key}' is no text of one line"), remedy);
            return None;
        }
        Some(text)
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
            let message = format!("'{key}' is no address on the web: '{}'", url.escape_debug());
            problems.add(line, message, format!("Write '{key}: https://www.example.de/offene-daten'."));
            return None;
        }
        Some(url)
    }
}
