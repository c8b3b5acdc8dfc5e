//! Functions and their versions.

use base64::Engine as _;
use serde_json::{Map, Value as Json, json};
use sha2::{Digest as _, Sha256};

use super::{Function, Phase, arn, conflict, invalid, missing, stale, target};
use crate::aws::Cloud;
use crate::aws::wire::{Answer, Fault, last, number, object, page, text};

pub(super) fn answer(cloud: &mut Cloud, operation: &str, input: &Json) -> Answer {
    let (name, qualifier) = target(input);
    match operation {
        "ListFunctions" => {
            let names: Vec<String> = cloud.lambda.functions.keys().cloned().collect();
            let mut items = Vec::new();
            for name in names {
                let function = cloud.function(&name)?;
                let mut item = function.configuration.clone();
                item.insert("ConfigSha256".to_owned(), json!(digest(&item)));
                // The list tells neither states nor what changes beside the configuration.
                item.shift_remove("RuntimeVersionConfig");
                item.insert("RevisionId".to_owned(), json!(function.revision));
                item.insert("Version".to_owned(), json!("$LATEST"));
                items.push(Json::Object(item));
            }
            let (items, next) = page(items, 50, text(input, "Marker"));
            Ok(json!({"Functions": items, "NextMarker": next}))
        }
        "GetFunction" => get(cloud, &name, &qualifier),
        "CreateFunction" => create(cloud, input),
        "UpdateFunctionCode" => {
            check_revision(cloud.settled(&name)?, input)?;
            let until = cloud.now + cloud.rules.update;
            let function = cloud.settled(&name)?;
            code(function, input);
            if let Some(architectures) = input.get("Architectures").filter(|list| list.is_array()) {
                function.configuration.insert("Architectures".to_owned(), architectures.clone());
            }
            updating(cloud, &name, until)
        }
        "UpdateFunctionConfiguration" => {
            check_revision(cloud.settled(&name)?, input)?;
            check(cloud, &name, input)?;
            let until = cloud.now + cloud.rules.update;
            configure(&mut cloud.settled(&name)?.configuration, input, &name);
            if input.get("Role").or(input.get("Environment")).is_some() {
                grant(cloud, &name);
            }
            updating(cloud, &name, until)
        }
        "DeleteFunction" if qualifier.is_empty() => {
            // Mappings stay: they are nobody's then.
            let until = cloud.now + cloud.rules.deletion;
            let function = cloud.function(&name)?;
            let published = function.published;
            function.phase = Phase::Deleting(until);
            cloud.lambda.numbers.insert(name.clone(), published);
            _ = cloud.function(&name);
            Ok(json!({}))
        }
        "DeleteFunction" => {
            let function = cloud.function(&name)?;
            let weight = |alias: &Map<String, Json>| {
                let weights = alias.get("RoutingConfig").map(|config| &config["AdditionalVersionWeights"]);
                weights.is_some_and(|weights| weights.get(&qualifier).is_some())
            };
            let refers =
                |alias: &Map<String, Json>| alias.get("FunctionVersion") == Some(&json!(qualifier)) || weight(alias);
            if function.aliases.values().any(refers) {
                return Err(conflict("Version is currently referenced by an alias."));
            }
            function.versions.remove(&qualifier.parse().unwrap_or_default());
            Ok(json!({}))
        }
        "PublishVersion" => publish(cloud, &name, input),
        "ListVersionsByFunction" => {
            let mut items = vec![shown(cloud, &name)?];
            let now = cloud.now;
            let function = cloud.function(&name)?;
            items.extend(function.versions.keys().filter_map(|number| version(function, *number, now)));
            let (items, next) = page(items, 50, text(input, "Marker"));
            Ok(json!({"Versions": items, "NextMarker": next}))
        }
        other => panic!("nobody simulates lambda {other}"),
    }
}

