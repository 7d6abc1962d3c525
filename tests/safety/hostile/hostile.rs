//! A fuzzer of all code that reads bytes of a board: whatever its file contains, and however that
//! changes while the board is open, the result is an error or a record, never a crash, a hang or an
//! unbounded allocation.
//!
//! `hostile [CASES] [SEED]`: prints the results of the cases. The seed determines them.
//!
//! A case is a board of a random schema with a few bytes changed, most of them where they matter.
//! It is opened and read in each way, also by a program with another version of its schema, written
//! and replaced. While a reader has it open, its control block, its slots and its length change;
//! the length only for readers without a mapping, as the others are not promised to survive that.

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::Duration;

use fastrand::Rng;
use nix::sys::resource::{Resource, setrlimit};
use pegel::dynamic::{Reader, Snapshot, Writer};
use pegel::{Field, Options, Result, Schema, Type};
use tempfile::TempDir;

/// Of memory in all: an honest board of these has a hundredth.
const MEMORY: u64 = 256 << 20;
/// Cases for which a schema is made.
const CASES_A_SCHEMA: u64 = 500;
/// One in this many cases is also written, which takes longer than everything else.
const WRITTEN: u64 = 8;
const HEADER: usize = 128;

/// Numbers close to limits and overflows.
const NUMBERS: [u64; 14] = [
    0,
    1,
    2,
    3,
    4,
    7,
    64,
    1 << 12,
    1 << 20,
    1 << 30,
    (1 << 32) - 1,
    1 << 62,
    u64::MAX >> 1,
    u64::MAX,
];

struct Fuzzer {
    rng: Rng,
    directory: TempDir,
    /// How often each result occurred.
    outcomes: BTreeMap<String, u64>,
}

/// A board before the damage.
struct Good {
    bytes: Vec<u8>,
    schema: Schema,
    /// A later or an earlier version of the schema.
    other: Schema,
    control: usize,
}

impl Fuzzer {
    fn name(&self) -> String {
        format!("{}/a", self.directory.path().display())
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("pegel.a")
    }

    fn field(&mut self, index: usize) -> Field {
        let name = format!("f{index}");
        let rng = &mut self.rng;
        let number = rng.u8(1..100);
        let mut field = match rng.u8(0..8) {
            0 => Field::new(name, Type::Bool).default(true),
            1 => Field::text(name, rng.u32(2..40)).default("ä"),
            2 => Field::new(name, Type::F64)
                .default(number)
                .min(0.5)
                .unit("m"),
            3 => Field::new(name, Type::F32).label("Ärger").default(0.1),
            4 => Field::new(name, Type::U64).max(u64::MAX).default(number),
            5 => Field::new(name, Type::I8).min(-128).default(number),
            6 => Field::new(name, Type::U16).array(rng.u32(1..9)),
            _ => Field::new(name, Type::I64).description("\"\\"),
        };
        if field.details.default.is_none() || rng.bool() {
            field = field.optional();
        }
        field
    }

    fn schema(&mut self) -> (Schema, Schema) {
        let capacity = self.rng.u32(1..3000);
        let fields = match self.rng.u8(0..6) {
            0 => vec![Field::json(capacity).default("0")],
            1 => vec![Field::bytes(capacity)],
            _ => {
                let count = self.rng.usize(1..20);
                (0..count).map(|index| self.field(index)).collect()
            }
        };
        let other = match fields[0].kind {
            Type::Json => vec![Field::json(capacity / 2 + 8)],
            Type::Bytes => vec![Field::bytes(capacity * 2)],
            _ => {
                let kept = self.rng.usize(1..=fields.len());
                let new = (0..self.rng.usize(0..3))
                    .map(|index| Field::new(format!("n{index}"), Type::U8));
                let new = new.map(Field::optional);
                fields[..kept].iter().cloned().chain(new).collect()
            }
        };
        let make = |fields| Schema::new(fields).expect("a schema");
        (make(fields), make(other))
    }

    fn good(&mut self) -> Good {
        let (schema, other) = self.schema();
        let options = Options {
            slots: 4 << self.rng.u32(0..3),
            replace: true,
            ..Options::default()
        };
        let mut writer = Writer::create(&self.name(), &schema, &options).expect("a board");
        for _ in 0..self.rng.u32(0..20) {
            let length = match schema.document() {
                Some(Type::Bytes) => self.rng.usize(0..=schema.record_size()),
                Some(_) => 1,
                None => schema.record_size(),
            };
            writer.publish(&vec![b'1'; length]).expect("to publish");
        }
        let bytes = fs::read(self.file()).expect("its file");
        let control = u32::from_ne_bytes(bytes[24..28].try_into().expect("4 bytes")) as usize;
        Good {
            bytes,
            schema,
            other,
            control,
        }
    }

    /// An offset that contains something, and the bytes to write there.
    fn change(&mut self, from: usize, end: usize) -> (usize, Vec<u8>) {
        let at = self.rng.usize(from..end.max(from + 1));
        let number = if self.rng.bool() {
            self.rng.choice(NUMBERS).expect("one")
        } else {
            self.rng.u64(..) >> self.rng.u32(0..64)
        };
        match self.rng.u8(0..4) {
            0 => (at, vec![self.rng.u8(..)]),
            1 => (at & !3, number.to_ne_bytes()[..4].to_vec()),
            2 => (
                at,
                self.rng
                    .choice(*b"{}[]\",:\\-.e0a")
                    .map(|byte| vec![byte])
                    .expect("one"),
            ),
            _ => (at & !7, number.to_ne_bytes().to_vec()),
        }
    }

