//! Schemas that grow: what old and new programs see of each other's boards.

#![cfg(not(pegel_loom))]

use pegel::dynamic::{Reader, Writer};
use pegel::{Condition, ErrorKind, Field, Options, Result, Schema, Type, Value};
use tempfile::TempDir;

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn board(&self) -> String {
        format!("{}/tank", self.0.path().display())
    }

    fn create(&self, fields: &[Field]) -> Result<Writer> {
        Writer::create(&self.board(), &schema(fields), &Options::default())
    }

    fn read(&self) -> Vec<(String, Value)> {
        let reader = Reader::open(&self.board()).unwrap();
        owned(reader.read().unwrap().values())
    }
}

fn owned(values: Vec<(&str, Value)>) -> Vec<(String, Value)> {
    let owned = values
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value));
    owned.collect()
}

fn schema(fields: &[Field]) -> Schema {
    Schema::new(fields.to_vec()).unwrap()
}

fn level() -> Field {
    Field::new("level", Type::F64).unit("m")
}

fn rain() -> Field {
    Field::new("rain", Type::Bool)
}

fn wind() -> Field {
    Field::new("wind", Type::F32).unit("m/s").optional()
}

fn limit() -> Field {
    Field::new("limit", Type::U16).default(80_u16)
}

fn publish(writer: &mut Writer, values: &[(&str, Value)]) -> u64 {
    let record = writer.reader().schema().encode(values).unwrap();
    writer.publish(&record).unwrap()
}

#[test]
fn appended_fields_are_unknown_or_have_their_defaults() {
    let place = Place::new();
    let mut old = place.create(&[level(), rain()]).unwrap();
    publish(&mut old, &[("level", 1.5.into()), ("rain", true.into())]);
    drop(old);
    let old_reader = Reader::open(&place.board()).unwrap();
    let new = [level(), rain(), wind(), limit()];
    let as_new = Reader::open(&place.board())
        .unwrap()
        .view(&schema(&new))
        .unwrap();
    let expected = [
        ("level".into(), 1.5.into()),
        ("rain".into(), true.into()),
        ("wind".into(), Value::Null),
        ("limit".into(), 80_u16.into()),
    ];
    assert_eq!(owned(as_new.read().unwrap().values()), expected);
    let age = as_new.read().unwrap().stamp().published_ns;

    let mut writer = place.create(&new).unwrap();
    assert_eq!(old_reader.read().unwrap_err().kind(), ErrorKind::Gone);
    assert_eq!(place.read(), expected);
    let carried = Reader::open(&place.board()).unwrap();
    let stamp = *carried.read().unwrap().stamp();
    assert_eq!((stamp.sequence, stamp.generation, stamp.present), (1, 1, 0));
    assert!((stamp.published_ns - age).abs() < 1_000_000_000);
    assert_eq!(carried.lineage(), old_reader.lineage());

    let values = [
        ("level", 2.0.into()),
        ("rain", false.into()),
        ("wind", 7.5_f32.into()),
    ];
    assert_eq!(publish(&mut writer, &values), 2);
    let as_old = carried.view(&schema(&[level(), rain()])).unwrap();
    let now = as_old.read().unwrap();
    assert_eq!(now.values(), values[..2]);
    assert_eq!(now.bytes().len(), 16);
    assert_eq!(now.stamp().present, 0);
}

#[test]
fn an_old_program_writes_a_board_that_has_grown() {
    let place = Place::new();
    // The new field is in the padding of the old program's C struct.
    let small = Field::new("small", Type::U8).default(7_u8);
    drop(place.create(&[level(), rain(), small, wind()]).unwrap());
    let old = schema(&[level(), rain()]);
    let writer = Writer::create(&place.board(), &old, &Options::default()).unwrap();
    let mut writer = writer.view(&old).unwrap();
    let mut record = [0xff; 16];
    record[..8].copy_from_slice(&2.5_f64.to_ne_bytes());
    record[8] = 1;
    writer.publish(&record).unwrap();
    let expected = [
        ("level".into(), 2.5.into()),
        ("rain".into(), true.into()),
        ("small".into(), 7_u8.into()),
        ("wind".into(), Value::Null),
    ];
    assert_eq!(place.read(), expected);
    assert_eq!(writer.reader().read().unwrap().bytes()[..9], record[..9]);
}

#[test]
fn a_board_that_grows_keeps_its_access_and_its_slots() {
    let place = Place::new();
    let options = Options {
        slots: 64,
        mode: 0o660,
        ..Options::default()
    };
    let mut writer = Writer::create(&place.board(), &schema(&[level(), rain()]), &options).unwrap();
    for step in 1..=40 {
        let values = [("level", f64::from(step).into()), ("rain", true.into())];
        publish(&mut writer, &values);
    }
    drop(writer);
    let writer = place.create(&[level(), rain(), wind()]).unwrap();
    let info = writer.reader().info();
    assert_eq!((info.slots, info.mode), (64, 0o660));
    let last = writer.reader().last(100).unwrap();
    let sequences: Vec<_> = last.iter().map(|now| now.stamp().sequence).collect();
    assert_eq!(sequences, (1..=40).collect::<Vec<_>>());
    let level = last[6].get("level").unwrap();
    assert_eq!(level, Value::Float(7.0));
}

