//! Indentation that YAML 1.1 readers forgive: lines of a bracketed or quoted value that are not indented deeper than
//! the key they belong to. The parser insists on it; PyYAML, and so SAM, does not.

use std::collections::BTreeMap;

use saphyr_parser::ScanError;

/// Most repairs of one text: each costs another reading.
const MAX_REPAIRS: usize = 100;

/// Most bytes that are read again for repairs, and most that repairs add.
const MAX_WORK: usize = 16 << 20;

/// Spaces put before a line: deeper than any key that such a line belongs to in practice.
const SHIFT: usize = 80;

/// A text whose lines have been indented, and by how much, so that places can be told as written.
#[derive(Default)]
pub(super) struct Repaired {
    text: Option<String>,
    /// Spaces added by line, from 1.
    shifts: BTreeMap<usize, usize>,
    repairs: usize,
}

impl Repaired {
    /// The text to read.
    pub(super) fn text<'t>(&'t self, original: &'t str) -> &'t str {
        self.text.as_deref().unwrap_or(original)
    }

    /// A column of the repaired text as it was written.
    pub(super) fn column(&self, line: usize, column: usize) -> usize {
        column.saturating_sub(self.shifts.get(&line).copied().unwrap_or_default())
    }

    /// Indents the lines that an error complains about; false where the error is another one or nothing is left to
    /// try.
    pub(super) fn repair(&mut self, original: &str, error: &ScanError) -> bool {
        let line = error.marker().line();
        let quoted = error.info().contains("indentation in quoted scalar");
        let spent = self.repairs >= MAX_REPAIRS || self.repairs * original.len() > MAX_WORK;
        if spent || line == 0 || !(quoted || error.info() == "invalid indentation") {
            return false;
        }
        // Indented lines have the same brackets and quotes as the lines that were written.
        let lines: Vec<&str> = original.split_inclusive('\n').collect();
        let rest = lines.get(line - 1..).unwrap_or_default();
        let column = self.column(line, error.marker().col());
        let (first, count) = if quoted {
            // The error stands where the quote opens; the lines after it are the ones to indent.
            (line + 1, quoted_lines(rest, column))
        } else {
            (line, bracket_lines(rest))
        };
        let mut changed = false;
        for number in first..first + count {
            let blank = lines.get(number - 1).is_none_or(|line| line.trim().is_empty());
            if !blank && !self.shifts.contains_key(&number) {
                self.shifts.insert(number, SHIFT);
                changed = true;
            }
        }
        if !changed || self.shifts.len() * SHIFT > MAX_WORK {
            return false;
        }
        let pad = " ".repeat(SHIFT);
        let mut out = String::with_capacity(original.len() + self.shifts.len() * SHIFT);
        for (index, line) in original.split_inclusive('\n').enumerate() {
            if self.shifts.contains_key(&(index + 1)) {
                out.push_str(&pad);
            }
            out.push_str(line);
        }
        self.text = Some(out);
        self.repairs += 1;
        true
    }
}

/// How many lines after the first a quoted text that opens at `column` reaches over.
fn quoted_lines(lines: &[&str], column: usize) -> usize {
    let mut chars = lines
        .iter()
        .enumerate()
        .flat_map(|(index, line)| line.chars().skip(if index == 0 { column } else { 0 }).map(move |c| (index, c)));
    let Some((_, quote)) = chars.next() else { return 0 };
    let mut escaped = false;
    for (index, c) in chars {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote == '"' => escaped = true,
            // A doubled single quote closes and opens again: the next one is looked for from there.
            c if c == quote && quote == '"' => return index,
            c if c == quote && !doubled(lines, index, quote) => return index,
            _ => {}
        }
    }
    lines.len().saturating_sub(1)
}

/// Whether a line holds a doubled single quote: then the text may go on, and one more reading will tell.
fn doubled(lines: &[&str], index: usize, quote: char) -> bool {
    lines.get(index).is_some_and(|line| line.contains(&format!("{quote}{quote}")))
}

/// How many lines, from the first on, belong to the brackets that are open there.
fn bracket_lines(lines: &[&str]) -> usize {
    let mut depth = 0usize;
    let mut quote: Option<char> = None;
    let mut escaped = false;
    let mut before = ' ';
    for (index, line) in lines.iter().enumerate() {
        for c in line.chars() {
            match (quote, c) {
                _ if escaped => escaped = false,
                (Some('"'), '\\') => escaped = true,
                (Some(open), _) if c == open => quote = None,
                (Some(_), _) => {}
                // A quote opens a text only where a value may begin.
                (None, '"' | '\'') if " \t\n{[,:".contains(before) => quote = Some(c),
                (None, '#') if before.is_whitespace() => break,
                (None, '{' | '[') => depth += 1,
                (None, '}' | ']') if depth == 0 => return index + 1,
                (None, '}' | ']') => depth -= 1,
                _ => {}
            }
            before = c;
        }
        before = ' ';
    }
    lines.len()
}
