//! Reads what a spec refers to and only AWS can tell: parameter values, secrets, zones.

use std::collections::BTreeMap;

use aws_sdk_ssm::types::ParameterType;
use evenkeel_core::compile::secret::SecretReference;
use evenkeel_core::compile::{Needs, Values};
use evenkeel_core::model::{Diagnostic, Diagnostics, Place};

use serde_json::Value as Json;

use crate::client::Account;
use crate::reading::read;
use crate::zones;

/// Names that GetParameters takes in one call.
const BATCH: usize = 10;

impl Account {
    /// Reads what is needed into `values`; what cannot be had is told, each at the place that asks for it.
    pub async fn fetch(&self, needs: &Needs, values: &mut Values) -> Diagnostics {
        let mut missing = Diagnostics::new();
        self.parameters(needs, values, &mut missing).await;
        self.secrets(needs, values, &mut missing).await;
        for (region, place) in &needs.zones {
            match zones::of(self.config(), self.counter(), region).await {
                Ok(zones) => {
                    values.zones.insert(region.clone(), zones);
                }
                Err(reason) => {
                    let message = format!("the availability zones of {region} cannot be read: {reason}");
                    missing.push(Diagnostic::error("needs-value", *place, message).help(
                        "allow ec2:DescribeSubnets and ec2:DescribeAvailabilityZones, or give them as a list under \"Zones\" by region in a --values file",
                    ));
                }
            }
        }
        missing
    }

    /// Reads each version of a secret once, whatever is taken from it.
    async fn secrets(&self, needs: &Needs, values: &mut Values, missing: &mut Diagnostics) {
        let mut known: BTreeMap<SecretReference, Result<Option<String>, String>> = BTreeMap::new();
        for (text, place) in &needs.secrets {
            // What is no reference was refused before anything is asked for.
            let Ok(reference) = SecretReference::parse(text) else { continue };
            let version = SecretReference { json_key: None, ..reference.clone() };
            if !known.contains_key(&version) {
                let call = || {
                    let call = self.secrets.get_secret_value().secret_id(&version.id);
                    let call = call.set_version_stage(version.version_stage.clone());
                    call.set_version_id(version.version_id.clone()).send()
                };
                let answer = match read("Secrets Manager", call).await {
                    Ok(Some(answer)) => Ok(answer.secret_string().map(str::to_owned)),
                    Ok(None) => Err("there is none of this name or version".to_owned()),
                    Err(reason) => Err(reason),
                };
                known.insert(version.clone(), answer);
            }
            let found = match known.get(&version) {
                Some(Ok(Some(whole))) => part(whole, reference.json_key.as_deref()),
                Some(Err(reason)) => Err(format!("cannot be read: {reason}")),
                _ => Err("has no text".to_owned()),
            };
            match found {
                Ok(value) => {
                    values.secrets.insert(text.clone(), value);
                }
                Err(reason) => missing.push(
                    Diagnostic::error("needs-value", *place, format!("the secret `{}` {reason}", reference.id))
                        .help("create it first, or give the value under \"Secrets\" in a --values file"),
                ),
            }
        }
    }

    async fn parameters(&self, needs: &Needs, values: &mut Values, missing: &mut Diagnostics) {
        let wanted: Vec<(&String, Place, bool)> = needs
            .ssm
            .iter()
            .map(|(name, place)| (name, *place, false))
            .chain(needs.ssm_secure.iter().map(|(name, place)| (name, *place, true)))
            .collect();
        for batch in wanted.chunks(BATCH) {
            let names: Vec<String> = batch.iter().map(|(name, _, _)| (*name).clone()).collect();
            let call = || self.ssm.get_parameters().set_names(Some(names.clone())).with_decryption(true).send();
            let parameters = match read("SSM", call).await {
                Ok(answer) => answer.and_then(|answer| answer.parameters).unwrap_or_default(),
                Err(reason) => {
                    for (name, place, _) in batch {
                        missing.error(
                            "needs-value",
                            *place,
                            format!("the parameter `{name}` cannot be read: {reason}"),
                        );
                    }
                    continue;
                }
            };
            for (name, place, secure) in batch {
                let found = parameters.iter().find(|parameter| {
                    let selected = parameter.selector().is_some_and(|selector| {
                        name.strip_suffix(selector).is_some_and(|plain| Some(plain) == parameter.name())
                    });
                    selected || parameter.name() == Some(name.as_str()) || parameter.arn() == Some(name.as_str())
                });
                match found.and_then(|parameter| Some((parameter.value()?, parameter.r#type()))) {
                    Some((value, kind)) => {
                        // A SecureString asked for as plain text would end where everybody sees it.
                        if *kind.unwrap_or(&ParameterType::String) == ParameterType::SecureString && !secure {
                            missing.push(
                                Diagnostic::error(
                                    "secure-parameter",
                                    *place,
                                    format!("the parameter `{name}` is a SecureString"),
                                )
                                .help(
                                    "refer to it with {{resolve:ssm-secure:...}}, or let the function read it itself",
                                ),
                            );
                        } else if *secure {
                            values.ssm_secure.insert((*name).clone(), value.to_owned());
                        } else {
                            values.ssm.insert((*name).clone(), value.to_owned());
                        }
                    }
                    None => missing.push(
                        Diagnostic::error(
                            "no-parameter",
                            *place,
                            format!("there is no SSM parameter `{name}` in {}", self.region()),
                        )
                        .help("create it first, or give it under \"SSM\" in a --values file"),
                    ),
                }
            }
        }
    }
}

/// All of a secret, or the value of one key where it is a JSON object. No part of the value stands in the complaint.
fn part(whole: &str, key: Option<&str>) -> Result<String, String> {
    let Some(key) = key else { return Ok(whole.to_owned()) };
    let Ok(Json::Object(map)) = serde_json::from_str::<Json>(whole) else {
        return Err(format!("is no JSON object, so it has no key `{key}`"));
    };
    match map.get(key) {
        Some(Json::String(text)) => Ok(text.clone()),
        Some(other) => Ok(other.to_string()),
        None => Err(format!("has no key `{key}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_a_secret_is_taken_and_a_missing_one_is_named_without_the_value() {
        let whole = r#"{"user": "ada", "port": 5432, "password": "hunter2"}"#;
        assert_eq!(part(whole, None).unwrap(), whole);
        assert_eq!(part(whole, Some("user")).unwrap(), "ada");
        assert_eq!(part(whole, Some("port")).unwrap(), "5432");
        for (text, key) in [(whole, "pasword"), ("hunter2", "password"), ("\"hunter2\"", "password")] {
            let reason = part(text, Some(key)).unwrap_err();
            assert!(reason.contains(key) && !reason.contains("hunter2"), "{reason}");
        }
    }
}
