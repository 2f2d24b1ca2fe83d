//! Moving what is stored: backups from engine to engine, damaged and forged files, zones from installation to
//! installation, and a move during which nobody who reads notices anything.

mod damage;
mod forged;
mod killed;
mod moving;
mod refusals;
mod round_trip;
mod support;
mod zones;
