//! What a shell expects of every command.

use pegel::dynamic::Writer;
use std::fs;

use crate::boards::Boards;

const COMMANDS: [&str; 16] = [
    "ls",
    "show",
    "get",
    "set",
    "watch",
    "create",
    "schema",
    "gen",
    "rm",
    "gc",
    "dump",
    "load",
    "doctor",
    "serial",
    "bench",
    "completions",
];

#[test]
fn help_fits_a_terminal_and_has_no_colour() {
    let boards = Boards::new();
    let pages = COMMANDS.map(|command| vec![command, "--help"]);
    for page in pages.iter().chain([&vec!["--help"]]) {
        let help = boards.output(page);
        assert!(help.contains("Usage: pegel"), "{help}");
        assert!(!help.contains('\x1b'), "{help:?}");
        for line in help.lines() {
            assert!(line.chars().count() <= 80, "{page:?}: {line:?}");
        }
    }
    let help = boards.output(&["--help"]);
    for command in COMMANDS {
        assert!(help.contains(&format!("\n  {command} ")), "{help}");
    }
    assert!(help.contains("Exit status: 0 done; 1 failed"), "{help}");
}

#[test]
fn shells_complete_and_the_manual_has_a_page_a_command() {
    let boards = Boards::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = boards.output(&["completions", shell]);
        assert!(
            script.contains("pegel") && script.contains("watch"),
            "{script}"
        );
    }
    let pages = tempfile::tempdir().unwrap();
    // Another user may have put a link there, to a file that only this user can write.
    let (page, target) = (
        pages.path().join("pegel-get.1"),
        pages.path().join("target"),
    );
    fs::write(&target, "mine").unwrap();
    std::os::unix::fs::symlink(&target, &page).unwrap();
    boards.prints(&["man", pages.path().to_str().unwrap()], "");
    for command in COMMANDS {
        let page = pages.path().join(format!("pegel-{command}.1"));
        let page = std::fs::read_to_string(page).unwrap();
        assert!(page.contains(".SH SYNOPSIS"), "{page}");
    }
    assert!(pages.path().join("pegel.1").exists());
    assert!(!page.is_symlink());
    assert_eq!(fs::read_to_string(target).unwrap(), "mine");
}

#[test]
fn the_schema_in_the_help_is_one() {
    let boards = Boards::new();
    let help = boards.output(&["create", "--help"]);
    let (_, after) = help.split_once("A schema is a TOML file:\n").unwrap();
    let (schema, after) = after.split_once("\nOr the board").unwrap();
    boards.file("config.toml", schema);
    fs::create_dir(boards.durable()).unwrap();
    boards.prints(&["create", "config.toml"], "");
    boards.prints(&["get", "config"], "interval=5\nnotes=\n");
    let (_, after) = after.split_once("varying length:\n").unwrap();
    let (schema, _) = after.split_once("\n\n").unwrap();
    boards.file("ahoy.toml", schema);
    boards.prints(&["create", "ahoy", "ahoy.toml"], "");
    boards.prints(&["get", "ahoy"], "{}\n");
}

#[test]
fn a_wrong_command_line_is_status_2() {
    let boards = Boards::with_tank();
    let wrong: [&[&str]; 9] = [
        &[],
        &["unknown"],
        &["get"],
        &["set", "tank"],
        &["set", "tank", "level"],
        &["set", "tank", "level=1", "level=2"],
        &["set", "tank", "level=1", "--if-sequence=-1"],
        &["get", "tank", "--colour"],
        &["rm", "tank", "other"],
    ];
    for arguments in wrong {
        boards.fails(2, arguments, &[]);
    }
    let names = ["Tank", "a b", "x.lock", "", "ä", &"a".repeat(65)];
    for command in ["show", "get", "watch", "rm"] {
        for name in names {
            boards.fails(2, &[command, name], &["is not a valid board name"]);
        }
    }
    boards.prints(&["get", "tank", "level"], "3.21\n");
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let boards = Boards::with_tank();
    let commands = ["get tank", "show tank", "ls --json", "watch tank", "--help"];
    for command in commands {
        let script = format!("exec 3>&1; {{ \"$pegel\" {command}; echo $? >&3; }} | true");
        boards
            .shell(&script)
            .assert()
            .success()
            .stdout("0\n")
            .stderr("");
    }
}

#[test]
fn a_full_output_and_a_closed_error_are_status_1() {
    let boards = Boards::with_tank();
    let full = boards
        .shell("\"$pegel\" get tank >/dev/full")
        .assert()
        .code(1);
    let errors = String::from_utf8_lossy(&full.get_output().stderr);
    assert!(
        errors.contains("standard output: No space left"),
        "{errors}"
    );
    boards
        .shell("\"$pegel\" get other 2>/dev/full")
        .assert()
        .code(1)
        .stdout("");
}

#[test]
fn a_terminal_gets_no_control_characters() {
    let boards = Boards::with_tank();
    boards.file("j.toml", "document = 'json'\ncapacity = 9");
    boards.prints(&["create", "j", "j.toml"], "");
    boards.prints(&["set", "tank", "note=\x1b[2J"], "");
    let mut writer = Writer::open(&boards.board("j"), None).unwrap();
    writer.publish(b"[\n\x1b]\n").unwrap();
    for (command, expected) in [("tank note", "\\u{1b}[2J\r\n"), ("j", "[\r\n\\u{1b}]\r\n")] {
        let script = format!("script -qec '\"$pegel\" get {command}' /dev/null </dev/null");
        boards
            .shell(&script)
            .assert()
            .success()
            .stdout(expected.to_owned());
    }
}
