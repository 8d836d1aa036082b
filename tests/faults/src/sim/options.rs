//! What a run consists of, all of it derived from its seed.

use crate::{random::Random, scene::Law};

/// How often what goes wrong, in thousandths.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rates {
    /// A group is not written.
    pub refused: u32,
    /// A group is written and nobody hears.
    pub answer_lost: u32,
    /// An fsync fails: the writer stops, and the group is on the disk or not.
    pub sync_failed: u32,
    /// A group meets others that were faster.
    pub conflicts: u32,
    /// A read fails.
    pub read: u32,
    /// A process is killed, for each step.
    pub crash: u32,
    /// The power fails.
    pub power: u32,
    /// A process stands still, longer than its lease.
    pub pause: u32,
    /// A clock jumps.
    pub clock: u32,
    /// The disk is full for a while.
    pub full: u32,
    /// Another edition of the calendar is published.
    pub calendar: u32,
    /// A mail server is busy.
    pub mail_transient: u32,
    /// A mail is refused for good.
    pub mail_permanent: u32,
    /// The province's component fails.
    pub rules: u32,
    /// A client hangs up before it is answered, for each step.
    pub hang_up: u32,
}

/// A store that is broken on purpose, to see that the checker notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// Does not write one of a change's timers.
    DropsTimer,
    /// Does not write one of a change's mails.
    DropsMail,
    /// Answers that a change is written, and writes nothing.
    LosesCommit,
    /// Answers before the disk has the change.
    AnswersEarly,
    /// Forgets the answer to a command with a key.
    ForgetsAnswers,
    /// Stores other bytes than it was given.
    AltersRecord,
    /// Leaves a record out of the history.
    SkipsRecord,
    /// Gives a mail another id at its second attempt.
    RenamesMail,
    /// Tells a wrong time: timers fire before theirs.
    FiresEarly,
}

impl Broken {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::DropsTimer,
        Self::DropsMail,
        Self::LosesCommit,
        Self::AnswersEarly,
        Self::ForgetsAnswers,
        Self::AltersRecord,
        Self::SkipsRecord,
        Self::RenamesMail,
        Self::FiresEarly,
    ];
}

/// What a run consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Where its chance begins.
    pub seed: u64,
    /// What the projects go by.
    pub law: Law,
    /// Processes that share the database; one has it for itself.
    pub nodes: usize,
    /// Steps of the scheduler before everything heals.
    pub steps: u32,
    /// At most this many projects.
    pub projects: usize,
    /// How often what goes wrong.
    pub rates: Rates,
    /// A store that is broken on purpose.
    pub broken: Option<Broken>,
}

impl Options {
    /// The run of a seed. Each kind of fault is there in about half of all runs, so that combinations
    /// differ.
    #[must_use]
    pub fn of_seed(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let law = match random.below(8) {
            0 => Law::National,
            1 => Law::Tianjin,
            2 => Law::Yuanzhou,
            _ => Law::Small,
        };
        let mut rate = |per_mille: u32| if random.chance(500) { per_mille } else { 0 };
        let rates = Rates {
            refused: rate(60),
            answer_lost: rate(60),
            sync_failed: rate(15),
            conflicts: rate(80),
            read: rate(10),
            crash: rate(4),
            power: rate(2),
            pause: rate(3),
            clock: rate(3),
            full: rate(2),
            calendar: rate(2),
            mail_transient: rate(150),
            mail_permanent: rate(20),
            rules: rate(50),
            hang_up: rate(8),
        };
        let steps = if law == Law::Small { 4_000 } else { 1_500 };
        Self {
            seed,
            law,
            nodes: 1 + random.index(3),
            steps,
            projects: 2 + random.index(14),
            rates,
            broken: None,
        }
    }
}
