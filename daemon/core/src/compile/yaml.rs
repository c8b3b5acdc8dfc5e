//! Reads YAML and JSON into [`Node`]s that know their places.
//!
//! Scalars mean what YAML 1.1 says they mean, as SAM's own loader (PyYAML) has it: `on` is true, `0755` is octal.
//! Dates stay text. Short intrinsic tags (`!Sub`) become their long form (`Fn::Sub`). What is read is bounded in
//! text, depth and expanded aliases, so that no input can hang or exhaust the process.

mod build;
mod indent;
mod json;
mod scalar;
#[cfg(test)]
mod tests;

use saphyr_parser::{Event, Marker, Parser, ScanError};

use crate::model::{Diagnostic, Diagnostics, FileId, Node, Place};
use build::Builder;
use indent::Repaired;

/// Longest text that is read, in bytes. CloudFormation takes templates up to 1 MB.
pub const MAX_TEXT: usize = 8 << 20;

/// Deepest nesting that is read. Real templates stay below 30; SAM's and CloudFormation's functions count as levels.
pub const MAX_DEPTH: usize = 90;

/// Most values in one text after aliases are expanded.
pub const MAX_NODES: usize = 1_000_000;

/// Most bytes of scalar text after aliases are expanded.
pub const MAX_EXPANDED: usize = 32 << 20;

/// The functions with a short tag, without `Fn::`: CloudFormation's, its rules' and `AWS::LanguageExtensions`'.
pub const SHORT_TAGS: &[&str] = &[
    "Ref",
    "Condition",
    "GetAtt",
    "Sub",
    "Join",
    "Select",
    "Split",
    "If",
    "Equals",
    "And",
    "Or",
    "Not",
    "FindInMap",
    "Base64",
    "Cidr",
    "GetAZs",
    "ImportValue",
    "Transform",
    "Length",
    "ToJsonString",
    "GetStackOutput",
    "Contains",
    "EachMemberEquals",
    "EachMemberIn",
    "RefAll",
    "ValueOf",
    "ValueOfAll",
];

/// What a key that stands twice in one map means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duplicates {
    /// An error: evenkeel's own manifests.
    Refuse,
    /// The last one counts, with a warning: what SAM's loader does, and public templates rely on it.
    LastWins,
}

/// What a text holds.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// Its documents, without empty ones.
    pub documents: Vec<Node>,
    /// What is worth saying though it could be read.
    pub warnings: Diagnostics,
}

/// Reads all documents of a manifest; a key that stands twice is an error.
///
/// # Errors
/// Everything that is wrong with the text, each with its place.
pub fn read_documents(text: &str, file: FileId) -> Result<Vec<Node>, Diagnostics> {
    read(text, file, Duplicates::Refuse).map(|reading| reading.documents)
}

/// Reads all documents of a text.
///
/// # Errors
/// Everything that is wrong with the text, each with its place.
pub fn read(text: &str, file: FileId, duplicates: Duplicates) -> Result<Reading, Diagnostics> {
    if text.len() > MAX_TEXT {
        return Err(Diagnostic::error(
            "too-large",
            Place::new(file, 1, 1),
            format!("the text is {} MB long, the limit is {} MB", text.len() >> 20, MAX_TEXT >> 20),
        )
        .into());
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // YAML reads nearly all JSON, but not surrogate pairs, tabs everywhere or very long keys.
    if text.trim_start().starts_with('{')
        && let Some(reading) = json::read(text, file, duplicates)
    {
        return reading;
    }
    let mut repaired = Repaired::default();
    loop {
        match attempt(repaired.text(text), file, duplicates, &repaired) {
            Ok(result) => return result,
            Err(error) if repaired.repair(text, &error) => {}
            Err(error) => return Err(syntax_error(&error, repaired.text(text), file, &repaired).into()),
        }
    }
}

/// Reads a text once; the outer error is one of syntax.
fn attempt(
    text: &str,
    file: FileId,
    duplicates: Duplicates,
    repaired: &Repaired,
) -> Result<Result<Reading, Diagnostics>, ScanError> {
    let mut builder = Builder::new(duplicates);
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = event?;
        if event == Event::StreamEnd {
            break;
        }
        if let Err(fatal) = builder.event(event, place(span.start, file, repaired)) {
            builder.errors.push(fatal);
            break;
        }
    }
    Ok(builder.finish())
}

/// A position as written: the parser counts lines from 1 and columns from 0.
fn place(marker: Marker, file: FileId, repaired: &Repaired) -> Place {
    let column = repaired.column(marker.line(), marker.col()) + 1;
    Place::new(file, u32::try_from(marker.line()).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
}

/// The parser's complaint in words that help a person who is not its author.
fn syntax_error(error: &ScanError, text: &str, file: FileId, repaired: &Repaired) -> Diagnostic {
    let marker = error.marker();
    let line = text.lines().nth(marker.line().saturating_sub(1)).unwrap_or_default();
    let info = error.info();
    let indented_by_tab = line.chars().take_while(|c| c.is_whitespace()).any(|c| c == '\t');
    let help = if indented_by_tab {
        Some("YAML is indented with spaces; this line is indented with a tab")
    } else if info.contains("unknown anchor") {
        Some("an alias `*name` needs an anchor `&name` before it; text that begins with `*` needs quotes")
    } else if info.contains("mapping values are not allowed") {
        Some("either the indentation is wrong or text with `: ` in it needs quotes")
    } else if ["end of stream", "eof", "quoted scalar"].iter().any(|word| info.contains(word)) {
        Some("a quote or bracket that was opened is not closed")
    } else if line.trim_start().starts_with(['@', '`', '%']) || info.contains("unexpected character") {
        Some("text that begins with a special character needs quotes")
    } else if info.contains("expected ':'") || info.contains("block mapping") || info.contains("indent") {
        Some("check that this line is indented like its neighbours and that its key ends in `:`")
    } else {
        None
    };
    Diagnostic::error("syntax", place(*marker, file, repaired), format!("this is not valid YAML: {info}"))
        .maybe_help(help.map(str::to_owned))
}
