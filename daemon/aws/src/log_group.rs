//! `AWS::Logs::LogGroup`: where logs go, and how long they stay.

mod api;
mod spec;

pub(crate) use api::LogGroups;
pub(crate) use spec::LogGroup;
