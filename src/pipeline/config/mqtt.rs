//! A source of type `mqtt`: the broker, and the topics that are followed.

use std::path::Path;
use std::time::Duration;

use crate::capture::mqtt::settings::{self, Login, Settings};
use crate::capture::redact::Address;
use crate::yaml::variables::with_variables;
use crate::yaml::{Node, Problems};

pub(super) const KEYS: &[&str] =
    &["name", "vehicles", "type", "url", "topics", "qos", "client_id", "keep_alive", "username", "password", "ca"];
/// Seconds; the protocol has two bytes for them, and half of it must suffice for an answer.
const KEEP_ALIVES: std::ops::RangeInclusive<i64> = 5..=65_535;

/// Reads the source; `url` is `None` where its mistake is told already.
pub(super) fn settings(root: &Path, item: &Node, url: Option<Address>, problems: &mut Problems) -> Option<Settings> {
    let line = |key: &str| item.get(key).map_or(item.line, |node| node.line);
    let topics = topics(item, problems);
    let qos = match item.get("qos") {
        None => Some(1),
        Some(node) => {
            let qos = node.int().and_then(|qos| u8::try_from(qos).ok()).filter(|qos| *qos <= 2);
            if qos.is_none() {
                let remedy = "Write 0, 1 or 2; with 1 and 2 the broker sends again what was not acknowledged.";
                problems.add(node.line, "'qos' is none of MQTT's", remedy);
            }
            qos
        }
    };
    let keep_alive = match item.get("keep_alive") {
        None => Some(settings::KEEP_ALIVE),
        Some(node) => {
            let seconds = node.int().filter(|seconds| KEEP_ALIVES.contains(seconds));
            if seconds.is_none() {
                let (least, most) = (KEEP_ALIVES.start(), KEEP_ALIVES.end());
                let remedy = format!("Write whole seconds, from {least} to {most}.");
                problems.add(node.line, "'keep_alive' is no number of seconds that MQTT knows", remedy);
            }
            seconds.map(|seconds| Duration::from_secs(seconds.unsigned_abs()))
        }
    };
    let client_id = item.optional_text("client_id", problems).and_then(|id| {
        let id = with_variables(&id, line("client_id"), problems)?.0;
        told(settings::text_mistake(&id, "client id"), line("client_id"), problems).then_some(id)
    });
    let login = login(item, problems);
    if let Some(url) = &url {
        of_address(url, item, line("url"), problems);
    }
    let ca = item.optional_text("ca", problems).map(|path| root.join(path));
    if ca.is_some() && url.as_ref().is_some_and(|url| url.url.scheme() == "mqtt") {
        problems.add(line("ca"), "'ca' is for TLS, which 'mqtt://' is without", "Write 'mqtts://', or remove 'ca'.");
    }
    if let Some(file) = ca.as_ref().filter(|file| !file.is_file()) {
        let message = format!("there is no file {}", file.display());
        problems.add(line("ca"), message, "Write the path of a file with certificates in PEM, from the workspace.");
    }
    let mut settings = Settings::new(url?, topics?);
    (settings.qos, settings.keep_alive) = (qos?, keep_alive?);
    (settings.client_id, settings.login, settings.ca) = (client_id, login, ca);
    Some(settings)
}

/// Whether there is no mistake; tells it.
fn told(mistake: Option<(String, String)>, line: u32, problems: &mut Problems) -> bool {
    let is_right = mistake.is_none();
    if let Some((message, remedy)) = mistake {
        problems.add(line, message, remedy);
    }
    is_right
}

fn topics(item: &Node, problems: &mut Problems) -> Option<Vec<String>> {
    let Some(node) = item.get("topics") else {
        let remedy = "Add 'topics:' with a list, as in 'topics: [\"vehicles/+/position\"]'.";
        problems.add(item.line, "the source has no topics", remedy);
        return None;
    };
    if node.items().is_empty() {
        let remedy = "Write a list, as in 'topics: [\"vehicles/+/position\"]'; in quotes, for '#' begins a comment.";
        problems.add(node.line, "'topics' lists none", remedy);
        return None;
    }
    let mut topics: Vec<String> = Vec::new();
    for item in node.items() {
        let Some(topic) = item.scalar() else {
            problems.add(item.line, format!("a topic is {}", item.kind()), "Write a text, in quotes.");
            continue;
        };
        if !told(settings::filter_mistake(&topic), item.line, problems) {
            continue;
        }
        if topics.contains(&topic) {
            problems.add(item.line, format!("the topic '{topic}' stands here twice"), "Remove one.");
        }
        topics.push(topic);
    }
    (topics.len() == node.items().len()).then_some(topics)
}

