//! Serve: a bucket that is a folder, over HTTP/1.1, as a good bucket would serve it.
//!
//! GET and HEAD of objects with byte ranges, strong ETags, conditions, CORS, content types and cache headers
//! ([`crate::publish::bucket::headers`]). There is no listing. [`Key`](key::Key) reads what a request asks for,
//! [`Folder`](folder::Folder) opens it without a way out of the folder, [`answer`] makes the response, [`server`] keeps clients
//! within bounds: how many there are, how long they take, how much they say. A file is opened once a request and sent from
//! there, so that one that is replaced meanwhile is sent as it was.

mod access_log;
mod answer;
mod body;
mod conditions;
mod folder;
mod key;
mod range;
mod server;
mod stream;

pub use access_log::AccessLog;
pub use server::{Site, serve};
