//! Inline policies of users and groups: what `AWS::IAM::Policy` puts on people.
//!
//! A user or a group is never an application's own, so nothing on it can say whose a policy is but the policy itself:
//! the mark stands in the `Sid` of its first statement, which IAM reads as a name and nothing else.

pub mod api;

use evenkeel_core::model::resource::DeletionPolicy;
use evenkeel_core::plan::kind::{Scope, Want};
use evenkeel_core::plan::step::Step;
use evenkeel_core::plan::{Marks, Observed, policy};
use serde_json::{Map, Value as Json, json};

use super::policy::{DOCUMENT, POLICY_TYPE};

/// Where a mark begins; what stands before it a person wrote.
const OPEN: &str = "evenkeelzz";

/// Users, or groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum People {
    /// Single users.
    User,
    /// Groups of them.
    Group,
}

impl People {
    /// Both.
    pub const ALL: [People; 2] = [People::User, People::Group];

    /// The property that names them.
    pub fn property(self) -> &'static str {
        match self {
            People::User => "Users",
            People::Group => "Groups",
        }
    }

    /// The word in keys and marks.
    pub fn word(self) -> &'static str {
        match self {
            People::User => "user",
            People::Group => "group",
        }
    }

    /// The member of IAM's calls that names one.
    pub fn member(self) -> &'static str {
        match self {
            People::User => "UserName",
            People::Group => "GroupName",
        }
    }

    /// `user:ann`
    pub fn tagged(self, name: &str) -> String {
        format!("{}:{name}", self.word())
    }

    /// The key of a policy: `user:ann|reads`. No role's name holds a colon.
    pub fn key(self, holder: &str, policy: &str) -> String {
        format!("{}|{policy}", self.tagged(holder))
    }
}

/// Who has a policy, and its name; `None` where the key is a role's.
pub fn split(key: &str) -> Option<(People, &str, &str)> {
    let (holder, policy) = key.split_once('|')?;
    let (word, name) = holder.split_once(':')?;
    Some((People::ALL.into_iter().find(|people| people.word() == word)?, name, policy))
}

/// One `PutUserPolicy` or `PutGroupPolicy`.
pub fn put(scope: &Scope, want: &Want, key: &str) -> Option<Step> {
    let (people, holder, name) = split(key)?;
    let document = marked(want.properties.get(DOCUMENT)?, &mark(scope, want));
    let operation = match people {
        People::User => "PutUserPolicy",
        People::Group => "PutGroupPolicy",
    };
    Some(step(operation, json!({people.member(): holder, "PolicyName": name, DOCUMENT: document.to_string()}), key))
}

/// One `DeleteUserPolicy` or `DeleteGroupPolicy`.
pub fn delete(key: &str) -> Option<Step> {
    let (people, holder, name) = split(key)?;
    let operation = match people {
        People::User => "DeleteUserPolicy",
        People::Group => "DeleteGroupPolicy",
    };
    Some(step(operation, json!({people.member(): holder, "PolicyName": name}), key))
}

fn step(operation: &'static str, input: Json, key: &str) -> Step {
    Step { type_name: POLICY_TYPE, operation, input, refresh: (POLICY_TYPE, key.to_owned()) }
}

/// The observation of a policy; the document as IAM answers it, URL-encoded.
pub fn observed(people: People, holder: &str, name: &str, document: &str) -> Observed {
    let mut out = Observed::new(people.key(holder, name), name);
    let mut document = super::spec::document(document);
    out.marks = unmark(&mut document);
    out.properties.insert(DOCUMENT.to_owned(), policy::canonical(&document));
    out
}

fn mark(scope: &Scope, want: &Want) -> String {
    let retain = want.resource.deletion_policy == Some(DeletionPolicy::Retain);
    let words = [
        scope.source.as_str(),
        scope.app.as_str(),
        scope.env.as_deref().unwrap_or_default(),
        want.id(),
        if retain { DeletionPolicy::Retain.as_str() } else { "" },
    ];
    format!("{OPEN}{}", words.map(encode).join("zz"))
}

