//! `AWS::SNS::TopicPolicy` and `AWS::SNS::TopicInlinePolicy`: the whole policy of a topic; and the policy that SNS
//! gives a topic of which nothing is said.

use evenkeel_core::plan::kind::Scope;
use evenkeel_core::plan::step::Step;
use serde_json::{Value as Json, json};

use super::spec;
use crate::facet::{DocumentFacet, POLICY};
use crate::values::{parsed, texts};

/// One document on several topics.
pub const TOPIC_POLICY: DocumentFacet = DocumentFacet {
    type_name: "AWS::SNS::TopicPolicy",
    parent: spec::TYPE,
    parent_word: "topic",
    targets: "Topics",
    refers_to_parent: false,
    write,
    home,
};

/// One document on one topic.
pub const TOPIC_INLINE_POLICY: DocumentFacet = DocumentFacet {
    type_name: "AWS::SNS::TopicInlinePolicy",
    targets: "TopicArn",
    refers_to_parent: true,
    ..TOPIC_POLICY
};

/// The actions of SNS's default policy; `Receive` was among them once.
const DEFAULT_ACTIONS: [&str; 9] = [
    "SNS:GetTopicAttributes",
    "SNS:SetTopicAttributes",
    "SNS:AddPermission",
    "SNS:RemovePermission",
    "SNS:DeleteTopic",
    "SNS:Subscribe",
    "SNS:ListSubscriptionsByTopic",
    "SNS:Publish",
    "SNS:Receive",
];
const DEFAULT_ID: &str = "__default_policy_ID";
const DEFAULT_SID: &str = "__default_statement_ID";

fn write(scope: &Scope, arn: &str, key: &str, document: String) -> Step {
    let document = if document.is_empty() { default(arn, &scope.account).to_string() } else { document };
    spec::set_attribute(arn, POLICY, &document, key)
}

fn home(arn: &str) -> (Option<&str>, Option<&str>) {
    let part = |index: usize| arn.split(':').nth(index).filter(|part| !part.is_empty());
    (part(4), part(3))
}

/// The policy that SNS puts on a new topic. A topic always has a policy, and an empty one is ignored: this is how to
/// go back to none.
pub(super) fn default(arn: &str, account: &str) -> Json {
    json!({
        "Version": "2008-10-17",
        "Id": DEFAULT_ID,
        "Statement": [{
            "Sid": DEFAULT_SID,
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": DEFAULT_ACTIONS[..8],
            "Resource": arn,
            "Condition": {"StringEquals": {"AWS:SourceOwner": account}},
        }],
    })
}

/// Whether a document is SNS's default for that topic: then nobody set one. Older topics have other lists of actions.
pub(super) fn is_default(document: &Json, arn: &str, account: &str) -> bool {
    let mut document = parsed(document);
    let Some(statements) = document.get_mut("Statement").and_then(Json::as_array_mut) else { return false };
    let [statement] = statements.as_mut_slice() else { return false };
    let actions = texts(statement.get("Action"));
    let known = !actions.is_empty()
        && actions.iter().all(|action| DEFAULT_ACTIONS.iter().any(|known| known.eq_ignore_ascii_case(action)));
    if !known {
        return false;
    }
    statement["Action"] = json!(DEFAULT_ACTIONS[..8]);
    evenkeel_core::plan::policy::equivalent(&document, &default(arn, account))
}
