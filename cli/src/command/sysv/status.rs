//! The status board NAME-sysv, and in it what the bridge showed last.

use pegel::Options;
use pegel_program::failure::Result;
use pegel_program::status::{self, Number};

/// Behind the name of the board that is shown.
pub const SUFFIX: &str = "-sysv";
const NUMBERS: [Number; 6] = [
    ("sequence", "The record that is shown"),
    ("text", "Fingerprint of its text"),
    ("before", "Fingerprint of the text before it"),
    ("shown", "Records that were shown"),
    ("accepted", "Texts of scripts that were published"),
    ("rejected", "Texts of scripts that were rejected"),
];
/// What fails: the text of a script, until one is accepted, and all else.
const SCRIPT: &str = "script";
const BRIDGE: &str = "bridge";

pub struct Status(status::Status);

impl Status {
    pub fn create(board: &str, mode: u32) -> Result<Self> {
        let options = Options {
            mode,
            ..Options::default()
        };
        let description = "A board in System V shared memory";
        let board = format!("{board}{SUFFIX}");
        status::Status::create_with(&board, description, &NUMBERS, &options).map(Self)
    }

    /// The sequence that was shown last.
    pub fn sequence(&self) -> u64 {
        self.0.get("sequence")
    }

    /// Whether this program has shown a text: one of the last two is in the memory, whenever the program was killed.
    pub fn has_shown(&self, text: &[u8]) -> bool {
        let shown = [self.0.get("text"), self.0.get("before")];
        shown.contains(&fingerprint(text))
    }

    /// A record is about to be shown in place of a text.
    pub fn shows(&self, sequence: u64, text: &[u8], before: &[u8]) -> Result<()> {
        self.0.set("sequence", sequence);
        self.0.set("text", fingerprint(text));
        self.0.set("before", fingerprint(before));
        self.0.add("shown", 1);
        self.0.publish()
    }

    /// The text of a script was published.
    pub fn accept(&self) -> Result<()> {
        self.0.add("accepted", 1);
        self.0.ok(SCRIPT);
        self.0.publish()
    }

    /// The text of a script was rejected.
    pub fn reject(&self, reason: &str) -> Result<()> {
        self.0.add("rejected", 1);
        self.0.fail(SCRIPT, reason);
        self.0.publish()
    }

    /// The bridge cannot show the newest record.
    pub fn fail(&self, reason: &str) -> Result<()> {
        self.0.fail(BRIDGE, reason);
        self.0.publish()
    }

    /// The bridge shows the newest record.
    pub fn ok(&self) -> Result<()> {
        self.0.ok(BRIDGE);
        self.0.publish()
    }
}

/// FNV-1a, which is the same in each version of this program.
fn fingerprint(text: &[u8]) -> u64 {
    text.iter().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01B3)
    })
}
