//! Tokens bound to a user.

use serde::{Deserialize, Serialize};

use crate::{Timestamp, UserTokenId, ZoneId};

/// A token with which a user of a zone calls; of the token itself only its SHA-256 is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserToken {
    /// Its id.
    pub id: UserTokenId,
    /// Its zone.
    pub zone_id: ZoneId,
    /// The user: a Cedar entity uid in the one spelling in which slots name users.
    pub user: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// From when it is no longer good.
    pub expires_at: Timestamp,
}

impl UserToken {
    /// The entity tag: a token never changes, it is taken back.
    #[must_use]
    pub fn etag(&self) -> String {
        "\"1\"".to_owned()
    }
}