    fn mutate(&mut self, good: &Good, bytes: &mut Vec<u8>) {
        for _ in 0..self.rng.u32(1..6) {
            let slots = good.control + 128;
            let (from, end) = match self.rng.u8(0..8) {
                0 => (0, HEADER),
                1 | 2 => (HEADER, good.control),
                3 | 4 => (good.control, slots),
                5 => (slots, slots + 48),
                _ => (slots, bytes.len()),
            };
            let (at, new) = self.change(from, end);
            for (byte, new) in bytes.iter_mut().skip(at).zip(new) {
                *byte = new;
            }
        }
        if self.rng.u8(0..8) == 0 {
            let length = self.rng.usize(0..bytes.len() + 4096);
            bytes.resize(length, 0);
        }
    }

    fn count<T>(&mut self, what: &str, result: &Result<T>) {
        let outcome = match result {
            Ok(_) => "fine".to_owned(),
            Err(error) => format!("{:?}", error.kind()),
        };
        *self
            .outcomes
            .entry(format!("{what}: {outcome}"))
            .or_default() += 1;
    }

    fn read(&mut self, way: &str, reader: &Reader) {
        let newest = reader.sequence().unwrap_or_default();
        let sequence = match self.rng.u8(0..3) {
            0 => self.rng.u64(..),
            _ => newest.wrapping_sub(self.rng.u64(0..20)),
        };
        let looked = reader.read().map(|now| look(&now));
        self.count(&format!("{way}, read"), &looked);
        let _ = reader.read_at(sequence).map(|then| look(&then));
        let _ = reader.read_after(sequence).map(|then| look(&then));
        let _ = reader.last(3).map(|last| last.iter().for_each(look));
        let _ = reader.wait(sequence, Some(Duration::ZERO));
        let _ = reader.info();
        let _ = reader.schema().template();
    }

    /// The board changes while it is open.
    fn spoil(&mut self, good: &Good, file: &File) {
        for _ in 0..self.rng.u32(1..4) {
            let (at, new) = self.change(good.control, good.bytes.len() - 8);
            // A truncated file grows by it, and stays hostile.
            file.write_all_at(&new, at as u64).expect("to spoil it");
        }
    }

    fn case(&mut self, good: &Good, file: &File, is_written: bool) {
        let mut bytes = good.bytes.clone();
        self.mutate(good, &mut bytes);
        file.set_len(bytes.len() as u64).expect("to set its length");
        file.write_all_at(&bytes, 0).expect("to write it");
        let name = self.name();
        let opened = Reader::open(&name);
        self.count("open", &opened);
        let Ok(reader) = opened else {
            return;
        };
        self.read("mapped", &reader);
        self.spoil(good, file);
        self.read("mapped, spoilt", &reader);
        if let Ok(view) = reader.view(&good.other) {
            self.read("other version", &view);
        }
        if is_written {
            self.write(good);
        } else if let Ok(reader) = Reader::open_untrusted(&name) {
            self.read("unmapped", &reader);
            self.spoil(good, file);
            let length = self.rng.u64(0..bytes.len() as u64);
            file.set_len(length).expect("to cut it off");
            self.read("unmapped, cut off", &reader);
        }
    }

    fn write(&mut self, good: &Good) {
        let name = self.name();
        let record = vec![b'2'; good.schema.record_size().min(4)];
        let record = if good.schema.document().is_some() {
            record
        } else {
            vec![b'2'; good.schema.record_size()]
        };
        if let Ok(mut writer) = Writer::open(&name, Some(Duration::ZERO)) {
            let published = writer.publish(&record);
            self.count("publish", &published);
            if published.is_ok() {
                let now = writer.reader().read().expect("what was published");
                assert_eq!(now.bytes(), record);
            }
        }
        let taken = Writer::create(&name, &good.schema, &Options::default());
        self.count("take over", &taken);
        drop(taken);
        let grown = Writer::create(&name, &good.other, &Options::default());
        self.count("grow", &grown);
        drop(grown);
        let replace = Options {
            replace: true,
            ..Options::default()
        };
        let replaced = Writer::create(&name, &good.schema, &replace).map(|writer| {
            let _ = writer.reader().read().map(|now| look(&now));
        });
        self.count("replace", &replaced);
    }
}

/// Reads everything in a record.
fn look(now: &Snapshot) {
    let values = serde_json::to_string(&now.values()).expect("values");
    assert!(!values.is_empty());
}

fn main() {
    let mut arguments = env::args()
        .skip(1)
        .map(|argument| argument.parse::<u64>().expect("a number"));
    let cases = arguments.next().unwrap_or(10_000);
    let seed = arguments.next().unwrap_or_else(|| fastrand::u64(..));
    println!("{cases} cases of seed {seed}");
    let mut fuzzer = Fuzzer {
        rng: Rng::with_seed(seed),
        directory: tempfile::tempdir_in("/dev/shm").expect("a directory"),
        outcomes: BTreeMap::new(),
    };
    setrlimit(Resource::RLIMIT_AS, MEMORY, MEMORY).expect("to limit memory");
    let mut good = fuzzer.good();
    for case in 0..cases {
        if case % CASES_A_SCHEMA == 0 {
            good = fuzzer.good();
        }
        let is_written = case % WRITTEN == 0;
        // Writing can replace the board, whose file is then a new one.
        let file = File::options()
            .read(true)
            .write(true)
            .open(fuzzer.file())
            .expect("its file");
        fuzzer.case(&good, &file, is_written);
    }
    for (outcome, times) in &fuzzer.outcomes {
        println!("{outcome:32} {times:>10}");
    }
}
