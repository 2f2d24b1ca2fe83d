//! How much is measured.

use std::{env, str::FromStr, time::Duration};

use serde::Serialize;

/// What the environment says.
#[derive(Debug, Serialize)]
pub(crate) struct Settings {
    /// What is run.
    pub(crate) parts: Vec<String>,
    /// How long a phase lasts.
    pub(crate) seconds: f64,
    /// How many rounds there are.
    pub(crate) rounds: usize,
    /// How many connections ask at once.
    pub(crate) connections: usize,
    /// The statements of the small, the medium and the large set.
    pub(crate) sizes: [usize; 3],
    /// How many zones.
    pub(crate) zones: usize,
    /// What may be kept of the compiled sets of many zones. Unless said it is what leaves ten thousand zones room within
    /// the memory of the whole process; with fewer zones say less.
    pub(crate) budget_mib: u64,
}

impl Settings {
    pub(crate) fn from_environment() -> Self {
        let words = |text: String| text.split([' ', ',']).map(str::to_owned).collect::<Vec<_>>();
        let sizes = words(given("SIZES", "100,10000,100000".to_owned()));
        let sizes: Vec<usize> = sizes.iter().map(|size| size.parse().expect("SIZES are numbers")).collect();
        Self {
            parts: words(given("PARTS", "decisions publishing zones".to_owned())),
            seconds: given("SECONDS", 2.0),
            rounds: given("ROUNDS", 5),
            connections: given("CONNECTIONS", 32),
            sizes: sizes.try_into().expect("SIZES are three"),
            zones: given("ZONES", 1_000),
            budget_mib: given("BUDGET_MIB", 2_560),
        }
    }

    pub(crate) fn phase(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }
}

fn given<T: FromStr>(name: &str, otherwise: T) -> T {
    env::var(name).map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name} is {text:?}")))
}
