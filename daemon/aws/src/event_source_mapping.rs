//! `AWS::Lambda::EventSourceMapping`: a poller that feeds a function from a queue, a stream, a broker or a database.
//!
//! AWS gives it nothing but a UUID, so the marks among its tags are how it is found again.

mod api;
mod properties;
mod spec;

pub(crate) use api::EventSourceMappings;
pub(crate) use spec::{EventSourceMapping, TYPE};
