//! Nothing breaks any more: everything has to drain.

use super::{DAY, World};
use crate::{
    Failed,
    oracle::Attempted,
    sim::{database::LEASE_MICROS, options::Rates},
};
use liucheng_engine::ports::Store;

/// How long after healing everything has to be done, in days.
const HEAL_DAYS: i64 = 45;
/// More rounds than this at one instant are a loop without end.
const ROUNDS_MAX: u32 = 4_000;

impl World {
    /// Nothing breaks any more: everything has to drain.
    pub(super) async fn heal(&mut self) -> Result<Vec<String>, Failed> {
        self.note("everything heals".to_owned());
        {
            let mut state = self.database.state();
            state.rates = Rates::default();
            state.full = false;
        }
        self.rates = Rates::default();
        self.full_until = None;
        for index in 0..self.nodes.len() {
            if let Some(node) = self.nodes.get(index) {
                node.clock.set(0);
            }
            self.kill(index, true).await;
        }
        for index in 0..self.nodes.len() {
            self.start(index).await?;
        }
        let until = self.now().plus_micros(HEAL_DAYS * DAY);
        self.drain().await?;
        self.ask_again().await?;
        if self.nodes.iter().any(|node| !node.ready) {
            return Ok(vec!["healed: a process did not come up".to_owned()]);
        }
        let mut stuck = 0;
        loop {
            if let Some(problem) = self.work_off().await? {
                return Ok(vec![problem]);
            }
            let (next, now) = (self.database.memory.next_wake().await?, self.now());
            let Some(next) = next.filter(|next| *next <= until) else {
                break;
            };
            // What is due is a former process's until its right ends, and not longer.
            stuck = if next > now { 0 } else { stuck + 1 };
            if stuck > 3 {
                return Ok(vec!["healed: something due is never done".to_owned()]);
            }
            self.advance(next.max(now.plus_micros(i64::from(stuck > 0) * LEASE_MICROS)));
        }
        self.advance(until);
        Ok(self.work_off().await?.into_iter().collect())
    }

    /// Clients that heard nothing ask until they know.
    async fn ask_again(&mut self) -> Result<(), Failed> {
        for _ in 0..20 {
            let open: Vec<usize> = (0..self.oracle.commands.len())
                .filter(|n| self.oracle.commands.get(*n).is_some_and(Attempted::is_open))
                .collect();
            let ready: Vec<usize> = (0..self.nodes.len())
                .filter(|i| self.nodes.get(*i).is_some_and(|n| n.ready))
                .collect();
            for number in open {
                if let Some(index) = self.random.pick(&ready).copied() {
                    self.send(index, number);
                }
            }
            self.drain().await?;
        }
        Ok(())
    }

    /// Does everything that is due now.
    async fn work_off(&mut self) -> Result<Option<String>, Failed> {
        for _ in 0..ROUNDS_MAX {
            let before = self.database.state().notes.durable;
            self.keep_alive();
            for index in 0..self.nodes.len() {
                self.look_at(index, "timers");
                self.look_at(index, "delivery");
                self.look_at(index, "seal");
            }
            self.drain().await?;
            if self.database.state().notes.durable == before {
                return Ok(None);
            }
        }
        Ok(Some("healed: what is due now never ends".to_owned()))
    }

    /// Lets all tasks come to their end.
    async fn drain(&mut self) -> Result<(), Failed> {
        for _ in 0..ROUNDS_MAX {
            let busy: Vec<(usize, usize)> = self
                .nodes
                .iter()
                .enumerate()
                .map(|(i, n)| (i, n.tasks.len()))
                .collect();
            if busy.iter().all(|(_, tasks)| *tasks == 0) {
                return Ok(());
            }
            for (index, tasks) in busy {
                for at in (0..tasks).rev() {
                    self.poll(index, at).await?;
                }
            }
            while self.database.has_waiting() {
                self.database.sync().await;
            }
        }
        Err(Failed("healed: something never ends".to_owned()))
    }
}
