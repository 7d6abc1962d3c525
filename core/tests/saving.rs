//! Snapshot files.

#![cfg(not(pegel_loom))]

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, symlink};
use std::path::PathBuf;

use pegel::dynamic::{Reader, Writer};
use pegel::{ErrorKind, Field, Options, Schema, Type, restore, unlink};
use tempfile::TempDir;

struct Boards(TempDir);

impl Boards {
    fn new() -> Self {
        Self(tempfile::tempdir_in("/dev/shm").unwrap())
    }

    fn name(&self, board: &str) -> String {
        format!("{}/{board}", self.0.path().display())
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("tank.snapshot")
    }
}

fn schema() -> Schema {
    let level = Field::new("level", Type::F64).unit("m").label("Level");
    let wind = Field {
        optional: true,
        ..Field::new("wind", Type::F32)
    };
    let schema = Schema::new(vec![level, wind]).unwrap();
    schema.describe("What the gauge says").unwrap()
}

fn published(boards: &Boards, slots: u32, count: u8) -> Reader {
    let options = Options {
        slots,
        ..Options::default()
    };
    let mut writer = Writer::create(&boards.name("tank"), &schema(), &options).unwrap();
    for number in 1..=count {
        writer.publish(&[number; 16]).unwrap();
    }
    Reader::open(&boards.name("tank")).unwrap()
}

#[test]
fn a_saved_board_is_restored_as_it_was() {
    let boards = Boards::new();
    let before = published(&boards, 8, 20);
    before.save(&boards.file()).unwrap();
    before.save(&boards.file()).unwrap();
    let names: Vec<_> = fs::read_dir(boards.0.path()).unwrap().collect();
    assert_eq!(names.len(), 3, "{names:?}");
    let records = before.last(100).unwrap();
    unlink(&boards.name("tank")).unwrap();
    restore(&boards.name("tank"), &boards.file(), &Options::default()).unwrap();
    let after = Reader::open(&boards.name("tank")).unwrap();
    assert_eq!(after.schema(), before.schema());
    assert_eq!(after.schema().details(), before.schema().details());
    assert_eq!(after.lineage(), before.lineage());
    assert_eq!((after.sequence().unwrap(), after.info().slots), (20, 8));
    assert!(!after.info().checksums);
    let restored = after.last(100).unwrap();
    assert_eq!(restored.len(), 7);
    for (then, now) in records.iter().zip(&restored) {
        assert_eq!(then.bytes(), now.bytes());
        assert_eq!(then.stamp().sequence, now.stamp().sequence);
        assert_eq!(then.stamp().present, now.stamp().present);
        assert_eq!(then.stamp().generation, now.stamp().generation);
        assert!((then.stamp().published_ns - now.stamp().published_ns).abs() < 1_000_000_000);
        assert!(now.stamp().age_ns >= then.stamp().age_ns);
    }
    let mut writer = Writer::open(&boards.name("tank"), None).unwrap();
    assert_eq!(writer.publish(&[1; 16]).unwrap(), 21);
}

#[test]
fn saving_writes_through_no_link() {
    let boards = Boards::new();
    let precious = boards.0.path().join("precious");
    fs::write(&precious, "precious").unwrap();
    symlink(&precious, boards.file()).unwrap();
    let part = format!("tank.snapshot.{}.part", std::process::id());
    symlink(&precious, boards.0.path().join(part)).unwrap();
    published(&boards, 4, 5).save(&boards.file()).unwrap();
    assert_eq!(fs::read_to_string(&precious).unwrap(), "precious");
    assert!(fs::symlink_metadata(boards.file()).unwrap().is_file());
}

