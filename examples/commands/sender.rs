//! Has something done by another process, and waits until it is: sender LIMIT...
//!
//! Exits with 3, and sends nothing, if nobody listens.

use std::time::Duration;

use pegel::{Condition, Reader, Record, Text, Writer};

#[derive(Record)]
struct Command {
    #[pegel(unit = "%")]
    limit: f64,
}

#[derive(Record)]
struct Answer {
    command: u64,
    done: bool,
    message: Text<80>,
}

const TIMEOUT: Duration = Duration::from_secs(5);

fn send(limit: f64) -> Result<String, Box<dyn std::error::Error>> {
    let answers = Reader::<Answer>::open("answers")?;
    let before = answers.read()?;
    if !answers.writer_alive()? {
        eprintln!("nobody listens: the doer does not run");
        std::process::exit(3);
    }
    let mut commands = Writer::<Command>::open("commands", Some(TIMEOUT))?;
    let unanswered = Condition::Acknowledged(before.command);
    let command = commands.publish_on(unanswered, &Command { limit })?;
    drop(commands);
    let after = before.stamp().sequence;
    for answer in answers.follow(|follow| follow.after(after).every().timeout(TIMEOUT)) {
        let answer = answer?;
        if answer.command == command && answer.done {
            return Ok(answer.message.to_string());
        }
    }
    Err(format!("no answer to command {command} within {TIMEOUT:?}").into())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for argument in std::env::args().skip(1) {
        println!("{}", send(argument.parse()?)?);
    }
    Ok(())
}
