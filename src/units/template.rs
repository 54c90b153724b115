//! Templates: texts with `@NAME@` where something of a workspace stands, and how each format quotes it.

use std::path::Path;

/// Puts the values into a template. A value that stands alone on its line is indented as the line is, in all of its lines.
pub(super) fn filled(template: &str, values: &[(&str, String)]) -> String {
    let mut text = String::with_capacity(template.len());
    for line in template.split_inclusive('\n') {
        let indent = &line[..line.len() - line.trim_start_matches(' ').len()];
        let alone = values.iter().find(|(name, _)| line.trim() == format!("@{name}@"));
        match alone {
            Some((_, value)) => {
                for line in value.trim_end_matches('\n').lines() {
                    text.push_str(if line.is_empty() { "" } else { indent });
                    text.push_str(line);
                    text.push('\n');
                }
            }
            None => text.push_str(&in_line(line, values)),
        }
    }
    text
}

/// Each place is filled once: what a value holds is no place.
fn in_line(line: &str, values: &[(&str, String)]) -> String {
    let (mut text, mut rest) = (String::new(), line);
    while let Some(at) = rest.find('@') {
        text.push_str(&rest[..at]);
        let name = rest[at + 1..].split_once('@').map(|(name, _)| name);
        match values.iter().find(|(known, _)| Some(*known) == name) {
            Some((name, value)) => {
                text.push_str(value);
                rest = &rest[at + name.len() + 2..];
            }
            None => {
                text.push('@');
                rest = &rest[at + 1..];
            }
        }
    }
    text + rest
}

/// A path as one word of a unit of systemd (systemd.syntax, "Quoting"); `%` begins a specifier there.
pub(super) fn systemd(path: &str) -> String {
    let text = path.replace('%', "%%");
    if text.chars().all(|c| c.is_alphanumeric() || "/._-+%:=,@".contains(c)) {
        return text;
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The same as the program of `ExecStart=`, where `$` begins a variable.
pub(super) fn systemd_command(path: &Path) -> String {
    systemd(&path.to_string_lossy().replace('$', "$$"))
}

/// A path as one word of a shell.
pub(super) fn shell(path: &Path) -> String {
    let text = path.to_string_lossy();
    if text.chars().all(|c| c.is_alphanumeric() || "/._-+:=,@%".contains(c)) {
        return text.into_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// A text as a string of JSON, which is one of YAML and of Python, too.
pub(super) fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_where_their_names_do_and_are_not_looked_into() {
        let values = [("A", "x@B@".to_owned()), ("B", "one\n\n  two\n".to_owned())];
        assert_eq!(filled("a@b.de @A@ @C@\n  @B@\nend", &values), "a@b.de x@B@ @C@\n  one\n\n    two\nend");
    }

    #[test]
    fn paths_are_quoted_as_each_format_wants_it() {
        let path = Path::new("/a b/50% \"$x\" 'y'");
        assert_eq!(systemd(&path.to_string_lossy()), "\"/a b/50%% \\\"$x\\\" 'y'\"");
        assert_eq!(systemd_command(path), "\"/a b/50%% \\\"$$x\\\" 'y'\"");
        assert_eq!(shell(path), "'/a b/50% \"$x\" '\\''y'\\'''");
        assert_eq!((systemd("/srv/ä-1"), shell(Path::new("/srv/ä-1"))), ("/srv/ä-1".to_owned(), "/srv/ä-1".to_owned()));
        assert_eq!(json("a\"\\\u{1}"), r#""a\"\\\u0001""#);
    }
}
