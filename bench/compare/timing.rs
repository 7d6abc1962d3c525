//! Measuring calls that take nanoseconds.

use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::{Pid, SysconfVar, sysconf};

/// Nanoseconds of one call: the best of a few batches, each long enough for the clock.
#[allow(clippy::cast_precision_loss)] // far below 2^52
pub fn nanoseconds(batch: Duration, mut call: impl FnMut()) -> f64 {
    let mut calls = 1_u32;
    let mut time = |calls| {
        let start = Instant::now();
        for _ in 0..calls {
            call();
        }
        start.elapsed()
    };
    while time(calls) < batch && calls < 1 << 28 {
        calls *= 2;
    }
    let best = (0..5).map(|_| time(calls)).min().expect("five");
    best.as_nanos() as f64 / f64::from(calls)
}

/// Keeps this thread on one processor: 0 or 1, where there are two.
pub fn pin(processor: usize) {
    let mut set = CpuSet::new();
    // Not `available_parallelism`, which counts only the processors that this process is limited
    // to.
    let online = sysconf(SysconfVar::_NPROCESSORS_ONLN).ok().flatten();
    let count = online.and_then(|count| usize::try_from(count).ok());
    set.set(processor % count.unwrap_or(1))
        .expect("a processor");
    // An error is ignored: the figures then vary more.
    let _ = sched_setaffinity(Pid::from_raw(0), &set);
}

/// The time of two clock reads, which is subtracted from a timed call.
pub fn own_cost() -> u64 {
    let mut costs: Vec<_> = (0..10_000)
        .map(|_| Instant::now().elapsed().as_nanos())
        .collect();
    costs.sort_unstable();
    u64::try_from(costs[costs.len() / 2]).expect("a moment")
}
