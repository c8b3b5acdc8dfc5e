//! `samconfig.toml` and `samconfig.yaml`: what SAM's command line is told for each environment.
//!
//! A file holds environments, an environment holds commands, a command holds `parameters`. What counts is what
//! `sam deploy` would use: the parameters of `deploy`, then those of `global`. What only concerns how SAM's command line
//! works (prompts, caches, its bucket's prefix) is known and left alone.

mod pairs;
#[cfg(test)]
mod tests;
mod toml;

use indexmap::IndexMap;

use super::template::Files;
use super::yaml::{self, Duplicates};
use crate::model::suggest::did_you_mean;
use crate::model::{Diagnostic, Diagnostics, FileId, Map, Node, Place, Val};

/// Longest samconfig that is read, bytes. Those in the wild stay below a tenth of it.
pub const MAX_TEXT: usize = 256 << 10;

/// The environment that SAM takes when none is given.
pub const DEFAULT_ENVIRONMENT: &str = "default";

/// In which language the file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `samconfig.toml`
    Toml,
    /// `samconfig.yaml` or `samconfig.yml`
    Yaml,
}

/// A file's environments.
#[derive(Clone, Debug, Default)]
pub struct SamConfig {
    /// By name, in the order written.
    pub environments: IndexMap<String, Environment>,
    /// What is worth saying though the file can be used.
    pub warnings: Diagnostics,
}

/// What counts for one environment. Texts are nodes, so that a complaint about one can point at it.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// Where the environment is first named.
    pub place: Place,
    /// `stack_name`
    pub stack_name: Option<Node>,
    /// `region`
    pub region: Option<Node>,
    /// `profile`: a profile of AWS's shared configuration.
    pub profile: Option<Node>,
    /// `s3_bucket`: where SAM puts artifacts. evenkeel uploads code directly where it can.
    pub s3_bucket: Option<Node>,
    /// `template_file` (or `template`): the template's path, relative to the file.
    pub template: Option<Node>,
    /// `parameter_overrides` by parameter.
    pub parameters: IndexMap<String, Node>,
    /// `tags` of everything in the stack.
    pub tags: IndexMap<String, Node>,
    /// `capabilities` that a person acknowledged.
    pub capabilities: Vec<String>,
    /// `image_repository`: the repository of functions that have none of their own.
    pub image_repository: Option<Node>,
    /// `image_repositories` by function.
    pub image_repositories: IndexMap<String, Node>,
}

/// Parameters that say something about the application.
const USED: &[&str] = &[
    "stack_name",
    "region",
    "profile",
    "s3_bucket",
    "template",
    "template_file",
    "parameter_overrides",
    "tags",
    "capabilities",
    "image_repository",
    "image_repositories",
];

/// Parameters of SAM's commands that say how SAM itself works: nothing of the application depends on them.
const OWN_AFFAIRS: &[&str] = &[
    "add_host",
    "aws_account_id",
    "base_dir",
    "beta_features",
    "build_dir",
    "build_image",
    "build_in_source",
    "cache_dir",
    "cached",
    "code",
    "config_env",
    "config_file",
    "confirm_changeset",
    "container_dns",
    "container_env_var",
    "container_env_var_file",
    "container_env_vars",
    "container_host",
    "container_host_interface",
    "container_name",
    "debug",
    "debug_args",
    "debug_function",
    "debug_port",
    "debugger_path",
    "dependency_layer",
    "disable_authorizer",
    "disable_rollback",
    "docker_network",
    "docker_volume_basedir",
    "end_time",
    "env_vars",
    "event",
    "exclude",
    "fail_on_empty_changeset",
    "filter",
    "force_image_build",
    "force_prepare",
    "force_upload",
    "guided",
    "hook_name",
    "host",
    "include_traces",
    "invoke_image",
    "kms_key_id",
    "layer_cache_basedir",
    "lint",
    "log_file",
    "manifest",
    "max_wait_duration",
    "metadata",
    "mode",
    "mount_symlinks",
    "name",
    "no_confirm_changeset",
    "no_event",
    "no_execute_changeset",
    "no_fail_on_empty_changeset",
    "no_memory_limit",
    "no_progressbar",
    "notification_arns",
    "no_prompts",
    "no_watch",
    "on_failure",
    "output",
    "output_template_file",
    "parallel",
    "port",
    "resolve_image_repos",
    "resolve_s3",
    "role_arn",
    "s3_prefix",
    "save_params",
    "shutdown",
    "signing_profiles",
    "skip_prepare_infra",
    "skip_pull_image",
    "skip_sync",
    "ssl_cert_file",
    "ssl_key_file",
    "start_time",
    "static_dir",
    "tail",
    "terraform_plan_file",
    "terraform_project_root_path",
    "use_buildkit",
    "use_container",
    "use_json",
    "warm_containers",
    "watch",
    "watch_exclude",
];

