//! Requests to a running server, and what it answers.

use std::time::Duration;

use serde_json::Value;
use ureq::{
    Agent, Error,
    http::{HeaderMap, Request},
};

/// Far more than anything takes: a server that hangs shall fail a test, not stop it.
const PATIENCE: Duration = Duration::from_mins(1);

const NO_CONTENT: u16 = 204;

/// A client with connections of its own.
#[derive(Debug, Clone)]
pub struct Client {
    agent: Agent,
    url: String,
    token: Option<String>,
}

/// An answer, whatever it says.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    headers: HeaderMap,
    /// Its body.
    pub text: String,
}

impl Client {
    /// One that shows this token. The paths that it asks for are below this URL; when it is empty, they are URLs.
    #[must_use]
    pub fn new(url: &str, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..Self::anonymous(url) }
    }

    /// One that shows nothing.
    #[must_use]
    pub fn anonymous(url: &str) -> Self {
        let config = Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE));
        Self { agent: config.build().new_agent(), url: url.to_owned(), token: None }
    }

    /// The answer to a request; null is no body.
    #[track_caller]
    #[must_use]
    pub fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.try_send(method, path, body, &[]).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// The JSON of an answer that says that it is done; null when it says no more than that.
    #[track_caller]
    #[expect(clippy::must_use_candidate, reason = "some of it is sent for its effect")]
    pub fn must(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.send(method, path, body);
        assert!((200..300).contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.text);
        if answer.status == NO_CONTENT {
            return Value::Null;
        }
        serde_json::from_str(&answer.text).unwrap_or_else(|error| panic!("{method} {path}: {error}: {}", answer.text))
    }

    /// The metrics.
    #[track_caller]
    #[must_use]
    pub fn metrics(&self) -> String {
        let answer = self.send("GET", "/metrics", &Value::Null);
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.text
    }

    /// The answer to a request with these headers besides.
    ///
    /// # Errors
    ///
    /// When none comes, or not all of it.
    pub fn try_send(&self, method: &str, path: &str, body: &Value, headers: &[(&str, &str)]) -> Result<Answer, Error> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut answer = if body.is_null() {
            self.agent.run(request.body(()).unwrap())?
        } else {
            self.agent.run(request.header("content-type", "application/json").body(body.to_string()).unwrap())?
        };
        let text = answer.body_mut().read_to_string()?;
        Ok(Answer { status: answer.status().as_u16(), headers: answer.headers().clone(), text })
    }
}

impl Answer {
    /// A header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Its body; null when that is no JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }
}
