//! Conditions: how a resource stands, computed in one place from the plan.
//!
//! The types and their meaning are kstatus's: `Ready`, `Reconciling`, `Stalled`.

use serde::{Deserialize, Serialize};

use crate::plan::{Action, Plan, Standing, Verb};

/// One statement about a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// `Ready`, `Reconciling` or `Stalled`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// One word for programs.
    pub reason: String,
    /// A sentence for people.
    pub message: String,
}

impl Condition {
    /// A condition that holds, or does not.
    pub fn new(kind: &str, status: bool, reason: &str, message: impl Into<String>) -> Self {
        Condition {
            kind: kind.to_owned(),
            status: if status { "True" } else { "False" }.to_owned(),
            reason: reason.to_owned(),
            message: message.into(),
        }
    }
}

/// A resource's conditions with what a table shows of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// Logical id.
    pub id: String,
    /// AWS's type name.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The real thing, where it is there.
    pub physical_id: Option<String>,
    /// Always one `Ready`; `Reconciling` or `Stalled` where they hold.
    pub conditions: Vec<Condition>,
}

impl Health {
    /// Whether it is as the spec says.
    pub fn is_ready(&self) -> bool {
        self.conditions.iter().any(|condition| condition.kind == "Ready" && condition.status == "True")
    }

    /// Reason and message of the condition that matters most.
    pub fn word(&self) -> (&str, &str) {
        let rank = |condition: &&Condition| match condition.kind.as_str() {
            "Stalled" => 2,
            "Reconciling" => 1,
            _ => 0,
        };
        self.conditions
            .iter()
            .max_by_key(rank)
            .map_or(("Unknown", ""), |condition| (condition.reason.as_str(), condition.message.as_str()))
    }
}

/// The conditions of every resource of a plan, in the plan's order.
pub fn health(plan: &Plan) -> Vec<Health> {
    plan.actions.iter().map(of_action).collect()
}

fn of_action(action: &Action) -> Health {
    let under_way = |reason: &str, message: String| {
        vec![
            Condition::new("Ready", false, reason, message.clone()),
            Condition::new("Reconciling", true, reason, message),
        ]
    };
    let conditions = match (&action.standing, action.verb) {
        (Standing::Blocked(reason), _) => vec![
            Condition::new("Ready", false, "Blocked", reason.clone()),
            Condition::new("Stalled", true, "Blocked", reason.clone()),
        ],
        (Standing::Waiting(reason), Verb::Delete) => under_way("Deleting", reason.clone()),
        (Standing::Waiting(reason), _) => under_way("Waiting", reason.clone()),
        (Standing::Ready, Verb::None) => {
            let message = match &action.reason {
                Some(note) => format!("as the spec says; {note}"),
                None => "as the spec says".to_owned(),
            };
            vec![Condition::new("Ready", true, "UpToDate", message)]
        }
        (_, verb) => {
            let (reason, message) = match verb {
                Verb::Create => ("Creating", "is being created"),
                Verb::Replace => ("Replacing", "is being replaced"),
                Verb::Delete => ("Deleting", "is being deleted"),
                _ => ("Updating", "is being updated"),
            };
            under_way(reason, message.to_owned())
        }
    };
    Health {
        id: action.id.clone(),
        type_name: action.type_name.clone(),
        physical_id: action.physical_id.clone(),
        conditions,
    }
}
