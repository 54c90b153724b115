//! Whether outsiders confirm the log: witnesses that cosign it, and the authority that stamps it once a day.

use jiff::{SignedDuration, Timestamp};

use super::known::{Known, ago, cause};
use crate::ledger::log::note::Verifier as _;
use crate::notify::{Cause, Trouble};
use crate::pipeline::run::{AllAsked, Asked};

/// Who did not answer for so long is told. A release waits for nobody, and who was away for an hour confirms it later.
const PATIENCE: SignedDuration = SignedDuration::from_hours(24);

/// One who is to confirm the log.
pub(super) struct Confirmer {
    /// The name of a witness; none is the authority of time stamps.
    witness: Option<String>,
    asked: Asked,
}

impl Confirmer {
    /// What it is called among causes.
    pub(super) fn subject(&self) -> &str {
        self.witness.as_deref().unwrap_or_default()
    }

    pub(super) fn is_well(&self) -> bool {
        self.asked.problem.is_none()
    }

    /// Who does not answer is told after a while, who refuses at once: that does not go away by itself.
    fn cause(&self, now: Timestamp) -> Option<Cause> {
        let problem = self.asked.problem.as_ref()?;
        let refuses = problem.is_refusal;
        let is_told = refuses || ago(problem.since, now) >= PATIENCE;
        is_told.then(|| cause(Trouble::LogUnconfirmed { witness: self.witness.clone(), refuses }, problem.since))
    }
}

/// Those of the configuration, with what is known of them. Nothing where that cannot be read.
pub(super) fn look(known: &Known<'_>) -> Vec<Confirmer> {
    let signing = &known.workspace.signing;
    if signing.witnesses.is_empty() && signing.timestamps.is_none() {
        return Vec::new();
    }
    let Ok(asked) = AllAsked::read(known.workspace) else { return Vec::new() };
    let witnesses = signing.witnesses.iter().map(|witness| Confirmer {
        witness: Some(witness.key.name().to_owned()),
        asked: asked.of_witness(&witness.key).cloned().unwrap_or_default(),
    });
    let stamps = signing.timestamps.iter().map(|_| Confirmer { witness: None, asked: asked.timestamps.clone() });
    witnesses.chain(stamps).collect()
}

pub(super) fn causes(confirmers: &[Confirmer], now: Timestamp) -> impl Iterator<Item = Cause> {
    confirmers.iter().filter_map(move |confirmer| confirmer.cause(now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::run::Problem;

    #[test]
    fn who_does_not_answer_is_told_after_a_day_and_who_refuses_at_once() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let since = at("2026-11-24T10:00:00Z");
        let of = |witness: Option<&str>, is_refusal| Confirmer {
            witness: witness.map(str::to_owned),
            asked: Asked { problem: Some(Problem { since, said: "x".to_owned(), is_refusal }), ..Asked::default() },
        };
        let all = [
            of(Some("z.example"), false),
            of(None, false),
            of(Some("w.example"), true),
            Confirmer { witness: Some("well.example".to_owned()), asked: Asked::default() },
        ];
        let keys = |now: &str| causes(&all, at(now)).map(|cause| (cause.key(), cause.since)).collect::<Vec<_>>();
        let refused = ("log_unconfirmed:w.example".to_owned(), since);
        assert_eq!(keys("2026-11-25T09:59:59Z"), std::slice::from_ref(&refused));
        let silent = ("log_unconfirmed:z.example".to_owned(), since);
        assert_eq!(keys("2026-11-25T10:00:00Z"), [silent, ("log_unconfirmed".to_owned(), since), refused]);
        assert!(all[3].is_well() && all.iter().filter(|one| one.is_well()).count() == 1);
    }
}
