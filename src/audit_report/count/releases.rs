//! What `publication/releases` says: extent, where rows went, and what was changed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::sums::{Span, Sum, Values, minute, sorted_by_time};
use crate::audit_report::figure::{Cell, Key};
use crate::audit_report::figures;
use crate::audit_report::tables::{Line, Tables, View};
use crate::publication::DATASET;
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;

#[derive(Default)]
struct Dataset {
    tables: BTreeSet<String>,
    days: Span,
    rows: Sum,
    bytes: Sum,
    /// In, published, quarantined, held back, dropped.
    balance: [Sum; 5],
}

#[derive(Default)]
struct Act {
    at: Option<Timestamp>,
    days: Span,
    tables: BTreeSet<String>,
}

#[derive(Default)]
struct Counts {
    as_of: Option<Timestamp>,
    days: Span,
    datasets: BTreeMap<String, Dataset>,
    versions: BTreeMap<(String, String, String), (Span, i64)>,
    /// By act the records.
    records: BTreeMap<String, BTreeSet<String>>,
    /// By dataset, act, record, role and reason.
    acts: BTreeMap<[String; 5], Act>,
}

const BALANCE: [&str; 5] = ["rows_in", "rows_published", "rows_quarantined", "rows_held_back", "rows_dropped"];
const OF_PEOPLE: [&str; 3] = ["withdrawal", "lift", "rollback"];

impl Counts {
    fn add(&mut self, line: &Line<'_>) {
        let (act, date) = (line.word("act"), line.date());
        let dataset = line.dataset().to_owned();
        let at = line.instant("released_at");
        self.as_of = self.as_of.max(at);
        if line.is("is_current") {
            self.days.add(date);
            let of = self.datasets.entry(dataset.clone()).or_default();
            of.tables.insert(line.word("table_name").to_owned());
            of.days.add(date);
            of.rows.add(line.count("rows"));
            of.bytes.add(line.count("bytes"));
            of.balance.iter_mut().zip(BALANCE).for_each(|(sum, name)| sum.add(line.count(name)));
        }
        if act != "compaction" {
            let key = (dataset.clone(), act.to_owned(), line.word("reasons").to_owned());
            let (days, versions) = self.versions.entry(key).or_default();
            days.add(date);
            *versions += 1;
        }
        if OF_PEOPLE.contains(&act) && dataset != DATASET {
            let record = line.word("record").to_owned();
            if !record.is_empty() {
                self.records.entry(act.to_owned()).or_default().insert(record.clone());
            }
            let key = [dataset, act.to_owned(), record, line.word("role").to_owned(), line.word("reason").to_owned()];
            let of = self.acts.entry(key).or_default();
            of.at = match (of.at, at) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
            of.days.add(date);
            of.tables.insert(line.word("table_name").to_owned());
        }
    }
}

pub(super) fn count(bucket: &Bucket, tables: &Tables, values: &mut Values) -> Result<(), PublishError> {
    let mut counts = Counts::default();
    tables.visit(bucket, View::Releases, |line| counts.add(line))?;
    let Counts { as_of, days, datasets, versions, records, acts } = counts;
    values.insert(Key::AsOf, vec![vec![as_of.map(minute).into()]]);
    let rows: i64 = datasets.values().map(|of| of.rows.total()).sum();
    let all: usize = datasets.values().map(|of| of.tables.len()).sum();
    values.insert(Key::Days, vec![vec![days.days(), all.into(), rows.into()]]);
    let extent = datasets.iter().map(|(name, of)| {
        let Dataset { tables, days, rows, bytes, .. } = of;
        vec![
            name.clone().into(),
            tables.len().into(),
            days.days(),
            days.first(),
            days.last(),
            rows.cell(),
            bytes.cell(),
        ]
    });
    values.insert(Key::Datasets, extent.collect());
    let balance = datasets.iter().map(|(name, of)| {
        std::iter::once(name.clone().into()).chain(of.balance.map(|sum| Cell::Count(sum.total()))).collect()
    });
    values.insert(Key::RowBalance, balance.collect());
    let versions = versions.into_iter().map(|((dataset, act, reasons), (days, versions))| {
        vec![dataset.into(), act.into(), reasons.into(), days.days(), versions.into()]
    });
    values.insert(Key::Versions, versions.collect());
    let of_act = |act: &str| Cell::from(records.get(act).map_or(0, BTreeSet::len));
    values.insert(Key::ActCount, vec![OF_PEOPLE.map(of_act).to_vec()]);
    let acts = acts.into_iter().map(|([dataset, act, _, role, reason], of)| {
        let row = vec![
            of.at.map(minute).into(),
            dataset.into(),
            act.into(),
            of.days.first(),
            of.days.last(),
            of.days.days(),
            of.tables.len().into(),
            role.into(),
            reason.into(),
        ];
        (of.at, row)
    });
    let acts = sorted_by_time(acts.collect(), &[1, 2, 3, 4, 7, 8]);
    values.insert(Key::Acts, acts.into_iter().take(figures::ACTS).collect());
    Ok(())
}
