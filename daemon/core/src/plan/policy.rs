//! Policy documents: one spelling for each meaning, so that what AWS rewrites is not taken for drift.
//!
//! The rules are those by which the Terraform ecosystem compares policies (awspolicyequivalence): a single statement
//! is a list of one and their order is free; text is a list of one; actions, resources, principals and condition
//! values are sets; `Effect` has no case; an account id is its root's ARN; booleans and numbers in conditions may be
//! text; `"*"` as a principal is `{"AWS": "*"}`.

use serde_json::{Map, Value as Json};

/// A policy document in canonical form. Text that holds JSON is parsed first; anything that is no policy is returned
/// as it is.
pub fn canonical(document: &Json) -> Json {
    let parsed;
    let document = match document {
        Json::String(text) => match serde_json::from_str::<Json>(text) {
            Ok(json) => {
                parsed = json;
                &parsed
            }
            Err(_) => return document.clone(),
        },
        other => other,
    };
    let Some(map) = document.as_object() else { return document.clone() };
    let mut out: Map<String, Json> = Map::new();
    let mut keys: Vec<&String> = map.keys().collect();
    keys.sort();
    for key in keys {
        let value = &map[key];
        let value = if key == "Statement" {
            let mut statements: Vec<Json> = as_list(value).iter().map(statement).collect();
            statements.sort_by_key(Json::to_string);
            Json::Array(statements)
        } else {
            value.clone()
        };
        out.insert(key.clone(), value);
    }
    Json::Object(out)
}

/// Whether two documents mean the same.
pub fn equivalent(a: &Json, b: &Json) -> bool {
    canonical(a) == canonical(b)
}

fn statement(statement: &Json) -> Json {
    let Some(map) = statement.as_object() else { return statement.clone() };
    let mut keys: Vec<&String> = map.keys().collect();
    keys.sort();
    let mut out = Map::new();
    for key in keys {
        let value = &map[key];
        let value = match key.as_str() {
            "Effect" => match value.as_str() {
                Some(effect) if effect.eq_ignore_ascii_case("allow") => Json::from("Allow"),
                Some(effect) if effect.eq_ignore_ascii_case("deny") => Json::from("Deny"),
                _ => value.clone(),
            },
            "Action" | "NotAction" => set(value, &|action| match action.split_once(':') {
                Some((service, name)) => format!("{}:{name}", service.to_ascii_lowercase()),
                None => action.to_owned(),
            }),
            "Resource" | "NotResource" => set(value, &str::to_owned),
            "Principal" | "NotPrincipal" => principal(value),
            "Condition" => condition(value),
            _ => value.clone(),
        };
        out.insert(key.clone(), value);
    }
    Json::Object(out)
}

fn as_list(value: &Json) -> Vec<Json> {
    match value {
        Json::Array(items) => items.clone(),
        other => vec![other.clone()],
    }
}

fn set(value: &Json, spell: &dyn Fn(&str) -> String) -> Json {
    let mut items: Vec<Json> = as_list(value)
        .into_iter()
        .map(|item| match &item {
            Json::String(text) => Json::String(spell(text)),
            Json::Bool(flag) => Json::String(flag.to_string()),
            Json::Number(number) => Json::String(number.to_string()),
            _ => item,
        })
        .collect();
    items.sort_by_key(Json::to_string);
    items.dedup();
    Json::Array(items)
}

fn principal(value: &Json) -> Json {
    let root = |text: &str| match text.strip_prefix("arn:").and_then(|rest| rest.split_once(":iam::")) {
        // The partition is dropped: an account id alone does not tell it.
        Some((_, tail)) if tail.ends_with(":root") && tail.len() == 17 => tail[..12].to_owned(),
        _ => text.to_owned(),
    };
    match value {
        Json::String(text) => {
            let mut map = Map::new();
            map.insert("AWS".to_owned(), Json::Array(vec![Json::String(root(text))]));
            Json::Object(map)
        }
        Json::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            Json::Object(keys.into_iter().map(|key| (key.clone(), set(&map[key], &root))).collect())
        }
        other => other.clone(),
    }
}

fn condition(value: &Json) -> Json {
    let Some(map) = value.as_object() else { return value.clone() };
    let mut operators: Vec<&String> = map.keys().collect();
    operators.sort();
    Json::Object(
        operators
            .into_iter()
            .map(|operator| {
                let tests = match &map[operator] {
                    Json::Object(tests) => {
                        let mut keys: Vec<&String> = tests.keys().collect();
                        keys.sort_by_key(|key| key.to_ascii_lowercase());
                        // Condition keys have no case: AWS answers `aws:SourceArn` for `AWS:SourceArn`.
                        let spelled =
                            keys.into_iter().map(|key| (key.to_ascii_lowercase(), set(&tests[key], &str::to_owned)));
                        Json::Object(spelled.collect())
                    }
                    other => other.clone(),
                };
                (operator.clone(), tests)
            })
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn forms_that_mean_the_same_are_equal() {
        let written = json!({"Version": "2012-10-17", "Statement": {"Effect": "allow", "Action": "SQS:SendMessage",
            "Resource": "arn:q", "Principal": {"AWS": "111122223333"},
            "Condition": {"Bool": {"aws:SecureTransport": false}}}});
        let answered = json!({"Statement": [{"Principal": {"AWS": ["arn:aws:iam::111122223333:root"]}, "Effect": "Allow",
            "Resource": ["arn:q"], "Action": ["sqs:SendMessage"],
            "Condition": {"Bool": {"AWS:SecureTransport": "false"}}}], "Version": "2012-10-17"});
        assert!(equivalent(&written, &answered));
        assert!(equivalent(&Json::String(written.to_string()), &answered));
    }

    #[test]
    fn a_wider_action_is_a_difference() {
        let a = json!({"Statement": [{"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "*"}]});
        let b = json!({"Statement": [{"Effect": "Allow", "Action": ["s3:*"], "Resource": "*"}]});
        assert!(!equivalent(&a, &b));
    }

    #[test]
    fn everyone_is_everyone_however_it_is_written() {
        let a = json!({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sns:Publish"}]});
        let b = json!({"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sns:Publish"}]});
        assert!(equivalent(&a, &b));
    }
}
