//! A layered layout from left to right, in whole pixels.
//!
//! States stand in the order of the definition, so an arrow leads on or back by that order.
//! Each state's layer is the longest way to it. Arrows to the next layer run straight; longer
//! ones run in lanes above the states, ways back in lanes below.

use std::collections::BTreeMap;

use super::{
    graph::{Edge, Graph, Mark, Node},
    route::{Route, around, label_lines, straight},
    text::text_width,
};

/// The size of the text in a state, on an arrow, and in a note.
pub(super) const TITLE_SIZE: i32 = 14;
pub(super) const LABEL_SIZE: i32 = 11;
pub(super) const NOTE_SIZE: i32 = 11;

/// The height of a state without its notes, and of a line of its notes.
pub(super) const BOX_HEIGHT: i32 = 36;
pub(super) const NOTE_LINE: i32 = 16;
pub(super) const LABEL_LINE: i32 = LABEL_SIZE + 3;

const BOX_WIDTH_MIN: i32 = 84;
const BOX_PADDING: i32 = 14;
const GAP_MIN: i32 = 56;
const GAP_MAX: i32 = 150;
/// Beside a label, for the tip of the arrow.
const LABEL_ROOM: i32 = 30;
const ROW_GAP: i32 = 30;
const LANE: i32 = 24;

const MARGIN: i32 = 16;
/// Between the title of the region and what is below it.
pub(super) const HEADING: i32 = 30;

/// Where a state stands: the box without its notes.
#[derive(Clone, Copy, Default)]
pub(super) struct Place {
    pub x: i32,
    pub y: i32,
    pub width: i32,
    /// With the notes.
    pub height: i32,
    pub layer: usize,
    pub row: usize,
}

/// A region with its places.
pub(super) struct Layout {
    pub places: Vec<Place>,
    pub routes: Vec<Route>,
    pub width: i32,
    pub height: i32,
}

/// Lays out one region.
pub(super) fn layout(graph: &Graph) -> Layout {
    let mut places = place_in_grid(graph);
    let layers = places.iter().map(|p| p.layer + 1).max().unwrap_or(0);
    let rows = places.iter().map(|p| p.row + 1).max().unwrap_or(0);
    let (above, below) = lanes(graph, &places);
    // Labels of straight arrows stand below the lanes.
    let straight_edges = graph.edges.iter().filter(|edge| is_straight(edge, &places));
    let lines = straight_edges
        .map(|edge| label_lines(edge, GAP_MAX - LABEL_ROOM).len())
        .max();
    let labels = LABEL_LINE * i32::try_from(lines.unwrap_or(1).max(1) - 1).unwrap_or(0);
    let top = HEADING + LABEL_SIZE + labels + (LANE * count(&above)).max(MARGIN);

    let mut x = MARGIN + 22;
    let mut right = x;
    for layer in 0..layers {
        let width = places
            .iter()
            .filter(|p| p.layer == layer)
            .map(|p| p.width)
            .max()
            .unwrap_or(0);
        for place in places.iter_mut().filter(|p| p.layer == layer) {
            place.x = x + (width - place.width) / 2;
        }
        right = x + width;
        x = right + gap(graph, &places, layer);
    }
    let mut y = top;
    for row in 0..rows {
        let height = places
            .iter()
            .filter(|p| p.row == row)
            .map(|p| p.height)
            .max()
            .unwrap_or(0);
        places
            .iter_mut()
            .filter(|p| p.row == row)
            .for_each(|p| p.y = y);
        y += height + ROW_GAP;
    }
    let bottom = y - ROW_GAP;
    let routes = graph.edges.iter().enumerate().map(|(i, edge)| {
        match (lane_of(&above, i), lane_of(&below, i)) {
            (Some(lane), _) => around(
                edge,
                &places,
                (top - labels - MARGIN / 2 - LANE * lane, true),
            ),
            (_, Some(lane)) => around(edge, &places, (bottom + LANE * (lane + 1), false)),
            _ => straight(edge, places[edge.from], places[edge.to]),
        }
    });
    Layout {
        routes: routes.collect(),
        width: right + MARGIN,
        height: bottom + LANE * count(&below) + MARGIN,
        places,
    }
}

