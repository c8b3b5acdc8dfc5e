//! A function's properties in one form, whether they come from a spec or from AWS.

use evenkeel_core::plan::marks::Tags;
use evenkeel_core::plan::naming::short_hash;
use evenkeel_core::plan::{Observed, State};
use serde_json::{Map, Value as Json, json};

use super::spec::{PUBLISH, SCALING};
use crate::document::Input;
use crate::values::{number, ordered, scalar_text, sorted, truth};

/// Properties that go with a published version: what tells two versions apart.
const VERSIONED: [&str; 19] = [
    "Architectures",
    "CapacityProviderConfig",
    "DeadLetterConfig",
    "DurableConfig",
    "Environment",
    "EphemeralStorage",
    "FileSystemConfigs",
    "Handler",
    "ImageConfig",
    "KmsKeyArn",
    "Layers",
    "LoggingConfig",
    "MemorySize",
    "Role",
    "Runtime",
    "SnapStart",
    "Timeout",
    "TracingConfig",
    "VpcConfig",
];

/// The canonical form of everything but the code: AWS's defaults filled in, empty taken for absent.
pub fn normal(raw: &Map<String, Json>, name: &str) -> Map<String, Json> {
    let input = Json::Object(raw.clone());
    let input = Input(&input);
    let mut out = Map::new();
    let mut put = |name: &str, value: Json| {
        if !is_empty(&value) {
            out.insert(name.to_owned(), value);
        }
    };
    put("FunctionName", Json::from(name));
    for name in ["CodeSigningConfigArn", "Description", "Handler", "KmsKeyArn", "Role", "Runtime"] {
        put(name, input.text(name).map_or(Json::Null, Json::from));
    }
    let numbers = [("MemorySize", json!(128)), ("Timeout", json!(3)), ("ReservedConcurrentExecutions", Json::Null)];
    for (name, default) in numbers {
        put(name, input.get(name).map_or(default, number));
    }
    put(
        "Architectures",
        input.get("Architectures").filter(|list| !is_empty(list)).cloned().unwrap_or(json!(["x86_64"])),
    );
    put("PackageType", Json::from(input.text("PackageType").unwrap_or_else(|| "Zip".to_owned())));
    put("Layers", input.get("Layers").cloned().unwrap_or_default());
    put("FileSystemConfigs", input.get("FileSystemConfigs").map(clean).unwrap_or_default());
    for name in ["CapacityProviderConfig", "DeadLetterConfig", "ImageConfig", "TenancyConfig"] {
        put(name, input.get(name).map(clean).unwrap_or_default());
    }
    put("DurableConfig", input.map("DurableConfig").map(durable).unwrap_or_default());
    let variables = input.map("Environment").and_then(|environment| environment.get("Variables")?.as_object());
    if let Some(variables) = variables.filter(|variables| !variables.is_empty()) {
        let variables: Map<String, Json> =
            variables.iter().map(|(k, v)| (k.clone(), scalar_text(v).map_or_else(|| v.clone(), Json::from))).collect();
        put("Environment", json!({"Variables": variables}));
    }
    let member = |property: &str, member: &str, default: Json| {
        input.map(property).and_then(|map| map.get(member)).map_or(default, number)
    };
    put("EphemeralStorage", json!({"Size": member("EphemeralStorage", "Size", json!(512))}));
    put("SnapStart", json!({"ApplyOn": member("SnapStart", "ApplyOn", json!("None"))}));
    put("TracingConfig", json!({"Mode": member("TracingConfig", "Mode", json!("PassThrough"))}));
    put("LoggingConfig", logging(input.map("LoggingConfig"), name));
    put("VpcConfig", input.map("VpcConfig").map(vpc).unwrap_or_default());
    put("RecursiveLoop", input.text("RecursiveLoop").filter(|word| word != "Terminate").map_or(Json::Null, Json::from));
    put("RuntimeManagementConfig", input.map("RuntimeManagementConfig").map(runtime_management).unwrap_or_default());
    out
}

