use indexmap::IndexMap;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::compile::yaml::read_documents;
use crate::model::{FileId, Severity};

fn read(text: &str) -> Node {
    read_documents(text, FileId(0)).unwrap().into_iter().next().unwrap_or_else(|| Node::new(Val::Null, Place::NOWHERE))
}

fn map(text: &str) -> Map {
    read(text).as_map().cloned().unwrap()
}

fn scope() -> Scope {
    let place = Place::NOWHERE;
    Scope {
        parameters: IndexMap::from([
            ("Stage".to_owned(), Node::str("dev", place)),
            ("Count".to_owned(), Node::new(Val::Int(3), place)),
            ("Zones".to_owned(), Node::list(vec![Node::str("a", place), Node::str("b", place)], place)),
            ("Password".to_owned(), Node::str("hunter2", place).into_secret()),
        ]),
        pseudo: Pseudo {
            region: Some("eu-west-1".to_owned()),
            account: Some("123456789012".to_owned()),
            stack: "shop".to_owned(),
        },
        mappings: map("Sizes: {dev: {memory: 128, zones: [x, y]}, prod: {memory: 1024}}"),
        conditions: map(concat!(
            "IsDev: !Equals [!Ref Stage, dev]\nIsProd: !Not [!Condition IsDev]\nLoop: !And [!Condition Pool, !Condition IsDev]\n",
            "Pool: !Or [!Condition Loop, false]\nCountIsText: !Equals [!Ref Count, '3']\n",
            "OnResource: !Equals [!Ref Orders, x]\nBroken: 12\n"
        )),
        resources: ["Orders", "Paid"].into_iter().map(str::to_owned).collect(),
        dropped: IndexMap::from([("Gone".to_owned(), "IsProd".to_owned())]),
        nested: IndexMap::new(),
        strictness: Strictness::Strict,
    }
}

fn run(text: &str) -> (Option<Node>, Needs, Vec<String>) {
    run_in(&scope(), &Values::default(), text)
}

fn run_in(scope: &Scope, values: &Values, text: &str) -> (Option<Node>, Needs, Vec<String>) {
    let mut evaluator = Evaluator::new(scope, values);
    evaluator.within("Resource `R`", Place::NOWHERE);
    let value = evaluator.evaluate_fully(&read(text));
    let (needs, diagnostics) = evaluator.finish();
    (value, needs, diagnostics.iter().map(|d| d.message.clone()).collect())
}

#[track_caller]
fn gives(text: &str, expected: Json) {
    let (value, _, errors) = run(text);
    assert_eq!(errors, Vec::<String>::new(), "{text}");
    assert_eq!(value.map(|value| value.to_json()), Some(expected), "{text}");
}

#[track_caller]
fn complains(text: &str, part: &str) {
    let (_, _, errors) = run(text);
    assert!(errors.iter().any(|error| error.contains(part)), "{text}: {errors:?}");
    assert!(errors.iter().all(|e| e.starts_with("Resource `R`: ") || e.starts_with("Condition `")), "{errors:?}");
}

#[test]
fn references_to_what_is_known_become_values_and_others_stay() {
    gives("!Ref Stage", json!("dev"));
    gives("!Ref Count", json!(3));
    gives("!Ref Zones", json!(["a", "b"]));
    gives("!Ref AWS::Region", json!("eu-west-1"));
    gives(
        "!Ref AWS::StackId",
        json!("arn:aws:cloudformation:eu-west-1:123456789012:stack/shop/00000000-0000-0000-0000-000000000000"),
    );
    gives("!Ref AWS::NotificationARNs", json!([]));
    gives("!Ref Orders", json!({"Ref": "Orders"}));
    gives("!GetAtt Orders.Arn", json!({"Fn::GetAtt": ["Orders", "Arn"]}));
    gives("Fn::GetAtt: Orders.A.B", json!({"Fn::GetAtt": ["Orders", "A.B"]}));
    gives("!GetAtt [Orders, Outputs, X]", json!({"Fn::GetAtt": ["Orders", "Outputs.X"]}));
}

