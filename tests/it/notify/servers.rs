//! Servers on this machine that remember what they are told: of HTTP, and of mails.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;

use super::text;

/// A request as a server saw it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// `POST /path?query`
    pub(super) line: String,
    pub(super) head: String,
    pub(super) body: String,
}

impl Seen {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

pub(super) type Requests = Arc<Mutex<Vec<Seen>>>;

/// A server of HTTP that remembers requests and answers by their number: a status with headers, or nothing at all.
pub(super) fn web(answer: impl Fn(usize) -> Option<&'static str> + Send + 'static) -> (String, Requests) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let requests = Requests::default();
    let log = requests.clone();
    std::thread::spawn(move || {
        let mut open = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let seen = request(&mut stream);
            let number = {
                let mut log = log.lock().unwrap();
                log.push(seen);
                log.len() - 1
            };
            match answer(number) {
                Some(head) => {
                    let _ = write!(stream, "HTTP/1.1 {head}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}");
                }
                None => open.push(stream),
            }
        }
    });
    (address, requests)
}

fn request(stream: &mut TcpStream) -> Seen {
    let head = until(stream, "\r\n\r\n");
    let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).unwrap();
    let line = head.lines().next().unwrap().trim_end_matches(" HTTP/1.1").to_owned();
    Seen { line, head, body: text(&body) }
}

/// Reads byte by byte until what ends with a mark, or the end.
fn until(stream: &mut dyn Read, mark: &str) -> String {
    let (mut bytes, mut byte) = (Vec::new(), [0]);
    while !bytes.ends_with(mark.as_bytes()) && stream.read(&mut byte).is_ok_and(|read| read == 1) {
        bytes.push(byte[0]);
    }
    text(&bytes)
}

/// A mail as the sink took it.
#[derive(Clone, Debug, Default)]
pub(super) struct Mail {
    pub(super) is_encrypted: bool,
    /// The base64 of the login.
    pub(super) login: String,
    /// The senders and recipients of the envelope.
    pub(super) envelope: Vec<String>,
    pub(super) data: String,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum How {
    Plain,
    Starttls,
    Implicit,
    /// Offers no encryption, and takes nothing.
    PlainOnly,
    /// Lets nobody in.
    Refusing,
    /// Has no room now.
    Full,
}

/// A mail server that keeps what it takes: its port, and the mails.
pub(super) fn smtp(how: How, certificate: Option<&Path>) -> (u16, Arc<Mutex<Vec<Mail>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mails = Arc::new(Mutex::new(Vec::new()));
    let (kept, config) = (mails.clone(), certificate.map(server_config));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut mail = Mail::default();
            // Clients break off where a certificate does not please them.
            let _ = talk(stream.unwrap(), how, config.as_ref(), &mut mail);
            if !mail.data.is_empty() {
                kept.lock().unwrap().push(mail);
            }
        }
    });
    (port, mails)
}

fn server_config(folder: &Path) -> Arc<rustls::ServerConfig> {
    let chain = vec![CertificateDer::from_pem_file(folder.join("leaf.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(folder.join("leaf.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    Arc::new(builder.with_no_client_auth().with_single_cert(chain, key).unwrap())
}

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

fn talk(
    stream: TcpStream,
    how: How,
    config: Option<&Arc<rustls::ServerConfig>>,
    mail: &mut Mail,
) -> std::io::Result<()> {
    let encrypted = |stream: TcpStream| {
        let connection = rustls::ServerConnection::new(config.unwrap().clone()).unwrap();
        Box::new(rustls::StreamOwned::new(connection, stream)) as Box<dyn Stream>
    };
    mail.is_encrypted = how == How::Implicit;
    let raw = stream.try_clone()?;
    let mut stream = if mail.is_encrypted { encrypted(stream) } else { Box::new(stream) as Box<dyn Stream> };
    stream.write_all(b"220 sink ESMTP\r\n")?;
    loop {
        stream.flush()?;
        let line = until(&mut *stream, "\r\n");
        let verb = line.split([' ', '\r']).next().unwrap().to_uppercase();
        let answer = match verb.as_str() {
            "" => return Ok(()),
            "EHLO" if how == How::Starttls && !mail.is_encrypted => "250-sink\r\n250 STARTTLS",
            "EHLO" if how == How::PlainOnly => "250 sink",
            "EHLO" => "250-sink\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN",
            "STARTTLS" => {
                stream.write_all(b"220 go on\r\n")?;
                mail.is_encrypted = true;
                stream = encrypted(raw.try_clone()?);
                continue;
            }
            "AUTH" if how == How::Refusing => "535 5.7.8 no",
            "AUTH" => {
                mail.login = line.trim().to_owned();
                "235 in"
            }
            "MAIL" if how == How::Full => "452 4.3.1 no room",
            "MAIL" | "RCPT" => {
                mail.envelope.push(line.trim().to_owned());
                "250 ok"
            }
            "DATA" => {
                stream.write_all(b"354 go on\r\n")?;
                stream.flush()?;
                mail.data = until(&mut *stream, "\r\n.\r\n");
                "250 taken"
            }
            "QUIT" => "221 bye",
            _ => "500 what?",
        };
        stream.write_all(format!("{answer}\r\n").as_bytes())?;
    }
}
