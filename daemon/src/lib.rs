//! The daemon: wiring of source, compile, observe, plan, apply and report.

pub mod apply;
pub mod apps;
pub mod cli;
pub mod controller;
pub mod converge;
pub mod exports;
pub mod lease;
pub mod observe;
pub mod recent;
pub mod report;
pub mod reverts;
pub mod sandbox;
pub mod server;
pub mod session;
pub mod source;
pub mod world;