#[test]
fn no_value_takes_its_key_or_item_away() {
    gives("{a: !Ref AWS::NoValue, b: [1, !Ref AWS::NoValue, 2]}", json!({"b": [1, 2]}));
    gives("a: !If [IsProd, 1, !Ref AWS::NoValue]", json!({}));
    assert!(run("!Ref AWS::NoValue").0.is_none());
    gives("!Join ['-', [a, !Ref AWS::NoValue, b]]", json!("a-b"));
}

#[test]
fn text_of_known_values_is_text() {
    gives("!Sub '${Stage}-${ Count }-${AWS::Region}-${!Literal}-${open'", json!("dev-3-eu-west-1-${Literal}-${open"));
    gives("!Sub ['${x}/${Stage}', {x: !Ref Count}]", json!("3/dev"));
    gives("!Sub ['${Stage}', {Stage: own}]", json!("own"));
    gives("!Join [',', !Ref Zones]", json!("a,b"));
    gives("!Join ['-', [1, true, 2.0, 2.5, !Ref Zones]]", json!("1-true-2-2.5-a-b"));
    gives("!Sub '${Zones}'", json!("a,b"));
    gives("!Join [', ', []]", json!(""));
}

#[test]
fn text_of_unknown_values_is_one_flat_join() {
    let arn = json!({"Fn::GetAtt": ["Orders", "Arn"]});
    gives("!Sub 'x/${Stage}/${Orders.Arn}/*'", json!({"Fn::Join": ["", ["x/dev/", arn, "/*"]]}));
    gives(
        "!Join [':', [a, !Ref Stage, !GetAtt Orders.Arn, !Sub 'b${Paid}']]",
        json!({"Fn::Join": ["", ["a:dev:", arn, ":b", {"Ref": "Paid"}]]}),
    );
    gives("!Join ['', [!GetAtt Orders.Arn]]", arn.clone());
    gives("!Sub '${Orders.Arn}'", arn.clone());
    gives(
        "!Join ['', [!Join ['', [!Ref Orders, x]], !Sub '${Paid}y']]",
        json!({"Fn::Join": ["", [{"Ref": "Orders"}, "x", {"Ref": "Paid"}, "y"]]}),
    );
    gives("!Join [',', !Split ['/', !GetAtt Orders.Arn]]", json!({"Fn::Join": [",", {"Fn::Split": ["/", arn]}]}));
}

#[test]
fn lists_are_selected_split_and_counted() {
    gives("!Select [1, !Ref Zones]", json!("b"));
    gives("!Select ['0', [!Ref Orders]]", json!({"Ref": "Orders"}));
    gives("!Split [',', 'a,b,']", json!(["a", "b", ""]));
    gives(
        "!Select [2, !Split [':', !GetAtt Orders.Arn]]",
        json!({"Fn::Select": ["2", {"Fn::Split": [":", {"Fn::GetAtt": ["Orders", "Arn"]}]}]}),
    );
    gives("Fn::Length: !Ref Zones", json!(2));
    complains("!Select [2, !Ref Zones]", "item 2 of a list of 2");
    complains("!Select [x, !Ref Zones]", "item x");
    complains("!Split ['', x]", "`Fn::Split` takes");
}

#[test]
fn maps_are_looked_up_with_a_default_where_there_is_one() {
    gives("!FindInMap [Sizes, !Ref Stage, memory]", json!(128));
    gives("!FindInMap [Sizes, dev, zones]", json!(["x", "y"]));
    gives("!FindInMap [Sizes, test, memory, {DefaultValue: 64}]", json!(64));
    gives("!FindInMap [Nope, test, memory, {DefaultValue: !Ref Stage}]", json!("dev"));
    complains("!FindInMap [Sizs, dev, memory]", "no mapping `Sizs`");
    complains("!FindInMap [Sizes, dev, memry]", "mapping `Sizes.dev` has no key `memry`");
    complains("!FindInMap [Sizes, !Ref Orders, memory]", "known beforehand");
    complains("!FindInMap [Sizes, dev]", "`Fn::FindInMap` takes");
}