#[test]
fn rejects_other_schemas_with_the_difference() {
    let place = Place::new();
    let mut writer = place.create(&[level(), rain()]).unwrap();
    publish(&mut writer, &[("level", 1.5.into()), ("rain", true.into())]);
    drop(writer);
    let feet = level().unit("ft");
    let cases: [(&[Field], &str); 6] = [
        (&[level(), rain(), Field::new("hot", Type::Bool)], "hot"),
        (&[level()], "rain"),
        (&[rain(), level()], "level f64 in m at 0 instead of rain"),
        (&[feet, rain()], "in ft"),
        (&[level().optional(), rain()], "optional level"),
        (&[level(), rain().array(2)], "rain bool[2]"),
    ];
    for (fields, part) in cases {
        let error = place.create(fields).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidFields, "{error}");
        assert!(error.to_string().contains(part), "{error}: no {part:?}");
        let reader = Reader::open(&place.board()).unwrap();
        match reader.view(&schema(fields)) {
            Ok(_) => assert_eq!(fields.len(), 1, "a reader may know less"),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::InvalidFields);
                assert!(error.to_string().contains(part), "{error}: no {part:?}");
            }
        }
    }
    assert_eq!(place.read().len(), 2);
}

#[test]
fn replace_keeps_the_records_that_fit() {
    let place = Place::new();
    let mut writer = place.create(&[level(), rain()]).unwrap();
    for step in 1..=3 {
        publish(
            &mut writer,
            &[("level", f64::from(step).into()), ("rain", true.into())],
        );
    }
    drop(writer);
    let replace = Options {
        replace: true,
        ..Options::default()
    };
    let create = |fields: &[Field]| Writer::create(&place.board(), &schema(fields), &replace);
    drop(create(&[level()]).unwrap());
    assert_eq!(place.read(), [("level".into(), 3.0.into())]);
    let levels = |reader: &Reader| {
        let last = reader.last(10).unwrap();
        let levels = last
            .iter()
            .map(|now| (now.stamp().sequence, now.get("level").unwrap()));
        levels.collect::<Vec<_>>()
    };
    let reader = Reader::open(&place.board()).unwrap();
    assert_eq!(
        levels(&reader),
        [(1, 1.0.into()), (2, 2.0.into()), (3, 3.0.into())]
    );

    // Other limits alone do not replace a board.
    let limited = level().max(9.0);
    drop(place.create(std::slice::from_ref(&limited)).unwrap());
    assert_eq!(reader.read().unwrap().stamp().sequence, 3);
    drop(create(&[limited]).unwrap());
    assert_eq!(reader.read().unwrap_err().kind(), ErrorKind::Gone);
    let reader = Reader::open(&place.board()).unwrap();
    assert_eq!(levels(&reader).len(), 3);
    assert!(reader.schema().encode(&[("level", 9.5.into())]).is_err());

    drop(create(&[rain()]).unwrap());
    let reader = Reader::open(&place.board()).unwrap();
    assert_eq!(reader.read().unwrap_err().kind(), ErrorKind::Empty);
    assert_eq!(reader.sequence().unwrap(), 0);
    let mut writer = create(&[rain()]).unwrap();
    assert_eq!(publish(&mut writer, &[("rain", true.into())]), 4);
}

#[test]
fn an_empty_board_and_a_document_grow_freely() {
    let place = Place::new();
    drop(place.create(&[level()]).unwrap());
    drop(place.create(&[level(), rain()]).unwrap());
    let reader = Reader::open(&place.board()).unwrap();
    assert_eq!(reader.schema().fields().len(), 2);

    let board = format!("{}-document", place.board());
    let create = |capacity| {
        let document = schema(&[Field::json(capacity)]);
        Writer::create(&board, &document, &Options::default())
    };
    create(100).unwrap().publish("[1]").unwrap();
    drop(create(200).unwrap());
    let reader = Reader::open(&board).unwrap();
    assert_eq!(reader.info().record_size, 200);
    assert_eq!(reader.read().unwrap().bytes(), b"[1]");
    drop(create(50).unwrap());
    assert_eq!(reader.read().unwrap().stamp().sequence, 1);
    let bytes = Writer::create(&board, &schema(&[Field::bytes(50)]), &Options::default());
    assert_eq!(bytes.unwrap_err().kind(), ErrorKind::InvalidFields);
}

