use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use super::*;

/// What a server was asked, and when.
type Seen = Arc<Mutex<Vec<(Instant, String)>>>;

/// A server that answers each connection on a thread of its own, by the number of the request.
fn server(answer: impl Fn(usize, &mut TcpStream) + Send + Sync + 'static) -> (url::Url, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/feed", listener.local_addr().unwrap()).parse().unwrap();
    let (seen, answer) = (Seen::default(), Arc::new(answer));
    let log = seen.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, log, answer) = (stream.unwrap(), log.clone(), answer.clone());
            std::thread::spawn(move || {
                let mut request = Vec::new();
                let mut buffer = [0; 1024];
                while !request.ends_with(b"\r\n\r\n") {
                    let read = stream.read(&mut buffer).unwrap();
                    request.extend_from_slice(&buffer[..read]);
                }
                let number = {
                    let mut log = log.lock().unwrap();
                    log.push((Instant::now(), String::from_utf8(request).unwrap()));
                    log.len() - 1
                };
                answer(number, &mut stream);
            });
        }
    });
    (url, seen)
}

fn say(stream: &mut TcpStream, head: &str, body: &str) {
    let text = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    // Who was stopped does not listen any more.
    let _ = stream.write_all(text.as_bytes());
}

fn good() -> (url::Url, Seen) {
    server(|number, stream| say(stream, "200 OK", &format!("body {number}")))
}

fn collected(name: &str, url: &url::Url) -> Collected {
    let policy = Policy {
        read_timeout: Duration::from_millis(1500),
        backoff: Duration::from_millis(5),
        tries: 3,
        ..Policy::default()
    };
    let source = Source::Http { url: url.clone().into(), headers: Vec::new(), policy };
    Collected { name: name.to_owned(), source, wanted: Wanted::Message, unchanged: REALTIME_UNCHANGED }
}

fn beat(every: u64, duration: u64) -> Beat {
    Beat { every: Duration::from_millis(every), duration: Some(Duration::from_millis(duration)) }
}

/// What tests look at of a report.
#[derive(Debug)]
struct Told {
    name: String,
    is_new: bool,
    is_transient: bool,
    is_failed: bool,
    skipped: u64,
}

fn run(collector: &Collector, beat: Beat) -> Vec<Told> {
    let mut reports = Vec::new();
    let done = collector.every(beat, &mut |report| {
        let told = Told {
            name: report.name.clone(),
            is_new: matches!(report.outcome, Outcome::New { .. }),
            is_transient: report.outcome.is_transient(),
            is_failed: matches!(report.outcome, Outcome::Failed(_)),
            skipped: report.skipped,
        };
        reports.push(told);
    });
    done.unwrap();
    reports
}

fn of<'a>(reports: &'a [Told], name: &str) -> Vec<&'a Told> {
    reports.iter().filter(|report| report.name == name).collect()
}

/// How many beats a source had: on a machine that is busy otherwise some are late and told as skipped, at most a few.
fn beats(reports: &[Told], name: &str) -> usize {
    let told = of(reports, name);
    let skipped: usize = told.iter().map(|report| report.skipped as usize).sum();
    assert!(skipped <= told.len() / 2, "{told:?}");
    told.len() + skipped
}

