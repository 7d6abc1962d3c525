//! create and its schemas.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use pegel::dynamic::Reader;
use serde_json::json;

use crate::boards::{Boards, TANK};

#[test]
fn create_may_run_at_every_start() {
    let boards = Boards::with_tank();
    boards.prints(&["set", "tank", "level=1"], "");
    boards.prints(&["create", "tank", "tank.toml"], "");
    boards.prints(&["get", "tank", "level"], "1\n");
    assert_eq!(boards.json(&["show", "tank", "--json"])["sequence"], 2);
}

#[test]
fn the_command_line_wins_over_the_schema() {
    let boards = Boards::new();
    boards.file("tank.toml", format!("slots = 8\n{TANK}"));
    for (name, options, slots, mode) in [
        ("schema", &[][..], 8, 0o660),
        ("options", &["--slots=4", "--mode=600"][..], 4, 0o600),
    ] {
        boards.prints(&[&["create", name, "tank.toml"], options].concat(), "");
        let info = Reader::open(&boards.board(name)).unwrap().info();
        assert_eq!((info.slots, info.mode & 0o777), (slots, mode));
        let file = fs::metadata(boards.board(&format!("pegel.{name}"))).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, mode);
    }
}

#[test]
fn checksums_are_asked_for_by_the_schema_or_the_command_line() {
    let boards = Boards::new();
    boards.file("plain.toml", TANK);
    boards.file("sealed.toml", format!("checksum = true\n{TANK}"));
    boards.prints(&["create", "a", "sealed.toml"], "");
    boards.prints(&["create", "b", "plain.toml", "--checksum"], "");
    boards.prints(&["create", "c", "plain.toml"], "");
    for (name, checksums) in [("a", true), ("b", true), ("c", false)] {
        let shown = boards.json(&["show", name, "--json"]);
        assert_eq!(shown["checksums"], checksums);
        let file = boards.output(&["schema", name]);
        assert_eq!(file.contains("\nchecksum = true\n"), checksums, "{file}");
    }
    boards.prints(&["create", "b", "plain.toml"], "");
    let refused = ["create", "c", "sealed.toml"];
    boards.fails(2, &refused, &["board c", "has no checksums", "replace"]);
    boards.prints(&["create", "c", "sealed.toml", "--replace"], "");
    assert_eq!(boards.json(&["show", "c", "--json"])["checksums"], true);
}

#[test]
fn another_schema_replaces_a_board_only_when_asked() {
    let boards = Boards::with_tank();
    boards.file(
        "rain.toml",
        "field = [{ name = 'rain', type = 'bool', default = true }]",
    );
    let create = ["create", "tank", "rain.toml"];
    boards.fails(
        1,
        &create,
        &["board tank", "another schema", "level", "--replace"],
    );
    boards.prints(&["get", "tank", "level"], "3.21\n");
    boards.prints(&["create", "tank", "rain.toml", "--replace"], "");
    boards.prints(&["get", "tank"], "rain=true\n");
    assert_eq!(boards.json(&["show", "tank", "--json"])["sequence"], 2);
    boards.file("pegel.broken", "no board");
    boards.fails(
        1,
        &["create", "broken", "rain.toml"],
        &["pegel.broken", "--replace"],
    );
    boards.prints(&["create", "broken", "rain.toml", "--replace"], "");
    boards.prints(&["get", "broken", "rain"], "true\n");
}

#[test]
fn every_type_has_its_default() {
    let boards = Boards::new();
    let schema = r#"
[[field]]
name = "flags"
type = "bool"
count = 2
default = [true, false]
[[field]]
name = "least"
type = "i64"
default = -9223372036854775808
[[field]]
name = "most"
type = "u64"
default = 0xffff_ffff_ffff_ffff
[[field]]
name = "whole"
type = "f32"
default = 3
[[field]]
name = "names"
type = "text"
size = 4
count = 2
default = ["äö", ""]
"#;
    boards.file("all.toml", schema);
    boards.prints(&["create", "all", "all.toml"], "");
    let expected = json!({
        "flags": [true, false], "least": i64::MIN, "most": u64::MAX,
        "whole": 3.0, "names": ["äö", ""],
    });
    assert_eq!(boards.json(&["get", "all", "--json"]), expected);
}

