use proptest::prelude::*;
use serde_json::json;

use super::*;

fn one(text: &str) -> Node {
    let mut documents = read_documents(text, FileId(0)).unwrap();
    assert_eq!(documents.len(), 1, "{text}");
    documents.remove(0)
}

fn errors(text: &str) -> Vec<(String, u32, u32)> {
    let errors = read_documents(text, FileId(0)).unwrap_err();
    errors.iter().map(|d| (d.code.to_owned(), d.place.line, d.place.column)).collect()
}

#[test]
fn values_and_keys_know_their_places() {
    let node = one("a: 1\nb:\n  - x\n  - c: yes\n");
    assert_eq!(node.to_json(), json!({"a": 1, "b": ["x", {"c": true}]}));
    let map = node.as_map().unwrap();
    assert_eq!(map["b"].key_place, Place::new(FileId(0), 2, 1));
    let item = &map["b"].node.as_list().unwrap()[1];
    assert_eq!(item.get("c").unwrap().place, Place::new(FileId(0), 4, 8));
}

#[test]
fn short_tags_become_their_long_form() {
    let node = one(concat!(
        "a: !Ref X\nb: !GetAtt a.b.c\nc: !GetAtt [a, b]\nd: !Sub '${X}'\ne: !If [C, !Ref A, !Ref AWS::NoValue]\n",
        "f: !Condition C\ng: !GetAZs ''\nh: !Ref 12\ni: !Sub\n  - x\n  - {y: 1}\nj: !Transform {Name: N}\n"
    ));
    assert_eq!(
        node.to_json(),
        json!({
            "a": {"Ref": "X"}, "b": {"Fn::GetAtt": ["a", "b.c"]}, "c": {"Fn::GetAtt": ["a", "b"]},
            "d": {"Fn::Sub": "${X}"}, "e": {"Fn::If": ["C", {"Ref": "A"}, {"Ref": "AWS::NoValue"}]},
            "f": {"Condition": "C"}, "g": {"Fn::GetAZs": ""}, "h": {"Ref": "12"},
            "i": {"Fn::Sub": ["x", {"y": 1}]}, "j": {"Fn::Transform": {"Name": "N"}},
        })
    );
}

#[test]
fn an_unknown_tag_is_an_error_with_the_nearest_one() {
    let errors = read_documents("a: !Reff X\nb: !!python/object x\n", FileId(0)).unwrap_err();
    let all: Vec<_> = errors.iter().collect();
    assert_eq!(all.len(), 2);
    assert_eq!(all[0].message, "there is no tag `!Reff`");
    assert_eq!(all[0].help.as_deref(), Some("did you mean `!Ref`?"));
    assert_eq!(all[0].place.line, 1);
}

#[test]
fn yamls_own_tags_say_what_a_scalar_is() {
    let node = one("a: !!str 12\nb: !!int '12'\nc: !!float 1\nd: !!map {x: 1}\ne: ! 12\nf: !!bool 'yes'\n");
    assert_eq!(node.to_json(), json!({"a": "12", "b": 12, "c": 1.0, "d": {"x": 1}, "e": "12", "f": true}));
    assert_eq!(errors("a: !!int x\n"), [("wrong-type".to_owned(), 1, 4)]);
}

#[test]
fn merge_keys_yield_to_what_is_written_and_earlier_maps_to_none() {
    let node = one("x: &x {a: 1, b: 2}\ny: &y {b: 3, c: 4}\nz:\n  b: 9\n  <<: [*x, *y]\nw:\n  <<: *y\n  '<<': text\n");
    assert_eq!(node.get("z").unwrap().to_json(), json!({"a": 1, "b": 9, "c": 4}));
    assert_eq!(node.get("w").unwrap().to_json(), json!({"b": 3, "c": 4, "<<": "text"}));
    let node = one("x: &x {a: 1}\ny: &y {a: 2}\nz:\n  <<: [*x, *y]\n");
    assert_eq!(node.get("z").unwrap().to_json(), json!({"a": 1}));
    assert_eq!(errors("a:\n  <<: 1\n"), [("wrong-type".to_owned(), 2, 7)]);
}

#[test]
fn keys_that_are_no_text_become_what_json_makes_of_them() {
    assert_eq!(one("on: 1\n2: 1\n~: 1\n1.5: 1\n").to_json(), json!({"true": 1, "2": 1, "null": 1, "1.5": 1}));
    assert_eq!(errors("? [a]\n: 1\n"), [("wrong-key".to_owned(), 1, 3)]);
}

