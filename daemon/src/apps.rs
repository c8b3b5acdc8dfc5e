//! From a snapshot to applications: which there are, in which environments, and what each should be.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use evenkeel_core::compile::intrinsic::{Pseudo, Strictness};
use evenkeel_core::compile::samconfig::{self, SamConfig};
use evenkeel_core::compile::{self, Needs, Outcome, TemplateInput, Values, manifest, yaml};
use evenkeel_core::model::resource::SpecSource;
use evenkeel_core::model::{Desired, Diagnostic, Diagnostics, FileId, Node, Place, Sources, Val};
use indexmap::IndexMap;

use crate::exports::Offers;
use crate::source::Snapshot;
use crate::source::snapshot::{BUILD_FOLDER, BUILT_TEMPLATE, Built, Folder, newer_than};

/// Templates' file names, the first that is there counts.
const TEMPLATES: [&str; 4] = ["template.yaml", "template.yml", "template.json", "template.template"];
/// The tree's own settings.
pub const TREE_FILE: &str = "evenkeel.yaml";

/// Properties that name what `sam build` builds.
const CODE_KEYS: [&str; 4] = ["CodeUri", "ContentUri", "DockerContext", "Location"];

/// What a person chose on the command line.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Environments; empty means the only one, or the default.
    pub envs: Vec<String>,
    /// One application; names it where the directory is one application's folder.
    pub app: Option<String>,
    /// Region where the spec names none.
    pub region: Option<String>,
    /// Account where the spec names none.
    pub account: Option<String>,
    /// Identity of the tree, where it is not in its settings.
    pub source_id: Option<String>,
    /// Values from the command line: parameters, and what only AWS can tell.
    pub values: Values,
}

/// All applications of a snapshot.
#[derive(Debug)]
pub struct Tree {
    /// What was read.
    pub snapshot: Arc<Snapshot>,
    /// Texts for messages.
    pub sources: Sources,
    /// Identity of the tree.
    pub source_id: String,
    /// How long functions' log groups keep events where the spec does not say, days.
    pub log_retention_days: Option<i64>,
    /// How many old versions of a function or a layer stay, where the tree says so.
    pub keep: Option<u32>,
    /// The applications.
    pub apps: Vec<App>,
    /// Complaints about the tree itself.
    pub problems: Diagnostics,
    /// What the applications export.
    pub(crate) offers: Offers,
}

/// One application's folder.
#[derive(Clone, Debug)]
pub struct App {
    /// The folder, relative to the root.
    pub folder: PathBuf,
    /// Its name; an error where there is none.
    pub name: Option<String>,
    form: Form,
    /// The directory that local paths are relative to, relative to the root: the folder, or what `sam build` made of it.
    base: PathBuf,
    /// Complaints about its files; errors among them keep it from being read at all.
    broken: Diagnostics,
}

#[derive(Clone, Debug)]
enum Form {
    Native { documents: Vec<Node>, app: Option<manifest::App> },
    Template { file: FileId, text: String, app: Option<manifest::App>, samconfig: Option<SamConfig> },
}

/// One application in one environment: what is reconciled as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Index of the application in its tree.
    pub index: usize,
    /// The application's name.
    pub app: String,
    /// The environment.
    pub env: Option<String>,
    /// Where it lives, as far as the spec says.
    pub home: Home,
}

/// Where an application lives.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Home {
    /// The region.
    pub region: Option<String>,
    /// The role to assume.
    pub role_arn: Option<String>,
    /// The account that the credentials must belong to.
    pub account: Option<String>,
}

impl Target {
    /// `app` or `app/env`.
    pub fn key(&self) -> String {
        match &self.env {
            Some(env) => format!("{}/{env}", self.app),
            None => self.app.clone(),
        }
    }
}

/// What a target is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// To be planned: AWS can be asked for what only it knows.
    Plan,
    /// To be checked: AWS cannot be asked, what only it knows stays symbolic.
    Validate,
    /// To be shown: as `Validate`, and what AWS would refuse is a warning.
    Render,
}