#[test]
fn documents_have_defaults_too() {
    let boards = Boards::new();
    boards.file(
        "j.toml",
        "document = 'json'\ncapacity = 9\ndefault = '{\"a\":1}'",
    );
    boards.file("b.toml", "document = 'bytes'\ncapacity = 9\ndefault = 'ab'");
    boards.prints(&["create", "j", "j.toml"], "");
    boards.prints(&["create", "b", "b.toml"], "");
    boards.prints(&["get", "j", "a"], "1\n");
    boards.prints(&["get", "b"], "ab");
}

#[test]
fn bad_schemas_are_refused_with_the_reason() {
    let boards = Boards::new();
    let field = |rest: &str| format!("field = [{{ name = 'a', {rest} }}]");
    let bad = [
        ("field = [".to_owned(), "line 1"),
        (String::new(), "neither fields nor a document"),
        (field("type = 'f65'"), "no type is called \"f65\""),
        (field("type = 'json'"), "document = \"json\""),
        (field("type = 'text'"), "needs a size"),
        (field("type = 'f64', kind = 1"), "unknown field `kind`"),
        (field("type = 'f64', size = 4"), "8 bytes (got 4)"),
        (field("type = 'f64', unit = '1234567890123456'"), "15 bytes"),
        (field("type = 'u8', default = 256"), "(got 256)"),
        (field("type = 'u8', default = 1.5"), "got a float"),
        (
            field("type = 'u8', default = 1979-05-27"),
            "a default is a number",
        ),
        (field("type = 'u8', count = 2, default = [1]"), "array of 2"),
        (
            field("type = 'u8'") + "\ncapacity = 9",
            "those of a document",
        ),
        (field("type = 'u8'") + "\nmode = 'rw'", "octal"),
        (field("type = 'u8'") + "\nslots = -4", "-4"),
        ("field = [{ name = '1', type = 'u8' }]".into(), "identifier"),
        (field("type = 'f64', default = nan"), "finite"),
        (field("type = 'u8', min = 2, default = 1"), "at least 2"),
        (field("type = 'u8', min = 2, max = 1"), "between 2 and 1"),
        (
            field("type = 'text', size = 4, max = 'x'"),
            "cannot have limits",
        ),
        ("document = 'json'".into(), "capacity"),
        ("document = 'xml'\ncapacity = 9".into(), "\"xml\""),
        (
            "document = 'json'\ncapacity = 9\ndefault = '{'".into(),
            "not valid JSON",
        ),
        (
            "document = 'json'\ncapacity = 1\ndefault = '{}'".into(),
            "(got 2)",
        ),
        (field("type = 'u8'") + "\ndocument = 'json'", "not both"),
    ];
    for (schema, part) in bad {
        boards.file("bad.toml", schema);
        boards.fails(
            1,
            &["create", "tank", "bad.toml"],
            &["schema bad.toml", part],
        );
    }
    boards.fails(
        1,
        &["create", "tank", "absent.toml"],
        &["absent.toml", "No such file"],
    );
    boards.fails(1, &["get", "tank"], &["does not exist"]);
}

#[test]
fn bad_options_are_refused() {
    let boards = Boards::with_tank();
    for (option, part) in [
        ("--mode=0666", "world-write"),
        ("--mode=rw", "octal"),
        ("--slots=3", "4..=65536"),
        ("--slots=5", "5 slots"),
        ("--slots=8", "16 slots (got 8)"),
    ] {
        boards.fails(2, &["create", "tank", "tank.toml", option], &[part]);
    }
    boards.fails(2, &["create", "Tank", "tank.toml"], &["\"Tank\"", "a-z"]);
    boards.fails(1, &["create", "absent/tank", "tank.toml"], &["absent"]);
}

