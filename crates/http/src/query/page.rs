//! Which part of a list, in which order, with what beside it.

use std::{collections::BTreeSet, fmt};

use cedarkeep_service::{Code, Error, Order, PageRequest};

use super::{Query, bad, word};

/// The largest page.
const MAX_LIMIT: u32 = 100;

/// By what a list may be sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    CreatedAt,
    /// Active first, then by creation, newest first.
    Status,
}

impl fmt::Display for Sort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CreatedAt => "created_at",
            Self::Status => "status",
        })
    }
}

/// What may come beside the objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Expand {
    /// How many objects the list has in all.
    TotalCount,
    /// The people behind `created_by` and its like.
    User,
    /// What the caller may do with a zone.
    Permissions,
}

impl fmt::Display for Expand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TotalCount => "total_count",
            Self::User => "user",
            Self::Permissions => "permissions",
        })
    }
}

/// Which representations of Cedar content an answer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Cedar,
    Json,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cedar => "cedar",
            Self::Json => "json",
        })
    }
}

/// A request for a page, as far as it is the same for every list.
#[derive(Debug)]
pub(crate) struct Listing {
    /// The page.
    pub(crate) page: PageRequest,
    /// What was asked for beside the objects.
    pub(crate) expand: Vec<Expand>,
    /// The order by which to sort, when one was named.
    pub(crate) sort: Option<Sort>,
    /// Whether a direction was named.
    pub(crate) ordered: bool,
}

impl Query {
    /// Reads the parameters of a page.
    pub(crate) fn listing(&self, sorts: &[Sort], expands: &[Expand]) -> Result<Listing, Error> {
        let expand = self.expand(expands)?;
        let sort = self.closed("sort", sorts)?;
        let order = self.one("order")?.map(|value| match value {
            "asc" => Ok(Order::Asc),
            "desc" => Ok(Order::Desc),
            _ => Err(bad("order", "must be `asc` or `desc`")),
        });
        let order = order.transpose()?;
        let cursor = |name| Ok::<_, Error>(self.one(name)?.map(str::to_owned));
        let page = PageRequest {
            limit: self.limit()?,
            after: cursor("after")?,
            before: cursor("before")?,
            order: order.unwrap_or(Order::Desc),
            total_count: expand.contains(&Expand::TotalCount),
        };
        if page.after.is_some() && page.before.is_some() {
            return Err(bad("after", "and before exclude each other; give one of them"));
        }
        if sort == Some(Sort::Status) && (page.order == Order::Asc || page.before.is_some()) {
            return Err(bad(
                "sort=status",
                "goes only in descending order and forward: leave out order=asc and before",
            ));
        }
        Ok(Listing { page, expand, sort, ordered: order.is_some() })
    }

    /// What was asked for beside the objects: under `expand[]` or the deprecated `expand`, which must agree.
    pub(crate) fn expand(&self, allowed: &[Expand]) -> Result<Vec<Expand>, Error> {
        let spelled = |bracketed| {
            let pairs = self.pairs.iter().filter(move |pair| pair.name == "expand" && pair.bracketed == bracketed);
            pairs
                .map(|pair| word("expand[]", &pair.value, allowed, Code::BadRequest))
                .collect::<Result<BTreeSet<_>, _>>()
        };
        let (new, old) = (spelled(true)?, spelled(false)?);
        if !new.is_empty() && !old.is_empty() && new != old {
            return Err(bad("expand[]", "and expand disagree; give expand[] alone"));
        }
        Ok(new.into_iter().chain(old).collect())
    }

    /// `format`, when given.
    pub(crate) fn format(&self) -> Result<Option<Format>, Error> {
        self.closed("format", &[Format::Cedar, Format::Json])
    }

    /// `limit`, when given: 1 to 100.
    pub(crate) fn limit(&self) -> Result<Option<u32>, Error> {
        let limit = self.one("limit")?.map(|text| {
            let digits = text.chars().all(|c| c.is_ascii_digit());
            let number = text.parse().ok().filter(|number| digits && (1..=MAX_LIMIT).contains(number));
            number.ok_or_else(|| bad("limit", "must be a whole number from 1 to 100"))
        });
        limit.transpose()
    }

    fn closed<W: Copy + fmt::Display>(&self, name: &str, allowed: &[W]) -> Result<Option<W>, Error> {
        self.one(name)?.map(|value| word(name, value, allowed, Code::BadRequest)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(text: &str) -> Result<Listing, Error> {
        let expands = [Expand::TotalCount, Expand::User];
        Query::parse(text).unwrap().listing(&[Sort::CreatedAt, Sort::Status], &expands)
    }

    #[test]
    fn nothing_given_is_the_newest_first_without_a_limit() {
        let found = listing("unknown=1").unwrap();
        assert_eq!(format!("{:?}", found.page), format!("{:?}", PageRequest::default()));
        assert_eq!((found.sort, found.ordered, found.expand), (None, false, vec![]));
    }

    #[test]
    fn everything_given_arrives() {
        let found =
            listing("after=abc&limit=100&order=asc&sort=created_at&expand[]=total_count&expand[]=user").unwrap();
        let page = PageRequest {
            limit: Some(100),
            after: Some("abc".into()),
            before: None,
            order: Order::Asc,
            total_count: true,
        };
        assert_eq!(format!("{:?}", found.page), format!("{page:?}"));
        assert_eq!(found.expand, [Expand::TotalCount, Expand::User]);
        assert_eq!((found.sort, found.ordered), (Some(Sort::CreatedAt), true));
    }

    #[test]
    fn the_two_spellings_of_expand_must_agree() {
        let expand = |text| listing(text).map(|found| found.expand);
        assert_eq!(expand("expand=user").unwrap(), [Expand::User]);
        assert_eq!(expand("expand=user&expand=total_count").unwrap(), [Expand::TotalCount, Expand::User]);
        assert!(expand("expand=user&expand[]=user").is_ok());
        for text in ["expand=user&expand[]=total_count", "expand[]=user,total_count", "expand=permissions", "expand="] {
            assert_eq!(expand(text).unwrap_err().code(), Code::BadRequest, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for text in [
            "limit=0",
            "limit=101",
            "limit=-1",
            "limit=+5",
            "limit=x",
            "limit=",
            "limit=1&limit=2",
            "limit=99999999999",
            "after=a&before=b",
            "order=up",
            "sort=name",
            "sort=status&order=asc",
            "sort=status&before=b",
        ] {
            assert_eq!(listing(text).unwrap_err().code(), Code::BadRequest, "{text}");
        }
        assert!(listing("sort=status&order=desc&after=a").is_ok());
    }

    #[test]
    fn a_format_narrows() {
        let format = |text| Query::parse(text).unwrap().format();
        assert_eq!(format("").unwrap(), None);
        assert_eq!(format("format=cedar").unwrap(), Some(Format::Cedar));
        assert_eq!(format("format=json").unwrap(), Some(Format::Json));
        assert_eq!(format("format=xml").unwrap_err().message(), "format must be one of `cedar`, `json`");
    }
}
