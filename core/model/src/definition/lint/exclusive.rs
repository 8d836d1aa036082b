//! Proves that two guards never hold at the same time.
//!
//! A guard is split into the cases in which it holds, each a set of simple conditions that hold
//! together. Two guards exclude each other if every case of one contradicts every case of the
//! other. The proof is sound and deliberately simple: what it does not understand it treats as
//! a condition of its own, so it may miss an exclusion but never invents one.
//!
//! A guard without an answer (a fact is missing) does not hold, so every condition also says
//! that the facts it speaks of are there.

use std::collections::{BTreeMap, BTreeSet};

use cel::common::ast::{CallExpr, Expr, LiteralValue, operators};

use crate::guard::without_root;

/// The most cases a guard is split into; beyond, some of its conditions are left out.
const CASES_MAX: usize = 32;

/// The cases in which a guard holds; none means never.
pub(super) fn cases(expr: &Expr) -> Vec<Case> {
    split(expr, true)
}

/// Conditions that hold together.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Case {
    /// What an expression is compared with.
    values: BTreeMap<String, Values>,
    /// How two expressions compare: a set of [`LESS`], [`EQUAL`], [`GREATER`], [`OTHER`].
    orders: BTreeMap<(String, String), u8>,
    /// Whether an expression is true or false.
    truths: BTreeMap<String, bool>,
    /// Whether a fact is there.
    present: BTreeMap<String, bool>,
}

const LESS: u8 = 1;
const EQUAL: u8 = 2;
const GREATER: u8 = 4;
/// Not comparable, and so not equal.
const OTHER: u8 = 8;

/// A constant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Constant {
    Int(i64),
    Text(String),
}

/// The values an expression may have.
#[derive(Debug, Clone, Default, PartialEq)]
struct Values {
    only: Option<BTreeSet<Constant>>,
    not: BTreeSet<Constant>,
    /// The bound, and whether it is included.
    low: Option<(Constant, bool)>,
    high: Option<(Constant, bool)>,
}

impl Case {
    /// A condition on a name to be one of these texts.
    pub fn one_of<'t>(name: String, texts: impl Iterator<Item = &'t str>) -> Self {
        let only = Some(texts.map(|text| Constant::Text(text.to_owned())).collect());
        Self::with(
            name,
            Values {
                only,
                ..Values::default()
            },
        )
    }

    fn with(subject: String, values: Values) -> Self {
        Self {
            values: BTreeMap::from([(subject, values)]),
            ..Self::default()
        }
    }

    /// Can both not hold together?
    pub fn contradicts(&self, other: &Self) -> bool {
        let values = common(&self.values, &other.values);
        let orders = common(&self.orders, &other.orders);
        let truths = common(&self.truths, &other.truths);
        let present = common(&self.present, &other.present);
        values.into_iter().any(|(a, b)| a.clone().and(b).is_none())
            || orders.into_iter().any(|(a, b)| a & b == 0)
            || truths.into_iter().chain(present).any(|(a, b)| a != b)
    }

    /// Both together, unless they contradict each other.
    fn and(mut self, other: &Self) -> Option<Self> {
        if self.contradicts(other) {
            return None;
        }
        for (subject, more) in &other.values {
            let own = self.values.remove(subject).unwrap_or_default();
            self.values.insert(subject.clone(), own.and(more)?);
        }
        for (pair, order) in &other.orders {
            *self.orders.entry(pair.clone()).or_insert(u8::MAX) &= order;
        }
        self.truths.extend(other.truths.clone());
        self.present.extend(other.present.clone());
        Some(self)
    }
}

/// The values of the keys that both have.
fn common<'m, K: Ord, V>(a: &'m BTreeMap<K, V>, b: &'m BTreeMap<K, V>) -> Vec<(&'m V, &'m V)> {
    let (few, many, swapped) = if a.len() <= b.len() {
        (a, b, false)
    } else {
        (b, a, true)
    };
    let pairs = few
        .iter()
        .filter_map(|(key, one)| Some((one, many.get(key)?)));
    pairs
        .map(|(one, two)| if swapped { (two, one) } else { (one, two) })
        .collect()
}

