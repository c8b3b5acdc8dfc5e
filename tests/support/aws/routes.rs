//! Lambda's paths.

use serde_json::{Value as Json, json};

/// Method, path without the API's date, operation.
const LAMBDA: &[(&str, &str, &str)] = &[
    ("GET", "functions", "ListFunctions"),
    ("POST", "functions", "CreateFunction"),
    ("GET", "functions/{FunctionName}", "GetFunction"),
    ("DELETE", "functions/{FunctionName}", "DeleteFunction"),
    ("PUT", "functions/{FunctionName}/code", "UpdateFunctionCode"),
    ("PUT", "functions/{FunctionName}/configuration", "UpdateFunctionConfiguration"),
    ("GET", "functions/{FunctionName}/code-signing-config", "GetFunctionCodeSigningConfig"),
    ("PUT", "functions/{FunctionName}/code-signing-config", "PutFunctionCodeSigningConfig"),
    ("DELETE", "functions/{FunctionName}/code-signing-config", "DeleteFunctionCodeSigningConfig"),
    ("GET", "functions/{FunctionName}/recursion-config", "GetFunctionRecursionConfig"),
    ("PUT", "functions/{FunctionName}/recursion-config", "PutFunctionRecursionConfig"),
    ("GET", "functions/{FunctionName}/runtime-management-config", "GetRuntimeManagementConfig"),
    ("PUT", "functions/{FunctionName}/runtime-management-config", "PutRuntimeManagementConfig"),
    ("PUT", "functions/{FunctionName}/concurrency", "PutFunctionConcurrency"),
    ("DELETE", "functions/{FunctionName}/concurrency", "DeleteFunctionConcurrency"),
    ("GET", "functions/{FunctionName}/provisioned-concurrency", "GetProvisionedConcurrencyConfig"),
    ("PUT", "functions/{FunctionName}/provisioned-concurrency", "PutProvisionedConcurrencyConfig"),
    ("DELETE", "functions/{FunctionName}/provisioned-concurrency", "DeleteProvisionedConcurrencyConfig"),
    ("POST", "tags/{Resource}", "TagResource"),
    ("DELETE", "tags/{Resource}", "UntagResource"),
    ("GET", "tags/{Resource}", "ListTags"),
    ("GET", "functions/{FunctionName}/versions", "ListVersionsByFunction"),
    ("POST", "functions/{FunctionName}/versions", "PublishVersion"),
    ("GET", "functions/{FunctionName}/aliases", "ListAliases"),
    ("POST", "functions/{FunctionName}/aliases", "CreateAlias"),
    ("GET", "functions/{FunctionName}/aliases/{Name}", "GetAlias"),
    ("PUT", "functions/{FunctionName}/aliases/{Name}", "UpdateAlias"),
    ("DELETE", "functions/{FunctionName}/aliases/{Name}", "DeleteAlias"),
    ("GET", "functions/{FunctionName}/policy", "GetPolicy"),
    ("POST", "functions/{FunctionName}/policy", "AddPermission"),
    ("DELETE", "functions/{FunctionName}/policy/{StatementId}", "RemovePermission"),
    ("GET", "functions/{FunctionName}/urls", "ListFunctionUrlConfigs"),
    ("POST", "functions/{FunctionName}/url", "CreateFunctionUrlConfig"),
    ("PUT", "functions/{FunctionName}/url", "UpdateFunctionUrlConfig"),
    ("DELETE", "functions/{FunctionName}/url", "DeleteFunctionUrlConfig"),
    ("GET", "functions/{FunctionName}/event-invoke-config/list", "ListFunctionEventInvokeConfigs"),
    ("PUT", "functions/{FunctionName}/event-invoke-config", "PutFunctionEventInvokeConfig"),
    ("DELETE", "functions/{FunctionName}/event-invoke-config", "DeleteFunctionEventInvokeConfig"),
    ("GET", "event-source-mappings", "ListEventSourceMappings"),
    ("POST", "event-source-mappings", "CreateEventSourceMapping"),
    ("GET", "event-source-mappings/{UUID}", "GetEventSourceMapping"),
    ("PUT", "event-source-mappings/{UUID}", "UpdateEventSourceMapping"),
    ("DELETE", "event-source-mappings/{UUID}", "DeleteEventSourceMapping"),
    ("GET", "layers", "ListLayers"),
    ("GET", "layers/{LayerName}/versions", "ListLayerVersions"),
    ("POST", "layers/{LayerName}/versions", "PublishLayerVersion"),
    ("DELETE", "layers/{LayerName}/versions/{VersionNumber}", "DeleteLayerVersion"),
    ("GET", "layers/{LayerName}/versions/{VersionNumber}/policy", "GetLayerVersionPolicy"),
    ("POST", "layers/{LayerName}/versions/{VersionNumber}/policy", "AddLayerVersionPermission"),
    ("DELETE", "layers/{LayerName}/versions/{VersionNumber}/policy/{StatementId}", "RemoveLayerVersionPermission"),
];

/// The operation of a path, and everything that body, path and query say.
pub(crate) fn lambda(method: &str, uri: &str, mut input: Json) -> (String, Json) {
    let after_host = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    let path = after_host.split_once('/').map_or("", |(_, path)| path);
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let parts: Vec<String> = path.split('/').skip(1).filter(|part| !part.is_empty()).map(decoded).collect();
    let fits = |template: &str| {
        let template: Vec<&str> = template.split('/').collect();
        let same = |(part, given): (&&str, &String)| part.starts_with('{') || part == given;
        template.len() == parts.len() && template.iter().zip(&parts).all(same)
    };
    let Some((_, template, operation)) = LAMBDA.iter().find(|(verb, path, _)| *verb == method && fits(path)) else {
        panic!("nobody simulates {method} {path}");
    };
    for (part, given) in template.split('/').zip(&parts) {
        if let Some(name) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            input[name] = json!(given);
        }
    }
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if name == "tagKeys" {
            let mut keys = input["TagKeys"].as_array().cloned().unwrap_or_default();
            keys.push(json!(value));
            input["TagKeys"] = Json::Array(keys);
        } else {
            input[name.as_ref()] = json!(value);
        }
    }
    ((*operation).to_owned(), input)
}

fn decoded(part: &str) -> String {
    form_urlencoded::parse(part.as_bytes()).next().map(|(text, _)| text.into_owned()).unwrap_or_default()
}
