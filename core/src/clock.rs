//! Time: how old a publication is, and when it was published by the wall clock.
//!
//! A small computer boots without the right time and jumps by years when it gets it, so the wall
//! clock cannot measure an age. Publications are stamped with `CLOCK_BOOTTIME`, which counts
//! through suspend and never jumps. It starts anew at each boot, so a stamp also has a mark of its
//! boot, and the offset to wall time, by which a record is dated that outlived a reboot.
//!
//! A record of an earlier boot must never look new. Some kernels repeat their boot id, and some
//! processes cannot read it. So a stamp counts as one of this boot only if the writer and the
//! reader know the id and the stamp is not ahead of the clock; records that are restored from a
//! file have a mark of their own.

use std::sync::atomic::{AtomicU64, Ordering};

use nix::sys::time::TimeValLike;
use nix::time::{ClockId, clock_gettime};

/// When a record was published, as a slot stores it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Nanoseconds since boot.
    pub since_boot: i64,
    /// Nanoseconds by which the wall clock was ahead of it when the writer last checked.
    pub wall_offset: i64,
    /// The mark of the boot.
    pub boot: u64,
}

impl Moment {
    /// The current moment.
    pub fn now() -> Self {
        Self {
            since_boot: since_boot(),
            wall_offset: wall_offset(),
            boot: boot(),
        }
    }

    /// Whether this was certainly since the last boot, which was `now` nanoseconds ago.
    pub fn is_of_this_boot(self, now: i64) -> bool {
        let is_known = self.boot != UNKNOWN && self.boot != RESTORED;
        is_known && self.since_boot <= now && self.boot == boot()
    }

    /// The same moment, of a record that is restored from a file: as it can be of any boot, it goes
    /// by the wall clock from now on. A moment that is certainly of an earlier boot is at least as
    /// old as this one, so its time since boot becomes 1.
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

    /// Age and Unix time of the moment, both in nanoseconds, at `now` nanoseconds since boot.
    pub fn age_and_wall(self, now: i64) -> (i64, i64) {
        let now_on_wall = nanoseconds(ClockId::CLOCK_REALTIME);
        let since = now.saturating_sub(self.since_boot);
        if self.is_of_this_boot(now) {
            return (since, now_on_wall.saturating_sub(since));
        }
        let wall = self.since_boot.saturating_add(self.wall_offset);
        let age = match now_on_wall.saturating_sub(wall) {
            // The wall clock may not have been set since this boot: but a record of an earlier boot
            // is older than this one.
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

/// The mark of a record that was restored from a file. No kernel has it, as one digit of a random
/// boot id is always 4 (RFC 9562).
const RESTORED: u64 = u64::MAX;

/// The mark of this boot: the first half of the kernel's random boot id (`man 4 random`), or 0
/// while that cannot be read: without /proc, or without a free descriptor.
#[inline]
pub fn boot() -> u64 {
    static BOOT: AtomicU64 = AtomicU64::new(UNKNOWN);
    match BOOT.load(Ordering::Relaxed) {
        UNKNOWN => {
            let boot = read_boot();
            BOOT.store(boot, Ordering::Relaxed);
            boot
        }
        boot => boot,
    }
}

#[cold]
fn read_boot() -> u64 {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let digits: String = id
        .chars()
        .filter(char::is_ascii_hexdigit)
        .take(16)
        .collect();
    u64::from_str_radix(&digits, 16).unwrap_or(UNKNOWN)
}

fn nanoseconds(clock: ClockId) -> i64 {
    // The call only fails for clocks that do not exist, and Linux has both since 2.6.39.
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
    fn a_moment_of_an_uncertain_boot_is_at_least_as_old_as_this_one() {
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
    fn a_restored_moment_keeps_its_wall_time() {
        let hour = 3_600_000_000_000;
        let (now, wall) = (since_boot(), wall_offset());
        // The last one is of a kernel that repeats its id, or without a reboot: only the wall clock
        // differs.
        for (since_boot, boot, least) in [
            (now + hour, boot(), now),
            (now - 5, !boot(), now),
            (now - 5, boot(), 0),
        ] {
            let moment = Moment {
                since_boot,
                // By a clock that was set back since, the restored record would be new.
                wall_offset: now + wall - since_boot,
                boot,
            };
            let restored = moment.restored();
            assert!(!restored.is_of_this_boot(super::since_boot()));
            let (age, seen) = restored.age_and_wall(super::since_boot());
            assert_eq!(seen, now + wall);
            assert!(age >= least - 1, "{moment:?}: {age}");
            assert_eq!(restored.restored(), restored);
        }
    }
}
