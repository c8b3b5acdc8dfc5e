//! Layers: every publication is a new version.

use std::collections::BTreeMap;

use base64::Engine as _;
use serde_json::{Map, Value as Json, json};
use sha2::{Digest as _, Sha256};

use super::{conflict, missing as no_function};
use crate::aws::wire::{Answer, Fault, fault, number, page, text};
use crate::aws::{ACCOUNT, Cloud, REGION};

/// A layer.
#[derive(Clone, Default)]
pub struct Layer {
    /// How many versions were ever published.
    pub published: u64,
    /// Those that are there.
    pub versions: BTreeMap<u64, Map<String, Json>>,
    /// Statements by version.
    pub statements: BTreeMap<u64, Vec<Json>>,
}

fn missing() -> Fault {
    fault("ResourceNotFoundException", 404, "The resource you requested does not exist.")
}

pub(super) fn answer(cloud: &mut Cloud, operation: &str, input: &Json) -> Answer {
    let name = text(input, "LayerName").to_owned();
    let arn = format!("arn:aws:lambda:{REGION}:{ACCOUNT}:layer:{name}");
    let version = number(input, "VersionNumber").and_then(|n| u64::try_from(n).ok()).unwrap_or_default();
    if operation == "ListLayers" {
        let newest = |(name, layer): (&String, &Layer)| {
            let newest = layer.versions.values().next_back()?;
            Some(json!({"LayerName": name, "LayerArn": newest["LayerArn"], "LatestMatchingVersion": newest}))
        };
        let layers = cloud.lambda.layers.iter().filter_map(newest).collect();
        let (layers, next) = page(layers, 50, text(input, "Marker"));
        return Ok(json!({"Layers": layers, "NextMarker": next}));
    }
    if operation == "PublishLayerVersion" {
        let layer = cloud.lambda.layers.entry(name).or_default();
        layer.published += 1;
        let content = &input["Content"];
        let bytes = base64::engine::general_purpose::STANDARD.decode(text(content, "ZipFile")).unwrap_or_default();
        let origin = format!("{}/{}", text(content, "S3Bucket"), text(content, "S3Key"));
        let digest = if bytes.is_empty() { Sha256::digest(origin) } else { Sha256::digest(&bytes) };
        let hash = base64::engine::general_purpose::STANDARD.encode(digest);
        let mut out = json!({
            "LayerArn": arn, "LayerVersionArn": format!("{arn}:{}", layer.published), "Version": layer.published,
            "CreatedDate": "2026-01-01T00:00:00.000+0000",
        });
        for key in ["Description", "CompatibleRuntimes", "CompatibleArchitectures", "LicenseInfo"] {
            if let Some(value) = input.get(key) {
                out[key] = value.clone();
            }
        }
        layer.versions.insert(layer.published, out.as_object().cloned().unwrap_or_default());
        out["Content"] = json!({"CodeSha256": hash, "CodeSize": bytes.len()});
        return Ok(out);
    }
    if operation == "DeleteLayerVersion" {
        if let Some(layer) = cloud.lambda.layers.get_mut(&name) {
            layer.versions.remove(&version);
            layer.statements.remove(&version);
        }
        return Ok(json!({}));
    }
    let layer = cloud.lambda.layers.get_mut(&name).ok_or_else(missing)?;
    if operation == "ListLayerVersions" {
        let versions = layer.versions.values().rev().cloned().map(Json::Object).collect();
        let (versions, next) = page(versions, 50, text(input, "Marker"));
        return Ok(json!({"LayerVersions": versions, "NextMarker": next}));
    }
    if !layer.versions.contains_key(&version) {
        return Err(no_function(&name, &version.to_string()));
    }
    let statements = layer.statements.entry(version).or_default();
    let sid = text(input, "StatementId");
    match operation {
        "GetLayerVersionPolicy" => match statements.is_empty() {
            true => Err(missing()),
            false => {
                let policy = json!({"Version": "2012-10-17", "Id": "default", "Statement": statements});
                Ok(json!({"Policy": policy.to_string(), "RevisionId": statements.len().to_string()}))
            }
        },
        "AddLayerVersionPermission" => {
            if statements.iter().any(|statement| statement["Sid"] == sid) {
                let text = format!(
                    "The statement id ({sid}) provided already exists. Please provide a new statement id, or remove the existing statement."
                );
                return Err(conflict(text));
            }
            let principal = match text(input, "Principal") {
                "*" => json!("*"),
                account => json!({"AWS": format!("arn:aws:iam::{account}:root")}),
            };
            let mut statement = json!({
                "Sid": sid, "Effect": "Allow", "Principal": principal, "Action": input["Action"], "Resource": format!("{arn}:{version}"),
            });
            if let Some(organization) = input.get("OrganizationId") {
                statement["Condition"] = json!({"StringEquals": {"aws:PrincipalOrgID": organization}});
            }
            statements.push(statement.clone());
            Ok(json!({"Statement": statement.to_string()}))
        }
        "RemoveLayerVersionPermission" => {
            statements.retain(|statement| statement["Sid"] != sid);
            Ok(json!({}))
        }
        other => panic!("nobody simulates lambda {other}"),
    }
}