#[test]
fn a_dead_and_a_stalling_source_do_not_take_the_beat_from_a_good_one() {
    let folder = tempfile::tempdir().unwrap();
    let (dead, asked_dead) = server(|_, stream| say(stream, "404 Not Found", ""));
    let (stalling, asked_stalling) = server(|number, stream| {
        if number == 0 {
            std::thread::sleep(Duration::from_millis(2200));
        }
        say(stream, "200 OK", &format!("late {number}"));
    });
    let (healthy, asked_good) = good();
    let sources = vec![collected("dead", &dead), collected("stalling", &stalling), collected("good", &healthy)];
    let collector = Collector::new(folder.path(), sources);
    let begin = Instant::now();
    let reports = run(&collector, beat(300, 3000));
    assert!((3000..4500).contains(&begin.elapsed().as_millis()), "{:?}", begin.elapsed());
    assert_eq!(beats(&reports, "dead"), 10);
    assert!(of(&reports, "dead").iter().all(|report| report.is_failed && !report.is_transient));
    assert_eq!(beats(&reports, "good"), 10);
    assert!(of(&reports, "good").iter().all(|report| report.is_new));
    // The stall broke off after 1.5 s; the beats until then are lost, and none is made up for.
    let late = of(&reports, "stalling");
    assert!(late[0].is_transient && (4..=5).contains(&late[0].skipped), "{late:?}");
    assert!(late[1..].iter().all(|report| report.is_new));
    // One request for each beat that was asked at: none is made up for, and none is tried again within the beat.
    for (name, seen) in [("dead", &asked_dead), ("stalling", &asked_stalling), ("good", &asked_good)] {
        assert_eq!(seen.lock().unwrap().len(), of(&reports, name).len(), "{name}: {reports:?}");
    }
    let evidence = Store::new(Collector::evidence(folder.path()));
    let kept = |name| {
        evidence.list(
            name,
            Timestamp::UNIX_EPOCH.max(Timestamp::now() - SignedDuration::from_mins(1)),
            Timestamp::now(),
        )
    };
    assert_eq!(kept("good").unwrap().entries.len(), of(&reports, "good").len());
}

#[test]
fn all_sources_are_asked_once_at_the_same_time() {
    let folder = tempfile::tempdir().unwrap();
    let (slow, _) = server(|_, stream| {
        std::thread::sleep(Duration::from_millis(700));
        say(stream, "200 OK", "slow");
    });
    let sources = (0..4).map(|number| collected(&format!("s{number}"), &slow));
    let missing = Source::File { path: folder.path().join("nothing.zip"), max_bytes: 10 };
    let missing = Collected {
        name: "missing".into(),
        source: missing,
        wanted: Wanted::Timetable,
        unchanged: TIMETABLE_UNCHANGED,
    };
    let collector = Collector::new(folder.path(), std::iter::once(missing).chain(sources).collect());
    let begin = Instant::now();
    let reports = collector.once();
    assert!(begin.elapsed() < Duration::from_millis(1400), "{:?}", begin.elapsed());
    let names: Vec<&str> = reports.iter().map(|report| report.name.as_str()).collect();
    assert_eq!(names, ["missing", "s0", "s1", "s2", "s3"]);
    assert!(matches!(reports[0].outcome, Outcome::Failed(CaptureError::Permanent { .. })));
    assert!(reports[1..].iter().all(|report| matches!(report.outcome, Outcome::New { bytes: 4, .. })));
}

#[test]
fn a_source_that_asks_to_be_left_alone_is_and_others_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let (busy, asked) = server(|number, stream| match number {
        0 => say(stream, "429 Too Many Requests\r\nRetry-After: 2", ""),
        _ => say(stream, "200 OK", &format!("{number}")),
    });
    let (healthy, _) = good();
    let collector = Collector::new(folder.path(), vec![collected("busy", &busy), collected("good", &healthy)]);
    let reports = run(&collector, beat(250, 3000));
    assert_eq!(beats(&reports, "good"), 12);
    let busy = of(&reports, "busy");
    assert!(busy[0].is_transient && (7..=8).contains(&busy[0].skipped), "{busy:?}");
    assert!(busy[1..].iter().all(|report| report.is_new));
    let asked = asked.lock().unwrap();
    assert!(asked[1].0 - asked[0].0 >= Duration::from_millis(1990), "{:?}", asked[1].0 - asked[0].0);
}

#[test]
fn tries_of_an_ask_end_with_its_beat() {
    let folder = tempfile::tempdir().unwrap();
    let (failing, asked) = server(|_, stream| say(stream, "503 Busy", ""));
    let mut source = collected("failing", &failing);
    let Source::Http { policy, .. } = &mut source.source else { panic!() };
    (policy.backoff, policy.tries) = (Duration::from_secs(60), 10);
    let reports = run(&Collector::new(folder.path(), vec![source]), beat(300, 900));
    assert_eq!(reports.len(), 3, "{reports:?}");
    assert!(reports.iter().all(|report| report.is_transient && report.skipped == 0), "{reports:?}");
    // Full jitter may give a second try now and then.
    assert!(asked.lock().unwrap().len() <= 6);
}

