//! Diagrams of a definition: Mermaid and Graphviz for documents, SVG for pages.
//!
//! All three show the same: every region with its states, the transitions that lead from one
//! state to another, and under a state the obligations that bound the wait in it. Transitions
//! that stay in their state are counted, not drawn. Output is the same for the same input.

mod dot;
mod graph;
mod layout;
mod mermaid;
mod route;
mod svg;
mod text;

#[cfg(test)]
mod tests;

pub use dot::dot;
pub use mermaid::mermaid;
pub use svg::svg;
