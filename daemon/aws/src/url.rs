//! `AWS::Lambda::Url`: the address under which a function, or an alias of it, answers HTTP.

mod api;
mod spec;

pub(crate) use api::Urls;
#[cfg(test)]
pub(crate) use spec::observed;
pub(crate) use spec::{TYPE, Url};
