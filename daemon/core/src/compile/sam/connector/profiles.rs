//! The table of what connectors grant.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

static TABLE: LazyLock<Option<Table>> = LazyLock::new(|| toml::from_str(include_str!("profiles.toml")).ok());

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    actions: BTreeMap<String, Vec<String>>,
    connection: Vec<Connection>,
}

/// What a connector from one type to another grants; the table's head says what each field means.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Connection {
    pub(super) source: String,
    pub(super) destination: String,
    pub(super) grant: Grant,
    pub(super) before: Option<String>,
    pub(super) together: Option<Vec<Vec<String>>>,
    pub(super) service: Option<String>,
    pub(super) action: Option<String>,
    pub(super) from: Option<String>,
    #[serde(default)]
    pub(super) account: bool,
    #[serde(default)]
    pub(super) read: Vec<Statement>,
    #[serde(default)]
    pub(super) write: Vec<Statement>,
}

/// How access is granted.
#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Grant {
    SourceRole,
    DestinationRole,
    QueuePolicy,
    TopicPolicy,
    Invoke,
}

/// A statement of a role's policy.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Statement {
    pub(super) actions: String,
    pub(super) on: Vec<String>,
}

impl Connection {
    /// The words that `Permissions` may hold.
    pub(super) fn permissions(&self) -> Vec<&'static str> {
        let by_service = self.service.is_some();
        [("Read", !self.read.is_empty()), ("Write", by_service || !self.write.is_empty())]
            .into_iter()
            .filter_map(|(word, known)| known.then_some(word))
            .collect()
    }
}

/// What a connector between these types grants; `None` where there is none.
pub(super) fn find(source: &str, destination: &str) -> Option<&'static Connection> {
    let fits = |connection: &&Connection| connection.source == source && connection.destination == destination;
    TABLE.as_ref()?.connection.iter().find(fits)
}

/// The actions of a named set.
pub(super) fn actions(name: &str) -> &'static [String] {
    TABLE.as_ref().and_then(|table| table.actions.get(name)).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_statement_of_the_table_names_actions_that_it_has() {
        let table = TABLE.as_ref().unwrap();
        let statements = table.connection.iter().flat_map(|connection| connection.read.iter().chain(&connection.write));
        for statement in statements {
            assert!(!actions(&statement.actions).is_empty(), "{}", statement.actions);
        }
        assert!(table.connection.iter().all(|connection| !connection.permissions().is_empty()));
    }

    #[test]
    fn a_function_may_be_connected_to_a_queue_but_not_the_other_way_with_write_alone() {
        assert!(find("AWS::Lambda::Function", "AWS::SQS::Queue").is_some());
        let back = find("AWS::SQS::Queue", "AWS::Lambda::Function").unwrap();
        assert_eq!(back.together, Some(vec![vec!["Read".to_owned(), "Write".to_owned()]]));
        assert!(find("AWS::SQS::Queue", "AWS::SNS::Topic").is_none());
    }
}