#[test]
fn base64_json_and_address_blocks_are_computed() {
    gives("!Base64 hello", json!("aGVsbG8="));
    gives("!Base64 {Ref: Orders}", json!({"Fn::Base64": {"Ref": "Orders"}}));
    gives("Fn::ToJsonString: {a: [1, !Ref Stage]}", json!("{\"a\":[1,\"dev\"]}"));
    gives("Fn::ToJsonString: {a: !Ref Orders}", json!({"Fn::ToJsonString": {"a": {"Ref": "Orders"}}}));
    gives("!Cidr [10.0.0.0/16, 3, 8]", json!(["10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24"]));
    gives("!Cidr ['fd00::/56', 2, 64]", json!(["fd00::/64", "fd00:0:0:1::/64"]));
    gives("!Cidr [!GetAtt Orders.Cidr, 2, 8]", json!({"Fn::Cidr": [{"Fn::GetAtt": ["Orders", "Cidr"]}, 2, 8]}));
    complains("!Cidr [10.0.0.0/24, 2, 8]", "holds 1 blocks");
    complains("!Cidr [10.0.0.0, 2, 8]", "no address block");
    complains("!Cidr [10.0.0.0/16, 257, 8]", "`Fn::Cidr` takes");
    complains("!Cidr [10.0.0.0/24, 2, 33]", "do not fit");
}

#[test]
fn conditions_choose_and_the_branch_not_taken_is_not_looked_at() {
    gives("!If [IsDev, yes, !Ref Unknown]", json!(true));
    gives("!If [IsProd, 1, {a: !Ref Stage}]", json!({"a": "dev"}));
    gives("!If [CountIsText, 1, 2]", json!(1));
    gives("!Equals [!Ref Stage, dev]", json!(true));
    gives("!And [!Equals [1, '1'], !Not [!Equals [[a], [b]]]]", json!(true));
    gives("Fn::Contains: [!Ref Zones, b]", json!(true));
    gives("Fn::EachMemberIn: [!Ref Zones, [a, b, c]]", json!(true));
    gives("Fn::EachMemberEquals: [!Ref Zones, a]", json!(false));
    gives("{Condition: {StringEquals: {a: !Ref Stage}}}", json!({"Condition": {"StringEquals": {"a": "dev"}}}));
    gives("{Condition: IsDev}", json!({"Condition": "IsDev"}));
}

#[test]
fn wrong_conditions_are_named() {
    complains("!If [IsDef, 1, 2]", "there is no condition `IsDef`");
    complains("!If [Loop, 1, 2]", "depends on itself");
    complains("!If [OnResource, 1, 2]", "Condition `OnResource`: a condition needs values that are known beforehand");
    complains("!If [Broken, 1, 2]", "Condition `Broken`: this is no condition");
    complains("!If [IsDev, 1]", "`Fn::If` takes");
}

#[test]
fn unknown_references_suggest_what_was_meant() {
    let scope = scope();
    let values = Values::default();
    for (text, message, help) in [
        ("!Ref Order", "`Ref` refers to `Order`", "did you mean `Orders`?"),
        ("!Ref stage", "`Ref` refers to `stage`", "did you mean `Stage`?"),
        ("!Ref AWS::Regoin", "`Ref` refers to `AWS::Regoin`", "did you mean `AWS::Region`?"),
        ("!GetAtt Ordrs.Arn", "`Fn::GetAtt` refers to `Ordrs`", "did you mean `Orders`?"),
        ("a: !Sub '${Ordrs.Arn}'", "`Fn::Sub` refers to `Ordrs`", "did you mean `Orders`?"),
        ("!Ref Gone", "its condition `IsProd` is false", "put the reference into `Fn::If` with `IsProd`"),
        ("Fn::Jion: [a, b]", "there is no function `Fn::Jion`", "did you mean `Fn::Join`?"),
    ] {
        let mut evaluator = Evaluator::new(&scope, &values);
        evaluator.evaluate(&read(text));
        let (_, diagnostics) = evaluator.finish();
        let only: Vec<_> = diagnostics.iter().collect();
        assert_eq!(only.len(), 1, "{text}: {only:?}");
        assert!(only[0].message.contains(message), "{text}: {only:?}");
        assert_eq!(only[0].help.as_deref(), Some(help), "{text}");
        assert_eq!(only[0].place.line, 1);
        assert_eq!(only[0].within.as_deref(), text.contains("!Sub").then_some("${Ordrs"), "{text}");
    }
}

