//! A pinned emulator on loopback for this run: `--sandbox`.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::time::Instant;
use tracing::info;

/// The version that evenkeel is tested against.
pub const VERSION: &str = "1.5.33";
/// The account that the emulator answers for.
pub const ACCOUNT: &str = "000000000000";
const START_LIMIT: Duration = Duration::from_secs(60);

/// Why there is no sandbox.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// No Python to install it with.
    #[error("--sandbox needs Python 3 with venv to install ministack {VERSION}: {0}")]
    NoPython(String),
    /// The installation failed.
    #[error(
        "ministack {VERSION} could not be installed into {0}: {1}; it needs a folder that can be written, with 200 MB left (XDG_CACHE_HOME chooses another), or put ministack {VERSION} on PATH"
    )]
    Install(PathBuf, String),
    /// It did not start.
    #[error("ministack did not start: {0}")]
    Start(String),
}

/// A running emulator; it ends when this is dropped.
#[derive(Debug)]
pub struct Sandbox {
    child: Child,
    address: SocketAddr,
}

impl Sandbox {
    /// Starts the emulator on a free loopback port and waits until it answers. `say` is told about long work.
    ///
    /// # Errors
    /// [`SandboxError`], with what to do.
    pub async fn start(say: &(dyn Fn(&str) + Sync)) -> Result<Self, SandboxError> {
        Sandbox::start_with(&[], say).await
    }

    /// The same with further settings of the emulator, as environment variables (`AUTH=true` holds every call against
    /// IAM's policies).
    ///
    /// # Errors
    /// [`SandboxError`], with what to do.
    pub async fn start_with(settings: &[(&str, &str)], say: &(dyn Fn(&str) + Sync)) -> Result<Self, SandboxError> {
        let program = program(say).await?;
        let address = free_port().map_err(|error| SandboxError::Start(error.to_string()))?;
        let mut command = Command::new(&program);
        command
            .env("BIND_HOST", "127.0.0.1")
            .env("GATEWAY_PORT", address.port().to_string())
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            // Its own group: Ctrl-C in a terminal must reach evenkeel first, which then ends it.
            .process_group(0);
        let child = command.spawn().map_err(|error| SandboxError::Start(format!("{}: {error}", program.display())))?;
        let mut sandbox = Sandbox { child, address };
        let limit = Instant::now() + START_LIMIT;
        while !sandbox.answers().await {
            if let Ok(Some(status)) = sandbox.child.try_wait() {
                return Err(SandboxError::Start(format!("it ended at once ({status})")));
            }
            if Instant::now() > limit {
                return Err(SandboxError::Start(format!("it did not answer within {} s", START_LIMIT.as_secs())));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        info!(endpoint = sandbox.endpoint(), "sandbox is up");
        Ok(sandbox)
    }

    /// Where it listens.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends it and waits until it has.
    pub async fn stop(mut self) {
        if let Some(pid) =
            self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw)
        {
            // It runs functions in processes of its own: the whole group goes.
            let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::TERM);
        }
        if tokio::time::timeout(Duration::from_secs(3), self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
    }

    async fn answers(&self) -> bool {
        let ask = async {
            let mut stream = tokio::net::TcpStream::connect(self.address).await?;
            stream.write_all(b"GET /_ministack/health HTTP/1.0\r\nHost: localhost\r\n\r\n").await?;
            let mut head = [0; 12];
            stream.read_exact(&mut head).await?;
            Ok::<_, io::Error>(head.ends_with(b" 200"))
        };
        matches!(tokio::time::timeout(Duration::from_secs(2), ask).await, Ok(Ok(true)))
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if let Some(pid) =
            self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw)
        {
            let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
        }
    }
}

fn free_port() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// The emulator's program: the pinned version on PATH, else in a venv in the user's cache folder, made now if needed.
async fn program(say: &(dyn Fn(&str) + Sync)) -> Result<PathBuf, SandboxError> {
    if let Some(path) = on_path().await {
        return Ok(path);
    }
    let home = cache_folder().join(format!("ministack-{VERSION}"));
    let program = home.join("bin").join("ministack");
    let complete = home.join("complete");
    if complete.exists() {
        return Ok(program);
    }
    say(&format!("installing ministack {VERSION} into {} (once)", home.display()));
    // The mark is written last: an interrupted installation leaves nothing that looks finished.
    let parent = cache_folder();
    let failed = |error: String| SandboxError::Install(home.clone(), error);
    std::fs::create_dir_all(&parent).map_err(|error| failed(error.to_string()))?;
    let lock = std::fs::File::create(parent.join("install.lock")).map_err(|error| failed(error.to_string()))?;
    let lock = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock))
        .await
        .map_err(|error| failed(error.to_string()))?;
    let _lock = lock.map_err(|error| failed(error.to_string()))?;
    if complete.exists() {
        return Ok(program);
    }
    let _ = std::fs::remove_dir_all(&home);
    if let Err(error) = run("python3", &["-m", "venv", &home.display().to_string()]).await {
        let full = room(&parent).err();
        let _ = std::fs::remove_dir_all(&home);
        return Err(full.map_or(SandboxError::NoPython(error), |full| failed(full.to_string())));
    }
    let pip = home.join("bin").join("pip");
    let wanted = format!("ministack=={VERSION}");
    let installed =
        run(&pip.display().to_string(), &["install", "--quiet", "--disable-pip-version-check", &wanted]).await;
    if let Err(error) = installed {
        let full = room(&parent).err();
        let _ = std::fs::remove_dir_all(&home);
        return Err(failed(full.map_or(error, |full| full.to_string())));
    }
    std::fs::write(&complete, VERSION).map_err(|error| failed(error.to_string()))?;
    Ok(program)
}

/// Whether anything can be written into a folder: who fails for want of room mostly says something else.
fn room(folder: &Path) -> io::Result<()> {
    let probe = folder.join(".room");
    let written = std::fs::write(&probe, vec![0; 1 << 20]);
    let _ = std::fs::remove_file(&probe);
    written
}

/// `ministack` on PATH, where it is the pinned version.
async fn on_path() -> Option<PathBuf> {
    let paths = std::env::var_os("PATH")?;
    let program = std::env::split_paths(&paths).map(|dir| dir.join("ministack")).find(|path| path.is_file())?;
    // The program itself cannot say its version; the Python it runs with can.
    let real = std::fs::canonicalize(&program).ok()?;
    let python = real.parent().map(|dir| dir.join("python3")).filter(|path| path.is_file())?;
    let code = "import importlib.metadata as m; print(m.version('ministack'))";
    let output = Command::new(python).args(["-c", code]).stdin(Stdio::null()).output().await.ok()?;
    (String::from_utf8_lossy(&output.stdout).trim() == VERSION).then_some(program)
}

async fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .await
        .map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    Err(text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it failed without a word").to_owned())
}

fn cache_folder() -> PathBuf {
    let base = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    base.or_else(home).unwrap_or_else(std::env::temp_dir).join("evenkeel")
}
