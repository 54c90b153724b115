//! What `publication/decisions` says: who decided what, and why.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::sums::{Span, Sum, Values, minute, sorted_by_time};
use crate::audit_report::figure::{Cell, Key};
use crate::audit_report::figures;
use crate::audit_report::tables::{Tables, View};
use crate::publication::DATASET;
use crate::publish::PublishError;
use crate::publish::bucket::Bucket;

/// Effects of what people did to releases, which stand among the changes.
const OF_RELEASES: [&str; 3] = ["replaced", "removed", "allowed"];

#[derive(Default)]
struct OfKind {
    ids: BTreeSet<String>,
    in_force: BTreeSet<String>,
    rows: Sum,
}

#[derive(Default)]
struct Decision {
    at: Option<Timestamp>,
    days: Span,
    rows: Sum,
}

pub(super) fn count(bucket: &Bucket, tables: &Tables, values: &mut Values) -> Result<(), PublishError> {
    let mut kinds: BTreeMap<[String; 3], OfKind> = BTreeMap::new();
    // By id, dataset, table, kind, role and reason.
    let mut decisions: BTreeMap<[String; 6], Decision> = BTreeMap::new();
    tables.visit(bucket, View::Decisions, |line| {
        if line.dataset() == DATASET {
            return;
        }
        let id = line.word("decision_id").to_owned();
        let rows = line.count("rows");
        let of = kinds.entry(["kind", "effect", "role"].map(|name| line.word(name).to_owned())).or_default();
        of.rows.add(rows);
        if line.is("is_in_force") {
            of.in_force.insert(id.clone());
        }
        of.ids.insert(id.clone());
        if OF_RELEASES.contains(&line.word("effect")) {
            return;
        }
        let [table, kind, role, reason] =
            ["table_name", "kind", "role", "reason"].map(|name| line.word(name).to_owned());
        let of = decisions.entry([id, line.dataset().to_owned(), table, kind, role, reason]).or_default();
        of.at = match (of.at, line.instant("decided_at")) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        of.days.add(line.date());
        of.rows.add(rows);
    })?;
    let kinds = kinds.into_iter().map(|([kind, effect, role], of)| {
        vec![
            kind.into(),
            effect.into(),
            role.into(),
            of.ids.len().into(),
            of.in_force.len().into(),
            of.rows.total().into(),
        ]
    });
    values.insert(Key::DecisionKinds, kinds.collect());
    let ids: BTreeSet<&String> = decisions.keys().map(|[id, ..]| id).collect();
    values.insert(Key::DecisionCount, vec![vec![ids.len().into()]]);
    let rows = decisions.iter().map(|([id, dataset, table, kind, role, reason], of)| {
        let text = |text: &String| Cell::from(text.as_str());
        let row = vec![
            of.at.map(minute).into(),
            text(id),
            text(dataset),
            text(table),
            of.days.first(),
            of.days.last(),
            text(kind),
            text(role),
            text(reason),
            of.rows.total().into(),
        ];
        (of.at, row)
    });
    let rows = sorted_by_time(rows.collect(), &[1, 2, 3, 6, 7, 8]);
    values.insert(Key::Decisions, rows.into_iter().take(figures::DECISIONS).collect());
    Ok(())
}
