//! Notices: what a rule says of a feed, and how often.

use serde_json::Value;

use crate::contract::Severity;
use crate::feed_rules::gtfs::feed::Feed;

/// One of the canonical validator's notices: code, severity, files and context fields are its own, the words are ours.
#[derive(Debug)]
pub struct Notice {
    pub code: &'static str,
    pub severity: Severity,
    /// The files that it is about; empty if any.
    pub files: &'static [&'static str],
    /// The context fields of a sample.
    pub fields: &'static [&'static str],
    pub en: Words,
    pub de: Words,
}

/// What a notice tells people.
#[derive(Debug)]
pub struct Words {
    /// What is wrong, and why it matters.
    pub what: &'static str,
    /// How to mend it.
    pub mend: &'static str,
}

/// A check, and the notices that it can give.
pub struct Rule {
    /// The file under `src/feed_rules/gtfs/` that it stands in.
    pub module: &'static str,
    pub notices: &'static [&'static Notice],
    /// The tables that must have been read without a fault, because the check looks across their rows.
    pub needs: &'static [&'static str],
    /// Where every table must have been read without a fault.
    pub needs_all: bool,
    /// `None` where reading the files tells it.
    pub check: Option<fn(&Feed, &mut Out)>,
    pub examples: &'static [Example],
}

/// A feed that shows a notice, or comes close to it: files that replace those of a small feed without any notice.
pub struct Example {
    pub code: &'static str,
    /// How often the notice must be given.
    pub count: u64,
    /// The names and texts of files. A file without text is taken away.
    pub files: &'static [(&'static str, &'static str)],
}

impl Rule {
    pub fn name(&self) -> &'static str {
        self.module.rsplit("::").next().unwrap_or_default()
    }
}

/// Defines a notice.
macro_rules! notice {
    (
        $name:ident = $code:literal, $severity:ident, [$($file:literal),*], [$($field:literal),*],
        $en:literal, $mend:literal,
        $de:literal, $mend_de:literal $(,)?
    ) => {
        pub static $name: $crate::feed_rules::notice::Notice = $crate::feed_rules::notice::Notice {
            code: $code,
            severity: $crate::contract::Severity::$severity,
            files: &[$($file),*],
            fields: &[$($field),*],
            en: $crate::feed_rules::notice::Words { what: $en, mend: $mend },
            de: $crate::feed_rules::notice::Words { what: $de, mend: $mend_de },
        };
    };
}

/// Defines the rule of a module. `needs` are tables, or `all`.
macro_rules! rule {
    ([$($notice:ident),* $(,)?], needs: all, $check:ident, $examples:expr) => {
        rule!(@make [$($notice),*], [], true, Some($check), $examples);
    };
    ([$($notice:ident),* $(,)?], needs: [$($need:literal),*], $check:ident, $examples:expr) => {
        rule!(@make [$($notice),*], [$($need),*], false, Some($check), $examples);
    };
    ([$($notice:ident),* $(,)?], read, $examples:expr) => {
        rule!(@make [$($notice),*], [], false, None, $examples);
    };
    (@make [$($notice:ident),*], [$($need:literal),*], $all:literal, $check:expr, $examples:expr) => {
        pub static RULE: $crate::feed_rules::notice::Rule = $crate::feed_rules::notice::Rule {
            module: module_path!(),
            notices: &[$(&$notice),*],
            needs: &[$($need),*],
            needs_all: $all,
            check: $check,
            examples: $examples,
        };
    };
}

/// An example in which the notice is given so many times.
pub const fn fails(code: &'static str, count: u64, files: &'static [(&'static str, &'static str)]) -> Example {
    Example { code, count, files }
}

/// An example that comes close to the notice and does not get it.
pub const fn passes(code: &'static str, files: &'static [(&'static str, &'static str)]) -> Example {
    Example { code, count: 0, files }
}

pub(crate) use {notice, rule};

/// A notice as often as it was found.
#[derive(Debug)]
pub struct Found {
    pub notice: &'static Notice,
    pub total: u64,
    /// The values of the context fields, of the first that were found.
    pub samples: Vec<Vec<Value>>,
}

/// What a check leaves out of a feed that would take too long, for people.
#[derive(Debug)]
pub struct Cut {
    pub en: &'static str,
    pub de: &'static str,
}

/// Where a check puts what it finds.
#[derive(Debug, Default)]
pub struct Out {
    pub found: Vec<Found>,
    /// What was not looked at because it would take too long.
    pub cut: Vec<&'static Cut>,
}

impl Out {
    /// Samples kept of each notice, as many as the canonical validator writes.
    pub const SAMPLES: usize = 1000;

    /// Counts a notice. `fields` makes the values of its context fields, and is called only if the sample is kept.
    pub fn add<const N: usize>(&mut self, notice: &'static Notice, fields: impl FnOnce() -> [Value; N]) {
        let found = self.of(notice);
        found.total += 1;
        if found.samples.len() < Self::SAMPLES {
            found.samples.push(fields().into());
        }
    }

    /// Counts as many more, without samples.
    pub fn count(&mut self, notice: &'static Notice, more: u64) {
        if more > 0 {
            self.of(notice).total += more;
        }
    }

    /// Whether no more samples of a notice are kept.
    pub fn is_full(&self, notice: &'static Notice) -> bool {
        let found = self.found.iter().find(|found| std::ptr::eq(found.notice, notice));
        found.is_some_and(|found| found.samples.len() >= Self::SAMPLES)
    }

    /// Says that a check ended before it had looked at everything, because that would take too long.
    pub fn cut(&mut self, what: &'static Cut) {
        if self.cut.iter().all(|other| !std::ptr::eq(*other, what)) {
            self.cut.push(what);
        }
    }

    fn of(&mut self, notice: &'static Notice) -> &mut Found {
        let place = match self.found.iter().position(|found| std::ptr::eq(found.notice, notice)) {
            Some(place) => place,
            None => {
                self.found.push(Found { notice, total: 0, samples: Vec::new() });
                self.found.len() - 1
            }
        };
        &mut self.found[place]
    }

    /// Takes over what another check found.
    pub fn merge(&mut self, other: Self) {
        for found in other.found {
            let own = self.of(found.notice);
            own.total += found.total;
            let room = Self::SAMPLES - own.samples.len();
            own.samples.extend(found.samples.into_iter().take(room));
        }
    }
}
