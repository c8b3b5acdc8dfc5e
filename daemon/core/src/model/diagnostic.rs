//! Complaints a person can act on.

use super::place::{Place, Sources};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing: costs, habits.
    Advice,
    /// Works, but probably not as meant.
    Warning,
    /// Cannot go on.
    Error,
}

/// One complaint: what happened, where, and what to do next.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// A stable kebab-case word for the class of complaint, such as `unknown-property`.
    pub code: &'static str,
    /// One sentence without a full stop that says what is wrong, naming the resource or section where there is one.
    pub message: String,
    /// Where.
    pub place: Place,
    /// What it is about, where that stands further on in the text that begins at `place`: `${name` of an `Fn::Sub`.
    pub within: Option<Box<str>>,
    /// What would be right, as a sentence: "did you mean `MemorySize`?".
    pub help: Option<String>,
    /// Other places that matter, each with a word on why.
    pub related: Vec<(Place, String)>,
}

impl Diagnostic {
    /// An error.
    pub fn error(code: &'static str, place: Place, message: impl Into<String>) -> Self {
        Diagnostic {
            severity: Severity::Error,
            code,
            message: message.into(),
            place,
            within: None,
            help: None,
            related: Vec::new(),
        }
    }

    /// A warning.
    pub fn warning(code: &'static str, place: Place, message: impl Into<String>) -> Self {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(code, place, message) }
    }

    /// A piece of advice.
    pub fn advice(code: &'static str, place: Place, message: impl Into<String>) -> Self {
        Diagnostic { severity: Severity::Advice, ..Diagnostic::error(code, place, message) }
    }

    /// Says what would be right.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says what would be right, where there is something to say.
    #[must_use]
    pub fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help.or(self.help);
        self
    }

    /// Says what it is about in the text that begins at its place.
    #[must_use]
    pub fn within(mut self, text: impl Into<Box<str>>) -> Self {
        self.within = Some(text.into());
        self
    }

    /// Exactly where, as far as the sources tell.
    pub fn pinned(&self, sources: &Sources) -> Place {
        self.within.as_ref().and_then(|text| sources.find(self.place, text)).unwrap_or(self.place)
    }

    /// Points at another place that matters.
    #[must_use]
    pub fn related(mut self, place: Place, why: impl Into<String>) -> Self {
        self.related.push((place, why.into()));
        self
    }
}

/// Most complaints that are kept: a person reads no more, and a broken input may have millions.
const MAX_KEPT: usize = 300;

/// All complaints of one run, gathered so that a person sees them at once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Diagnostics {
    items: Vec<Diagnostic>,
    /// How many of them are no errors.
    lesser: usize,
    omitted: usize,
}

impl Diagnostics {
    /// None yet.
    pub fn new() -> Self {
        Diagnostics::default()
    }

    /// Adds one, unless the very same was said before. Beyond some hundred only errors are kept, in the place of
    /// lesser complaints.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        let full = self.items.len() >= MAX_KEPT;
        // Cheap first: a broken input may bring millions.
        if full && (self.lesser == 0 || diagnostic.severity != Severity::Error) {
            self.omitted += 1;
            return;
        }
        if self.items.contains(&diagnostic) {
            return;
        }
        if full && let Some(index) = self.items.iter().rposition(|item| item.severity != Severity::Error) {
            self.items.remove(index);
            self.lesser -= 1;
            self.omitted += 1;
        }
        self.lesser += usize::from(diagnostic.severity != Severity::Error);
        self.items.push(diagnostic);
    }

    /// How many were not kept.
    pub fn omitted(&self) -> usize {
        self.omitted
    }

    /// Whether there are so many that help for another one would help nobody; finding it costs.
    pub fn are_many(&self) -> bool {
        self.items.len() >= MAX_KEPT / 10
    }

    /// Adds an error.
    pub fn error(&mut self, code: &'static str, place: Place, message: impl Into<String>) {
        self.push(Diagnostic::error(code, place, message));
    }

    /// Takes over another run's complaints.
    pub fn extend(&mut self, other: Diagnostics) {
        self.omitted += other.omitted;
        other.items.into_iter().for_each(|item| self.push(item));
    }

    /// The same complaints, none worse than a warning.
    #[must_use]
    pub fn as_warnings(mut self) -> Self {
        for item in &mut self.items {
            item.severity = item.severity.min(Severity::Warning);
        }
        self
    }

    /// Whether anything is an error.
    pub fn has_errors(&self) -> bool {
        self.items.iter().any(|item| item.severity == Severity::Error)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// All of them, as added.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.items.iter()
    }

    /// In the order of their places.
    pub fn sorted(&self) -> Vec<&Diagnostic> {
        let mut items: Vec<&Diagnostic> = self.items.iter().collect();
        items.sort_by_key(|item| item.place);
        items
    }
}

