use super::*;

#[test]
fn the_layout_is_that_of_c() {
    #[repr(C)]
    struct Record {
        flag: u8,
        level: f64,
        note: [u8; 5],
        small: [i16; 3],
        last: u32,
    }
    let schema = Schema::new(vec![
        Field::new("flag", Type::Bool),
        Field::new("level", Type::F64),
        Field::text("note", 5),
        Field::new("small", Type::I16).array(3),
        Field::new("last", Type::U32),
    ])
    .unwrap();
    let offsets: Vec<_> = schema
        .fields()
        .iter()
        .map(|field| field.offset as usize)
        .collect();
    let expected = [
        std::mem::offset_of!(Record, flag),
        std::mem::offset_of!(Record, level),
        std::mem::offset_of!(Record, note),
        std::mem::offset_of!(Record, small),
        std::mem::offset_of!(Record, last),
    ];
    assert_eq!(offsets, expected);
    assert_eq!(schema.record_size(), size_of::<Record>());
    assert_eq!(Schema::from_parts(&schema.table(), "").unwrap(), schema);
}

#[test]
fn rejects_bad_fields() {
    let bad = [
        (vec![], "fields"),
        (vec![Field::new("", Type::F64)], "identifier"),
        (vec![Field::new("1st", Type::F64)], "1st"),
        (vec![Field::new("ä", Type::F64)], "ä"),
        (vec![Field::new("a".repeat(32), Type::F64)], "31 bytes"),
        (
            vec![Field::new("a", Type::F64).unit("x".repeat(16))],
            "15 bytes",
        ),
        (vec![Field::text("a", 0)], "size"),
        (vec![Field::text("a", u32::MAX)], "most"),
        (
            vec![Field::new("a", Type::F64), Field::new("a", Type::F64)],
            "two fields",
        ),
        (
            vec![Field::json(10), Field::new("a", Type::F64)],
            "only field",
        ),
        (
            vec![Field::new("a", Type::F64), Field::json(10)],
            "only field",
        ),
        (vec![Field::json(10).array(2)], "array"),
        (
            vec![Field {
                offset: 4,
                ..Field::new("a", Type::F64)
            }],
            "offset must be 0 (got 4)",
        ),
        (
            vec![Field {
                size: 4,
                ..Field::new("a", Type::F64)
            }],
            "8 bytes (got 4)",
        ),
    ];
    for (fields, part) in bad {
        let error = Schema::new(fields).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidFields);
        assert!(error.to_string().contains(part), "{error}: no {part:?}");
    }
}

#[test]
fn names_the_difference() {
    let level = |unit| Schema::new(vec![Field::new("level", Type::F64).unit(unit)]).unwrap();
    assert_eq!(level("m").difference(&level("m")), None);
    let difference = level("m").difference(&level("cm")).unwrap();
    assert_eq!(
        difference,
        "level f64 in m at 0 instead of level f64 in cm at 0"
    );
    assert_ne!(level("m").hash(), level("cm").hash());
}
