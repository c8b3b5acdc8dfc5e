//! What a process sent to AWS.

use std::sync::Arc;

use evenkeel_core::engine::quota;

use crate::world::{Calls, World};

/// What all worlds sent to AWS.
#[derive(Default)]
pub(super) struct Traffic {
    pub(super) calls: Calls,
    pub(super) throttled: Calls,
    pub(super) writes: u64,
}

impl Traffic {
    pub(super) fn of(worlds: &[Arc<World>]) -> Self {
        let mut sum = Traffic::default();
        for world in worlds {
            add(&mut sum.calls, world.source.calls());
            add(&mut sum.throttled, world.source.throttled());
            sum.writes += world.source.writes();
        }
        sum
    }

    pub(super) fn quota(&self) -> quota::Buckets {
        let operations = self.calls.iter().flat_map(|(service, operations)| {
            operations.iter().map(|(operation, count)| (service.as_str(), operation.as_str(), *count))
        });
        quota::spent(operations)
    }
}

fn add(sum: &mut Calls, more: Calls) {
    for (service, operations) in more {
        let sum = sum.entry(service).or_default();
        for (operation, count) in operations {
            *sum.entry(operation).or_insert(0) += count;
        }
    }
}
