//! AWS's quotas for control calls: which bucket a call is taken from, how fast the bucket fills, and what calls cost.
//!
//! Where AWS publishes a figure it is that one; where it does not, it is a careful guess that the limiter corrects when
//! AWS throttles. Rates are calls a second for an account and region, IAM's for the account.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::plan::{Plan, Step};

/// One bucket of AWS's.
#[derive(Clone, Debug, PartialEq)]
pub struct Quota {
    /// Its name: the service, and the operation or group of operations where it is not the service's only bucket.
    pub name: String,
    /// Calls a second that AWS grants to everybody in the account together.
    pub rate: f64,
    /// Whether all regions share it.
    pub global: bool,
}

/// What was or will be taken from one bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spent {
    /// Calls.
    pub calls: u64,
    /// Calls divided by the bucket's rate, seconds.
    pub seconds: f64,
}

/// Calls by the bucket that they are taken from.
pub type Buckets = BTreeMap<String, Spent>;

/// What a plan takes from AWS's quotas.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cost {
    /// Calls that change something: each step is one.
    pub writes: u64,
    /// Seconds of the bucket that takes longest; the others run beside it.
    pub seconds: f64,
    /// Whether more follows: something waits for what this plan makes, and is planned when that is known.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_least: bool,
    /// By bucket.
    pub buckets: Buckets,
}

/// The bucket of a call, by the service's name in the SDK (`CloudWatch Logs`) or in a type's name (`Logs`). `None` for
/// what is not limited here: calls of data, whose quotas are thousands a second.
pub fn quota(service: &str, operation: &str) -> Option<Quota> {
    let all = |rate| Some(Quota { name: service.to_owned(), rate, global: false });
    let group = |name: &str, rate| Some(Quota { name: format!("{service} {name}"), rate, global: false });
    let alone = |rate| group(operation, rate);
    match (service, operation) {
        // Service Quotas, "Lambda": GetFunction 100, GetPolicy 15, all the rest together 15, none of them adjustable.
        ("Lambda", "Invoke") => None,
        ("Lambda", "GetFunction") => alone(100.0),
        ("Lambda", "GetPolicy") => alone(15.0),
        ("Lambda", _) => all(15.0),
        // 40 is the published default of the reads of values together. 3 for writes is what AWS's support tells;
        // DescribeParameters throttles a paginator that does not pause; nothing is published of the rest.
        ("SSM", "GetParameter" | "GetParameters" | "GetParametersByPath") => group("GetParameters", 40.0),
        ("SSM", "PutParameter") => alone(3.0),
        ("SSM", "DescribeParameters") => alone(2.0),
        ("SSM", _) => all(20.0),
        // SNS's API reference tells the lists, Subscribe, Unsubscribe and the tags; the rest is a guess.
        ("SNS", "ListTopics" | "ListSubscriptions" | "ListSubscriptionsByTopic") => alone(30.0),
        ("SNS", "Subscribe" | "Unsubscribe") => alone(100.0),
        ("SNS", "TagResource" | "UntagResource" | "ListTagsForResource") => group("tags", 10.0),
        ("SNS", _) => all(30.0),
        // Nothing is published about control calls; messages are not limited here.
        ("SQS", "SendMessage" | "ReceiveMessage" | "DeleteMessage") => None,
        ("SQS", _) => all(15.0),
        // Nothing is published; the bucket is the account's, and everybody who signs in shares it.
        ("IAM", _) => Some(Quota { name: service.to_owned(), rate: 4.0, global: true }),
        // Service Quotas, "CloudWatch Logs": 5 each for most (10 in newer accounts).
        ("CloudWatch Logs" | "Logs", _) => Some(Quota { name: format!("Logs {operation}"), rate: 5.0, global: false }),
        ("STS", _) => all(100.0),
        // Service Quotas: 2,500 for control calls; the API reference: 5 for tags. Items are not limited here.
        ("DynamoDB", "GetItem" | "PutItem" | "UpdateItem" | "DeleteItem" | "Query" | "Scan") => None,
        ("DynamoDB", "TagResource" | "UntagResource") => group("tags", 5.0),
        ("DynamoDB", _) => all(100.0),
        ("Secrets Manager" | "SecretsManager", "GetSecretValue") => alone(100.0),
        ("Secrets Manager" | "SecretsManager", _) => all(40.0),
        // Service Quotas: everything together 10, not adjustable.
        ("API Gateway" | "ApiGatewayV2" | "ApiGateway", _) => {
            Some(Quota { name: "API Gateway".to_owned(), rate: 10.0, global: false })
        }
        ("Resource Groups Tagging API", _) => all(15.0),
        ("EventBridge" | "Events", _) => {
            Some(Quota { name: format!("EventBridge {operation}"), rate: 50.0, global: false })
        }
        ("S3", _) => all(5.0),
        // A service that nobody has thought of yet.
        _ => all(10.0),
    }
}

