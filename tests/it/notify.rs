//! Being told: every channel to a real server on this machine, what goes wrong there, and the heartbeat.

mod servers;

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use fahrtenbuch::notify::heartbeat::RunId;
use fahrtenbuch::notify::{Cause, Heartbeat, Sent, Settings, Teller, Trouble, tell};
use fahrtenbuch::yaml::{self, Problems};

use self::servers::{How, smtp, web};
use crate::world::World;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A workspace with nothing but its configuration, for commands that look at nothing else.
fn told_by(channels: &str) -> World {
    let world = World::new();
    let mut text = std::fs::read_to_string(world.path("fahrtenbuch.yaml")).unwrap();
    text += &format!("\nnotify:\n  channels:\n{channels}");
    world.write("fahrtenbuch.yaml", &text);
    // A mistake elsewhere keeps nobody from being told.
    world.write("pipelines/broken.yaml", "format: [");
    world
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

fn mail(rest: &str, port: u16) -> String {
    format!(
        "    - {{name: mail, type: email, host: localhost, port: {port}, from: 'Fahrtenbuch <f@example.de>', \
         to: [a@example.de, b@example.de], {rest}}}\n"
    )
}

#[test]
fn a_test_message_reaches_every_channel() {
    let (ntfy, at_ntfy) = web(|_| Some("200 OK"));
    let (matrix, at_matrix) = web(|_| Some("200 OK"));
    let (teams, at_teams) = web(|_| Some("202 Accepted"));
    let (hook, at_hook) = web(|_| Some("204 No Content"));
    let (port, mails) = smtp(How::Plain, None);
    let channels = format!(
        "{}    - {{name: phone, type: ntfy, url: '{ntfy}', topic: '${{TEST_TOPIC}}', token: geheim-1}}\n\
         \x20   - {{name: room, type: matrix, homeserver: '{matrix}', room: '!ab:example.de', token: geheim-2}}\n\
         \x20   - {{name: team, type: teams, url: '{teams}/workflows/geheim-3?sig=geheim-4'}}\n\
         \x20   - {{name: hook, type: webhook, url: '{hook}/geheim-5', headers: {{X-Key: geheim-6}}}}\n",
        mail("tls: none, username: me, password: '${TEST_PASSWORD}'", port)
    );
    let world = told_by(&channels);
    let mut command = world.command();
    command.env("TEST_TOPIC", "geheim-topic").env("TEST_PASSWORD", "geheim-pass");
    let output = command.args(["-vvv", "notify", "test"]).output().unwrap();
    let told = text(&output.stdout);
    assert_eq!(code(&output), Some(0), "{told}{}", text(&output.stderr));
    for (name, kind) in
        [("mail", "email"), ("phone", "ntfy"), ("room", "matrix"), ("team", "teams"), ("hook", "webhook")]
    {
        assert!(told.contains(&format!("{name} ({kind}): sent to ")), "{told}");
    }
    let all = told + &text(&output.stderr);
    assert!(!all.contains("geheim"), "{all}");

    let sent = at_ntfy.lock().unwrap()[0].clone();
    assert_eq!((sent.line.as_str(), &sent.json()["topic"]), ("POST /", &"geheim-topic".into()));
    assert!(sent.head.contains("authorization: Bearer geheim-1"), "{}", sent.head);
    assert!(sent.json()["message"].as_str().unwrap().contains("Dies ist eine Probenachricht an den Kanal 'phone'"));
    let sent = at_matrix.lock().unwrap()[0].clone();
    let path = "PUT /_matrix/client/v3/rooms/!ab:example.de/send/m.room.message/";
    assert!(sent.line.starts_with(path) && sent.json()["msgtype"] == "m.text", "{sent:?}");
    let sent = at_teams.lock().unwrap()[0].clone();
    assert_eq!(sent.line, "POST /workflows/geheim-3?sig=geheim-4");
    assert_eq!(sent.json()["attachments"][0]["content"]["type"], "AdaptiveCard");
    let sent = at_hook.lock().unwrap()[0].clone();
    assert!(sent.line == "POST /geheim-5" && sent.head.contains("x-key: geheim-6"), "{sent:?}");
    assert_eq!((&sent.json()["notices"][0]["kind"], &sent.json()["version"]), (&"test".into(), &1.into()));

    // The server writes it down after it has said that it took it.
    let until = Instant::now() + Duration::from_secs(60);
    while mails.lock().unwrap().is_empty() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(20));
    }
    let mail = mails.lock().unwrap()[0].clone();
    assert_eq!(mail.envelope.len(), 3, "{mail:?}");
    assert!(mail.login.starts_with("AUTH PLAIN "), "{mail:?}");
    for line in [
        "To: a@example.de, b@example.de",
        "Auto-Submitted: auto-generated",
        "Date: Fri, 27 Nov 2026 12:00:",
        "Message-ID: <",
    ] {
        assert!(mail.data.contains(line), "{line}: {}", mail.data);
    }
}

