//! Text in terminal cells: how wide it is, where its lines end.

/// The width of a text in terminal cells: Chinese characters take two.
#[must_use]
pub fn width(text: &str) -> usize {
    text.chars().map(cell_width).sum()
}

/// Cuts a text to a width in cells, with an ellipsis where something is missing.
#[must_use]
pub fn clip(text: &str, cells: usize) -> String {
    if width(text) <= cells {
        return text.to_owned();
    }
    let mut used = 0;
    let mut short = String::new();
    for c in text.chars() {
        if used + cell_width(c) + 1 > cells {
            break;
        }
        used += cell_width(c);
        short.push(c);
    }
    short.push('…');
    short
}

/// A text filled with spaces to a width in cells.
#[must_use]
pub fn pad(text: &str, cells: usize) -> String {
    let text = clip(text, cells);
    let fill = cells.saturating_sub(width(&text));
    format!("{text}{}", " ".repeat(fill))
}

/// A text broken into lines of a width in cells, with what the first and the other lines begin with.
///
/// Lines end between words or beside Chinese characters; only a word that is longer than a line is
/// broken.
#[must_use]
pub fn wrap(text: &str, cells: usize, (first, others): (&str, &str)) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = first.to_owned();
    let mut begin = first.len();
    for c in text.chars() {
        if c == '\n' {
            lines.push(line.trim_end().to_owned());
            line = others.to_owned();
            begin = others.len();
            continue;
        }
        while line.len() > begin && width(&line) + cell_width(c) > cells {
            let place = begin + last_break(&line[begin..], c);
            let rest = line.split_off(place);
            lines.push(line.trim_end().to_owned());
            line = format!("{others}{}", rest.trim_start());
            begin = others.len();
        }
        let begins_anew = line.len() == begin && !lines.is_empty();
        if c != ' ' || !begins_anew {
            line.push(c);
        }
    }
    lines.push(line);
    lines
}

/// Where a line that has no room for its next character is best broken: a position in bytes.
fn last_break(line: &str, next: char) -> usize {
    let free = |before: char, after: char| {
        before == ' ' || after == ' ' || cell_width(before) == 2 || cell_width(after) == 2
    };
    let mut after = next;
    for (place, before) in line.char_indices().rev() {
        if free(before, after) {
            return place + before.len_utf8();
        }
        after = before;
    }
    line.len()
}

/// A number of things: `1 epoch`, `2 epochs`.
#[must_use]
pub fn counted(count: u64, one: &str, many: &str) -> String {
    let name = if count == 1 { one } else { many };
    format!("{count} {name}")
}

fn cell_width(c: char) -> usize {
    match u32::from(c) {
        0x1100..=0x115F
        | 0x2E80..=0xA4CF
        | 0xAC00..=0xD7A3
        | 0xF900..=0xFAFF
        | 0xFE30..=0xFE4F
        | 0xFF00..=0xFF60
        | 0xFFE0..=0xFFE6
        | 0x1F300..=0x1FAFF
        | 0x20000..=0x3FFFD => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_takes_two_cells() {
        assert_eq!(width("签订 ok"), 7);
        assert_eq!(clip("签订合同公告", 8), "签订合…");
        assert_eq!(pad("签", 4), "签  ");
        assert_eq!(
            wrap("签订合同ab", 7, ("- ", "  ")),
            ["- 签订", "  合同", "  ab"]
        );
    }

    #[test]
    fn lines_end_between_words() {
        let wrapped = |text| wrap(text, 10, ("> ", "  "));
        assert_eq!(wrapped("one two three"), ["> one two", "  three"]);
        assert_eq!(wrapped("one twos three"), ["> one twos", "  three"]);
        assert_eq!(wrapped("one  two  four"), ["> one  two", "  four"]);
        assert_eq!(
            wrapped("a 0123456789 b"),
            ["> a", "  01234567", "  89 b"],
            "longer than a line"
        );
        assert_eq!(wrapped("one\ntwo"), ["> one", "  two"]);
        assert_eq!(wrapped(""), ["> "]);
        assert_eq!(wrap("ab cd", 4, ("", "   ")), ["ab", "   c", "   d"]);
        for text in ["公告期限 20 days 起算", "x 采购人acts以后 within 7 days"] {
            for cells in 6..30 {
                let lines = wrap(text, cells, ("", " "));
                assert!(lines.iter().all(|line| width(line) <= cells), "{lines:?}");
                let squeezed = |text: &str| text.replace(' ', "");
                assert_eq!(squeezed(&lines.concat()), squeezed(text));
            }
        }
    }

    #[test]
    fn one_is_not_many() {
        assert_eq!(counted(1, "epoch", "epochs"), "1 epoch");
        assert_eq!(counted(0, "leaf", "leaves"), "0 leaves");
    }
}
