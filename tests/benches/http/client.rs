//! As little of HTTP/1.1 as it takes to ask again and again over one connection: bytes made beforehand, answers told
//! apart by their `Content-Length`.

use std::{io, net::SocketAddr};

use cedarkeep_tests::server::FIXTURE_TOKEN;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// A connection that is kept open.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) body: &'a [u8],
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, received: Vec::with_capacity(64 << 10) }
    }

    /// Sends a request and reads its answer.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> io::Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.received.clear();
        let (head, body) = loop {
            if let Some(at) = find(&self.received, b"\r\n\r\n") {
                let head = std::str::from_utf8(&self.received[..at]).map_err(io::Error::other)?;
                break (at + 4, content_length(head)?);
            }
            self.read().await?;
        };
        while self.received.len() < head + body {
            self.read().await?;
        }
        let status = std::str::from_utf8(&self.received[9..12]).ok().and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| io::Error::other("no status"))?;
        Ok(Answer { status, body: &self.received[head..head + body] })
    }

    async fn read(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.received).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

/// Where these bytes begin.
pub(crate) fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

/// 204 has none and no body.
fn content_length(head: &str) -> io::Result<usize> {
    let value = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim())
    });
    value.map_or(Ok(0), |value| value.parse().map_err(io::Error::other))
}

/// The bytes of a request.
pub(crate) fn request(method: &str, path: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {FIXTURE_TOKEN}\r\ncontent-type: \
         application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// Asks over a connection of its own, for what must succeed; null when the answer has no body.
pub(crate) async fn call(address: SocketAddr, method: &str, path: &str, body: &Value) -> Value {
    let mut connection = Connection::open(address).await;
    let sent = request(method, path, body.to_string().as_bytes());
    let answer = connection.ask(&sent).await.unwrap();
    let text = String::from_utf8_lossy(answer.body);
    let excerpt: String = text.chars().take(2_000).collect();
    assert!((200..300).contains(&answer.status), "{method} {path}: {} {excerpt}", answer.status);
    if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() }
}
