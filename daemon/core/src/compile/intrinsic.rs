//! The one evaluator of intrinsic functions, for templates and native manifests alike.
//!
//! What can be known without AWS is evaluated. What only AWS or another resource can tell stays symbolic:
//! `{"Ref": id}`, `{"Fn::GetAtt": [id, attribute]}`, and text built from such as one flat `{"Fn::Join": ["", [..]]}`
//! with adjacent literals merged, whatever the spec used. Other functions of what is not known stay calls with
//! evaluated arguments.

mod dynamic;
mod function;
mod logic;
pub mod text;

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use indexmap::{IndexMap, IndexSet};

use super::values::{Needs, Values};
use crate::model::suggest::did_you_mean;
use crate::model::{Diagnostic, Diagnostics, Map, Node, Place, Severity, Val};

/// Most bytes that evaluation may produce: a small text with `${A}` a million times is no small text any more.
const MAX_PRODUCED: usize = 64 << 20;

/// Most levels of functions, values and conditions below each other.
const MAX_LEVELS: usize = 250;

/// The functions that [`Evaluator::evaluate`] knows.
pub const FUNCTIONS: &[&str] = &[
    "Ref",
    "Fn::GetAtt",
    "Fn::Sub",
    "Fn::Join",
    "Fn::Select",
    "Fn::Split",
    "Fn::If",
    "Fn::Equals",
    "Fn::And",
    "Fn::Or",
    "Fn::Not",
    "Fn::FindInMap",
    "Fn::Base64",
    "Fn::Cidr",
    "Fn::GetAZs",
    "Fn::ImportValue",
    "Fn::Transform",
    "Fn::Length",
    "Fn::ToJsonString",
    "Fn::GetStackOutput",
    "Fn::Contains",
    "Fn::EachMemberEquals",
    "Fn::EachMemberIn",
    "Fn::RefAll",
    "Fn::ValueOf",
    "Fn::ValueOfAll",
];

/// The pseudo parameters, as far as they are known.
#[derive(Clone, Debug, Default)]
pub struct Pseudo {
    /// `AWS::Region`; where it is `None` what needs it stays symbolic.
    pub region: Option<String>,
    /// `AWS::AccountId`, 12 digits; where it is `None` what needs it stays symbolic.
    pub account: Option<String>,
    /// `AWS::StackName`.
    pub stack: String,
}

impl Pseudo {
    /// Names of all pseudo parameters.
    pub const NAMES: &'static [&'static str] = &[
        "AWS::AccountId",
        "AWS::NoValue",
        "AWS::NotificationARNs",
        "AWS::Partition",
        "AWS::Region",
        "AWS::StackId",
        "AWS::StackName",
        "AWS::URLSuffix",
    ];

    /// `AWS::Partition` and `AWS::URLSuffix` of the region.
    pub fn partition(&self) -> Option<(&'static str, &'static str)> {
        self.region.as_deref().map(partition_of)
    }

    /// The value of a pseudo parameter other than `AWS::NoValue`, where it is known.
    pub fn value(&self, name: &str, place: Place) -> Option<Node> {
        let text = match name {
            "AWS::NotificationARNs" => return Some(Node::list(Vec::new(), place)),
            "AWS::Region" => self.region.clone()?,
            "AWS::AccountId" => self.account.clone()?,
            "AWS::StackName" => self.stack.clone(),
            "AWS::Partition" => self.partition()?.0.to_owned(),
            "AWS::URLSuffix" => self.partition()?.1.to_owned(),
            "AWS::StackId" => format!(
                "arn:{}:cloudformation:{}:{}:stack/{}/00000000-0000-0000-0000-000000000000",
                self.partition()?.0,
                self.region.as_ref()?,
                self.account.as_ref()?,
                self.stack
            ),
            _ => return None,
        };
        Some(Node::str(text, place))
    }
}

