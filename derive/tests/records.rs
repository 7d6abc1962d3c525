//! Derived records on real boards.

use pegel::dynamic;
use pegel::{
    Condition, ErrorKind, Field, Options, Reader, Record, Schema, Text, Type, Value, Writer,
};
use serde::Serialize;

/// Everything that a
/// field can be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Record)]
#[repr(C)]
struct Station {
    /// Above the gauge's zero.
    #[pegel(unit = "m", label = "Water level", min = -1.0, max = 20.0)]
    level: f64,
    rain: bool,
    #[pegel(unit = "m/s")]
    wind: Option<f32>,
    #[pegel(default = "none")]
    note: Text<5>,
    #[pegel(max = 5_000_000_000)]
    counts: [u64; 2],
    grid: [[i16; 3]; 2],
    phases: Option<[f32; 3]>,
    r#type: u8,
}

/// The layout that the derived code must have.
#[repr(C)]
struct Bytes {
    level: f64,
    rain: u8,
    wind: f32,
    note: [u8; 5],
    counts: [u64; 2],
    grid: [[i16; 3]; 2],
    phases: [f32; 3],
    kind: u8,
}

fn station() -> Station {
    Station {
        level: 3.21,
        rain: true,
        wind: Some(7.5),
        note: Text::new("höh").unwrap(),
        counts: [1, u64::MAX],
        grid: [[1, -2, 3], [4, 5, -6]],
        phases: None,
        r#type: 9,
    }
}

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn board(&self) -> String {
        format!("{}/station", self.0.path().display())
    }
}

#[test]
fn the_layout_is_that_of_c() {
    assert_eq!(Station::SIZE, size_of::<Bytes>());
    let schema = Schema::new(Station::fields()).unwrap();
    assert_eq!(schema.record_size(), Station::SIZE);
    let offsets: Vec<_> = schema
        .fields()
        .iter()
        .map(|field| field.offset as usize)
        .collect();
    let expected = [
        std::mem::offset_of!(Bytes, level),
        std::mem::offset_of!(Bytes, rain),
        std::mem::offset_of!(Bytes, wind),
        std::mem::offset_of!(Bytes, note),
        std::mem::offset_of!(Bytes, counts),
        std::mem::offset_of!(Bytes, grid),
        std::mem::offset_of!(Bytes, phases),
        std::mem::offset_of!(Bytes, kind),
    ];
    assert_eq!(offsets, expected);
}

#[test]
fn reads_a_record_that_any_program_can_show() {
    let place = Place::new();
    let mut writer = Writer::<Station>::create(&place.board(), &Options::default()).unwrap();
    let reader = Reader::<Station>::open(&place.board()).unwrap();
    assert_eq!(reader.read().unwrap_err().kind(), ErrorKind::Empty);
    assert_eq!(writer.publish(&station()).unwrap(), 1);
    let now = reader.read().unwrap();
    assert_eq!(*now, station());
    assert_eq!((now.level, now.stamp().sequence), (3.21, 1));

    let named = dynamic::Reader::open(&place.board()).unwrap();
    let snapshot = named.read().unwrap();
    assert_eq!(snapshot.get("wind").unwrap(), Value::F32(7.5));
    assert_eq!(snapshot.get("note").unwrap(), "höh".into());
    assert_eq!(snapshot.get("counts").unwrap(), vec![1, u64::MAX].into());
    assert_eq!(
        snapshot.get("grid").unwrap(),
        vec![1_i16, -2, 3, 4, 5, -6].into()
    );
    assert_eq!(snapshot.get("phases").unwrap(), Value::Null);
    let schema = named.schema();
    assert_eq!(schema.description(), "Everything that a field can be.");
    let level = schema.field("level").unwrap();
    assert_eq!(level.unit, "m");
    assert_eq!(level.details.label, "Water level");
    assert_eq!(level.details.description, "Above the gauge's zero.");
    assert_eq!(level.details.max, Some(Value::Float(20.0)));
    assert_eq!(
        schema.field("note").unwrap().details.default,
        Some("none".into())
    );
    assert_eq!(
        schema.field("counts").unwrap().details.max,
        Some(5_000_000_000_u64.into())
    );

    let json = serde_json::to_value(now).unwrap();
    assert_eq!(json["note"], "höh");
    assert_eq!(json["phases"], serde_json::Value::Null);
    let same = serde_json::to_value(&snapshot).unwrap();
    assert_eq!(same["type"], 9);
    assert_eq!(json["level"], same["level"]);
}

