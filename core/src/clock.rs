//! Time: how old a publication is, and when that was by the wall clock.
//!
//! A small computer boots without the right time and jumps by years when it learns it, so the wall
//! clock says nothing about an age. Publications are stamped with `CLOCK_BOOTTIME`, which counts
//! through suspend and never jumps. It starts anew with each boot, so a stamp also carries a mark of
//! its boot and what to add to reach wall time: all that is left to go by on a board that outlived a
//! reboot.

use std::sync::OnceLock;

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

    /// Where there is no /proc, as in a chroot, the boot is unknown: then it is taken for this one.
    fn is_of_this_boot(self) -> bool {
        self.boot == boot() || self.boot == UNKNOWN || boot() == UNKNOWN
    }

    /// Age and Unix time of a moment, both in nanoseconds.
    pub fn age_and_wall(self) -> (i64, i64) {
        let now = since_boot();
        let now_on_wall = nanoseconds(ClockId::CLOCK_REALTIME);
        if self.is_of_this_boot() {
            let age = now.saturating_sub(self.since_boot).max(0);
            (age, now_on_wall.saturating_sub(age))
        } else {
            let wall = self.since_boot.saturating_add(self.wall_offset);
            let age = now_on_wall.saturating_sub(wall);
            // Where the wall clock has not been set yet since this boot, it may be behind: but what is of a
            // boot before is older than this one.
            (if age < 0 { now } else { age }, wall)
        }
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

/// A mark of this boot: the first half of the kernel's random boot id (man 4 random), or 0.
pub fn boot() -> u64 {
    static BOOT: OnceLock<u64> = OnceLock::new();
    *BOOT.get_or_init(|| {
        let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let digits: String = id
            .chars()
            .filter(char::is_ascii_hexdigit)
            .take(16)
            .collect();
        u64::from_str_radix(&digits, 16).unwrap_or(UNKNOWN)
    })
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
        let (age, wall) = moment.age_and_wall();
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
        let (age, seen) = moment.age_and_wall();
        assert_eq!(seen, wall);
        assert!(age >= 3_600_000_000_000);
    }

    #[test]
    fn a_moment_from_the_future_has_no_age() {
        let moment = Moment {
            since_boot: i64::MAX,
            wall_offset: i64::MAX,
            boot: boot(),
        };
        assert_eq!(moment.age_and_wall().0, 0);
        let before = since_boot();
        let of_another_boot = Moment {
            boot: !boot(),
            ..moment
        };
        assert!(of_another_boot.age_and_wall().0 >= before);
    }
}
