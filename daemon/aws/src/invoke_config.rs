//! `AWS::Lambda::EventInvokeConfig`: what becomes of asynchronous calls of a function, a version or an alias.

mod spec;

pub(crate) use spec::{InvokeConfig, PART, TYPE, observed};
