//! Shared helpers of the test targets.

pub mod client;
pub mod home;
pub mod in_process;
pub mod largest;
pub mod proxy;
pub mod random;
pub mod server;
pub mod until;
pub mod workload;
