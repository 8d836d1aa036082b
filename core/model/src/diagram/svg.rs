//! SVG, for pages: readable without colour, by screen readers, and without scripts or styles.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{
    graph::{Graph, Mark, Node, graphs},
    layout::{
        BOX_HEIGHT, HEADING, LABEL_SIZE, Layout, NOTE_LINE, NOTE_SIZE, Place, TITLE_SIZE, layout,
    },
    route::{Route, Way},
};
use crate::{
    definition::Definition,
    text::{Language, Text},
};

const INK: &str = "#1f2933";
const LINE: &str = "#52606d";
const ACCENT: &str = "#1a56b0";

/// Draws the regions, or one of them, one below the other.
///
/// `current` holds the present state of each region; with it, states have the classes `done`,
/// `current` or `possible`. Colours are attributes, not styles, so that a page's own style
/// sheet wins and a strict content security policy lets the picture through.
#[must_use]
pub fn svg(
    definition: &Definition,
    region: Option<&str>,
    current: Option<&BTreeMap<String, String>>,
    language: Language,
) -> String {
    let graphs = graphs(definition, region, current, language);
    let drawn: Vec<(&Graph, Layout)> = graphs.iter().map(|graph| (graph, layout(graph))).collect();
    let width = drawn
        .iter()
        .map(|(_, layout)| layout.width)
        .max()
        .unwrap_or(0)
        .max(320);
    let height: i32 = drawn
        .iter()
        .map(|(_, layout)| layout.height)
        .sum::<i32>()
        .max(1);
    let lang = match language {
        Language::Zh => "zh-CN",
        Language::En => "en",
    };
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"liucheng-diagram\" role=\"img\" lang=\"{lang}\" \
         width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\">\n"
    );
    let _ = writeln!(
        out,
        "<title>{}</title>",
        escape(definition.doc.title.get(language))
    );
    let _ = writeln!(out, "<desc>{}</desc>", escape(&describe(&graphs, language)));
    let _ = writeln!(
        out,
        "<rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>"
    );
    let mut y = 0;
    for (graph, layout) in &drawn {
        let _ = writeln!(
            out,
            "<g class=\"region\" data-region=\"{}\" transform=\"translate(0,{y})\">",
            escape(&graph.id)
        );
        if y > 0 {
            let _ = writeln!(out, "<path d=\"M0,0 H{width}\" stroke=\"#d9dee4\"/>");
        }
        draw(graph, layout, &mut out);
        out += "</g>\n";
        y += layout.height;
    }
    out + "</svg>\n"
}

fn draw(graph: &Graph, layout: &Layout, out: &mut String) {
    let _ = writeln!(
        out,
        "<text x=\"16\" y=\"{}\" font-size=\"15\" font-weight=\"bold\" fill=\"{INK}\">{}</text>",
        HEADING - 8,
        escape(&graph.title)
    );
    // Arrows first, so that states cover those that pass behind them; labels last.
    for (edge, route) in graph.edges.iter().zip(&layout.routes) {
        draw_route(edge.is_possible, route, &edge.labels.join(" / "), out);
    }
    for (node, place) in graph.nodes.iter().zip(&layout.places) {
        draw_node(node, *place, out);
    }
    for (edge, route) in graph.edges.iter().zip(&layout.routes) {
        let colour = if edge.is_possible { ACCENT } else { LINE };
        for (x, y, text) in &route.label {
            let _ = writeln!(
                out,
                "<text class=\"label\" x=\"{x}\" y=\"{y}\" font-size=\"{LABEL_SIZE}\" text-anchor=\"middle\" fill=\"{colour}\" \
                 stroke=\"#ffffff\" stroke-width=\"4\" stroke-linejoin=\"round\" paint-order=\"stroke\">{}</text>",
                escape(text)
            );
        }
    }
}

fn draw_route(is_possible: bool, route: &Route, title: &str, out: &mut String) {
    let (class, colour, width) = if is_possible {
        ("edge possible", ACCENT, "2.4")
    } else {
        ("edge", LINE, "1.4")
    };
    let (x, y, way) = route.tip;
    let tip = match way {
        Way::Left => format!("M{x},{y} l9,-4.5 v9 z"),
        Way::Right => format!("M{x},{y} l-9,-4.5 v9 z"),
        Way::Up => format!("M{x},{y} l-4.5,9 h9 z"),
        Way::Down => format!("M{x},{y} l-4.5,-9 h9 z"),
    };
    let _ = writeln!(
        out,
        "<g class=\"{class}\"><title>{}</title><path d=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\"/>\
         <path d=\"{tip}\" fill=\"{colour}\"/></g>",
        escape(title),
        route.path
    );
}

