//! The life of signing keys: rotation, signing again, revocation; under load, and killed in the middle.

mod faults;
mod killed;
mod load;
mod revocation;
mod rotation;
mod support;
mod tampering;