/// Partition and domain suffix of a region, by its name's prefix, as AWS's endpoint data has them.
pub fn partition_of(region: &str) -> (&'static str, &'static str) {
    const PARTITIONS: &[(&str, &str, &str)] = &[
        ("cn-", "aws-cn", "amazonaws.com.cn"),
        ("us-gov-", "aws-us-gov", "amazonaws.com"),
        ("us-iso-", "aws-iso", "c2s.ic.gov"),
        ("us-isob-", "aws-iso-b", "sc2s.sgov.gov"),
        ("eu-isoe-", "aws-iso-e", "cloud.adc-e.uk"),
        ("us-isof-", "aws-iso-f", "csp.hci.ic.gov"),
        ("eusc-", "aws-eusc", "amazonaws.eu"),
    ];
    PARTITIONS
        .iter()
        .find(|(prefix, ..)| region.starts_with(prefix))
        .map_or(("aws", "amazonaws.com"), |(_, partition, suffix)| (partition, suffix))
}

/// What becomes of a spec that AWS would refuse but that can be shown all the same: a reference to nothing, a circle of
/// resources, a parameter value outside its constraints, a rule that does not hold, a type that CloudFormation alone has,
/// sections and attributes that nobody knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strictness {
    /// An error: what can never be made must not be planned.
    #[default]
    Strict,
    /// A warning: `render` shows what is there.
    Lenient,
}

impl Strictness {
    /// The complaint, as severe as it is here.
    #[must_use]
    pub fn ease(self, diagnostic: Diagnostic) -> Diagnostic {
        match self {
            Strictness::Strict => diagnostic,
            Strictness::Lenient => Diagnostic { severity: Severity::Warning, ..diagnostic },
        }
    }
}

/// What names mean.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Parameter values by name, converted to the parameter's type; `NoEcho` ones are secret.
    pub parameters: IndexMap<String, Node>,
    /// The pseudo parameters.
    pub pseudo: Pseudo,
    /// `Mappings`: map, first key, second key.
    pub mappings: Map,
    /// `Conditions` as written, by name.
    pub conditions: Map,
    /// Logical ids that can be referred to.
    pub resources: IndexSet<String>,
    /// Logical ids whose resource is left out, with the condition that is false.
    pub dropped: IndexMap<String, String>,
    /// Nested applications by logical id.
    pub nested: IndexMap<String, NestedScope>,
    /// What becomes of what AWS would refuse.
    pub strictness: Strictness,
}

/// What can be said about an application nested in this one.
#[derive(Clone, Debug, Default)]
pub struct NestedScope {
    /// Its outputs, whose values are those of `Outputs.NAME`.
    pub outputs: IndexMap<String, Node>,
    /// The ids of its resources as they are here.
    pub ids: Vec<String>,
    /// It could not be compiled, which has been said: whatever refers to it is not known either.
    pub unknown: bool,
}

/// Evaluates nodes in a [`Scope`], gathering complaints and what is missing.
pub struct Evaluator<'a> {
    scope: &'a Scope,
    values: &'a Values,
    conditions: HashMap<String, logic::State>,
    owner: String,
    owner_place: Place,
    levels: usize,
    produced: usize,
    needs: Needs,
    diagnostics: Diagnostics,
}

impl<'a> Evaluator<'a> {
    /// An evaluator for one application in one environment.
    pub fn new(scope: &'a Scope, values: &'a Values) -> Self {
        Evaluator {
            scope,
            values,
            conditions: HashMap::new(),
            owner: String::new(),
            owner_place: Place::NOWHERE,
            levels: 0,
            produced: 0,
            needs: Needs::default(),
            diagnostics: Diagnostics::new(),
        }
    }

    /// Says what is being evaluated from here on, such as "Resource `Orders`": complaints begin with it and fall
    /// back to its place.
    pub fn within(&mut self, owner: impl Into<String>, place: Place) {
        self.owner = owner.into();
        self.owner_place = place;
    }

    /// What becomes of complaints that do not keep a spec from being shown.
    pub fn strictness(&self) -> Strictness {
        self.scope.strictness
    }

