//! `AWS::SQS::QueuePolicy` and `AWS::SQS::QueueInlinePolicy`: the whole policy of a queue.

use evenkeel_core::plan::kind::Scope;
use evenkeel_core::plan::step::Step;
use serde_json::{Map, Value as Json};

use super::spec;
use crate::facet::{DocumentFacet, POLICY};

/// One document on several queues.
pub const QUEUE_POLICY: DocumentFacet = DocumentFacet {
    type_name: "AWS::SQS::QueuePolicy",
    parent: spec::TYPE,
    parent_word: "queue",
    targets: "Queues",
    refers_to_parent: false,
    write,
    home,
};

/// One document on one queue.
pub const QUEUE_INLINE_POLICY: DocumentFacet = DocumentFacet {
    type_name: "AWS::SQS::QueueInlinePolicy",
    targets: "Queue",
    refers_to_parent: true,
    ..QUEUE_POLICY
};

fn write(_scope: &Scope, url: &str, key: &str, document: String) -> Step {
    let attributes = Map::from_iter([(POLICY.to_owned(), Json::from(document))]);
    spec::set_attributes(url, attributes, key)
}

/// `https://sqs.REGION.amazonaws.com/ACCOUNT/NAME`; another endpoint's host tells no region.
fn home(url: &str) -> (Option<&str>, Option<&str>) {
    let account = url.rsplit('/').nth(1).filter(|part| part.len() == 12 && part.bytes().all(|b| b.is_ascii_digit()));
    let region = url.split("//sqs.").nth(1).and_then(|rest| rest.split(".amazonaws.").next());
    (account, region.filter(|region| !region.contains('/')))
}
