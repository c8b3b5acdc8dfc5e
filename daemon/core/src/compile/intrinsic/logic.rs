//! Conditions: `Fn::If`, `Fn::Equals`, `Fn::And`, `Fn::Or`, `Fn::Not`, and what `Rules` add.

use super::{Evaluator, MAX_LEVELS, has_symbolic, text, usage};
use crate::model::suggest::did_you_mean;
use crate::model::{Node, Place, Val};

/// How far a named condition has been evaluated.
#[derive(Clone, Copy)]
pub(super) enum State {
    /// Somebody further up asks for it: asking again is a cycle.
    Running,
    /// `None` where it could not be told.
    Known(Option<bool>),
}

impl Evaluator<'_> {
    /// Whether a condition of the scope holds. `None` where that could not be told; the complaint is gathered.
    pub fn condition(&mut self, name: &str, place: Place) -> Option<bool> {
        match self.conditions.get(name) {
            Some(State::Known(known)) => return *known,
            Some(State::Running) => {
                self.error("condition-cycle", place, format!("condition `{name}` depends on itself"));
                return None;
            }
            None => {}
        }
        let scope = self.scope;
        let Some(entry) = scope.conditions.get(name) else {
            let known = scope.conditions.keys().map(String::as_str);
            let suggestion = if self.diagnostics.are_many() { None } else { did_you_mean(name, known) };
            let diagnostic = self
                .complaint("unknown-condition", place, format!("there is no condition `{name}`"))
                .maybe_help(suggestion);
            self.diagnostics.push(diagnostic);
            return None;
        };
        self.conditions.insert(name.to_owned(), State::Running);
        // Complaints about a condition are the condition's, whoever asks for it first.
        let owner = std::mem::replace(&mut self.owner, format!("Condition `{name}`"));
        let owner_place = std::mem::replace(&mut self.owner_place, entry.key_place);
        let known = self.expression(&entry.node);
        self.owner = owner;
        self.owner_place = owner_place;
        self.conditions.insert(name.to_owned(), State::Known(known));
        known
    }

    pub(super) fn choose(&mut self, argument: &Node, _place: Place) -> Option<Node> {
        let Some([condition, yes, no]) = argument.as_list() else { return Some(self.misuse("Fn::If", argument)) };
        let truth = match condition.scalar_text() {
            Some(name) => self.condition(&name, condition.place),
            None => self.expression(condition),
        };
        match truth {
            Some(true) => self.evaluate(yes),
            Some(false) => self.evaluate(no),
            // The complaint has been made.
            None => Some(Node::new(Val::Null, argument.place)),
        }
    }

    /// The truth of a condition's expression.
    pub fn expression(&mut self, node: &Node) -> Option<bool> {
        if self.levels >= MAX_LEVELS {
            self.error("too-deep", node.place, "conditions are nested too deeply");
            return None;
        }
        self.levels += 1;
        let truth = self.expression_level(node);
        self.levels -= 1;
        truth
    }

    fn expression_level(&mut self, node: &Node) -> Option<bool> {
        match &node.value {
            Val::Bool(truth) => return Some(*truth),
            Val::Str(text) if text.eq_ignore_ascii_case("true") => return Some(true),
            Val::Str(text) if text.eq_ignore_ascii_case("false") => return Some(false),
            _ => {}
        }
        let Some((name, argument)) = node.as_call() else { return self.no_condition(node) };
        match name {
            "Condition" => match argument.scalar_text() {
                Some(target) => self.condition(&target, argument.place.or(node.place)),
                None => self.misused(name, argument),
            },
            "Fn::Not" => match argument.as_list() {
                Some([inner]) => self.expression(inner).map(|truth| !truth),
                Some(_) => self.misused(name, argument),
                None => self.expression(argument).map(|truth| !truth),
            },
            "Fn::And" | "Fn::Or" => {
                let Some(items) = argument.as_list().filter(|items| !items.is_empty()) else {
                    return self.misused(name, argument);
                };
                // All are evaluated, so that all complaints are made at once.
                let truths: Vec<Option<bool>> = items.iter().map(|item| self.expression(item)).collect();
                let truths: Option<Vec<bool>> = truths.into_iter().collect();
                truths.map(|all| if name == "Fn::And" { all.iter().all(|t| *t) } else { all.iter().any(|t| *t) })
            }
            "Fn::Equals" => match argument.as_list() {
                Some([left, right]) => {
                    let (left, right) = (self.operand(left)?, self.operand(right)?);
                    Some(same(&left, &right))
                }
                _ => self.misused(name, argument),
            },
            "Fn::Contains" | "Fn::EachMemberEquals" | "Fn::EachMemberIn" => {
                let Some([list, other]) = argument.as_list() else { return self.misused(name, argument) };
                let (list, other) = (self.operand(list)?, self.operand(other)?);
                let Some(items) = list.as_list() else { return self.misused(name, argument) };
                match (name, other.as_list()) {
                    ("Fn::Contains", _) => Some(items.iter().any(|item| same(item, &other))),
                    ("Fn::EachMemberEquals", _) => Some(items.iter().all(|item| same(item, &other))),
                    (_, Some(allowed)) => Some(items.iter().all(|item| allowed.iter().any(|one| same(item, one)))),
                    (_, None) => self.misused(name, argument),
                }
            }
            "Fn::If" => {
                let chosen = self.choose(argument, node.place)?;
                self.expression(&chosen)
            }
            "Ref" | "Fn::FindInMap" | "Fn::Select" => {
                let value = self.operand(node)?;
                match &value.value {
                    Val::Bool(_) | Val::Str(_) => self.expression(&value),
                    _ => self.no_condition(node),
                }
            }
            _ => self.no_condition(node),
        }
    }

    fn no_condition(&mut self, node: &Node) -> Option<bool> {
        let diagnostic = self
            .complaint("invalid-condition", node.place, "this is no condition")
            .help("a condition is made of Fn::Equals, Fn::And, Fn::Or, Fn::Not and Condition");
        self.diagnostics.push(diagnostic);
        None
    }

    fn misused(&mut self, name: &str, argument: &Node) -> Option<bool> {
        self.error("invalid-function", argument.place, format!("`{name}` {}", usage(name)));
        None
    }

    /// A value in a condition: it must be known before anything is made.
    fn operand(&mut self, node: &Node) -> Option<Node> {
        let value = self.evaluate(node).unwrap_or_else(|| Node::new(Val::Null, node.place));
        if has_symbolic(&value) {
            let diagnostic = self
                .complaint("invalid-condition", node.place, "a condition needs values that are known beforehand")
                .help("a condition can use parameters, mappings and pseudo parameters, not resources");
            self.diagnostics.push(diagnostic);
            return None;
        }
        if let Some(reference) = dynamic(&value) {
            let diagnostic = self
                .complaint("invalid-condition", node.place, format!("a condition needs the value of `{reference}`"))
                .help("offline, give it in the values file under \"SSM\"");
            self.diagnostics.push(diagnostic);
            return None;
        }
        Some(value)
    }
}

/// A dynamic reference in a value: its text is not the value that a condition asks about.
fn dynamic(node: &Node) -> Option<&str> {
    match &node.value {
        Val::Str(text) => text.contains("{{resolve:").then_some(text),
        Val::List(items) => items.iter().find_map(dynamic),
        _ => None,
    }
}

/// Whether two values are the same to CloudFormation, which compares text: `1` is `"1"` and `true` is `"true"`.
pub(super) fn same(left: &Node, right: &Node) -> bool {
    match (text::scalar(left), text::scalar(right)) {
        (Some(left), Some(right)) => left == right,
        (None, None) => match (&left.value, &right.value) {
            (Val::List(left), Val::List(right)) => {
                left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
            }
            (Val::Map(left), Val::Map(right)) => {
                left.len() == right.len()
                    && left
                        .iter()
                        .all(|(key, entry)| right.get(key).is_some_and(|other| same(&entry.node, &other.node)))
            }
            _ => false,
        },
        _ => false,
    }
}
