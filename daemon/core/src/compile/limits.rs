//! What AWS refuses although each property alone is as its schema says: limits across properties and resources.
//!
//! AWS itself says most of this only minutes into a run, some of it (a queue's visibility below its function's timeout)
//! only when the last resource is made. Here it is said offline, at the place, for the whole application at once. A
//! value that only AWS or another resource can tell is taken to be right, so no complaint is a guess.

mod advice;
mod code;
mod destination;
mod fifo;
mod function;
mod identity;
mod known;
mod mapping;
mod name;
mod parameter;
mod provisioned;
mod queue;
mod topic;

pub use advice::without_log_group;

#[cfg(test)]
mod tests;

use known::Known;

use crate::model::{Desired, Diagnostic, Diagnostics, Node, Place, Resource};

/// Checks an application against AWS's limits beyond the schemas.
pub fn check_limits(desired: &Desired, out: &mut Diagnostics) {
    for resource in desired.resources.values() {
        let mut check = Check { desired, resource, out };
        match resource.type_name.as_str() {
            "AWS::Lambda::Function" => {
                function::check(&mut check);
                code::check(&mut check);
            }
            "AWS::Lambda::Alias" => {
                function::check_alias(&mut check);
                provisioned::check(&mut check);
            }
            "AWS::Lambda::Version" => provisioned::check(&mut check),
            "AWS::Lambda::LayerVersion" => name::check_layer(&mut check),
            "AWS::Logs::LogGroup" => name::check_log_group(&mut check),
            "AWS::Lambda::EventInvokeConfig" => destination::check(&mut check),
            "AWS::Lambda::EventSourceMapping" => mapping::check(&mut check),
            "AWS::SQS::Queue" => queue::check(&mut check),
            "AWS::SQS::QueuePolicy" | "AWS::SQS::QueueInlinePolicy" => queue::check_policy(&mut check),
            "AWS::SNS::Topic" => topic::check(&mut check),
            "AWS::SNS::TopicPolicy" | "AWS::SNS::TopicInlinePolicy" => topic::check_policy(&mut check),
            "AWS::SNS::Subscription" => topic::check_subscription(&mut check),
            "AWS::SSM::Parameter" => parameter::check(&mut check),
            "AWS::IAM::Role" => identity::check_role(&mut check),
            "AWS::IAM::ManagedPolicy" => identity::check_managed(&mut check),
            _ => {}
        }
    }
}

/// Says what AWS takes and people regret. None of it is an error.
pub fn advise(desired: &Desired, out: &mut Diagnostics) {
    advice::check(desired, out);
}

/// One resource under check.
struct Check<'a> {
    desired: &'a Desired,
    resource: &'a Resource,
    out: &'a mut Diagnostics,
}

impl<'a> Check<'a> {
    /// The value at a dotted path, where it is there and not an intrinsic.
    fn known(&self, path: &str) -> Option<&'a Node> {
        known::at(&self.resource.properties, path)
    }

    /// The value at a dotted path as it is written, intrinsics included; null counts as absent.
    fn written(&self, path: &str) -> Option<&'a Node> {
        known::written(&self.resource.properties, path)
    }

    fn text(&self, path: &str) -> Option<&'a str> {
        self.known(path)?.known_text()
    }

    fn number(&self, path: &str) -> Option<i64> {
        self.known(path)?.known_number()
    }

    fn is_true(&self, path: &str) -> bool {
        self.known(path).and_then(Node::known_flag) == Some(true)
    }

    /// Where a property was written; the resource's own place where it was not.
    fn place(&self, path: &str) -> Place {
        self.written(path).map_or(self.resource.place, |node| node.place.or(self.resource.place))
    }

    /// An error about this resource: "`charge`: MESSAGE".
    fn refuse(&mut self, code: &'static str, place: Place, message: impl AsRef<str>, help: impl Into<String>) {
        self.push(self.error(code, place, message).help(help));
    }

    fn error(&self, code: &'static str, place: Place, message: impl AsRef<str>) -> Diagnostic {
        let message = format!("`{}`: {}", self.resource.id, message.as_ref());
        Diagnostic::error(code, place.or(self.resource.place), message)
    }

    fn warn(&mut self, code: &'static str, place: Place, message: impl AsRef<str>, help: impl Into<String>) {
        let message = format!("`{}`: {}", self.resource.id, message.as_ref());
        self.push(Diagnostic::warning(code, place.or(self.resource.place), message).help(help));
    }

    fn push(&mut self, diagnostic: Diagnostic) {
        self.out.push(diagnostic);
    }

    /// The resource of this application that a value names by reference or by its explicit name or ARN, where it is of
    /// one of the types.
    fn target(&self, node: &'a Node, types: &[&str]) -> Option<&'a Resource> {
        known::target(self.desired, node, types)
    }
}

/// "A, B and C" of words.
fn listed(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => format!("`{one}`"),
        [first @ .., last] => {
            let first: Vec<String> = first.iter().map(|word| format!("`{word}`")).collect();
            format!("{} and `{last}`", first.join(", "))
        }
    }
}
