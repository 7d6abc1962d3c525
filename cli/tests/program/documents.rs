//! Boards that hold a document.

use std::fs;

use pegel::dynamic::{Reader, Writer};
use pegel::{Field, Options, Schema};
use serde_json::json;

use crate::boards::Boards;

const AHOY: &str = "document = 'json'\ncapacity = 100\n";
const TEXT: &str = r#"{"b": {"power": [21.80, "ä"]}, "a": 18446744073709551616}"#;

fn with_ahoy() -> Boards {
    let boards = Boards::new();
    boards.file("ahoy.toml", AHOY);
    boards.prints(&["create", "ahoy", "ahoy.toml"], "");
    boards
}

#[test]
fn a_path_leads_into_a_document() {
    let boards = with_ahoy();
    boards.prints(&["set", "ahoy", &format!("document={TEXT}")], "");
    boards.prints(&["get", "ahoy"], &format!("{TEXT}\n"));
    boards.prints(
        &["get", "ahoy", "b.power.0", "b.power.1", "a", "b"],
        "21.80\nä\n18446744073709551616\n{\"power\":[21.80,\"ä\"]}\n",
    );
    boards.prints(&["get", "ahoy", "b.power.1", "--json"], "\"ä\"\n");
    boards.prints(&["get", "ahoy", "--json"], &format!("{}\n", compact(TEXT)));
    let shown = boards.json(&["show", "ahoy", "--json"]);
    assert_eq!(shown["record"].to_string(), compact(TEXT));
    assert_eq!(shown["fields"][0]["type"], "json");
    assert!(boards.output(&["show", "ahoy"]).contains("      21.80,\n"));
}

fn compact(text: &str) -> String {
    text.replace(": ", ":").replace(", ", ",")
}

#[test]
fn a_wrong_path_is_reported_with_the_members() {
    let boards = with_ahoy();
    boards.prints(&["set", "ahoy", &format!("document={TEXT}")], "");
    let wrong = [
        ("b.volts", "the keys there are power"),
        ("b.power.2", "has 2 elements"),
        ("b.power.first", "has 2 elements"),
        ("a.b", "18446744073709551616"),
        ("", "the keys there are b, a"),
    ];
    for (path, part) in wrong {
        boards.fails(1, &["get", "ahoy", path], &["board ahoy", part]);
    }
}

