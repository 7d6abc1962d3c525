//! watch.

use serde_json::json;

use crate::boards::Boards;

#[test]
fn watch_prints_the_record_of_the_moment_and_each_new_one() {
    let boards = Boards::with_tank();
    let mut watch = boards.watch(&["tank", "--json", "--count=3"]);
    let first = watch.json();
    assert_eq!(
        (&first["sequence"], &first["is_default"]),
        (&json!(1), &json!(true))
    );
    assert_eq!(first["record"], boards.json(&["get", "tank", "--json"]));
    for (sequence, level) in [(2, 4.5), (3, 5.5)] {
        boards.prints(&["set", "tank", &format!("level={level}")], "");
        let next = watch.json();
        assert_eq!(next["sequence"], sequence);
        assert_eq!(next["record"]["level"], level);
    }
    assert_eq!(watch.end(), (Some(0), String::new()));
}

#[test]
fn prints_every_record_that_the_board_holds() {
    let boards = Boards::with_tank();
    for level in 2..=20 {
        boards.prints(&["set", "tank", &format!("level={level}")], "");
    }
    let last = boards.output(&["get", "tank", "--last=3", "level", "rain"]);
    assert_eq!(last, "18\tfalse\n19\tfalse\n20\tfalse\n");
    let all = boards.output(&["get", "tank", "--last=100", "--json"]);
    let sequences = all.lines().map(|line| {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        record["sequence"].as_u64().unwrap()
    });
    assert_eq!(sequences.collect::<Vec<_>>(), (6..=20).collect::<Vec<_>>());
    let mut watch = boards.watch(&["tank", "--every", "--json", "--count=16"]);
    for sequence in 6..=20 {
        assert_eq!(watch.json()["sequence"], sequence);
    }
    boards.prints(&["set", "tank", "level=21"], "");
    let next = watch.json();
    assert_eq!(
        (&next["sequence"], &next["missed"]),
        (&json!(21), &json!(0))
    );
    assert_eq!(watch.end(), (Some(0), String::new()));
}

#[test]
fn a_line_is_for_people_without_json() {
    let boards = Boards::with_tank();
    let line = boards.output(&["watch", "tank", "--count=1"]);
    let (moment, record) = line.split_once("  ").unwrap();
    assert!(moment.ends_with(" +00:00"), "{line}");
    let all = "level=3.21 rain=false volts=[0.1, 2] total=18446744073709551615 note=\"rising\"\n";
    assert_eq!(record, format!("1  {all}"));
}

#[test]
fn nobody_knows_when_a_record_without_a_time_was_published() {
    let boards = Boards::new();
    let field = pegel::Field::new("level", pegel::Type::F64);
    let schema = pegel::Schema::new(vec![field]).unwrap();
    let unstamped = pegel::Options {
        unstamped: true,
        ..pegel::Options::default()
    };
    let mut writer =
        pegel::dynamic::Writer::create(&boards.board("tank"), &schema, &unstamped).unwrap();
    writer.publish(&3.21f64.to_ne_bytes()[..]).unwrap();
    for command in [
        &["watch", "tank", "--count=1"],
        &["get", "tank", "--last=1"],
    ] {
        assert_eq!(boards.output(command), "-  1  level=3.21\n");
    }
}

#[test]
fn watch_waits_for_the_first_record() {
    let boards = Boards::new();
    boards.file("j.toml", "document = 'json'\ncapacity = 9");
    boards.prints(&["create", "j", "j.toml"], "");
    let mut watch = boards.watch(&["j", "--json", "--count=1"]);
    boards.prints(&["set", "j", "document=[1]"], "");
    assert_eq!(watch.json()["record"], json!([1]));
    assert_eq!(watch.end(), (Some(0), String::new()));
}

#[test]
fn watch_goes_on_with_a_board_that_is_replaced() {
    let boards = Boards::with_tank();
    boards.file(
        "rain.toml",
        "field = [{ name = 'rain', type = 'bool', default = true }]",
    );
    let mut watch = boards.watch(&["tank", "--json", "--count=2"]);
    assert_eq!(watch.json()["record"]["level"], 3.21);
    boards.prints(&["create", "tank", "rain.toml", "--replace"], "");
    assert_eq!(watch.json()["record"], json!({ "rain": true }));
    assert_eq!(watch.end(), (Some(0), String::new()));
}

#[test]
fn watch_ends_when_its_board_is_removed() {
    let boards = Boards::with_tank();
    let mut watch = boards.watch(&["tank"]);
    watch.line();
    boards.prints(&["rm", "tank"], "");
    assert!(watch.has_ended());
    let (status, errors) = watch.end();
    assert_eq!(status, Some(1));
    assert!(errors.contains("no board tank"), "{errors}");
}

#[test]
fn watch_fails_when_nothing_comes_in_time() {
    let boards = Boards::with_tank();
    boards
        .pegel(&["watch", "tank", "--json", "--timeout=0.01"])
        .assert()
        .code(1)
        .stderr(format!(
            "pegel: board tank ({}): nothing after sequence 1 in time\n",
            boards.board("pegel.tank")
        ));
    boards.fails(
        2,
        &["watch", "tank", "--timeout=-1"],
        &["number of seconds"],
    );
    boards.fails(2, &["watch", "tank", "--count=0"], &["--count"]);
    boards.fails(1, &["watch", "other"], &["no board other"]);
}

#[test]
fn watch_ends_when_nobody_reads_it() {
    let boards = Boards::with_tank();
    let mut watch = boards.watch(&["tank"]);
    watch.line();
    // Nothing is published any more: no write fails.
    assert_eq!(watch.end(), (Some(0), String::new()));
}