#[test]
fn updates_follows_and_keeps_records() {
    let place = Place::new();
    let options = Options {
        slots: 8,
        ..Options::default()
    };
    let mut writer = Writer::<Station>::create(&place.board(), &options).unwrap();
    for counter in 1..=10 {
        let counts = [counter, 0];
        writer
            .publish(&Station {
                counts,
                ..station()
            })
            .unwrap();
    }
    writer
        .update(|record| record.phases = Some([1.0, 2.0, 3.0]))
        .unwrap();
    let reader = Reader::<Station>::open(&place.board()).unwrap();
    let now = reader.read().unwrap();
    assert_eq!((now.counts[0], now.phases), (10, Some([1.0, 2.0, 3.0])));
    let last: Vec<_> = reader
        .last(3)
        .unwrap()
        .iter()
        .map(|now| now.counts[0])
        .collect();
    assert_eq!(last, [9, 10, 10]);
    assert_eq!(
        reader.read_at(1).unwrap_err().kind(),
        ErrorKind::Overwritten
    );
    let conflict = writer.publish_if(3, &station()).unwrap_err();
    assert_eq!(conflict.kind(), ErrorKind::Conflict);
    let full = writer
        .publish_on(Condition::Acknowledged(4), &station())
        .unwrap_err();
    assert_eq!(full.kind(), ErrorKind::Full);

    let every = reader.follow(|follow| follow.every().timeout(std::time::Duration::ZERO));
    let seen: Vec<_> = every
        .map(|now| now.map(|now| (now.stamp().sequence, now.stamp().missed)))
        .collect::<Result<_, _>>()
        .unwrap();
    let expected = [(5, 4), (6, 0), (7, 0), (8, 0), (9, 0), (10, 0), (11, 0)];
    assert_eq!(seen, expected);
}

#[test]
fn versions_of_a_record_read_and_write_each_other() {
    #[derive(Debug, PartialEq, Record)]
    struct Old {
        level: f64,
        rain: bool,
    }
    #[derive(Debug, PartialEq, Record)]
    struct New {
        level: f64,
        rain: bool,
        wind: Option<f32>,
        #[pegel(default = 80)]
        limit: u16,
    }
    let place = Place::new();
    let mut old = Writer::<Old>::create(&place.board(), &Options::default()).unwrap();
    old.publish(&Old {
        level: 1.5,
        rain: true,
    })
    .unwrap();
    let new = Reader::<New>::open(&place.board()).unwrap();
    let seen = new.read().unwrap().into_record();
    assert_eq!(
        seen,
        New {
            level: 1.5,
            rain: true,
            wind: None,
            limit: 80
        }
    );
    drop(old);

    let follower = Reader::<Old>::open(&place.board()).unwrap();
    let mut follower = follower.follow(|follow| follow.timeout(std::time::Duration::ZERO));
    assert_eq!(follower.next().unwrap().unwrap().stamp().sequence, 1);
    let mut writer = Writer::<New>::create(&place.board(), &Options::default()).unwrap();
    assert!(
        follower.next().is_none(),
        "the carried record was seen already"
    );
    writer
        .publish(&New {
            level: 2.5,
            rain: false,
            wind: Some(1.0),
            limit: 7,
        })
        .unwrap();
    let next = follower.next().unwrap().unwrap();
    assert_eq!(
        *next,
        Old {
            level: 2.5,
            rain: false
        }
    );
    drop(writer);

    let mut old = Writer::<Old>::open(&place.board(), None).unwrap();
    old.publish(&Old {
        level: 3.5,
        rain: true,
    })
    .unwrap();
    let seen = Reader::<New>::open(&place.board())
        .unwrap()
        .read()
        .unwrap()
        .into_record();
    assert_eq!(
        seen,
        New {
            level: 3.5,
            rain: true,
            wind: None,
            limit: 80
        }
    );
    let other = Reader::<Station>::open(&place.board()).unwrap_err();
    assert_eq!(other.kind(), ErrorKind::InvalidFields);
    drop(old);

    let mut writer = Writer::<New>::create(&place.board(), &Options::default()).unwrap();
    writer
        .publish(&New {
            level: 4.5,
            rain: true,
            wind: Some(2.0),
            limit: 9,
        })
        .unwrap();
    drop(writer);
    let mut old = Writer::<Old>::create(&place.board(), &Options::default()).unwrap();
    old.update(|record| record.level = 5.5).unwrap();
    let seen = Reader::<New>::open(&place.board()).unwrap();
    let seen = seen.read().unwrap().into_record();
    assert_eq!((seen.level, seen.wind, seen.limit), (5.5, Some(2.0), 9));
}

