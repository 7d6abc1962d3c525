//! Boards whose publications carry checksums.

#![cfg(not(pegel_loom))]

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use pegel::dynamic::{Reader, Writer};
use pegel::{ErrorKind, Field, Options, Schema, Type};
use tempfile::TempDir;

struct Boards(TempDir);

impl Boards {
    fn new() -> Self {
        Self(tempfile::tempdir_in("/dev/shm").unwrap())
    }

    fn name(&self) -> String {
        format!("{}/a", self.0.path().display())
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("pegel.a")
    }

    /// Changes a bit of the file.
    fn flip(&self, offset: u64, bit: u8) {
        let file = File::options().read(true).write(true).open(self.file());
        let file = file.unwrap();
        let mut byte = [0];
        file.read_exact_at(&mut byte, offset).unwrap();
        file.write_all_at(&[byte[0] ^ bit], offset).unwrap();
    }
}

const SEALED: Options = Options {
    slots: 0,
    mode: 0,
    replace: false,
    timeout: std::time::Duration::ZERO,
    unstamped: false,
    checksum: true,
    durable: false,
};

fn schema(fields: &[&str]) -> Schema {
    let fields = fields.iter().map(|name| Field::new(*name, Type::F64));
    Schema::new(fields.collect()).unwrap()
}

fn kind<T: std::fmt::Debug>(result: pegel::Result<T>) -> ErrorKind {
    result.unwrap_err().kind()
}

/// The offset of slot 1 of a board with two numbers and no details, by docs/format.md.
const SLOT: u64 = 128 + 2 * 64 + 128 + 64;
const RECORD: u64 = 16;
const STAMP: u64 = 48;

#[test]
fn a_changed_bit_is_corrupt_to_every_reader() {
    let (boards, two) = (Boards::new(), schema(&["a", "b"]));
    let mut writer = Writer::create(&boards.name(), &two, &SEALED).unwrap();
    assert_eq!(writer.publish(&[7; 16]).unwrap(), 1);
    let reader = Reader::open(&boards.name()).unwrap();
    let untrusted = Reader::open_untrusted(&boards.name()).unwrap();
    let view = Reader::open(&boards.name()).unwrap();
    let view = view.view(&schema(&["a"])).unwrap();
    let mut part = [0; 8];
    assert!(reader.info().checksums);
    for _ in 0..3 {
        assert_eq!(reader.read().unwrap().bytes(), [7; 16]);
        assert_eq!(untrusted.read().unwrap().bytes(), [7; 16]);
        assert_eq!(view.read().unwrap().bytes(), [7; 8]);
        reader.copy_part_into(8, &mut part).unwrap();
        assert_eq!(part, [7; 8]);
    }
    for offset in 0..RECORD + STAMP {
        boards.flip(SLOT + offset, 0x40);
        for reader in [&reader, &untrusted, &view] {
            assert_eq!(kind(reader.read()), ErrorKind::Corrupt, "{offset}");
            assert_eq!(kind(reader.read_at(1)), ErrorKind::Corrupt);
            assert_eq!(kind(reader.read_after(0)), ErrorKind::Corrupt);
            assert_eq!(
                kind(reader.copy_part_into(0, &mut part)),
                ErrorKind::Corrupt
            );
            let mut record = [0; 16];
            assert!(!reader.read_fast(&mut record));
        }
        boards.flip(SLOT + offset, 0x40);
        assert_eq!(reader.read().unwrap().bytes(), [7; 16]);
    }
    let message = {
        boards.flip(SLOT, 1);
        reader.read().unwrap_err().to_string()
    };
    assert!(message.contains("checksum of sequence 1"), "{message}");
    assert_eq!(writer.publish(&[8; 16]).unwrap(), 2);
    assert_eq!(reader.read().unwrap().bytes(), [8; 16]);
}

#[test]
fn documents_of_any_length_have_checksums() {
    let boards = Boards::new();
    let document = Schema::new(vec![Field::bytes(100_000)]).unwrap();
    let mut writer = Writer::create(&boards.name(), &document, &SEALED).unwrap();
    let reader = Reader::open(&boards.name()).unwrap();
    for length in [0, 1, 4096, 4097, 100_000] {
        writer.publish(&vec![3; length][..]).unwrap();
        assert_eq!(reader.read().unwrap().bytes(), vec![3; length]);
    }
    let mut part = [0; 10];
    reader.copy_part_into(99_990, &mut part).unwrap();
    assert_eq!(part, [3; 10]);
}

