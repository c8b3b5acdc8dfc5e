//! Templates with samconfig: which template an environment has, and what SAM's command line adds to it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use evenkeel_core::compile::intrinsic::{Pseudo, Strictness};
use evenkeel_core::compile::sam::LOCAL_IMAGE_REPOSITORY;
use evenkeel_core::compile::samconfig::{self, SamConfig};
use evenkeel_core::compile::{self, Needs, Outcome, TemplateInput, Values, yaml};
use evenkeel_core::model::resource::SpecSource;
use evenkeel_core::model::{Desired, Diagnostic, Diagnostics, FileId, Node, Place, Val};
use indexmap::IndexMap;

use super::{Compiled, Home, How, Target, Tree};
use crate::source::snapshot::{BUILD_FOLDER, BUILT_TEMPLATE, Built, Folder, newer_than};

/// Properties that name what `sam build` builds.
const CODE_KEYS: [&str; 4] = ["CodeUri", "ContentUri", "DockerContext", "Location"];

/// A template's text and where it lies.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) file: FileId,
    pub(super) text: String,
    /// The directory that its local paths are relative to, relative to the root: its own.
    pub(super) base: PathBuf,
}

/// The templates of one application.
#[derive(Clone, Debug, Default)]
pub(super) struct Templates {
    /// The folder's own, or what `sam build` made of it.
    main: Option<Source>,
    /// What samconfig names, by environment.
    named: BTreeMap<String, Source>,
}

impl Templates {
    pub(super) fn all(&self) -> impl Iterator<Item = &Source> {
        self.main.iter().chain(self.named.values())
    }

    /// The template of a target's environment.
    pub(super) fn of(&self, target: &Target) -> Option<&Source> {
        self.named.get(environment_name(target)).or(self.main.as_ref())
    }
}

fn environment_name(target: &Target) -> &str {
    target.env.as_deref().unwrap_or(samconfig::DEFAULT_ENVIRONMENT)
}

/// A path as it is looked up: without a leading `./`.
fn plain(path: &str) -> &str {
    path.strip_prefix("./").unwrap_or(path)
}

/// Paths of templates that a samconfig file names, relative to it; none where the file is no samconfig or is broken.
pub(crate) fn named_templates(name: &str, text: &str) -> Vec<String> {
    let format = match name {
        "samconfig.toml" => samconfig::Format::Toml,
        "samconfig.yaml" | "samconfig.yml" => samconfig::Format::Yaml,
        _ => return Vec::new(),
    };
    let config = samconfig::read(text, FileId(u32::MAX), format, &Unread).unwrap_or_default();
    let named = config.environments.values().filter_map(|environment| environment.template.as_ref()?.as_str());
    named.map(|path| plain(path).to_owned()).collect()
}

impl Tree {
    /// The templates of a folder: its own, and those that its samconfig names. `None` where it has none.
    pub(super) fn templates(
        &mut self,
        folder: &Path,
        files: &Folder,
        own: Option<(String, FileId)>,
        samconfig: Option<&SamConfig>,
        broken: &mut Diagnostics,
    ) -> Option<Templates> {
        let mut templates = Templates::default();
        let own_name = own.as_ref().map(|(name, _)| name.clone());
        if let Some((name, file)) = own {
            let text = files.files.get(&name).cloned().unwrap_or_default();
            templates.main = Some(match &files.built {
                Some(built) => {
                    broken.extend(self.stale(folder, file, &text, built));
                    let base = folder.join(BUILD_FOLDER);
                    let show = self.snapshot.show(&base.join(BUILT_TEMPLATE));
                    Source { file: self.sources.add(show, built.text.as_str()), text: built.text.clone(), base }
                }
                None => Source { file, text, base: folder.to_owned() },
            });
        }
        for (environment, settings) in samconfig.iter().flat_map(|config| &config.environments) {
            let Some(node) = &settings.template else { continue };
            let Some(path) = node.as_str().map(plain) else { continue };
            // The folder's own by its name: what was built of it is what is deployed.
            if own_name.as_deref() == Some(path) {
                continue;
            }
            match files.named.get(path) {
                Some(text) => {
                    let at = folder.join(path);
                    let base = at.parent().map(Path::to_owned).unwrap_or_default();
                    let file = self.sources.add(self.snapshot.show(&at), text.as_str());
                    templates.named.insert(environment.clone(), Source { file, text: text.clone(), base });
                }
                None if templates.main.is_some() => broken.push(Diagnostic::warning(
                    "missing-file",
                    node.place,
                    format!("samconfig names the template `{path}`, which is not there: the folder's own is taken"),
                )),
                None => broken.push(Diagnostic::error(
                    "missing-file",
                    node.place,
                    format!("samconfig names the template `{path}`, and there is no such file below its folder"),
                )),
            }
        }
        let named = !files.named.is_empty() || broken.iter().any(|problem| problem.code == "missing-file");
        (templates.main.is_some() || named).then_some(templates)
    }

