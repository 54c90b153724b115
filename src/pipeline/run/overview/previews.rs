//! What the newest file of each table looks like: how much each column lacks, and a value of it.

use std::collections::BTreeMap;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMillisecondType;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use jiff::Timestamp;

use super::sources::{Sources, newest_file, readable};
use crate::portal::overview::{ColumnPreview, Preview};
use crate::publish::PublishError;
use crate::publish::column_reader::ColumnReader;
use crate::publish::index::{IndexFile, TableIndex};

/// Characters of an example.
const LONGEST: usize = 40;

/// The newest file of each table; what is kept of a file that is still the newest stays.
pub(super) fn previews(
    sources: &Sources<'_>,
    kept: Option<&BTreeMap<String, Preview>>,
) -> Result<BTreeMap<String, Preview>, PublishError> {
    let mut previews = BTreeMap::new();
    for index in sources.tables.iter().map(|table| &table.index) {
        let Some(file) = newest_file(index) else { continue };
        let same = kept.and_then(|kept| kept.get(&index.table)).filter(|same| same.sha256 == file.sha256);
        // Two dates may have the same bytes.
        let preview = match same.filter(|same| same.date == file.partition_date) {
            Some(same) => Some(same.clone()),
            None => readable(preview(sources, index, file))?,
        };
        if let Some(preview) = preview {
            previews.insert(index.table.clone(), preview);
        }
    }
    Ok(previews)
}

fn preview(sources: &Sources<'_>, index: &TableIndex, file: &IndexFile) -> Result<Option<Preview>, PublishError> {
    let Some(reader) = ColumnReader::open(sources.bucket, file)? else { return Ok(None) };
    // Geometries and their bounds are for readers of files, and have parts or no statistics.
    let mut nulls = reader.nulls();
    nulls.retain(|name, _| !index.geometries.contains(name));
    let names: Vec<&str> = nulls.keys().map(String::as_str).collect();
    let Some(mut values) = reader.first_values(&names)? else { return Ok(None) };
    let mut columns = BTreeMap::new();
    for (name, nulls) in nulls.iter() {
        let example = values.remove(name).and_then(|value| text(&value));
        columns.insert(name.clone(), ColumnPreview { nulls: *nulls, example });
    }
    Ok(Some(Preview { sha256: file.sha256, date: file.partition_date, rows: reader.rows(), columns }))
}

/// A value as a CSV has it.
fn text(value: &RecordBatch) -> Option<String> {
    // Arrow's own formatter knows no zone by its name.
    let times = value.columns().first()?.as_primitive_opt::<TimestampMillisecondType>();
    if let Some(times) = times {
        return Some(Timestamp::from_millisecond(times.value(0)).ok()?.to_string());
    }
    let options = FormatOptions::default();
    let formatter = ArrayFormatter::try_new(value.columns().first()?.as_ref(), &options).ok()?;
    Some(cut(&formatter.value(0).try_to_string().ok()?))
}

fn cut(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    text.chars().take(LONGEST - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_example_is_cut_and_says_so() {
        let exact = "ä".repeat(LONGEST);
        assert_eq!(cut(&exact), exact);
        let long = cut(&"ä".repeat(LONGEST + 1));
        assert_eq!((long.chars().count(), long.ends_with('…')), (LONGEST, true));
    }
}