    /// What is missing, and all complaints.
    pub fn finish(self) -> (Needs, Diagnostics) {
        (self.needs, self.diagnostics)
    }

    /// The value of a node; `None` is `AWS::NoValue`. Where something is wrong it is gathered, and the value is
    /// null.
    pub fn evaluate(&mut self, node: &Node) -> Option<Node> {
        if self.levels >= MAX_LEVELS {
            self.error("too-deep", node.place, "functions and values are nested too deeply");
            return Some(Node::new(Val::Null, node.place));
        }
        self.levels += 1;
        let value = self.evaluate_level(node);
        self.levels -= 1;
        value.map(|value| if node.secret { value.into_secret() } else { value })
    }

    /// [`Evaluator::evaluate`], and then dynamic references (`{{resolve:ssm:..}}`) whose values are known.
    pub fn evaluate_fully(&mut self, node: &Node) -> Option<Node> {
        let value = self.evaluate(node)?;
        Some(self.resolve_dynamic(value))
    }

    fn evaluate_level(&mut self, node: &Node) -> Option<Node> {
        let value = match &node.value {
            Val::List(items) => Val::List(items.iter().filter_map(|item| self.evaluate(item)).collect()),
            Val::Map(map) => {
                match node.as_call() {
                    Some((name, argument)) if name != "Condition" => return self.call(name, argument, node),
                    _ => {}
                }
                let mut out = Map::with_capacity(map.len());
                for (key, entry) in map {
                    if let Some(node) = self.evaluate(&entry.node) {
                        out.insert(key.clone(), crate::model::Entry { key_place: entry.key_place, node });
                    }
                }
                Val::Map(out)
            }
            scalar => scalar.clone(),
        };
        Some(Node { value, place: node.place, secret: node.secret })
    }

    fn call(&mut self, name: &str, argument: &Node, node: &Node) -> Option<Node> {
        let place = node.place;
        match name {
            "Ref" => match argument.scalar_text() {
                Some(target) => self.reference(target.trim(), argument.place.or(place)),
                None => Some(self.misuse(name, argument)),
            },
            "Fn::GetAtt" => Some(self.get_att(argument, place)),
            "Fn::Sub" => self.sub(argument, place),
            "Fn::Join" => Some(self.join(argument, place)),
            "Fn::If" => self.choose(argument, place),
            "Fn::Equals"
            | "Fn::And"
            | "Fn::Or"
            | "Fn::Not"
            | "Fn::Contains"
            | "Fn::EachMemberEquals"
            | "Fn::EachMemberIn" => {
                let truth = self.expression(node).unwrap_or_default();
                Some(Node::new(Val::Bool(truth), place))
            }
            _ => self.function(name, argument, place),
        }
    }

    /// The value of `Ref`, or of `${name}` in `Fn::Sub`.
    fn reference(&mut self, name: &str, place: Place) -> Option<Node> {
        if name == "AWS::NoValue" {
            return None;
        }
        if let Some(value) = self.scope.parameters.get(name) {
            let enough = self.spend(weight(value), place);
            return Some(if enough { Node { place, ..value.clone() } } else { Node::new(Val::Null, place) });
        }
        if Pseudo::NAMES.contains(&name) {
            // A pseudo parameter that is not known yet stays symbolic, as a resource does.
            return Some(self.scope.pseudo.value(name, place).unwrap_or_else(|| Node::reference(name, place)));
        }
        self.check_resource(name, "Ref", place);
        Some(Node::reference(name, place))
    }

