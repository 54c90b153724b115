//! Time stamps by an authority: the query, and what its reply says (RFC 3161).
//!
//! A time stamp says that a digest was there at a time, by somebody who does not know what it is of. Here the query is written
//! and the reply is read: whether it was granted, and for this digest. Whether the authority's certificate and signature hold is
//! for `openssl ts -verify`, to which the reply is handed as it came.

use std::borrow::Cow;
use std::str::FromStr;

use jiff::Timestamp;

use crate::digest::Digest;

/// The longest reply that is read; with the certificates of the authority it has some 6 kB.
pub(crate) const MAX_REPLY: usize = 256 * 1024;

const BOOLEAN: u8 = 0x01;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const NULL: u8 = 0x05;
const OBJECT: u8 = 0x06;
const UTF8_STRING: u8 = 0x0c;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
/// `[0]`, with something in it.
const EXPLICIT_0: u8 = 0xa0;

/// 2.16.840.1.101.3.4.2.1, SHA-256.
const SHA256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
/// 1.2.840.113549.1.7.2, signed data of CMS (RFC 5652).
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
/// 1.2.840.113549.1.9.16.1.4, what a time stamp says (RFC 3161, 2.4.2).
const TST_INFO: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x04];

/// The words of `PKIFailureInfo` by the number of the bit (RFC 3161, 2.4.2).
const FAILURES: [(usize, &str); 8] = [
    (0, "the digest's algorithm is not supported"),
    (2, "the request is not permitted"),
    (5, "the data has the wrong format"),
    (14, "the authority has no time"),
    (15, "the policy is not supported"),
    (16, "the extension is not supported"),
    (17, "the additional information is not known"),
    (25, "the authority's system failed"),
];

/// Why there is no time stamp.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TimestampError {
    #[error("the system gives no random bytes: {0}")]
    Random(String),
    #[error("the reply of the time stamp authority is longer than {MAX_REPLY} bytes")]
    TooLong,
    #[error("the reply of the time stamp authority is no DER of RFC 3161: at byte {at} {expected} is expected")]
    Form { at: usize, expected: &'static str },
    #[error("the time stamp authority refuses ({status}): {words}")]
    Refused { status: &'static str, words: String },
    #[error("the time stamp authority grants without a token")]
    NoToken,
    #[error("the reply has {0}, which is no time stamp")]
    OtherContent(&'static str),
    #[error("the time stamp is of a digest that is no SHA-256")]
    OtherAlgorithm,
    #[error("the time stamp is of another digest: {found} where {expected} is expected")]
    OtherDigest { found: Digest, expected: Digest },
    #[error("the time stamp answers another query: its nonce is not ours")]
    OtherNonce,
    #[error("'{0}' is no time of a time stamp")]
    Time(String),
}

/// A query for a digest. The number in it is new each time, so that an old reply is not taken for a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Query {
    pub(crate) digest: Digest,
    nonce: [u8; 8],
}

/// What a time stamp says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) digest: Digest,
    pub(crate) at: Timestamp,
    /// The bytes of the number of the query, where the authority gives it.
    nonce: Option<Vec<u8>>,
}

fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut out = vec![tag];
    match u8::try_from(content.len()) {
        Ok(short) if short < 128 => out.push(short),
        _ => {
            let length = content.len().to_be_bytes();
            let length = &length[length.iter().take_while(|byte| **byte == 0).count()..];
            out.push(0x80 | length.len() as u8);
            out.extend_from_slice(length);
        }
    }
    out.extend(content);
    out
}

impl Query {
    pub(crate) fn new(digest: Digest) -> Result<Self, TimestampError> {
        let mut nonce = [0; 8];
        getrandom::fill(&mut nonce).map_err(|error| TimestampError::Random(error.to_string()))?;
        // Positive and eight bytes long, so that it has one form only.
        nonce[0] = nonce[0] & 0x7f | 0x40;
        Ok(Self { digest, nonce })
    }

