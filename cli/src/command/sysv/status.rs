//! The status board NAME-sysv, which also stores what the bridge showed last.

use pegel::Options;
use pegel_program::failure::Result;
use pegel_program::status::{self, Number};

/// Follows the name of the board that is shown.
pub const SUFFIX: &str = "-sysv";
const NUMBERS: [Number; 7] = [
    ("sequence", "The record that is shown"),
    ("text", "Fingerprint of its text"),
    ("before", "Fingerprint of the text before it"),
    ("shown", "Records that were shown"),
    ("accepted", "Texts of scripts that were published"),
    ("rejected", "Texts of scripts that were rejected"),
    (
        "renewed",
        "Segments and semaphores that scripts removed, and the bridge created again",
    ),
];
/// The subjects that fail: the text of a script, until one is accepted, and everything else.
const SCRIPT: &str = "script";
const BRIDGE: &str = "bridge";

pub struct Status {
    status: status::Status,
    /// The removed objects that were reported.
    reported: Vec<&'static str>,
}

impl Status {
    pub fn create(board: &str, mode: u32) -> Result<Self> {
        let options = Options {
            mode,
            ..Options::default()
        };
        let description = "A board in System V shared memory";
        let board = format!("{board}{SUFFIX}");
        Ok(Self {
            status: status::Status::create_with(&board, description, &NUMBERS, &options)?,
            reported: Vec::new(),
        })
    }

    /// The sequence that was shown last.
    pub fn sequence(&self) -> u64 {
        self.status.get("sequence")
    }

    /// Whether this program has shown a text. Whenever it is killed, the memory has one of the last
    /// two.
    pub fn has_shown(&self, text: &[u8]) -> bool {
        let shown = [self.status.get("text"), self.status.get("before")];
        shown.contains(&fingerprint(text))
    }

    /// A record is about to replace a text.
    pub fn shows(&self, sequence: u64, text: &[u8], before: &[u8]) -> Result<()> {
        self.status.set("sequence", sequence);
        self.status.set("text", fingerprint(text));
        self.status.set("before", fingerprint(before));
        self.status.add("shown", 1);
        self.status.publish()
    }

    /// The text of a script was published.
    pub fn accept(&self) -> Result<()> {
        self.status.add("accepted", 1);
        self.status.ok(SCRIPT);
        self.status.publish()
    }

    /// The text of a script was rejected.
    pub fn reject(&self, reason: &str) -> Result<()> {
        self.status.add("rejected", 1);
        self.status.fail(SCRIPT, reason);
        self.status.publish()
    }

    /// Scripts removed an object, which was created again a number of times. Only the first time is
    /// reported, as old pages do that after each read.
    pub fn renewed(&mut self, what: &'static str, times: u64) -> Result<()> {
        if times == 0 {
            return Ok(());
        }
        self.status.add("renewed", times);
        if !self.reported.contains(&what) {
            self.reported.push(what);
            let message = format!(
                "a script removed the {what}; the bridge creates it again each time. Delete that \
                 call from the script"
            );
            status::log(&message);
            self.status.note(&message);
        }
        self.status.publish()
    }

    /// The bridge cannot show the newest record.
    pub fn fail(&self, reason: &str) -> Result<()> {
        self.status.fail(BRIDGE, reason);
        self.status.publish()
    }

    /// The bridge shows the newest record.
    pub fn ok(&self) -> Result<()> {
        self.status.ok(BRIDGE);
        self.status.publish()
    }
}

/// FNV-1a, which is the same in every version of this program.
fn fingerprint(text: &[u8]) -> u64 {
    text.iter().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01B3)
    })
}