#[test]
fn a_lenient_scope_warns_and_keeps_the_reference() {
    let scope = Scope { strictness: Strictness::Lenient, ..scope() };
    let values = Values::default();
    let mut evaluator = Evaluator::new(&scope, &values);
    assert_eq!(evaluator.evaluate(&read("!Ref Nobody")).unwrap().to_json(), json!({"Ref": "Nobody"}));
    let (_, diagnostics) = evaluator.finish();
    assert!(diagnostics.iter().all(|d| d.severity == Severity::Warning));
    assert_eq!(diagnostics.iter().count(), 1);
}

#[test]
fn functions_with_a_wrong_argument_say_how_they_are_called() {
    for text in [
        "!Ref [a]",
        "!GetAtt Orders",
        "!GetAtt [Orders]",
        "!Sub [a, b, c]",
        "!Sub [a, b]",
        "!Join [a]",
        "!Join [a, b]",
        "!Select a",
        "!Base64 [a]",
        "Fn::Length: a",
        "Fn::ToJsonString: a",
        "!GetAZs [a]",
        "!And []",
        "!Not [a, b]",
        "!Equals [a]",
        "!Cidr a",
        "!ImportValue [a]",
        "!Sub '${}'",
        "!Join ['', [{a: 1}]]",
    ] {
        let (_, _, errors) = run(text);
        assert_eq!(errors.len(), 1, "{text}: {errors:?}");
    }
    complains("!Transform {Name: MyMacro, Parameters: {}}", "macro `MyMacro`");
    complains("Fn::RefAll: AWS::EC2::VPC::Id", "`Fn::RefAll`");
}

#[test]
fn what_a_secret_touches_is_secret() {
    for text in [
        "!Ref Password",
        "!Sub 'x${Password}'",
        "!Join ['-', [a, !Ref Password]]",
        "!Base64 {Ref: Password}",
        "!Select [0, !Split [',', !Ref Password]]",
        "Fn::ToJsonString: {a: !Ref Password}",
        "!Sub ['${x}', {x: !Ref Password}]",
        "!If [IsDev, !Ref Password, x]",
    ] {
        let value = run(text).0.unwrap();
        assert!(value.has_secret(), "{text}");
        assert!(!format!("{value:?}").contains("hunter2"), "{text}: {value:?}");
    }
    let mixed = run("!Sub 'x${Orders}y${Password}'").0.unwrap();
    assert_eq!(mixed.to_masked_json(), json!({"Fn::Join": ["", ["x", {"Ref": "Orders"}, "(secret)"]]}),);
    assert!(!run("!Sub 'x${Stage}'").0.unwrap().has_secret());
}

