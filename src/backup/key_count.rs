//! How many keys of which kind are among the files of a store: those of pseudonyms, and below them those that sign the log.

use super::manifest::KeptFile;
use crate::text::grouped;

/// Keys by what they are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyCount {
    pub pseudonyms: u64,
    /// Secrets by which the log is signed; what lies beside them is none.
    pub signing: u64,
}

impl KeyCount {
    pub(super) fn of<'a>(files: impl Iterator<Item = &'a KeptFile>) -> Self {
        let mut count = Self::default();
        for file in files {
            match file.path.strip_prefix("private/keys/").map(|name| name.split_once('/')) {
                Some(None) => count.pseudonyms += 1,
                Some(Some(("signing", name))) if name.ends_with(".key") => count.signing += 1,
                Some(Some(_)) | None => {}
            }
        }
        count
    }

    pub fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// `12 of pseudonyms, 1 that signs the log`.
    pub fn said(self) -> String {
        let Self { pseudonyms, signing } = self;
        let verb = if signing == 1 { "signs" } else { "sign" };
        match signing {
            0 => format!("{} of pseudonyms", grouped(pseudonyms).en),
            _ => format!("{} of pseudonyms, {} that {verb} the log", grouped(pseudonyms).en, grouped(signing).en),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;

    #[test]
    fn keys_are_counted_by_what_they_are_for() {
        let file = |path: &str| KeptFile {
            path: path.to_owned(),
            bytes: 1,
            sha256: Digest::of(b""),
            modified: None,
            mode: None,
        };
        let files = [
            "private/keys/2026-11-24.key",
            "private/keys/2026-11-25.key",
            "private/keys/signing/2026-11-27.key",
            "private/keys/signing/keys.json",
            "private/keys/signing/signed.json",
            "private/journal/bus/2026-11-24.json",
        ]
        .map(file);
        let count = KeyCount::of(files.iter());
        assert_eq!(count, KeyCount { pseudonyms: 2, signing: 1 });
        assert_eq!(count.said(), "2 of pseudonyms, 1 that signs the log");
        assert_eq!(KeyCount { pseudonyms: 1, signing: 0 }.said(), "1 of pseudonyms");
        assert!(KeyCount::of(files[5..].iter()).is_empty() && !count.is_empty());
    }
}
