use std::path::Path;

use super::*;
use crate::yaml;

fn read(text: &str) -> (Settings, Vec<String>) {
    let file = Path::new("fahrtenbuch.yaml");
    let node = yaml::parse(file, &format!("title: Musterstadt\ntime_zone: Europe/Berlin\n{text}")).unwrap();
    let mut problems = Problems::new(file);
    let settings = Settings::read(&node, &mut problems);
    let told = |problem: &Problem| format!("{} {}. {}", problem.line, problem.message, problem.remedy);
    (settings, problems.found.iter().map(told).collect())
}

const ALL: &str = "\
notify:
  language: en
  quiet: 20:00-07:00
  reminder: 12 hours
  off: [backup_old]
  on: [rule_failed]
  heartbeat: {url: 'https://hc.example.de/geheim-ping'}
  channels:
    - name: mail
      type: email
      host: smtp.example.de
      username: me
      password: geheim-password
      from: 'Fahrtenbuch <f@example.de>'
      to: [a@example.de, 'B <b@example.de>']
    - {name: phone, type: ntfy, url: 'https://ntfy.example.de', topic: geheim-topic, token: geheim-token}
    - {name: room, type: matrix, homeserver: 'https://m.example.de', room: '!abc:example.de', token: geheim-token}
    - {name: team, type: teams, url: 'https://x.example.com:443/workflows/geheim?sig=geheim'}
    - {name: hook, type: webhook, url: 'http://127.0.0.1:8080/geheim', headers: {X-Key: geheim-key}}
";

#[test]
fn a_webhook_without_keys_may_be_called_inside_the_house() {
    for host in ["10.1.2.3", "192.168.0.9:8080", "[fd00::1]", "leitstelle.local", "funkhaus"] {
        let text =
            format!("title: T\nnotify:\n  channels:\n    - {{name: a, type: webhook, url: 'http://{host}/x'}}\n");
        let mut problems = Problems::new(Path::new("f.yaml"));
        let settings = Settings::read(&yaml::parse(Path::new("f.yaml"), &text).unwrap(), &mut problems);
        assert!(problems.found.is_empty() && settings.channels.len() == 1, "{host}: {:?}", problems.found);
    }
}

#[test]
fn every_channel_is_read_and_no_secret_is_ever_shown() {
    let (settings, problems) = read(ALL);
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!((settings.language, settings.reminder), (Language::English, Some(HOUR * 12)));
    assert_eq!(settings.channels.len(), 5);
    assert!(settings.is_on(CauseKind::RuleFailed) && !settings.is_on(CauseKind::ScoreFell));
    assert!(!settings.is_on(CauseKind::BackupOld) && settings.is_on(CauseKind::SourceSilent));
    let shown: String =
        settings.channels.iter().map(|channel| channel.target.as_ref().unwrap().shown() + "\n").collect();
    assert_eq!(
        shown,
        "a@example.de, b@example.de by smtp.example.de:587\nhttps://ntfy.example.de\n!abc:example.de at https://m.example.de\n\
         https://x.example.com\nhttp://127.0.0.1:8080\n"
    );
    let debug = format!("{settings:?}");
    assert!(!debug.contains("geheim"), "{debug}");
}

#[test]
fn quiet_hours_go_over_midnight_by_the_clock_of_the_zone() {
    let (settings, _) = read(ALL);
    for (at, is_quiet) in [
        ("2026-11-24T18:59:59Z", false),
        ("2026-11-24T19:00:00Z", true),
        ("2026-11-25T05:59:59Z", true),
        ("2026-11-25T06:00:00Z", false),
        // In summer time.
        ("2026-07-24T18:00:00Z", true),
        ("2026-07-24T05:00:00Z", false),
    ] {
        assert_eq!(settings.is_quiet(at.parse().unwrap()), is_quiet, "{at}");
    }
    let (day, problems) = read("notify:\n  quiet: 9:00 - 17:30\n");
    assert!(problems.is_empty() && day.is_quiet("2026-11-24T16:29:00Z".parse().unwrap()), "{problems:?}");
    assert!(!day.is_quiet("2026-11-24T16:30:00Z".parse().unwrap()));
    assert!(!read("").0.is_quiet("2026-11-24T00:00:00Z".parse().unwrap()));
}

#[test]
fn a_variable_that_is_not_set_is_no_mistake_of_the_file_and_the_channel_cannot_be_used() {
    let text = ALL.replace("geheim-password", "'${FAHRTENBUCH_TEST_NEVER_SET}'");
    let text = text.replace("geheim-ping", "${FAHRTENBUCH_TEST_NEVER_SET}");
    let (settings, problems) = read(&text);
    assert_eq!(problems, Vec::<String>::new());
    let mail = settings.channel("mail").unwrap();
    assert_eq!(mail.target, None);
    assert_eq!(mail.unset[0].message, "the environment variable 'FAHRTENBUCH_TEST_NEVER_SET' is not set");
    assert_eq!((settings.unset().count(), settings.heartbeat.as_ref()), (2, None));
    assert!(settings.channel("phone").unwrap().target.is_some());
}

