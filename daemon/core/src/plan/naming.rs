//! Physical names: mark first, name second.

use sha2::{Digest, Sha256};

use super::diff::Unknown;
use super::kind::{Facts, Instance, Located, Scope, Want};
use super::observation::Observation;

/// How a kind is named.
#[derive(Clone, Debug)]
pub struct Naming {
    /// The property that holds the name.
    pub property: &'static str,
    /// Longest name, characters.
    pub limit: usize,
    /// Shape of the name that is made where the spec gives none.
    pub style: NameStyle,
}

/// Shape of a generated name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameStyle {
    /// `<stack>-<LogicalId>`
    Stack,
    /// `<stack>-<LogicalId>`, with `.fifo` where the named property is true.
    StackFifo(&'static str),
    /// `<stack>-<region>-<LogicalId>`: for what is global to an account.
    StackRegion,
    /// `/<app>/<env>/<LogicalId>`
    Path,
}

/// The name that a resource gets where neither the spec nor a mark gives one.
pub fn generated(naming: &Naming, scope: &Scope, want: &Want) -> String {
    let id = want.id();
    let (name, suffix) = match naming.style {
        NameStyle::Stack => (format!("{}-{id}", scope.stack), ""),
        NameStyle::StackFifo(property) => {
            let fifo = want.properties.get(property).is_some_and(|value| value == true || value == "true");
            (format!("{}-{id}", scope.stack), if fifo { ".fifo" } else { "" })
        }
        NameStyle::StackRegion => (format!("{}-{}-{id}", scope.stack, scope.region), ""),
        NameStyle::Path => match &scope.env {
            Some(env) => (format!("/{}/{env}/{id}", scope.app), ""),
            None => (format!("/{}/{id}", scope.app), ""),
        },
    };
    let limit = naming.limit - suffix.len();
    format!("{}{suffix}", shorten(&name, limit))
}

/// Cuts a name to `limit` characters; what was cut is told apart by a hash of the whole.
pub fn shorten(name: &str, limit: usize) -> String {
    if name.chars().count() <= limit {
        return name.to_owned();
    }
    let hash = short_hash(name);
    let kept: String = name.chars().take(limit.saturating_sub(hash.len() + 1)).collect();
    format!("{}-{hash}", kept.trim_end_matches('-'))
}

/// Eight hexadecimal digits that tell texts apart.
pub fn short_hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

/// Finds a named resource: an explicit name wins, else the name of what carries the mark, else a generated name.
pub fn locate_named(facts: &Facts, scope: &Scope, want: &Want, world: &Observation) -> Located {
    let Some(naming) = &facts.naming else {
        return Located { waits: Some(Unknown { after: want.id().to_owned() }), ..Located::default() };
    };
    if let Some(unknown) = want.unknown_below(naming.property) {
        return Located { waits: Some(unknown.clone()), ..Located::default() };
    }
    let table = world.table(facts.reads);
    let ids = [Some(want.id()), want.resource.renamed_from.as_deref()];
    let marked: Vec<_> = ids
        .into_iter()
        .flatten()
        .flat_map(|id| {
            table.items().filter(move |item| {
                item.marks.as_ref().is_some_and(|marks| {
                    marks.id == id && marks.is_at_home(&scope.source, &scope.app, scope.env.as_deref())
                })
            })
        })
        .collect();
    let made = generated(naming, scope, want);
    let key = match want.text(naming.property) {
        Some(name) => name.to_owned(),
        None => match marked.iter().find(|item| item.key == made).or_else(|| marked.first()) {
            Some(item) => item.key.clone(),
            None => made,
        },
    };
    Located { instances: vec![Instance { found: table.look(&key), key }], waits: None }
}
