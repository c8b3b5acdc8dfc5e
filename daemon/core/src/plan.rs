//! Plans as data: desired state held against what was observed, by pure functions.
//!
//! A plan holds only steps whose inputs are known. What waits for a result comes in the next round: observe again,
//! plan again, until the plan is empty.

pub mod action;
pub mod adopt;
pub mod diff;
pub mod export;
pub mod graph;
pub mod guard;
pub mod hidden;
pub mod kind;
pub mod marks;
pub mod naming;
pub mod observation;
pub mod planner;
pub mod policy;
mod prune;
pub mod resolve;
pub mod step;

pub use action::{Action, Held, Plan, Standing, Verb};
pub use adopt::{AdoptError, Adoption, adopt};
pub use diff::{Cause, Change};
pub use export::{Export, Imported, Imports};
pub use kind::{
    Artifact, Bound, Claim, Facts, Instance, Kind, Kinds, Located, Parent, Reach, Scope, Setting, TagWork, Target,
    Until, Want, Work,
};
pub use marks::{Marks, Tags};
pub use observation::{Ask, Choice, Found, Observation, Observed, Pace, Reading, Seen, State, Table};
pub use planner::{Input, plan};
pub use prune::orphans;
pub use step::{Applied, ApplyError, Artifacts, Step, Told};
