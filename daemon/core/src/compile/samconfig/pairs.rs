//! `key=value` in every form that SAM's command line takes.

use indexmap::IndexMap;

use crate::model::{Diagnostic, Diagnostics, Node, Val};

/// Reads pairs from one text of several (`A="x y" B=2`, `ParameterKey=A,ParameterValue=x`), a list of such texts or of
/// maps, or a map. A value that is a list becomes text with commas.
pub(super) fn read(name: &str, node: &Node) -> Result<IndexMap<String, Node>, Diagnostics> {
    let mut pairs = Pairs { name, all: IndexMap::new(), errors: Diagnostics::new() };
    pairs.node(node, true);
    if pairs.errors.has_errors() { Err(pairs.errors) } else { Ok(pairs.all) }
}

struct Pairs<'n> {
    name: &'n str,
    all: IndexMap<String, Node>,
    errors: Diagnostics,
}

impl Pairs<'_> {
    fn node(&mut self, node: &Node, lists: bool) {
        match &node.value {
            Val::Null => {}
            Val::Str(text) => self.text(text, node),
            Val::List(items) if lists => items.iter().for_each(|item| self.node(item, false)),
            Val::Map(map) => {
                for (key, entry) in map {
                    match flat(&entry.node) {
                        Some(text) => self.put(key, text, &entry.node),
                        None => self.errors.error(
                            "wrong-type",
                            entry.node.place,
                            format!("samconfig: the value of `{key}` in `{}` must be text", self.name),
                        ),
                    }
                }
            }
            _ => self.errors.error(
                "wrong-type",
                node.place,
                format!("samconfig: `{}` takes text, a list or a map, not {}", self.name, node.type_word()),
            ),
        }
    }

    /// The last one counts, as it does for SAM.
    fn put(&mut self, key: &str, value: String, node: &Node) {
        self.all.insert(key.to_owned(), Node { value: Val::Str(value), place: node.place, secret: node.secret });
    }

    fn text(&mut self, text: &str, node: &Node) {
        let mut words = Words { rest: text };
        while let Some(word) = words.next_word() {
            if word.starts_with("file://") {
                self.errors.push(
                    Diagnostic::error(
                        "unsupported-value",
                        node.place,
                        format!("samconfig: `{}` refers to `{word}`, a file that is not read", self.name),
                    )
                    .help("write the values here: the spec directory is read once, as one revision"),
                );
                continue;
            }
            match word.split_once('=') {
                Some(("ParameterKey", rest)) => match rest.split_once(",ParameterValue=") {
                    Some((key, value)) => self.put(key, value.to_owned(), node),
                    None => self.malformed(&word, "ParameterKey=NAME,ParameterValue=VALUE", node),
                },
                Some((key, value)) if !key.is_empty() => self.put(key, value.to_owned(), node),
                _ => self.malformed(&word, "NAME=VALUE; a value with spaces needs quotes", node),
            }
        }
    }

    fn malformed(&mut self, word: &str, form: &str, node: &Node) {
        self.errors.push(
            Diagnostic::error(
                "invalid-value",
                node.place,
                format!("samconfig: `{word}` in `{}` is no pair", self.name),
            )
            .help(format!("write {form}")),
        );
    }
}

/// A value as text; a list with commas.
fn flat(node: &Node) -> Option<String> {
    match &node.value {
        Val::List(items) => {
            let items: Option<Vec<String>> = items.iter().map(Node::scalar_text).collect();
            Some(items?.join(","))
        }
        Val::Null => Some(String::new()),
        _ => node.scalar_text(),
    }
}

/// Words as a shell has them: spaces end a word, quotes hold it together, a backslash takes the next character as it is.
struct Words<'t> {
    rest: &'t str,
}

impl Words<'_> {
    fn next_word(&mut self) -> Option<String> {
        self.rest = self.rest.trim_start();
        let mut word = String::new();
        let mut quote = None;
        let mut chars = self.rest.char_indices();
        let mut end = self.rest.len();
        while let Some((at, c)) = chars.next() {
            match (c, quote) {
                // Only what needs escaping is escaped: a Windows path or a pattern keeps its backslashes.
                ('\\', None | Some('"')) => match chars.clone().next() {
                    Some((_, next)) if next == '"' || next == '\\' || (quote.is_none() && next.is_whitespace()) => {
                        chars.next();
                        word.push(next);
                    }
                    _ => word.push(c),
                },
                ('"' | '\'', None) if word.is_empty() || word.ends_with(['=', ',']) => quote = Some(c),
                (_, Some(open)) if c == open => quote = None,
                (_, None) if c.is_whitespace() => {
                    end = at;
                    break;
                }
                _ => word.push(c),
            }
        }
        let found = !self.rest.is_empty();
        self.rest = self.rest.get(end..).unwrap_or_default();
        found.then_some(word)
    }
}
