//! Projects and their history as lines of text for a terminal.

use liucheng_model::finding::Choice;

use super::{
    ObligationView, PaymentView, ProjectView,
    record::{CauseView, DateView, EventView, RecordView},
};
use crate::output::{clip, pad, wrap};

/// A date, or a dash where there is none.
fn day(date: Option<chrono::NaiveDate>) -> String {
    date.map_or_else(|| "—".to_owned(), |d| d.to_string())
}

impl ProjectView {
    /// The project for a terminal of that many cells.
    pub fn lines(&self, cells: usize) -> Vec<String> {
        let stages = self
            .stages
            .iter()
            .map(|s| format!("{}：{}", s.region_title.zh, s.title.zh));
        let mut lines = vec![
            format!("{}  {}", self.code, self.name),
            stages.collect::<Vec<_>>().join("  "),
            format!(
                "版本 {}，{} 于 {} 最后变更",
                self.version, self.changed_by, self.changed_at
            ),
        ];
        if !self.obligations.is_empty() {
            lines.extend([String::new(), "待办".to_owned()]);
            lines.extend(self.obligations.iter().map(ObligationView::line));
        }
        if !self.payments.is_empty() {
            lines.extend([String::new(), "拨付".to_owned()]);
            lines.extend(self.payments.iter().map(PaymentView::line));
        }
        if !self.incidents.is_empty() {
            lines.extend([String::new(), "规则包异常".to_owned()]);
            lines.extend(self.incidents.iter().flat_map(|incident| {
                let first = format!("  {}  {}  ", incident.on, pad(incident.hook.name(), 12));
                let text = format!("{} {}", incident.code, incident.reason);
                wrap(&text, cells, (&first, &" ".repeat(first.chars().count())))
            }));
        }
        if !self.findings.is_empty() {
            lines.extend([String::new(), "提示".to_owned()]);
            let findings = self.findings.iter();
            lines.extend(findings.flat_map(|f| {
                let indent = " ".repeat(22);
                let first = format!("  {}  ", pad(&f.rule, 18));
                let mut lines = wrap(&f.message.zh, cells, (&first, &indent));
                lines.extend(f.options.iter().flat_map(|choice| {
                    wrap(
                        &option_line(choice),
                        cells,
                        (&indent, &format!("{indent}  ")),
                    )
                }));
                lines
            }));
        }
        let mut lines: Vec<String> = lines.iter().map(|line| clip(line, cells)).collect();
        lines.push(String::new());
        lines.extend(wrap(
            &self.possible.join(", "),
            cells,
            ("可执行：", "        "),
        ));
        lines
    }
}

/// One reading of an open point: `○ price 按承接合同价`, `●` for the one that is taken until somebody decides.
pub fn option_line(choice: &Choice) -> String {
    let mark = if choice.taken { '●' } else { '○' };
    format!("{mark} {} {}", choice.id, choice.text.zh)
}

impl ObligationView {
    fn line(&self) -> String {
        let status = match self.days_left {
            _ if self.paused => "中止".to_owned(),
            Some(days) if days < 0 => format!("逾期{}天", -days),
            Some(0) => "今天到期".to_owned(),
            Some(days) => format!("还剩{days}天"),
            None if self.provisional => "待定".to_owned(),
            None => "无截止日".to_owned(),
        };
        format!(
            "  {}  {}  {}  {}",
            pad(&day(self.due), 10),
            pad(&status, 10),
            pad(&self.rule, 18),
            self.title.zh
        )
    }
}

impl PaymentView {
    fn line(&self) -> String {
        let amount = self.amount.as_deref().unwrap_or("—");
        let state = match (self.released, self.due) {
            (Some(on), _) => format!("{on} 已拨付"),
            (None, Some(due)) => format!("{due} 到期"),
            (None, None) => "未到期".to_owned(),
        };
        format!(
            "  {}  {}%  {} 元  {state}",
            self.no,
            pad(&self.percent, 3),
            pad(amount, 14)
        )
    }
}

