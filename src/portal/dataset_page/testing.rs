//! Datasets for tests.

use std::path::Path;
use std::sync::Arc;

use crate::contract::{Contract, odcs};
use crate::ledger::Status;
use crate::portal::catalogue::{About, Dataset, Recency, Site, Table};
use crate::portal::metadata::{Contact, Metadata};
use crate::portal::overview::{Change, ChangeKind, ChangedTable, Day, DayGap, Overview};
use crate::publish::index::testing::{file, first_version};
use crate::publish::index::{IndexFile, Release, Tombstone, digest};

pub(in crate::portal) fn site(base_url: Option<&str>) -> Site {
    let contact = Contact { name: "Datenmanagement".into(), email: Some("daten@example.de".into()), url: None };
    Site {
        title: "Offene Daten des Stadtbusses".into(),
        publisher: "Stadt Offenburg (Beispiel)".into(),
        licence: "CC-BY-4.0".into(),
        licence_line: 0,
        licence_url: Some("https://creativecommons.org/licenses/by/4.0/".into()),
        base_url: base_url.map(str::to_owned),
        metadata: Metadata { contact: Some(contact), area: Some([48.2, 7.6, 48.75, 8.3]), ..Metadata::default() },
        portal: crate::portal::settings::Settings::default(),
    }
}

/// A table `t` with a public and a private column.
pub(in crate::portal) fn contract() -> Arc<Contract> {
    let text = "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: '1'\nstatus: active\nschema:\n  - name: t\n    \
                businessName: Buses\n    description: Where they were\n    properties:\n      - {name: id, logicalType: string, \
                classification: public, description: An id}\n      - {name: driver, logicalType: string}\n";
    Arc::new(odcs::contract(Path::new("t.odcs.yaml"), text).unwrap())
}

/// A dataset with the table `t` of these dates, of which nothing else is known.
pub(in crate::portal) fn dataset(name: &str, dates: &[&str]) -> Dataset {
    let files: Vec<IndexFile> = dates.iter().map(|date| file(name, "t", date, date)).collect();
    let mut index = first_version(name, "t", files);
    index.version = dates.len() as u64;
    index.release = Some(Release {
        date: dates.last().unwrap_or(&"2026-11-24").parse().unwrap(),
        at: "2026-11-25T05:00:00Z".parse().unwrap(),
        complete_before: None,
        act: None,
    });
    let about = About { title: Some("Busse".into()), title_en: Some("Buses".into()), ..About::default() };
    Dataset {
        name: name.into(),
        about,
        tables: vec![Table { contract: contract(), index }],
        results: Vec::new(),
        overview: Overview::of(name),
        recency: Recency::default(),
    }
}

pub(in crate::portal) fn day(status: Option<Status>) -> Day {
    Day { status, ..Day::default() }
}

pub(in crate::portal) fn gap(reason: &str, hours: &[i32], missing: u64) -> DayGap {
    DayGap { reason: reason.into(), source: None, hours: hours.iter().copied().collect(), missing }
}

pub(in crate::portal) fn tombstone(reason: &str) -> Tombstone {
    Tombstone {
        at: "2026-11-25T05:00:00Z".parse().unwrap(),
        by: "Datenmanagement".into(),
        reason: reason.into(),
        record: "ledger/records/1.json".into(),
        from: 1,
        version: 3,
        files: Default::default(),
        lifted: None,
    }
}

pub(in crate::portal) fn change(of: &Dataset, kind: ChangeKind, at: &str) -> Change {
    let index = &of.tables[0].index;
    Change {
        record: format!("ledger/records/{}.json", crate::digest::Digest::of(at.as_bytes())),
        at: at.parse().unwrap(),
        kind,
        dates: ["2026-11-24".parse().unwrap()].into(),
        tables: vec![ChangedTable {
            table: "t".into(),
            version: index.version,
            index_sha256: digest(index),
            rows: Some(7),
            columns_added: Vec::new(),
            columns_removed: Vec::new(),
        }],
        by: None,
        reason: None,
    }
}
