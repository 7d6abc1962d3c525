//! Files that are not boards, and damaged boards: an error or a whole record, never a crash.

#![cfg(not(pegel_loom))]

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use pegel::dynamic::{Reader, Writer};
use pegel::{ErrorKind, Field, Options, Schema, Type, unlink};
use proptest::prelude::*;
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

    fn open_kind(&self) -> ErrorKind {
        let error = Reader::open(&self.name()).unwrap_err();
        assert!(error.to_string().contains("pegel.a"), "{error}");
        error.kind()
    }
}

fn schema() -> Schema {
    Schema::new(vec![
        Field::new("level", Type::F64).label("Level").max(9),
        Field::text("note", 24).optional(),
    ])
    .unwrap()
}

/// The bytes of a good board with three publications.
fn good() -> &'static [u8] {
    static GOOD: OnceLock<Vec<u8>> = OnceLock::new();
    GOOD.get_or_init(|| {
        let boards = Boards::new();
        let mut writer = Writer::create(&boards.name(), &schema(), &Options::default()).unwrap();
        for byte in 1..=3 {
            writer.publish(&[byte; 32]).unwrap();
        }
        fs::read(boards.file()).unwrap()
    })
}

/// The offset of the head, from the header of the good board.
fn head_offset() -> usize {
    u32::from_ne_bytes(good()[24..28].try_into().unwrap()) as usize
}

#[test]
fn each_step_of_the_ladder_has_its_name() {
    let boards = Boards::new();
    assert_eq!(boards.open_kind(), ErrorKind::NotFound);
    fs::write(boards.file(), "").unwrap();
    assert_eq!(boards.open_kind(), ErrorKind::Corrupt);
    fs::write(boards.file(), [b'x'; 4096]).unwrap();
    assert_eq!(boards.open_kind(), ErrorKind::Corrupt);
    for length in [1, 127, 128, 200, good().len() - 1] {
        fs::write(boards.file(), &good()[..length]).unwrap();
        assert_eq!(boards.open_kind(), ErrorKind::Corrupt);
    }
    let mut newer = good().to_vec();
    newer[8] += 1;
    fs::write(boards.file(), &newer).unwrap();
    assert_eq!(boards.open_kind(), ErrorKind::Unsupported);
    let mut swapped = good().to_vec();
    swapped[12..16].reverse();
    fs::write(boards.file(), &swapped).unwrap();
    assert_eq!(boards.open_kind(), ErrorKind::Unsupported);
    fs::write(boards.file(), good()).unwrap();
    assert_eq!(
        Reader::open(&boards.name())
            .unwrap()
            .read()
            .unwrap()
            .bytes(),
        [3; 32]
    );
}

#[test]
fn other_kinds_of_files_are_not_trusted() {
    let boards = Boards::new();
    let real = boards.0.path().join("real");
    fs::write(&real, good()).unwrap();
    symlink(&real, boards.file()).unwrap();
    assert_eq!(boards.open_kind(), ErrorKind::Untrusted);
    fs::remove_file(boards.file()).unwrap();
    fs::hard_link(&real, boards.file()).unwrap();
    assert_eq!(boards.open_kind(), ErrorKind::Untrusted);
    fs::remove_file(boards.file()).unwrap();
    fs::create_dir(boards.file()).unwrap();
    assert_eq!(boards.open_kind(), ErrorKind::Untrusted);
    let create = Writer::create(&boards.name(), &schema(), &Options::default());
    assert_eq!(create.unwrap_err().kind(), ErrorKind::Untrusted);
    fs::remove_dir(boards.file()).unwrap();
    let path = boards.file();
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRUSR).unwrap();
    assert_eq!(boards.open_kind(), ErrorKind::Untrusted);
}

#[test]
fn open_untrusted_reads_untrusted_files() {
    let boards = Boards::new();
    let real = boards.0.path().join("real");
    fs::write(&real, good()).unwrap();
    fs::hard_link(&real, boards.file()).unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o666)).unwrap();
    assert_eq!(boards.open_kind(), ErrorKind::Untrusted);
    let error = Reader::open_unmapped(&boards.name()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Untrusted);
    let reader = Reader::open_untrusted(&boards.name()).unwrap();
    assert_eq!(reader.read().unwrap().bytes(), [3; 32]);
    assert_eq!(reader.reopen().unwrap().sequence().unwrap(), 3);

    fs::remove_file(boards.file()).unwrap();
    symlink(&real, boards.file()).unwrap();
    let error = Reader::open_untrusted(&boards.name()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Untrusted);
    fs::remove_file(boards.file()).unwrap();
    nix::unistd::mkfifo(&boards.file(), nix::sys::stat::Mode::S_IRUSR).unwrap();
    let error = Reader::open_untrusted(&boards.name()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Untrusted);
}

