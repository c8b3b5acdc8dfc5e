//! Text against AWS's patterns.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Longer texts are worth what it costs to build an engine that is quick.
const SHORT: usize = 1024;

static SMALL: Patterns<regex_lite::Regex> = Patterns::new();
static LARGE: Patterns<regex::Regex> = Patterns::new();

/// Whether text matches an ECMA pattern. A pattern that cannot be read here (look-around, references) matches all:
/// AWS has the last word.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let small = if text.len() <= SHORT && text.is_ascii() {
        SMALL.test(pattern, small, |regex| regex.is_match(text))
    } else {
        None
    };
    small.or_else(|| LARGE.test(pattern, large, |regex| regex.is_match(text))).unwrap_or(true)
}

/// An engine that is built in no time, and knows nothing of Unicode: ECMA's `\d` and `\w` are ASCII, but its `\s` is
/// not, so it is for ASCII text.
fn small(pattern: &str) -> Option<regex_lite::Regex> {
    regex_lite::Regex::new(&within_ascii(pattern)?).ok()
}

/// A pattern with what is ASCII of Unicode's classes in their places; `None` where that is more than ranges in a class.
fn within_ascii(pattern: &str) -> Option<Cow<'_, str>> {
    if !pattern.contains(r"\p") && !pattern.contains(r"\P") {
        return Some(pattern.into());
    }
    let mut out = String::with_capacity(pattern.len());
    let mut in_class = false;
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\\' if rest.starts_with(r"\p") || rest.starts_with(r"\P") => {
                let (name, ascii) = [(r"\p{L}", "a-zA-Z"), (r"\p{N}", "0-9"), (r"\p{Z}", " ")]
                    .into_iter()
                    .find(|(name, _)| in_class && rest.starts_with(name))?;
                out.push_str(ascii);
                rest = &rest[name.len()..];
                continue;
            }
            '\\' => 1 + rest[1..].chars().next()?.len_utf8(),
            other => {
                in_class = match other {
                    '[' => true,
                    ']' => false,
                    _ => in_class,
                };
                other.len_utf8()
            }
        };
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    Some(out.into())
}

/// The ASCII engine is built far faster; a class of all but some needs Unicode here.
fn large(pattern: &str) -> Option<regex::Regex> {
    let build = |unicode: bool| regex::RegexBuilder::new(pattern).unicode(unicode).size_limit(1 << 20).build();
    build(false).or_else(|_| build(true)).ok()
}

/// Patterns that were built, and those that cannot be.
struct Patterns<R>(Mutex<BTreeMap<String, Option<Arc<R>>>>);

impl<R> Patterns<R> {
    const fn new() -> Self {
        Patterns(Mutex::new(BTreeMap::new()))
    }

    /// What a test says of a pattern; nothing where the pattern cannot be built.
    fn test(&self, pattern: &str, build: fn(&str) -> Option<R>, test: impl Fn(&R) -> bool) -> Option<bool> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let regex = match known.get(pattern) {
            Some(regex) => regex.clone(),
            None => known.entry(pattern.to_owned()).or_insert(build(pattern).map(Arc::new)).clone(),
        };
        drop(known);
        regex.map(|regex| test(&regex))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::model::schema::{Shape, lookup, type_names};

    fn patterns(shape: &Shape, found: &mut BTreeSet<String>) {
        found.extend(shape.pattern.clone());
        let inner = shape.properties.values().chain(shape.items.as_deref()).chain(&shape.any_of);
        inner.chain(&shape.one_of).chain(&shape.all_of).for_each(|shape| patterns(shape, found));
    }

    #[test]
    fn classes_of_unicode_are_ranges_within_ascii() {
        assert_eq!(within_ascii(r"^[\p{L}\]\p{Z}_.\-]*$").as_deref(), Some(r"^[a-zA-Z\] _.\-]*$"));
        assert_eq!(within_ascii(r"\p{L}+"), None);
        assert_eq!(within_ascii(r"[\p{Lu}]"), None);
        assert_eq!(within_ascii(r"[^\P{C}]"), None);
    }

    #[test]
    fn both_engines_say_the_same_of_every_pattern_of_aws() {
        let mut found = BTreeSet::new();
        for schema in type_names().filter_map(lookup) {
            patterns(&schema.root, &mut found);
            schema.definitions.values().for_each(|shape| patterns(shape, &mut found));
        }
        let texts = [
            "",
            "a",
            "Orders-dev_1.fifo",
            "/shop/dev/url",
            "arn:aws:lambda:eu-west-1:123456789012:function:orders:live",
            "arn:aws-cn:iam::123456789012:role/path/role name",
            "arn:aws:sqs:us-east-1:000000000000:orders",
            "rate(5 minutes)",
            "512",
            "$LATEST",
            "python3.13",
            "a\nb",
            "\t",
            "subnet-0123456789abcdef0",
            "https://example.com/path?query=1",
            "vpc-1 ",
            "{}",
        ];
        let mut compared = 0;
        for pattern in &found {
            let (Some(small), Some(large)) = (small(pattern), large(pattern)) else { continue };
            for text in texts {
                assert_eq!(small.is_match(text), large.is_match(text), "{pattern:?} on {text:?}");
                compared += 1;
            }
        }
        assert!(compared > 10_000, "{compared}");
    }
}
