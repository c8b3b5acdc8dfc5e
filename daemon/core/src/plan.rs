//! Plans as data: desired state held against what was observed.