#[test]
fn what_only_aws_can_tell_is_noted_and_used_once_known() {
    let text = concat!(
        "a: '{{resolve:ssm:/db/url}}'\nb: 'x-{{resolve:ssm-secure:/db/pass:2}}-y'\n",
        "c: '{{resolve:secretsmanager:db:SecretString:user}}'\nd: !ImportValue net-vpc\ne: !GetAZs ''\n",
        "f: !Sub '{{resolve:ssm:/${Stage}/x}}${Orders}'\n"
    );
    let (value, needs, errors) = run(text);
    assert!(errors.is_empty(), "{errors:?}");
    let value = value.unwrap();
    assert_eq!(value.get("a").unwrap().as_str(), Some("{{resolve:ssm:/db/url}}"));
    assert_eq!(value.get("d").unwrap().to_json(), json!({"Fn::ImportValue": "net-vpc"}));
    assert_eq!(value.get("e").unwrap().to_json(), json!({"Fn::GetAZs": ""}));
    assert_eq!(needs.ssm.keys().collect::<Vec<_>>(), ["/db/url", "/dev/x"]);
    assert_eq!(needs.ssm_secure.keys().collect::<Vec<_>>(), ["/db/pass:2"]);
    assert_eq!(needs.secrets.keys().collect::<Vec<_>>(), ["db:SecretString:user"]);
    assert_eq!(needs.exports.keys().collect::<Vec<_>>(), ["net-vpc"]);
    assert_eq!(needs.zones.keys().collect::<Vec<_>>(), ["eu-west-1"]);
    assert_eq!(needs.exports["net-vpc"].line, 4);

    let values: Values = serde_json::from_value(json!({
        "SSM": {"/db/url": "db.local", "/dev/x": "X"}, "SSMSecure": {"/db/pass:2": "s3cret"},
        "Secrets": {"db:SecretString:user": "root"}, "Exports": {"net-vpc": "vpc-1"}, "Zones": {"eu-west-1": ["a", "b"]},
    }))
    .unwrap();
    let (value, needs, _) = run_in(&scope(), &values, text);
    assert!(needs.is_empty());
    assert_eq!(
        value.unwrap().to_masked_json(),
        json!({"a": "db.local", "b": "(secret)", "c": "(secret)", "d": "vpc-1", "e": ["a", "b"],
            "f": {"Fn::Join": ["", ["X", {"Ref": "Orders"}]]}}),
    );
    complains("'{{resolve:vault:x}}'", "nothing can be resolved from `vault`");
    complains("'{{resolve:ssm}}'", "does not say what to resolve");
}

