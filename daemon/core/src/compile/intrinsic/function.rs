//! The functions on lists, maps and numbers, and those that ask AWS.

use std::net::{Ipv4Addr, Ipv6Addr};

use base64::Engine as _;

use super::{Evaluator, FUNCTIONS, Pseudo, Strictness, has_symbolic, is_symbolic, references, text, weight};
use crate::model::suggest::did_you_mean;
use crate::model::{Node, Place, Val};

impl Evaluator<'_> {
    /// A function whose arguments are evaluated before it is.
    pub(super) fn function(&mut self, name: &str, argument: &Node, place: Place) -> Option<Node> {
        match name {
            "Fn::FindInMap" => return self.find_in_map(argument, place),
            // Kept by who inlines includes where all is only shown.
            "Fn::Transform"
                if self.scope.strictness == Strictness::Lenient && macro_name(argument) == "AWS::Include" =>
            {
                let argument = self.evaluate(argument).unwrap_or_else(|| Node::new(Val::Null, argument.place));
                return Some(Node::call(name, argument, place));
            }
            "Fn::Transform" => {
                self.error(
                    "unsupported-macro",
                    place,
                    format!("the macro `{}` runs in CloudFormation and cannot be applied", macro_name(argument)),
                );
                return Some(Node::new(Val::Null, place));
            }
            "Fn::RefAll" | "Fn::ValueOf" | "Fn::ValueOfAll" => {
                self.error(
                    "unsupported-function",
                    place,
                    format!(
                        "`{name}` asks CloudFormation for values of AWS-specific parameters and cannot be evaluated"
                    ),
                );
                return Some(Node::new(Val::Null, place));
            }
            _ if !FUNCTIONS.contains(&name) => {
                let diagnostic = self
                    .complaint("unknown-function", place, format!("there is no function `{name}`"))
                    .maybe_help(did_you_mean(name, FUNCTIONS.iter().copied()));
                self.diagnostics.push(diagnostic);
                return Some(Node::new(Val::Null, place));
            }
            _ => {}
        }
        let argument = self.evaluate(argument).unwrap_or_else(|| Node::new(Val::Null, argument.place));
        let secret = argument.has_secret();
        let value = match name {
            "Fn::Select" => return Some(self.select(argument, place)),
            "Fn::Split" => self.split(argument, place),
            "Fn::Base64" => self.base64(argument, place),
            "Fn::Length" => self.length(argument, place),
            "Fn::ToJsonString" => self.json_string(argument, place),
            "Fn::Cidr" => self.cidr(argument, place),
            "Fn::GetAZs" => self.zones(argument, place),
            "Fn::ImportValue" => self.import(argument, place),
            _ => Node::call(name, argument, place),
        };
        Some(if secret { value.into_secret() } else { value })
    }

    fn select(&mut self, argument: Node, place: Place) -> Node {
        let Some([index, list]) = argument.as_list() else { return self.misuse("Fn::Select", &argument) };
        let Some(index_text) = text::scalar(index) else {
            return if is_symbolic(index) {
                Node::call("Fn::Select", argument, place)
            } else {
                self.misuse("Fn::Select", &argument)
            };
        };
        match &list.value {
            Val::List(items) => {
                let chosen = index_text.trim().parse::<usize>().ok().and_then(|index| items.get(index));
                if let Some(item) = chosen {
                    return item.clone();
                }
                let count = items.len();
                self.error(
                    "out-of-range",
                    index.place.or(place),
                    format!("`Fn::Select` asks for item {index_text} of a list of {count}; counting begins at 0"),
                );
                Node::new(Val::Null, place)
            }
            _ if is_symbolic(list) => {
                let list = list.clone();
                Node::call("Fn::Select", Node::list(vec![Node::str(index_text, index.place), list], place), place)
            }
            _ => self.misuse("Fn::Select", &argument),
        }
    }

    fn split(&mut self, argument: Node, place: Place) -> Node {
        let Some([delimiter, source]) = argument.as_list() else { return self.misuse("Fn::Split", &argument) };
        let Some(delimiter) = text::scalar(delimiter).filter(|text| !text.is_empty()) else {
            return self.misuse("Fn::Split", &argument);
        };
        match text::scalar(source) {
            Some(source) => {
                let count = source.matches(&delimiter).count() + 1;
                if !self.spend(source.len() + count * size_of::<Node>(), place) {
                    return Node::new(Val::Null, place);
                }
                Node::list(source.split(&delimiter).map(|part| Node::str(part, place)).collect(), place)
            }
            None if is_symbolic(source) => Node::call("Fn::Split", argument, place),
            None => self.misuse("Fn::Split", &argument),
        }
    }

    fn base64(&mut self, argument: Node, place: Place) -> Node {
        match text::scalar(&argument) {
            Some(text) if self.spend(text.len() / 3 * 4, place) => {
                Node::str(base64::engine::general_purpose::STANDARD.encode(text), place)
            }
            Some(_) => Node::new(Val::Null, place),
            None if is_symbolic(&argument) => Node::call("Fn::Base64", argument, place),
            None => self.misuse("Fn::Base64", &argument),
        }
    }

    fn length(&mut self, argument: Node, place: Place) -> Node {
        match &argument.value {
            Val::List(items) => Node::new(Val::Int(i64::try_from(items.len()).unwrap_or(i64::MAX)), place),
            _ if is_symbolic(&argument) => Node::call("Fn::Length", argument, place),
            _ => self.misuse("Fn::Length", &argument),
        }
    }

    fn json_string(&mut self, argument: Node, place: Place) -> Node {
        if has_symbolic(&argument) {
            return Node::call("Fn::ToJsonString", argument, place);
        }
        if !matches!(argument.value, Val::List(_) | Val::Map(_)) {
            return self.misuse("Fn::ToJsonString", &argument);
        }
        let text = argument.to_json().to_string();
        if self.spend(text.len(), place) { Node::str(text, place) } else { Node::new(Val::Null, place) }
    }

    fn find_in_map(&mut self, argument: &Node, place: Place) -> Option<Node> {
        let items = argument.as_list().unwrap_or_default();
        let [map, first, second, rest @ ..] = items else { return Some(self.misuse("Fn::FindInMap", argument)) };
        let default = match rest {
            [] => None,
            [options] => match options.get("DefaultValue") {
                Some(default) => Some(default),
                None => return Some(self.misuse("Fn::FindInMap", argument)),
            },
            _ => return Some(self.misuse("Fn::FindInMap", argument)),
        };
        let keys: Vec<Node> = [map, first, second].into_iter().filter_map(|key| self.evaluate(key)).collect();
        let names: Option<Vec<String>> = keys.iter().map(text::scalar).collect();
        let (Some(names), [_, _, _]) = (names, keys.as_slice()) else {
            if let Some(default) = default {
                return self.evaluate(default);
            }
            self.error("invalid-function", argument.place, "the keys of `Fn::FindInMap` must be known beforehand");
            return Some(Node::new(Val::Null, place));
        };
        let scope = self.scope;
        let mut level = &scope.mappings;
        for (index, (name, key)) in names.iter().zip(&keys).enumerate() {
            let found = level.get(name);
            match (found.map(|entry| &entry.node), index) {
                (Some(value), 2) => {
                    if !self.spend(weight(value), place) {
                        return Some(Node::new(Val::Null, place));
                    }
                    // A complaint about the value belongs where it is used, as with a parameter.
                    return Some(Node { place, ..value.clone() });
                }
                (Some(Node { value: Val::Map(next), .. }), _) => level = next,
                _ if default.is_some() => break,
                _ => {
                    let path = names.iter().take(index).map(String::as_str).collect::<Vec<_>>().join(".");
                    let message = if index == 0 {
                        format!("there is no mapping `{name}`")
                    } else {
                        format!("mapping `{path}` has no key `{name}`")
                    };
                    let suggestion = did_you_mean(name, level.keys().map(String::as_str));
                    let diagnostic =
                        self.complaint("unknown-mapping", key.place.or(place), message).maybe_help(suggestion);
                    self.diagnostics.push(diagnostic);
                    return Some(Node::new(Val::Null, place));
                }
            }
        }
        default.and_then(|default| self.evaluate(default))
    }

    fn zones(&mut self, argument: Node, place: Place) -> Node {
        let region = match text::scalar(&argument) {
            Some(region) if region.is_empty() => self.scope.pseudo.region.clone(),
            Some(region) => Some(region),
            None if is_symbolic(&argument) => None,
            None => return self.misuse("Fn::GetAZs", &argument),
        };
        let Some(region) = region else { return Node::call("Fn::GetAZs", argument, place) };
        match self.values.zones.get(&region) {
            Some(zones) => Node::list(zones.iter().map(|zone| Node::str(zone, place)).collect(), place),
            None => {
                self.needs.zones.entry(region).or_insert(place);
                Node::call("Fn::GetAZs", argument, place)
            }
        }
    }

    fn import(&mut self, argument: Node, place: Place) -> Node {
        match text::scalar(&argument) {
            Some(name) => match self.values.exports.get(&name) {
                Some(value) => Node::str(value, place),
                None => {
                    self.needs.exports.entry(name).or_insert(place);
                    Node::call("Fn::ImportValue", argument, place)
                }
            },
            None if is_symbolic(&argument) => {
                let mut resource = None;
                references(&argument, &mut |id, at| {
                    if !Pseudo::NAMES.contains(&id) {
                        resource.get_or_insert((id.to_owned(), at));
                    }
                });
                if let Some((id, at)) = resource {
                    let message =
                        format!("the name that `Fn::ImportValue` is given depends on `{id}`, which is made later");
                    let diagnostic = self
                        .complaint("invalid-function", at.or(place), message)
                        .help("the name of an export is text, made of parameters and pseudo parameters at most");
                    self.diagnostics.push(self.scope.strictness.ease(diagnostic));
                }
                Node::call("Fn::ImportValue", argument, place)
            }
            None => self.misuse("Fn::ImportValue", &argument),
        }
    }

    fn cidr(&mut self, argument: Node, place: Place) -> Node {
        let Some([block, rest @ ..]) = argument.as_list() else { return self.misuse("Fn::Cidr", &argument) };
        let number = |node: &Node| text::scalar(node).and_then(|text| text.trim().parse::<u32>().ok());
        let (count, bits) = match rest {
            [count] => (number(count), Some(8)),
            [count, bits] => (number(count), number(bits)),
            _ => return self.misuse("Fn::Cidr", &argument),
        };
        let Some(block) = text::scalar(block) else {
            return if is_symbolic(block) {
                Node::call("Fn::Cidr", argument, place)
            } else {
                self.misuse("Fn::Cidr", &argument)
            };
        };
        let (Some(count), Some(bits)) = (count.filter(|count| (1..=256).contains(count)), bits) else {
            if rest.iter().any(is_symbolic) {
                return Node::call("Fn::Cidr", argument, place);
            }
            return self.misuse("Fn::Cidr", &argument);
        };
        match subnets(&block, count, bits) {
            Ok(blocks) => Node::list(blocks.into_iter().map(|block| Node::str(block, place)).collect(), place),
            Err(reason) => {
                self.error("invalid-function", argument.place.or(place), format!("`Fn::Cidr`: {reason}"));
                Node::new(Val::Null, place)
            }
        }
    }
}

