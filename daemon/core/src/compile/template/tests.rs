use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::model::{DeletionPolicy, Origin};

/// A template compiled offline with these outside values.
struct Case {
    values: Values,
    overrides: IndexMap<String, Node>,
    files: BTreeMap<String, (FileId, Arc<str>)>,
    strictness: Strictness,
    offline: bool,
}

impl Default for Case {
    fn default() -> Self {
        Case {
            values: Values::default(),
            overrides: IndexMap::new(),
            files: BTreeMap::new(),
            strictness: Strictness::Strict,
            offline: true,
        }
    }
}

impl Case {
    fn with_values(values: Json) -> Case {
        Case { values: serde_json::from_value(values).unwrap(), ..Case::default() }
    }

    fn compile(&self, text: &str) -> Result<Outcome, Diagnostics> {
        compile_template(&TemplateInput {
            text,
            file: FileId(0),
            files: &self.files,
            pseudo: Pseudo {
                region: Some("eu-west-1".to_owned()),
                account: Some("123456789012".to_owned()),
                stack: "shop".to_owned(),
            },
            overrides: &self.overrides,
            values: &self.values,
            strictness: self.strictness,
            offline: self.offline,
        })
    }

    #[track_caller]
    fn compiled(&self, text: &str) -> Compiled {
        match self.compile(text) {
            Ok(Outcome::Compiled(compiled)) => *compiled,
            other => panic!("{text}: {other:?}"),
        }
    }

    /// The properties of the resource `R`.
    #[track_caller]
    fn properties(&self, text: &str) -> Json {
        self.compiled(text).resources["R"].properties.to_json()
    }

    /// Every error as `line code message`.
    fn errors(&self, text: &str) -> Vec<String> {
        match self.compile(text) {
            Ok(_) => Vec::new(),
            Err(errors) => errors
                .sorted()
                .into_iter()
                .filter(|d| d.severity == Severity::Error)
                .map(|d| format!("{} {} {}", d.place.line, d.code, d.message))
                .collect(),
        }
    }
}

const QUEUE: &str = "Resources:\n  R:\n    Type: AWS::SQS::Queue\n";

fn with_parameters(parameters: &str, value: &str) -> String {
    format!("Parameters:\n  P: {parameters}\nResources: {{R: {{Type: T, Properties: {{V: {value}}}}}}}\n")
}

#[test]
fn a_plain_template_becomes_resources_and_outputs() {
    let text = concat!(
        "Description: x\nParameters: {Stage: {Type: String, Default: dev}}\nMappings: {Sizes: {dev: {n: 1}}}\n",
        "Conditions: {IsProd: !Equals [!Ref Stage, prod]}\nResources:\n  Dead:\n    Type: AWS::SQS::Queue\n",
        "    DeletionPolicy: Retain\n    UpdateReplacePolicy: Snapshot\n    Metadata: {a: 1}\n  R:\n    Type: AWS::SQS::Queue\n",
        "    DependsOn: [Only, Dead]\n    Properties: {QueueName: !Sub '${AWS::StackName}-${Stage}', N: !FindInMap [Sizes, !Ref Stage, n],\n",
        "      D: !GetAtt Dead.Arn}\n  Only: {Type: AWS::SNS::Topic, Condition: IsProd}\n",
        "Outputs:\n  Url: {Value: !Ref R, Description: the queue, Export: {Name: !Sub '${AWS::StackName}-url'}}\n  Gone: {Value: !Ref Only, Condition: IsProd}\n"
    );
    let compiled = Case::default().compiled(text);
    assert_eq!(compiled.resources.keys().collect::<Vec<_>>(), ["Dead", "R"]);
    let r = &compiled.resources["R"];
    assert_eq!(r.properties.to_json(), json!({"QueueName": "shop-dev", "N": 1, "D": {"Fn::GetAtt": ["Dead", "Arn"]}}));
    assert_eq!((r.depends_on.as_slice(), r.place.line), (["Dead".to_owned()].as_slice(), 11));
    let dead = &compiled.resources["Dead"];
    assert_eq!(dead.deletion_policy, Some(DeletionPolicy::Retain));
    assert_eq!(dead.update_replace_policy, Some(DeletionPolicy::Snapshot));
    assert_eq!(dead.metadata.as_ref().map(Node::to_json), Some(json!({"a": 1})));
    assert_eq!(dead.origin, Origin::Written);
    assert_eq!(compiled.outputs.keys().collect::<Vec<_>>(), ["Url"]);
    let url = &compiled.outputs["Url"];
    assert_eq!(url.value.to_json(), json!({"Ref": "R"}));
    assert_eq!(url.export.as_ref().and_then(Node::as_str), Some("shop-url"));
}

