//! Taking over a single existing resource.

use std::sync::Arc;

use super::action::{Action, Plan, Verb};
use super::kind::TagWork;
use super::marks;
use super::observation::{Found, Observed, Seen};
use super::planner::{Input, Planner, plan};

/// What adopting does.
#[derive(Debug)]
pub struct Adoption {
    /// Puts the marks on the resource; nothing else.
    pub plan: Plan,
    /// The real thing.
    pub physical_id: String,
    /// What reconcile would do afterwards.
    pub after: Plan,
}

/// Why a resource cannot be adopted.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum AdoptError {
    /// The spec has no such resource.
    #[error("the spec has no resource `{0}`")]
    NoSuchId(String),
    /// The type carries no tags.
    #[error("a resource of type {0} carries no tags and cannot be marked; it belongs to what it is a part of")]
    NoTags(String),
    /// There is nothing of the wanted name.
    #[error("there is no resource of the name that `{0}` wants; reconcile would create it")]
    NotThere(String),
    /// It could not be read.
    #[error("`{0}` could not be read: {1}")]
    Unknown(String, String),
    /// It is ours already.
    #[error("{0} is `{1}` already")]
    AlreadyOurs(String, String),
    /// Somebody else's.
    #[error("{0} belongs to {1}")]
    Foreign(String, String),
}

/// Plans the adoption of what a logical id wants.
///
/// # Errors
/// [`AdoptError`].
pub fn adopt(input: Input<'_>, id: &str) -> Result<Adoption, AdoptError> {
    let resource = input.desired.resources.get(id).ok_or_else(|| AdoptError::NoSuchId(id.to_owned()))?;
    let kind = input.kinds.get(&resource.type_name).filter(|kind| kind.facts().taggable);
    let kind = kind.ok_or_else(|| AdoptError::NoTags(resource.type_name.clone()))?;
    let (instance, tags) = Planner::tags_for(input, id).ok_or_else(|| AdoptError::NotThere(id.to_owned()))?;
    let observed = match instance.found {
        Found::Present(observed) => observed,
        Found::Absent => return Err(AdoptError::NotThere(id.to_owned())),
        Found::Unknown(reason) => return Err(AdoptError::Unknown(id.to_owned(), reason)),
    };
    let scope = input.scope;
    match &observed.marks {
        Some(marks) if marks.is_at_home(&scope.source, &scope.app, scope.env.as_deref()) => {
            return Err(AdoptError::AlreadyOurs(observed.physical_id.clone(), marks.id.clone()));
        }
        Some(marks) => return Err(AdoptError::Foreign(observed.physical_id.clone(), marks.owner())),
        None => {}
    }
    let set: marks::Tags = tags.all.into_iter().filter(|(key, _)| marks::is_mark(key)).collect();
    let work = TagWork { all: set.clone(), set: set.clone(), remove: Vec::new() };
    let action = Action {
        physical_id: Some(observed.physical_id.clone()),
        reason: Some("adopted".to_owned()),
        steps: kind.retag(scope, &observed, &work),
        keys: vec![(kind.type_name(), instance.key)],
        ..Action::new(id, &resource.type_name, Verb::Update)
    };
    let mut world = input.world.clone();
    let marked = with_marks(&observed, set);
    world.refreshed(kind.facts().reads, Seen { items: vec![marked], ..Seen::default() });
    let after = plan(Input { world: &world, ..input });
    Ok(Adoption {
        plan: Plan { actions: vec![action], ..Plan::default() },
        physical_id: observed.physical_id.clone(),
        after,
    })
}

/// The resource as it will be seen with its marks.
fn with_marks(observed: &Arc<Observed>, marks: marks::Tags) -> Observed {
    let mut tags = observed.tags.clone().unwrap_or_default();
    tags.extend(marks);
    observed.as_ref().clone().with_tags(tags)
}
