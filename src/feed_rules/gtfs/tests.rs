use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Write};
use std::path::Path;

use super::*;
use crate::contract::Severity;
use crate::contract::library::Library;
use crate::decode::Limits;
use crate::decode::gtfs::{self, Package};

/// A small feed without any notice.
const SOUND: &[(&str, &str)] = &[
    (
        "agency.txt",
        "agency_id,agency_name,agency_url,agency_timezone,agency_lang\n\
             1,Stadtbus,https://example.com,Europe/Berlin,de\n",
    ),
    (
        "stops.txt",
        "stop_id,stop_name,stop_lat,stop_lon\na,Rathaus,48.47,7.94\nb,Bahnhof,48.476,7.946\n\
             c,Klinikum,48.482,7.952\n",
    ),
    ("routes.txt", "route_id,agency_id,route_short_name,route_long_name,route_type\nr,1,S1,Rathaus - Klinikum,3\n"),
    ("trips.txt", "route_id,service_id,trip_id,shape_id\nr,s,t,p\n"),
    (
        "stop_times.txt",
        "trip_id,arrival_time,departure_time,stop_id,stop_sequence\nt,08:00:00,08:00:00,a,1\n\
             t,08:05:00,08:05:00,b,2\nt,08:10:00,08:10:00,c,3\n",
    ),
    (
        "calendar.txt",
        "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n\
             s,1,1,1,1,1,1,1,20260101,20271231\n",
    ),
    (
        "shapes.txt",
        "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\np,48.47,7.94,1\np,48.476,7.946,2\n\
             p,48.482,7.952,3\n",
    ),
    (
        "feed_info.txt",
        "feed_publisher_name,feed_publisher_url,feed_lang,feed_start_date,feed_end_date,feed_version,\
             feed_contact_email\nX,https://example.com,de,20260101,20271231,1,a@example.com\n",
    ),
];

fn contracts() -> Library {
    Library::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/gtfs")).unwrap()
}

fn package(files: &[(&str, &str)]) -> Package {
    let mut all: BTreeMap<&str, &str> = SOUND.iter().copied().collect();
    all.extend(files.iter().copied());
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in all.into_iter().filter(|(_, text)| !text.is_empty()) {
        zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    Package::Archive(zip.finish().unwrap().into_inner().into())
}

fn look(library: &Library, files: &[(&str, &str)], changes: Vec<Change>) -> Report {
    let timetable = gtfs::read("example.zip", package(files), library, Limits::default()).unwrap();
    let options = Options { date: "2026-11-24".parse().unwrap(), country: Some("DE".into()), changes };
    validate(timetable, &options)
}

fn counts(report: &Report) -> BTreeMap<&'static str, u64> {
    report.results.iter().map(|result| (result.found.notice.code, result.found.total)).collect()
}

#[test]
fn the_sound_feed_has_no_notice() {
    let report = look(&contracts(), &[], Vec::new());
    assert_eq!(counts(&report), BTreeMap::new());
    assert_eq!(report.not_run, []);
}

