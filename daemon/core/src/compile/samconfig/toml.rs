//! TOML as nodes with places.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::model::{Diagnostic, Diagnostics, Entry, FileId, Map, Node, Place, Val};

/// Deepest nesting that is read.
const MAX_DEPTH: usize = 50;

/// Reads a TOML text.
pub(super) fn read(text: &str, file: FileId) -> Result<Node, Diagnostics> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = Lines::new(text, file);
    let table = DeTable::parse(text).map_err(|error| {
        let place = error.span().map_or(Place::new(file, 1, 1), |span| lines.place(&span));
        Diagnostic::error("syntax", place, format!("this is not valid TOML: {}", error.message()))
    })?;
    lines.table(table.get_ref(), Place::new(file, 1, 1), 0).map_err(Diagnostics::from)
}

/// Where lines begin, to turn byte offsets into places.
struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
    file: FileId,
}

impl<'t> Lines<'t> {
    fn new(text: &'t str, file: FileId) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Lines { text, starts, file }
    }

    fn place(&self, span: &Range<usize>) -> Place {
        let line = self.starts.partition_point(|start| *start <= span.start).max(1);
        let start = self.starts.get(line - 1).copied().unwrap_or_default();
        let column = self.text.get(start..span.start).map_or(0, |before| before.chars().count()) + 1;
        Place::new(self.file, u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
    }

    fn table(&self, table: &DeTable<'_>, place: Place, depth: usize) -> Result<Node, Diagnostic> {
        let mut entries: Vec<_> = table.iter().collect();
        // The parser sorts by name; a person wrote them in an order.
        entries.sort_by_key(|(key, _)| key.span().start);
        let mut map = Map::new();
        for (key, value) in entries {
            let key_place = self.place(&key.span());
            let node = self.value(value, key_place, depth + 1)?;
            map.insert(key.get_ref().to_string(), Entry { key_place, node });
        }
        Ok(Node::new(Val::Map(map), place))
    }

    fn value(&self, value: &Spanned<DeValue<'_>>, key: Place, depth: usize) -> Result<Node, Diagnostic> {
        if depth > MAX_DEPTH {
            return Err(Diagnostic::error(
                "too-deep",
                key,
                format!("values are nested more than {MAX_DEPTH} levels deep"),
            ));
        }
        let place = self.place(&value.span());
        let value = match value.get_ref() {
            DeValue::String(text) => Val::Str(text.to_string()),
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
                .map_or_else(|_| Val::Str(number.to_string()), Val::Int),
            DeValue::Float(number) => number
                .as_str()
                .parse()
                .ok()
                .filter(|value: &f64| value.is_finite())
                .map_or_else(|| Val::Str(number.to_string()), Val::Float),
            DeValue::Boolean(truth) => Val::Bool(*truth),
            DeValue::Datetime(time) => Val::Str(time.to_string()),
            DeValue::Array(items) => {
                let items: Result<Vec<Node>, Diagnostic> =
                    items.iter().map(|item| self.value(item, place, depth + 1)).collect();
                Val::List(items?)
            }
            DeValue::Table(table) => return self.table(table, key, depth),
        };
        Ok(Node::new(value, place))
    }
}