#[test]
fn a_region_that_is_not_known_stays_symbolic() {
    let scope = Scope { pseudo: Pseudo { stack: "s".to_owned(), ..Pseudo::default() }, ..scope() };
    let (value, _, errors) =
        run_in(&scope, &Values::default(), "!Sub 'arn:${AWS::Partition}:x:${AWS::Region}:${AWS::StackName}'");
    assert!(errors.is_empty());
    assert_eq!(
        value.unwrap().to_json(),
        json!({"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":x:", {"Ref": "AWS::Region"}, ":s"]]})
    );
    assert_eq!(partition_of("cn-north-1"), ("aws-cn", "amazonaws.com.cn"));
    assert_eq!(partition_of("us-gov-west-1"), ("aws-us-gov", "amazonaws.com"));
    assert_eq!(partition_of("eu-central-1"), ("aws", "amazonaws.com"));
}

#[test]
fn values_that_multiply_end_in_an_error() {
    let mut scope = scope();
    scope.parameters.insert("Big".to_owned(), Node::str("x".repeat(4096), Place::NOWHERE));
    let text = format!("!Sub '{}'", "${Big}".repeat(50_000));
    let (_, _, errors) = run_in(&scope, &Values::default(), &text);
    assert_eq!(errors, ["Resource `R`: the values grow beyond 64 MB"]);
    let nested = format!("{}[x]{}", "{\"Fn::ToJsonString\": [".repeat(40), "]}".repeat(40));
    let (_, _, errors) = run(&nested);
    assert_eq!(errors, ["Resource `R`: the values grow beyond 64 MB"]);
}

#[test]
fn a_chain_of_conditions_that_is_too_long_is_an_error() {
    let conditions: String = (0..5000).map(|i| format!("C{i}: !Not [!Condition C{}]\n", i + 1)).collect();
    let scope = Scope { conditions: map(&(conditions + "C5000: 'true'\n")), ..scope() };
    let (_, _, errors) = run_in(&scope, &Values::default(), "!If [C0, 1, 2]");
    assert!(errors.iter().any(|error| error.contains("nested too deeply")), "{errors:?}");
}

#[test]
fn evaluated_values_tell_what_they_refer_to() {
    let value = run("{a: !Sub '${Orders.Arn}/${Paid}', b: [!Ref AWS::Region, !Ref Orders]}").0.unwrap();
    let mut found = Vec::new();
    references(&value, &mut |id, _| found.push(id.to_owned()));
    assert_eq!(found, ["Orders", "Paid", "Orders"]);
}

#[test]
fn pieces_of_a_text_are_told_apart() {
    use super::text::{Piece, pieces};
    assert_eq!(
        pieces("a${B}${!c}${ d.E }$x${"),
        [
            Piece::Literal("a"),
            Piece::Reference("B"),
            Piece::Escaped("c"),
            Piece::Reference("d.E"),
            Piece::Literal("$x${")
        ]
    );
    assert_eq!(pieces(""), []);
}

fn any_node() -> impl Strategy<Value = Node> {
    let names = prop::sample::select(vec![
        "Stage",
        "Orders",
        "Nobody",
        "AWS::NoValue",
        "AWS::Region",
        "IsDev",
        "Loop",
        "Orders.Arn",
        "${Stage}-${Orders}",
        "${!x}${",
        "{{resolve:ssm:a}}",
        "0",
        "",
    ]);
    let leaf = prop_oneof![
        names.prop_map(|name| Node::str(name, Place::NOWHERE)),
        any::<i64>().prop_map(|i| Node::new(Val::Int(i), Place::NOWHERE)),
        any::<bool>().prop_map(|b| Node::new(Val::Bool(b), Place::NOWHERE)),
        Just(Node::new(Val::Null, Place::NOWHERE)),
    ];
    leaf.prop_recursive(5, 40, 4, |inner| {
        let keys =
            prop::sample::select(FUNCTIONS.iter().copied().chain(["Condition", "key", "Fn::Nope"]).collect::<Vec<_>>());
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| Node::list(items, Place::NOWHERE)),
            (keys.clone(), inner.clone()).prop_map(|(key, node)| Node::call(key, node, Place::NOWHERE)),
            (keys, prop::collection::vec(inner, 0..4)).prop_map(|(key, items)| Node::call(
                key,
                Node::list(items, Place::NOWHERE),
                Place::NOWHERE
            )),
        ]
    })
}

proptest! {
    #[test]
    fn no_value_makes_the_evaluator_panic_and_what_is_evaluated_stays(node in any_node()) {
        let scope = scope();
        let values = Values::default();
        let mut evaluator = Evaluator::new(&scope, &values);
        let once = evaluator.evaluate_fully(&node);
        let (_, diagnostics) = evaluator.finish();
        if diagnostics.is_empty() && let Some(once) = once {
            let mut evaluator = Evaluator::new(&scope, &values);
            let twice = evaluator.evaluate_fully(&once).map(|node| node.to_json());
            prop_assert!(evaluator.finish().1.is_empty());
            // `${!x}` becomes `${x}`, but outside of Fn::Sub that is plain text.
            prop_assert_eq!(twice, Some(once.to_json()));
        }
    }
}

#[test]
fn a_long_value_that_is_referred_to_over_and_over_is_not_copied_beyond_the_limit() {
    let mut scope = scope();
    scope.parameters.insert("Long".to_owned(), Node::str("x".repeat(1 << 20), Place::NOWHERE));
    let (value, _, errors) = run_in(&scope, &Values::default(), &format!("[{}]", "!Ref Long, ".repeat(1000)));
    assert_eq!(errors, ["Resource `R`: the values grow beyond 64 MB"]);
    let value = value.unwrap();
    assert!(value.as_list().unwrap().iter().filter(|item| item.as_str().is_some()).count() < 64);
}
