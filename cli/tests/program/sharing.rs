//! Writing to a board that several programs share.

use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;

use assert_cmd::cargo::cargo_bin;
use pegel::dynamic::Writer;

use crate::boards::Boards;

#[test]
fn a_board_with_a_writer_is_left_alone() {
    let boards = Boards::with_tank();
    let writer = Writer::open(&boards.board("tank"), None).unwrap();
    for command in [
        &["set", "tank", "level=1", "--timeout=0"][..],
        &["set", "tank", "level=1", "--timeout=0.01"][..],
        &["create", "tank", "tank.toml"][..],
        &["rm", "tank"][..],
    ] {
        boards.fails(1, command, &["board tank has a writer"]);
    }
    assert_eq!(
        boards.json(&["show", "tank", "--json"])["writer_alive"],
        true
    );
    assert!(
        boards
            .output(&["show", "tank"])
            .contains("writer     alive: ")
    );
    drop(writer);
    // Not at once: a child that another test just forked has the lock until it runs its program.
    boards.prints(&["set", "tank", "level=1", "--timeout=60"], "");
}

#[test]
fn set_waits_for_its_turn() {
    let boards = Boards::with_tank();
    let writer = Writer::open(&boards.board("tank"), None).unwrap();
    thread::scope(|scope| {
        let set = scope.spawn(|| boards.prints(&["set", "tank", "level=7", "--timeout=60"], ""));
        drop(writer);
        set.join().unwrap();
    });
    boards.prints(&["get", "tank", "level"], "7\n");
}

#[test]
fn no_change_is_lost_when_many_set() {
    let boards = &Boards::with_tank();
    thread::scope(|scope| {
        for field in ["level", "volts.0", "volts.1", "total"] {
            scope.spawn(move || {
                for value in 1..=10 {
                    let change = format!("{field}={value}");
                    boards.prints(&["set", "tank", &change, "--timeout=60"], "");
                }
            });
        }
    });
    boards.prints(
        &["get", "tank", "level", "volts", "total"],
        "10\n10,10\n10\n",
    );
    assert_eq!(boards.json(&["show", "tank", "--json"])["sequence"], 41);
}

#[test]
fn one_of_many_forms_of_the_same_sequence_wins() {
    let boards = &Boards::with_tank();
    let saved = thread::scope(|scope| {
        let forms: Vec<_> = (1..=6)
            .map(|level| {
                scope.spawn(move || {
                    let change = format!("level={level}");
                    let set = ["set", "tank", &change, "--if-sequence=1", "--timeout=60"];
                    let done = boards.pegel(&set).output().unwrap();
                    let errors = String::from_utf8(done.stderr).unwrap();
                    (level, done.status.code(), errors)
                })
            })
            .collect();
        let done = forms.into_iter().map(|form| form.join().unwrap());
        let (saved, refused): (Vec<_>, Vec<_>) =
            done.partition(|(_, status, _)| *status == Some(0));
        assert_eq!((saved.len(), refused.len()), (1, 5));
        for (_, status, errors) in refused {
            assert_eq!(status, Some(1));
            assert!(
                errors.contains("board tank: the newest sequence is 2, not 1"),
                "{errors}"
            );
        }
        saved[0].0
    });
    boards.prints(&["get", "tank", "level"], &format!("{saved}\n"));
}

#[test]
fn a_slow_standard_input_keeps_nobody_waiting() {
    let boards = Boards::new();
    boards.file("j.toml", "document = 'json'\ncapacity = 9\ndefault = '0'");
    boards.prints(&["create", "j", "j.toml"], "");
    let mut slow = Command::new(cargo_bin!("pegel"))
        .args(["set", &boards.board("j"), "--document", "-"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = slow.stdin.take().unwrap();
    input.write_all(b"[").unwrap();
    boards.prints(&["set", "j", "document=1", "--timeout=0"], "");
    input.write_all(b"2]").unwrap();
    drop(input);
    assert!(slow.wait().unwrap().success());
    boards.prints(&["get", "j"], "[2]\n");
}
