//! Guards: conditions in CEL over the facts of a project.
//!
//! Dates are ISO strings, which compare as dates do. Money is whole fen, a percentage is whole
//! hundredths of a percent: CEL has no decimals, and sums of money must not be floating point.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::Bound,
    sync::{Arc, LazyLock},
};

use cel::{
    Context, Env, Program, Value,
    common::ast::{EntryExpr, Expr},
};
use chrono::{Months, NaiveDate};
use rust_decimal::{Decimal, prelude::ToPrimitive};
use thiserror::Error;

use crate::{
    fact::{FactValue, Facts, Row, Scalar, ScalarType, parse_date},
    uscc,
};

/// The longest source of a guard, in bytes.
pub const GUARD_MAX_BYTES: usize = 1_024;
/// The deepest nesting of brackets in a guard.
pub const GUARD_MAX_DEPTH: usize = 16;

/// The root under which facts stand whose keys have no dot, so that `has(facts.division)` can ask for them.
pub const FACTS: &str = "facts";

/// Functions a guard may call beside CEL's operators and macros.
const FUNCTIONS: [&str; 6] = [
    "days_between",
    "years_after",
    "is_uscc",
    "size",
    "startsWith",
    "endsWith",
];

/// Building the standard environment costs more than evaluating a guard, so all share one.
static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// A compiled guard.
#[derive(Debug, Clone)]
pub struct Guard {
    source: String,
    program: Arc<Program>,
    names: Arc<BTreeSet<String>>,
    /// The first segments of the names, each once.
    roots: Arc<[String]>,
}

/// Why a text is not a guard, or why a guard has no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GuardError {
    /// Longer or deeper than a guard may be.
    #[error("guard exceeds {0}")]
    TooLarge(&'static str),
    /// Not CEL.
    #[error("guard does not compile: {0}")]
    Syntax(String),
    /// A function that guards do not have.
    #[error("unknown function {0}()")]
    Function(String),
    /// No answer: a fact is missing or a comparison makes no sense.
    #[error("guard has no answer: {0}")]
    Evaluation(String),
}

/// What guards speak of.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// Every key of the vocabulary, so that `has(contract.signed)` works before there is a contract.
    pub vocabulary: &'a BTreeSet<String>,
    /// The facts.
    pub facts: &'a Facts,
    /// Region → state.
    pub states: &'a BTreeMap<String, String>,
    /// The civil date.
    pub today: NaiveDate,
}

/// A scope ready for any number of guards.
///
/// Preparing facts costs more than evaluating, and most guards read few of them: what lies under one
/// first segment is prepared when the first guard that names it asks.
pub struct World<'a> {
    scope: Scope<'a>,
    /// The arguments of the command under way; they go before facts of the same key.
    arguments: Option<&'a Facts>,
    ready: RefCell<Ready>,
}

struct Ready {
    context: Context<'static, 'static>,
    roots: Vec<String>,
}

impl<'a> World<'a> {
    /// A world of a scope.
    #[must_use]
    pub fn new(scope: Scope<'a>) -> Self {
        let mut context = Context::with_env(Arc::clone(&ENVIRONMENT));
        // Fails only when the standard library has a function of that name, which a test rules out.
        let _ = context.add_function("days_between", days_between);
        let _ = context.add_function("years_after", years_after);
        let _ = context.add_function("is_uscc", is_uscc);
        let roots = Vec::new();
        Self {
            scope,
            arguments: None,
            ready: RefCell::new(Ready { context, roots }),
        }
    }

    /// As it would be with these facts.
    #[must_use]
    pub fn with_arguments(mut self, arguments: &'a Facts) -> Self {
        self.arguments = Some(arguments);
        self
    }

    /// Prepares what a guard names and answers it.
    fn execute(&self, guard: &Guard) -> Result<Value, cel::ExecutionError> {
        let mut ready = self.ready.borrow_mut();
        for root in guard.roots.iter() {
            if ready.roots.contains(root) {
                continue;
            }
            if let Some(value) = self.variable(root) {
                ready.context.add_variable_from_value(root.as_str(), value);
            }
            ready.roots.push(root.clone());
        }
        guard.program.execute(&ready.context)
    }

