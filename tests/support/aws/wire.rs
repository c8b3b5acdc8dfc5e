//! AWS's protocols, both ways: requests become an operation with a JSON input, answers go out as the service writes them.

use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use serde_json::{Map, Value as Json, json};

use super::routes;

/// One call, whatever protocol it came by.
#[derive(Debug)]
pub(crate) struct Request {
    /// As signatures name it: `lambda`, `sqs`, ...
    pub(crate) service: String,
    pub(crate) operation: String,
    pub(crate) input: Json,
}

/// An error as AWS answers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The code that clients match.
    pub code: String,
    /// The HTTP status.
    pub status: u16,
    /// The text.
    pub message: String,
}

/// What an operation answers.
pub type Answer = Result<Json, Fault>;

/// An error of this code and text.
pub(crate) fn fault(code: &str, status: u16, message: impl Into<String>) -> Fault {
    Fault { code: code.to_owned(), status, message: message.into() }
}

impl Request {
    pub(crate) async fn read(request: HttpRequest) -> Request {
        let header = |name: &str| request.headers().get(name).unwrap_or_default().to_owned();
        let service = header("authorization").split('/').nth(3).unwrap_or_default().to_owned();
        let target = header("x-amz-target");
        let (method, uri) = (request.method().to_owned(), request.uri().to_owned());
        let body = ByteStream::new(request.into_body()).collect().await.expect("a body of our own");
        let body = body.into_bytes();
        let parsed = || serde_json::from_slice(&body).unwrap_or_else(|_| json!({}));
        let (operation, input) = match service.as_str() {
            "lambda" => routes::lambda(&method, &uri, parsed()),
            "sqs" | "ssm" | "logs" => (target.rsplit('.').next().unwrap_or_default().to_owned(), parsed()),
            "sns" | "iam" | "sts" => form(&body),
            other => panic!("nobody simulates {other}: {method} {uri}"),
        };
        Request { service, operation, input }
    }

    /// The thing that a call is about, for people.
    pub(crate) fn subject(&self) -> String {
        const NAMES: [&str; 16] = [
            "UUID",
            "StatementId",
            "FunctionName",
            "LayerName",
            "QueueName",
            "QueueUrl",
            "SubscriptionArn",
            "TopicArn",
            "RoleName",
            "PolicyArn",
            "PolicyName",
            "logGroupName",
            "Resource",
            "ResourceArn",
            "ResourceId",
            "Name",
        ];
        let found = NAMES.iter().find_map(|name| self.input.get(name)?.as_str());
        found.map(|text| text.rsplit(['/', ':']).next().unwrap_or(text)).unwrap_or_default().to_owned()
    }
}

/// A form of the query protocol: `Tags.member.1.Key=a` becomes `{"Tags": [{"Key": "a"}]}`.
fn form(body: &[u8]) -> (String, Json) {
    let mut root = Map::new();
    for (key, value) in form_urlencoded::parse(body) {
        let mut at = &mut root;
        let mut path = key.split('.').peekable();
        while let Some(part) = path.next() {
            if path.peek().is_none() {
                at.insert(part.to_owned(), Json::from(value.as_ref()));
                break;
            }
            let entry = at.entry(part.to_owned()).or_insert_with(|| json!({}));
            at = entry.as_object_mut().expect("a form is a tree");
        }
    }
    let operation = root.get("Action").and_then(Json::as_str).unwrap_or_default().to_owned();
    (operation, listed(Json::Object(root)))
}

fn listed(value: Json) -> Json {
    let Json::Object(mut map) = value else { return value };
    let numbered = |items: Json| {
        let mut items: Vec<(usize, Json)> = match items {
            Json::Object(items) => items.into_iter().filter_map(|(at, item)| Some((at.parse().ok()?, item))).collect(),
            _ => Vec::new(),
        };
        items.sort_by_key(|(at, _)| *at);
        items.into_iter().map(|(_, item)| listed(item))
    };
    if let Some(items) = map.remove("member") {
        return numbered(items).collect();
    }
    if let Some(items) = map.remove("entry") {
        let pair = |item: Json| Some((item.get("key")?.as_str()?.to_owned(), item.get("value")?.clone()));
        return Json::Object(numbered(items).filter_map(pair).collect());
    }
    Json::Object(map.into_iter().map(|(key, value)| (key, listed(value))).collect())
}

