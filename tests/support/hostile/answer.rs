//! Answers: what is passed on, and what AWS says when it will not.

use super::request::{Protocol, Request};

/// Says that the connection ends with this answer: it does.
pub(super) fn closing(answer: Vec<u8>) -> Vec<u8> {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return answer };
    let (head, body) = answer.split_at(end);
    let head = String::from_utf8_lossy(head);
    let mut lines: Vec<&str> =
        head.split("\r\n").filter(|line| !line.to_lowercase().starts_with("connection:")).collect();
    lines.push("connection: close");
    let mut out = lines.join("\r\n").into_bytes();
    out.extend(body);
    out
}

/// A refusal in the words of the request's protocol.
pub(super) fn refusal(request: &Request, status: u16, code: &str, message: &str) -> Vec<u8> {
    let (kind, more, body) = match request.protocol() {
        Protocol::Rest => (
            "application/json",
            format!("x-amzn-errortype: {code}\r\n"),
            format!(r#"{{"Type":"User","message":"{message}","Message":"{message}"}}"#),
        ),
        Protocol::Json => (
            "application/x-amz-json-1.1",
            format!("x-amzn-query-error: {code};Sender\r\n"),
            format!(r#"{{"__type":"{code}","message":"{message}"}}"#),
        ),
        Protocol::Query => (
            "text/xml",
            String::new(),
            format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>0</RequestId></ErrorResponse>"
            ),
        ),
    };
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\n{more}content-length: {length}\r\nconnection: close\r\n\r\n{body}")
        .into_bytes()
}
