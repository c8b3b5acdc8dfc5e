//! CORS of a REST API: an `OPTIONS` method on every path that answers with the right headers.

use std::collections::HashSet;

use super::super::expect;
use super::super::intrinsics::is_intrinsic;
use super::super::make::{At, Outcome, some, truthy};
use super::super::openapi::{self, ANY_METHOD, INTEGRATION};
use super::super::props::Owner;
use crate::model::{Map, Node};

const KEYS: [&str; 5] = ["AllowMethods", "AllowHeaders", "AllowOrigin", "MaxAge", "AllowCredentials"];

/// Adds what `Cors` asks for to the document.
///
/// # Errors
/// A value or a combination that SAM does not take.
pub(super) fn add(owner: &Owner, document: &mut Node, cors: &Node, at: At) -> Outcome<()> {
    let by_key = cors.as_map().is_some() && !is_intrinsic(cors);
    if by_key {
        expect::keys(owner, "Cors", cors, &KEYS)?;
    } else if cors.as_str().is_none() && !is_intrinsic(cors) {
        return Err(owner.error(cors.place, "Invalid value for 'Cors' property"));
    }
    if !openapi::is_swagger(document) {
        let message =
            "Unable to add Cors configuration because 'DefinitionBody' does not contain a valid Swagger definition";
        return Err(owner.error(document.place, message));
    }
    openapi::check_paths(document)?;
    let field = |key: &str| if by_key { cors.get(key) } else { None };
    let origin = match (by_key, field("AllowOrigin")) {
        (false, _) => cors.clone(),
        (true, Some(origin)) => origin.clone(),
        (true, None) => at.text("'*'"),
    };
    let credentials = field("AllowCredentials").and_then(Node::as_bool).unwrap_or(false);
    if credentials && origin.as_str() == Some("'*'") {
        let message = "Unable to add Cors configuration because 'AllowCredentials' can not be true when 'AllowOrigin' \
                       is \"'*'\" or not set";
        return Err(owner.error(cors.place, message));
    }
    if !truthy(&origin) {
        return Err(owner.error(origin.place, "Invalid input. Value for AllowedOrigins is required"));
    }
    let rules = Rules {
        origin,
        headers: field("AllowHeaders").filter(|node| truthy(node)).cloned(),
        methods: field("AllowMethods").filter(|node| truthy(node)).cloned(),
        max_age: if by_key { some(cors, "MaxAge").cloned() } else { None },
        credentials,
    };
    // API Gateway takes `/path` and `/path/` for the same resource, which may have one OPTIONS method only.
    let mut seen = HashSet::new();
    for path in openapi::path_names(document) {
        if seen.insert(path.trim_end_matches('/').to_owned()) {
            add_to_path(document, &path, &rules, at)?;
        }
    }
    Ok(())
}

struct Rules {
    origin: Node,
    headers: Option<Node>,
    methods: Option<Node>,
    max_age: Option<Node>,
    credentials: bool,
}

fn add_to_path(document: &mut Node, path: &str, rules: &Rules, at: At) -> Outcome<()> {
    let Some(item) = document.get_mut("paths").and_then(|paths| paths.get_mut(path)) else { return Ok(()) };
    let mut methods = rules.methods.clone();
    for branch in openapi::branches_mut(item)? {
        let Some(map) = branch.as_map() else { continue };
        if map.contains_key("options") {
            continue;
        }
        let allowed = methods.get_or_insert_with(|| at.text(format!("'{}'", all_methods(map)))).clone();
        branch.set("options", preflight(rules, allowed, at));
    }
    Ok(())
}

/// All methods of the path, or of HTTP where the path takes any, in alphabetical order.
fn all_methods(item: &Map) -> String {
    let mut all: Vec<String> = if item.contains_key(ANY_METHOD) {
        ["OPTIONS", "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"].map(str::to_owned).to_vec()
    } else {
        item.keys().map(|key| key.to_uppercase()).chain(["OPTIONS".to_owned()]).collect()
    };
    all.sort();
    all.dedup();
    all.join(",")
}

/// The `OPTIONS` method: a mock that answers with the headers.
fn preflight(rules: &Rules, methods: Node, at: At) -> Node {
    let mut parameters = Vec::new();
    let mut headers = Vec::new();
    let mut add = |name: &str, value: Node, kind: &str| {
        let name = format!("Access-Control-{name}");
        parameters.push((format!("method.response.header.{name}"), value));
        headers.push((name, at.map([("type", at.text(kind))])));
    };
    add("Allow-Origin", rules.origin.clone(), "string");
    if let Some(value) = &rules.headers {
        add("Allow-Headers", value.clone(), "string");
    }
    add("Allow-Methods", methods, "string");
    if let Some(value) = &rules.max_age {
        add("Max-Age", value.clone(), "integer");
    }
    if rules.credentials {
        add("Allow-Credentials", at.text("'true'"), "string");
    }
    let json = || at.list([at.text("application/json")]);
    let default = at.map([
        ("statusCode", at.text("200")),
        ("responseParameters", at.map(parameters)),
        ("responseTemplates", at.map([("application/json", at.text("{}\n"))])),
    ]);
    let integration = at.map([
        ("type", at.text("mock")),
        ("requestTemplates", at.map([("application/json", at.text("{\n  \"statusCode\" : 200\n}\n"))])),
        ("responses", at.map([("default", default)])),
    ]);
    let answer = at.map([("description", at.text("Default response for CORS method")), ("headers", at.map(headers))]);
    at.map([
        ("summary", at.text("CORS support")),
        ("consumes", json()),
        ("produces", json()),
        (INTEGRATION, integration),
        ("responses", at.map([("200", answer)])),
    ])
}
