//! A network that breaks at each step of a publish, and a server that is killed in the middle of one: running it again ends
//! in the same state as an undisturbed run.

use std::{
    env,
    process::Stdio,
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use cedarkeep_tests::{
    proxy::{Cut, Proxy},
    server::run,
};
use serde_json::Value;

use crate::support::{Ground, Pipeline};

/// How many runs wait for one another's end at a time; most of a run is waiting before it tries again.
const AT_ONCE: usize = 8;

/// What is done, in all of them.
const PUBLISH: [&str; 3] = ["publish", "--activate", "--wait"];

/// An undisturbed run: how many questions it asks, and the state that it leaves.
fn undisturbed(ground: &Ground) -> (usize, Value) {
    let pipeline = ground.pipeline("undisturbed");
    let proxy = Proxy::to(ground.server().address(), None);
    let said = pipeline.runs(&[&PUBLISH[..], &["--server", &proxy.url]].concat());
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(proxy.questions() > 5, "{}", proxy.questions());
    (proxy.questions(), pipeline.state())
}

/// Running it again ends as an undisturbed run would have, and once more changes nothing.
fn made_good(pipeline: &Pipeline, state: &Value, case: &str) {
    let again = pipeline.runs(&PUBLISH);
    assert_eq!(again.code, Some(0), "{case}: {again:?}");
    assert_eq!(&pipeline.state(), state, "{case}");
    let (code, once_more) = pipeline.says(&PUBLISH);
    assert_eq!((code, &once_more["created"]), (Some(0), &false.into()), "{case}: {once_more}");
    assert_eq!(&pipeline.state(), state, "{case}");
}

/// `PIPELINE_CUTS` says in how many of the places (10 unless said).
#[test]
fn wherever_the_network_breaks_running_it_again_makes_it_good() {
    let ground = Ground::new();
    let (questions, state) = undisturbed(&ground);
    let places: Vec<_> = (0..questions).flat_map(|at| Cut::ALL.map(|cut| (at, cut))).collect();
    let cuts: usize = env::var("PIPELINE_CUTS").map_or(10, |cuts| cuts.parse().unwrap()).min(places.len());
    let case = |cut: usize| {
        let (at, kind) = places[cut * places.len() / cuts];
        (ground.pipeline(&format!("question {at} {kind:?}")), at, kind)
    };
    let cases = Mutex::new((0..cuts).map(case).collect::<Vec<_>>());
    let server = ground.server().address();
    let work = || {
        loop {
            let Some((pipeline, at, cut)) = cases.lock().unwrap().pop() else { return };
            let case = format!("question {at} {cut:?}");
            let proxy = Proxy::to(server, Some((at, cut)));
            let broken = pipeline.runs(&[&PUBLISH[..], &["--server", &proxy.url]].concat());
            assert!(proxy.is_broken(), "{case}");
            assert_eq!((broken.code, broken.out.as_str()), (Some(1), ""), "{case}: {broken:?}");
            assert!(broken.err.contains("is the server running there, and is its URL right?"), "{case}: {broken:?}");
            made_good(&pipeline, &state, &case);
        }
    };
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(work);
        }
    });
}

/// `PIPELINE_KILLS` says how often (6 unless said).
#[test]
fn whenever_the_server_is_killed_running_it_again_makes_it_good() {
    let kills: usize = env::var("PIPELINE_KILLS").map_or(6, |kills| kills.parse().unwrap());
    let mut ground = Ground::new();
    let (questions, state) = undisturbed(&ground);
    for kill in 0..kills {
        let case = format!("kill {kill}");
        let mut pipeline = ground.pipeline(&case);
        let proxy = Proxy::to(ground.server().address(), None);
        let mut command = pipeline.command(&[&PUBLISH[..], &["--server", &proxy.url]].concat());
        let running = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A while after one of its questions, the ones that change something more often than the others.
        let at = if kill % 3 == 0 { kill / 3 % questions } else { questions - 3 + kill % 3 };
        (0..=at).for_each(|_| proxy.next_question());
        let moment = Instant::now() + Duration::from_micros((kill as u64 * 7_919) % 6_000);
        while Instant::now() < moment {
            thread::yield_now();
        }
        ground.kill();
        let said = running.wait_with_output().unwrap();
        assert!(matches!(said.status.code(), Some(0 | 1)), "{case}: {said:?}");
        ground.revive();
        pipeline.url.clone_from(&ground.server().url);
        pipeline.replace("cedarkeep.toml", "server = ", "# server = ");
        pipeline.replace("cedarkeep.toml", "# Where", &format!("server = \"{}\"\n# Where", ground.server().url));
        made_good(&pipeline, &state, &case);
    }
    ground.kill();
    let fsck = run(&mut ground.home.cedarkeep(["fsck"]));
    assert_eq!(fsck.code, Some(0), "{fsck:?}");
}
