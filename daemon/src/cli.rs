//! The command line: one file a verb.

mod adopt;
mod common;
mod delete;
mod plan;
mod reconcile;
mod render;
mod schema;
mod status;
mod validate;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

/// Exit codes are part of the contract.
mod exit {
    pub const OK: u8 = 0;
    pub const ERROR: u8 = 1;
    pub const CHANGES: u8 = 2;
    pub const NOT_CONVERGED: u8 = 3;
    /// A second signal: ended at once, in the middle of whatever was under way. It is what a shell tells of Ctrl-C.
    pub const KILLED: u8 = 130;
}

/// Keeps AWS Lambda functions, layers, queues, topics and parameters equal to a directory of specs.
#[derive(Debug, Parser)]
#[command(name = "evenkeel", version, propagate_version = true, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "\
Examples:
  evenkeel validate specs                             check everything, offline
  evenkeel plan specs --env dev                       what would change
  evenkeel reconcile --once specs --env dev           converge and leave, for CI
  evenkeel reconcile specs --env prod                 the daemon
  evenkeel reconcile --once --sandbox specs/shop      try it on an emulator that evenkeel starts itself";

#[derive(Debug, Subcommand)]
enum Verb {
    /// Check specs offline: every error with its file, line and column.
    Validate(validate::Arguments),
    /// Print the compiled resources, offline.
    Render(render::Arguments),
    /// Show what reconcile would do. Exits 2 where there is something to do.
    Plan(plan::Arguments),
    /// Keep AWS equal to the specs: for ever, or once.
    Reconcile(reconcile::Arguments),
    /// Take over a single existing resource.
    Adopt(adopt::Arguments),
    /// Delete an application's resources.
    Delete(delete::Arguments),
    /// Ask the running daemon how the applications stand.
    Status(status::StatusArguments),
    /// List the resources that the running daemon keeps.
    Get(status::GetArguments),
    /// Show one resource that the running daemon keeps, in full.
    Describe(status::DescribeArguments),
    /// List what happened, from the running daemon.
    Events(status::EventsArguments),
    /// Print the JSON Schema of native manifests, for editors.
    Schema,
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// Parses the command line and runs the verb.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            // Wrong usage is an error, not a plan with changes: clap's own code for it is 2.
            return ExitCode::from(if error.use_stderr() { exit::ERROR } else { exit::OK });
        }
    };
    let code = match cli.verb {
        Verb::Validate(arguments) => validate::run(&arguments),
        Verb::Render(arguments) => render::run(&arguments),
        Verb::Plan(arguments) => wait(plan::run(&arguments)),
        Verb::Reconcile(arguments) => wait(reconcile::run(&arguments)),
        Verb::Adopt(arguments) => wait(adopt::run(&arguments)),
        Verb::Delete(arguments) => wait(delete::run(&arguments)),
        Verb::Status(arguments) => wait(status::status(&arguments)),
        Verb::Get(arguments) => wait(status::get(&arguments)),
        Verb::Describe(arguments) => wait(status::describe(&arguments)),
        Verb::Events(arguments) => wait(status::events(&arguments)),
        Verb::Schema => schema::run(),
        Verb::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "evenkeel", &mut script);
            common::print(&String::from_utf8_lossy(&script))
        }
    };
    ExitCode::from(code)
}

/// Runs a verb that reaches out. Offline verbs go without a runtime, whose threads cost more than they do.
fn wait(verb: impl Future<Output = u8>) -> u8 {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            common::complain(&format!("the runtime cannot be started: {error}"));
            return exit::ERROR;
        }
    };
    let code = runtime.block_on(verb);
    // Steps that are still under way were given their time; nothing else is worth waiting for.
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_flag_can_be_given_in_the_environment() {
        let plan = Cli::command();
        let plan = plan.find_subcommand("plan").unwrap();
        for argument in plan.get_arguments().filter(|argument| {
            argument.get_long().is_some() && argument.get_id() != "help" && argument.get_id() != "version"
        }) {
            let long = argument.get_long().unwrap();
            let expected = format!("EVENKEEL_{}", long.replace('-', "_").to_uppercase());
            if ["region", "account"].contains(&long) {
                continue;
            }
            assert_eq!(argument.get_env().and_then(|env| env.to_str()), Some(expected.as_str()), "--{long}");
        }
    }
}
