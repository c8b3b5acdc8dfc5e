//! What queues and topics have in common: a FIFO's name, and the properties that only a FIFO has.

use super::known::{self, Known as _};
use super::{Check, listed};

/// A type that may be FIFO.
pub(super) struct Fifo {
    /// What many of them are called in a sentence.
    pub(super) noun: &'static str,
    /// The property that names it.
    pub(super) name: &'static str,
    /// The property that makes it FIFO.
    pub(super) flag: &'static str,
    /// Most characters of a name; the suffix counts.
    pub(super) limit: usize,
    /// Properties that only a FIFO has.
    pub(super) only: &'static [&'static str],
}

impl Fifo {
    /// Checks the name and the properties, and tells whether it is FIFO, where that is known.
    pub(super) fn check(&self, check: &mut Check<'_>) -> Option<bool> {
        let fifo = known::is_fifo(check.resource);
        self.check_name(check, fifo);
        if fifo == Some(false) {
            let only: Vec<&str> = self
                .only
                .iter()
                .copied()
                .filter(|name| check.known(name).is_some_and(|node| node.known_flag() != Some(false)))
                .collect();
            if let Some(first) = only.first() {
                check.refuse(
                    "fifo-only",
                    check.place(first),
                    format!("{} is for FIFO {}", listed(&only), self.noun),
                    format!("say `{}: true`, or leave it out", self.flag),
                );
            }
        }
        fifo
    }

    /// A name's characters and length, and `.fifo` at its end exactly where the thing is FIFO.
    fn check_name(&self, check: &mut Check<'_>, fifo: Option<bool>) {
        let Fifo { name: path, flag, limit, .. } = *self;
        let Some(name) = check.text(path) else { return };
        let place = check.place(path);
        let suffixed = name.ends_with(".fifo");
        let plain = name.strip_suffix(".fifo").unwrap_or(name);
        if plain.is_empty() || !plain.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
            check.refuse(
                "bad-name",
                place,
                format!("`{path}` cannot be `{name}`"),
                "a name has letters, digits, `-` and `_`",
            );
        } else if name.len() > limit {
            check.refuse(
                "bad-name",
                place,
                format!("`{path}` has {} characters; AWS takes {limit}", name.len()),
                "the suffix `.fifo` counts",
            );
        }
        match (fifo, suffixed) {
            (Some(true), false) => check.refuse(
                "fifo-name",
                place,
                format!("`{path}` is `{name}`, and a FIFO name ends in `.fifo`"),
                format!("call it `{plain}.fifo`"),
            ),
            (Some(false), true) => check.refuse(
                "fifo-name",
                place,
                format!("`{path}` is `{name}`, and only a FIFO name ends in `.fifo`"),
                format!("say `{flag}: true`, or call it `{plain}`"),
            ),
            _ => {}
        }
    }
}