#[test]
fn parameters_take_their_types() {
    for (parameter, raw, expected) in [
        ("{Type: String}", json!(5), json!("5")),
        ("{Type: String}", json!(true), json!("true")),
        ("{Type: Number}", json!("5"), json!(5)),
        ("{Type: Number}", json!("1.5"), json!(1.5)),
        ("{Type: CommaDelimitedList}", json!("a, b"), json!(["a", "b"])),
        ("{Type: CommaDelimitedList}", json!(""), json!([])),
        ("{Type: List<Number>}", json!("1, 2"), json!([1, 2])),
        ("{Type: 'List<AWS::EC2::Subnet::Id>'}", json!(["s-1", "s-2"]), json!(["s-1", "s-2"])),
        ("{Type: AWS::EC2::VPC::Id}", json!("vpc-1"), json!("vpc-1")),
        ("{Type: 'AWS::SSM::Parameter::Value<String>'}", json!("/a"), json!("A")),
        ("{Type: 'AWS::SSM::Parameter::Value<List<String>>'}", json!("/l"), json!(["x", "y"])),
    ] {
        let case = Case::with_values(json!({"Parameters": {"P": raw}, "SSM": {"/a": "A", "/l": "x,y"}}));
        assert_eq!(case.properties(&with_parameters(parameter, "!Ref P")), json!({"V": expected}), "{parameter}");
    }
}

#[test]
fn a_value_comes_from_the_command_line_then_samconfig_then_the_default() {
    let text = with_parameters("{Type: String, Default: default}", "!Ref P");
    assert_eq!(Case::default().properties(&text), json!({"V": "default"}));
    let overrides = IndexMap::from([("P".to_owned(), Node::str("samconfig", Place::NOWHERE))]);
    let case = Case { overrides, ..Case::default() };
    assert_eq!(case.properties(&text), json!({"V": "samconfig"}));
    let case = Case { values: serde_json::from_value(json!({"Parameters": {"P": "cli"}})).unwrap(), ..case };
    assert_eq!(case.properties(&text), json!({"V": "cli"}));
}

#[test]
fn values_outside_their_constraints_are_errors() {
    for (parameter, value, part) in [
        ("{Type: String, AllowedValues: [a, b]}", "c", "`c` is none of the allowed values `a`, `b`"),
        ("{Type: String, AllowedPattern: '[a-z]+'}", "aB", "does not match `AllowedPattern` [a-z]+"),
        ("{Type: String, MinLength: 3}", "ab", "shorter than `MinLength`"),
        ("{Type: String, MaxLength: '3'}", "abcd", "longer than `MaxLength`"),
        ("{Type: Number, MinValue: 3}", "2", "below `MinValue`"),
        ("{Type: Number, MaxValue: 3}", "3.5", "above `MaxValue`"),
        ("{Type: Number}", "x", "`x` is not a number"),
        ("{Type: List<Number>}", "1,x", "is not a list of numbers"),
        ("{Type: String, NoEcho: true, MinLength: 9}", "hunter2", "its value is shorter"),
    ] {
        let case = Case::with_values(json!({"Parameters": {"P": value}}));
        let errors = case.errors(&with_parameters(parameter, "!Ref P"));
        assert_eq!(errors.len(), 1, "{parameter}: {errors:?}");
        assert!(errors[0].contains(part) && errors[0].starts_with("2 invalid-parameter parameter `P`: "), "{errors:?}");
        let case = Case { strictness: Strictness::Lenient, ..case };
        let shown = case.compile(&with_parameters(parameter, "!Ref P"));
        assert!(shown.is_ok(), "{shown:?}");
    }
}

#[test]
fn missing_and_unknown_parameters_are_named_all_at_once() {
    let text = "Parameters:\n  A: {Type: String}\n  B: {Type: Number}\n  C: {Type: Bool}\n  D: {Default: 1}\n  E: {Type: String, Defualt: 1}\nResources: {R: {Type: T}}\n";
    let case = Case::with_values(json!({"Parameters": {"a": 1}}));
    assert_eq!(
        case.errors(text),
        [
            "2 unknown-parameter the template has no parameter `a`",
            "2 missing-parameter parameters `A`, `B`, `E` have no value",
            "4 wrong-type parameter `C` has no such type: `Bool`",
            "5 missing-property parameter `D` has no `Type`",
            "6 unknown-property parameter `E` has no `Defualt`",
        ]
    );
}

#[test]
fn what_no_echo_hides_stays_hidden() {
    let case = Case::with_values(json!({"Parameters": {"P": "hunter2"}}));
    let compiled = case.compiled(&with_parameters("{Type: String, NoEcho: true}", "!Sub 'x-${P}'"));
    assert_eq!(compiled.resources["R"].properties.to_masked_json(), json!({"V": "(secret)"}));
    assert!(!format!("{:?}", compiled.resources).contains("hunter2"));
}

