//! What the catalogues of others are told of a dataset by the file of its pipeline: what it is, its standard, and how often it is
//! renewed.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::pipeline::{Pipeline, Times, Trigger};
use crate::portal::About;
use crate::portal::metadata::FREQUENCIES;
use crate::publication::DATASET;
use crate::workspace::licences;
use crate::yaml::Node;

const HOUR: Duration = Duration::from_secs(60 * 60);
/// Four weeks: as many of each weekday.
const LOOKED_AT: SignedDuration = SignedDuration::from_hours(28 * 24);

/// Of a dataset by its name.
pub(crate) fn about(pipelines: &[Pipeline], dataset: &str) -> About {
    if dataset == DATASET {
        return About {
            title: Some("Was veröffentlicht wurde, wie gut es war und was entschieden wurde".to_owned()),
            title_en: Some("What was published, how good it was and what was decided".to_owned()),
            // Each run writes it.
            frequency: most_frequent(pipelines).and_then(|word| FREQUENCIES.concept(word)),
            ..About::default()
        };
    }
    let Some(pipeline) = pipelines.iter().find(|pipeline| pipeline.dataset == dataset) else {
        return About::default();
    };
    About {
        title: pipeline.description.clone(),
        title_en: pipeline.description_en.clone(),
        standard: Some(pipeline.decoder.format().standard()),
        is_timetable: pipeline.is_timetable(),
        frequency: frequency(pipelines, pipeline).and_then(|word| FREQUENCIES.concept(word)),
        is_ended: false,
        sources: licences::sources_of(pipelines, pipeline),
    }
}

/// Of a dataset that no pipeline makes any more, by the published file of the pipeline that made it last, if the bucket has it, and the
/// names of its tables.
pub(crate) fn ended<'a>(
    pipelines: &[Pipeline],
    dataset: &str,
    file: Option<&Node>,
    mut tables: impl Iterator<Item = &'a str>,
) -> About {
    let text = |key: &str| Some(file?.get(key)?.text()?.trim().to_owned()).filter(|text| !text.is_empty());
    About {
        title: text("description"),
        title_en: text("description_en"),
        is_timetable: tables.any(|table| table == "stop_times"),
        is_ended: true,
        sources: file.map(|file| licences::sources_of_file(pipelines, dataset, file)).unwrap_or_default(),
        ..About::default()
    }
}

/// The word for how often a pipeline publishes by its schedule; none of what is run by hand.
fn frequency(pipelines: &[Pipeline], pipeline: &Pipeline) -> Option<&'static str> {
    let mut of = pipeline;
    // What is run after others has the times of the first of them; of a circle nothing would begin.
    for _ in 0..=pipelines.len() {
        match &of.schedule.as_ref()?.trigger {
            Trigger::Times(times) => return Some(of_times(times)),
            Trigger::Every(every) => return Some(of_interval(*every)),
            Trigger::After(name) => of = pipelines.iter().find(|other| other.name == *name)?,
            Trigger::Nowhere(_) => return None,
        }
    }
    None
}

/// Of all pipelines.
fn most_frequent(pipelines: &[Pipeline]) -> Option<&'static str> {
    let words: Vec<&str> = pipelines.iter().filter_map(|pipeline| frequency(pipelines, pipeline)).collect();
    // They are listed from the most frequent on.
    FREQUENCIES.words().into_iter().find(|word| words.contains(word))
}

/// At a time those dates are run that are over: however many times a day has, the dataset is renewed once a day.
fn of_times(times: &Times) -> &'static str {
    let mut from = Timestamp::UNIX_EPOCH;
    let end = from.saturating_add(LOOKED_AT).unwrap_or(from);
    let mut days = 0;
    while let Some(next) = times.first_from(from, &TimeZone::UTC).filter(|next| *next < end) {
        days += 1;
        let day_after = next.as_second().div_euclid(86_400) * 86_400 + 86_400;
        let Ok(next_day) = Timestamp::from_second(day_after) else { break };
        from = next_day;
    }
    match days {
        20.. => "daily",
        4..=19 => "weekly",
        1..=3 => "monthly",
        _ => "irregular",
    }
}

/// Dates that are not over are renewed as the interval says.
fn of_interval(every: Duration) -> &'static str {
    match every {
        every if every < HOUR => "continuous",
        every if every < 24 * HOUR => "hourly",
        _ => "daily",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_intervals_are_told_as_the_frequency_with_which_a_dataset_is_renewed() {
        for (times, expected) in [
            ("04:30", "daily"),
            ("@hourly", "daily"),
            ("30 6 * * 1-5", "daily"),
            ("0 6 * * 1", "weekly"),
            ("0 6 * * 1,4", "weekly"),
            ("0 6 1 * *", "monthly"),
            ("0 6 1 7 *", "irregular"),
        ] {
            assert_eq!(of_times(&times.parse().unwrap()), expected, "{times}");
        }
        let minutes = |minutes: u64| of_interval(Duration::from_secs(60 * minutes));
        assert_eq!([15, 60, 24 * 60].map(minutes), ["continuous", "hourly", "daily"]);
    }
}