impl FromIterator<Diagnostic> for Diagnostics {
    fn from_iter<I: IntoIterator<Item = Diagnostic>>(items: I) -> Self {
        let mut all = Diagnostics::new();
        items.into_iter().for_each(|item| all.push(item));
        all
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(item: Diagnostic) -> Self {
        let mut all = Diagnostics::new();
        all.push(item);
        all
    }
}

impl Diagnostic {
    /// As a compiler shows it: the complaint, its place, the line itself with a caret, and the help.
    ///
    /// ```text
    /// error[unknown-property]: Function `charge` has no property `memorySice`
    ///   --> specs/shop/app.yaml:12:3
    ///    |
    /// 12 |   memorySice: 256
    ///    |   ^^^^^^^^^^
    ///    = help: did you mean `memorySize`?
    /// ```
    pub fn render(&self, sources: &Sources, colour: bool) -> String {
        let paint = |code: &str, text: &str| {
            if colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
        };
        let (word, shade) = match self.severity {
            Severity::Error => ("error", "1;31"),
            Severity::Warning => ("warning", "1;33"),
            Severity::Advice => ("advice", "1;36"),
        };
        let mut out = format!(
            "{}{} {}\n",
            paint(shade, &format!("{word}[{}]", self.code)),
            paint("1", ":"),
            paint("1", &clipped(&self.message))
        );
        let shown = std::iter::once((self.pinned(sources), None))
            .chain(self.related.iter().map(|(p, w)| (*p, Some(w.as_str()))));
        let mut margin = String::new();
        for (place, why) in shown {
            let at = sources.show(place);
            if at.is_empty() {
                continue;
            }
            margin = " ".repeat(place.line.to_string().len());
            let bar = paint("34", "|");
            out.push_str(&format!(
                "{margin}{} {at}{}\n",
                paint("34", "-->"),
                why.map(|w| format!(": {w}")).unwrap_or_default()
            ));
            if let Some(line) = sources.line(place) {
                let (line, caret) = excerpt(&line, place.column);
                out.push_str(&format!(
                    "{margin} {bar}\n{} {bar} {line}\n{margin} {bar} {}\n",
                    place.line,
                    paint(shade, &caret)
                ));
            }
        }
        if let Some(help) = &self.help {
            out.push_str(&format!("{margin} = help: {help}\n"));
        }
        out
    }
}

/// A message without what goes on and on: a key or value in it may be megabytes.
fn clipped(message: &str) -> std::borrow::Cow<'_, str> {
    const WIDTH: usize = 2000;
    match message.char_indices().nth(WIDTH) {
        Some((end, _)) => format!("{} ...", &message[..end]).into(),
        None => message.into(),
    }
}

/// The line, shortened around the column where it is long, and a caret line that underlines the word there.
fn excerpt(line: &str, column: u32) -> (String, String) {
    const WIDTH: usize = 160;
    let column = usize::try_from(column).unwrap_or(1).max(1) - 1;
    let chars: Vec<char> = line.chars().map(|c| if c == '\t' { ' ' } else { c }).collect();
    let start = if chars.len() > WIDTH { column.saturating_sub(WIDTH / 2).min(chars.len() - WIDTH) } else { 0 };
    let shown: String = chars.iter().skip(start).take(WIDTH).collect();
    let word = chars.iter().skip(column).take_while(|c| c.is_alphanumeric() || "_-.:!$".contains(**c)).count();
    let variable = chars.get(column..).filter(|rest| rest.starts_with(&['$', '{']));
    // A key of JSON with its quotes.
    let quoted = chars.get(column..).and_then(|rest| rest.split_first()).filter(|(first, _)| **first == '"');
    let word = quoted.and_then(|(_, rest)| rest.iter().position(|c| *c == '"')).map_or(word, |end| end + 2);
    let word = variable.and_then(|rest| rest.iter().position(|c| *c == '}')).map_or(word, |end| end + 1);
    let word = match chars.get(column + word.saturating_sub(1)) {
        Some(':') if word > 1 => word - 1,
        _ => word,
    };
    let caret = format!("{}{}", " ".repeat(column.saturating_sub(start)), "^".repeat(word.clamp(1, WIDTH)));
    (shown, caret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_take_the_place_of_lesser_complaints_once_there_are_too_many() {
        let mut all = Diagnostics::new();
        for number in 0..MAX_KEPT + 5 {
            all.push(Diagnostic::warning("w", Place::NOWHERE, number.to_string()));
        }
        assert_eq!((all.iter().count(), all.omitted(), all.has_errors()), (MAX_KEPT, 5, false));
        all.error("e", Place::NOWHERE, "wrong");
        all.error("e", Place::NOWHERE, "wrong");
        assert_eq!((all.iter().count(), all.omitted(), all.has_errors()), (MAX_KEPT, 6, true));
    }

    #[test]
    fn a_variable_is_pointed_at_where_it_stands_in_its_text() {
        let mut sources = Sources::new();
        let file = sources.add("t.yaml", "Value: !Sub |\n  ${Noper} and\n  say ${Nope.Arn} twice ${Nope}\n");
        let about = Diagnostic::error("e", Place::new(file, 1, 8), "wrong").within("${Nope");
        assert_eq!(about.pinned(&sources), Place::new(file, 3, 7));
        let shown = about.render(&sources, false);
        assert!(shown.contains("--> t.yaml:3:7"), "{shown}");
        assert!(shown.contains("\n  |       ^^^^^^^^^^^\n"), "{shown}");
        let file = sources.add("t.json", r#"{"a b": 1}"#);
        let key = Diagnostic::error("e", Place::new(file, 1, 2), "wrong").render(&sources, false);
        assert!(key.ends_with("  |  ^^^^^\n"), "{key}");
        let elsewhere = Diagnostic::error("e", Place::new(file, 1, 8), "wrong").within("${Gone");
        assert_eq!(elsewhere.pinned(&sources), elsewhere.place);
    }
}
