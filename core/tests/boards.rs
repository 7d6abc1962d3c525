//! What a board promises to its readers and writers, within one process.

#![cfg(not(pegel_loom))]

mod common;

use std::fs;
use std::time::Duration;

use pegel::dynamic::{Reader, Writer};
use pegel::{ErrorKind, Field, Options, Schema, Type, Value, list, unlink};

use common::{Boards, kind, level, record};

#[test]
fn reads_a_record_with_its_stamp() {
    let boards = Boards::new();
    let mut writer = Writer::create(&boards.name("a"), &level(), &Options::default()).unwrap();
    let reader = Reader::open(&boards.name("a")).unwrap();
    assert_eq!(reader.sequence().unwrap(), 0);
    assert_eq!(kind(reader.read()), ErrorKind::Empty);
    assert_eq!(writer.publish(&record(3.5)).unwrap(), 1);
    let now = reader.read().unwrap();
    assert_eq!(now.get("level").unwrap(), Value::Float(3.5));
    assert_eq!(kind(now.get("depth")), ErrorKind::NotFound);
    assert_eq!((now.stamp().sequence, now.stamp().generation), (1, 1));
    assert!((0..60_000_000_000).contains(&now.stamp().age_ns));
    assert!(reader.writer_alive().unwrap() && writer.reader().writer_alive().unwrap());
    drop(writer);
    assert!(!reader.writer_alive().unwrap());
    assert_eq!(reader.read().unwrap().bytes(), record(3.5));
}

#[test]
fn a_first_read_returns_the_newest_record_of_any_size() {
    let boards = Boards::new();
    for size in [1, 8, 60, 64, 900, 1000, 5000] {
        let name = boards.name(&format!("a{size}"));
        let schema = Schema::new(vec![Field::new("bytes", Type::U8).array(size)]).unwrap();
        let mut writer = Writer::create(&name, &schema, &Options::default()).unwrap();
        let size = size as usize;
        for open in [Reader::open, Reader::open_unmapped] {
            for published_since in [0, 1, 40] {
                writer.publish(&vec![1; size]).unwrap();
                let reader = open(&name).unwrap();
                for byte in 2..published_since + 2 {
                    writer.publish(&vec![byte; size]).unwrap();
                }
                let mut record = vec![0; size + 8];
                for _ in 0..3 {
                    let publication = reader.copy_into(&mut record).unwrap();
                    let stamp = reader.stamp(&publication).unwrap();
                    assert_eq!(stamp.sequence, writer.reader().sequence().unwrap());
                    assert_eq!(record[..size], vec![published_since + 1; size], "{size}");
                    assert_eq!(record[size..], [0; 8], "{size}: behind the end");
                }
            }
        }
        assert_eq!(
            kind(Reader::open(&name).unwrap().read_into(&mut [])),
            ErrorKind::TooLarge
        );
    }
}

#[test]
fn a_first_read_finds_a_board_that_was_removed_since_it_was_opened() {
    let boards = Boards::new();
    let mut writer = Writer::create(&boards.name("a"), &level(), &Options::default()).unwrap();
    writer.publish(&record(1.0)).unwrap();
    let reader = Reader::open(&boards.name("a")).unwrap();
    drop(writer);
    unlink(&boards.name("a")).unwrap();
    assert_eq!(kind(reader.read()), ErrorKind::Gone);
}

#[test]
fn history_is_read_by_sequence() {
    let boards = Boards::new();
    let options = Options {
        slots: 8,
        ..Options::default()
    };
    let mut writer = Writer::create(&boards.name("a"), &level(), &options).unwrap();
    for sequence in 1..=20_u32 {
        writer.publish(&record(sequence.into())).unwrap();
    }
    let reader = writer.reader();
    for sequence in 14..=20_u32 {
        let then = reader.read_at(sequence.into()).unwrap();
        assert_eq!(then.bytes(), record(sequence.into()));
    }
    for sequence in [0, 1, 13, 21, u64::MAX] {
        assert_eq!(kind(reader.read_at(sequence)), ErrorKind::Overwritten);
    }
}

#[test]
fn a_successor_continues_the_sequences() {
    let boards = Boards::new();
    let board = boards.name("a");
    let mut writer = Writer::create(&board, &level(), &Options::default()).unwrap();
    writer.publish(&record(1.0)).unwrap();
    assert_eq!(
        kind(Writer::create(&board, &level(), &Options::default())),
        ErrorKind::Locked
    );
    assert_eq!(
        kind(Writer::open(&board, Some(Duration::ZERO))),
        ErrorKind::Locked
    );
    assert_eq!(kind(unlink(&board)), ErrorKind::Locked);
    drop(writer);
    assert_eq!(Reader::open(&board).unwrap().writer_process(), None);
    let mut writer = Writer::create(&board, &level(), &Options::default()).unwrap();
    assert_eq!(writer.reader().read().unwrap().bytes(), record(1.0));
    assert_eq!(writer.publish(&record(2.0)).unwrap(), 2);
    assert_eq!(writer.reader().read().unwrap().stamp().generation, 2);
}

