//! What the stepped process does to a board, and the records before and after it.

use std::io::Read;

use nix::sys::signal::{Signal, raise};
use pegel::dynamic::Writer;
use pegel::{Field, Options, Schema, Type};

/// What the stepped process does to a board.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Act {
    Create,
    TakeOver,
    Publish,
    PublishIf,
    /// One of many publications in fast succession.
    PublishOn,
    /// Likewise, without stamps.
    PublishUnstamped,
    Replace,
    Close,
}

pub const ACTS: [Act; 8] = [
    Act::Create,
    Act::TakeOver,
    Act::Publish,
    Act::PublishIf,
    Act::PublishOn,
    Act::PublishUnstamped,
    Act::Replace,
    Act::Close,
];

impl Act {
    /// Whether the process itself prepares more.
    pub fn is_publication(self) -> bool {
        matches!(self, Self::Publish | Self::PublishIf) || self.is_one_of_many()
    }

    fn is_one_of_many(self) -> bool {
        matches!(self, Self::PublishOn | Self::PublishUnstamped)
    }

    /// The newest sequence before the act.
    pub fn before(self) -> u64 {
        if self.is_one_of_many() { 1 + RUN_UP } else { 1 }
    }
}

/// A record repeats one word; its first fields are those of the board that is replaced.
pub fn schema(words: usize, is_grown: bool) -> Schema {
    let words = u32::try_from(words).expect("a small record");
    let mut fields = vec![Field::new("words", Type::U64).array(words)];
    if is_grown {
        fields.push(Field::new("more", Type::U64).optional());
    }
    Schema::new(fields).expect("a schema")
}

pub fn record(words: usize, word: u64) -> Vec<u8> {
    word.to_ne_bytes().repeat(words)
}

/// Publications before the act in a fast succession, twice as many as the ring has slots.
const RUN_UP: u64 = 32;
pub const BEFORE: u64 = 0x1111_1111_1111_1111;
pub const AFTER: u64 = 0x2222_2222_2222_2222;

fn replace() -> Options {
    Options {
        replace: true,
        ..Options::default()
    }
}

/// The stepped process: prepares, stops, acts, stops.
pub fn act(act: Act, board: &str, words: usize) {
    let options = Options {
        unstamped: act == Act::PublishUnstamped,
        ..Options::default()
    };
    let create = || Writer::create(board, &schema(words, false), &options);
    let mut writer =
        (act.is_publication() || act == Act::Close).then(|| create().expect("a writer"));
    if let Some(writer) = writer.as_mut().filter(|_| act.is_one_of_many()) {
        for _ in 0..RUN_UP {
            let record = record(words, BEFORE);
            writer.publish(&record).expect("one of those before");
        }
    }
    // The stepping process is attached once it sends a line.
    std::io::stdin().read_exact(&mut [0]).expect("a word");
    stop();
    let done = match (act, writer) {
        (Act::Create | Act::TakeOver, _) => create().map(Some),
        (Act::Publish, Some(mut writer)) => {
            let record = record(words, AFTER);
            stop();
            writer.publish(&record).map(|_| Some(writer))
        }
        (Act::PublishIf, Some(mut writer)) => {
            let record = record(words, AFTER);
            stop();
            writer.publish_if(1, &record).map(|_| Some(writer))
        }
        (Act::PublishOn | Act::PublishUnstamped, Some(mut writer)) => {
            let record = record(words, AFTER);
            stop();
            let fast = match <&[u8; 64]>::try_from(&record[..]) {
                Ok(block) if act == Act::PublishUnstamped => writer.try_publish_block(block),
                _ => writer.publish_fast(&record),
            };
            // The files are checked again a second after the last check.
            fast.map_or_else(|| writer.publish(&record), Ok)
                .map(|_| Some(writer))
        }
        (Act::Close, Some(writer)) => {
            drop(writer);
            Ok(None)
        }
        _ => Writer::create(board, &schema(words, true), &replace()).map(Some),
    };
    done.expect("nothing is in the way");
    stop();
}

fn stop() {
    raise(Signal::SIGSTOP).expect("a signal to oneself");
}
