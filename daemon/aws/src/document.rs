//! Helpers for documents: reading inputs of steps, putting properties together, tags.

use std::collections::HashMap;

use evenkeel_core::plan::{ApplyError, Tags};
use serde_json::{Map, Value as Json};

use crate::values::{scalar_text, truth};

/// A step's input, read by AWS's API names.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a>(pub &'a Json);

impl<'a> Input<'a> {
    /// The value of a member; nothing for null.
    pub fn get(self, name: &str) -> Option<&'a Json> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A nested structure.
    pub fn map(self, name: &str) -> Option<Input<'a>> {
        self.get(name).filter(|value| value.is_object()).map(Input)
    }

    /// Text. Numbers and booleans have a text too: specs write both ways.
    pub fn text(self, name: &str) -> Option<String> {
        self.get(name).and_then(scalar_text)
    }

    /// Text that must be there.
    ///
    /// # Errors
    /// Where it is not: a plan that does not fit its reach.
    pub fn required(self, name: &str) -> Result<String, ApplyError> {
        self.text(name).ok_or_else(|| ApplyError::Refused(format!("the step holds no {name}")))
    }

    /// A whole number, also where it is written as text.
    pub fn int(self, name: &str) -> Option<i32> {
        self.long(name).and_then(|number| i32::try_from(number).ok())
    }

    /// A large whole number.
    pub fn long(self, name: &str) -> Option<i64> {
        match self.get(name)? {
            Json::Number(number) => number.as_i64(),
            Json::String(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// A number with a fraction.
    pub fn float(self, name: &str) -> Option<f64> {
        match self.get(name)? {
            Json::Number(number) => number.as_f64(),
            Json::String(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// A truth value, also where it is written as text.
    pub fn bool(self, name: &str) -> Option<bool> {
        self.get(name).and_then(truth)
    }

    /// A list of texts.
    pub fn texts(self, name: &str) -> Option<Vec<String>> {
        Some(self.get(name)?.as_array()?.iter().filter_map(scalar_text).collect())
    }

    /// A list of structures.
    pub fn items(self, name: &str) -> Option<Vec<Input<'a>>> {
        Some(self.get(name)?.as_array()?.iter().map(Input).collect())
    }

    /// A map of texts, in the SDK's form.
    pub fn text_map(self, name: &str) -> Option<HashMap<String, String>> {
        Some(
            self.get(name)?
                .as_object()?
                .iter()
                .filter_map(|(key, value)| Some((key.clone(), scalar_text(value)?)))
                .collect(),
        )
    }
}

/// Tags as the SDK's map has them.
pub fn tags_from<'a>(pairs: impl IntoIterator<Item = (&'a String, &'a String)>) -> Tags {
    pairs
        .into_iter()
        // AWS's own tags (`aws:cloudformation:*`) are nobody's to change.
        .filter(|(key, _)| !key.starts_with("aws:"))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// Tags as a step's input holds them.
pub fn tags_json(tags: &Tags) -> Json {
    Json::Object(tags.iter().map(|(key, value)| (key.clone(), Json::from(value.as_str()))).collect())
}

/// A map of properties, without what is null.
pub fn properties<const N: usize>(pairs: [(&str, Json); N]) -> Map<String, Json> {
    pairs.into_iter().filter(|(_, value)| !value.is_null()).map(|(key, value)| (key.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn scalars_are_read_however_a_spec_wrote_them() {
        let input = json!({"Timeout": "30", "Enabled": "TRUE", "Name": 7, "Gone": null});
        let input = Input(&input);
        assert_eq!(input.int("Timeout"), Some(30));
        assert_eq!(input.bool("Enabled"), Some(true));
        assert_eq!(input.text("Name").as_deref(), Some("7"));
        assert!(input.get("Gone").is_none());
        assert!(input.required("Gone").is_err());
    }

    #[test]
    fn tags_of_aws_itself_are_not_seen() {
        let tags = HashMap::from([("aws:x".to_owned(), "1".to_owned()), ("team".to_owned(), "a".to_owned())]);
        assert_eq!(tags_from(&tags), Tags::from([("team".to_owned(), "a".to_owned())]));
    }
}
