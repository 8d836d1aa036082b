//! What a reminder says, independent of how it is sent.

use chrono::NaiveDate;
use liucheng_model::text::Text;
use serde::{Deserialize, Serialize};

/// A reminder about one obligation, as stored in the outbox.
///
/// Holds no personal data: roles, dates, rules and titles only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reminder {
    /// The project's readable number.
    pub project_code: String,
    /// The project's name.
    pub project_name: String,
    /// The obligation's key, such as `sign-contract@1`.
    pub obligation: String,
    /// What has to be done.
    pub title: Text,
    /// The role that has to do it.
    pub responsible: Text,
    /// When it has to be done; absent where the text names no date.
    pub due: Option<NaiveDate>,
    /// The day before rolling off rest days, when it differs.
    pub unrolled: Option<NaiveDate>,
    /// The calendar does not reach the date yet.
    pub provisional: bool,
    /// The civil date on which the reminder fell due.
    pub on: NaiveDate,
    /// The rule's id.
    pub rule: String,
    /// The source and article, such as `中华人民共和国政府采购法 第46条`.
    pub source: String,
    /// The clause, verbatim.
    pub clause: String,
    /// The recipient is the next level up because the date has passed.
    pub escalation: bool,
    /// The obligation has just become the recipient's; absent in mails that remind.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub announcement: bool,
    /// What the province's component could not answer for the project, and nobody has gone on from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub incidents: Vec<Unanswered>,
}

/// A question that a component could not answer (规则包异常).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unanswered {
    /// The package and its version, such as `tianjin 0.1.0`.
    pub package: String,
    /// What was asked, such as `cap`.
    pub hook: String,
    /// Why it was not answered: a stable code, such as `E-PLUGIN-MISSING`.
    pub code: String,
    /// Since when.
    pub since: NaiveDate,
}
