//! MQTT sources: a broker is followed, and its messages become evidence, frame by frame.
//!
//! ```text
//! broker ── connection ── follower ── spool ── frames ── evidence
//!                 ◂── acknowledgements ──┘ after each sync
//! ```
//!
//! A message is acknowledged when it is on the disk in the [`spool`], not before: what was not is sent again by the broker,
//! which keeps our session (never a clean one, under a client id that stays the same). From the spool messages are given out
//! as [`Frame`]s and cut when these are kept. A message of QoS 1 or 2 is never lost after it was acknowledged, and may
//! stand twice if the connection or this process ended between its sync and its acknowledgement; then it is marked. QoS 2 is
//! kept like QoS 1: its PUBREC follows the sync.
//!
//! The receiving half of the protocol is small and spoken here ([`packet`]), for 5.0 and 3.1.1: acknowledgements in groups
//! that follow a sync, tied to the connection that the messages came on, are what client libraries do not offer. TLS is that
//! of all sources.

mod connection;
mod follower;
pub mod frames;
mod keeper;
mod pace;
mod packet;
mod recent;
pub mod settings;
mod spool;

pub use self::connection::Problem;
pub use self::follower::{MqttEvent, follow};
pub use self::frames::Frame;
pub use self::keeper::{Keep, KeepFuture};
pub use self::packet::Version;