#[test]
fn a_parameter_from_ssm_is_needed_first_and_stays_a_reference_offline() {
    let text = with_parameters("{Type: 'AWS::SSM::Parameter::Value<String>', Default: /db}", "!Ref P");
    assert_eq!(Case::default().properties(&text), json!({"V": "{{resolve:ssm:/db}}"}));
    let online = Case { offline: false, ..Case::default() };
    let Ok(Outcome::Needs(needs)) = online.compile(&text) else { panic!("values are needed") };
    assert_eq!(needs.ssm.keys().collect::<Vec<_>>(), ["/db"]);
    let list =
        with_parameters("{Type: 'AWS::SSM::Parameter::Value<List<String>>', Default: /db}", "!Select [0, !Ref P]");
    assert_eq!(
        Case::default().properties(&list),
        json!({"V": {"Fn::Select": ["0", {"Fn::Split": [",", "{{resolve:ssm:/db}}"]}]}})
    );
    let condition = format!("Conditions: {{C: !Equals [!Ref P, x]}}\n{text}");
    assert!(Case::default().errors(&condition)[0].contains("Condition `C`: a condition needs the value of"));
}

#[test]
fn attributes_of_resources_are_checked() {
    let text = concat!(
        "Resources:\n  A: {Type: T, Propertis: {}}\n  B: {}\n  C: [x]\n  D-1: {Type: T}\n  E: {Type: T, DependsOn: Nobody}\n",
        "  F: {Type: T, DeletionPolicy: Keep}\n  G: {Type: T, Condition: Nope}\n  H: {Type: 'Custom::Thing'}\n",
        "  I: {Type: T, Properties: [1]}\n  J: {Type: T, Properties: {X: !Ref Bb}}\n  K: {Type: T, DependsOn: [{a: 1}]}\n"
    );
    assert_eq!(
        Case::default().errors(text),
        [
            "2 unknown-attribute Resource `A`: a resource has no attribute `Propertis`",
            "3 missing-property Resource `B`: there is no `Type`",
            "4 wrong-type Resource `C`: a resource is a map with a `Type`",
            "5 invalid-id Resource `D-1`: a logical id is made of letters and digits, at most 255",
            "6 unknown-reference Resource `E`: `DependsOn` names `Nobody`, and there is no such resource",
            "7 invalid-value Resource `F`: `DeletionPolicy` cannot be `Keep`",
            "8 unknown-condition Resource `G`: there is no condition `Nope`",
            "9 unsupported-resource Resource `H`: `Custom::Thing` is a custom resource, which runs in CloudFormation",
            "10 wrong-type Resource `I`: `Properties` is a map, not a list",
            "11 unknown-reference Resource `J`: `Ref` refers to `Bb`, and there is no such resource or parameter",
            "12 wrong-type Resource `K`: `DependsOn` is a logical id or a list of them",
        ]
    );
}

#[test]
fn a_reference_to_what_a_condition_leaves_out_says_which_condition() {
    let text = concat!(
        "Conditions: {Never: !Equals [a, b]}\nResources:\n  R: {Type: T, Properties: {A: !Ref Gone, B: !If [Never, !Ref Gone, x]}}\n",
        "  Gone: {Type: T, Condition: Never}\n"
    );
    let errors = Case::default().errors(text);
    assert_eq!(
        errors,
        [
            "3 unknown-reference Resource `R`: `Ref` refers to `Gone`, which is left out because its condition `Never` is false"
        ]
    );
}

#[test]
fn sections_and_transforms_that_do_not_exist_are_errors() {
    assert_eq!(
        Case::default().errors("Resource:\n  R: {Type: T}\n"),
        ["1 unknown-section a template has no section `Resource`"]
    );
    assert_eq!(Case::default().errors("Description: x\n"), ["1 invalid-template the template has no resources"]);
    assert_eq!(Case::default().errors("- a\n"), ["1 invalid-template a template is a map of sections, this is a list"]);
    assert_eq!(Case::default().errors(""), ["1 empty-template the template is empty"]);
    assert_eq!(
        Case::default().errors("a: 1\n---\nb: 2\n"),
        ["3 invalid-template a template is one document, this file holds several"]
    );
    let macros = format!("Transform: [AWS::LanguageExtensions, MyMacro]\n{QUEUE}");
    assert_eq!(
        Case::default().errors(&macros),
        ["1 unsupported-macro the macro `MyMacro` runs in CloudFormation and cannot be applied"]
    );
    assert_eq!(
        Case::default().errors(&format!("Outputs: [1]\n{QUEUE}")),
        ["1 wrong-type the section `Outputs` is a map, not a list"]
    );
}

#[test]
fn resources_in_a_circle_are_an_error_that_names_it() {
    let text = concat!(
        "Resources:\n  A: {Type: T, Properties: {X: !GetAtt B.Arn}}\n  B: {Type: T, DependsOn: C}\n",
        "  C: {Type: T, Properties: {Y: !Sub 'x-${A}'}}\n  D: {Type: T, Properties: {Z: !Ref A}}\n"
    );
    assert_eq!(Case::default().errors(text), ["4 dependency-cycle Resource `A` depends on itself: A -> B -> C -> A"]);
    let lenient = Case { strictness: Strictness::Lenient, ..Case::default() };
    assert_eq!(lenient.compiled(text).warnings.iter().count(), 1);
}

