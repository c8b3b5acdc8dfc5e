//! One request, read off the wire.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

/// The protocol in which a service speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// Lambda.
    Rest,
    /// SSM, CloudWatch Logs, SQS.
    Json,
    /// IAM, SNS, STS.
    Query,
}

#[derive(Debug)]
pub(super) struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    /// Reads one; `None` where the client closed without asking.
    pub(super) async fn read(stream: &mut TcpStream) -> io::Result<Option<Request>> {
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            if stream.read_buf(&mut bytes).await? == 0 {
                return Ok(None);
            }
        };
        let head = String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned();
        let mut lines = head.lines();
        let mut words = lines.next().unwrap_or_default().split(' ');
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.trim().to_lowercase(), value.trim().to_owned()))
            .collect();
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let length: usize = length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
        let mut body = bytes.split_off(end);
        while body.len() < length {
            if stream.read_buf(&mut body).await? == 0 {
                return Ok(None);
            }
        }
        Ok(Some(Request { method: method.to_owned(), path: path.to_owned(), headers, body }))
    }

    /// As it is sent on: one request a connection.
    pub(super) fn bytes(&self, host: &str) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            if !["host", "connection", "expect"].contains(&name.as_str()) {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend(&self.body);
        bytes
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    fn action(&self) -> Option<String> {
        let mut pairs = form_urlencoded::parse(&self.body);
        pairs.find(|(name, _)| name == "Action").map(|(_, value)| value.into_owned())
    }

    pub(super) fn protocol(&self) -> Protocol {
        match self.header("x-amz-target") {
            Some(_) => Protocol::Json,
            None if self.path == "/" => Protocol::Query,
            None => Protocol::Rest,
        }
    }

    /// `CreateQueue`, `POST /2015-03-31/functions`
    pub(super) fn operation(&self) -> String {
        match (self.header("x-amz-target"), self.protocol()) {
            (Some(target), _) => target.rsplit('.').next().unwrap_or(target).to_owned(),
            (None, Protocol::Query) => self.action().unwrap_or_default(),
            (None, _) => format!("{} {}", self.method, self.path.split('?').next().unwrap_or_default()),
        }
    }

    /// The access key in the signature.
    pub(super) fn access_key(&self) -> &str {
        self.scope(0)
    }

    /// The service's name in the signature: `lambda`, `sqs`.
    pub(super) fn service(&self) -> &str {
        self.scope(3)
    }

    /// The region in the signature.
    pub(super) fn region(&self) -> &str {
        self.scope(2)
    }

    fn scope(&self, part: usize) -> &str {
        let credential = self.header("authorization").and_then(|text| text.split("Credential=").nth(1));
        credential.and_then(|text| text.split('/').nth(part)).unwrap_or_default()
    }

    pub(super) fn is_write(&self) -> bool {
        match self.protocol() {
            Protocol::Rest => self.method != "GET" && !self.path.contains("/invocations"),
            Protocol::Json | Protocol::Query => evenkeel_aws::calls::is_write(&self.operation()),
        }
    }

    /// The function that a request to Lambda is about.
    pub(super) fn function(&self) -> Option<&str> {
        let rest = self.path.split("/functions/").nth(1)?;
        rest.split(['/', '?']).next()
    }

    /// Tells requests apart, but not when they were signed.
    pub(super) fn key(&self) -> u64 {
        self.hash(&self.path, &self.body)
    }

    /// The same in every run of a test: without ports, and without what the emulator made up.
    pub(super) fn fate_key(&self) -> u64 {
        let body = steady(&String::from_utf8_lossy(&self.body));
        self.hash(&steady(&self.path), body.as_bytes())
    }

    fn hash(&self, path: &str, body: &[u8]) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&self.method, path, self.header("x-amz-target"), body).hash(&mut hasher);
        self.access_key().hash(&mut hasher);
        hasher.finish()
    }
}

/// A text without ports of this machine and without UUIDs.
fn steady(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (number, part) in text.split("127.0.0.1").enumerate() {
        let part = if number == 0 {
            part
        } else {
            let port = part.strip_prefix(':').or_else(|| part.strip_prefix("%3A"));
            port.map_or(part, |rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()))
        };
        out.push_str(part);
    }
    let words = out.split_inclusive(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    words.filter(|word| !word.get(..36).is_some_and(is_uuid)).collect()
}

fn is_uuid(word: &str) -> bool {
    word.split('-').map(str::len).eq([8, 4, 4, 4, 12]) && word.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
}
