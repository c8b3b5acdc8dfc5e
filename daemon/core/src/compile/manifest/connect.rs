//! `connects`: what a function may use, as the statements that follow from it.

use super::document::{Kind, aws};
use super::fields::{Fields, Text};
use super::policy::{DECRYPT, ENCRYPT, allow, sid, use_key_of};
use super::world::{Declared, Target, World};
use crate::model::suggest::did_you_mean;
use crate::model::{Diagnostic, Diagnostics, Node};

/// The statements of a function's `connects`.
#[derive(Default)]
pub(super) struct Connections {
    /// For the role itself.
    pub statements: Vec<Node>,
    /// Calls of functions: in a policy of their own that no function waits for, because functions may call each other.
    pub invokes: Vec<Node>,
}

/// One thing that can be connected to.
pub(super) struct Partner {
    /// As `connects` calls it.
    pub word: &'static str,
    type_name: &'static str,
    /// Access words with their actions; the first is the default where `default` says so.
    pub access: &'static [(&'static str, &'static [&'static str])],
    /// Whether `access` may be left out, because there is one obvious answer.
    pub default: bool,
}

const READ_QUEUE: &[&str] = &[
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibility",
    "sqs:GetQueueAttributes",
    "sqs:GetQueueUrl",
];
const WRITE_QUEUE: &[&str] = &["sqs:SendMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl"];
const READ_WRITE_QUEUE: &[&str] = &[
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibility",
    "sqs:SendMessage",
    "sqs:GetQueueAttributes",
    "sqs:GetQueueUrl",
];
const READ_PARAMETER: &[&str] = &["ssm:GetParameter", "ssm:GetParameters"];
const WRITE_PARAMETER: &[&str] = &["ssm:PutParameter"];
const READ_WRITE_PARAMETER: &[&str] = &["ssm:GetParameter", "ssm:GetParameters", "ssm:PutParameter"];

/// Everything that a function can be connected to.
pub(super) const PARTNERS: &[Partner] = &[
    Partner {
        word: "queue",
        type_name: aws::QUEUE,
        access: &[("read", READ_QUEUE), ("write", WRITE_QUEUE), ("readwrite", READ_WRITE_QUEUE)],
        default: false,
    },
    Partner { word: "topic", type_name: aws::TOPIC, access: &[("write", &["sns:Publish"])], default: true },
    Partner {
        word: "parameter",
        type_name: aws::PARAMETER,
        access: &[("read", READ_PARAMETER), ("write", WRITE_PARAMETER), ("readwrite", READ_WRITE_PARAMETER)],
        default: true,
    },
    Partner {
        word: "function",
        type_name: aws::FUNCTION,
        access: &[("invoke", &["lambda:InvokeFunction"])],
        default: true,
    },
];

/// Reads `connects` of a function.
pub(super) fn read(world: &World, function: &Declared, entries: &[Node], out: &mut Diagnostics) -> Connections {
    let mut connections = Connections::default();
    for entry in entries {
        let mut fields = Fields::new(entry, format!("`connects` of {}", function.what()), out);
        let named: Vec<(&Partner, Node)> =
            PARTNERS.iter().filter_map(|partner| Some((partner, fields.take(partner.word)?))).collect();
        let access = fields.text("access", out);
        let complete = entry.as_map().is_some();
        fields.finish(out);
        match named.as_slice() {
            [(partner, node)] => {
                if let Some(target) = world.target(partner.word, partner.type_name, node, out)
                    && let Some((verb, actions)) = partner.actions(access.as_ref(), node, out)
                {
                    connections.add(world, partner, verb, actions, &target, node);
                }
            }
            _ if complete => out.push(
                Diagnostic::error("bad-connection", entry.place, "each entry of `connects` names exactly one thing")
                    .help("write `{queue: NAME, access: write}`; beside queue there are topic, parameter and function"),
            ),
            _ => {}
        }
    }
    connections
}

impl Partner {
    fn actions(
        &self,
        access: Option<&Text>,
        node: &Node,
        out: &mut Diagnostics,
    ) -> Option<(&'static str, &'static [&'static str])> {
        let words = || self.access.iter().map(|(word, _)| *word);
        let Some(access) = access else {
            if !self.default {
                out.push(
                    Diagnostic::error(
                        "missing-access",
                        node.place,
                        format!("say which access the {} is for", self.word),
                    )
                    .help(format!("`access` is one of {}", words().collect::<Vec<_>>().join(", "))),
                );
                return None;
            }
            return self.access.first().copied();
        };
        let found = self.access.iter().find(|(word, _)| *word == access.text).copied();
        if found.is_none() {
            let help = match (self.word, access.text.as_str()) {
                ("topic", "read" | "readwrite") => {
                    "a topic can only be written to; to receive from it add `{topic: NAME}` to `triggers`".to_owned()
                }
                _ => did_you_mean(&access.text, words()).unwrap_or_else(|| {
                    format!("`access` to a {} is {}", self.word, words().collect::<Vec<_>>().join(", "))
                }),
            };
            let message = format!("a {} has no access `{}`", self.word, access.text);
            out.push(Diagnostic::error("unknown-access", access.place, message).help(help));
        }
        found
    }
}

impl Connections {
    fn add(
        &mut self,
        world: &World,
        partner: &Partner,
        verb: &str,
        actions: &[&str],
        target: &Target<'_>,
        node: &Node,
    ) {
        let place = node.place;
        let sid = sid(&[verb, partner.word, &target.slug()]);
        let mut resources = vec![target.arn(place)];
        let Target::Own(declared) = target else {
            let statements = if partner.word == "function" { &mut self.invokes } else { &mut self.statements };
            statements.push(allow(&sid, actions, resources, place));
            return;
        };
        if declared.document.kind == Kind::Function || declared.type_name == aws::FUNCTION {
            // Whoever calls may say the function's name or the alias: both are the same function to a reader.
            resources.extend(declared.alias_id().map(|alias| Node::reference(&alias, place)));
            self.invokes.push(allow(&sid, actions, resources, place));
            return;
        }
        self.statements.push(allow(&sid, actions, resources, place));
        let key_actions = if verb == "read" { DECRYPT } else { ENCRYPT };
        self.statements.extend(use_key_of(world, declared, verb, key_actions, place));
    }
}
