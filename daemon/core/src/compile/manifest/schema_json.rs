//! The JSON Schema of native manifests, for editors: our words, and AWS's properties in lower camel case.
//!
//! It is draft-07, which YAML editors know best. A value may also be an intrinsic: a map with one key in the long form;
//! a short tag (`!Ref NAME`) is text, a list or a map to an editor, so those are let through wherever a value stands.

mod shapes;

use serde_json::{Map, Value as Json, json};

use super::connect;
use super::document::{API_VERSION, Kind, NAME_LIMIT, aws};
use super::parameter;
use super::parameters;
use super::rollout;
use super::topic;

/// The JSON Schema of a manifest: the same text every time.
pub fn json_schema() -> Json {
    let kinds: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
    let chosen: Vec<Json> = Kind::ALL
        .iter()
        .map(|kind| {
            json!({
                "if": {"properties": {"kind": {"const": kind.as_str()}}, "required": ["kind"]},
                "then": {"properties": {"spec": {"$ref": format!("#/definitions/{}", kind.as_str())}}},
            })
        })
        .collect();
    let mut definitions = shared();
    for kind in Kind::ALL {
        definitions.insert(kind.as_str().to_owned(), spec(kind));
    }
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "evenkeel manifest",
        "description": "An application's resources on AWS, kept as written.",
        "type": "object",
        "required": ["apiVersion", "kind", "metadata"],
        "properties": {
            "apiVersion": {"const": API_VERSION},
            "kind": {"enum": kinds, "description": "What this document declares."},
            "metadata": {"$ref": "#/definitions/metadata"},
            "spec": {"type": ["object", "null"]},
        },
        "additionalProperties": false,
        "allOf": chosen,
        "definitions": definitions,
    })
}

/// A value of that schema, or an intrinsic.
fn value(schema: Json) -> Json {
    json!({"anyOf": [schema, {"$ref": "#/definitions/intrinsic"}]})
}

fn described(mut schema: Json, text: &str) -> Json {
    schema["description"] = json!(text);
    schema
}