/// What compiling gave.
#[derive(Debug)]
pub struct Compiled {
    /// What should be; `None` where there are errors.
    pub desired: Option<Desired>,
    /// What must be asked of AWS first.
    pub needs: Needs,
    /// All complaints.
    pub diagnostics: Diagnostics,
}

/// Whether a file makes its folder an application: an App or other manifest, or a template.
pub fn looks_like_app(name: &str, text: &str) -> bool {
    TEMPLATES.contains(&name) || (is_manifest_file(name) && text.contains("evenkeel.dev/"))
}

/// Whether a file is a template by its name.
pub fn is_template(name: &str) -> bool {
    TEMPLATES.contains(&name)
}

fn is_manifest_file(name: &str) -> bool {
    name != TREE_FILE
        && !name.starts_with("samconfig.")
        && [".yaml", ".yml", ".json"].iter().any(|ending| name.ends_with(ending))
}

impl Tree {
    /// Finds the applications of a snapshot.
    pub fn read(snapshot: Arc<Snapshot>, selection: &Selection) -> Tree {
        let mut tree = Tree {
            sources: Sources::new(),
            source_id: selection.source_id.clone().unwrap_or_else(|| "default".to_owned()),
            log_retention_days: None,
            keep: None,
            apps: Vec::new(),
            problems: Diagnostics::new(),
            offers: Offers::default(),
            snapshot: Arc::clone(&snapshot),
        };
        for (path, reason) in &snapshot.unreadable {
            let message = format!("{} cannot be read: {reason}", snapshot.show(path));
            tree.problems.error("unreadable", Place::NOWHERE, message);
        }
        let single = snapshot.folders.get(Path::new("")).is_some_and(is_app);
        for (folder, files) in &snapshot.folders {
            if folder.as_os_str().is_empty()
                && let Some(text) = files.files.get(TREE_FILE)
            {
                tree.settings(text, selection);
            }
            if single
                && !files.files.contains_key(TREE_FILE)
                && let Some(text) = &snapshot.above
            {
                // One application out of a tree belongs to the tree.
                tree.settings(text, selection);
            }
            if is_app(files) && (single == folder.as_os_str().is_empty()) {
                tree.add(folder, files, single, selection);
            }
        }
        let mut seen: BTreeMap<String, PathBuf> = BTreeMap::new();
        for app in &tree.apps {
            let Some(name) = &app.name else { continue };
            if let Some(other) = seen.insert(name.clone(), app.folder.clone()) {
                let message = format!(
                    "two folders hold an application `{name}`: {} and {}",
                    snapshot.show(&other),
                    snapshot.show(&app.folder)
                );
                tree.problems.error("two-applications", Place::NOWHERE, message);
            }
        }
        tree
    }

    fn settings(&mut self, text: &str, selection: &Selection) {
        let file = self.sources.add(self.snapshot.show(Path::new(TREE_FILE)), text);
        match compile::tree::read(text, file) {
            Ok(settings) => {
                if selection.source_id.is_none()
                    && let Some(id) = settings.source_id
                {
                    self.source_id = id;
                }
                self.log_retention_days = settings.log_retention_days;
                self.keep = settings.keep;
            }
            Err(problems) => self.problems.extend(problems),
        }
    }