#[test]
fn one_channel_can_be_tried_alone_and_one_that_fails_keeps_no_other_from_it() {
    let (good, at_good) = web(|_| Some("200 OK"));
    let (bad, at_bad) = web(|_| Some("500 Broken"));
    let world = told_by(&format!(
        "    - {{name: bad, type: teams, url: '{bad}/x'}}\n    - {{name: good, type: teams, url: '{good}/x'}}\n"
    ));
    let output = world.program(&["notify", "test", "good"]);
    assert_eq!((code(&output), at_bad.lock().unwrap().len()), (Some(0), 0));
    let output = world.program(&["notify", "test"]);
    let told = text(&output.stdout);
    assert_eq!((code(&output), at_good.lock().unwrap().len()), (Some(1), 2), "{told}");
    assert!(told.contains("bad (teams): not sent: the server answers 500. Try again later"), "{told}");
    let output = world.program(&["notify", "test", "goood"]);
    assert_eq!(code(&output), Some(2));
    assert!(text(&output.stderr).contains("Did you mean 'good'?"));
}

#[test]
fn what_goes_wrong_is_told_with_what_to_do_and_its_exit_code() {
    let hook = |url: &str| format!("    - {{name: hook, type: webhook, url: '{url}'}}\n");
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (elsewhere, at_elsewhere) = web(|_| Some("200 OK"));
    let redirect: &'static str = format!("307 Elsewhere\r\nLocation: {elsewhere}/x").leak();
    let answers = |head: &'static str| hook(&(web(move |_| Some(head)).0 + "/x"));
    let (refusing, _) = smtp(How::Refusing, None);
    let (plain, _) = smtp(How::PlainOnly, None);
    let (full, _) = smtp(How::Full, None);
    let login = "tls: none, username: a, password: geheim";
    for (channels, exit, problem, remedy) in [
        (hook(&format!("http://127.0.0.1:{closed}/x")), 1, "no connection to the server", "check the network"),
        (answers("500 Broken"), 1, "the server answers 500", "Try again later"),
        (answers("429 Slow\r\nRetry-After: 30"), 1, "the server answers 429", "Try again later"),
        (answers(redirect), 42, "the server answers 307", "redirects are not followed"),
        (answers("401 Who"), 42, "the server answers 401", "Check the token"),
        (answers("404 What"), 42, "the server answers 404", "Check the address"),
        (hook("https://127.0.0.1/${TEST_NOT_SET}"), 2, "'TEST_NOT_SET' is not set", "Set it where the program runs"),
        (mail("tls: none", closed), 1, "no connection to the mail server", "check the network"),
        (mail(login, refusing), 42, "does not let us in (it answers 535)", "Check 'username' and 'password'"),
        (mail("tls: starttls", plain), 42, "no way to talk to the mail server", "Check 'port' and 'tls'"),
        (mail(login, plain), 42, "no way to talk to the mail server", "the way of logging in"),
        (mail("tls: none", full), 1, "cannot take it now (it answers 452)", "Try again later"),
    ] {
        let output = told_by(&channels).program(&["notify", "test"]);
        let told = text(&output.stdout) + &text(&output.stderr);
        assert_eq!(code(&output), Some(exit), "{channels}{told}");
        assert!(told.contains(problem) && told.contains(remedy) && !told.contains("geheim"), "{channels}{told}");
    }
    assert!(at_elsewhere.lock().unwrap().is_empty());
    // Mistakes of the file.
    let output = told_by("    - {name: a, type: emial}\n").program(&["notify", "test"]);
    assert_eq!(code(&output), Some(2));
    assert!(text(&output.stderr).contains("'emial' is no type of channel. Did you mean 'email'?"));
    let output = World::new().program(&["notify", "test"]);
    assert_eq!((code(&output), text(&output.stderr).contains("has no channel")), (Some(2), true));
}

