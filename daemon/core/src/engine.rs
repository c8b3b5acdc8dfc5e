//! State machines that take `now` as an argument: they never read a clock.

pub mod backoff;
pub mod condition;
pub mod queue;

pub use backoff::Backoff;
pub use condition::{Condition, Health};
pub use queue::{Priority, Queue};