    fn add(&mut self, folder: &Path, files: &Folder, single: bool, selection: &Selection) {
        let mut broken = Diagnostics::new();
        let mut documents = Vec::new();
        let mut template = None;
        for (name, text) in &files.files {
            let is_template = TEMPLATES.contains(&name.as_str());
            if is_template && template.is_none() {
                let id = self.sources.add(self.snapshot.show(&folder.join(name)), text.as_str());
                template = Some((id, text.clone()));
            } else if !is_template && is_manifest_file(name) && (text.contains("apiVersion") || text.contains("kind")) {
                let id = self.sources.add(self.snapshot.show(&folder.join(name)), text.as_str());
                match yaml::read_documents(text, id) {
                    Ok(found) => documents.extend(found.into_iter().filter(manifest::is_manifest)),
                    Err(problems) if text.contains("evenkeel.dev/") => broken.extend(problems),
                    // Somebody else's file beside the manifests.
                    Err(_) => {}
                }
            }
        }
        let mut base = folder.to_owned();
        if let (Some((source, written)), Some(built)) = (&template, &files.built) {
            base = folder.join(BUILD_FOLDER);
            broken.extend(self.stale(folder, *source, written, built));
            let show = self.snapshot.show(&base.join(BUILT_TEMPLATE));
            template = Some((self.sources.add(show, built.text.as_str()), built.text.clone()));
        }
        let app = manifest::read_app(&documents, &mut Diagnostics::new());
        let given = selection.app.clone().filter(|_| single);
        let named = given.or_else(|| app.as_ref().map(|app| app.name.text.clone()));
        let (name, form) = match template {
            Some((file, text)) => {
                let samconfig = self.samconfig(folder, files, &mut broken);
                // Environments with stack names of their own are one application all the same: the folder's.
                let stack = samconfig.as_ref().filter(|config| has_stack_name(config));
                let stack = stack.and_then(|config| stack_name(config).or_else(|| self.snapshot.name(folder)));
                let folder_name = || self.snapshot.name(folder).filter(|_| !single);
                (named.or(stack).or_else(folder_name), Form::Template { file, text, app, samconfig })
            }
            None => {
                let folder_name = || self.snapshot.name(folder).filter(|_| !single);
                (named.or_else(folder_name), Form::Native { documents, app })
            }
        };
        self.apps.push(App { folder: folder.to_owned(), name, form, base, broken });
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

    fn samconfig(&mut self, folder: &Path, files: &Folder, broken: &mut Diagnostics) -> Option<SamConfig> {
        let names = [
            ("samconfig.toml", samconfig::Format::Toml),
            ("samconfig.yaml", samconfig::Format::Yaml),
            ("samconfig.yml", samconfig::Format::Yaml),
        ];
        let (name, text, format) =
            names.into_iter().find_map(|(name, format)| Some((name, files.files.get(name)?, format)))?;
        let file = self.sources.add(self.snapshot.show(&folder.join(name)), text.as_str());
        match samconfig::read(text, file, format) {
            Ok(config) => Some(config),
            Err(problems) => {
                broken.extend(problems);
                None
            }
        }
    }

    /// The applications and environments that a person selected.
    pub fn targets(&self, selection: &Selection) -> (Vec<Target>, Diagnostics) {
        let mut targets = Vec::new();
        let mut problems = Diagnostics::new();
        let single = self.apps.len() == 1 && self.apps.iter().all(|app| app.folder.as_os_str().is_empty());
        for (index, app) in self.apps.iter().enumerate() {
            let Some(name) = &app.name else {
                problems.push(
                    Diagnostic::error(
                        "no-name",
                        Place::NOWHERE,
                        format!("{} is an application without a name", self.snapshot.show(&app.folder)),
                    )
                    .help("give `--app NAME`, add an App document, or `stack_name` in samconfig.toml"),
                );
                continue;
            };
            if !single && selection.app.as_ref().is_some_and(|wanted| wanted != name) {
                continue;
            }
            match app.environments(&selection.envs) {
                Ok(envs) => {
                    targets.extend(envs.into_iter().map(|(env, home)| Target { index, app: name.clone(), env, home }))
                }
                Err(problem) => problems.push(problem),
            }
        }
        if let Some(wanted) = &selection.app
            && !single
            && targets.is_empty()
            && !problems.has_errors()
        {
            let names: Vec<&str> = self.apps.iter().filter_map(|app| app.name.as_deref()).collect();
            problems.push(
                Diagnostic::error(
                    "unknown-application",
                    Place::NOWHERE,
                    format!("there is no application `{wanted}` in {}", self.snapshot.root.display()),
                )
                .help(format!("there are: {}", names.join(", "))),
            );
        }
        (targets, problems)
    }

    /// Names of all applications in all their environments, selected or not.
    pub fn known(&self) -> BTreeSet<String> {
        let mut known = BTreeSet::new();
        for app in &self.apps {
            let Some(name) = &app.name else { continue };
            known.insert(name.clone());
            known.extend(app.declared().iter().map(|env| format!("{name}/{env}")));
        }
        known
    }

    /// Whether a target's specs may export anything: told from the text, without compiling.
    pub(crate) fn mentions_exports(&self, target: &Target) -> bool {
        // A nested or included template may hold the export.
        let words = ["Export", "AWS::Serverless::Application", "AWS::Include"];
        self.apps.get(target.index).is_some_and(|app| match &app.form {
            Form::Native { app, .. } => {
                app.iter().flat_map(|app| app.outputs.values()).any(|entry| entry.node.get("export").is_some())
            }
            Form::Template { text, .. } => words.iter().any(|word| text.contains(word)),
        })
    }

    /// Compiles one application for one environment. What it imports stays as written where `values` do not hold it.
    pub fn compile(&self, target: &Target, values: &Values, home: &Home, how: How) -> Compiled {
        let Some(app) = self.apps.get(target.index) else {
            return Compiled { desired: None, needs: Needs::default(), diagnostics: Diagnostics::new() };
        };
        if app.broken.has_errors() {
            return Compiled { desired: None, needs: Needs::default(), diagnostics: app.broken.clone() };
        }
        let mut compiled = match &app.form {
            Form::Native { documents, .. } => self.native(documents, target, values, home),
            Form::Template { file, text, samconfig, .. } => {
                let environment = samconfig.as_ref().and_then(|config| {
                    config.environments.get(target.env.as_deref().unwrap_or(samconfig::DEFAULT_ENVIRONMENT))
                });
                let beside = BesideTemplate { tree: self, folder: &app.base };
                template(*file, text, &beside, environment, target, values, home, how)
            }
        };
        compiled.diagnostics.extend(app.broken.clone());
        if let Some(desired) = &compiled.desired {
            let mut refused = Diagnostics::new();
            compile::check(desired, &mut refused);
            compiled.diagnostics.extend(if how == How::Render { refused.as_warnings() } else { refused });
        }
        if compiled.diagnostics.has_errors() {
            compiled.desired = None;
        }
        compiled
    }

    fn native(&self, documents: &[Node], target: &Target, values: &Values, home: &Home) -> Compiled {
        let made = manifest::compile(&manifest::Input {
            documents,
            name: Some(&target.app),
            folder: None,
            env: target.env.as_deref(),
            region: home.region.as_deref(),
            account: home.account.as_deref(),
            values,
            log_retention_days: self.log_retention_days,
            strictness: Strictness::Strict,
        });
        Compiled { desired: made.desired, needs: made.needs, diagnostics: made.diagnostics }
    }

    /// The directory that local paths of a target's specs are relative to.
    pub fn base(&self, target: &Target) -> PathBuf {
        let folder = self.apps.get(target.index).map(|app| app.base.clone()).unwrap_or_default();
        self.snapshot.root.join(folder)
    }
}

fn stack_of(environment: &samconfig::Environment) -> Option<&str> {
    environment.stack_name.as_ref()?.as_str()
}

fn has_stack_name(config: &SamConfig) -> bool {
    config.environments.values().any(|environment| stack_of(environment).is_some())
}

/// The stack name that all environments have in common.
fn stack_name(config: &SamConfig) -> Option<String> {
    let names: BTreeSet<&str> = config.environments.values().filter_map(stack_of).collect();
    if names.len() == 1 { names.first().map(|name| (*name).to_owned()) } else { None }
}

#[expect(clippy::too_many_arguments, reason = "one call, all of it from one place")]
fn template(
    file: FileId,
    text: &str,
    beside: &BesideTemplate<'_>,
    environment: Option<&samconfig::Environment>,
    target: &Target,
    values: &Values,
    home: &Home,
    how: How,
) -> Compiled {
    let stack = match (environment.and_then(|e| e.stack_name.as_ref()?.as_str()), &target.env) {
        (Some(name), _) => name.to_owned(),
        (None, Some(env)) => format!("{}-{env}", target.app),
        (None, None) => target.app.clone(),
    };
    let none = IndexMap::new();
    let input = TemplateInput {
        text,
        file,
        files: beside,
        pseudo: Pseudo { region: home.region.clone(), account: home.account.clone(), stack: stack.clone() },
        overrides: environment.map_or(&none, |environment| &environment.parameters),
        values,
        strictness: if how == How::Render { Strictness::Lenient } else { Strictness::Strict },
        offline: how != How::Plan,
    };
    match compile::compile_template(&input) {
        Ok(Outcome::Compiled(made)) => Compiled {
            desired: Some(Desired {
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
            }),
            needs: made.needs,
            diagnostics: made.warnings,
        },
        Ok(Outcome::Needs(needs)) => Compiled { desired: None, needs, diagnostics: Diagnostics::new() },
        Err(diagnostics) => Compiled { desired: None, needs: Needs::default(), diagnostics },
    }
}

/// Files beside a template that were read with the snapshot.
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

fn is_app(folder: &Folder) -> bool {
    folder.files.iter().any(|(name, text)| looks_like_app(name, text))
}

impl App {
    fn spec(&self) -> Option<&manifest::App> {
        match &self.form {
            Form::Native { app, .. } | Form::Template { app, .. } => app.as_ref(),
        }
    }

