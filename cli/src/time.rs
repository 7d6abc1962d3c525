//! Moments, ages and rates, for people.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use pegel::Stamp;
use pegel_program::time::timeout;

const SECOND: u64 = 1_000_000_000;
const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Unix time as the clock on the wall shows it.
pub fn local(unix_ns: i64) -> String {
    let moment = Timestamp::from_nanosecond(unix_ns.into());
    let moment = moment.expect("64 bits of nanoseconds are within jiff's range");
    let local = moment.to_zoned(TimeZone::system());
    local.strftime("%Y-%m-%d %H:%M:%S%.3f %:z").to_string()
}

/// When it was published, if that is known.
pub fn published(stamp: &Stamp) -> String {
    if stamp.is_timed() {
        local(stamp.published_ns)
    } else {
        "-".to_owned()
    }
}

/// An age in its two largest units.
pub fn age(age_ns: i64) -> String {
    let ns = u64::try_from(age_ns).unwrap_or(0);
    match ns / SECOND {
        s if s < MINUTE => {
            let tenths = ns / (SECOND / 10);
            format!("{}.{} s", tenths / 10, tenths % 10)
        }
        s if s < HOUR => format!("{} min {} s", s / MINUTE, s % MINUTE),
        s if s < DAY => format!("{} h {} min", s / HOUR, s % HOUR / MINUTE),
        s => format!("{} d {} h", s / DAY, s % DAY / HOUR),
    }
}

/// The age of a record for a sentence; unknown if its writer leaves out the times.
pub fn old(stamp: &Stamp) -> String {
    if stamp.is_timed() {
        format!("{} old", age(stamp.age_ns))
    } else {
        "of unknown age".to_owned()
    }
}

/// A pause on the command line.
pub fn pause(text: &str) -> Result<Duration, String> {
    let shortest = Duration::from_millis(100);
    timeout(text).map(|pause| pause.max(shortest))
}

/// A rate, in a unit in which it is at least 1.
pub fn rate(per_second: f64) -> String {
    let (minute, hour) = (per_second * 60.0, per_second * 3600.0);
    if per_second >= 9.95 {
        format!("{per_second:.0}/s")
    } else if per_second >= 0.95 {
        format!("{per_second:.1}/s")
    } else if minute >= 0.95 {
        format!("{minute:.0}/min")
    } else if hour >= 0.95 {
        format!("{hour:.0}/h")
    } else {
        "<1/h".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_read_well() {
        let ages = [
            (-1, "0.0 s"),
            (0, "0.0 s"),
            (3_290_000_000, "3.2 s"),
            (59_999_999_999, "59.9 s"),
            (60_000_000_000, "1 min 0 s"),
            (3_599_000_000_000, "59 min 59 s"),
            (3_660_000_000_000, "1 h 1 min"),
            (90_000_000_000_000, "1 d 1 h"),
        ];
        for (ns, text) in ages {
            assert_eq!(age(ns), text);
        }
    }

    #[test]
    fn rates_read_well() {
        let rates = [
            (1000.4, "1000/s"),
            (9.96, "10/s"),
            (1.0, "1.0/s"),
            (0.94, "56/min"),
            (0.01, "36/h"),
            (0.0001, "<1/h"),
        ];
        for (per_second, text) in rates {
            assert_eq!(rate(per_second), text);
        }
    }

    #[test]
    fn the_ends_of_time_are_shown() {
        assert!(local(i64::MIN).starts_with("1677-09-2"));
        assert!(local(i64::MAX).starts_with("2262-04-1"));
    }
}
