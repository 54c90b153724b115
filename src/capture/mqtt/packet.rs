//! Packets of MQTT 3.1.1 and 5.0, as far as a client that only receives needs them.
//!
//! Numbers in brackets are sections of the OASIS standard for 5.0. A packet is read only as a whole; one that is larger than
//! [`PACKET_BYTES`] is passed over without being held.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::settings::Login;

/// The largest packet that is read. Brokers that speak 5.0 are told, and leave out what is larger by themselves.
pub(super) const PACKET_BYTES: usize = 16 << 20;
/// How many messages of QoS 1 and 2 a broker that speaks 5.0 may have sent and not seen acknowledged.
pub(super) const RECEIVE_MAXIMUM: u16 = 1000;
/// A session that does not expire [3.1.2.11.2].
const NEVER: u32 = u32::MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// 3.1.1
    V3,
    /// 5.0
    V5,
}

/// What a broker sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    Connack(Connack),
    Publish(Publish),
    /// A message that is larger than any that is read.
    TooLarge {
        publish: Publish,
        bytes: usize,
    },
    Pubrel {
        packet_id: u16,
    },
    Suback {
        codes: Vec<u8>,
    },
    Disconnect {
        code: u8,
    },
    /// An answer that says nothing but that the broker is there.
    Alive,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Connack {
    pub is_resumed: bool,
    /// 0 where the connection is accepted.
    pub code: u8,
    /// That of the broker, in seconds, where it wants another.
    pub keep_alive: Option<u16>,
}

/// A message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Publish {
    pub topic: Bytes,
    pub payload: Bytes,
    pub qos: u8,
    pub is_duplicate: bool,
    pub is_retained: bool,
    /// 0 where the QoS is 0.
    pub packet_id: u16,
}

/// Bytes that are no MQTT.
#[derive(Debug, thiserror::Error)]
#[error("what it sends is no MQTT: {0}")]
pub(super) struct Malformed(&'static str);

/// Takes packets out of what was received.
pub(super) struct Decoder {
    version: Version,
    /// What is left of a packet that is passed over.
    to_skip: usize,
}

impl Decoder {
    pub(super) fn new(version: Version) -> Self {
        Self { version, to_skip: 0 }
    }

    /// The next packet, if it is there as a whole.
    pub(super) fn next(&mut self, buffer: &mut BytesMut) -> Result<Option<Incoming>, Malformed> {
        loop {
            let skipped = self.to_skip.min(buffer.len());
            buffer.advance(skipped);
            self.to_skip -= skipped;
            if self.to_skip > 0 {
                return Ok(None);
            }
            let Some((length, prefix)) = remaining_length(buffer)? else { return Ok(None) };
            let first = buffer[0];
            if length > PACKET_BYTES {
                if first >> 4 != 3 {
                    return Err(Malformed("a packet that carries no message is larger than 16 MiB"));
                }
                // The head of the message tells what is passed over.
                let Some(head) = buffer.get(prefix..prefix + 2) else { return Ok(None) };
                let head = 2 + usize::from(u16::from_be_bytes([head[0], head[1]])) + 2;
                if buffer.len() < prefix + head {
                    return Ok(None);
                }
                buffer.advance(prefix);
                let publish = self.publish(first, buffer.split_to(head).freeze(), false)?;
                self.to_skip = length - head;
                return Ok(Some(Incoming::TooLarge { publish, bytes: length }));
            }
            if buffer.len() < prefix + length {
                buffer.reserve(prefix + length - buffer.len());
                return Ok(None);
            }
            buffer.advance(prefix);
            let body = buffer.split_to(length).freeze();
            if let Some(packet) = self.packet(first, body)? {
                return Ok(Some(packet));
            }
        }
    }

    fn packet(&self, first: u8, mut body: Bytes) -> Result<Option<Incoming>, Malformed> {
        Ok(Some(match first >> 4 {
            2 => {
                let flags = byte(&mut body)?;
                let code = byte(&mut body)?;
                // A broker that knows no 5.0 refuses in the form of 3.1.1.
                let keep_alive = match self.version {
                    Version::V5 if !body.is_empty() => keep_alive(properties(&mut body)?)?,
                    _ => None,
                };
                Incoming::Connack(Connack { is_resumed: flags & 1 == 1, code, keep_alive })
            }
            3 => Incoming::Publish(self.publish(first, body, true)?),
            6 => Incoming::Pubrel { packet_id: number(&mut body)? },
            9 => {
                number(&mut body)?;
                if self.version == Version::V5 {
                    properties(&mut body)?;
                }
                Incoming::Suback { codes: body.to_vec() }
            }
            11 | 13 => Incoming::Alive,
            14 if self.version == Version::V5 => Incoming::Disconnect { code: body.first().copied().unwrap_or(0) },
            _ => return Err(Malformed("a packet of a kind that brokers do not send")),
        }))
    }

    /// `is_whole`: with what stands behind the packet id.
    fn publish(&self, first: u8, mut body: Bytes, is_whole: bool) -> Result<Publish, Malformed> {
        let qos = first >> 1 & 3;
        if qos == 3 {
            return Err(Malformed("a message has a QoS of 3"));
        }
        let length = usize::from(number(&mut body)?);
        let topic = take(&mut body, length)?;
        if topic.is_empty() || std::str::from_utf8(&topic).is_err() {
            return Err(Malformed("the topic of a message is empty or no UTF-8"));
        }
        let packet_id = if qos > 0 { number(&mut body)? } else { 0 };
        if is_whole && self.version == Version::V5 {
            properties(&mut body)?;
        }
        let payload = if is_whole { body } else { Bytes::new() };
        Ok(Publish { topic, payload, qos, is_duplicate: first & 8 != 0, is_retained: first & 1 != 0, packet_id })
    }
}

/// The length of what stands behind the fixed header, and that of the header itself [1.5.5].
fn remaining_length(bytes: &[u8]) -> Result<Option<(usize, usize)>, Malformed> {
    let mut length = 0;
    for place in 0..4 {
        let Some(byte) = bytes.get(1 + place) else { return Ok(None) };
        length |= usize::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Ok(Some((length, 2 + place)));
        }
    }
    Err(Malformed("the length of a packet has more than four bytes"))
}