#[test]
fn conditions_that_are_wrong_are_errors_though_nobody_asks() {
    let text = format!("Conditions:\n  A: !Not [!Condition B]\n  B: !Not [!Condition A]\n  C: !Equals [1]\n{QUEUE}");
    let errors = Case::default().errors(&text);
    assert!(errors.iter().any(|e| e.contains("condition-cycle")), "{errors:?}");
    assert!(
        errors.iter().any(|e| e == "4 invalid-function Condition `C`: `Fn::Equals` takes two values"),
        "{errors:?}"
    );
}

#[test]
fn rules_that_do_not_hold_are_errors_and_those_that_cannot_be_checked_are_not() {
    let rule = |condition: &str, assert: &str| {
        format!(
            "Parameters: {{P: {{Type: String, Default: x}}}}\nRules:\n  One:\n    RuleCondition: {condition}\n    Assertions: [{{Assert: {assert}, AssertDescription: why}}]\n{QUEUE}"
        )
    };
    assert_eq!(
        Case::default().errors(&rule("!Equals [!Ref P, x]", "{'Fn::Contains': [[a, b], !Ref P]}")),
        ["5 failed-rule rule `One` does not hold"]
    );
    assert!(Case::default().errors(&rule("!Equals [!Ref P, y]", "!Equals [1, 2]")).is_empty());
    assert!(Case::default().errors(&rule("!Equals [!Ref P, x]", "!Equals [1, 1]")).is_empty());
    let unknown =
        Case::default().compiled(&rule("!Equals [1, 1]", "{'Fn::Contains': [{'Fn::RefAll': 'AWS::EC2::VPC::Id'}, x]}"));
    assert!(unknown.warnings.iter().any(|w| w.code == "unsupported-function"));
}

#[test]
fn local_files_are_included() {
    let mut case = Case::default();
    case.files.insert("body.yaml".to_owned(), (FileId(1), "openapi: 3.0.1\ninfo: !Ref P\n".into()));
    case.files.insert("list.json".to_owned(), (FileId(2), "[1, 2]".into()));
    case.files.insert("top.yaml".to_owned(), (FileId(3), "Parameters: {P: {Type: String, Default: v}}".into()));
    let text = concat!(
        "Transform: [{Name: AWS::Include, Parameters: {Location: top.yaml}}]\nResources:\n  R:\n    Type: T\n    Properties:\n",
        "      Body: {'Fn::Transform': {Name: AWS::Include, Parameters: {Location: ./body.yaml}}, openapi: own}\n",
        "      List: !Transform {Name: AWS::Include, Parameters: {Location: list.json}}\n"
    );
    assert_eq!(case.properties(text), json!({"Body": {"openapi": "own", "info": "v"}, "List": [1, 2]}));
    for (location, part) in [("s3://b/k", "is not a local file"), ("nope.yaml", "there is no file `nope.yaml`")] {
        let text = format!(
            "Resources: {{R: {{Type: T, Properties: !Transform {{Name: AWS::Include, Parameters: {{Location: '{location}'}}}}}}}}"
        );
        assert!(case.errors(&text)[0].contains(part), "{:?}", case.errors(&text));
    }
    case.files.insert("body.yaml".to_owned(), (FileId(1), "a: [".into()));
    assert!(case.errors(text)[0].contains("syntax"));
}

#[test]
fn loops_make_resources_outputs_and_properties() {
    let text = concat!(
        "Transform: AWS::LanguageExtensions\nParameters: {Names: {Type: CommaDelimitedList, Default: 'a-1,b'}}\nResources:\n",
        "  R: {Type: T, Properties: {N: {'Fn::Length': !Ref Names}, 'Fn::ForEach::Props': [K, [X, Y], {'${K}': !Ref K}]}}\n",
        "  Fn::ForEach::Queues:\n    - Name\n    - !Ref Names\n    - Fn::ForEach::Kinds:\n        - Kind\n        - [In, Out]\n",
        "        - 'Queue&{Name}${Kind}':\n            Type: AWS::SQS::Queue\n            DependsOn: R\n",
        "            Properties: {QueueName: !Sub '${Name}-${Kind}-${AWS::Region}', Plain: '${Name}'}\n",
        "Outputs:\n  Fn::ForEach::Urls: [Kind, [In], {'Url${Kind}': {Value: !GetAtt [!Sub 'Queueb${Kind}', Arn]}}]\n"
    );
    let compiled = Case::default().compiled(text);
    assert_eq!(
        compiled.resources.keys().collect::<Vec<_>>(),
        ["R", "Queuea1In", "Queuea1Out", "QueuebIn", "QueuebOut"]
    );
    assert_eq!(compiled.resources["R"].properties.to_json(), json!({"N": 2, "X": "X", "Y": "Y"}));
    assert_eq!(
        compiled.resources["Queuea1Out"].properties.to_json(),
        json!({"QueueName": "a-1-Out-eu-west-1", "Plain": "${Name}"})
    );
    assert_eq!(compiled.outputs["UrlIn"].value.to_json(), json!({"Fn::GetAtt": ["QueuebIn", "Arn"]}));
    let twice = "Transform: AWS::LanguageExtensions\nResources: {'Fn::ForEach::L': [N, [a, b], {Same: {Type: T}}]}\n";
    assert!(Case::default().errors(twice)[0].contains("a loop makes `Same` twice"));
}