#[test]
fn every_way_to_publish_stores_checksums() {
    let (boards, two) = (Boards::new(), schema(&["a", "b"]));
    let unstamped = Options {
        unstamped: true,
        ..SEALED
    };
    let mut writer = Writer::create(&boards.name(), &two, &unstamped).unwrap();
    let reader = Reader::open(&boards.name()).unwrap();
    for number in 0..100 {
        let record = [number; 16];
        if writer.publish_fast(&record).is_none() {
            writer.publish(&record).unwrap();
        }
        let now = reader.read().unwrap();
        assert_eq!(now.bytes(), record);
        assert!(now.stamp().is_timed());
    }
    assert_eq!(reader.last(5).unwrap().len(), 5);
}

#[test]
fn a_board_keeps_its_checksums_and_gets_them_when_replaced() {
    let (boards, two) = (Boards::new(), schema(&["a", "b"]));
    let plain = Options::default();
    let mut writer = Writer::create(&boards.name(), &two, &plain).unwrap();
    writer.publish(&[7; 16]).unwrap();
    drop(writer);
    let refused = Writer::create(&boards.name(), &two, &SEALED).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidArgument);
    assert!(refused.to_string().contains("has no checksums"));
    let replace = Options {
        replace: true,
        ..SEALED
    };
    drop(Writer::create(&boards.name(), &two, &replace).unwrap());
    let read = || Reader::open(&boards.name())?.read();
    assert_eq!(read().unwrap().bytes(), [7; 16]);
    assert_eq!(read().unwrap().stamp().sequence, 1);

    let three = vec![
        Field::new("a", Type::F64),
        Field::new("b", Type::F64),
        Field::new("c", Type::U8).default(9),
    ];
    let three = Schema::new(three).unwrap();
    drop(Writer::create(&boards.name(), &three, &plain).unwrap());
    assert!(Reader::open(&boards.name()).unwrap().info().checksums);
    let grown = read().unwrap();
    assert_eq!(grown.bytes()[..16], [7; 16]);
    assert_eq!(grown.bytes()[16], 9);
    drop(Writer::create(&boards.name(), &three, &SEALED).unwrap());
}

#[test]
fn a_damaged_record_is_not_kept_when_replaced() {
    let (boards, two) = (Boards::new(), schema(&["a", "b"]));
    let mut writer = Writer::create(&boards.name(), &two, &SEALED).unwrap();
    writer.publish(&[7; 16]).unwrap();
    drop(writer);
    boards.flip(SLOT, 1);
    let other_slots = Options {
        slots: 4,
        replace: true,
        ..SEALED
    };
    drop(Writer::create(&boards.name(), &two, &other_slots).unwrap());
    let reader = Reader::open(&boards.name()).unwrap();
    assert_eq!(kind(reader.read()), ErrorKind::Empty);
}

#[test]
fn a_changed_bit_of_header_or_fields_is_corrupt() {
    let boards = Boards::new();
    let field = Field::new("a", Type::F64).label("Level").unit("m");
    let schema = Schema::new(vec![field]).unwrap();
    drop(Writer::create(&boards.name(), &schema, &SEALED).unwrap());
    let end = 128 + 64 + schema.details().len() as u64;
    // Other errors come first for the first 16 bytes and the flags.
    for offset in (16..68).chain(72..84).chain(128..end) {
        boards.flip(offset, 0x01);
        let opened = Reader::open(&boards.name());
        assert_eq!(kind(opened), ErrorKind::Corrupt, "{offset}");
        boards.flip(offset, 0x01);
    }
    boards.flip(68, 1);
    assert_eq!(kind(Reader::open(&boards.name())), ErrorKind::Corrupt);
}

#[test]
fn flags_of_later_versions_are_unsupported() {
    let (boards, two) = (Boards::new(), schema(&["a", "b"]));
    drop(Writer::create(&boards.name(), &two, &SEALED).unwrap());
    boards.flip(68, 8);
    let refused = Reader::open(&boards.name()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
    assert!(refused.to_string().contains("flags 0x9"), "{refused}");
}