/// The configuration of `$LATEST` with its states.
fn shown(cloud: &mut Cloud, name: &str) -> Answer {
    let function = cloud.function(name)?;
    let mut out = function.configuration.clone();
    out.insert("Version".to_owned(), json!("$LATEST"));
    out.insert("RevisionId".to_owned(), json!(function.revision));
    let mut put = |key: &str, value: &str| out.insert(key.to_owned(), json!(value));
    match function.phase {
        Phase::Creating(_) => {
            put("State", "Pending");
            put("StateReason", "The function is being created.");
            put("StateReasonCode", "Creating");
        }
        Phase::Deleting(_) => {
            put("State", "Deleting");
            put("StateReason", "The function is being deleted.");
            put("StateReasonCode", "Deleting");
        }
        // Under SnapStart nothing is said for a while, which is no success.
        Phase::Updating(_) if snap_start(&function.configuration) => {
            put("State", "Active");
            put("LastUpdateStatus", "");
        }
        Phase::Updating(_) => {
            put("State", "Active");
            put("LastUpdateStatus", "InProgress");
            put("LastUpdateStatusReason", "The function is being created.");
            put("LastUpdateStatusReasonCode", "Creating");
        }
        Phase::Settled => {
            put("State", "Active");
            put("LastUpdateStatus", "Successful");
        }
        Phase::Idle => {
            put("State", "Inactive");
            put("StateReason", "The function is idle.");
            put("StateReasonCode", "Idle");
            put("LastUpdateStatus", "Successful");
        }
        Phase::Broken => {
            put("State", "Failed");
            put("StateReason", "The image cannot be read.");
            put("StateReasonCode", "ImageAccessDenied");
        }
        Phase::Failed => {
            put("State", "Active");
            put("LastUpdateStatus", "Failed");
            put("LastUpdateStatusReason", "The subnet has no addresses left.");
            put("LastUpdateStatusReasonCode", "SubnetOutOfIPAddresses");
        }
    }
    let digest = digest(&out);
    out.insert("ConfigSha256".to_owned(), json!(digest));
    Ok(Json::Object(out))
}

/// A hash of a configuration, which newer answers hold.
fn digest(configuration: &Map<String, Json>) -> String {
    let text = Json::Object(configuration.clone()).to_string();
    base64::engine::general_purpose::STANDARD.encode(Sha256::digest(text))
}

fn snap_start(configuration: &Map<String, Json>) -> bool {
    configuration.get("SnapStart").is_some_and(|snap| snap["ApplyOn"] == "PublishedVersions")
}

/// Lets the role that the function has by name decrypt its variables.
fn grant(cloud: &mut Cloud, name: &str) {
    let Some(function) = cloud.lambda.functions.get_mut(name) else { return };
    let role = function.configuration.get("Role").and_then(Json::as_str).map(last);
    function.granted = role.and_then(|role| Some(cloud.iam.roles.get(role)?.id.clone()));
}

/// A published version as it stands.
fn version(function: &Function, number: u64, now: std::time::Duration) -> Option<Json> {
    let mut version = function.versions.get(&number)?.clone();
    if function.optimizing.get(&number).is_some_and(|until| now < *until) {
        version.insert("State".to_owned(), json!("Pending"));
        version.insert("StateReasonCode".to_owned(), json!("Creating"));
        version.shift_remove("LastUpdateStatus");
    }
    Some(Json::Object(version))
}

