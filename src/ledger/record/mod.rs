//! Records: what is kept for ever of what was done, one form a file.

pub(crate) mod act_v1;
pub(crate) mod key_v1;
mod named;
mod of_run;
pub(crate) mod publication_v1;
pub(crate) mod purge_v1;
pub(crate) mod v1;

pub(crate) use of_run::{NOTHING_CAPTURED, RunTarget};

/// What a record is about. The field `format` of a record has it, with the number of its form: `fahrtenbuch-run/1`. Runs,
/// purges and what people do to releases have records; the words of the others are kept for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Run,
    Decision,
    Withdrawal,
    /// A withdrawn date may be released again.
    Lift,
    Rollback,
    /// Superseded files were deleted.
    Gc,
    /// Past months are in one file each.
    Compaction,
    Purge,
    Import,
    KeyChange,
    /// The tables of the publication itself were written.
    Publication,
}

impl Kind {
    pub(crate) const ALL: [Self; 11] = [
        Self::Run,
        Self::Decision,
        Self::Withdrawal,
        Self::Lift,
        Self::Rollback,
        Self::Gc,
        Self::Compaction,
        Self::Purge,
        Self::Import,
        Self::KeyChange,
        Self::Publication,
    ];

    fn word(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Decision => "decision",
            Self::Withdrawal => "withdrawal",
            Self::Lift => "lift",
            Self::Rollback => "rollback",
            Self::Gc => "gc",
            Self::Compaction => "compaction",
            Self::Purge => "purge",
            Self::Import => "import",
            Self::KeyChange => "key",
            Self::Publication => "publication",
        }
    }

    /// What the field `format` of a record of a form says.
    pub(crate) fn format(self, number: u32) -> String {
        format!("fahrtenbuch-{}/{number}", self.word())
    }

    /// The kind of a record and the number of its form, by its `format`; none if no record is called so.
    pub(crate) fn of_format(format: &str) -> Option<(Self, u32)> {
        let (word, number) = format.strip_prefix("fahrtenbuch-")?.rsplit_once('/')?;
        let kind = Self::ALL.into_iter().find(|kind| kind.word() == word)?;
        Some((kind, number.parse().ok().filter(|number| *number > 0)?))
    }
}

#[cfg(test)]
mod tests {
    use super::v1::{DecidedEntry, FORMAT, Finding, NoticeChange, RunRecord};
    use super::*;
    use crate::check::{Outcome, RuleResult, Sample};
    use crate::contract::notices::Change;
    use crate::contract::{Dimension, OnFail, RuleId, Severity};
    use crate::decision::{DecisionEntry, DecisionId};
    use crate::digest::Digest;

    const GOLDEN: &str = include_str!("../../../tests/facts/run_record_v1.json");

    #[test]
    fn a_record_of_the_first_form_is_read_and_written_to_the_byte() {
        let record: RunRecord = serde_json::from_str(GOLDEN).unwrap();
        let (key, bytes) = record.to_bytes();
        assert_eq!(std::str::from_utf8(&bytes).unwrap(), GOLDEN);
        assert_eq!(key, format!("ledger/records/{}.json", Digest::of(GOLDEN.as_bytes())));
        // Whatever may be left out is there, so that no name of a field can change unseen.
        let of = RunTarget { pipeline: "bus", dataset: "bus", date: record.date };
        let empty = RunRecord::begun(of, record.started_at, record.inputs, record.pipeline_file);
        let empty = serde_json::to_value(&empty).unwrap();
        let golden: serde_json::Value = serde_json::from_str(GOLDEN).unwrap();
        assert!(empty.as_object().unwrap().keys().all(|key| golden.get(key).is_some()));
        assert_eq!(golden.as_object().unwrap().len(), 28);
        assert!(golden.as_object().unwrap().values().all(|value| *value != serde_json::json!([]) && !value.is_null()));
    }

    #[test]
    fn working_types_come_to_the_words_of_the_record() {
        let golden: RunRecord = serde_json::from_str(GOLDEN).unwrap();
        let outcome = Outcome {
            rule: RuleId("vehicle_locations.latitude.range".to_owned()),
            table: "vehicle_locations".to_owned(),
            dimension: Dimension::Accuracy,
            severity: Severity::Error,
            on_fail: OnFail::Invalidate,
            result: RuleResult::Failed,
            rows: 1,
            checked: 3,
            value: Some(0.5),
            message: "latitude is at least -90 and at most 90".to_owned(),
            found_de: None,
            samples: vec![Sample {
                origin: "bus 2026-11-24T05:00:00Z".to_owned(),
                row: 2,
                column: Some("latitude".to_owned()),
                value: Some("99".to_owned()),
            }],
        };
        assert_eq!(Finding::of("de.stadtbus.vehicle_locations", outcome), golden.findings[0]);
        let words = |finding: &Finding| {
            let value = serde_json::to_value(finding).unwrap();
            ["dimension", "severity", "on_fail", "result"].map(|key| value[key].as_str().unwrap().to_owned())
        };
        let other = Finding {
            dimension: Dimension::Timeliness,
            severity: Severity::Info,
            on_fail: OnFail::Report,
            result: RuleResult::Skipped,
            ..golden.findings[0].clone()
        };
        assert_eq!(words(&other), ["timeliness", "info", "report", "skipped"]);
        let change = Change {
            code: "mixed_case_recommended_field".to_owned(),
            severity: None,
            reason: "Our signs are written in capitals.".to_owned(),
            line: 7,
        };
        assert_eq!(NoticeChange::from(&change), golden.standard.unwrap().changes[0]);
        let decision = DecisionEntry {
            id: DecisionId("5f0c1d2e3a4b5c6d".to_owned()),
            kind: "rows".to_owned(),
            target: serde_json::json!({"rows": 1}),
            by: "M. Muster".to_owned(),
            at: "2026-11-25T08:00:00Z".parse().unwrap(),
            until: "2026-12-31".parse().ok(),
            reason: "sent twice".to_owned(),
        };
        assert_eq!(DecidedEntry::from(decision), golden.decided[0]);
    }

    #[test]
    fn the_format_of_a_record_tells_its_kind() {
        assert_eq!(Kind::of_format(FORMAT), Some((Kind::Run, 1)));
        for kind in Kind::ALL {
            assert_eq!(Kind::of_format(&format!("fahrtenbuch-{}/2", kind.word())), Some((kind, 2)));
        }
        for wrong in ["fahrtenbuch-run", "fahrtenbuch-run/0", "fahrtenbuch-bucket/2", "run/1", ""] {
            assert_eq!(Kind::of_format(wrong), None, "{wrong}");
        }
    }
}
