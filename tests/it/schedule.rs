//! The schedule, with the clock in our hands: each date is published once, whatever sleeps, dies or stands twice.

use std::collections::BTreeMap;
use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

use fahrtenbuch::capture::Capture;
use fahrtenbuch::capture::evidence::Store;
use fahrtenbuch::digest::Digest;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::http_server::{say, serve};
use crate::world::{World, root};

/// A small city: pipelines of one source each, whose evidence is two snapshots of two buses a date.
pub(crate) struct City {
    pub(crate) world: World,
    pipelines: Vec<String>,
    pub(crate) dates: Vec<jiff::civil::Date>,
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn rounds() -> u64 {
    std::env::var("FAHRTENBUCH_TEST_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(10)
}

impl City {
    /// With so many pipelines, and evidence of so many dates from a date on.
    pub(crate) fn new(pipelines: usize, first: &str, days: usize) -> Self {
        let world = World::with_publication();
        for name in ["stadtbus-telemetrie", "stadtbus-fahrplan"] {
            std::fs::remove_file(world.path(&format!("pipelines/{name}.yaml"))).unwrap();
        }
        std::fs::remove_dir_all(world.path("data/sample/evidence")).unwrap();
        let file = std::fs::read_to_string(root().join("pipelines/busplus.yaml")).unwrap();
        // The pipelines share nothing but the contracts; those rules that look into a timetable have one without trips to look at.
        let plan = std::fs::read_to_string(root().join("pipelines/stadtbus-fahrplan.yaml")).unwrap();
        world.write("pipelines/stadtbus-fahrplan.yaml", &plan);
        let first: jiff::civil::Date = first.parse().unwrap();
        let dates: Vec<_> =
            (0..days as i64).map(|day| first.checked_add(jiff::Span::new().days(day)).unwrap()).collect();
        let pipelines: Vec<String> = (0..pipelines).map(|number| format!("linie-{number}")).collect();
        let city = Self { world, pipelines, dates };
        for name in &city.pipelines {
            let text = file.replace("busplus-fahrzeuge", name);
            city.world.write(&format!("pipelines/{name}.yaml"), &format!("{text}\nschedule:\n  run: \"06:30\"\n"));
            city.dates.iter().for_each(|date| city.capture(name, *date, 12));
        }
        city
    }

    /// Keeps two snapshots of a date.
    pub(crate) fn capture(&self, source: &str, date: jiff::civil::Date, hour: i8) {
        let store = Store::new(self.world.path("data/sample/evidence"));
        let zone = jiff::tz::TimeZone::get("Europe/Berlin").unwrap();
        for minute in [0, 10] {
            let clock = date.at(hour, minute, 0, 0);
            let captured_at = zone.to_ambiguous_zoned_datetime(clock).compatible().unwrap().timestamp();
            let buses: Vec<Value> = (0..2)
                .map(|bus| {
                    json!({
                        "id": format!("{source}-{bus}"),
                        "position": {"lat": 48.47 + f64::from(bus) / 100.0, "lon": 7.94 + f64::from(minute) / 1000.0},
                        "tempo": 30, "zeit": clock.to_string(), "auslastung": "gruen",
                    })
                })
                .collect();
            let body = json!({"stand": clock.to_string(), "fahrzeuge": buses}).to_string().into_bytes();
            let (digest, url) = (Digest::of(&body), format!("https://{source}.example"));
            let capture = Capture { url, captured_at, status: 200, headers: Vec::new(), body: body.into(), digest };
            store.append(source, &capture).unwrap();
        }
    }

    pub(crate) fn at(&self, now: &str) -> std::process::Command {
        let mut command = self.world.command();
        command.env("FAHRTENBUCH_NOW", now);
        command
    }

    pub(crate) fn once(&self, now: &str) -> Output {
        let output = self.at(now).args(["schedule", "--once"]).output().unwrap();
        assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
        output
    }

    pub(crate) fn plan(&self, now: &str) -> Value {
        let output = self.at(now).args(["plan", "--json"]).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// How often each date was released, by pipeline.
    fn releases(&self) -> BTreeMap<(String, String), u64> {
        let mut releases = BTreeMap::new();
        for name in &self.pipelines {
            let folder = self.world.path(&format!("data/bucket/meta/{name}/vehicle_locations/index"));
            let mut before: BTreeMap<String, String> = BTreeMap::new();
            for file in std::fs::read_dir(folder)
                .into_iter()
                .flatten()
                .flatten()
                .map(|file| file.path())
                // What a killed write had not named yet is no version.
                .filter(|file| !file.to_string_lossy().contains('#'))
                .collect::<std::collections::BTreeSet<_>>()
            {
                let index: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
                for file in index["files"].as_array().unwrap() {
                    let (date, path) = (file["partition_date"].as_str().unwrap(), file["path"].as_str().unwrap());
                    if before.insert(date.to_owned(), path.to_owned()).as_deref() != Some(path) {
                        *releases.entry((name.clone(), date.to_owned())).or_default() += 1;
                    }
                }
            }
        }
        releases
    }

    /// Says of each date that it was released once.
    pub(crate) fn is_released_once(&self) {
        let releases = self.releases();
        for name in &self.pipelines {
            for date in &self.dates {
                assert_eq!(releases.get(&(name.clone(), date.to_string())), Some(&1), "{name} {date}");
            }
        }
        assert_eq!(releases.len(), self.pipelines.len() * self.dates.len());
    }
}

/// The undisturbed run of the same city, with the same keys, and what it published.
fn undisturbed(city: &City, now: &str) -> BTreeMap<String, Vec<u8>> {
    let (first, days) = (city.dates[0].to_string(), city.dates.len());
    let other = City::new(city.pipelines.len(), &first, days);
    other.world.take_keys(&city.world);
    for name in &other.pipelines {
        for date in &other.dates {
            let date = date.to_string();
            let output = other.at(now).args(["run", name, "--date", &date]).output().unwrap();
            assert!(output.status.success(), "{}", text(&output.stderr));
        }
    }
    other.world.tables()
}

fn is_as_undisturbed(city: &City, now: &str) {
    let (found, expected) = (city.world.tables(), undisturbed(city, now));
    let of_city = |name: &&String| name.contains("linie-");
    let names = |of: &BTreeMap<String, Vec<u8>>| of.keys().filter(of_city).cloned().collect::<Vec<_>>();
    assert_eq!(names(&found), names(&expected));
    for name in names(&expected) {
        assert!(found[&name] == expected[&name], "{name} differs");
    }
}

#[test]
fn a_machine_that_slept_for_weeks_catches_up_oldest_first_and_every_third_time_the_newest() {
    let days = if rounds() > 10 { 30 } else { 7 };
    let city = City::new(1, "2026-11-01", days);
    let last = *city.dates.last().unwrap();
    let now = format!("{}T12:00:00Z", last.checked_add(jiff::Span::new().days(2)).unwrap());
    let order: Vec<String> =
        city.plan(&now)["due"].as_array().unwrap().iter().map(|job| job["date"].as_str().unwrap().to_owned()).collect();
    assert_eq!(order.len(), days);
    assert_eq!(order[..4], ["2026-11-01", "2026-11-02", &last.to_string(), "2026-11-03"]);
    let output = city.once(&now);
    let said = text(&output.stdout);
    let places = order.iter().map(|date| said.find(&format!("linie-0 {date} begins")).unwrap()).collect::<Vec<_>>();
    assert!(places.is_sorted(), "{said}");
    city.is_released_once();
    assert!(text(&city.once(&now).stdout).contains("nothing was due"));
    // A second machine's worth of time changes nothing, and neither does losing the log.
    std::fs::remove_file(city.world.path("data/private/schedule/log.jsonl")).unwrap();
    city.once(&now);
    city.is_released_once();
    is_as_undisturbed(&city, &now);
}

#[test]
fn on_days_when_the_clock_changes_each_date_is_released_once() {
    let step = if rounds() > 10 { 1 } else { 3 };
    for (zone, first) in [
        ("Europe/Berlin", "2026-03-27"),
        ("Europe/Berlin", "2026-10-23"),
        ("Australia/Sydney", "2026-04-03"),
        ("Australia/Sydney", "2026-10-02"),
    ] {
        let city = City::new(1, first, 3);
        city.world.replace("fahrtenbuch.yaml", "Europe/Berlin", zone);
        city.world.replace("pipelines/linie-0.yaml", "run: \"06:30\"", "run: \"02:30\"");
        let begin: Timestamp = format!("{first}T00:00:00Z").parse().unwrap();
        for hour in (0..24 * 6).step_by(step) {
            city.once(&(begin + SignedDuration::from_hours(hour)).to_string());
        }
        let releases = city.releases();
        assert!(releases.len() >= 3, "{zone} {first}: {releases:?}");
        assert!(releases.values().all(|count| *count == 1), "{zone} {first}: {releases:?}");
    }
}

/// Ends a scheduler, and with it its jobs or not.
fn kill(mut child: Child, with_jobs: bool) {
    if with_jobs {
        let group = rustix::process::Pid::from_child(&child);
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.kill();
    child.wait().unwrap();
}

#[test]
fn a_scheduler_that_is_killed_at_any_moment_releases_each_date_once_and_the_same() {
    use std::os::unix::process::CommandExt;
    // Twenty jobs; a hundred moments.
    let (pipelines, days, kills) = if rounds() > 10 { (4, 5, rounds().div_ceil(2)) } else { (2, 3, 5) };
    let city = City::new(pipelines, "2026-11-18", days);
    let mut dice = fastrand::Rng::with_seed(17);
    let mut now: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
    for kill_number in 0..kills {
        let mut command = city.at(&now.to_string());
        let command = command.args(["schedule", "--once"]).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.process_group(0).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(dice.u64(0..900)));
        kill(child, kill_number % 3 != 0);
        // What was tried is tried again after a pause.
        now += SignedDuration::from_mins(dice.i64(0..10));
    }
    // Jobs whose scheduler was killed may be at work for a moment.
    let begin = Instant::now();
    loop {
        now += SignedDuration::from_hours(2);
        city.at(&now.to_string()).args(["schedule", "--once"]).output().unwrap();
        if city.plan(&now.to_string())["due"].as_array().unwrap().is_empty() {
            break;
        }
        assert!(begin.elapsed() < Duration::from_secs(120), "{}", city.plan(&now.to_string()));
    }
    city.is_released_once();
    is_as_undisturbed(&city, "2026-11-24T12:00:00Z");
}

#[test]
fn two_schedulers_do_nothing_twice() {
    let city = City::new(2, "2026-11-20", 2);
    let now = "2026-11-24T12:00:00Z";
    let spawn = |arguments: &[&str]| {
        city.at(now).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let children: Vec<Child> = (0..3).map(|_| spawn(&["schedule", "--once"])).collect();
    for child in children {
        assert!(child.wait_with_output().unwrap().status.success());
    }
    // Those that came second may have found the first at work and left it to it.
    city.once(now);
    city.is_released_once();
    let log = std::fs::read_to_string(city.world.path("data/private/schedule/log.jsonl")).unwrap();
    assert_eq!(log.lines().filter(|line| line.contains("\"begun\"")).count(), 4, "{log}");
    // One that waits takes over.
    city.capture("linie-0", "2026-11-22".parse().unwrap(), 12);
    let first = spawn(&["schedule"]);
    std::thread::sleep(Duration::from_millis(500));
    let second = spawn(&["schedule"]);
    std::thread::sleep(Duration::from_millis(300));
    kill(first, false);
    let begin = Instant::now();
    let date = ("linie-0".to_owned(), "2026-11-22".to_owned());
    while !city.releases().contains_key(&date) {
        assert!(begin.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(100));
    }
    kill(second, false);
    assert_eq!(city.releases()[&date], 1);
}

#[test]
fn what_is_held_back_waits_for_a_person_and_is_run_when_the_rule_is_mended() {
    let city = City::new(1, "2026-11-20", 1);
    let now = "2026-11-24T12:00:00Z";
    let pipeline = "pipelines/linie-0.yaml";
    // No capture counts as readable any more.
    let evidence = city.world.path("data/sample/evidence");
    let store = Store::new(&evidence);
    for minute in 0..10 {
        let captured_at: Timestamp = format!("2026-11-20T13:{minute:02}:00Z").parse().unwrap();
        let body = format!("<html>{minute}</html>").into_bytes();
        let digest = Digest::of(&body);
        let url = "https://linie-0.example".to_owned();
        let capture = Capture { url, captured_at, status: 200, headers: Vec::new(), body: body.into(), digest };
        store.append("linie-0", &capture).unwrap();
    }
    let output = city.at(now).args(["schedule", "--once"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}{}", text(&output.stdout), text(&output.stderr));
    let plan = city.plan(now);
    assert_eq!(plan["due"], json!([]));
    assert_eq!((&plan["stopped"][0]["why"], &plan["stopped"][0]["date"]), (&json!("held_back"), &json!("2026-11-20")));
    assert!(text(&city.once(now).stdout).contains("nothing was due"));
    city.world.replace(pipeline, "format: mapped", "format: mapped\nminimum_readable: 10");
    let later = "2026-11-24T12:30:00Z";
    assert_eq!(city.plan(later)["due"][0]["why"], "mended");
    city.once(later);
    city.is_released_once();
}

#[test]
fn another_scheduler_does_what_the_plan_says_and_writes_its_attempts_down() {
    let city = City::new(1, "2026-11-20", 2);
    let now = "2026-11-24T12:00:00Z";
    for date in ["2026-11-20", "2026-11-21"] {
        let plan = city.plan(now);
        let command: Vec<&str> =
            plan["due"][0]["command"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
        assert_eq!((command[0], plan["due"][0]["date"].as_str()), ("fahrtenbuch", Some(date)));
        let output = city.at(now).args(&command[1..]).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    assert_eq!(city.plan(now)["due"], json!([]));
    city.is_released_once();
    let ended = |outcome: &str, said: &str| {
        let log = std::fs::read_to_string(city.world.path("data/private/schedule/log.jsonl")).unwrap();
        let is_so = |line: &&str| line.contains(&format!("\"outcome\":\"{outcome}\"")) && line.contains(said);
        log.lines().filter(is_so).count()
    };
    assert_eq!(ended("published", "4 rows published"), 2);
    let again = |date: &str| {
        city.at(now).args(["run", "linie-0", "--from", date, "--to", date, "--attempt"]).output().unwrap().status.code()
    };
    assert_eq!((again("2026-11-21"), ended("nothing_new", "published before")), (Some(0), 1));
    let wrong = city.at(now).args(["run", "--attempt", "--date", "2026-11-20"]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
    // A bucket that cannot be had ends the attempt, too.
    std::fs::rename(city.world.path("data/bucket"), city.world.path("data/away")).unwrap();
    city.world.write("data/bucket", "no folder");
    assert_ne!(again("2026-11-21"), Some(0));
    let log = std::fs::read_to_string(city.world.path("data/private/schedule/log.jsonl")).unwrap();
    assert_eq!(log.matches("\"begun\":{").count(), log.matches("\"ended\":{").count(), "{log}");
    assert!(log.lines().last().unwrap().contains("\"ended\":{"), "{log}");
}

#[test]
fn another_scheduler_asks_the_sources_of_a_timetable_once_at_each_time() {
    let world = World::new();
    let file = "pipelines/stadtbus-fahrplan.yaml";
    world.write(file, &(std::fs::read_to_string(world.path(file)).unwrap() + "schedule:\n  run: \"06:30\"\n"));
    let at =
        |now: &str, arguments: &[&str]| world.command().env("FAHRTENBUCH_NOW", now).args(arguments).output().unwrap();
    let plan = |now: &str| -> Value { serde_json::from_slice(&at(now, &["plan", "--json"]).stdout).unwrap() };
    let asks = |now: &str| -> Vec<Value> {
        let due = plan(now)["due"].as_array().unwrap().clone();
        due.into_iter().filter(|job| job["date"].is_null()).map(|job| job["command"].clone()).collect()
    };
    let command = json!(["fahrtenbuch", "capture", "stadtbus-fahrplan", "--attempt"]);
    let ask = ["capture", "stadtbus-fahrplan", "--attempt"];
    assert_eq!(asks("2026-11-27T08:00:00Z"), std::slice::from_ref(&command));
    assert_eq!(at("2026-11-27T08:00:00Z", &ask).status.code(), Some(0));
    assert_eq!(asks("2026-11-27T08:15:00Z"), [] as [Value; 0]);
    assert_eq!(asks("2026-11-28T05:31:00Z"), std::slice::from_ref(&command));
    // A source that is not there fails once, and is tried again after a pause.
    std::fs::remove_file(world.path("data/sample/stadtbus-gtfs.zip")).unwrap();
    let failed = at("2026-11-28T05:31:00Z", &ask);
    assert!(!failed.status.success());
    assert_eq!(asks("2026-11-28T05:31:10Z"), [] as [Value; 0]);
    let log = std::fs::read_to_string(world.path("data/private/schedule/log.jsonl")).unwrap();
    assert!(log.lines().last().unwrap().contains("stadtbus-gtfs"), "{log}");
    for wrong in [&["capture", "--attempt"][..], &["capture", "stadtbus-fahrplan", "--attempt", "--every", "15"]] {
        assert_eq!(at("2026-11-28T05:31:20Z", wrong).status.code(), Some(2));
    }
}

#[test]
fn who_watches_the_bucket_tells_what_is_overdue() {
    let city = City::new(1, "2026-11-20", 1);
    city.once("2026-11-21T12:00:00Z");
    std::fs::remove_dir_all(city.world.path("data/private")).unwrap();
    let watch = |now: &str| city.at(now).args(["watch", "--once"]).output().unwrap();
    // Until two hours after the time of the next date.
    assert_eq!(watch("2026-11-22T07:29:59Z").status.code(), Some(0));
    let late = watch("2026-11-22T07:30:01Z");
    assert_eq!(late.status.code(), Some(4));
    let said = text(&late.stdout);
    assert!(
        said.contains("linie-0: 2026-11-21 should have been released at 2026-11-22 06:30; the newest is 2026-11-20"),
        "{said}"
    );
    assert!(!city.world.path("data/private").exists());
}

#[test]
fn who_watches_a_new_bucket_names_no_time_before_a_date_is_over() {
    let city = City::new(1, "2026-11-25", 1);
    city.world.replace("pipelines/linie-0.yaml", "run: \"06:30\"", "every: 1 h");
    let watch = |now: &str| city.at(now).args(["watch", "--once"]).output().unwrap();
    let now = "2026-11-25T12:00:00Z";
    let absent = watch(now);
    assert_eq!(absent.status.code(), Some(1), "{}", text(&absent.stdout));
    assert!(text(&absent.stderr).contains("is not there") && !city.world.path("data/bucket").exists());
    std::fs::create_dir_all(city.world.path("data/bucket")).unwrap();
    let empty = watch(now);
    assert_eq!(empty.status.code(), Some(0), "{}", text(&empty.stdout));
    assert!(text(&empty.stdout).contains("linie-0: nothing is released yet"), "{}", text(&empty.stdout));
    city.once(now);
    // It is released provisionally, and due as a whole when it is over, which is after midnight.
    for now in [now, "2026-11-25T23:00:00Z"] {
        let begun = watch(now);
        assert_eq!(begun.status.code(), Some(0), "{}", text(&begun.stdout));
    }
    let late = watch("2026-11-27T12:00:00Z");
    assert_eq!(late.status.code(), Some(4), "{}", text(&late.stdout));
    let said = text(&late.stdout);
    let since = said.split_once("linie-0: 2026-11-25 should have been released at ").unwrap().1;
    assert!(since.starts_with("2026-11-26 ") && said.contains("(and 1 later)"), "{said}");
    assert!(said.contains("the newest is 2026-11-25, provisionally"), "{said}");
}

#[test]
fn who_watches_tells_a_mistake_of_the_configuration_and_goes_on_by_what_it_read_before() {
    let city = City::new(1, "2026-11-20", 1);
    let now = "2026-11-21T12:00:00Z";
    city.once(now);
    let log = std::fs::File::create(city.world.path("watch.log")).unwrap();
    let mut command = city.at(now);
    command.args(["watch", "--every", "1"]).stdout(log.try_clone().unwrap()).stderr(log);
    let child = command.spawn().unwrap();
    let said = || std::fs::read_to_string(city.world.path("watch.log")).unwrap();
    wait_until("that all is well", || said().contains("all is in time"));
    city.world.replace("pipelines/linie-0.yaml", "run: \"06:30\"", "run: \"26:30\"");
    wait_until("the mistake", || said().contains("the configuration has a mistake in pipelines/linie-0.yaml:"));
    let once = city.at(now).args(["watch", "--once"]).output().unwrap();
    assert_eq!(once.status.code(), Some(2), "{}{}", text(&once.stdout), text(&once.stderr));
    // What it read before still says what is overdue.
    std::fs::remove_dir_all(city.world.path("data/bucket/data")).unwrap();
    wait_until("what is missing", || said().contains("linie-0: files of 2026-11-20 that its index names"));
    city.world.replace("pipelines/linie-0.yaml", "run: \"26:30\"", "run: \"06:30\"");
    wait_until("that it is mended", || said().lines().last().is_some_and(|line| line.contains("files of 2026-11-20")));
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", said());
}

#[test]
fn a_damaged_index_is_told_and_hides_no_other_pipeline() {
    let city = City::new(2, "2026-11-20", 1);
    city.once("2026-11-21T12:00:00Z");
    for (name, _) in crate::world::files(&city.world.path("data/bucket/meta/linie-0")) {
        city.world.write(&format!("data/bucket/meta/linie-0/{name}"), "{");
    }
    let watch = |now: &str| city.at(now).args(["watch", "--once"]).output().unwrap();
    let damaged = watch("2026-11-21T12:00:00Z");
    assert_eq!(damaged.status.code(), Some(42), "{}{}", text(&damaged.stdout), text(&damaged.stderr));
    assert!(text(&damaged.stderr).contains("error: linie-0: "), "{}", text(&damaged.stderr));
    let late = watch("2026-11-22T12:00:00Z");
    assert_eq!(late.status.code(), Some(42));
    assert!(text(&late.stdout).contains("linie-1: 2026-11-21 should have been released"), "{}", text(&late.stdout));
}

/// Waits until something is so.
fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < Duration::from_secs(60), "it was waited for in vain: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn with_up_killed_the_pings_stay_away_and_what_a_run_left_is_done_by_the_next_one() {
    let (url, seen) = serve(|_, stream| say(stream, "200 OK", "OK"));
    let city = City::new(1, "2026-11-20", 1);
    let configuration = std::fs::read_to_string(city.world.path("fahrtenbuch.yaml")).unwrap();
    let heartbeat = format!("{configuration}\nnotify:\n  heartbeat: {{url: '{url}/ping', every: 1 s}}\n");
    city.world.write("fahrtenbuch.yaml", &heartbeat);
    let up = || {
        let mut command = city.at("2026-11-24T12:00:00Z");
        command.args(["up", "--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let child = up();
    wait_until("a ping", || seen.count_of("/ping") >= 2);
    assert_eq!(seen.times().len(), seen.count());
    assert!(std::fs::read_dir(city.world.path("data/private/schedule")).is_ok());
    kill(child, false);
    let (killed, before) = (Instant::now(), seen.count());
    std::thread::sleep(Duration::from_secs(3));
    // One may have been under way.
    assert!(seen.times().iter().all(|at| at.duration_since(killed) < Duration::from_secs(2)), "{before}");
    // A second one does what is left, and says when it is ended on purpose.
    let pings = seen.count_of("/ping");
    let child = up();
    // What the first one had begun may be done without it.
    wait_until("a ping of the second one", || seen.count_of("/ping") > pings);
    wait_until("the release", || !city.releases().is_empty());
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{} {}{}", output.status, text(&output.stdout), text(&output.stderr));
    wait_until("the last word", || seen.count_of("/ping/log") >= 1);
    city.is_released_once();
}
