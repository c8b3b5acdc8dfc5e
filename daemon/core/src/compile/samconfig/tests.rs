use proptest::prelude::*;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;

type Beside = BTreeMap<String, (FileId, Arc<str>)>;

/// No files beside samconfig.
fn alone() -> Beside {
    Beside::new()
}

fn beside(files: &[(&str, &str)]) -> Beside {
    let ids = (1..).map(FileId);
    files.iter().zip(ids).map(|((name, text), id)| ((*name).to_owned(), (id, Arc::from(*text)))).collect()
}

fn toml(text: &str) -> SamConfig {
    read(text, FileId(0), Format::Toml, &alone()).unwrap()
}

fn parameters(value: &str) -> Vec<(String, String)> {
    let config = toml(&format!("version = 0.1\n[default.deploy.parameters]\nparameter_overrides = {value}\n"));
    plain(&config.environments["default"].parameters)
}

fn plain(pairs: &IndexMap<String, Node>) -> Vec<(String, String)> {
    pairs.iter().map(|(key, node)| (key.clone(), node.as_str().unwrap().to_owned())).collect()
}

fn pair(key: &str, value: &str) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

#[test]
fn parameter_overrides_are_read_in_every_form() {
    let two = [pair("Stage", "prod"), pair("Text", "a b")];
    for value in [
        r#""Stage=\"prod\" Text=\"a b\"""#,
        r#"'Stage=prod Text="a b"'"#,
        r#"'Stage=prod Text=a\ b'"#,
        r#""Stage=prod  Text='a b'  ""#,
        r#"["Stage=prod", "Text=\"a b\""]"#,
        r#"["Stage=prod Text='a b'"]"#,
        r#"'ParameterKey=Stage,ParameterValue=prod ParameterKey=Text,ParameterValue="a b"'"#,
        r#"{Stage = "prod", Text = "a b"}"#,
        r#"[{Stage = "prod"}, {Text = "a b"}]"#,
    ] {
        assert_eq!(parameters(value), two, "{value}");
    }
}

