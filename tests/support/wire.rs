//! Calls in AWS's own words, as a table of tests can hold them: nothing of evenkeel's stands between them and the
//! service. Emulators do not check signatures; they only read the service and the region out of them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::{Map, Value as Json};

/// One call, written `{sqs: SetQueueAttributes, body: {...}}`.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Map<String, Json>")]
pub struct Call {
    /// `lambda`, `s3`, `sqs`, `ssm`, `logs`, `kinesis`, `sns` or `iam`.
    pub service: String,
    /// The operation; where a service speaks REST, method and path (`lambda: DELETE /2015-03-31/functions/F`).
    pub operation: String,
    /// The input, in the API's names; for query services (IAM, SNS) flat, for S3 base64.
    pub body: Json,
}

impl TryFrom<Map<String, Json>> for Call {
    type Error = String;

    fn try_from(mut written: Map<String, Json>) -> Result<Self, String> {
        let body = written.shift_remove("body").unwrap_or_default();
        match written.into_iter().collect::<Vec<_>>().as_slice() {
            [(service, Json::String(operation))] => {
                Ok(Call { service: service.clone(), operation: operation.clone(), body })
            }
            other => Err(format!("{other:?} is no call: write `service: operation` and `body`")),
        }
    }
}

/// An emulator.
#[derive(Clone, Debug)]
pub struct Wire {
    host: String,
    region: &'static str,
}

impl Wire {
    pub(crate) fn new(endpoint: &str, region: &'static str) -> Wire {
        Wire { host: endpoint.trim_start_matches("http://").trim_end_matches('/').to_owned(), region }
    }

    /// Carries out a call and gives what was answered.
    ///
    /// # Errors
    /// A sentence with the answer where the service says no or does not answer.
    pub async fn call(&self, call: &Call) -> Result<String, String> {
        let what = format!("{} {} {}", call.service, call.operation, call.body);
        let (status, text) = self.send(call).await.map_err(|error| format!("{what}: {error}"))?;
        if status.is_success() { Ok(text) } else { Err(format!("{what}: {status} {text}")) }
    }

    /// Whether there is anything at a path: what tells emulators apart.
    pub async fn has(&self, path: &str) -> bool {
        let request = Request::get(path).header("Host", &self.host).body(Full::default());
        match request {
            Ok(request) => self.exchange(request).await.is_ok_and(|(status, _)| status.is_success()),
            Err(_) => false,
        }
    }

    async fn send(&self, call: &Call) -> Result<(StatusCode, String), String> {
        let (operation, body) = (call.operation.as_str(), &call.body);
        let (method, path) = match call.service.as_str() {
            "lambda" | "s3" => operation.split_once(' ').ok_or("neither method nor path")?,
            _ => ("POST", "/"),
        };
        let (kind, target, bytes) = match call.service.as_str() {
            "lambda" => ("application/json", None, json(body)),
            "s3" => {
                let bytes = STANDARD.decode(body.as_str().unwrap_or_default());
                ("application/octet-stream", None, bytes.map_err(|error| error.to_string())?)
            }
            "sqs" => ("application/x-amz-json-1.0", Some("AmazonSQS"), json(body)),
            "ssm" => ("application/x-amz-json-1.1", Some("AmazonSSM"), json(body)),
            "logs" => ("application/x-amz-json-1.1", Some("Logs_20140328"), json(body)),
            "kinesis" => ("application/x-amz-json-1.1", Some("Kinesis_20131202"), json(body)),
            "sns" => (FORM, None, form(operation, "2010-03-31", body)),
            "iam" => (FORM, None, form(operation, "2010-05-08", body)),
            other => return Err(format!("`{other}` is no service that tests call")),
        };
        let service = &call.service;
        let scope = format!("test/20261101/{}/{service}/aws4_request", self.region);
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("Host", &self.host)
            .header("Content-Type", kind)
            .header("X-Amz-Date", "20261101T000000Z")
            .header("Authorization", format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"));
        if let Some(target) = target {
            request = request.header("X-Amz-Target", format!("{target}.{operation}"));
        }
        let request = request.body(Full::new(Bytes::from(bytes))).map_err(|error| error.to_string())?;
        self.exchange(request).await
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<(StatusCode, String), String> {
        let stream = tokio::net::TcpStream::connect(&self.host).await.map_err(|error| error.to_string())?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
        let served = tokio::spawn(connection);
        let answer = sender.send_request(request).await.map_err(|error| error.to_string())?;
        let status = answer.status();
        let body = answer.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
        served.abort();
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }
}

const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

fn json(body: &Json) -> Vec<u8> {
    if body.is_null() { b"{}".to_vec() } else { body.to_string().into_bytes() }
}

/// Query services take a form; what is no text is written as JSON, which is what policies are.
fn form(action: &str, version: &str, body: &Json) -> Vec<u8> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", action).append_pair("Version", version);
    for (name, value) in body.as_object().unwrap_or(&Map::new()) {
        match value {
            Json::String(text) => form.append_pair(name, text),
            other => form.append_pair(name, &other.to_string()),
        };
    }
    form.finish().into_bytes()
}