const EVERYTHING: &str = r#"board = "tank"
description = 'Was die Seite "will"'
slots = 8
mode = "0660"

[[field]]
name = "interval"
type = "f64"
unit = "s"
label = "Abstand"
description = "von Abfrage zu Abfrage"
default = 5.0
min = 1.0
max = 3600.0

[[field]]
name = "most"
type = "u64"
default = 18446744073709551615

[[field]]
name = "least"
type = "i64"
min = -9223372036854775808
optional = true

[[field]]
name = "shares"
type = "f32"
count = 2
default = [0.1, 16777216.0]

[[field]]
name = "on"
type = "bool"
default = true

[[field]]
name = "names"
type = "text"
size = 4
count = 2
default = ["äö", ""]
"#;

#[test]
fn schema_prints_the_file_that_made_the_board() {
    let boards = Boards::new();
    boards.file("tank.toml", EVERYTHING);
    boards.prints(&["create", "tank.toml"], "");
    let printed = boards.output(&["schema", "tank"]);
    for line in EVERYTHING.lines() {
        assert!(printed.contains(line), "{printed}: no {line:?}");
    }
    boards.file("again.toml", &printed);
    boards.prints(&["create", "again", "again.toml"], "");
    let schema = |name: &str| Reader::open(&boards.board(name)).unwrap().schema().clone();
    assert_eq!(schema("again"), schema("tank"));
    let fields = |name| boards.json(&["show", name, "--json"])["fields"].clone();
    assert_eq!(fields("again"), fields("tank"));

    for (name, file) in [
        ("j", "document = 'json'\ncapacity = 9\ndefault = '[1]'"),
        ("b", "document = 'bytes'\ncapacity = 9"),
    ] {
        boards.file("document.toml", file);
        boards.prints(&["create", name, "document.toml"], "");
        boards.file("document.toml", boards.output(&["schema", name]));
        boards.prints(&["create", &format!("{name}2"), "document.toml"], "");
        assert_eq!(schema(name), schema(&format!("{name}2")));
    }
    boards.file("nameless.toml", "document = 'json'\ncapacity = 9");
    boards.fails(
        2,
        &["create", "nameless.toml"],
        &["does not name its board"],
    );
}

#[test]
fn a_board_grows_and_keeps_its_own_details_until_others_are_given() {
    let boards = Boards::new();
    let field = |more: &str| format!("field = [{{ name = 'a', type = 'u8'{more} }}]");
    boards.file("a.toml", field(", max = 9"));
    boards.prints(&["create", "a", "a.toml"], "");
    boards.prints(&["set", "a", "a=7"], "");
    boards.file("a.toml", field(", max = 5"));
    let kept = boards.pegel(&["create", "a", "a.toml"]).assert().success();
    let remark = String::from_utf8_lossy(&kept.get_output().stderr).into_owned();
    assert!(
        remark.contains("keeps its own") && remark.contains("--replace"),
        "{remark}"
    );
    boards.prints(&["set", "a", "a=8"], "");
    boards.prints(&["create", "a", "a.toml", "--replace"], "");
    boards.prints(&["get", "a"], "a=8\n");
    boards.fails(
        1,
        &["set", "a", "a=6"],
        &["field a must be at most 5 (got 6)"],
    );

    let grown = field("").replace(" }]", " }, { name = 'b', type = 'f32', optional = true }]");
    boards.file("a.toml", grown);
    boards.prints(&["create", "a", "a.toml"], "");
    boards.prints(&["get", "a"], "a=8\nb=\n");
    boards.prints(&["set", "a", "b=1.5"], "");
    boards.prints(&["get", "a", "b"], "1.5\n");
    boards.prints(&["set", "a", "--unset", "b"], "");
    assert_eq!(
        boards.json(&["get", "a", "--json"]),
        json!({ "a": 8, "b": null })
    );
    boards.fails(1, &["set", "a", "--unset", "a"], &["field a", "unknown"]);
    boards.fails(
        2,
        &["set", "a", "b=1", "--unset", "b"],
        &["b is given twice"],
    );
}
