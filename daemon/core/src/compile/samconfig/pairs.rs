//! `key=value` in every form that SAM's command line takes.

use indexmap::IndexMap;

use super::super::template::Files;
use super::super::yaml::{self, Duplicates};
use super::{MAX_TEXT, toml};
use crate::model::{Diagnostic, Diagnostics, Node, Val};

/// The one parameter of `sam deploy` that may be read from files.
const FROM_FILES: &str = "parameter_overrides";
/// Most files that one parameter is read from: each may include others.
const MAX_FILES: usize = 100;

/// Reads pairs from one text of several (`A="x y" B=2`, `ParameterKey=A,ParameterValue=x`), a list of such texts or of
/// maps, or a map. A value that is a list becomes text with commas. `parameter_overrides` may also name files, as
/// `file://params.yaml` in place of a text or by the key `$include` of a map.
pub(super) fn read(name: &str, node: &Node, files: &dyn Files) -> Result<IndexMap<String, Node>, Diagnostics> {
    let mut pairs = Pairs { name, files, open: Vec::new(), read: 0, all: IndexMap::new(), errors: Diagnostics::new() };
    pairs.node(node);
    if pairs.errors.has_errors() { Err(pairs.errors) } else { Ok(pairs.all) }
}

struct Pairs<'n> {
    name: &'n str,
    files: &'n dyn Files,
    /// Paths of the files that are being read, the innermost last.
    open: Vec<String>,
    /// How many files were read so far.
    read: usize,
    all: IndexMap<String, Node>,
    errors: Diagnostics,
}

impl Pairs<'_> {
    fn node(&mut self, node: &Node) {
        match &node.value {
            Val::Null => {}
            Val::Str(text) => self.text(text, node),
            Val::List(items) => items.iter().for_each(|item| self.node(item)),
            Val::Map(map) => {
                // How AWS's command line writes a pair.
                if let [Some(key), Some(value)] = ["ParameterKey", "ParameterValue"].map(|name| node.get(name))
                    && let (Some(key), Some(text)) = (key.as_str(), flat(value))
                {
                    return self.put(key, text, value);
                }
                for (key, entry) in map {
                    if key == "$include" && self.name == FROM_FILES {
                        self.node(&entry.node);
                        continue;
                    }
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
        if let Some(path) = text.trim().strip_prefix("file://").filter(|_| self.name == FROM_FILES) {
            return self.file(path, node);
        }
        let mut words = Words { rest: text };
        while let Some(word) = words.next_word() {
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

    /// Reads a file of values: its path is relative to the file that names it.
    fn file(&mut self, path: &str, node: &Node) {
        let beside = self.open.last().and_then(|outer| outer.rsplit_once('/')).map(|(folder, _)| folder);
        let path = match beside {
            Some(folder) if !path.starts_with('/') => format!("{folder}/{path}"),
            _ => path.to_owned(),
        };
        let name = self.name;
        let mut refuse = |code, why: &str| {
            let message = format!("samconfig: `{name}` refers to the file `{path}`, {why}");
            self.errors.error(code, node.place, message);
        };
        let extension = path.rsplit_once('.').map(|(_, extension)| extension).unwrap_or_default();
        if !["toml", "yaml", "yml", "json"].contains(&extension) {
            return refuse("unsupported-value", "and only .yaml, .yml, .json and .toml are read");
        }
        if self.open.contains(&path) {
            return refuse("invalid-value", "which includes itself");
        }
        if self.read == MAX_FILES {
            return refuse("too-large", "which is one file too many");
        }
        let Some((file, text)) = self.files.text(&path) else {
            return refuse("missing-file", "and there is no such file below the folder of samconfig");
        };
        if text.len() > MAX_TEXT {
            return refuse("too-large", "which is too large");
        }
        let root = match extension {
            "toml" => toml::read(&text, file).map(Some),
            _ => yaml::read(&text, file, Duplicates::LastWins).map(|reading| reading.documents.into_iter().next()),
        };
        self.read += 1;
        match root {
            Ok(Some(root)) => {
                self.open.push(path);
                self.node(&root);
                self.open.pop();
            }
            Ok(None) => {}
            Err(problems) => self.errors.extend(problems),
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
