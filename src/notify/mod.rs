//! Being told: what a person must know of reaches them once, says what to do, and says when it is mended.
//!
//! ```text
//! causes ──▶ policy ──▶ text ──▶ channel
//!  what is    what is    German    e-mail, ntfy,
//!  wrong now  to send    English   Matrix, Teams, webhook
//! ```
//!
//! | file | holds |
//! |---|---|
//! | [`cause`] | [`Cause`]: what is wrong, with the data that its text needs |
//! | [`policy`] | pure: which messages are due, by the causes of now, by what was sent, and by the clock |
//! | [`text`] | the words, in German and English |
//! | [`settings`] | `notify:` of `fahrtenbuch.yaml` |
//! | [`channel`] | the ways out |
//! | [`heartbeat`] | pings to a dead man's switch, which tells where this machine no longer can |
//!
//! Whoever has found causes calls [`tell`], and appends what it gives to the log.

pub mod cause;
pub mod channel;
pub mod delivery;
pub mod heartbeat;
pub mod policy;
pub mod settings;
mod tell;
pub mod text;

pub use self::cause::{Cause, CauseKind, Findings, Trouble};
pub use self::channel::send;
pub use self::delivery::{Delivery, Failure};
pub use self::heartbeat::Heartbeat;
pub use self::policy::{Message, Sent, messages};
pub use self::settings::Settings;
pub use self::tell::{Teller, tell};