#[test]
fn a_damaged_board_is_only_replaced_on_request() {
    let boards = Boards::new();
    fs::write(boards.file(), "not a board").unwrap();
    let create = |replace| {
        let options = Options {
            replace,
            ..Options::default()
        };
        Writer::create(&boards.name(), &schema(), &options)
    };
    assert_eq!(create(false).unwrap_err().kind(), ErrorKind::Corrupt);
    assert_eq!(fs::read(boards.file()).unwrap(), b"not a board");
    create(true).unwrap().publish(&[1; 32]).unwrap();
    assert_eq!(Reader::open(&boards.name()).unwrap().sequence().unwrap(), 1);
}

#[test]
fn a_damaged_board_can_be_removed() {
    let boards = Boards::new();
    File::create(boards.file()).unwrap();
    unlink(&boards.name()).unwrap();
    assert_eq!(boards.open_kind(), ErrorKind::NotFound);
}

#[test]
fn a_truncated_board_is_an_error_to_an_unmapped_reader() {
    let boards = Boards::new();
    let whole = good().len() as u64;
    for length in [
        whole - 1,
        head_offset() as u64 + 8,
        head_offset() as u64,
        1,
        0,
    ] {
        fs::write(boards.file(), good()).unwrap();
        let reader = Reader::open_unmapped(&boards.name()).unwrap();
        assert_eq!(reader.read().unwrap().bytes(), [3; 32]);
        assert_eq!(reader.info().generation, 1);
        let file = File::options().write(true).open(boards.file()).unwrap();
        file.set_len(length).unwrap();
        let is_head_there = length > head_offset() as u64;
        // The newest record is before the last slot.
        let read = reader.read().map(|now| now.bytes().to_vec());
        if length == whole - 1 {
            assert_eq!(read.unwrap(), [3; 32]);
        } else {
            let error = read.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt);
            assert!(error.to_string().contains("truncated"), "{error}");
        }
        let newest = reader.sequence().map_err(|error| error.kind());
        let expected = Err(ErrorKind::Corrupt);
        assert_eq!(newest, if is_head_there { Ok(3) } else { expected });
        let waited = reader.wait(3, Some(Duration::from_millis(1)));
        let expected = if length == whole - 1 {
            ErrorKind::Timeout
        } else {
            ErrorKind::Corrupt
        };
        assert_eq!(waited.unwrap_err().kind(), expected);
    }
}

#[test]
fn unmapped_readers_get_whole_records_from_a_writer_at_full_speed() {
    const SIZE: usize = 1000;
    let boards = Boards::new();
    let schema = Schema::new(vec![Field::bytes(1000)]).unwrap();
    let mut writer = Writer::create(&boards.name(), &schema, &Options::default()).unwrap();
    writer.publish(&[1; SIZE]).unwrap();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                let byte = (writer.reader().sequence().unwrap() + 1).to_ne_bytes()[0];
                writer.publish(&[byte; SIZE]).unwrap();
            }
        });
        let reader = Reader::open_unmapped(&boards.name()).unwrap();
        let mut whole = 0;
        while whole < 20_000 {
            match reader.read() {
                Ok(now) => {
                    let byte = now.stamp().sequence.to_ne_bytes()[0];
                    assert_eq!(now.bytes(), [byte; SIZE]);
                    whole += 1;
                }
                Err(error) => assert_eq!(error.kind(), ErrorKind::Busy),
            }
        }
        is_over.store(true, Ordering::Relaxed);
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    /// Any bytes of a board are changed, and it is truncated or not.
    #[test]
    fn a_changed_board_is_refused_or_read(
        changes in prop::collection::vec((0..2048_usize, any::<u8>()), 1..12),
        head in prop::option::of(any::<u64>()),
        length in prop::option::of(0..4096_usize),
        sequence: u64,
    ) {
        let boards = Boards::new();
        let mut bytes = good().to_vec();
        for (at, byte) in changes {
            let last = bytes.len() - 1;
            bytes[at.min(last)] = byte;
        }
        if let Some(head) = head {
            let at = head_offset();
            bytes[at..at + 8].copy_from_slice(&head.to_ne_bytes());
        }
        bytes.truncate(length.unwrap_or(usize::MAX));
        fs::write(boards.file(), &bytes).unwrap();
        if let Ok(reader) = Reader::open(&boards.name()) {
            let _ = reader.read().map(|now| now.values().len());
            let _ = reader.read_at(sequence).map(|then| then.values().len());
            let _ = reader.read_after(sequence).map(|then| then.values().len());
            let _ = reader.last(3).map(|last| last.len());
            let _ = reader.schema().template();
            let _ = reader.wait(sequence, Some(Duration::ZERO));
            if let Ok(mut writer) = Writer::open(&boards.name(), Some(Duration::ZERO)) {
                // Unless its sequences are used up, the board can be written.
                if writer.publish(&[7; 32]).is_ok() {
                    assert_eq!(reader.read().unwrap().bytes(), [7; 32]);
                }
            }
            let replace = Options { replace: true, ..Options::default() };
            if let Ok(writer) = Writer::create(&boards.name(), &schema(), &replace) {
                let _ = writer.reader().read().map(|now| now.values().len());
            }
            if let Ok(reader) = reader.view(&schema()) {
                let _ = reader.read().map(|now| now.values().len());
            }
        }
    }
}
