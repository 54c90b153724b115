//! Mail, given to a server that takes mails for others.

use std::time::{Duration, SystemTime};

use lettre::message::SinglePart;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls as LettreTls, TlsParameters};
use lettre::{Message, SmtpTransport, Transport};

use super::http::CERTIFICATE;
use crate::capture::source::{certificate, first_cause};
use crate::notify::delivery::{Failure, FailureKind};
use crate::notify::settings::targets::{Email, Tls};
use crate::notify::text::Outgoing;

/// For each step of the talk with the server.
const STEP: Duration = Duration::from_secs(20);

/// That no person wrote it, so that no absence is answered (RFC 3834, 5).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

pub(super) fn send(email: &Email, message: &Outgoing) -> Result<(), Failure> {
    let mail = mail(email, message)?;
    transport(email)?.send(&mail).map(|_| ()).map_err(|error| failure(&error))
}

fn mail(email: &Email, message: &Outgoing) -> Result<Message, Failure> {
    let builder = Message::builder()
        .from(email.from.clone())
        .date(SystemTime::UNIX_EPOCH + Duration::from_secs(message.at.as_second().max(0).unsigned_abs()))
        .message_id(Some(format!("<{}@{}>", message.id, email.from.email.domain())))
        .subject(message.subject.clone())
        .header(AutoSubmitted);
    let builder = email.to.iter().fold(builder, |builder, to| builder.to(to.clone()));
    builder.singlepart(SinglePart::plain(message.body())).map_err(|error| {
        let problem = format!("the mail cannot be made: {error}");
        Failure::new(FailureKind::Configuration, problem, "Check 'from' and 'to' of the channel.")
    })
}

fn transport(email: &Email) -> Result<SmtpTransport, Failure> {
    let parameters = || {
        TlsParameters::new(email.host.clone()).map_err(|error| {
            let problem = format!("no TLS: {error}");
            Failure::new(FailureKind::Permanent, problem, "Check 'host', and the system's certificates.")
        })
    };
    let tls = match email.tls {
        Tls::Starttls => LettreTls::Required(parameters()?),
        Tls::Implicit => LettreTls::Wrapper(parameters()?),
        Tls::None => LettreTls::None,
    };
    // Not dangerous by itself: what it leaves open is set here.
    let mut builder =
        SmtpTransport::builder_dangerous(email.host.clone()).port(email.port).tls(tls).timeout(Some(STEP));
    if let Some((username, password)) = &email.login {
        builder = builder.credentials(Credentials::new(username.clone(), password.reveal().to_owned()));
    }
    Ok(builder.build())
}

/// What a server or the network said. Codes are those of RFC 5321 and, for logins, RFC 4954.
fn failure(error: &lettre::transport::smtp::Error) -> Failure {
    if let Some((problem, _)) = certificate(error) {
        return Failure::new(FailureKind::Permanent, problem, CERTIFICATE);
    }
    let code = error.status().map(u16::from);
    let permanent = |problem: String, remedy: &str| Failure::new(FailureKind::Permanent, problem, remedy);
    match code {
        Some(code @ (530 | 534 | 535 | 538)) => {
            let remedy = "Check 'username' and 'password', and that the account may send by programs.";
            return permanent(format!("the mail server does not let us in (it answers {code})"), remedy);
        }
        Some(code @ (550 | 551 | 553 | 554)) => {
            let remedy = "Check 'from' and 'to', and that the account may send from that address.";
            return permanent(format!("the mail server refuses sender, recipient or mail (it answers {code})"), remedy);
        }
        Some(code) if error.is_permanent() => {
            let remedy = "Check 'host', 'port' and 'tls', and ask whoever runs the server.";
            return permanent(format!("the mail server refuses the mail (it answers {code})"), remedy);
        }
        Some(code) => return Failure::transient(format!("the mail server cannot take it now (it answers {code})")),
        None => {}
    }
    let last = first_cause(error);
    if error.is_timeout() || is_would_block(last) {
        return Failure::transient("the mail server did not answer in time");
    }
    if error.is_client() || error.is_tls() {
        let remedy = "Check 'port' and 'tls': 'starttls' with 587, 'implicit' with 465; and the way of logging in.";
        return permanent(format!("no way to talk to the mail server ({last})"), remedy);
    }
    Failure::transient(format!("no connection to the mail server ({last})"))
}

/// How a time limit of a socket shows itself.
fn is_would_block(error: &(dyn std::error::Error + 'static)) -> bool {
    let kind = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
    matches!(kind, Some(std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut))
}

#[cfg(test)]
pub(super) fn formatted(email: &Email, message: &Outgoing) -> String {
    String::from_utf8(mail(email, message).unwrap().formatted()).unwrap()
}