    /// The query as it is posted, as `application/timestamp-query`: it asks for the authority's certificate, too.
    pub(crate) fn to_der(&self) -> Vec<u8> {
        let algorithm = der(SEQUENCE, &[&der(OBJECT, &[SHA256]), &der(NULL, &[])]);
        let imprint = der(SEQUENCE, &[&algorithm, &der(OCTET_STRING, &[&self.digest.0])]);
        let version = der(INTEGER, &[&[1]]);
        let nonce = der(INTEGER, &[&self.nonce]);
        der(SEQUENCE, &[&version, &imprint, &nonce, &der(BOOLEAN, &[&[0xff]])])
    }

    /// Reads the reply to this query: granted, and of this digest and number.
    pub(crate) fn read(&self, reply: &[u8]) -> Result<Stamp, TimestampError> {
        let stamp = Stamp::read(reply, self.digest)?;
        match stamp.nonce.as_deref() == Some(&self.nonce[..]) {
            true => Ok(stamp),
            false => Err(TimestampError::OtherNonce),
        }
    }
}

/// Reads DER from the front; `at` is where it is in the reply.
#[derive(Clone, Copy)]
struct Reader<'a> {
    rest: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn wrong(&self, expected: &'static str) -> TimestampError {
        TimestampError::Form { at: self.at, expected }
    }

    /// The content of the next value, which has this tag.
    fn take(&mut self, tag: u8, expected: &'static str) -> Result<Self, TimestampError> {
        let wrong = self.wrong(expected);
        let (head, rest) =
            self.rest.split_first_chunk::<2>().filter(|(head, _)| head[0] == tag).ok_or(wrong.clone())?;
        let (length, rest) = match usize::from(head[1]) {
            short @ 0..0x80 => (short, rest),
            long => {
                // At most four bytes, none of them in vain; 0x80 would be the indefinite length of BER.
                let (bytes, rest) = rest.split_at_checked(long - 0x80).ok_or(wrong.clone())?;
                let length = bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
                let is_right = (1..=4).contains(&bytes.len()) && bytes[0] != 0 && length >= 0x80;
                (is_right.then_some(length).ok_or(self.wrong("a length in DER"))?, rest)
            }
        };
        let from = self.at + self.rest.len() - rest.len();
        let (content, rest) = rest.split_at_checked(length).ok_or(self.wrong("as many bytes as it says"))?;
        *self = Self { rest, at: from + length };
        Ok(Self { rest: content, at: from })
    }

    /// The next value if it has this tag.
    fn take_if(&mut self, tag: u8, expected: &'static str) -> Result<Option<Self>, TimestampError> {
        if self.rest.first() == Some(&tag) { self.take(tag, expected).map(Some) } else { Ok(None) }
    }

    fn is_end(&self) -> Result<(), TimestampError> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.wrong("the end")) }
    }
}

/// Reads the status of a reply; an error unless it was granted.
fn read_status(mut status: Reader<'_>) -> Result<(), TimestampError> {
    let code = status.take(INTEGER, "a status")?;
    let name = match code.rest {
        [0 | 1] => return Ok(()),
        [2] => "rejected",
        [3] => "waiting",
        [4] => "a revocation is near",
        [5] => "revoked",
        _ => return Err(code.wrong("a status from 0 to 5")),
    };
    let mut words: Vec<Cow<'_, str>> = Vec::new();
    if let Some(mut texts) = status.take_if(SEQUENCE, "texts")? {
        while let Some(text) = texts.take_if(UTF8_STRING, "a text")?.filter(|_| words.len() < 8) {
            let text = String::from_utf8_lossy(text.rest);
            words.push(text.chars().filter(|letter| !letter.is_control()).take(200).collect());
        }
    }
    if let Some(bits) = status.take_if(BIT_STRING, "why")? {
        // The first byte says how many bits at the end are none.
        let bits = bits.rest.get(1..).unwrap_or_default();
        let is_set = |bit: usize| bits.get(bit / 8).is_some_and(|byte| byte >> (7 - bit % 8) & 1 == 1);
        words.extend(FAILURES.iter().filter(|(bit, _)| is_set(*bit)).map(|(_, why)| Cow::Borrowed(*why)));
    }
    if words.is_empty() {
        words.push(Cow::Borrowed("it does not say why"));
    }
    Err(TimestampError::Refused { status: name, words: words.join("; ") })
}