    /// What lies under a first segment: a map of the facts that are there, unless it is a whole name.
    fn variable(&self, root: &str) -> Option<Value> {
        match root {
            "state" => {
                let states = self.scope.states.iter();
                let states: HashMap<String, Value> = states
                    .map(|(region, state)| (region.clone(), Value::from(state.as_str())))
                    .collect();
                return Some(states.into());
            }
            "today" => return Some(self.scope.today.to_string().into()),
            FACTS => {
                let plain = self
                    .scope
                    .vocabulary
                    .iter()
                    .filter(|key| !key.contains('.'));
                let there =
                    plain.filter_map(|key| Some((key.clone(), fact_value(self.fact(key)?))));
                return Some(there.collect::<HashMap<String, Value>>().into());
            }
            _ => {}
        }
        let mut found = BTreeMap::new();
        let from = self
            .scope
            .vocabulary
            .range::<str, _>((Bound::Included(root), Bound::Unbounded));
        for key in from.take_while(|key| key.starts_with(root)) {
            // Names such as `contract-2.signed` lie between `contract` and `contract.signed`.
            if key.split('.').next() == Some(root) {
                insert(&mut found, key, self.fact(key));
            }
        }
        found.remove(root)?.into_value()
    }

    fn fact(&self, key: &str) -> Option<&'a FactValue> {
        let argument = self.arguments.and_then(|arguments| arguments.get(key));
        argument.or_else(|| self.scope.facts.get(key))
    }
}

impl Guard {
    /// Compiles a guard.
    ///
    /// # Errors
    /// [`GuardError`] when it is too large, is not CEL, or calls an unknown function.
    pub fn compile(source: &str) -> Result<Self, GuardError> {
        if source.len() > GUARD_MAX_BYTES {
            return Err(GuardError::TooLarge("1024 bytes"));
        }
        // The parser recurses; a scan of the brackets keeps hostile sources off its stack.
        if nesting(source) > GUARD_MAX_DEPTH {
            return Err(GuardError::TooLarge("16 levels of brackets"));
        }
        let program =
            Program::compile(source).map_err(|e| GuardError::Syntax(first_line(&e.to_string())))?;
        // Every level multiplies the rows that are visited: one level is all a rule needs.
        if comprehension_depth(&program.expression().expr) > 1 {
            return Err(GuardError::TooLarge("one list macro within another"));
        }
        let references = program.references();
        let unknown = references
            .functions()
            .into_iter()
            .find(|f| f.chars().all(|c| c.is_alphanumeric() || c == '_') && !FUNCTIONS.contains(f));
        if let Some(function) = unknown {
            return Err(GuardError::Function(function.to_owned()));
        }
        let mut names = BTreeSet::new();
        collect_names(&program.expression().expr, &mut Vec::new(), &mut names);
        let roots = names.iter().filter_map(|n| n.split('.').next());
        let roots: BTreeSet<String> = roots.map(str::to_owned).collect();
        let names = names.into_iter().map(without_root).collect();
        Ok(Self {
            roots: roots.into_iter().collect(),
            source: source.to_owned(),
            program: Arc::new(program),
            names: Arc::new(names),
        })
    }

    /// The source.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The parsed expression.
    #[must_use]
    pub fn expression(&self) -> &Expr {
        &self.program.expression().expr
    }

    /// All dotted names it speaks of, such as `contract.signed` and `state.lifecycle`; `facts.division` is
    /// the name `division`.
    #[must_use]
    pub fn names(&self) -> &BTreeSet<String> {
        &self.names
    }

    /// Does the condition hold?
    ///
    /// # Errors
    /// [`GuardError::Evaluation`] when there is no answer; a caller treats it as "no".
    pub fn holds(&self, world: &World<'_>) -> Result<bool, GuardError> {
        match self.evaluate(world)? {
            Value::Bool(answer) => Ok(answer),
            other => Err(GuardError::Evaluation(format!(
                "{other:?} is not true or false"
            ))),
        }
    }

    /// The value as a fact of the given type, for `set`.
    ///
    /// # Errors
    /// [`GuardError::Evaluation`] when there is no value or it has another type.
    pub fn value(&self, kind: &ScalarType, world: &World<'_>) -> Result<Scalar, GuardError> {
        let value = self.evaluate(world)?;
        let scalar = match (kind, &value) {
            (ScalarType::Int, Value::Int(n)) => Some(Scalar::Int(*n)),
            (ScalarType::Bool, Value::Bool(b)) => Some(Scalar::Bool(*b)),
            (ScalarType::Money, Value::Int(fen)) => Some(Scalar::Money(crate::money::Fen(*fen))),
            (ScalarType::Date, Value::String(text)) => parse_date(text).map(Scalar::Date),
            (ScalarType::Text | ScalarType::Enum(_), Value::String(text)) => {
                Some(Scalar::Text(text.to_string()))
            }
            _ => None,
        };
        scalar.ok_or_else(|| GuardError::Evaluation(format!("{value:?} is not {kind:?}")))
    }

