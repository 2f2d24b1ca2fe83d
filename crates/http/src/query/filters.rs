//! The filters of policies, policy sets and versions.

use cedarkeep_model::{BindingMode, OwnerType, ScopeType, TargetType, Timestamp};
use cedarkeep_service::{
    ArchivedFilter, BindingFilter, Code, DecisionFilter, Error, PolicyFilter, PolicySetFilter, Uid,
};

use super::{Listing, Query, Sort, bad};

/// The most ids that one request may ask for.
const MAX_IDS: usize = 100;

/// `filter[archived]`: the living unless asked otherwise.
pub(crate) fn archived(query: &Query) -> Result<ArchivedFilter, Error> {
    match query.one("filter[archived]")? {
        None | Some("false") => Ok(ArchivedFilter::Living),
        Some("true") => Ok(ArchivedFilter::Only),
        Some("any") => Ok(ArchivedFilter::Any),
        Some(_) => Err(Error::new(Code::InvalidFilter, "filter[archived] must be one of `true`, `false`, `any`")),
    }
}

/// The filter of a list of policies. Asked for by ids, the page is as large as their number unless a limit is given.
pub(crate) fn policy_filter(query: &Query, listing: &mut Listing) -> Result<PolicyFilter, Error> {
    let ids = query.all("filter[id]");
    if ids.len() > MAX_IDS {
        let why = format!("filter[id] may stand at most {MAX_IDS} times in one request, here {} times", ids.len());
        return Err(Error::new(Code::InvalidFilter, why));
    }
    if !ids.is_empty() && (listing.page.after.is_some() || listing.page.before.is_some()) {
        return Err(bad("filter[id]", "and cursors exclude each other"));
    }
    if ids.iter().any(|id| id.contains(',')) {
        let why = "filter[id] takes one id; repeat the parameter instead of joining values with commas";
        return Err(Error::new(Code::InvalidFilter, why));
    }
    if !ids.is_empty() {
        listing.page.limit = listing.page.limit.or(u32::try_from(ids.len()).ok());
    }
    Ok(PolicyFilter {
        // An id of another form is an id that the zone does not have: left out silently, as all of those.
        ids: if ids.is_empty() { None } else { Some(ids.iter().filter_map(|id| id.parse().ok()).collect()) },
        owner_types: query.words("filter[owner_type]", OwnerType::ALL)?,
        query: query.terms("query"),
        query_name: query.terms("query[name]"),
        query_description: query.terms("query[description]"),
        archived: archived(query)?,
    })
}

/// The filter of a list of policy sets.
pub(crate) fn policy_set_filter(query: &Query, listing: &Listing) -> Result<PolicySetFilter, Error> {
    Ok(PolicySetFilter {
        owner_types: query.words("filter[owner_type]", OwnerType::ALL)?,
        scope_types: scope_types(query)?,
        active: query.twin_flag("filter[active]", "active")?,
        query: query.terms("query"),
        query_name: query.terms("query[name]"),
        archived: archived(query)?,
        by_status: listing.sort == Some(Sort::Status),
    })
}

/// The filter of a list of bindings.
pub(crate) fn binding_filter(query: &Query) -> Result<BindingFilter, Error> {
    let unknown = |_| Error::new(Code::InvalidFilter, "filter[policy_set_id] must be an id");
    let sets = query.all("filter[policy_set_id]");
    Ok(BindingFilter {
        policy_set_ids: sets.iter().map(|id| id.parse().map_err(unknown)).collect::<Result<_, _>>()?,
        modes: query.words("filter[mode]", BindingMode::ALL)?,
        scope_types: query.words("filter[scope_type]", ScopeType::ALL)?,
        scope_target_ids: query.all("filter[scope_target_id]").into_iter().map(ToOwned::to_owned).collect(),
    })
}

/// The filter of a list of logged decisions.
pub(crate) fn decision_filter(query: &Query) -> Result<DecisionFilter, Error> {
    let invalid = |why: String| Error::new(Code::InvalidFilter, why);
    let uid = |name: &str| {
        let uid = query.one(name)?.map(str::parse::<Uid>).transpose();
        // Kept as it is printed, whichever way it is spelled.
        Ok::<_, Error>(uid.map_err(|error| invalid(format!("{name}: {error}")))?.map(|uid| uid.to_string()))
    };
    let time = |name: &str| {
        let time = query.one(name)?.map(str::parse::<Timestamp>).transpose();
        time.map_err(|error| invalid(format!("{name}: {error}")))
    };
    let allowed = match query.one("filter[decision]")? {
        None => None,
        Some("allow") => Some(true),
        Some("deny") => Some(false),
        Some(_) => return Err(invalid("filter[decision] must be `allow` or `deny`".to_owned())),
    };
    let version = query.one("filter[policy_set_version_id]")?.map(str::parse).transpose();
    Ok(DecisionFilter {
        allowed,
        principal: uid("filter[principal]")?,
        action: uid("filter[action]")?,
        resource: uid("filter[resource]")?,
        policy_set_version_id: version
            .map_err(|_| invalid("filter[policy_set_version_id] must be an id".to_owned()))?,
        from: time("from")?,
        to: time("to")?,
    })
}

