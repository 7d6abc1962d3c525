//! What a board promises to one who uses it, within one process.

#![cfg(not(pegel_loom))]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use pegel::dynamic::{Reader, Writer};
use pegel::{ErrorKind, Field, Options, Schema, Type, Value, list, unlink};
use tempfile::TempDir;

struct Boards(TempDir);

impl Boards {
    fn new() -> Self {
        Self(tempfile::tempdir_in("/dev/shm").unwrap())
    }

    fn name(&self, board: &str) -> String {
        format!("{}/{board}", self.0.path().display())
    }

    fn file(&self, board: &str) -> PathBuf {
        self.0.path().join(format!("pegel.{board}"))
    }
}

fn level() -> Schema {
    Schema::new(vec![Field::new("level", Type::F64).unit("m")]).unwrap()
}

fn record(level: f64) -> [u8; 8] {
    level.to_ne_bytes()
}

fn kind<T: std::fmt::Debug>(result: pegel::Result<T>) -> ErrorKind {
    result.unwrap_err().kind()
}

#[test]
fn a_record_comes_back_with_its_stamp() {
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
fn a_successor_goes_on_where_the_last_writer_stopped() {
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
fn locked_names_the_process_that_holds_the_board() {
    let boards = Boards::new();
    let board = boards.name("a");
    let _writer = Writer::create(&board, &level(), &Options::default()).unwrap();
    let holder = Reader::open(&board).unwrap().writer_process().unwrap();
    assert_eq!(holder.id, std::process::id());
    let impatient = Options {
        timeout: Duration::ZERO,
        ..Options::default()
    };
    for refused in [
        Writer::create(&board, &level(), &impatient).map(drop),
        Writer::open(&board, Some(Duration::ZERO)).map(drop),
        unlink(&board),
    ] {
        let message = refused.unwrap_err().to_string();
        assert!(message.contains(&format!("board a has a writer: {holder} holds ")));
    }
}

#[test]
fn a_creator_waits_a_second_by_default() {
    assert_eq!(Options::default().timeout, Duration::from_secs(1));
}

#[test]
fn publish_if_meets_the_sequence_or_changes_nothing() {
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
fn a_replaced_board_is_gone_for_its_readers_and_its_sequences_go_on() {
    let boards = Boards::new();
    let board = boards.name("a");
    let mut writer = Writer::create(&board, &level(), &Options::default()).unwrap();
    for _ in 0..3 {
        writer.publish(&record(1.0)).unwrap();
    }
    drop(writer);
    let reader = Reader::open(&board).unwrap();
    let other = Schema::new(vec![Field::new("depth", Type::I32)]).unwrap();
    let refused = Writer::create(&board, &other, &Options::default()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidFields);
    assert!(refused.to_string().contains("level"), "{refused}");
    assert_eq!(reader.read().unwrap().bytes(), record(1.0));

    let waiting = thread::spawn({
        let reader = Reader::open(&board).unwrap();
        move || kind(reader.wait(3, None))
    });
    let replace = Options {
        replace: true,
        ..Options::default()
    };
    let mut writer = Writer::create(&board, &other, &replace).unwrap();
    assert_eq!(waiting.join().unwrap(), ErrorKind::Gone);
    assert_eq!(kind(reader.read()), ErrorKind::Gone);
    assert_eq!(kind(reader.sequence()), ErrorKind::Gone);
    let reader = Reader::open(&board).unwrap();
    assert_eq!(kind(reader.read()), ErrorKind::Empty);
    assert_eq!(reader.sequence().unwrap(), 0);
    assert_eq!(writer.publish_if(0, &7_i32.to_ne_bytes()).unwrap(), 4);
    assert_eq!(reader.read().unwrap().stamp().generation, 2);
    assert_eq!(kind(reader.read_at(3)), ErrorKind::Overwritten);
}

#[test]
fn replacing_an_equal_board_keeps_its_record() {
    let boards = Boards::new();
    let board = boards.name("a");
    let mut writer = Writer::create(&board, &level(), &Options::default()).unwrap();
    writer.publish(&record(1.0)).unwrap();
    drop(writer);
    let options = Options {
        replace: true,
        ..Options::default()
    };
    let writer = Writer::create(&board, &level(), &options).unwrap();
    assert_eq!(writer.reader().read().unwrap().bytes(), record(1.0));
}

#[test]
fn a_removed_board_is_gone() {
    let boards = Boards::new();
    let board = boards.name("a");
    assert_eq!(kind(unlink(&board)), ErrorKind::NotFound);
    let mut writer = Writer::create(&board, &level(), &Options::default()).unwrap();
    writer.publish(&record(1.0)).unwrap();
    drop(writer);
    let reader = Reader::open(&board).unwrap();
    assert_eq!(list(Some(boards.0.path())).unwrap(), ["a"]);
    unlink(&board).unwrap();
    assert_eq!(kind(reader.read()), ErrorKind::Gone);
    assert_eq!(kind(Reader::open(&board)), ErrorKind::NotFound);
    assert_eq!(fs::read_dir(boards.0.path()).unwrap().count(), 0);
}

#[test]
fn a_file_removed_by_hand_is_noticed_by_those_who_wait_and_write() {
    let boards = Boards::new();
    let mut writer = Writer::create(&boards.name("a"), &level(), &Options::default()).unwrap();
    let reader = Reader::open(&boards.name("a")).unwrap();
    fs::remove_file(boards.file("a")).unwrap();
    assert_eq!(kind(reader.wait(0, None)), ErrorKind::Gone);
    assert_eq!(kind(writer.publish(&record(1.0))), ErrorKind::Gone);
}

#[test]
fn a_death_between_the_mark_and_the_new_board_leaves_the_old_one() {
    let boards = Boards::new();
    let board = boards.name("a");
    let mut writer = Writer::create(&board, &level(), &Options::default()).unwrap();
    writer.publish(&record(1.0)).unwrap();
    drop(writer);
    // The lowest bit of the head, which follows the header and the one field.
    let mut bytes = fs::read(boards.file("a")).unwrap();
    let head = if cfg!(target_endian = "little") {
        192
    } else {
        199
    };
    bytes[head] |= 1;
    fs::write(boards.file("a"), bytes).unwrap();
    let reader = Reader::open(&board).unwrap();
    assert_eq!(reader.read().unwrap().bytes(), record(1.0));
    assert_eq!(
        kind(reader.wait(1, Some(Duration::from_millis(5)))),
        ErrorKind::Timeout
    );
    let mut writer = Writer::open(&board, None).unwrap();
    assert_eq!(writer.publish(&record(2.0)).unwrap(), 2);
    assert_eq!(reader.read().unwrap().bytes(), record(2.0));
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
fn modes_decide_who_may_write_and_lock() {
    let boards = Boards::new();
    let mode = |path: PathBuf| fs::metadata(path).unwrap().mode() & 0o7777;
    for (given, board_mode, lock_mode) in [
        (0, 0o640, 0o600),
        (0o600, 0o600, 0o600),
        (0o660, 0o660, 0o660),
        (0o664, 0o664, 0o660),
    ] {
        let options = Options {
            mode: given,
            ..Options::default()
        };
        let name = format!("m{given}");
        drop(Writer::create(&boards.name(&name), &level(), &options).unwrap());
        assert_eq!(mode(boards.file(&name)), board_mode);
        assert_eq!(mode(boards.file(&format!("{name}.lock"))), lock_mode);
    }
    for mode in [0o666, 0o400, 0o770, 0o1640, 0o644 | 0o100_000] {
        let options = Options {
            mode,
            ..Options::default()
        };
        let refused = Writer::create(&boards.name("b"), &level(), &options);
        assert_eq!(kind(refused), ErrorKind::InvalidArgument);
    }
    let options = Options {
        mode: 0o660,
        ..Options::default()
    };
    drop(Writer::create(&boards.name("m0"), &level(), &options).unwrap());
    assert_eq!(mode(boards.file("m0")), 0o660);
    assert_eq!(mode(boards.file("m0.lock")), 0o660);
    fs::set_permissions(boards.file("m0"), fs::Permissions::from_mode(0o606)).unwrap();
    assert_eq!(kind(Reader::open(&boards.name("m0"))), ErrorKind::Untrusted);
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
fn the_lock_is_for_those_who_may_write_the_board() {
    let boards = Boards::new();
    let lock_mode = || fs::metadata(boards.file("a.lock")).unwrap().mode() & 0o7777;
    let create = |schema: &Schema, mode, replace| {
        let options = Options {
            mode,
            replace,
            ..Options::default()
        };
        Writer::create(&boards.name("a"), schema, &options).unwrap()
    };
    drop(create(&level(), 0o640, false));
    let other = Schema::new(vec![Field::new("depth", Type::I32)]).unwrap();
    drop(create(&other, 0o660, true));
    assert_eq!(lock_mode(), 0o660);
    fs::remove_file(boards.file("a")).unwrap();
    drop(create(&level(), 0o640, false));
    assert_eq!(lock_mode(), 0o600);
    // As after a death between the board's change and the lock's.
    fs::set_permissions(boards.file("a.lock"), fs::Permissions::from_mode(0o660)).unwrap();
    drop(Writer::open(&boards.name("a"), None).unwrap());
    assert_eq!(lock_mode(), 0o600);
}

#[test]
fn a_lock_that_was_removed_ends_its_writer() {
    let boards = Boards::new();
    let mut writer = Writer::create(&boards.name("a"), &level(), &Options::default()).unwrap();
    fs::remove_file(boards.file("a.lock")).unwrap();
    let error = writer.publish(&record(1.0)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Gone);
    let lock = boards.file("a.lock").display().to_string();
    let message =
        format!("board a: its lock file {lock} was removed. Close the writer and open it again.");
    assert_eq!(error.to_string(), message);
    drop(writer);
    let mut writer = Writer::open(&boards.name("a"), None).unwrap();
    writer.publish(&record(1.0)).unwrap();
    fs::remove_file(boards.file("a")).unwrap();
    thread::sleep(Duration::from_secs(1));
    let error = writer.publish(&record(2.0)).unwrap_err();
    assert!(error.to_string().contains("replaced or removed"), "{error}");
}

#[test]
fn what_others_put_beside_a_board_is_in_nobodys_way() {
    let boards = Boards::new();
    let board = boards.name("a");
    drop(Writer::create(&board, &level(), &Options::default()).unwrap());
    let hidden = |end: &str| boards.0.path().join(format!(".pegel.a.next{end}"));
    let taken = [hidden(""), hidden("-0123456789abcdef")];
    for path in &taken {
        fs::create_dir(path).unwrap();
    }
    // Of the board `a.next`, and of nobody.
    let others = [hidden(".next-0123456789abcdef"), hidden("-0123")];
    for path in &others {
        fs::write(path, "").unwrap();
    }
    // What one leaves who dies in the midst of a replacement.
    fs::write(hidden("-fedcba9876543210"), "a whole segment").unwrap();
    let other = Schema::new(vec![Field::new("other", Type::U8)]).unwrap();
    let options = Options {
        replace: true,
        ..Options::default()
    };
    drop(Writer::create(&board, &other, &options).unwrap());
    assert!(!hidden("-fedcba9876543210").exists());
    unlink(&board).unwrap();
    assert_eq!(fs::read_dir(boards.0.path()).unwrap().count(), 4);
    assert!(taken.iter().chain(&others).all(|path| path.exists()));
}

#[test]
fn failures_and_removals_leave_nothing_behind() {
    let boards = Boards::new();
    let board = boards.name("a");
    assert_eq!(kind(Writer::open(&board, None)), ErrorKind::NotFound);
    assert_eq!(kind(unlink(&board)), ErrorKind::NotFound);
    fs::write(boards.file("a"), "no board").unwrap();
    let create = Writer::create(&board, &level(), &Options::default());
    assert_eq!(kind(create), ErrorKind::Corrupt);
    assert!(!boards.file("a.lock").exists());
    // What a death in the midst of a replacement leaves.
    fs::write(boards.0.path().join(".pegel.a.next"), "a whole segment").unwrap();
    unlink(&board).unwrap();
    assert_eq!(fs::read_dir(boards.0.path()).unwrap().count(), 0);
}

#[test]
fn a_board_that_was_copied_sparsely_gets_its_memory_back() {
    let boards = Boards::new();
    let schema = Schema::new(vec![Field::bytes(1 << 20)]).unwrap();
    drop(Writer::create(&boards.name("a"), &schema, &Options::default()).unwrap());
    let bytes = fs::read(boards.file("a")).unwrap();
    fs::write(boards.file("b"), &bytes[..4096]).unwrap();
    let copy = fs::OpenOptions::new()
        .write(true)
        .open(boards.file("b"))
        .unwrap();
    copy.set_len(bytes.len() as u64).unwrap();
    fs::set_permissions(boards.file("b"), fs::Permissions::from_mode(0o640)).unwrap();
    assert!(copy.metadata().unwrap().blocks() * 512 < 1 << 20);
    let mut writer = Writer::open(&boards.name("b"), None).unwrap();
    assert!(copy.metadata().unwrap().blocks() * 512 >= bytes.len() as u64);
    writer.publish(&vec![1; 1 << 20]).unwrap();
}

#[test]
fn a_writer_without_stamps_publishes_whole_records_and_tells_no_time() {
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
            // The first ones leave their stamps in every slot.
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
        // Now and then it has to look whether the file is still there.
        assert!(slow <= 10, "{slow}");
        assert!((0..300).any(|_| writer.publish_fast(&record).is_some()));
        assert_eq!(writer.publish_fast(&record[1..]), None, "a wrong size");
        // The turn may have been taken meanwhile: noticed before the ring is run through often.
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
fn a_view_takes_no_short_cut() {
    let directory = tempfile::tempdir_in("/dev/shm").unwrap();
    let board = format!("{}/a", directory.path().display());
    // As large as without the last field, which stands where there was padding.
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
fn each_way_of_asking_finds_out_that_a_board_was_removed_by_hand() {
    type Ask = fn(&Reader) -> pegel::Result<()>;
    let asks: [(&str, Ask); 7] = [
        ("read", |reader| reader.read().map(drop)),
        ("read_at", |reader| reader.read_at(1).map(drop)),
        ("read_after", |reader| reader.read_after(0).map(drop)),
        ("last", |reader| reader.last(3).map(drop)),
        ("sequence", |reader| reader.sequence().map(drop)),
        ("copy_into", |reader| {
            reader.copy_into(&mut [0; 8]).map(drop)
        }),
        ("read_fast", |reader| {
            let mut buffer = [0; 8];
            if reader.read_fast(&mut buffer) {
                return Ok(());
            }
            reader.copy_into(&mut buffer).map(drop)
        }),
    ];
    for (name, ask) in asks {
        for open in [Reader::open, Reader::open_unmapped] {
            let boards = Boards::new();
            let create = |level_now| {
                let board = boards.name("a");
                let mut writer = Writer::create(&board, &level(), &Options::default()).unwrap();
                writer.publish(&record(level_now)).unwrap();
            };
            create(1.0);
            let reader = open(&boards.name("a")).unwrap();
            ask(&reader).unwrap();
            for file in ["a", "a.lock"] {
                fs::remove_file(boards.file(file)).unwrap();
            }
            create(2.0);
            let gone = (0..=8192).find_map(|_| ask(&reader).err());
            assert_eq!(
                gone.map(|error| error.kind()),
                Some(ErrorKind::Gone),
                "{name}"
            );
            assert_eq!(kind(ask(&reader)), ErrorKind::Gone, "{name}");
        }
    }
}

#[test]
fn a_read_that_looks_at_the_clock_finds_out_within_a_second() {
    let boards = Boards::new();
    let mut writer = Writer::create(&boards.name("a"), &level(), &Options::default()).unwrap();
    writer.publish(&record(1.0)).unwrap();
    let reader = Reader::open(&boards.name("a")).unwrap();
    reader.read().unwrap();
    fs::remove_file(boards.file("a")).unwrap();
    thread::sleep(Duration::from_secs(1));
    assert_eq!(kind(reader.read()), ErrorKind::Gone);
}

#[test]
fn a_mark_that_was_wiped_comes_back() {
    let directory = tempfile::tempdir_in("/dev/shm").unwrap();
    let board = format!("{}/a", directory.path().display());
    let mut old = Writer::create(&board, &level(), &Options::default()).unwrap();
    old.publish(&record(1.0)).unwrap();
    let reader = Reader::open(&board).unwrap();
    fs::remove_file(directory.path().join("pegel.a.lock")).unwrap();
    let other = Schema::new(vec![Field::new("other", Type::U8)]).unwrap();
    let options = Options {
        replace: true,
        ..Options::default()
    };
    Writer::create(&board, &other, &options).unwrap();
    assert_eq!(kind(reader.read()), ErrorKind::Gone);
    // It does not know yet, and takes the mark away; but not for long.
    let end = std::time::Instant::now() + Duration::from_secs(5);
    while old.publish(&record(2.0)).is_ok() {
        assert!(std::time::Instant::now() < end, "it never looks");
    }
    assert_eq!(kind(reader.read()), ErrorKind::Gone);
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
        // Also by the fast way, which takes documents as long as the capacity.
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