    fn get_att(&mut self, argument: &Node, place: Place) -> Node {
        let parts = match &argument.value {
            Val::Str(text) => match text.split_once('.') {
                Some((id, attribute)) => {
                    vec![Node::str(id, argument.place), Node::str(attribute, argument.place)]
                }
                None => return self.misuse("Fn::GetAtt", argument),
            },
            Val::List(items) if items.len() >= 2 => items.iter().filter_map(|item| self.evaluate(item)).collect(),
            _ => return self.misuse("Fn::GetAtt", argument),
        };
        let [id, rest @ ..] = parts.as_slice() else { return self.misuse("Fn::GetAtt", argument) };
        let attribute: Option<Vec<String>> = rest.iter().map(Node::scalar_text).collect();
        let (Some(name), Some(attribute)) = (id.as_str(), attribute.filter(|parts| !parts.is_empty())) else {
            return self.misuse("Fn::GetAtt", argument);
        };
        self.attribute(name, &attribute.join("."), "Fn::GetAtt", place, id.place.or(place))
    }

    /// An attribute of a resource, or an output of a nested application.
    fn attribute(&mut self, id: &str, attribute: &str, function: &str, place: Place, id_place: Place) -> Node {
        let scope = self.scope;
        let Some(nested) = scope.nested.get(id) else {
            self.check_resource(id, function, id_place);
            return Node::get_att(id, attribute, place);
        };
        let output = attribute.strip_prefix("Outputs.");
        if let Some(value) = output.and_then(|name| nested.outputs.get(name)) {
            let enough = self.spend(weight(value), place);
            return if enough { Node { place, ..value.clone() } } else { Node::new(Val::Null, place) };
        }
        if !nested.unknown {
            let known = nested.outputs.keys().map(String::as_str);
            let help = did_you_mean(output.unwrap_or(attribute), known)
                .unwrap_or_else(|| "a nested application has `Outputs.NAME` only".to_owned());
            let message =
                format!("`{function}` asks the nested application `{id}` for `{attribute}`, which it does not have");
            let diagnostic = self.complaint("unknown-reference", id_place, message).help(help);
            self.diagnostics.push(diagnostic);
        }
        Node::new(Val::Null, place)
    }

    /// Complains where no resource has this id.
    fn check_resource(&mut self, id: &str, function: &str, place: Place) {
        if self.scope.resources.contains(id) {
            return;
        }
        let diagnostic = if let Some(condition) = self.scope.dropped.get(id) {
            self.complaint(
                "unknown-reference",
                place,
                format!(
                    "`{function}` refers to `{id}`, which is left out because its condition `{condition}` is false"
                ),
            )
            .help(format!("put the reference into `Fn::If` with `{condition}`"))
        } else {
            let of_parameters = function != "Fn::GetAtt";
            let what = if of_parameters { "resource or parameter" } else { "resource" };
            let scope = self.scope;
            let parameters = scope.parameters.keys().map(String::as_str).chain(Pseudo::NAMES.iter().copied());
            let known = scope.resources.iter().map(String::as_str).chain(parameters.filter(|_| of_parameters));
            let suggestion = if self.diagnostics.are_many() { None } else { did_you_mean(id, known) };
            self.complaint(
                "unknown-reference",
                place,
                format!("`{function}` refers to `{id}`, and there is no such {what}"),
            )
            .maybe_help(suggestion)
        };
        let diagnostic = if function == "Fn::Sub" { diagnostic.within(format!("${{{id}")) } else { diagnostic };
        self.diagnostics.push(self.scope.strictness.ease(diagnostic));
    }

    /// An error that begins with what is being evaluated.
    fn complaint(&self, code: &'static str, place: Place, message: impl AsRef<str>) -> Diagnostic {
        let message = message.as_ref();
        let message = if self.owner.is_empty() { message.to_owned() } else { format!("{}: {message}", self.owner) };
        Diagnostic::error(code, place.or(self.owner_place), message)
    }

    fn error(&mut self, code: &'static str, place: Place, message: impl AsRef<str>) {
        let diagnostic = self.complaint(code, place, message);
        self.diagnostics.push(diagnostic);
    }