fn read(mark: &str) -> Option<Marks> {
    let words: Vec<String> = mark.split("zz").map(decode).collect();
    let [source, app, env, id, policy] = words.try_into().ok()?;
    let some = |word: String| Some(word).filter(|word| !word.is_empty());
    Some(Marks { source, app, env: some(env), id, policy: some(policy), ..Marks::default() })
}

/// The document with the mark in its first statement.
fn marked(document: &Json, mark: &str) -> Json {
    let mut document = crate::values::parsed(document);
    if let Some(first) = first_statement(&mut document) {
        let written = first.get("Sid").and_then(Json::as_str).unwrap_or_default().to_owned();
        first.insert("Sid".to_owned(), Json::from(format!("{written}{mark}")));
    }
    document
}

/// Takes the mark off a document, so that it is as it was written.
fn unmark(document: &mut Json) -> Option<Marks> {
    let first = first_statement(document)?;
    let sid = first.get("Sid")?.as_str()?.to_owned();
    let (written, mark) = sid.split_once(OPEN)?;
    let marks = read(mark)?;
    if written.is_empty() {
        first.shift_remove("Sid");
    } else {
        first.insert("Sid".to_owned(), Json::from(written));
    }
    Some(marks)
}

fn first_statement(document: &mut Json) -> Option<&mut Map<String, Json>> {
    match document.get_mut("Statement")? {
        Json::Array(all) => all.first_mut()?.as_object_mut(),
        one => one.as_object_mut(),
    }
}

/// A `Sid` of IAM holds letters and digits alone: `z` begins what stands for another byte, so `zz` keeps words apart.
fn encode(word: &str) -> String {
    let one = |byte: u8| match byte {
        b'z' => "z7A".to_owned(),
        _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        _ => format!("z{byte:02X}"),
    };
    word.bytes().map(one).collect()
}

fn decode(word: &str) -> String {
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let code = (first == b'z').then(|| tail.get(..2)).flatten();
        let byte = code.and_then(|code| u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok());
        (rest, _) = match byte {
            Some(byte) => (tail.get(2..).unwrap_or_default(), bytes.push(byte)),
            None => (tail, bytes.push(first)),
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planning::{scope, want};

    #[test]
    fn a_mark_goes_into_the_first_sid_and_comes_off_again() {
        let mut scope = scope();
        scope.env = Some("prod-eu".into());
        scope.source = "team/a z".into();
        for written in [
            json!({"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}, {"Sid": "B"}]}),
            json!({"Statement": {"Sid": "Reads", "Effect": "Allow", "Action": "s3:*", "Resource": "*"}}),
        ] {
            let want = want("Audit", POLICY_TYPE, json!({"PolicyName": "p", "Users": ["ann"], DOCUMENT: written}));
            let input = put(&scope, &want, "user:ann|p").unwrap().input;
            let sent: Json = serde_json::from_str(input[DOCUMENT].as_str().unwrap()).unwrap();
            let first = sent["Statement"].get(0).unwrap_or(&sent["Statement"]);
            assert!(first["Sid"].as_str().unwrap().chars().all(|c| c.is_ascii_alphanumeric()), "{sent}");
            let seen = observed(People::User, "ann", "p", &sent.to_string());
            assert_eq!(seen.properties[DOCUMENT], policy::canonical(&written));
            let marks = seen.marks.unwrap();
            assert!(marks.is_at_home("team/a z", "shop", Some("prod-eu")), "{marks:?}");
            assert_eq!((marks.id.as_str(), marks.policy), ("Audit", None));
        }
    }

    #[test]
    fn a_policy_without_a_mark_is_nobodys_and_a_roles_key_names_no_people() {
        let document = json!({"Statement": [{"Sid": "evenkeel", "Effect": "Allow", "Action": "*", "Resource": "*"}]});
        assert_eq!(observed(People::Group, "staff", "p", &document.to_string()).marks, None);
        assert_eq!(split("worker|p"), None);
        assert_eq!(split("group:staff|a|b"), Some((People::Group, "staff", "a|b")));
    }
}
