//! A plain webhook: JSON for programs of anybody's making; README.md, "Being told", documents it.

use reqwest::Method;
use serde_json::json;

use super::http::Request;
use crate::notify::settings::targets::Webhook;
use crate::notify::text::{Mood, Outgoing};

/// The form of the JSON. What is added to it does not change the number.
const VERSION: u32 = 1;

pub(super) fn request(webhook: &Webhook, message: &Outgoing) -> Request {
    let given = webhook.headers.iter().map(|(name, value)| (name.clone(), value.reveal().to_owned()));
    Request {
        method: Method::POST,
        url: webhook.url.reveal().clone(),
        headers: given.chain([("Idempotency-Key".to_owned(), message.id.clone())]).collect(),
        body: json!({
            "version": VERSION,
            "id": message.id,
            "at": message.at,
            "city": message.city,
            "is_urgent": message.mood == Mood::Urgent,
            "subject": message.subject,
            "text": message.body(),
            "notices": message.parts,
            "more": message.more,
        }),
    }
}
