//! State machines that take `now` as an argument: the work queue, call budgets, conditions.
