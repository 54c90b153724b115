//! A connection to a broker, from the address to the subscriptions.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls_platform_verifier::Verifier;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::packet::{self, Connack, Decoder, Incoming, Version};
use super::settings::Settings;
use crate::capture::FailureKind;
use crate::capture::source;

/// How long each step of connecting may take, and a packet on its way out.
const STEP: Duration = Duration::from_secs(10);

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Problem {
    pub kind: FailureKind,
    /// For people, without secrets.
    pub text: String,
    /// The broker may speak the other version of MQTT.
    pub(super) is_of_version: bool,
}

impl Problem {
    pub(super) fn new(kind: FailureKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into(), is_of_version: false }
    }

    fn of_io(error: &io::Error) -> Self {
        if let Some((problem, remedy)) = source::certificate(error) {
            return Self::new(FailureKind::Tls, format!("{problem}. {remedy}"));
        }
        let is_tls = error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>());
        let kind = match error.kind() {
            _ if is_tls => FailureKind::Tls,
            io::ErrorKind::ConnectionRefused => FailureKind::Refused,
            io::ErrorKind::TimedOut => FailureKind::TimeOut,
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => FailureKind::CutOff,
            _ => FailureKind::Other,
        };
        Self::new(kind, error.to_string())
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

/// A connection on which messages come.
pub(super) struct Connection {
    stream: Box<dyn Stream>,
    buffer: BytesMut,
    decoder: Decoder,
    /// The broker kept our session.
    pub is_resumed: bool,
    pub keep_alive: Duration,
}

/// With whom and as whom we speak.
pub(super) struct Opening<'a> {
    pub settings: &'a Settings,
    pub client_id: &'a str,
    pub version: Version,
    /// Topics of a former configuration, which the session still has.
    pub former_topics: &'a [String],
}

impl Connection {
    /// Connects, logs in and subscribes.
    pub(super) async fn open(opening: &Opening<'_>) -> Result<Self, Problem> {
        let &Opening { settings, client_id, version, former_topics } = opening;
        let stream = in_time("connect", connect(settings)).await?;
        let keep_alive = u16::try_from(settings.keep_alive.as_secs()).unwrap_or(u16::MAX);
        let mut connection = Self {
            stream,
            buffer: BytesMut::with_capacity(8 << 10),
            decoder: Decoder::new(version),
            is_resumed: false,
            keep_alive: settings.keep_alive,
        };
        connection.write(&packet::connect(version, client_id, keep_alive, settings.login().as_ref())).await?;
        let connack = in_time("log in", connection.connack()).await?;
        if connack.code != 0 {
            let text = format!("the broker refuses the connection: {}", packet::reason(version, connack.code));
            let is_of_version = matches!(connack.code, 1 | 0x84);
            return Err(Problem { is_of_version, ..Problem::new(FailureKind::Refused, text) });
        }
        connection.is_resumed = connack.is_resumed;
        if let Some(seconds) = connack.keep_alive {
            connection.keep_alive = Duration::from_secs(seconds.into());
        }
        if connack.is_resumed && !former_topics.is_empty() {
            connection.write(&packet::unsubscribe(version, former_topics)).await?;
        }
        connection.write(&packet::subscribe(version, &settings.topics, settings.qos)).await?;
        Ok(connection)
    }

    async fn connack(&mut self) -> Result<Connack, Problem> {
        // A broker that does not know the version may close without an answer.
        let first = self.next().await.map_err(|problem| Problem {
            is_of_version: matches!(problem.kind, FailureKind::CutOff | FailureKind::Unreadable),
            ..problem
        })?;
        match first {
            Incoming::Connack(connack) => Ok(connack),
            _ => Err(Problem::new(FailureKind::Unreadable, "the broker does not answer to CONNECT with CONNACK")),
        }
    }

    /// The next packet. May be dropped while it waits without losing anything.
    pub(super) async fn next(&mut self) -> Result<Incoming, Problem> {
        loop {
            if let Some(packet) = self.received()? {
                return Ok(packet);
            }
            let read = self.stream.read_buf(&mut self.buffer).await.map_err(|error| Problem::of_io(&error))?;
            if read == 0 {
                return Err(Problem::new(FailureKind::CutOff, "the broker ended the connection"));
            }
        }
    }

    /// A packet that was received already.
    pub(super) fn received(&mut self) -> Result<Option<Incoming>, Problem> {
        let packet = self.decoder.next(&mut self.buffer);
        packet.map_err(|malformed| Problem::new(FailureKind::Unreadable, malformed.to_string()))
    }

    /// Sends what is small.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        in_time("take what we send", async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        })
        .await
        .map_err(|problem| Problem { is_of_version: false, ..problem })
    }
}

/// Gives a step up that takes too long.
async fn in_time<T, E: Into<Problem>>(step: &str, done: impl Future<Output = Result<T, E>>) -> Result<T, Problem> {
    match timeout(STEP, done).await {
        Ok(done) => done.map_err(Into::into),
        Err(_) => {
            let text = format!("the broker did not let us {step} within {} s", STEP.as_secs());
            Err(Problem::new(FailureKind::TimeOut, text))
        }
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::of_io(&error)
    }
}

async fn connect(settings: &Settings) -> Result<Box<dyn Stream>, Problem> {
    let host = settings.host();
    let stream = TcpStream::connect((host.as_str(), settings.port())).await?;
    // Acknowledgements are small, and the broker waits for them.
    stream.set_nodelay(true)?;
    if !settings.is_tls() {
        return Ok(Box::new(stream));
    }
    let config = tls(settings.ca.as_deref()).map_err(|text| Problem::new(FailureKind::Tls, text))?;
    let name = ServerName::try_from(host).map_err(|error| Problem::new(FailureKind::Tls, error.to_string()))?;
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    Ok(Box::new(connector.connect(name, stream).await?))
}

/// TLS with the issuers of the system, and those of a file.
fn tls(ca: Option<&Path>) -> Result<rustls::ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots = match ca {
        None => Vec::new(),
        Some(file) => {
            let roots: Result<Vec<CertificateDer<'static>>, _> =
                CertificateDer::pem_file_iter(file).and_then(|certificates| certificates.collect());
            let roots = roots.map_err(|error| format!("the certificates of 'ca', {}: {error}", file.display()))?;
            if roots.is_empty() {
                return Err(format!("'ca', {}, has no certificate in PEM", file.display()));
            }
            roots
        }
    };
    let said = |error: rustls::Error| format!("no TLS: {error}");
    let verifier = Verifier::new_with_extra_roots(roots, provider.clone()).map_err(said)?;
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    // The verifier is that of the platform; only the builder calls every verifier that is given to it dangerous.
    Ok(config.map_err(said)?.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
}
