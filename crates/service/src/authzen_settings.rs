//! What a zone may be told about `AuthZEN` requests.

use cedarkeep_cedar::Uid;
use cedarkeep_model::AuthzenSettings;

use crate::{Code, Error};

/// The most types that a zone maps.
const MAX_TYPES: usize = 1_000;

/// The longest name of a type or a member, in characters.
const MAX_NAME: usize = 200;

pub(crate) fn check(settings: &AuthzenSettings) -> Result<(), Error> {
    let wrong = |what: String| Err(Error::new(Code::BadRequest, what));
    let AuthzenSettings { types, session_from, .. } = settings;
    if types.len() > MAX_TYPES {
        return wrong(format!("authzen.types maps {} types; at most {MAX_TYPES} are mapped", types.len()));
    }
    let fits = |name: &str| (1..=MAX_NAME).contains(&name.chars().count());
    for (name, entity_type) in types {
        if !fits(name) || !fits(entity_type) {
            return wrong(format!("authzen.types: a type has a name of 1 to {MAX_NAME} characters"));
        }
        if Uid::new(entity_type, "").is_err() {
            return wrong(format!(
                "authzen.types.{name}: `{entity_type}` is not a Cedar entity type, such as `App::User`"
            ));
        }
    }
    match session_from {
        Some(member) if !fits(member) => wrong(format!("authzen.session_from is a name of 1 to {MAX_NAME} characters")),
        _ => Ok(()),
    }
}
