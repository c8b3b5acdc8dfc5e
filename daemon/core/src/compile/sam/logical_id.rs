//! Logical ids that end in a digest of what the resource is for, as SAM makes them: they are part of what it documents,
//! so that templates may refer to them.

use serde_json::Value as Json;
use sha1::{Digest, Sha1};

use super::make::truthy;
use crate::model::{Node, Val};

/// The ten hexadecimal digits of SHA-1 that SAM appends for a value; nothing for an absent or empty one.
pub(super) fn digest(data: &Node) -> String {
    let text = match &data.value {
        Val::Str(text) => text.clone(),
        _ if !truthy(data) => String::new(),
        _ => json_text(&data.to_json()),
    };
    digest_of_text(&text)
}

/// [`digest`] of text.
pub(super) fn digest_of_text(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    Sha1::digest(text.as_bytes()).iter().take(5).map(|byte| format!("{byte:02x}")).collect()
}

/// `prefix`, `word` and `suffix`, where the word can stand in a logical id; else `prefix`, `suffix` and its digest.
pub(super) fn with_word(prefix: &str, word: &str, suffix: &str) -> String {
    if !word.is_empty() && word.chars().all(char::is_alphanumeric) {
        format!("{prefix}{word}{suffix}")
    } else {
        format!("{prefix}{suffix}{}", digest_of_text(word))
    }
}

/// JSON with sorted keys, no spaces and nothing but ASCII.
fn json_text(json: &Json) -> String {
    match json {
        Json::Object(fields) => {
            let mut sorted: Vec<(&String, &Json)> = fields.iter().collect();
            sorted.sort_by_key(|(key, _)| *key);
            let parts: Vec<String> =
                sorted.into_iter().map(|(key, value)| format!("{}:{}", quoted(key), json_text(value))).collect();
            format!("{{{}}}", parts.join(","))
        }
        Json::Array(items) => format!("[{}]", items.iter().map(json_text).collect::<Vec<_>>().join(",")),
        Json::String(text) => quoted(text),
        other => other.to_string(),
    }
}

/// A JSON string of nothing but ASCII.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            ' '..='~' => out.push(c),
            _ => {
                let mut units = [0; 2];
                c.encode_utf16(&mut units).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::Place;

    #[test]
    fn a_digest_is_of_the_text_itself_or_of_sorted_json_without_spaces() {
        let text = Node::str("example.com", Place::NOWHERE);
        assert_eq!(digest(&text), "0caaf24ab1");
        let call = Node::from_json(&json!({"b": 1, "a": ["x", "ü"]}), Place::NOWHERE);
        assert_eq!(digest(&call), digest_of_text("{\"a\":[\"x\",\"\\u00fc\"],\"b\":1}"));
    }

    #[test]
    fn a_word_that_no_logical_id_may_hold_becomes_a_digest() {
        assert_eq!(with_word("Api", "Prod", "Stage"), "ApiProdStage");
        assert_eq!(with_word("Api", "", "Stage"), "ApiStage");
        assert_eq!(with_word("Api", "v-1", "Stage"), format!("ApiStage{}", digest_of_text("v-1")));
    }
}