fn login(item: &Node, problems: &mut Problems) -> Option<Login> {
    let mut text = |key: &str| {
        let line = item.get(key).map_or(item.line, |node| node.line);
        let text = with_variables(&item.optional_text(key, problems)?, line, problems)?.0;
        told(settings::text_mistake(&text, key), line, problems).then_some(text)
    };
    let (username, password) = (text("username"), text("password"));
    if let (None, Some(node)) = (item.get("username"), item.get("password")) {
        problems.add(node.line, "there is a 'password' and no 'username'", "Add 'username:'.");
    }
    username.map(|username| Login { username, password })
}

/// What an address may not have.
fn of_address(url: &Address, item: &Node, line: u32, problems: &mut Problems) {
    let parts = &url.url;
    if !matches!(parts.path(), "" | "/") || parts.query().is_some() || parts.fragment().is_some() {
        let remedy = "Write 'mqtts://host:8883', and the topics under 'topics:'; in a password write '#', '/' and '?' \
                      percent-encoded, or put it under 'password:'.";
        problems.add(line, "the address of a broker has more than a host and a port", remedy);
    }
    let has_login = !parts.username().is_empty() || parts.password().is_some();
    if has_login && item.get("username").is_some() {
        problems.add(line, "a user stands in the address and under 'username'", "Remove one of the two.");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "url: x\ntopics: ['a/#']\nqos: 1\nkeep_alive: 60\nusername: bus\n";

    fn mistakes(text: &str, url: &str) -> Vec<(u32, String)> {
        let file = Path::new("pipelines/hfp.yaml");
        let mut problems = Problems::new(file);
        let url: url::Url = url.parse().unwrap();
        let node = crate::yaml::parse(file, text).unwrap();
        let settings = settings(Path::new("/nowhere"), &node, Some(url.into()), &mut problems);
        assert!(settings.is_some() || !problems.found.is_empty());
        assert!(problems.found.iter().all(|problem| problem.remedy.len() > 6));
        problems.found.iter().map(|problem| (problem.line, problem.message.clone())).collect()
    }

    #[test]
    fn each_mistake_of_an_mqtt_source_is_told_with_its_line() {
        assert_eq!(mistakes(GOOD, "mqtts://a.example:8883"), []);
        for (from, to, line, message) in [
            ("['a/#']", "['a/#/b']", 2, "in the topic 'a/#/b' a '#' stands where none may"),
            ("['a/#']", "['a/b+']", 2, "in the topic 'a/b+' a '+' stands beside"),
            ("['a/#']", "[a, a]", 2, "the topic 'a' stands here twice"),
            ("['a/#']", "[]", 2, "'topics' lists none"),
            ("qos: 1", "qos: 3", 3, "'qos' is none of MQTT's"),
            ("keep_alive: 60", "keep_alive: 4", 4, "'keep_alive' is no number of seconds"),
            ("username: bus", "password: geheim", 5, "there is a 'password' and no 'username'"),
            ("username: bus", "ca: nothing.pem", 5, "there is no file /nowhere/nothing.pem"),
        ] {
            let told = mistakes(&GOOD.replace(from, to), "mqtts://a.example");
            assert_eq!(told.len(), 1, "{told:?}");
            assert!(told[0].0 == line && told[0].1.starts_with(message), "{told:?}");
        }
        let told = mistakes(GOOD, "mqtts://bus@a.example/topic");
        let said: Vec<&str> = told.iter().map(|(_, message)| message.as_str()).collect();
        assert_eq!(
            said,
            [
                "the address of a broker has more than a host and a port",
                "a user stands in the address and under 'username'"
            ]
        );
    }
}
