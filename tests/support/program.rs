//! The program as a person runs it.

use std::path::PathBuf;

use serde_json::Value as Json;

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Ran {
    /// The exit code.
    pub code: i32,
    /// What it printed for programs and people.
    pub stdout: String,
    /// What it complained about.
    pub stderr: String,
    /// The command line.
    pub line: String,
}

impl Ran {
    pub(crate) fn of(output: std::process::Output, line: String) -> Ran {
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            line,
        }
    }

    /// Goes on where the exit code is this one.
    ///
    /// # Panics
    /// Where it is another.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "`evenkeel {}`\n{}\n{}", self.line, self.stdout, self.stderr);
        self
    }

    /// Standard output as JSON.
    ///
    /// # Panics
    /// Where it is not JSON.
    #[track_caller]
    pub fn json(&self) -> Json {
        match serde_json::from_str(&self.stdout) {
            Ok(json) => json,
            Err(error) => {
                panic!("`evenkeel {}` printed no JSON ({error}):\n{}\n{}", self.line, self.stdout, self.stderr)
            }
        }
    }

    /// Both streams.
    pub fn text(&self) -> String {
        format!("{}\n{}", self.stdout, self.stderr)
    }

    /// Goes on where the text stands in one of the streams.
    ///
    /// # Panics
    /// Where it does not.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.text().contains(text), "`evenkeel {}` does not say {text:?}:\n{}", self.line, self.text());
        self
    }

    /// The action of a resource in `plan -o json`.
    ///
    /// # Panics
    /// Where there is none.
    #[track_caller]
    pub fn action(&self, id: &str) -> Json {
        let json = self.json();
        let actions = json["apps"].as_array().into_iter().flatten().flat_map(|app| app["actions"].as_array()).flatten();
        let found = actions.clone().find(|action| action["id"] == id);
        found.unwrap_or_else(|| panic!("the plan has no `{id}`:\n{}", self.stdout)).clone()
    }

    /// What has to be given to `--allow-delete` for the one application of `plan -o json`.
    ///
    /// # Panics
    /// Where it takes nothing away.
    #[track_caller]
    pub fn digest(&self) -> String {
        match self.json()["apps"][0]["digest"].as_str() {
            Some(digest) => digest.to_owned(),
            None => panic!("the plan takes nothing away:\n{}", self.stdout),
        }
    }

    /// Ids of the actions of `plan -o json` that do this, in their order.
    pub fn ids(&self, verb: &str) -> Vec<String> {
        let json = self.json();
        let actions = json["apps"].as_array().into_iter().flatten().flat_map(|app| app["actions"].as_array()).flatten();
        let chosen = actions.filter(|action| action["action"] == verb);
        chosen.filter_map(|action| action["id"].as_str().map(str::to_owned)).collect()
    }

    /// Paths of all changes in `plan -o json`, each as `id: path`.
    ///
    /// # Panics
    /// Where it is no plan.
    pub fn paths(&self) -> Vec<String> {
        let json = self.json();
        let mut out = Vec::new();
        for action in
            json["apps"].as_array().expect("a plan").iter().flat_map(|app| app["actions"].as_array()).flatten()
        {
            for change in action["changes"].as_array().into_iter().flatten() {
                out.push(format!("{}: {}", action["id"].as_str().unwrap(), change["path"].as_str().unwrap()));
            }
        }
        out
    }
}

/// The program that was built along with this test: it stands in the profile's folder, two above the test itself.
pub(crate) fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    let profile = test.ancestors().nth(2).expect("target/<profile>/deps/<test>");
    let path = profile.join(format!("evenkeel{}", std::env::consts::EXE_SUFFIX));
    assert!(path.is_file(), "{} is not built: run `cargo test --workspace`, or `cargo build` first", path.display());
    path
}
