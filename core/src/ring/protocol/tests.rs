use super::*;

fn stamp(sequence: u64, length: u64) -> StampWords {
    [sequence, sequence, sequence, sequence, sequence, length]
}

#[test]
fn history_reaches_back_to_the_bound_and_no_further() {
    let words = Words::new(4, 8);
    let ring = Ring(&words);
    for sequence in 1..=10 {
        ring.publish(sequence, &stamp(sequence, 8), &sequence.to_ne_bytes());
    }
    let (mut found, mut payload) = (StampWords::default(), [0; 8]);
    for sequence in [10, 9, 8] {
        assert!(ring.copy(sequence, &mut found, 0, &mut payload));
        assert_eq!(found, stamp(sequence, 8));
        assert_eq!(payload, sequence.to_ne_bytes());
    }
    assert!(!ring.copy(7, &mut found, 0, &mut payload));
    assert!(!ring.copy(11, &mut found, 0, &mut payload));
}

#[test]
fn an_unfinished_publication_hides_nothing() {
    let words = Words::new(4, 8);
    let ring = Ring(&words);
    ring.publish(1, &stamp(1, 8), &[1; 8]);
    words.slot(2).payload.words()[0].store(u64::MAX, Ordering::Relaxed);
    let (mut found, mut payload) = (StampWords::default(), [0; 8]);
    assert_eq!(ring.head().sequence, 1);
    assert!(ring.copy(1, &mut found, 0, &mut payload));
    assert_eq!((found, payload), (stamp(1, 8), [1; 8]));
    ring.publish(2, &stamp(2, 8), &[2; 8]);
    assert!(ring.copy(2, &mut found, 0, &mut payload));
    assert_eq!((found, payload), (stamp(2, 8), [2; 8]));
}

#[test]
fn a_hostile_length_stays_within_slot_and_buffer() {
    let words = Words::new(4, 8);
    let ring = Ring(&words);
    ring.publish(1, &stamp(1, u64::MAX), &[1; 8]);
    for (offset, room) in [
        (0, 0),
        (0, 5),
        (0, 8),
        (0, 64),
        (3, 64),
        (8, 1),
        (usize::MAX, 1),
    ] {
        let (mut found, mut payload) = (StampWords::default(), vec![7; room]);
        assert!(ring.copy(1, &mut found, offset, &mut payload));
        assert_eq!(found, stamp(1, u64::MAX));
        let left = 8 - offset.min(8);
        assert!(payload.iter().take(left).all(|&byte| byte == 1));
        assert!(payload.iter().skip(left).all(|&byte| byte == 7));
    }
}

#[test]
fn payloads_alone_are_copied_as_whole_publications_are() {
    for size in [8, 24, 60, 64, 65, 256] {
        let words = Words::new(4, size);
        let ring = Ring(&words);
        let mut payload = vec![0; size + 1];
        ring.publish(1, &stamp(9, size as u64), &vec![1; size]);
        assert!(
            !ring.copy_payload(&mut payload[..size - 1]),
            "{size}: no room"
        );
        for sequence in 2..=9 {
            assert!(!ring.publish_payload(sequence.into(), &vec![7; size + 1]));
            assert!(ring.publish_payload(sequence.into(), &vec![sequence; size]));
            assert!(ring.copy_payload(&mut payload));
            assert!(payload[..size].iter().all(|&byte| byte == sequence));
            assert_eq!(payload[size], 0, "{size}: behind the end");
        }
        ring.mark_gone();
        assert!(!ring.copy_payload(&mut payload), "{size}: gone");
    }
}

#[test]
fn gone_keeps_the_sequence() {
    let words = Words::new(4, 8);
    let ring = Ring(&words);
    ring.publish(1, &stamp(1, 0), &[]);
    ring.mark_gone();
    let gone = Head {
        sequence: 1,
        gone: true,
    };
    assert_eq!(ring.head(), gone);
    let mut found = StampWords::default();
    assert!(ring.copy(1, &mut found, 0, &mut []));
    assert_eq!(found, stamp(1, 0));
}
