//! Mermaid `stateDiagram-v2`, for documents.

use std::{collections::BTreeMap, fmt::Write as _};

use super::graph::{Graph, Mark, graphs};
use crate::{definition::Definition, text::Language};

/// Draws the regions, or one of them, for Mermaid.
///
/// `current` holds the present state of each region; with it, states are marked as done, current
/// or possible.
#[must_use]
pub fn mermaid(
    definition: &Definition,
    region: Option<&str>,
    current: Option<&BTreeMap<String, String>>,
    language: Language,
) -> String {
    let mut out = String::from("stateDiagram-v2\n    direction LR\n");
    let graphs = graphs(definition, region, current, language);
    for (r, graph) in graphs.iter().enumerate() {
        draw(graph, r, &mut out);
    }
    for (class, style) in [
        ("done", "fill:#e6f4ea,stroke:#1e7b34"),
        (
            "current",
            "fill:#1a56b0,stroke:#0b2f6b,stroke-width:3px,color:#ffffff",
        ),
        (
            "possible",
            "fill:#ffffff,stroke:#1a56b0,stroke-dasharray:5 3",
        ),
    ] {
        let of_class = |(r, graph): (usize, &'_ Graph)| {
            let nodes = graph.nodes.iter().enumerate();
            let marked = nodes.filter(|(_, node)| node.mark.class() == Some(class));
            marked.map(|(n, _)| name(graph, r, n)).collect::<Vec<_>>()
        };
        let members: Vec<String> = graphs.iter().enumerate().flat_map(of_class).collect();
        if !members.is_empty() {
            let _ = writeln!(out, "    classDef {class} {style}");
            let _ = writeln!(out, "    class {} {class}", members.join(","));
        }
    }
    out
}

fn draw(graph: &Graph, r: usize, out: &mut String) {
    let _ = writeln!(
        out,
        "    state \"{}\" as region_{r} {{",
        escape(&graph.title)
    );
    let _ = writeln!(out, "        direction LR");
    for (n, node) in graph.nodes.iter().enumerate() {
        let name = name(graph, r, n);
        let sign = if node.mark == Mark::Done { "✓ " } else { "" };
        let _ = writeln!(
            out,
            "        state \"{sign}{}\" as {name}",
            escape(&node.title)
        );
        if node.is_initial {
            let _ = writeln!(out, "        [*] --> {name}");
        }
    }
    for edge in &graph.edges {
        let (from, to) = (name(graph, r, edge.from), name(graph, r, edge.to));
        for label in &edge.labels {
            let _ = writeln!(out, "        {from} --> {to} : {}", escape(label));
        }
    }
    for (n, node) in graph.nodes.iter().enumerate() {
        let name = name(graph, r, n);
        if node.is_final {
            let _ = writeln!(out, "        {name} --> [*]");
        }
        if !node.notes.is_empty() {
            let _ = writeln!(out, "        note right of {name}");
            for note in &node.notes {
                let _ = writeln!(out, "            {}", escape(note));
            }
            let _ = writeln!(out, "        end note");
        }
    }
    let _ = writeln!(out, "    }}");
}

/// An identifier that Mermaid reads, unique by its numbers.
fn name(graph: &Graph, r: usize, n: usize) -> String {
    let id = graph
        .nodes
        .get(n)
        .map(|node| node.id.as_str())
        .unwrap_or_default();
    let plain: String = id
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    format!("s{r}_{n}_{plain}")
}

/// Mermaid reads `#35;` as the character of that number.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '#' | ';' | ':' | '<' | '>' | '{' | '}' | '\\' | '%' => {
                let _ = write!(out, "#{};", u32::from(c));
            }
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
