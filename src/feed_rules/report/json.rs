//! `report.json` in the canonical shape.

use serde_json::{Value, json};

use super::{Circumstances, Report, Reported, word};

impl<S: Reported> Report<S> {
    /// `report.json`: `summary` and `notices`, which readers of the canonical report understand. What is ours alone stands
    /// in `rulesNotRun`, `changes` and what the subject adds.
    pub fn json(&self, how: &Circumstances) -> Value {
        let notices: Vec<Value> = self
            .results
            .iter()
            .map(|result| {
                let found = &result.found;
                json!({
                    "code": found.notice.code,
                    "severity": word(result.severity),
                    "totalNotices": found.total,
                    "sampleNotices": found.samples.iter().map(|sample| found.notice.named(sample)).collect::<Vec<_>>(),
                })
            })
            .collect();
        let not_run: Vec<Value> =
            self.incomplete().map(|(rule, because)| json!({"rule": rule, "because": because})).collect();
        let mut report = json!({
            "summary": self.subject.summary(how),
            "notices": notices,
            "rulesNotRun": not_run,
        });
        if let Value::Object(report) = &mut report {
            report.extend(self.subject.json_keys());
            report.insert("changes".to_owned(), json!(self.changes));
        }
        report
    }
}
