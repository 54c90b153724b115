//! What a request asks for: the path of its address as the name of an object.

use std::fmt;

/// The longest path of a request that is looked at, in bytes.
const LONGEST: usize = 4096;

/// The name of an object, or of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    /// Without empty ones, `.`, `..`, and without names that no object has.
    parts: Vec<Vec<u8>>,
    /// Whether a slash ends it, or it is the root.
    pub is_folder: bool,
}

/// Why a path names nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadPath {
    /// It is no path: a broken escape, a NUL.
    Malformed,
    /// It is longer than any name.
    TooLong,
    /// No object has such a name: it would leave the folder, or it is hidden.
    NoObject,
}

impl Key {
    /// Reads the path of an address, which begins with a slash. Escapes are taken off once.
    pub(super) fn read(path: &str) -> Result<Self, BadPath> {
        if path.len() > LONGEST {
            return Err(BadPath::TooLong);
        }
        let path = unescaped(path).ok_or(BadPath::Malformed)?;
        let Some(path) = path.strip_prefix(b"/") else { return Err(BadPath::Malformed) };
        if path.contains(&0) {
            return Err(BadPath::Malformed);
        }
        let is_folder = path.is_empty() || path.ends_with(b"/");
        let path = path.strip_suffix(b"/").filter(|path| !path.is_empty()).unwrap_or(path);
        let parts: Vec<Vec<u8>> = match path {
            [] => Vec::new(),
            path => path.split(|byte| *byte == b'/').map(<[u8]>::to_vec).collect(),
        };
        match parts.iter().all(|part| is_public(part)) {
            true => Ok(Self { parts, is_folder }),
            false => Err(BadPath::NoObject),
        }
    }

    pub(super) fn parts(&self) -> impl Iterator<Item = &[u8]> {
        self.parts.iter().map(Vec::as_slice)
    }

    /// The object of this name in the folder that the key names.
    pub(super) fn child(&self, name: &str) -> Self {
        let mut parts = self.parts.clone();
        parts.push(name.into());
        Self { parts, is_folder: false }
    }

    /// The file that stands for the key in a folder, where it cannot be object and prefix at once: below `iceberg/` that is
    /// `X.json` for `X`.
    pub(super) fn stand_in(&self) -> Option<Self> {
        let last = self.parts.last()?;
        let is_in_catalogue = self.parts.len() > 1 && self.parts[0] == b"iceberg";
        if !is_in_catalogue || self.is_folder || last.ends_with(b".json") {
            return None;
        }
        let mut key = self.clone();
        key.parts.last_mut()?.extend_from_slice(b".json");
        Some(key)
    }

    /// The path of the folder that the key names, as an address has it.
    pub(super) fn folder_path(&self) -> String {
        let mut path = String::from("/");
        for part in &self.parts {
            for byte in part {
                match byte {
                    b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'=' => {
                        path.push(char::from(*byte));
                    }
                    byte => path.push_str(&format!("%{byte:02X}")),
                }
            }
            path.push('/');
        }
        path
    }
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<_> = self.parts().map(String::from_utf8_lossy).collect();
        formatter.write_str(&parts.join("/"))
    }
}

/// Whether an object may have a part like this in its name. Hidden files are locks and the like, `name#1` is a file that is
/// being written.
fn is_public(part: &[u8]) -> bool {
    let is_staged = part.iter().rposition(|byte| *byte == b'#').is_some_and(|at| {
        let digits = &part[at + 1..];
        !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
    });
    !part.is_empty() && part[0] != b'.' && !is_staged
}

/// The bytes of a path without its escapes (`%20`), or nothing if one is broken.
fn unescaped(path: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        if first != b'%' {
            bytes.push(first);
            rest = after;
            continue;
        }
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let &[high, low, ref after @ ..] = after else { return None };
        bytes.push(digit(high)? << 4 | digit(low)?);
        rest = after;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_are_taken_off_once() {
        let key = |path: &str| Key::read(path).map(|key| key.to_string());
        assert_eq!(
            key("/data/bus/partition_date%3D2026-11-24/x.parquet"),
            Ok("data/bus/partition_date=2026-11-24/x.parquet".into())
        );
        assert_eq!(key("/a%20b/%C3%BC"), Ok("a b/ü".into()));
        assert_eq!(key("/a%252e"), Ok("a%2e".into()));
        assert_eq!(key("/a%2Fb"), Ok("a/b".into()));
        assert!(Key::read("/").unwrap().is_folder && Key::read("/a/").unwrap().is_folder);
        assert_eq!(Key::read("/a%20b/c=d/").unwrap().folder_path(), "/a%20b/c=d/");
    }

    #[test]
    fn nothing_leads_out_of_the_folder_or_to_hidden_files() {
        for path in
            ["/../x", "/a/../x", "/%2e%2e/x", "/a/%2E./x", "/..%2fx", "/.", "/a//b", "//", "/.lock", "/a/.git/x"]
        {
            assert_eq!(Key::read(path), Err(BadPath::NoObject), "{path}");
        }
        for path in ["/files.json%231", "/a%2317/b"] {
            assert_eq!(Key::read(path), Err(BadPath::NoObject), "{path}");
        }
        for path in ["/a%00", "/%", "/%4", "/%zz", "a", "*", ""] {
            assert_eq!(Key::read(path), Err(BadPath::Malformed), "{path}");
        }
        assert_eq!(Key::read(&format!("/{}", "a".repeat(5000))), Err(BadPath::TooLong));
    }

    #[test]
    fn only_the_catalogue_has_files_that_stand_for_a_name() {
        let stand_in = |path: &str| Key::read(path).unwrap().stand_in().map(|key| key.to_string());
        assert_eq!(stand_in("/iceberg/v1/config").as_deref(), Some("iceberg/v1/config.json"));
        for path in ["/iceberg/v1/config.json", "/iceberg", "/iceberg/v1/", "/meta/files", "/"] {
            assert_eq!(stand_in(path), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_asked_for_has_no_part_that_climbs(path in "/([a.%/#0-9efEF\\\\]|%2e|%2f){0,24}") {
            if let Ok(key) = Key::read(&path) {
                for part in key.parts() {
                    prop_assert!(!part.is_empty() && part[0] != b'.' && !part.contains(&b'/') && !part.contains(&0));
                }
            }
        }
    }
}
