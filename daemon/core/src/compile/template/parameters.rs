//! `Parameters`: values by type, and their constraints.

use std::cell::Cell;

use indexmap::{IndexMap, IndexSet};
use regex::RegexBuilder;

use super::super::intrinsic::text::scalar;
use super::super::intrinsic::{Strictness, has_symbolic};
use super::super::values::{Needs, Values};
use crate::model::suggest::did_you_mean;
use crate::model::{Diagnostic, Diagnostics, Entry, Node, Place, Val};

/// What a parameter may say about itself.
const KEYS: &[&str] = &[
    "Type",
    "Default",
    "Description",
    "NoEcho",
    "AllowedValues",
    "AllowedPattern",
    "ConstraintDescription",
    "MinLength",
    "MaxLength",
    "MinValue",
    "MaxValue",
];

/// AWS's own parameter types, each also as `List<...>`; CloudFormation checks that the values exist.
const AWS_TYPES: &[&str] = &[
    "AWS::EC2::AvailabilityZone::Name",
    "AWS::EC2::Image::Id",
    "AWS::EC2::Instance::Id",
    "AWS::EC2::KeyPair::KeyName",
    "AWS::EC2::SecurityGroup::GroupName",
    "AWS::EC2::SecurityGroup::Id",
    "AWS::EC2::Subnet::Id",
    "AWS::EC2::Volume::Id",
    "AWS::EC2::VPC::Id",
    "AWS::Route53::HostedZone::Id",
    "AWS::SSM::Parameter::Name",
];

/// A parameter's type, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Type {
    /// The value passed is the name of an SSM parameter that holds the real one.
    from_ssm: bool,
    shape: Shape,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Text,
    Number,
    TextList,
    NumberList,
}

impl Type {
    fn parse(word: &str) -> Option<Type> {
        let inside = |prefix: &str| word.strip_prefix(prefix).and_then(|rest| rest.strip_suffix('>'));
        if let Some(inner) = inside("AWS::SSM::Parameter::Value<") {
            return Type::parse(inner).filter(|inner| !inner.from_ssm).map(|inner| Type { from_ssm: true, ..inner });
        }
        let shape = match word {
            "String" => Shape::Text,
            "Number" => Shape::Number,
            "CommaDelimitedList" | "List<String>" => Shape::TextList,
            "List<Number>" => Shape::NumberList,
            _ if AWS_TYPES.contains(&word) => Shape::Text,
            _ => match inside("List<") {
                Some(inner) if AWS_TYPES.contains(&inner) => Shape::TextList,
                _ => return None,
            },
        };
        Some(Type { from_ssm: false, shape })
    }
}

/// Where values of parameters come from.
pub(crate) struct Given<'a> {
    /// From AWS and from the command line; these win.
    pub values: &'a Values,
    /// From the spec, with their places.
    pub overrides: &'a IndexMap<String, Node>,
    /// What becomes of what AWS would refuse.
    pub strictness: Strictness,
    /// What declares them, in messages: "the template".
    pub declares: &'static str,
    /// Where they are declared, or would be: for complaints about values from the command line.
    pub place: Place,
    /// Where else a person may write a value, in messages.
    pub remedy: &'static str,
}

/// The values of all parameters, of their types. Where a value is missing or wrong it is gathered, and an empty one
/// stands in so that the rest can be looked at.
pub(crate) fn resolve(
    section: Option<&Node>,
    input: &Given<'_>,
    needs: &mut Needs,
    errors: &mut Diagnostics,
) -> IndexMap<String, Node> {
    let empty = crate::model::Map::new();
    let declared = section.and_then(Node::as_map).unwrap_or(&empty);
    check_overrides(declared, input, errors);
    let mut missing: Vec<(&String, &Entry)> = Vec::new();
    let mut values = IndexMap::new();
    for (name, entry) in declared {
        let Some(kind) = declaration(name, entry, errors) else { continue };
        let given = input
            .values
            .parameters
            .get(name)
            .map(|json| Node::from_json(json, Place::NOWHERE))
            .or_else(|| input.overrides.get(name).cloned());
        let Some(raw) = given.or_else(|| entry.node.get("Default").cloned()) else {
            missing.push((name, entry));
            values.insert(name.clone(), placeholder(kind, entry.key_place));
            continue;
        };
        let place = raw.place.or(entry.key_place);
        if has_symbolic(&raw) {
            // A nested application is handed what only AWS can tell; there is nothing to hold against constraints.
            values.insert(name.clone(), raw);
            continue;
        }
        check(name, &entry.node, kind, &raw, place, input.strictness, errors);
        let mut value = if kind.from_ssm {
            from_ssm(kind, &raw, place, input, needs)
        } else {
            typed(kind.shape, &raw, place).unwrap_or_else(|| placeholder(kind, place))
        };
        if entry.node.get("NoEcho").is_some_and(truthy) {
            value = value.into_secret();
        }
        values.insert(name.clone(), value);
    }
    if let Some(((first, entry), rest)) = missing.split_first() {
        let names =
            missing.iter().take(MOST_LISTED).map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let names = if missing.len() > MOST_LISTED { format!("{names} ...") } else { names };
        let message = if rest.is_empty() {
            format!("parameter {names} has no value")
        } else {
            format!("parameters {names} have no value")
        };
        let mut diagnostic = Diagnostic::error("missing-parameter", entry.key_place, message)
            .help(format!("{}, or pass `--parameter {first}=...`", input.remedy));
        for (name, entry) in rest.iter().take(MOST_LISTED) {
            diagnostic = diagnostic.related(entry.key_place, format!("`{name}`"));
        }
        errors.push(diagnostic);
    }
    values
}

