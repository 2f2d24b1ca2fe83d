//! Names for what is made for a user's bundle: unique in the zone, and telling whose it is.

use std::collections::HashSet;

use cedarkeep_model::{Digest, Name};
use cedarkeep_store::Read;

use crate::{Code, Error, Service, User};

/// The most characters of a name.
const MAX_CHARS: usize = 200;
/// The most characters that the user's uid may take of a name; a longer one stands there as the beginning of its digest.
const MAX_UID_CHARS: usize = 100;
/// How many numbered names are tried before one that nobody can have.
const NUMBERED: usize = 9;

/// Draws names for one user.
pub(super) struct Names<'a> {
    service: &'a Service,
    owner: &'a User,
    drawn: HashSet<Name>,
}

impl<'a> Names<'a> {
    pub(super) fn new(service: &'a Service, owner: &'a User) -> Self {
        Self { service, owner, drawn: HashSet::new() }
    }

    /// A free name for a policy.
    pub(super) async fn policy(&mut self, store: &mut dyn Read, base: &str) -> Result<Name, Error> {
        for number in 1..=NUMBERED {
            let name = name(base, &self.owner.uid, &numbered(number))?;
            if !self.drawn.contains(&name) && store.policy_named(self.owner.zone, &name).await?.is_none() {
                self.drawn.insert(name.clone());
                return Ok(name);
            }
        }
        self.unheard_of(base)
    }

    /// A free name for a policy set.
    pub(super) async fn set(&mut self, store: &mut dyn Read, base: &str) -> Result<Name, Error> {
        for number in 1..=NUMBERED {
            let name = name(base, &self.owner.uid, &numbered(number))?;
            if store.policy_set_named(self.owner.zone, &name).await?.is_none() {
                return Ok(name);
            }
        }
        self.unheard_of(base)
    }

    fn unheard_of(&self, base: &str) -> Result<Name, Error> {
        name(base, &self.owner.uid, &format!(" {}", self.service.0.ids.next()))
    }
}

fn numbered(number: usize) -> String {
    if number == 1 { String::new() } else { format!(" {number}") }
}

/// `<base> (<user>)<end>`, the base cut short where that is too long.
fn name(base: &str, user: &str, end: &str) -> Result<Name, Error> {
    let of = |user: &str| {
        let suffix = format!(" ({user}){end}");
        let room = MAX_CHARS.saturating_sub(suffix.chars().count());
        let base: String = base.chars().take(room).collect();
        Name::new(format!("{}{suffix}", base.trim_end()).trim_start())
    };
    let short = Some(user).filter(|user| user.chars().count() <= MAX_UID_CHARS);
    // Not every uid can stand in a name: it may be long, or hold what looks like markup.
    if let Some(Ok(name)) = short.map(of) {
        return Ok(name);
    }
    let digest: String = Digest::of(user.as_bytes()).to_string().chars().take(16).collect();
    let unnameable = |error| Error::new(Code::Internal, "no name could be made for a user's policy").with_source(error);
    of(&format!("user {digest}")).map_err(unnameable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_whose_it_is() {
        let text = |base: &str, user: &str, end: &str| name(base, user, end).unwrap().to_string();
        assert_eq!(text("Readers", "User::\"alice\"", ""), "Readers (User::\"alice\")");
        assert_eq!(text("Readers", "User::\"alice\"", " 2"), "Readers (User::\"alice\") 2");
    }

    #[test]
    fn whatever_base_and_user_are_there_is_a_name() {
        let long = "ü".repeat(200);
        let uid = format!("User::\"{}\"", "x".repeat(500));
        for base in ["Readers", &long, "a<", "x (", " "] {
            for user in ["User::\"alice\"", &uid, "User::\"<script>\"", "User::\"\\n</b>\"", "User::\"日本\""] {
                for end in ["", " 2", " 0198c0de-0000-7000-8000-00000000000a"] {
                    let name = name(base, user, end).unwrap();
                    assert!(name.as_str().ends_with(&format!("){end}")), "{name}");
                }
            }
        }
        let (one, two) = (name("a", "User::\"<a>\"", "").unwrap(), name("a", "User::\"<b>\"", "").unwrap());
        assert_ne!(one, two);
    }
}