    fn evaluate(&self, world: &World<'_>) -> Result<Value, GuardError> {
        world
            .execute(self)
            .map_err(|e| GuardError::Evaluation(first_line(&e.to_string())))
    }
}

/// Whole days from the first date to the second; negative when it is earlier.
fn days_between(from: Arc<String>, to: Arc<String>) -> Result<i64, cel::ExecutionError> {
    match (parse_date(&from), parse_date(&to)) {
        (Some(from), Some(to)) => Ok((to - from).num_days()),
        _ => Err(cel::ExecutionError::function_error(
            "days_between",
            "needs two dates YYYY-MM-DD",
        )),
    }
}

/// The corresponding day (对应日) so many years later; the month's last day where it has none (民法典202条).
fn years_after(date: Arc<String>, years: i64) -> Result<Value, cel::ExecutionError> {
    let months = u32::try_from(years)
        .ok()
        .and_then(|years| years.checked_mul(12));
    let day = parse_date(&date).zip(months);
    let day = day.and_then(|(date, months)| date.checked_add_months(Months::new(months)));
    day.map(|day| Value::from(day.to_string())).ok_or_else(|| {
        cel::ExecutionError::function_error(
            "years_after",
            "needs a date YYYY-MM-DD and a number of years from 0",
        )
    })
}

/// Is the text a unified social credit code (统一社会信用代码)?
fn is_uscc(code: Arc<String>) -> bool {
    uscc::is_valid(&code)
}

/// The key of a fact without a dot that is named below [`FACTS`]; other names as they are.
pub(crate) fn without_root(name: String) -> String {
    let plain = name.strip_prefix(FACTS).and_then(|n| n.strip_prefix('.'));
    match plain {
        Some(key) if !key.contains('.') => key.to_owned(),
        _ => name,
    }
}

fn first_line(text: &str) -> String {
    text.lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(200)
        .collect()
}

fn nesting(source: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in source.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            // Unary operators and ternaries nest in the parser without any bracket.
            b'!' | b'-' | b'?' => deepest = deepest.max(depth + 1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest.max(source.split(['!', '-', '?']).count() / 4)
}

enum Node<'a> {
    Leaf(Option<&'a FactValue>),
    Branch(BTreeMap<&'a str, Node<'a>>),
}

fn insert<'a>(level: &mut BTreeMap<&'a str, Node<'a>>, key: &'a str, value: Option<&'a FactValue>) {
    match key.split_once('.') {
        None => {
            level.entry(key).or_insert(Node::Leaf(value));
        }
        Some((head, rest)) => {
            let branch = level
                .entry(head)
                .or_insert_with(|| Node::Branch(BTreeMap::new()));
            if let Node::Branch(below) = branch {
                insert(below, rest, value);
            }
        }
    }
}

impl Node<'_> {
    fn into_value(self) -> Option<Value> {
        match self {
            Node::Leaf(fact) => fact.map(fact_value),
            Node::Branch(below) => {
                let map: HashMap<String, Value> = below
                    .into_iter()
                    .filter_map(|(name, node)| Some((name.to_owned(), node.into_value()?)))
                    .collect();
                Some(map.into())
            }
        }
    }
}

fn fact_value(fact: &FactValue) -> Value {
    match fact {
        FactValue::One(scalar) => scalar_value(scalar),
        FactValue::Record(row) => row_value(row),
        FactValue::Rows(rows) => rows.iter().map(row_value).collect::<Vec<_>>().into(),
    }
}

fn row_value(row: &Row) -> Value {
    let map: HashMap<String, Value> = row
        .iter()
        .map(|(name, scalar)| (name.clone(), scalar_value(scalar)))
        .collect();
    map.into()
}

fn scalar_value(scalar: &Scalar) -> Value {
    match scalar {
        Scalar::Date(date) => date.to_string().into(),
        Scalar::Money(fen) => Value::Int(fen.0),
        Scalar::Percent(percent) => Value::Int(
            (percent * Decimal::ONE_HUNDRED)
                .trunc()
                .to_i64()
                .unwrap_or(i64::MAX),
        ),
        Scalar::Int(n) => Value::Int(*n),
        Scalar::Text(text) => text.as_str().into(),
        Scalar::Bool(flag) => Value::Bool(*flag),
    }
}