impl Values {
    fn and(mut self, other: &Self) -> Option<Self> {
        self.only = match (self.only, &other.only) {
            (Some(own), Some(more)) => Some(own.intersection(more).cloned().collect()),
            (own, more) => own.or_else(|| more.clone()),
        };
        self.not.extend(other.not.iter().cloned());
        self.low = tighter(self.low, other.low.as_ref(), |new, old| new > old);
        self.high = tighter(self.high, other.high.as_ref(), |new, old| new < old);
        let (not, low, high) = (&self.not, &self.low, &self.high);
        if let Some(only) = &mut self.only {
            only.retain(|c| !not.contains(c) && above(c, low.as_ref()) && below(c, high.as_ref()));
            return (!only.is_empty()).then_some(self);
        }
        match (low, high) {
            (Some((low_at, low_in)), Some((high_at, high_in))) if same_type(low_at, high_at) => {
                let open = low_at == high_at && !(*low_in && *high_in);
                (low_at <= high_at && !open).then_some(self)
            }
            _ => Some(self),
        }
    }
}

fn same_type(a: &Constant, b: &Constant) -> bool {
    matches!(
        (a, b),
        (Constant::Int(_), Constant::Int(_)) | (Constant::Text(_), Constant::Text(_))
    )
}

fn above(c: &Constant, low: Option<&(Constant, bool)>) -> bool {
    low.is_none_or(|(at, included)| !same_type(c, at) || c > at || (*included && c == at))
}

fn below(c: &Constant, high: Option<&(Constant, bool)>) -> bool {
    high.is_none_or(|(at, included)| !same_type(c, at) || c < at || (*included && c == at))
}

type Bound = Option<(Constant, bool)>;

fn tighter(
    own: Bound,
    other: Option<&(Constant, bool)>,
    beats: impl Fn(&Constant, &Constant) -> bool,
) -> Bound {
    match (own, other) {
        (None, other) => other.cloned(),
        (own, None) => own,
        (Some(own), Some(other)) if !same_type(&own.0, &other.0) => Some(own),
        (Some(own), Some(other)) if own.0 == other.0 => Some((own.0, own.1 && other.1)),
        (Some(own), Some(other)) => Some(if beats(&other.0, &own.0) {
            other.clone()
        } else {
            own
        }),
    }
}

/// The cases in which the expression is true, or false if `wanted` is false.
fn split(expr: &Expr, wanted: bool) -> Vec<Case> {
    if let Expr::Literal(LiteralValue::Boolean(value)) = expr {
        return if *value.inner() == wanted {
            vec![Case::default()]
        } else {
            Vec::new()
        };
    }
    let Expr::Call(call) = expr else {
        return vec![atom(expr, wanted)];
    };
    let parts = || call.args.iter().map(|part| split(&part.expr, wanted));
    match (call.func_name.as_str(), call.args.as_slice()) {
        (operators::LOGICAL_NOT, [inner]) => split(&inner.expr, !wanted),
        (operators::LOGICAL_AND, _) if wanted => {
            parts().fold(vec![Case::default()], |a, b| both(&a, &b))
        }
        (operators::LOGICAL_OR, _) if !wanted => {
            parts().fold(vec![Case::default()], |a, b| both(&a, &b))
        }
        (operators::LOGICAL_AND | operators::LOGICAL_OR, _) => either(parts().flatten().collect()),
        (operators::CONDITIONAL, [condition, yes, no]) => {
            let mut all = both(&split(&condition.expr, true), &split(&yes.expr, wanted));
            all.extend(both(
                &split(&condition.expr, false),
                &split(&no.expr, wanted),
            ));
            either(all)
        }
        _ => vec![compared(call, wanted).unwrap_or_else(|| atom(expr, wanted))],
    }
}

