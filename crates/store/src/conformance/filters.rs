//! What lists can be narrowed by; a count always agrees with its list.

use std::sync::Arc;

use cedarkeep_model::{
    BindingMode, Description, OwnerType, Policy, PolicyId, PolicySet, ScopeType, Slug, Zone, ZoneId,
};

use super::{
    samples::{archived, at, binding, id, name, policy, policy_set, set_version, zone},
    support::{commit, items, read, whole},
    world::{TARGET, World, world},
};
use crate::{ArchivedFilter, BindingFilter, PolicyFilter, PolicySetFilter, Store, ZoneFilter};

/// By slug, by organization, by both.
pub async fn zones_are_filtered(store: &Arc<dyn Store>) {
    let organizations = [id(9_001), id(9_001), id(9_002)];
    commit(store, async |to| {
        for ((number, slug), organization_id) in (1..).zip(["one", "two", "one"]).zip(organizations) {
            let slug = Slug::new(slug).unwrap();
            to.insert_zone(&Zone { slug, organization_id, ..zone(number) }, b"key").await.unwrap();
        }
    })
    .await;
    let cases: [(Option<&str>, Option<u64>, &[u64]); 7] = [
        (None, None, &[1, 2, 3]),
        (Some("one"), None, &[1, 3]),
        (None, Some(9_001), &[1, 2]),
        (Some("one"), Some(9_002), &[3]),
        (Some("two"), Some(9_002), &[]),
        (Some("ONE"), None, &[]),
        (Some("on_"), None, &[]),
    ];
    let mut from = read(store).await;
    for (slug, organization, expected) in cases {
        let organization_id = organization.map(|number| id::<cedarkeep_model::OrganizationId>(number).to_string());
        let filter = ZoneFilter { slug: slug.map(str::to_owned), organization_id, within: None };
        let found: Vec<ZoneId> =
            items(from.zones(&filter, &whole()).await.unwrap()).into_iter().map(|zone| zone.id).collect();
        assert_eq!(found, expected.iter().map(|number| id(*number)).collect::<Vec<_>>(), "{filter:?}");
        assert_eq!(from.count_zones(&filter).await.unwrap(), u64::try_from(found.len()).unwrap());
    }
}

/// A zone with policies of these names and descriptions, numbered from 1.
async fn policies(store: &Arc<dyn Store>, texts: &[(&str, Option<&str>)]) -> ZoneId {
    let zone = zone(1);
    commit(store, async |to| {
        to.insert_zone(&zone, b"key").await.unwrap();
        for (number, (text, description)) in (1..).zip(texts) {
            let description = description.map(|text| Description::new(text).unwrap());
            to.insert_policy(&Policy { name: name(text), description, ..policy(zone.id, number) }).await.unwrap();
        }
    })
    .await;
    zone.id
}

async fn found(store: &Arc<dyn Store>, zone: ZoneId, filter: &PolicyFilter, expected: &[u64]) {
    let mut from = read(store).await;
    let found = items(from.policies(zone, filter, &whole()).await.unwrap());
    let found: Vec<PolicyId> = found.into_iter().map(|policy| policy.id).collect();
    assert_eq!(found, expected.iter().map(|number| id(*number)).collect::<Vec<_>>(), "{filter:?}");
    assert_eq!(from.count_policies(zone, filter).await.unwrap(), u64::try_from(found.len()).unwrap(), "{filter:?}");
}

