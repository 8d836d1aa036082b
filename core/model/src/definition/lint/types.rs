//! Whether an expression can have an answer: what is asked for true or false is not a number, and nothing
//! is compared that never compares.
//!
//! Only what is certain is reported. What has several forms (a date or a list of them), and what is not
//! understood, may be anything.

use std::collections::BTreeMap;

use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, LiteralValue, operators};

use super::{exclusive::dotted, names::Names, shorten};
use crate::fact::{FactType, ScalarType, parse_date};

/// What an expression is for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose<'l> {
    /// A condition: true or false.
    Condition,
    /// The value of a fact.
    Value(&'l str),
}

/// What an expression gives.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind<'n> {
    Bool,
    /// A whole number; money is fen, a percentage hundredths of a percent.
    Int,
    Date,
    Text,
    /// A list of records with these fields, of something else without.
    List(Option<&'n Fields>),
    /// A record with these fields.
    Record(Option<&'n Fields>),
    /// Anything.
    Any,
}

type Fields = BTreeMap<String, ScalarType>;

impl Kind<'_> {
    fn word(self) -> &'static str {
        match self {
            Self::Bool => "true or false",
            Self::Int => "a number",
            Self::Date => "a date",
            Self::Text => "a text",
            Self::List(_) => "a list",
            Self::Record(_) => "a record",
            Self::Any => "something",
        }
    }

    fn is_text(self) -> bool {
        matches!(self, Self::Date | Self::Text)
    }

    /// Whether two values of these kinds may be equal. Dates are texts.
    fn meets(self, other: Self) -> bool {
        let is_any = self == Self::Any || other == Self::Any;
        let both_text = self.is_text() && other.is_text();
        is_any || both_text || std::mem::discriminant(&self) == std::mem::discriminant(&other)
    }
}

/// Says what is wrong with the types of an expression, each thing once.
pub(super) fn mistakes(expr: &Expr, purpose: Purpose<'_>, names: &Names<'_>) -> Vec<String> {
    let mut check = Check {
        names,
        bound: Vec::new(),
        found: Vec::new(),
    };
    let kind = check.kind(expr);
    match purpose {
        Purpose::Condition if !kind.meets(Kind::Bool) => {
            check.say(format!("it is {}, not true or false", kind.word()));
        }
        Purpose::Condition => {}
        Purpose::Value(fact) => check.value(kind, fact),
    }
    check.found
}

struct Check<'c, 'n> {
    names: &'c Names<'n>,
    /// Variables of list macros, the innermost last.
    bound: Vec<(String, Kind<'n>)>,
    found: Vec<String>,
}

impl<'n> Check<'_, 'n> {
    fn say(&mut self, message: String) {
        if !self.found.contains(&message) {
            self.found.push(message);
        }
    }

