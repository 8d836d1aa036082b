//! What a diagram shows, before it has a form.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    definition::{ANY, Definition, Every, RegionDoc, STAY, TransitionDoc},
    text::{Language, Text},
};

/// A region.
pub(super) struct Graph {
    pub id: String,
    pub title: String,
    /// In the order of the definition, which is the order in which people think of them.
    pub nodes: Vec<Node>,
    /// In the order of the definition, one for each pair of states.
    pub edges: Vec<Edge>,
}

/// A state.
pub(super) struct Node {
    /// Its name; empty for the one that stands for all states.
    pub id: String,
    pub title: String,
    pub is_initial: bool,
    pub is_final: bool,
    pub mark: Mark,
    /// The obligations that bound the wait in it.
    pub notes: Vec<String>,
    /// The transitions that stay in it.
    pub stays: Vec<String>,
}

/// Where a state stands relative to the present one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// Nothing is known, or not yet reached.
    None,
    /// It lies on the way to the present one.
    Done,
    /// The present one.
    Current,
    /// One transition away.
    Possible,
}

impl Mark {
    pub fn class(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Done => Some("done"),
            Self::Current => Some("current"),
            Self::Possible => Some("possible"),
        }
    }
}

/// The transitions from one state to another.
pub(super) struct Edge {
    pub from: usize,
    pub to: usize,
    pub labels: Vec<String>,
    /// It leads out of the present state.
    pub is_possible: bool,
}

impl Edge {
    /// Does it lead on, in the order of the states?
    pub fn is_forward(&self) -> bool {
        self.from < self.to
    }
}

/// Beyond that many sources, `*` is drawn as one node instead of an arrow from every state.
const ANY_EXPANDED_MAX: usize = 3;
/// More bounds than that are counted.
const NOTES_MAX: usize = 4;

/// The regions to show, all of them or one.
pub(super) fn graphs(
    definition: &Definition,
    region: Option<&str>,
    current: Option<&BTreeMap<String, String>>,
    language: Language,
) -> Vec<Graph> {
    let shown = |r: &&RegionDoc| region.is_none_or(|id| id == r.id);
    let regions = definition.doc.regions.iter().filter(shown);
    regions
        .map(|region| {
            let mut graph = Graph::new(definition, region, language);
            if let Some(state) = current.and_then(|states| states.get(&region.id)) {
                graph.mark(state);
            }
            graph
        })
        .collect()
}

impl Graph {
    fn new(definition: &Definition, region: &RegionDoc, language: Language) -> Self {
        let nodes = region.states.iter().map(|state| Node {
            id: state.id.clone(),
            title: state.title.get(language).to_owned(),
            is_initial: state.id == region.initial,
            is_final: state.is_final,
            mark: Mark::None,
            notes: notes(definition, &state.bounded_by, language),
            stays: Vec::new(),
        });
        let mut graph = Self {
            id: region.id.clone(),
            title: region.title.get(language).to_owned(),
            nodes: nodes.collect(),
            edges: Vec::new(),
        };
        let inside = definition
            .doc
            .transitions
            .iter()
            .filter(|t| t.region == region.id);
        for transition in inside {
            graph.add(transition, language);
        }
        graph.settle_any();
        graph
    }

    fn add(&mut self, transition: &TransitionDoc, language: Language) {
        let label = transition.title.get(language);
        let to = self.nodes.iter().position(|node| node.id == transition.to);
        let is_any = transition.from.iter().any(|from| from == ANY);
        let open = |node: &Node| !node.is_final && !node.id.is_empty();
        let leaves = |node: &Node| transition.from.contains(&node.id) || (is_any && open(node));
        let sources: Vec<usize> = (0..self.nodes.len())
            .filter(|i| leaves(&self.nodes[*i]))
            .collect();
        let moving = sources.iter().filter(|from| Some(**from) != to).count();
        for from in &sources {
            let stays = transition.to == STAY || Some(*from) == to;
            // What may happen in every state says nothing about one of them.
            if stays && !is_any {
                self.nodes[*from].stays.push(label.to_owned());
            }
        }
        let Some(to) = to else { return };
        if is_any && moving > ANY_EXPANDED_MAX {
            let any = self.any_node(language);
            self.connect(any, to, label);
        } else {
            for from in sources.into_iter().filter(|from| *from != to) {
                self.connect(from, to, label);
            }
        }
    }

