//! get and set of boards with fields.

use pegel::dynamic::{Reader, Writer};
use pegel::{Field, Options, Schema, Type, Value};
use serde_json::json;

use crate::boards::Boards;

#[test]
fn get_prints_bare_values() {
    let boards = Boards::with_tank();
    boards.prints(
        &["get", "tank", "note", "level", "volts", "volts.1", "total"],
        "rising\n3.21\n0.1,2\n2\n18446744073709551615\n",
    );
    boards.prints(
        &["get", "tank"],
        "level=3.21\nrain=false\nvolts=0.1,2\ntotal=18446744073709551615\nnote=rising\n",
    );
}

#[test]
fn get_prints_exact_json() {
    let boards = Boards::with_tank();
    boards.prints(
        &[
            "get", "tank", "--json", "note", "volts", "volts.0", "total", "rain",
        ],
        "\"rising\"\n[0.1,2.0]\n0.1\n18446744073709551615\nfalse\n",
    );
    let all = concat!(
        r#"{"level":3.21,"rain":false,"volts":[0.1,2.0],"#,
        r#""total":18446744073709551615,"note":"rising"}"#
    );
    boards.prints(&["get", "tank", "--json"], &format!("{all}\n"));
}

#[test]
fn set_changes_what_is_named_and_keeps_the_rest() {
    let boards = Boards::with_tank();
    boards.prints(
        &["set", "tank", "note=a=b, ä", "volts.0=1.5", "--json"],
        "{\"sequence\":2}\n",
    );
    boards.prints(
        &["get", "tank"],
        "level=3.21\nrain=false\nvolts=1.5,2\ntotal=18446744073709551615\nnote=a=b, ä\n",
    );
    boards.prints(
        &[
            "set",
            "tank",
            "volts=-1,1e-9",
            "rain=true",
            "level=-7",
            "note=",
        ],
        "",
    );
    boards.prints(
        &["get", "tank", "level", "rain", "volts", "note"],
        "-7\ntrue\n-1,1e-9\n\n",
    );
}

#[test]
fn set_keeps_the_bytes_that_it_cannot_read() {
    let boards = Boards::new();
    let board = boards.board("old");
    let schema = Schema::new(vec![Field::new("n", Type::U8), Field::text("note", 3)]).unwrap();
    let mut writer = Writer::create(&board, &schema, &Options::default()).unwrap();
    writer.publish(&[1, 0xff, 0xfe, b'x']).unwrap();
    drop(writer);
    boards.prints(&["set", "old", "n=2", "--timeout=60"], "");
    let now = Reader::open(&board).unwrap().read().unwrap();
    assert_eq!(now.bytes(), [2, 0xff, 0xfe, b'x']);
}

#[test]
fn what_json_has_no_numbers_for_are_strings() {
    let boards = Boards::with_tank();
    boards.prints(&["set", "tank", "level=nan", "volts=inf,-inf"], "");
    boards.prints(
        &["get", "tank", "level", "volts"],
        "NaN\nInfinity,-Infinity\n",
    );
    let now = boards.json(&["get", "tank", "--json"]);
    assert_eq!(now["level"], "NaN");
    assert_eq!(now["volts"], json!(["Infinity", "-Infinity"]));
}

#[test]
fn every_number_is_exact_at_its_ends() {
    let integers = [
        ("i8", "-128", "127"),
        ("u8", "0", "255"),
        ("i16", "-32768", "32767"),
        ("u16", "0", "65535"),
        ("i32", "-2147483648", "2147483647"),
        ("u32", "0", "4294967295"),
        ("i64", "-9223372036854775808", "9223372036854775807"),
        ("u64", "0", "18446744073709551615"),
        ("f32", "-3.4028235e38", "1e-45"),
        ("f64", "-1.7976931348623157e308", "5e-324"),
    ];
    let boards = Boards::new();
    for (kind, least, most) in integers {
        boards.file(
            "one.toml",
            format!("field = [{{ name = 'n', type = '{kind}' }}]"),
        );
        boards.prints(&["create", kind, "one.toml"], "");
        for value in [least, most] {
            boards.prints(&["set", kind, &format!("n={value}")], "");
            boards.prints(&["get", kind, "n"], &format!("{value}\n"));
            let json = boards.json(&["get", kind, "n", "--json"]).to_string();
            assert_eq!(json.replace('+', ""), value, "{kind}");
        }
    }
}

#[test]
fn the_first_record_needs_all_fields() {
    let boards = Boards::new();
    boards.file(
        "two.toml",
        "field = [{ name = 'a', type = 'i8' }, { name = 'b', type = 'i8', count = 2 }]",
    );
    boards.prints(&["create", "two", "two.toml"], "");
    boards.fails(
        1,
        &["get", "two"],
        &["board two", "nothing has been published"],
    );
    boards.fails(
        1,
        &["set", "two", "b.1=2"],
        &[
            "board two",
            "needs all fields",
            "field a (i8)",
            "field b (i8)",
        ],
    );
    boards.fails(
        1,
        &["set", "two", "a=1", "b.1=2"],
        &["field b (i8) is missing"],
    );
    boards.prints(
        &["set", "two", "a=1", "b.1=3", "b.0=2", "--json"],
        "{\"sequence\":1}\n",
    );
    boards.prints(&["get", "two", "a", "b"], "1\n2,3\n");
}