/// Values for parameters that nobody declares.
fn check_overrides(declared: &crate::model::Map, input: &Given<'_>, errors: &mut Diagnostics) {
    let given = input
        .overrides
        .iter()
        .map(|(name, node)| (name, node.place))
        .chain(input.values.parameters.keys().map(|name| (name, input.place)));
    for (name, place) in given {
        if !declared.contains_key(name) {
            errors.push(
                Diagnostic::error("unknown-parameter", place, format!("{} has no parameter `{name}`", input.declares))
                    .maybe_help(did_you_mean(name, declared.keys().map(String::as_str))),
            );
        }
        if errors.are_many() {
            return;
        }
    }
}

/// Checks what a parameter says about itself and gives its type.
fn declaration(name: &str, entry: &Entry, errors: &mut Diagnostics) -> Option<Type> {
    let Some(map) = entry.node.as_map() else {
        errors.error("wrong-type", entry.key_place, format!("parameter `{name}` is a map with a `Type`"));
        return None;
    };
    for (key, inner) in map {
        if !KEYS.contains(&key.as_str()) {
            errors.push(
                Diagnostic::error("unknown-property", inner.key_place, format!("parameter `{name}` has no `{key}`"))
                    .maybe_help(did_you_mean(key, KEYS.iter().copied())),
            );
        }
    }
    let Some(word) = entry.node.get("Type") else {
        errors.error("missing-property", entry.key_place, format!("parameter `{name}` has no `Type`"));
        return None;
    };
    let kind = word.as_str().and_then(Type::parse);
    if kind.is_none() {
        let shown = word.scalar_text().unwrap_or_else(|| word.type_word().to_owned());
        let known = ["String", "Number", "CommaDelimitedList", "List<Number>"];
        errors.push(
            Diagnostic::error("wrong-type", word.place, format!("parameter `{name}` has no such type: `{shown}`"))
                .maybe_help(did_you_mean(&shown, known.into_iter().chain(AWS_TYPES.iter().copied())))
                .maybe_help((shown == "Boolean").then(|| "use String with AllowedValues [true, false]".to_owned())),
        );
    }
    kind
}

/// A stand-in for a value that could not be told.
fn placeholder(kind: Type, place: Place) -> Node {
    match kind.shape {
        Shape::Text => Node::str("", place),
        Shape::Number => Node::new(Val::Int(0), place),
        Shape::TextList | Shape::NumberList => Node::list(Vec::new(), place),
    }
}

/// A value's items: a list as it is, text at its commas.
fn items(raw: &Node) -> Option<Vec<String>> {
    match &raw.value {
        Val::List(items) => items.iter().map(scalar).collect(),
        _ => {
            let text = scalar(raw)?;
            let all = text.split(',').map(|item| item.trim().to_owned()).collect();
            Some(if text.is_empty() { Vec::new() } else { all })
        }
    }
}

fn number(text: &str) -> Option<Val> {
    let text = text.trim();
    let whole = text.parse().ok().map(Val::Int);
    whole.or_else(|| text.parse::<f64>().ok().filter(|value| value.is_finite()).map(Val::Float))
}

/// A raw value as its type has it; `None` where it does not fit.
fn typed(shape: Shape, raw: &Node, place: Place) -> Option<Node> {
    let secret = raw.has_secret();
    let value = match shape {
        Shape::Text => match &raw.value {
            Val::List(_) => Val::Str(items(raw)?.join(",")),
            _ => Val::Str(scalar(raw)?),
        },
        Shape::Number => number(&scalar(raw)?)?,
        Shape::TextList => Val::List(items(raw)?.into_iter().map(|item| Node::str(item, place)).collect()),
        Shape::NumberList => {
            let numbers: Option<Vec<Val>> = items(raw)?.iter().map(|item| number(item)).collect();
            Val::List(numbers?.into_iter().map(|value| Node::new(value, place)).collect())
        }
    };
    let node = Node::new(value, place);
    Some(if secret { node.into_secret() } else { node })
}

/// The value of the SSM parameter that `raw` names; where it is not known yet, a dynamic reference to it.
fn from_ssm(kind: Type, raw: &Node, place: Place, input: &Given<'_>, needs: &mut Needs) -> Node {
    let path = scalar(raw).unwrap_or_default();
    if let Some(value) = input.values.ssm.get(&path) {
        let value = Node::str(value, place);
        return typed(kind.shape, &value, place).unwrap_or(value);
    }
    let reference = Node::str(format!("{{{{resolve:ssm:{path}}}}}"), place);
    needs.ssm.entry(path).or_insert(place);
    match kind.shape {
        Shape::Text | Shape::Number => reference,
        Shape::TextList | Shape::NumberList => {
            Node::call("Fn::Split", Node::list(vec![Node::str(",", place), reference], place), place)
        }
    }
}