#[test]
fn servers_that_hang_are_given_up() {
    let (address, _) = web(|_| None);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let world = told_by(&format!("    - {{name: hook, type: teams, url: '{address}/x'}}\n{}", mail("tls: none", port)));
    let begin = Instant::now();
    let output = world.program(&["notify", "test"]);
    let told = text(&output.stdout);
    assert_eq!(code(&output), Some(1), "{told}");
    assert!(begin.elapsed() < Duration::from_secs(50), "{:?}", begin.elapsed());
    assert!(told.contains("the server did not answer in time"), "{told}");
    assert!(told.contains("the mail server did not answer in time"), "{told}");
}

#[test]
fn a_channel_that_hangs_delays_no_other_and_nobody_who_tells() {
    let (hook, at_hook) = web(|_| None);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let (room, at_room) = web(|_| Some("200 OK"));
    let settings = settings(&format!(
        "  channels:\n    - {{name: hook, type: teams, url: '{hook}/x'}}\n{}    - {{name: room, type: matrix, homeserver: \
         '{room}', room: '!a:b', token: t}}\n",
        mail("tls: none", port)
    ));
    let begin: jiff::Timestamp = "2026-11-24T11:00:00Z".parse().unwrap();
    let frozen = |source: &str| Cause { trouble: Trouble::SourceFrozen { source: source.to_owned() }, since: begin };
    let (mut teller, mut sent) = (Teller::default(), Vec::new());
    let mut causes = Vec::new();
    let until = Instant::now() + Duration::from_secs(120);
    for (minute, source) in (0..).zip(["a", "b", "c"]) {
        causes.push(frozen(source));
        teller.begin(&causes.clone().into(), &sent, &settings, begin + jiff::SignedDuration::from_mins(minute));
        // The next is told although the others still hang.
        while at_room.lock().unwrap().len() < causes.len()
            || !sent.iter().any(|(_, line): &(_, Sent)| line.cause.ends_with(source))
        {
            assert!(Instant::now() < until, "{sent:?}");
            sent.extend(teller.ended(Duration::from_millis(100)));
        }
    }
    let of_room = sent.iter().all(|(_, line)| line.channels == ["room"]);
    assert!(of_room && sent.len() == 3 && teller.is_at_work(), "{sent:?}");
    assert_eq!(at_hook.lock().unwrap().len(), 1);
    let failed: Vec<String> = teller.finish().into_iter().flat_map(|(_, line)| line.failed).collect();
    assert!(
        failed.len() == 2 && failed.contains(&"hook".to_owned()) && failed.contains(&"mail".to_owned()),
        "{failed:?}"
    );
}