#[test]
fn loops_that_multiply_end_in_an_error() {
    let list = (0..100).map(|i| format!("v{i}")).collect::<Vec<_>>().join(", ");
    let mut body = "{'R${A0}${A1}${A2}${A3}${A4}': {Type: T}}".to_owned();
    for level in 0..5 {
        body = format!("{{'Fn::ForEach::L{level}': [A{level}, [{list}], {body}]}}");
    }
    let errors = Case::default().errors(&format!("Transform: AWS::LanguageExtensions\nResources: {body}\n"));
    // The only complaint: what was cut off is not compiled.
    assert_eq!(errors.len(), 1, "{:?}", errors.first());
    assert!(errors[0].contains("loops make more than 200000 values"), "{errors:?}");
    // Loops that make nothing go round all the same.
    let mut empty = "{}".to_owned();
    for level in 0..5 {
        empty = format!("{{'Fn::ForEach::L{level}': [A{level}, [{list}], {empty}]}}");
    }
    let errors = Case::default().errors(&format!("Transform: AWS::LanguageExtensions\nResources: {empty}\n"));
    assert!(errors[0].contains("loops make more than"), "{errors:?}");
    let text = format!(
        "Transform: AWS::LanguageExtensions\nResources:\n  'Fn::ForEach::L': [A, [{list}], {{'R${{A}}': {{Type: T, Properties: {{N: !Sub '{}'}}}}}}]\n",
        "${A}".repeat(1 << 18)
    );
    let errors = Case::default().errors(&text);
    assert!(errors.len() == 1 && errors[0].contains("loops make more than 32 MB of text"), "{:?}", errors.len());
}

#[test]
fn an_include_from_a_bucket_is_an_error_and_is_shown_as_written() {
    let include = "{Fn::Transform: {Name: AWS::Include, Parameters: {Location: !Sub 's3://b/${AWS::Region}.json'}}}";
    let text =
        format!("Resources:\n  R:\n    Type: AWS::Events::Rule\n    Properties:\n      EventPattern: {include}\n");
    let errors = Case::default().errors(&text);
    assert_eq!(errors, ["5 unsupported-include `s3://b/eu-west-1.json` is not a local file"]);
    let case = Case { strictness: Strictness::Lenient, ..Case::default() };
    let made = case.compiled(&text);
    let include = json!({"Name": "AWS::Include", "Parameters": {"Location": "s3://b/eu-west-1.json"}});
    assert_eq!(made.resources["R"].properties.to_json()["EventPattern"], json!({"Fn::Transform": include}));
    assert_eq!(made.warnings.iter().map(|warning| warning.code).collect::<Vec<_>>(), ["unsupported-include"]);
    let other = text.replace("AWS::Include", "Mine");
    assert!(case.errors(&other)[0].contains("unsupported-macro"), "{:?}", case.errors(&other));
}

#[test]
fn what_aws_would_refuse_and_nobody_needs_is_shown_with_a_warning() {
    let text = concat!(
        "Extra: 1\nRules: {One: {Assertions: [{Assert: !Equals [a, b]}]}}\nResources:\n  R:\n    Type: AWS::SQS::Queue\n",
        "    Comment: hi\nOutputs:\n  O: {Value: 1, Note: x}\n"
    );
    let case = Case { strictness: Strictness::Lenient, ..Case::default() };
    let made = case.compiled(text);
    let codes: Vec<_> = made.warnings.iter().map(|warning| (warning.code, warning.place.line)).collect();
    for expected in [("unknown-section", 1), ("failed-rule", 2), ("unknown-attribute", 6), ("unknown-property", 8)] {
        assert!(codes.contains(&expected), "{codes:?}");
    }
    assert!(Case::default().errors(text).len() > 2);
}

