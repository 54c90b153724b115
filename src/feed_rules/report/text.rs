//! The report as a table for a terminal.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;

use super::{Report, Reported, shown, word};
use crate::contract::Severity;
use crate::feed_rules::notice::Notice;

impl<S: Reported> Report<S> {
    pub fn table(&self) -> String {
        let mut out = String::new();
        if !self.results.is_empty() {
            let mut table = comfy_table::Table::new();
            table.load_style(comfy_table::presets::UTF8_BORDERS_ONLY);
            table.set_header(["severity", "notice", "count", "first at"]);
            for result in &self.results {
                let found = &result.found;
                let first = found.samples.first().map_or_else(String::new, |sample| self.place(found.notice, sample));
                table.add_row([
                    word(result.severity).to_lowercase(),
                    found.notice.code.to_owned(),
                    found.total.to_string(),
                    first,
                ]);
            }
            let _ = writeln!(out, "{table}");
        }
        for (rule, cut) in &self.cut {
            let _ = writeln!(out, "not run to its end: {rule}, because {}", cut.en);
        }
        if !self.not_run.is_empty() {
            let mut by_file: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
            for (rule, file) in &self.not_run {
                by_file.entry(file).or_default().push(rule);
            }
            for (file, rules) in by_file {
                let _ = writeln!(out, "not run, because {file} could not be read: {}", rules.join(", "));
            }
        }
        for remark in self.subject.remarks() {
            let _ = writeln!(out, "{remark}");
        }
        for change in &self.changes {
            let severity = change.severity.map_or("off", word);
            let _ = writeln!(out, "changed: {} is {}, because {}", change.code, severity.to_lowercase(), change.reason);
        }
        let _ = writeln!(
            out,
            "{} errors, {} warnings, {} remarks",
            self.count_of(Severity::Error),
            self.count_of(Severity::Warning),
            self.count_of(Severity::Info)
        );
        out
    }

    /// Where a sample is, in a few words.
    fn place(&self, notice: &Notice, sample: &[Value]) -> String {
        let fields = notice.named(sample);
        let text = |names: &[&str]| names.iter().find_map(|name| fields.get(*name)).map(shown).unwrap_or_default();
        let place = self.subject.place(notice, &fields);
        let file = place.as_ref().map_or("", |place| place.file.as_str());
        let row = place.as_ref().and_then(|place| place.row).map_or_else(String::new, |row| format!(":{row}"));
        let what = text(&["fieldName", "childFieldName", "columnName", "serviceId", "stopId", "tripId"]);
        format!("{file}{row} {what}").trim().to_owned()
    }
}
