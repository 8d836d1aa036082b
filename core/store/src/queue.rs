//! What waits for the one task that writes.

use std::{
    collections::VecDeque,
    mem,
    time::{Duration, Instant},
};

use liucheng_engine::ports::CommitError;
use tokio::sync::{mpsc, oneshot};

use crate::group::Operation;

/// How many operations may wait; senders wait beyond that.
const QUEUE: usize = 1_024;

/// How long a group may take, without the fsync: longer groups only make everybody wait longer.
const GROUP_TIME: Duration = Duration::from_millis(5);

/// A group has at least as many operations as wait, up to this many, however slow the machine is.
const GROUP_MIN: usize = 16;

/// A group never has more operations than this.
const GROUP_MAX: usize = 512;

/// A group takes no further operation beyond this many bytes: its rows are in memory several times.
const GROUP_BYTES: usize = 4 << 20;

/// An operation and whoever waits for it.
pub(crate) struct Job {
    pub operation: Operation,
    pub reply: oneshot::Sender<Result<(), CommitError>>,
}

enum Message {
    Write(Job),
    Close(oneshot::Sender<()>),
}

/// The end of the queue that operations are put in.
#[derive(Debug)]
pub(crate) struct Submitter(mpsc::Sender<Message>);

impl Submitter {
    /// Queues an operation and waits for what becomes of it.
    pub(crate) async fn submit(&self, operation: Operation) -> Result<(), CommitError> {
        let closed = || CommitError::Unavailable("the store is closed".to_owned());
        let (reply, result) = oneshot::channel();
        let job = Job { operation, reply };
        self.0
            .send(Message::Write(job))
            .await
            .map_err(|_| closed())?;
        result.await.map_err(|_| closed())?
    }

    /// Lets the writer finish what is queued and waits for that.
    pub(crate) async fn close(&self) {
        let (reply, closed) = oneshot::channel();
        // An error means that the writer is gone already.
        if self.0.send(Message::Close(reply)).await.is_ok() {
            closed.await.ok();
        }
    }
}

/// The end of the queue that the writer takes groups from.
pub(crate) struct Queue {
    receiver: mpsc::Receiver<Message>,
    /// Operations that come before the queue.
    pub held: VecDeque<Job>,
    /// How long one operation took lately.
    pace: Duration,
    closing: Option<oneshot::Sender<()>>,
}

impl Queue {
    /// Both ends of a new queue.
    pub(crate) fn new() -> (Self, Submitter) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let queue = Self {
            receiver,
            held: VecDeque::new(),
            pace: GROUP_TIME / 64,
            closing: None,
        };
        (queue, Submitter(sender))
    }

    /// Waits until there is something to take; false when all senders are gone or one said close. May be
    /// dropped at any time.
    pub(crate) async fn ready(&mut self) -> bool {
        if !self.held.is_empty() || self.closing.is_some() {
            return true;
        }
        let Some(message) = self.receiver.recv().await else {
            return false;
        };
        let mut jobs = Vec::new();
        self.take(message, &mut jobs);
        self.held.extend(jobs);
        true
    }

    /// All that wait, within limits; `None` when all senders are gone or one said close.
    pub(crate) async fn next_group(&mut self) -> Option<Vec<Job>> {
        let mut jobs = Vec::from(mem::take(&mut self.held));
        if jobs.is_empty() {
            let message = self.receiver.recv().await?;
            self.take(message, &mut jobs);
        }
        // Whoever waits now, and nobody else: while this group is written the next one is decided. To
        // wait for more would let both stand still in turns.
        let limit = self.limit();
        let mut bytes: usize = jobs.iter().map(|job| job.operation.size()).sum();
        while jobs.len() < limit && bytes < GROUP_BYTES {
            let Ok(message) = self.receiver.try_recv() else {
                break;
            };
            self.take(message, &mut jobs);
            bytes += jobs.last().map_or(0, |job| job.operation.size());
        }
        Some(jobs)
    }

    /// Notes how long a group took, without its fsync.
    pub(crate) fn measured(&mut self, started: Instant, operations: usize) {
        // A moving average: one slow group does not make the next ones small.
        let operations = u32::try_from(operations).unwrap_or(u32::MAX).max(1);
        self.pace = (self.pace * 7 + started.elapsed() / operations) / 8;
    }

    /// Tells who waits for the end that it has come.
    pub(crate) fn ended(self) {
        if let Some(closing) = self.closing {
            closing.send(()).ok();
        }
    }

    fn take(&mut self, message: Message, jobs: &mut Vec<Job>) {
        match message {
            Message::Write(job) => jobs.push(job),
            Message::Close(reply) => {
                self.receiver.close();
                self.closing = Some(reply);
            }
        }
    }

    fn limit(&self) -> usize {
        let fitting = GROUP_TIME.as_nanos() / self.pace.as_nanos().max(1);
        usize::try_from(fitting)
            .unwrap_or(GROUP_MAX)
            .clamp(GROUP_MIN, GROUP_MAX)
    }
}