#[test]
fn a_loops_code_may_lie_where_a_mapping_says() {
    let text = concat!(
        "Transform: [AWS::LanguageExtensions, AWS::Serverless-2016-10-31]\n",
        "Mappings: {Code: {Users: {At: src/users}, Orders: {At: src/orders}}}\n",
        "Resources:\n  Fn::ForEach::All:\n    - N\n    - [Users, Orders]\n    - ${N}Fn:\n",
        "        Type: AWS::Serverless::Function\n        Properties:\n          Runtime: python3.13\n",
        "          Handler: a.b\n          CodeUri: !FindInMap [Code, !Ref N, At]\n"
    );
    let made = Case::default().compiled(text);
    assert_eq!(made.resources["UsersFn"].properties.to_json()["Code"], json!({"LocalPath": "src/users"}));
    assert_eq!(made.resources["OrdersFn"].properties.to_json()["Code"], json!({"LocalPath": "src/orders"}));
}

#[test]
fn includes_and_nested_applications_that_grow_end_in_an_error() {
    let mut case = Case::default();
    let list = "x,".repeat(40_000);
    case.files.insert(
        "big.yaml".to_owned(),
        (FileId(1), format!("Metadata: [{list}]\nResources: {{R: {{Type: T}}}}").into()),
    );
    let include = "{'Fn::Transform': {Name: AWS::Include, Parameters: {Location: big.yaml}}}";
    let many: String = (0..30).map(|i| format!("  R{i}: {include}\n")).collect();
    let errors = case.errors(&format!("Resources:\n{many}"));
    assert!(errors.iter().any(|error| error.contains("includes bring in more than")), "{errors:?}");
    let app = "{Type: AWS::Serverless::Application, Properties: {Location: big.yaml}}";
    let many = |count: usize| (0..count).map(|i| format!("  R{i}: {app}\n")).collect::<String>();
    let errors = case.errors(&format!("Resources:\n{}", many(30)));
    assert!(errors.iter().any(|error| error.contains("nested applications hold more than")), "{errors:?}");
    let errors = case.errors(&format!("Resources:\n{}", many(30_000)));
    assert!(errors[0].contains("more than 200 nested applications"), "{errors:?}");
}

#[test]
fn a_template_of_thousands_of_resources_is_refused_before_it_is_expanded() {
    let text = |count: usize| {
        format!("Resources:\n{}", (0..count).map(|i| format!("  R{i}: {{Type: T}}\n")).collect::<String>())
    };
    Case::default().compiled(&text(2500));
    let errors = Case::default().errors(&text(2501));
    assert!(errors.len() == 1 && errors[0].starts_with("2502 too-large the template declares 2501"), "{errors:?}");
}

#[test]
fn the_definition_of_a_state_machine_is_in_s3_or_in_a_file() {
    let text = |uri: &str| {
        format!(
            "Transform: AWS::Serverless-2016-10-31\nResources:\n  S:\n    Type: AWS::Serverless::StateMachine\n    Properties:\n      DefinitionUri: {uri}\n"
        )
    };
    let errors = Case::default().errors(&text("my-bucket-key"));
    assert!(errors[0].starts_with("6 missing-file Resource `S`: `DefinitionUri` is neither"), "{errors:?}");
    for uri in ["s3://bucket/key", "flow/a.asl.json", "flow/a.asl.yaml", "{Bucket: b, Key: k}"] {
        Case::default().compiled(&text(uri));
    }
    let mut case = Case::default();
    case.files.insert("my-bucket-key".to_owned(), (FileId(1), "{}".into()));
    case.compiled(&text("my-bucket-key"));
}

#[test]
fn a_local_path_of_a_plain_function_is_an_artifact() {
    let text = "Resources:\n  R: {Type: AWS::Lambda::Function, Properties: {Code: ./src}}\n  S: {Type: AWS::Lambda::Function, Properties: {Code: {ZipFile: x}}}\n";
    let compiled = Case::default().compiled(text);
    assert_eq!(compiled.resources["R"].properties.to_json(), json!({"Code": {"LocalPath": "./src"}}));
    assert_eq!(compiled.resources["S"].properties.to_json(), json!({"Code": {"ZipFile": "x"}}));
}

#[test]
fn a_key_that_stands_twice_is_only_a_warning() {
    let compiled = Case::default().compiled("Resources:\n  R: {Type: T, Properties: {A: 1, A: 2}}\n");
    assert_eq!(compiled.resources["R"].properties.to_json(), json!({"A": 2}));
    assert_eq!(compiled.warnings.iter().map(|w| w.code).collect::<Vec<_>>(), ["duplicate-key"]);
}

#[test]
fn a_sam_template_goes_through_the_transform() {
    let text = "Transform: AWS::Serverless-2016-10-31\nResources:\n  R: {Type: AWS::Serverless::SimpleTable}\n";
    assert_eq!(Case::default().compiled(text).resources["R"].type_name, "AWS::DynamoDB::Table");
    let undeclared = "Resources:\n  R: {Type: AWS::Serverless::SimpleTable}\n";
    let compiled = Case::default().compiled(undeclared);
    assert_eq!(compiled.resources["R"].type_name, "AWS::DynamoDB::Table");
    assert!(compiled.warnings.iter().any(|w| w.code == "no-transform"));
}

