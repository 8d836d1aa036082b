//! How arrows run between places.

use super::{
    graph::Edge,
    layout::{BOX_HEIGHT, LABEL_LINE, LABEL_SIZE, Place},
    text::{fit, wrap},
};

/// How far beside a column an arrow passes it.
const SIDE: i32 = 14;
const LABEL_LINES_MAX: usize = 3;

/// How an arrow runs.
pub(super) struct Route {
    /// SVG path data.
    pub path: String,
    /// The tip, and which way it points.
    pub tip: (i32, i32, Way),
    /// Lines of the label with the middle of their base lines.
    pub label: Vec<(i32, i32, String)>,
}

/// The direction of an arrow's tip.
#[derive(Clone, Copy)]
pub(super) enum Way {
    Left,
    Right,
    Up,
    Down,
}

/// The lines of the label of an arrow that runs straight through a gap.
pub(super) fn label_lines(edge: &Edge, width: i32) -> Vec<String> {
    let each = if edge.labels.len() == 1 {
        LABEL_LINES_MAX
    } else {
        1
    };
    let mut lines: Vec<String> = edge
        .labels
        .iter()
        .flat_map(|label| wrap(label, LABEL_SIZE, width, each))
        .collect();
    if lines.len() > LABEL_LINES_MAX {
        let more = lines.len() + 1 - LABEL_LINES_MAX;
        lines.truncate(LABEL_LINES_MAX - 1);
        lines.push(format!("+{more}"));
    }
    lines
}

/// From one state straight to the next layer.
pub(super) fn straight(edge: &Edge, from: Place, to: Place) -> Route {
    let (x1, y1) = (from.x + from.width, from.y + BOX_HEIGHT / 2);
    let (x2, y2) = (to.x, to.y + BOX_HEIGHT / 2);
    let middle = (x1 + x2) / 2;
    let lines = (0..).zip(label_lines(edge, x2 - x1 - 16).into_iter().rev());
    Route {
        path: format!("M{x1},{y1} C{middle},{y1} {middle},{y2} {},{y2}", x2 - 6),
        tip: (x2, y2, Way::Right),
        label: lines
            .map(|(n, text)| (middle, (y1 + y2) / 2 - 6 - n * LABEL_LINE, text))
            .collect(),
    }
}

/// Where an arrow that runs in a lane meets its state.
struct Port {
    x: i32,
    /// From there to the lane it runs straight up or down.
    y: i32,
    /// The side of the state, where another state of the column is in the way.
    side: Option<i32>,
}

fn port(end: usize, places: &[Place], (is_above, is_right): (bool, bool)) -> Port {
    let place = places[end];
    let column = || places.iter().filter(|p| p.layer == place.layer);
    let in_the_way = column().any(|p| {
        if is_above {
            p.row < place.row
        } else {
            p.row > place.row
        }
    });
    if in_the_way && is_right {
        let edge = column().map(|p| p.x + p.width).max().unwrap_or(0);
        let y = place.y + BOX_HEIGHT * 3 / 4;
        return Port {
            x: edge + SIDE,
            y,
            side: Some(place.x + place.width),
        };
    }
    if in_the_way {
        let edge = column().map(|p| p.x).min().unwrap_or(0);
        let y = place.y + BOX_HEIGHT * 3 / 4;
        return Port {
            x: edge - SIDE,
            y,
            side: Some(place.x),
        };
    }
    Port {
        x: place.x + place.width * if is_right { 7 } else { 3 } / 10,
        y: if is_above {
            place.y
        } else {
            place.y + place.height
        },
        side: None,
    }
}

/// Out of the state, along the lane at height `y`, and into the other state.
pub(super) fn around(edge: &Edge, places: &[Place], (y, is_above): (i32, bool)) -> Route {
    // Arrows leave on the side they go to and arrive on the side they come from.
    let on = edge.is_forward();
    let out = port(edge.from, places, (is_above, on));
    let into = port(edge.to, places, (is_above, !on));
    let r = 8;
    let (x1, x2) = (out.x, into.x);
    let (turn, bend) = (if x2 >= x1 { r } else { -r }, if is_above { r } else { -r });
    let begin = out.side.map_or(format!("M{x1},{}", out.y), |side| {
        format!("M{side},{} H{x1}", out.y)
    });
    let (end, tip) = match into.side {
        Some(side) if side < x2 => (
            format!("V{} H{}", into.y, side + 6),
            (side, into.y, Way::Left),
        ),
        Some(side) => (
            format!("V{} H{}", into.y, side - 6),
            (side, into.y, Way::Right),
        ),
        None if is_above => (format!("V{}", into.y - 6), (x2, into.y, Way::Down)),
        None => (format!("V{}", into.y + 6), (x2, into.y, Way::Up)),
    };
    let lane = format!(
        "V{} Q{x1},{y} {},{y} H{} Q{x2},{y} {x2},{}",
        y + bend,
        x1 + turn,
        x2 - turn,
        y + bend
    );
    let label = fit(
        &edge.labels.join(" / "),
        LABEL_SIZE,
        ((x2 - x1).abs() - 20).max(110),
    );
    Route {
        path: format!("{begin} {lane} {end}"),
        tip,
        label: vec![((x1 + x2) / 2, y - 5, label)],
    }
}
