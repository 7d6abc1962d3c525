//! Time: how old a publication is, and when that was by the wall clock.
//!
//! A small computer boots without the right time and jumps by years when it learns it, so the wall
//! clock says nothing about an age. Publications are stamped with `CLOCK_BOOTTIME`, which counts
//! through suspend and never jumps. It starts anew with each boot, so a stamp also carries a mark of
//! its boot and what to add to reach wall time: all that is left to go by on a board that outlived a
//! reboot.
//!
//! What is not certainly of this boot is never taken for new: some kernels repeat their boot id, and some processes
//! cannot read it. So a stamp counts as one of this boot only if both know the id and the stamp is not ahead of the
//! clock; and what comes back from a file says so itself.

use std::sync::atomic::{AtomicU64, Ordering};

use nix::sys::time::TimeValLike;
use nix::time::{ClockId, clock_gettime};

/// When something was published, as a slot keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Nanoseconds since boot.
    pub since_boot: i64,
    /// Nanoseconds that the wall clock was ahead of that, last the writer looked.
    pub wall_offset: i64,
    /// Which boot.
    pub boot: u64,
}

impl Moment {
    /// This moment.
    pub fn now() -> Self {
        Self {
            since_boot: since_boot(),
            wall_offset: wall_offset(),
            boot: boot(),
        }
    }

    /// Whether it is certain that this was since the boot, which has lasted for `now`.
    pub fn is_of_this_boot(self, now: i64) -> bool {
        let is_known = self.boot != UNKNOWN && self.boot != RESTORED;
        is_known && self.since_boot <= now && self.boot == boot()
    }

    /// The same moment, of a record that comes back from a file: it goes by the wall from now on, as it may be of any
    /// boot. What is certainly of an earlier one is as old as this one at least, so it then tells no time since boot.
    pub fn restored(self) -> Self {
        let is_earlier = self.since_boot > since_boot()
            || (self.boot != boot()
                && ![UNKNOWN, RESTORED].contains(&self.boot)
                && boot() != UNKNOWN);
        let since_boot = if is_earlier { 1 } else { self.since_boot };
        let wall = self.since_boot.saturating_add(self.wall_offset);
        Self {
            since_boot,
            wall_offset: wall.saturating_sub(since_boot),
            boot: RESTORED,
        }
    }

    /// Age and Unix time of a moment, both in nanoseconds, when the boot has lasted for `now`.
    pub fn age_and_wall(self, now: i64) -> (i64, i64) {
        let now_on_wall = nanoseconds(ClockId::CLOCK_REALTIME);
        let since = now.saturating_sub(self.since_boot);
        if self.is_of_this_boot(now) {
            return (since, now_on_wall.saturating_sub(since));
        }
        let wall = self.since_boot.saturating_add(self.wall_offset);
        let age = match now_on_wall.saturating_sub(wall) {
            // Where the wall clock has not been set yet since this boot, it may be behind: but what is of a
            // boot before is older than this one.
            age if age < 0 => now,
            age if self.boot == RESTORED => age.max(since),
            age => age,
        };
        (age, wall)
    }
}

/// Nanoseconds since this boot.
pub fn since_boot() -> i64 {
    nanoseconds(ClockId::CLOCK_BOOTTIME)
}

/// Nanoseconds by which the wall clock is ahead of [`since_boot`] now.
pub fn wall_offset() -> i64 {
    nanoseconds(ClockId::CLOCK_REALTIME).saturating_sub(since_boot())
}

const UNKNOWN: u64 = 0;

/// The mark of a record that came back from a file, which is no kernel's: their ids are random but for a digit that
/// tells so (version 4, RFC 9562).
const RESTORED: u64 = u64::MAX;

/// A mark of this boot: the first half of the kernel's random boot id (man 4 random), or 0 as long as that cannot be
/// read: without /proc, or without a descriptor to spare.
#[inline]
pub fn boot() -> u64 {
    static BOOT: AtomicU64 = AtomicU64::new(UNKNOWN);
    match BOOT.load(Ordering::Relaxed) {
        UNKNOWN => {
            let boot = look_for_boot();
            BOOT.store(boot, Ordering::Relaxed);
            boot
        }
        boot => boot,
    }
}

#[cold]
fn look_for_boot() -> u64 {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let digits: String = id
        .chars()
        .filter(char::is_ascii_hexdigit)
        .take(16)
        .collect();
    u64::from_str_radix(&digits, 16).unwrap_or(UNKNOWN)
}

fn nanoseconds(clock: ClockId) -> i64 {
    // Linux has both clocks since 2.6.39, and the call can fail in no other way (man 2 clock_gettime).
    clock_gettime(clock).map_or(0, |time| time.num_nanoseconds())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_counts_from_boot_and_ignores_the_wall() {
        let moment = Moment {
            since_boot: since_boot() - 5_000_000_000,
            wall_offset: 0,
            boot: boot(),
        };
        let (age, wall) = moment.age_and_wall(super::since_boot());
        assert!(age >= 5_000_000_000);
        let now = nanoseconds(ClockId::CLOCK_REALTIME);
        assert!((now - wall - age).abs() < 60_000_000_000);
    }

    #[test]
    fn a_moment_of_another_boot_goes_by_the_wall() {
        let wall = nanoseconds(ClockId::CLOCK_REALTIME) - 3_600_000_000_000;
        let moment = Moment {
            since_boot: 7,
            wall_offset: wall - 7,
            boot: !boot(),
        };
        let (age, seen) = moment.age_and_wall(super::since_boot());
        assert_eq!(seen, wall);
        assert!(age >= 3_600_000_000_000);
    }

    #[test]
    fn what_is_not_certainly_of_this_boot_is_as_old_as_it_at_least() {
        for (since_boot, boot) in [
            (i64::MAX, boot()),
            (i64::MAX, !boot()),
            (1, UNKNOWN),
            (i64::MAX, UNKNOWN),
            (1, RESTORED),
            (i64::MAX, RESTORED),
        ] {
            let moment = Moment {
                since_boot,
                wall_offset: i64::MAX,
                boot,
            };
            let before = super::since_boot();
            let (age, _) = moment.age_and_wall(super::since_boot());
            assert!(age >= before - 1, "{moment:?}: {age}");
        }
    }

    #[test]
    fn what_comes_back_keeps_its_time_on_the_wall() {
        let hour = 3_600_000_000_000;
        let (now, wall) = (since_boot(), wall_offset());
        // The last one by a kernel that repeats its id, or without a reboot: only the wall can tell.
        for (since_boot, boot, least) in [
            (now + hour, boot(), now),
            (now - 5, !boot(), now),
            (now - 5, boot(), 0),
        ] {
            let moment = Moment {
                since_boot,
                // By a clock that was set back since, what comes back would be of now.
                wall_offset: now + wall - since_boot,
                boot,
            };
            let back = moment.restored();
            assert!(!back.is_of_this_boot(super::since_boot()));
            let (age, seen) = back.age_and_wall(super::since_boot());
            assert_eq!(seen, now + wall);
            assert!(age >= least - 1, "{moment:?}: {age}");
            assert_eq!(back.restored(), back);
        }
    }
}
