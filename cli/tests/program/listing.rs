//! ls, show and rm.

use std::fs;

use serde_json::{Value as Json, json};

use crate::boards::Boards;

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

#[test]
fn ls_lists_every_board_and_what_is_wrong_with_it() {
    let boards = Boards::with_tank();
    boards.file("j.toml", "document = 'json'\ncapacity = 9");
    boards.prints(&["create", "j", "j.toml"], "");
    boards.file("pegel.broken", "no board");
    boards.file("other", "");
    let table = boards.output(&["ls"]);
    let lines: Vec<_> = table.lines().map(words).collect();
    assert_eq!(
        lines[0],
        [
            "BOARD", "FIELDS", "SIZE", "SLOTS", "SEQUENCE", "RATE", "AGE", "WRITER", "ACCESS"
        ]
    );
    assert_eq!(lines[1][0], "broken");
    assert_eq!(lines[1][8], "CORRUPT");
    assert_eq!(
        lines[2][..8],
        ["j", "json", "2", "KiB", "16", "0", "-", "-"]
    );
    assert_eq!(lines[3][..7], ["tank", "5", "3", "KiB", "16", "1", "-"]);
    assert_eq!(lines[3][9..11], ["none", "0660"]);
    assert_eq!(lines.len(), 4);

    let lines = boards.output(&["ls", "--json"]);
    let listed: Vec<Json> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(listed[0]["error"]["status"], "CORRUPT");
    assert!(
        listed[0]["error"]["message"]
            .as_str()
            .unwrap()
            .contains("pegel.broken")
    );
    assert_eq!(
        (&listed[1]["sequence"], &listed[1]["age"]),
        (&json!(0), &json!(null))
    );
    assert_eq!(
        (&listed[2]["board"], &listed[2]["sequence"]),
        (&json!("tank"), &json!(1))
    );
    assert_eq!(listed[2]["mode"], "0660");
    assert_eq!(
        (&listed[1]["document"], &listed[1]["fields"]),
        (&json!("json"), &json!(null))
    );
    assert_eq!(
        (&listed[2]["fields"], &listed[2]["rate"]),
        (&json!(5), &json!(null))
    );
}

#[test]
fn show_prints_the_writer() {
    let boards = Boards::with_tank();
    let shown = boards.json(&["show", "tank", "--json"]);
    assert_eq!(
        (&shown["writer_alive"], &shown["writer_process"]),
        (&json!(false), &json!(null))
    );
    let _writer = pegel::dynamic::Writer::open(&boards.board("tank"), None).unwrap();
    let shown = boards.json(&["show", "tank", "--json"]);
    assert_eq!(shown["writer_process"], std::process::id());
    let name = fs::read_to_string("/proc/self/comm").unwrap();
    assert_eq!(shown["writer_program"], name.trim_end());
    let writer = format!(
        "alive: {}, process {}; 2 so far",
        name.trim_end(),
        std::process::id()
    );
    assert!(boards.output(&["show", "tank"]).contains(&writer));
}

#[test]
fn a_rate_is_that_of_what_the_board_holds() {
    let boards = Boards::with_tank();
    for level in 0..20 {
        boards.prints(&["set", "tank", &format!("level={level}")], "");
    }
    let line = boards.output(&["ls", "--json"]);
    let listed: Json = serde_json::from_str(&line).unwrap();
    let rate = listed["rate"].as_f64().unwrap();
    // 14 publications since the oldest of 15, each of which took a process.
    assert!((0.2..5000.0).contains(&rate), "{rate}");
}

#[test]
fn what_is_not_trusted_is_shown_if_asked_for() {
    let boards = Boards::with_tank();
    let directory = boards.0.path();
    fs::hard_link(directory.join("pegel.tank"), directory.join("more")).unwrap();
    boards.fails(1, &["get", "tank", "level"], &["not trusted", "hard link"]);
    assert!(boards.output(&["ls"]).contains("UNTRUSTED"));
    boards.prints(&["--untrusted", "get", "tank", "level"], "3.21\n");
    assert!(!boards.output(&["ls", "--untrusted"]).contains("UNTRUSTED"));
}

#[test]
fn ls_of_nothing_says_so() {
    let boards = Boards::new();
    boards
        .pegel(&["ls"])
        .assert()
        .success()
        .stdout("")
        .stderr(format!(
            "no boards in {}\n",
            boards.board("").trim_end_matches('/')
        ));
    boards.prints(&["ls", "--json"], "");
    boards.fails(1, &["ls", "--dir=absent"], &["absent", "No such file"]);
}