#[test]
fn every_mistake_is_told_with_its_line_and_what_to_do() {
    let channel = |rest: &str| format!("notify:\n  channels:\n    - {rest}\n");
    let mail = |change: &str| {
        let base = "{name: m, type: email, host: smtp.example.de, from: a@example.de, to: b@example.de";
        channel(&format!("{base}{change}}}"))
    };
    let of = |text: &str| read(text).1;
    let mut wrong = String::new();
    for (text, expected) in [
        ("notify: yes\n".to_owned(), "3 'notify' is text, expected a map. Write 'channels:'"),
        ("notify:\n  channel: []\n".to_owned(), "4 'channel' is not known here. Did you mean 'channels'?"),
        ("notify:\n  language: fr\n".to_owned(), "4 'language: fr' is not known. Write 'language: de'"),
        ("notify:\n  quiet: night\n".to_owned(), "4 'quiet: night' are no hours. Write 'quiet: 20:00-07:00'."),
        ("notify:\n  quiet: 20:00-24:00\n".to_owned(), "4 'quiet: 20:00-24:00' are no hours."),
        ("notify:\n  quiet: 7:00-07:00\n".to_owned(), "4 'quiet: 7:00-07:00' begins when it ends."),
        ("notify:\n  reminder: 5 min\n".to_owned(), "4 'reminder: 5 min' is no time until a reminder."),
        ("notify:\n  reminder: 99999999999999 days\n".to_owned(), "4 'reminder: 99999999999999 days' is no time"),
        (
            "notify:\n  off: [sorce_silent]\n".to_owned(),
            "4 'sorce_silent' is no cause of a message. Did you mean 'source_silent'?",
        ),
        ("notify:\n  off: backup_old\n".to_owned(), "4 'off' is text, expected a list of causes."),
        ("notify:\n  off: [backup_old]\n  on: [backup_old]\n".to_owned(), "5 'backup_old' is both on and off."),
        (
            "notify:\n  heartbeat: {url: 'https://x', rid: 1}\n".to_owned(),
            "4 'rid' is not known here. Known are: url, every, watch.",
        ),
        ("notify:\n  channels: mail\n".to_owned(), "4 'channels' is text, expected a list of channels."),
        (channel("{name: a, type: e-mail}"), "5 'e-mail' is no type of channel. Did you mean 'email'?"),
        (channel("{type: teams, url: 'https://a.de'}"), "5 'name' is missing."),
        (
            channel("{name: a, type: teams, url: 'https://a.de'}\n    - {name: a, type: teams, url: 'https://a.de'}"),
            "6 two channels have the name 'a'.",
        ),
        (channel("{name: a, type: teams, url: 'https://a.de', tokn: x}"), "5 'tokn' is not known here."),
        (
            channel("{name: a, type: teams, url: 'http://a.de/x'}"),
            "5 'url' would send keys without encryption. Write 'url: https://...'",
        ),
        (
            channel("{name: a, type: webhook, url: 'http://10.0.0.7/x', headers: {X-Key: y}}"),
            "5 'url' would send keys without encryption.",
        ),
        (
            channel("{name: a, type: webhook, url: 'http://a.de/x'}"),
            "5 'url' would send what is told, and what is secret",
        ),
        (channel("{name: a, type: webhook, url: 'http://10.0.0.7/x?key=y'}"), "5 'url' would send what is told"),
        (channel("{name: a, type: teams, url: 'a.de/geheim'}"), "5 'url' is no address of the web."),
        (channel("{name: a, type: webhook, url: 'https://a.de/${X'}"), "5 a '${' has no '}' behind it."),
        (
            channel("{name: a, type: webhook, url: 'https://a.de/', headers: {'a b': x}}"),
            "5 'a b' of 'headers' is no header of HTTP.",
        ),
        (
            channel("{name: a, type: ntfy, url: 'https://a.de/topic', topic: x}"),
            "5 'url' of ntfy has a path. Write the address of the server alone",
        ),
        (channel("{name: a, type: ntfy, url: 'https://a.de', topic: 'a/b'}"), "5 'topic' is none that ntfy knows."),
        (
            channel("{name: a, type: matrix, homeserver: 'https://a.de', room: '#a:b', token: x}"),
            "5 'room' is no id of a room. Write the internal id",
        ),
        (mail(", tls: startls"), "5 'tls: startls' is not known. Did you mean 'starttls'?"),
        (mail(", tls: none"), "5 'tls: none' would send the mails to another machine without encryption."),
        (mail(", port: 70000"), "5 'port' is no number of a port."),
        (mail(", username: a"), "5 a 'username' without a 'password'. Add 'password: ${SMTP_PASSWORD}'."),
        (mail(", password: a"), "5 a 'password' without a 'username'."),
        (mail("").replace("b@example.de", "'b at example'"), "5 'to' has something that is no address of a mail."),
        (mail("").replace("b@example.de", "[]"), "5 'to' is a list, expected text."),
        (mail("").replace("smtp.example.de", "'smtp://a.de'"), "5 'host' is no name of a mail server."),
        (mail("").replace("from: a@example.de", "from: \"a@x\\nBcc: c@x\""), "5 'from' is no text of one line."),
    ] {
        let found = of(&text);
        if !(found.len() == 1 && found[0].starts_with(expected) && !found[0].contains("geheim")) {
            wrong += &format!("{text}{expected}\n{found:#?}\n");
        }
    }
    assert_eq!(wrong, "");
    assert_eq!(of(&mail(", tls: none").replace("smtp.example.de", "'::1'")), Vec::<String>::new());
    let many =
        "notify:\n  language: x\n  quiet: x\n  channels:\n    - {name: a, type: ntfy}\n    - {name: b, type: x}\n";
    assert_eq!(of(many).len(), 5, "{:#?}", of(many));
}