const CUT_OFF: Malformed = Malformed("a packet ends within a field");

fn take(body: &mut Bytes, length: usize) -> Result<Bytes, Malformed> {
    if body.len() < length { Err(CUT_OFF) } else { Ok(body.split_to(length)) }
}

fn byte(body: &mut Bytes) -> Result<u8, Malformed> {
    take(body, 1).map(|mut bytes| bytes.get_u8())
}

fn number(body: &mut Bytes) -> Result<u16, Malformed> {
    take(body, 2).map(|mut bytes| bytes.get_u16())
}

fn varying(body: &mut Bytes) -> Result<usize, Malformed> {
    let mut length = 0;
    for place in 0..4 {
        let byte = byte(body)?;
        length |= usize::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Ok(length);
        }
    }
    Err(CUT_OFF)
}

fn properties(body: &mut Bytes) -> Result<Bytes, Malformed> {
    let length = varying(body)?;
    take(body, length)
}

/// The Server Keep Alive among the properties of a CONNACK [2.2.2.2].
fn keep_alive(mut properties: Bytes) -> Result<Option<u16>, Malformed> {
    let mut found = None;
    while !properties.is_empty() {
        match byte(&mut properties)? {
            0x13 => found = Some(number(&mut properties)?),
            0x21 | 0x22 => {
                number(&mut properties)?;
            }
            0x24 | 0x25 | 0x28 | 0x29 | 0x2a => {
                byte(&mut properties)?;
            }
            0x11 | 0x27 => {
                take(&mut properties, 4)?;
            }
            0x12 | 0x15 | 0x16 | 0x1a | 0x1c | 0x1f => {
                let length = usize::from(number(&mut properties)?);
                take(&mut properties, length)?;
            }
            0x26 => {
                for _ in 0..2 {
                    let length = usize::from(number(&mut properties)?);
                    take(&mut properties, length)?;
                }
            }
            _ => return Err(Malformed("a CONNACK has a property that it cannot have")),
        }
    }
    Ok(found)
}

/// A packet with its fixed header.
fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    put_varying(&mut out, body.len());
    out.extend_from_slice(body);
    out
}

fn put_varying(out: &mut Vec<u8>, mut length: usize) {
    loop {
        let low = (length & 0x7f) as u8;
        length >>= 7;
        out.push(if length > 0 { low | 0x80 } else { low });
        if length == 0 {
            return;
        }
    }
}

