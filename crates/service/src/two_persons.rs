//! The rule of two persons: where a zone demands it, nobody makes active what is that same person's own work. It is asked
//! at the one place that points a slot at a version, and so holds for every way there.

use std::collections::{HashMap, HashSet};

use cedarkeep_model::{Binding, PolicySetVersion, SERVICE_ACCOUNT, Zone};

use crate::{Code, Error, transact::Tx};

/// Refuses when the caller has composed the version, or is the author of a policy version that it brings into the slot.
/// What the slot's former version pinned already was made active before and is nobody's news.
pub(crate) async fn check(
    tx: &mut Tx,
    zone: &Zone,
    version: &PolicySetVersion,
    former: Option<&Binding>,
) -> Result<(), Error> {
    let stood: HashSet<_> = match former {
        None => HashSet::new(),
        Some(former) => {
            let stood = tx.store.set_version(zone.id, former.policy_set_id, former.policy_set_version_id).await?;
            let entries = stood.iter().flat_map(|stood| stood.record.manifest.entries());
            entries.map(|entry| entry.policy_version_id).collect()
        }
    };
    let pinned = version.record.manifest.entries().iter().map(|entry| entry.policy_version_id);
    let new: Vec<_> = pinned.filter(|id| !stood.contains(id)).collect();
    let mut made: Vec<(String, String)> =
        vec![(version.record.created_by.clone(), format!("policy set version {}", version.record.id))];
    for head in tx.store.policy_version_heads(zone.id, &new).await? {
        made.push((head.created_by, format!("policy version {}", head.id)));
    }
    let (caller, mut persons) = (tx.principal.person().to_owned(), HashMap::new());
    for (author, what) in made {
        let person = match persons.get(&author) {
            Some(person) => person,
            None => &*persons.entry(author.clone()).or_insert(person(tx, &author).await?),
        };
        if *person == caller {
            let message = format!(
                "this zone demands two persons, and {what} is your own work: somebody else has to make it active"
            );
            return Err(Error::new(Code::Forbidden, message)
                .with_detail("manifest_sha", version.record.manifest_sha.to_string()));
        }
    }
    Ok(())
}

/// The person whose work it is: a service account's owner answers for it.
async fn person(tx: &mut Tx, author: &str) -> Result<String, Error> {
    let account = author.strip_prefix(SERVICE_ACCOUNT).and_then(|id| id.parse().ok());
    let Some(account) = account else { return Ok(author.to_owned()) };
    let known = tx.store.any_service_account(account).await?;
    Ok(known.and_then(|known| known.owner).unwrap_or_else(|| author.to_owned()))
}