#[test]
fn a_key_that_stands_twice_is_an_error_in_manifests_and_a_warning_in_templates() {
    let text = "a: 1\nb: 2\na: 3\n";
    let errors = read_documents(text, FileId(0)).unwrap_err();
    let error = errors.iter().next().unwrap();
    assert_eq!((error.place.line, error.related[0].0.line), (3, 1));
    let reading = read(text, FileId(0), Duplicates::LastWins).unwrap();
    assert_eq!(reading.documents[0].to_json(), json!({"a": 3, "b": 2}));
    assert_eq!(reading.warnings.iter().count(), 1);
}

#[test]
fn documents_are_split_and_empty_ones_dropped() {
    let documents = read_documents("---\na: 1\n---\n---\n# nothing\n---\nb: 2\n...\n", FileId(0)).unwrap();
    assert_eq!(documents.iter().map(Node::to_json).collect::<Vec<_>>(), [json!({"a": 1}), json!({"b": 2})]);
    assert!(read_documents("", FileId(0)).unwrap().is_empty());
    assert!(read_documents("# only a comment\n", FileId(0)).unwrap().is_empty());
}

#[test]
fn anchors_end_with_their_document() {
    assert_eq!(errors("a: &x 1\n---\nb: *x\n").len(), 1);
}

#[test]
fn a_byte_order_mark_is_nothing() {
    let node = one("\u{feff}a: 1\n");
    assert_eq!(node.as_map().unwrap()["a"].key_place.column, 1);
}

#[test]
fn json_is_read_with_its_own_escapes_tabs_and_long_keys() {
    let key = "k".repeat(3000);
    let node =
        one(&format!("{{\n\t\"a\": \"\\ud83d\\ude00\\/\",\n\t\"{key}\": [1, -2.5e3, true, null, {{}}, []]\n}}\n"));
    assert_eq!(node.get("a").unwrap().as_str(), Some("😀/"));
    assert_eq!(node.get(&key).unwrap().to_json(), json!([1, -2500.0, true, null, {}, []]));
    assert_eq!(node.get("a").unwrap().place, Place::new(FileId(0), 2, 7));
    assert_eq!(one("{a: b, c: [d]}").to_json(), json!({"a": "b", "c": ["d"]}));
    assert_eq!(errors("{\"a\": 1, \"a\": 2}"), [("duplicate-key".to_owned(), 1, 10)]);
}

#[test]
fn brackets_and_quotes_may_go_on_without_indentation() {
    let text = concat!(
        "a:\n  b:\n    c: {\"x\": 1,\n    \"y\": [1,\n2], # it's {\n  \"z\": \"}\"\n}\n    d: \"q\n  r\n\n",
        "s\\\"t\"\n    e: 'it''s\nu'\n    f: {\n}\n  g: 1\n"
    );
    let node = one(text);
    assert_eq!(
        node.to_json(),
        json!({"a": {"b": {"c": {"x": 1, "y": [1, 2], "z": "}"}, "d": "q r\ns\"t", "e": "it's u", "f": {}}, "g": 1}})
    );
    let c = node.get("a").unwrap().get("b").unwrap().get("c").unwrap().as_map().unwrap();
    assert_eq!(c["y"].key_place, Place::new(FileId(0), 4, 5));
    assert_eq!(c["z"].node.place, Place::new(FileId(0), 6, 8));
    assert_eq!(errors("a:\n  b: {x: 1,\n  y: 2\nc: 1\n").len(), 1);
}

#[test]
fn syntax_errors_have_a_place_and_a_hint() {
    for (text, line, hint) in [
        ("a:\n\tb: 1\n", 2, "tab"),
        ("a: b: c\n", 1, "quotes"),
        ("a: 'x\nb: 1\n", 0, "not closed"),
        ("a: *x\n", 1, "anchor"),
        ("a: [1, 2\nb: 3\n", 0, ""),
        ("a: @x\n", 1, "quotes"),
    ] {
        let errors = read_documents(text, FileId(0)).unwrap_err();
        let error = errors.iter().next().unwrap();
        assert_eq!(error.code, "syntax", "{text}");
        assert!(line == 0 || error.place.line == line, "{text}: {:?}", error.place);
        assert!(error.help.as_deref().unwrap_or_default().contains(hint), "{text}: {error:?}");
    }
}

#[test]
fn a_number_that_is_not_finite_is_an_error() {
    assert_eq!(errors("a: .inf\n"), [("unsupported-number".to_owned(), 1, 4)]);
}