/// Ids that the zone does not have are left out; an empty list of ids names none, an empty list of owners all.
pub async fn policies_are_filtered_by_id_owner_and_archive(store: &Arc<dyn Store>) {
    let zone = policies(store, &[("a", None), ("b", None), ("c", None)]).await;
    commit(store, async |to| {
        let platform = Policy { owner_type: OwnerType::Platform, ..policy(zone, 4) };
        to.insert_policy(&platform).await.unwrap();
        to.update_policy(&Policy { archived: Some(archived(90)), ..platform }).await.unwrap();
        let gone = Policy { name: name("a"), archived: Some(archived(90)), ..policy(zone, 1) };
        to.update_policy(&gone).await.unwrap();
    })
    .await;
    let everything = PolicyFilter { archived: ArchivedFilter::Any, ..PolicyFilter::default() };
    found(store, zone, &everything, &[1, 2, 3, 4]).await;
    found(store, zone, &PolicyFilter::default(), &[2, 3]).await;
    found(store, zone, &PolicyFilter { archived: ArchivedFilter::Only, ..PolicyFilter::default() }, &[1, 4]).await;
    let by_id = |ids: &[u64]| Some(ids.iter().map(|number| id(*number)).collect::<Vec<PolicyId>>());
    found(store, zone, &PolicyFilter { ids: by_id(&[]), ..everything.clone() }, &[]).await;
    found(store, zone, &PolicyFilter { ids: by_id(&[3, 99, 1, 3]), ..everything.clone() }, &[1, 3]).await;
    found(store, zone, &PolicyFilter { ids: by_id(&[3, 99, 1]), ..PolicyFilter::default() }, &[3]).await;
    let many: Vec<u64> = (2..2_000).collect();
    found(store, zone, &PolicyFilter { ids: by_id(&many), ..everything.clone() }, &[2, 3, 4]).await;
    let (platform, customer) = (OwnerType::Platform, OwnerType::Customer);
    found(store, zone, &PolicyFilter { owner_types: vec![platform], ..everything.clone() }, &[4]).await;
    found(store, zone, &PolicyFilter { owner_types: vec![customer, platform], ..everything }, &[1, 2, 3, 4]).await;
    found(store, zone, &PolicyFilter { owner_types: vec![platform], ..PolicyFilter::default() }, &[]).await;
}

/// Terms of one parameter are alternatives, parameters narrow one another.
pub async fn policies_are_searched_by_name_and_description(store: &Arc<dyn Store>) {
    let texts =
        [("read docs", Some("for everybody")), ("write docs", None), ("everybody", Some("docs")), ("x", Some(""))];
    let zone = policies(store, &texts).await;
    let terms = |terms: &[&str]| terms.iter().map(|term| (*term).to_owned()).collect::<Vec<_>>();
    let query = |query, query_name, query_description| PolicyFilter {
        query: terms(query),
        query_name: terms(query_name),
        query_description: terms(query_description),
        ..PolicyFilter::default()
    };
    found(store, zone, &query(&["docs"], &[], &[]), &[1, 2, 3]).await;
    found(store, zone, &query(&["read", "body"], &[], &[]), &[1, 3]).await;
    found(store, zone, &query(&[], &["docs"], &[]), &[1, 2]).await;
    found(store, zone, &query(&[], &["docs", "every"], &[]), &[1, 2, 3]).await;
    found(store, zone, &query(&[], &[], &["docs"]), &[3]).await;
    found(store, zone, &query(&["docs"], &["every"], &["o"]), &[3]).await;
    found(store, zone, &query(&["docs"], &["read"], &["docs"]), &[]).await;
    found(store, zone, &query(&[""], &[], &[]), &[1, 2, 3, 4]).await;
    found(store, zone, &query(&[], &[], &[""]), &[1, 3, 4]).await;
    found(store, zone, &query(&["nowhere"], &[], &[]), &[]).await;
}

/// So are quotes and backslashes.
pub async fn wildcards_in_a_query_are_literals(store: &Arc<dyn Store>) {
    let zone = policies(store, &[("100%", None), ("a_b", None), ("a\\b", None), ("it's", None), ("axb", None)]).await;
    let cases: [(&str, &[u64]); 10] = [
        ("%", &[1]),
        ("0%", &[1]),
        ("_", &[2]),
        ("a_b", &[2]),
        ("\\", &[3]),
        ("a\\b", &[3]),
        ("\\%", &[]),
        ("'", &[4]),
        ("a%b", &[]),
        ("$1", &[]),
    ];
    for (term, expected) in cases {
        let filter = PolicyFilter { query: vec![term.to_owned()], ..PolicyFilter::default() };
        found(store, zone, &filter, expected).await;
    }
}