    /// A function whose argument has the wrong shape; the value is null.
    fn misuse(&mut self, name: &str, argument: &Node) -> Node {
        let diagnostic = self
            .complaint("invalid-function", argument.place, format!("`{name}` {}", usage(name)))
            .help(format!("here it is given {}", argument.type_word()));
        self.diagnostics.push(diagnostic);
        Node::new(Val::Null, argument.place)
    }

    /// Counts what evaluation produces; false once it is too much.
    fn spend(&mut self, bytes: usize, place: Place) -> bool {
        let before = self.produced;
        self.produced = self.produced.saturating_add(bytes);
        if self.produced <= MAX_PRODUCED {
            return true;
        }
        if before <= MAX_PRODUCED {
            self.error("too-large", place, format!("the values grow beyond {} MB", MAX_PRODUCED >> 20));
        }
        false
    }
}

/// How a function is called, as the rest of a sentence that begins with its name.
fn usage(name: &str) -> &'static str {
    match name {
        "Ref" => "takes the name of a parameter or resource",
        "Fn::GetAtt" => "takes a resource and its attribute: [resource, attribute] or `resource.attribute`",
        "Fn::Sub" => "takes text, or [text, map of variables]",
        "Fn::Join" => "takes [delimiter, list]",
        "Fn::Select" => "takes [index, list]",
        "Fn::Split" => "takes [delimiter, text]",
        "Fn::If" => "takes [condition, value if true, value if false]",
        "Fn::Equals" => "takes two values",
        "Fn::And" | "Fn::Or" => "takes a list of two to ten conditions",
        "Fn::Not" => "takes a list of one condition",
        "Condition" => "takes the name of a condition",
        "Fn::FindInMap" => "takes [map, first key, second key], and may have {DefaultValue: value} as a fourth",
        "Fn::Base64" => "takes text",
        "Fn::Cidr" => "takes [block, count, bits], with a count from 1 to 256",
        "Fn::GetAZs" => "takes the name of a region",
        "Fn::ImportValue" => "takes the name of an export",
        "Fn::Length" => "takes a list",
        "Fn::ToJsonString" => "takes a map or list",
        "Fn::Contains" => "takes [list, value]",
        "Fn::EachMemberEquals" => "takes [list, value]",
        "Fn::EachMemberIn" => "takes two lists",
        _ => "is given what it does not take",
    }
}

/// Whether a value is a function that could not be evaluated yet.
pub fn is_symbolic(node: &Node) -> bool {
    node.as_call().is_some_and(|(name, _)| name != "Condition")
}

/// Whether a value, or anything in it, could not be evaluated yet.
pub fn has_symbolic(node: &Node) -> bool {
    is_symbolic(node)
        || match &node.value {
            Val::List(items) => items.iter().any(has_symbolic),
            Val::Map(map) => map.values().any(|entry| has_symbolic(&entry.node)),
            _ => false,
        }
}

/// Calls `found` with every logical id (or pseudo parameter) that an evaluated value refers to.
pub fn references<'n>(node: &'n Node, found: &mut dyn FnMut(&'n str, Place)) {
    match (&node.value, node.as_call()) {
        (_, Some(("Ref", target))) => {
            if let Some(id) = target.as_str() {
                found(id, node.place);
            }
        }
        (_, Some(("Fn::GetAtt", argument))) if argument.as_list().is_some_and(|items| !items.is_empty()) => {
            if let Some(id) = argument.as_list().and_then(|items| items.first()).and_then(Node::as_str) {
                found(id, node.place);
            }
        }
        (Val::List(items), _) => items.iter().for_each(|item| references(item, found)),
        (Val::Map(map), _) => map.values().for_each(|entry| references(&entry.node, found)),
        _ => {}
    }
}

/// About how much memory a value is, in bytes.
fn weight(node: &Node) -> usize {
    size_of::<Node>()
        + match &node.value {
            Val::Str(text) => text.len(),
            Val::List(items) => items.iter().map(weight).sum(),
            Val::Map(map) => map.iter().map(|(key, entry)| key.len() + weight(&entry.node)).sum(),
            _ => 0,
        }
}
