//! What only AWS, or a person at the prompt, can tell: inputs of compiling, and what of it is missing.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value as Json;

use crate::model::Place;

/// Values from outside the spec. The form of `--values` files, and what a reconcile reads from AWS in between.
///
/// ```json
/// {"Parameters": {"Stage": "prod"}, "SSM": {"/shop/db-url": "..."}, "Exports": {"net-VpcId": "vpc-1"}}
/// ```
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Values {
    /// Template parameters by name.
    #[serde(rename = "Parameters")]
    pub parameters: BTreeMap<String, Json>,
    /// SSM parameters (String and StringList) by path, or `path:version`; secure ones are found here too.
    #[serde(rename = "SSM")]
    pub ssm: BTreeMap<String, String>,
    /// SSM SecureStrings by path, or `path:version`. Secret.
    #[serde(rename = "SSMSecure")]
    pub ssm_secure: BTreeMap<String, String>,
    /// Secrets Manager values by all of the reference after `{{resolve:secretsmanager:`. Secret.
    #[serde(rename = "Secrets")]
    pub secrets: BTreeMap<String, String>,
    /// Exports by name.
    #[serde(rename = "Exports")]
    pub exports: BTreeMap<String, String>,
    /// Availability zones by region.
    #[serde(rename = "Zones")]
    pub zones: BTreeMap<String, Vec<String>>,
}

/// What a spec asks for that [`Values`] does not hold, each with the first place that asks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Needs {
    /// SSM parameters of type String or StringList by path, or `path:version`.
    pub ssm: BTreeMap<String, Place>,
    /// SSM SecureStrings.
    pub ssm_secure: BTreeMap<String, Place>,
    /// Secrets Manager references.
    pub secrets: BTreeMap<String, Place>,
    /// Exports of other applications or stacks.
    pub exports: BTreeMap<String, Place>,
    /// Regions whose availability zones are asked for.
    pub zones: BTreeMap<String, Place>,
}

impl Needs {
    /// Whether nothing is missing.
    pub fn is_empty(&self) -> bool {
        self == &Needs::default()
    }

    /// Takes over what somebody else misses; the first place stays.
    pub fn extend(&mut self, other: Needs) {
        for (mine, theirs) in [
            (&mut self.ssm, other.ssm),
            (&mut self.ssm_secure, other.ssm_secure),
            (&mut self.secrets, other.secrets),
            (&mut self.exports, other.exports),
            (&mut self.zones, other.zones),
        ] {
            for (name, place) in theirs {
                mine.entry(name).or_insert(place);
            }
        }
    }
}
