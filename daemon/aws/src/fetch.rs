//! Reads what a spec refers to and only AWS can tell: parameter values.

use aws_sdk_ssm::types::ParameterType;
use evenkeel_core::compile::{Needs, Values};
use evenkeel_core::model::{Diagnostic, Diagnostics, Place};

use crate::client::Account;
use crate::error::Failure;

/// Names that GetParameters takes in one call.
const BATCH: usize = 10;

impl Account {
    /// Reads what is needed into `values`; what cannot be had is told, each at the place that asks for it.
    pub async fn fetch(&self, needs: &Needs, values: &mut Values) -> Diagnostics {
        let mut missing = Diagnostics::new();
        self.parameters(needs, values, &mut missing).await;
        for (secret, place) in &needs.secrets {
            missing.push(
                Diagnostic::error(
                    "needs-value",
                    *place,
                    format!("the secret `{secret}` is in Secrets Manager, which evenkeel does not read yet"),
                )
                .help("give it under \"Secrets\" in a --values file"),
            );
        }
        for (region, place) in &needs.zones {
            missing.push(
                Diagnostic::error(
                    "needs-value",
                    *place,
                    format!("the availability zones of {region} are asked for, which evenkeel does not read"),
                )
                .help("give them under \"Zones\" in a --values file"),
            );
        }
        missing
    }

    async fn parameters(&self, needs: &Needs, values: &mut Values, missing: &mut Diagnostics) {
        let wanted: Vec<(&String, Place, bool)> = needs
            .ssm
            .iter()
            .map(|(name, place)| (name, *place, false))
            .chain(needs.ssm_secure.iter().map(|(name, place)| (name, *place, true)))
            .collect();
        for batch in wanted.chunks(BATCH) {
            let names = batch.iter().map(|(name, _, _)| (*name).clone()).collect();
            let answer = match self.ssm.get_parameters().set_names(Some(names)).with_decryption(true).send().await {
                Ok(answer) => answer,
                Err(failure) => {
                    for (name, place, _) in batch {
                        missing.error(
                            "needs-value",
                            *place,
                            format!(
                                "the parameter `{name}` cannot be read: {}",
                                Failure::of("SSM", &failure).sentence()
                            ),
                        );
                    }
                    continue;
                }
            };
            for (name, place, secure) in batch {
                let found = answer.parameters().iter().find(|parameter| {
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
