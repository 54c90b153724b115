//! Notices: what a rule says of what it looks at, and how often.

use serde_json::{Map, Value};

use crate::contract::Severity;

/// One of the notices of a standard's canonical validator: code, severity, files and context fields are its own, the words are ours.
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

impl Notice {
    /// A sample's values by the names of the context fields.
    pub fn named(&self, sample: &[Value]) -> Map<String, Value> {
        self.fields.iter().zip(sample).map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    }
}

/// What a notice tells people.
#[derive(Debug)]
pub struct Words {
    /// What is wrong, and why it matters.
    pub what: &'static str,
    /// How to mend it.
    pub mend: &'static str,
}

/// A notice as often as it was found.
#[derive(Clone, Debug)]
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
#[derive(Clone, Debug, Default)]
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
        other.cut.into_iter().for_each(|what| self.cut(what));
    }
}