/// A long one finds nothing, many find what each of them finds.
pub async fn queries_may_be_long_and_many(store: &Arc<dyn Store>) {
    let zone = policies(store, &[("a", Some("b")), ("c", None)]).await;
    let long = ["x".repeat(200_000), "%".repeat(30_000)].to_vec();
    let many: Vec<String> = (0..5_000).map(|number| format!("no {number}")).chain(["B".to_owned()]).collect();
    for (query, expected) in [(long, &[][..]), (many, &[1])] {
        found(store, zone, &PolicyFilter { query: query.clone(), ..PolicyFilter::default() }, expected).await;
        let sets = PolicySetFilter { query, ..PolicySetFilter::default() };
        assert_eq!(read(store).await.count_policy_sets(zone, &sets).await.unwrap(), 0);
    }
}

/// In any script that has one.
pub async fn queries_know_no_case(store: &Arc<dyn Store>) {
    let zone = policies(store, &[("Größe", Some("ÜBUNG")), ("ΑΘΗΝΑ", None), ("Привет", None), ("日本", None)]).await;
    let cases: [(&str, &[u64]); 8] = [
        ("GRÖ", &[1]),
        ("grö", &[1]),
        ("Übung", &[1]),
        ("αθην", &[2]),
        ("ПРИВЕТ", &[3]),
        ("日", &[4]),
        ("GRO", &[]),
        ("本日", &[]),
    ];
    for (term, expected) in cases {
        let filter = PolicyFilter { query: vec![term.to_owned()], ..PolicyFilter::default() };
        found(store, zone, &filter, expected).await;
    }
    let renamed = Policy { name: name("NEU"), description: None, ..policy(zone, 1) };
    commit(store, async |to| to.update_policy(&renamed).await.unwrap()).await;
    for (term, expected) in [("grö", &[][..]), ("übung", &[]), ("neu", &[1])] {
        let filter = PolicyFilter { query: vec![term.to_owned()], ..PolicyFilter::default() };
        found(store, zone, &filter, expected).await;
    }
}

/// By owner, scope, active binding, name and archive.
pub async fn policy_sets_are_filtered(store: &Arc<dyn Store>) {
    let World { zone, set, version, pinned, .. } = world(store, 1).await;
    let zone = zone.id;
    let shadowed = PolicySet { scope_type: ScopeType::Zone, name: name("Ö_3"), ..policy_set(zone, 3) };
    let platform = PolicySet { owner_type: OwnerType::Platform, ..policy_set(zone, 4) };
    let gone = PolicySet { archived: Some(archived(90)), ..policy_set(zone, 5) };
    let shadow = set_version(&shadowed, 22, 1, &[pinned]);
    commit(store, async |to| {
        for set in [&shadowed, &platform, &PolicySet { archived: None, ..gone.clone() }] {
            to.insert_policy_set(set).await.unwrap();
        }
        to.update_policy_set(&gone).await.unwrap();
        to.insert_set_version(&shadow).await.unwrap();
        to.bind(&binding(&shadow, 32, BindingMode::Shadow, TARGET, 6)).await.unwrap();
        to.bind(&binding(&version, 33, BindingMode::Active, "second", 7)).await.unwrap();
    })
    .await;
    let any = PolicySetFilter { archived: ArchivedFilter::Any, ..PolicySetFilter::default() };
    let terms = |term: &str| vec![term.to_owned()];
    let cases: [(PolicySetFilter, &[u64]); 12] = [
        (PolicySetFilter::default(), &[2, 3, 4]),
        (any.clone(), &[2, 3, 4, 5]),
        (PolicySetFilter { archived: ArchivedFilter::Only, ..any.clone() }, &[5]),
        (PolicySetFilter { owner_types: vec![OwnerType::Platform], ..any.clone() }, &[4]),
        (PolicySetFilter { scope_types: vec![ScopeType::Zone, ScopeType::Session], ..any.clone() }, &[3]),
        (PolicySetFilter { scope_types: vec![ScopeType::Zone, ScopeType::User], ..any.clone() }, &[2, 3, 4, 5]),
        (PolicySetFilter { active: Some(true), ..any.clone() }, &[2]),
        (PolicySetFilter { active: Some(false), ..any.clone() }, &[3, 4, 5]),
        (PolicySetFilter { query: terms("ö_"), ..any.clone() }, &[3]),
        (PolicySetFilter { query: terms("SET"), ..any.clone() }, &[2, 4, 5]),
        (PolicySetFilter { query: terms("set"), query_name: terms("4"), ..any.clone() }, &[4]),
        (PolicySetFilter { query_name: terms("%"), ..any }, &[]),
    ];
    let mut from = read(store).await;
    assert_eq!((set.id, set.created_at), (id(2), at(30)), "all of one moment, listed by id");
    for (filter, expected) in cases {
        let found = items(from.policy_sets(zone, &filter, &whole()).await.unwrap());
        let found: Vec<_> = found.into_iter().map(|state| state.set.id).collect();
        assert_eq!(found, expected.iter().map(|number| id(*number)).collect::<Vec<_>>(), "{filter:?}");
        let count = from.count_policy_sets(zone, &filter).await.unwrap();
        assert_eq!(count, u64::try_from(found.len()).unwrap(), "{filter:?}");
    }
}

