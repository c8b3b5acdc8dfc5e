//! Exports as specs alone tell them.

use std::fs;

use evenkeel_core::model::Severity;
use serde_json::json;

use super::*;
use crate::apps::Selection;
use crate::source::Snapshot;

/// A template with one parameter for each value, and with outputs.
fn template(values: &[&str], outputs: &str) -> String {
    let mut text = "Resources:\n  Jobs: {Type: AWS::SQS::Queue}\n".to_owned();
    for (index, value) in values.iter().enumerate() {
        text += &format!("  P{index}:\n    Type: AWS::SSM::Parameter\n    Properties:\n      Type: String\n");
        text += &format!("      Value: {value}\n");
    }
    if outputs.is_empty() { text } else { format!("{text}Outputs:\n{outputs}") }
}

fn export(name: &str, value: &str) -> String {
    format!("  O{}: {{Value: {value}, Export: {{Name: {name}}}}}\n", name.len())
}

struct Specs(tempfile::TempDir);

impl Specs {
    fn new(files: &[(&str, String)]) -> Specs {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Specs(dir)
    }

    fn compile(&self, app: &str, env: Option<&str>, how: How) -> Compiled {
        let envs = env.iter().map(|env| (*env).to_owned()).collect();
        let selection = Selection { app: Some(app.to_owned()), envs, ..Selection::default() };
        let tree = Tree::read(Arc::new(Snapshot::read(self.0.path()).unwrap()), &selection);
        let (targets, problems) = tree.targets(&selection);
        assert!(!problems.has_errors(), "{problems:?}");
        let mut home = targets[0].home.clone();
        home.region = home.region.or_else(|| Some("eu-west-1".to_owned()));
        home.account = Some("111122223333".to_owned());
        tree.compile_offline(&targets[0], &Values::default(), &home, how)
    }

    /// The only error: its code, its message with the help, its line, and the lines that it relates to.
    fn error(&self, app: &str) -> (&'static str, String, u32, Vec<u32>) {
        let compiled = self.compile(app, None, How::Validate);
        let errors: Vec<&Diagnostic> =
            compiled.diagnostics.iter().filter(|problem| problem.severity == Severity::Error).collect();
        let [error] = errors.as_slice() else { panic!("{errors:?}") };
        assert!(compiled.desired.is_none());
        let text = format!("{} ({})", error.message, error.help.clone().unwrap_or_default());
        (error.code, text, error.place.line, error.related.iter().map(|(place, _)| place.line).collect())
    }
}

fn value(compiled: &Compiled, id: &str) -> Json {
    compiled.desired.as_ref().unwrap().resources[id].properties.get("Value").unwrap().to_json()
}

#[test]
fn what_follows_from_names_is_known_offline_and_what_aws_makes_up_stays_as_written() {
    let net = template(
        &["x"],
        &(export("!Sub '${AWS::StackName}-arn'", "!GetAtt Jobs.Arn") + &export("far", "!GetAtt P0.Nothing")),
    );
    let middle = template(&["x"], &export("again", "!Sub 'see ${P0} ${Q}'"))
        .replace("!Sub 'see ${P0} ${Q}'", "!ImportValue net-arn");
    let desk =
        template(&["!ImportValue net-arn", "!ImportValue again", "!Sub ['<${A}>', {A: !ImportValue net-arn}]"], "");
    let specs = Specs::new(&[
        ("net/template.yaml", net.replace("P0.Nothing", "P0.Type")),
        ("mid/template.yaml", middle),
        ("desk/template.yaml", desk),
    ]);
    let compiled = specs.compile("desk", None, How::Validate);
    let arn = "arn:aws:sqs:eu-west-1:111122223333:net-Jobs";
    assert_eq!(value(&compiled, "P0"), json!(arn));
    assert_eq!(value(&compiled, "P1"), json!(arn), "through another application");
    assert_eq!(value(&compiled, "P2"), json!(format!("<{arn}>")));
}