    /// Warns where the template or its code was changed after it was built.
    fn stale(&self, folder: &Path, source: FileId, written: &str, built: &Built) -> Diagnostics {
        let mut out = Diagnostics::new();
        let root = self.snapshot.root.join(folder);
        let template = self.sources.file(source).map(|file| PathBuf::from(&*file.path));
        let code = code_paths(written, source).into_iter().map(|path| root.join(path));
        let newer = |moment| template.into_iter().chain(code).find_map(|path| newer_than(&path, moment));
        if let Some(newer) = built.modified.and_then(newer) {
            let message = format!("{} is newer than what `sam build` made, which is what is taken", newer.display());
            out.push(
                Diagnostic::warning("stale-build", Place::new(source, 1, 1), message)
                    .help("run `sam build` again, or remove .aws-sam to have the sources taken as they are"),
            );
        }
        out
    }

    pub(super) fn samconfig(&mut self, folder: &Path, files: &Folder, broken: &mut Diagnostics) -> Option<SamConfig> {
        let names = [
            ("samconfig.toml", samconfig::Format::Toml),
            ("samconfig.yaml", samconfig::Format::Yaml),
            ("samconfig.yml", samconfig::Format::Yaml),
        ];
        let (name, text, format) =
            names.into_iter().find_map(|(name, format)| Some((name, files.files.get(name)?, format)))?;
        let file = self.sources.add(self.snapshot.show(&folder.join(name)), text.as_str());
        match samconfig::read(text, file, format, &BesideTemplate { tree: self, folder }) {
            Ok(config) => {
                broken.extend(config.warnings.clone());
                Some(config)
            }
            Err(problems) => {
                broken.extend(problems);
                None
            }
        }
    }

    /// Compiles a target's template.
    pub(super) fn template(
        &self,
        templates: &Templates,
        samconfig: Option<&SamConfig>,
        target: &Target,
        values: &Values,
        home: &Home,
        how: How,
    ) -> Compiled {
        let environment = samconfig.and_then(|config| config.environments.get(environment_name(target)));
        let Some(source) = templates.of(target) else {
            let message = format!("there is no template for `{}`", target.key());
            let place = environment.map_or(Place::NOWHERE, |environment| environment.place);
            let diagnostics = Diagnostic::error("no-template", place, message)
                .help("add template.yaml, or name one as `template_file` in samconfig")
                .into();
            return Compiled { desired: None, needs: Needs::default(), diagnostics };
        };
        let mut overrides = environment.map(|environment| environment.parameters.clone()).unwrap_or_default();
        let mut compiled = self.template_with(source, environment, &overrides, target, values, home, how);
        // SAM hands over only what the template declares, and says nothing of the rest.
        let files: BTreeSet<FileId> = overrides.values().map(|node| node.place.file).collect();
        let stray = |problem: &&Diagnostic| problem.code == "unknown-parameter" && files.contains(&problem.place.file);
        let strays: Diagnostics = compiled.diagnostics.iter().filter(stray).cloned().collect();
        if !strays.is_empty() {
            overrides.retain(|name, _| {
                let said = format!("no parameter `{name}`");
                !strays.iter().any(|problem| problem.message.ends_with(&said))
            });
            compiled = self.template_with(source, environment, &overrides, target, values, home, how);
            compiled.diagnostics.extend(strays.as_warnings());
        }
        compiled
    }

