//! Does the commands of others in their order: `doer FORM [MAX_AGE [ROUND]]`.
//!
//! FORM is at-most-once or at-least-once. A command older than `MAX_AGE` seconds (60) is refused.
//! With ROUND, the program is a loop of its own, which takes what has come every ROUND seconds.

use std::fs::OpenOptions;
use std::io::Write;
use std::thread::sleep;
use std::time::Duration;

use pegel::{Options, Reader, Record, Snapshot, Text, Writer};

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

struct Doer {
    answers: Writer<Answer>,
    at_most_once: bool,
    max_age: Duration,
}

impl Doer {
    fn run(&mut self, command: &Snapshot<Command>) -> Result<(), Box<dyn std::error::Error>> {
        let stamp = command.stamp();
        let number = stamp.sequence;
        let age = Duration::from_nanos(stamp.age_ns.try_into()?);
        let message = if age > self.max_age {
            format!("too old: {:.1} s", age.as_secs_f64())
        } else {
            if self.at_most_once {
                let accepted = Answer::new(number, false, "accepted")?;
                self.answers.publish(&accepted)?;
            }
            limit_to(command.limit)?
        };
        self.answers
            .publish(&Answer::new(number, true, &message)?)?;
        Ok(())
    }
}

fn seconds(argument: Option<String>) -> Result<Option<Duration>, Box<dyn std::error::Error>> {
    let seconds = argument.map(|text| text.parse()).transpose()?;
    Ok(seconds.map(Duration::try_from_secs_f64).transpose()?)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let at_most_once = arguments.next().as_deref() == Some("at-most-once");
    let max_age = seconds(arguments.next())?.unwrap_or(Duration::from_secs(60));
    let pause = seconds(arguments.next())?;
    let shared = Options {
        mode: 0o660,
        timeout: Duration::from_secs(5),
        ..Options::default()
    };
    drop(Writer::<Command>::create("commands", &shared)?);
    let mut answers = Writer::<Answer>::create("answers", &Options::default())?;
    let last = answers.read()?;
    if !last.done {
        answers.publish(&Answer::new(last.command, true, "interrupted")?)?;
    }
    let mut doer = Doer {
        answers,
        at_most_once,
        max_age,
    };
    // With a timeout of 0, it ends where nothing has come, and continues when it is asked again.
    let mut commands = Reader::<Command>::open("commands")?.follow(|follow| match pause {
        Some(_) => follow.after(last.command).every().timeout(Duration::ZERO),
        None => follow.after(last.command).every(),
    });
    loop {
        for command in commands.by_ref() {
            doer.run(&command?)?;
        }
        sleep(pause.unwrap_or_default()); // the loop's own work
    }
}
