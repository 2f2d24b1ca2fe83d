//! How often something may be done: an obligation that comes with a decision.

use std::fmt;

use serde_json::{Value, json};

use crate::{
    error::{InvalidRules, Place},
    fields::Fields,
};

const MAX_REQUESTS: u64 = 1_000_000_000;

/// So many requests in a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// At most so many.
    pub requests: u64,
    /// In this time.
    pub period: Period,
}

/// The time over which requests are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// 1 second.
    Second,
    /// 60 seconds.
    Minute,
    /// 3,600 seconds.
    Hour,
    /// 86,400 seconds.
    Day,
}

impl Period {
    const ALL: [Self; 4] = [Self::Second, Self::Minute, Self::Hour, Self::Day];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    const fn seconds(self) -> u64 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => 86_400,
        }
    }
}

impl RateLimit {
    pub(crate) fn read(place: Place, value: &Value) -> Result<Self, InvalidRules> {
        let mut fields = Fields::of(place, value)?;
        let requests = fields.integer("requests", 1, MAX_REQUESTS)?;
        let parse = |word: &str| Period::ALL.into_iter().find(|period| period.as_str() == word);
        let period = fields.word("period", "second, minute, hour, day", parse)?;
        let place = fields.place().clone();
        fields.done()?;
        match (requests, period) {
            (Some(requests), Some(period)) => Ok(Self { requests, period }),
            (None, _) => Err(place.member("requests").error("is missing: how many requests in a period")),
            (_, None) => Err(place.member("period").error("is missing: second, minute, hour or day")),
        }
    }

    /// As it is written in a document.
    #[must_use]
    pub fn to_json(self) -> Value {
        json!({"requests": self.requests, "period": self.period.as_str()})
    }

    /// The one that lets the fewest requests through over time; of two that let through the same, the one that counts
    /// over the shorter time.
    #[must_use]
    pub fn strictest(limits: impl IntoIterator<Item = Self>) -> Option<Self> {
        // Over the same number of seconds, so that nothing is divided.
        let rate = |limit: &Self| limit.requests * (Period::Day.seconds() / limit.period.seconds());
        limits.into_iter().min_by_key(|limit| (rate(limit), limit.period.seconds()))
    }
}

impl fmt::Display for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.requests, self.period.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strictest_is_the_slowest() {
        let limit = |requests, period| RateLimit { requests, period };
        let (fast, slow) = (limit(10, Period::Second), limit(35_999, Period::Hour));
        assert_eq!(RateLimit::strictest([fast, slow]), Some(slow));
        let same = limit(36_000, Period::Hour);
        assert_eq!(RateLimit::strictest([same, fast]), Some(fast));
        assert_eq!(RateLimit::strictest([]), None);
        assert_eq!(slow.to_string(), "35999/hour");
    }
}