    fn kind(&mut self, expr: &Expr) -> Kind<'n> {
        match expr {
            Expr::Literal(literal) => match literal {
                LiteralValue::Boolean(_) => Kind::Bool,
                LiteralValue::Int(_) => Kind::Int,
                LiteralValue::String(text) if parse_date(text.inner()).is_some() => Kind::Date,
                LiteralValue::String(_) => Kind::Text,
                _ => Kind::Any,
            },
            Expr::Select(select) if select.test => Kind::Bool,
            Expr::Ident(_) | Expr::Select(_) => match dotted(expr) {
                Some(name) => self.name(&name),
                None => {
                    if let Expr::Select(select) = expr {
                        self.kind(&select.operand.expr);
                    }
                    Kind::Any
                }
            },
            Expr::Call(call) => self.call(call),
            Expr::List(list) => {
                for element in &list.elements {
                    self.kind(&element.expr);
                }
                Kind::List(None)
            }
            Expr::Comprehension(all) => self.comprehension(all),
            Expr::Map(_) => Kind::Record(None),
            Expr::Struct(_) | Expr::Unspecified => Kind::Any,
        }
    }

    fn name(&self, name: &str) -> Kind<'n> {
        let (root, rest) = name.split_once('.').unwrap_or((name, ""));
        let bound = self.bound.iter().rev().find(|(bound, _)| bound == root);
        if let Some((_, kind)) = bound {
            return match kind {
                _ if rest.is_empty() => *kind,
                Kind::Record(Some(fields)) => fields.get(rest).map_or(Kind::Any, scalar),
                _ => Kind::Any,
            };
        }
        if name == "today" {
            return Kind::Date;
        }
        if root == "state" && !rest.is_empty() {
            return Kind::Text;
        }
        if let Some(fact) = self.names.facts.get(name) {
            return match &fact.kind {
                FactType::Scalar(kind) => scalar(kind),
                FactType::Record(fields) => Kind::Record(Some(fields)),
                FactType::Rows(fields) => Kind::List(Some(fields)),
                // A date or a list of them, a number or what is counted.
                FactType::Dates | FactType::Count(_) => Kind::Any,
            };
        }
        let field = name
            .rsplit_once('.')
            .and_then(|(fact, field)| self.names.fields(fact)?.get(field));
        field.map_or(Kind::Any, scalar)
    }

    fn call(&mut self, call: &CallExpr) -> Kind<'n> {
        let args: Vec<Kind<'n>> = call.args.iter().map(|arg| self.kind(&arg.expr)).collect();
        let target = call.target.as_ref().map(|target| self.kind(&target.expr));
        let name = call.func_name.as_str();
        match (name, args.as_slice()) {
            (operators::LOGICAL_AND | operators::LOGICAL_OR | operators::LOGICAL_NOT, _) => {
                self.conditions(&args);
                Kind::Bool
            }
            (operators::NOT_STRICTLY_FALSE, _) => Kind::Bool,
            (operators::CONDITIONAL, [condition, yes, no]) => {
                self.conditions(&[*condition]);
                if yes.meets(*no) { *yes } else { Kind::Any }
            }
            (operators::EQUALS | operators::NOT_EQUALS, [left, right]) => {
                if !left.meets(*right) {
                    let (left, right) = (left.word(), right.word());
                    self.say(format!("{left} never equals {right}"));
                }
                Kind::Bool
            }
            (
                operators::LESS
                | operators::LESS_EQUALS
                | operators::GREATER
                | operators::GREATER_EQUALS,
                [left, right],
            ) => {
                let ordered = |kind: Kind<'_>| {
                    kind.is_text() || matches!(kind, Kind::Int | Kind::Any | Kind::Bool)
                };
                if !left.meets(*right) || !ordered(*left) || !ordered(*right) {
                    let (left, right) = (left.word(), right.word());
                    self.say(format!("{left} is neither less nor greater than {right}"));
                }
                Kind::Bool
            }
            (operators::IN, [element, list]) => {
                if !matches!(list, Kind::List(_) | Kind::Record(_) | Kind::Any) {
                    self.say(format!("nothing is in {}: it is no list", list.word()));
                }
                if let Some(Expr::List(list)) = call.args.get(1).map(|arg| &arg.expr) {
                    for other in &list.elements {
                        let other = self.kind(&other.expr);
                        if !element.meets(other) {
                            let (one, other) = (element.word(), other.word());
                            self.say(format!("{one} never equals {other}"));
                        }
                    }
                }
                Kind::Bool
            }
            (operators::ADD, [left, right]) => self.sum(*left, *right),
            (
                operators::SUBSTRACT
                | operators::MULTIPLY
                | operators::DIVIDE
                | operators::MODULO
                | operators::NEGATE,
                _,
            ) => {
                let wrong = args.iter().find(|kind| !kind.meets(Kind::Int));
                if let Some(wrong) = wrong {
                    self.say(format!("{} cannot be reckoned with", wrong.word()));
                }
                Kind::Int
            }
            _ => self.function(name, target, &args),
        }
    }

    fn conditions(&mut self, parts: &[Kind<'n>]) {
        for part in parts.iter().filter(|part| !part.meets(Kind::Bool)) {
            self.say(format!(
                "a part of it is {}, not true or false",
                part.word()
            ));
        }
    }

    fn sum(&mut self, left: Kind<'n>, right: Kind<'n>) -> Kind<'n> {
        let added = |kind: Kind<'_>| {
            kind.is_text() || matches!(kind, Kind::Int | Kind::List(_) | Kind::Any)
        };
        if !left.meets(right) || !added(left) || !added(right) {
            let (left, right) = (left.word(), right.word());
            self.say(format!("{left} and {right} cannot be added"));
            return Kind::Any;
        }
        match (left, right) {
            (Kind::Any, known) | (known, Kind::Any) => known,
            // Two dates in a row are no date.
            (left, _) if left.is_text() => Kind::Text,
            (left, _) => left,
        }
    }

    /// One of the functions that guards have; with a target, or with it as the first argument.
    fn function(&mut self, name: &str, target: Option<Kind<'n>>, args: &[Kind<'n>]) -> Kind<'n> {
        let args: Vec<Kind<'n>> = target.into_iter().chain(args.iter().copied()).collect();
        let (count, gives) = match name {
            "days_between" => (2, Kind::Int),
            "years_after" => (2, Kind::Date),
            "is_uscc" => (1, Kind::Bool),
            "size" => (1, Kind::Int),
            "startsWith" | "endsWith" => (2, Kind::Bool),
            _ => return Kind::Any,
        };
        if args.len() != count {
            self.say(format!(
                "{name}() takes {count}, here it has {}",
                args.len()
            ));
            return gives;
        }
        for (place, kind) in args.into_iter().enumerate() {
            let fits = match name {
                "years_after" if place == 1 => matches!(kind, Kind::Int | Kind::Any),
                "days_between" | "years_after" => matches!(kind, Kind::Date | Kind::Any),
                "size" => !matches!(kind, Kind::Bool | Kind::Int),
                _ => kind.is_text() || kind == Kind::Any,
            };
            if !fits {
                self.say(format!("{name}() has no answer for {}", kind.word()));
            }
        }
        gives
    }

    fn comprehension(&mut self, all: &ComprehensionExpr) -> Kind<'n> {
        let range = self.kind(&all.iter_range.expr);
        let each = match range {
            Kind::List(Some(fields)) => Kind::Record(Some(fields)),
            Kind::List(None) | Kind::Record(_) | Kind::Any => Kind::Any,
            other => {
                self.say(format!("{} has no elements", other.word()));
                Kind::Any
            }
        };
        let init = self.kind(&all.accu_init.expr);
        let before = self.bound.len();
        self.bound.push((all.iter_var.clone(), each));
        let second = all.iter_var2.iter().map(|name| (name.clone(), Kind::Any));
        self.bound.extend(second);
        self.bound.push((all.accu_var.clone(), init));
        self.kind(&all.loop_cond.expr);
        self.kind(&all.loop_step.expr);
        let result = self.kind(&all.result.expr);
        self.bound.truncate(before);
        result
    }

    fn value(&mut self, kind: Kind<'n>, fact: &str) {
        let name = shorten(fact);
        let wanted = match self.names.facts.get(fact).map(|fact| &fact.kind) {
            None => return,
            Some(FactType::Scalar(ScalarType::Percent)) => {
                self.say(format!(
                    "{name:?} is a percentage, which is not computed here"
                ));
                return;
            }
            Some(FactType::Scalar(kind)) => scalar(kind),
            Some(_) => {
                self.say(format!("{name:?} is not a single value"));
                return;
            }
        };
        if !kind.meets(wanted) {
            let (kind, wanted) = (kind.word(), wanted.word());
            self.say(format!("it is {kind}, and {name:?} is {wanted}"));
        }
    }
}

