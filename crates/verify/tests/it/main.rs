//! Exports as a whole: their verification, changed ones, and the vectors that other implementations check too.
#![cfg(test)]

mod common;
mod mutations;
mod steps;
mod vectors;
