//! `Fn::ForEach` of `AWS::LanguageExtensions`: loops over resources, outputs, conditions and properties.

use indexmap::IndexMap;

use super::super::intrinsic::text::{Piece, pieces, scalar};
use super::super::intrinsic::{Evaluator, Scope, has_symbolic};
use super::super::values::Values;
use super::super::yaml::MAX_EXPANDED;
use crate::model::{Diagnostic, Diagnostics, Entry, Map, Node, Place, Val};

const PREFIX: &str = "Fn::ForEach::";

/// Most values that all loops of a template make. CloudFormation takes 500 resources, far fewer values than these.
const MAX_MADE: usize = 200_000;

/// Unrolls every loop in a template.
pub(super) fn unroll(template: &mut Node, scope: &Scope, values: &Values, errors: &mut Diagnostics) {
    let mut unroller = Unroller { scope, values, errors, made: 0, room: MAX_EXPANDED };
    for section in ["Conditions", "Resources", "Outputs"] {
        if let Some(node) = template.get(section) {
            let unrolled = unroller.walk(node, &IndexMap::new());
            template.set(section, unrolled);
        }
    }
}

/// Puts values of mappings where they are asked for with keys that are known: `AWS::LanguageExtensions` does so before
/// the SAM transform, which takes no intrinsic for the path of code.
pub(super) fn look_up(node: &mut Node, scope: &Scope, values: &Values) {
    if matches!(node.as_call(), Some(("Fn::FindInMap", _))) {
        let mut evaluator = Evaluator::new(scope, values);
        let found = evaluator.evaluate(node);
        let (needs, complaints) = evaluator.finish();
        // What is wrong with it is said when all is evaluated.
        if let Some(found) = found.filter(|found| !has_symbolic(found) && needs.is_empty() && complaints.is_empty()) {
            *node = found;
        }
        return;
    }
    match &mut node.value {
        Val::List(items) => items.iter_mut().for_each(|item| look_up(item, scope, values)),
        Val::Map(map) => map.values_mut().for_each(|entry| look_up(&mut entry.node, scope, values)),
        _ => {}
    }
}

/// Loop variables and their values.
type Bound = IndexMap<String, String>;

struct Unroller<'a> {
    scope: &'a Scope,
    values: &'a Values,
    errors: &'a mut Diagnostics,
    made: usize,
    /// How many bytes of text loops may still make; none once it was too much.
    room: usize,
}

