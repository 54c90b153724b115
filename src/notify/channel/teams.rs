//! Teams, by a webhook of Workflows: an Adaptive Card 1.4 in the envelope of a message
//! (<https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using>).

use reqwest::Method;
use serde_json::{Value, json};

use super::http::Request;
use crate::notify::policy::Kind;
use crate::notify::settings::secret::Endpoint;
use crate::notify::text::{Labels, Mood, Outgoing, Part};

pub(super) fn request(url: &Endpoint, message: &Outgoing) -> Request {
    let labels = message.labels();
    let color = match message.mood {
        Mood::Urgent | Mood::New => "attention",
        Mood::Reminder => "warning",
        Mood::Mended => "good",
        Mood::Test => "accent",
    };
    let mut body = vec![json!({
        "type": "TextBlock", "text": plain(&message.subject), "weight": "bolder", "size": "medium", "color": color, "wrap": true,
    })];
    body.extend(message.parts.iter().map(|part| container(part, labels)));
    body.extend(message.more.iter().map(|more| json!({"type": "TextBlock", "text": plain(more), "wrap": true})));
    Request {
        method: Method::POST,
        url: url.reveal().clone(),
        headers: Vec::new(),
        body: json!({
            "type": "message",
            "attachments": [{
                "contentType": "application/vnd.microsoft.card.adaptive",
                "contentUrl": null,
                "content": {
                    "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                    "type": "AdaptiveCard",
                    "version": "1.4",
                    "msteams": {"width": "Full"},
                    "body": body,
                },
            }],
        }),
    }
}

fn container(part: &Part, labels: Labels) -> Value {
    let facts = [(labels.since, &part.since), (labels.loss, &part.loss)];
    let facts: Vec<Value> = facts
        .into_iter()
        .filter_map(|(title, value)| Some(json!({"title": title, "value": plain(value.as_ref()?)})))
        .collect();
    let mut items = vec![json!({
        "type": "TextBlock", "text": format!("{}: {}.", part.label, plain(&part.title)), "wrap": true, "weight": "bolder",
    })];
    if !facts.is_empty() {
        items.push(json!({"type": "FactSet", "facts": facts}));
    }
    if let Some(command) = &part.command {
        items.push(
            json!({"type": "TextBlock", "text": format!("{}:", labels.command), "wrap": true, "spacing": "small"}),
        );
        items.push(json!({
            "type": "TextBlock", "text": plain(command), "fontType": "monospace", "wrap": true, "spacing": "none",
        }));
    }
    let style = match part.kind {
        Kind::New => "attention",
        Kind::Reminder => "warning",
        Kind::Mended => "good",
        Kind::Test => "accent",
    };
    json!({"type": "Container", "style": style, "items": items})
}

/// A text block reads some marks of Markdown; names may have them.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        if matches!(letter, '*' | '_' | '[' | ']' | '\\' | '`' | '#') {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}
