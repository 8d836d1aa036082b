//! Plain tables that fit the terminal.

use crate::output::{line_cells, pad, width};

/// Lays out rows under a head, as wide as the terminal is and as needed elsewhere.
pub fn fitted(head: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    layout(head, rows, line_cells())
}

/// Lays out rows under a head; the widest columns give way until the width is kept.
pub fn layout(head: &[&str], rows: &[Vec<String>], total_cells: usize) -> Vec<String> {
    let columns = head.len();
    // A line break within a cell would look like another row.
    let flat = |row: &Vec<String>| row.iter().map(|cell| cell.replace('\n', " ")).collect();
    let rows: Vec<Vec<String>> = rows.iter().map(flat).collect();
    let mut widths: Vec<usize> = head.iter().map(|h| width(h)).collect();
    for row in &rows {
        for (i, cell) in row.iter().enumerate().take(columns) {
            widths[i] = widths[i].max(width(cell));
        }
    }
    shrink(
        &mut widths,
        total_cells.saturating_sub(2 * columns.saturating_sub(1)),
    );
    let line = |cells: Vec<&str>| -> String {
        let padded: Vec<String> = cells
            .iter()
            .zip(&widths)
            .map(|(cell, w)| pad(cell, *w))
            .collect();
        padded.join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(head.to_vec())];
    lines.extend(
        rows.iter()
            .map(|row| line(row.iter().map(String::as_str).collect())),
    );
    lines
}

/// Takes width from the widest column until the table fits.
fn shrink(widths: &mut [usize], total: usize) {
    const NARROWEST: usize = 8;
    while widths.iter().sum::<usize>() > total {
        let Some(widest) = widths
            .iter_mut()
            .max_by_key(|w| **w)
            .filter(|w| **w > NARROWEST)
        else {
            return;
        };
        *widest -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_fit_the_width() {
        let rows = vec![vec!["2021-09-18".to_owned(), "首付拨付".repeat(20)]];
        let lines = layout(&["date", "what"], &rows, 40);
        assert!(lines.iter().all(|l| width(l) <= 40), "{lines:?}");
        assert!(lines[1].ends_with('…'));
    }
}