    #[expect(clippy::too_many_arguments, reason = "one call, all of it from one place")]
    fn template_with(
        &self,
        source: &Source,
        environment: Option<&samconfig::Environment>,
        overrides: &IndexMap<String, Node>,
        target: &Target,
        values: &Values,
        home: &Home,
        how: How,
    ) -> Compiled {
        let stack = match (environment.and_then(stack_of), &target.env) {
            (Some(name), _) => name.to_owned(),
            (None, Some(env)) => format!("{}-{env}", target.app),
            (None, None) => target.app.clone(),
        };
        let input = TemplateInput {
            text: &source.text,
            file: source.file,
            files: &BesideTemplate { tree: self, folder: &source.base },
            pseudo: Pseudo { region: home.region.clone(), account: home.account.clone(), stack: stack.clone() },
            overrides,
            values,
            strictness: if how == How::Render { Strictness::Lenient } else { Strictness::Strict },
            offline: how != How::Plan,
        };
        let made = match compile::compile_template(&input) {
            Ok(Outcome::Compiled(made)) => made,
            Ok(Outcome::Needs(needs)) => return Compiled { desired: None, needs, diagnostics: Diagnostics::new() },
            Err(diagnostics) => return Compiled { desired: None, needs: Needs::default(), diagnostics },
        };
        let mut desired = Desired {
            app: target.app.clone(),
            env: target.env.clone(),
            stack,
            region: home.region.clone(),
            account: home.account.clone(),
            role_arn: home.role_arn.clone(),
            source: SpecSource::Template,
            tags: environment
                .iter()
                .flat_map(|environment| &environment.tags)
                .filter_map(|(key, node)| Some((key.clone(), node.scalar_text()?)))
                .collect(),
            resources: made.resources,
            outputs: made.outputs,
            deleted: false,
            allow_delete: None,
        };
        if let Some(environment) = environment {
            name_images(&mut desired, environment);
        }
        Compiled { desired: Some(desired), needs: made.needs, diagnostics: made.warnings }
    }
}

/// Puts samconfig's repositories where a function's image has none yet. The tag is the one that the function's
/// `Metadata` gives its image, else `latest`: pushing the image is the build's work.
fn name_images(desired: &mut Desired, environment: &samconfig::Environment) {
    let placeholder = format!("/{LOCAL_IMAGE_REPOSITORY}:");
    for resource in desired.resources.values_mut() {
        let tag = resource.metadata.as_ref().and_then(|metadata| metadata.get("DockerTag")?.scalar_text());
        let Some(image) = resource.properties.get_mut("Code").and_then(|code| code.get_mut("ImageUri")) else {
            continue;
        };
        let Some((_, function)) = image.as_str().and_then(|uri| uri.split_once(&placeholder)) else { continue };
        let by_function = &environment.image_repositories;
        let repository = by_function.get(&resource.id).or_else(|| by_function.get(function));
        if let Some(repository) = repository.or(environment.image_repository.as_ref()).and_then(Node::as_str) {
            let tag = tag.unwrap_or_else(|| "latest".to_owned());
            *image = Node::str(format!("{repository}:{tag}"), image.place);
        }
    }
}

fn stack_of(environment: &samconfig::Environment) -> Option<&str> {
    environment.stack_name.as_ref()?.as_str()
}

pub(super) fn has_stack_name(config: &SamConfig) -> bool {
    config.environments.values().any(|environment| stack_of(environment).is_some())
}

/// The stack name that all environments have in common.
pub(super) fn stack_name(config: &SamConfig) -> Option<String> {
    let names: BTreeSet<&str> = config.environments.values().filter_map(stack_of).collect();
    if names.len() == 1 { names.first().map(|name| (*name).to_owned()) } else { None }
}

/// Stands for files that do not matter yet: all are there, and empty.
struct Unread;

impl compile::Files for Unread {
    fn text(&self, _: &str) -> Option<(FileId, Arc<str>)> {
        Some((FileId(u32::MAX), Arc::from("")))
    }
}

/// Files beside a template or a samconfig that were read with the snapshot.
struct BesideTemplate<'a> {
    tree: &'a Tree,
    folder: &'a Path,
}

impl compile::Files for BesideTemplate<'_> {
    fn text(&self, path: &str) -> Option<(FileId, Arc<str>)> {
        let path = self.folder.join(path);
        let text = self.tree.snapshot.text(&path)?;
        let plain: PathBuf = path.components().collect();
        Some((self.tree.sources.include(&self.tree.snapshot.show(&plain), &text), text))
    }
}

/// The local code that a template's source names: what `sam build` builds from.
fn code_paths(text: &str, file: FileId) -> BTreeSet<String> {
    fn collect(node: &Node, out: &mut BTreeSet<String>) {
        match &node.value {
            Val::Map(map) => {
                for (key, entry) in map.iter() {
                    match entry.node.as_str() {
                        Some(path) if CODE_KEYS.contains(&key.as_str()) && !path.contains("://") => {
                            out.insert(path.to_owned());
                        }
                        _ => collect(&entry.node, out),
                    }
                }
            }
            Val::List(items) => items.iter().for_each(|item| collect(item, out)),
            _ => {}
        }
    }
    let mut out = BTreeSet::new();
    for document in yaml::read_documents(text, file).unwrap_or_default() {
        collect(&document, &mut out);
    }
    out
}