#[test]
fn a_creator_waits_a_second_by_default() {
    assert_eq!(Options::default().timeout, Duration::from_secs(1));
}

#[test]
fn publish_if_publishes_after_that_sequence_alone() {
    let boards = Boards::new();
    let mut writer = Writer::create(&boards.name("a"), &level(), &Options::default()).unwrap();
    assert_eq!(
        kind(writer.publish_if(1, &record(1.0))),
        ErrorKind::Conflict
    );
    assert_eq!(writer.publish_if(0, &record(1.0)).unwrap(), 1);
    assert_eq!(
        kind(writer.publish_if(0, &record(2.0))),
        ErrorKind::Conflict
    );
    assert_eq!(writer.reader().read().unwrap().bytes(), record(1.0));
}

#[test]
fn waiters_and_writers_notice_a_file_removed_by_hand() {
    let boards = Boards::new();
    let mut writer = Writer::create(&boards.name("a"), &level(), &Options::default()).unwrap();
    let reader = Reader::open(&boards.name("a")).unwrap();
    fs::remove_file(boards.file("a")).unwrap();
    assert_eq!(kind(reader.wait(0, None)), ErrorKind::Gone);
    assert_eq!(kind(writer.publish(&record(1.0))), ErrorKind::Gone);
}

#[test]
fn documents_have_any_length_up_to_the_capacity() {
    let boards = Boards::new();
    let schema = Schema::new(vec![Field::json(100_000)]).unwrap();
    let mut writer = Writer::create(&boards.name("a"), &schema, &Options::default()).unwrap();
    for length in [0, 1, 7, 8, 4095, 4096, 4097, 65_537, 100_000] {
        let document: Vec<u8> = (b'0'..=b'9').cycle().take(length).collect();
        writer.publish(&document).unwrap();
        let now = writer.reader().read().unwrap();
        assert_eq!(now.bytes(), document);
        assert_eq!(now.stamp().record_size, length);
        let mut short = vec![0; length.saturating_sub(1)];
        if length > 0 {
            let error = writer.reader().read_into(&mut short).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TooLarge);
            assert!(error.to_string().contains(&length.to_string()), "{error}");
        }
    }
    let error = writer.publish(&vec![b' '; 100_001]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert!(error.to_string().contains("100001") && error.to_string().contains("100000"));
    assert_eq!(writer.reader().read().unwrap().stamp().record_size, 100_000);
}

#[test]
fn records_have_exactly_their_size() {
    let boards = Boards::new();
    let mut writer = Writer::create(&boards.name("a"), &level(), &Options::default()).unwrap();
    assert_eq!(kind(writer.publish(&[0; 7])), ErrorKind::InvalidArgument);
    assert_eq!(kind(writer.publish(&[0; 9])), ErrorKind::TooLarge);
    assert_eq!(kind(writer.reader().read()), ErrorKind::Empty);
    writer.publish(&[0; 8]).unwrap();
    assert_eq!(
        kind(writer.reader().read_into(&mut [0; 7])),
        ErrorKind::TooLarge
    );
    assert!(writer.reader().read_into(&mut [0; 9]).is_ok());
}

#[test]
fn slots_are_powers_of_two() {
    let boards = Boards::new();
    for slots in [1, 2, 5, 1 << 17, u32::MAX] {
        let options = Options {
            slots,
            ..Options::default()
        };
        let refused = Writer::create(&boards.name("a"), &level(), &options);
        assert_eq!(kind(refused), ErrorKind::InvalidArgument);
    }
    assert_eq!(list(Some(boards.0.path())).unwrap(), Vec::<String>::new());
}

#[test]
fn an_unstamped_writer_publishes_whole_records_without_time() {
    let directory = tempfile::tempdir_in("/dev/shm").unwrap();
    for size in [8, 64, 72] {
        let board = format!("{}/a{size}", directory.path().display());
        let words = Field::new("words", Type::U64).array(size / 8);
        let options = Options {
            unstamped: true,
            ..Options::default()
        };
        let schema = Schema::new(vec![words]).unwrap();
        let mut writer = Writer::create(&board, &schema, &options).unwrap();
        let reader = Reader::open(&board).unwrap();
        let mut record = vec![0; size as usize];
        assert!(!reader.read_fast(&mut record), "nothing published yet");
        let mut slow = 0;
        for sequence in 1..=2000_u64 {
            let given = sequence.to_ne_bytes().repeat(size as usize / 8);
            let block = <&[u8; 64]>::try_from(&given[..]);
            let fast = match block {
                Ok(block) => writer.try_publish_block(block),
                Err(_) => writer.publish_fast(&given),
            };
            let published = fast.map_or_else(|| writer.publish(&given), Ok);
            assert_eq!(published.unwrap(), sequence);
            // The first publications store a stamp in every slot.
            assert!(fast.is_none() || sequence > 16);
            let now = reader.read().unwrap();
            assert_eq!((now.stamp().sequence, now.bytes()), (sequence, &given[..]));
            assert!(!now.stamp().is_timed());
            assert_eq!(now.stamp().generation, 1);
            let is_mapped = sequence > 1;
            let is_fast = reader.read_fast(&mut record);
            assert!(is_mapped || !is_fast);
            assert!(!is_fast || record == given);
            slow += u64::from(is_mapped && !is_fast);
        }
        // From time to time the writer must check that the file exists.
        assert!(slow <= 10, "{slow}");
        assert!((0..300).any(|_| writer.publish_fast(&record).is_some()));
        assert_eq!(writer.publish_fast(&record[1..]), None, "a wrong size");
        // Another writer may have taken the lock: this one notices before it laps the ring often.
        std::fs::remove_file(reader.path()).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(1100));
        let gone = (0..=256).find_map(|_| match writer.publish_fast(&record) {
            Some(_) => None,
            None => writer.publish(&record).err(),
        });
        assert_eq!(gone.unwrap().kind(), ErrorKind::Gone);
        assert_eq!(writer.publish_fast(&record), None);
        assert_eq!(kind(writer.publish(&record)), ErrorKind::Gone);
        assert_eq!(kind(reader.read()), ErrorKind::Gone, "those who only read");
    }
}

