//! The stable codes of the linter, each with what to do about it.

use crate::finding::Severity;

/// What kind of mistake it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// The stable name, such as `E-STATE-UNKNOWN`.
    pub name: &'static str,
    /// Its weight; a definition with errors is never loaded.
    pub severity: Severity,
    /// What to do about it.
    pub hint: &'static str,
}

macro_rules! codes {
    ($($constant:ident $name:literal $severity:ident $hint:literal;)*) => {
        $(pub(super) const $constant: Code = Code {
            name: $name,
            severity: Severity::$severity,
            hint: $hint,
        };)*

        /// Every code, in the order of the manual.
        pub const CODES: &[Code] = &[$($constant),*];
    };
}

codes! {
    SOURCE_SIZE "E-SOURCE-SIZE" Error "split the file, or remove what it repeats";
    SOURCE_SHAPE "E-SOURCE-SHAPE" Error "see docs/definition.md for the keys and their forms";
    KEY_UNKNOWN "E-KEY-UNKNOWN" Error "see docs/definition.md for the keys and their forms";
    FINDINGS_MANY "E-FINDINGS-MANY" Error "correct these first, then check again";
    NAME_EMPTY "E-NAME-EMPTY" Error "give the definition a stable name";
    CALENDAR_UNKNOWN "E-CALENDAR-UNKNOWN" Error "the national calendar is `cn`; layers are laid over it by the configuration";
    TITLE_MISSING "E-TITLE-MISSING" Error "write the text in Chinese (zh) and in English (en)";
    ID_TWICE "E-ID-TWICE" Error "choose another name; names are never reused";
    OVERLAY_BASE "E-OVERLAY-BASE" Error "lay the overlay over the definition it names";
    STATE_UNKNOWN "E-STATE-UNKNOWN" Error "the states are listed under [[region.state]]";
    STATE_UNREACHABLE "E-STATE-UNREACHABLE" Error "add a transition that leads to it, or remove it";
    STATE_DEAD_END "E-STATE-DEAD-END" Error "a state has a way out, or it is final: exactly one of both";
    WAIT_UNBOUNDED "E-WAIT-UNBOUNDED" Error "name what ends the wait in bounded-by, or say why nothing does in open-ended";
    FACT_UNKNOWN "E-FACT-UNKNOWN" Error "the keys are listed under [facts]";
    FACT_TYPE "E-FACT-TYPE" Error "use a fact of the type that is needed here";
    FACT_PREFIX "E-FACT-PREFIX" Error "in a guard the shorter key would hide the longer one; rename one of them";
    FACT_CYCLE "E-FACT-CYCLE" Error "let one of these facts stand without default-from";
    ROLE_UNKNOWN "E-ROLE-UNKNOWN" Error "the roles are listed under [roles]";
    EVENT_UNKNOWN "E-EVENT-UNKNOWN" Error "let a transition listen to it with `on`, or remove it";
    HOOK_UNKNOWN "E-HOOK-UNKNOWN" Error "the hooks are check, cap, allocation, tranche-plan, staffing, grade and renewal";
    TRANSITION_NO_ROLE "E-TRANSITION-NO-ROLE" Warning "name who may take it in roles, or raise its event elsewhere";
    TRANSITIONS_OVERLAP "E-TRANSITIONS-OVERLAP" Error "give both a guard and let the guards contradict each other visibly, such as `x == 'a'` and `x != 'a'`";
    GUARD "E-GUARD" Error "a guard is one CEL expression of at most 1024 bytes";
    GUARD_NAME "E-GUARD-NAME" Error "a guard may name facts, `state.<region>` and `today`; `has(facts.<key>)` asks for a fact whose key has no dot";
    GUARD_TYPE "E-GUARD-TYPE" Error "a condition is true or false, such as `budget.total > 0`; money is fen, a percentage hundredths of a percent, a date a text";
    LADDER_UNKNOWN "E-LADDER-UNKNOWN" Error "the ladders are listed under [ladder]";
    LADDER_STEP "E-LADDER-STEP" Error "write `due`, `10 days before`, `3 working-days before` or `1 day after`, from 1 to 365";
    OBLIGATION_UNKNOWN "E-OBLIGATION-UNKNOWN" Error "the obligations are listed under [[obligation]]";
    OBLIGATION_CYCLE "E-OBLIGATION-CYCLE" Error "let one of them run from a fact";
    OBLIGATION_SHAPE "E-OBLIGATION-SHAPE" Error "give either a date, or a period with an anchor (or after-due-of) to run from";
    ROLL_UNKNOWN "E-ROLL-UNKNOWN" Error "write civil, order87, order94 or none";
    LOOSER_THAN_LAW "E-LOOSER-THAN-LAW" Error "a statutory limit may be tightened, never loosened";
    CRON "E-CRON" Error "six fields, seconds first: `0 30 8 * * MON-FRI`";
    TRANCHE_UNKNOWN "E-TRANCHE-UNKNOWN" Error "the tranches are listed under [[tranche]]";
    TRANCHE_SUM "E-TRANCHE-SUM" Error "number the tranches once each, let them add up to 100, and let one at most take the remainder";
    CLAUSE_UNKNOWN "E-CLAUSE-UNKNOWN" Error "the rules are listed under [[clause]], open points under [[issue]]";
    CLAUSE_SHAPE "E-CLAUSE-SHAPE" Error "a clause has its text, and says `informative` only where no element names it";
    ISSUE_SHAPE "E-ISSUE-SHAPE" Error "give at least two options with texts in both languages, and name one of them in `taken`";
    TRANSITION_UNKNOWN "E-TRANSITION-UNKNOWN" Error "the transitions are listed under [[transition]]";
    EXTENSION_POINT "E-EXTENSION-POINT" Error "the extension points are listed under [[extension-point]]; all ways through one lead to the same state";
    PARAMETER "E-PARAMETER" Error "give the value in the canonical form of its type, and the rule it comes from";
}
