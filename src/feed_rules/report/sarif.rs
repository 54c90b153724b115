//! The report as SARIF 2.1.0, for tools that show the findings of checkers beside the files.

use serde_json::{Map, Value, json};

use super::{Circumstances, NoticeResult, Place, Report, Reported};
use crate::contract::Severity;

impl<S: Reported> Report<S> {
    pub fn sarif(&self, how: &Circumstances) -> Value {
        let rules: Vec<Value> = self
            .results
            .iter()
            .map(|result| {
                let notice = result.found.notice;
                json!({
                    "id": notice.code,
                    "shortDescription": {"text": notice.en.what},
                    "help": {"text": notice.en.mend},
                    "helpUri": S::help_uri(notice),
                    "defaultConfiguration": {"level": level(result.severity)},
                })
            })
            .collect();
        let results: Vec<Value> =
            self.results.iter().enumerate().flat_map(|(rule, result)| self.sarif_results(rule, result)).collect();
        json!({
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": {"driver": {
                    "name": "fahrtenbuch",
                    "version": env!("CARGO_PKG_VERSION"),
                    "rules": rules,
                }},
                "invocations": [{
                    "executionSuccessful": true,
                    "endTimeUtc": how.validated_at.to_string(),
                    "toolExecutionNotifications": self.incomplete().map(|(rule, because)| json!({
                        "level": "warning",
                        "message": {"text": format!("The rule '{rule}' did not run to its end: {because}")},
                    })).collect::<Vec<_>>(),
                    "properties": self.subject.sarif_properties(how),
                }],
                "results": results,
            }],
        })
    }

    /// One result for each sample of a notice.
    fn sarif_results(&self, rule: usize, result: &NoticeResult) -> Vec<Value> {
        let notice = result.found.notice;
        let of_sample = |sample: &Vec<Value>| {
            let named = notice.named(sample);
            let first = self.subject.place(notice, &named);
            let others = self.subject.rows(notice, &named).into_iter().skip(1);
            let others: Vec<Value> = others
                .map(|(field, place)| {
                    let mut other = location(&place);
                    other["message"] = json!({"text": field});
                    other
                })
                .collect();
            let mut found = json!({
                "ruleId": notice.code,
                "ruleIndex": rule,
                "level": level(result.severity),
                "message": {"text": format!("{} {}", notice.en.what, notice.en.mend)},
                "locations": first.iter().map(location).collect::<Vec<_>>(),
                "properties": named,
            });
            if !others.is_empty() {
                found["relatedLocations"] = others.into();
            }
            found
        };
        result.found.samples.iter().map(of_sample).collect()
    }
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

fn location(place: &Place) -> Value {
    let mut location = Map::new();
    location.insert("artifactLocation".into(), json!({"uri": place.file}));
    if let Some(line) = place.row {
        location.insert("region".into(), json!({"startLine": line}));
    }
    json!({"physicalLocation": location})
}