/// Takes AWS's answer for what it is: `GetFunction`'s, as JSON in AWS's API names, and under `Extras` what other calls
/// told (`CodeSigningConfigArn`, `RecursiveLoop`, `RuntimeManagementConfig`).
///
/// # Errors
/// A sentence where AWS left out what must be known: its tags, or the environment that it could not decrypt.
pub fn observed(answer: &Json) -> Result<Observed, String> {
    let answer = Input(answer);
    let configuration = answer.map("Configuration").ok_or("AWS's answer holds no configuration")?;
    let name = configuration.text("FunctionName").ok_or("AWS's answer names no function")?;
    if let Some(error) = answer.map("TagsError") {
        let said = error.text("Message").unwrap_or_default();
        return Err(format!("its tags cannot be read ({said}): the role needs lambda:ListTags"));
    }
    if let Some(error) = configuration.map("Environment").and_then(|environment| environment.map("Error")) {
        let said = error.text("Message").unwrap_or_default();
        return Err(format!("AWS cannot decrypt its environment ({said})"));
    }
    let mut raw = from_configuration(configuration);
    let reserved = answer.map("Concurrency").and_then(|concurrency| concurrency.long("ReservedConcurrentExecutions"));
    raw.insert("ReservedConcurrentExecutions".to_owned(), json!(reserved));
    if let Some(Json::Object(extras)) = answer.get("Extras") {
        raw.extend(extras.clone());
    }
    let mut item = Observed::new(name.clone(), name.clone());
    item.properties = normal(&raw, &name);
    let code = answer.map("Code");
    let image = code.and_then(|code| code.text("ImageUri"));
    let mut known = Map::new();
    match image {
        Some(uri) => known.insert("ImageUri".to_owned(), Json::from(uri)),
        None => {
            configuration.text("CodeSha256").and_then(|hash| known.insert("CodeSha256".to_owned(), Json::from(hash)))
        }
    };
    if let Some(key) = code.and_then(|code| code.text("SourceKMSKeyArn")) {
        known.insert("SourceKMSKeyArn".to_owned(), Json::from(key));
    }
    item.properties.insert("Code".to_owned(), Json::Object(known));
    for name in ["CodeSha256", "LastModified"] {
        item.attributes.insert(name.to_owned(), json!(configuration.text(name)));
    }
    item.attributes.insert("Arn".to_owned(), json!(configuration.text("FunctionArn")));
    item.attributes.insert("Digest".to_owned(), json!(digest(configuration)));
    item.attributes.insert("SnapStartResponse".to_owned(), configuration.get("SnapStart").cloned().unwrap_or_default());
    item.revision = configuration.text("RevisionId");
    item.state = state(configuration);
    if let Some(extras) = answer.map("Extras") {
        published(&mut item, extras, &digest(configuration));
    }
    let tags: Tags =
        answer.text_map("Tags").unwrap_or_default().into_iter().filter(|(key, _)| !key.starts_with("aws:")).collect();
    Ok(item.with_tags(tags))
}

/// Somebody else's function: what it uses, and nothing else. That is known also where its tags or its variables are not.
pub fn user(answer: &Json, name: &str) -> Observed {
    let mut item = Observed::new(name, name);
    let configuration = Input(answer).map("Configuration").map(from_configuration).unwrap_or_default();
    let used = |name: &String| ["Layers", "Role"].contains(&name.as_str());
    item.properties.extend(normal(&configuration, name).into_iter().filter(|(name, _)| used(name)));
    item
}

/// Takes in what is published as `$LATEST.PUBLISHED`: whether that is what the function is, and how it scales.
fn published(item: &mut Observed, extras: Input<'_>, latest: &str) {
    let Some(published) = extras.map("Published") else { return };
    item.properties.insert(PUBLISH.to_owned(), Json::Bool(digest(published) == latest));
    if let Some(config) = extras.get("Scaling") {
        item.properties.insert(SCALING.to_owned(), config.clone());
    }
    if item.state == State::Settled {
        item.state = state(published);
    }
}

/// What makes a version: a hash of the code's hash and of the configuration that a published version keeps.
pub fn digest(configuration: Input<'_>) -> String {
    // The name that log groups default to is the function's, for the function and its versions alike.
    let name = configuration.text("FunctionName").unwrap_or_default();
    let mut properties = normal(&from_configuration(configuration), &name);
    properties.retain(|name, _| VERSIONED.contains(&name.as_str()));
    let mut keys: Vec<(&String, &Json)> = properties.iter().collect();
    keys.sort_by_key(|(key, _)| *key);
    let hash = configuration.text("CodeSha256").unwrap_or_default();
    short_hash(&keys.iter().fold(hash, |text, (key, value)| format!("{text}\n{key}={}", ordered(value))))
}

/// AWS's state words.
pub fn state(configuration: Input<'_>) -> State {
    let because = |code: &str, reason: &str, word: &str| {
        let parts = [configuration.text(code), configuration.text(reason)];
        let said: Vec<String> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
        if said.is_empty() { word.to_owned() } else { format!("{word}: {}", said.join(": ")) }
    };
    let state = configuration.text("State").unwrap_or_default();
    let why = || because("StateReasonCode", "StateReason", &state);
    match state.as_str() {
        "Pending" | "Deactivating" | "Deleting" => return State::Pending { reason: why() },
        "Failed" => return State::Failed { reason: why() },
        _ => {}
    }
    let update = configuration.text("LastUpdateStatus");
    let why = |word: &str| because("LastUpdateStatusReasonCode", "LastUpdateStatusReason", word);
    let snap_start = configuration.map("SnapStart").and_then(|snap| snap.text("ApplyOn")).unwrap_or_default();
    match update.as_deref() {
        Some("InProgress") => State::Pending { reason: why("InProgress") },
        Some("Failed") => State::Failed { reason: why("Failed") },
        // Under SnapStart an empty status means that the update is still under way.
        None | Some("") if snap_start == "PublishedVersions" && state == "Active" => {
            State::Pending { reason: "AWS does not say how the last update stands".to_owned() }
        }
        _ => State::Settled,
    }
}

