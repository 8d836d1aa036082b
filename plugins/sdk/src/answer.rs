//! Answers: findings, facts that follow, payments; and problems.

use crate::{Fen, Percent, Value};

/// A message in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Message {
    /// Simplified Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// Builds a message: `msg(zh, en)`.
pub fn msg(zh: impl Into<String>, en: impl Into<String>) -> Message {
    Message {
        zh: zh.into(),
        en: en.into(),
    }
}

/// What kind of finding it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FindingCode {
    /// A number or date is missing that the text of the rule does not give.
    InputRequired,
    /// The text can be read in several ways: a person decides.
    NeedsDecision,
    /// A rule is broken.
    Violation,
    /// Dates or numbers contradict each other.
    Infeasible,
    /// Good to know.
    Informative,
}

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Good to know.
    Info,
    /// Somebody has to look at it; nothing is stopped.
    Warning,
    /// A rule is broken; the transition is refused.
    Error,
}

/// What a rule says about the facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The kind.
    pub code: FindingCode,
    /// The rule sheet's id.
    pub rule: String,
    /// The weight.
    pub severity: Severity,
    /// For people.
    pub message: Message,
    /// The keys of the facts concerned.
    pub facts: Vec<String>,
}

impl Finding {
    fn new(code: FindingCode, severity: Severity, rule: &str, message: Message) -> Self {
        Self {
            code,
            rule: rule.to_owned(),
            severity,
            message,
            facts: Vec::new(),
        }
    }

    /// Something is missing that the text does not give; names the fact to fill in.
    #[must_use]
    pub fn input_required(rule: &str, fact: &str, message: Message) -> Self {
        Self::new(FindingCode::InputRequired, Severity::Warning, rule, message).on(&[fact])
    }

    /// The text can be read in several ways: a person decides.
    #[must_use]
    pub fn needs_decision(rule: &str, message: Message) -> Self {
        Self::new(FindingCode::NeedsDecision, Severity::Warning, rule, message)
    }

    /// A binding rule is broken: the transition is refused.
    #[must_use]
    pub fn violation(rule: &str, message: Message) -> Self {
        Self::new(FindingCode::Violation, Severity::Error, rule, message)
    }

    /// A rule with a softener (原则上, 一般) is not met: somebody has to look, nothing is stopped.
    #[must_use]
    pub fn deviation(rule: &str, message: Message) -> Self {
        Self::new(FindingCode::Violation, Severity::Warning, rule, message)
    }

    /// Dates or numbers contradict each other.
    #[must_use]
    pub fn infeasible(rule: &str, message: Message) -> Self {
        Self::new(FindingCode::Infeasible, Severity::Error, rule, message)
    }

    /// Good to know.
    #[must_use]
    pub fn informative(rule: &str, message: Message) -> Self {
        Self::new(FindingCode::Informative, Severity::Info, rule, message)
    }

    /// Names the facts concerned.
    #[must_use]
    pub fn on(mut self, facts: &[&str]) -> Self {
        self.facts
            .extend(facts.iter().map(|fact| (*fact).to_owned()));
        self
    }
}

/// One tranche of a payment plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// 1-based number.
    pub no: u32,
    /// The share of the contract's price.
    pub percent: Percent,
    /// The amount; `None` while the base is unknown.
    pub amount: Option<Fen>,
    /// The obligation that says when it is due; empty when the text names no date.
    pub obligation: String,
    /// The rule sheet's id.
    pub rule: String,
}

/// What a province answers. It proposes; the engine checks and writes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// What the rules say.
    pub findings: Vec<Finding>,
    /// Facts that follow.
    pub facts: Vec<(String, Value)>,
    /// The payment plan.
    pub payments: Vec<Payment>,
}

impl Answer {
    /// An empty answer: no rule has anything to say.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a finding.
    pub fn find(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Sets a fact that follows.
    pub fn set(&mut self, key: &str, value: impl Into<Value>) {
        self.facts.push((key.to_owned(), value.into()));
    }
}

/// Why nothing can be answered: the package or the request is wrong. Missing facts are findings instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// A stable word.
    pub code: String,
    /// For people.
    pub message: Message,
}

impl Problem {
    /// A problem of one's own.
    #[must_use]
    pub fn new(code: &str, message: Message) -> Self {
        Self {
            code: code.to_owned(),
            message,
        }
    }

    /// The component does not answer this topic.
    #[must_use]
    pub fn unsupported(topic: &str) -> Self {
        let message = msg(
            format!("本插件不处理 {topic}"),
            format!("this package does not answer {topic:?}"),
        );
        Self::new("unsupported", message)
    }

    /// A fact has another type than the vocabulary gives it.
    #[must_use]
    pub fn wrong_type(place: &str, expected: &str, found: &str) -> Self {
        let zh = format!("{place} 应为 {expected}，实为 {found}");
        let en = format!("{place} must be {expected}, found {found}");
        Self::new("bad-fact", msg(zh, en))
    }

    /// A field of a list or record is missing that the computation cannot do without.
    #[must_use]
    pub fn missing_field(place: &str, field: &str) -> Self {
        let message = msg(
            format!("{place} 缺少 {field}"),
            format!("{place} lacks {field}"),
        );
        Self::new("bad-fact", message)
    }

    /// The overlay does not set a parameter.
    #[must_use]
    pub fn missing_parameter(key: &str) -> Self {
        let zh = format!("overlay.toml 未设置参数 {key}");
        let en = format!("overlay.toml does not set the parameter {key:?}");
        Self::new("bad-parameter", msg(zh, en))
    }

    /// A parameter has another type.
    #[must_use]
    pub fn wrong_parameter(key: &str, expected: &str, found: &str) -> Self {
        let zh = format!("参数 {key} 应为 {expected}，实为 {found}");
        let en = format!("parameter {key:?} must be {expected}, found {found}");
        Self::new("bad-parameter", msg(zh, en))
    }

    /// The request cannot be read; the host never sends such a one.
    #[must_use]
    pub fn bad_request(detail: &str) -> Self {
        Self::new(
            "bad-request",
            msg(
                format!("请求无法读取：{detail}"),
                format!("unreadable request: {detail}"),
            ),
        )
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}: {} / {}",
            self.code, self.message.zh, self.message.en
        )
    }
}

impl std::error::Error for Problem {}