/// Commands whose parameters count, the strongest first.
const COMMANDS: [&str; 2] = ["deploy", "global"];

/// Reads a samconfig file; `files` holds what its `parameter_overrides` refers to by `file://`.
///
/// # Errors
/// What is wrong with the text or with a parameter that counts.
pub fn read(text: &str, file: FileId, format: Format, files: &dyn Files) -> Result<SamConfig, Diagnostics> {
    if text.len() > MAX_TEXT {
        let message = format!("the samconfig is {} KB long, the limit is {} KB", text.len() >> 10, MAX_TEXT >> 10);
        return Err(Diagnostic::error("too-large", Place::new(file, 1, 1), message).into());
    }
    let mut reader = Reader { files, errors: Diagnostics::new(), config: SamConfig::default() };
    let root = match format {
        Format::Toml => toml::read(text, file)?,
        Format::Yaml => {
            let mut reading = yaml::read(text, file, Duplicates::LastWins)?;
            reader.config.warnings.extend(reading.warnings);
            if reading.documents.is_empty() {
                return Ok(reader.config);
            }
            reading.documents.swap_remove(0)
        }
    };
    reader.root(&root);
    if reader.errors.has_errors() {
        return Err(reader.errors);
    }
    Ok(reader.config)
}

struct Reader<'f> {
    files: &'f dyn Files,
    errors: Diagnostics,
    config: SamConfig,
}

