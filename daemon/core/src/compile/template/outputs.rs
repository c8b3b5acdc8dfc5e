//! `Outputs`.

use indexmap::IndexMap;

use super::super::intrinsic::{Evaluator, text};
use crate::model::suggest::did_you_mean;
use crate::model::{Diagnostic, Diagnostics, Map, Output};

const KEYS: &[&str] = &["Value", "Description", "Export", "Condition"];

/// The outputs whose condition holds.
pub(super) fn build(
    section: &Map,
    evaluator: &mut Evaluator<'_>,
    diagnostics: &mut Diagnostics,
) -> IndexMap<String, Output> {
    let mut outputs = IndexMap::new();
    for (name, entry) in section {
        let owner = format!("Output `{name}`");
        evaluator.within(&owner, entry.key_place);
        let Some(map) = entry.node.as_map() else {
            diagnostics.error("wrong-type", entry.key_place, format!("{owner}: an output is a map with a `Value`"));
            continue;
        };
        for (key, inner) in map {
            if !KEYS.contains(&key.as_str()) {
                let diagnostic =
                    Diagnostic::error("unknown-property", inner.key_place, format!("{owner} has no `{key}`"))
                        .maybe_help(did_you_mean(key, KEYS.iter().copied()));
                diagnostics.push(evaluator.strictness().ease(diagnostic));
            }
        }
        if let Some(condition) = entry.node.get("Condition") {
            let holds = match condition.scalar_text() {
                Some(name) => evaluator.condition(&name, condition.place),
                None => {
                    diagnostics.error(
                        "wrong-type",
                        condition.place,
                        format!("{owner}: `Condition` is the name of a condition"),
                    );
                    None
                }
            };
            if holds != Some(true) {
                continue;
            }
        }
        let Some(value) = entry.node.get("Value") else {
            diagnostics.error("missing-property", entry.key_place, format!("{owner} has no `Value`"));
            continue;
        };
        let Some(value) = evaluator.evaluate_fully(value) else { continue };
        let export = match entry.node.get("Export") {
            None => None,
            Some(export) => match export.get("Name") {
                Some(name) => evaluator.evaluate_fully(name),
                None => {
                    diagnostics.error("missing-property", export.place, format!("{owner}: `Export` has no `Name`"));
                    None
                }
            },
        };
        let description = entry.node.get("Description").and_then(|node| evaluator.evaluate(node));
        let description = description.as_ref().and_then(text::scalar);
        outputs.insert(name.clone(), Output { value, description, export });
    }
    outputs
}

#[cfg(test)]
mod tests {
    use super::super::super::intrinsic::{Evaluator, Scope};
    use super::super::super::values::Values;
    use super::super::super::yaml::read_documents;
    use super::*;
    use crate::model::{FileId, Node};

    #[test]
    fn an_output_has_a_value_and_known_keys_only() {
        let text = "A: {Valu: 1}\nB: 2\nC: {Value: 3, Export: {}}\nD: {Value: 4, Export: {Name: d}, Description: x}\n";
        let section = read_documents(text, FileId(0)).unwrap().remove(0);
        let (scope, values) = (Scope::default(), Values::default());
        let mut evaluator = Evaluator::new(&scope, &values);
        let mut diagnostics = Diagnostics::new();
        let outputs = build(section.as_map().unwrap(), &mut evaluator, &mut diagnostics);
        let codes: Vec<_> = diagnostics.sorted().iter().map(|d| (d.code, d.place.line)).collect();
        assert_eq!(
            codes,
            [("missing-property", 1), ("unknown-property", 1), ("wrong-type", 2), ("missing-property", 3)]
        );
        assert_eq!(outputs["D"].export.as_ref().and_then(Node::as_str), Some("d"));
        assert_eq!(outputs["D"].description.as_deref(), Some("x"));
    }
}
