use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn the_groups_of_a_shape_do_not_change_its_distance(
        points in proptest::collection::vec((48.40..48.55_f64, 7.85..8.05_f64), 1..80),
        at in (48.3..48.6_f64, 7.7..8.2_f64)
    ) {
        let shape = Shape::new(points);
        let place = ((at.1 - shape.origin.1) * shape.east, (at.0 - shape.origin.0) * DEGREE);
        let all = shape.points.windows(2).map(|pair| squared(place, pair[0], pair[1]));
        let only = (place.0 - shape.points[0].0).hypot(place.1 - shape.points[0].1);
        let expected = all.fold(f64::INFINITY, f64::min).sqrt().min(only);
        prop_assert!((shape.metres(at.0, at.1) - expected).abs() < 1e-6);
    }
}

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

#[test]
fn the_distance_to_a_shape_is_that_on_the_globe_within_a_part_in_a_thousand() {
    let shape = Shape::new(vec![(48.47, 7.90), (48.47, 7.98)]);
    for (lat, lon) in [(48.48, 7.94_f64), (48.45, 7.94), (48.47, 8.00)] {
        let foot = (48.47, lon.min(7.98));
        let expected = crate::geo::metres([lat, lon], [foot.0, foot.1]);
        let found = shape.metres(lat, lon);
        assert!((found - expected).abs() < expected / 500.0, "{found} {expected}");
    }
}
