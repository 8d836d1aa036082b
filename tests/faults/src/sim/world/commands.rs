//! Clients of a simulation.

use chrono::NaiveDate;
use liucheng_engine::ports::{Clock, Store};
use liucheng_model::project::Project;

use super::World;
use crate::{
    Failed,
    oracle::{Attempted, Command},
    scene,
    sim::node,
};

impl World {
    pub(super) async fn new_command(&mut self, index: usize) -> Result<(), Failed> {
        let number = self.oracle.commands.len();
        let code = format!("P-{}", self.random.index(self.options.projects));
        let memory = &*self.database.memory;
        let command = match memory.find_code(&code).await? {
            None => Command::Create(scene::opening(self.options.law, &code)),
            Some(_) if self.random.chance(20) => {
                Command::Create(scene::opening(self.options.law, &code))
            }
            Some(id) => {
                let Some(row) = memory.load(id).await? else {
                    return Ok(());
                };
                let project: Project = serde_json::from_str(&row.state)?;
                let today = self
                    .nodes
                    .get(index)
                    .map_or(NaiveDate::MIN, |n| n.clock.now().date());
                let mut fire =
                    scene::command(&self.entry.definition, &project, today, &mut self.random);
                if self.random.chance(150) {
                    // What the client has seen, sometimes a while ago.
                    fire.expected_version = Some(row.version.saturating_sub(self.random.below(2)));
                }
                Command::Fire(code, fire)
            }
        };
        let key = self.random.chance(800).then(|| format!("key {number}"));
        self.oracle.commands.push(Attempted::new(command, key));
        self.send(index, number);
        Ok(())
    }

    /// A client that heard nothing asks again, or a message arrives twice.
    pub(super) fn repeat_command(&mut self, index: usize) {
        let keyed = |(_, c): &(usize, &Attempted)| c.key.is_some();
        let keyed: Vec<(usize, bool)> = self
            .oracle
            .commands
            .iter()
            .enumerate()
            .filter(keyed)
            .map(|(n, c)| (n, c.is_open()))
            .collect();
        let open: Vec<usize> = keyed
            .iter()
            .filter(|(_, open)| *open)
            .map(|(n, _)| *n)
            .collect();
        let all: Vec<usize> = keyed.iter().map(|(n, _)| *n).collect();
        let list = if self.random.chance(700) { &open } else { &all };
        let Some(number) = self.random.pick(list).copied() else {
            return;
        };
        let times = if self.random.chance(50) { 10 } else { 1 };
        for _ in 0..times {
            self.send(index, number);
        }
    }

    pub(super) fn send(&mut self, index: usize, number: usize) {
        let Some(node) = self.nodes.get_mut(index).filter(|n| n.ready && n.is_up()) else {
            return;
        };
        let Some(engine) = node.engine.clone() else {
            return;
        };
        let Some(command) = self.oracle.commands.get_mut(number) else {
            return;
        };
        let attempt = command.begin();
        let task = node::command(
            engine,
            (number, attempt),
            command.command.clone(),
            command.key.clone(),
        );
        node.tasks.push(task);
        let what = match &command.command {
            Command::Create(create) => format!("create {}", create.code),
            Command::Fire(code, fire) => format!("{code} {}", fire.event),
        };
        self.note(format!(
            "node {index}: command {number} attempt {attempt}: {what}"
        ));
    }
}
