//! The mark at the end of a description: ` [ek:SOURCE APP/ENV ID CONTENT]`, with a last word `Retain` where versions
//! of this layer stay, and `Kept` where nobody said so and `keep` tells how many do.

use evenkeel_core::model::resource::DeletionPolicy;
use evenkeel_core::plan::{Marks, Scope, Want};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// AWS's limit for a description, characters.
const LIMIT: usize = 256;
const OPEN: &str = " [ek:";
/// The same where there is no text before it.
const ALONE: &str = "[ek:";
/// The last word of a version that stays as one of those that are kept.
pub const KEPT: &str = "Kept";
const WORD: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'@').remove(b'+');

/// A description taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// What people wrote.
    pub text: String,
    /// Whose it is; `code.content` is left out, `content` holds it.
    pub marks: Option<Marks>,
    /// The hash of its content.
    pub content: String,
}

/// The mark's text for what a spec asks for.
pub fn suffix(scope: &Scope, want: &Want, content: &str) -> String {
    let word = |text: &str| utf8_percent_encode(text, WORD).to_string();
    let home = match &scope.env {
        Some(env) => format!("{}/{}", word(&scope.app), word(env)),
        None => word(&scope.app),
    };
    let policies = [want.resource.deletion_policy, want.resource.update_replace_policy];
    let last = match policies.contains(&Some(DeletionPolicy::Retain)) {
        true if want.resource.kept_by_default => format!(" {KEPT}"),
        true => format!(" {}", DeletionPolicy::Retain.as_str()),
        false => String::new(),
    };
    format!("{OPEN}{} {home} {} {content}{last}]", word(&scope.source), word(want.id()))
}

/// The description with its mark; the text is cut where both do not fit.
pub fn describe(text: &str, suffix: &str) -> String {
    // Blanks at the edge of a text may not come back, and with them the mark would be lost.
    format!("{}{suffix}", fitting(text, suffix)).trim_start().to_owned()
}

/// As much of the text as fits beside the mark.
pub fn fitting(text: &str, suffix: &str) -> String {
    text.trim_start().chars().take(LIMIT.saturating_sub(suffix.chars().count())).collect()
}

/// Whether the mark itself fits.
pub fn fits(suffix: &str) -> bool {
    suffix.chars().count() <= LIMIT
}

/// Takes a description apart.
pub fn parse(description: &str) -> Described {
    let plain = || Described { text: description.to_owned(), marks: None, content: String::new() };
    let marked = description.strip_suffix(']').and_then(|rest| match rest.rsplit_once(OPEN) {
        Some(split) => Some(split),
        None => Some(("", rest.strip_prefix(ALONE)?)),
    });
    let Some((text, mark)) = marked else { return plain() };
    let words: Vec<&str> = mark.split(' ').collect();
    let ([source, home, id, content] | [source, home, id, content, "Retain" | KEPT]) = words.as_slice() else {
        return plain();
    };
    let word = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let (app, env) = match home.split_once('/') {
        Some((app, env)) => (word(app), Some(word(env))),
        None => (word(home), None),
    };
    let policy = words.get(4).map(|word| (*word).to_owned());
    let marks = Marks { source: word(source), app, env, id: word(id), policy, ..Marks::default() };
    Described { text: text.to_owned(), marks: Some(marks), content: (*content).to_owned() }
}
