//! `AWS::Lambda::Url`: the address under which a function, or an alias of it, answers HTTP.

mod spec;
pub(crate) use spec::{PART, TYPE, Url, observed};
