//! Golden texts: what each channel sends, of a message with every kind of notice.

use serde_json::{Value, json};

use super::*;
use crate::notify::cause::Trouble;
use crate::notify::policy::{Kind, Message};
use crate::notify::settings::secret::{Endpoint, Secret};
use crate::notify::settings::targets::{Email, Matrix, Ntfy, Tls, Webhook};
use crate::notify::text::tests::{every_trouble, notice, now, settings};
use crate::notify::text::{self, Mood};

fn outgoing(language: &str, notices: Vec<crate::notify::policy::Notice>) -> Outgoing {
    text::write(&Message { channel: "mail".to_owned(), notices }, &settings(language), now())
}

fn endpoint(url: &str) -> Endpoint {
    Endpoint::new(url.parse().unwrap(), Vec::new())
}

fn shown(request: &http::Request) -> Value {
    json!({"request": format!("{} {}", request.method, request.url), "headers": request.headers, "body": request.body})
}

/// What every channel sends of a message.
fn all(outgoing: &Outgoing) -> String {
    let secret = |text: &str| Secret::new(text.to_owned());
    let url = endpoint("https://ntfy.example.de");
    let ntfy = Ntfy { url, topic: secret("stadtbus"), token: Some(secret("tk_1")) };
    let homeserver = endpoint("https://matrix.example.de/");
    let matrix = Matrix { homeserver, room: "!a/b:example.de".to_owned(), token: secret("syt_1") };
    let webhook =
        Webhook { url: endpoint("https://a.example/hook?x=1"), headers: vec![("X-Key".to_owned(), secret("k"))] };
    let requests = [
        shown(&ntfy::request(&ntfy, outgoing)),
        shown(&matrix::request(&matrix, outgoing)),
        shown(&teams::request(&endpoint("https://a.example/workflows/1?sig=s"), outgoing)),
        shown(&webhook::request(&webhook, outgoing)),
    ];
    let requests: String = requests.iter().map(|one| serde_json::to_string_pretty(one).unwrap() + "\n\n").collect();
    let address = |text: &str| text.parse().unwrap();
    let email = Email {
        host: "smtp.example.de".to_owned(),
        port: 587,
        tls: Tls::Starttls,
        login: None,
        from: address("Fahrtenbuch <f@example.de>"),
        to: vec![address("a@example.de"), address("Bürgerbüro <b@example.de>")],
    };
    requests + &email::formatted(&email, outgoing).replace("\r\n", "\n")
}

#[test]
fn each_channel_sends_a_message_as_it_stands_here() {
    for language in ["de", "en"] {
        let notices = vec![
            notice(Trouble::CollectorDown, Kind::New),
            notice(
                Trouble::RunHeldBack {
                    pipeline: "a_b<c>".to_owned(),
                    dataset: "a_b<c>".to_owned(),
                    dates: Default::default(),
                    rules: Vec::new(),
                },
                Kind::Reminder,
            ),
            notice(Trouble::SourceFrozen { source: "stadtbus-vp".to_owned() }, Kind::Mended),
        ];
        insta::assert_snapshot!(format!("channels_{language}"), all(&outgoing(language, notices)));
    }
    insta::assert_snapshot!("channels_test", all(&text::test("mail", &settings("de"), now())));
}

/// The texts of every cause stand in `text`; here, that every channel says all of them.
#[test]
fn every_channel_says_what_since_when_what_is_lost_and_the_command_of_every_cause() {
    for language in ["de", "en"] {
        for (trouble, kind) in every_trouble()
            .into_iter()
            .flat_map(|one| [Kind::New, Kind::Reminder, Kind::Mended].map(|kind| (one.clone(), kind)))
        {
            let outgoing = outgoing(language, vec![notice(trouble, kind)]);
            let part = &outgoing.parts[0];
            assert_eq!(part.loss.is_some() && part.since.is_some() && part.command.is_some(), kind != Kind::Mended);
            let url = endpoint("https://a.example/x");
            let secret = || Secret::new("s".to_owned());
            let plain = |text: &str| text.replace("\\\\", "").replace("\\", "").replace("&quot;", "\"");
            for request in [
                ntfy::request(&Ntfy { url: url.clone(), topic: secret(), token: None }, &outgoing),
                matrix::request(
                    &Matrix { homeserver: url.clone(), room: "!a:b".to_owned(), token: secret() },
                    &outgoing,
                ),
                teams::request(&url, &outgoing),
                webhook::request(&Webhook { url: url.clone(), headers: Vec::new() }, &outgoing),
            ] {
                let body = plain(&request.body.to_string());
                let texts = [Some(&part.title), part.since.as_ref(), part.loss.as_ref(), part.command.as_ref()];
                for text in texts.into_iter().flatten() {
                    assert!(body.contains(&plain(text)), "{text}\n{body}");
                }
            }
        }
    }
}

#[test]
fn the_loudness_of_a_message_is_that_of_its_loudest_notice() {
    let ntfy = Ntfy { url: endpoint("https://a.example"), topic: Secret::new("t".to_owned()), token: None };
    let silent = || Trouble::SourceFrozen { source: "a".to_owned() };
    for (notices, mood, priority) in [
        (vec![notice(silent(), Kind::Mended), notice(Trouble::CollectorDown, Kind::New)], Mood::Urgent, 5),
        (vec![notice(silent(), Kind::Mended), notice(silent(), Kind::New)], Mood::New, 4),
        (vec![notice(silent(), Kind::Mended), notice(silent(), Kind::Reminder)], Mood::Reminder, 3),
        (vec![notice(silent(), Kind::Mended)], Mood::Mended, 3),
    ] {
        let outgoing = outgoing("de", notices);
        assert_eq!((outgoing.mood, ntfy::request(&ntfy, &outgoing).body["priority"].as_i64()), (mood, Some(priority)));
    }
}

#[test]
fn no_message_is_longer_than_its_server_takes() {
    let notices =
        (0..1_000).map(|number| notice(Trouble::SourceFrozen { source: format!("ä{number}") }, Kind::New)).collect();
    let outgoing = outgoing("de", notices);
    let ntfy = Ntfy { url: endpoint("https://a.example"), topic: Secret::new("t".to_owned()), token: None };
    // ntfy makes an attachment of more than 4,096 bytes; Teams takes 28 KB.
    assert!(ntfy::request(&ntfy, &outgoing).body["message"].as_str().unwrap().len() < 4_096);
    assert!(teams::request(&endpoint("https://a.example"), &outgoing).body.to_string().len() < 28_000);
}

#[test]
fn a_server_that_never_comes_to_an_end_is_given_up() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let text = format!(
        "title: M\nnotify: {{channels: [{{name: mail, type: email, host: 127.0.0.1, port: {port}, tls: none, \
         from: a@example.de, to: b@example.de}}]}}"
    );
    let file = std::path::Path::new("fahrtenbuch.yaml");
    let node = crate::yaml::parse(file, &text).unwrap();
    let settings = Settings::read(&node, &mut crate::yaml::Problems::new(file));
    let begin = std::time::Instant::now();
    let deliveries = send_within(Duration::from_secs(1), &settings, &[text::test("mail", &settings, now())]);
    assert!(begin.elapsed() < Duration::from_secs(10));
    let failure = deliveries[0].result.clone().unwrap_err();
    assert_eq!(
        (failure.kind, failure.problem.as_str()),
        (FailureKind::Transient, "the server did not take it within 1 s")
    );
}
