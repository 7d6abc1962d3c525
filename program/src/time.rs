//! Times as programs exchange them: seconds, in JSON and on the command line.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use pegel::Stamp;
use serde_json::Number;

const SECOND: u64 = 1_000_000_000;

/// Nanoseconds as a number of seconds in JSON, exact to the last digit.
pub fn seconds(ns: i64) -> Number {
    let sign = if ns < 0 { "-" } else { "" };
    let ns = ns.unsigned_abs();
    let text = format!("{sign}{}.{:09}", ns / SECOND, ns % SECOND);
    text.parse().expect("digits, a point and digits are JSON")
}

/// Nanoseconds since boot; time in suspend counts.
pub fn since_boot() -> i64 {
    let now = clock_gettime(ClockId::CLOCK_BOOTTIME).expect("Linux has this clock");
    // The numbers in `now` have 32 bits on some machines: nanoseconds would not fit.
    i64::try_from(Duration::from(now).as_nanos()).expect("292 years since boot")
}

/// When a record was of age 0, in nanoseconds since boot; `None` if its writer leaves out the
/// times.
#[derive(Clone, Copy)]
pub struct Born(Option<i64>);

impl Born {
    /// The birth of a record that was read just now.
    pub fn of(stamp: &Stamp) -> Self {
        Self(stamp.is_timed().then(|| since_boot() - stamp.age_ns))
    }

    /// The age of the record now, in nanoseconds.
    pub fn age(self) -> Option<i64> {
        self.0.map(|born| (since_boot() - born).max(0))
    }
}

/// Parses a number of seconds on the command line.
pub fn timeout(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok();
    let timeout = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    timeout.ok_or_else(|| "write a number of seconds, 0 or more, such as 0.5".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_lose_nothing() {
        let times = [
            (0, "0.000000000"),
            (1_732_375_681_000_000_001, "1732375681.000000001"),
            (-1_500_000_000, "-1.500000000"),
            (i64::MIN, "-9223372036.854775808"),
        ];
        for (ns, text) in times {
            assert_eq!(seconds(ns).to_string(), text);
        }
    }

    #[test]
    fn timeouts_are_seconds() {
        assert_eq!(timeout("0.5"), Ok(Duration::from_millis(500)));
        for text in ["", "-1", "NaN", "inf", "1e300", "1 s"] {
            assert!(timeout(text).is_err(), "{text}");
        }
    }
}
