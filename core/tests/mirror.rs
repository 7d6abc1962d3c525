//! Mirrors: boards that show records of another machine.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pegel::dynamic::{Mirror, Origin, Payload, Reader, Writer};
use pegel::{ErrorKind, Field, Options, Result, Schema, Type, unlink};

struct Scene {
    _directory: tempfile::TempDir,
    board: String,
    schema: Schema,
}

fn scene() -> Scene {
    let directory = tempfile::tempdir().expect("a directory");
    let board = format!("{}/gauge", directory.path().display());
    let fields = vec![
        Field::new("level", Type::U64),
        Field::new("rain", Type::Bool).optional(),
    ];
    let schema = Schema::new(fields).expect("fields");
    Scene {
        _directory: directory,
        board,
        schema,
    }
}

impl Scene {
    fn mirror(&self) -> Mirror {
        Mirror::new(&self.board, &Options::default()).expect("a name")
    }

    fn show(&self, mirror: &mut Mirror, origin: Origin, level: u64) -> Result<bool> {
        let record = self.schema.encode(&[("level", level.into())])?;
        mirror.show(&self.schema, &origin, &record)
    }

    fn level(&self) -> pegel::Value {
        let reader = Reader::open(&self.board).expect("a board");
        reader.read().expect("a record").get("level").expect("it")
    }
}

fn origin(sequence: u64) -> Origin {
    Origin {
        lineage: 7,
        sequence,
        generation: 3,
        age_ns: Some(60_000_000_000),
    }
}

#[test]
fn records_are_shown_as_they_were_published() {
    let scene = scene();
    let mut mirror = scene.mirror();
    assert!(scene.show(&mut mirror, origin(41), 1).expect("shown"));
    let reader = Reader::open(&scene.board).expect("a board");
    assert!(scene.show(&mut mirror, origin(42), 2).expect("shown"));
    assert!(!scene.show(&mut mirror, origin(42), 2).expect("known"));
    let snapshot = reader.read().expect("a record");
    let stamp = snapshot.stamp();
    assert_eq!((stamp.sequence, stamp.generation), (42, 3));
    assert!((60_000_000_000..90_000_000_000).contains(&stamp.age_ns));
    assert_eq!(snapshot.get("rain").expect("it"), pegel::Value::Null);
    assert_eq!((reader.lineage(), reader.info().generation), (7, 3));
    assert_eq!(reader.last(9).expect("records").len(), 2);
    assert!(reader.info().mirror);
    let untimed = Origin {
        age_ns: None,
        ..origin(43)
    };
    assert!(scene.show(&mut mirror, untimed, 3).expect("shown"));
    assert!(!reader.read().expect("a record").stamp().is_timed());
}

#[test]
fn missed_records_are_not_shown() {
    let scene = scene();
    let mut mirror = scene.mirror();
    scene.show(&mut mirror, origin(1), 1).expect("shown");
    let before = Reader::open(&scene.board).expect("a board");
    scene.show(&mut mirror, origin(9), 9).expect("shown");
    let gone = before.read().expect_err("another segment");
    assert_eq!(gone.kind(), ErrorKind::Gone);
    let reader = before.reopen().expect("the new one");
    assert_eq!((reader.sequence().unwrap(), reader.lineage()), (9, 7));
    assert!(reader.read_at(8).is_err());
    assert_eq!(reader.last(9).expect("records").len(), 1);
}

#[test]
fn sequences_that_go_back_are_of_another_lineage() {
    let scene = scene();
    let mut mirror = scene.mirror();
    scene.show(&mut mirror, origin(9), 9).expect("shown");
    scene.show(&mut mirror, origin(8), 80).expect("shown");
    let reader = Reader::open(&scene.board).expect("a board");
    assert_eq!(reader.sequence().unwrap(), 8);
    assert_ne!(reader.lineage(), 7);
    // After that, it continues.
    scene.show(&mut mirror, origin(9), 90).expect("shown");
    assert_eq!(
        (reader.sequence().unwrap(), scene.level()),
        (9, 90_u64.into())
    );
    // The same sequence with another record, too.
    scene.show(&mut mirror, origin(9), 91).expect("shown");
    assert_eq!(scene.level(), 91_u64.into());
}

