//! A dead man's switch: pings to a service elsewhere, which tells when they stay away. The protocol is that of healthchecks
//! (<https://healthchecks.io/docs/http_api/>), which others speak, too.

use std::fmt;
use std::time::Duration;

use crate::capture::collector::Stop;
use crate::notify::channel::{answer_failure, client, request_failure, runtime};
use crate::notify::delivery::{Failure, FailureKind};
use crate::notify::settings::Settings;
use crate::notify::settings::secret::Endpoint;

/// Tries of one ping.
const TRIES: u32 = 3;
/// Before the second try; twice that before the third.
const PAUSE: Duration = Duration::from_secs(1);
/// Bytes of a body, of which the end is sent.
const BODY: usize = 10_000;

/// What is said after all is to stop has so long, in one try.
const LAST: Duration = Duration::from_secs(5);

/// Where pings go. Every ping blocks until it went or three tries failed, at most 63 s, or until all is to [stop](Self::until); what
/// does not go is logged, and nothing else comes of it. Not to be called inside an async runtime.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    url: Endpoint,
    stop: Stop,
}

/// Heartbeats are the same that go to the same address.
impl PartialEq for Heartbeat {
    fn eq(&self, other: &Self) -> bool {
        self.url == other.url
    }
}

/// Which run a ping belongs to, so that a service can tell how long it took: a random UUID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunId(String);

impl RunId {
    pub fn new() -> Self {
        let mut bytes = [0_u8; 16];
        // Where there is no chance, two runs have one id, and their times are mixed up.
        let _ = getrandom::fill(&mut bytes);
        // Version 4, variant 1 (RFC 9562).
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
        Self(parts.join("-"))
    }
}

impl Default for RunId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Heartbeat {
    /// That of the settings; `None` if there is none.
    pub fn of(settings: &Settings) -> Option<Self> {
        settings.heartbeat.clone().map(|url| Self { url, stop: Stop::default() })
    }

    /// That of whoever watches the bucket from elsewhere; `None` if there is none.
    pub fn of_watch(settings: &Settings) -> Option<Self> {
        settings.watch.clone().map(|url| Self { url, stop: Stop::default() })
    }

    /// The same, whose pings are given up once all is to stop. One that begins after that is tried once, for some seconds.
    #[must_use]
    pub fn until(self, stop: &Stop) -> Self {
        Self { stop: stop.clone(), ..self }
    }

    /// Something begins.
    pub fn start(&self, run: &RunId) -> bool {
        self.ping("/start", Some(run), "")
    }

    /// All is well, or a run succeeded. `body` is shown by the service: it holds no personal data.
    pub fn success(&self, run: Option<&RunId>, body: &str) -> bool {
        self.ping("", run, body)
    }

    /// Something failed.
    pub fn fail(&self, run: Option<&RunId>, body: &str) -> bool {
        self.ping("/fail", run, body)
    }

    /// Something worth keeping, which changes nothing.
    pub fn log(&self, run: Option<&RunId>, body: &str) -> bool {
        self.ping("/log", run, body)
    }

    /// Something that is kept and changes nothing, sent once: whether it went, and if not, why.
    ///
    /// # Errors
    /// The service cannot be reached, or did not take it.
    pub fn test(&self, body: &str) -> Result<(), Failure> {
        self.try_ping("/log", None, body)
    }

    /// Scheme and host of the service.
    pub fn shown(&self) -> &str {
        self.url.shown()
    }

    /// A process ended with an exit code; 0 is success.
    pub fn exit(&self, code: u8, run: Option<&RunId>, body: &str) -> bool {
        self.ping(&format!("/{code}"), run, body)
    }

    /// Sends a ping, and tells whether it went.
    fn ping(&self, suffix: &str, run: Option<&RunId>, body: &str) -> bool {
        let is_last = self.stop.is_requested();
        let mut pause = PAUSE;
        for number in 1..=TRIES {
            match self.try_ping(suffix, run, tail(body)) {
                Ok(()) => return true,
                Err(_) if self.stop.is_requested() && !is_last => return false,
                Err(failure) if is_last || number == TRIES || failure.kind != FailureKind::Transient => {
                    tracing::warn!(to = self.url.shown(), "no heartbeat could be sent: {failure}");
                    return false;
                }
                Err(_) => self.stop.sleep(pause),
            }
            pause *= 2;
        }
        false
    }

    fn try_ping(&self, suffix: &str, run: Option<&RunId>, body: &str) -> Result<(), Failure> {
        let mut url = self.url.reveal().clone();
        url.set_path(&format!("{}{suffix}", url.path().trim_end_matches('/')));
        if let Some(run) = run {
            url.query_pairs_mut().append_pair("rid", &run.0);
        }
        let runtime = runtime()?;
        let pinged = runtime.block_on(async {
            let ping = async {
                let request =
                    client()?.post(url).header("Content-Type", "text/plain; charset=utf-8").body(body.to_owned());
                let response = request.send().await.map_err(request_failure)?;
                answer_failure(&response).map_or(Ok(()), Err)
            };
            tokio::select! {
                pinged = ping => pinged,
                () = self.given_up() => Err(Failure::transient("the server did not answer before the program was to stop")),
            }
        });
        // A name that is still being looked up is not waited for.
        runtime.shutdown_background();
        pinged
    }

    /// Until it is not waited for any longer.
    async fn given_up(&self) {
        if self.stop.is_requested() {
            tokio::time::sleep(LAST).await;
        } else {
            self.stop.requested().await;
        }
    }
}

/// The end of a text, as much as a service keeps, and no letter cut in two.
fn tail(text: &str) -> &str {
    &text[text.ceil_char_boundary(text.len().saturating_sub(BODY))..]
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_server_that_never_answers_does_not_keep_the_program_from_stopping() {
        let deaf = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/ping", deaf.local_addr().unwrap());
        let stop = Stop::default();
        let heartbeat =
            Heartbeat { url: Endpoint::new(url.parse().unwrap(), Vec::new()), stop: Stop::default() }.until(&stop);
        let begun = Instant::now();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(200));
                stop.request();
            });
            assert!(!heartbeat.success(None, ""));
        });
        assert!(begun.elapsed() < LAST, "{:?}", begun.elapsed());
        // What is said at the end has a little time, and is tried once.
        let begun = Instant::now();
        assert!(!heartbeat.log(None, "stopped"));
        assert!(begun.elapsed() < 2 * LAST, "{:?}", begun.elapsed());
    }

    #[test]
    fn of_a_long_body_the_end_is_sent() {
        let long = "ä".repeat(6_000);
        assert_eq!(tail(&long).len(), 10_000);
        let odd = format!("{long}x");
        assert_eq!(tail(&odd).len(), 9_999);
        assert_eq!(tail("kurz"), "kurz");
    }

    #[test]
    fn the_id_of_a_run_is_a_random_uuid() {
        let (one, other) = (RunId::new().to_string(), RunId::new().to_string());
        assert_ne!(one, other);
        assert_eq!((one.len(), &one[14..15]), (36, "4"), "{one}");
    }
}