impl Unroller<'_> {
    fn walk(&mut self, node: &Node, bound: &Bound) -> Node {
        if self.spent(bound, node.place) {
            return Node::new(Val::Null, node.place);
        }
        if !bound.is_empty()
            && let Some(replaced) = self.replace(node, bound)
        {
            return replaced;
        }
        let value = match &node.value {
            Val::List(items) => Val::List(items.iter().map(|item| self.walk(item, bound)).collect()),
            Val::Map(map) => {
                let mut out = Map::with_capacity(map.len());
                for (key, entry) in map {
                    if key.starts_with(PREFIX) {
                        self.each(key, entry, bound, &mut out);
                    } else {
                        let inner = match key.as_str() {
                            // Names of resources and conditions that a loop makes.
                            "DependsOn" | "Condition" if !bound.is_empty() => self.names(&entry.node, bound),
                            _ => None,
                        };
                        let inner = inner.unwrap_or_else(|| self.walk(&entry.node, bound));
                        let key = self.substitute(key, bound);
                        self.put(&mut out, key, entry.key_place, inner);
                    }
                }
                Val::Map(out)
            }
            Val::Str(text) if !bound.is_empty() => {
                self.room = self.room.saturating_sub(text.len());
                Val::Str(text.clone())
            }
            scalar => scalar.clone(),
        };
        Node { value, place: node.place, secret: node.secret }
    }

    /// Counts what loops make; true once it is too much, which is said once.
    fn spent(&mut self, bound: &Bound, place: Place) -> bool {
        if bound.is_empty() {
            return false;
        }
        if self.made == MAX_MADE {
            self.errors.error("too-large", place, format!("loops make more than {MAX_MADE} values"));
        } else if self.made < MAX_MADE && self.room == 0 {
            let message = format!("loops make more than {} MB of text", MAX_EXPANDED >> 20);
            self.errors.error("too-large", place, message);
            self.made = MAX_MADE;
        }
        self.made += 1;
        self.made > MAX_MADE
    }

    /// `${Variable}` by its value, `&{Variable}` by its letters and digits. What is too much is not made.
    fn substitute(&mut self, text: &str, bound: &Bound) -> String {
        let made = substitute(text, bound, self.room);
        if !bound.is_empty() {
            self.room = made.as_ref().map_or(0, |made| self.room.saturating_sub(made.len()));
        }
        made.unwrap_or_default()
    }

    /// `Ref` to a loop variable, and text with one in it.
    fn replace(&mut self, node: &Node, bound: &Bound) -> Option<Node> {
        match node.as_call()? {
            ("Ref", target) => bound.get(target.as_str()?).map(|value| Node::str(value, node.place)),
            ("Fn::Sub", argument) => {
                let (text, variables) = match argument.as_list() {
                    Some([text, variables]) => (text, Some(self.walk(variables, bound))),
                    Some(_) => return None,
                    None => (argument, None),
                };
                let text = self.substitute(text.as_str()?, bound);
                let open = pieces(&text).iter().any(|piece| !matches!(piece, Piece::Literal(_)));
                let text = Node::str(text, argument.place);
                Some(match variables {
                    Some(variables) => {
                        Node::call("Fn::Sub", Node::list(vec![text, variables], argument.place), node.place)
                    }
                    None if open => Node::call("Fn::Sub", text, node.place),
                    None => text,
                })
            }
            _ => None,
        }
    }

    /// Names in text or a list of texts.
    fn names(&mut self, node: &Node, bound: &Bound) -> Option<Node> {
        match &node.value {
            Val::Str(text) => Some(Node::str(self.substitute(text, bound), node.place)),
            Val::List(items) => {
                let items: Option<Vec<Node>> = items.iter().map(|item| self.names(item, bound)).collect();
                items.map(|items| Node::list(items, node.place))
            }
            _ => None,
        }
    }

    fn put(&mut self, out: &mut Map, key: String, key_place: Place, node: Node) {
        if let Some(first) = out.get(&key) {
            self.errors.push(
                Diagnostic::error("duplicate-key", key_place, format!("a loop makes `{key}` twice"))
                    .related(first.key_place, "first here"),
            );
        }
        out.insert(key, Entry { key_place, node });
    }

    /// One loop: `[variable, collection, {key: value}]`.
    fn each(&mut self, key: &str, entry: &Entry, bound: &Bound, out: &mut Map) {
        let Some([variable, collection, body]) = entry.node.as_list() else {
            self.errors.error(
                "invalid-function",
                entry.key_place,
                format!("`{key}` takes [variable, list of values, map of what is made]"),
            );
            return;
        };
        let (Some(variable), Some(body)) = (variable.as_str(), body.as_map()) else {
            self.errors.error(
                "invalid-function",
                entry.key_place,
                format!("`{key}` takes the name of a variable first and a map last"),
            );
            return;
        };
        for value in self.collection(key, collection, bound) {
            let mut inner = bound.clone();
            // A loop that makes nothing goes round all the same.
            inner.insert(variable.to_owned(), value);
            if self.spent(&inner, entry.key_place) {
                return;
            }
            for (key, made) in body {
                if key.starts_with(PREFIX) {
                    self.each(key, made, &inner, out);
                } else {
                    let node = self.walk(&made.node, &inner);
                    let key = self.substitute(key, &inner);
                    self.put(out, key, made.key_place, node);
                }
            }
        }
    }

    /// What a loop runs over: a list, or a function that gives one.
    fn collection(&mut self, key: &str, node: &Node, bound: &Bound) -> Vec<String> {
        let node = self.walk(node, bound);
        let mut evaluator = Evaluator::new(self.scope, self.values);
        evaluator.within(format!("`{key}`"), node.place);
        let value = evaluator.evaluate(&node);
        self.errors.extend(evaluator.finish().1);
        let items = value.as_ref().and_then(Node::as_list);
        let texts: Option<Vec<String>> = items
            .map(|items| {
                items.iter().flat_map(|item| item.as_list().unwrap_or(std::slice::from_ref(item))).map(scalar).collect()
            })
            .unwrap_or_default();
        texts.unwrap_or_else(|| {
            self.errors.error("invalid-function", node.place, format!("`{key}` needs a list that is known beforehand"));
            Vec::new()
        })
    }
}

/// Text with loop variables replaced; `None` where it would be longer than `room`.
fn substitute(text: &str, bound: &Bound, room: usize) -> Option<String> {
    let mut text = text.to_owned();
    if !text.contains('{') {
        return Some(text);
    }
    for (name, value) in bound {
        let plain: String = value.chars().filter(char::is_ascii_alphanumeric).collect();
        for (pattern, value) in [(format!("${{{name}}}"), value), (format!("&{{{name}}}"), &plain)] {
            let count = text.matches(&pattern).count();
            if text.len().saturating_add(count.saturating_mul(value.len())) > room {
                return None;
            }
            if count > 0 {
                text = text.replace(&pattern, value);
            }
        }
    }
    Some(text)
}
