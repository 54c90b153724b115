use super::services::WEEKDAYS;
use super::*;

#[test]
fn the_trips_of_other_dates_are_counted_by_weekdays_and_exceptions() {
    use arrow_array::{ArrayRef, Date32Array, Int32Array};
    let texts = |texts: &[&str]| Arc::new(StringArray::from(texts.to_vec())) as ArrayRef;
    let day = |date: &str| date.parse::<ServiceDate>().unwrap();
    let dates = |texts: &[&str]| -> ArrayRef {
        Arc::new(texts.iter().map(|text| Some(day(text).days_since_epoch())).collect::<Date32Array>())
    };
    let trips = [("trip_id", texts(&["a", "b", "c"])), ("service_id", texts(&["work", "work", "rest"]))];
    let mut calendar = vec![
        ("service_id", texts(&["work", "rest"])),
        ("start_date", dates(&["2026-12-01"; 2])),
        ("end_date", dates(&["2026-12-31"; 2])),
    ];
    for (place, weekday) in WEEKDAYS.iter().enumerate() {
        let runs = [i32::from(place < 5), i32::from(place == 6)];
        calendar.push((weekday, Arc::new(Int32Array::from(runs.to_vec()))));
    }
    let exceptions = [
        ("service_id", texts(&["work", "rest"])),
        ("date", dates(&["2026-12-25"; 2])),
        ("exception_type", Arc::new(Int32Array::from(vec![2, 1])) as ArrayRef),
    ];
    let tables = [
        ("trips", RecordBatch::try_from_iter(trips)),
        ("calendar", RecordBatch::try_from_iter(calendar)),
        ("calendar_dates", RecordBatch::try_from_iter(exceptions)),
    ];
    let tables = tables.into_iter().map(|(name, rows)| (name.to_owned(), rows.unwrap())).collect();
    let asked = ["2026-12-18", "2026-12-19", "2026-12-20", "2026-12-25", "2027-01-04"].map(day);
    let found = trips_on(&tables, &asked.into());
    assert_eq!(found, [(asked[0], 2), (asked[2], 1), (asked[3], 1)].into());
}