fn get(cloud: &mut Cloud, name: &str, qualifier: &str) -> Answer {
    let latest = shown(cloud, name)?;
    let function = cloud.function(name)?;
    let code = match &function.image {
        Some(uri) => json!({"RepositoryType": "ECR", "ImageUri": uri, "ResolvedImageUri": format!("{uri}@sha256:0")}),
        None => json!({"RepositoryType": "S3", "Location": "https://example.com/package"}),
    };
    if qualifier.is_empty() {
        let concurrency = function.reserved.map(|count| json!({"ReservedConcurrentExecutions": count}));
        let mut out = json!({"Configuration": latest, "Code": code, "Tags": function.tags});
        if function.tags_denied {
            out["Tags"] = Json::Null;
            out["TagsError"] =
                json!({"ErrorCode": "AccessDeniedException", "Message": "not authorized to perform: lambda:ListTags"});
        }
        if let Some(concurrency) = concurrency {
            out["Concurrency"] = concurrency;
        }
        return Ok(out);
    }
    let tags = function.tags.clone();
    let now = cloud.now;
    let function = cloud.function(name)?;
    let number = match function.aliases.get(qualifier) {
        Some(alias) => alias["FunctionVersion"].as_str().unwrap_or_default().to_owned(),
        None => qualifier.to_owned(),
    };
    let version = number.parse().ok().and_then(|number: u64| version(function, number, now));
    let version = version.ok_or_else(|| missing(name, qualifier))?;
    Ok(json!({"Configuration": version, "Code": code, "Tags": tags}))
}

fn check_revision(function: &Function, input: &Json) -> Result<(), Fault> {
    match text(input, "RevisionId") {
        "" => Ok(()),
        given if given == function.revision => Ok(()),
        _ => Err(stale("GetFunction/GetAlias")),
    }
}

/// What Lambda holds against the rest of the account.
fn check(cloud: &Cloud, name: &str, input: &Json) -> Result<(), Fault> {
    if let Some(arn) = input.get("Role").and_then(Json::as_str) {
        let role = cloud.iam.roles.get(last(arn));
        if !role.is_some_and(|role| role.is_assumable(cloud.now, cloud.rules.role)) {
            return Err(invalid("The role defined for the function cannot be assumed by Lambda."));
        }
    }
    let variables = input.pointer("/Environment/Variables").map(Json::to_string).unwrap_or_default();
    if variables.len() > 4096 {
        return Err(invalid(format!(
            "Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit. String measured: {variables}"
        )));
    }
    let layers = crate::aws::wire::texts(input, "Layers");
    for layer in &layers {
        let mut parts = layer.rsplit(':');
        let (number, of) = (parts.next().and_then(|n| n.parse::<u64>().ok()), parts.next().unwrap_or_default());
        let known = cloud.lambda.layers.get(of).zip(number).is_some_and(|(layer, n)| layer.versions.contains_key(&n));
        if !known {
            return Err(invalid(format!("Layer version {layer} does not exist.")));
        }
        let of = |arn: &String| arn.rsplit_once(':').map(|(layer, _)| layer.to_owned());
        if layers.iter().filter(|other| of(other) == of(layer)).count() > 1 {
            return Err(invalid(format!(
                "Two different versions of the same layer are not allowed to be referenced in the same function. {layer} is one of them"
            )));
        }
    }
    if layers.len() > 5 {
        return Err(invalid("Cannot reference more than 5 layers."));
    }
    if let Some(timeout) = number(input, "Timeout") {
        for mapping in cloud.lambda.mappings.values().filter(|mapping| super::named(&mapping.function).0 == name) {
            mapping.check_visibility(cloud, timeout)?;
        }
    }
    Ok(())
}

