//! Several instances on one store.

mod claims;
mod following;
mod idempotency;
mod notices;
mod support;
