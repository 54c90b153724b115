//! Where the results of runs are in the bucket, and how they are found again.

use crate::publish::PublishError;
use crate::publish::bucket::Bucket;
use crate::report::json;
use crate::report::quality::Quality;
use crate::time::ServiceDate;

/// The names of the files of a run.
const JSON: &str = "quality.json";

const JUNIT: &str = "quality.junit.xml";

const DQV: &str = "quality.dqv.ttl";

/// Partitions that a report tells of unless it is asked for others.
pub const SHOWN: usize = 14;

/// Where the results of a dataset are.
pub fn folder(dataset: &str) -> String {
    format!("reports/{dataset}")
}

/// The page that tells the trend of a dataset to everybody.
pub fn page_path(dataset: &str) -> String {
    format!("{}/quality.html", folder(dataset))
}

/// A form in which the results of a run are published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Json,
    Junit,
    Dqv,
}

/// Where a form of a partition's results is.
pub fn path(dataset: &str, date: ServiceDate, form: Form) -> String {
    let name = match form {
        Form::Json => JSON,
        Form::Junit => JUNIT,
        Form::Dqv => DQV,
    };
    format!("{}/date={date}/{name}", folder(dataset))
}

/// The partitions that there are results of, in order.
pub fn dates(bucket: &Bucket, dataset: &str) -> Result<Vec<ServiceDate>, PublishError> {
    let date = |name: String| name.split('/').rev().nth(1)?.strip_prefix("date=")?.parse().ok();
    let names = bucket.list(&folder(dataset))?;
    Ok(names.into_iter().filter(|name| name.ends_with(&format!("/{JSON}"))).filter_map(date).collect())
}

/// The results of partitions. Those that cannot be read, because another version of the program wrote them or somebody
/// edited them, are warned of and left out: a view of the past must not keep today's data from being published. A run of
/// their date writes them anew.
pub fn read(bucket: &Bucket, dataset: &str, dates: &[ServiceDate]) -> Result<Vec<Quality>, PublishError> {
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

/// The results of the newest partitions.
pub fn newest(bucket: &Bucket, dataset: &str, count: usize) -> Result<Vec<Quality>, PublishError> {
    let dates = dates(bucket, dataset)?;
    read(bucket, dataset, &dates[dates.len().saturating_sub(count)..])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::report::quality::tests::on;

    #[test]
    fn results_are_found_again_in_the_bucket_by_their_dates() {
        let folder = tempfile::tempdir().unwrap();
        let bucket = Bucket::open(folder.path().to_str().unwrap(), &BTreeMap::new()).unwrap();
        assert_eq!(dates(&bucket, "bus").unwrap(), []);
        for date in ["2026-11-24", "2026-11-22", "2026-11-23"] {
            let results = on(date, Vec::new());
            bucket.put(&path("bus", results.date, Form::Json), json::write(&results).into()).unwrap();
        }
        bucket.put(&page_path("bus"), "page".into()).unwrap();
        let found: Vec<String> = dates(&bucket, "bus").unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(found, ["2026-11-22", "2026-11-23", "2026-11-24"]);
        let newest = newest(&bucket, "bus", 2).unwrap();
        assert_eq!((newest.len(), newest[1].date.to_string()), (2, "2026-11-24".to_owned()));
        bucket.put("reports/bus/date=2026-11-24/quality.json", "{}".into()).unwrap();
        // What cannot be read does not stand in the way of the others.
        assert_eq!(super::newest(&bucket, "bus", 2).unwrap(), newest[..1]);
    }
}
