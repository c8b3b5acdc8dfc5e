//! The pure half of evenkeel: specs in, plans out.
//!
//! Nothing here does I/O, reads a clock or draws a random number: time, AWS's answers and file contents come in as
//! arguments, so the same input always gives the same plan. `daemon/aws` reaches AWS, `daemon/src` wires the two.

pub mod compile;
pub mod engine;
pub mod model;
pub mod plan;
