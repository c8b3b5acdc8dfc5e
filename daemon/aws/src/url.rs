//! `AWS::Lambda::Url`: the address under which a function, or an alias of it, answers HTTP.

mod api;
mod spec;

pub(crate) use api::Urls;
pub(crate) use spec::{TYPE, Url};
