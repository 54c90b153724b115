use super::*;

const LIMIT: u64 = 64 << 20;

fn message(second: i64, payload: &str) -> Message {
    Message {
        received: Timestamp::from_second(1_795_000_000 + second).unwrap(),
        qos: 1,
        is_duplicate: false,
        is_retained: false,
        topic: Bytes::from_static(b"vehicles/1"),
        payload: Bytes::copy_from_slice(payload.as_bytes()),
    }
}

fn append(spool: &mut Spool, messages: &[Message]) {
    let mut records = Vec::new();
    messages.iter().for_each(|message| put_message(&mut records, message));
    spool.append(&records, messages.first().map(|message| message.received)).unwrap();
}

fn payloads(frame: &Frame) -> Vec<String> {
    let messages = frames::Messages::new(frame.body.clone());
    messages.map(|message| String::from_utf8(message.unwrap().payload.to_vec()).unwrap()).collect()
}

/// All frames, each kept.
fn drain(spool: &mut Spool) -> Vec<Vec<String>> {
    let mut frames = Vec::new();
    while let Some(frame) = spool.frame().unwrap() {
        frames.push(payloads(&frame));
        spool.kept().unwrap();
    }
    frames
}

#[test]
fn messages_are_framed_by_ten_seconds_and_a_megabyte_and_cut_when_they_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("collector/hsl.spool");
    let (mut spool, _) = Spool::open(&file, LIMIT).unwrap();
    assert!(spool.frame().unwrap().is_none());
    append(&mut spool, &[message(0, "a"), message(9, "b"), message(10, "c"), message(30, "d")]);
    assert_eq!(spool.open_messages().unwrap().1, message(0, "").received);
    assert_eq!(drain(&mut spool), [vec!["a", "b"], vec!["c"], vec!["d"]]);
    assert_eq!(std::fs::metadata(&file).unwrap().len(), HEADER_BYTES);
    let large = "x".repeat(400_000);
    append(&mut spool, &(0..5).map(|_| message(0, &large)).collect::<Vec<_>>());
    let sizes: Vec<usize> = drain(&mut spool).iter().map(Vec::len).collect();
    assert_eq!(sizes, [2, 2, 1]);
    // One that is larger than a frame is a frame.
    append(&mut spool, &[message(0, &"x".repeat(FRAME_BYTES + 1)), message(0, "y")]);
    assert_eq!(drain(&mut spool).len(), 2);
}

#[test]
fn a_frame_is_the_same_after_a_kill_and_is_said_to_have_been_given_out() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hsl.spool");
    let (mut spool, _) = Spool::open(&file, LIMIT).unwrap();
    append(&mut spool, &[message(0, "a"), message(1, "b")]);
    let given = spool.frame().unwrap().unwrap();
    append(&mut spool, &[message(2, "c")]);
    drop(spool);
    let (mut spool, damage) = Spool::open(&file, LIMIT).unwrap();
    assert_eq!(damage, Damage::default());
    let again = spool.frame().unwrap().unwrap();
    assert_eq!(again, Frame { may_be_kept: true, ..given });
    spool.kept().unwrap();
    let next = spool.frame().unwrap().unwrap();
    assert_eq!((payloads(&next), next.may_be_kept), (vec!["c".to_owned()], false));
    drop(spool);
    let (mut spool, _) = Spool::open(&file, LIMIT).unwrap();
    assert_eq!(drain(&mut spool), [vec!["c"]]);
    drop(spool);
    let (mut spool, _) = Spool::open(&file, LIMIT).unwrap();
    assert!(spool.frame().unwrap().is_none() && spool.open_messages().is_none());
}

#[test]
fn a_spool_that_is_cut_anywhere_has_all_messages_before_that_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hsl.spool");
    let (mut spool, _) = Spool::open(&file, LIMIT).unwrap();
    let mut ends = vec![HEADER_BYTES];
    for at in 0..4 {
        append(&mut spool, &[message(0, &format!("m{at}"))]);
        ends.push(std::fs::metadata(&file).unwrap().len());
    }
    drop(spool);
    let whole = std::fs::read(&file).unwrap();
    for cut in 0..=whole.len() {
        std::fs::write(&file, &whole[..cut]).unwrap();
        let (mut spool, damage) = Spool::open(&file, LIMIT).unwrap();
        let there = ends.iter().filter(|end| **end <= cut as u64).count().saturating_sub(1);
        let read = drain(&mut spool).concat();
        assert_eq!(read.len(), there, "{cut}");
        let torn = if cut as u64 > HEADER_BYTES { cut as u64 - ends[there] } else { 0 };
        assert_eq!((damage.torn, damage.lost), (torn, 0), "{cut}");
        // It goes on behind that place.
        append(&mut spool, &[message(9, "next")]);
        assert_eq!(drain(&mut spool).concat(), ["next"], "{cut}");
    }
}

#[test]
fn damage_between_messages_costs_these_and_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hsl.spool");
    let (mut spool, _) = Spool::open(&file, LIMIT).unwrap();
    append(&mut spool, &[message(0, "a"), message(0, "b"), message(0, "c")]);
    drop(spool);
    let whole = std::fs::read(&file).unwrap();
    let record = (whole.len() - HEADER_BYTES as usize) / 3;
    for at in 0..record {
        let mut bytes = whole.clone();
        bytes[HEADER_BYTES as usize + record + at] ^= 0x55;
        std::fs::write(&file, &bytes).unwrap();
        let (mut spool, damage) = Spool::open(&file, LIMIT).unwrap();
        assert_eq!((damage.torn, damage.lost), (0, record as u64), "{at}");
        assert_eq!(drain(&mut spool).concat(), ["a", "c"], "{at}");
    }
}

#[test]
fn a_full_spool_takes_nothing_and_gives_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let (mut spool, _) = Spool::open(&folder.path().join("hsl.spool"), 200).unwrap();
    append(&mut spool, &[message(0, "a"), message(0, "b")]);
    let mut records = Vec::new();
    (0..4).for_each(|_| put_message(&mut records, &message(0, "c")));
    assert_eq!(spool.append(&records, None).unwrap_err().kind(), io::ErrorKind::StorageFull);
    assert_eq!(drain(&mut spool), [vec!["a", "b"]]);
    assert!(!spool.is_full());
    append(&mut spool, &[message(0, "c")]);
    assert_eq!(drain(&mut spool), [vec!["c"]]);
}

#[test]
fn what_is_no_spool_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hsl.spool");
    let text = "x".repeat(100);
    std::fs::write(&file, &text).unwrap();
    assert!(Spool::open(&file, LIMIT).unwrap_err().to_string().contains("move it away"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
}
