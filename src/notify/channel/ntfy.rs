//! ntfy, published as JSON (<https://docs.ntfy.sh/publish/#publish-as-json>), since headers hold no umlauts.

use reqwest::Method;
use serde_json::json;

use super::http::Request;
use crate::notify::settings::targets::Ntfy;
use crate::notify::text::{Mood, Outgoing};

/// Bytes of a message; of a longer one ntfy makes an attachment.
const MOST: usize = 3800;

pub(super) fn request(ntfy: &Ntfy, message: &Outgoing) -> Request {
    // Priorities of ntfy: 5 goes on ringing, 2 makes no sound.
    let (priority, tag) = match message.mood {
        Mood::Urgent => (5, "rotating_light"),
        Mood::New => (4, "warning"),
        Mood::Reminder => (3, "hourglass"),
        Mood::Mended => (3, "white_check_mark"),
        Mood::Test => (3, "test_tube"),
    };
    let headers = ntfy.token.iter().map(|token| ("Authorization".to_owned(), format!("Bearer {}", token.reveal())));
    Request {
        method: Method::POST,
        url: ntfy.url.reveal().clone(),
        headers: headers.collect(),
        body: json!({
            "topic": ntfy.topic.reveal(),
            "title": message.subject,
            "message": cut(&message.body()),
            "priority": priority,
            "tags": [tag],
        }),
    }
}

/// No longer than ntfy shows, and no letter cut in two.
fn cut(text: &str) -> String {
    if text.len() <= MOST {
        return text.to_owned();
    }
    format!("{}\n…", &text[..text.floor_char_boundary(MOST)])
}
