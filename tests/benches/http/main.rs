//! What decisions cost over HTTP, beside a constant answer of the same server behind the same layers.
//!
//! `make bench-http`. This program starts itself once more as the server, with the real router, service and store, and
//! loads it from the same machine over keep-alive connections. Constant answer and decisions take turns in rounds; the
//! figures are medians of the rounds. Take the ratios: machines are noisy.
//!
//! The environment says how much:
//!
//! | variable | what | unless said |
//! |---|---|---|
//! | `PARTS` | which parts run | `decisions publishing zones` |
//! | `SECONDS` | how long a phase lasts | `2` |
//! | `ROUNDS` | how many rounds | `5` |
//! | `CONNECTIONS` | how many connections ask at once | `32` |
//! | `SIZES` | the statements of the small, the medium and the large set | `100,10000,100000` |
//! | `ZONES` | how many zones | `1000` |
//! | `BUDGET_MIB` | what may be kept of their compiled sets | `2560` |

mod client;
mod decisions;
mod load;
mod process;
mod publishing;
mod report;
mod server;
mod settings;
mod setup;
mod zones;

use std::{env, path::PathBuf};

use crate::{report::Report, settings::Settings};

fn main() {
    let arguments: Vec<String> = env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == process::SERVER) {
        server::run(&PathBuf::from(&arguments[at + 1]), arguments[at + 2].parse().unwrap());
        return;
    }
    let settings = Settings::from_environment();
    // One thread: what the load costs is never more than what the server has left.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let report = runtime.block_on(async {
        let mut report = Report::new(&settings);
        for part in &settings.parts {
            match part.as_str() {
                "decisions" => decisions::run(&settings, &mut report).await,
                "publishing" => publishing::run(&settings, &mut report).await,
                "zones" => zones::run(&settings, &mut report).await,
                other => panic!("PARTS names {other:?}; there are decisions, publishing and zones"),
            }
        }
        report
    });
    report.write();
}
