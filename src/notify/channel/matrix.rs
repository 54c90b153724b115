//! Matrix (client-server API v1.11, "Sending events to a room"): a request with the same transaction id is one message.

use std::fmt::Write;

use reqwest::Method;
use serde_json::json;

use super::http::Request;
use crate::notify::settings::targets::Matrix;
use crate::notify::text::{Mood, Outgoing};

pub(super) fn request(matrix: &Matrix, message: &Outgoing) -> Request {
    let mut url = matrix.homeserver.reveal().clone();
    // Fails only for addresses without a host.
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(["_matrix", "client", "v3", "rooms", &matrix.room, "send", "m.room.message"]);
        path.push(&message.id);
    }
    // What is mended rings nobody.
    let kind = if message.mood == Mood::Mended { "m.notice" } else { "m.text" };
    Request {
        method: Method::PUT,
        url,
        headers: vec![("Authorization".to_owned(), format!("Bearer {}", matrix.token.reveal()))],
        body: json!({
            "msgtype": kind,
            "body": format!("{}\n\n{}", message.subject, message.body()),
            "format": "org.matrix.custom.html",
            "formatted_body": html(message),
        }),
    }
}

fn html(message: &Outgoing) -> String {
    let labels = message.labels();
    let mut out = format!("<p><strong>{}</strong></p>", escaped(&message.subject));
    for part in &message.parts {
        // Writing into a string does not fail.
        let _ = write!(out, "<p><strong>{}:</strong> {}.", part.label, escaped(&part.title));
        if let Some(since) = &part.since {
            let _ = write!(out, "<br>{}: {}", labels.since, escaped(since));
        }
        if let Some(loss) = &part.loss {
            let _ = write!(out, "<br>{}: {}", labels.loss, escaped(loss));
        }
        if let Some(command) = &part.command {
            let _ = write!(out, "<br>{}: <code>{}</code>", labels.command, escaped(command));
        }
        out.push_str("</p>");
    }
    if let Some(more) = &message.more {
        let _ = write!(out, "<p>{}</p>", escaped(more));
    }
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
