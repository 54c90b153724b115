//! `fahrtenbuch validate` and `fahrtenbuch rules`: every way to name a feed, every report, every hostile archive.

use std::io::{Cursor, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::world::{World, python, root, serve_folder};

const DATE: &str = "2026-11-24";

fn program(arguments: &[&str]) -> Output {
    // From an empty folder, so that the contracts are those of the program.
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_fahrtenbuch"));
    command.arg("-C").arg(folder.path()).args(arguments).output().unwrap()
}

fn sample() -> String {
    root().join("data/sample/stadtbus-gtfs.zip").to_string_lossy().into_owned()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

fn counts(report: &Value) -> Vec<(String, u64)> {
    let notices = report["notices"].as_array().unwrap();
    notices.iter().map(|n| (n["code"].as_str().unwrap().to_owned(), n["totalNotices"].as_u64().unwrap())).collect()
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn a_zip_a_folder_standard_input_and_a_url_give_the_same_report() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = std::fs::read(sample()).unwrap();
    zip::ZipArchive::new(Cursor::new(bytes.clone())).unwrap().extract(folder.path().join("feed")).unwrap();
    std::fs::write(folder.path().join("gtfs.zip"), &bytes).unwrap();
    let arguments = ["--date", DATE, "--format", "json"];
    let of = |feed: &str| json(&program(&[&["validate", feed], &arguments[..]].concat()));
    let expected = counts(&of(&sample()));
    assert_eq!(expected, [("big_gap_in_service".to_owned(), 7)]);
    assert_eq!(counts(&of(&folder.path().join("feed").to_string_lossy())), expected);
    let server = serve_folder(folder.path());
    assert_eq!(counts(&of(&format!("http://127.0.0.1:{}/gtfs.zip", server.1))), expected);
    let mut child = Command::new(env!("CARGO_BIN_EXE_fahrtenbuch"))
        .args(["validate", "-", "--date", DATE, "--format", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&bytes).unwrap();
    assert_eq!(counts(&json(&child.wait_with_output().unwrap())), expected);
}

#[test]
fn the_same_feed_gives_the_same_notices_and_samples() {
    let feed = root().join("tests/feeds/de-berlin-vbb-subset.zip").to_string_lossy().into_owned();
    let of = || json(&program(&["validate", &feed, "--date", DATE, "--format", "json"]))["notices"].clone();
    let first = of();
    assert!(first.as_array().unwrap().len() > 5);
    for _ in 0..3 {
        assert_eq!(of(), first);
    }
}

#[test]
fn the_exit_code_depends_on_the_worst_notice() {
    for (fail_on, code) in [("error", 0), ("warning", 0), ("info", 3)] {
        let output = program(&["validate", &sample(), "--date", DATE, "--fail-on", fail_on]);
        assert_eq!(output.status.code(), Some(code), "{fail_on}");
    }
    assert_eq!(program(&["validate", "nothing.zip"]).status.code(), Some(2));
    let url = program(&["validate", "https://[1"]);
    assert_eq!(url.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&url.stderr).contains("u_r_i_syntax_error"));
}

#[test]
fn the_json_report_has_the_canonical_shape() {
    let report = json(&program(&["validate", &sample(), "--date", DATE, "--country", "de", "--format", "json"]));
    let summary = &report["summary"];
    for key in [
        "validatorVersion",
        "validatedAt",
        "gtfsInput",
        "threads",
        "countryCode",
        "dateForValidation",
        "feedInfo",
        "agencies",
        "files",
        "validationTimeSeconds",
        "counts",
        "gtfsFeatures",
    ] {
        assert!(!summary[key].is_null(), "{key}");
    }
    assert_eq!((summary["countryCode"].as_str(), summary["dateForValidation"].as_str()), (Some("DE"), Some(DATE)));
    assert_eq!(summary["counts"]["Trips"], 1199);
    assert!(summary["gtfsFeatures"].as_array().unwrap().contains(&"Shapes".into()));
    let notice = &report["notices"][0];
    assert_eq!((notice["severity"].as_str(), notice["totalNotices"].as_u64()), (Some("INFO"), Some(7)));
    let sample = notice["sampleNotices"][0].as_object().unwrap();
    let keys: Vec<&str> = sample.keys().map(String::as_str).collect();
    assert_eq!(keys, ["gapDurationDays", "gapEndDate", "gapStartDate", "serviceId"]);
}

#[test]
fn the_reports_for_people_and_tools_are_written_and_need_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let feed = feed(&[("trips.txt", b"route_id,service_id,trip_id\nr,s,t\nr,s,<script>\n")]);
    let path = folder.path().join("feed.zip");
    std::fs::write(&path, feed).unwrap();
    let out = folder.path().join("report");
    let output = program(&["validate", &path.to_string_lossy(), "--date", DATE, "--output", &out.to_string_lossy()]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("unused_trip"));
    // Ids may be broken between their words.
    let page = std::fs::read_to_string(out.join("report.html")).unwrap().replace("<wbr>", "");
    for part in [
        "lang=\"de\"",
        "lang=\"en\"",
        "<svg",
        "unused_trip",
        "Die Fahrt bedient keinen Halt.",
        "The trip serves no stop.",
    ] {
        assert!(page.contains(part), "{part}");
    }
    for part in ["<script", "<link", "src=", "url(", "@import"] {
        assert!(!page.contains(part), "{part}");
    }
    assert!(page.contains("&lt;script&gt;"));
    let sarif: Value = serde_json::from_slice(&std::fs::read(out.join("report.sarif")).unwrap()).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let result = results.iter().find(|result| result["ruleId"] == "unused_trip").unwrap();
    assert_eq!(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "trips.txt");
    assert_eq!(result["locations"][0]["physicalLocation"]["region"]["startLine"], 3);
    let rule = &sarif["runs"][0]["tool"]["driver"]["rules"][result["ruleIndex"].as_u64().unwrap() as usize];
    assert_eq!(rule["id"], "unused_trip");
    let json: Value = serde_json::from_slice(&std::fs::read(out.join("report.json")).unwrap()).unwrap();
    assert_eq!(json["summary"]["htmlReportName"], "report.html");
}

#[test]
fn the_data_manager_changes_a_severity_with_a_reason() {
    let world = World::new();
    let notices =
        "notices:\n  - code: big_gap_in_service\n    severity: error\n    reason: Our services have no gaps.\n";
    world.write("schemas/gtfs/notices.yaml", notices);
    assert!(world.program(&["check"]).status.success());
    let output = world.program(&["validate", &sample(), "--date", DATE, "--format", "json"]);
    assert_eq!(output.status.code(), Some(3));
    let report = json(&output);
    assert_eq!(report["notices"][0]["severity"], "ERROR");
    assert_eq!(report["changes"][0]["reason"], "Our services have no gaps.");
    let run = world.program(&["run", "stadtbus-fahrplan"]);
    assert!(String::from_utf8_lossy(&run.stdout).contains("error   gtfs.big_gap_in_service: 7 times"));
    let standard = &world.records()[0]["standard"];
    assert_eq!(
        (standard["notices"][0]["count"].as_u64(), standard["notices"][0]["severity"].as_str()),
        (Some(7), Some("error"))
    );
    world.replace("schemas/gtfs/notices.yaml", "big_gap_in_service", "big_gap_in_servic");
    let check = world.program(&["check"]);
    assert_eq!(check.status.code(), Some(2));
    let told = String::from_utf8_lossy(&check.stderr).into_owned();
    assert!(
        told.contains("notices.yaml:2: there is no notice 'big_gap_in_servic'. Did you mean 'big_gap_in_service'?"),
        "{told}"
    );
}

#[test]
fn the_rules_are_listed_and_explained() {
    let list = json(&program(&["rules", "list", "--json"]));
    assert_eq!(list["rules"].as_array().unwrap().len(), 180);
    assert!(String::from_utf8_lossy(&program(&["rules", "list"]).stdout).contains("stop_too_far_from_shape"));
    let explained = program(&["rules", "explain", "unused_trip"]);
    let text = String::from_utf8_lossy(&explained.stdout).into_owned();
    assert!(text.contains("The trip serves no stop.") && text.contains("A feed that gets it"), "{text}");
    let unknown = program(&["rules", "explain", "unused_trp"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("Did you mean 'unused_trip'?"));
}

const FEED: &[(&str, &[u8])] = &[
    ("agency.txt", b"agency_id,agency_name,agency_url,agency_timezone\n1,Stadtbus,https://example.com,Europe/Berlin\n"),
    ("stops.txt", b"stop_id,stop_name,stop_lat,stop_lon\na,Rathaus,48.47,7.94\nb,Bahnhof,48.476,7.946\n"),
    ("routes.txt", b"route_id,agency_id,route_short_name,route_type\nr,1,S1,3\n"),
    ("trips.txt", b"route_id,service_id,trip_id\nr,s,t\n"),
    (
        "stop_times.txt",
        b"trip_id,arrival_time,departure_time,stop_id,stop_sequence\nt,08:00:00,08:00:00,a,1\nt,08:05:00,08:05:00,b,2\n",
    ),
    ("calendar_dates.txt", b"service_id,date,exception_type\ns,20261124,1\n"),
];

/// A small feed with other or more files.
fn feed(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let sound = FEED.iter().filter(|(name, _)| files.iter().all(|(other, _)| other != name));
    for (name, text) in sound.chain(files) {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(text).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// The exit code, and the counts by code or the one line that tells why there are none.
type Found = (Option<i32>, Result<Vec<(String, u64)>, String>);

/// Looks at an archive in at most 300 MiB: the exit code, the report or the one line that tells what is wrong.
fn look(archive: &[u8]) -> Found {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("feed.zip");
    std::fs::write(&path, archive).unwrap();
    look_at(&path)
}

fn look_at(path: &Path) -> Found {
    let program = env!("CARGO_BIN_EXE_fahrtenbuch");
    let output = python(
        "peak_memory.py",
        &[program, "-C", "/", "validate", &path.to_string_lossy(), "--date", DATE, "--format", "json"],
    );
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let (text, peak) = stdout.trim_end().rsplit_once('\n').unwrap_or(("", stdout.trim_end()));
    assert!(peak.parse::<u64>().unwrap() < 300, "{peak} MiB");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    if text.is_empty() {
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        return (output.status.code(), Err(stderr));
    }
    (output.status.code(), Ok(counts(&serde_json::from_str(text).unwrap())))
}

fn has(found: &Found, code: &str, count: u64) {
    let notices = found.1.as_ref().unwrap();
    assert!(notices.contains(&(code.to_owned(), count)), "{code} {count}: {notices:?}");
}

/// Nothing but what the small feed always has: no feed_info.txt, no shapes.txt and one day of service.
fn is_sound(found: &Found) {
    let codes: Vec<&str> = found.1.as_ref().unwrap().iter().map(|(code, _)| code.as_str()).collect();
    assert_eq!(codes, ["missing_recommended_file", "trip_coverage_not_active_for_next7_days"]);
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn files_in_folders_and_paths_that_climb_are_told_and_not_read() {
    has(&look(&feed(&[("feed/stops.txt", b"stop_id\n")])), "invalid_input_files_in_subfolder", 1);
    let climbing = feed(&[("../../tmp/stops.txt", b"stop_id\n"), ("/etc/levels.txt", b"x\n")]);
    has(&look(&climbing), "invalid_input_files_in_subfolder", 1);
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn text_that_is_no_csv_in_utf_8_is_told() {
    let utf16: Vec<u8> = "level_id,level_index\na,1\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    has(&look(&feed(&[("levels.txt", &[b"\xff\xfe", &utf16[..]].concat())])), "csv_parsing_failed", 1);
    has(&look(&feed(&[("levels.txt", b"level_id,level_index\n\"a,1\n")])), "csv_parsing_failed", 1);
    has(&look(&feed(&[("levels.txt", b"level_id,level_index\na\0,1\n")])), "csv_parsing_failed", 1);
    has(
        &look(&feed(&[("levels.txt", b"level_id,level_index,level_name\na,1,Erdgescho\xdf\n")])),
        "invalid_character",
        1,
    );
    is_sound(&look(&feed(&[("levels.txt", b"\xef\xbb\xbflevel_id,level_index\r\na,1\r\n")])));
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn files_that_are_empty_or_have_only_a_header_are_told_apart() {
    has(&look(&feed(&[("levels.txt", b"")])), "empty_file", 1);
    is_sound(&look(&feed(&[(
        "levels.txt",
        b"level_id,level_index
",
    )])));
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn archives_that_cannot_be_opened_are_one_clear_error() {
    for (bytes, expected) in [
        (b"<html>Wartung</html>".to_vec(), "not a readable zip archive"),
        (feed(&[])[..400].to_vec(), "not a readable zip archive"),
        (Vec::new(), "not a readable zip archive"),
    ] {
        let (code, told) = look(&bytes);
        assert_eq!(code, Some(42));
        assert!(told.as_ref().unwrap_err().contains(expected), "{told:?}");
    }
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn two_files_of_one_name_are_one_clear_error() {
    let mut bytes = feed(&[("stopz.txt", b"stop_id,stop_name,stop_lat,stop_lon\nx,Anderswo,50,8\n")]);
    let places: Vec<usize> = memchr::memmem::find_iter(&bytes, b"stopz.txt").collect();
    assert_eq!(places.len(), 2);
    places.into_iter().for_each(|place| bytes[place + 4] = b's');
    let (code, told) = look(&bytes);
    assert_eq!(code, Some(42));
    assert!(told.as_ref().unwrap_err().contains("two files of the same name"), "{told:?}");
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn an_encrypted_or_damaged_file_is_told_and_the_others_are_read() {
    let sound = feed(&[("levels.txt", b"level_id,level_index\na,1\n")]);
    let local = memchr::memmem::find(&sound, b"levels.txt").unwrap() - 30;
    let central = memchr::memmem::rfind(&sound, b"levels.txt").unwrap() - 46;
    let mut encrypted = sound.clone();
    encrypted[local + 6] |= 1;
    encrypted[central + 8] |= 1;
    has(&look(&encrypted), "i_o_error", 1);
    let mut damaged = sound;
    damaged[local + 40..local + 48].fill(0xff);
    has(&look(&damaged), "i_o_error", 1);
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn records_and_headers_without_measure_are_told_in_bounded_memory() {
    // Not to be squeezed to nothing: that would be refused as a bomb.
    let noise = |length: u32| (0..length).map(|i| b'a' + (i.wrapping_mul(2_654_435_761) >> 27) as u8 % 26);
    let long: Vec<u8> = b"level_id,level_index\n".iter().copied().chain(noise(200_000_000)).collect();
    has(&look(&feed(&[("levels.txt", &long)])), "csv_parsing_failed", 1);
    let columns: Vec<u8> = noise(10_000_000).flat_map(|letter| [letter, b',']).chain(*b"x\n1\n").collect();
    has(&look(&feed(&[("levels.txt", &columns)])), "csv_parsing_failed", 1);
    let fewer: Vec<u8> = noise(5_000).flat_map(|letter| [letter, b',']).chain(*b"x\n1\n").collect();
    has(&look(&feed(&[("levels.txt", &fewer)])), "csv_parsing_failed", 1);
}

#[test]
#[cfg_attr(not(outsiders), ignore = "needs the tools that ./test sets up")]
fn bombs_are_refused_or_told_whatever_they_say_of_their_size() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb.zip");
    for manner in ["honest", "lying"] {
        let made = python("make_bomb.py", &[&sample(), &path.to_string_lossy(), manner]);
        assert!(made.status.success());
        let found = look_at(&path);
        match manner {
            "honest" => assert!(found.1.as_ref().unwrap_err().contains("zip bomb"), "{found:?}"),
            _ => has(&found, "i_o_error", 1),
        }
    }
}

#[cfg(unix)]
#[test]
fn a_link_out_of_the_folder_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let feed = folder.path().join("feed");
    zip::ZipArchive::new(Cursor::new(std::fs::read(sample()).unwrap())).unwrap().extract(&feed).unwrap();
    std::fs::write(folder.path().join("secret"), "root:x:0:0:root:/root:/bin/bash\n").unwrap();
    // One that stays within is read like a file.
    std::fs::rename(feed.join("agency.txt"), feed.join("agency")).unwrap();
    std::os::unix::fs::symlink("agency", feed.join("agency.txt")).unwrap();
    let named = feed.to_string_lossy().into_owned();
    let arguments = ["validate", &named, "--date", DATE, "--format", "json"];
    assert_eq!(counts(&json(&program(&arguments)))[0].0, "big_gap_in_service");
    for target in [folder.path().join("secret"), "../secret".into(), "/etc/passwd".into()] {
        let link = feed.join("attributions.txt");
        let _ = std::fs::remove_file(&link);
        std::os::unix::fs::symlink(target, link).unwrap();
        let output = program(&arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(42), "{said}");
        assert!(said.contains("'attributions.txt' is a link to a file outside of the folder"), "{said}");
        assert!(output.stdout.is_empty() && !said.contains("root:"), "{said}");
    }
}
