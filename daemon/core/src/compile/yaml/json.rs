//! Strict JSON with places.

use super::build::{Size, insert, too_deep};
use super::{Duplicates, MAX_DEPTH, Reading};
use crate::model::{Diagnostic, Diagnostics, Entry, FileId, Map, Node, Place, Val};

/// Reads a text that is JSON all through; `None` where it is not, and may be YAML's flow style.
pub(super) fn read(text: &str, file: FileId, duplicates: Duplicates) -> Option<Result<Reading, Diagnostics>> {
    let mut reader = Reader {
        text,
        at: 0,
        counted: 0,
        line: 1,
        column: 1,
        file,
        duplicates,
        size: Size::default(),
        errors: Diagnostics::new(),
        warnings: Diagnostics::new(),
    };
    let document = match reader.document() {
        Ok(document) => document,
        Err(Stop::NotJson) => return None,
        Err(Stop::Limit(diagnostic)) => return Some(Err((*diagnostic).into())),
    };
    if reader.errors.has_errors() {
        return Some(Err(reader.errors));
    }
    Some(Ok(Reading { documents: vec![document], warnings: reader.warnings }))
}

/// Why reading ends early.
enum Stop {
    NotJson,
    Limit(Box<Diagnostic>),
}

impl From<Diagnostic> for Stop {
    fn from(diagnostic: Diagnostic) -> Self {
        Stop::Limit(Box::new(diagnostic))
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    /// Up to where `line` and `column` have been counted.
    counted: usize,
    line: u32,
    column: u32,
    file: FileId,
    duplicates: Duplicates,
    size: Size,
    errors: Diagnostics,
    warnings: Diagnostics,
}

impl Reader<'_> {
    fn document(&mut self) -> Result<Node, Stop> {
        let node = self.value(0)?;
        self.skip_space();
        if self.at < self.text.len() { Err(Stop::NotJson) } else { Ok(node) }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// After white space, takes `byte` if it is next.
    fn take(&mut self, byte: u8) -> bool {
        self.skip_space();
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Where the reader stands. Counts on from where it counted last, so that one long line stays cheap.
    fn place(&mut self) -> Place {
        let mut chars = self.text.get(self.counted..self.at).unwrap_or_default().chars().peekable();
        let next = self.peek();
        while let Some(c) = chars.next() {
            match c {
                // A carriage return alone ends a line, as it does in YAML.
                '\r' if chars.peek() == Some(&'\n') || (chars.peek().is_none() && next == Some(b'\n')) => {}
                '\n' | '\r' => {
                    self.line = self.line.saturating_add(1);
                    self.column = 1;
                }
                _ => self.column = self.column.saturating_add(1),
            }
        }
        self.counted = self.at;
        Place::new(self.file, self.line, self.column)
    }

    fn value(&mut self, depth: usize) -> Result<Node, Stop> {
        self.skip_space();
        let place = self.place();
        let value = match self.peek().ok_or(Stop::NotJson)? {
            b'{' | b'[' if depth >= MAX_DEPTH => return Err(too_deep(place).into()),
            b'{' => self.map(depth)?,
            b'[' => self.list(depth)?,
            b'"' => Val::Str(self.string()?),
            b't' => self.word("true", Val::Bool(true))?,
            b'f' => self.word("false", Val::Bool(false))?,
            b'n' => self.word("null", Val::Null)?,
            _ => self.number()?,
        };
        self.size.add(1, value_bytes(&value), place)?;
        Ok(Node::new(value, place))
    }

    fn map(&mut self, depth: usize) -> Result<Val, Stop> {
        self.at += 1;
        let mut map = Map::new();
        if self.take(b'}') {
            return Ok(Val::Map(map));
        }
        loop {
            self.skip_space();
            let key_place = self.place();
            let key = self.string()?;
            if !self.take(b':') {
                return Err(Stop::NotJson);
            }
            let node = self.value(depth + 1)?;
            insert(&mut map, key, Entry { key_place, node }, self.duplicates, &mut self.errors, &mut self.warnings);
            if self.take(b',') {
                continue;
            }
            return if self.take(b'}') { Ok(Val::Map(map)) } else { Err(Stop::NotJson) };
        }
    }

    fn list(&mut self, depth: usize) -> Result<Val, Stop> {
        self.at += 1;
        let mut items = Vec::new();
        if self.take(b']') {
            return Ok(Val::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.take(b',') {
                continue;
            }
            return if self.take(b']') { Ok(Val::List(items)) } else { Err(Stop::NotJson) };
        }
    }

    /// The text at the reader, with its quotes; serde_json knows the escapes.
    fn string(&mut self) -> Result<String, Stop> {
        let bytes = self.text.as_bytes();
        if self.peek() != Some(b'"') {
            return Err(Stop::NotJson);
        }
        let mut end = self.at + 1;
        while let Some(byte) = bytes.get(end) {
            match byte {
                b'"' => break,
                b'\\' => end += 2,
                _ => end += 1,
            }
        }
        let quoted = self.text.get(self.at..=end).ok_or(Stop::NotJson)?;
        let text = serde_json::from_str(quoted).map_err(|_| Stop::NotJson)?;
        self.at = end + 1;
        Ok(text)
    }

    fn word(&mut self, word: &str, value: Val) -> Result<Val, Stop> {
        if self.text.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            self.at += word.len();
            Ok(value)
        } else {
            Err(Stop::NotJson)
        }
    }

    fn number(&mut self) -> Result<Val, Stop> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let length = rest.bytes().take_while(|b| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')).count();
        let digits = rest.get(..length).filter(|digits| !digits.is_empty()).ok_or(Stop::NotJson)?;
        self.at += length;
        if let Ok(value) = serde_json::from_str::<i64>(digits) {
            return Ok(Val::Int(value));
        }
        let value = serde_json::from_str::<f64>(digits).map_err(|_| Stop::NotJson)?;
        // A whole number beyond 64 bits keeps its digits as text.
        let whole = digits.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        Ok(if whole { Val::Str(digits.to_owned()) } else { Val::Float(value) })
    }
}

/// Bytes of text that a value holds itself.
fn value_bytes(value: &Val) -> usize {
    match value {
        Val::Str(text) => text.len(),
        _ => 0,
    }
}
