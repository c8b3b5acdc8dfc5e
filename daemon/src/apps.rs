//! From a snapshot to applications: which there are, in which environments, and what each should be.

mod log_groups;
pub(crate) mod sam;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use evenkeel_core::compile::intrinsic::Strictness;
use evenkeel_core::compile::samconfig::{self, SamConfig};
use evenkeel_core::compile::{self, Needs, Values, manifest, yaml};
use evenkeel_core::model::{Desired, Diagnostic, Diagnostics, Node, Place, Sources};

use crate::exports::Offers;
use crate::source::Snapshot;
use crate::source::snapshot::Folder;

/// Templates' file names, the first that is there counts.
const TEMPLATES: [&str; 4] = ["template.yaml", "template.yml", "template.json", "template.template"];
/// The tree's own settings.
pub const TREE_FILE: &str = "evenkeel.yaml";

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
    /// Those that keep all of its applications from being read: what its settings would say is not known.
    broken: Diagnostics,
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
    /// Complaints about its files; errors among them keep it from being read at all.
    broken: Diagnostics,
}

#[derive(Clone, Debug)]
enum Form {
    Native { documents: Vec<Node>, app: Option<manifest::App> },
    Template { templates: sam::Templates, app: Option<manifest::App>, samconfig: Option<SamConfig> },
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
    /// The profile of the shared AWS configuration whose credentials are meant.
    pub profile: Option<String>,
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
    TEMPLATES.contains(&name)
        || (is_manifest_file(name) && text.contains("evenkeel.dev/"))
        || !sam::named_templates(name, text).is_empty()
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
            broken: Diagnostics::new(),
            offers: Offers::default(),
            snapshot: Arc::clone(&snapshot),
        };
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
        tree.unreadable();
        tree.twins();
        tree
    }

    /// Who the tree is, by which replicas find each other.
    ///
    /// # Errors
    /// A sentence where its settings cannot be read, so that nobody knows.
    pub fn identity(&self) -> Result<&str, String> {
        match self.broken.iter().next() {
            Some(problem) => Err(problem.message.clone()),
            None => Ok(&self.source_id),
        }
    }

    /// What cannot be read is not absent: the application that it belongs to cannot be read as a whole, and where it
    /// holds the settings of the tree, none can.
    fn unreadable(&mut self) {
        for (path, reason) in &self.snapshot.unreadable {
            let message = format!("{} cannot be read: {reason}", self.snapshot.show(path));
            let problem = Diagnostic::error("unreadable", Place::NOWHERE, message);
            if path == Path::new(TREE_FILE) || *path == Path::new("..").join(TREE_FILE) {
                self.broken.push(problem.clone());
            }
            let owner = self.apps.iter_mut().filter(|app| path.starts_with(&app.folder));
            if let Some(owner) = owner.max_by_key(|app| app.folder.components().count()) {
                owner.broken.push(problem.clone());
            }
            self.problems.push(problem);
        }
    }

    /// Two applications of one name would undo each other: neither is read.
    fn twins(&mut self) {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for index in 0..self.apps.len() {
            let Some(name) = self.apps[index].name.clone() else { continue };
            let Some(other) = seen.insert(name.clone(), index) else { continue };
            let message = format!(
                "two folders hold an application `{name}`: {} and {}",
                self.snapshot.show(&self.apps[other].folder),
                self.snapshot.show(&self.apps[index].folder)
            );
            let problem = Diagnostic::error("two-applications", Place::NOWHERE, message);
            for twin in [other, index] {
                self.apps[twin].broken.push(problem.clone());
            }
            self.problems.push(problem);
        }
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
            Err(problems) => {
                self.broken.extend(problems.clone());
                self.problems.extend(problems);
            }
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
                template = Some((name.clone(), id));
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
        let has_samconfig =
            template.is_some() || files.files.iter().any(|(name, text)| !sam::named_templates(name, text).is_empty());
        let samconfig = if has_samconfig { self.samconfig(folder, files, &mut broken) } else { None };
        let templates = self.templates(folder, files, template, samconfig.as_ref(), &mut broken);
        let app = manifest::read_app(&documents, &mut Diagnostics::new());
        let given = selection.app.clone().filter(|_| single);
        let named = given.or_else(|| app.as_ref().map(|app| app.name.text.clone()));
        let (name, form) = match templates {
            Some(templates) => {
                // Environments with stack names of their own are one application all the same: the folder's.
                let stack = samconfig.as_ref().filter(|config| sam::has_stack_name(config));
                let stack = stack.and_then(|config| sam::stack_name(config).or_else(|| self.snapshot.name(folder)));
                let folder_name = || self.snapshot.name(folder).filter(|_| !single);
                (named.or(stack).or_else(folder_name), Form::Template { templates, app, samconfig })
            }
            None => {
                let folder_name = || self.snapshot.name(folder).filter(|_| !single);
                (named.or_else(folder_name), Form::Native { documents, app })
            }
        };
        self.apps.push(App { folder: folder.to_owned(), name, form, broken });
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
        for name in selection.values.parameters.keys().filter(|_| self.apps.len() > 1) {
            if !self.apps.iter().any(|app| app.mentions(name)) {
                let message = format!("no application in {} has a parameter `{name}`", self.snapshot.root.display());
                problems.error("unknown-parameter", Place::NOWHERE, message);
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
            Form::Template { templates, .. } => {
                templates.all().any(|source| words.iter().any(|word| source.text.contains(word)))
            }
        })
    }

    /// Compiles one application for one environment. What it imports stays as written where `values` do not hold it.
    pub fn compile(&self, target: &Target, values: &Values, home: &Home, how: How) -> Compiled {
        let Some(app) = self.apps.get(target.index) else {
            return Compiled { desired: None, needs: Needs::default(), diagnostics: Diagnostics::new() };
        };
        if let Some(broken) = [&self.broken, &app.broken].into_iter().find(|broken| broken.has_errors()) {
            return Compiled { desired: None, needs: Needs::default(), diagnostics: broken.clone() };
        }
        let values = &*self.meant(app, values);
        let mut compiled = match &app.form {
            Form::Native { documents, .. } => self.native(documents, target, values, home),
            Form::Template { templates, samconfig, .. } => {
                self.template(templates, samconfig.as_ref(), target, values, home, how)
            }
        };
        compiled.diagnostics.extend(app.broken.clone());
        let days = self.log_retention_days.filter(|_| matches!(app.form, Form::Template { .. }));
        let groups = match (&mut compiled.desired, days) {
            (Some(desired), Some(days)) => log_groups::add(desired, days),
            _ => Vec::new(),
        };
        if let Some(desired) = &mut compiled.desired {
            let mut refused = Diagnostics::new();
            compile::check(desired, &mut refused);
            compiled.diagnostics.extend(if how == How::Render { refused.as_warnings() } else { refused });
            if how == How::Render {
                // What is shown is what the template compiles to.
                groups.iter().for_each(|id| {
                    desired.resources.shift_remove(id);
                });
            }
        }
        if compiled.diagnostics.has_errors() {
            compiled.desired = None;
        }
        compiled
    }

    /// The values that are meant for one application of several: without parameters of others.
    fn meant<'v>(&self, app: &App, values: &'v Values) -> Cow<'v, Values> {
        if self.apps.len() < 2 || values.parameters.keys().all(|name| app.mentions(name)) {
            return Cow::Borrowed(values);
        }
        let mut own = values.clone();
        own.parameters.retain(|name, _| app.mentions(name));
        Cow::Owned(own)
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
        let folder = self.apps.get(target.index).map(|app| match &app.form {
            Form::Template { templates, .. } => {
                templates.of(target).map_or_else(|| app.folder.clone(), |source| source.base.clone())
            }
            Form::Native { .. } => app.folder.clone(),
        });
        self.snapshot.root.join(folder.unwrap_or_default())
    }
}

/// Whether the files of a folder make it an application.
pub(crate) fn is_app(folder: &Folder) -> bool {
    folder.files.iter().any(|(name, text)| looks_like_app(name, text))
}

impl App {
    /// Whether it may have a parameter of this name: a quick look, for trees of several applications.
    fn mentions(&self, parameter: &str) -> bool {
        match &self.form {
            Form::Native { app, .. } => app.as_ref().is_some_and(|app| app.parameters.contains_key(parameter)),
            Form::Template { templates, .. } => templates.all().any(|source| source.text.contains(parameter)),
        }
    }

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
            profile: config.environments.get(name).and_then(|e| e.profile.as_ref()?.as_str()).map(str::to_owned),
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
            profile: None,
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
mod tests;