/// The API's names and forms turned into the documented properties'.
fn from_configuration(configuration: Input<'_>) -> Map<String, Json> {
    let mut raw = Map::new();
    let same = [
        "Architectures",
        "CapacityProviderConfig",
        "DeadLetterConfig",
        "Description",
        "DurableConfig",
        "Environment",
        "EphemeralStorage",
        "FileSystemConfigs",
        "Handler",
        "LoggingConfig",
        "MemorySize",
        "PackageType",
        "Role",
        "Runtime",
        "SnapStart",
        "TenancyConfig",
        "Timeout",
        "TracingConfig",
        "VpcConfig",
    ];
    for name in same {
        if let Some(value) = configuration.get(name) {
            raw.insert(name.to_owned(), value.clone());
        }
    }
    if let Some(key) = configuration.get("KMSKeyArn") {
        raw.insert("KmsKeyArn".to_owned(), key.clone());
    }
    if let Some(image) = configuration.map("ImageConfigResponse").and_then(|response| response.get("ImageConfig")) {
        raw.insert("ImageConfig".to_owned(), image.clone());
    }
    let layers = configuration.items("Layers").unwrap_or_default();
    raw.insert("Layers".to_owned(), layers.iter().filter_map(|layer| layer.text("Arn")).collect());
    raw
}

fn logging(config: Option<Input<'_>>, name: &str) -> Json {
    let text = |member: &str| config.and_then(|config| config.text(member)).filter(|text| !text.is_empty());
    let format = text("LogFormat").unwrap_or_else(|| "Text".to_owned());
    let group = text("LogGroup").unwrap_or_else(|| format!("/aws/lambda/{name}"));
    // Levels exist with JSON alone.
    if format != "JSON" {
        return json!({"LogFormat": format, "LogGroup": group});
    }
    let level = |member: &str| text(member).unwrap_or_else(|| "INFO".to_owned());
    json!({"LogFormat": format, "LogGroup": group, "ApplicationLogLevel": level("ApplicationLogLevel"),
        "SystemLogLevel": level("SystemLogLevel")})
}

fn vpc(config: Input<'_>) -> Json {
    let set = |member: &str| config.get(member).map(sorted).unwrap_or(json!([]));
    let (subnets, groups) = (set("SubnetIds"), set("SecurityGroupIds"));
    // After a removal AWS keeps an empty shell.
    if is_empty(&subnets) && is_empty(&groups) {
        return Json::Null;
    }
    let dual = config.get("Ipv6AllowedForDualStack").and_then(truth).unwrap_or_default();
    json!({"SubnetIds": subnets, "SecurityGroupIds": groups, "Ipv6AllowedForDualStack": dual})
}

fn durable(config: Input<'_>) -> Json {
    let mut out = Map::new();
    for name in ["ExecutionTimeout", "RetentionPeriodInDays"] {
        if let Some(value) = config.get(name) {
            out.insert(name.to_owned(), number(value));
        }
    }
    if let Some(key) = config.text("KMSKeyArn").filter(|key| !key.is_empty()) {
        out.insert("KMSKeyArn".to_owned(), Json::from(key));
    }
    if !out.is_empty() {
        out.entry("RetentionPeriodInDays").or_insert(json!(14));
    }
    Json::Object(out)
}

/// When new runtimes are taken: null for AWS's default, as soon as they are there.
pub(crate) fn runtime_management(config: Input<'_>) -> Json {
    match config.text("UpdateRuntimeOn").as_deref() {
        None | Some("Auto") => Json::Null,
        Some("Manual") => {
            json!({"UpdateRuntimeOn": "Manual", "RuntimeVersionArn": config.text("RuntimeVersionArn")})
        }
        Some(word) => json!({"UpdateRuntimeOn": word}),
    }
}

/// Without empty members, and with numbers as numbers.
fn clean(value: &Json) -> Json {
    match value {
        Json::Object(map) => Json::Object(
            map.iter().map(|(key, value)| (key.clone(), clean(value))).filter(|(_, value)| !is_empty(value)).collect(),
        ),
        Json::Array(items) => items.iter().map(clean).collect(),
        Json::String(_) => value.clone(),
        other => number(other),
    }
}

fn is_empty(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::String(text) => text.is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::Object(map) => map.is_empty(),
        _ => false,
    }
}
