//! Exports as a whole: their verification, changed ones, and the vectors that other implementations check too.
#![cfg(test)]

mod common;
mod mutations;
mod steps;
mod vectors;
mod world;
mod zone;
mod zone_audit;
mod zone_mutations;