fn create(cloud: &mut Cloud, input: &Json) -> Answer {
    let name = text(input, "FunctionName").to_owned();
    if let Some(Phase::Deleting(until)) = cloud.lambda.functions.get(&name).map(|function| function.phase) {
        if cloud.now < until {
            cloud.settled(&name)?;
        }
        cloud.lambda.functions.remove(&name);
    }
    if cloud.lambda.functions.contains_key(&name) {
        return Err(conflict(format!("Function already exist: {name}")));
    }
    check(cloud, &name, input)?;
    let defaults = json!({
        "FunctionName": name, "FunctionArn": arn(&name, ""), "Architectures": ["x86_64"], "CodeSize": 276, "Description": "",
        "EphemeralStorage": {"Size": 512}, "LastModified": modified(cloud.now),
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": format!("/aws/lambda/{name}")}, "MemorySize": 128,
        "PackageType": "Zip", "Timeout": 3, "TracingConfig": {"Mode": "PassThrough"},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "RuntimeVersionConfig": {"RuntimeVersionArn": "arn:aws:lambda:eu-west-1::runtime:0"},
    });
    let mut configuration = defaults.as_object().cloned().unwrap_or_default();
    configure(&mut configuration, input, &name);
    for key in ["Architectures", "PackageType", "TenancyConfig"] {
        if let Some(value) = input.get(key) {
            configuration.insert(key.to_owned(), value.clone());
        }
    }
    let published = cloud.lambda.numbers.get(&name).copied().unwrap_or_default();
    let mut function = Function {
        configuration,
        published,
        phase: Phase::Creating(cloud.now + cloud.rules.creation),
        revision: cloud.unique(),
        tags: object(input, "Tags"),
        ..Function::default()
    };
    code(&mut function, &input["Code"]);
    cloud.lambda.functions.insert(name.clone(), function);
    grant(cloud, &name);
    shown(cloud, &name)
}

/// A moment as Lambda writes it: no colon in the offset.
fn modified(at: std::time::Duration) -> String {
    format!("{}.{:03}+0000", crate::aws::wire::date(at.as_secs()), at.subsec_millis())
}

fn updating(cloud: &mut Cloud, name: &str, until: std::time::Duration) -> Answer {
    let (revision, now) = (cloud.unique(), cloud.now);
    let function = cloud.settled(name)?;
    function.configuration.insert("LastModified".to_owned(), json!(modified(now)));
    function.phase = Phase::Updating(until);
    function.updated = true;
    function.revision = revision;
    shown(cloud, name)
}

fn code(function: &mut Function, input: &Json) {
    let configuration = &mut function.configuration;
    if let Some(uri) = input.get("ImageUri").and_then(Json::as_str) {
        // Of an image it is the digest's, in another spelling.
        let digest: String = Sha256::digest(uri).iter().map(|byte| format!("{byte:02x}")).collect();
        configuration.insert("CodeSha256".to_owned(), json!(digest));
        function.image = Some(uri.to_owned());
        return;
    }
    let bytes = base64::engine::general_purpose::STANDARD.decode(text(input, "ZipFile")).unwrap_or_default();
    let origin = format!("{}/{}/{}", text(input, "S3Bucket"), text(input, "S3Key"), text(input, "S3ObjectVersion"));
    let digest = if bytes.is_empty() { Sha256::digest(origin) } else { Sha256::digest(&bytes) };
    let hash = base64::engine::general_purpose::STANDARD.encode(digest);
    configuration.insert("CodeSha256".to_owned(), json!(hash));
}