#[test]
fn no_other_writer_can_write_it() {
    let scene = scene();
    let mut mirror = scene.mirror();
    scene.show(&mut mirror, origin(1), 1).expect("shown");
    let locked = scene.show(&mut scene.mirror(), origin(2), 2);
    assert_eq!(locked.expect_err("a writer").kind(), ErrorKind::Locked);
    mirror.release();
    let reader = Reader::open(&scene.board).expect("a board");
    assert!(!reader.writer_alive().expect("an answer"));
    let opened = Writer::open(&scene.board, None);
    assert_eq!(opened.expect_err("a mirror").kind(), ErrorKind::Denied);
    for replace in [false, true] {
        let options = Options {
            replace,
            ..Options::default()
        };
        let created = Writer::create(&scene.board, &scene.schema, &options);
        assert_eq!(created.expect_err("a mirror").kind(), ErrorKind::Denied);
    }
    // Opened again, also in another process, it does not show the same record twice.
    let mut mirror = scene.mirror();
    mirror.resume(&scene.schema).expect("taken");
    assert!(reader.writer_alive().expect("an answer"));
    assert!(!scene.show(&mut mirror, origin(1), 1).expect("known"));
    assert!(scene.show(&mut mirror, origin(2), 2).expect("shown"));
    assert_eq!(
        (reader.sequence().unwrap(), reader.info().generation),
        (2, 3)
    );
}

#[test]
fn it_takes_no_board_of_this_machine() {
    let scene = scene();
    let options = Options::default();
    let mut own = Writer::create(&scene.board, &scene.schema, &options).expect("a board");
    let record = scene.schema.encode(&[("level", 5_u64.into())]);
    own.publish(&record.expect("a record")).expect("published");
    drop(own);
    let refused = scene.show(&mut scene.mirror(), origin(9), 9);
    assert_eq!(
        refused.expect_err("its own").kind(),
        ErrorKind::InvalidArgument
    );
    assert_eq!(scene.level(), 5_u64.into());
}

#[test]
fn a_removed_mirror_is_created_again() {
    let scene = scene();
    let mut mirror = scene.mirror();
    scene.show(&mut mirror, origin(1), 1).expect("shown");
    mirror.release();
    unlink(&scene.board).expect("removed");
    assert!(scene.show(&mut mirror, origin(1), 1).expect("shown"));
    std::fs::remove_file(Reader::open(&scene.board).expect("a board").path()).expect("removed");
    // The writer checks once a second, and at its first record.
    mirror.release();
    assert!(scene.show(&mut mirror, origin(2), 2).expect("shown"));
    assert_eq!(scene.level(), 2_u64.into());
}

#[test]
fn a_schema_that_changes_is_another_segment() {
    let scene = scene();
    let mut mirror = scene.mirror();
    scene.show(&mut mirror, origin(1), 1).expect("shown");
    let schema = Schema::new(vec![Field::new("depth", Type::F64)]).expect("fields");
    let record = schema.encode(&[("depth", 2.5.into())]).expect("a record");
    assert!(mirror.show(&schema, &origin(2), &record).expect("shown"));
    let reader = Reader::open(&scene.board).expect("a board");
    assert_eq!(reader.schema(), &schema);
    let short = mirror.show(&schema, &origin(3), &record.bytes[..7]);
    assert_eq!(
        short.expect_err("too short").kind(),
        ErrorKind::InvalidArgument
    );
    let none = mirror.show(&schema, &origin(0), &record);
    assert_eq!(
        none.expect_err("no sequence").kind(),
        ErrorKind::InvalidArgument
    );
}

#[test]
fn the_same_bytes_with_other_fields_unknown_are_another_record() {
    let scene = scene();
    let mut mirror = scene.mirror();
    let mut show = |present| {
        let record = Payload::new(&[0; 16], present);
        mirror.show(&scene.schema, &origin(1), record)
    };
    assert!(show(0).expect("shown"));
    assert!(show(1).expect("shown"));
    // Bits without a field are not set.
    assert!(!show(u64::MAX).expect("known"));
    let reader = Reader::open(&scene.board).expect("a board");
    let snapshot = reader.read().expect("a record");
    assert_eq!(snapshot.stamp().present, 1);
    assert_eq!(snapshot.get("rain").expect("it"), false.into());
    unlink(&scene.board).expect_err("its writer has it");
}

#[test]
fn bits_without_a_field_are_not_published() {
    let scene = scene();
    let record = Payload::new(&[0; 16], u64::MAX);
    let shown = scene.mirror().show(&scene.schema, &origin(1), record);
    assert!(shown.expect("shown"));
    let reader = Reader::open(&scene.board).expect("a board");
    assert_eq!(reader.read().expect("a record").stamp().present, 1);
}

#[test]
fn it_does_not_disturb_a_board_of_this_machine() {
    let scene = scene();
    let options = Options::default();
    drop(Writer::create(&scene.board, &scene.schema, &options).expect("a board"));
    let is_over = AtomicBool::new(false);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            let mut mirror = scene.mirror();
            while !is_over.load(Ordering::Relaxed) {
                let _refused = scene.show(&mut mirror, origin(9), 9);
                let _refused = mirror.resume(&scene.schema);
            }
        });
        let opened = (0..20_000).map(|_| Writer::open(&scene.board, Some(Duration::ZERO)).err());
        let refused: Vec<_> = opened.flatten().collect();
        is_over.store(true, Ordering::Relaxed);
        assert!(
            refused.is_empty(),
            "{} times: {:?}",
            refused.len(),
            refused[0]
        );
    });
}