#[test]
fn while_channels_hang_runs_go_on_and_the_heartbeat_beats() {
    let (hook, at_hook) = web(|_| None);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let (pings, at_pings) = web(|_| Some("200 OK"));
    let mut world = told_by(&format!(
        "    - {{name: hook, type: teams, url: '{hook}/x'}}\n{}  heartbeat: {{url: '{pings}/p', every: 1 s}}\n",
        mail("tls: none", port)
    ));
    std::fs::remove_file(world.path("pipelines/broken.yaml")).unwrap();
    // A date that is due at once, and one that failed.
    let plan = std::fs::read_to_string(world.path("pipelines/stadtbus-telemetrie.yaml")).unwrap();
    world.write("pipelines/stadtbus-telemetrie.yaml", &format!("{plan}\nschedule:\n  run: \"06:30\"\n"));
    let job = "\"pipeline\":\"stadtbus-telemetrie\",\"date\":\"2026-11-20\"";
    let begun = format!("{{\"at\":\"2026-11-21T05:00:00Z\",\"begun\":{{{job},\"why\":\"over\",\"settings\":1}}}}\n");
    let ended = "\"outcome\":\"permanent\",\"exit\":42,\"said\":\"no\",\"seconds\":1.0";
    let ended = format!("{{\"at\":\"2026-11-21T05:01:00Z\",\"ended\":{{{job},{ended}}}}}\n");
    world.write("data/private/schedule/log.jsonl", &(begun + &ended));
    world.set_clock("2026-11-27T12:00:00Z");
    let mut up = world.command().arg("up").stdout(std::process::Stdio::null()).spawn().unwrap();
    let until = Instant::now() + Duration::from_secs(180);
    let wait = |what: &str, is_so: &dyn Fn() -> bool| {
        while !is_so() {
            assert!(Instant::now() < until, "{what}");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    wait("nobody was told", &|| !at_hook.lock().unwrap().is_empty());
    let before = at_pings.lock().unwrap().len();
    wait("no heartbeat", &|| at_pings.lock().unwrap().len() > before + 3);
    let log = || std::fs::read_to_string(world.path("data/private/schedule/log.jsonl")).unwrap();
    let is_end = |line: &str| line.contains("\"ended\"") && line.contains("\"2026-11-24\"");
    wait("no run", &|| log().lines().any(is_end));
    up.kill().unwrap();
    up.wait().unwrap();
    assert!(at_hook.lock().unwrap()[0].body.contains("stadtbus-telemetrie"));
}

#[test]
fn the_heartbeats_are_tried_and_listed_too() {
    let (pings, at_pings) = web(|number| Some(if number < 2 { "200 OK" } else { "404 What" }));
    let world = told_by("    []\n");
    world.replace(
        "fahrtenbuch.yaml",
        "\n  channels:\n    []\n",
        &format!("\n  heartbeat: {{url: '{pings}/up/geheim', watch: '{pings}/watch/geheim', every: 60 s}}\n"),
    );
    let output = world.program(&["notify", "test"]);
    let told = text(&output.stdout);
    assert_eq!(code(&output), Some(0), "{told}{}", text(&output.stderr));
    assert!(told.contains("heartbeat (ping): sent '/log' to http://127.0.0.1"), "{told}");
    assert!(told.contains("watch (ping): sent '/log' to http://127.0.0.1") && !told.contains("geheim"), "{told}");
    let lines: Vec<String> = at_pings.lock().unwrap().iter().map(|ping| ping.line.clone()).collect();
    assert_eq!(lines, ["POST /up/geheim/log", "POST /watch/geheim/log"]);
    let alone = world.program(&["notify", "test", "watch"]);
    assert_eq!((code(&alone), text(&alone.stdout).lines().count()), (Some(42), 1));
    let list = text(&world.program(&["notify", "list"]).stdout);
    assert!(list.contains(&format!("heartbeat: 'up' pings {pings} every 60 s\n")), "{list}");
    assert!(list.contains(&format!("heartbeat: 'watch' pings {pings} at each look\n")), "{list}");
    world.replace("fahrtenbuch.yaml", "/watch/geheim", "/${TEST_NOT_SET}");
    let unset = world.program(&["notify", "test"]);
    assert!(code(&unset) == Some(42) || code(&unset) == Some(2), "{}", text(&unset.stdout));
    assert!(text(&unset.stdout).contains("'TEST_NOT_SET' is not set"), "{}", text(&unset.stdout));
    assert_eq!(code(&world.program(&["notify", "test", "hartbeat"])), Some(2));
}

/// An authority and a certificate of `localhost` in a folder; `false` where there is no openssl.
fn certificates(folder: &Path) -> bool {
    let openssl = |arguments: &str| {
        let output = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output();
        output.is_ok_and(|output| output.status.success())
    };
    if !openssl("version") {
        return false;
    }
    std::fs::write(folder.join("ext"), "subjectAltName=DNS:localhost\n").unwrap();
    openssl("req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=Probe -days 2")
        && openssl("req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout leaf.key -out leaf.csr")
        && openssl("x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out leaf.pem")
}

#[test]
fn mails_are_encrypted_and_a_certificate_that_nobody_knows_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    if !certificates(folder.path()) {
        println!("left out: mails_are_encrypted_and_a_certificate_that_nobody_knows_is_refused needs openssl");
        return;
    }
    for (how, tls) in [(How::Starttls, "starttls"), (How::Implicit, "implicit")] {
        let (port, mails) = smtp(how, Some(folder.path()));
        let world = told_by(&mail(&format!("tls: {tls}, username: me, password: pass"), port));
        let send = |authority: Option<&str>, host: Option<&str>| {
            if let Some(host) = host {
                world.replace("fahrtenbuch.yaml", "host: localhost", &format!("host: {host}"));
            }
            // The clock of the machine, since that is by which certificates hold.
            let mut command = world.command();
            command.env_remove("FAHRTENBUCH_NOW");
            if let Some(file) = authority {
                command.env("SSL_CERT_FILE", folder.path().join(file));
            }
            command.args(["notify", "test"]).output().unwrap()
        };
        let output = send(Some("ca.pem"), None);
        assert_eq!(code(&output), Some(0), "{tls}: {}{}", text(&output.stdout), text(&output.stderr));
        let sent = mails.lock().unwrap().clone();
        assert!(sent.len() == 1 && sent[0].is_encrypted && sent[0].login.starts_with("AUTH PLAIN"), "{tls}: {sent:?}");
        // Nobody knows the issuer; then it is that of another host.
        for (authority, host, problem) in [
            (None, None, "its certificate is from an issuer that this machine does not know"),
            (Some("ca.pem"), Some("127.0.0.1"), "its certificate is that of another host"),
        ] {
            let output = send(authority, host);
            let told = text(&output.stdout);
            assert_eq!(code(&output), Some(42), "{tls}: {told}");
            assert!(told.contains(problem) && told.contains("SSL_CERT_FILE"), "{tls}: {told}");
        }
        assert_eq!(mails.lock().unwrap().len(), 1);
    }
}

#[test]
fn a_variable_that_is_not_set_keeps_no_other_command_from_its_work() {
    let world = told_by("    - {name: phone, type: ntfy, url: 'https://ntfy.sh', topic: '${TEST_NOT_SET}'}\n");
    std::fs::remove_file(world.path("pipelines/broken.yaml")).unwrap();
    let check = world.program(&["check"]);
    assert_eq!(code(&check), Some(0), "{}", text(&check.stderr));
    assert!(
        text(&check.stdout).contains("the environment variable 'TEST_NOT_SET' is not set"),
        "{}",
        text(&check.stdout)
    );
    let list = world.program(&["notify", "list"]);
    let told = text(&list.stdout);
    assert!(
        code(&list) == Some(0) && told.contains("cannot be used: the environment variable 'TEST_NOT_SET'"),
        "{told}"
    );
    assert!(told.contains("off: rule_failed, score_fell\n"), "{told}");
    world.replace("fahrtenbuch.yaml", "type: ntfy", "type: nfty");
    let check = world.program(&["check"]);
    assert_eq!(code(&check), Some(2));
    assert!(
        text(&check.stderr).contains("'nfty' is no type of channel. Did you mean 'ntfy'?"),
        "{}",
        text(&check.stderr)
    );
}

fn settings(rest: &str) -> Settings {
    let file = Path::new("fahrtenbuch.yaml");
    let text = format!("title: Musterstadt\ntime_zone: Europe/Berlin\nnotify:\n{rest}");
    let mut problems = Problems::new(file);
    let settings = Settings::read(&yaml::parse(file, &text).unwrap(), &mut problems);
    assert!(problems.found.is_empty(), "{:?}", problems.found);
    settings
}

#[test]
fn a_thousand_failures_of_one_cause_are_two_mails_also_where_the_server_fails_at_first() {
    let (address, at_matrix) = web(|number| Some(if number == 0 { "503 Busy\r\nRetry-After: 120" } else { "200 OK" }));
    let settings = settings(&format!(
        "  channels:\n    - {{name: room, type: matrix, homeserver: '{address}', room: '!a:b', token: t}}\n"
    ));
    let begin: jiff::Timestamp = "2026-11-24T11:00:00Z".parse().unwrap();
    let mut sent = Vec::new();
    for minute in 0..=1_000 {
        let now = begin + jiff::SignedDuration::from_mins(minute);
        let trouble = Trouble::SourceFrozen { source: "stadtbus-vp".to_owned() };
        let causes = if minute < 1_000 { vec![Cause { trouble, since: begin }] } else { Vec::new() };
        let lines = tell(&causes.into(), &sent, &settings, now);
        sent.extend(lines.into_iter().map(|line| (now, line)));
    }
    let requests = at_matrix.lock().unwrap().clone();
    let subjects: Vec<String> =
        requests.iter().map(|seen| seen.json()["body"].as_str().unwrap().lines().next().unwrap().to_owned()).collect();
    let new = "Musterstadt: Die Quelle stadtbus-vp ist eingefroren: sie liefert immer wieder dasselbe";
    assert_eq!(
        subjects,
        [
            new,
            new,
            "Musterstadt: Behoben: Die Quelle stadtbus-vp liefert wieder Neues (gemeldet am 24.11.2026, 12:02 Uhr)"
        ]
    );
    // What was tried again is the same message to the server, even if the first try had reached it.
    assert_eq!(requests[0].line, requests[1].line);
    assert_ne!(requests[1].line, requests[2].line);
    assert_eq!(sent[0].1.not_before, Some(begin + jiff::SignedDuration::from_secs(120)));
}

#[test]
fn a_heartbeat_speaks_the_protocol_of_healthchecks() {
    let (address, pings) = web(|_| Some("200 OK"));
    let heartbeat = Heartbeat::of(&settings(&format!("  heartbeat: {{url: '{address}/ping/abc'}}\n"))).unwrap();
    let run = RunId::new();
    let long = "x".repeat(30_000) + "the end";
    let went = [
        heartbeat.start(&run),
        heartbeat.success(Some(&run), "3 Tabellen veröffentlicht"),
        heartbeat.success(None, ""),
        heartbeat.fail(Some(&run), &long),
        heartbeat.log(None, "noch da"),
        heartbeat.exit(42, Some(&run), ""),
    ];
    assert_eq!(went, [true; 6]);
    let pings = pings.lock().unwrap().clone();
    let lines: Vec<&str> = pings.iter().map(|ping| ping.line.as_str()).collect();
    let rid = format!("?rid={run}");
    let expected = [
        format!("POST /ping/abc/start{rid}"),
        format!("POST /ping/abc{rid}"),
        "POST /ping/abc".to_owned(),
        format!("POST /ping/abc/fail{rid}"),
        "POST /ping/abc/log".to_owned(),
        format!("POST /ping/abc/42{rid}"),
    ];
    assert_eq!(lines, expected);
    assert_eq!(pings[1].body, "3 Tabellen veröffentlicht");
    assert!(pings[3].body.len() == 10_000 && pings[3].body.ends_with("the end"));
}

#[test]
fn a_ping_is_tried_three_times_and_fails_nothing() {
    let ping =
        |url: &str| Heartbeat::of(&settings(&format!("  heartbeat: {{url: '{url}/x'}}\n"))).unwrap().success(None, "");
    let (flaky, at_flaky) = web(|number| Some(if number < 2 { "500 Broken" } else { "200 OK" }));
    assert!(ping(&flaky));
    assert_eq!(at_flaky.lock().unwrap().len(), 3);
    let (broken, at_broken) = web(|_| Some("500 Broken"));
    assert!(!ping(&broken));
    assert_eq!(at_broken.lock().unwrap().len(), 3);
    // Trying again does not help.
    let (gone, at_gone) = web(|_| Some("404 What"));
    assert!(!ping(&gone));
    assert_eq!(at_gone.lock().unwrap().len(), 1);
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    assert!(!ping(&format!("http://127.0.0.1:{closed}")));
    assert!(Heartbeat::of(&settings("  language: de\n")).is_none());
}
