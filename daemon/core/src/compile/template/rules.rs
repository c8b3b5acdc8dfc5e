//! `Rules`: assertions about parameters.

use super::super::intrinsic::{Evaluator, Scope};
use super::super::values::Values;
use crate::model::{Diagnostic, Diagnostics, Map, Node, Severity};

/// Checks every rule whose condition holds. What asks CloudFormation for more than the parameters' values cannot be
/// checked, and says so.
pub(super) fn check(rules: &Map, scope: &Scope, values: &Values, diagnostics: &mut Diagnostics) {
    for (name, entry) in rules {
        let mut evaluator = Evaluator::new(scope, values);
        evaluator.within(format!("Rule `{name}`"), entry.key_place);
        let applies = match entry.node.get("RuleCondition") {
            Some(condition) => evaluator.expression(condition),
            None => Some(true),
        };
        let assertions = entry.node.get("Assertions").and_then(Node::as_list).unwrap_or_default();
        if assertions.is_empty() {
            diagnostics.error("missing-property", entry.key_place, format!("rule `{name}` has no `Assertions`"));
        }
        let mut failed = Vec::new();
        for assertion in assertions.iter().filter(|_| applies == Some(true)) {
            let Some(assert) = assertion.get("Assert") else {
                diagnostics.error("missing-property", assertion.place, format!("rule `{name}`: `Assert` is missing"));
                continue;
            };
            if evaluator.expression(assert) == Some(false) {
                let why = assertion.get("AssertDescription").and_then(Node::scalar_text);
                let message = format!("rule `{name}` does not hold");
                let diagnostic = Diagnostic::error("failed-rule", assertion.place, message).maybe_help(why);
                failed.push(scope.strictness.ease(diagnostic));
            }
        }
        let complaints: Vec<Diagnostic> = evaluator.finish().1.iter().cloned().collect();
        let unchecked = complaints.iter().any(|one| one.code == "unsupported-function");
        for complaint in complaints {
            // A function that only CloudFormation can evaluate leaves nothing else to say about the rule.
            let severity = if unchecked { Severity::Warning } else { complaint.severity };
            diagnostics.push(Diagnostic { severity, ..complaint });
        }
        if !unchecked {
            failed.into_iter().for_each(|one| diagnostics.push(one));
        }
    }
}