/// Collects dotted names, leaving out variables that a macro binds.
fn collect_names(expr: &Expr, bound: &mut Vec<String>, names: &mut BTreeSet<String>) {
    match expr {
        Expr::Ident(_) | Expr::Select(_) => match dotted(expr) {
            Some(name) => {
                let root = name.split('.').next().unwrap_or_default();
                if !bound.iter().any(|b| b == root) {
                    names.insert(name);
                }
            }
            None => {
                if let Expr::Select(select) = expr {
                    collect_names(&select.operand.expr, bound, names);
                }
            }
        },
        Expr::Call(call) => {
            if let Some(target) = &call.target {
                collect_names(&target.expr, bound, names);
            }
            for argument in &call.args {
                collect_names(&argument.expr, bound, names);
            }
        }
        Expr::List(list) => {
            for element in &list.elements {
                collect_names(&element.expr, bound, names);
            }
        }
        Expr::Map(map) => {
            for entry in &map.entries {
                if let EntryExpr::MapEntry(entry) = &entry.expr {
                    collect_names(&entry.key.expr, bound, names);
                    collect_names(&entry.value.expr, bound, names);
                }
            }
        }
        Expr::Comprehension(all) => {
            collect_names(&all.iter_range.expr, bound, names);
            let before = bound.len();
            bound.extend([all.iter_var.clone(), all.accu_var.clone()]);
            for part in [&all.accu_init, &all.loop_cond, &all.loop_step, &all.result] {
                collect_names(&part.expr, bound, names);
            }
            bound.truncate(before);
        }
        Expr::Struct(_) | Expr::Literal(_) | Expr::Unspecified => {}
    }
}

/// How deep list macros (`all`, `exists`, `map`, …) stand within each other.
fn comprehension_depth(expr: &Expr) -> usize {
    let deepest =
        |parts: &mut dyn Iterator<Item = &Expr>| parts.map(comprehension_depth).max().unwrap_or(0);
    match expr {
        Expr::Select(select) => comprehension_depth(&select.operand.expr),
        Expr::Call(call) => {
            let target = call.target.iter().map(|t| &t.expr);
            deepest(&mut target.chain(call.args.iter().map(|a| &a.expr)))
        }
        Expr::List(list) => deepest(&mut list.elements.iter().map(|e| &e.expr)),
        Expr::Map(map) => {
            let entries = map.entries.iter().filter_map(|e| match &e.expr {
                EntryExpr::MapEntry(entry) => Some(entry),
                EntryExpr::StructField(_) => None,
            });
            deepest(&mut entries.flat_map(|e| [&e.key.expr, &e.value.expr]))
        }
        Expr::Comprehension(all) => {
            let parts = [
                &all.iter_range,
                &all.accu_init,
                &all.loop_cond,
                &all.loop_step,
                &all.result,
            ];
            1 + deepest(&mut parts.into_iter().map(|p| &p.expr))
        }
        Expr::Ident(_) | Expr::Struct(_) | Expr::Literal(_) | Expr::Unspecified => 0,
    }
}