/// The name of a macro, as far as it is written.
fn macro_name(argument: &Node) -> String {
    argument.get("Name").and_then(Node::scalar_text).unwrap_or_else(|| "Fn::Transform".to_owned())
}

/// The first `count` blocks with `bits` host bits in an address block.
fn subnets(block: &str, count: u32, bits: u32) -> Result<Vec<String>, String> {
    let wrong = || format!("`{block}` is no address block such as 10.0.0.0/16");
    let (address, length) = block.split_once('/').ok_or_else(wrong)?;
    let length: u32 = length.parse().map_err(|_| wrong())?;
    let v4 = address.parse::<Ipv4Addr>().ok();
    let (width, base) = match v4 {
        Some(address) => (32, u128::from(u32::from(address))),
        None => (128, u128::from(address.parse::<Ipv6Addr>().map_err(|_| wrong())?)),
    };
    if length > width {
        return Err(wrong());
    }
    if bits == 0 || bits > width - length {
        return Err(format!("{bits} host bits do not fit into `{block}`"));
    }
    let available = 1u128.checked_shl(width - length - bits).unwrap_or(u128::MAX);
    if u128::from(count) > available {
        return Err(format!("`{block}` holds {available} blocks of {bits} host bits, not {count}"));
    }
    let mask = u128::MAX.checked_shl(width - length).unwrap_or(0);
    (0..count)
        .map(|index| {
            let address = (base & mask) | u128::from(index).checked_shl(bits).unwrap_or(0);
            let shown = match v4 {
                Some(_) => u32::try_from(address).map(|address| Ipv4Addr::from(address).to_string()),
                None => Ok(Ipv6Addr::from(address).to_string()),
            };
            shown.map(|shown| format!("{shown}/{}", width - bits)).map_err(|_| wrong())
        })
        .collect()
}