#[test]
fn a_writer_of_a_shared_board_needs_all_its_fields() {
    #[derive(Record)]
    struct Old {
        level: f64,
    }
    #[derive(Debug, Record)]
    struct New {
        level: f64,
        wind: Option<f32>,
    }
    let place = Place::new();
    drop(Writer::<Old>::create(&place.board(), &Options::default()).unwrap());
    let refused = Writer::<New>::open(&place.board(), None).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidFields);
    assert!(refused.to_string().contains("wind"), "{refused}");
}

#[test]
fn derived_code_uses_no_name_of_the_program() {
    const OFFSETS: [u8; 1] = [7];
    #[derive(Debug, PartialEq, Record)]
    struct Shape {
        #[pegel(default = OFFSETS)]
        offsets: [u8; 1],
    }
    let place = Place::new();
    let writer = Writer::<Shape>::create(&place.board(), &Options::default()).unwrap();
    let seen = writer.read().unwrap().into_record();
    assert_eq!(seen, Shape { offsets: [7] });
}

#[test]
fn documents_are_any_value_of_serde() {
    let place = Place::new();
    let schema = Schema::new(vec![Field::json(1000)]).unwrap();
    let mut writer = dynamic::Writer::create(&place.board(), &schema, &Options::default()).unwrap();
    let document = vec![(i64::MIN, 0.1), (i64::MAX, 1e300)];
    writer.publish_json(&document).unwrap();
    let snapshot = dynamic::Reader::open(&place.board())
        .unwrap()
        .read()
        .unwrap();
    assert_eq!(snapshot.json::<Vec<(i64, f64)>>().unwrap(), document);
    let wrong = snapshot.json::<Vec<bool>>().unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::Corrupt);
    let long = writer.publish_json(&"x".repeat(2000)).unwrap_err();
    assert_eq!(long.kind(), ErrorKind::TooLarge);
    assert!(
        long.to_string().contains("2002") && long.to_string().contains("1000"),
        "{long}"
    );
    assert_eq!(writer.reader().sequence().unwrap(), 1);
}

#[test]
fn invalid_texts_are_read_as_texts() {
    #[derive(Record)]
    struct Note {
        text: Text<4>,
    }
    let place = Place::new();
    let schema = Schema::new(vec![Field::text("text", 4)]).unwrap();
    let mut writer = dynamic::Writer::create(&place.board(), &schema, &Options::default()).unwrap();
    let reader = Reader::<Note>::open(&place.board()).unwrap();
    for (bytes, text) in [
        (b"ab\0c", "ab"),
        (b"a\xffbc", "a?bc"),
        (b"ab\xc3\xa4", "abä"),
        (b"abc\xc3", "abc?"),
    ] {
        writer.publish(bytes).unwrap();
        assert_eq!(reader.read().unwrap().text, text);
    }
    let kinds = [Text::<4>::new("abcde"), Text::new("a\0")].map(|text| text.unwrap_err().kind());
    assert_eq!(kinds, [ErrorKind::TooLarge, ErrorKind::InvalidFields]);
    assert_eq!(Type::Text, Note::fields()[0].kind);
}
