//! Who may do what: identities, roles, and the walls between zones and organizations.

mod credentials;
mod isolation;
mod matrix;
mod secrets;
mod support;
mod two_persons;
#[path = "../wire/support.rs"]
mod wire;
