//! What a rule permits.

use std::{fmt, str::FromStr};

use crate::{
    error::{InvalidRules, Place},
    fields::shortened,
};

/// A permission, and what a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// Read values.
    Read,
    /// Create and update.
    Write,
    /// Delete.
    Delete,
    /// Enumerate, and read metadata.
    List,
    /// Trigger rotation.
    Rotate,
    /// All of them.
    Admin,
    /// Use content in full.
    FullAccess,
    /// Use content commercially.
    CommercialUse,
}

impl Permission {
    /// All there are.
    pub const ALL: [Self; 8] = [
        Self::Read,
        Self::Write,
        Self::Delete,
        Self::List,
        Self::Rotate,
        Self::Admin,
        Self::FullAccess,
        Self::CommercialUse,
    ];

    /// The word for it, which is also the id of the action.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Delete => "delete",
            Self::List => "list",
            Self::Rotate => "rotate",
            Self::Admin => "admin",
            Self::FullAccess => "full_access",
            Self::CommercialUse => "commercial_use",
        }
    }

    /// Reads a list in which none stands twice.
    pub(crate) fn read_list(place: &Place, items: &[serde_json::Value]) -> Result<Vec<Self>, InvalidRules> {
        let mut permissions = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let place = place.item(index);
            let word = item.as_str().ok_or_else(|| place.error("must be a string"))?;
            let permission: Self = word.parse().map_err(place.refuse::<UnknownPermission>())?;
            if permissions.contains(&permission) {
                return Err(place.error(format!("`{word}` stands twice; write it once")));
            }
            permissions.push(permission);
        }
        Ok(permissions)
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// No permission has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a permission; there are read, write, delete, list, rotate, admin, full_access and commercial_use"
)]
pub struct UnknownPermission(String);

impl FromStr for Permission {
    type Err = UnknownPermission;

    fn from_str(word: &str) -> Result<Self, UnknownPermission> {
        let known = Self::ALL.into_iter().find(|permission| permission.as_str() == word);
        known.ok_or_else(|| UnknownPermission(shortened(word)))
    }
}
