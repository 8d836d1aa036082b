//! The plain-text form. It says everything; the other forms only repeat it.

use super::letter::Letter;

/// The letter as text, with LF line ends.
pub fn render(letter: &Letter) -> String {
    let mut text = format!("【{}】{}\n\n", letter.status, letter.task);
    for (label, value) in &letter.lines {
        text.push_str(&format!("{label}：{value}\n"));
    }
    text.push_str(&format!("条文原文：「{}」\n", letter.clause));
    text.push_str("\n---- English summary ----\n");
    for line in &letter.english {
        text.push_str(line);
        text.push('\n');
    }
    text.push_str(&format!("\n----\n{}\n", letter.footer));
    text
}