/// What the token of a reply says: the content of CMS signed data.
fn token_content<'a>(token: &mut Reader<'a>) -> Result<Reader<'a>, TimestampError> {
    if token.take(OBJECT, "a kind of content")?.rest != SIGNED_DATA {
        return Err(TimestampError::OtherContent("no signed data"));
    }
    let mut signed = token.take(EXPLICIT_0, "signed data")?.take(SEQUENCE, "signed data")?;
    token.is_end()?;
    signed.take(INTEGER, "the version of the signed data")?;
    signed.take(SET, "algorithms of digests")?;
    let mut content = signed.take(SEQUENCE, "the content of the signed data")?;
    if content.take(OBJECT, "a kind of content")?.rest != TST_INFO {
        return Err(TimestampError::OtherContent("signed data of another kind"));
    }
    content.take(EXPLICIT_0, "a time stamp")?.take(OCTET_STRING, "a time stamp")?.take(SEQUENCE, "a time stamp")
}

impl Stamp {
    /// Reads a reply that was kept: granted, and of this digest.
    pub(crate) fn read(reply: &[u8], expected: Digest) -> Result<Self, TimestampError> {
        if reply.len() > MAX_REPLY {
            return Err(TimestampError::TooLong);
        }
        let mut all = Reader { rest: reply, at: 0 };
        let mut reply = all.take(SEQUENCE, "a reply")?;
        all.is_end()?;
        read_status(reply.take(SEQUENCE, "a status")?)?;
        let mut token = reply.take_if(SEQUENCE, "a token")?.ok_or(TimestampError::NoToken)?;
        reply.is_end()?;
        let mut info = token_content(&mut token)?;
        info.take(INTEGER, "the version of the time stamp")?;
        info.take(OBJECT, "a policy")?;
        let mut imprint = info.take(SEQUENCE, "a digest")?;
        let algorithm =
            imprint.take(SEQUENCE, "the algorithm of the digest")?.take(OBJECT, "the algorithm of the digest")?;
        if algorithm.rest != SHA256 {
            return Err(TimestampError::OtherAlgorithm);
        }
        let digest = imprint.take(OCTET_STRING, "a digest")?;
        let digest = Digest(digest.rest.try_into().map_err(|_| digest.wrong("a digest of 32 bytes"))?);
        if digest != expected {
            return Err(TimestampError::OtherDigest { found: digest, expected });
        }
        info.take(INTEGER, "a serial number")?;
        let at = time(info.take(GENERALIZED_TIME, "a time")?.rest)?;
        info.take_if(SEQUENCE, "an accuracy")?;
        info.take_if(BOOLEAN, "an ordering")?;
        let nonce = info.take_if(INTEGER, "a nonce")?.map(|nonce| nonce.rest.to_vec());
        Ok(Self { digest, at, nonce })
    }
}