/// `filter[target_type]` or the wider `filter[scope_type]`; sets of zone scope when neither is given.
fn scope_types(query: &Query) -> Result<Vec<ScopeType>, Error> {
    let mut scopes = query.words("filter[scope_type]", ScopeType::ALL)?;
    let targets = query.words("filter[target_type]", TargetType::ALL)?;
    let mut targets: Vec<_> = targets.into_iter().map(ScopeType::from).collect();
    scopes.sort();
    targets.sort();
    match (scopes.is_empty(), targets.is_empty()) {
        (true, true) => Ok(vec![ScopeType::Zone]),
        (true, false) => Ok(targets),
        (false, true) => Ok(scopes),
        (false, false) if scopes == targets => Ok(scopes),
        (false, false) => {
            let why = "filter[target_type] and filter[scope_type] disagree; give one of them";
            Err(Error::new(Code::InvalidFilter, why))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Expand;

    fn policies(text: &str) -> Result<PolicyFilter, Error> {
        limited(text).map(|(filter, _)| filter)
    }

    fn limited(text: &str) -> Result<(PolicyFilter, Option<u32>), Error> {
        let query = Query::parse(text).unwrap();
        let mut listing = query.listing(&[Sort::CreatedAt], &[Expand::User]).unwrap();
        let filter = policy_filter(&query, &mut listing)?;
        Ok((filter, listing.page.limit))
    }

    fn sets(text: &str) -> Result<PolicySetFilter, Error> {
        let query = Query::parse(text).unwrap();
        policy_set_filter(&query, &query.listing(&[Sort::CreatedAt, Sort::Status], &[]).unwrap())
    }

    #[test]
    fn ids_are_counted_and_exclude_cursors() {
        let id = "0197a1f0-0000-7000-8000-000000000001";
        assert_eq!(policies("").unwrap().ids, None);
        let found = policies(&format!("filter[id]={id}&filter[id][]=nonsense")).unwrap();
        assert_eq!(found.ids, Some(vec![id.parse().unwrap()]));
        assert_eq!(policies("filter[id]=nonsense").unwrap().ids, Some(vec![]), "nothing is found, not everything");
        assert_eq!(limited("filter[id]=a&filter[id]=b").unwrap().1, Some(2));
        assert_eq!(limited("filter[id]=a&filter[id]=b&limit=1").unwrap().1, Some(1));
        assert_eq!(limited("").unwrap().1, None);
        let many = |count| vec![format!("filter[id]={id}"); count].join("&");
        assert!(policies(&many(100)).is_ok());
        assert_eq!(policies(&many(101)).unwrap_err().code(), Code::InvalidFilter);
        assert_eq!(policies(&format!("filter[id]={id}&after=a")).unwrap_err().code(), Code::BadRequest);
        assert_eq!(policies(&format!("filter[id]={id},{id}")).unwrap_err().code(), Code::InvalidFilter);
    }

    #[test]
    fn logged_decisions_are_filtered_by_uids_and_times() {
        let decisions = |text| decision_filter(&Query::parse(text).unwrap());
        assert_eq!(decisions("").unwrap(), DecisionFilter::default());
        let found = decisions("filter[principal]=App::User::%22a%5Cu%7B27%7D%22&filter%5Bdecision%5D=deny").unwrap();
        assert_eq!((found.principal.as_deref(), found.allowed), (Some("App::User::\"a\\'\""), Some(false)));
        let found = decisions("from=2026-01-01T00:00:00Z&to=2026-01-01T01:00:00%2B01:00").unwrap();
        assert_eq!((found.from, found.from), (Some(Timestamp::from_micros(1_767_225_600_000_000)), found.to));
        for text in [
            "filter[decision]=Allow",
            "filter[principal]=alice",
            "filter[action]=read",
            "filter[resource]=",
            "filter[policy_set_version_id]=1",
            "from=yesterday",
            "to=1",
        ] {
            assert_eq!(decisions(text).unwrap_err().code(), Code::InvalidFilter, "{text}");
        }
    }

    #[test]
    fn terms_arrive_by_field() {
        let found = policies("query=a&query[]=b&query[name]=c&query%5Bdescription%5D=d").unwrap();
        assert_eq!(found.query, ["a", "b"]);
        assert_eq!((found.query_name, found.query_description), (vec!["c".to_owned()], vec!["d".to_owned()]));
    }

    #[test]
    fn archived_objects_are_left_out_unless_asked_for() {
        for (text, filter) in [
            ("", ArchivedFilter::Living),
            ("filter[archived]=false", ArchivedFilter::Living),
            ("filter[archived]=true", ArchivedFilter::Only),
            ("filter[archived]=any", ArchivedFilter::Any),
        ] {
            assert_eq!(policies(text).unwrap().archived, filter);
        }
        assert_eq!(policies("filter[archived]=all").unwrap_err().code(), Code::InvalidFilter);
    }

    #[test]
    fn sets_of_zone_scope_unless_asked_for_others() {
        use ScopeType::{Resource, Session, User, Zone};
        for (text, scopes) in [
            ("", &[Zone][..]),
            ("filter[target_type]=user", &[User]),
            ("filter[scope_type]=resource&filter[scope_type]=session", &[Resource, Session]),
            (
                "filter[scope_type]=user&filter[scope_type]=zone&filter[target_type]=zone&filter[target_type]=user",
                &[Zone, User],
            ),
        ] {
            assert_eq!(sets(text).unwrap().scope_types, scopes, "{text}");
        }
        for text in [
            "filter[scope_type]=zone&filter[target_type]=user",
            "filter[target_type]=session",
            "filter[scope_type]=zone,user",
        ] {
            assert_eq!(sets(text).unwrap_err().code(), Code::InvalidFilter, "{text}");
        }
    }

    #[test]
    fn sets_sort_by_status() {
        assert!(sets("sort=status&active=true").unwrap().by_status);
        assert!(!sets("sort=created_at").unwrap().by_status);
    }
}
