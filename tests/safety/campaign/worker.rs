//! Writes and reads boards for `workers.py`, which describes its arguments and lines.

use std::env;
use std::error::Error;
use std::io::stdin;
use std::time::Duration;

use pegel::dynamic::{Reader, Writer};
use pegel::{ErrorKind, Field, Options, Record, Schema, Type};

const BURST: u64 = 10_000;
const REPORT_EVERY: u64 = 100;
const PAUSE: Option<Duration> = Some(Duration::from_millis(1));

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The counter's.
#[derive(Record)]
struct Count {
    count: u64,
}

/// The pattern's first byte in a record.
const PATTERN: usize = 16;

#[allow(clippy::cast_possible_truncation)] // Only the lowest bits are wanted.
fn mark(sequence: u64, author: u64) -> u32 {
    let both = sequence.wrapping_add(author.wrapping_mul(65537)) as u32;
    both.wrapping_mul(0x5bd1_e995)
}

fn record(sequence: u64, author: u64, size: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(size);
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend(author.to_ne_bytes());
    let mark = mark(sequence, author).to_ne_bytes();
    bytes.extend(mark.into_iter().cycle().take(size - PATTERN));
    bytes
}

fn publish_unless_full(writer: &mut Writer, sequence: u64, author: u64) -> Result<u64> {
    let size = writer.reader().info().record_size;
    let published = writer.publish(&record(sequence + 1, author, size))?;
    if published == sequence + 1 {
        Ok(published)
    } else {
        Err(format!("published {published} after {sequence}").into())
    }
}

fn write(board: &str, author: u64, words: u32) -> Result<()> {
    let schema = Schema::new(vec![
        Field::new("sequence", Type::U64),
        Field::new("author", Type::U64),
        Field::new("pattern", Type::U32).array(words),
    ])?;
    let mut writer = Writer::create(board, &schema, &Options::default())?;
    let mut sequence = writer.reader().sequence().unwrap();
    for index in 0.. {
        sequence = publish_unless_full(&mut writer, sequence, author)?;
        if index % REPORT_EVERY == 0 {
            println!("{sequence}");
        }
    }
    Ok(())
}

fn share(board: &str, author: u64) -> Result<()> {
    loop {
        let mut writer = Writer::open(board, None)?;
        let newest = writer.reader().sequence()?;
        let sequence = publish_unless_full(&mut writer, newest, author)?;
        drop(writer);
        println!("{sequence}");
    }
}

fn word(bytes: &[u8], index: usize) -> u64 {
    let (words, _) = bytes.as_chunks();
    u64::from_ne_bytes(words[index])
}

fn read(board: &str, after: u64) -> Result<()> {
    let reader = Reader::open(board)?;
    let (mut sequence, mut author) = (after, 0);
    let mut now = vec![0; reader.info().record_size];
    loop {
        let (mut torn, mut repeated) = (0, 0);
        for _ in 0..BURST {
            let stamp = reader.read_into(&mut now)?;
            let its_author = word(&now, 1);
            torn += u64::from(now != record(stamp.sequence, its_author, now.len()));
            let is_other = stamp.sequence == sequence && author != 0 && its_author != author;
            repeated += u64::from(stamp.sequence < sequence || is_other);
            (sequence, author) = (stamp.sequence, its_author);
        }
        println!("{BURST} {torn} {repeated} {sequence} {author}");
        match reader.wait(sequence, PAUSE) {
            Err(error) if error.kind() != ErrorKind::Timeout => return Err(error.into()),
            _ => (),
        }
    }
}

fn update(board: &str, times: u32) -> Result<()> {
    for _ in 0..times {
        let mut writer = pegel::Writer::<Count>::open(board, None)?;
        let sequence = writer.update(|now| now.count += 1)?;
        drop(writer);
        println!("{sequence}");
    }
    Ok(())
}

fn publish_if(board: &str, times: u32) -> Result<()> {
    let reader = pegel::Reader::<Count>::open(board)?;
    let mut done = 0;
    while done < times {
        let now = reader.read()?;
        let next = Count {
            count: now.count + 1,
        };
        let mut writer = pegel::Writer::<Count>::open(board, None)?;
        let published = writer.publish_if(now.stamp().sequence, &next);
        drop(writer);
        match published {
            Err(error) if error.kind() == ErrorKind::Conflict => (),
            sequence => {
                println!("{}", sequence?);
                done += 1;
            }
        }
    }
    Ok(())
}

fn main() -> Result<()> {
    let arguments: Vec<_> = env::args().collect();
    let [_, role, board, number, amount] = &arguments[..] else {
        return Err("usage: player ROLE BOARD NUMBER AMOUNT".into());
    };
    let (number, amount) = (number.parse()?, amount.parse()?);
    println!("ready");
    if stdin().read_line(&mut String::new())? == 0 {
        return Ok(());
    }
    match role.as_str() {
        "write" => write(board, number, amount),
        "share" => share(board, number),
        "read" => read(board, number),
        "update" => update(board, amount),
        "publish_if" => publish_if(board, amount),
        _ => Err(format!("unknown role {role}").into()),
    }
}
