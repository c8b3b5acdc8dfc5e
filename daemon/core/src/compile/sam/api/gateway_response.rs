//! `GatewayResponses`: what a REST API answers by itself, in `x-amazon-apigateway-gateway-responses`.

use super::super::expect;
use super::super::intrinsics::is_intrinsic;
use super::super::make::{At, Outcome, given, some, truthy};
use super::super::props::Owner;
use crate::model::Node;

const KEY: &str = "x-amazon-apigateway-gateway-responses";
const KEYS: [&str; 3] = ["ResponseParameters", "ResponseTemplates", "StatusCode"];
const PARAMETERS: [(&str, &str); 3] = [("Headers", "header."), ("Paths", "path."), ("QueryStrings", "querystring.")];

/// Adds the responses to the document.
///
/// # Errors
/// What SAM does not take, at its place.
pub(super) fn add(owner: &Owner, document: &mut Node, responses: &Node, at: At) -> Outcome<()> {
    let mut all = given(document, KEY).cloned().unwrap_or_else(|| at.empty());
    for (name, entry) in expect::map(owner, "GatewayResponses", responses)? {
        let response = &entry.node;
        if is_intrinsic(response) {
            let message = "Unable to set GatewayResponses attribute because intrinsic functions are not supported for \
                           this field";
            return Err(owner.error(response.place, message));
        }
        let path = format!("GatewayResponses.{name}");
        expect::map(owner, &path, response)?;
        expect::keys(owner, &path, response, &KEYS)?;
        all.set(name, read(owner, &path, response, at)?);
    }
    document.set(KEY, all);
    Ok(())
}

fn read(owner: &Owner, path: &str, response: &Node, at: At) -> Outcome<Node> {
    let mut parameters = at.empty();
    if let Some(given) = given(response, "ResponseParameters") {
        let given_map = expect::map(owner, &format!("{path}.ResponseParameters"), given)?;
        if let Some((key, entry)) = given_map.iter().find(|(key, _)| !PARAMETERS.iter().any(|(name, _)| name == key)) {
            return Err(owner.error(entry.key_place, format!("Invalid gateway response parameter '{key}'")));
        }
        for (name, prefix) in PARAMETERS {
            let Some(values) = given.get(name) else { continue };
            for (key, entry) in expect::map(owner, &format!("ResponseParameters.{name}"), values)? {
                parameters.set(&format!("gatewayresponse.{prefix}{key}"), entry.node.clone());
            }
        }
    }
    let templates = given(response, "ResponseTemplates").cloned().unwrap_or_else(|| at.empty());
    let mut made = at.map([("responseParameters", parameters), ("responseTemplates", templates)]);
    if let Some(code) = some(response, "StatusCode").filter(|code| truthy(code)) {
        let text = code.scalar_text().filter(|text| (1..=3).contains(&text.len()));
        let Some(text) = text.filter(|text| text.chars().all(|c| c.is_ascii_digit())) else {
            return Err(owner.error(code.place, "Property 'StatusCode' must be numeric"));
        };
        made.set("statusCode", Node::str(text, code.place));
    }
    Ok(made)
}
