//! How a bridge fares, and what it showed last, in a board of its own: NAME-sysv.

use pegel::dynamic::Writer;
use pegel::{Field, Options, Schema, Type, Value};
use pegel_program::escape;
use pegel_program::failure::Result;

/// Behind the name of the board that is shown.
pub const SUFFIX: &str = "-sysv";
/// Bytes of the longest complaint.
const BRIEF: usize = 400;

pub struct Status {
    writer: Writer,
    /// The sequence that was shown last.
    sequence: u64,
    /// Fingerprints of its text, and of the one before: one of the two is there, whenever the bridge was killed.
    text: u64,
    before: u64,
    shown: u64,
    taken: u64,
    refused: u64,
    complaint: String,
    /// Whether that is of what a script wrote, and stays until the next one writes better.
    is_refusal: bool,
}

impl Status {
    pub fn create(board: &str, mode: u32) -> Result<Self> {
        let number = |name, label| Field::new(name, Type::U64).default(0_u64).label(label);
        let fields = vec![
            number("sequence", "The record that is shown"),
            number("text", "Fingerprint of its text"),
            number("before", "Fingerprint of the text before it"),
            number("shown", "Records that were shown"),
            number("taken", "Texts of scripts that were published"),
            number("refused", "Texts of scripts that were not"),
            #[allow(clippy::cast_possible_truncation)] // it is 400
            Field::text("complaint", BRIEF as u32)
                .default("")
                .label("Why the last text was refused, or what is in the way"),
        ];
        let schema = Schema::new(fields)?.describe("A board in System V shared memory")?;
        let options = Options {
            mode,
            ..Options::default()
        };
        let writer = Writer::create(&format!("{board}{SUFFIX}"), &schema, &options)?;
        // It goes on where it was.
        let last = writer.reader().read()?;
        let so_far = |name| match last.get(name) {
            Ok(Value::UInt(number)) => number,
            _ => 0,
        };
        Ok(Self {
            sequence: so_far("sequence"),
            text: so_far("text"),
            before: so_far("before"),
            shown: so_far("shown"),
            taken: so_far("taken"),
            refused: so_far("refused"),
            complaint: String::new(),
            is_refusal: false,
            writer,
        })
    }

    /// The record that was shown last.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Whether a text is one that was shown, and no script's.
    pub fn has_shown(&self, text: &[u8]) -> bool {
        [self.text, self.before].contains(&fingerprint(text))
    }

    /// A record is about to be shown in the place of a text.
    pub fn shows(&mut self, sequence: u64, text: &[u8], before: &[u8]) -> Result<()> {
        self.sequence = sequence;
        (self.text, self.before) = (fingerprint(text), fingerprint(before));
        self.shown += 1;
        self.publish()
    }

    pub fn took(&mut self) -> Result<()> {
        self.taken += 1;
        self.complaint.clear();
        self.publish()
    }

    pub fn refused(&mut self, reason: &str) -> Result<()> {
        self.refused += 1;
        self.complaint.clear();
        self.complain(reason)?;
        self.is_refusal = true;
        Ok(())
    }

    /// Says what is wrong, once.
    pub fn complain(&mut self, reason: &str) -> Result<()> {
        let mut end = reason.len().min(BRIEF);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        let reason = reason[..end].replace('\0', " ");
        if self.complaint == reason {
            return Ok(());
        }
        eprintln!("pegel: {}", escape::line(&reason));
        (self.complaint, self.is_refusal) = (reason, false);
        self.publish()
    }

    /// Nothing is in the way.
    pub fn is_well(&mut self) -> Result<()> {
        if self.complaint.is_empty() || self.is_refusal {
            return Ok(());
        }
        self.complaint.clear();
        self.publish()
    }

    fn publish(&mut self) -> Result<()> {
        let schema = self.writer.reader().schema().clone();
        let record = schema.encode(&[
            ("sequence", self.sequence.into()),
            ("text", self.text.into()),
            ("before", self.before.into()),
            ("shown", self.shown.into()),
            ("taken", self.taken.into()),
            ("refused", self.refused.into()),
            ("complaint", self.complaint.as_str().into()),
        ])?;
        self.writer.publish(&record)?;
        Ok(())
    }
}

/// FNV-1a, which is the same in each version of this program.
fn fingerprint(text: &[u8]) -> u64 {
    text.iter().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01B3)
    })
}