/// By set, mode, scope and target; an empty list is no filter.
pub async fn bindings_are_filtered(store: &Arc<dyn Store>) {
    let World { zone, set, version, pinned, .. } = world(store, 1).await;
    let other = PolicySet { scope_type: ScopeType::Session, ..policy_set(zone.id, 3) };
    let session = set_version(&other, 22, 1, &[pinned]);
    commit(store, async |to| {
        to.insert_policy_set(&other).await.unwrap();
        to.insert_set_version(&session).await.unwrap();
        to.bind(&binding(&version, 32, BindingMode::Shadow, TARGET, 6)).await.unwrap();
        to.bind(&binding(&version, 33, BindingMode::Active, "b", 7)).await.unwrap();
        to.bind(&binding(&session, 34, BindingMode::Active, "b", 8)).await.unwrap();
    })
    .await;
    let all = BindingFilter::default();
    let (b, target) = ("b".to_owned(), TARGET.to_owned());
    let cases: [(BindingFilter, &[u64]); 9] = [
        (all.clone(), &[31, 32, 33, 34]),
        (BindingFilter { policy_set_ids: vec![set.id], ..all.clone() }, &[31, 32, 33]),
        (BindingFilter { policy_set_ids: vec![set.id, other.id, id(99)], ..all.clone() }, &[31, 32, 33, 34]),
        (BindingFilter { policy_set_ids: vec![id(99)], ..all.clone() }, &[]),
        (BindingFilter { modes: vec![BindingMode::Shadow], ..all.clone() }, &[32]),
        (BindingFilter { scope_types: vec![ScopeType::Session, ScopeType::Zone], ..all.clone() }, &[34]),
        (BindingFilter { scope_target_ids: vec![target.clone()], ..all.clone() }, &[31, 32]),
        (BindingFilter { scope_target_ids: vec![target.to_uppercase()], ..all.clone() }, &[]),
        (BindingFilter { modes: vec![BindingMode::Active], scope_target_ids: vec![b, target], ..all }, &[31, 33, 34]),
    ];
    let mut from = read(store).await;
    for (filter, expected) in cases {
        let found = items(from.bindings(zone.id, &filter, &whole()).await.unwrap());
        let found: Vec<_> = found.into_iter().map(|binding| binding.id).collect();
        assert_eq!(found, expected.iter().map(|number| id(*number)).collect::<Vec<_>>(), "{filter:?}");
        let count = from.count_bindings(zone.id, &filter).await.unwrap();
        assert_eq!(count, u64::try_from(found.len()).unwrap(), "{filter:?}");
    }
}