#[test]
fn a_nested_application_joins_with_its_outputs_and_parameters() {
    let mut case = Case::default();
    let inner = concat!(
        "Parameters: {Topic: {Type: String}, Stage: {Type: String}}\nResources:\n",
        "  Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: !Sub '${AWS::StackName}-${Stage}', T: !Ref Topic}}\n",
        "  Fn: {Type: AWS::Lambda::Function, DependsOn: Queue, Properties: {Code: ../src, Q: !GetAtt Queue.Arn}}\n",
        "Outputs:\n  Url: {Value: !Sub 'x/${Queue}/${Topic}'}\n  Exp: {Value: 1, Export: {Name: e}}\n"
    );
    case.files.insert("inner/deep/template.yaml".to_owned(), (FileId(1), inner.into()));
    let second = "Parameters: {U: {Type: String}}\nResources: {R: {Type: T, Properties: {U: !Ref U}}}\n";
    case.files.insert("second.yaml".to_owned(), (FileId(2), second.into()));
    let text = concat!(
        "Resources:\n  R: {Type: T, DependsOn: App, Properties: {V: !Sub '${App.Outputs.Url}!', W: !GetAtt App.Outputs.Url}}\n",
        "  Two: {Type: AWS::Serverless::Application, Properties: {Location: second.yaml, Parameters: {U: !GetAtt App.Outputs.Url}}}\n",
        "  App:\n    Type: AWS::Serverless::Application\n    DependsOn: Top\n    Properties: {Location: ./inner/deep, Parameters: {Topic: !Ref Top, Stage: dev}}\n",
        "  Top: {Type: AWS::SNS::Topic}\n  Dead: {Type: AWS::Serverless::Application, Condition: No1, Properties: {Location: second.yaml}}\n",
        "Conditions: {No1: !Equals [1, 2]}\n"
    );
    let compiled = case.compiled(text);
    let mut ids: Vec<&str> = compiled.resources.keys().map(String::as_str).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["AppFn", "AppQueue", "R", "Top", "TwoR"]);
    let json = |id: &str| compiled.resources[id].properties.to_json();
    assert_eq!(json("AppQueue"), json!({"QueueName": "shop-App-dev", "T": {"Ref": "Top"}}));
    assert_eq!(json("AppFn"), json!({"Code": {"LocalPath": "inner/src"}, "Q": {"Fn::GetAtt": ["AppQueue", "Arn"]}}));
    assert_eq!(compiled.resources["AppFn"].depends_on, ["AppQueue", "Top"]);
    let url = json!({"Fn::Join": ["", ["x/", {"Ref": "AppQueue"}, "/", {"Ref": "Top"}]]});
    assert_eq!(json("R")["W"], url);
    assert_eq!(json("TwoR"), json!({"U": url}));
    assert_eq!(json("R")["V"], json!({"Fn::Join": ["", ["x/", {"Ref": "AppQueue"}, "/", {"Ref": "Top"}, "!"]]}));
    assert_eq!(compiled.resources["R"].depends_on, ["AppQueue", "AppFn"]);
    assert_eq!(compiled.outputs.keys().collect::<Vec<_>>(), ["AppExp"]);
}

#[test]
fn what_is_wrong_with_a_nested_application_is_said_where_it_is() {
    let mut case = Case::default();
    case.files.insert(
        "a.yaml".to_owned(),
        (FileId(1), "Parameters: {P: {Type: String}}\nResources: {R: {Type: T, Properties: {X: !Ref Nobody}}}".into()),
    );
    let own = "Resources: {Own: {Type: AWS::Serverless::Application, Properties: {Location: self.yaml}}}";
    case.files.insert("self.yaml".to_owned(), (FileId(2), own.into()));
    let app = |properties: &str| {
        format!("Resources:\n  App: {{Type: AWS::Serverless::Application, Properties: {properties}}}\n")
    };
    for (properties, part) in [
        ("{Location: none.yaml}", "2 missing-file Resource `App`: there is no template at `none.yaml`"),
        ("{Location: {ApplicationId: x, SemanticVersion: 1.0.0}}", "made by CloudFormation only"),
        ("{Location: 'https://s3.amazonaws.com/b/t.yaml'}", "made by CloudFormation only"),
        ("{Location: a.yaml, Parameters: {P: 1}}", "Resource `R`: `Ref` refers to `Nobody`"),
        ("{Location: a.yaml}", "parameter `P` has no value"),
        ("{Location: a.yaml, Parameters: {Q: 1}}", "the template has no parameter `Q`"),
        ("{Location: a.yaml, Parameters: {P: 1}, Tags: {a: b}}", "`Tags` belongs to CloudFormation's stack"),
        ("{Location: a.yaml, Parametres: {P: 1}}", "has no property `Parametres`"),
        ("{Location: self.yaml}", "the template is nested in itself"),
    ] {
        let errors = case.errors(&app(properties));
        assert!(errors.iter().any(|error| error.contains(part)), "{properties}: {errors:?}");
    }
    case.files.insert("b.yaml".to_owned(), (FileId(1), "Resources: {R: {Type: T}}\nOutputs: {Url: {Value: 1}}".into()));
    let text = format!("{}  S: {{Type: T, Properties: {{A: !GetAtt App.Outputs.Uri}}}}\n", app("{Location: b.yaml}"));
    assert!(
        case.errors(&text)[0].contains("asks the nested application `App` for `Outputs.Uri`"),
        "{:?}",
        case.errors(&text)
    );
}