/// The service in a type's name: `Lambda` of `AWS::Lambda::Function`.
fn service_of(type_name: &str) -> &str {
    type_name.split("::").nth(1).unwrap_or(type_name)
}

/// The bucket of a step.
pub fn of_step(step: &Step) -> Option<Quota> {
    quota(service_of(step.type_name), step.operation)
}

/// What calls take from AWS's buckets: service, operation, how often.
pub fn spent<'a>(calls: impl IntoIterator<Item = (&'a str, &'a str, u64)>) -> Buckets {
    let mut out = Buckets::new();
    for (service, operation, count) in calls {
        let Some(quota) = quota(service, operation) else { continue };
        let bucket = out.entry(quota.name).or_default();
        bucket.calls += count;
        bucket.seconds = rounded(bucket.calls as f64 / quota.rate);
    }
    out
}

/// To the hundredth: nobody's quotas are known better.
fn rounded(seconds: f64) -> f64 {
    (seconds * 100.0).round() / 100.0
}

impl Cost {
    /// What the steps of this plan take.
    pub fn of(plan: &Plan) -> Cost {
        let steps = || plan.actions.iter().flat_map(|action| &action.steps);
        let buckets = spent(steps().map(|step| (service_of(step.type_name), step.operation, 1)));
        Cost {
            writes: steps().count() as u64,
            seconds: buckets.values().map(|bucket| bucket.seconds).fold(0.0, f64::max),
            at_least: plan.actions.iter().any(|action| action.is_waiting() || action.later),
            buckets,
        }
    }

    /// In a line: `29 writes, about 3.8 s of AWS's quotas (IAM: 15 calls)`.
    pub fn sentence(&self) -> String {
        let slowest = self.buckets.iter().max_by(|a, b| a.1.seconds.total_cmp(&b.1.seconds));
        let Some((name, spent)) = slowest else { return format!("{}no writes", self.lead()) };
        let plural = |count: u64| if count == 1 { "" } else { "s" };
        format!(
            "{}{} write{}, about {:.1} s of AWS's quotas ({name}: {} call{})",
            self.lead(),
            self.writes,
            plural(self.writes),
            self.seconds,
            spent.calls,
            plural(spent.calls),
        )
    }

    fn lead(&self) -> &'static str {
        if self.at_least { "at least " } else { "" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Action, Standing, Verb};

    #[test]
    fn lambda_has_three_buckets() {
        let name = |operation| quota("Lambda", operation).map(|quota| (quota.name, quota.rate));
        assert_eq!(name("GetFunction"), Some(("Lambda GetFunction".to_owned(), 100.0)));
        assert_eq!(name("GetPolicy"), Some(("Lambda GetPolicy".to_owned(), 15.0)));
        assert_eq!(name("CreateFunction"), Some(("Lambda".to_owned(), 15.0)));
        assert_eq!(name("ListAliases"), name("CreateFunction"));
        assert_eq!(name("Invoke"), None);
    }