fn draw_node(node: &Node, place: Place, out: &mut String) {
    let Place {
        x,
        y,
        width,
        height,
        ..
    } = place;
    // Never by colour alone: a sign before the title and the kind of border say it too.
    let (fill, border, ink, thickness, sign) = match node.mark {
        Mark::None => ("#f4f6f8", LINE, INK, "1.4", ""),
        Mark::Done => ("#e6f4ea", "#1e7b34", INK, "1.4", "✓ "),
        Mark::Current => (ACCENT, "#0b2f6b", "#ffffff", "3", "● "),
        Mark::Possible => ("#ffffff", ACCENT, INK, "2", ""),
    };
    let dashes = if node.mark == Mark::Possible || node.id.is_empty() {
        " stroke-dasharray=\"6 4\""
    } else {
        ""
    };
    let class = node
        .mark
        .class()
        .map(|class| format!(" {class}"))
        .unwrap_or_default();
    let _ = writeln!(
        out,
        "<g class=\"state{class}\" data-state=\"{}\">",
        escape(&node.id)
    );
    let _ = writeln!(out, "<title>{}</title>", escape(&tooltip(node)));
    if !node.notes.is_empty() {
        let _ = writeln!(
            out,
            "<rect class=\"notes\" x=\"{x}\" y=\"{}\" width=\"{width}\" height=\"{}\" rx=\"6\" fill=\"#fff8e1\" stroke=\"#b7791f\"/>",
            y + BOX_HEIGHT / 2,
            height - BOX_HEIGHT / 2
        );
    }
    let _ = writeln!(
        out,
        "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{BOX_HEIGHT}\" rx=\"8\" fill=\"{fill}\" stroke=\"{border}\" stroke-width=\"{thickness}\"{dashes}/>"
    );
    if node.is_final {
        let _ = writeln!(
            out,
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"5\" fill=\"none\" stroke=\"{border}\"/>",
            x + 4,
            y + 4,
            width - 8,
            BOX_HEIGHT - 8
        );
    }
    if node.is_initial {
        let middle = y + BOX_HEIGHT / 2;
        let _ = writeln!(
            out,
            "<circle cx=\"{}\" cy=\"{middle}\" r=\"6\" fill=\"{INK}\"/><path d=\"M{},{middle} H{x}\" stroke=\"{INK}\" stroke-width=\"1.4\"/>",
            x - 16,
            x - 12
        );
    }
    let centre = x + width / 2;
    let _ = writeln!(
        out,
        "<text x=\"{centre}\" y=\"{}\" font-size=\"{TITLE_SIZE}\" text-anchor=\"middle\" fill=\"{ink}\">{sign}{}</text>",
        y + BOX_HEIGHT / 2 + 5,
        escape(&node.title)
    );
    let mut line = y + BOX_HEIGHT;
    for note in &node.notes {
        line += NOTE_LINE;
        let _ = writeln!(
            out,
            "<text class=\"note\" x=\"{centre}\" y=\"{}\" font-size=\"{NOTE_SIZE}\" text-anchor=\"middle\" fill=\"#5f370e\">{}</text>",
            line - 2,
            escape(note)
        );
    }
    if !node.stays.is_empty() {
        let _ = writeln!(
            out,
            "<text class=\"stays\" x=\"{}\" y=\"{}\" font-size=\"10\" text-anchor=\"end\" fill=\"{ink}\">↻{}</text>",
            x + width - 6,
            y + 13,
            node.stays.len()
        );
    }
    out.push_str("</g>\n");
}

fn tooltip(node: &Node) -> String {
    let mut lines = vec![node.title.clone()];
    lines.extend(node.notes.iter().cloned());
    lines.extend(node.stays.iter().map(|stay| format!("↻ {stay}")));
    lines.join("\n")
}

/// The picture in one sentence for each region.
fn describe(graphs: &[Graph], language: Language) -> String {
    let now = Text::new("当前", "now");
    let sentences = graphs.iter().map(|graph| {
        let states = graph
            .nodes
            .iter()
            .filter(|node| !node.id.is_empty())
            .map(|node| match node.mark {
                Mark::Current => format!("{} ({})", node.title, now.get(language)),
                _ => node.title.clone(),
            });
        let states: Vec<String> = states.collect();
        match language {
            Language::Zh => format!("{}：{}。", graph.title, states.join("、")),
            Language::En => format!("{}: {}.", graph.title, states.join(", ")),
        }
    });
    let sentences: Vec<String> = sentences.collect();
    sentences.join(if language == Language::En { " " } else { "" })
}

/// Text for elements and attributes; XML has no control characters beside white space.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' => out.push('\n'),
            c if c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}') => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
