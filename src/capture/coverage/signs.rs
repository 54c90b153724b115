//! What stands for the beats of a cell where there is room for one sign.

use super::explanation::Class;

/// What the beats of a cell came to, for a picture. A cell without beats has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sign {
    /// All beats have a body, nothing new, or are awaited.
    All,
    /// 90 in 100 or more.
    Most,
    /// Half or more.
    Half,
    /// Less; what most of the others came to.
    Gap(Class),
    /// Some have no explanation.
    Unexplained,
}

/// What a cell with less than half of its beats may have come to, in the order of [`Class::ALL`].
const GAPS: [Class; 6] = [Class::Silent, Class::Frozen, Class::Unreadable, Class::Failed, Class::Skipped, Class::Off];

impl Sign {
    /// Of the beats of a cell by class, in the order of [`Class::ALL`].
    pub fn of(counts: &[u64; Class::ALL.len()]) -> Option<Self> {
        let all: u64 = counts.iter().sum();
        let of = |class: Class| counts[class as usize];
        let good = of(Class::Body) + of(Class::Unchanged) + of(Class::UnderWay);
        let most = GAPS.into_iter().max_by_key(|class| of(*class)).unwrap_or(Class::Failed);
        match good {
            _ if all == 0 => None,
            _ if of(Class::Unexplained) > 0 => Some(Self::Unexplained),
            good if good == all => Some(Self::All),
            good if good * 10 >= all * 9 => Some(Self::Most),
            good if good * 2 >= all => Some(Self::Half),
            _ => Some(Self::Gap(most)),
        }
    }

    pub fn char(self) -> char {
        match self {
            Self::All => '█',
            Self::Most => '▓',
            Self::Half => '▒',
            Self::Unexplained => '?',
            Self::Gap(Class::Silent) => 'n',
            Self::Gap(Class::Frozen) => 'z',
            Self::Gap(Class::Unreadable) => 'u',
            Self::Gap(Class::Skipped) => 's',
            Self::Gap(Class::Off) => '-',
            Self::Gap(_) => 'x',
        }
    }
}

/// What the signs mean, in English.
pub const LEGEND: &str = "█ all beats have a body or nothing new  ▓ 9 of 10  ▒ half; less, mostly: x failed  - off  s skipped  \
                          z frozen  n silent  u unreadable; ? some are unexplained";
