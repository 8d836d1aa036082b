//! What breaks in a simulation.

use super::{DAY, HOUR, SECOND, World};
use crate::{Failed, sim::database::LEASE_MICROS};

impl World {
    /// Breaks something, at times.
    pub(super) async fn misfortune(&mut self) -> Result<bool, Failed> {
        let rates = self.rates;
        let index = self.random.index(self.nodes.len());
        let kind = if self.random.chance(rates.crash) {
            let named = self.random.chance(500);
            self.kill(index, named).await;
            "crash"
        } else if self.random.chance(rates.power) {
            self.power_cut().await;
            "power cut"
        } else if self.options.nodes > 1 && self.random.chance(rates.pause) {
            let until = self.random.between(LEASE_MICROS / 4, 3 * LEASE_MICROS);
            let until = self.now().plus_micros(until);
            if let Some(node) = self.nodes.get_mut(index).filter(|n| n.engine.is_some()) {
                node.paused_until = Some(until);
                self.database.state().paused.insert(node.process);
            }
            self.note(format!("node {index}: stands still"));
            "pause"
        } else if self.random.chance(rates.clock) {
            self.jump(index);
            "clock jump"
        } else if self.random.chance(rates.full) {
            let until = self.random.between(SECOND, 2 * HOUR);
            let until = self.now().plus_micros(until);
            self.full_until = Some(until);
            self.database.state().full = true;
            self.note("disk: full".to_owned());
            "full disk"
        } else if self.random.chance(rates.hang_up) {
            self.hang_up(index);
            "hang-up"
        } else if self.edition < 10 && self.random.chance(rates.calendar) {
            self.edition += 1;
            self.kill(index, true).await;
            self.start(index).await?;
            "new calendar"
        } else {
            return Ok(false);
        };
        self.database.state().notes.fault(kind);
        Ok(true)
    }

    /// The database loses its power; a process that has it for itself goes with it.
    async fn power_cut(&mut self) {
        self.database.power_cut().await;
        if self.options.nodes == 1 {
            self.kill(0, true).await;
        }
        self.note("disk: power cut".to_owned());
    }

    /// A client goes away: the work on its command ends at once.
    fn hang_up(&mut self, index: usize) {
        let Some(node) = self.nodes.get_mut(index) else {
            return;
        };
        let at = node.tasks.iter().position(|task| task.name == "command");
        if let Some(at) = at {
            drop(node.tasks.remove(at));
            self.note(format!("node {index}: a client hangs up"));
        }
    }

    fn jump(&mut self, index: usize) {
        let single = self.options.nodes == 1;
        let jumps: &[i64] = if single {
            &[
                0,
                HOUR,
                -HOUR,
                400 * DAY,
                -400 * DAY,
                5 * 60 * SECOND,
                -5 * 60 * SECOND,
            ]
        } else {
            &[0, 0, 30 * SECOND, -30 * SECOND, HOUR, -HOUR, 400 * DAY]
        };
        let skew = self.random.pick(jumps).copied().unwrap_or(0);
        if let Some(node) = self.nodes.get(index) {
            node.clock.set(skew);
        }
        self.note(format!("node {index}: clock off by {} s", skew / SECOND));
    }
}
