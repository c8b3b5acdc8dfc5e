//! The shape of a value.

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value as Json;

/// What a value may look like. Everything that is not said is free.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Shape {
    /// Types; any where there are none.
    #[serde(rename = "t")]
    pub types: Vec<ShapeType>,
    /// The name of a definition that says the rest.
    #[serde(rename = "r")]
    pub reference: Option<String>,
    /// Properties of an object.
    #[serde(rename = "p")]
    pub properties: IndexMap<String, Shape>,
    /// Other properties of an object.
    #[serde(rename = "a")]
    pub additional: Option<Additional>,
    /// Properties by a pattern of their names.
    #[serde(rename = "pp")]
    pub pattern_properties: Vec<(String, Shape)>,
    /// Items of a list.
    #[serde(rename = "i")]
    pub items: Option<Box<Shape>>,
    /// Properties that must be there.
    #[serde(rename = "q")]
    pub required: Vec<String>,
    /// All possible values.
    #[serde(rename = "e")]
    pub values: Option<Vec<Json>>,
    /// All possible values, whatever their case.
    #[serde(rename = "ei")]
    pub values_any_case: Option<Vec<Json>>,
    /// A regular expression (ECMA's dialect) that text matches somewhere.
    #[serde(rename = "x")]
    pub pattern: Option<String>,
    /// Characters of a text.
    #[serde(rename = "l")]
    pub length: Limits,
    /// Value of a number.
    #[serde(rename = "n")]
    pub range: Limits,
    /// Items of a list.
    #[serde(rename = "c")]
    pub count: Limits,
    /// Whether items of a list are all different.
    #[serde(rename = "u")]
    pub unique: bool,
    /// `Some(false)` where the order of items has no meaning.
    #[serde(rename = "o")]
    pub ordered: Option<bool>,
    /// At least one of these holds.
    #[serde(rename = "any")]
    pub any_of: Vec<Shape>,
    /// Exactly one of these holds.
    #[serde(rename = "one")]
    pub one_of: Vec<Shape>,
    /// All of these hold.
    #[serde(rename = "all")]
    pub all_of: Vec<Shape>,
    /// Keys of a map.
    #[serde(rename = "k")]
    pub keys: Limits,
    /// What a property needs beside it.
    #[serde(rename = "dr")]
    pub needs: IndexMap<String, Vec<String>>,
    /// What a property cannot stand beside.
    #[serde(rename = "de")]
    pub excludes: IndexMap<String, Vec<String>>,
    /// Exactly one of these properties is there.
    #[serde(rename = "rx")]
    pub exactly_one: Vec<String>,
    /// At least one of these properties is there.
    #[serde(rename = "ro")]
    pub at_least_one: Vec<String>,
    /// What kind of text it is.
    #[serde(rename = "f")]
    pub format: Option<String>,
}

/// JSON Schema's types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ShapeType {
    /// Text.
    String,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// A truth value.
    Boolean,
    /// A map.
    Object,
    /// A list.
    Array,
    /// Nothing.
    Null,
}

/// What an object may hold beyond its properties.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Additional {
    /// Anything, or nothing.
    Any(bool),
    /// Values of this shape.
    Shaped(Box<Shape>),
}

/// Least and greatest; both inclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(from = "(Option<f64>, Option<f64>)")]
pub struct Limits {
    /// The least.
    pub least: Option<f64>,
    /// The greatest.
    pub greatest: Option<f64>,
}

impl From<(Option<f64>, Option<f64>)> for Limits {
    fn from((least, greatest): (Option<f64>, Option<f64>)) -> Self {
        Limits { least, greatest }
    }
}

impl Limits {
    /// Whether a value lies within.
    pub fn hold(&self, value: f64) -> bool {
        self.least.is_none_or(|least| value >= least) && self.greatest.is_none_or(|greatest| value <= greatest)
    }

    /// For a person: `1 to 15`, `at least 1`, `at most 15`.
    pub fn words(&self) -> String {
        match (self.least, self.greatest) {
            (Some(least), Some(greatest)) => format!("{least} to {greatest}"),
            (Some(least), None) => format!("at least {least}"),
            (None, Some(greatest)) => format!("at most {greatest}"),
            (None, None) => "anything".to_owned(),
        }
    }
}

impl Shape {
    /// Whether values are free-form: nothing is known of their inside.
    pub fn is_free(&self) -> bool {
        self.properties.is_empty()
            && self.pattern_properties.is_empty()
            && self.items.is_none()
            && self.reference.is_none()
            && self.any_of.is_empty()
            && self.one_of.is_empty()
            && self.all_of.is_empty()
            && (self.types.is_empty() || self.types.contains(&ShapeType::Object))
            && !matches!(self.additional, Some(Additional::Shaped(_)))
    }

    /// Whether a list of this shape is a set: no two items alike, no order.
    pub fn is_set(&self) -> bool {
        self.types.contains(&ShapeType::Array) && self.ordered == Some(false)
    }

    /// Whether a type is allowed.
    pub fn allows(&self, shape_type: ShapeType) -> bool {
        self.types.is_empty() || self.types.contains(&shape_type)
    }
}
