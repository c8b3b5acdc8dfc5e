//! What Lambda answered: functions, versions, aliases, layers, mappings and what hangs on functions.

use evenkeel_core::plan::Artifact;
use evenkeel_tests::aws::{ACCOUNT, REGION};
use serde_json::{Map, Value as Json, json};

use super::stage::{Form, Marks, Stage};

/// A time as Lambda writes it in text.
const TIME: &str = "2026-01-01T00:00:00.000+0000";
/// A time as it writes it in numbers.
const SECONDS: f64 = 1_767_225_600.0;

const FUNCTION: Form = Form {
    said: &[
        "CodeSha256",
        "CodeSize",
        "FunctionArn",
        "LastModified",
        "LastUpdateStatus",
        "LastUpdateStatusReason",
        "LastUpdateStatusReasonCode",
        "RevisionId",
        "RuntimeVersionConfig",
        "State",
        "StateReason",
        "StateReasonCode",
        "Version",
    ],
    given: &["Code", "FunctionName", "Handler", "PackageType", "Role", "Runtime"],
    open: &[
        ("Architectures", r#"["x86_64"]"#),
        ("DeadLetterConfig", "null"),
        ("Description", r#""""#),
        ("Environment", r#"{"Variables":{}}"#),
        ("EphemeralStorage", r#"{"Size":512}"#),
        ("ImageConfig", "null"),
        ("Layers", "[]"),
        ("LoggingConfig", r#"{"LogFormat":"Text"}"#),
        ("MemorySize", "128"),
        ("SnapStart", r#"{"ApplyOn":"None"}"#),
        ("Tags", "[]"),
        ("ReservedConcurrentExecutions", "null"),
        ("RecursiveLoop", r#""Terminate""#),
        ("CodeSigningConfigArn", "null"),
        ("Timeout", "3"),
        ("TracingConfig", r#"{"Mode":"PassThrough"}"#),
        ("VpcConfig", r#"{"Ipv6AllowedForDualStack":false,"SecurityGroupIds":[],"SubnetIds":[]}"#),
    ],
};

/// The configuration of a function, or of a version of one.
pub(super) fn configuration(stage: &mut Stage, place: &str, of: &Map<String, Json>, beside: &Map<String, Json>) {
    match of["Version"].as_str() {
        Some("$LATEST") => function(stage, place, of, beside),
        _ => version(stage, place, of),
    }
}

fn function(stage: &mut Stage, place: &str, of: &Map<String, Json>, beside: &Map<String, Json>) {
    let name = of["FunctionName"].as_str().unwrap();
    // The same function is told of many times over; each time is one of its own here.
    let alone = format!("{name}-{}", stage.cases.len());
    let of = renamed(of, name, &alone);
    let mut properties = as_spec(&of, &alone);
    let (code, more) = code(stage, &of, beside);
    properties.insert("Code".to_owned(), code);
    let tags = beside.get("Tags").cloned().unwrap_or(json!({}));
    let own = tags.as_object().unwrap().iter().filter(|(key, _)| !key.starts_with("aws:"));
    let own: Vec<Json> = own.map(|(key, value)| json!({"Key": key, "Value": value})).collect();
    properties.insert("Tags".to_owned(), Json::from(own));
    if let Some(concurrency) = beside.get("Concurrency") {
        let count = concurrency["ReservedConcurrentExecutions"].clone();
        properties.insert("ReservedConcurrentExecutions".to_owned(), count);
    }
    for extra in ["RecursiveLoop", "CodeSigningConfigArn"] {
        properties.extend(beside.get(extra).map(|value| (extra.to_owned(), value.clone())));
    }
    let spec = FUNCTION.spec(place, &properties, &mut stage.problems);
    let mut answer = json!({"Configuration": of, "Code": more, "Tags": tags});
    if let Some(concurrency) = beside.get("Concurrency") {
        answer["Concurrency"] = concurrency.clone();
    }
    let key = stage.put("lambda", "GetFunction", &[&alone], answer);
    stage.line("lambda", "ListFunctions", &[], "Functions", Json::Object(of));
    stage.case("AWS::Lambda::Function", place, spec, Marks::Tags(key, "/Tags".to_owned()));
}

/// The answer with another name for the function.
fn renamed(of: &Map<String, Json>, name: &str, to: &str) -> Map<String, Json> {
    let text = Json::Object(of.clone()).to_string().replace(name, to);
    let mut of: Map<String, Json> = serde_json::from_str(&text).unwrap();
    of.insert("LastModified".to_owned(), json!(TIME));
    of
}

/// An answer's members under the names that specs have, without what only AWS says.
fn as_spec(of: &Map<String, Json>, name: &str) -> Map<String, Json> {
    let mut out = of.clone();
    if let Some(image) = out.shift_remove("ImageConfigResponse") {
        out.insert("ImageConfig".to_owned(), image["ImageConfig"].clone());
    }
    if let Some(Json::Array(layers)) = out.get_mut("Layers") {
        layers.iter_mut().for_each(|layer| *layer = layer["Arn"].clone());
    }
    let mut without = |property: &str, members: &[(&str, Option<&str>)]| {
        let Some(Json::Object(map)) = out.get_mut(property) else { return };
        for (member, value) in members {
            if value.is_none_or(|value| map.get(*member).and_then(Json::as_str) == Some(value)) {
                map.shift_remove(*member);
            }
        }
    };
    without("SnapStart", &[("OptimizationStatus", None)]);
    without("VpcConfig", &[("VpcId", None)]);
    let group = format!("/aws/lambda/{name}");
    without(
        "LoggingConfig",
        &[("LogGroup", Some(&group)), ("ApplicationLogLevel", Some("INFO")), ("SystemLogLevel", Some("INFO"))],
    );
    out
}

/// What the spec says of the code, and what AWS answers of it.
fn code(stage: &mut Stage, of: &Map<String, Json>, beside: &Map<String, Json>) -> (Json, Json) {
    let told = beside.get("Code").cloned().unwrap_or(json!({"RepositoryType": "S3", "Location": "https://s3"}));
    if of["PackageType"] == "Image" {
        let uri = told.get("ImageUri").and_then(Json::as_str).unwrap_or("image:1").to_owned();
        return (json!({"ImageUri": uri}), json!({"RepositoryType": "ECR", "ImageUri": uri, "ResolvedImageUri": uri}));
    }
    (json!({"LocalPath": package(stage, &of["CodeSha256"])}), told)
}

/// A package whose hash is this.
fn package(stage: &mut Stage, sha256: &Json) -> String {
    let path = format!("package-{}", stage.cases.len());
    let sha256 = sha256.as_str().unwrap().to_owned();
    let artifact =
        Artifact { content: format!("{:064}", stage.cases.len()), sha256, zip_bytes: 1024, unzipped_bytes: 4096 };
    stage.artifacts.insert(path.clone(), artifact);
    path
}

/// A function that something hangs on; tells its name.
fn parent(stage: &mut Stage, place: &str, name: &str) -> String {
    let of = json!({"FunctionName": name, "FunctionArn": arn(name), "Version": "$LATEST", "Role": format!("arn:aws:iam::{ACCOUNT}:role/r"),
        "Handler": "index.handler", "Runtime": "python3.13", "PackageType": "Zip", "CodeSha256": "hash", "CodeSize": 1024,
        "State": "Active", "LastUpdateStatus": "Successful", "Timeout": 3, "MemorySize": 128, "RevisionId": "revision"});
    let number = stage.cases.len();
    function(stage, place, of.as_object().unwrap(), &Map::new());
    format!("{name}-{number}")
}

fn arn(name: &str) -> String {
    format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}")
}

/// Name and qualifier in a function's ARN.
fn of_arn(arn: &Json) -> (String, String) {
    let arn = arn.as_str().unwrap();
    let mut parts = arn.split(':').skip(6);
    (parts.next().unwrap().to_owned(), parts.next().unwrap_or_default().to_owned())
}

/// A spec that says `FunctionName` (or whatever it is called) and these.
fn with(spec: (Map<String, Json>, Vec<String>), more: &[(&str, Json)]) -> (Map<String, Json>, Vec<String>) {
    let (mut spec, optional) = spec;
    spec.extend(more.iter().filter(|(_, value)| *value != "").map(|(name, value)| ((*name).to_owned(), value.clone())));
    (spec, optional)
}

/// A published version.
fn version(stage: &mut Stage, place: &str, of: &Map<String, Json>) {
    const FORM: Form = Form { said: &[], given: &[], open: &[("Description", r#""""#)] };
    let name = of["FunctionName"].as_str().unwrap();
    let alone = format!("{name}-{}", stage.cases.len());
    let of = renamed(of, name, &alone);
    // The function as it was published; all that a version has is the function's.
    let mut latest = of.clone();
    latest.insert("Version".to_owned(), json!("$LATEST"));
    latest.insert("FunctionArn".to_owned(), json!(arn(&alone)));
    let number = stage.cases.len();
    function(stage, place, &latest, &Map::new());
    let name = format!("{alone}-{number}");
    let of = renamed(&of, &alone, &name);
    let told = Map::from_iter([("Description".to_owned(), of["Description"].clone())]);
    let spec = with(FORM.spec(place, &told, &mut stage.problems), &[("FunctionName", json!(name))]);
    stage.line("lambda", "ListVersionsByFunction", &[&name], "Versions", Json::Object(of));
    // What is left out of a version's spec is as it was published.
    stage.case("AWS::Lambda::Version", place, (spec.0, Vec::new()), Marks::Nowhere);
}

/// An alias, with the answer to the question for its provisioned concurrency where there was one.
pub(super) fn alias(stage: &mut Stage, place: &str, of: &Map<String, Json>, provisioned: Option<&Map<String, Json>>) {
    const FORM: Form = Form {
        said: &["AliasArn", "RevisionId"],
        given: &["FunctionVersion", "Name"],
        open: &[("Description", r#""""#), ("RoutingConfig", "null"), ("ProvisionedConcurrencyConfig", "null")],
    };
    let (name, _) = of_arn(&of["AliasArn"]);
    let name = parent(stage, place, &name);
    let mut told = of.clone();
    if let Some(weights) = of.get("RoutingConfig").and_then(|config| config["AdditionalVersionWeights"].as_object()) {
        let weights =
            weights.iter().map(|(version, weight)| json!({"FunctionVersion": version, "FunctionWeight": weight}));
        told.insert("RoutingConfig".to_owned(), json!({"AdditionalVersionWeights": weights.collect::<Vec<_>>()}));
    }
    if let Some(answer) = provisioned {
        let count = &answer["RequestedProvisionedConcurrentExecutions"];
        told.insert("ProvisionedConcurrencyConfig".to_owned(), json!({"ProvisionedConcurrentExecutions": count}));
        let mut answer = answer.clone();
        answer.insert("LastModified".to_owned(), json!(TIME));
        let alias = of["Name"].as_str().unwrap();
        stage.put("lambda", "GetProvisionedConcurrencyConfig", &[&name, alias], Json::Object(answer));
    }
    let spec = with(FORM.spec(place, &told, &mut stage.problems), &[("FunctionName", json!(name))]);
    stage.line("lambda", "ListAliases", &[&name], "Aliases", Json::Object(of.clone()));
    stage.case("AWS::Lambda::Alias", place, spec, Marks::Nowhere);
}

/// Provisioned concurrency, on an alias that nothing was told of.
pub(super) fn provisioned(stage: &mut Stage, place: &str, of: &Map<String, Json>) {
    let alias = json!({"AliasArn": format!("{}:live", arn("provisioned")), "Name": "live", "FunctionVersion": "1",
        "Description": "", "RevisionId": "revision"});
    self::alias(stage, place, alias.as_object().unwrap(), Some(of));
}

/// The statements of a policy: a function's, or a layer version's.
pub(super) fn policy(stage: &mut Stage, place: &str, document: &Json) {
    let statements = document["Statement"].as_array().unwrap();
    let Some(resource) = statements.first().map(|statement| statement["Resource"].clone()) else { return };
    if resource.as_str().unwrap().contains(":layer:") {
        return layer_policy(stage, place, document);
    }
    let (name, qualifier) = of_arn(&resource);
    let alone = parent(stage, place, &name);
    let asked = [alone.as_str(), qualifier.as_str()];
    let mut document: Json = serde_json::from_str(&document.to_string().replace(&name, &alone)).unwrap();
    for statement in document["Statement"].as_array_mut().unwrap() {
        // The word `root` was hidden as if it were a name.
        if let Some(who) = statement.pointer_mut("/Principal/AWS")
            && who.as_str().is_some_and(|who| who.starts_with(&format!("arn:aws:iam::{ACCOUNT}:resource-")))
        {
            *who = json!(format!("arn:aws:iam::{ACCOUNT}:root"));
        }
    }
    let key =
        stage.put("lambda", "GetPolicy", &asked, json!({"Policy": document.to_string(), "RevisionId": "revision"}));
    for (number, statement) in document["Statement"].as_array().unwrap().iter().enumerate() {
        let spec = permission(stage, place, statement.as_object().unwrap());
        let named = if qualifier.is_empty() { alone.clone() } else { format!("{alone}:{qualifier}") };
        let spec = with(spec, &[("FunctionName", json!(named))]);
        stage.case("AWS::Lambda::Permission", place, spec, Marks::Statement(key.clone(), number));
    }
}

/// The properties that made a statement.
fn permission(stage: &mut Stage, place: &str, statement: &Map<String, Json>) -> (Map<String, Json>, Vec<String>) {
    const FORM: Form = Form {
        said: &["Effect", "Resource", "Sid"],
        given: &["Action", "Principal"],
        open: &[
            ("ArnLike AWS:SourceArn", "null"),
            ("StringEquals AWS:SourceAccount", "null"),
            ("StringEquals aws:PrincipalOrgID", "null"),
            ("StringEquals lambda:FunctionUrlAuthType", "null"),
            ("StringEquals lambda:EventSourceToken", "null"),
        ],
    };
    let mut told = statement.clone();
    let conditions = told.shift_remove("Condition").unwrap_or_default();
    for (operator, tests) in conditions.as_object().into_iter().flatten() {
        for (name, value) in tests.as_object().unwrap() {
            told.insert(format!("{operator} {name}"), value.clone());
        }
    }
    let who = told["Principal"].as_object().and_then(|map| map.values().next()).cloned();
    if let Some(who) = who {
        // A spec may name an account by its number alone, which AWS answers as the ARN of its root.
        let who = who.as_str().unwrap().trim_start_matches("arn:aws:iam::").trim_end_matches(":root").to_owned();
        told.insert("Principal".to_owned(), Json::from(who));
    }
    let (spec, optional) = FORM.spec(place, &told, &mut stage.problems);
    let property = |name: String| name.rsplit(':').next().filter(|_| name.contains(' ')).unwrap_or(&name).to_owned();
    let spec = spec.into_iter().map(|(name, value)| (property(name), value)).collect();
    (spec, optional.into_iter().map(property).collect())
}

/// The policy of a layer's version.
fn layer_policy(stage: &mut Stage, place: &str, document: &Json) {
    let arn = document["Statement"][0]["Resource"].as_str().unwrap();
    let layer = json!({"LayerVersionArn": arn, "Version": 1, "Description": "", "CreatedDate": TIME});
    let (arn, name) = self::layer(stage, place, layer.as_object().unwrap());
    let text = document.to_string();
    let key =
        stage.put("lambda", "GetLayerVersionPolicy", &[&name, "1"], json!({"Policy": text, "RevisionId": "revision"}));
    for (number, statement) in document["Statement"].as_array().unwrap().iter().enumerate() {
        let mut who = statement["Principal"].clone();
        if let Some(inner) = who.get("AWS") {
            who = inner.clone();
        }
        let (mut spec, mut optional) = (Map::new(), Vec::new());
        spec.insert("LayerVersionArn".to_owned(), json!(arn));
        spec.insert("Action".to_owned(), statement["Action"].clone());
        spec.insert("Principal".to_owned(), who);
        if let Some(organization) = statement.pointer("/Condition/StringEquals/aws:PrincipalOrgID") {
            spec.insert("OrganizationId".to_owned(), organization.clone());
            optional.push("OrganizationId".to_owned());
        }
        let marks = Marks::Statement(key.clone(), number);
        stage.case("AWS::Lambda::LayerVersionPermission", place, (spec, optional), marks);
    }
}

/// A layer's version; tells its ARN and the layer's name.
pub(super) fn layer(stage: &mut Stage, place: &str, of: &Map<String, Json>) -> (String, String) {
    const FORM: Form = Form {
        said: &["Content", "CreatedDate", "LayerArn", "LayerVersionArn", "Version"],
        given: &["LayerName"],
        open: &[
            ("CompatibleArchitectures", "[]"),
            ("CompatibleRuntimes", "[]"),
            ("Description", r#""""#),
            ("LicenseInfo", "null"),
        ],
    };
    let name = of["LayerVersionArn"].as_str().unwrap().split(':').nth(6).unwrap();
    let alone = format!("{name}-{}", stage.cases.len());
    let mut of: Map<String, Json> =
        serde_json::from_str(&Json::Object(of.clone()).to_string().replace(name, &alone)).unwrap();
    let arn = of["LayerVersionArn"].as_str().unwrap().to_owned();
    let mut told = of.clone();
    told.insert("LayerName".to_owned(), json!(alone));
    let (mut spec, optional) = FORM.spec(place, &told, &mut stage.problems);
    let path = package(stage, &json!("hash"));
    spec.insert("Content".to_owned(), json!({"LocalPath": path}));
    // The listing has no content.
    of.shift_remove("Content");
    let newest = json!({"LayerName": alone, "LayerArn": arn.rsplit_once(':').unwrap().0, "LatestMatchingVersion": of});
    stage.line("lambda", "ListLayers", &[], "Layers", newest);
    let (key, path) = stage.line("lambda", "ListLayerVersions", &[&alone], "LayerVersions", Json::Object(of));
    let marks = Marks::Member(key, format!("{path}/Description"), "Description");
    stage.case("AWS::Lambda::LayerVersion", place, (spec, optional), marks);
    (arn, alone)
}

/// A function's URL.
pub(super) fn url(stage: &mut Stage, place: &str, of: &Map<String, Json>) {
    const FORM: Form = Form {
        said: &["CreationTime", "FunctionArn", "FunctionUrl", "LastModifiedTime"],
        given: &["AuthType"],
        open: &[("Cors", "null"), ("InvokeMode", r#""BUFFERED""#)],
    };
    let (name, qualifier) = of_arn(&of["FunctionArn"]);
    let alone = parent(stage, place, &name);
    let mut of: Map<String, Json> = renamed(of, &name, &alone);
    of.shift_remove("LastModified");
    let spec = FORM.spec(place, &of, &mut stage.problems);
    let spec = with(spec, &[("TargetFunctionArn", json!(alone)), ("Qualifier", json!(qualifier))]);
    stage.line("lambda", "ListFunctionUrlConfigs", &[&alone], "FunctionUrlConfigs", Json::Object(of));
    stage.case("AWS::Lambda::Url", place, spec, Marks::Nowhere);
}

/// Settings for asynchronous calls.
pub(super) fn invoke_config(stage: &mut Stage, place: &str, of: &Map<String, Json>) {
    const FORM: Form = Form {
        said: &["FunctionArn", "LastModified"],
        given: &[],
        open: &[
            ("DestinationConfig", r#"{"OnFailure":{},"OnSuccess":{}}"#),
            ("MaximumEventAgeInSeconds", "21600"),
            ("MaximumRetryAttempts", "2"),
        ],
    };
    let (name, qualifier) = of_arn(&of["FunctionArn"]);
    let alone = parent(stage, place, &name);
    let mut of = renamed(of, &name, &alone);
    of.insert("LastModified".to_owned(), json!(SECONDS));
    let spec = FORM.spec(place, &of, &mut stage.problems);
    let spec = with(spec, &[("FunctionName", json!(alone)), ("Qualifier", json!(qualifier))]);
    let list = "FunctionEventInvokeConfigs";
    stage.line("lambda", "ListFunctionEventInvokeConfigs", &[&alone], list, Json::Object(of));
    stage.case("AWS::Lambda::EventInvokeConfig", place, spec, Marks::Nowhere);
}

/// An event source mapping.
pub(super) fn mapping(stage: &mut Stage, place: &str, of: &Map<String, Json>, tags: &Map<String, Json>) {
    const QUEUE: Form = Form {
        said: MAPPING_SAID,
        given: &["EventSourceArn", "FunctionName"],
        open: &[
            ("BatchSize", "10"),
            ("Enabled", "true"),
            ("FilterCriteria", "null"),
            ("FunctionResponseTypes", "[]"),
            ("MaximumBatchingWindowInSeconds", "0"),
            ("ScalingConfig", "null"),
            ("Tags", "[]"),
        ],
    };
    const STREAM: Form = Form {
        said: MAPPING_SAID,
        given: &["EventSourceArn", "FunctionName", "StartingPosition", "StartingPositionTimestamp"],
        open: &[
            ("BatchSize", "100"),
            ("BisectBatchOnFunctionError", "false"),
            ("DestinationConfig", r#"{"OnFailure":{}}"#),
            ("Enabled", "true"),
            ("FilterCriteria", "null"),
            ("FunctionResponseTypes", "[]"),
            ("MaximumBatchingWindowInSeconds", "0"),
            ("MaximumRecordAgeInSeconds", "-1"),
            ("MaximumRetryAttempts", "-1"),
            ("ParallelizationFactor", "1"),
            ("Tags", "[]"),
            ("TumblingWindowInSeconds", "0"),
        ],
    };
    const KAFKA: Form = Form {
        said: MAPPING_SAID,
        given: &["FunctionName", "SelfManagedEventSource", "StartingPosition", "Topics"],
        open: &[("BatchSize", "100"), ("Enabled", "true"), ("SourceAccessConfigurations", "[]"), ("Tags", "[]")],
    };
    let mut of = of.clone();
    let uuid = format!("{}-{}", of["UUID"].as_str().unwrap(), stage.cases.len());
    let arn = format!("arn:aws:lambda:{REGION}:{ACCOUNT}:event-source-mapping:{uuid}");
    of.insert("UUID".to_owned(), json!(uuid));
    of.insert("EventSourceMappingArn".to_owned(), json!(arn));
    of.insert("LastModified".to_owned(), json!(SECONDS));
    // The same source and function stand in many answers, but only once in an account.
    let (name, qualifier) = of_arn(&of["FunctionArn"]);
    let separator = if qualifier.is_empty() { "" } else { ":" };
    let function = format!("{name}-{}{separator}{qualifier}", stage.cases.len());
    of.insert("FunctionArn".to_owned(), json!(self::arn(&function)));
    if let Some(Json::Array(filters)) = of.get_mut("FilterCriteria").and_then(|criteria| criteria.get_mut("Filters")) {
        filters.iter_mut().for_each(|filter| filter["Pattern"] = Json::from(filter["Pattern"].to_string()));
    }
    if of.contains_key("StartingPositionTimestamp") {
        of.insert("StartingPositionTimestamp".to_owned(), json!(SECONDS));
    }
    let mut told = of.clone();
    told.insert("FunctionName".to_owned(), json!(function));
    if matches!(of["State"].as_str(), Some("Disabled" | "Disabling")) {
        told.insert("Enabled".to_owned(), json!(false));
    }
    if let Some(servers) =
        of.get("SelfManagedEventSource").map(|source| source["Endpoints"]["KAFKA_BOOTSTRAP_SERVERS"].clone())
    {
        told.insert("SelfManagedEventSource".to_owned(), json!({"Endpoints": {"KafkaBootstrapServers": servers}}));
    }
    let own = tags.iter().filter(|(key, _)| !key.starts_with("aws:"));
    let own: Vec<Json> = own.map(|(key, value)| json!({"Key": key, "Value": value})).collect();
    told.insert("Tags".to_owned(), Json::from(own));
    let form = match of.get("EventSourceArn").and_then(Json::as_str) {
        Some(source) if source.starts_with("arn:aws:sqs:") => &QUEUE,
        Some(_) => &STREAM,
        None => &KAFKA,
    };
    // A consumer group of its own is the mapping's to name, and is never changed.
    let group = told.shift_remove("SelfManagedKafkaEventSourceConfig");
    let (mut spec, mut optional) = form.spec(place, &told, &mut stage.problems);
    spec.extend(group.map(|group| ("SelfManagedKafkaEventSourceConfig".to_owned(), group)));
    if of["State"] == "Disabling" {
        // What it was before, nobody can tell.
        optional.retain(|property| property != "Enabled");
    }
    let spec = (spec, optional);
    stage.line("lambda", "ListEventSourceMappings", &[], "EventSourceMappings", Json::Object(of));
    let key = stage.put("lambda", "ListTags", &[&arn], json!({"Tags": tags}));
    stage.case("AWS::Lambda::EventSourceMapping", place, spec, Marks::Tags(key, "/Tags".to_owned()));
}

const MAPPING_SAID: &[&str] = &[
    "EventSourceMappingArn",
    "FunctionArn",
    "LastModified",
    "LastProcessingResult",
    "State",
    "StateTransitionReason",
    "UUID",
];

/// Tags of a mapping, or of a function: which one it was, the answer does not tell.
pub(super) fn tags(stage: &mut Stage, place: &str, tags: &Map<String, Json>) {
    let mapping = json!({"UUID": "tagged", "EventSourceArn": format!("arn:aws:sqs:{REGION}:{ACCOUNT}:tagged"),
        "FunctionArn": arn("tagged"), "State": "Enabled", "BatchSize": 10});
    self::mapping(stage, place, mapping.as_object().unwrap(), tags);
}

/// What a call of its own tells of a function.
pub(super) fn extra(stage: &mut Stage, place: &str, operation: &'static str, of: &Map<String, Json>) {
    let number = stage.cases.len();
    let configuration = json!({"FunctionName": "extra", "FunctionArn": arn("extra"), "Version": "$LATEST", "Role": format!("arn:aws:iam::{ACCOUNT}:role/r"),
        "Handler": "index.handler", "Runtime": "python3.13", "PackageType": "Zip", "CodeSha256": "hash", "State": "Active"});
    let mut beside = of.clone();
    if operation == "GetFunctionConcurrency" {
        beside = Map::from_iter([("Concurrency".to_owned(), Json::Object(of.clone()))]);
    } else {
        let mut of = of.clone();
        of.insert("FunctionName".to_owned(), json!(format!("extra-{number}")));
        stage.put("lambda", operation, &[&format!("extra-{number}")], Json::Object(of));
    }
    function(stage, place, configuration.as_object().unwrap(), &beside);
}
