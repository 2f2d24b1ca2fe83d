//! Who may do what on this server. The rules are Cedar policies (`schemas/access.cedar`), asked by Cedar's own authorizer
//! before every operation that needs a credential. They look at nothing but who calls, the roles held over the resource
//! and the operation, so that each such question is put to Cedar once and its answer kept.

mod rules;

use cedarkeep_model::{OrganizationId, Role, Zone, ZoneId};

pub(crate) use self::rules::Rules;
use crate::{Code, Error, Principal, PrincipalKind, Service};

/// The operation that stands behind every change after which decisions may fall otherwise.
pub(crate) const CHANGES_WHAT_DECIDES: &str = "changeWhatDecides";
/// The operation of whoever switches the rule of two persons off.
pub(crate) const ENDS_TWO_PERSON_ACTIVATION: &str = "endTwoPersonActivation";

/// What an operation is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// The whole server: roles held anywhere count, and what is answered is what they reach.
    Server,
    /// An organization.
    Organization(OrganizationId),
    /// A zone.
    Zone(ZoneId),
}

/// Roles held over one resource, a bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct RoleSet(u8);

impl RoleSet {
    fn add(&mut self, role: Role) {
        self.0 |= 1 << role as u8;
    }

    fn has(self, role: Role) -> bool {
        self.0 & (1 << role as u8) != 0
    }
}

/// As whom somebody stands before a resource: all that the rules look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Standing {
    Administrator,
    User,
    ServiceAccount(RoleSet),
}

impl Service {
    /// Whether this caller may do this; the operation is named as in the `OpenAPI` document.
    ///
    /// # Errors
    /// `not_found` where the caller reaches nothing of the target, as if it did not exist; `forbidden` where the caller
    /// reaches it and may not do this.
    pub async fn permit(&self, principal: &Principal, operation: &str, target: Target) -> Result<(), Error> {
        let standing = match &principal.kind {
            PrincipalKind::Administrator => Standing::Administrator,
            PrincipalKind::User(user) => {
                if matches!(target, Target::Zone(zone) if zone != user.zone) {
                    return Err(missing(target));
                }
                Standing::User
            }
            PrincipalKind::ServiceAccount(account) => {
                let roles = self.roles_over(account, target).await?;
                if roles == RoleSet::default() {
                    return Err(missing(target));
                }
                Standing::ServiceAccount(roles)
            }
        };
        if self.0.rules.permit(&self.0.cedar, standing, operation, target).await? {
            return Ok(());
        }
        Err(refusal(principal, operation))
    }

    /// The same for a zone that was just read.
    pub(crate) async fn permit_in(&self, principal: &Principal, operation: &str, zone: &Zone) -> Result<(), Error> {
        let standing = match &principal.kind {
            PrincipalKind::Administrator => Standing::Administrator,
            PrincipalKind::User(user) if user.zone == zone.id => Standing::User,
            PrincipalKind::User(_) => return Err(missing(Target::Zone(zone.id))),
            PrincipalKind::ServiceAccount(account) => {
                let mut roles = RoleSet::default();
                let within = account.organization == zone.organization_id;
                let counts = |held: Option<ZoneId>| held.map_or(within, |held| held == zone.id);
                account.grants.iter().filter(|grant| counts(grant.zone_id)).for_each(|grant| roles.add(grant.role));
                Standing::ServiceAccount(roles)
            }
        };
        if self.0.rules.permit(&self.0.cedar, standing, operation, Target::Zone(zone.id)).await? {
            return Ok(());
        }
        Err(refusal(principal, operation))
    }

    /// Whether this caller may do this, where what the caller does not reach is no error.
    ///
    /// # Errors
    /// When the rules cannot be asked.
    pub async fn may(&self, principal: &Principal, operation: &str, target: Target) -> Result<bool, Error> {
        match self.permit(principal, operation, target).await {
            Ok(()) => Ok(true),
            Err(error) if matches!(error.code(), Code::Forbidden | Code::NotFound) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn roles_over(&self, account: &crate::Account, target: Target) -> Result<RoleSet, Error> {
        let mut roles = RoleSet::default();
        let within = match target {
            Target::Server => {
                account.grants.iter().for_each(|grant| roles.add(grant.role));
                return Ok(roles);
            }
            Target::Organization(id) => id == account.organization,
            // Whoever has no role in the whole organization need not know whose the zone is.
            Target::Zone(zone) => {
                let everywhere = account.grants.iter().any(|grant| grant.zone_id.is_none());
                everywhere && self.belongs_to(zone, account.organization).await?
            }
        };
        for grant in &account.grants {
            let counts = match (grant.zone_id, target) {
                (None, _) => within,
                (Some(held), Target::Zone(zone)) => held == zone,
                (Some(_), _) => false,
            };
            if counts {
                roles.add(grant.role);
            }
        }
        Ok(roles)
    }

    /// Whether a zone is this organization's, from memory once it was found to be: that never changes. A zone of another
    /// organization and one that there is not are looked up alike each time.
    async fn belongs_to(&self, zone: ZoneId, organization: OrganizationId) -> Result<bool, Error> {
        if self.0.zones_of.contains_key(&(organization, zone)) {
            return Ok(true);
        }
        let found = self.read().await?.zone(zone).await?;
        let belongs = found.is_some_and(|found| found.organization_id == organization);
        if belongs {
            self.0.zones_of.insert((organization, zone), ()).await;
        }
        Ok(belongs)
    }
}

/// The same words as for what is not there at all.
fn missing(target: Target) -> Error {
    match target {
        Target::Server => Error::new(Code::Forbidden, "this credential holds no role: ask an owner for one"),
        Target::Organization(_) => Error::not_found("organization"),
        Target::Zone(_) => Error::not_found("zone"),
    }
}

fn refusal(principal: &Principal, operation: &str) -> Error {
    let message = match &principal.kind {
        PrincipalKind::User(_) => {
            "a user's token is good for /policy/bundle alone; this route is for service accounts and the administrator"
                .to_owned()
        }
        PrincipalKind::Administrator => {
            "a bundle belongs to a user: call with a token that is bound to one (POST /zones/{zone_id}/user-tokens)"
                .to_owned()
        }
        PrincipalKind::ServiceAccount(_) => {
            format!(
                "none of the roles that this service account holds here permits {operation}; ask an owner for one that does"
            )
        }
    };
    Error::new(Code::Forbidden, message)
}
