//! A plan for people.

use chrono::NaiveDate;
use liucheng_model::{
    deadline::explain_text,
    decide::Report,
    evaluate::{Deadline, DeadlineKind},
    finding::{Finding, Severity},
};

use super::{Plan, payment_due};
use crate::{
    cli::table,
    output::{Failure, line, line_cells, wrap},
    view::option_line,
};

/// Shows a plan as tables, earliest date first.
pub fn show(plan: &Plan, reports: &[Report<'_>], explain: bool) -> Result<(), Failure> {
    let date = |d: Option<NaiveDate>| d.map_or_else(|| "—".to_owned(), |d| d.to_string());
    let day = |d: &Deadline| d.computation.due.or(d.computation.unrolled);
    let mut deadlines: Vec<&Deadline> = plan.evaluation.deadlines.iter().collect();
    // By date, what has none last; deadlines of one day stay as the definition has them.
    deadlines.sort_by_key(|d| (day(d).is_none(), day(d)));
    let rows: Vec<Vec<String>> = deadlines
        .iter()
        .map(|d| {
            let mark = match (d.kind, d.projected, d.computation.provisional) {
                (_, _, true) => "暂定",
                (_, true, _) => "推算",
                (DeadlineKind::Earliest, _, _) => "最早",
                _ => "",
            };
            vec![
                date(day(d)),
                mark.to_owned(),
                d.title.zh.clone(),
                d.rule.clone(),
                date(d.anchor_date),
            ]
        })
        .collect();
    for text in table::fitted(&["期限", "", "事项", "规则", "起算日"], &rows) {
        line(text)?;
    }
    if explain {
        deadlines.iter().try_for_each(|d| show_reason(d))?;
    }
    show_reports(reports)?;
    if !plan.payments.is_empty() {
        let rows: Vec<Vec<String>> = plan
            .payments
            .iter()
            .map(|p| {
                let amount = p.amount.map_or_else(|| "—".to_owned(), |a| a.to_string());
                vec![
                    p.no.to_string(),
                    format!("{}%", p.percent),
                    amount,
                    date(payment_due(p, &plan.evaluation)),
                    p.rule.clone(),
                ]
            })
            .collect();
        line("")?;
        for text in table::fitted(&["期次", "比例", "金额(元)", "期限", "规则"], &rows) {
            line(text)?;
        }
    }
    if !plan.findings.is_empty() {
        line("")?;
        plan.findings.iter().try_for_each(show_finding)?;
    }
    Ok(())
}

/// One line for each kind of report: its periods, and the last days where the text names one.
fn show_reports(reports: &[Report<'_>]) -> Result<(), Failure> {
    if !reports.is_empty() {
        line("")?;
    }
    for kind in reports.chunk_by(|a, b| a.recurring.id == b.recurring.id) {
        let (Some(first), Some(last)) = (kind.first(), kind.last()) else {
            continue;
        };
        let periods = match kind.len() {
            1 => first.period.clone(),
            count => format!("{} 至 {}，{count} 期", first.period, last.period),
        };
        let due = |report: &Report<'_>| report.due.map(|day| day.to_string());
        let days = match (first.recurring.period, due(first), due(last)) {
            (Some(_), Some(from), Some(to)) if kind.len() > 1 => format!("；期限 {from} … {to}"),
            (Some(_), Some(day), _) => format!("；期限 {day}"),
            (Some(_), None, _) => "；期限待定".to_owned(),
            (None, ..) => String::new(),
        };
        let (rule, title) = (&first.recurring.rule, &first.recurring.title.zh);
        wrapped(&format!("[定期] {rule} {title}：{periods}{days}"), "")?;
    }
    Ok(())
}

fn show_reason(deadline: &Deadline) -> Result<(), Failure> {
    let basis = &deadline.basis;
    line("")?;
    wrapped(
        &format!(
            "{} {}　{}",
            deadline.rule,
            deadline.title.zh,
            basis.citation()
        ),
        "",
    )?;
    wrapped(&format!("“{}”", basis.text), "  ")?;
    explain_text(&deadline.computation)
        .iter()
        .try_for_each(|text| wrapped(text, "  "))
}

/// `[注意] YZ-04 …`, as `plan` and the commands on projects show findings.
pub fn show_finding(finding: &Finding) -> Result<(), Failure> {
    let weight = match finding.severity {
        Severity::Error => "违规",
        Severity::Warning => "注意",
        Severity::Info => "说明",
    };
    let rule = if finding.rule.is_empty() {
        String::new()
    } else {
        format!("{} ", finding.rule)
    };
    wrapped(&format!("[{weight}] {rule}{}", finding.message.zh), "")?;
    let options = finding.options.iter();
    options
        .map(option_line)
        .try_for_each(|text| wrapped(&text, "       "))
}

fn wrapped(text: &str, indent: &str) -> Result<(), Failure> {
    let others = format!("{indent}  ");
    wrap(text, line_cells(), (indent, &others))
        .into_iter()
        .try_for_each(line)
}
