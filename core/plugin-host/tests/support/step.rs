//! A component with a step that only its province has.

use super::wat::{Fixture, words};

/// A component with a step: it waits for the fact `step.opinion`, then goes on by `county-review` and sets
/// `step.result`; the fact `step.crash` lets it crash. Its findings name the rule `XX-1`.
pub fn step_fixture(id: &'static str, version: &'static str) -> Fixture {
    let mut data = Data {
        at: 12_288,
        more: String::new(),
    };
    let (next, key) = (data.text("county-review"), data.text("step.result"));
    let (value, rule) = (data.text("agreed"), data.text("XX-1"));
    let (zh, en) = (
        data.text("缺少审核意见"),
        data.text("the opinion is missing"),
    );
    let asked = data.text("step.opinion");
    let asked = data.words(&asked);
    // A fact: key, then the case of its value (4: a text), then the text.
    let fact = data.words(&[key[0], key[1], 4, 0, value[0], value[1]]);
    // A finding: code (0: input required), rule, severity (1: a warning), both messages, facts.
    let finding = [0, rule[0], rule[1], 1, zh[0], zh[1], en[0], en[1], asked, 1];
    let finding = data.words(&finding);
    // An outcome that went well: findings, facts, payments, then the way on where there is one.
    let waits = data.words(&[0, finding, 1, 0, 0, 0, 0, 0, 0, 0]);
    let goes_on = data.words(&[0, 0, 0, fact, 1, 0, 0, 1, next[0], next[1]]);
    data.more += &format!(
        r#"(global $waits i32 (i32.const {waits})) (global $goes-on i32 (i32.const {goes_on}))
    (global $outcome (mut i32) (i32.const 0))"#
    );
    Fixture {
        id,
        version,
        hooks: &["cap", "step"],
        more: data.more,
        // Facts have 24 bytes; of those whose key begins with `step` the sixth letter says which it is.
        run_step: r#"
      (local.set $fact (local.get 6)) (local.set $left (local.get 7))
      (global.set $outcome (global.get $waits))
      (block $done (loop $each
        (br_if $done (i32.eqz (local.get $left)))
        (if (i32.eq (i32.load (i32.load (local.get $fact))) (i32.const 0x70657473)) (then
          (if (i32.eq (i32.load8_u offset=5 (i32.load (local.get $fact))) (i32.const 0x63)) (then unreachable))
          (if (i32.eq (i32.load8_u offset=5 (i32.load (local.get $fact))) (i32.const 0x6f))
            (then (global.set $outcome (global.get $goes-on))))))
        (local.set $fact (i32.add (local.get $fact) (i32.const 24)))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (br $each)))
      (global.get $outcome)"#,
        ..Fixture::default()
    }
}

/// Data segments, one behind the other.
struct Data {
    at: usize,
    more: String,
}

impl Data {
    /// A text; its place and its length.
    fn text(&mut self, text: &str) -> [usize; 2] {
        let at = self.put(text, text.len());
        [at, text.len()]
    }

    /// Words; their place.
    fn words(&mut self, list: &[usize]) -> usize {
        self.put(&words(list), list.len() * 4)
    }

    fn put(&mut self, bytes: &str, count: usize) -> usize {
        let at = self.at;
        self.more += &format!("(data (i32.const {at}) \"{bytes}\")\n    ");
        self.at = (at + count).next_multiple_of(8);
        at
    }
}

/// The overlay of such a package: a state with a deadline after the survey, and the step out of it.
///
/// `force` is that of the rule that the component speaks for.
pub fn step_overlay(id: &str, force: &str) -> String {
    format!(
        r#"schema = 1
id = "{id}"
extends = "social-work-station"
title = {{ zh = "示例", en = "Example" }}
source = "示例办法"

[facts]
"step.opinion" = {{ type = "date", title = {{ zh = "审核意见", en = "Opinion" }} }}
"step.crash" = {{ type = "bool", title = {{ zh = "崩溃", en = "Crash" }} }}
"step.result" = {{ type = "text", title = {{ zh = "审核结果", en = "Result" }}, computed = true }}

[[step]]
id = "county-review"
at = "after-survey"
rule = "XX-1"
title = {{ zh = "县级审核", en = "County review" }}
state = {{ zh = "待审核", en = "To be reviewed" }}
roles = ["officer"]
records = ["step.opinion", "step.crash"]
bounded-by = ["review"]
run = true

[[obligation]]
id = "review"
rule = "XX-2"
title = {{ zh = "县级审核", en = "County review" }}
force = "mandatory"
anchor = ["survey.finished"]
period = "10 days"
met-by = ["step.opinion"]
responsible = "officer"
ladder = "statutory"

[[clause]]
id = "XX-1"
force = "{force}"
text = "调研之后由县民政局审核"

[[clause]]
id = "XX-2"
force = "mandatory"
text = "十日内审核"
"#
    )
}
