//! How AWS really behaves, rule by rule: the engine over a simulated account, in virtual time. Each test is named after
//! its rule.

mod anew;
mod answers;
mod cold;
mod concurrency;
mod declined;
mod everything;
mod functions;
mod groups;
mod invokes;
mod layers;
mod mappings;
mod messaging;
mod names;
mod order;
mod parameters;
mod parts;
mod queues;
mod quotas;
mod recorded;
mod refusals;
mod refused;
mod repeats;
mod retention;
mod roles;
mod settings;
mod shared;
mod statements;
mod subscriptions;
mod table;
mod unread;
mod values;
mod versions;
mod writers;

/// A function with its own role, and a package.
const FUNCTION: &str = "Function f: {code: ./src, handler: app.handler, runtime: python3.13}";

/// The same with more properties: `function("timeout: 10")`.
fn function(more: &str) -> String {
    FUNCTION.replace("}", &format!(", {more}}}"))
}