/// Takes over what a call sends; what it leaves out stays, an empty structure clears.
fn configure(configuration: &mut Map<String, Json>, input: &Json, name: &str) {
    let plain = [
        "Role",
        "Handler",
        "Runtime",
        "Description",
        "Timeout",
        "MemorySize",
        "Environment",
        "TracingConfig",
        "EphemeralStorage",
        "DurableConfig",
    ];
    for key in plain {
        if let Some(value) = input.get(key) {
            configuration.insert(key.to_owned(), value.clone());
        }
    }
    for (key, path) in [("DeadLetterConfig", "/DeadLetterConfig/TargetArn"), ("KMSKeyArn", "/KMSKeyArn")] {
        match input.pointer(path).and_then(Json::as_str) {
            Some("") => configuration.shift_remove(key),
            Some(_) => configuration.insert(key.to_owned(), input[key].clone()),
            None => None,
        };
    }
    if let Some(layers) = input.get("Layers").and_then(Json::as_array) {
        let layers: Vec<Json> = layers.iter().map(|arn| json!({"Arn": arn, "CodeSize": 100})).collect();
        match layers.is_empty() {
            true => configuration.shift_remove("Layers"),
            false => configuration.insert("Layers".to_owned(), Json::Array(layers)),
        };
    }
    if let Some(systems) = input.get("FileSystemConfigs") {
        configuration.insert("FileSystemConfigs".to_owned(), systems.clone());
    }
    if let Some(vpc) = input.get("VpcConfig").filter(|vpc| vpc.is_object()) {
        let mut vpc = vpc.clone();
        let none = vpc["SubnetIds"].as_array().is_none_or(Vec::is_empty);
        vpc["VpcId"] = json!(if none { "" } else { "vpc-0" });
        vpc["Ipv6AllowedForDualStack"] = json!(vpc["Ipv6AllowedForDualStack"] == true);
        configuration.insert("VpcConfig".to_owned(), vpc);
    }
    if let Some(image) = input.get("ImageConfig").filter(|image| image.is_object()) {
        configuration.insert("ImageConfigResponse".to_owned(), json!({"ImageConfig": image}));
    }
    if let Some(snap) = input.get("SnapStart").filter(|snap| snap.is_object()) {
        configuration.insert("SnapStart".to_owned(), json!({"ApplyOn": snap["ApplyOn"], "OptimizationStatus": "Off"}));
    }
    if let Some(given) = input.get("LoggingConfig").and_then(Json::as_object) {
        let mut logging = configuration["LoggingConfig"].as_object().cloned().unwrap_or_default();
        logging.extend(given.clone());
        logging.entry("LogGroup").or_insert_with(|| json!(format!("/aws/lambda/{name}")));
        for level in ["ApplicationLogLevel", "SystemLogLevel"] {
            match logging["LogFormat"] == "JSON" {
                true => _ = logging.entry(level).or_insert(json!("INFO")),
                false => _ = logging.shift_remove(level),
            }
        }
        configuration.insert("LoggingConfig".to_owned(), Json::Object(logging));
    }
}

fn publish(cloud: &mut Cloud, name: &str, input: &Json) -> Answer {
    let (revision, version_revision) = (cloud.unique(), cloud.unique());
    let (now, optimizing) = (cloud.now, cloud.rules.version);
    let function = cloud.settled(name)?;
    check_revision(function, input)?;
    let hash = function.configuration["CodeSha256"].as_str().unwrap_or_default().to_owned();
    let given = text(input, "CodeSha256");
    if !given.is_empty() && given != hash {
        return Err(invalid(format!(
            "CodeSHA256 ({given}) is different from current CodeSHA256 in $LATEST ({hash}). Please try again with the CodeSHA256 in $LATEST."
        )));
    }
    let bare = |configuration: &Map<String, Json>| {
        let mut bare = configuration.clone();
        for key in ["Description", "FunctionArn", "LastModified", "Version", "RevisionId", "State", "LastUpdateStatus"]
        {
            bare.shift_remove(key);
        }
        bare
    };
    if let Some(last) = function.versions.values().next_back()
        && bare(last) == bare(&function.configuration)
    {
        return Ok(Json::Object(last.clone()));
    }
    function.published += 1;
    let number = function.published;
    let mut version = function.configuration.clone();
    if let Some(description) = input.get("Description") {
        version.insert("Description".to_owned(), description.clone());
    }
    for (key, value) in [
        ("FunctionArn", arn(name, &number.to_string())),
        ("Version", number.to_string()),
        ("RevisionId", version_revision),
        ("State", "Active".to_owned()),
        ("LastUpdateStatus", "Successful".to_owned()),
    ] {
        version.insert(key.to_owned(), json!(value));
    }
    function.revision = revision;
    function.versions.insert(number, version);
    if snap_start(&function.configuration) {
        function.optimizing.insert(number, now + optimizing);
    }
    self::version(function, number, now).ok_or_else(|| missing(name, ""))
}