fn scalar<'n>(kind: &ScalarType) -> Kind<'n> {
    match kind {
        ScalarType::Date => Kind::Date,
        ScalarType::Money | ScalarType::Percent | ScalarType::Int => Kind::Int,
        ScalarType::Text | ScalarType::Enum(_) => Kind::Text,
        ScalarType::Bool => Kind::Bool,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        definition::{Definition, Source},
        guard::Guard,
    };

    const BASE: &str = include_str!("../../../../../workflows/social-work-station.toml");

    fn of(source: &str, purpose: Purpose<'_>) -> Vec<String> {
        let text = Source {
            name: "base",
            text: BASE,
        };
        let definition = Definition::load(text, None).unwrap();
        let guard = Guard::compile(source).unwrap();
        let names = Names::new(&definition.doc, None);
        mistakes(guard.expression(), purpose, &names)
    }

    #[test]
    fn what_can_have_an_answer_has_no_mistake() {
        for source in [
            "true",
            "has(contract.signed) && contract.signed < today",
            "has(facts.division) && division.startsWith('64')",
            "budget.total * 2 >= 100 + contract.amount",
            "state.lifecycle in ['contract', 'service']",
            "days_between(contract.signed, '2021-09-29') <= 30",
            "years_after(contract.signed, 1) < today",
            "training.exists(row, row.hours >= 60 && row.id != '')",
            "training.all(row, row.year == 2021)",
            "size(training.filter(row, row.hours > 1)) == 1",
            "has(contract.year) ? contract.year > 1 : false",
            "supplier.uscc != '' && is_uscc(supplier.uscc)",
        ] {
            assert_eq!(of(source, Purpose::Condition), [""; 0], "{source}");
        }
        for (source, fact) in [
            (
                "has(contract.year) ? contract.year + 1 : 2",
                "contract.year",
            ),
            ("today", "contract.signed"),
            ("budget.total / 2", "contract.amount"),
        ] {
            assert_eq!(of(source, Purpose::Value(fact)), [""; 0], "{source}");
        }
    }

    #[test]
    fn what_never_has_an_answer_is_said_so() {
        for (source, said) in [
            ("1 + 1", "it is a number, not true or false"),
            ("'yes'", "it is a text, not true or false"),
            ("contract.signed", "it is a date, not true or false"),
            ("training", "it is a list, not true or false"),
            (
                "has(contract.year) ? 1 : 2",
                "it is a number, not true or false",
            ),
            (
                "budget.total && true",
                "a part of it is a number, not true or false",
            ),
            (
                "!contract.signed",
                "a part of it is a date, not true or false",
            ),
            ("budget.total == '100'", "a number never equals a text"),
            ("budget.total in ['100']", "a number never equals a text"),
            ("'a' in 'abc'", "nothing is in a text: it is no list"),
            (
                "contract.signed > 3",
                "a date is neither less nor greater than a number",
            ),
            (
                "contract.signed + 30 > today",
                "a date and a number cannot be added",
            ),
            (
                "contract.signed - today > 30",
                "a date cannot be reckoned with",
            ),
            (
                "days_between(division, today) > 1",
                "days_between() has no answer for a text",
            ),
            (
                "days_between(today) > 1",
                "days_between() takes 2, here it has 1",
            ),
            (
                "is_uscc(budget.total)",
                "is_uscc() has no answer for a number",
            ),
            (
                "size(budget.total) > 1",
                "size() has no answer for a number",
            ),
            (
                "training.exists(row, row.hours == 'x')",
                "a number never equals a text",
            ),
            ("division.exists(c, c == 'x')", "a text has no elements"),
        ] {
            let found = of(source, Purpose::Condition);
            assert!(found.iter().any(|f| f == said), "{source}: {found:?}");
        }
        for (source, fact, said) in [
            (
                "'x'",
                "contract.year",
                "it is a text, and \"contract.year\" is a number",
            ),
            (
                "true",
                "contract.signed",
                "it is true or false, and \"contract.signed\" is a date",
            ),
            ("1", "training", "\"training\" is not a single value"),
        ] {
            assert_eq!(of(source, Purpose::Value(fact)), [said], "{source}");
        }
    }
}
