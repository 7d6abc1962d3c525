//! How boards are created, taken over, replaced and removed, within one process.

#![cfg(not(pegel_loom))]

mod common;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use pegel::dynamic::{Reader, Writer};
use pegel::{ErrorKind, Field, Options, Schema, Type, list, unlink};

use common::{Boards, kind, level, record};

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
fn a_replaced_board_is_gone_and_its_sequences_continue() {
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
fn a_crash_between_the_mark_and_the_new_board_leaves_the_old_one() {
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
fn the_lock_is_for_users_that_can_write_the_board() {
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
    // As after a crash between the change of the board's mode and the lock's.
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
fn files_of_others_beside_a_board_do_no_harm() {
    let boards = Boards::new();
    let board = boards.name("a");
    drop(Writer::create(&board, &level(), &Options::default()).unwrap());
    let hidden = |end: &str| boards.0.path().join(format!(".pegel.a.next{end}"));
    let taken = [hidden(""), hidden("-0123456789abcdef")];
    for path in &taken {
        fs::create_dir(path).unwrap();
    }
    // A file of the board `a.next`, and one of no board.
    let others = [hidden(".next-0123456789abcdef"), hidden("-0123")];
    for path in &others {
        fs::write(path, "").unwrap();
    }
    // A file that a crash during a replacement leaves.
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
    // A file that a crash during a replacement leaves.
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
fn every_call_notices_a_board_removed_by_hand() {
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
fn a_stamped_read_notices_within_a_second() {
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
fn a_mark_that_was_removed_is_set_again() {
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
    // The writer has not noticed yet, and removes the mark, but not for long.
    let end = std::time::Instant::now() + Duration::from_secs(5);
    while old.publish(&record(2.0)).is_ok() {
        assert!(std::time::Instant::now() < end, "it never looks");
    }
    assert_eq!(kind(reader.read()), ErrorKind::Gone);
}
