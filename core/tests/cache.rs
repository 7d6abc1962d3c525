//! The cache of open readers. In a process of its own, as the cache belongs to the whole process.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use pegel::dynamic::{Reader, Writer};
use pegel::{ErrorKind, Field, Options, Schema, Type, unlink};

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

fn is_mapped(board: &Reader) -> bool {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    maps.contains(board.path().to_str().unwrap())
}

fn create(board: &str, level: u64) {
    let schema = Schema::new(vec![Field::new("level", Type::U64)]).unwrap();
    let mut writer = Writer::create(board, &schema, &Options::default()).unwrap();
    writer.publish(&level.to_ne_bytes()).unwrap();
}

fn level(reader: &Reader) -> u64 {
    u64::from_ne_bytes(reader.read().unwrap().bytes().try_into().unwrap())
}

#[test]
fn a_cached_board_is_the_one_that_opening_would_find() {
    let directory = tempfile::tempdir_in("/dev/shm").unwrap();
    let board = format!("{}/a", directory.path().display());
    let kind = || Reader::open_cached(&board).unwrap_err().kind();
    assert_eq!(kind(), ErrorKind::NotFound);
    create(&board, 1);
    let first = Reader::open_cached(&board).unwrap();
    assert_eq!(level(&first), 1);
    assert!(!is_mapped(&first), "for one look");
    assert_eq!(level(&first), 1);
    assert!(is_mapped(&first));
    let at = Arc::as_ptr(&first);
    drop(first);
    let second = Reader::open_cached(&board).unwrap();
    assert_eq!(Arc::as_ptr(&second), at);
    assert!(second.is_current());

    unlink(&board).unwrap();
    assert!(!second.is_current());
    assert_eq!(kind(), ErrorKind::NotFound);
    create(&board, 2);
    let third = Reader::open_cached(&board).unwrap();
    assert_eq!(level(&third), 2);
    assert_eq!(second.read().unwrap_err().kind(), ErrorKind::Gone);
    assert!(third.is_current() && !second.is_current());

    let mode = |mode| fs::set_permissions(third.path(), fs::Permissions::from_mode(mode)).unwrap();
    mode(0o666);
    assert!(!third.is_current());
    assert_eq!(kind(), ErrorKind::Untrusted);
    mode(0o640);
    assert_eq!(level(&Reader::open_cached(&board).unwrap()), 2);

    let before = descriptors();
    let boards: Vec<_> = (0..200)
        .map(|number| format!("{}/b{number}", directory.path().display()))
        .collect();
    for (number, board) in (0..).zip(&boards) {
        create(board, number);
        assert_eq!(level(&Reader::open_cached(board).unwrap()), number);
    }
    assert_eq!(descriptors(), before + 63, "the one above, and 63 others");
    for (number, board) in (0..).zip(&boards) {
        assert_eq!(level(&Reader::open_cached(board).unwrap()), number);
    }
    assert!(descriptors() <= before + 64);
}