#[test]
fn an_export_that_nobody_has_is_an_error_at_its_place_that_names_those_there_are() {
    let specs = Specs::new(&[
        ("net/template.yaml", template(&[], &(export("net-queue", "1") + &export("zz", "2")))),
        ("desk/template.yaml", template(&["!ImportValue net-queu"], "")),
        ("far/template.yaml", template(&["!ImportValue something-else"], "")),
    ]);
    let (code, text, line, _) = specs.error("desk");
    assert_eq!((code, line), ("no-export", 7));
    assert!(text.contains("exports `net-queu`") && text.contains("did you mean `net-queue`"), "{text}");
    assert!(text.contains("--values"), "{text}");
    let (_, text, _, _) = specs.error("far");
    assert!(text.contains("they export `net-queue`, `zz`"), "{text}");
    // What is only shown is shown with it.
    let shown = specs.compile("far", None, How::Render);
    assert_eq!(value(&shown, "P0"), json!({"Fn::ImportValue": "something-else"}));
}

#[test]
fn one_name_exported_twice_is_an_error_with_both_places() {
    let specs = Specs::new(&[
        ("a/template.yaml", template(&[], &export("queue", "1"))),
        ("b/template.yaml", template(&["x"], &export("queue", "2"))),
        ("desk/template.yaml", template(&["!ImportValue queue"], "")),
    ]);
    let (code, text, line, related) = specs.error("desk");
    assert_eq!((code, line, related), ("two-exports", 7, vec![4, 9]));
    assert!(text.contains("`a` and `b`"), "{text}");
    let selection = Selection::default();
    let tree = Tree::read(Arc::new(Snapshot::read(specs.0.path()).unwrap()), &selection);
    let (targets, _) = tree.targets(&selection);
    let problems = tree.exported_twice(&targets, &Values::default(), &Home::default());
    assert_eq!(problems.iter().map(|problem| problem.code).collect::<Vec<_>>(), ["two-exports"]);
}

#[test]
fn applications_that_import_from_each_other_are_an_error_that_names_both() {
    let specs = Specs::new(&[
        ("a/template.yaml", template(&["!ImportValue from-bb"], &export("from-a", "1"))),
        ("b/template.yaml", template(&["!ImportValue from-a"], &export("from-bb", "2"))),
        ("c/template.yaml", template(&["!ImportValue from-a"], "")),
        ("d/template.yaml", template(&["!ImportValue own"], &export("own", "3"))),
    ]);
    for (app, one, other) in
        [("a", "`a` imports `from-bb`", "`b` imports `from-a`"), ("b", "`b` imports `from-a`", "`a` imports `from-bb`")]
    {
        let (code, text, line, related) = specs.error(app);
        assert_eq!((code, line, related), ("import-circle", 7, vec![7]));
        assert!(text.contains(one) && text.contains(other), "{text}");
    }
    // Who imports from a circle is not part of it, and is no endless loop either.
    assert!(specs.compile("c", None, How::Validate).desired.is_some());
    assert!(specs.error("d").1.contains("exports itself"));
}

#[test]
fn the_environments_own_export_is_taken_before_the_only_one() {
    let config = |name: &str| {
        format!(
            "[dev.deploy.parameters]\nstack_name = \"{name}-dev\"\n[prod.deploy.parameters]\nstack_name = \"{name}-prod\"\n"
        )
    };
    let specs = Specs::new(&[
        ("net/template.yaml", template(&[], &export("queue", "!GetAtt Jobs.QueueName"))),
        ("net/samconfig.toml", config("net")),
        ("base/template.yaml", template(&[], &export("base", "!GetAtt Jobs.QueueName"))),
        ("desk/template.yaml", template(&["!ImportValue queue", "!ImportValue base"], "")),
        ("desk/samconfig.toml", config("desk")),
    ]);
    for env in ["dev", "prod"] {
        let compiled = specs.compile("desk", Some(env), How::Validate);
        assert_eq!(value(&compiled, "P0"), json!(format!("net-{env}-Jobs")));
        assert_eq!(value(&compiled, "P1"), json!("base-Jobs"));
    }
}