    #[test]
    fn buckets_and_rates_are_those_that_aws_tells_or_that_clients_met() {
        let rows = [
            ("Lambda", "GetFunction", "Lambda GetFunction", 100.0),
            ("Lambda", "GetPolicy", "Lambda GetPolicy", 15.0),
            ("Lambda", "ListVersionsByFunction", "Lambda", 15.0),
            ("Lambda", "ListAliases", "Lambda", 15.0),
            ("Lambda", "UpdateFunctionCode", "Lambda", 15.0),
            ("SSM", "GetParameter", "SSM GetParameters", 40.0),
            ("SSM", "GetParameters", "SSM GetParameters", 40.0),
            ("SSM", "GetParametersByPath", "SSM GetParameters", 40.0),
            ("SSM", "PutParameter", "SSM PutParameter", 3.0),
            ("SNS", "ListTopics", "SNS ListTopics", 30.0),
            ("SNS", "ListSubscriptions", "SNS ListSubscriptions", 30.0),
            ("SNS", "ListSubscriptionsByTopic", "SNS ListSubscriptionsByTopic", 30.0),
            ("SNS", "Subscribe", "SNS Subscribe", 100.0),
            ("SNS", "Unsubscribe", "SNS Unsubscribe", 100.0),
            ("SNS", "TagResource", "SNS tags", 10.0),
            ("SNS", "UntagResource", "SNS tags", 10.0),
            ("SNS", "ListTagsForResource", "SNS tags", 10.0),
            ("Logs", "CreateLogGroup", "Logs CreateLogGroup", 5.0),
            ("Logs", "DeleteLogGroup", "Logs DeleteLogGroup", 5.0),
            ("Logs", "DescribeLogGroups", "Logs DescribeLogGroups", 5.0),
            ("Logs", "PutRetentionPolicy", "Logs PutRetentionPolicy", 5.0),
            ("DynamoDB", "TagResource", "DynamoDB tags", 5.0),
        ];
        for (service, operation, name, rate) in rows {
            let quota = quota(service, operation).unwrap();
            assert_eq!((quota.name.as_str(), quota.rate), (name, rate), "{service} {operation}");
        }
        // Where nothing is published: no more than what is known to pass.
        for (service, operation, most) in [
            ("SSM", "DescribeParameters", 3.0),
            ("SNS", "SetTopicAttributes", 30.0),
            ("SNS", "CreateTopic", 30.0),
            ("SQS", "SetQueueAttributes", 20.0),
            ("IAM", "CreateRole", 5.0),
        ] {
            assert!(quota(service, operation).unwrap().rate <= most, "{service} {operation}");
        }
    }

    #[test]
    fn a_service_is_the_same_by_its_name_in_the_sdk_and_in_a_type() {
        assert_eq!(quota("CloudWatch Logs", "CreateLogGroup"), quota("Logs", "CreateLogGroup"));
        assert_eq!(service_of("AWS::Lambda::Function"), "Lambda");
    }

    #[test]
    fn only_iam_is_shared_by_all_regions() {
        assert!(quota("IAM", "CreateRole").is_some_and(|quota| quota.global));
        assert!(quota("Lambda", "CreateFunction").is_some_and(|quota| !quota.global));
    }

    fn action(type_name: &'static str, operations: &[&'static str], standing: Standing) -> Action {
        let step = |operation: &&'static str| Step {
            type_name,
            operation,
            input: serde_json::Value::Null,
            refresh: (type_name, "x".to_owned()),
        };
        Action { standing, steps: operations.iter().map(step).collect(), ..Action::new("x", type_name, Verb::Create) }
    }

    #[test]
    fn a_plan_costs_its_steps_and_as_long_as_the_slowest_bucket() {
        let functions = action("AWS::Lambda::Function", &["CreateFunction"; 30], Standing::Acting);
        let roles = action("AWS::IAM::Role", &["CreateRole", "PutRolePolicy"], Standing::Acting);
        let cost = Cost::of(&Plan { actions: vec![functions, roles], ..Plan::default() });
        assert_eq!((cost.writes, cost.seconds, cost.at_least), (32, 2.0, false));
        assert_eq!(cost.buckets["IAM"], Spent { calls: 2, seconds: 0.5 });
        assert_eq!(cost.sentence(), "32 writes, about 2.0 s of AWS's quotas (Lambda: 30 calls)");
    }

    #[test]
    fn a_plan_of_which_something_waits_costs_at_least_its_steps() {
        let role = action("AWS::IAM::Role", &["CreateRole"], Standing::Acting);
        let version = action("AWS::Lambda::Version", &[], Standing::Waiting("waits for fn".to_owned()));
        let cost = Cost::of(&Plan { actions: vec![role, version], ..Plan::default() });
        assert!(cost.at_least);
        assert_eq!(cost.sentence(), "at least 1 write, about 0.2 s of AWS's quotas (IAM: 1 call)");
    }
}
