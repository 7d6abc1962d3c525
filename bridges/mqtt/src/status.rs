//! How the bridge fares, in the log and in a board of its own.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use pegel::dynamic::Writer;
use pegel::{Field, Options, Schema, Type, Value as Known};
use pegel_program::escape;
use pegel_program::failure::Result;

/// Bytes of the longest complaint in the board, and in the log.
const BRIEF: usize = 400;
const LONGEST: usize = 2000;

/// What the connections tell.
#[derive(Default)]
pub struct Status {
    /// Of each, what is wrong; nothing, if it is well.
    lines: Mutex<BTreeMap<String, Option<String>>>,
    pub published: AtomicU64,
    pub taken: AtomicU64,
    pub refused: AtomicU64,
    pub mirrored: AtomicU64,
}

/// Adds one.
pub fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Status {
    /// All is well.
    pub fn well(&self, line: &str) {
        self.set(line, None);
    }

    /// There is no such connection any longer.
    pub fn forget(&self, line: &str) {
        let mut lines = self.lines.lock().expect("no thread panics with it");
        lines.remove(line);
    }

    /// Each complaint is said once.
    pub fn complain(&self, line: &str, reason: &str) {
        let reason = brief(reason, LONGEST);
        if self.set(line, Some(reason)) {
            eprintln!("pegel: {}", escape::line(reason));
        }
    }

    /// Says whether that is new.
    fn set(&self, line: &str, reason: Option<&str>) -> bool {
        let mut lines = self.lines.lock().expect("no thread panics with it");
        let before = lines.insert(line.to_owned(), reason.map(str::to_owned));
        before.flatten().as_deref() != reason
    }
}

/// The beginning of a text, which may repeat what others sent.
pub fn brief(text: &str, bytes: usize) -> &str {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// The board that tells of it.
pub struct Board {
    writer: Writer,
    told: Vec<(&'static str, Known)>,
    /// What was counted by those before.
    before: [u64; 4],
}

const COUNTERS: [(&str, &str); 4] = [
    ("published", "Records that were published"),
    ("taken", "Commands that were done"),
    ("refused", "Commands that were not"),
    ("mirrored", "Records of others that were shown"),
];

impl Board {
    pub fn create(board: &str) -> Result<Self> {
        let number = |name, label| Field::new(name, Type::U64).default(0_u64).label(label);
        let mut fields = vec![
            number("connections", "Connections that there should be"),
            number("well", "Connections that are well"),
        ];
        fields.extend(COUNTERS.map(|(name, label)| number(name, label)));
        #[allow(clippy::cast_possible_truncation)] // it is 400
        let complaint = Field::text("complaint", BRIEF as u32);
        fields.push(complaint.default("").label("What is wrong with the others"));
        let schema = Schema::new(fields)?.describe("Boards by MQTT")?;
        let writer = Writer::create(board, &schema, &Options::default())?;
        // They go on where they were.
        let last = writer.reader().read()?;
        let before = COUNTERS.map(|(name, _)| match last.get(name) {
            Ok(Known::UInt(count)) => count,
            _ => 0,
        });
        Ok(Self {
            writer,
            told: Vec::new(),
            before,
        })
    }

    /// Publishes what is new.
    pub fn tell(&mut self, status: &Status) -> Result<()> {
        let counted = [
            &status.published,
            &status.taken,
            &status.refused,
            &status.mirrored,
        ];
        let counted = counted.map(|counter| counter.load(Ordering::Relaxed));
        let lines = status.lines.lock().expect("no thread panics with it");
        let complaints: Vec<_> = lines.values().flatten().collect();
        let wrong = complaints.len() as u64;
        let all = lines.len() as u64;
        let complaint = complaints.first().map_or("", |complaint| complaint);
        let complaint = brief(complaint, BRIEF).replace('\0', " ");
        drop(lines);
        let mut now = vec![
            ("connections", Known::UInt(all)),
            ("well", Known::UInt(all - wrong)),
            ("complaint", Known::Text(complaint)),
        ];
        for (index, (name, _)) in COUNTERS.iter().enumerate() {
            now.push((name, Known::UInt(self.before[index] + counted[index])));
        }
        if now != self.told {
            let record = self.writer.reader().schema().encode(&now)?;
            self.writer.publish(&record)?;
            self.told = now;
        }
        Ok(())
    }
}