#[test]
fn nothing_but_not_modified_is_believed_for_a_while_only() {
    let folder = tempfile::tempdir().unwrap();
    // Says 304 wherever it may.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url: url::Url = format!("http://{}/feed", listener.local_addr().unwrap()).parse().unwrap();
    let seen = Seen::default();
    let log = seen.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut buffer = [0; 4096];
            let read = stream.read(&mut buffer).unwrap();
            let request = String::from_utf8_lossy(&buffer[..read]).into_owned();
            let has_conditions = request.contains("if-none-match");
            log.lock().unwrap().push((Instant::now(), request));
            let head = if has_conditions { "304 Not Modified" } else { "200 OK\r\nETag: \"1\"" };
            say(&mut stream, head, if has_conditions { "" } else { "\n\u{5}\n\u{3}2.0" });
        }
    });
    let mut source = collected("still", &url);
    let ask = |source: &Collected| {
        let mut reports = Collector::new(folder.path(), vec![source.clone()]).once();
        reports.pop().unwrap().outcome
    };
    assert!(matches!(ask(&source), Outcome::New { .. }));
    assert!(matches!(ask(&source), Outcome::NotModified));
    source.unchanged = SignedDuration::from_millis(1);
    std::thread::sleep(Duration::from_millis(5));
    assert!(matches!(ask(&source), Outcome::NotModified));
    // That it was looked at is remembered from process to process.
    source.unchanged = SignedDuration::from_hours(1);
    assert!(matches!(ask(&source), Outcome::NotModified));
    let conditions: Vec<bool> =
        seen.lock().unwrap().iter().map(|(_, request)| request.contains("if-none-match")).collect();
    assert_eq!(conditions, [false, true, false, true]);
    let state = folder.path().join("collector/still.json");
    assert!(std::fs::read_to_string(state).unwrap().contains("unchanged_at"));
}

#[test]
fn it_stops_at_once_when_it_is_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let (stalling, _) = server(|_, stream| {
        std::thread::sleep(Duration::from_secs(5));
        say(stream, "200 OK", "");
    });
    let (healthy, _) = good();
    let sources = vec![collected("stalling", &stalling), collected("good", &healthy)];
    let collector = Collector::new(folder.path(), sources);
    let stop = collector.stop();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(500));
        stop.request();
    });
    let begin = Instant::now();
    let reports = run(&collector, Beat { every: Duration::from_secs(60), duration: None });
    assert!(begin.elapsed() < Duration::from_millis(1200), "{:?}", begin.elapsed());
    assert_eq!((reports.len(), reports[0].name.as_str()), (1, "good"));
}

/// Sends a byte now and then, and never all.
fn drips(_: usize, stream: &mut TcpStream) {
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
    while stream.write_all(b"x").is_ok() {
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_source_that_drips_holds_up_neither_the_end_nor_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let (dripping, asked) = server(drips);
    let mut source = collected("dripping", &dripping);
    let begin = Instant::now();
    let reports = run(&Collector::new(folder.path(), vec![source.clone()]), beat(60_000, 500));
    assert!((3400..4500).contains(&begin.elapsed().as_millis()), "{:?}", begin.elapsed());
    assert!(reports.len() == 1 && reports[0].is_transient, "{reports:?}");
    assert_eq!(source.patience_of_run(), MESSAGE_FOR_RUN);
    assert_eq!(Collected { wanted: Wanted::Timetable, ..source.clone() }.patience_of_run().as_secs(), 300);
    let Source::Http { policy, .. } = &mut source.source else { panic!() };
    policy.total_timeout = Duration::from_secs(1);
    let begin = Instant::now();
    let reports = Collector::new(folder.path(), vec![source]).once_for_run();
    assert!((1000..1800).contains(&begin.elapsed().as_millis()), "{:?}", begin.elapsed());
    let Outcome::Failed(error) = &reports[0].outcome else { panic!() };
    let told = error.to_string();
    assert!(reports[0].outcome.is_transient() && told.contains("not answered completely"), "{told}");
    assert_eq!(asked.lock().unwrap().len(), 2);
}

#[test]
fn the_same_source_of_two_pipelines_is_asked_once() {
    let folder = tempfile::tempdir().unwrap();
    let (healthy, asked) = good();
    let twice = vec![collected("good", &healthy), collected("good", &healthy)];
    assert_eq!(Collector::new(folder.path(), twice).once().len(), 1);
    assert_eq!(asked.lock().unwrap().len(), 1);
}
