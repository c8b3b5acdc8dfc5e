//! Applications of a tree.

use std::fs;
use std::time::{Duration, SystemTime};

use super::*;
use crate::source::snapshot::{BUILD_FOLDER, BUILT_TEMPLATE};

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
        Home { region: Some("eu-west-1".to_owned()), account: Some("123456789012".to_owned()), ..Home::default() };
    let compiled = tree.compile(&target, &Values::default(), &home, How::Plan);
    (tree, target, compiled)
}

#[test]
fn a_built_template_is_taken_with_its_own_paths_and_its_age_is_checked_against_template_and_code() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    let build = root.join(BUILD_FOLDER);
    fs::create_dir_all(root.join("src")).unwrap();
    let code = root.join("src/app.py");
    fs::write(&code, "handler = None").unwrap();
    fs::write(root.join("template.yaml"), template("src/", "source")).unwrap();
    let (tree, target, plain) = compiled(root);
    assert_eq!(tree.base(&target), root);
    assert!(plain.desired.is_some() && plain.diagnostics.iter().all(|item| item.code != "stale-build"));

    // A build that has begun has emptied its folder.
    fs::create_dir_all(build.join("Fn")).unwrap();
    let (_, _, begun) = compiled(root);
    let said: Vec<_> = begun.diagnostics.iter().map(|item| item.message.as_str()).collect();
    assert!(begun.desired.is_none() && said.iter().any(|it| it.contains("has begun and not ended")), "{said:?}");

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

/// Specs of one application `shop`, compiled.
struct Shop(tempfile::TempDir);

impl Shop {
    fn new(files: &[(&str, &str)]) -> Shop {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Shop(dir)
    }

    fn compile(&self, env: Option<&str>, how: How) -> (Tree, Target, Compiled) {
        let envs = env.iter().map(|env| (*env).to_owned()).collect();
        let selection = Selection { app: Some("shop".to_owned()), envs, ..Selection::default() };
        let tree = Tree::read(Arc::new(Snapshot::read(self.0.path()).unwrap()), &selection);
        let target = tree.targets(&selection).0.remove(0);
        let home = Home {
            region: Some("eu-west-1".to_owned()),
            account: Some("123456789012".to_owned()),
            ..target.home.clone()
        };
        let compiled = tree.compile(&target, &Values::default(), &home, how);
        (tree, target, compiled)
    }
}

fn said(compiled: &Compiled) -> Vec<(&'static str, u32)> {
    compiled.diagnostics.sorted().iter().map(|item| (item.code, item.place.line)).collect()
}

const QUEUE: &str = "Resources:\n  Jobs: {Type: AWS::SQS::Queue}\n";

#[test]
fn samconfig_names_another_template_for_an_environment_and_its_paths_are_its_own() {
    let config = "[default.deploy.parameters]\ntemplate_file = \"template.yaml\"\n[prod.deploy.parameters]\ntemplate_file = \"./infra/prod.yaml\"\nprofile = \"shop-prod\"\n[lost.deploy.parameters]\ntemplate = \"none.yaml\"\n";
    let shop = Shop::new(&[
        ("template.yaml", QUEUE),
        ("infra/prod.yaml", &template("../src", "prod")),
        ("src/app.py", "handler = None"),
        ("samconfig.toml", config),
    ]);
    let (tree, target, compiled) = shop.compile(None, How::Plan);
    assert!(compiled.desired.unwrap().resources.contains_key("Jobs"));
    assert_eq!((tree.base(&target), target.home.profile), (shop.0.path().to_owned(), None));
    let (tree, target, compiled) = shop.compile(Some("prod"), How::Plan);
    assert!(compiled.desired.as_ref().unwrap().resources.contains_key("Fn"), "{:?}", compiled.diagnostics);
    assert_eq!(tree.base(&target), shop.0.path().join("infra"));
    assert_eq!(target.home.profile.as_deref(), Some("shop-prod"));
    // One that is not there (a packaged template, say) is said, and the folder's own is taken.
    let (_, _, compiled) = shop.compile(Some("lost"), How::Plan);
    assert!(said(&compiled).contains(&("missing-file", 7)) && compiled.desired.is_some());
}

#[test]
fn a_samconfig_alone_makes_an_application_of_the_template_it_names() {
    let config = "[default.deploy.parameters]\ntemplate_file = \"infra/template.yaml\"\n";
    let shop = Shop::new(&[("infra/template.yaml", QUEUE), ("samconfig.toml", config)]);
    let (tree, _, compiled) = shop.compile(None, How::Plan);
    assert_eq!(tree.apps.len(), 1);
    assert!(compiled.desired.unwrap().resources.contains_key("Jobs"));
    let before = tree.snapshot.revision.name.clone();
    fs::write(shop.0.path().join("infra/template.yaml"), QUEUE.replace("Jobs", "Other")).unwrap();
    let (tree, _, compiled) = shop.compile(None, How::Plan);
    assert!(compiled.desired.unwrap().resources.contains_key("Other"));
    assert_ne!(tree.snapshot.revision.name, before, "the named template is part of the revision");

    let shop = Shop::new(&[("samconfig.toml", config)]);
    let (_, _, compiled) = shop.compile(None, How::Plan);
    assert!(compiled.desired.is_none() && said(&compiled).contains(&("missing-file", 2)));
}