/// The answer as the service sends it.
pub(crate) fn write(service: &str, operation: &str, answer: Answer) -> HttpResponse {
    let query = matches!(service, "sns" | "iam" | "sts");
    let (status, text, code) = match (answer, query) {
        (Ok(json), false) => (200, json.to_string(), None),
        (Ok(json), true) => {
            let mut text = format!("<{operation}Response><{operation}Result>");
            for (name, value) in json.as_object().into_iter().flatten() {
                xml(&mut text, name, value);
            }
            text.push_str(&format!("</{operation}Result></{operation}Response>"));
            (200, text, None)
        }
        (Err(fault), false) => {
            // Queues kept the codes of the protocol before; they travel in a header.
            let shape = match fault.code.as_str() {
                "AWS.SimpleQueueService.NonExistentQueue" => "com.amazonaws.sqs#QueueDoesNotExist",
                "QueueAlreadyExists" => "com.amazonaws.sqs#QueueNameExists",
                "AWS.SimpleQueueService.QueueDeletedRecently" => "com.amazonaws.sqs#QueueDeletedRecently",
                code => code,
            };
            (fault.status, json!({"__type": shape, "message": fault.message}).to_string(), Some(fault.code))
        }
        (Err(fault), true) => {
            let mut text = String::from("<ErrorResponse>");
            xml(&mut text, "Error", &json!({"Type": "Sender", "Code": fault.code, "Message": fault.message}));
            text.push_str("</ErrorResponse>");
            (fault.status, text, None)
        }
    };
    let status = StatusCode::try_from(status).expect("a status");
    let mut response = HttpResponse::new(status, SdkBody::from(text));
    if let Some(code) = code {
        match service {
            "lambda" => response.headers_mut().insert("x-amzn-errortype", code),
            "sqs" => response.headers_mut().insert("x-amzn-query-error", format!("{code};Sender")),
            _ => None,
        };
    }
    response
}

fn xml(out: &mut String, name: &str, value: &Json) {
    if value.is_null() {
        return;
    }
    out.push_str(&format!("<{name}>"));
    match value {
        Json::Array(items) => items.iter().for_each(|item| xml(out, "member", item)),
        // The one map there is: SNS's attributes.
        Json::Object(map) if name == "Attributes" => {
            map.iter().for_each(|(key, value)| xml(out, "entry", &json!({"key": key, "value": value})));
        }
        Json::Object(map) => map.iter().for_each(|(name, value)| xml(out, name, value)),
        Json::String(text) => {
            let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            out.push_str(&escaped.replace('"', "&quot;"));
        }
        other => out.push_str(&other.to_string()),
    }
    out.push_str(&format!("</{name}>"));
}

/// A member that is text; empty where there is none.
pub(crate) fn text<'a>(input: &'a Json, name: &str) -> &'a str {
    input.get(name).and_then(Json::as_str).unwrap_or_default()
}

/// A member that is a whole number, also where a form wrote it as text.
pub(crate) fn number(input: &Json, name: &str) -> Option<i64> {
    let value = input.get(name)?;
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// A member that is an object.
pub(crate) fn object(input: &Json, name: &str) -> Map<String, Json> {
    input.get(name).and_then(Json::as_object).cloned().unwrap_or_default()
}

/// Texts of a list.
pub(crate) fn texts(input: &Json, name: &str) -> Vec<String> {
    let items = input.get(name).and_then(Json::as_array).into_iter().flatten();
    items.filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

/// Tags of a list of `{Key, Value}` as a map, and back.
pub(crate) fn tag_map(input: &Json, name: &str) -> Map<String, Json> {
    let items = input.get(name).and_then(Json::as_array).into_iter().flatten();
    items.filter_map(|tag| Some((tag.get("Key")?.as_str()?.to_owned(), tag.get("Value")?.clone()))).collect()
}

pub(crate) fn tag_list(tags: &Map<String, Json>) -> Json {
    tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect()
}

/// One page of a listing; the token is the place of the next item.
pub(crate) fn page(items: Vec<Json>, size: usize, token: &str) -> (Json, Json) {
    let from: usize = token.parse().unwrap_or(0);
    let next = if items.len() > from + size { json!((from + size).to_string()) } else { Json::Null };
    (items.into_iter().skip(from).take(size).collect(), next)
}

/// A second of the account's life, without an offset.
pub(crate) fn date(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    format!("2026-01-{:02}T{:02}:{:02}:{:02}", 1 + days, rest / 3600, rest / 60 % 60, rest % 60)
}

/// The last part of an ARN, a URL or a path.
pub(crate) fn last(text: &str) -> &str {
    text.rsplit(['/', ':']).next().unwrap_or(text)
}