#[test]
fn a_template_of_nothing_but_nested_applications_is_one() {
    let mut case = Case::default();
    case.files.insert("b.yaml".to_owned(), (FileId(1), "Resources: {R: {Type: AWS::SQS::Queue}}".into()));
    let app = |location: &str| {
        let head = "Transform: AWS::Serverless-2016-10-31\nGlobals: {Function: {Timeout: 3}}\nResources:\n";
        format!("{head}  App:\n    Type: AWS::Serverless::Application\n    Properties:\n      Location: {location}\n")
    };
    assert_eq!(case.compiled(&app("b.yaml")).resources.keys().collect::<Vec<_>>(), ["AppR"]);
    let errors = case.errors(&app("c.yaml"));
    assert_eq!(errors, ["7 missing-file Resource `App`: there is no template at `c.yaml`"]);
}

#[test]
fn nested_applications_that_multiply_end_in_an_error() {
    let mut case = Case::default();
    let level = |next: u32| {
        let apps: String = (0..10)
            .map(|i| {
                format!("  A{i}: {{Type: AWS::Serverless::Application, Properties: {{Location: l{next}.yaml}}}}\n")
            })
            .collect();
        format!("Resources:\n{apps}")
    };
    for number in 1..6 {
        case.files.insert(format!("l{number}.yaml"), (FileId(number), level(number + 1).into()));
    }
    case.files.insert("l6.yaml".to_owned(), (FileId(6), "Resources: {R: {Type: T}}".into()));
    let errors = case.errors(&level(1));
    assert!(errors.iter().any(|error| error.contains("more than 200 nested applications")), "{errors:?}");
}

#[test]
fn all_complaints_come_at_once() {
    let text = "Parameters: {P: {Type: String}}\nResources:\n  R: {Type: T, Properties: {A: !Ref P, B: !Ref Nobody}}\n  S: {Tipe: T}\n";
    let codes: Vec<String> =
        Case::default().errors(text).iter().map(|e| e.split(' ').nth(1).unwrap_or_default().to_owned()).collect();
    assert_eq!(codes, ["missing-parameter", "unknown-reference", "missing-property", "unknown-attribute"]);
}

fn template_like() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "Resources:\n",
        "  R:\n",
        "    Type: T\n",
        "    Properties:\n",
        "      A: !Ref R\n",
        "      B: !Sub '${P}'\n",
        "    DependsOn: R\n",
        "    Condition: C\n",
        "Conditions:\n",
        "  C: !Equals [!Ref P, 1]\n",
        "Parameters:\n",
        "  P: {Type: String}\n",
        "  P: {Type: Number, Default: 1}\n",
        "Transform: AWS::LanguageExtensions\n",
        "  Fn::ForEach::L: [N, [a], {'X${N}': {Type: T}}]\n",
        "Outputs:\n",
        "  O: {Value: !GetAtt R.Arn}\n",
        "Mappings:\n",
        "  M: {a: {b: c}}\n",
        "      C: !FindInMap [M, a, b]\n",
        "  X: 1\n",
        "- x\n",
        "Rules:\n",
        "  Q: {Assertions: [{Assert: !Equals [1, 1]}]}\n",
        "      D: !If [C, 1, !Ref AWS::NoValue]\n",
    ]);
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_template_makes_the_compiler_panic(text in template_like()) {
        let _ = Case::default().compile(&text);
    }
}

#[test]
fn thousands_of_mistakes_are_counted_and_the_first_are_told() {
    let text: String = std::iter::once("Resources:\n".to_owned())
        .chain((0..2400).map(|i| format!("  R{i}: {{Type: T, DependsOn: Y{i}, Properties: {{A: !Ref X{i}}}}}\n")))
        .collect();
    let errors = Case::default().compile(&text).unwrap_err();
    assert!(errors.has_errors() && errors.omitted() > 4000, "{}", errors.omitted());
    assert!(Case::default().compile(&"k: 1\n".repeat(100_000)).is_err());
    assert!(Case::default().compile(&(0..50_000).map(|i| format!("k{i}: !Foo x\n")).collect::<String>()).is_err());
}
