use super::*;

#[test]
fn each_figure_stands_at_the_place_of_its_key_and_limits_are_those_of_the_queries() {
    for (place, of) in FIGURES.iter().enumerate() {
        assert_eq!(of.key as usize, place, "{:?}", of.key);
        assert!(!of.views.is_empty() && of.columns.iter().all(|column| of.sql.contains(column.name)), "{:?}", of.key);
    }
    assert_eq!(Key::WithoutBeat as usize + 1, FIGURES.len());
    let limits = [
        (Key::Outages, OUTAGES),
        (Key::FlaggedRules, FLAGGED_RULES),
        (Key::Acts, ACTS),
        (Key::Decisions, DECISIONS),
        (Key::MissingDays, MISSING_DAYS),
    ];
    for (key, limit) in limits {
        assert!(definition(key).sql.ends_with(&format!("LIMIT {limit}")), "{key:?}");
    }
}
