//! Least-privilege statements of IAM policies.

use super::document::aws;
use super::world::{Declared, World, join};
use crate::model::{Node, Place};

/// Version of the policy language; without it variables are not expanded.
const VERSION: &str = "2012-10-17";

/// A statement that allows `actions` on `resources`.
pub(super) fn allow(sid: &str, actions: &[&str], resources: Vec<Node>, place: Place) -> Node {
    let actions = actions.iter().map(|action| Node::str(*action, place)).collect();
    Node::map(
        [
            ("Sid", Node::str(sid, place)),
            ("Effect", Node::str("Allow", place)),
            ("Action", Node::list(actions, place)),
            ("Resource", Node::list(resources, place)),
        ],
        place,
    )
}

/// A policy document. What is said twice stands once, and Sids are told apart: IAM wants each only once.
pub(super) fn document(statements: Vec<Node>, place: Place) -> Node {
    let mut all: Vec<Node> = Vec::new();
    for mut statement in statements {
        if all.iter().any(|other| other.to_json() == statement.to_json()) {
            continue;
        }
        if let Some(sid) = statement.get("Sid").and_then(Node::as_str).map(str::to_owned) {
            let taken = |sid: &str| all.iter().any(|other| other.get("Sid").and_then(Node::as_str) == Some(sid));
            let free = (2..).map(|number| format!("{sid}{number}")).find(|sid| !taken(sid));
            if let (true, Some(free)) = (taken(&sid), free) {
                statement.set("Sid", Node::str(free, place));
            }
        }
        all.push(statement);
    }
    Node::map([("Version", Node::str(VERSION, place)), ("Statement", Node::list(all, place))], place)
}

/// The document that lets a service take on a role.
pub(super) fn trust(service: &str, place: Place) -> Node {
    let statement = Node::map(
        [
            ("Effect", Node::str("Allow", place)),
            ("Principal", Node::map([("Service", Node::str(service, place))], place)),
            ("Action", Node::str("sts:AssumeRole", place)),
        ],
        place,
    );
    document(vec![statement], place)
}

/// A Sid: letters and digits only, as IAM wants it. `receive`, `dead-letters` become `ReceiveDeadLetters`.
pub(super) fn sid(words: &[&str]) -> String {
    let mut out = String::new();
    for part in words.iter().flat_map(|word| word.split(|c: char| !c.is_ascii_alphanumeric())) {
        let mut chars = part.chars();
        if let Some(first) = chars.next() {
            out.push(first.to_ascii_uppercase());
            out.push_str(chars.as_str());
        }
    }
    out
}

/// Use of the key that encrypts something, through the service that holds it. AWS's own keys (`alias/aws/...`) may be
/// used by everybody in the account who may use the service, so they need no statement.
pub(super) fn use_key(
    world: &World,
    sid: &str,
    actions: &[&str],
    key: &Node,
    service: &str,
    place: Place,
) -> Option<Node> {
    let text = |text: &str| Node::str(text, place);
    let of_account = |rest: Node| {
        let colon = text(":");
        join(
            vec![
                text("arn:"),
                world.partition.clone(),
                text(":kms:"),
                world.region.clone(),
                colon,
                world.account.clone(),
                text(":key/"),
                rest,
            ],
            place,
        )
    };
    let mut alias = None;
    let resource = match key.as_str() {
        Some(name) if name.starts_with("alias/aws/") || name.contains(":alias/aws/") => return None,
        Some(arn) if arn.starts_with("arn:") && !arn.contains(":alias/") => key.clone(),
        Some(name) if name.contains("alias/") => {
            alias = Some(name.rsplit_once("alias/").map_or(name, |(_, rest)| rest));
            of_account(text("*"))
        }
        Some(_) => of_account(key.clone()),
        None => key_arn(world, key, place).unwrap_or_else(|| of_account(key.clone())),
    };
    let mut statement = allow(sid, actions, vec![resource], place);
    let via = join(vec![text(service), text("."), world.region.clone(), text(".amazonaws.com")], place);
    let mut conditions = vec![("StringEquals", Node::map([("kms:ViaService", via)], place))];
    if let Some(alias) = alias {
        let alias = text(&format!("alias/{alias}"));
        conditions.push(("ForAnyValue:StringEquals", Node::map([("kms:ResourceAliases", alias)], place)));
    }
    statement.set("Condition", Node::map(conditions, place));
    Some(statement)
}

/// The ARN of a key that is a resource of this application, or that already is `GetAtt Arn`.
fn key_arn(world: &World, key: &Node, place: Place) -> Option<Node> {
    match key.as_call()? {
        ("Fn::GetAtt", _) => Some(key.clone()),
        ("Ref", id) => {
            let declared = world.declared.get(id.as_str()?)?;
            (declared.type_name == "AWS::KMS::Key").then(|| Node::get_att(declared.id(), "Arn", place))
        }
        _ => None,
    }
}

/// The statement that lets `service`'s data be encrypted or decrypted with the key of `declared`, where it has one.
pub(super) fn use_key_of(
    world: &World,
    declared: &Declared,
    verb: &str,
    actions: &[&str],
    place: Place,
) -> Option<Node> {
    let (property, service) = match declared.type_name.as_str() {
        aws::QUEUE => ("KmsMasterKeyId", "sqs"),
        aws::TOPIC => ("KmsMasterKeyId", "sns"),
        aws::PARAMETER => ("KeyId", "ssm"),
        _ => return None,
    };
    let key = declared.property(property)?;
    use_key(world, &sid(&[verb, "key of", declared.id()]), actions, key, service, place)
}

/// Statements to receive from a queue, as a poller needs it.
pub(super) const POLL: &[&str] = &["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"];
/// What reading an encrypted thing takes.
pub(super) const DECRYPT: &[&str] = &["kms:Decrypt"];
/// What writing to an encrypted queue or topic takes.
pub(super) const ENCRYPT: &[&str] = &["kms:GenerateDataKey", "kms:Decrypt"];
