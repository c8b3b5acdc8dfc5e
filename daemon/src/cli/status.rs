//! `evenkeel status`, `get`, `describe`, `events`: what the running daemon knows.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::common;
use super::exit;
use crate::report::{AppReport, resources_table, table};
use crate::server::{self, AskError, Event, Status};

/// How to ask and how to show.
#[derive(Debug, Args)]
struct Asking {
    /// Where the daemon listens.
    #[arg(long, value_name = "ADDRESS", default_value = server::DEFAULT_LISTEN, env = "EVENKEEL_LISTEN")]
    listen: SocketAddr,
    /// The form of the output.
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    output: Output,
    /// Show it again whenever it changes, until interrupted.
    #[arg(short, long)]
    watch: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    Table,
    Wide,
    Json,
    Yaml,
}

/// Ask the running daemon how the applications stand.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  evenkeel status\n  evenkeel status --watch\n  evenkeel status -o json")]
pub struct StatusArguments {
    #[command(flatten)]
    asking: Asking,
}

/// List the resources that the running daemon keeps.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  evenkeel get\n  evenkeel get shop/dev -o wide")]
pub struct GetArguments {
    /// Only this application: NAME or NAME/ENV.
    app: Option<String>,
    #[command(flatten)]
    asking: Asking,
}

/// Show one resource that the running daemon keeps, in full.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  evenkeel describe shop/dev/charge")]
pub struct DescribeArguments {
    /// APP/ID or APP/ENV/ID.
    resource: String,
    #[command(flatten)]
    asking: Asking,
}

/// List what happened, from the running daemon.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  evenkeel events\n  evenkeel events --watch")]
pub struct EventsArguments {
    #[command(flatten)]
    asking: Asking,
}

pub async fn status(arguments: &StatusArguments) -> u8 {
    show(&arguments.asking, "/api/v1/status", |status: &Status, output| match output {
        Output::Table | Output::Wide => overview(status, output == Output::Wide),
        other => data(status, other),
    })
    .await
}

pub async fn get(arguments: &GetArguments) -> u8 {
    show(&arguments.asking, "/api/v1/status", |status: &Status, output| {
        let apps: Vec<AppReport> = status
            .apps
            .iter()
            .filter(|(key, app)| arguments.app.as_ref().is_none_or(|wanted| wanted == *key || *wanted == app.name))
            .map(|(_, app)| app.clone())
            .collect();
        match output {
            Output::Table | Output::Wide => resources_table(&apps, output == Output::Wide, common::style()),
            other => data(&apps, other),
        }
    })
    .await
}

pub async fn describe(arguments: &DescribeArguments) -> u8 {
    let Some((app, id)) = arguments.resource.rsplit_once('/') else {
        common::complain(&format!("`{}` is not APP/ID or APP/ENV/ID", arguments.resource));
        return exit::ERROR;
    };
    let status: Status = match server::ask(arguments.asking.listen, "/api/v1/status").await {
        Ok(status) => status,
        Err(error) => return failed(&error),
    };
    let found =
        status.apps.iter().filter(|(key, report)| *key == app || report.name == app).find_map(|(key, report)| {
            report.resources.iter().find(|health| health.id == id).map(|health| (key, health))
        });
    let Some((key, health)) = found else {
        common::complain(&format!("the daemon keeps no `{}`; see `evenkeel get`", arguments.resource));
        return exit::ERROR;
    };
    if let Output::Json | Output::Yaml = arguments.asking.output {
        return common::print(&data(health, arguments.asking.output));
    }
    let events: Vec<Event> = server::ask(arguments.asking.listen, "/api/v1/events").await.unwrap_or_default();
    let mut text = format!(
        "Name:         {}\nApplication:  {key}\nType:         {}\nPhysical ID:  {}\nConditions:\n",
        health.id,
        health.type_name,
        health.physical_id.as_deref().unwrap_or("(none)")
    );
    for condition in &health.conditions {
        text.push_str(&format!(
            "  {}={} ({}): {}\n",
            condition.kind, condition.status, condition.reason, condition.message
        ));
    }
    text.push_str("Events:\n");
    for event in events.iter().filter(|event| event.app == *key && event.id == health.id) {
        text.push_str(&format!("  {}  {}: {}\n", time(event.time), event.reason, event.message));
    }
    common::print(&text)
}

pub async fn events(arguments: &EventsArguments) -> u8 {
    show(&arguments.asking, "/api/v1/events", |events: &Vec<Event>, output| match output {
        Output::Table | Output::Wide => {
            let mut rows = vec![["TIME", "APP", "RESOURCE", "REASON", "MESSAGE"].map(str::to_owned).to_vec()];
            rows.extend(events.iter().map(|event| {
                vec![time(event.time), event.app.clone(), event.id.clone(), event.reason.clone(), event.message.clone()]
            }));
            table(&rows)
        }
        other => data(events, other),
    })
    .await
}

async fn show<T: serde::de::DeserializeOwned + PartialEq>(
    asking: &Asking,
    path: &str,
    render: impl Fn(&T, Output) -> String,
) -> u8 {
    let mut last: Option<T> = None;
    loop {
        match server::ask::<T>(asking.listen, path).await {
            Ok(answer) if last.as_ref() != Some(&answer) => {
                common::print(&render(&answer, asking.output));
                last = Some(answer);
            }
            Ok(_) => {}
            Err(error) => return failed(&error),
        }
        if !asking.watch {
            return exit::OK;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

fn failed(error: &AskError) -> u8 {
    common::complain(&error.to_string());
    exit::ERROR
}

fn overview(status: &Status, wide: bool) -> String {
    let mut rows = vec![["APP", "READY", "RESOURCES", "STATUS"].map(str::to_owned).to_vec()];
    for (key, app) in &status.apps {
        let ready = app.resources.iter().filter(|health| health.is_ready()).count();
        let word = match (&app.message, app.ready) {
            (Some(message), _) => message.clone(),
            (None, true) => "as the spec says".to_owned(),
            (None, false) => app
                .resources
                .iter()
                .find(|health| !health.is_ready())
                .map(|health| format!("{}: {}", health.id, if wide { health.word().1 } else { health.word().0 }))
                .unwrap_or_default(),
        };
        rows.push(vec![
            key.clone(),
            if app.ready { "True" } else { "False" }.to_owned(),
            format!("{ready}/{}", app.resources.len()),
            word,
        ]);
    }
    let mut text = format!("evenkeel {}, specs at {}\n", status.version, status.revision);
    if let Some(problem) = &status.problem {
        text.push_str(&format!("problem: {problem}\n"));
    }
    text.push_str(&table(&rows));
    for (app, count) in &status.orphaned {
        text.push_str(&format!("orphaned: {app} has {count} resources in AWS and no folder in the specs\n"));
    }
    text
}

fn data<T: serde::Serialize>(value: &T, output: Output) -> String {
    match output {
        Output::Yaml => serde_yaml::to_string(value).unwrap_or_else(|error| format!("# {error}\n")),
        _ => common::json(value),
    }
}

/// Seconds since 1970 as `2026-11-22T21:34:44Z` (days to date as Howard Hinnant's civil_from_days).
fn time(seconds: u64) -> String {
    let (days, rest) = (i64::try_from(seconds / 86400).unwrap_or(0), seconds % 86400);
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn times_are_written_as_rfc_3339() {
        assert_eq!(time(0), "1970-01-01T00:00:00Z");
        assert_eq!(time(1_709_164_800), "2024-02-29T00:00:00Z");
        assert_eq!(time(1_795_383_284), "2026-11-22T21:34:44Z");
    }
}