fn both(a: &[Case], b: &[Case]) -> Vec<Case> {
    if a.len() * b.len() > CASES_MAX {
        // Fewer conditions are satisfied more often: leaving some out is safe.
        return if a.len() <= b.len() {
            a.to_vec()
        } else {
            b.to_vec()
        };
    }
    a.iter()
        .flat_map(|one| b.iter().filter_map(|two| one.clone().and(two)))
        .collect()
}

fn either(cases: Vec<Case>) -> Vec<Case> {
    if cases.len() > CASES_MAX {
        vec![Case::default()]
    } else {
        cases
    }
}

/// A condition that is not looked into.
fn atom(expr: &Expr, wanted: bool) -> Case {
    let mut case = Case::default();
    if let Expr::Select(select) = expr
        && select.test
        && let Some(path) = dotted(expr)
    {
        case.present.insert(path, wanted);
        return case;
    }
    case.truths.insert(render(expr), wanted);
    mark_present(expr, &mut case);
    case
}

/// A comparison, as a condition on values or on an order.
fn compared(call: &CallExpr, wanted: bool) -> Option<Case> {
    let [left, right] = call.args.as_slice() else {
        return None;
    };
    let (left, right) = (&left.expr, &right.expr);
    let mut case = if call.func_name == operators::IN {
        let Expr::List(list) = right else { return None };
        let constants = list
            .elements
            .iter()
            .map(|e| constant(&e.expr))
            .collect::<Option<BTreeSet<_>>>()?;
        let values = if wanted {
            Values {
                only: Some(constants),
                ..Values::default()
            }
        } else {
            Values {
                not: constants,
                ..Values::default()
            }
        };
        Case::with(render(left), values)
    } else {
        let order = match (call.func_name.as_str(), wanted) {
            (operators::EQUALS, true) | (operators::NOT_EQUALS, false) => EQUAL,
            (operators::EQUALS, false) | (operators::NOT_EQUALS, true) => LESS | GREATER | OTHER,
            (operators::LESS, true) | (operators::GREATER_EQUALS, false) => LESS,
            (operators::LESS_EQUALS, true) | (operators::GREATER, false) => LESS | EQUAL,
            (operators::GREATER, true) | (operators::LESS_EQUALS, false) => GREATER,
            (operators::GREATER_EQUALS, true) | (operators::LESS, false) => GREATER | EQUAL,
            _ => return None,
        };
        if let (Some(truth), EQUAL) = (boolean(right), order) {
            Case {
                truths: BTreeMap::from([(render(left), truth)]),
                ..Case::default()
            }
        } else if let Some(constant) = constant(right) {
            Case::with(render(left), Values::ordered(order, constant))
        } else if let Some(constant) = constant(left) {
            Case::with(render(right), Values::ordered(flip(order), constant))
        } else {
            let (a, b) = (render(left), render(right));
            let (pair, order) = if a <= b {
                ((a, b), order)
            } else {
                ((b, a), flip(order))
            };
            Case {
                orders: BTreeMap::from([(pair, order)]),
                ..Case::default()
            }
        }
    };
    mark_present(left, &mut case);
    mark_present(right, &mut case);
    Some(case)
}

fn flip(order: u8) -> u8 {
    let swapped = (order & LESS) * (GREATER / LESS) + (order & GREATER) / (GREATER / LESS);
    (order & (EQUAL | OTHER)) | swapped
}