#[test]
fn a_view_is_not_read_by_the_fast_path() {
    let directory = tempfile::tempdir_in("/dev/shm").unwrap();
    let board = format!("{}/a", directory.path().display());
    // The record has the same size without the last field, which is in the padding.
    let [a, b] = [Field::new("a", Type::U64), Field::new("b", Type::U8)];
    let c = Field::new("c", Type::U8).optional();
    let grown = Schema::new(vec![a.clone(), b.clone(), c]).unwrap();
    let schema = Schema::new(vec![a, b]).unwrap();
    let options = Options {
        unstamped: true,
        ..Options::default()
    };
    let mut writer = Writer::create(&board, &grown, &options).unwrap();
    assert!((0..40).any(|_| {
        writer.publish(&[7; 16]).unwrap();
        writer.publish_fast(&[7; 16]).is_some()
    }));
    let mut writer = writer.view(&schema).unwrap();
    assert_eq!(writer.publish_fast(&[7; 16]), None);
    writer.publish(&[7; 16]).unwrap();
    let reader = Reader::open(&board).unwrap();
    assert_eq!(reader.read().unwrap().get("c").unwrap(), Value::Null);
}

#[test]
fn a_part_is_read_as_the_whole_is() {
    let directory = tempfile::tempdir_in("/dev/shm").unwrap();
    let board = format!("{}/a", directory.path().display());
    let schema = Schema::new(vec![Field::new("bytes", Type::U8).array(100)]).unwrap();
    let mut writer = Writer::create(&board, &schema, &Options::default()).unwrap();
    for reader in [Reader::open(&board), Reader::open_unmapped(&board)] {
        let reader = reader.unwrap();
        let record: Vec<u8> = (0..100).collect();
        writer.publish(&record).unwrap();
        for offset in 0..=100 {
            for length in 0..=100 - offset {
                let mut part = vec![255; length];
                let publication = reader.copy_part_into(offset, &mut part).unwrap();
                assert_eq!(part, record[offset..offset + length]);
                assert_eq!(publication.len(), 100);
            }
            let mut word = [255; 8];
            let is_fast = reader.try_copy_word_into(offset, &mut word);
            if is_fast {
                assert_eq!(word, record[offset..offset + 8]);
            }
            assert!(!is_fast || offset % 8 == 0 && offset <= 92);
        }
        for (offset, length) in [(100, 1), (93, 8), (usize::MAX, 8)] {
            let error = reader.copy_part_into(offset, &mut vec![0; length]);
            assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidArgument);
        }
    }
    let json = Schema::new(vec![Field::json(100)]).unwrap();
    let board = format!("{}/json", directory.path().display());
    let mut writer = Writer::create(&board, &json, &Options::default()).unwrap();
    writer.publish(b"[1, 2]").unwrap();
    let (reader, mut part) = (writer.reader(), [0; 3]);
    reader.copy_part_into(3, &mut part).unwrap();
    assert_eq!(&part, b" 2]");
    let error = reader.copy_part_into(4, &mut part).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(!reader.read_fast(&mut [0; 100]), "a document is not plain");
}

#[test]
fn refuses_documents_that_are_nested_too_deep() {
    let directory = tempfile::tempdir().unwrap();
    let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    for capacity in [1000, 256] {
        let board = format!("{}/json{capacity}", directory.path().display());
        let schema = Schema::new(vec![Field::json(capacity)]).unwrap();
        let mut writer = Writer::create(&board, &schema, &Options::default()).unwrap();
        writer.publish(&nested(127)).unwrap();
        // Also on the fast path, which takes documents as long as the capacity.
        assert_eq!(writer.publish_fast(nested(128).as_bytes()), None);
        let errors = [
            writer.publish(&nested(128)).unwrap_err(),
            writer.publish_if(1, &nested(128)).unwrap_err(),
            Schema::new(vec![Field::json(capacity).default(nested(128))]).unwrap_err(),
        ];
        for error in errors {
            assert!(
                error.to_string().contains("at most 127 levels (got 128)"),
                "{error}"
            );
        }
        assert_eq!(writer.reader().sequence().unwrap(), 1);
    }
}
