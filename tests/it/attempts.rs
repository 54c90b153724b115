//! What is written down of attempts, and what follows from it: other schedulers come to an end, what held a run back is named, and what
//! is broken in one place holds nothing else up.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use fahrtenbuch::schedule::facts::{JobKey, Outcome};
use fahrtenbuch::schedule::log::{Chore, Entry, Log, add};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::schedule::City;

const NOW: &str = "2026-11-24T12:00:00Z";
const LOG: &str = "data/private/schedule/log.jsonl";

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Runs a command, which must end by itself.
pub(crate) fn ends(mut command: Command) -> Output {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begin = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begin.elapsed() > Duration::from_secs(90) {
            child.kill().unwrap();
            panic!("{command:?} hangs: {}", told(&child.wait_with_output().unwrap()));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.wait_with_output().unwrap()
}

fn at(city: &City, now: &str, arguments: &[&str]) -> Output {
    let mut command = city.at(now);
    command.args(arguments);
    ends(command)
}

/// A city with a timetable that is asked, a pipeline of provisional releases, and daily jobs.
fn busy() -> City {
    let city = City::new(2, "2026-11-22", 2);
    let timetable = "pipelines/stadtbus-fahrplan.yaml";
    let text = std::fs::read_to_string(city.world.path(timetable)).unwrap();
    city.world.write(timetable, &format!("{text}\nschedule:\n  run: \"06:30\"\n"));
    city.world.replace("pipelines/linie-1.yaml", "run: \"06:30\"", "every: 15 min");
    city.capture("linie-1", "2026-11-24".parse().unwrap(), 9);
    let configuration = std::fs::read_to_string(city.world.path("fahrtenbuch.yaml")).unwrap();
    let place = city.world.path("backup").to_string_lossy().into_owned();
    let chores = "schedule:\n  purge: \"03:15\"\n  backup: \"02:30\"\n";
    city.world.write("fahrtenbuch.yaml", &format!("{configuration}\n{chores}backup:\n  to: {place}\n"));
    city
}

fn words(command: &Value) -> Vec<String> {
    command.as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect()
}

/// What a job of the plan is.
fn kind(job: &Value) -> String {
    let name = job["pipeline"].as_str().or(job["chore"].as_str()).unwrap();
    format!("{name} {} {}", job["date"].as_str().unwrap_or("-"), job["why"].as_str().unwrap())
}

#[test]
fn whatever_kind_of_job_the_plan_names_is_not_due_any_more_when_it_was_run() {
    let city = busy();
    let mut done = Vec::new();
    for _ in 0..20 {
        let plan = city.plan(NOW);
        let Some(job) = plan["due"].as_array().unwrap().first().cloned() else { break };
        let command = words(&job["command"]);
        assert_eq!(command[0], "fahrtenbuch");
        let output = at(&city, NOW, &command[1..].iter().map(String::as_str).collect::<Vec<_>>());
        assert!(output.status.success(), "{command:?}: {}", told(&output));
        done.push(kind(&job));
    }
    assert_eq!(city.plan(NOW)["due"], json!([]), "{done:?}");
    let mut once = done.clone();
    once.sort();
    once.dedup();
    assert_eq!((once.len(), done.len()), (9, 9), "{done:?}");
    for kind in
        ["linie-0 2026-11-22 over", "linie-1 2026-11-24 provisional", "stadtbus-fahrplan - asking", "purge - daily"]
    {
        assert!(done.iter().any(|done| done == kind), "{kind}: {done:?}");
    }
    // It is due again when its time comes.
    let next: Vec<String> = city.plan(NOW)["next"].as_array().unwrap().iter().map(kind).collect();
    assert!(next.contains(&"backup - daily".to_owned()), "{next:?}");
    let due = |now: &str| city.plan(now)["due"].as_array().unwrap().iter().map(kind).collect::<Vec<_>>();
    assert_eq!(due("2026-11-25T01:31:00Z"), ["backup - daily"]);
    let log = std::fs::read_to_string(city.world.path(LOG)).unwrap();
    assert!(log.contains("\"said\":\"backed up to ") && log.contains("\"said\":\"nothing is due: "), "{log}");
    // The scheduler finds nothing left.
    assert!(told(&city.once(NOW)).contains("nothing was due"));
}

#[test]
fn what_fails_is_not_due_at_once_either_and_the_log_says_why() {
    let city = busy();
    city.world.write("backup", "no folder");
    city.world.write("pipelines/linie-0.yaml", "format: mapped\nshedule: 1\n");
    let backup = at(&city, NOW, &["backup", "--attempt"]);
    assert!(!backup.status.success(), "{}", told(&backup));
    let due: Vec<String> = city.plan(NOW)["due"].as_array().unwrap().iter().map(kind).collect();
    assert!(!due.iter().any(|due| due.starts_with("backup")), "{due:?}");
    let mut log = Log::default();
    log.read_on(&city.world.path("data/private")).unwrap();
    let said = &log.chores["backup"].chore.said.en;
    assert!(told(&backup).contains(said.trim_end_matches('…')) && said.contains("/backup"), "{said}");
    // By hand, with what only a person says, there is no attempt.
    let wrong = at(&city, NOW, &["evidence", "purge", "--attempt", "--before", "2026-11-01"]);
    assert_eq!(wrong.status.code(), Some(2));
}

#[test]
fn a_run_with_a_mistake_in_the_workspace_says_which_and_sends_to_check() {
    let city = City::new(1, "2026-11-22", 1);
    // The contract is what only a run looks at.
    let contract = "schemas/busplus/vehicle_locations.odcs.yaml";
    city.world.replace_first(contract, "dimension: accuracy", "dimension: 'Erika Mustermann'");
    let output = at(&city, NOW, &["schedule", "--once"]);
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
    let plan = city.plan(NOW);
    let stopped = &plan["stopped"][0];
    assert_eq!((&stopped["why"], &stopped["command"]), (&json!("usage"), &json!(["fahrtenbuch", "check"])));
    let said = stopped["said"].as_str().unwrap();
    assert!(said.contains("1 mistake in the workspace") && said.contains("vehicle_locations.odcs.yaml:"), "{said}");
    assert!(!said.contains("Mustermann") && said.chars().count() < 700, "{said}");
}

#[test]
fn the_rules_that_hold_a_run_back_are_in_the_log_and_wherever_it_is_told() {
    let city = City::new(1, "2026-11-22", 1);
    let rules = "\n    quality:
      - name: seldom
        type: custom
        engine: fahrtenbuch
        description: It is a warning, and blocks
        severity: warning
        dimension: coverage
        implementation: SELECT _index FROM vehicle_locations WHERE speed >= 0
        customProperties: [{property: onFail, value: block}]
      - name: cannot_run
        type: custom
        engine: fahrtenbuch
        description: It only reports, and cannot be judged
        severity: error
        dimension: coverage
        implementation: SELECT _index FROM vehicle_locations WHERE CAST(occupancy_raw AS INTEGER) > 0
        customProperties: [{property: onFail, value: report}]
      - name: reports
        type: custom
        engine: fahrtenbuch
        description: It fails, and holds nothing back
        severity: error
        dimension: coverage
        implementation: SELECT _index FROM vehicle_locations
        customProperties: [{property: onFail, value: report}]
";
    city.world.replace_first("schemas/busplus/vehicle_locations.odcs.yaml", "\n    quality:\n", rules);
    let output = at(&city, NOW, &["schedule", "--once"]);
    assert_eq!(output.status.code(), Some(3), "{}", told(&output));
    let sentence = "held back by vehicle_locations.seldom (4 rows), vehicle_locations.cannot_run (could not run)";
    assert!(told(&output).contains(sentence), "{}", told(&output));
    let log = Log::read(&city.world.path("data/private")).unwrap();
    let key = JobKey { pipeline: "linie-0".to_owned(), date: Some("2026-11-22".parse().unwrap()) };
    let by: Vec<_> =
        log.tried(&key).unwrap().held_by.iter().map(|by| (by.rule.0.as_str(), by.rows, by.is_error)).collect();
    assert_eq!(by, [("vehicle_locations.seldom", 4, false), ("vehicle_locations.cannot_run", 0, true)]);
    let stopped = city.plan(NOW)["stopped"][0].clone();
    assert_eq!((&stopped["said"], &stopped["rules"][0]["rows"]), (&json!(sentence), &json!(4)));
    // The command is one that shows them.
    let command = words(&stopped["command"]);
    let shown = at(&city, NOW, &command[1..].iter().map(String::as_str).collect::<Vec<_>>());
    assert!(shown.status.code() != Some(2) && told(&shown).contains("seldom"), "{command:?}: {}", told(&shown));
    for tells in ["plan", "status"] {
        let said = told(&at(&city, NOW, &[tells]));
        assert!(said.contains("vehicle_locations.seldom") && said.contains(&command.join(" ")), "{tells}: {said}");
    }
    let status: Value = serde_json::from_slice(&at(&city, NOW, &["status", "--json"]).stdout).unwrap();
    // The machine's disk may need a person, too.
    let needs = status["needs"].as_array().unwrap();
    for language in ["de", "en"] {
        let what = needs.iter().filter_map(|need| need["what"][language].as_str());
        let is_named = |what: &str| what.contains("(vehicle_locations.seldom, vehicle_locations.cannot_run)");
        assert!(what.clone().any(is_named), "{needs:?}");
    }
    // Another scheduler's attempt says the same.
    let run = ["run", "linie-0", "--from", "2026-11-22", "--to", "2026-11-22", "--attempt"];
    assert_eq!(at(&city, NOW, &run).status.code(), Some(3));
    let log = std::fs::read_to_string(city.world.path(LOG)).unwrap();
    assert_eq!(log.matches("\"held_by\":[{\"rule\":\"vehicle_locations.seldom\",\"rows\":4}").count(), 2, "{log}");
}

/// Puts something that is no file in the place of one.
fn put(kind: &str, path: &Path) {
    let _ = std::fs::remove_file(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    match kind {
        "pipe" => assert!(Command::new("mkfifo").arg(path).status().unwrap().success()),
        "device" => std::os::unix::fs::symlink("/dev/zero", path).unwrap(),
        _ => std::fs::create_dir(path).unwrap(),
    }
}

#[test]
fn what_is_no_file_in_the_private_store_is_named_and_waited_for_by_nobody() {
    let city = busy();
    city.once(NOW);
    let private = city.world.path("data/private");
    let mut files: Vec<String> = crate::world::files(&private).into_keys().collect();
    files.retain(|name| {
        // What is of one date or hour stands for all of them.
        !["keys/", "quarantine/", "status/", "schedule/output/"].iter().any(|folder| name.starts_with(folder))
    });
    assert!(files.iter().any(|name| name == "schedule/log.jsonl") && files.len() > 8, "{files:?}");
    files.extend(["decisions.jsonl".to_owned(), "purged.jsonl".to_owned(), "collector/lock".to_owned()]);
    // Every file once, with one kind and one command each, so that all kinds meet all commands.
    let kinds = ["pipe", "folder", "device"];
    let commands: [&[&str]; 4] = [&["plan"], &["status"], &["schedule", "--once"], &["plan", "--json"]];
    for (place, name) in files.iter().enumerate() {
        let path = private.join(name);
        let kept = std::fs::read(&path).ok();
        for kind in [kinds[0], kinds[1 + place % 2]] {
            put(kind, &path);
            at(&city, "2026-11-25T12:00:00Z", commands[place % 4]);
            let _ = std::fs::remove_dir_all(&path).or_else(|_| std::fs::remove_file(&path));
        }
        if let Some(bytes) = kept {
            std::fs::write(&path, bytes).unwrap();
        }
    }
    // What a scheduler cannot do without is named, by all that read it.
    for (name, kind) in [("log.jsonl", "a pipe"), ("log.jsonl", "a folder"), ("lock", "a pipe"), ("lock", "a device")] {
        let path = private.join("schedule").join(name);
        let kept = std::fs::read(&path).unwrap();
        put(kind.trim_start_matches("a "), &path);
        for arguments in
            [&["plan"][..], &["plan", "--json"], &["status"], &["schedule", "--once"], &["schedule"], &["up"]]
        {
            if name == "lock" && !["schedule", "up"].contains(&arguments[0]) {
                continue;
            }
            let output = at(&city, "2026-11-25T12:00:00Z", arguments);
            let said = told(&output);
            let is_named =
                said.contains(&*path.to_string_lossy()) && said.contains(kind) && said.contains("move it away");
            assert!(!output.status.success() && is_named, "{arguments:?} {name} {kind}: {said}");
        }
        let _ = std::fs::remove_dir(&path).or_else(|_| std::fs::remove_file(&path));
        std::fs::write(&path, kept).unwrap();
    }
    city.once("2026-11-25T12:00:00Z");
}

#[test]
fn a_pipe_in_the_place_of_the_lock_of_a_source_is_waited_for_by_nobody() {
    let city = busy();
    city.once(NOW);
    let kept = city.world.path("data/private/evidence");
    let own = std::fs::read_dir(kept).unwrap().map(|entry| entry.unwrap().path()).next().unwrap();
    let name = own.file_name().unwrap().to_str().unwrap();
    let sources = [own.clone(), city.world.path("data/sample/evidence/linie-1")];
    for source in &sources {
        // Where an archive ends in half a record, its lock is asked whether somebody writes it.
        let archives = crate::world::files(source).into_keys().filter(|name| name.ends_with(".warc.gz"));
        let newest = source.join(archives.max().unwrap());
        let bytes = std::fs::read(&newest).unwrap();
        std::fs::write(&newest, &bytes[..bytes.len() - 9]).unwrap();
        std::fs::remove_file(source.join(".state.json")).unwrap_or_default();
    }
    let commands: [(&[&str], bool); 6] = [
        (&["plan"], false),
        (&["status"], false),
        (&["run", "linie-1", "--date", "2026-11-24"], false),
        (&["evidence", "verify"], true),
        (&["capture", "stadtbus-fahrplan"], true),
        (&["evidence", "seal"], false),
    ];
    for kind in ["pipe", "folder", "device"] {
        for source in &sources {
            let _ = std::fs::remove_dir(source.join(".lock"));
            put(kind, &source.join(".lock"));
        }
        for (arguments, names) in commands {
            let output = at(&city, "2026-11-26T12:00:00Z", arguments);
            let said = told(&output);
            let is_named = said.contains(name) && said.contains(&format!("is a {kind}, and no file"));
            assert!(output.status.code().is_some() && (!names || is_named), "{arguments:?} {kind}: {said}");
        }
    }
}

#[test]
fn a_daily_job_ends_with_the_process_that_tries_it() {
    let city = busy();
    city.once(NOW);
    // It waits for a run that is alone.
    let runs = std::fs::File::options().write(true).open(city.world.path("data/private/locks/runs")).unwrap();
    runs.lock().unwrap();
    let mut command = city.at(NOW);
    let parent = command.args(["backup", "--attempt"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let children = || {
        let of = format!("/proc/{0}/task/{0}/children", parent.id());
        std::fs::read_to_string(of).unwrap_or_default().trim().to_owned()
    };
    wait_until("its child", || !children().is_empty());
    let child = children();
    let output = end(parent);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    assert!(!Path::new(&format!("/proc/{child}")).exists(), "{child} goes on");
    let log = std::fs::read_to_string(city.world.path(LOG)).unwrap();
    assert!(log.lines().last().unwrap().contains("\"name\":\"backup\",\"outcome\":\"killed\""), "{log}");
    // Also where that is killed and can say nothing.
    let mut command = city.at(NOW);
    let mut parent = command.args(["backup", "--attempt"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let of = format!("/proc/{0}/task/{0}/children", parent.id());
    let waits = |child: &str| {
        // It has asked for its own end before it waits for anything.
        let locks = std::fs::read_to_string("/proc/locks").unwrap_or_default();
        let mut waiting = locks.lines().filter(|line| line.contains("->"));
        waiting.any(|line| line.split_whitespace().any(|word| word == child))
            || std::fs::read_to_string(format!("/proc/{child}/comm")).is_err()
    };
    let child = || std::fs::read_to_string(&of).unwrap_or_default().trim().to_owned();
    wait_until("its child", || !child().is_empty());
    let child = child();
    let begin = Instant::now();
    while !waits(&child) && begin.elapsed() < Duration::from_secs(3) {
        std::thread::sleep(Duration::from_millis(20));
    }
    parent.kill().unwrap();
    parent.wait().unwrap();
    wait_until("the end of the child", || !is_at_work(&child));
}

#[test]
fn a_job_ends_with_the_scheduler_that_began_it_and_is_done_by_the_next_one() {
    for scheduler in ["up", "schedule"] {
        let city = City::new(2, "2026-11-22", 2);
        // The run waits for whoever is alone.
        let runs = city.world.path("data/private/locks/runs");
        std::fs::create_dir_all(runs.parent().unwrap()).unwrap();
        let runs = std::fs::File::options().create(true).truncate(false).write(true).open(runs).unwrap();
        runs.lock().unwrap();
        let mut command = city.at(NOW);
        let mut parent = command.arg(scheduler).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let children = || {
            let tasks = std::fs::read_dir(format!("/proc/{}/task", parent.id())).into_iter().flatten().flatten();
            let children = tasks.map(|task| std::fs::read_to_string(task.path().join("children")).unwrap_or_default());
            let children: String = children.collect();
            children.split_whitespace().map(str::to_owned).collect::<Vec<String>>()
        };
        let waits = |child: &String| {
            // It has asked for its own end before it waits for anything.
            let locks = std::fs::read_to_string("/proc/locks").unwrap_or_default();
            let mut waiting = locks.lines().filter(|line| line.contains("->"));
            waiting.any(|line| line.split_whitespace().any(|word| word == child))
        };
        wait_until("a job that waits", || children().iter().any(waits));
        let child = children().into_iter().find(waits).unwrap();
        parent.kill().unwrap();
        parent.wait().unwrap();
        wait_until("the end of the job", || !is_at_work(&child));
        drop(runs);
        city.once(NOW);
        city.is_released_once();
    }
}

/// Whether a process goes on: one that ended and that nobody has waited for is done.
fn is_at_work(process: &str) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("State:") && !line.contains('Z'))
}

/// Damages the newest index of a pipeline, and gives its name.
fn damage(city: &City, pipeline: &str) -> String {
    let folder = city.world.path(&format!("data/bucket/meta/{pipeline}/vehicle_locations/index"));
    let names = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let newest = names.max().unwrap();
    std::fs::write(&newest, "{\"format\": ").unwrap();
    newest.file_name().unwrap().to_string_lossy().into_owned()
}

#[test]
fn a_damaged_index_keeps_its_own_pipeline_from_being_run_and_nothing_else() {
    let city = busy();
    city.once("2026-11-24T01:00:00Z");
    let index = damage(&city, "linie-0");
    let plan = city.plan(NOW);
    let trouble = &plan["troubles"][0];
    assert_eq!((&trouble["pipeline"], &trouble["exit"]), (&json!("linie-0"), &json!(42)));
    let said = trouble["said"].as_str().unwrap();
    assert!(said.contains(&index) && said.contains("backup of the bucket"), "{said}");
    let due: Vec<String> = plan["due"].as_array().unwrap().iter().map(kind).collect();
    let expected = ["stadtbus-fahrplan - asking", "linie-1 2026-11-24 provisional", "backup - daily", "purge - daily"];
    assert!(expected.iter().all(|kind| due.iter().any(|due| due == kind)), "{due:?}");
    assert!(!due.iter().any(|due| due.starts_with("linie-0")), "{due:?}");
    for tells in ["plan", "status"] {
        let output = at(&city, NOW, &[tells]);
        assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    }
    assert!(told(&at(&city, NOW, &["plan"])).contains(&index));
    let output = at(&city, NOW, &["schedule", "--once"]);
    assert_eq!(output.status.code(), Some(42), "{}", told(&output));
    assert!(!told(&output).contains("nothing was begun"), "{}", told(&output));
    // With nothing else to do, it says what kept it from working, and not that nothing was due.
    let idle = at(&city, NOW, &["schedule", "--once"]);
    assert_eq!(idle.status.code(), Some(42), "{}", told(&idle));
    assert!(told(&idle).contains("nothing was begun: what is due of linie-0 cannot be worked out"), "{}", told(&idle));
    assert!(!told(&idle).contains("nothing was due\n"), "{}", told(&idle));
    let told_of = |output: &str| output.matches("linie-0: what is due of it cannot be worked out").count();
    assert_eq!(told_of(&told(&output)), 1, "{}", told(&output));
    assert_eq!(city.plan(NOW)["due"], json!([]));
    let has = |text: &str| std::fs::read_to_string(city.world.path(LOG)).unwrap().contains(text);
    assert!(has("\"pipeline\":\"linie-1\",\"date\":\"2026-11-24\",\"outcome\":\"published\""));
    assert!(!has("\"outcome\":\"permanent\""));
    let status: Value = serde_json::from_slice(&at(&city, NOW, &["status", "--json"]).stdout).unwrap();
    let needs = status["needs"].as_array().unwrap();
    let need = needs.iter().find(|need| need["kind"] == "bucket_unreadable").unwrap();
    assert!(need["about"] == "linie-0" && need["said"].as_str().unwrap().contains(&index), "{need}");
    // One that goes on says it once, and does what comes.
    city.capture("linie-1", "2026-11-25".parse().unwrap(), 9);
    let up = city.at("2026-11-26T12:00:00Z").arg("up").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("the run of the other pipeline", || {
        has("\"pipeline\":\"linie-1\",\"date\":\"2026-11-25\",\"outcome\":\"published\"")
    });
    let said = told(&end(up));
    assert_eq!(told_of(&said), 1, "{said}");
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < Duration::from_secs(120), "it was waited for in vain: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Ends what goes on, as its owner would.
fn end(child: Child) -> Output {
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn a_store_that_is_lost_is_refused_by_all_in_the_same_sentence_before_anything_is_made() {
    let city = busy();
    city.once(NOW);
    let private = city.world.path("data/private");
    std::fs::remove_dir_all(&private).unwrap();
    let bucket = crate::world::files(&city.world.path("data/bucket"));
    let sentence = format!("the private store {} knows nothing of them", private.display());
    let (place, elsewhere) = (city.world.path("backup"), city.world.path("elsewhere"));
    let (backups, elsewhere) = (crate::world::files(&place), elsewhere.to_string_lossy().into_owned());
    let rows = ["quarantine", "release", "linie-0/vehicle_locations", "--date", "2026-11-23", "--all"];
    let decided = ["--by", "Datenmanagement", "--reason", "They are right"];
    let (withdraw, rollback) =
        (["withdraw", "linie-0", "--date", "2026-11-23"], ["releases", "rollback", "linie-0/vehicle_locations"]);
    let all: [&[&str]; 24] = [
        &["plan"],
        &["plan", "--json"],
        &["status"],
        &["schedule", "--once"],
        &["schedule"],
        &["up"],
        &["capture"],
        &["capture", "stadtbus-fahrplan", "--attempt"],
        &["collect", "--for", "5"],
        &["run", "linie-0", "--date", "2026-11-23"],
        &["run", "linie-0", "--date", "2026-11-23", "--attempt"],
        &["run"],
        &["backup"],
        &["backup", "--to", &elsewhere],
        &["backup", "--attempt"],
        &["evidence", "purge", "--attempt"],
        &["compact", "--attempt"],
        &["gc", "--attempt"],
        &["publish", "--rebuild"],
        &[&rows[..], &decided].concat(),
        &[&withdraw[..], &decided].concat(),
        &[&withdraw[..], &["--lift"], &decided].concat(),
        &[&rollback[..], &["--to", "1"], &decided].concat(),
        &["gc"],
    ];
    for arguments in all {
        let output = at(&city, NOW, arguments);
        assert_eq!(output.status.code(), Some(42), "{arguments:?}: {}", told(&output));
        for said in [sentence.as_str(), "restore --from", "--begin-anew", "no new key was made"] {
            assert!(told(&output).contains(said), "{arguments:?} {said}: {}", told(&output));
        }
        assert!(!private.exists(), "{arguments:?}");
    }
    assert!(crate::world::files(&place) == backups && !Path::new(&elsewhere).exists());
    assert!(crate::world::files(&city.world.path("data/bucket")) == bucket);
    // Where a bucket has nothing, and where somebody decided, a new store is what it is.
    let anew = ["restore", "--begin-anew", "--by", "Datenmanagement", "--reason", "The disk failed"];
    let output = at(&city, NOW, &anew);
    assert!(output.status.success(), "{}", told(&output));
    assert_eq!(at(&city, NOW, &["capture", "stadtbus-fahrplan"]).status.code(), Some(0));
    assert_eq!(at(&city, NOW, &["plan"]).status.code(), Some(0));
    let new = City::new(1, "2026-11-22", 1);
    new.once(NOW);
}

#[test]
fn who_write_at_once_write_whole_lines_and_a_torn_one_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let private = folder.path().join("private");
    let at: Timestamp = NOW.parse().unwrap();
    let chore = |name: &str| {
        let (name, said) = (name.to_owned(), "x".repeat(5000).into());
        Entry::Chore(Chore { name, outcome: Outcome::Published, said, seconds: 0.1 })
    };
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let (private, chore) = (&private, &chore);
            scope.spawn(move || (0..25).for_each(|line| add(private, at, chore(&format!("{writer}-{line}"))).unwrap()));
        }
    });
    let path = private.join("schedule/log.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, &text[..text.len() - 100]).unwrap();
    assert_eq!(Log::read(&private).unwrap().chores.len(), 199);
    add(&private, at, chore("after")).unwrap();
    let log = Log::read(&private).unwrap();
    assert!(log.chores.len() == 200 && log.chores.contains_key("after"));
}

#[test]
fn evidence_that_cannot_be_read_keeps_its_own_pipeline_from_being_run_and_nothing_else() {
    let city = City::new(2, "2026-11-22", 1);
    let (folder, away) = (city.world.path("data/sample/evidence/linie-0"), city.world.path("away"));
    std::fs::rename(&folder, &away).unwrap();
    std::os::unix::fs::symlink("linie-0", &folder).unwrap();
    let plan = city.plan(NOW);
    let trouble = &plan["troubles"][0];
    assert_eq!((&trouble["pipeline"], &trouble["exit"]), (&json!("linie-0"), &json!(1)), "{plan}");
    assert!(trouble["said"].as_str().unwrap().contains("evidence/linie-0"), "{trouble}");
    let output = at(&city, NOW, &["schedule", "--once"]);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    let log = std::fs::read_to_string(city.world.path(LOG)).unwrap();
    assert!(log.contains("\"pipeline\":\"linie-1\",\"date\":\"2026-11-22\",\"outcome\":\"published\""), "{log}");
    let status: Value = serde_json::from_slice(&at(&city, NOW, &["status", "--json"]).stdout).unwrap();
    let needs = status["needs"].as_array().unwrap();
    let need = needs.iter().find(|need| need["kind"] == "evidence_unreadable").unwrap();
    assert!(need["about"] == "linie-0" && need["what"].to_string().contains("evidence/linie-0"), "{need}");
    std::fs::remove_file(&folder).unwrap();
    std::fs::rename(&away, &folder).unwrap();
    city.once(NOW);
    city.is_released_once();
}

#[test]
fn a_log_that_cannot_be_written_keeps_nothing_from_being_released_and_repeats_no_release() {
    let city = City::new(1, "2026-11-22", 2);
    // No line can be written, as on a full disk.
    let turn = city.world.path("data/private/schedule/append");
    std::fs::create_dir_all(&turn).unwrap();
    let output = at(&city, NOW, &["schedule", "--once"]);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    assert!(told(&output).contains("log.jsonl could not be written"), "{}", told(&output));
    city.is_released_once();
    std::fs::remove_dir(&turn).unwrap();
    city.once(NOW);
    city.is_released_once();
}
