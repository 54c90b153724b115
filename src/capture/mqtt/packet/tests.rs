//! Whatever a broker sends, and however it is cut on the way.

use proptest::prelude::*;

use super::*;

/// What comes of bytes that arrive in pieces, and the largest buffer on the way.
fn read(version: Version, pieces: &[&[u8]]) -> (Vec<Incoming>, bool, usize) {
    let (mut decoder, mut buffer) = (Decoder::new(version), BytesMut::new());
    let (mut packets, mut most) = (Vec::new(), 0);
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            let before = buffer.len();
            let next = decoder.next(&mut buffer);
            most = most.max(buffer.capacity());
            match next {
                Err(_) => return (packets, true, most),
                Ok(None) => break,
                Ok(Some(packet)) => {
                    // Else it would go on for ever.
                    assert!(buffer.len() < before);
                    packets.push(packet);
                }
            }
        }
    }
    (packets, false, most)
}

fn pieces<'a>(bytes: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    ends.push(bytes.len());
    ends.sort_unstable();
    let begins = std::iter::once(0).chain(ends.clone());
    begins.zip(ends).map(|(begin, end)| &bytes[begin..end]).collect()
}

fn publish(version: Version, publish: &Publish) -> Vec<u8> {
    let mut body = Vec::new();
    put_text(&mut body, std::str::from_utf8(&publish.topic).unwrap());
    if publish.qos > 0 {
        body.put_u16(publish.packet_id);
    }
    if version == Version::V5 {
        // A payload format indicator.
        body.extend([2, 1, 1]);
    }
    body.extend_from_slice(&publish.payload);
    packet(0x30 | u8::from(publish.is_duplicate) << 3 | publish.qos << 1 | u8::from(publish.is_retained), &body)
}

fn versions() -> impl Strategy<Value = Version> {
    prop_oneof![Just(Version::V3), Just(Version::V5)]
}

fn messages() -> impl Strategy<Value = Publish> {
    let payload = prop::collection::vec(any::<u8>(), 0..300);
    ("[a-zä/]{1,30}", payload, 0_u8..3, any::<bool>(), any::<bool>(), 1_u16..).prop_map(
        |(topic, payload, qos, is_duplicate, is_retained, packet_id)| Publish {
            topic: topic.into_bytes().into(),
            payload: payload.into(),
            qos,
            is_duplicate,
            is_retained,
            packet_id: if qos > 0 { packet_id } else { 0 },
        },
    )
}

/// Bytes that go far: kinds that brokers send, with lengths that fit or lie.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let kind = prop::sample::select(vec![0x20_u8, 0x30, 0x32, 0x3d, 0x36, 0x62, 0x90, 0xb0, 0xd0, 0xe0, 0xf0, 0x00]);
    let body = prop::collection::vec(any::<u8>(), 0..60);
    let length = prop_oneof![
        4 => Just(None),
        1 => any::<[u8; 4]>().prop_map(|length| Some(length.to_vec())),
        1 => Just(Some(vec![0xff, 0xff, 0xff, 0x7f])),
        1 => Just(Some(vec![0xff, 0xff, 0xff, 0xff])),
    ];
    let one = (kind, body, length).prop_map(|(kind, body, length)| match length {
        None => packet(kind, &body),
        Some(length) => [&[kind], &length[..], &body].concat(),
    });
    prop::collection::vec(one, 1..6).prop_map(|packets| packets.concat())
}

proptest! {
    #[test]
    fn any_bytes_in_any_pieces_end_and_hold_no_more_than_a_packet(
        version in versions(),
        bytes in prop_oneof![prop::collection::vec(any::<u8>(), 0..300), hostile()],
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let (packets, is_malformed, most) = read(version, &pieces(&bytes, &cuts));
        prop_assert!(most <= PACKET_BYTES + 2 * bytes.len() + 16, "{most}");
        let held: usize = packets.iter().map(|packet| match packet {
            Incoming::Publish(publish) | Incoming::TooLarge { publish, .. } => publish.topic.len() + publish.payload.len(),
            Incoming::Suback { codes } => codes.len(),
            _ => 0,
        }).sum();
        prop_assert!(held <= bytes.len());
        // Cutting changes nothing.
        let (whole, is_malformed_whole, _) = read(version, &[&bytes]);
        prop_assert_eq!((packets, is_malformed), (whole, is_malformed_whole));
    }

    #[test]
    fn messages_are_read_as_they_were_sent_however_they_are_cut(
        version in versions(),
        sent in prop::collection::vec(messages(), 1..6),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let bytes: Vec<u8> = sent.iter().flat_map(|message| publish(version, message)).collect();
        let (packets, is_malformed, _) = read(version, &pieces(&bytes, &cuts));
        let sent: Vec<Incoming> = sent.into_iter().map(Incoming::Publish).collect();
        prop_assert_eq!((packets, is_malformed), (sent, false));
    }
}

#[test]
fn a_message_that_is_too_large_is_passed_over_without_being_held() {
    let small = Publish { topic: "a".into(), payload: "next".into(), ..Publish::default() };
    let length = PACKET_BYTES + 1000;
    let mut head = vec![0x30];
    put_varying(&mut head, length);
    head.extend([0, 1, b'a']);
    let zeros = vec![0; 1 << 16];
    let mut pieces: Vec<&[u8]> = vec![&head];
    let mut left = length - 3;
    while left > 0 {
        pieces.push(&zeros[..left.min(zeros.len())]);
        left -= left.min(zeros.len());
    }
    let behind = publish(Version::V3, &small);
    pieces.push(&behind);
    let (packets, is_malformed, most) = read(Version::V3, &pieces);
    let [Incoming::TooLarge { publish, bytes }, Incoming::Publish(next)] = &packets[..] else { panic!("{packets:?}") };
    assert!(*bytes == length && publish.topic == "a" && publish.payload.is_empty() && *next == small);
    assert!(!is_malformed && most < 1 << 20, "{most}");
}