#[test]
fn an_existing_board_is_only_replaced_on_request() {
    let boards = Boards::new();
    published(&boards, 4, 5).save(&boards.file()).unwrap();
    let mut writer = Writer::open(&boards.name("tank"), None).unwrap();
    writer.publish(&[9; 16]).unwrap();
    let replace = Options {
        replace: true,
        ..Options::default()
    };
    let kind = |options| {
        restore(&boards.name("tank"), &boards.file(), options)
            .unwrap_err()
            .kind()
    };
    assert_eq!(kind(&replace), ErrorKind::Locked);
    drop(writer);
    assert_eq!(kind(&Options::default()), ErrorKind::InvalidArgument);
    let reader = Reader::open(&boards.name("tank")).unwrap();
    restore(&boards.name("tank"), &boards.file(), &replace).unwrap();
    assert_eq!(reader.read().unwrap_err().kind(), ErrorKind::Gone);
    let after = reader.reopen().unwrap();
    assert_eq!(after.lineage(), reader.lineage());
    // The sequences continue, so that no reader takes an older record for one that it knows.
    let sequences = after.last(9).unwrap();
    let found: Vec<_> = sequences
        .iter()
        .map(|then| (then.stamp().sequence, then.bytes()[0]))
        .collect();
    assert_eq!(found, [(7, 3), (8, 4), (9, 5)]);
}

#[test]
fn documents_and_empty_boards_are_restored() {
    let boards = Boards::new();
    let document = Schema::new(vec![Field::bytes(100_000)]).unwrap();
    let board = boards.name("tank");
    let mut writer = Writer::create(&board, &document, &Options::default()).unwrap();
    for length in [0, 5000, 100_000] {
        Reader::open(&board).unwrap().save(&boards.file()).unwrap();
        restore(&boards.name("copy"), &boards.file(), &Options::default()).unwrap();
        let copy = Reader::open(&boards.name("copy")).unwrap();
        assert_eq!(
            copy.sequence().unwrap(),
            writer.reader().sequence().unwrap()
        );
        assert_eq!(copy.info().record_size, 100_000);
        unlink(&boards.name("copy")).unwrap();
        writer.publish(&vec![1; length][..]).unwrap();
    }
    Reader::open(&board).unwrap().save(&boards.file()).unwrap();
    restore(&boards.name("copy"), &boards.file(), &Options::default()).unwrap();
    let copy = Reader::open(&boards.name("copy")).unwrap();
    assert_eq!(copy.read().unwrap().bytes(), vec![1; 100_000]);
}

#[test]
fn each_changed_bit_and_each_truncation_is_corrupt() {
    let boards = Boards::new();
    published(&boards, 4, 9).save(&boards.file()).unwrap();
    let whole = fs::read(boards.file()).unwrap();
    let layout_end = whole.len() - 4 * 64;
    let copy = boards.name("copy");
    let corrupt = |what: &str| {
        let error = restore(&copy, &boards.file(), &Options::default()).unwrap_err();
        let is_reported = [ErrorKind::Corrupt, ErrorKind::Unsupported].contains(&error.kind());
        assert!(is_reported, "{what}: {error}");
        assert!(Reader::open(&copy).is_err(), "{what}");
    };
    let file = File::options().write(true).open(boards.file()).unwrap();
    let described = 128 + 2 * 64 + schema().details().len();
    // Header, fields and details, and the slots of sequences 7 to 9: records and stamps.
    let slots = [0, 1, 3].map(|slot| layout_end + slot * 64..layout_end + (slot + 1) * 64);
    let head = layout_end - 128..layout_end - 120;
    for offset in (0..84)
        .chain(128..described)
        .chain(head)
        .chain(slots.into_iter().flatten())
    {
        file.write_all_at(&[whole[offset] ^ 0x10], offset as u64)
            .unwrap();
        corrupt(&format!("byte {offset}"));
        file.write_all_at(&whole[offset..=offset], offset as u64)
            .unwrap();
    }
    for size in [0, 1, 127, 128, 200, whole.len() - 1] {
        fs::write(boards.file(), &whole[..size]).unwrap();
        corrupt(&format!("{size} bytes"));
    }
    fs::write(boards.file(), &whole).unwrap();
    restore(&copy, &boards.file(), &Options::default()).unwrap();
}

#[test]
fn a_board_without_checksums_is_not_a_snapshot_file() {
    let boards = Boards::new();
    published(&boards, 4, 1);
    let file = boards.0.path().join("pegel.tank");
    let error = restore(&boards.name("copy"), &file, &Options::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("no checksums"), "{error}");
    let missing = boards.0.path().join("missing");
    let error = restore(&boards.name("copy"), &missing, &Options::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}