#[test]
fn bad_changes_are_refused_and_change_nothing() {
    let boards = Boards::with_tank();
    let refused = [
        ("level=high", "must be f64 (got \"high\")"),
        ("level=1e999", "too large"),
        ("volts.0=1e39", "too large"),
        ("rain=1", "must be true or false"),
        ("depth=1", "The fields are level, rain"),
        ("total=-1", "(got -1)"),
        ("total=1.0", "must be u64"),
        ("total=18446744073709551616", "must be u64"),
        ("volts=1", "array of 2"),
        ("volts=1,2,3", "3 elements"),
        ("volts.2=1", "volts.0 to volts.1"),
        ("volts.-1=1", "volts.0 to volts.1"),
        ("level.0=1", "not an array"),
        (
            "note=ä234567890123456789012345",
            "at most 24 bytes (got 26)",
        ),
    ];
    for (change, part) in refused {
        boards.fails(
            1,
            &["set", "tank", "volts.1=9", change],
            &["board tank", part],
        );
        boards.fails(1, &["set", "tank", change, "--json"], &[part]);
    }
    boards.fails(
        1,
        &["set", "tank", "--document", "tank.toml"],
        &["board tank: the board has fields"],
    );
    assert_eq!(boards.json(&["show", "tank", "--json"])["sequence"], 1);
    boards.prints(&["get", "tank", "rain", "volts.1"], "false\n2\n");
}

#[test]
fn get_prints_all_or_nothing() {
    let boards = Boards::with_tank();
    boards.fails(
        1,
        &["get", "tank", "level", "depth"],
        &["board tank", "\"depth\""],
    );
    boards.fails(
        1,
        &["get", "tank", "level", "volts.2"],
        &["volts.0 to volts.1"],
    );
}

/// What turns terminals and editors, of which each may stand in any text of a board.
const TRICKS: &str = "\u{9b}31m \x7f \u{202e} \u{2066} \u{2028} \u{85}";

#[test]
fn no_output_has_control_characters_of_a_board() {
    let boards = Boards::new();
    let text = Field {
        unit: "\u{202e}m".into(),
        ..Field::text("note", 99).default(TRICKS).label(TRICKS)
    };
    let schema = Schema::new(vec![text.description(TRICKS)]).unwrap();
    let schema = schema.describe(TRICKS).unwrap();
    Writer::create(&boards.board("evil"), &schema, &Options::default()).unwrap();
    let document = Schema::new(vec![Field::json(200)]).unwrap();
    let mut writer = Writer::create(&boards.board("doc"), &document, &Options::default()).unwrap();
    let json = format!("{{\"{TRICKS}\": \"{TRICKS}\"}}");
    writer.publish(json.as_bytes()).unwrap();
    let outputs: [&[&str]; 19] = [
        &["ls"],
        &["ls", "--json"],
        &["show", "evil"],
        &["show", "evil", "--json"],
        &["show", "doc"],
        &["get", "evil"],
        &["get", "evil", "--json"],
        &["get", "evil", "note", "--json"],
        &["get", "evil", "--last=1", "note"],
        &["get", "evil", "--last=1", "note", "--json"],
        &["get", "doc", "--json"],
        &["watch", "evil", "--count=1"],
        &["watch", "evil", "--count=1", "--json"],
        &["dump", "evil"],
        &["schema", "evil"],
        &["gen", "c", "evil"],
        &["gen", "php", "evil"],
        &["gen", "python", "evil"],
        &["gen", "rust", "evil"],
    ];
    let is_trick = |c: &char| *c != ' ' && TRICKS.contains(*c) && !c.is_ascii_alphanumeric();
    for arguments in outputs {
        let output = boards.output(arguments);
        let found: Vec<_> = output.chars().filter(is_trick).collect();
        assert!(found.is_empty(), "{arguments:?}: {found:?}");
    }
    // Escaped, they have the same values.
    assert_eq!(boards.json(&["get", "evil", "--json"])["note"], TRICKS);
    boards.file("copy.toml", boards.output(&["schema", "evil"]));
    boards.prints(&["create", "copy", "copy.toml"], "");
    let copy = Reader::open(&boards.board("copy")).unwrap();
    assert_eq!(copy.schema(), &schema);
    assert_eq!(copy.schema().details(), schema.details());
    for path in ["b", "x.y"] {
        let done = boards.pegel(&["get", "doc", path]).assert().code(1);
        let message = String::from_utf8_lossy(&done.get_output().stderr).into_owned();
        assert!(!message.contains('\u{202e}'), "{message:?}");
    }
}

#[test]
fn texts_cannot_change_a_terminal() {
    let boards = Boards::new();
    let schema = Schema::new(vec![Field::new("n", Type::U8), Field::text("note", 24)]).unwrap();
    let values = [
        ("n", Value::Int(1)),
        ("note", Value::Text("\x1b[2Jä\n".into())),
    ];
    let record = schema.encode(&values).unwrap();
    let mut writer = Writer::create(&boards.board("evil"), &schema, &Options::default()).unwrap();
    writer.publish(&record).unwrap();
    let shown: [&[&str]; 3] = [
        &["show", "evil"],
        &["get", "evil"],
        &["watch", "evil", "--count=1"],
    ];
    for arguments in shown {
        let output = boards.output(arguments);
        assert!(output.contains("\\u{1b}[2Jä\\n"), "{output:?}");
    }
    // A script that asks for one value gets that value.
    boards.prints(&["get", "evil", "note"], "\x1b[2Jä\n\n");
}
