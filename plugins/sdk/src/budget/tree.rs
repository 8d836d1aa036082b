//! Budget trees (经费构成): parts whose amounts must add up to the part above them.

use std::collections::{BTreeMap, BTreeSet};

use super::sum;
use crate::{Fen, Fields, Message, Problem, msg};

/// One part of a budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its name, unique in the budget.
    pub id: String,
    /// The part it belongs to; empty for the whole.
    pub parent: String,
    /// Its amount.
    pub amount: Fen,
    /// The rule it comes from.
    pub rule: String,
}

/// A budget and its parts, in the order they were given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tree {
    parts: Vec<Part>,
}

/// Why a row is no part of the budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Defect {
    /// The row at this place has no name.
    NoName(String),
    /// The part has no amount.
    NoAmount(String),
    /// Another part has the same name.
    Twice(String),
    /// The part belongs to one that is not there.
    ParentUnknown {
        /// The part.
        id: String,
        /// What it names.
        parent: String,
    },
    /// Following what it belongs to leads back to the part.
    Circle(String),
}

/// A sum that does not add up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The part.
    pub id: String,
    /// Its own amount.
    pub amount: Fen,
    /// What its parts sum to; `None` beyond all money.
    pub sum: Option<Fen>,
    /// Its parts.
    pub parts: Vec<(String, Fen)>,
    /// The rule of the part.
    pub rule: String,
}