#[test]
fn what_samconfig_says_and_nobody_declares_is_a_warning_as_sam_goes_on() {
    let config =
        "version = 0.1\n[default.deploy.parameters]\nparameter_overrides = \"Stage=x Size=3\"\nstack_nam = \"x\"\n";
    let text = format!("Parameters: {{Size: {{Type: Number}}}}\n{QUEUE}");
    let shop = Shop::new(&[("template.yaml", &text), ("samconfig.toml", config)]);
    let (_, _, compiled) = shop.compile(None, How::Plan);
    assert!(compiled.desired.is_some(), "{:?}", compiled.diagnostics);
    assert_eq!(said(&compiled), [("unknown-parameter", 3), ("unknown-property", 4)]);
}

#[test]
fn a_function_of_a_template_gets_a_log_group_where_the_tree_asks_and_its_own_is_left_alone() {
    let text = "Resources:\n  Own: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: !Sub '/aws/lambda/${A}'}}\n"
        .to_owned()
        + "  A: {Type: AWS::Serverless::Function, Properties: {InlineCode: x, Runtime: python3.13, Handler: index.h}}\n"
        + "  B: {Type: AWS::Serverless::Function, Properties: {InlineCode: x, Runtime: python3.13, Handler: index.h}}\n";
    let shop = Shop::new(&[("template.yaml", &text), ("evenkeel.yaml", "logRetentionDays: 7\n")]);
    let ids = |how| {
        let (_, _, compiled) = shop.compile(None, how);
        assert!(!said(&compiled).iter().any(|(code, _)| *code == "log-retention"), "{:?}", compiled.diagnostics);
        let resources = compiled.desired.unwrap().resources;
        resources
            .values()
            .filter(|one| one.type_name == "AWS::Logs::LogGroup")
            .map(|one| one.id.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(How::Plan), ["Own", "BLogGroup"]);
    assert_eq!(ids(How::Render), ["Own"], "what is shown is the template's own");
}

/// A tree with an application for each folder; tells which of them compile.
fn tree(files: &[(&str, &[u8])]) -> BTreeMap<String, bool> {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let selection = Selection::default();
    let tree = Tree::read(Arc::new(Snapshot::read(dir.path()).unwrap()), &selection);
    let home =
        Home { region: Some("eu-west-1".to_owned()), account: Some("123456789012".to_owned()), ..Home::default() };
    let (targets, _) = tree.targets(&selection);
    assert!(!tree.problems.is_empty());
    let compiles = |target: &Target| tree.compile(target, &Values::default(), &home, How::Plan).desired.is_some();
    targets.iter().map(|target| (tree.apps[target.index].folder.display().to_string(), compiles(target))).collect()
}

const NATIVE: &[u8] = b"apiVersion: evenkeel.dev/v1\nkind: Queue\nmetadata: {name: q}\nspec: {}\n";

fn outcome(folders: &[(&str, bool)]) -> BTreeMap<String, bool> {
    folders.iter().map(|(folder, compiles)| ((*folder).to_owned(), *compiles)).collect()
}

#[test]
fn a_file_that_cannot_be_read_freezes_its_application_and_no_other() {
    let found = tree(&[("one/q.yaml", NATIVE), ("one/p.yaml", b"\xff\xfe"), ("two/q.yaml", NATIVE)]);
    assert_eq!(found, outcome(&[("one", false), ("two", true)]));
}

#[test]
fn settings_of_the_tree_that_cannot_be_read_freeze_all_of_it() {
    for settings in [&b"keeep: 50\n"[..], b"\xff\xfe"] {
        let found = tree(&[("evenkeel.yaml", settings), ("one/q.yaml", NATIVE), ("two/q.yaml", NATIVE)]);
        assert_eq!(found, outcome(&[("one", false), ("two", false)]));
    }
}

#[test]
fn two_folders_with_one_name_freeze_both() {
    let app: &[u8] = b"apiVersion: evenkeel.dev/v1\nkind: App\nmetadata: {name: shop}\nspec: {}\n";
    let found = tree(&[
        ("one/app.yaml", app),
        ("one/q.yaml", NATIVE),
        ("two/app.yaml", app),
        ("two/q.yaml", NATIVE),
        ("three/q.yaml", NATIVE),
    ]);
    assert_eq!(found, outcome(&[("one", false), ("three", true), ("two", false)]));
}