/// A time such as `20261128151648Z`, with or without parts of a second (RFC 3161, 2.4.2).
fn time(bytes: &[u8]) -> Result<Timestamp, TimestampError> {
    let text = String::from_utf8_lossy(bytes);
    let wrong = || TimestampError::Time(text.chars().filter(|letter| !letter.is_control()).take(40).collect());
    let digits = text.strip_suffix('Z').ok_or_else(wrong)?;
    let (second, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_number = |text: &str, length: std::ops::RangeInclusive<usize>| {
        length.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !is_number(second, 14..=14) || !is_number(part, 1..=9) {
        return Err(wrong());
    }
    let (date, clock) = second.split_at(8);
    let text = format!(
        "{}-{}-{}T{}:{}:{}.{part}Z",
        &date[..4],
        &date[4..6],
        &date[6..],
        &clock[..2],
        &clock[2..4],
        &clock[4..]
    );
    Timestamp::from_str(&text).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    /// The settings of an authority that openssl plays.
    const AUTHORITY: &str = "[tsa]\ndefault_tsa = authority\n[authority]\nserial = serial\nsigner_cert = tsa.pem\n\
        signer_key = tsa.key\nsigner_digest = sha256\ndefault_policy = 1.2.3.4.1\ndigests = sha256\n\
        accuracy = secs:1, millisecs:500\nordering = yes\nclock_precision_digits = 3\ntsa_name = yes\n\
        ess_cert_id_alg = sha256\n[names]\nextendedKeyUsage = critical,timeStamping\n";

    fn openssl(folder: &Path, arguments: &str) -> Result<String, String> {
        let output = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().unwrap();
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    /// An authority in a folder.
    fn authority(folder: &Path) {
        std::fs::write(folder.join("tsa.cnf"), AUTHORITY).unwrap();
        std::fs::write(folder.join("serial"), "01\n").unwrap();
        for arguments in [
            "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=authority -days 2",
            "req -newkey rsa:2048 -nodes -subj /CN=clock -keyout tsa.key -out tsa.csr",
            "x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile tsa.cnf -extensions names -out tsa.pem",
        ] {
            openssl(folder, arguments).unwrap();
        }
    }

    #[test]
    fn openssl_reads_our_query_and_we_read_its_reply() {
        if Command::new("openssl").arg("version").output().is_err() {
            println!("left out: openssl_reads_our_query_and_we_read_its_reply needs openssl");
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        authority(folder);
        let query = Query::new(Digest::of(b"checkpoint\n")).unwrap();
        std::fs::write(folder.join("q.tsq"), query.to_der()).unwrap();
        let read = openssl(folder, "ts -query -in q.tsq -text").unwrap();
        assert!(read.contains("Hash Algorithm: sha256") && read.contains("Certificate required: yes"), "{read}");
        let nonce: String = query.nonce.iter().map(|byte| format!("{byte:02X}")).collect();
        assert!(read.contains(&format!("Nonce: 0x{nonce}")), "{read}");
        openssl(folder, "ts -reply -config tsa.cnf -queryfile q.tsq -out r.tsr").unwrap();
        let reply = std::fs::read(folder.join("r.tsr")).unwrap();
        let stamp = query.read(&reply).unwrap();
        let age = Timestamp::now().as_second() - stamp.at.as_second();
        assert!((-5..600).contains(&age), "{stamp:?}");
        assert_eq!(Stamp::read(&reply, query.digest), Ok(stamp));
        let verify = format!("ts -verify -in r.tsr -digest {} -CAfile ca.pem", query.digest);
        openssl(folder, &verify).unwrap();
        openssl(folder, "ts -verify -in r.tsr -queryfile q.tsq -CAfile ca.pem").unwrap();
        // Of another digest, of another query, and of a query without a nonce.
        let expected = Digest::of(b"other");
        let found = query.digest;
        assert_eq!(Stamp::read(&reply, expected), Err(TimestampError::OtherDigest { found, expected }));
        let again = Query::new(query.digest).unwrap();
        assert_eq!(again.read(&reply), Err(TimestampError::OtherNonce));
        openssl(folder, &format!("ts -query -digest {} -sha256 -no_nonce -out n.tsq", query.digest)).unwrap();
        openssl(folder, "ts -reply -config tsa.cnf -queryfile n.tsq -out n.tsr").unwrap();
        let without = std::fs::read(folder.join("n.tsr")).unwrap();
        assert!(Stamp::read(&without, query.digest).is_ok());
        assert_eq!(query.read(&without), Err(TimestampError::OtherNonce));
        // The authority takes no SHA-512: it says so.
        let sha512 = format!("ts -query -digest {} -sha512 -out q5.tsq", format!("{}", query.digest).repeat(2));
        openssl(folder, &sha512).unwrap();
        let _ = openssl(folder, "ts -reply -config tsa.cnf -queryfile q5.tsq -out r5.tsr");
        let refused = query.read(&std::fs::read(folder.join("r5.tsr")).unwrap()).unwrap_err().to_string();
        let words = "the time stamp authority refuses (rejected): Message digest algorithm is not supported.; \
             the digest's algorithm is not supported";
        assert_eq!(refused, words);
        // Cut anywhere, with something after it, and with any byte changed: an error, or what openssl alone can find.
        for length in 0..reply.len() {
            assert!(matches!(query.read(&reply[..length]), Err(TimestampError::Form { .. })), "{length}");
        }
        assert!(matches!(query.read(&[&reply[..], b"\0"].concat()), Err(TimestampError::Form { .. })));
        for at in 0..reply.len() {
            let mut changed = reply.clone();
            changed[at] ^= 0x41;
            let _ = query.read(&changed);
        }
    }

    #[test]
    fn replies_that_are_none_are_told() {
        let query = Query { digest: Digest::of(b"a"), nonce: [0x40; 8] };
        let status = |content: &[&[u8]]| der(SEQUENCE, &[&der(SEQUENCE, content)]);
        let tell = |reply: &[u8]| query.read(reply).unwrap_err();
        let refused = |status, words: &str| TimestampError::Refused { status, words: words.to_owned() };
        let code = |code: u8| der(INTEGER, &[&[code]]);
        assert_eq!(tell(&status(&[&code(0)])), TimestampError::NoToken);
        assert_eq!(tell(&status(&[&code(3)])), refused("waiting", "it does not say why"));
        let bits = der(BIT_STRING, &[&[6, 0, 0b10, 0, 0b0100_0000]]);
        let why = "the authority has no time; the authority's system failed";
        assert_eq!(tell(&status(&[&code(2), &bits])), refused("rejected", why));
        assert_eq!(tell(&status(&[&code(2), &der(BIT_STRING, &[])])), refused("rejected", "it does not say why"));
        assert_eq!(tell(&status(&[&code(9)])), TimestampError::Form { at: 6, expected: "a status from 0 to 5" });
        assert_eq!(tell(b"<html>"), TimestampError::Form { at: 0, expected: "a reply" });
        assert_eq!(tell(&vec![0; MAX_REPLY + 1]), TimestampError::TooLong);
        for length in [&[0x30, 0x80][..], &[0x30, 0x81, 0x05], &[0x30, 0x85, 1, 0, 0, 0, 0], &[0x30, 0x82, 0, 0x90]] {
            assert_eq!(tell(length), TimestampError::Form { at: 0, expected: "a length in DER" });
        }
        let words = TimestampError::Form { at: 0, expected: "as many bytes as it says" };
        assert_eq!(tell(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), words);
        let other = der(SEQUENCE, &[&der(SEQUENCE, &[&code(0)]), &der(SEQUENCE, &[&der(OBJECT, &[TST_INFO])])]);
        assert_eq!(tell(&other), TimestampError::OtherContent("no signed data"));
        let at = |text: &str| time(text.as_bytes());
        assert_eq!(at("20261128151648.25Z").unwrap().to_string(), "2026-11-28T15:16:48.25Z");
        for text in ["20261128151648", "20261328151648Z", "20261128151648.Z", "2026112815164Z", "+2026112815164Z", ""] {
            assert_eq!(at(text), Err(TimestampError::Time(text.to_owned())));
        }
        assert_eq!(der(OCTET_STRING, &[&[7; 300]])[..4], [4, 0x82, 1, 44]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_reply_fail_otherwise_than_by_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let query = Query { digest: Digest::of(b"a"), nonce: [0x40; 8] };
            let wrapped = der(SEQUENCE, &[&der(SEQUENCE, &[&der(INTEGER, &[&[0]])]), &bytes]);
            prop_assert!(query.read(&bytes).is_err() && query.read(&wrapped).is_err());
        }
    }
}