#[test]
fn set_changes_parts_of_a_document() {
    let boards = with_ahoy();
    // The first record is an empty object.
    boards.prints(&["set", "ahoy", "a.b=7", "--json"], "{\"sequence\":1}\n");
    boards.prints(&["get", "ahoy"], "{\"a\":{\"b\":7}}\n");
    let document = r#"{"z": 1.50, "list": [{"on": true}, 2], "a": null}"#;
    boards.prints(&["set", "ahoy", &format!("document={document}")], "");
    boards.prints(
        &[
            "set",
            "ahoy",
            "list.0.on=false",
            "list.2=\"x\"",
            "name=roof west",
            "deep.er={\"k\": []}",
            "--if-sequence=2",
        ],
        "",
    );
    let changed = concat!(
        r#"{"z":1.50,"list":[{"on":false},2,"x"],"a":null,"name":"roof west","#,
        r#""deep":{"er":{"k":[]}}}"#
    );
    boards.prints(&["get", "ahoy"], &format!("{changed}\n"));
    boards.prints(&["get", "ahoy", "name", "deep.er.k"], "roof west\n[]\n");
    for (change, part) in [
        ("z.b=1", "the value there is 1.50"),
        ("a.b=1", "the value there is null"),
        ("list.4=1", "the array there has 3 elements"),
        ("list.first=1", "the array there has 3 elements"),
        ("z={", "z is not valid JSON"),
        ("z=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "got 125"),
    ] {
        boards.fails(1, &["set", "ahoy", "b=2", change], &["board ahoy", part]);
    }
    boards.fails(1, &["set", "ahoy", "a=2", "--if-sequence=2"], &["ahoy"]);
    boards.fails(1, &["set", "ahoy", "--unset", "a"], &["Set a=null"]);
    boards.prints(&["get", "ahoy"], &format!("{changed}\n"));
}

#[test]
fn no_document_is_nested_deeper_than_it_can_be_read() {
    let boards = Boards::new();
    boards.file("deep.toml", "document = 'json'\ncapacity = 9999");
    boards.prints(&["create", "deep", "deep.toml"], "");
    let path = |depth: usize| vec!["a"; depth].join(".");
    boards.prints(&["set", "deep", &format!("{}=1", path(127))], "");
    boards.prints(&["get", "deep", &path(127)], "1\n");
    let nested = format!("{}1{}", "[".repeat(128), "]".repeat(128));
    for change in [format!("b.{}=1", path(127)), format!("document={nested}")] {
        boards.fails(1, &["set", "deep", &change], &["not valid JSON"]);
    }
    boards.file("deep.json", nested);
    let whole = ["set", "deep", "--document", "deep.json"];
    boards.fails(1, &whole, &["not valid JSON"]);
}

#[test]
fn parts_of_a_durable_document_are_synced() {
    let boards = Boards::new();
    fs::create_dir(boards.durable()).unwrap();
    boards.file("plan.toml", format!("durable = true\n{AHOY}"));
    boards.prints(&["create", "plan", "plan.toml"], "");
    boards.prints(&["set", "plan", "a.b=7", "--sync"], "");
    fs::remove_file(boards.board("pegel.plan")).unwrap();
    boards.prints(&["create", "plan", "plan.toml"], "");
    boards.prints(&["get", "plan", "a.b"], "7\n");
}

#[test]
fn a_document_comes_from_a_file_or_standard_input() {
    let boards = with_ahoy();
    boards.file("ahoy.json", "[1,\n2]\n");
    boards.prints(&["set", "ahoy", "--document", "ahoy.json"], "");
    boards.prints(&["get", "ahoy"], "[1,\n2]\n");
    let mut set = boards.pegel(&["set", "ahoy", "--document", "-", "--if-sequence=1"]);
    set.write_stdin("{}").assert().success().stdout("");
    boards.prints(&["get", "ahoy"], "{}\n");
    boards.fails(
        1,
        &["set", "ahoy", "--document", "absent.json"],
        &["absent.json", "No such file"],
    );
}

#[test]
fn bad_documents_are_refused() {
    let boards = with_ahoy();
    boards.prints(&["set", "ahoy", "document=7"], "");
    boards.fails(
        1,
        &["set", "ahoy", "document={"],
        &["board ahoy", "not valid JSON"],
    );
    boards.fails(1, &["set", "ahoy", "power=7"], &["board ahoy", "document"]);
    boards.fails(
        2,
        &["set", "ahoy", "document=8", "--document", "-"],
        &["cannot be used with"],
    );
    let refused: [(&[u8], &str); 3] = [
        (b"{", "not valid JSON"),
        (b"\"\xff\"", "not valid UTF-8"),
        (&[b'1'; 101], "got 101"),
    ];
    for (document, part) in refused {
        boards.file("bad.json", document);
        boards.fails(
            1,
            &["set", "ahoy", "--document", "bad.json"],
            &["board ahoy", part],
        );
    }
    boards.prints(&["get", "ahoy"], "7\n");
}

#[test]
fn a_document_that_is_no_json_can_still_be_seen() {
    let boards = with_ahoy();
    let mut writer = Writer::open(&boards.board("ahoy"), None).unwrap();
    writer.publish(b"{\x1b").unwrap();
    boards.prints(&["get", "ahoy"], "{\x1b\n");
    let line = boards.output(&["watch", "ahoy", "--count=1"]);
    assert!(line.ends_with("  1  {\\u{1b}\n"), "{line:?}");
    let wants_json: [&[&str]; 3] = [
        &["get", "ahoy", "a"],
        &["get", "ahoy", "--json"],
        &["show", "ahoy", "--json"],
    ];
    for arguments in wants_json {
        boards.fails(
            1,
            arguments,
            &["board ahoy", "sequence 1 is not valid JSON"],
        );
    }
}

#[test]
fn bytes_are_raw_and_in_json_base64() {
    let boards = Boards::new();
    let board = boards.board("raw");
    let schema = Schema::new(vec![Field::bytes(16)]).unwrap();
    let mut writer = Writer::create(&board, &schema, &Options::default()).unwrap();
    writer.publish(&[0, 255, b'\n']).unwrap();
    drop(writer);
    let done = boards.pegel(&["get", "raw"]).assert().success();
    assert_eq!(done.get_output().stdout, [0, 255, b'\n']);
    assert_eq!(boards.json(&["get", "raw", "--json"]), json!("AP8K"));
    boards.fails(
        1,
        &["get", "raw", "document"],
        &["board raw", "holds bytes"],
    );
    boards.fails(
        1,
        &["set", "raw", "document=x"],
        &["board raw", "--document FILE"],
    );
    boards.file("raw", [255, 0]);
    boards.prints(&["set", "raw", "--document", "raw", "--timeout=60"], "");
    assert_eq!(
        Reader::open(&board).unwrap().read().unwrap().bytes(),
        [255, 0]
    );
    assert!(
        boards
            .output(&["show", "raw"])
            .ends_with("a document of bytes, 2 bytes\n")
    );
}

#[test]
fn an_empty_board_shows_what_it_is_for() {
    let boards = with_ahoy();
    let shown = boards.output(&["show", "ahoy"]);
    assert!(shown.contains("published  never\n"), "{shown}");
    assert!(shown.ends_with("\n\na document of json\n"), "{shown}");
    let shown = boards.json(&["show", "ahoy", "--json"]);
    assert_eq!(
        (&shown["sequence"], &shown["record"]),
        (&json!(0), &json!(null))
    );
}
