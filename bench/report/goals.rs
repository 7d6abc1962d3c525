//! Pegel's goals, relative to the figures of others in the same run.

use crate::figures::Figures;

/// How a figure is compared with a limit.
#[derive(Clone, Copy)]
pub enum Limit {
    /// At most this many times the other's.
    AtMost(f64),
    /// At least this many times less than the other's.
    Less(f64),
    /// At least this many times the other's.
    More(f64),
    /// At most this, for Pegel, or for Pegel in this language.
    Below(f64),
}
use Limit::{AtMost, Below, Less, More};

/// One goal.
pub struct Goal {
    pub measure: &'static str,
    pub sizes: &'static [usize],
    /// The peer to compare with; none for an absolute limit.
    pub other: &'static str,
    pub limit: Limit,
}

const fn goal(
    measure: &'static str,
    sizes: &'static [usize],
    other: &'static str,
    limit: Limit,
) -> Goal {
    Goal {
        measure,
        sizes,
        other,
        limit,
    }
}

const UP_TO_1K: &[usize] = &[64, 256, 1024];
const UP_TO_4K: &[usize] = &[64, 256, 1024, 4096];
const ALL: &[usize] = &[64, 256, 1024, 4096, 65_536];
const ABOVE_1K: &[usize] = &[4096, 65_536];
const ABOVE_256: &[usize] = &[1024, 4096, 65_536];
const FROM_256: &[usize] = &[256, 1024, 4096, 65_536];
const NONE: &[usize] = &[];
const BLACKBOARD: &str = "iceoryx2 blackboard";
const SYNC: &str = "mmap-sync";

/// All goals, in the order of the table.
pub const GOALS: [Goal; 44] = [
    goal("read alone", UP_TO_4K, BLACKBOARD, AtMost(0.75)),
    goal("read alone", &[65_536], BLACKBOARD, AtMost(1.0)),
    goal("read alone", ALL, "memcpy", AtMost(1.2)),
    goal("read alone", &[64], SYNC, Less(3.0)),
    goal("read alone", &[256], SYNC, Less(2.5)),
    goal("read alone", &[1024], SYNC, Less(1.5)),
    goal("one field, beyond an atomic load", ALL, "", Below(5.0)),
    goal("publish alone", UP_TO_1K, BLACKBOARD, AtMost(0.8)),
    goal("publish alone", ABOVE_1K, BLACKBOARD, AtMost(1.0)),
    goal("publish alone", &[64, 256], SYNC, Less(100.0)),
    goal(
        "stamp of a publication, in clock reads",
        &[64],
        "",
        Below(1.0),
    ),
    goal("instructions of a read", &[64], "C", Below(35.0)),
    goal(
        "instructions of a publish",
        &[64],
        "C, unstamped",
        Below(30.0),
    ),
    goal("flat out: retries a read", &[64], "", Below(0.5)),
    goal("flat out: retries a read", FROM_256, "", Below(0.01)),
    goal("flat out: read p99", UP_TO_4K, BLACKBOARD, AtMost(0.2)),
    goal("flat out: reads", UP_TO_4K, BLACKBOARD, More(1.5)),
    goal("flat out: publications", &[64, 256], BLACKBOARD, More(2.0)),
    goal("flat out: publications", ABOVE_256, BLACKBOARD, More(1.0)),
    goal("equal rates: read p99", ALL, SYNC, AtMost(1.0)),
    goal("open, read, close", &[256], BLACKBOARD, Less(100.0)),
    goal("open, read, close", &[256], SYNC, Less(1.7)),
    goal(
        "open, read, close",
        &[256],
        "open, flock, pread",
        AtMost(2.0),
    ),
    goal(
        "open, read, close, kept by the process",
        &[256],
        "",
        Below(1000.0),
    ),
    goal("wake-up p50", NONE, "futex", AtMost(1.1)),
    goal("wake-up p50", NONE, "iceoryx2 event", AtMost(0.65)),
    goal(
        "wake of a flat-out publication that nobody waits for",
        &[64],
        "",
        Below(10.0),
    ),
    goal("memory", &[256], "", Below(3.0)),
    goal(
        "decode 8 fields, Python",
        &[256],
        "sysv_ipc, semaphore",
        Less(8.0),
    ),
    goal(
        "decode 8 fields, Python",
        &[256],
        "cffi, C interface",
        AtMost(0.6),
    ),
    goal("JSON of 3 KiB, PHP, 1 Hz, p50", NONE, "origin", Less(5.0)),
    goal("JSON of 3 KiB, PHP, 20 Hz, p50", NONE, "origin", Less(5.0)),
    goal(
        "JSON of 3 KiB, PHP, flat out, p50",
        NONE,
        "origin",
        Less(5.0),
    ),
    goal(
        "JSON of 3 KiB, PHP, 20 Hz, failed reads",
        NONE,
        "",
        Below(0.0),
    ),
    goal(
        "JSON of 3 KiB, PHP, 20 Hz, failed publications",
        NONE,
        "",
        Below(0.0),
    ),
    goal(
        "JSON of 3 KiB, PHP, flat out, failed reads",
        NONE,
        "",
        Below(0.0),
    ),
    goal(
        "JSON of 3 KiB, PHP, flat out, failed publications",
        NONE,
        "",
        Below(0.0),
    ),
    goal(
        "decoded snapshot of 8 fields, PHP",
        &[256],
        "shmop+sem",
        Less(2.5),
    ),
    goal(
        "decoded snapshot of 8 fields, PHP",
        &[256],
        "apcu",
        AtMost(1.0),
    ),
    goal("added page latency", &[256], "shmop+sem", Less(4.0)),
    goal("added page latency by tier", &[256], "scope", Below(12.0)),
    goal(
        "added page latency by tier",
        &[256],
        "classes preloaded",
        Below(18.0),
    ),
    goal("added page latency by tier", &[256], "cdef", Below(40.0)),
    goal("added page latency by tier", &[256], "files", Below(45.0)),
];

/// The figure in the goal's terms, and whether the goal is reached. `None` if it was not measured.
pub fn reached(
    goal: &Goal,
    size: Option<usize>,
    figures: &Figures,
) -> Option<(String, String, bool)> {
    let own = |other: &str| figures.ratio(goal.measure, size, "pegel", other);
    Some(match goal.limit {
        AtMost(limit) => {
            let ratio = own(goal.other)?;
            (
                format!("{ratio:.2}x"),
                format!("at most {limit}x"),
                ratio <= limit,
            )
        }
        More(limit) => {
            let ratio = own(goal.other)?;
            (
                format!("{ratio:.2}x"),
                format!("at least {limit}x"),
                ratio >= limit,
            )
        }
        Less(limit) => {
            let ratio = 1.0 / own(goal.other)?;
            (
                format!("1/{ratio:.1}"),
                format!("at most 1/{limit}"),
                ratio >= limit,
            )
        }
        Below(limit) => {
            let peer = match goal.other {
                "" => "pegel",
                peer => peer,
            };
            let figure = figures.find(goal.measure, size, peer)?;
            let (median, unit) = (figure.median(), &figure.unit);
            let text = format!("{median:.3} {unit}");
            (text, format!("at most {limit} {unit}"), median <= limit)
        }
    })
}
