//! Dynamic references: `{{resolve:ssm:path}}`, `{{resolve:ssm-secure:path}}`, `{{resolve:secretsmanager:id:..}}`.

use super::Evaluator;
use crate::compile::secret::SecretReference;
use crate::model::{Node, Val};

const OPEN: &str = "{{resolve:";

impl Evaluator<'_> {
    /// Replaces the dynamic references in an evaluated value by what is known. What is not known stays as written
    /// and is noted as missing; a value from a secure place makes its text secret.
    pub fn resolve_dynamic(&mut self, mut node: Node) -> Node {
        match &mut node.value {
            Val::Str(text) if text.contains(OPEN) => {
                let text = std::mem::take(text);
                let (text, secret) = self.resolve_text(&text, &node);
                node.value = Val::Str(text);
                node.secret |= secret;
            }
            Val::List(items) => {
                for item in items {
                    *item = self.resolve_dynamic(std::mem::replace(item, Node::new(Val::Null, item.place)));
                }
            }
            Val::Map(map) => {
                for entry in map.values_mut() {
                    let place = entry.node.place;
                    entry.node = self.resolve_dynamic(std::mem::replace(&mut entry.node, Node::new(Val::Null, place)));
                }
            }
            _ => {}
        }
        node
    }

    fn resolve_text(&mut self, text: &str, node: &Node) -> (String, bool) {
        let mut out = String::with_capacity(text.len());
        let mut secret = false;
        let mut rest = text;
        while let Some(start) = rest.find(OPEN) {
            let inner = &rest[start + OPEN.len()..];
            let Some(end) = inner.find("}}") else { break };
            out.push_str(&rest[..start]);
            match self.lookup(&inner[..end], node) {
                Some((value, hidden)) => {
                    self.spend(value.len(), node.place);
                    out.push_str(&value);
                    secret |= hidden;
                }
                None => out.push_str(&rest[start..start + OPEN.len() + end + 2]),
            }
            rest = &inner[end + 2..];
        }
        out.push_str(rest);
        (out, secret)
    }

    /// The value of one reference and whether it is secret.
    fn lookup(&mut self, reference: &str, node: &Node) -> Option<(String, bool)> {
        let place = node.place.or(self.owner_place);
        let values = self.values;
        let Some((service, key)) = reference.split_once(':').filter(|(_, key)| !key.trim().is_empty()) else {
            self.error(
                "invalid-dynamic-reference",
                place,
                format!("`{{{{resolve:{reference}}}}}` does not say what to resolve"),
            );
            return None;
        };
        let key = key.trim();
        if service == "secretsmanager"
            && let Err(reason) = SecretReference::parse(key)
        {
            self.error("invalid-dynamic-reference", place, format!("`{{{{resolve:{reference}}}}}` {reason}"));
            return None;
        }
        let (known, missing, secret) = match service {
            "ssm" => (values.ssm.get(key), &mut self.needs.ssm, false),
            "ssm-secure" => {
                (values.ssm_secure.get(key).or_else(|| values.ssm.get(key)), &mut self.needs.ssm_secure, true)
            }
            "secretsmanager" => (values.secrets.get(key), &mut self.needs.secrets, true),
            _ => {
                let diagnostic = self
                    .complaint("invalid-dynamic-reference", place, format!("nothing can be resolved from `{service}`"))
                    .help("dynamic references know ssm, ssm-secure and secretsmanager");
                self.diagnostics.push(diagnostic);
                return None;
            }
        };
        if known.is_none() {
            missing.entry(key.to_owned()).or_insert(place);
        }
        known.map(|value| (value.clone(), secret))
    }
}