impl RecordView {
    /// The record for a terminal of that many cells.
    pub fn lines(&self, cells: usize) -> Vec<String> {
        let cause = match &self.cause {
            CauseView::Open => "open".to_owned(),
            CauseView::Command { event } => format!("fire {event}"),
            CauseView::Decision { issue } => format!("decide {issue}"),
            CauseView::Package { version } => format!("package {version}"),
            CauseView::Incident => "incident".to_owned(),
            CauseView::Calendar => "calendar".to_owned(),
            CauseView::Timer { key } => format!("timer {key}"),
        };
        let head = format!("#{}  {}  {}  {cause}", self.seq, self.at, self.actor);
        let events = self
            .events
            .iter()
            .map(|event| format!("    {}", event.line()));
        std::iter::once(head)
            .chain(events)
            .map(|line| clip(&line, cells))
            .collect()
    }
}

impl DateView {
    fn text(&self) -> String {
        match self.due {
            _ if self.paused => "中止".to_owned(),
            Some(due) => format!("截止 {due}"),
            None if self.provisional => "截止日待定".to_owned(),
            None => "无截止日".to_owned(),
        }
    }
}

impl EventView {
    fn line(&self) -> String {
        match self {
            Self::Opened { definition, .. } => {
                format!("立项 {} {}", definition.id, definition.version)
            }
            Self::FactsSet { facts } => {
                let pairs = facts.iter().map(|(key, value)| format!("{key}={value}"));
                format!("登记 {}", pairs.collect::<Vec<_>>().join(" "))
            }
            Self::FactsCleared { keys } => format!("清除 {}", keys.join(" ")),
            Self::Moved {
                region,
                transition,
                from,
                to,
            } => format!("{region}: {from} → {to}（{transition}）"),
            Self::VerdictGiven(verdict) => {
                format!("规则 {} {}", verdict.package.id, verdict.hook.name())
            }
            Self::PaymentsPlanned { payments } => format!("拨付计划 {} 期", payments.len()),
            Self::PaymentReleased { no, on, amount } => {
                format!("拨付第 {no} 期 {amount} 元（{on}）")
            }
            Self::ObligationOpened { key, obligation } => {
                format!("待办 {key}：{}", obligation.text())
            }
            Self::ObligationMoved {
                key, obligation, ..
            } => format!("改期 {key}：{}", obligation.text()),
            Self::ObligationMet {
                key,
                on,
                due: Some(due),
            } if on > due && !key.contains('@') => {
                format!("完成 {key}（{on}，逾期，期限 {due}）")
            }
            Self::ObligationMet { key, on, .. } => format!("完成 {key}（{on}）"),
            Self::ObligationDropped { key } => format!("取消 {key}"),
            Self::ReminderDue { key, roles, .. } => format!("提醒 {key} → {}", roles.join(", ")),
            Self::ObligationAnnounced { key, roles } => {
                format!("告知 {key} → {}", roles.join(", "))
            }
            Self::ReportSubmitted { id, period } => format!("已报送 {id} {period}"),
            Self::IssueDecided {
                issue,
                option,
                reason,
                ..
            } => match option {
                Some(option) => format!("决定 {issue}：{option}（{reason}）"),
                None => format!("撤回决定 {issue}（{reason}）"),
            },
            Self::PackageAdopted(adoption) => match &adoption.package {
                Some(package) => format!(
                    "改用规则包 {} {}（{}）",
                    package.id, package.version, adoption.reason
                ),
                None => format!("改用国家规则（{}）", adoption.reason),
            },
            Self::IncidentOpened(incident) => format!(
                "规则包无法作答 {} {}：{}",
                incident.hook.name(),
                incident.code,
                incident.reason
            ),
            Self::IncidentClosed { hook } => format!("规则包恢复作答 {}", hook.name()),
            Self::VerdictWaived { hook, reason } => {
                format!("未经规则包 {} 继续（{reason}）", hook.name())
            }
            Self::VerdictRenewed { verdict, .. } => {
                let (id, hook) = (&verdict.package.id, verdict.hook.name());
                format!("规则 {id} {hook} 重新核对")
            }
            Self::FindingsDropped { hook } => format!("规则提示已过时 {}", hook.name()),
            Self::CalendarAdopted { version } => format!("启用日历 {version}"),
            Self::TimerSet { key, at } => format!("定时 {key}：{at}"),
            Self::TimerCleared { key } => format!("撤销定时 {key}"),
            Self::ScheduleFired { id, slot } => format!("日程 {id}：{slot}"),
        }
    }
}