impl Reader<'_> {
    fn root(&mut self, root: &Node) {
        let Some(map) = root.as_map() else {
            self.errors.error("wrong-type", root.place, "samconfig is a map of environments");
            return;
        };
        if !map.contains_key("version") && !map.is_empty() {
            let at = Place::new(root.place.file, 1, 1);
            self.config.warnings.push(
                Diagnostic::warning("missing-property", at, "samconfig has no `version`; SAM refuses such a file")
                    .help("add `version = 0.1` at the top"),
            );
        }
        for (name, entry) in map.iter().filter(|(name, _)| *name != "version") {
            let Some(commands) = entry.node.as_map() else {
                self.errors.error(
                    "wrong-type",
                    entry.key_place,
                    format!("environment `{name}` of samconfig must be a table of commands"),
                );
                continue;
            };
            let mut environment = Environment { place: entry.key_place, ..Environment::default() };
            for command in COMMANDS {
                if let Some(parameters) = self.parameters(name, command, commands) {
                    self.fill(&mut environment, parameters);
                }
            }
            for (command, entry) in commands.iter().filter(|(command, _)| !COMMANDS.contains(&command.as_str())) {
                self.parameters(name, command, commands);
                if entry.node.as_map().is_none() {
                    self.config.warnings.push(
                        Diagnostic::warning(
                            "unknown-property",
                            entry.key_place,
                            format!("environment `{name}` of samconfig: `{command}` is no command and has no effect"),
                        )
                        .help(format!("put it into [{name}.deploy.parameters]")),
                    );
                }
            }
            self.config.environments.insert(name.clone(), environment);
        }
    }

    /// The parameters of a command; whatever is unknown there is said.
    fn parameters<'n>(&mut self, environment: &str, command: &str, commands: &'n Map) -> Option<&'n Map> {
        let command_map = commands.get(command)?.node.as_map()?;
        for (key, entry) in command_map.iter().filter(|(key, _)| *key != "parameters") {
            // Commands of two words may be nested: [default.local.invoke.parameters].
            if entry.node.as_map().is_none() {
                self.config.warnings.push(
                    Diagnostic::warning(
                        "unknown-property",
                        entry.key_place,
                        format!("samconfig [{environment}.{command}]: `{key}` has no effect here"),
                    )
                    .help(format!("put it into [{environment}.{command}.parameters]")),
                );
            }
        }
        let parameters = command_map.get("parameters")?;
        let Some(map) = parameters.node.as_map() else {
            self.errors.error(
                "wrong-type",
                parameters.key_place,
                format!("samconfig [{environment}.{command}]: `parameters` must be a table"),
            );
            return None;
        };
        for (key, entry) in map {
            let plain = key.replace('-', "_");
            if !USED.contains(&plain.as_str()) && !OWN_AFFAIRS.contains(&plain.as_str()) {
                let known = || USED.iter().chain(OWN_AFFAIRS).copied();
                let help = if self.config.warnings.are_many() { None } else { did_you_mean(key, known()) };
                self.config.warnings.push(
                    Diagnostic::warning(
                        "unknown-property",
                        entry.key_place,
                        format!("samconfig [{environment}.{command}.parameters]: there is no parameter `{key}`"),
                    )
                    .maybe_help(help),
                );
            }
        }
        Some(map)
    }

    /// Takes what is not set yet: the strongest command comes first.
    fn fill(&mut self, environment: &mut Environment, parameters: &Map) {
        let get = |name: &str| parameters.get(name).or_else(|| parameters.get(&name.replace('_', "-")));
        for (slot, name) in [
            (&mut environment.stack_name, "stack_name"),
            (&mut environment.region, "region"),
            (&mut environment.profile, "profile"),
            (&mut environment.s3_bucket, "s3_bucket"),
            (&mut environment.template, if get("template_file").is_some() { "template_file" } else { "template" }),
            (&mut environment.image_repository, "image_repository"),
        ] {
            if slot.is_none()
                && let Some(entry) = get(name)
            {
                *slot = self.text(name, &entry.node);
            }
        }
        for (slot, name) in [
            (&mut environment.parameters, "parameter_overrides"),
            (&mut environment.tags, "tags"),
            (&mut environment.image_repositories, "image_repositories"),
        ] {
            // SAM takes a parameter from one command as a whole.
            if slot.is_empty()
                && let Some(entry) = get(name)
            {
                match pairs::read(name, &entry.node, self.files) {
                    Ok(all) => *slot = all,
                    Err(found) => self.errors.extend(found),
                }
            }
        }
        if environment.capabilities.is_empty()
            && let Some(entry) = get("capabilities")
        {
            environment.capabilities = self.words("capabilities", &entry.node);
        }
    }

    fn text(&mut self, name: &str, node: &Node) -> Option<Node> {
        let text = node.scalar_text();
        if text.is_none() {
            let found = node.type_word();
            self.errors.error("wrong-type", node.place, format!("samconfig: `{name}` must be text, not {found}"));
        }
        text.filter(|text| !text.is_empty()).map(|text| Node::str(text, node.place))
    }

    /// Words in one text or in a list.
    fn words(&mut self, name: &str, node: &Node) -> Vec<String> {
        let items = match &node.value {
            Val::List(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let mut words = Vec::new();
        for item in items {
            match item.scalar_text() {
                Some(text) => {
                    words.extend(text.split([' ', ',']).filter(|word| !word.is_empty()).map(str::to_owned));
                }
                None => {
                    self.errors.error("wrong-type", item.place, format!("samconfig: `{name}` must be text or a list"))
                }
            }
        }
        words
    }
}
