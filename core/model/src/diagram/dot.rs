//! Graphviz DOT, for documents.

use std::{collections::BTreeMap, fmt::Write as _};

use super::graph::{Graph, Mark, graphs};
use crate::{definition::Definition, text::Language};

/// Draws the regions, or one of them, for Graphviz.
///
/// `current` holds the present state of each region; with it, states are marked as done, current
/// or possible.
#[must_use]
pub fn dot(
    definition: &Definition,
    region: Option<&str>,
    current: Option<&BTreeMap<String, String>>,
    language: Language,
) -> String {
    let mut out = String::from("digraph definition {\n");
    out += "    rankdir=LR;\n    compound=true;\n";
    out += "    graph [fontname=\"sans-serif\", fontsize=14];\n";
    out += "    node [shape=box, style=\"rounded,filled\", fillcolor=\"#f4f6f8\", color=\"#44546a\", fontname=\"sans-serif\", fontsize=12];\n";
    out += "    edge [color=\"#44546a\", fontname=\"sans-serif\", fontsize=10];\n";
    for (r, graph) in graphs(definition, region, current, language)
        .iter()
        .enumerate()
    {
        draw(graph, r, &mut out);
    }
    out + "}\n"
}

fn draw(graph: &Graph, r: usize, out: &mut String) {
    let _ = writeln!(out, "    subgraph cluster_{r} {{");
    let _ = writeln!(out, "        label={};", quote(&graph.title));
    let _ = writeln!(
        out,
        "        start_{r} [shape=point, width=0.15, label=\"\"];"
    );
    for (n, node) in graph.nodes.iter().enumerate() {
        let sign = if node.mark == Mark::Done { "✓ " } else { "" };
        let mut label = format!("{sign}{}", node.title);
        for note in &node.notes {
            label += "\n";
            label += note;
        }
        let mut more = match node.mark {
            Mark::None => String::new(),
            Mark::Done => ", fillcolor=\"#e6f4ea\", color=\"#1e7b34\"".to_owned(),
            Mark::Current => {
                ", fillcolor=\"#1a56b0\", fontcolor=\"#ffffff\", penwidth=3".to_owned()
            }
            Mark::Possible => {
                ", style=\"rounded,filled,dashed\", fillcolor=\"#ffffff\", color=\"#1a56b0\""
                    .to_owned()
            }
        };
        if node.is_final {
            more += ", peripheries=2";
        }
        if node.id.is_empty() {
            more += ", shape=plaintext, style=\"\"";
        }
        let _ = writeln!(out, "        s{r}_{n} [label={}{more}];", quote(&label));
        if node.is_initial {
            let _ = writeln!(out, "        start_{r} -> s{r}_{n};");
        }
    }
    for edge in &graph.edges {
        let label = quote(&edge.labels.join("\n"));
        // Ways back must not turn the order of the states around.
        let back = if edge.is_forward() {
            ""
        } else {
            ", constraint=false"
        };
        let strong = if edge.is_possible {
            ", penwidth=2, color=\"#1a56b0\""
        } else {
            ""
        };
        let _ = writeln!(
            out,
            "        s{r}_{} -> s{r}_{} [label={label}{back}{strong}];",
            edge.from, edge.to
        );
    }
    let _ = writeln!(out, "    }}");
}

fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out + "\""
}
