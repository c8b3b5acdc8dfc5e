//! Reads the directory of specs beside the loop: a file system or a git that hangs holds up neither a signal nor the lease.

use std::sync::Arc;
use std::time::Duration;

use evenkeel_core::engine::Priority;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::source::Snapshot;
use crate::source::snapshot::SnapshotError;

/// After this a reading is told to be slow.
const SLOW: Duration = Duration::from_secs(30);

type Read = Arc<dyn Fn() -> Result<Snapshot, SnapshotError> + Send + Sync>;

/// What became of a reading.
#[derive(Debug)]
pub(super) enum Reading {
    /// What was read, and for what it was asked.
    Done(Result<Snapshot, String>, Priority),
    /// It takes long; told once.
    Slow,
}

struct UnderWay {
    task: JoinHandle<Result<Snapshot, SnapshotError>>,
    since: Instant,
    priority: Priority,
    told: bool,
}

/// One reading at a time.
pub(super) struct Readings {
    read: Read,
    under_way: Option<UnderWay>,
    /// Asked for while one was under way, which may have passed by what is new.
    again: Option<Priority>,
}

impl Readings {
    pub(super) fn new(read: Read) -> Self {
        Readings { read, under_way: None, again: None }
    }

    /// Reads, now or after the reading under way.
    pub(super) fn ask(&mut self, priority: Priority) {
        if self.under_way.is_some() {
            self.again = self.again.max(Some(priority));
            return;
        }
        let read = Arc::clone(&self.read);
        let task = tokio::task::spawn_blocking(move || read());
        self.under_way = Some(UnderWay { task, since: Instant::now(), priority, told: false });
    }

    /// Waits for what becomes of the reading under way; for ever where there is none. Nothing is lost where nobody waits
    /// to the end.
    pub(super) async fn next(&mut self) -> Reading {
        let Some(reading) = &mut self.under_way else { return std::future::pending().await };
        let read = tokio::select! {
            read = &mut reading.task => read,
            () = tokio::time::sleep_until(reading.since + SLOW), if !reading.told => {
                reading.told = true;
                return Reading::Slow;
            }
        };
        let priority = reading.priority;
        self.under_way = None;
        if let Some(priority) = self.again.take() {
            self.ask(priority);
        }
        let read = match read {
            Ok(Ok(snapshot)) => Ok(snapshot),
            Ok(Err(failure)) => Err(failure.to_string()),
            Err(failure) => Err(format!("reading ended in the middle ({failure}); this is a bug in evenkeel")),
        };
        Reading::Done(read, priority)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::channel;

    use super::*;

    #[tokio::test]
    async fn a_reading_that_hangs_is_told_and_what_changes_meanwhile_is_read_after_it() {
        let (go, gone) = channel::<()>();
        let (gone, dir) = (Mutex::new(gone), tempfile::tempdir().unwrap());
        let root = dir.path().to_owned();
        let mut readings = Readings::new(Arc::new(move || {
            gone.lock().unwrap().recv().unwrap();
            Snapshot::read_texts(&root)
        }));
        readings.ask(Priority::Resync);
        let waits = tokio::time::timeout(Duration::from_millis(50), readings.next()).await;
        assert!(waits.is_err(), "the loop goes on meanwhile");
        readings.ask(Priority::Edit);
        readings.ask(Priority::Resync);
        tokio::time::pause();
        tokio::time::advance(SLOW).await;
        assert!(matches!(readings.next().await, Reading::Slow));
        tokio::time::resume();
        go.send(()).unwrap();
        assert!(matches!(readings.next().await, Reading::Done(Ok(_), Priority::Resync)));
        go.send(()).unwrap();
        assert!(matches!(readings.next().await, Reading::Done(Ok(_), Priority::Edit)));
        assert!(readings.under_way.is_none(), "one reading answers both that asked meanwhile");
    }
}