fn place_in_grid(graph: &Graph) -> Vec<Place> {
    let mut places: Vec<Place> = graph.nodes.iter().map(size).collect();
    // States are in order, so a layer is final when its arrows are looked at.
    let mut edges: Vec<&Edge> = graph
        .edges
        .iter()
        .filter(|edge| edge.is_forward())
        .collect();
    edges.sort_by_key(|edge| edge.from);
    for edge in edges {
        places[edge.to].layer = places[edge.to].layer.max(places[edge.from].layer + 1);
    }
    // What only follows from any state is an end of its own: it stands last, with its source beside.
    let last = places.iter().map(|p| p.layer).max().unwrap_or(0);
    if graph.nodes.first().is_some_and(|node| node.id.is_empty()) {
        let targets: Vec<usize> = graph
            .edges
            .iter()
            .filter(|e| e.from == 0)
            .map(|e| e.to)
            .collect();
        let elsewhere = |to: usize| {
            graph
                .edges
                .iter()
                .any(|e| e.to == to && e.from != 0 && e.is_forward())
        };
        for to in targets.iter().filter(|to| !elsewhere(**to)) {
            places[*to].layer = last.max(1);
        }
        let nearest = targets
            .iter()
            .map(|to| places[*to].layer)
            .min()
            .unwrap_or(1);
        places[0].layer = nearest.saturating_sub(1);
    }
    // The node for any state comes first in the list and last in its column.
    let mut order: Vec<usize> = (0..places.len()).collect();
    if graph.nodes.first().is_some_and(|node| node.id.is_empty()) {
        order.rotate_left(1);
    }
    let mut taken: BTreeMap<usize, usize> = BTreeMap::new();
    for i in order {
        let row = taken.entry(places[i].layer).or_default();
        places[i].row = *row;
        *row += 1;
    }
    places
}

fn size(node: &Node) -> Place {
    let notes = node
        .notes
        .iter()
        .map(|note| text_width(note, NOTE_SIZE))
        .max()
        .unwrap_or(0);
    let sign = if matches!(node.mark, Mark::Done | Mark::Current) {
        18
    } else {
        0
    };
    let stays = if node.stays.is_empty() { 20 } else { 40 };
    let title = text_width(&node.title, TITLE_SIZE) + sign + stays;
    let lines = i32::try_from(node.notes.len()).unwrap_or(0);
    Place {
        width: (title.max(notes) + BOX_PADDING).max(BOX_WIDTH_MIN),
        height: BOX_HEIGHT + if lines > 0 { lines * NOTE_LINE + 6 } else { 0 },
        ..Place::default()
    }
}

/// The space after a layer: as much as the longest label of the arrows that cross it straight.
fn gap(graph: &Graph, places: &[Place], layer: usize) -> i32 {
    let crossing = graph
        .edges
        .iter()
        .filter(|e| is_straight(e, places) && places[e.from].layer == layer);
    let lines = crossing.flat_map(|e| label_lines(e, GAP_MAX - LABEL_ROOM));
    let widest = lines.map(|line| text_width(&line, LABEL_SIZE)).max();
    (widest.unwrap_or(0) + LABEL_ROOM).clamp(GAP_MIN, GAP_MAX)
}

fn is_straight(edge: &Edge, places: &[Place]) -> bool {
    edge.is_forward() && places[edge.to].layer == places[edge.from].layer + 1
}

/// The arrows of each lane, the lane nearest to the states first.
type Lanes = Vec<Vec<usize>>;

fn count(lanes: &Lanes) -> i32 {
    i32::try_from(lanes.len()).unwrap_or(0)
}

fn lane_of(lanes: &Lanes, edge: usize) -> Option<i32> {
    lanes
        .iter()
        .position(|lane| lane.contains(&edge))
        .and_then(|i| i32::try_from(i).ok())
}

/// Shares out the arrows that do not run straight: short ones near the states, none overlapping.
fn lanes(graph: &Graph, places: &[Place]) -> (Lanes, Lanes) {
    let span = |i: usize| {
        let (a, b) = (
            places[graph.edges[i].from].layer,
            places[graph.edges[i].to].layer,
        );
        (a.min(b), a.max(b))
    };
    let share_out = |mut edges: Vec<usize>| {
        edges.sort_by_key(|i| (span(*i).1 - span(*i).0, *i));
        let mut lanes = Lanes::new();
        for edge in edges {
            let (low, high) = span(edge);
            let free = |lane: &&mut Vec<usize>| {
                lane.iter().all(|i| span(*i).1 <= low || high <= span(*i).0)
            };
            match lanes.iter_mut().find(free) {
                Some(lane) => lane.push(edge),
                None => lanes.push(vec![edge]),
            }
        }
        lanes
    };
    let bent = || (0..graph.edges.len()).filter(|i| !is_straight(&graph.edges[*i], places));
    let (on, back): (Vec<usize>, Vec<usize>) = bent().partition(|i| graph.edges[*i].is_forward());
    (share_out(on), share_out(back))
}
