//! An account in which everything exists that AWS ever told of, each with the spec that it came from.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_core::plan::{Artifact, Step, planner};
use evenkeel_tests::aws::{Answer, Fault};
use serde_json::{Map, Value as Json, json};

/// The calls by which evenkeel reads: service, operation, the members of the input that say what is asked for, and the
/// answer where there is nothing (`404` where AWS says so).
const READS: &[(&str, &str, &[&str], &str)] = &[
    ("lambda", "ListFunctions", &[], r#"{"Functions":[]}"#),
    ("lambda", "GetFunction", &["FunctionName"], "404"),
    ("lambda", "GetFunctionCodeSigningConfig", &["FunctionName"], "404"),
    ("lambda", "GetFunctionRecursionConfig", &["FunctionName"], "404"),
    ("lambda", "ListVersionsByFunction", &["FunctionName"], r#"{"Versions":[]}"#),
    ("lambda", "ListAliases", &["FunctionName"], r#"{"Aliases":[]}"#),
    ("lambda", "GetProvisionedConcurrencyConfig", &["FunctionName", "Qualifier"], "404"),
    ("lambda", "GetPolicy", &["FunctionName", "Qualifier"], "404"),
    ("lambda", "ListFunctionUrlConfigs", &["FunctionName"], r#"{"FunctionUrlConfigs":[]}"#),
    ("lambda", "ListFunctionEventInvokeConfigs", &["FunctionName"], r#"{"FunctionEventInvokeConfigs":[]}"#),
    ("lambda", "ListEventSourceMappings", &[], r#"{"EventSourceMappings":[]}"#),
    ("lambda", "ListTags", &["Resource"], r#"{"Tags":{}}"#),
    ("lambda", "ListLayers", &[], r#"{"Layers":[]}"#),
    ("lambda", "ListLayerVersions", &["LayerName"], r#"{"LayerVersions":[]}"#),
    ("lambda", "GetLayerVersionPolicy", &["LayerName", "VersionNumber"], "404"),
    ("sqs", "ListQueues", &[], "{}"),
    ("sqs", "ListQueueTags", &["QueueUrl"], "{}"),
    ("sqs", "GetQueueAttributes", &["QueueUrl"], "404"),
    ("sns", "ListTopics", &[], "{}"),
    ("sns", "ListTagsForResource", &["ResourceArn"], r#"{"Tags":[]}"#),
    ("sns", "GetTopicAttributes", &["TopicArn"], "404"),
    ("sns", "GetDataProtectionPolicy", &["ResourceArn"], r#"{"DataProtectionPolicy":""}"#),
    ("sns", "ListSubscriptions", &[], "{}"),
    ("sns", "GetSubscriptionAttributes", &["SubscriptionArn"], "404"),
    ("ssm", "DescribeParameters", &[], r#"{"Parameters":[]}"#),
    ("ssm", "ListTagsForResource", &["ResourceId"], r#"{"TagList":[]}"#),
    ("iam", "GetAccountAuthorizationDetails", &["Filter"], r#"{"IsTruncated":false}"#),
    ("iam", "ListRoles", &[], r#"{"IsTruncated":false,"Roles":[]}"#),
    ("iam", "GetPolicy", &["PolicyArn"], "404"),
    ("logs", "DescribeLogGroups", &[], r#"{"logGroups":[]}"#),
    ("logs", "ListTagsForResource", &["resourceArn"], r#"{"tags":{}}"#),
    ("logs", "DescribeIndexPolicies", &[], r#"{"indexPolicies":[]}"#),
    ("logs", "DescribeResourcePolicies", &[], r#"{"resourcePolicies":[]}"#),
];

/// A resource that AWS told of.
pub(super) struct Case {
    /// Its logical id.
    pub(super) id: String,
    pub(super) type_name: &'static str,
    /// The test and the step.
    pub(super) place: String,
    /// What a spec says that AWS would answer so.
    pub(super) spec: Map<String, Json>,
    /// Properties that it could do without: AWS has another value where they are not given.
    pub(super) optional: Vec<String>,
    /// Where the marks go that evenkeel writes with the resource.
    pub(super) marks: Marks,
}

/// Where an answer holds the marks.
pub(super) enum Marks {
    /// It has none.
    Nowhere,
    /// Tags: the answer's key, and the path to them.
    Tags(String, String),
    /// A member that the step of the creation has too: the answer's key, the path to it, its name in the step.
    Member(String, String, &'static str),
    /// The id of a statement in a policy that is text.
    Statement(String, usize),
}

/// Everything in the account.
#[derive(Default)]
pub(super) struct Stage {
    pub(super) cases: Vec<Case>,
    /// Answers by service, operation and what was asked for.
    pub(super) answers: BTreeMap<String, Json>,
    /// Packages by path.
    pub(super) artifacts: BTreeMap<String, Artifact>,
    /// What nobody accounts for.
    pub(super) problems: BTreeSet<String>,
    /// How many answers were taken in, by operation.
    pub(super) covered: BTreeMap<&'static str, usize>,
}

/// The key of an answer.
pub(super) fn key(service: &str, operation: &str, asked: &[&str]) -> String {
    format!("{service} {operation} {}", asked.join(" "))
}

fn empty(service: &str, operation: &str) -> &'static str {
    let row = READS.iter().find(|row| (row.0, row.1) == (service, operation));
    row.unwrap_or_else(|| panic!("{service} {operation} is not a call that evenkeel reads by")).3
}

impl Stage {
    /// The answer to a call.
    pub(super) fn put(&mut self, service: &str, operation: &str, asked: &[&str], answer: Json) -> String {
        _ = empty(service, operation);
        let key = key(service, operation, asked);
        self.answers.insert(key.clone(), answer);
        key
    }

    /// One more line of a listing; tells the line's path.
    pub(super) fn line(
        &mut self,
        service: &str,
        operation: &str,
        asked: &[&str],
        member: &str,
        line: Json,
    ) -> (String, String) {
        let key = key(service, operation, asked);
        let empty = || serde_json::from_str(empty(service, operation)).unwrap_or_else(|_| json!({}));
        let answer = self.answers.entry(key.clone()).or_insert_with(empty);
        if answer.get(member).is_none() {
            answer[member] = json!([]);
        }
        let lines = answer[member].as_array_mut().unwrap();
        lines.push(line);
        (key, format!("/{member}/{}", lines.len() - 1))
    }

    /// A resource, with an id of its own.
    pub(super) fn case(
        &mut self,
        type_name: &'static str,
        place: &str,
        (spec, optional): (Map<String, Json>, Vec<String>),
        marks: Marks,
    ) {
        let id = format!("r{}", self.cases.len());
        self.cases.push(Case { id, type_name, place: place.to_owned(), spec, optional, marks });
    }

    /// Writes the marks of a resource where AWS would answer them.
    pub(super) fn mark(&mut self, at: usize, steps: &[Step]) {
        let case = &self.cases[at];
        let Some(step) = steps.first() else {
            panic!("{} ({}) would not be made", case.place, case.type_name);
        };
        match &case.marks {
            Marks::Nowhere => {}
            Marks::Tags(key, path) => {
                let given = planner::tags_of(step.input.get("Tags").or_else(|| step.input.get("tags")));
                let marks = given.into_iter().filter(|(name, _)| name.starts_with("evenkeel"));
                match self.answers.get_mut(key).unwrap().pointer_mut(path).unwrap() {
                    Json::Object(map) => map.extend(marks.map(|(name, value)| (name, Json::from(value)))),
                    Json::Array(list) => list.extend(marks.map(|(key, value)| json!({"Key": key, "Value": value}))),
                    other => panic!("{key}: tags are {other}"),
                }
            }
            Marks::Member(key, path, name) => {
                *self.answers.get_mut(key).unwrap().pointer_mut(path).unwrap() = step.input[*name].clone();
            }
            Marks::Statement(key, number) => {
                let policy = &mut self.answers.get_mut(key).unwrap()["Policy"];
                let mut document: Json = serde_json::from_str(policy.as_str().unwrap()).unwrap();
                document["Statement"][*number]["Sid"] = step.input["StatementId"].clone();
                *policy = Json::from(document.to_string());
            }
        }
    }

    /// What the account answers.
    pub(super) fn answer(&self, service: &str, operation: &str, input: &Json) -> Answer {
        let row = READS.iter().find(|row| (row.0, row.1) == (service, operation));
        let asked: &[&str] = row.map_or(&[], |row| row.2);
        let word = |name: &&str| match input.get(*name) {
            Some(Json::Array(words)) => words.iter().filter_map(Json::as_str).collect::<Vec<_>>().join(","),
            Some(Json::String(url)) if *name == "QueueUrl" => url.rsplit('/').next().unwrap_or(url).to_owned(),
            Some(Json::String(text)) => text.clone(),
            _ => String::new(),
        };
        let asked: Vec<String> = asked.iter().map(word).collect();
        let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
        if operation == "GetParameters" {
            return Ok(self.parameters(input));
        }
        let nothing = row.map_or("404", |row| row.3);
        match self.answers.get(&key(service, operation, &asked)) {
            Some(answer) => Ok(answer.clone()),
            None if nothing != "404" => Ok(serde_json::from_str(nothing).unwrap()),
            None => Err(absent(service, operation)),
        }
    }

    /// The one read by several names.
    fn parameters(&self, input: &Json) -> Json {
        let wanted = input["Names"].as_array().into_iter().flatten();
        let found = wanted.filter_map(|name| self.answers.get(&key("ssm", "GetParameters", &[name.as_str()?])));
        json!({"Parameters": found.collect::<Vec<_>>(), "InvalidParameters": []})
    }
}

fn absent(service: &str, operation: &str) -> Fault {
    let code = match (service, operation) {
        ("lambda", "GetProvisionedConcurrencyConfig") => "ProvisionedConcurrencyConfigNotFoundException",
        ("sqs", _) => "AWS.SimpleQueueService.NonExistentQueue",
        ("sns", _) => "NotFound",
        ("iam", _) => "NoSuchEntity",
        _ => "ResourceNotFoundException",
    };
    Fault { code: code.to_owned(), status: 404, message: format!("nothing was recorded for {service} {operation}") }
}

/// What the members of an answer are.
pub(super) struct Form {
    /// What AWS says of a resource and no spec can.
    pub(super) said: &'static [&'static str],
    /// What every spec says.
    pub(super) given: &'static [&'static str],
    /// What a spec may say, and what AWS answers where none does (`null`: nothing at all), as its documentation has it.
    pub(super) open: &'static [(&'static str, &'static str)],
}

impl Form {
    /// The properties of the spec that an answer came from, and those of them that are not required. Every member must
    /// be accounted for.
    pub(super) fn spec(
        &self,
        place: &str,
        answer: &Map<String, Json>,
        problems: &mut BTreeSet<String>,
    ) -> (Map<String, Json>, Vec<String>) {
        let (mut spec, mut optional) = (Map::new(), Vec::new());
        for (name, value) in answer {
            let open = self.open.iter().find(|(open, _)| open == name);
            if self.given.contains(&name.as_str()) {
                spec.insert(name.clone(), value.clone());
            } else if let Some((_, default)) = open {
                let default: Json = serde_json::from_str(default).unwrap();
                if *value != default {
                    spec.insert(name.clone(), value.clone());
                    optional.push(name.clone());
                }
            } else if !self.said.contains(&name.as_str()) {
                problems.insert(format!("{place}: nobody accounts for `{name}`: {value}"));
            }
        }
        (spec, optional)
    }
}
