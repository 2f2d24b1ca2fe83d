//! Clients that go away in the middle of their requests: no transaction is left open, and no connection is lost.
//! `ABORTS` says how many (10,000 unless said).

use std::{
    env,
    io::Write as _,
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use cedarkeep_tests::{
    home::{Engine, Home},
    random::Random,
    server::{FIXTURE_TOKEN, Server, run},
};
use serde_json::{Value, json};

use crate::support::Zone;

/// How many clients go away at the same time.
const CLIENTS: u64 = 8;

/// As few as an instance can work with.
const POOL: &str = "2";

/// A request as it goes over the wire.
fn request(zone: &Zone, number: u64, random: &mut Random) -> Vec<u8> {
    let (method, path, body) = match random.below(8) {
        0 => ("GET", "/policy-bindings".to_owned(), Value::Null),
        1 => ("GET", "/events?limit=100".to_owned(), Value::Null),
        2..5 => {
            let text = format!("permit (principal == User::\"u{number}\", action, resource);");
            ("POST", format!("{}/versions", zone.policy), json!({"schema_version": "test", "cedar_raw": text}))
        }
        _ => ("POST", "/policies".to_owned(), json!({"name": format!("policy {number}")})),
    };
    let body = if body.is_null() { String::new() } else { body.to_string() };
    format!(
        "{method} {}{path} HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {FIXTURE_TOKEN}\r\n\
         content-type: application/json\r\nidempotency-key: abort-{number}\r\ncontent-length: {}\r\n\r\n{body}",
        zone.path,
        body.len()
    )
    .into_bytes()
}

/// Every so many requests one is waited for, to know how long they take at the time.
const WAITED_FOR: u64 = 16;

/// How long a request takes that is waited for.
fn whole(zone: &Zone, number: u64) -> Duration {
    let begun = Instant::now();
    zone.must("/policies", &json!({"name": format!("whole {number}")}));
    begun.elapsed()
}

/// Sends a request, all of it or a part, and goes away at some moment while it is under way, without having read anything.
fn abort(address: &str, request: &[u8], takes: Duration, random: &mut Random) {
    let mut connection = TcpStream::connect(address).unwrap();
    let part = if random.below(8) == 0 { random.below(300) } else { request.len() };
    connection.write_all(&request[..part.min(request.len())]).unwrap();
    // The moment is what is random here; nothing is waited for.
    let most = u64::try_from(takes.as_micros()).unwrap() * 3 / 2;
    thread::sleep(Duration::from_micros(random.below(most)));
    drop(connection);
}

/// Waits until PostgreSQL says this.
#[track_caller]
fn comes_to(home: &Home, sql: &str, expected: &str) {
    let begun = Instant::now();
    while home.psql(sql) != expected {
        let all = "SELECT state, query FROM pg_stat_activity WHERE application_name = 'cedarkeep'";
        assert!(begun.elapsed() < Duration::from_secs(30), "{sql}: {}", home.psql(all));
        thread::yield_now();
    }
}

#[test]
fn postgres_clients_that_go_away_leave_no_transaction_behind() {
    let aborts: u64 = env::var("ABORTS").map_or(10_000, |aborts| aborts.parse().unwrap());
    let home = Home::on(Engine::Postgres);
    let mut command = home.serve();
    command.args(["--database-pool-size", POOL]).env("CEDARKEEP_ADMIN_TOKEN", FIXTURE_TOKEN);
    let server = Server::start(command.env("CEDARKEEP_LOG", "error"));
    let zone = Zone::make(&server);
    let begun = Instant::now();
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (address, zone) = (server.address(), zone.on(&server));
            scope.spawn(move || {
                let mut random = Random::spread(client);
                let mut takes = Duration::ZERO;
                for number in (client..aborts).step_by(usize::try_from(CLIENTS).unwrap()) {
                    if (number / CLIENTS).is_multiple_of(WAITED_FOR) {
                        takes = whole(&zone, number);
                    }
                    let request = request(&zone, number, &mut random);
                    abort(address, &request, takes, &mut random);
                }
            });
        }
    });
    let ours = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() \
                AND application_name = 'cedarkeep'";
    // An open transaction is `active` or `idle in transaction`, one that failed `idle in transaction (aborted)`.
    comes_to(&home, &format!("{ours} AND state <> 'idle'"), "0");
    comes_to(&home, "SELECT COUNT(*) FROM pg_prepared_xacts", "0");
    // Both connections can be had at once, over and over: more writers than there are connections all come through.
    thread::scope(|scope| {
        for client in 0..4 {
            let zone = zone.on(&server);
            scope.spawn(move || {
                for number in 0..10 {
                    zone.must("/policies", &json!({"name": format!("after {client} {number}")}));
                }
            });
        }
    });
    let kept = home.psql("SELECT COUNT(*) FROM policies WHERE name LIKE 'policy %'").parse::<u64>().unwrap();
    println!("{aborts} aborts in {} s, {kept} policies made all the same", begun.elapsed().as_secs());
    assert!(kept > 0, "they went away before anything had begun");
    let (status, said) = server.stop();
    assert!(status.success(), "{said}");
    let fsck = run(&mut home.cedarkeep(["fsck"]));
    assert_eq!(fsck.code, Some(0), "{fsck:?}");
}
