//! dump, load and gc; and bench, which leaves nothing.

use std::fs;

use pegel::dynamic::Writer;
use serde_json::{Value as Json, json};

use crate::boards::{Boards, TANK};

const ALL: &str = r#"
board = "all"
description = "Was \"alles\" ist"
slots = 8
mode = "0660"
checksum = true
field = [
  { name = "level", type = "f64", unit = "m", min = -1, max = 20.5, label = "Stand" },
  { name = "flags", type = "bool", count = 2, default = [true, false] },
  { name = "most", type = "u64", default = 18446744073709551615 },
  { name = "least", type = "i64", default = -9223372036854775808 },
  { name = "tenth", type = "f32", default = 0.1 },
  { name = "wind", type = "f32", optional = true },
  { name = "note", type = "text", size = 24, default = "" },
]
"#;

#[test]
fn json_makes_the_same_board() {
    let boards = Boards::new();
    boards.file("all.toml", ALL);
    boards.prints(&["create", "all.toml"], "");
    let note = "note=äöü \"x\"\n";
    boards.prints(&["set", "all", "level=3.21", "wind=NaN", note], "");
    let dumped = boards.output(&["dump", "all"]);
    boards.file("all.json", &dumped);
    let before = boards.json(&["show", "all", "--json"]);
    boards.prints(&["load", "all.json", "copy"], "");
    let after = boards.json(&["show", "copy", "--json"]);
    for key in [
        "description",
        "fields",
        "record",
        "slots",
        "mode",
        "checksums",
        "schema_hash",
    ] {
        assert_eq!(before[key], after[key], "{key}");
    }
    assert_eq!(
        boards
            .output(&["schema", "all"])
            .lines()
            .skip(1)
            .collect::<Vec<_>>(),
        boards
            .output(&["schema", "copy"])
            .lines()
            .skip(1)
            .collect::<Vec<_>>()
    );
    // Again: another record of the same values.
    boards.prints(&["load", "all.json", "copy"], "");
    assert_eq!(boards.json(&["show", "copy", "--json"])["sequence"], 2);
}

