//! `kind: App`: the application's name, environments, parameters and defaults.

use indexmap::IndexMap;

use super::document::{Document, Kind, NAME_LIMIT};
use super::fields::{Fields, Text};
use crate::model::suggest::did_you_mean;
use crate::model::{Diagnostic, Diagnostics, Map, Node, Place};

/// An application as its `App` document declares it.
#[derive(Clone, Debug)]
pub struct App {
    /// Its name.
    pub name: Text,
    /// Tags for everything in it.
    pub labels: IndexMap<String, Node>,
    /// `evenkeel.dev/allow-delete` of the document.
    pub allow_delete: Option<String>,
    /// A tombstone: everything of the application is to go.
    pub deleted: bool,
    /// Declared parameters: a plain value is the default of a parameter, a map its declaration.
    pub parameters: Map,
    /// `conditions`, as a template's `Conditions`.
    pub conditions: Option<Node>,
    /// `mappings`, as a template's `Mappings`.
    pub mappings: Option<Node>,
    /// `outputs` by name: a value, or a map with `value`, `description` and `export`.
    pub outputs: Map,
    /// Environments by name, in the order written.
    pub environments: IndexMap<String, Environment>,
    /// What every resource of a kind begins with.
    pub defaults: Vec<(Kind, Node)>,
}

/// One environment of an application.
#[derive(Clone, Debug)]
pub struct Environment {
    /// Where its name was written.
    pub place: Place,
    /// The region; the caller's own where there is none.
    pub region: Option<String>,
    /// The account (12 digits) that the credentials must belong to.
    pub account: Option<String>,
    /// The role to assume.
    pub role_arn: Option<String>,
    /// Values of declared parameters.
    pub parameters: Map,
    /// Patches of specs by resource name.
    pub overrides: Map,
}

/// Reads the spec of an `App` document.
pub fn read(document: &Document, out: &mut Diagnostics) -> App {
    let mut fields = Fields::new(&document.spec, document.what(), out);
    let deleted = fields.bool("deleted", out).unwrap_or(false);
    let parameters = fields.map("parameters", out);
    let environments = fields.map("environments", out);
    let defaults = read_defaults(&mut fields, out);
    let conditions = fields.take("conditions");
    let mappings = fields.take("mappings");
    let outputs = fields.map("outputs", out);
    fields.finish(out);
    let annotations = &document.annotations;
    if annotations.renamed_from.is_some() || !annotations.ignore_drift.is_empty() {
        out.push(
            Diagnostic::error("misplaced-annotation", document.place(), "an App can be neither renamed nor drift")
                .help("`evenkeel.dev/renamed-from` and `evenkeel.dev/ignore-drift` belong to a single resource"),
        );
    }
    let environments = environments
        .into_iter()
        .map(|(name, entry)| {
            let environment = read_environment(&name, entry.key_place, &entry.node, out);
            (name, environment)
        })
        .collect();
    App {
        name: document.name.clone(),
        labels: document.labels.clone(),
        allow_delete: annotations.allow_delete.clone(),
        deleted,
        parameters,
        conditions,
        mappings,
        outputs,
        environments,
        defaults,
    }
}

fn read_defaults(fields: &mut Fields, out: &mut Diagnostics) -> Vec<(Kind, Node)> {
    let Some(node) = fields.take("defaults") else { return Vec::new() };
    let mut fields = Fields::new(&node, "`defaults`", out);
    let kinds = Kind::ALL.into_iter().filter(|kind| !matches!(kind, Kind::App | Kind::Resource));
    let defaults = kinds.filter_map(|kind| Some((kind, fields.take(kind.word())?))).collect();
    fields.finish(out);
    defaults
}

fn read_environment(name: &str, place: Place, node: &Node, out: &mut Diagnostics) -> Environment {
    let legal =
        !name.is_empty() && name.len() <= NAME_LIMIT && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if !legal || name == "all" {
        out.push(
            Diagnostic::error("bad-name", place, format!("`{name}` cannot be the name of an environment"))
                .help("an environment's name is made of letters, digits and dashes; `all` stands for all of them"),
        );
    }
    let mut fields = Fields::new(node, format!("environment `{name}`"), out);
    let region = fields.text("region", out).map(|region| region.text);
    let account = fields.scalar("account", out).and_then(|account| check_account(&account, out));
    let role_arn = fields.text("roleArn", out).and_then(|arn| {
        let right = arn.text.starts_with("arn:") && arn.text.contains(":role/");
        if !right {
            out.push(
                Diagnostic::error("bad-role-arn", arn.place, format!("`{}` is not the ARN of a role", arn.text))
                    .help("write it as `arn:aws:iam::111122223333:role/NAME`"),
            );
        }
        right.then_some(arn.text)
    });
    let parameters = fields.map("parameters", out);
    let overrides = fields.map("overrides", out);
    fields.finish(out);
    Environment { place, region, account, role_arn, parameters, overrides }
}

fn check_account(account: &Text, out: &mut Diagnostics) -> Option<String> {
    let right = account.text.len() == 12 && account.text.chars().all(|c| c.is_ascii_digit());
    if !right {
        out.push(
            Diagnostic::error("bad-account", account.place, format!("`{}` is not an account: 12 digits", account.text))
                .help("write it in quotes, so that YAML keeps its zeros: `account: \"011122223333\"`"),
        );
    }
    right.then(|| account.text.clone())
}

impl App {
    /// The environment to compile for: the one asked for, or the only one there is.
    ///
    /// # Errors
    /// An environment that nobody declared; several declared and none asked for.
    pub fn select(&self, asked: Option<&str>) -> Result<Option<(&str, &Environment)>, Diagnostic> {
        let names = || self.environments.keys().map(String::as_str);
        match asked {
            Some(name) => match self.environments.get_key_value(name) {
                Some((name, environment)) => Ok(Some((name, environment))),
                None if self.environments.is_empty() => Err(Diagnostic::error(
                    "unknown-environment",
                    self.name.place,
                    format!("application `{}` declares no environments, so there is no `{name}`", self.name.text),
                )
                .help("declare it under `spec.environments` of the App")),
                None => Err(Diagnostic::error(
                    "unknown-environment",
                    self.name.place,
                    format!("application `{}` has no environment `{name}`", self.name.text),
                )
                .help(
                    did_you_mean(name, names())
                        .unwrap_or_else(|| format!("it has {}", names().collect::<Vec<_>>().join(", "))),
                )),
            },
            None if self.environments.len() > 1 => Err(Diagnostic::error(
                "no-environment",
                self.name.place,
                format!("application `{}` has several environments and none was chosen", self.name.text),
            )
            .help(format!("add `--env NAME` with one of {}, or `--env all`", names().collect::<Vec<_>>().join(", ")))),
            None => Ok(self.environments.first().map(|(name, environment)| (name.as_str(), environment))),
        }
    }
}