#[test]
fn a_board_with_defaults_is_never_empty() {
    let place = Place::new();
    let writer = place.create(&[limit(), wind()]).unwrap();
    let now = writer.reader().read().unwrap();
    assert_eq!(
        now.values(),
        [("limit", 80_u16.into()), ("wind", Value::Null)]
    );
    assert_eq!((now.stamp().sequence, now.stamp().generation), (1, 0));
    assert!(now.stamp().is_default());
    drop(writer);
    let mut writer = place.create(&[limit(), wind()]).unwrap();
    assert_eq!(publish(&mut writer, &[]), 2);
    assert!(!writer.reader().read().unwrap().stamp().is_default());

    for fields in [vec![level(), limit()], vec![wind()]] {
        let place = Place::new();
        let writer = place.create(&fields).unwrap();
        assert_eq!(writer.reader().read().unwrap_err().kind(), ErrorKind::Empty);
    }
}

#[test]
fn unchanged_defaults_are_replaced_by_new_ones() {
    let place = Place::new();
    drop(place.create(&[limit()]).unwrap());
    // Without a default, but nothing has been published yet.
    let writer = place.create(&[limit(), level()]).unwrap();
    assert_eq!(writer.reader().read().unwrap_err().kind(), ErrorKind::Empty);
    drop(writer);

    let place = Place::new();
    drop(place.create(&[limit()]).unwrap());
    let options = Options {
        replace: true,
        ..Options::default()
    };
    let create = |default: u16| {
        let fields = schema(&[Field::new("limit", Type::U16).default(default)]);
        Writer::create(&place.board(), &fields, &options).unwrap()
    };
    let mut writer = create(7);
    let now = writer.reader().read().unwrap();
    assert_eq!(now.values(), [("limit", 7_u16.into())]);
    assert!(now.stamp().is_default());
    publish(&mut writer, &[("limit", 8.into())]);
    drop(writer);
    let writer = create(9);
    let now = writer.reader().read().unwrap();
    assert_eq!(now.values(), [("limit", 8_u16.into())]);
    assert!(!now.stamp().is_default());
}

#[test]
fn documents_differ_by_name_and_unit() {
    let place = Place::new();
    let document = || Field::json(100).unit("m");
    drop(place.create(&[document()]).unwrap());
    for other in [
        document().unit("ft"),
        Field {
            name: "other".into(),
            ..document()
        },
    ] {
        let refused = place.create(std::slice::from_ref(&other)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidFields);
        let reader = Reader::open(&place.board()).unwrap();
        assert!(reader.view(&schema(&[other])).is_err());
    }
}

#[test]
fn history_is_a_window_and_counts_what_was_missed() {
    let place = Place::new();
    let mut writer = place.create(&[level()]).unwrap();
    let reader = Reader::open(&place.board()).unwrap();
    assert!(reader.last(3).unwrap().is_empty());
    assert_eq!(reader.read_after(0).unwrap_err().kind(), ErrorKind::Empty);
    for step in 1..=40 {
        publish(&mut writer, &[("level", f64::from(step).into())]);
    }
    let sequences = |count| {
        let last = reader.last(count).unwrap();
        let sequences: Vec<_> = last.iter().map(|now| now.stamp().sequence).collect();
        sequences
    };
    assert!(sequences(0).is_empty());
    assert_eq!(sequences(3), [38, 39, 40]);
    assert_eq!(sequences(100), (26..=40).collect::<Vec<_>>());
    let next = reader.read_after(38).unwrap();
    assert_eq!((next.stamp().sequence, next.stamp().missed), (39, 0));
    let lapped = reader.read_after(10).unwrap();
    assert_eq!((lapped.stamp().sequence, lapped.stamp().missed), (26, 15));
    assert_eq!(reader.read_after(40).unwrap_err().kind(), ErrorKind::Empty);
}

#[test]
fn unacknowledged_records_are_not_overwritten() {
    let place = Place::new();
    let mut writer = place.create(&[level()]).unwrap();
    let record = 1.0_f64.to_ne_bytes();
    for _ in 1..=15 {
        writer
            .publish_on(Condition::Acknowledged(0), &record)
            .unwrap();
    }
    let full = writer
        .publish_on(Condition::Acknowledged(0), &record)
        .unwrap_err();
    assert_eq!(full.kind(), ErrorKind::Full);
    assert!(full.to_string().contains("15"), "{full}");
    assert_eq!(writer.reader().read_after(0).unwrap().stamp().sequence, 1);
    assert_eq!(
        writer
            .publish_on(Condition::Acknowledged(1), &record)
            .unwrap(),
        16
    );
    assert_eq!(writer.reader().read_after(1).unwrap().stamp().sequence, 2);
    let beyond = writer.publish_on(Condition::Acknowledged(17), &record);
    let beyond = beyond.unwrap_err();
    assert_eq!(beyond.kind(), ErrorKind::InvalidArgument);
    assert!(beyond.to_string().contains("17"), "{beyond}");
}