fn truthy(node: &Node) -> bool {
    scalar(node).is_some_and(|text| text.eq_ignore_ascii_case("true"))
}

/// Most complaints about the items of one value; a list may have millions.
const MOST_WRONG: usize = 10;
/// Most allowed values that a complaint lists.
const MOST_LISTED: usize = 40;

/// Holds a raw value against the parameter's constraints. For a value from SSM they apply to its name.
fn check(
    name: &str,
    declared: &Node,
    kind: Type,
    raw: &Node,
    place: Place,
    strictness: Strictness,
    errors: &mut Diagnostics,
) {
    let shape = if kind.from_ssm { Shape::Text } else { kind.shape };
    let secret = declared.get("NoEcho").is_some_and(truthy);
    let shown = |text: &str| if secret { "its value".to_owned() } else { format!("`{text}`") };
    let wrong = Cell::new(0usize);
    let mut complain = |message: String| {
        wrong.set(wrong.get() + 1);
        let help = declared.get("ConstraintDescription").and_then(Node::scalar_text);
        let diagnostic = Diagnostic::error("invalid-parameter", place, format!("parameter `{name}`: {message}"));
        errors.push(strictness.ease(diagnostic.maybe_help(help)));
    };
    if typed(shape, raw, place).is_none() {
        let wanted = match shape {
            Shape::Number => "a number",
            Shape::NumberList => "a list of numbers",
            Shape::Text => "text",
            Shape::TextList => "a list of texts",
        };
        let text = scalar(raw).map_or_else(|| raw.type_word().to_owned(), |text| shown(&text));
        complain(format!("{text} is not {wanted}"));
        return;
    }
    let values = match shape {
        Shape::Text | Shape::Number => scalar(raw).into_iter().collect(),
        Shape::TextList | Shape::NumberList => items(raw).unwrap_or_default(),
    };
    // The whole value must match. Java patterns that this engine has no word for (look-around) are left to AWS.
    let pattern = declared.get("AllowedPattern").and_then(Node::as_str);
    let regex = pattern.and_then(|pattern| {
        let regex = RegexBuilder::new(&format!("^(?:{pattern})$")).size_limit(1 << 20).build();
        Some((pattern, regex.ok()?))
    });
    let allowed: Option<IndexSet<String>> =
        declared.get("AllowedValues").and_then(Node::as_list).map(|all| all.iter().filter_map(scalar).collect());
    let limit = |key: &str| declared.get(key).and_then(scalar).and_then(|text| text.trim().parse::<f64>().ok());
    for value in &values {
        if wrong.get() > MOST_WRONG {
            return;
        }
        if let Some(allowed) = allowed.as_ref().filter(|allowed| !allowed.contains(value)) {
            let listed = allowed.iter().take(MOST_LISTED).map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", ");
            let more = if allowed.len() > MOST_LISTED { ", ..." } else { "" };
            complain(format!("{} is none of the allowed values {listed}{more}", shown(value)));
        }
        if shape == Shape::Text {
            let length = f64::from(u32::try_from(value.chars().count()).unwrap_or(u32::MAX));
            if limit("MinLength").is_some_and(|min| length < min) {
                complain(format!("{} is shorter than `MinLength`", shown(value)));
            }
            if limit("MaxLength").is_some_and(|max| length > max) {
                complain(format!("{} is longer than `MaxLength`", shown(value)));
            }
        }
        if shape == Shape::Number || shape == Shape::NumberList {
            let number = value.trim().parse::<f64>().unwrap_or_default();
            if limit("MinValue").is_some_and(|min| number < min) {
                complain(format!("{} is below `MinValue`", shown(value)));
            }
            if limit("MaxValue").is_some_and(|max| number > max) {
                complain(format!("{} is above `MaxValue`", shown(value)));
            }
        }
        if let Some((pattern, regex)) = &regex
            && !regex.is_match(value)
        {
            complain(format!("{} does not match `AllowedPattern` {pattern}", shown(value)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_told_apart() {
        let of = |word| Type::parse(word).map(|kind| (kind.from_ssm, kind.shape));
        assert_eq!(of("String"), Some((false, Shape::Text)));
        assert_eq!(of("List<AWS::EC2::Subnet::Id>"), Some((false, Shape::TextList)));
        assert_eq!(of("AWS::SSM::Parameter::Value<List<String>>"), Some((true, Shape::TextList)));
        assert_eq!(of("AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>"), Some((true, Shape::Text)));
        assert_eq!(of("AWS::SSM::Parameter::Name"), Some((false, Shape::Text)));
        for word in
            ["Boolean", "string", "List<Boolean>", "AWS::SSM::Parameter::Value<AWS::SSM::Parameter::Value<String>>"]
        {
            assert_eq!(of(word), None, "{word}");
        }
    }
}