impl Values {
    fn ordered(order: u8, constant: Constant) -> Self {
        let mut values = Self::default();
        if order & EQUAL == 0 && order & LESS != 0 && order & GREATER != 0 {
            values.not = BTreeSet::from([constant]);
        } else if order == EQUAL {
            values.only = Some(BTreeSet::from([constant]));
        } else {
            let included = order & EQUAL != 0;
            // Between whole numbers there is nothing: x > 1 is x >= 2.
            let bound = match (constant, included) {
                (Constant::Int(n), false) if order & GREATER != 0 => match n.checked_add(1) {
                    Some(next) => (Constant::Int(next), true),
                    None => (Constant::Int(n), false),
                },
                (Constant::Int(n), false) => match n.checked_sub(1) {
                    Some(last) => (Constant::Int(last), true),
                    None => (Constant::Int(n), false),
                },
                (other, included) => (other, included),
            };
            if order & GREATER != 0 {
                values.low = Some(bound);
            } else {
                values.high = Some(bound);
            }
        }
        values
    }
}

fn constant(expr: &Expr) -> Option<Constant> {
    match expr {
        Expr::Literal(LiteralValue::Int(n)) => Some(Constant::Int(*n.inner())),
        Expr::Literal(LiteralValue::String(text)) => Some(Constant::Text(text.inner().to_owned())),
        _ => None,
    }
}

fn boolean(expr: &Expr) -> Option<bool> {
    match expr {
        Expr::Literal(LiteralValue::Boolean(value)) => Some(*value.inner()),
        _ => None,
    }
}

/// Notes the facts without which the expression has no value.
fn mark_present(expr: &Expr, case: &mut Case) {
    if let Some(name) = dotted(expr) {
        if !matches!(expr, Expr::Select(select) if select.test) {
            let ends = name
                .match_indices('.')
                .map(|(at, _)| at)
                .chain([name.len()]);
            for end in ends {
                case.present.insert(name[..end].to_owned(), true);
            }
        }
        return;
    }
    let lazy = [
        operators::LOGICAL_AND,
        operators::LOGICAL_OR,
        operators::CONDITIONAL,
    ];
    match expr {
        Expr::Call(call) if !lazy.contains(&call.func_name.as_str()) => {
            let parts = call
                .target
                .iter()
                .map(|target| &target.expr)
                .chain(call.args.iter().map(|a| &a.expr));
            parts.for_each(|part| mark_present(part, case));
        }
        Expr::Comprehension(all) => mark_present(&all.iter_range.expr, case),
        _ => {}
    }
}

/// A dotted name, such as `contract.signed`; `facts.division` is the name `division`.
pub(super) fn dotted(expr: &Expr) -> Option<String> {
    spelled(expr).map(without_root)
}

fn spelled(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Ident(name) => Some(name.clone()),
        Expr::Select(select) => {
            spelled(&select.operand.expr).map(|head| format!("{head}.{}", select.field))
        }
        _ => None,
    }
}

/// The expression as text, equal for equal expressions wherever they stand.
fn render(expr: &Expr) -> String {
    let list = |parts: &[cel::common::ast::IdedExpr]| {
        let parts: Vec<String> = parts.iter().map(|part| render(&part.expr)).collect();
        parts.join(",")
    };
    match expr {
        Expr::Ident(name) => name.clone(),
        Expr::Literal(literal) => format!("{literal:?}"),
        Expr::Select(select) if select.test => {
            format!("has({}.{})", render(&select.operand.expr), select.field)
        }
        Expr::Select(select) => format!("{}.{}", render(&select.operand.expr), select.field),
        Expr::Call(call) => {
            let target = call
                .target
                .as_ref()
                .map(|target| render(&target.expr) + ".")
                .unwrap_or_default();
            format!("{target}{}({})", call.func_name, list(&call.args))
        }
        Expr::List(elements) => format!("[{}]", list(&elements.elements)),
        Expr::Comprehension(all) => format!(
            "each {} {} in {} from {} while {} next {} then {}",
            all.iter_var,
            all.accu_var,
            render(&all.iter_range.expr),
            render(&all.accu_init.expr),
            render(&all.loop_cond.expr),
            render(&all.loop_step.expr),
            render(&all.result.expr)
        ),
        // Their parts are numbered by place, so they are equal only to themselves.
        Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => format!("{expr:?}"),
    }
}

#[cfg(test)]
mod tests;