fn dotted(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Ident(name) => Some(name.clone()),
        Expr::Select(select) => {
            dotted(&select.operand.expr).map(|head| format!("{head}.{}", select.field))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Fen;

    fn holds(source: &str) -> Result<bool, GuardError> {
        let vocabulary = [
            "contract.signed",
            "contract.amount",
            "eval.mid.grade",
            "staff.roster",
            "division",
            "training",
        ];
        let vocabulary = vocabulary.into_iter().map(str::to_owned).collect();
        let facts = Facts::from([
            (
                "contract.amount".to_owned(),
                FactValue::One(Scalar::Money(Fen(100))),
            ),
            (
                "eval.mid.grade".to_owned(),
                FactValue::One(Scalar::Text("pass".to_owned())),
            ),
            (
                "division".to_owned(),
                FactValue::One(Scalar::Text("640402".to_owned())),
            ),
            (
                "staff.roster".to_owned(),
                FactValue::Rows(vec![Row::from([(
                    "qualified".to_owned(),
                    Scalar::Bool(true),
                )])]),
            ),
        ]);
        let states = BTreeMap::from([("lifecycle".to_owned(), "service".to_owned())]);
        let today = NaiveDate::from_ymd_opt(2021, 8, 30).unwrap();
        let scope = Scope {
            vocabulary: &vocabulary,
            facts: &facts,
            states: &states,
            today,
        };
        Guard::compile(source)?.holds(&World::new(scope))
    }

    #[test]
    fn facts_states_and_dates_are_visible() {
        assert_eq!(holds("!has(contract.signed)"), Ok(true));
        assert_eq!(
            holds("contract.amount >= 100 && state.lifecycle == 'service'"),
            Ok(true)
        );
        assert_eq!(holds("eval.mid.grade in ['pass', 'good']"), Ok(true));
        assert_eq!(holds("days_between(today, '2021-09-29') <= 30"), Ok(true));
        assert_eq!(holds("staff.roster.exists(s, s.qualified)"), Ok(true));
        assert_eq!(holds("today < '2021-08-30'"), Ok(false));
        assert_eq!(
            holds("years_after('2021-07-20', 1) == '2022-07-20'"),
            Ok(true)
        );
        assert_eq!(
            holds("years_after('2024-02-29', 1) == '2025-02-28'"),
            Ok(true)
        );
        assert!(holds("years_after(today, -1) < today").is_err());
        assert_eq!(holds("is_uscc('914403001922038216')"), Ok(true));
        assert_eq!(holds("is_uscc('914403001922038217')"), Ok(false));
    }

    #[test]
    fn facts_whose_keys_have_no_dot_can_be_asked_for() {
        let division = "has(facts.division) && division.startsWith('64')";
        assert_eq!(holds(division), Ok(true));
        assert_eq!(holds("has(facts.training)"), Ok(false));
        assert_eq!(
            holds("!has(facts.training) || size(training) > 3"),
            Ok(true)
        );
        let guard = Guard::compile(division).unwrap();
        assert_eq!(*guard.names(), BTreeSet::from(["division".to_owned()]));
        // Nothing else stands there.
        assert_eq!(holds("has(facts.contract)"), Ok(false));
    }

    #[test]
    fn one_world_answers_guards_of_different_roots_and_arguments_go_first() {
        let vocabulary = ["contract-2.amount", "contract.amount", "plan.done"];
        let vocabulary = vocabulary.map(str::to_owned).into();
        let amount = |fen| FactValue::One(Scalar::Money(Fen(fen)));
        let facts = Facts::from([("contract.amount".to_owned(), amount(100))]);
        let arguments = Facts::from([("contract.amount".to_owned(), amount(200))]);
        let states = BTreeMap::new();
        let today = NaiveDate::MIN;
        let scope = Scope {
            vocabulary: &vocabulary,
            facts: &facts,
            states: &states,
            today,
        };
        let ask = |world: &World<'_>, source| Guard::compile(source).unwrap().holds(world);
        let world = World::new(scope);
        for _ in 0..2 {
            assert_eq!(ask(&world, "contract.amount == 100"), Ok(true));
            assert_eq!(ask(&world, "has(plan.done) || size(state) == 1"), Ok(false));
            assert!(ask(&world, "elsewhere.amount == 1").is_err());
        }
        let world = World::new(scope).with_arguments(&arguments);
        assert_eq!(ask(&world, "contract.amount == 200"), Ok(true));
    }

    #[test]
    fn a_guard_without_an_answer_says_so() {
        assert!(matches!(
            holds("contract.signed < today"),
            Err(GuardError::Evaluation(_))
        ));
        assert!(matches!(
            holds("contract.amount"),
            Err(GuardError::Evaluation(_))
        ));
        assert!(matches!(
            holds("days_between('x', today) > 1"),
            Err(GuardError::Evaluation(_))
        ));
    }

    #[test]
    fn hostile_sources_are_refused() {
        assert!(matches!(
            Guard::compile(&"(".repeat(500)),
            Err(GuardError::TooLarge(_))
        ));
        assert!(matches!(
            Guard::compile(&"!".repeat(1000)),
            Err(GuardError::TooLarge(_))
        ));
        assert!(matches!(
            Guard::compile(&"a".repeat(2000)),
            Err(GuardError::TooLarge(_))
        ));
        assert!(matches!(Guard::compile("a =="), Err(GuardError::Syntax(_))));
        let nested = "staff.roster.all(a, staff.roster.exists(b, a == b))";
        assert!(matches!(
            Guard::compile(nested),
            Err(GuardError::TooLarge(_))
        ));
        assert_eq!(
            Guard::compile("launch(today)").map(|_| ()),
            Err(GuardError::Function("launch".to_owned()))
        );
    }

    #[test]
    fn names_leave_out_bound_variables() {
        let guard =
            Guard::compile("staff.roster.all(s, s.age < 45) && has(eval.mid.grade)").unwrap();
        assert_eq!(
            *guard.names(),
            BTreeSet::from(["eval.mid.grade".to_owned(), "staff.roster".to_owned()])
        );
    }
}
