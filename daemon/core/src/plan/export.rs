//! Values that applications give each other: an output that one exports and another imports.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value as Json;

use super::action::Standing;
use crate::model::node::MASK;

/// An exported value, as far as the exporting application's plan knows it.
#[derive(Clone, PartialEq)]
pub struct Export {
    /// The value; `None` while it is not known.
    pub value: Option<Json>,
    /// Whether it is secret.
    pub secret: bool,
    /// How what it comes from stands: it can be relied upon once that is ready.
    pub standing: Standing,
}

impl fmt::Debug for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mask = Json::from(MASK);
        let shown = self.value.as_ref().map(|value| if self.secret { &mask } else { value });
        f.debug_struct("Export").field("value", &shown).field("standing", &self.standing).finish()
    }
}

/// An export as the importing application sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// Who exports it: `app` or `app/env`.
    pub from: String,
    /// The value.
    pub export: Export,
}

/// What an application imports, by the exports' names.
pub type Imports = BTreeMap<String, Imported>;

impl Imported {
    /// What a resource that uses it has to wait for, where it has to.
    pub(super) fn waits(&self, name: &str) -> Standing {
        let from = &self.from;
        match &self.export.standing {
            Standing::Ready if self.export.value.is_some() => Standing::Ready,
            Standing::Blocked(_) => Standing::Blocked(format!("needs the export `{name}` of {from}, which is blocked")),
            _ => Standing::Waiting(format!("waits for the export `{name}` of {from}")),
        }
    }
}