fn object(properties: Json, required: &[&str]) -> Json {
    let mut schema = json!({"type": "object", "properties": properties, "additionalProperties": false});
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

fn list(items: Json) -> Json {
    json!({"type": "array", "items": items})
}

fn definition(name: &str) -> Json {
    json!({"$ref": format!("#/definitions/{name}")})
}

fn shared() -> Map<String, Json> {
    let name = json!({
        "type": "string",
        "pattern": "^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$",
        "maxLength": NAME_LIMIT,
        "description": "The name of a resource of this application, unique across its kinds.",
    });
    let text = json!({"type": ["string", "number", "boolean"]});
    let code = json!({
        "description": "Where the code comes from: a local folder or zip, inline text, an object in S3, or a container image.",
        "anyOf": [
            {"type": "string", "description": "A folder or a zip beside the manifest."},
            object(json!({"inline": {"type": "string"}}), &["inline"]),
            object(
                json!({"s3Bucket": definition("text"), "s3Key": definition("text"), "s3ObjectVersion": definition("text")}),
                &["s3Bucket", "s3Key"],
            ),
            object(json!({"image": definition("text")}), &["image"]),
        ],
    });
    let metadata = object(
        json!({
            "name": definition("name"),
            "labels": {"type": "object", "additionalProperties": definition("text"), "description": "Become tags."},
            "annotations": {
                "type": "object",
                "properties": {
                    "evenkeel.dev/allow-delete": {"type": "string", "description": "The digest of a plan whose deletions are allowed."},
                    "evenkeel.dev/renamed-from": {"type": "string", "description": "The name that this resource had before."},
                    "evenkeel.dev/ignore-drift": {"type": "string", "description": "Property paths whose drift is left alone, separated by commas."},
                },
                "additionalProperties": {"type": "string"},
            },
        }),
        &["name"],
    );
    let intrinsic = json!({
        "description": "A value that is computed: `!Ref NAME`, `!GetAtt NAME.Arn`, `!Sub TEXT`, `!If [CONDITION, A, B]`.",
        "anyOf": [
            {"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": false, "patternProperties": {"^(Ref|Condition|Fn::[A-Za-z]+)$": {}}},
            {"type": ["string", "array"]},
        ],
    });
    let statement = json!({
        "type": "object",
        "required": ["Effect"],
        "properties": {
            "Sid": {"type": "string"}, "Effect": {"enum": ["Allow", "Deny"]}, "Action": {}, "NotAction": {}, "Resource": {}, "NotResource": {}, "Condition": {"type": "object"},
        },
        "additionalProperties": false,
    });
    let all = [
        ("name", name),
        ("text", value(text)),
        ("intrinsic", intrinsic),
        ("code", code),
        ("metadata", metadata),
        ("statement", statement),
        (
            "filterPolicy",
            json!({"type": ["object", "string"], "description": "Which messages are wanted, as SNS has it."}),
        ),
    ];
    all.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect()
}

/// The words that every kind has but App.
fn common() -> Json {
    let policies = |words: &[&str]| json!({"enum": words});
    json!({
        "condition": described(value(json!({"type": "string"})), "The name of a condition of the App; where it is false this is left out."),
        "dependsOn": {"description": "Names of what comes first, beyond what this refers to.", "anyOf": [{"type": "string"}, list(json!({"type": "string"}))]},
        "deletionPolicy": described(policies(&["Delete", "Retain", "RetainExceptOnCreate"]), "What becomes of it in AWS when it leaves the spec. What holds data is retained by default."),
        "updateReplacePolicy": described(policies(&["Delete", "Retain"]), "The same when it must be replaced."),
        "ignoreDrift": described(list(json!({"type": "string"})), "Property paths whose drift is left alone."),
    })
}

/// A spec: AWS's properties, our words over them, and the common words.
fn with_words(mut properties: Map<String, Json>, words: Json, required: &[&str]) -> Json {
    for group in [words, common()] {
        if let Json::Object(words) = group {
            properties.extend(words);
        }
    }
    object(Json::Object(properties), required)
}

fn spec(kind: Kind) -> Json {
    let own = || kind.type_name().map(shapes::properties).unwrap_or_default();
    match kind {
        Kind::App => app(),
        Kind::Function => {
            let mut properties = own();
            properties.retain(|name, _| !["code", "deadLetterConfig"].contains(&name.as_str()));
            with_words(properties, function_words(), &[])
        }
        Kind::Layer => {
            let mut properties = own();
            properties.shift_remove("content");
            with_words(properties, json!({"code": definition("code")}), &[])
        }
        Kind::Queue => with_words(own(), json!({"deadLetter": dead_letter_of_queue()}), &[]),
        Kind::Topic => with_words(own(), json!({"subscriptions": subscriptions()}), &[]),
        Kind::Parameter => {
            let words = json!({
                "value": described(json!({"anyOf": [definition("text"), list(definition("text"))]}), "Text, or a list for a StringList."),
                "type": described(json!({"enum": parameter::TYPES}), "String where nothing else is said."),
                "keyId": described(definition("text"), "The key of a SecureString; AWS's own where nothing else is said."),
            });
            with_words(own(), words, &["value"])
        }
        Kind::Role | Kind::LogGroup => with_words(own(), json!({}), &[]),
        Kind::Resource => {
            let words = json!({
                "type": {"type": "string", "pattern": "^[A-Za-z0-9]+(::[A-Za-z0-9]+)+$", "description": "AWS's name of the type, such as AWS::DynamoDB::Table."},
                "properties": {"type": "object", "description": "As AWS documents them."},
                "metadata": {"type": "object"},
            });
            with_words(Map::new(), words, &["type"])
        }
    }
}

/// The properties of `type_name` without those that our words stand for.
fn properties_of(type_name: &str, without: &[&str]) -> Map<String, Json> {
    let mut properties = shapes::properties(type_name);
    properties.retain(|name, _| !without.contains(&name.as_str()));
    properties
}

fn function_words() -> Json {
    let variable =
        json!({"anyOf": [definition("text"), object(json!({"parameter": definition("name")}), &["parameter"])]});
    let reference = |text: &str| described(definition("text"), text);
    let mut logs = properties_of(aws::LOG_GROUP, &[]);
    if let Some(policy) = common().get("deletionPolicy") {
        logs.insert("deletionPolicy".to_owned(), policy.clone());
    }
    json!({
        "code": definition("code"),
        "environment": {"type": "object", "additionalProperties": variable, "description": "Variables: text, an intrinsic, or `{parameter: NAME}`."},
        "layers": described(list(definition("text")), "Layers of this application by name, others by ARN."),
        "role": reference("A role by name or ARN, in place of the function's own."),
        "triggers": described(list(triggers()), "What calls the function."),
        "connects": described(list(connections()), "What the function may use."),
        "permissions": described(list(json!({"anyOf": [definition("statement"), {"type": "string"}, definition("intrinsic")]})), "IAM statements and ARNs of managed policies for the function's own role."),
        "deadLetter": {"description": "Where events go that the function failed to handle.", "anyOf": [
            {"type": "string"},
            object(json!({"queue": definition("text")}), &["queue"]),
            object(json!({"topic": definition("text")}), &["topic"]),
        ]},
        "logs": described(object(Json::Object(logs), &[]), "The function's own log group; it keeps events for 30 days where nothing else is said."),
        "rollout": described(rollout_words(), "Serves the function from an alias, and says how traffic moves to a new version."),
    })
}

fn rollout_words() -> Json {
    let strategy = json!({"anyOf": [{"enum": rollout::STRATEGIES}, {"type": "string", "pattern": rollout::PATTERN}]});
    object(
        json!({
            "strategy": strategy,
            "alias": described(definition("text"), "`live` where nothing else is said."),
            "alarms": described(list(definition("text")), "Alarms that stop and undo a rollout."),
            "hooks": object(json!({"before": definition("text"), "after": definition("text")}), &[]),
        }),
        &["strategy"],
    )
}

fn triggers() -> Json {
    let mut queue = properties_of(aws::EVENT_SOURCE_MAPPING, &["functionName", "eventSourceArn"]);
    queue.insert("queue".to_owned(), definition("text"));
    queue.insert(
        "filters".to_owned(),
        described(list(json!({"type": ["object", "string"]})), "Patterns of the messages that are wanted."),
    );
    let mut topic = subscription();
    topic.insert("topic".to_owned(), definition("text"));
    json!({"anyOf": [object(Json::Object(queue), &["queue"]), object(Json::Object(topic), &["topic"])]})
}

/// The properties of a subscription beside who subscribes to what.
fn subscription() -> Map<String, Json> {
    let mut properties = properties_of(aws::SUBSCRIPTION, &["topicArn", "protocol", "endpoint"]);
    properties.insert("filterPolicy".to_owned(), definition("filterPolicy"));
    properties
        .insert("deadLetter".to_owned(), described(definition("text"), "A queue for what could not be delivered."));
    properties
}

fn subscriptions() -> Json {
    let all: Vec<Json> = topic::PROTOCOLS
        .iter()
        .map(|(word, _)| {
            let mut properties = subscription();
            properties.insert((*word).to_owned(), definition("text"));
            object(Json::Object(properties), &[word])
        })
        .collect();
    described(list(json!({"anyOf": all})), "Who hears the topic.")
}

fn connections() -> Json {
    let all: Vec<Json> = connect::PARTNERS
        .iter()
        .map(|partner| {
            let access: Vec<&str> = partner.access.iter().map(|(word, _)| *word).collect();
            let required: &[&str] = if partner.default { &[partner.word] } else { &[partner.word, "access"] };
            let mut properties = Map::new();
            properties.insert(partner.word.to_owned(), definition("text"));
            properties.insert("access".to_owned(), json!({"enum": access}));
            object(Json::Object(properties), required)
        })
        .collect();
    json!({"anyOf": all})
}

fn dead_letter_of_queue() -> Json {
    let count = json!({"type": "integer", "minimum": 1, "maximum": 1000, "description": "How often a message is tried; 5 where nothing else is said."});
    json!({
        "description": "Where messages go that are tried too often: a queue made for them, or another one.",
        "anyOf": [
            {"type": "string"},
            object(json!({"maxReceiveCount": count, "messageRetentionPeriod": value(json!({"type": "integer"}))}), &[]),
            object(json!({"queue": definition("text"), "maxReceiveCount": count}), &["queue"]),
        ],
    })
}

fn app() -> Json {
    let plain = json!({"type": ["string", "number", "boolean", "array", "null"]});
    let words: Map<String, Json> = parameters::WORDS.iter().map(|(word, _)| ((*word).to_owned(), json!({}))).collect();
    let environment = object(
        json!({
            "region": {"type": "string"},
            "account": {"type": "string", "pattern": "^[0-9]{12}$", "description": "The account that the credentials must belong to."},
            "roleArn": {"type": "string", "description": "The role to assume."},
            "parameters": {"type": "object", "additionalProperties": plain, "description": "Values of parameters."},
            "overrides": {"type": "object", "additionalProperties": {"type": "object"}, "description": "Patches of specs by resource name: maps are merged, null takes a word out, everything else is replaced."},
        }),
        &[],
    );
    let defaults: Map<String, Json> = Kind::ALL
        .into_iter()
        .filter(|kind| !matches!(kind, Kind::App | Kind::Resource))
        .map(|kind| {
            let mut schema = spec(kind);
            if let Json::Object(schema) = &mut schema {
                schema.shift_remove("required");
            }
            (kind.word().to_owned(), schema)
        })
        .collect();
    let output =
        object(json!({"value": {}, "description": {"type": "string"}, "export": definition("text")}), &["value"]);
    object(
        json!({
            "deleted": {"type": "boolean", "description": "A tombstone: everything of the application is to go."},
            "parameters": {"type": "object", "additionalProperties": {"anyOf": [plain, object(Json::Object(words), &[])]}},
            "conditions": {"type": "object", "description": "As a template's Conditions."},
            "mappings": {"type": "object", "description": "As a template's Mappings."},
            "environments": {"type": "object", "additionalProperties": {"anyOf": [environment, {"type": "null"}]}},
            "defaults": described(object(Json::Object(defaults), &[]), "What every resource of a kind begins with."),
            "outputs": {"type": "object", "additionalProperties": {"anyOf": [output, definition("intrinsic"), definition("text")]}},
        }),
        &[],
    )
}

#[cfg(test)]
mod tests;