    /// samconfig's environments: its `default` is taken where none is given, as SAM does, and has no name then.
    fn sam_environments(
        &self,
        config: &SamConfig,
        asked: &[String],
    ) -> Result<Vec<(Option<String>, Home)>, Diagnostic> {
        let home = |name: &str| Home {
            region: config.environments.get(name).and_then(|e| e.region.as_ref()?.as_str()).map(str::to_owned),
            ..Home::default()
        };
        let named = |name: &String| {
            let env = (name != samconfig::DEFAULT_ENVIRONMENT).then(|| name.clone());
            (env, home(name))
        };
        if asked.is_empty() {
            return Ok(vec![(None, home(samconfig::DEFAULT_ENVIRONMENT))]);
        }
        if asked.iter().any(|env| env == "all") {
            return Ok(config.environments.keys().map(named).collect());
        }
        asked
            .iter()
            .map(|env| {
                if config.environments.contains_key(env) {
                    return Ok(named(env));
                }
                let names: Vec<&str> = config.environments.keys().map(String::as_str).collect();
                let message =
                    format!("the samconfig of `{}` has no environment `{env}`", self.name.as_deref().unwrap_or("?"));
                Err(Diagnostic::error("unknown-environment", Place::NOWHERE, message)
                    .help(format!("it has {}", names.join(", "))))
            })
            .collect()
    }

