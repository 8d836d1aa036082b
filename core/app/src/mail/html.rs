//! The HTML form: one column, one table, inline styles only.
//!
//! Mail programs drop style sheets, scripts and remote images; nothing here needs them.

use super::letter::Letter;

/// The letter as an HTML document. Every value is escaped.
pub fn render(letter: &Letter) -> String {
    // Dark enough on white for a contrast of 4.5:1; the words say the same without the colour.
    let colour = if letter.is_overdue {
        "#b3261e"
    } else {
        "#1f4e79"
    };
    let mut rows = String::new();
    for (label, value) in &letter.lines {
        rows.push_str(&row(label, value));
    }
    rows.push_str(&row("条文原文", &format!("「{}」", letter.clause)));
    let english: Vec<String> = letter.english.iter().map(|line| escape(line)).collect();
    format!(
        "<!DOCTYPE html>\n\
<html lang=\"zh-CN\">\n\
<head><meta charset=\"utf-8\"><title>{subject}</title></head>\n\
<body style=\"margin:0;padding:16px;background:#ffffff;color:#1a1a1a;font-family:'Microsoft YaHei','PingFang SC',sans-serif;font-size:15px;line-height:1.6\">\n\
<table role=\"presentation\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" style=\"max-width:640px\">\n\
<tr><td style=\"padding:0 0 12px 0;font-size:19px;font-weight:bold;color:{colour}\">【{status}】{task}</td></tr>\n\
{rows}\
<tr><td lang=\"en\" style=\"padding:16px 0 0 0;border-top:1px solid #c8c8c8;font-size:13px;color:#444444\"><strong>English summary</strong><br>{english}</td></tr>\n\
<tr><td style=\"padding:16px 0 0 0;font-size:12px;color:#595959\">{footer}</td></tr>\n\
</table>\n\
</body>\n\
</html>\n",
        subject = escape(&letter.subject),
        status = escape(&letter.status),
        task = escape(&letter.task),
        english = english.join("<br>"),
        footer = escape(letter.footer),
    )
}

fn row(label: &str, value: &str) -> String {
    format!(
        "<tr><td style=\"padding:0 0 6px 0\"><span style=\"color:#595959\">{}：</span>{}</td></tr>\n",
        escape(label),
        escape(value)
    )
}

fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}
