//! Values by name: encoding and decoding them, and rejecting those that do not fit.

#![cfg(not(pegel_loom))]

use pegel::{ErrorKind, Field, Schema, Type, Value};
use proptest::prelude::*;

fn all_types() -> Schema {
    Schema::new(vec![
        Field::new("flag", Type::Bool),
        Field::new("tiny", Type::I8),
        Field::new("byte", Type::U8),
        Field::new("short", Type::I16),
        Field::new("word", Type::U16),
        Field::new("int", Type::I32),
        Field::new("uint", Type::U32),
        Field::new("long", Type::I64),
        Field::new("ulong", Type::U64),
        Field::new("single", Type::F32),
        Field::new("double", Type::F64),
        Field::text("note", 7),
        Field::new("pair", Type::U16).array(2),
        Field::text("labels", 4).array(2),
    ])
    .unwrap()
}

fn zeros(schema: &Schema) -> Vec<(&str, Value)> {
    schema.decode(&vec![0; schema.record_size()])
}

#[test]
fn rejects_integers_that_a_float_would_round() {
    let schema = Schema::new(vec![
        Field::new("double", Type::F64),
        Field::new("single", Type::F32),
    ])
    .unwrap();
    let encode = |double: Value, single: Value| {
        schema
            .encode(&[("double", double), ("single", single)])
            .map_err(|error| (error.kind(), error.to_string()))
    };
    let exact = [0, 1 << 53, -(1 << 53), (1 << 53) + 2, 1 << 62, i64::MIN];
    for value in exact {
        encode(value.into(), 0.into()).unwrap();
    }
    for value in [1 << 24, -(1 << 24), (1 << 24) + 2, i64::MIN] {
        encode(0.into(), value.into()).unwrap();
    }
    for value in [(1 << 53) + 1, -(1 << 53) - 1, i64::MAX] {
        let (kind, message) = encode(value.into(), 0.into()).unwrap_err();
        assert_eq!(kind, ErrorKind::InvalidFields);
        assert!(message.starts_with(&format!(
            "field double: f64 cannot hold the integer {value} exactly"
        )));
    }
    for value in [(1 << 24) + 1, -(1 << 24) - 1, i64::MAX] {
        assert!(encode(0.into(), value.into()).is_err());
    }
    assert!(encode(Value::UInt(u64::MAX), 0.into()).is_err());
    // A float is rounded to the nearest f32.
    encode(0.into(), 16_777_217.0.into()).unwrap();
}

proptest! {
    #[test]
    fn decodes_what_it_encoded(
        flag: bool, tiny: i8, word: u16, int: i32, long: i64, ulong: u64, single: f32, double: f64,
        note in "[a-zäöü€]{0,2}", pair: [u16; 2],
    ) {
        let schema = all_types();
        let given = vec![
            ("flag", Value::Bool(flag)),
            ("tiny", Value::Int(tiny.into())),
            ("byte", Value::UInt(7)),
            ("short", Value::Int(-7)),
            ("word", Value::UInt(word.into())),
            ("int", Value::Int(int.into())),
            ("uint", Value::UInt(u32::MAX.into())),
            ("long", Value::Int(long)),
            ("ulong", Value::UInt(ulong)),
            ("single", Value::F32(single)),
            ("double", Value::Float(double)),
            ("note", Value::Text(note)),
            ("pair", Value::List(pair.iter().map(|&part| Value::UInt(part.into())).collect())),
            ("labels", Value::List(vec![Value::Text("ab".into()), Value::Text("äö".into())])),
        ];
        let record = schema.encode(&given).unwrap();
        prop_assert_eq!(schema.decode(&record), given);
    }
}

#[test]
fn rejects_values_that_do_not_fit() {
    let text = |text: &str| Value::Text(text.into());
    let refused = [
        ("flag", Value::Int(1), ErrorKind::InvalidFields),
        ("tiny", Value::Int(128), ErrorKind::InvalidFields),
        ("byte", Value::Int(-1), ErrorKind::InvalidFields),
        ("word", Value::UInt(65_536), ErrorKind::InvalidFields),
        ("long", Value::UInt(u64::MAX), ErrorKind::InvalidFields),
        ("ulong", Value::Int(-1), ErrorKind::InvalidFields),
        ("int", Value::Float(1.0), ErrorKind::InvalidFields),
        ("double", text("1"), ErrorKind::InvalidFields),
        ("note", text("12345678"), ErrorKind::TooLarge),
        ("note", text("ääää"), ErrorKind::TooLarge),
        ("note", text("a\0b"), ErrorKind::InvalidFields),
        ("pair", Value::UInt(1), ErrorKind::InvalidFields),
        (
            "pair",
            Value::List(vec![Value::UInt(1)]),
            ErrorKind::InvalidFields,
        ),
        (
            "double",
            Value::List(vec![Value::Float(1.0)]),
            ErrorKind::InvalidFields,
        ),
    ];
    let schema = all_types();
    for (name, value, kind) in refused {
        let mut values = zeros(&schema);
        values
            .iter_mut()
            .find(|(field, _)| *field == name)
            .unwrap()
            .1 = value.clone();
        let error = schema.encode(&values).unwrap_err();
        assert_eq!(error.kind(), kind, "{name} {value:?}");
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn rejects_missing_unknown_and_repeated_fields() {
    let schema = all_types();
    let mut values = zeros(&schema);
    values.pop();
    let error = schema.encode(&values).unwrap_err();
    assert!(error.to_string().contains("labels"), "{error}");
    let mut values = zeros(&schema);
    values.push(("extra", Value::Bool(true)));
    let error = schema.encode(&values).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidFields);
    assert!(error.to_string().contains("extra"), "{error}");
    let mut values = zeros(&schema);
    values.push(("flag", Value::Bool(true)));
    assert!(
        schema
            .encode(&values)
            .unwrap_err()
            .to_string()
            .contains("twice")
    );
}

#[test]
fn floats_take_integers_and_every_special_value() {
    let schema = Schema::new(vec![Field::new("x", Type::F64)]).unwrap();
    let come_back = |value| match &schema.decode(&schema.encode(&[("x", value)]).unwrap())[0].1 {
        Value::Float(value) => value.to_bits(),
        other => panic!("{other:?}"),
    };
    assert_eq!(come_back(Value::Int(-3)), (-3.0_f64).to_bits());
    for special in [
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        -0.0,
        f64::from_bits(1),
    ] {
        assert_eq!(come_back(Value::Float(special)), special.to_bits());
    }
}
