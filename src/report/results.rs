//! Where the results of runs are in the bucket, and how they are found again.

use std::collections::{BTreeMap, BTreeSet};

use crate::publish::PublishError;
use crate::publish::bucket::{Bucket, Object};
use crate::report::json;
use crate::report::quality::Quality;
use crate::time::ServiceDate;

/// The names of the files of a run.
const JSON: &str = "quality.json";

const JUNIT: &str = "quality.junit.xml";

const DQV: &str = "quality.dqv.ttl";

/// Partitions that a report tells of unless it is asked for others.
pub(crate) const SHOWN: usize = 14;

/// Where the results of a dataset are.
pub(crate) fn folder(dataset: &str) -> String {
    format!("reports/{dataset}")
}

/// The page that tells the trend of a dataset to everybody, in German; the English one is beside it.
pub(crate) fn page_path(dataset: &str) -> String {
    format!("{}/quality.html", folder(dataset))
}

/// A form in which the results of a run are published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Json,
    Junit,
    Dqv,
}

/// Where a form of a partition's results is.
pub(crate) fn path(dataset: &str, date: ServiceDate, form: Form) -> String {
    let name = match form {
        Form::Json => JSON,
        Form::Junit => JUNIT,
        Form::Dqv => DQV,
    };
    format!("{}/date={date}/{name}", folder(dataset))
}

/// The partitions that there are results of, in order.
pub(crate) fn dates(bucket: &Bucket, dataset: &str) -> Result<Vec<ServiceDate>, PublishError> {
    Ok(listed(bucket, dataset, None, 0)?.dates())
}

/// The results of partitions. Those that cannot be read, because another version of the program wrote them or somebody
/// edited them, are warned of and left out: a view of the past must not keep today's data from being published. A run of
/// their date writes them anew.
pub(crate) fn read(bucket: &Bucket, dataset: &str, dates: &[ServiceDate]) -> Result<Vec<Quality>, PublishError> {
    let mut found = Vec::new();
    for date in dates {
        let key = path(dataset, *date, Form::Json);
        let Some(bytes) = bucket.get(&key)? else { continue };
        match json::read(&bytes) {
            Ok(quality) => found.push(quality),
            Err(problem) => tracing::warn!(key, "results that cannot be read are left out: {problem}"),
        }
    }
    Ok(found)
}

/// What there is of the results of a dataset, newest partitions at least, and what tells one state of them from another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Listed {
    objects: BTreeMap<ServiceDate, Object>,
    /// Those before this date were not listed.
    since: Option<ServiceDate>,
}

impl Listed {
    /// In order.
    pub(crate) fn dates(&self) -> Vec<ServiceDate> {
        self.objects.keys().copied().collect()
    }

    /// The date before which nothing was listed; none if all is.
    pub(crate) fn since(&self) -> Option<ServiceDate> {
        self.since
    }

    /// The partitions whose results are others than in an earlier listing, of those that are in both.
    pub(crate) fn changed_since(&self, earlier: &Self) -> BTreeSet<ServiceDate> {
        let both = self.since.max(earlier.since);
        let dates =
            self.objects.keys().chain(earlier.objects.keys()).filter(|date| both.is_none_or(|both| **date >= both));
        dates.filter(|date| self.objects.get(date) != earlier.objects.get(date)).copied().collect()
    }
}

/// Days before a partition in which the newest results are looked for first, then in all.
const WINDOWS: [i32; 2] = [60, 800];

/// At least the `count` newest partitions that there are results of, without reading all names: those of long ago are
/// listed only if there are too few after them. `from` is a partition that has results, if one is known.
pub(crate) fn listed(
    bucket: &Bucket,
    dataset: &str,
    from: Option<ServiceDate>,
    count: usize,
) -> Result<Listed, PublishError> {
    let folder = folder(dataset);
    for days in WINDOWS.into_iter().filter(|_| from.is_some()) {
        let since = from.map(|date| date.plus_days(-days));
        let offset = since.map(|date| format!("{folder}/date={date}")).unwrap_or_default();
        let found = Listed { objects: by_date(bucket.list_after(&folder, &offset)?), since };
        if found.objects.len() >= count {
            return Ok(found);
        }
    }
    Ok(Listed { objects: by_date(bucket.list_after(&folder, "")?), since: None })
}

/// The JSON of each partition.
fn by_date(objects: BTreeMap<String, Object>) -> BTreeMap<ServiceDate, Object> {
    let is_json = |name: &str| name.ends_with(&format!("/{JSON}"));
    let date = |name: &str| name.split('/').rev().nth(1)?.strip_prefix("date=")?.parse().ok();
    let found = objects.into_iter().filter(|(name, _)| is_json(name));
    found.filter_map(|(name, object)| Some((date(&name)?, object))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object_stores::Options;
    use crate::report::quality::tests::on;

    #[test]
    fn results_are_found_again_in_the_bucket_by_their_dates() {
        let folder = tempfile::tempdir().unwrap();
        let bucket = Bucket::open(folder.path().to_str().unwrap(), &Options::default()).unwrap();
        assert_eq!(dates(&bucket, "bus").unwrap(), []);
        for date in ["2026-11-24", "2026-11-22", "2026-11-23"] {
            let results = on(date, Vec::new());
            bucket.put(&path("bus", results.date, Form::Json), json::write(&results).into()).unwrap();
        }
        bucket.put(&page_path("bus"), "page".into()).unwrap();
        let found: Vec<String> = dates(&bucket, "bus").unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(found, ["2026-11-22", "2026-11-23", "2026-11-24"]);
        let newest = read(&bucket, "bus", &dates(&bucket, "bus").unwrap()[1..]).unwrap();
        assert_eq!((newest.len(), newest[1].date.to_string()), (2, "2026-11-24".to_owned()));
        bucket.put("reports/bus/date=2026-11-24/quality.json", "{}".into()).unwrap();
        // What cannot be read does not stand in the way of the others.
        assert_eq!(read(&bucket, "bus", &[newest[0].date, newest[1].date]).unwrap(), newest[..1]);
    }

    #[test]
    fn the_newest_results_are_found_without_the_names_of_all() {
        let folder = tempfile::tempdir().unwrap();
        let bucket = Bucket::open(folder.path().to_str().unwrap(), &Options::default()).unwrap();
        let newest: ServiceDate = "2026-11-24".parse().unwrap();
        for days in [0, 1, 2, 59, 61, 700, 3000] {
            let results = on(&newest.plus_days(-days).to_string(), Vec::new());
            bucket.put(&path("bus", results.date, Form::Json), json::write(&results).into()).unwrap();
        }
        for (count, found) in [(1, 4), (4, 4), (5, 6), (7, 7), (9, 7)] {
            assert_eq!(listed(&bucket, "bus", Some(newest), count).unwrap().dates().len(), found);
        }
        // Later ones are found, too: a run of an old date tells the newest.
        let old = listed(&bucket, "bus", Some(newest.plus_days(-2900)), 1).unwrap().dates();
        assert_eq!((old.len(), old.last()), (6, Some(&newest)));
        assert_eq!(listed(&bucket, "bus", None, 1).unwrap().dates().len(), 7);
    }
}
