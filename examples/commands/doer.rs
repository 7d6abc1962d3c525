//! Does the commands of others in their order: doer at-most-once | at-least-once.

use std::fs::OpenOptions;
use std::io::Write;
use std::time::Duration;

use pegel::{Options, Reader, Record, Text, Writer};

#[derive(Record)]
struct Command {
    #[pegel(unit = "%", min = 0.0, max = 100.0)]
    limit: f64,
}

#[derive(Record)]
struct Answer {
    #[pegel(default = 0)]
    command: u64,
    #[pegel(default = true)]
    done: bool,
    #[pegel(default = "")]
    message: Text<80>,
}

impl Answer {
    fn new(command: u64, done: bool, message: &str) -> pegel::Result<Self> {
        Ok(Self {
            command,
            done,
            message: Text::new(message)?,
        })
    }
}

fn limit_to(limit: f64) -> std::io::Result<String> {
    let mut log = OpenOptions::new();
    let mut log = log.append(true).create(true).open("limits.log")?;
    log.write_all(format!("{limit}\n").as_bytes())?;
    Ok(format!("limited to {limit} %"))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let at_most_once = std::env::args().nth(1).as_deref() == Some("at-most-once");
    let by_turns = Options {
        mode: 0o660,
        timeout: Duration::from_secs(5),
        ..Options::default()
    };
    drop(Writer::<Command>::create("commands", &by_turns)?);
    let mut answers = Writer::<Answer>::create("answers", &Options::default())?;
    let last = answers.read()?;
    if !last.done {
        answers.publish(&Answer::new(last.command, true, "interrupted")?)?;
    }
    let commands = Reader::<Command>::open("commands")?;
    for command in commands.follow(|follow| follow.after(last.command).every()) {
        let command = command?;
        let sequence = command.stamp().sequence;
        if at_most_once {
            answers.publish(&Answer::new(sequence, false, "accepted")?)?;
        }
        let message = limit_to(command.limit)?;
        answers.publish(&Answer::new(sequence, true, &message)?)?;
    }
    Ok(())
}