    /// The node that stands for every state that is not final.
    fn any_node(&mut self, language: Language) -> usize {
        if let Some(any) = self.nodes.iter().position(|node| node.id.is_empty()) {
            return any;
        }
        self.nodes.push(Node {
            id: String::new(),
            title: Text::new("任一状态", "any state").get(language).to_owned(),
            is_initial: false,
            is_final: false,
            mark: Mark::None,
            notes: Vec::new(),
            stays: Vec::new(),
        });
        self.nodes.len() - 1
    }

    /// Puts the node for every state before the states, so that its arrows lead on.
    fn settle_any(&mut self) {
        let Some(any) = self.nodes.iter().position(|node| node.id.is_empty()) else {
            return;
        };
        let node = self.nodes.remove(any);
        self.nodes.insert(0, node);
        for end in self
            .edges
            .iter_mut()
            .flat_map(|edge| [&mut edge.from, &mut edge.to])
        {
            *end = if *end == any { 0 } else { *end + 1 };
        }
    }

    fn connect(&mut self, from: usize, to: usize, label: &str) {
        let known = self
            .edges
            .iter_mut()
            .find(|edge| (edge.from, edge.to) == (from, to));
        if let Some(edge) = known {
            edge.labels.push(label.to_owned());
            return;
        }
        self.edges.push(Edge {
            from,
            to,
            labels: vec![label.to_owned()],
            is_possible: false,
        });
    }

    fn mark(&mut self, state: &str) {
        let Some(current) = self.nodes.iter().position(|node| node.id == state) else {
            return;
        };
        let is_open = !self.nodes[current].is_final;
        // On the way here: everything from which forward edges lead to the present state.
        let mut done = BTreeSet::from([current]);
        while let Some(edge) = self
            .edges
            .iter()
            .find(|e| e.is_forward() && done.contains(&e.to) && !done.contains(&e.from))
        {
            done.insert(edge.from);
        }
        for i in done {
            self.nodes[i].mark = if self.nodes[i].id.is_empty() {
                Mark::None
            } else {
                Mark::Done
            };
        }
        for edge in &mut self.edges {
            let from_any = self.nodes[edge.from].id.is_empty() && is_open;
            edge.is_possible = edge.from == current || (from_any && edge.to != current);
            if edge.is_possible {
                self.nodes[edge.to].mark = Mark::Possible;
            }
        }
        self.nodes[current].mark = Mark::Current;
    }
}

/// One line for each bound: the period and the rule.
fn notes(definition: &Definition, bounds: &[String], language: Language) -> Vec<String> {
    let mut notes: Vec<String> = bounds
        .iter()
        .filter_map(|id| note(definition, id, language))
        .collect();
    if notes.len() > NOTES_MAX {
        let more = notes.len() - (NOTES_MAX - 1);
        notes.truncate(NOTES_MAX - 1);
        notes.push(match language {
            Language::Zh => format!("另有 {more} 项"),
            Language::En => format!("{more} more"),
        });
    }
    notes
}

fn note(definition: &Definition, id: &str, language: Language) -> Option<String> {
    if let Some(obligation) = definition.obligation(id) {
        let limit = match (obligation.date, obligation.period) {
            (Some(date), _) => date.to_string(),
            (None, Some(period)) => match language {
                Language::Zh => period.in_chinese(),
                Language::En => period.to_string(),
            },
            (None, None) => obligation
                .month_day
                .map(|day| day.to_string())
                .unwrap_or_default(),
        };
        return Some(format!("{limit} {}", obligation.rule).trim().to_owned());
    }
    if let Some(recurring) = definition.recurring(id) {
        let every = match recurring.every {
            Every::Month => Text::new("每月", "monthly"),
            Every::Quarter => Text::new("每季度", "quarterly"),
            Every::HalfYear => Text::new("每半年", "half-yearly"),
            Every::Year => Text::new("每年", "yearly"),
        };
        return Some(format!("{} {}", every.get(language), recurring.rule));
    }
    let schedule = definition
        .doc
        .schedules
        .iter()
        .find(|schedule| schedule.id == id)?;
    Some(schedule.title.get(language).to_owned())
}
