//! Words of a roster (岗位、职业水平等级): the texts' own and the English ones mean the same everywhere.

use super::{names, person_id};
use crate::{Answer, Fields, Finding, Problem, msg};

/// What somebody on the roster does (岗位).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// 督导员.
    Supervisor,
    /// 项目主管.
    Manager,
    /// 社工, whether of a station or of the project.
    Worker,
}

/// The level of a professional certificate (职业水平等级), lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// 无: no certificate.
    Uncertified,
    /// 初级, 助理社会工作师.
    Assistant,
    /// 中级, 社会工作师.
    Intermediate,
    /// 高级, 高级社会工作师.
    Senior,
}

impl Role {
    /// Reads `role` of the roster; `None` for a word that is not known.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        Some(match text.trim().to_ascii_lowercase().as_str() {
            "督导"
            | "督导员"
            | "督导人员"
            | "专职督导"
            | "专职督导员"
            | "项目督导"
            | "项目督导员"
            | "项目专职督导员"
            | "社工督导"
            | "supervisor" => Self::Supervisor,
            "主管"
            | "项目主管"
            | "社工站项目主管"
            | "项目负责人"
            | "manager"
            | "project-manager" => Self::Manager,
            "社工" | "驻站社工" | "项目社工" | "社会工作者" | "专职社工" | "一线社工"
            | "驻站人员" | "工作人员" | "低保核查员" | "worker" | "social-worker"
            | "station-worker" => Self::Worker,
            _ => return None,
        })
    }

    /// The role of a person: `None` where it is not said, `Some(None)` for a word that is not known.
    ///
    /// # Errors
    /// A [`Problem`] when the field has another type.
    pub fn of(person: &Fields<'_>) -> Result<Option<Option<Self>>, Problem> {
        Ok(person.text("role")?.map(Self::read))
    }
}

impl Level {
    /// Reads `level` of the roster; `None` for a word that is not known.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        Some(match text.trim().to_ascii_lowercase().as_str() {
            "" | "无" | "无证" | "none" => Self::Uncertified,
            "初级" | "助理" | "助理社会工作师" | "初级社会工作师" | "assistant" | "junior" => {
                Self::Assistant
            }
            "中级" | "社会工作师" | "中级社会工作师" | "intermediate" => {
                Self::Intermediate
            }
            "高级" | "高级社会工作师" | "senior" => Self::Senior,
            _ => return None,
        })
    }

    /// The level of a person, as [`Role::of`].
    ///
    /// # Errors
    /// A [`Problem`] when the field has another type.
    pub fn of(person: &Fields<'_>) -> Result<Option<Option<Self>>, Problem> {
        Ok(person.text("level")?.map(Self::read))
    }

    /// Whether a person has a certificate: by the level, else by `qualified`; `None` while that is unknown.
    ///
    /// # Errors
    /// A [`Problem`] when a field has another type.
    pub fn certified(person: &Fields<'_>) -> Result<Option<bool>, Problem> {
        match Self::of(person)?.flatten() {
            Some(level) => Ok(Some(level > Self::Uncertified)),
            None => person.flag("qualified"),
        }
    }
}

/// Asks for the people whose role is a word that is not known.
///
/// # Errors
/// A [`Problem`] when a field has another type.
pub fn ask_roles(answer: &mut Answer, roster: &[Fields<'_>], rule: &str) -> Result<(), Problem> {
    let unknown = |person: &Fields<'_>| Ok(Role::of(person)? == Some(None));
    ask(
        answer,
        (roster, rule),
        unknown,
        (
            "岗位无法识别（督导员、项目主管、社工）",
            "the role is not understood (supervisor, manager, worker)",
        ),
    )
}

/// Asks for the people whose level is a word that is not known.
///
/// # Errors
/// A [`Problem`] when a field has another type.
pub fn ask_levels(answer: &mut Answer, roster: &[Fields<'_>], rule: &str) -> Result<(), Problem> {
    let unknown = |person: &Fields<'_>| Ok(Level::of(person)? == Some(None));
    ask(
        answer,
        (roster, rule),
        unknown,
        (
            "职业水平等级无法识别（初级、中级、高级、无）",
            "the level is not understood (assistant, intermediate, senior, none)",
        ),
    )
}

fn ask(
    answer: &mut Answer,
    (roster, rule): (&[Fields<'_>], &str),
    unknown: impl Fn(&Fields<'_>) -> Result<bool, Problem>,
    (zh, en): (&str, &str),
) -> Result<(), Problem> {
    let mut ids = Vec::new();
    for (index, person) in roster.iter().enumerate() {
        if unknown(person)? {
            ids.push(person_id(person, index)?);
        }
    }
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    if let Some(list) = names(&ids, ("人", "people")) {
        let message = msg(format!("{zh}：{}", list.zh), format!("{en}: {}", list.en));
        answer.find(Finding::input_required(rule, "staff.roster", message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Value,
        staffing::tests::{facts, row},
    };

    #[test]
    fn the_texts_words_and_the_english_ones_mean_the_same() {
        for (zh, en) in [
            ("督导员", "supervisor"),
            ("项目主管", "manager"),
            ("驻站社工", "worker"),
        ] {
            assert!(Role::read(zh).is_some(), "{zh}");
            assert_eq!(Role::read(zh), Role::read(en), "{zh}");
        }
        for (zh, en) in [
            ("无", "none"),
            ("初级", "assistant"),
            ("中级", "Intermediate"),
            ("高级", "senior"),
        ] {
            assert!(Level::read(zh).is_some(), "{zh}");
            assert_eq!(Level::read(zh), Level::read(en), "{zh}");
        }
        assert!(Level::read("中级") >= Some(Level::Intermediate));
        assert_eq!((Role::read("会计"), Level::read("特级")), (None, None));
    }

    #[test]
    fn unknown_words_are_asked_for() -> Result<(), Problem> {
        let people = vec![
            row(&[
                ("id", "a".into()),
                ("role", "督导员".into()),
                ("level", "特级".into()),
            ]),
            row(&[("id", "b".into()), ("role", "会计".into())]),
        ];
        let facts = facts(vec![("staff.roster", Value::Rows(people))]);
        let roster = facts.rows("staff.roster")?.unwrap_or_default();
        let mut answer = Answer::new();
        ask_roles(&mut answer, &roster, "X-1")?;
        ask_levels(&mut answer, &roster, "X-1")?;
        let messages: Vec<_> = answer
            .findings
            .iter()
            .map(|f| f.message.zh.as_str())
            .collect();
        assert_eq!(
            messages,
            [
                "岗位无法识别（督导员、项目主管、社工）：b",
                "职业水平等级无法识别（初级、中级、高级、无）：a"
            ]
        );
        Ok(())
    }
}
