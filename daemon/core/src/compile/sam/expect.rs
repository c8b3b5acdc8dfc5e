//! Holding nested values against what SAM expects of them, as [`super::props`] does for whole property lists.

use crate::model::{Diagnostic, Diagnostics, Map, Node, Severity};

use super::intrinsics::is_intrinsic;
use super::props::{Owner, Property, Props, nearest};

/// The map that the value at `path` must be.
///
/// # Errors
/// Where it is none.
pub(super) fn map<'a>(owner: &Owner, path: &str, node: &'a Node) -> Result<&'a Map, Diagnostic> {
    node.as_map().ok_or_else(|| owner.error(node.place, format!("property `{path}` should be a map")))
}

/// The list that the value at `path` must be.
///
/// # Errors
/// Where it is none.
pub(super) fn list<'a>(owner: &Owner, path: &str, node: &'a Node) -> Result<&'a [Node], Diagnostic> {
    node.as_list().ok_or_else(|| owner.error(node.place, format!("property `{path}` should be a list")))
}

/// The text that the value at `path` must be.
///
/// # Errors
/// Where it is none.
pub(super) fn text<'a>(owner: &Owner, path: &str, node: &'a Node) -> Result<&'a str, Diagnostic> {
    node.as_str().ok_or_else(|| owner.error(node.place, format!("property `{path}` should be a string")))
}

/// The truth value that the value at `path` must be.
///
/// # Errors
/// Where it is none.
pub(super) fn bool(owner: &Owner, path: &str, node: &Node) -> Result<bool, Diagnostic> {
    node.as_bool().ok_or_else(|| owner.error(node.place, format!("property `{path}` should be a boolean")))
}

/// Every key of the map at `path` must be one of `known`.
///
/// # Errors
/// Names the first that is not.
pub(super) fn keys(owner: &Owner, path: &str, node: &Node, known: &[&'static str]) -> Result<(), Diagnostic> {
    match unknown(owner, path, node, known).next() {
        Some(diagnostic) => Err(diagnostic),
        None => Ok(()),
    }
}

/// Warns of keys of the map at `path` that SAM does not know, and so ignores.
pub(super) fn warn_of_keys(owner: &Owner, path: &str, node: &Node, known: &[&'static str], notes: &mut Diagnostics) {
    for diagnostic in unknown(owner, path, node, known) {
        notes.push(as_warning(diagnostic));
    }
}

/// The same complaint about something that SAM lets pass.
pub(super) fn as_warning(diagnostic: Diagnostic) -> Diagnostic {
    let message = diagnostic.message.replacen(" is invalid: ", ": ", 1);
    Diagnostic { severity: Severity::Warning, message, ..diagnostic }
}

fn unknown<'a>(
    owner: &'a Owner,
    path: &'a str,
    node: &'a Node,
    known: &'a [&'static str],
) -> impl Iterator<Item = Diagnostic> + 'a {
    node.as_map().into_iter().flatten().filter(|(key, _)| !known.contains(&key.as_str())).map(move |(key, entry)| {
        owner
            .error_with("unknown-property", entry.key_place, format!("property `{path}` has no key `{key}`"))
            .maybe_help(nearest(key, known.iter().copied()))
    })
}

/// Properties whose value SAM itself must know: an intrinsic is as wrong there as a value of another kind.
///
/// # Errors
/// Names the first that is.
pub(super) fn plain(props: &Props, known: &[Property], names: &[&str]) -> Result<(), Diagnostic> {
    let listed = known.iter().filter(|property| names.contains(&property.name));
    let mut given = listed.filter_map(|property| Some((property, props.get(property.name)?)));
    match given.find(|(property, value)| is_intrinsic(value) || !property.kind.fits(value)) {
        Some((property, value)) => {
            let message = format!(
                "property `{}` should be {}; intrinsics are not supported",
                property.name,
                property.kind.word()
            );
            Err(props.owner().error_with("wrong-type", value.place, message))
        }
        None => Ok(()),
    }
}
