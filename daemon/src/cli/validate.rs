//! `evenkeel validate`

use clap::{Args, ValueEnum};
use evenkeel_core::model::{Diagnostic, Diagnostics, Severity, Sources};
use serde::Serialize;

use super::common::{self, Common};
use super::exit;
use crate::apps::{Home, How};
use crate::session;
use crate::source::Packer;

/// Check specs offline: every error with its file, line and column.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  evenkeel validate\n  evenkeel validate specs/shop --env prod\n  evenkeel validate -o json | jq -r '.diagnostics[] | \"\\(.file):\\(.line) \\(.message)\"'"
)]
pub struct Arguments {
    #[command(flatten)]
    common: Common,
    /// The form of the output: text goes to standard error, as a compiler's does; JSON to standard output.
    #[arg(short, long, value_enum, default_value_t = Output::Text, env = "EVENKEEL_OUTPUT")]
    output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    Text,
    Json,
}

/// What was found, in its stable form.
#[derive(Debug, Serialize)]
struct Report<'a> {
    /// Whether there is no error.
    valid: bool,
    /// Applications, counted once for each environment.
    applications: usize,
    resources: usize,
    /// Complaints that were found and are not listed, for there are too many.
    omitted: usize,
    diagnostics: Vec<Complaint<'a>>,
}

/// A complaint with its place; `file`, `line` and `column` are missing where it has none.
#[derive(Debug, Serialize)]
struct Complaint<'a> {
    severity: &'static str,
    code: &'static str,
    message: &'a str,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    place: Option<At>,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct At {
    file: String,
    line: u32,
    column: u32,
}

impl<'a> Complaint<'a> {
    fn of(problem: &'a Diagnostic, sources: &Sources) -> Self {
        let at = problem.pinned(sources);
        let file = sources.file(at.file).filter(|_| at.is_known());
        let place = file.map(|file| At { file: file.path.to_string(), line: at.line, column: at.column });
        let severity = match problem.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Advice => "advice",
        };
        Complaint { severity, code: problem.code, message: &problem.message, place, help: problem.help.as_deref() }
    }
}

pub fn run(arguments: &Arguments) -> u8 {
    let mut selection = match arguments.common.selection() {
        Ok(selection) => selection,
        Err(sentence) => {
            common::complain(&sentence);
            return exit::ERROR;
        }
    };
    if selection.envs.is_empty() {
        // Offline, nothing is gained by leaving environments out.
        selection.envs = vec!["all".to_owned()];
    }
    let Some(tree) = arguments.common.texts(&selection) else { return exit::ERROR };
    let (targets, mut problems) = tree.targets(&selection);
    problems.extend(tree.problems.clone());
    let mut resources = 0;
    for target in &targets {
        let mut home = target.home.clone();
        home.region = home.region.or_else(|| selection.region.clone());
        home.account = home.account.or_else(|| selection.account.clone());
        let compiled = tree.compile_offline(target, &selection.values, &home, How::Validate);
        problems.extend(compiled.diagnostics);
        if let Some(desired) = &compiled.desired {
            resources += desired.resources.len();
            problems.extend(session::pack(desired, &Packer::new(tree.base(target))).1);
        }
    }
    let home = Home { region: selection.region.clone(), account: selection.account.clone(), ..Home::default() };
    problems.extend(tree.exported_twice(&targets, &selection.values, &home));
    let report = Report {
        valid: !problems.has_errors(),
        applications: targets.len(),
        resources,
        omitted: problems.omitted(),
        diagnostics: problems.sorted().into_iter().map(|problem| Complaint::of(problem, &tree.sources)).collect(),
    };
    match arguments.output {
        Output::Json => {
            common::print(&common::json(&report));
        }
        Output::Text => summary(&report, &problems, &tree.sources),
    }
    if report.valid { exit::OK } else { exit::ERROR }
}

fn summary(report: &Report<'_>, problems: &Diagnostics, sources: &Sources) {
    let errors = common::show(problems, sources);
    let warnings = counted(report.diagnostics.len() - errors, "warning");
    if report.valid {
        let (targets, resources) = (report.applications, counted(report.resources, "resource"));
        let targets = match targets {
            1 => "1 application in 1 environment".to_owned(),
            many => format!("{many} applications and environments"),
        };
        common::print(&format!("ok: {targets}, {resources}, {warnings}\n"));
    } else {
        common::complain(&format!("{}, {warnings}", counted(errors, "error")));
    }
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
