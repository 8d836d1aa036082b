//! How much room a text takes, without knowing the font.

/// The estimated width of a text: wide characters take a full square, others a good half.
pub(super) fn text_width(text: &str, size: i32) -> i32 {
    let percent = |c: char| match c {
        'A'..='Z' | 'm' | 'w' => 72,
        c if c.is_ascii() => 58,
        _ => 100,
    };
    let sum: i32 = text.chars().map(percent).sum();
    sum.saturating_mul(size) / 100
}

/// The text, cut to a width.
pub(super) fn fit(text: &str, size: i32, width: i32) -> String {
    if text_width(text, size) <= width {
        return text.to_owned();
    }
    let mut short = String::new();
    for c in text.chars() {
        short.push(c);
        if text_width(&short, size) + size > width {
            short.pop();
            break;
        }
    }
    short + "…"
}

/// The text in lines of a width, broken between words or wide characters; the last is cut.
pub(super) fn wrap(text: &str, size: i32, width: i32, lines_max: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for piece in pieces(text) {
        let Some(line) = lines.last_mut() else { break };
        let longer = format!("{line}{piece}");
        if line.is_empty() || text_width(longer.trim_end(), size) <= width {
            *line = longer;
        } else {
            lines.push(piece.trim_start().to_owned());
        }
    }
    if lines.len() > lines_max {
        let rest = lines.split_off(lines_max.max(1) - 1).concat();
        lines.push(rest);
    }
    lines
        .iter()
        .map(|line| fit(line.trim(), size, width))
        .collect()
}

/// Words with the space after them, and single wide characters.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    let mut in_word = false;
    for c in text.chars() {
        // No line begins with a closing mark or ends with an opening one.
        let after_opening = pieces
            .last()
            .is_some_and(|last| last.ends_with(['（', '“', '《']));
        let joins = (in_word && c.is_ascii()) || after_opening || "，。；：、！？）”》".contains(c);
        match pieces.last_mut() {
            Some(last) if joins => last.push(c),
            _ => pieces.push(c.to_string()),
        }
        in_word = c.is_ascii() && c != ' ';
    }
    pieces
}
