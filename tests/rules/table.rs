//! The table of rules in README.md, held against the tests that there are.

#![expect(clippy::unwrap_used, reason = "a failed test says why and stops")]

use std::collections::BTreeSet;
use std::path::Path;

/// The folder that holds `daemon` and `tests`.
fn project() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Names of the test functions in the sources below a folder.
fn tests(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tests(&path, names);
        } else if path.extension().is_some_and(|it| it == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let mut test = false;
            for line in text.lines().map(str::trim) {
                if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                    test = true;
                } else if let Some((_, name)) = line.split_once("fn ")
                    && std::mem::take(&mut test)
                {
                    names.extend(name.split('(').next().map(str::to_owned));
                }
            }
        }
    }
}

/// The tests that the table names, each with its row.
fn named() -> Vec<(String, String)> {
    let table = std::fs::read_to_string(project().join("tests/rules/README.md")).unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| AWS |"));
    let mut named = Vec::new();
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        assert_eq!(cells.len(), 2, "a rule and its test: {row}");
        let tests: Vec<&str> = cells[1].split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "no test: {row}");
        named.extend(tests.into_iter().map(|test| (test.to_owned(), row.to_owned())));
    }
    named
}

#[test]
fn the_table_of_rules_names_tests_that_exist() {
    let mut there = BTreeSet::new();
    tests(&project().join("daemon"), &mut there);
    tests(&project().join("tests"), &mut there);
    for (test, row) in named() {
        assert!(there.contains(&test), "there is no test {test}: {row}");
    }
}

#[test]
fn every_test_of_a_rule_stands_in_the_table() {
    let mut there = BTreeSet::new();
    tests(&project().join("tests/rules"), &mut there);
    let named: BTreeSet<String> = named().into_iter().map(|(test, _)| test).collect();
    let of_the_table = ["the_table_of_rules_names_tests_that_exist", "every_test_of_a_rule_stands_in_the_table"];
    let missing: Vec<&String> =
        there.iter().filter(|test| !named.contains(*test) && !of_the_table.contains(&test.as_str())).collect();
    assert!(there.len() > 150 && missing.is_empty(), "{} tests, without a row: {missing:#?}", there.len());
}