#[test]
fn show_prints_everything() {
    let boards = Boards::with_tank();
    let shown = boards.output(&["show", "tank"]);
    let lines: Vec<_> = shown.lines().map(words).collect();
    assert_eq!(lines[0], ["board", "tank"]);
    assert_eq!(lines[1], ["file", &boards.board("pegel.tank")]);
    assert_eq!(lines[2][..2], ["access", "0660"]);
    assert_eq!(lines[3], ["ring", "16", "slots", "of", "56", "bytes"]);
    assert_eq!(lines[4], ["writer", "none", "now;", "1", "so", "far"]);
    assert_eq!(lines[5][..4], ["sequence", "1,", "the", "defaults;"]);
    assert_eq!((lines[6][0], lines[6][3]), ("published", "+00:00,"));
    assert_eq!(lines[8], ["FIELD", "TYPE", "UNIT", "VALUE"]);
    assert_eq!(lines[9], ["level", "f64", "m", "3.21"]);
    assert_eq!(lines[11], ["volts", "f32[2]", "V", "[0.1,", "2]"]);
    assert_eq!(lines[13], ["note", "text(24)", "\"rising\""]);
}

#[test]
fn show_is_one_json_object() {
    let boards = Boards::with_tank();
    let shown = boards.json(&["show", "tank", "--json"]);
    let expected = json!({
        "name": "volts", "type": "f32", "unit": "V", "size": 4, "count": 2, "offset": 12,
        "optional": false, "label": "", "description": "",
        "default": [0.1, 2.0], "min": null, "max": null,
    });
    assert_eq!(shown["fields"][2], expected);
    assert_eq!(shown["record"], boards.json(&["get", "tank", "--json"]));
    assert_eq!(shown["path"], boards.board("pegel.tank"));
    assert_eq!(
        (&shown["slots"], &shown["record_size"]),
        (&json!(16), &json!(56))
    );
    assert_eq!(
        (&shown["sequence"], &shown["generation"]),
        (&json!(1), &json!(0))
    );
    assert_eq!(shown["is_default"], true);
    assert_eq!(shown["writer_alive"], false);
    let (published, age) = (shown["published"].as_f64(), shown["age"].as_f64());
    assert!(published.unwrap() > 1.7e9 && age.unwrap() >= 0.0, "{shown}");
}

#[test]
fn show_prints_the_activity_of_the_board() {
    let boards = Boards::new();
    let schema = "description = 'Wind und Wetter'\n[[field]]\nname = 'wind'\ntype = 'f32'\n\
                  unit = 'm/s'\noptional = true\nlabel = 'Böen'\nmin = 0";
    boards.file("weather.toml", schema);
    boards.prints(&["create", "weather", "weather.toml"], "");
    boards.prints(&["set", "weather", "--unset", "wind"], "");
    let shown = boards.output(&["show", "weather"]);
    let lines: Vec<_> = shown.lines().map(words).collect();
    assert_eq!(lines[0][..3], ["board", "weather:", "Wind"]);
    assert_eq!(lines[5], ["sequence", "1"]);
    assert_eq!(
        lines[9],
        ["wind", "f32", "m/s", "-", "Böen,", "at", "least", "0"]
    );
    assert_eq!(
        boards.json(&["show", "weather", "--json"])["description"],
        "Wind und Wetter"
    );
}

#[test]
fn a_board_is_found_by_directory() {
    let boards = Boards::with_tank();
    let directory = boards.board("");
    let here = |arguments: &[&str]| {
        let mut command = boards.pegel(arguments);
        command
            .env("PEGEL_DIR", "/absent")
            .assert()
            .success()
            .stdout("3.21\n");
    };
    here(&["get", &boards.board("tank"), "level"]);
    here(&["get", "./tank", "level"]);
    here(&["get", "tank", "level", "--dir", &directory]);
    here(&["--dir", ".", "get", "tank", "level"]);
    boards.fails(
        2,
        &["get", "./tank", "level", "--dir", "."],
        &["leave out --dir"],
    );
    boards.fails(2, &["get", "tank", "--dir", ""], &["--dir"]);
}

#[test]
fn rm_removes_a_board_whole() {
    let boards = Boards::with_tank();
    boards.prints(&["rm", "tank"], "");
    boards.fails(1, &["rm", "tank"], &["no board tank", "does not exist"]);
    boards.fails(1, &["show", "tank"], &["no board tank"]);
    assert!(!std::fs::exists(boards.board("pegel.tank.lock")).unwrap());
    boards.file("pegel.broken", "no board");
    boards.prints(&["rm", "broken"], "");
    boards.prints(&["ls", "--json"], "");
}