    fn declared(&self) -> Vec<String> {
        if let Form::Template { samconfig: Some(config), app: None, .. } = &self.form {
            return config.environments.keys().cloned().collect();
        }
        self.spec().map(|app| app.environments.keys().cloned().collect()).unwrap_or_default()
    }

    /// The selected environments with where they live.
    pub(crate) fn environments(&self, asked: &[String]) -> Result<Vec<(Option<String>, Home)>, Diagnostic> {
        let home = |environment: Option<&manifest::Environment>| Home {
            region: environment.and_then(|e| e.region.clone()),
            role_arn: environment.and_then(|e| e.role_arn.clone()),
            account: environment.and_then(|e| e.account.clone()),
        };
        if let Form::Template { samconfig: Some(config), app: None, .. } = &self.form {
            return self.sam_environments(config, asked);
        }
        let Some(app) = self.spec() else {
            return match asked.iter().find(|env| *env != "all") {
                Some(env) => Err(Diagnostic::error(
                    "unknown-environment",
                    Place::NOWHERE,
                    format!(
                        "application `{}` declares no environments, so there is no `{env}`",
                        self.name.as_deref().unwrap_or("?")
                    ),
                )),
                None => Ok(vec![(None, home(None))]),
            };
        };
        if asked.iter().any(|env| env == "all") && !app.environments.is_empty() {
            return Ok(app.environments.iter().map(|(name, e)| (Some(name.clone()), home(Some(e)))).collect());
        }
        let wanted: Vec<Option<&str>> = match asked {
            [] => vec![None],
            some => some.iter().filter(|env| *env != "all").map(|env| Some(env.as_str())).collect(),
        };
        let wanted = if wanted.is_empty() { vec![None] } else { wanted };
        wanted
            .into_iter()
            .map(|env| {
                let selected = app.select(env)?;
                Ok((selected.map(|(name, _)| name.to_owned()), home(selected.map(|(_, environment)| environment))))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::{Duration, SystemTime};

    use super::*;

    fn template(code: &str, description: &str) -> String {
        format!(
            "Description: {description}\nTransform: AWS::Serverless-2016-10-31\nResources:\n  Fn:\n    Type: AWS::Serverless::Function\n    Properties:\n      CodeUri: {code}\n      Handler: app.handler\n      Runtime: python3.12\n"
        )
    }

    fn compiled(root: &Path) -> (Tree, Target, Compiled) {
        let selection = Selection { app: Some("shop".to_owned()), ..Selection::default() };
        let tree = Tree::read(Arc::new(Snapshot::read(root).unwrap()), &selection);
        let target = tree.targets(&selection).0.remove(0);
        let home =
            Home { region: Some("eu-west-1".to_owned()), account: Some("123456789012".to_owned()), role_arn: None };
        let compiled = tree.compile(&target, &Values::default(), &home, How::Plan);
        (tree, target, compiled)
    }

    #[test]
    fn a_built_template_is_taken_with_its_own_paths_and_its_age_is_checked_against_template_and_code() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let build = root.join(BUILD_FOLDER);
        fs::create_dir_all(build.join("Fn")).unwrap();
        fs::create_dir_all(root.join("src")).unwrap();
        let code = root.join("src/app.py");
        fs::write(&code, "handler = None").unwrap();
        fs::write(root.join("template.yaml"), template("src/", "source")).unwrap();
        let (tree, target, plain) = compiled(root);
        assert_eq!(tree.base(&target), root);
        assert!(plain.desired.is_some() && plain.diagnostics.iter().all(|item| item.code != "stale-build"));

        fs::write(build.join(BUILT_TEMPLATE), template("Fn", "built")).unwrap();
        let set = |path: &Path, age: u64| {
            let file = fs::File::options().write(true).open(path).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
        };
        set(&root.join("template.yaml"), 100);
        set(&code, 100);
        set(&build.join(BUILT_TEMPLATE), 50);
        let stale = |compiled: &Compiled| {
            compiled.diagnostics.iter().find(|item| item.code == "stale-build").map(|item| item.message.clone())
        };
        let (tree, target, fresh) = compiled(root);
        assert_eq!((tree.base(&target), stale(&fresh)), (build.clone(), None));
        let code_of = |compiled: &Compiled| {
            compiled.desired.as_ref().unwrap().resources["Fn"].properties.get("Code").unwrap().to_json()
        };
        assert_eq!(code_of(&fresh), serde_json::json!({"LocalPath": "Fn"}));

        set(&code, 10);
        let (_, _, old) = compiled(root);
        assert!(old.desired.is_some() && stale(&old).unwrap().contains("app.py is newer than"));
        set(&code, 100);
        set(&root.join("template.yaml"), 10);
        assert!(stale(&compiled(root).2).unwrap().contains("template.yaml is newer than"));
    }
}
