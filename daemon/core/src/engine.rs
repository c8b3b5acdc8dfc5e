//! State machines that take `now` as an argument: they never read a clock.

pub mod backoff;
pub mod budget;
pub mod condition;
pub mod lease;
pub mod queue;
pub mod quota;
pub mod reverts;

pub use backoff::Backoff;
pub use budget::{Bucket, Share};
pub use condition::{Condition, Health};
pub use queue::{Priority, Queue};
pub use quota::Cost;
pub use reverts::Reverts;
