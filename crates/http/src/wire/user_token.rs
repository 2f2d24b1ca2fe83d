//! Tokens bound to users.

use cedarkeep_model as model;
use cedarkeep_service::{IssuedToken, NewUserToken as Wanted};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::kinds;
use crate::body::RequestBody;

/// A token bound to a user.
#[derive(Serialize, ToSchema)]
pub(crate) struct UserToken {
    #[schema(value_type = kinds::Id)]
    id: model::UserTokenId,
    #[schema(value_type = kinds::Id)]
    zone_id: model::ZoneId,
    /// The user: a Cedar entity uid.
    #[schema(example = "User::\"alice\"")]
    user: String,
    #[schema(value_type = kinds::Timestamp)]
    created_at: model::Timestamp,
    created_by: String,
    /// From when it is no longer good.
    #[schema(value_type = kinds::Timestamp)]
    expires_at: model::Timestamp,
}

/// A token that has just been made.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewUserToken {
    /// The token itself, shown only here.
    token: String,
    #[serde(flatten)]
    known: UserToken,
}

/// A token to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"user": "User::\"alice\"", "expires_in_seconds": 86400}))]
pub(crate) struct UserTokenCreate {
    /// The user: a Cedar entity uid such as `User::"alice"`, up to 512 characters.
    user: String,
    /// How long it is good, up to 31,536,000 (365 days); 2,592,000 (30 days) when left out.
    #[serde(default, deserialize_with = "crate::wire::present")]
    #[schema(nullable = false, minimum = 1, maximum = 31_536_000)]
    expires_in_seconds: Option<u64>,
}

impl RequestBody for UserTokenCreate {
    const KEYED: bool = false;
}

impl From<UserTokenCreate> for Wanted {
    fn from(body: UserTokenCreate) -> Self {
        Self { user: body.user, expires_in_seconds: body.expires_in_seconds }
    }
}

impl From<model::UserToken> for UserToken {
    fn from(token: model::UserToken) -> Self {
        let model::UserToken { id, zone_id, user, created_at, created_by, expires_at } = token;
        Self { id, zone_id, user, created_at, created_by, expires_at }
    }
}

impl From<IssuedToken> for NewUserToken {
    fn from(issued: IssuedToken) -> Self {
        Self { token: issued.secret, known: issued.token.into() }
    }
}
