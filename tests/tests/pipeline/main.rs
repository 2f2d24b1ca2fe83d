//! Pipelines that publish policy repositories: the built binary against a real server, from nothing to a rollback, many at
//! once, with a network that breaks and a server that is killed, and with everything wrong that can be given.

mod clients;
mod concurrent;
mod faults;
mod login;
mod support;
mod whole;
mod wrong;