fn refused(text: &str, code: &str) {
    let errors = read_documents(text, FileId(0)).unwrap_err();
    assert_eq!(errors.iter().next().unwrap().code, code);
}

#[test]
fn alias_bombs_of_values_and_of_text_are_refused() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for i in 1..12 {
        let items = vec![format!("*a{}", i - 1); 10].join(", ");
        bomb.push_str(&format!("a{i}: &a{i} [{items}]\n"));
    }
    refused(&bomb, "too-large");
    let text = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), vec!["*a"; 1000].join(", "));
    refused(&text, "too-large");
    let keys = (0..10).fold("x0: &x0 {k: v}\n".to_owned(), |text, i| {
        text + &format!("x{}: &x{} {{a: *x{i}, b: *x{i}, c: *x{i}, d: *x{i}, e: *x{i}, f: *x{i}}}\n", i + 1, i + 1)
    });
    refused(&keys, "too-large");
}

#[test]
fn an_alias_inside_its_own_value_is_refused() {
    assert_eq!(errors("a: &a [*a]\n")[0].0, "alias-cycle");
    assert_eq!(errors("a: &a {b: *a}\n")[0].0, "alias-cycle");
}

#[test]
fn deep_nesting_is_refused_however_it_comes_about() {
    refused(&format!("a: {}1{}", "[".repeat(100), "]".repeat(100)), "too-deep");
    refused(&format!("{}1{}", "{\"a\":".repeat(100), "}".repeat(100)), "too-deep");
    refused(&"- ".repeat(200_000), "too-deep");
    refused(&(0..100).map(|i| format!("{}a:\n", " ".repeat(i))).collect::<String>(), "too-deep");
    let chain =
        (0..100).fold("x0: &x0 [v]\n".to_owned(), |text, i| text + &format!("x{}: &x{} [*x{i}]\n", i + 1, i + 1));
    refused(&chain, "too-deep");
    let tags = (0..60)
        .fold("x0: &x0 !Not [v]\n".to_owned(), |text, i| text + &format!("x{}: &x{} !Not [*x{i}]\n", i + 1, i + 1));
    refused(&tags, "too-deep");
}

#[test]
fn text_beyond_the_limit_is_refused() {
    refused(&"a: b\n".repeat(2 << 20), "too-large");
}

#[test]
fn a_megabyte_is_read_whole() {
    let text: String =
        (0..20_000).map(|i| format!("Key{i}:\n  Type: AWS::SQS::Queue\n  Name: !Sub '${{A}}-{i}'\n")).collect();
    assert_eq!(one(&text).as_map().unwrap().len(), 20_000);
}

fn yaml_like() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        "b: ",
        "- ",
        "\n",
        "\n  ",
        "\n    ",
        "{",
        "}",
        "[",
        "]",
        ",",
        ": ",
        "&x ",
        "*x",
        "!Ref ",
        "!Sub ",
        "!",
        "!!",
        "<<: ",
        "'",
        "\"",
        "|",
        ">",
        "|-\n",
        "#",
        "? ",
        "---\n",
        "...\n",
        "%",
        "\t",
        "\\",
        "é",
        "\u{feff}",
        "0x1",
        "1:2",
        "~",
        "\r\n",
        "\r",
        "!GetAtt a.b",
        "!<x>",
        "@",
        "`",
        "%TAG ! x\n",
        "%YAML 1.1\n",
        "\u{0}",
        "\u{85}",
        "|9",
        ">+",
    ]);
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in yaml_like()) {
        let _ = read(&text, FileId(0), Duplicates::LastWins);
    }

    #[test]
    fn no_random_text_makes_the_reader_panic(text in "\\PC{0,200}") {
        let _ = read(&text, FileId(0), Duplicates::Refuse);
    }

    #[test]
    fn quoted_text_is_read_back_as_written(text in "\\PC{0,40}") {
        let json = serde_json::to_string(&json!({"k": text})).unwrap();
        let node = one(&json);
        prop_assert_eq!(node.get("k").unwrap().as_str(), Some(text.as_str()));
    }
}

#[test]
fn a_carriage_return_ends_a_line_of_json_too() {
    let text = "{\r\n \"a\": 1,\r \"b\":\n\r\n  2\r}";
    let node = one(text);
    let place = |key: &str| node.get(key).unwrap().place;
    assert_eq!((place("a").line, place("a").column), (2, 7));
    assert_eq!((place("b").line, place("b").column), (5, 3));
    let key = node.as_map().unwrap().get("b").unwrap().key_place;
    assert_eq!((key.line, key.column), (3, 2));
}
