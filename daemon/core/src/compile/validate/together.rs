//! Which properties of one object go together, and which do not.

use super::value::{Check, is_mere_requirement};
use crate::model::schema::Shape;
use crate::model::{Diagnostic, Diagnostics, Map, Place};

impl Check<'_> {
    /// Checks what a shape says of the properties of an object beside each other. `path` is the object's, empty for the
    /// resource's properties themselves.
    pub(super) fn together(&self, shape: &Shape, map: &Map, path: &str, place: Place, out: &mut Diagnostics) {
        let count = map.len() as f64;
        if !shape.keys.hold(count) {
            let message = format!("{} has {count} keys; AWS takes {}", object(path), shape.keys.words());
            self.refuse("wrong-count", place, &message, "add or leave out some", out);
        }
        for (name, needed) in &shape.needs {
            let Some(entry) = given(map, name) else { continue };
            for other in needed.iter().filter(|other| given(map, other).is_none()) {
                let message = format!("{} needs {} beside it", whole(path, name), whole(path, other));
                self.refuse("missing-property", entry.key_place, &message, &format!("add `{other}`"), out);
            }
        }
        for (name, excluded) in &shape.excludes {
            let Some(entry) = given(map, name) else { continue };
            for (other, beside) in excluded.iter().filter_map(|other| Some((other, given(map, other)?))) {
                // Said once of each pair, where the later one stands.
                let mutual = shape.excludes.get(other).is_some_and(|names| names.contains(name));
                if !mutual
                    || entry.key_place > beside.key_place
                    || (entry.key_place == beside.key_place && name > other)
                {
                    self.clash(&[name, other], map, path, out);
                }
            }
        }
        let exactly: Vec<&str> = shape.exactly_one.iter().map(String::as_str).collect();
        let present: Vec<&str> = exactly.iter().copied().filter(|name| given(map, name).is_some()).collect();
        match present.len() {
            0 if !exactly.is_empty() => self.wanting(&exactly, path, place, out),
            0 | 1 => {}
            _ => self.clash(&present, map, path, out),
        }
        let least: Vec<&str> = shape.at_least_one.iter().map(String::as_str).collect();
        if !least.is_empty() && least.iter().all(|name| given(map, name).is_none()) {
            self.wanting(&least, path, place, out);
        }
        self.alternatives(&shape.any_of, false, map, path, place, out);
        self.alternatives(&shape.one_of, true, map, path, place, out);
    }

    /// Alternatives that only list required properties: one of the lists is there, and of lists that have nothing in
    /// common only one where `exclusive`.
    fn alternatives(
        &self,
        choices: &[Shape],
        exclusive: bool,
        map: &Map,
        path: &str,
        place: Place,
        out: &mut Diagnostics,
    ) {
        if choices.is_empty()
            || !choices.iter().all(|choice| is_mere_requirement(choice) && !choice.required.is_empty())
        {
            return;
        }
        let whole = |choice: &&Shape| choice.required.iter().all(|name| given(map, name).is_some());
        let met: Vec<&Shape> = choices.iter().filter(whole).collect();
        match met.as_slice() {
            [] => {
                let lists: Vec<String> = choices.iter().map(|choice| choice.required.join(" with ")).collect();
                let lists: Vec<&str> = lists.iter().map(String::as_str).collect();
                self.wanting(&lists, path, place, out);
            }
            [_] => {}
            several => {
                let mut names: Vec<&str> =
                    several.iter().flat_map(|choice| choice.required.iter().map(String::as_str)).collect();
                let all = names.len();
                names.sort_unstable();
                names.dedup();
                if exclusive && names.len() == all {
                    self.clash(&names, map, path, out);
                }
            }
        }
    }

    fn wanting(&self, names: &[&str], path: &str, place: Place, out: &mut Diagnostics) {
        let message = format!("{} needs one of {}", object(path), quoted(names));
        self.refuse("missing-property", place, &message, "add one of them", out);
    }

    /// At the last of the names, with the place of the first.
    fn clash(&self, names: &[&str], map: &Map, path: &str, out: &mut Diagnostics) {
        let mut entries: Vec<_> =
            names.iter().filter_map(|name| given(map, name).map(|entry| entry.key_place)).collect();
        entries.sort();
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return };
        let message = format!("`{}`: {} takes only one of {}", self.id, object(path), quoted(names));
        let complaint = Diagnostic::error("unsupported-together", last.or(self.owner), message)
            .help("leave the others out")
            .related(*first, "the other one");
        out.push(complaint);
    }

    fn refuse(&self, code: &'static str, place: Place, message: &str, help: &str, out: &mut Diagnostics) {
        let message = format!("`{}`: {message}", self.id);
        out.push(Diagnostic::error(code, place.or(self.owner), message).help(help));
    }
}

/// The entry of a property that is given a value.
fn given<'a>(map: &'a Map, name: &str) -> Option<&'a crate::model::Entry> {
    map.get(name).filter(|entry| !entry.node.is_null())
}

fn object(path: &str) -> String {
    if path.is_empty() { "it".to_owned() } else { format!("`{path}`") }
}

fn whole(path: &str, name: &str) -> String {
    if path.is_empty() { format!("`{name}`") } else { format!("`{path}.{name}`") }
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
