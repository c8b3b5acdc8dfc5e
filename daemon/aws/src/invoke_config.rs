//! `AWS::Lambda::EventInvokeConfig`: what becomes of asynchronous calls of a function, a version or an alias.

mod api;
mod spec;

pub(crate) use api::InvokeConfigs;
pub(crate) use spec::{InvokeConfig, TYPE};