impl Tree {
    /// Reads rows `{id, parent, amount, rule}`; `rule` stands in where a row names none.
    ///
    /// Rows that are no parts are left out and named.
    ///
    /// # Errors
    /// A [`Problem`] when a field has another type.
    pub fn read(rows: &[Fields<'_>], rule: &str) -> Result<(Self, Vec<Defect>), Problem> {
        let (mut parts, mut defects) = (Vec::new(), Vec::new());
        let mut names: BTreeSet<String> = BTreeSet::new();
        for row in rows {
            let Some(id) = row.text("id")?.filter(|id| !id.is_empty()) else {
                defects.push(Defect::NoName(row.place()));
                continue;
            };
            let Some(amount) = row.money("amount")? else {
                defects.push(Defect::NoAmount(id.to_owned()));
                continue;
            };
            if !names.insert(id.to_owned()) {
                defects.push(Defect::Twice(id.to_owned()));
                continue;
            }
            parts.push(Part {
                id: id.to_owned(),
                parent: row.text("parent")?.unwrap_or_default().to_owned(),
                amount,
                rule: row.text("rule")?.unwrap_or(rule).to_owned(),
            });
        }
        let tree = Self { parts };
        defects.extend(tree.misplaced());
        Ok((tree, defects))
    }

    /// Reads the budget that a document sets, from the package's parameters.
    ///
    /// # Errors
    /// A [`Problem`] `bad-parameter` naming the first row that is wrong, or the sum that does not add up:
    /// the package itself is wrong then.
    pub fn of_package(rows: &[Fields<'_>], rule: &str) -> Result<Self, Problem> {
        let (tree, defects) = Self::read(rows, rule)?;
        let wrong = defects.first().map(Defect::message);
        let wrong = wrong.or_else(|| tree.mismatches().first().map(Mismatch::message));
        match wrong {
            Some(message) => Err(Problem::new("bad-parameter", message)),
            None => Ok(tree),
        }
    }

    /// Parts below nothing, or below themselves.
    fn misplaced(&self) -> Vec<Defect> {
        let above: BTreeMap<&str, &str> = self
            .parts
            .iter()
            .map(|part| (part.id.as_str(), part.parent.as_str()))
            .collect();
        let mut defects = Vec::new();
        for part in &self.parts {
            if !part.parent.is_empty() && !above.contains_key(part.parent.as_str()) {
                defects.push(Defect::ParentUnknown {
                    id: part.id.clone(),
                    parent: part.parent.clone(),
                });
            }
            let mut at = part.parent.as_str();
            for _ in 0..self.parts.len() {
                if at == part.id {
                    defects.push(Defect::Circle(part.id.clone()));
                    break;
                }
                at = above.get(at).copied().unwrap_or_default();
            }
        }
        defects
    }

    /// The part of that name.
    #[must_use]
    pub fn part(&self, id: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.id == id)
    }

    /// The whole budgets: parts that belong to no other.
    pub fn roots(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(|part| part.parent.is_empty())
    }

    /// Every part whose own parts do not sum to it.
    #[must_use]
    pub fn mismatches(&self) -> Vec<Mismatch> {
        let mut below: BTreeMap<&str, Vec<&Part>> = BTreeMap::new();
        for part in &self.parts {
            below.entry(part.parent.as_str()).or_default().push(part);
        }
        let check = |part: &Part| {
            let parts = below.get(part.id.as_str())?;
            let sum = sum(parts.iter().map(|part| part.amount));
            (sum != Some(part.amount)).then(|| Mismatch {
                id: part.id.clone(),
                amount: part.amount,
                sum,
                parts: parts.iter().map(|p| (p.id.clone(), p.amount)).collect(),
                rule: part.rule.clone(),
            })
        };
        self.parts.iter().filter_map(check).collect()
    }
}

impl Defect {
    /// For people.
    #[must_use]
    pub fn message(&self) -> Message {
        match self {
            Self::NoName(place) => msg(format!("{place} 未填名称"), format!("{place} has no name")),
            Self::NoAmount(id) => msg(format!("“{id}”未填金额"), format!("{id:?} has no amount")),
            Self::Twice(id) => msg(format!("“{id}”出现两次"), format!("{id:?} is there twice")),
            Self::ParentUnknown { id, parent } => msg(
                format!("“{id}”所属的“{parent}”不存在"),
                format!("{id:?} belongs to {parent:?}, which is not there"),
            ),
            Self::Circle(id) => msg(
                format!("“{id}”隶属于自身"),
                format!("{id:?} belongs to itself"),
            ),
        }
    }
}

impl Mismatch {
    /// Names the sum: what it should be, what it is, and its parts.
    #[must_use]
    pub fn message(&self) -> Message {
        const NAMED: usize = 12;
        let list = |separator: &str| {
            let parts = self.parts.iter().take(NAMED);
            let parts = parts.map(|(id, amount)| format!("{id} {}", amount.grouped()));
            parts.collect::<Vec<_>>().join(separator)
        };
        let (etc_zh, etc_en) = if self.parts.len() > NAMED {
            (
                format!(" 等 {} 项", self.parts.len()),
                format!(" and {} more", self.parts.len() - NAMED),
            )
        } else {
            (String::new(), String::new())
        };
        let (id, amount) = (&self.id, self.amount.grouped());
        let Some(sum) = self.sum else {
            return msg(
                format!("“{id}”的分项合计过大"),
                format!("the parts of {id:?} sum to more than all money"),
            );
        };
        let off = Fen(sum.0.saturating_sub(self.amount.0).saturating_abs()).grouped();
        let sum = sum.grouped();
        msg(
            format!(
                "“{id}”为 {amount} 元，分项合计 {sum} 元，相差 {off} 元（{}{etc_zh}）",
                list("、")
            ),
            format!(
                "{id:?} is {amount} yuan, its parts sum to {sum} yuan, {off} yuan apart ({}{etc_en})",
                list(", ")
            ),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Facts, Row, Scalar, Value};

    fn rows(parts: &[(&str, &str, i64)]) -> Facts {
        let row = |(id, parent, yuan): &(&str, &str, i64)| {
            Row::from([
                ("id".to_owned(), Scalar::from(*id)),
                ("parent".to_owned(), Scalar::from(*parent)),
                ("amount".to_owned(), Scalar::Money(Fen::from_yuan(*yuan))),
            ])
        };
        let rows = Value::Rows(parts.iter().map(row).collect());
        [("budget.parts".to_owned(), rows)].into_iter().collect()
    }

    fn read(parts: &[(&str, &str, i64)]) -> (Tree, Vec<Defect>) {
        let facts = rows(parts);
        let rows = facts.rows("budget.parts").ok().flatten();
        Tree::read(&rows.unwrap_or_default(), "X-1").unwrap_or_default()
    }

    const RIGHT: [(&str, &str, i64); 5] = [
        ("all", "", 182),
        ("a", "all", 22),
        ("b", "all", 160),
        ("b1", "b", 100),
        ("b2", "b", 60),
    ];

    #[test]
    fn sums_that_add_up_are_silent() {
        let (tree, defects) = read(&RIGHT);
        assert_eq!((tree.mismatches(), defects), (vec![], vec![]));
        assert_eq!(tree.roots().count(), 1);
        assert_eq!(tree.part("b").map(|b| b.amount), Some(Fen::from_yuan(160)));
    }

    #[test]
    fn the_sum_that_does_not_add_up_is_named() {
        let mut parts = RIGHT;
        parts[4].2 = 59;
        let (tree, _) = read(&parts);
        let wrong = tree.mismatches();
        let figures: Vec<_> = wrong.iter().map(|w| (w.id.as_str(), w.sum)).collect();
        assert_eq!(figures, [("b", Some(Fen::from_yuan(159)))]);
        let messages: Vec<_> = wrong.iter().map(|w| w.message().zh).collect();
        assert_eq!(
            messages,
            ["“b”为 160.00 元，分项合计 159.00 元，相差 1.00 元（b1 100.00、b2 59.00）"]
        );
    }

    #[test]
    fn rows_that_are_no_parts_are_named() {
        let (_, defects) = read(&[("", "", 1), ("a", "x", 1), ("b", "b", 1), ("a", "", 1)]);
        assert_eq!(
            defects,
            [
                Defect::NoName("budget.parts[0]".to_owned()),
                Defect::Twice("a".to_owned()),
                Defect::ParentUnknown {
                    id: "a".to_owned(),
                    parent: "x".to_owned()
                },
                Defect::Circle("b".to_owned()),
            ]
        );
    }

    #[test]
    fn a_package_whose_own_sum_is_wrong_is_a_problem() {
        let code = |parts: &[(&str, &str, i64)]| {
            let facts = rows(parts);
            let rows = facts.rows("budget.parts").ok().flatten();
            let tree = Tree::of_package(&rows.unwrap_or_default(), "X-1");
            tree.err().map(|problem| problem.code)
        };
        assert_eq!(code(&RIGHT), None);
        assert_eq!(
            code(&[("all", "", 3), ("a", "all", 1), ("b", "all", 1)]).as_deref(),
            Some("bad-parameter")
        );
        assert_eq!(code(&[("all", "no", 3)]).as_deref(), Some("bad-parameter"));
    }
}
