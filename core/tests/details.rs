//! The details of a board's fields: defaults, limits and their JSON text.

#![cfg(not(pegel_loom))]

use pegel::{ErrorKind, Field, Schema, Type, Value};

fn interval() -> Field {
    Field::new("interval", Type::F64)
        .unit("s")
        .label("Interval")
        .default(5)
        .min(1)
        .max(3600)
}

fn assert_names(error: &pegel::Error, parts: &[&str]) {
    assert_eq!(error.kind(), ErrorKind::InvalidFields, "{error}");
    for part in parts {
        assert!(error.to_string().contains(part), "{error}: no {part:?}");
    }
}

#[test]
fn limits_hold_for_each_element_and_name_field_value_and_limit() {
    let schema = Schema::new(vec![
        interval(),
        Field::new("rated", Type::U16).array(2).min(10).optional(),
        Field::new("share", Type::F32).max(0.1),
    ])
    .unwrap();
    let encode = |interval: Value, rated: Value, share: Value| {
        schema.encode(&[("interval", interval), ("rated", rated), ("share", share)])
    };
    let rated = || Value::from([10_u16, 4000]);
    assert!(encode(1.into(), rated(), 0.1.into()).is_ok());
    assert!(encode(3600.0.into(), Value::Null, Value::F32(0.1)).is_ok());
    let cases = [
        (
            encode(0.5.into(), rated(), 0.into()),
            ["interval", "between 1 and 3600 s", "0.5"],
        ),
        (
            encode(3601.into(), rated(), 0.into()),
            ["interval", "between 1 and 3600", "3601"],
        ),
        (
            encode(f64::NAN.into(), rated(), 0.into()),
            ["interval", "between 1 and 3600", "NaN"],
        ),
        (
            encode(2.into(), [10, 9].into(), 0.into()),
            ["rated", "at least 10", "9"],
        ),
        (
            encode(2.into(), rated(), 0.2.into()),
            ["share", "at most 0.1", "0.2"],
        ),
    ];
    for (refused, parts) in cases {
        assert_names(&refused.unwrap_err(), &parts);
    }
}

#[test]
fn a_missing_field_has_its_default_or_is_unknown() {
    let schema = Schema::new(vec![
        interval(),
        Field::new("wind", Type::F32).optional(),
        Field::text("note", 4).default("-"),
    ])
    .unwrap();
    let expected = [
        ("interval", 5.0.into()),
        ("wind", Value::Null),
        ("note", "-".into()),
    ];
    assert_eq!(schema.decode(&schema.encode(&[]).unwrap()), expected);
    assert_eq!(schema.defaults(), Some(schema.encode(&[]).unwrap()));
    let unknown = schema.encode(&[("interval", Value::Null)]).unwrap_err();
    assert_names(&unknown, &["interval", "unknown"]);

    let mut record = schema.encode(&[("wind", 1.5.into())]).unwrap();
    assert_eq!(record.present, 1);
    schema.set(&mut record, "note", &"abc".into()).unwrap();
    schema.set(&mut record, "note", &"x".into()).unwrap();
    schema.set(&mut record, "wind", &Value::Null).unwrap();
    let expected = [
        ("interval", 5.0.into()),
        ("wind", Value::Null),
        ("note", "x".into()),
    ];
    assert_eq!(schema.decode(&record), expected);
}

#[test]
fn reads_the_details_that_it_wrote() {
    let schema = Schema::new(vec![
        interval().description("Zeit \"von\" Abfrage\nzu Abfrage"),
        Field::new("counter", Type::U64)
            .default(u64::MAX)
            .max(u64::MAX),
        Field::new("low", Type::I64).min(i64::MIN),
        Field::new("share", Type::F32)
            .array(2)
            .default([0.1, 1e-45]),
        Field::new("tiny", Type::F64).default(5e-324).max(f64::MAX),
        Field::new("on", Type::Bool).default(true),
        Field::text("note", 8).default("äöü"),
        Field::new("plain", Type::U8),
    ])
    .and_then(|schema| schema.describe("Was die Seite will"))
    .unwrap();
    let back = Schema::from_parts(&schema.table(), schema.details()).unwrap();
    assert_eq!(back, schema);
    assert!(
        schema.details().contains("[0.1,1e-45]"),
        "{}",
        schema.details()
    );
    let bare = Schema::from_parts(&schema.table(), "").unwrap();
    assert_eq!(bare.hash(), schema.hash());
    assert_eq!(bare.with_details(schema.details()).unwrap(), schema);

    let document = Schema::new(vec![Field::bytes(8).default("ab")]).unwrap();
    let back = Schema::from_parts(&document.table(), document.details()).unwrap();
    assert_eq!(back.defaults().unwrap().bytes, b"ab");
}

#[test]
fn keeps_details_of_a_later_version() {
    let plain = Schema::new(vec![Field::new("a", Type::U8)]).unwrap();
    let text = r#"{"colour":"red","fields":{"a":{"icon":"gauge","max":9}}}"#;
    let schema = Schema::from_parts(&plain.table(), text).unwrap();
    assert_eq!(schema.details(), text);
    assert!(schema.encode(&[("a", 10.into())]).is_err());
    let text = format!("\n  {text}");
    assert!(Schema::from_parts(&plain.table(), &text).is_ok());
    for text in [
        "{",
        "[]",
        r#"{"fields":{"a":["Label"]}}"#,
        r#"{"fields":{"b":{}}}"#,
        r#"{"fields":{"a":{"max":{}}}}"#,
    ] {
        let error = Schema::from_parts(&plain.table(), text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidFields, "{text}");
    }
}

#[test]
fn rejects_invalid_details() {
    let number = || Field::new("a", Type::F64);
    let bad = [
        (number().default("x"), "default"),
        (number().default(f64::NAN), "finite"),
        (number().max(f64::INFINITY), "maximum"),
        (number().min(2).max(1), "between 2 and 1"),
        (number().min(2).default(1), "default"),
        (number().array(2).default([1]), "default"),
        (Field::new("a", Type::U8).max(256), "maximum"),
        (Field::new("a", Type::Bool).max(1), "cannot have limits"),
        (Field::text("a", 3).default("long"), "default"),
        (Field::json(9).default("{"), "not valid JSON"),
        (Field::json(9).default("[1,2,3,4,5]"), "9"),
        (Field::json(9).optional(), "optional"),
    ];
    for (field, part) in bad {
        assert_names(&Schema::new(vec![field]).unwrap_err(), &[part]);
    }
    let optional = |count: usize| {
        let field = |index| Field::new(format!("f{index}"), Type::U8).optional();
        Schema::new((0..count).map(field).collect())
    };
    let schema = optional(64).unwrap();
    let record = schema
        .encode(&[("f0", 1.into()), ("f63", 2.into())])
        .unwrap();
    assert_eq!(record.present, 1 | 1 << 63);
    assert_names(&optional(65).unwrap_err(), &["65", "64"]);
}