#[test]
fn values_of_overrides_keep_what_belongs_to_them() {
    for (value, key, expected) in [
        (r#"'A=b=c'"#, "A", "b=c"),
        (r#"'A="say \"hi\""'"#, "A", "say \"hi\""),
        (r#"'A=""'"#, "A", ""),
        (r#"'A='"#, "A", ""),
        (r#"'A=a,b,c'"#, "A", "a,b,c"),
        (r#"'A="a, b"'"#, "A", "a, b"),
        (r#"'A=it"s'"#, "A", "it\"s"),
        (r#"'A=\d+\.x'"#, "A", r"\d+\.x"),
        (r#"'A="C:\\dir"'"#, "A", r"C:\dir"),
        (r#"{A = 5}"#, "A", "5"),
        (r#"{A = true}"#, "A", "true"),
        (r#"{A = ["x", "y"]}"#, "A", "x,y"),
        (r#"'A=1 A=2'"#, "A", "2"),
        ("\"\"\"\nA=x\n\"\"\"", "A", "x"),
    ] {
        assert_eq!(parameters(value), [pair(key, expected)], "{value}");
    }
    assert!(parameters("''").is_empty());
    assert!(parameters("[]").is_empty());
}

#[test]
fn what_is_no_pair_is_an_error_at_its_place() {
    for (value, part) in [
        ("'A=a b'", "`b` in `parameter_overrides` is no pair"),
        ("['=x']", "`=x`"),
        ("'ParameterKey=A'", "ParameterKey=A"),
        ("'file://params.ini'", "the file `params.ini`, and only .yaml"),
        ("'file://params.json'", "`params.json`, and there is no such file below the folder"),
        ("'A=b file://params.json'", "`file://params.json` in `parameter_overrides` is no pair"),
        ("5", "takes text, a list or a map"),
        ("{A = {B = 1}}", "must be text"),
        ("[['A']]", "`A` in `parameter_overrides` is no pair"),
    ] {
        let text = format!("version = 0.1\n[default.deploy.parameters]\nparameter_overrides = {value}\n");
        let errors = read(&text, FileId(0), Format::Toml, &alone()).unwrap_err();
        let error = errors.iter().next().unwrap();
        assert!(error.message.contains(part), "{value}: {error:?}");
        assert_eq!(error.place.line, 3);
    }
}

#[test]
fn deploy_comes_before_global_and_other_commands_do_not_count() {
    let config = toml(concat!(
        "version = 0.1\n[prod.global.parameters]\nstack_name = \"shop\"\nregion = \"eu-west-1\"\ntags = 'team=a cost=\"b c\"'\n",
        "[prod.deploy.parameters]\nregion = \"eu-central-1\"\ncapabilities = \"CAPABILITY_IAM CAPABILITY_AUTO_EXPAND\"\n",
        "s3_bucket = \"b\"\nimage_repositories = [\"Fn=1.dkr/x\"]\ntemplate_file = \"t.yaml\"\nprofile = \"p\"\n",
        "[prod.sync.parameters]\nstack_name = \"other\"\n[dev.deploy.parameters]\nstack-name = \"dev\"\n"
    ));
    assert_eq!(config.environments.keys().collect::<Vec<_>>(), ["prod", "dev"]);
    let prod = &config.environments["prod"];
    let text = |node: &Option<Node>| node.as_ref().and_then(Node::as_str).map(str::to_owned);
    assert_eq!(text(&prod.stack_name).as_deref(), Some("shop"));
    assert_eq!(text(&prod.region).as_deref(), Some("eu-central-1"));
    assert_eq!(prod.region.as_ref().unwrap().place, Place::new(FileId(0), 7, 10));
    assert_eq!(text(&prod.s3_bucket).as_deref(), Some("b"));
    assert_eq!(text(&prod.template).as_deref(), Some("t.yaml"));
    assert_eq!(text(&prod.profile).as_deref(), Some("p"));
    assert_eq!(prod.capabilities, ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]);
    assert_eq!(plain(&prod.tags), [pair("team", "a"), pair("cost", "b c")]);
    assert_eq!(plain(&prod.image_repositories), [pair("Fn", "1.dkr/x")]);
    assert_eq!(text(&config.environments["dev"].stack_name).as_deref(), Some("dev"));
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
}

#[test]
fn a_yaml_file_says_the_same() {
    let text = concat!(
        "version: 0.1\ndefault:\n  deploy:\n    parameters:\n      stack_name: shop\n      parameter_overrides:\n        - Stage=prod\n        - Ids=a,b\n",
        "      tags: {team: a}\n      capabilities: [CAPABILITY_IAM]\n      confirm_changeset: true\n"
    );
    let config = read(text, FileId(0), Format::Yaml, &alone()).unwrap();
    let environment = &config.environments["default"];
    assert_eq!(plain(&environment.parameters), [pair("Stage", "prod"), pair("Ids", "a,b")]);
    assert_eq!(environment.parameters["Ids"].place.line, 8);
    assert_eq!(environment.capabilities, ["CAPABILITY_IAM"]);
    assert!(config.warnings.is_empty());
    assert!(read("", FileId(0), Format::Yaml, &alone()).unwrap().environments.is_empty());
}

#[test]
fn what_has_no_effect_is_said_with_its_place() {
    let config = toml(
        "[default]\nregion = \"x\"\n[default.deploy]\nstack_name = \"y\"\n[default.deploy.parameters]\nstack_nam = \"z\"\n",
    );
    let warnings: Vec<_> =
        config.warnings.sorted().iter().map(|w| (w.place.line, w.code, w.help.clone().unwrap())).collect();
    assert_eq!(
        warnings,
        [
            (1, "missing-property", "add `version = 0.1` at the top".to_owned()),
            (2, "unknown-property", "put it into [default.deploy.parameters]".to_owned()),
            (4, "unknown-property", "put it into [default.deploy.parameters]".to_owned()),
            (6, "unknown-property", "did you mean `stack_name`?".to_owned()),
        ]
    );
}

#[test]
fn wrong_files_are_errors_with_a_place() {
    for (text, line, code) in [
        ("version = 0.1\n[default\n", 2, "syntax"),
        ("default = 1\n", 1, "wrong-type"),
        ("[default.deploy]\nparameters = 1\n", 2, "wrong-type"),
        ("[default.deploy.parameters]\nregion = [1]\n", 2, "wrong-type"),
        ("a = 1\na = 2\n", 2, "syntax"),
    ] {
        let errors = read(text, FileId(0), Format::Toml, &alone()).unwrap_err();
        let error = errors.iter().next().unwrap();
        assert_eq!((error.place.line, error.code), (line, code), "{text}: {error:?}");
    }
    assert!(read("- a\n", FileId(0), Format::Yaml, &alone()).is_err());
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "[a=\\[\\]{}.,\"'\n #\\\\é-]{0,60}") {
        let _ = read(&text, FileId(0), Format::Toml, &alone());
        let _ = read(&text, FileId(0), Format::Yaml, &alone());
        let _ = pairs::read("tags", &Node::str(text, Place::NOWHERE), &alone());
    }

    #[test]
    fn a_quoted_value_is_read_back_as_written(value in "[a-z =,'é]{0,20}") {
        let text = Node::str(format!("Key=\"{value}\" Other=1"), Place::NOWHERE);
        let all = pairs::read("parameter_overrides", &text, &alone()).unwrap();
        prop_assert_eq!(plain(&all), [pair("Key", &value), pair("Other", "1")]);
    }
}

#[test]
fn a_text_that_is_far_too_long_is_refused_unread() {
    for format in [Format::Toml, Format::Yaml] {
        let errors = super::read(&"# comment\n".repeat(40_000), FileId(0), format, &alone()).unwrap_err();
        assert_eq!(errors.iter().map(|error| error.code).collect::<Vec<_>>(), ["too-large"]);
    }
}

#[test]
fn values_of_parameters_may_lie_in_files_of_every_form() {
    let expected = [pair("Stage", "prod"), pair("Zones", "a,b"), pair("Empty", "")];
    for (name, text) in [
        ("p.yaml", "Stage: prod\nZones: [a, b]\nEmpty:\n"),
        ("p.yml", "- Stage=prod\n- Zones: [a, b]\n  Empty:\n"),
        ("p.json", r#"{"Stage": "prod", "Zones": ["a", "b"], "Empty": null}"#),
        ("p.json", r#"[{"ParameterKey": "Stage", "ParameterValue": "prod"}, "Zones=a,b Empty="]"#),
        ("p.toml", "Stage = 'prod'\nZones = ['a', 'b']\nEmpty = ''\n"),
        ("p.yaml", "$include: file://more/q.yaml\nEmpty: ''\n"),
        ("p.yaml", "$include: [file://more/q.yaml, Empty=]\n"),
    ] {
        let files =
            beside(&[(name, text), ("more/q.yaml", "- file://r.toml\n"), ("more/r.toml", "Stage='prod'\nZones='a,b'")]);
        let toml = format!("version = 0.1\n[default.deploy.parameters]\nparameter_overrides = 'file://{name}'\n");
        let config = read(&toml, FileId(0), Format::Toml, &files).unwrap();
        assert_eq!(plain(&config.environments["default"].parameters), expected, "{text}");
    }
}

#[test]
fn what_comes_later_counts_before_a_file_and_its_values_keep_their_places() {
    let files = beside(&[("p.yaml", "Stage: dev\nSize: 3\n")]);
    let toml = "version = 0.1\n[default.deploy.parameters]\nparameter_overrides = ['file://p.yaml', 'Stage=prod']\n";
    let config = read(toml, FileId(0), Format::Toml, &files).unwrap();
    let parameters = &config.environments["default"].parameters;
    assert_eq!(plain(parameters), [pair("Stage", "prod"), pair("Size", "3")]);
    assert_eq!(parameters["Size"].place, Place::new(FileId(1), 2, 7));
}

#[test]
fn files_that_include_each_other_and_broken_ones_are_errors() {
    let circle =
        beside(&[("a.yaml", "- file://b.yaml"), ("b.yaml", "- file://a.yaml"), ("c.yaml", "{"), ("d.yaml", "[x]")]);
    for (value, part, file) in [
        ("file://a.yaml", "`a.yaml`, which includes itself", 2),
        ("file://c.yaml", "not valid YAML", 3),
        ("file://d.yaml", "`x` in `parameter_overrides` is no pair", 4),
        ("file:///etc/p.yaml", "`/etc/p.yaml`, and there is no such file", 0),
    ] {
        let toml = format!("version = 0.1\n[default.deploy.parameters]\nparameter_overrides = '{value}'\n");
        let errors = read(&toml, FileId(0), Format::Toml, &circle).unwrap_err();
        let error = errors.iter().next().unwrap();
        assert!(error.message.contains(part), "{value}: {error:?}");
        assert_eq!(error.place.file, FileId(file), "{value}");
    }
}
