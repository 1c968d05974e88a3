//! Dates, moments and durations as manifests write them.

use std::borrow::Cow;
use std::fmt;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::schema::rule;

/// The pattern of a [`Day`] in schemas.
pub const DAY_PATTERN: &str = "^[0-9]{4}-[0-9]{2}-[0-9]{2}(T00:00:00Z)?$";
/// The pattern of a [`Span`] in schemas.
pub const SPAN_PATTERN: &str = "^[0-9]{1,7}(s|m|h|d)$";

/// A civil date, `2027-03-31`. `2027-03-31T00:00:00Z` is read as the same date, since kustomize writes unquoted dates so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(pub Date);

/// A moment, RFC 3339: `2027-06-30T22:00:00Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub Timestamp);

/// A duration: `30d`, `24h`, `15m`, `60s`; a day is 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// How many.
    pub count: u32,
    /// Of what: `s`, `m`, `h` or `d`.
    pub unit: char,
}

impl Span {
    /// As a length of time.
    #[must_use]
    pub fn length(self) -> SignedDuration {
        let count = i64::from(self.count);
        match self.unit {
            'd' => SignedDuration::from_hours(count * 24),
            'h' => SignedDuration::from_hours(count),
            'm' => SignedDuration::from_mins(count),
            _ => SignedDuration::from_secs(count),
        }
    }
}

fn read_day(text: &str) -> Result<Day, String> {
    let date = match text.strip_suffix("T00:00:00Z") {
        Some(date) => date,
        None if text.contains('T') => {
            return Err(format!("`{text}` is a time of day where a date is needed: write 2027-03-31, or use `endAt` for a moment"));
        }
        None => text,
    };
    let shape = date.len() == 10 && date.bytes().enumerate().all(|(i, b)| if i == 4 || i == 7 { b == b'-' } else { b.is_ascii_digit() });
    if !shape {
        return Err(format!("`{text}` is no date: write 2027-03-31"));
    }
    date.parse::<Date>().map(Day).map_err(|_| format!("`{text}` is no day of the calendar"))
}

fn read_moment(text: &str) -> Result<Moment, String> {
    let wrong = || format!("`{text}` is no moment: write 2027-06-30T22:00:00Z");
    let bytes = text.as_bytes();
    let digits = |from: usize, to: usize| bytes.get(from..to).is_some_and(|b| b.iter().all(u8::is_ascii_digit));
    let at = |i: usize, c: u8| bytes.get(i) == Some(&c);
    let head = digits(0, 4)
        && at(4, b'-')
        && digits(5, 7)
        && at(7, b'-')
        && digits(8, 10)
        && at(10, b'T')
        && digits(11, 13)
        && at(13, b':')
        && digits(14, 16)
        && at(16, b':')
        && digits(17, 19);
    if !head || text.get(17..19) == Some("60") {
        return Err(wrong());
    }
    text.parse::<Timestamp>().map(Moment).map_err(|_| wrong())
}

fn read_span(text: &str) -> Result<Span, String> {
    let wrong = || format!("`{text}` is no duration: write 30d, 24h, 15m or 60s");
    let unit = text.chars().last().filter(|c| matches!(c, 's' | 'm' | 'h' | 'd')).ok_or_else(wrong)?;
    let count = text.strip_suffix(unit).filter(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit())).ok_or_else(wrong)?;
    count.parse::<u32>().ok().filter(|n| *n <= 1_000_000).map(|count| Span { count, unit }).ok_or_else(wrong)
}

macro_rules! text {
    ($name:ident, $read:ident, $schema:expr) => {
        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                $read(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $read(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    };
}

text!(
    Day,
    read_day,
    // `format: date` would refuse the timestamp that kustomize makes of an unquoted date.
    json_schema!({
        "type": "string", "maxLength": 20, "pattern": DAY_PATTERN,
        "x-kubernetes-validations": [rule(
            "!format.date().validate(self.substring(0, 10)).hasValue()",
            "no day of the calendar: write 2027-03-31"
        )]
    })
);
text!(Moment, read_moment, json_schema!({"type": "string", "format": "date-time", "maxLength": 40}));
text!(Span, read_span, json_schema!({"type": "string", "maxLength": 8, "pattern": SPAN_PATTERN}));

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.count, self.unit)
    }
}
