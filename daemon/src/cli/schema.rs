//! `evenkeel schema`

use super::common;

pub fn run() -> u8 {
    common::print(&common::json(&evenkeel_core::compile::manifest::json_schema()))
}
