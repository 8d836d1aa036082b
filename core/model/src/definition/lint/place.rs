//! Where something stands in a source text.

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// A place in a parsed file: a value, or the nearest thing around it that exists.
#[derive(Clone, Copy)]
pub(super) struct Spot<'t> {
    node: Node<'t>,
    /// The bytes it covers.
    start: usize,
    end: usize,
}

#[derive(Clone, Copy)]
enum Node<'t> {
    Table(&'t DeTable<'t>),
    Value(&'t DeValue<'t>),
    Nothing,
}

impl<'t> Spot<'t> {
    pub fn root(table: &'t DeTable<'t>) -> Self {
        let node = Node::Table(table);
        Self {
            node,
            start: 0,
            end: 0,
        }
    }

    pub fn of(value: &'t Spanned<DeValue<'t>>) -> Self {
        let span = value.span();
        Self {
            node: Node::Value(value.get_ref()),
            start: span.start,
            end: span.end,
        }
    }

    /// The value under a key; stays here when there is none.
    pub fn key(self, name: &str) -> Self {
        self.table()
            .and_then(|table| table.get(name))
            .map_or(self.gone(), Self::of)
    }

    /// The element of an array; stays here when there is none.
    pub fn item(self, index: usize) -> Self {
        let Node::Value(DeValue::Array(items)) = self.node else {
            return self.gone();
        };
        items.get(index).map_or(self.gone(), Self::of)
    }

    /// The name of a key rather than its value.
    pub fn name(self, name: &str) -> Self {
        let key = self.table().and_then(|table| table.get_key_value(name));
        key.map_or(self.gone(), |(key, _)| {
            let span = key.span();
            Self {
                node: Node::Nothing,
                start: span.start,
                end: span.end,
            }
        })
    }

    /// A place some bytes further on, within this one.
    pub fn further(self, bytes: usize) -> Self {
        Self {
            start: (self.start + bytes).min(self.end.max(self.start)),
            ..self.gone()
        }
    }

    /// The byte offset.
    pub fn offset(self) -> usize {
        self.start
    }

    /// The bytes it covers.
    pub fn range(self) -> std::ops::Range<usize> {
        self.start..self.end.max(self.start)
    }

    fn table(self) -> Option<&'t DeTable<'t>> {
        match self.node {
            Node::Table(table) | Node::Value(DeValue::Table(table)) => Some(table),
            _ => None,
        }
    }

    fn gone(self) -> Self {
        Self {
            node: Node::Nothing,
            ..self
        }
    }
}

/// Turns byte offsets, given in rising order, into lines and columns in one pass over the text.
pub(super) struct Lines<'t> {
    text: &'t str,
    at: usize,
    line: usize,
    column: usize,
}

impl<'t> Lines<'t> {
    pub fn new(text: &'t str) -> Self {
        Self {
            text,
            at: 0,
            line: 1,
            column: 1,
        }
    }

    /// Line and column, both from 1, columns in characters.
    pub fn place(&mut self, offset: usize) -> (usize, usize) {
        let rest = self.text.get(self.at..).unwrap_or_default();
        for c in rest.chars() {
            if self.at + c.len_utf8() > offset {
                break;
            }
            self.at += c.len_utf8();
            if c == '\n' {
                self.line += 1;
                self.column = 1;
            } else {
                self.column += 1;
            }
        }
        (self.line, self.column)
    }
}