#[test]
fn documents_are_dumped_and_loaded() {
    let boards = Boards::new();
    for (kind, document) in [("json", r#"{"a": [1, 0.1, null]}"#), ("bytes", "x\0y")] {
        boards.file("d.toml", format!("document = '{kind}'\ncapacity = 99"));
        boards.file("document", document);
        boards.prints(&["create", kind, "d.toml"], "");
        boards.prints(&["set", kind, "--document", "document"], "");
        boards.file("d.json", boards.output(&["dump", kind]));
        boards.prints(&["load", "d.json", "copy"], "");
        assert_eq!(
            boards.json(&["get", kind, "--json"]),
            boards.json(&["get", "copy", "--json"])
        );
        assert_eq!(boards.json(&["show", "copy", "--json"])["record_size"], 99);
        boards.prints(&["rm", "copy"], "");
    }
}

#[test]
fn several_records_are_loaded_in_their_order() {
    let boards = Boards::with_tank();
    for level in 2..=5 {
        boards.prints(&["set", "tank", &format!("level={level}")], "");
    }
    boards.file("tank.json", boards.output(&["dump", "tank", "--last=3"]));
    boards.prints(&["load", "tank.json", "copy"], "");
    assert_eq!(
        boards.output(&["get", "copy", "--last=3", "level"]),
        "3\n4\n5\n"
    );
}

#[test]
fn a_dump_that_is_none_makes_no_board() {
    let boards = Boards::with_tank();
    let dumped = boards.json(&["dump", "tank"]);
    let with = |change: &dyn Fn(&mut Json)| {
        let mut other = dumped.clone();
        change(&mut other);
        other.to_string()
    };
    let bad = [
        ("[".to_owned(), "not a dump of a board"),
        ("{}".to_owned(), "missing field"),
        (
            with(&|dump| dump["fields"][0]["type"] = json!("f65")),
            "f65",
        ),
        (
            with(&|dump| dump["fields"][0]["default"] = json!("high")),
            "high",
        ),
        (
            with(&|dump| dump["records"][0]["record"]["level"] = json!("high")),
            "field level",
        ),
        (
            with(&|dump| dump["records"][0]["record"]["other"] = json!(1)),
            "other",
        ),
        (
            with(&|dump| dump["records"][0]["record"]["volts"] = json!([1])),
            "volts",
        ),
        (
            with(&|dump| dump["records"][0]["record"]["total"] = json!(-1)),
            "total",
        ),
        (with(&|dump| dump["mode"] = json!("rw")), "rw"),
    ];
    for (text, message) in bad {
        boards.file("bad.json", text);
        boards.fails(1, &["load", "bad.json", "copy"], &["bad.json", message]);
        boards.fails(1, &["show", "copy"], &["no board copy"]);
    }
    boards.fails(1, &["load", "missing.json"], &["missing.json"]);
}

#[test]
fn a_snapshot_file_keeps_sequences_and_ages() {
    let boards = Boards::with_tank();
    for level in 2..=5 {
        boards.prints(&["set", "tank", &format!("level={level}")], "");
    }
    boards.prints(&["dump", "tank", "--snapshot", "tank.snapshot"], "");
    let before = boards.json(&["show", "tank", "--json"]);
    boards.prints(&["rm", "tank"], "");
    boards.fails(2, &["load", "tank.snapshot"], &["give NAME"]);
    boards.prints(&["load", "tank.snapshot", "tank", "--mode=0660"], "");
    let after = boards.json(&["show", "tank", "--json"]);
    for key in ["record", "sequence", "fields", "slots", "mode"] {
        assert_eq!(before[key], after[key], "{key}");
    }
    assert!(after["age"].as_f64() > before["age"].as_f64());
    assert_eq!(
        boards.output(&["get", "tank", "--last=2", "level"]),
        "4\n5\n"
    );
    boards.fails(2, &["load", "tank.snapshot", "tank"], &["already exists"]);
    boards.prints(&["load", "tank.snapshot", "tank", "--replace"], "");

    let path = boards.0.path().join("tank.snapshot");
    let mut bytes = fs::read(&path).unwrap();
    // In the record of sequence 5, of 16 slots of 128 bytes.
    let record = bytes.len() - (16 - 5) * 128;
    bytes[record] ^= 1;
    fs::write(&path, bytes).unwrap();
    boards.fails(1, &["load", "tank.snapshot", "other"], &["checksum"]);
    boards.fails(1, &["show", "other"], &["no board other"]);
}

#[test]
fn a_name_in_a_file_has_no_directory() {
    let boards = Boards::with_tank();
    let elsewhere = tempfile::tempdir().unwrap();
    let name = format!("{}/tank", elsewhere.path().display());
    let mut dumped = boards.json(&["dump", "tank"]);
    dumped["board"] = json!(name);
    boards.file("tank.json", dumped.to_string());
    boards.file("named.toml", format!("board = '{name}'\n{TANK}"));
    let parts = ["must not have a directory", &name, "on the command line"];
    for arguments in [["load", "tank.json"], ["create", "named.toml"]] {
        boards.fails(1, &arguments, &parts);
        boards.fails(1, &[&arguments[..], &["--dir", "."]].concat(), &parts);
        assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    }
    // The command line has directories.
    boards.prints(&["load", "tank.json", &name], "");
    boards.prints(&["create", &name, "named.toml"], "");
    boards.prints(&["get", &name, "level"], "3.21\n");
}

#[test]
fn gc_removes_what_has_no_writer_and_only_when_asked() {
    let boards = Boards::with_tank();
    boards.file("j.toml", "document = 'json'\ncapacity = 9");
    boards.prints(&["create", "live", "j.toml"], "");
    boards.prints(&["create", "fresh", "j.toml"], "");
    boards.file("pegel.broken", "no board");
    let _writer = Writer::open(&boards.board("live"), None).unwrap();
    boards.fails(2, &["gc"], &["--yes"]);
    let listed = boards.output(&["gc", "--dry-run"]);
    let names: Vec<_> = listed
        .lines()
        .map(|line| line.split(':').next().unwrap())
        .collect();
    assert_eq!(names, ["broken", "fresh", "tank"]);
    assert!(
        listed.contains("fresh: nothing was ever published"),
        "{listed}"
    );
    let mut none = boards.pegel(&["gc", "--older-than=3600", "--yes"]);
    none.assert().success().stdout("");
    assert_eq!(
        boards.output(&["gc", "--older-than=0", "--yes", "--json"]),
        "{\"board\":\"tank\",\"removed\":true}\n"
    );
    boards.prints(&["gc", "--yes"], "removed broken\nremoved fresh\n");
    boards.pegel(&["gc", "--yes"]).assert().success().stdout("");
    assert_eq!(boards.output(&["ls"]).lines().count(), 2);
}

#[test]
fn gc_removes_what_a_crash_left_and_nobody_uses() {
    let boards = Boards::with_tank();
    boards.file("j.toml", "document = 'json'\ncapacity = 9");
    boards.prints(&["create", "live", "j.toml"], "");
    let writer = Writer::open(&boards.board("live"), None).unwrap();
    let _tank = Writer::open(&boards.board("tank"), None).unwrap();
    let left = [
        ".pegel.gone.next-0123456789abcdef",
        ".pegel.live.next-0123456789abcdef",
        ".pegel.other.next",
        "pegel.gone.lock",
    ];
    let others = [".pegel.gone.next-0123", ".pegel.Gone.next", ".hidden"];
    for file in left.iter().chain(&others) {
        boards.file(file, "");
    }
    let listed = boards.output(&["gc", "--dry-run"]);
    assert_eq!(
        listed,
        "gone: left by a crash: .pegel.gone.next-0123456789abcdef, pegel.gone.lock\n\
         other: left by a crash: .pegel.other.next\n"
    );
    let mut none = boards.pegel(&["gc", "--older-than=3600", "--yes"]);
    none.assert().success().stdout("");
    boards.prints(
        &["gc", "--yes"],
        "removed .pegel.gone.next-0123456789abcdef, pegel.gone.lock\nremoved .pegel.other.next\n",
    );
    let is_there = |file: &&str| boards.0.path().join(file).exists();
    assert_eq!(left.iter().filter(|file| is_there(file)).count(), 1);
    assert!(others.iter().all(is_there));
    assert!(!is_there(&"pegel.other.lock"));
    drop(writer);
    let removed = boards.json(&["gc", "--yes", "--json"]);
    assert_eq!(removed["board"], "live");
    assert!(!is_there(&left[1]));
}

#[test]
fn bench_measures_and_leaves_nothing() {
    let boards = Boards::new();
    let measured = boards.json(&["bench", "--json"]);
    assert_eq!(measured["torn"], 0);
    for size in measured["sizes"].as_array().unwrap() {
        for figure in ["publish_ns", "read_ns", "open_ns"] {
            assert!(size[figure].as_f64().unwrap() > 0.0, "{measured}");
        }
    }
    assert!(measured["wake_ns"].as_f64().unwrap() > 0.0);
    assert_eq!(fs::read_dir(boards.0.path()).unwrap().count(), 0);
}