/// Texts that go to a broker were found to be short enough when the settings were read; what is longer is cut.
fn put_text(out: &mut Vec<u8>, text: &str) {
    let bytes = &text.as_bytes()[..text.len().min(usize::from(u16::MAX))];
    out.put_u16(bytes.len() as u16);
    out.extend_from_slice(bytes);
}

/// CONNECT with a session that outlives the connection.
pub(super) fn connect(version: Version, client_id: &str, keep_alive: u16, login: Option<&Login>) -> Vec<u8> {
    let mut body = Vec::new();
    put_text(&mut body, "MQTT");
    body.push(if version == Version::V5 { 5 } else { 4 });
    let has_password = login.is_some_and(|login| login.password.is_some());
    body.push(u8::from(login.is_some()) << 7 | u8::from(has_password) << 6);
    body.put_u16(keep_alive);
    if version == Version::V5 {
        let mut properties = vec![0x11];
        properties.put_u32(NEVER);
        properties.push(0x21);
        properties.put_u16(RECEIVE_MAXIMUM);
        properties.push(0x27);
        properties.put_u32(PACKET_BYTES as u32);
        put_varying(&mut body, properties.len());
        body.extend(properties);
    }
    put_text(&mut body, client_id);
    if let Some(login) = login {
        put_text(&mut body, &login.username);
        if let Some(password) = &login.password {
            put_text(&mut body, password);
        }
    }
    packet(0x10, &body)
}

/// SUBSCRIBE. Of a session that is there already retained messages are not sent again, where 5.0 is spoken.
pub(super) fn subscribe(version: Version, topics: &[String], qos: u8) -> Vec<u8> {
    let mut body = vec![0, 1];
    if version == Version::V5 {
        body.push(0);
    }
    for topic in topics {
        put_text(&mut body, topic);
        body.push(if version == Version::V5 { qos | 0x10 } else { qos });
    }
    packet(0x82, &body)
}

pub(super) fn unsubscribe(version: Version, topics: &[String]) -> Vec<u8> {
    let mut body = vec![0, 2];
    if version == Version::V5 {
        body.push(0);
    }
    for topic in topics {
        put_text(&mut body, topic);
    }
    packet(0xa2, &body)
}

/// PUBACK, or PUBREC, of a message of QoS 1 or 2.
pub(super) fn put_ack(out: &mut Vec<u8>, qos: u8, packet_id: u16) {
    out.extend([if qos == 2 { 0x50 } else { 0x40 }, 2]);
    out.put_u16(packet_id);
}

/// PUBCOMP. A message of QoS 2 was spooled before its PUBREC, so that a PUBREL finds it whatever happened in between.
pub(super) fn put_pubcomp(out: &mut Vec<u8>, packet_id: u16) {
    out.extend([0x70, 2]);
    out.put_u16(packet_id);
}

pub(super) const PINGREQ: &[u8] = &[0xc0, 0];
pub(super) const DISCONNECT: &[u8] = &[0xe0, 0];

/// What the code of a CONNACK, SUBACK or DISCONNECT says [2.4], for people.
pub(super) fn reason(version: Version, code: u8) -> String {
    let of_v3 = [
        "",
        "it does not speak this version of MQTT",
        "it does not accept the client id",
        "it is not available",
        "user or password are wrong",
        "this user may not connect",
    ];
    let known = match (version, code) {
        (Version::V3, 1..=5) => of_v3[usize::from(code)],
        (_, 0x84) => of_v3[1],
        (_, 0x85) => of_v3[2],
        (_, 0x86 | 0x8c) => of_v3[4],
        (_, 0x87) => "this user may not do this",
        (_, 0x88 | 0x89 | 0x8b) => "it is busy or ends",
        (_, 0x8a) => "this client is banned",
        (_, 0x8d) => "it heard nothing of us in time",
        (_, 0x8e) => "another client connected with the same client id",
        (_, 0x8f | 0xa2) => "it does not accept the topic",
        (_, 0x97) => "a quota is used up",
        (_, 0x9b) => "it does not offer this QoS",
        (Version::V3, 0x80) => "it refuses the topic",
        _ => return format!("code {code:#04x}"),
    };
    format!("{known} (code {code:#04x})")
}

#[cfg(test)]
mod tests;
