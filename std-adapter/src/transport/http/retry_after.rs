//! The header `Retry-After`: seconds, or a date (RFC 9110, sections 5.6.7 and 10.2.3).

use std::time::{Duration, SystemTime};

/// Returns the time to wait; `None` if the value is neither a number of seconds nor a date. A date
/// in the past means now.
pub(super) fn parse(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = SystemTime::UNIX_EPOCH + Duration::from_secs(unix_time(value)?);
    Some(date.duration_since(now).unwrap_or(Duration::ZERO))
}

/// Reads the three forms of a date: `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37
/// GMT`, `Sun Nov  6 08:49:37 1994`.
fn unix_time(date: &str) -> Option<u64> {
    let mut words = date.split([' ', ',', '-']).filter(|word| !word.is_empty());
    let _weekday = words.next()?;
    let [first, second, third, fourth] =
        [words.next()?, words.next()?, words.next()?, words.next()?];
    let (day, month, year, time) = match first.parse() {
        Ok(day) => (day, second, third, fourth),
        Err(_) => (second.parse().ok()?, first, fourth, third),
    };
    let year = match (year.len(), year.parse::<u64>().ok()?) {
        (4, year) => year,
        // Such dates are of servers long gone; RFC 9110 counts them within 50 years.
        (2, year) => 2000 + year,
        _ => return None,
    };
    let mut clock = time.split(':').map(|part| part.parse::<u64>().ok());
    let mut next = |limit: u64| clock.next().flatten().filter(|value| *value < limit);
    let seconds = next(24)? * 3_600 + next(60)? * 60 + next(61)?;
    Some(days(year, month_number(month)?, day)? * 86_400 + seconds)
}

fn month_number(name: &str) -> Option<u64> {
    const NAMES: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let at = NAMES.iter().position(|month| *month == name)?;
    Some(at as u64 + 1)
}

/// Returns the days since 1970 of a date of the Gregorian calendar, whose years are counted from
/// March so that the leap day is the last.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    if !(1970..=9999).contains(&year) || !(1..=31).contains(&day) {
        return None;
    }
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leap_days = year / 4 - year / 100 + year / 400;
    // Until 1970-03-01, counted in the same way, there are 719,468 days.
    (year * 365 + leap_days + (153 * month + 2) / 5 + day - 1).checked_sub(719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn seconds_and_the_three_forms_of_a_date_are_read() {
        let now = at(784_111_700);
        let cases = [
            ("120", 120),
            (" 0 ", 0),
            ("99999999999999999999999", u64::MAX),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 77),
            ("Sun Nov  6 08:49:37 1994", 77),
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            (
                "Sunday, 06-Nov-24 08:49:37 GMT",
                1_730_882_977 - 784_111_700,
            ),
            ("Thu, 29 Feb 2024 23:59:60 GMT", 1_709_251_200 - 784_111_700),
        ];
        for (value, expected) in cases {
            assert_eq!(
                parse(value, now),
                Some(Duration::from_secs(expected)),
                "{value}"
            );
        }
    }

    #[test]
    fn anything_else_is_no_time() {
        for value in [
            "",
            "-1",
            "soon",
            "1.5",
            "Sun, 06 Nov 1994",
            "Sun, 06 Nix 1994 08:49:37 GMT",
            "Sun, 32 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov 194 08:49:37 GMT",
            "Wed, 31 Dec 1969 00:00:00 GMT",
        ] {
            assert_eq!(parse(value, at(0)), None, "{value}");
        }
    }
}