#[test]
fn every_example_gives_its_notice_as_often_as_it_says() {
    let library = contracts();
    let mut wrong = Vec::new();
    for rule in RULES {
        for (place, example) in rule.examples.iter().enumerate() {
            let report = look(&library, example.parts, Vec::new());
            let found = counts(&report).get(example.code).copied().unwrap_or_default();
            if found != example.count {
                wrong.push(format!(
                    "{}, example {place}: {} {found} times instead of {}; all: {:?}; not run: {:?}",
                    rule.name(),
                    example.code,
                    example.count,
                    counts(&report),
                    report.not_run,
                ));
            }
            for result in &report.results {
                for sample in &result.found.samples {
                    assert_eq!(sample.len(), result.found.notice.fields.len(), "{}", result.found.notice.code);
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Given by faults that no small text makes; each has a test of its own below, or of the command line.
const NO_EXAMPLE: &[&str] = &[
    "i_o_error",
    "runtime_exception_in_loader_error",
    "runtime_exception_in_validator_error",
    "stop_has_too_many_matches_for_shape",
    "thread_execution_error",
    "too_many_rows",
    "u_r_i_syntax_error",
];

fn report_of(timetable: Timetable) -> Report {
    validate(timetable, &Options { date: "2026-11-24".parse().unwrap(), country: None, changes: Vec::new() })
}

#[test]
fn what_kept_a_file_from_being_read_is_a_notice() {
    use crate::decode::gtfs::{Failure, FailureKind};
    let library = contracts();
    for (kind, code) in [
        (FailureKind::Io, "i_o_error"),
        (FailureKind::Program, "runtime_exception_in_loader_error"),
        (FailureKind::Thread, "thread_execution_error"),
    ] {
        let mut timetable = gtfs::read("x", package(&[]), &library, Limits::default()).unwrap();
        timetable.failures.push(Failure { kind, file: "trips.txt".into(), message: "x".into(), line: 7 });
        assert_eq!(counts(&report_of(timetable)), BTreeMap::from([(code, 1)]));
    }
}

#[test]
fn a_damaged_file_is_told_and_the_others_are_still_read() {
    let Package::Archive(bytes) = package(&[("levels.txt", "level_id\na\n")]) else { unreachable!() };
    let mut bytes = bytes.to_vec();
    let place = memchr::memmem::find(&bytes, b"shapes.txt").unwrap() + 14;
    bytes[place..place + 8].fill(0xff);
    let timetable = gtfs::read("x", Package::Archive(bytes.into()), &contracts(), Limits::default()).unwrap();
    let found = counts(&report_of(timetable));
    assert_eq!(found.get("i_o_error"), Some(&1), "{found:?}");
    assert_eq!(found.get("missing_required_column"), Some(&1), "{found:?}");
}

#[test]
fn a_file_with_too_many_rows_is_told() {
    for limits in [Limits { rows: 2, ..Limits::default() }, Limits { held_bytes: 4_000, ..Limits::default() }] {
        let timetable = gtfs::read("x", package(&[]), &contracts(), limits).unwrap();
        assert!(counts(&report_of(timetable))["too_many_rows"] > 0);
    }
}

#[test]
fn a_rule_that_fails_is_told_and_named() {
    static BROKEN: Rule<Feed> = Rule {
        module: "broken",
        notices: &[],
        needs: feed::Needs::Tables(&[]),
        check: Some(|_, _| panic!("for the test")),
        examples: &[],
    };
    static RULES: &[&Rule<Feed>] = &[&BROKEN];
    let timetable = gtfs::read("x", package(&[]), &contracts(), Limits::default()).unwrap();
    let outcome = rule::run_all(RULES, &[], &Feed::new(timetable, "2026-11-24".parse().unwrap()));
    assert_eq!(outcome.stopped, ["broken"]);
    let mut out = Out::default();
    stopped(outcome.stopped[0], &mut out);
    assert_eq!(out.found[0].notice.code, "runtime_exception_in_validator_error");
    assert_eq!(out.found[0].samples[0][2], "broken");
}

/// Ids of a sample that are those of another row than this: the row before, the parent.
const OF_ANOTHER_ROW: &[(&str, &str)] = &[("prevCsvRowNumber", "stopId"), ("parentCsvRowNumber", "stopId")];

#[test]
fn the_file_of_a_notice_has_its_row_and_its_key() {
    let library = contracts();
    let columns: BTreeSet<&str> =
        library.contracts.values().flat_map(|contract| &contract.columns).map(|c| c.name.as_str()).collect();
    let (mut seen, mut keyed, mut wrong) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    for example in RULES.iter().flat_map(|rule| rule.examples) {
        let mut files: BTreeMap<&str, &str> = SOUND.iter().copied().collect();
        files.extend(example.parts.iter().copied());
        let report = look(&library, example.parts, Vec::new());
        for found in report.results.iter().map(|result| &result.found) {
            let code = found.notice.code;
            for sample in &found.samples {
                let fields = found.notice.named(sample);
                for (field, place) in rows::rows(&report.subject, found.notice, &fields) {
                    seen.insert((code, field));
                    let text = files.get(place.file.as_str()).copied().unwrap_or_default();
                    let row = text.lines().nth(place.row.unwrap() as usize - 1);
                    let (Some(header), Some(row)) = (text.lines().next(), row) else {
                        wrong.push(format!("{code}: {field} is {place:?}, which is not there"));
                        continue;
                    };
                    // The number that a field ends with is that of its row.
                    let number = field.trim_start_matches(|letter: char| !letter.is_ascii_digit());
                    for (name, value) in &fields {
                        let (Some(value), false) = (value.as_str(), OF_ANOTHER_ROW.contains(&(field, name))) else {
                            continue;
                        };
                        let of = name.trim_start_matches(|letter: char| !letter.is_ascii_digit());
                        let column: String = name.trim_end_matches(of).chars().fold(String::new(), |mut text, c| {
                            if c.is_ascii_uppercase() {
                                text.push('_');
                            }
                            text.push(c.to_ascii_lowercase());
                            text
                        });
                        // Ids whose column the sample does not name so.
                        let may_be_any = ["entityId", "geographyId", "stopId", "tripId"].contains(&name.as_str());
                        if may_be_any && row.split(',').any(|cell| cell.trim() == value.trim()) {
                            keyed.insert((code, field));
                        }
                        if of != number || !column.ends_with("_id") || !columns.contains(column.as_str()) {
                            continue;
                        }
                        let Some(cell) = header.split(',').position(|own| own.trim() == column) else { continue };
                        if row.split(',').nth(cell).map(str::trim) == Some(value.trim()) {
                            keyed.insert((code, field));
                        } else {
                            wrong.push(format!("{code}: {field} is {place:?}, {row}; but {name} is {value}"));
                        }
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    every_row_number_has_a_file(&seen);
    let with_id = |notice: &&&Notice| notice.fields.iter().any(|field| field.ends_with("Id"));
    let all = notices();
    let unkeyed: Vec<_> = all
        .iter()
        .filter(with_id)
        .filter(|notice| {
            seen.iter().any(|(code, _)| *code == notice.code) && !keyed.iter().any(|(code, _)| *code == notice.code)
        })
        .map(|notice| notice.code)
        .collect();
    // Its example is feed_info.txt, whose row has no id.
    assert_eq!(unkeyed, ["start_and_end_range_equal"]);
    // The code of a table is the code of a notice.
    for code in rows::FILES.iter().map(|(code, _)| code).chain(rows::OTHER_FILES.iter().map(|(code, ..)| code)) {
        assert!(notices().iter().any(|notice| notice.code == *code), "{code}");
    }
}

/// Every row number that a notice can have is one of the table, and an example shows it.
fn every_row_number_has_a_file(seen: &BTreeSet<(&str, &str)>) {
    for notice in notices() {
        let of_rows = |field: &&&str| {
            field.ends_with("RowNumber")
                || rows::ROW_FIELDS.iter().any(|(f, _)| *f == **field)
                || field.trim_end_matches(['1', '2', 'A', 'B']).ends_with("RowNumber")
        };
        for field in notice.fields.iter().filter(of_rows) {
            let known = rows::ROW_FIELDS.iter().find(|(name, _)| name == field);
            assert!(known.is_some(), "{}: {field}", notice.code);
            let names_file = notice.fields.iter().any(|field| ["filename", "childFilename"].contains(field));
            let is_listed = rows::FILES.iter().any(|(code, _)| *code == notice.code)
                || rows::OTHER_FILES.iter().any(|(code, name, _)| *code == notice.code && name == field);
            let is_fixed = known.is_some_and(|(_, file)| file.is_some());
            assert!(names_file || is_listed || is_fixed || notice.files.len() == 1, "{}: {field}", notice.code);
            assert!(
                seen.contains(&(notice.code, *field)) || NO_EXAMPLE.contains(&notice.code),
                "{}: no example has {field}",
                notice.code
            );
        }
    }
}

#[test]
#[should_panic(expected = "reading a timetable: GTFS has no table 'typo'")]
fn a_table_that_gtfs_does_not_have_is_no_other_table() {
    let timetable = gtfs::read("x", package(&[]), &contracts(), Limits::default()).unwrap();
    Feed::new(timetable, "2026-11-24".parse().unwrap()).table("typo");
}

#[test]
fn a_stop_that_the_shape_passes_again_and_again_is_told() {
    let shape = String::from("shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\n");
    // Out to the east and back, twenty-one times or twenty.
    let text = |turns: usize| {
        let mut text = shape.clone();
        for point in 0..=2 * turns {
            let lon = if point % 2 == 0 { 7.94 } else { 7.96 };
            text += &format!("p,48.47,{lon},{point}\n");
        }
        text + "p,48.476,7.946,900\np,48.482,7.952,901\n"
    };
    let (many, few) = (text(21), text(10));
    let library = contracts();
    assert_eq!(counts(&look(&library, &[("shapes.txt", &many)], Vec::new()))["stop_has_too_many_matches_for_shape"], 1);
    assert!(
        !counts(&look(&library, &[("shapes.txt", &few)], Vec::new()))
            .contains_key("stop_has_too_many_matches_for_shape")
    );
}

#[test]
fn every_notice_has_an_example_that_fails_and_one_that_passes() {
    let examples: Vec<_> = RULES.iter().flat_map(|rule| rule.examples).collect();
    let mut missing = BTreeSet::new();
    for notice in notices().iter().filter(|notice| !NO_EXAMPLE.contains(&notice.code)) {
        for failing in [true, false] {
            if !examples.iter().any(|example| example.code == notice.code && (example.count > 0) == failing) {
                missing.insert((notice.code, failing));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_notices_are_those_of_the_canonical_validator() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/facts/canonical_notices.tsv");
    let table = std::fs::read_to_string(path).unwrap();
    let mut expected = BTreeMap::new();
    for line in table.lines().skip(1) {
        let [code, severity, files, fields, deprecated] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let names = |list: &str| -> Vec<String> {
            list.split(',')
                .filter(|name| !name.is_empty())
                .map(|name| name.split(':').next().unwrap().to_owned())
                .collect()
        };
        if deprecated == "False" {
            expected.insert(code.to_owned(), (severity.to_lowercase(), names(files), names(fields)));
        }
    }
    let found: BTreeMap<_, _> = notices()
        .into_iter()
        .map(|notice| {
            let owned = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
            let severity = format!("{:?}", notice.severity).to_lowercase();
            (notice.code.to_owned(), (severity, owned(notice.files), owned(notice.fields)))
        })
        .collect();
    for (code, notice) in &expected {
        assert_eq!(found.get(code), Some(notice), "{code}");
    }
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
}

#[test]
fn every_file_of_a_rule_is_declared() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/feed_rules/gtfs");
    let declared: BTreeSet<_> = RULES.iter().map(|rule| rule.name().to_owned()).collect();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        assert_eq!(text.contains("\npub static RULE: Rule = "), declared.contains(&name), "{name}");
    }
}

#[test]
fn a_severity_can_be_changed_and_a_notice_switched_off_and_the_report_says_why() {
    let change = |severity| Change { code: "unused_trip".into(), severity, reason: "planned".into(), line: 1 };
    let files: &[(&str, &str)] = &[("trips.txt", "route_id,service_id,trip_id,shape_id\nr,s,t,p\nr,s,u,p\n")];
    let library = contracts();
    let raised = look(&library, files, vec![change(Some(Severity::Error))]);
    assert_eq!(raised.results[0].severity, Severity::Error);
    assert_eq!(raised.changes, [change(Some(Severity::Error))]);
    let off = look(&library, files, vec![change(None)]);
    assert!(!counts(&off).contains_key("unused_trip"));
    assert_eq!(off.changes, [change(None)]);
}

#[test]
fn a_rule_that_could_not_run_is_named_with_the_file_that_kept_it() {
    let report =
        look(&contracts(), &[("stops.txt", "stop_id,stop_name,stop_lat,stop_lon\na,Rathaus,x,7.94\n")], Vec::new());
    assert!(report.not_run.contains(&("shape_matching", "stops.txt".to_owned())), "{:?}", report.not_run);
    assert!(!report.not_run.iter().any(|(rule, _)| *rule == "trips"), "{:?}", report.not_run);
}

#[test]
fn the_notices_of_the_feeds_of_the_repository_are_those_of_the_canonical_validator() {
    the_notices_are_those_expected(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/feeds"), 2);
}

#[test]
#[cfg_attr(not(shared), ignore = "needs the collection of feeds and captures beside the checkout")]
fn the_notices_of_real_feeds_are_those_of_the_canonical_validator() {
    the_notices_are_those_expected(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/feeds"), 10);
}

fn the_notices_are_those_expected(folder: &Path, feeds: usize) {
    let table = std::fs::read_to_string(folder.join("expected_notices.tsv")).unwrap();
    let mut expected: BTreeMap<String, BTreeMap<String, (String, u64)>> = BTreeMap::new();
    for line in table.lines().skip(1) {
        let fields: Vec<_> = line.split('\t').collect();
        let notices = expected.entry(fields[0].to_owned()).or_default();
        notices.insert(fields[1].to_owned(), (fields[2].to_owned(), fields[3].parse().unwrap()));
    }
    assert_eq!(expected.len(), feeds);
    let deviations = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gtfs/deviations.md");
    let deviations = std::fs::read_to_string(deviations).unwrap();
    for line in deviations.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| feed")) {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        // The second table has fewer columns: it lists what no feed shows.
        if cells.len() != 7 {
            continue;
        }
        let (code, ours) = (cells[2].to_owned(), cells[4].parse().unwrap());
        let notice = notices().into_iter().find(|notice| notice.code == code).unwrap();
        let severity = format!("{:?}", notice.severity).to_uppercase();
        let Some(of_feed) = expected.get_mut(cells[1]) else { continue };
        let before = of_feed.insert(code, (severity, ours));
        assert_eq!(before.map_or(0, |before| before.1).to_string(), cells[3], "{line}");
    }
    let library = contracts();
    let mut wrong = Vec::new();
    for (feed, expected) in expected {
        let bytes = std::fs::read(folder.join(format!("{feed}.zip"))).unwrap();
        let timetable = gtfs::read(&feed, Package::Archive(bytes.into()), &library, Limits::default()).unwrap();
        let options = Options { date: "2026-11-24".parse().unwrap(), country: None, changes: Vec::new() };
        let report = validate(timetable, &options);
        let found: BTreeMap<_, _> = report
            .results
            .iter()
            .map(|result| {
                let severity = format!("{:?}", result.severity).to_uppercase();
                (result.found.notice.code.to_owned(), (severity, result.found.total))
            })
            .collect();
        for code in found.keys().chain(expected.keys()).collect::<BTreeSet<_>>() {
            if found.get(code) != expected.get(code) {
                wrong.push(format!("{feed}: {code}: {:?} instead of {:?}", found.get(code), expected.get(code)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
