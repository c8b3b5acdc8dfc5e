//! What the other services answered: queues, topics, subscriptions, parameters, roles, policies, log groups.

use evenkeel_tests::aws::{ACCOUNT, REGION};
use serde_json::{Map, Value as Json, json};

use super::stage::{Form, Marks, Stage, key};

/// What SQS answers of a queue that was made with nothing but a name.
fn plain_queue() -> Map<String, Json> {
    let attributes = json!({"ApproximateNumberOfMessages": "0", "ApproximateNumberOfMessagesDelayed": "0",
        "ApproximateNumberOfMessagesNotVisible": "0", "CreatedTimestamp": "1767225600", "DelaySeconds": "0",
        "LastModifiedTimestamp": "1767225600", "MaximumMessageSize": "1048576", "MessageRetentionPeriod": "345600",
        "ReceiveMessageWaitTimeSeconds": "0", "SqsManagedSseEnabled": "true", "VisibilityTimeout": "30"});
    attributes.as_object().unwrap().clone()
}

/// A queue's attributes: all of them, or those that were asked for, which the others are added to.
pub(super) fn queue(stage: &mut Stage, place: &str, of: &Map<String, Json>, tags: &Map<String, Json>) {
    const FORM: Form = Form {
        said: &[
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesDelayed",
            "ApproximateNumberOfMessagesNotVisible",
            "CreatedTimestamp",
            "LastModifiedTimestamp",
            "Policy",
            "QueueArn",
        ],
        given: &["QueueName", "FifoQueue"],
        open: &[
            ("ContentBasedDeduplication", r#""false""#),
            ("DeduplicationScope", r#""queue""#),
            ("DelaySeconds", r#""0""#),
            ("FifoThroughputLimit", r#""perQueue""#),
            ("KmsDataKeyReusePeriodSeconds", r#""300""#),
            ("KmsMasterKeyId", "null"),
            ("MaximumMessageSize", r#""1048576""#),
            ("MessageRetentionPeriod", r#""345600""#),
            ("ReceiveMessageWaitTimeSeconds", r#""0""#),
            ("RedriveAllowPolicy", r#"{"redrivePermission":"allowAll"}"#),
            ("RedrivePolicy", "null"),
            ("SqsManagedSseEnabled", r#""true""#),
            ("Tags", "[]"),
            ("VisibilityTimeout", r#""30""#),
        ],
    };
    let fifo = of.get("FifoQueue").is_some_and(|value| value == "true");
    let name = format!("queue-{}{}", stage.cases.len(), if fifo { ".fifo" } else { "" });
    let url = format!("https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}");
    let mut told = plain_queue();
    told.extend(of.clone());
    let mut attributes = told.clone();
    for value in attributes.values_mut().filter(|value| !value.is_string()) {
        *value = Json::from(value.to_string());
    }
    told.insert("QueueName".to_owned(), json!(name));
    told.insert("Tags".to_owned(), list(tags));
    // A key of KMS switches SQS's own encryption off by itself; so does no period without a key.
    if told.contains_key("KmsMasterKeyId") {
        told.shift_remove("SqsManagedSseEnabled");
    } else {
        told.shift_remove("KmsDataKeyReusePeriodSeconds");
    }
    let spec = FORM.spec(place, &told, &mut stage.problems);
    let list = stage.answers.entry(key("sqs", "ListQueues", &[])).or_insert(json!({"QueueUrls": []}));
    list["QueueUrls"].as_array_mut().unwrap().push(json!(url));
    stage.put("sqs", "GetQueueAttributes", &[&name], json!({"Attributes": attributes}));
    let tags = stage.put("sqs", "ListQueueTags", &[&name], json!({"Tags": tags}));
    stage.case("AWS::SQS::Queue", place, spec, Marks::Tags(tags, "/Tags".to_owned()));
    if let Some(policy) = of.get("Policy").filter(|policy| policy.is_object()) {
        let spec = json!({"Queues": [url], "PolicyDocument": policy});
        let spec = (spec.as_object().unwrap().clone(), Vec::new());
        stage.case("AWS::SQS::QueuePolicy", place, spec, Marks::Nowhere);
    }
}

fn list(tags: &Map<String, Json>) -> Json {
    let own = tags.iter().filter(|(key, _)| !key.starts_with("aws:"));
    own.map(|(key, value)| json!({"Key": key, "Value": value})).collect()
}

/// A topic's attributes; tells its ARN.
pub(super) fn topic(
    stage: &mut Stage,
    place: &str,
    of: &Map<String, Json>,
    tags: &Json,
    protection: Option<&Json>,
) -> String {
    const FORM: Form = Form {
        said: &[
            "EffectiveDeliveryPolicy",
            "Owner",
            "Policy",
            "SubscriptionsConfirmed",
            "SubscriptionsDeleted",
            "SubscriptionsPending",
            "TopicArn",
            // A topic's own delivery policy is no property of the type.
            "DeliveryPolicy",
        ],
        given: &["TopicName", "FifoTopic"],
        open: &[
            ("ContentBasedDeduplication", r#""false""#),
            ("DataProtectionPolicy", "null"),
            ("DeliveryStatusLogging", "[]"),
            ("DisplayName", r#""""#),
            ("SignatureVersion", r#""1""#),
            ("Tags", "[]"),
        ],
    };
    let fifo = of.get("FifoTopic").is_some_and(|value| value == "true");
    let name = of["TopicArn"].as_str().unwrap().rsplit(':').next().unwrap().trim_end_matches(".fifo");
    let alone = format!("topic-{}{}", stage.cases.len(), if fifo { ".fifo" } else { "" });
    let of: Map<String, Json> = {
        let text = Json::Object(of.clone()).to_string();
        let text = text.replace(&format!("{ACCOUNT}:{name}.fifo"), &format!("{ACCOUNT}:{alone}"));
        serde_json::from_str(&text.replace(&format!("{ACCOUNT}:{name}"), &format!("{ACCOUNT}:{alone}"))).unwrap()
    };
    let arn = format!("arn:aws:sns:{REGION}:{ACCOUNT}:{alone}");
    let mut attributes = of.clone();
    for value in attributes.values_mut().filter(|value| !value.is_string()) {
        *value = Json::from(value.to_string());
    }
    let mut told = of.clone();
    told.insert("TopicName".to_owned(), json!(alone));
    told.insert("Tags".to_owned(), tags.clone());
    told.extend(protection.map(|policy| ("DataProtectionPolicy".to_owned(), policy.clone())));
    let mut logging = Map::new();
    for name in ["LambdaSuccessFeedbackRoleArn", "LambdaSuccessFeedbackSampleRate"] {
        let value = told.shift_remove(name);
        logging.extend(value.map(|value| (name.trim_start_matches("Lambda").to_owned(), value)));
    }
    if !logging.is_empty() {
        logging.insert("Protocol".to_owned(), json!("lambda"));
        told.insert("DeliveryStatusLogging".to_owned(), json!([logging]));
    }
    let spec = FORM.spec(place, &told, &mut stage.problems);
    stage.line("sns", "ListTopics", &[], "Topics", json!({"TopicArn": arn}));
    stage.put("sns", "GetTopicAttributes", &[&arn], json!({"Attributes": attributes}));
    if let Some(policy) = protection {
        stage.put("sns", "GetDataProtectionPolicy", &[&arn], json!({"DataProtectionPolicy": policy.to_string()}));
    }
    let key = stage.put("sns", "ListTagsForResource", &[&arn], json!({"Tags": tags}));
    stage.case("AWS::SNS::Topic", place, spec, Marks::Tags(key, "/Tags".to_owned()));
    let own =
        |policy: &&Json| policy["Id"] != "__default_policy_ID" || policy["Statement"].as_array().unwrap().len() > 1;
    if let Some(policy) = of.get("Policy").filter(own) {
        let spec = json!({"Topics": [arn], "PolicyDocument": policy});
        let spec = (spec.as_object().unwrap().clone(), Vec::new());
        stage.case("AWS::SNS::TopicPolicy", place, spec, Marks::Nowhere);
    }
    arn
}

/// A topic that nothing was told of but its tags or its data protection; tells its ARN.
pub(super) fn plain_topic(stage: &mut Stage, place: &str, tags: &Json, protection: Option<&Json>) -> String {
    let of = json!({"TopicArn": format!("arn:aws:sns:{REGION}:{ACCOUNT}:plain"), "DisplayName": "", "Owner": ACCOUNT});
    topic(stage, place, of.as_object().unwrap(), tags, protection)
}

/// A subscription's line in a listing, and its attributes.
pub(super) fn subscription(stage: &mut Stage, place: &str, of: &Map<String, Json>) {
    const FORM: Form = Form {
        said: &[
            "ConfirmationWasAuthenticated",
            "EffectiveDeliveryPolicy",
            "Owner",
            "PendingConfirmation",
            "SubscriptionArn",
            "SubscriptionPrincipal",
        ],
        given: &["Endpoint", "Protocol", "TopicArn"],
        open: &[
            ("DeliveryPolicy", "null"),
            ("FilterPolicy", "null"),
            ("FilterPolicyScope", r#""MessageAttributes""#),
            ("RawMessageDelivery", r#""false""#),
            ("RedrivePolicy", "null"),
        ],
    };
    let mut of = of.clone();
    // One topic has one subscription of an endpoint; here every answer has a topic of its own.
    let topic = plain_topic(stage, place, &json!([]), None);
    let arn = format!("{topic}:{}", stage.cases.len());
    of.insert("TopicArn".to_owned(), json!(topic));
    of.insert("SubscriptionArn".to_owned(), json!(arn));
    let spec = FORM.spec(place, &of, &mut stage.problems);
    let line = json!({"SubscriptionArn": arn, "TopicArn": of["TopicArn"], "Protocol": of["Protocol"],
        "Endpoint": of["Endpoint"], "Owner": ACCOUNT});
    stage.line("sns", "ListSubscriptions", &[], "Subscriptions", line);
    let mut attributes = of;
    for value in attributes.values_mut().filter(|value| !value.is_string()) {
        *value = Json::from(value.to_string());
    }
    stage.put("sns", "GetSubscriptionAttributes", &[&arn], json!({"Attributes": attributes}));
    stage.case("AWS::SNS::Subscription", place, spec, Marks::Nowhere);
}

/// A parameter's value.
pub(super) fn parameter(stage: &mut Stage, place: &str, of: &Map<String, Json>) {
    const FORM: Form = Form {
        said: &["ARN", "LastModifiedDate", "Version"],
        given: &["Name", "Type", "Value"],
        open: &[("DataType", r#""text""#)],
    };
    let mut of = of.clone();
    let name = format!("{}-{}", of["Name"].as_str().unwrap(), stage.cases.len());
    of.insert("Name".to_owned(), json!(name));
    of.insert("LastModifiedDate".to_owned(), json!(1_767_225_600.0));
    let spec = FORM.spec(place, &of, &mut stage.problems);
    let mut line = of.clone();
    line.shift_remove("Value");
    stage.answers.insert(key("ssm", "GetParameters", &[&name]), Json::Object(of));
    stage.line("ssm", "DescribeParameters", &[], "Parameters", Json::Object(line));
    let tags = stage.put("ssm", "ListTagsForResource", &[&name], json!({"TagList": []}));
    stage.case("AWS::SSM::Parameter", place, spec, Marks::Tags(tags, "/TagList".to_owned()));
}

/// What hangs on a role, by the calls that tell of it.
#[derive(Default)]
pub(super) struct Hanging<'a> {
    /// `ListAttachedRolePolicies`
    pub(super) attached: Option<&'a Json>,
    /// `GetRolePolicy`: name and document.
    pub(super) inline: Option<(&'a Json, &'a Json)>,
}

/// A role.
pub(super) fn role(stage: &mut Stage, place: &str, of: &Map<String, Json>, hanging: &Hanging<'_>) {
    const FORM: Form = Form {
        said: &["Arn", "CreateDate", "RoleId", "RoleLastUsed"],
        given: &["AssumeRolePolicyDocument", "RoleName"],
        open: &[
            ("Description", "null"),
            ("ManagedPolicyArns", "[]"),
            ("MaxSessionDuration", "3600"),
            ("Path", r#""/""#),
            ("PermissionsBoundary", "null"),
            ("Policies", "[]"),
            ("Tags", "[]"),
        ],
    };
    let name = of["RoleName"].as_str().unwrap();
    let alone = format!("{name}-{}", stage.cases.len());
    let mut of: Map<String, Json> = serde_json::from_str(
        &Json::Object(of.clone()).to_string().replace(&format!("{name}\""), &format!("{alone}\"")),
    )
    .unwrap();
    of.insert("CreateDate".to_owned(), json!("2026-01-01T00:00:00Z"));
    if of.get("RoleLastUsed").is_some() {
        of.insert("RoleLastUsed".to_owned(), json!({}));
    }
    let mut told = of.clone();
    if let Some(boundary) = told.get_mut("PermissionsBoundary") {
        *boundary = boundary["PermissionsBoundaryArn"].clone();
    }
    let attached = hanging.attached.and_then(Json::as_array).cloned().unwrap_or_default();
    told.insert("ManagedPolicyArns".to_owned(), attached.iter().map(|policy| policy["PolicyArn"].clone()).collect());
    let inline: Vec<(&Json, &Json)> = hanging.inline.into_iter().collect();
    let policies = inline.iter().map(|(name, document)| json!({"PolicyName": name, "PolicyDocument": document}));
    told.insert("Policies".to_owned(), policies.collect());
    let spec = FORM.spec(place, &told, &mut stage.problems);
    let mut detail = of.clone();
    detail["AssumeRolePolicyDocument"] = encoded(&of["AssumeRolePolicyDocument"]);
    let policies =
        inline.iter().map(|(name, document)| json!({"PolicyName": name, "PolicyDocument": encoded(document)}));
    detail.insert("RolePolicyList".to_owned(), policies.collect());
    detail.insert("AttachedManagedPolicies".to_owned(), Json::from(attached));
    detail.entry("Tags").or_insert(json!([]));
    let mut line = detail.clone();
    for name in ["RolePolicyList", "AttachedManagedPolicies", "Tags", "PermissionsBoundary"] {
        line.shift_remove(name);
    }
    let (key, path) =
        stage.line("iam", "GetAccountAuthorizationDetails", &["Role"], "RoleDetailList", Json::Object(detail));
    stage.line("iam", "ListRoles", &[], "Roles", Json::Object(line));
    stage.case("AWS::IAM::Role", place, spec, Marks::Tags(key, format!("{path}/Tags")));
}

/// What hangs on a role that nothing else was told of.
pub(super) fn plain_role(stage: &mut Stage, place: &str, hanging: &Hanging<'_>) {
    let of = json!({"RoleName": "plain", "Arn": format!("arn:aws:iam::{ACCOUNT}:role/plain"), "RoleId": "AROAPLAIN", "Path": "/",
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}});
    role(stage, place, of.as_object().unwrap(), hanging);
}

/// IAM sends documents as text in which everything but letters, digits and `-_.~` is escaped.
fn encoded(document: &Json) -> Json {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    document.to_string().bytes().map(escape).collect::<String>().into()
}

/// A managed policy of the account's own; its document no answer told.
pub(super) fn managed_policy(stage: &mut Stage, place: &str, of: &Map<String, Json>) {
    const FORM: Form = Form {
        said: &[
            "Arn",
            "AttachmentCount",
            "CreateDate",
            "DefaultVersionId",
            "IsAttachable",
            "PermissionsBoundaryUsageCount",
            "PolicyId",
            "UpdateDate",
        ],
        given: &["ManagedPolicyName", "PolicyDocument"],
        open: &[("Description", "null"), ("Path", r#""/""#), ("Tags", "[]")],
    };
    let name = of["PolicyName"].as_str().unwrap();
    let alone = format!("{name}-{}", stage.cases.len());
    let mut of: Map<String, Json> =
        serde_json::from_str(&Json::Object(of.clone()).to_string().replace(name, &alone)).unwrap();
    let arn = of["Arn"].as_str().unwrap().to_owned();
    let document =
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]});
    for time in ["CreateDate", "UpdateDate"] {
        of.insert(time.to_owned(), json!("2026-01-01T00:00:00Z"));
    }
    of.entry("Tags").or_insert(json!([]));
    let mut told = of.clone();
    let named = told.shift_remove("PolicyName").unwrap();
    told.insert("ManagedPolicyName".to_owned(), named);
    told.insert("PolicyDocument".to_owned(), document.clone());
    let spec = FORM.spec(place, &told, &mut stage.problems);
    let mut detail = of.clone();
    detail.shift_remove("Tags");
    let version =
        json!({"VersionId": of["DefaultVersionId"], "IsDefaultVersion": true, "Document": encoded(&document)});
    detail.insert("PolicyVersionList".to_owned(), json!([version]));
    let filter = ["LocalManagedPolicy"];
    stage.line("iam", "GetAccountAuthorizationDetails", &filter, "Policies", Json::Object(detail));
    let key = stage.put("iam", "GetPolicy", &[&arn], json!({"Policy": of}));
    stage.case("AWS::IAM::ManagedPolicy", place, spec, Marks::Tags(key, "/Policy/Tags".to_owned()));
}

/// A log group's line in a listing.
pub(super) fn log_group(stage: &mut Stage, place: &str, of: &Map<String, Json>, tags: &Map<String, Json>) {
    const FORM: Form = Form {
        said: &["arn", "creationTime", "logGroupArn", "metricFilterCount", "storedBytes"],
        given: &["LogGroupName"],
        open: &[
            ("DeletionProtectionEnabled", "false"),
            ("KmsKeyId", "null"),
            ("LogGroupClass", r#""STANDARD""#),
            ("RetentionInDays", "null"),
            ("Tags", "[]"),
        ],
    };
    let name = of["logGroupName"].as_str().unwrap();
    let alone = format!("{name}-{}", stage.cases.len());
    let mut of: Map<String, Json> =
        serde_json::from_str(&Json::Object(of.clone()).to_string().replace(name, &alone)).unwrap();
    of.insert("creationTime".to_owned(), json!(1_767_225_600_000_i64));
    let settings = [
        ("logGroupName", "LogGroupName"),
        ("deletionProtectionEnabled", "DeletionProtectionEnabled"),
        ("kmsKeyId", "KmsKeyId"),
        ("logGroupClass", "LogGroupClass"),
        ("retentionInDays", "RetentionInDays"),
    ];
    let mut told = of.clone();
    for (theirs, ours) in settings {
        let value = told.shift_remove(theirs);
        told.extend(value.map(|value| (ours.to_owned(), value)));
    }
    told.insert("Tags".to_owned(), list(tags));
    let spec = FORM.spec(place, &told, &mut stage.problems);
    let arn = of["logGroupArn"].as_str().unwrap().to_owned();
    stage.line("logs", "DescribeLogGroups", &[], "logGroups", Json::Object(of));
    let key = stage.put("logs", "ListTagsForResource", &[&arn], json!({"tags": tags}));
    stage.case("AWS::Logs::LogGroup", place, spec, Marks::Tags(key, "/tags".to_owned()));
}

/// A log group that nothing was told of but its tags.
pub(super) fn plain_log_group(stage: &mut Stage, place: &str, tags: &Map<String, Json>) {
    let arn = format!("arn:aws:logs:{REGION}:{ACCOUNT}:log-group:plain");
    let of =
        json!({"logGroupName": "plain", "arn": format!("{arn}:*"), "logGroupArn": arn, "logGroupClass": "STANDARD"});
    log_group(stage, place, of.as_object().unwrap(), tags);
}
