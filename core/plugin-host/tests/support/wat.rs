//! A component of the world as text; its parts can be replaced. It needs nothing but this file.

/// The type section of the interface, as `wit-component` writes it.
const TYPES: &str = r#"
  (type $types-type (instance
    (type (variant (case "date" string) (case "money-fen" s64) (case "percent" string) (case "integer" s64) (case "text" string) (case "boolean" bool)))
    (export "scalar" (type (eq 0)))
    (type (record (field "name" string) (field "value" 1)))
    (export "field" (type (eq 2)))
    (type (list 3))
    (type (list 4))
    (type (variant (case "date" string) (case "money-fen" s64) (case "percent" string) (case "integer" s64) (case "text" string) (case "boolean" bool) (case "row" 4) (case "rows" 5)))
    (export "value" (type (eq 6)))
    (type (record (field "key" string) (field "value" 7)))
    (export "fact" (type (eq 8)))
    (type (record (field "key" string) (field "value" 7) (field "rule" string)))
    (export "parameter" (type (eq 10)))
    (type (list 9))
    (type (list 11))
    (type (record (field "today" string) (field "transition" string) (field "facts" 12) (field "parameters" 13)))
    (export "request" (type (eq 14)))
    (type (enum "input-required" "needs-decision" "violation" "infeasible" "informative"))
    (export "finding-code" (type (eq 16)))
    (type (enum "info" "warning" "error"))
    (export "severity" (type (eq 18)))
    (type (list string))
    (type (record (field "code" 17) (field "rule" string) (field "severity" 19) (field "message-zh" string) (field "message-en" string) (field "facts" 20)))
    (export "finding" (type (eq 21)))
    (type (option s64))
    (type (record (field "no" u32) (field "percent" string) (field "amount-fen" 23) (field "obligation" string) (field "rule" string)))
    (export "payment" (type (eq 24)))
    (type (list 22))
    (type (list 25))
    (type (record (field "findings" 26) (field "facts" 12) (field "payments" 27)))
    (export "answer" (type (eq 28)))
    (type (record (field "code" string) (field "message-zh" string) (field "message-en" string)))
    (export "problem" (type (eq 30)))
    (type (record (field "id" string) (field "version" string) (field "hooks" 20) (field "rules" 20)))
    (export "description" (type (eq 32)))
    (type (option string))
    (type (record (field "answer" 29) (field "next" 34)))
    (export "step-outcome" (type (eq 35)))
    (type (record (field "set" 12) (field "drop" 20) (field "findings" 26)))
    (export "migration" (type (eq 37)))
  ))
"#;

/// One small component. The default answers every question with an empty answer.
#[derive(Clone)]
pub struct Fixture {
    /// The package's id, in messages.
    pub id: &'static str,
    /// Its version, five characters.
    pub version: &'static str,
    /// What it answers.
    pub hooks: &'static [&'static str],
    /// The version in the names of the interfaces.
    pub interface: &'static str,
    /// What `plugin.toml` lists.
    pub listed: &'static str,
    /// Imports and lowered functions of the component.
    pub imports: &'static str,
    /// Imports of the core module.
    pub core_imports: &'static str,
    /// Instances that the core module gets.
    pub core_with: &'static str,
    /// Pages of memory at the start.
    pub pages: u32,
    /// More functions, data and tables of the core module.
    pub more: String,
    /// The body of `describe`, which leaves a pointer.
    pub describe: &'static str,
    /// The body of `compute`, which leaves a pointer.
    pub compute: &'static str,
    /// The body of `run-step`, which leaves a pointer.
    pub run_step: &'static str,
}

/// Where an empty answer lies: memory is zero there.
const EMPTY: &str = "(i32.const 512)";

impl Default for Fixture {
    fn default() -> Self {
        Self {
            id: "good",
            version: "0.1.0",
            hooks: &["cap"],
            interface: "1.0.0",
            listed: "",
            imports: "",
            core_imports: "",
            core_with: "",
            pages: 1,
            more: String::new(),
            describe: "(i32.const 1024)",
            compute: EMPTY,
            run_step: EMPTY,
        }
    }
}

/// Little-endian words as the text of a data segment.
pub fn words(words: &[usize]) -> String {
    let bytes = words
        .iter()
        .flat_map(|word| u32::try_from(*word).unwrap().to_le_bytes());
    bytes.map(|byte| format!("\\{byte:02x}")).collect()
}

impl Fixture {
    /// The component as text.
    pub fn wat(&self) -> String {
        let Self {
            id,
            version,
            hooks,
            interface,
            imports,
            core_imports,
            core_with,
            pages,
            more,
            describe,
            compute,
            run_step,
            ..
        } = self;
        // description { id, version, hooks, rules } at 1024; its texts and lists behind it.
        let description = words(&[
            1100,
            id.len(),
            1200,
            version.len(),
            1300,
            hooks.len(),
            1240,
            1,
        ]);
        let (mut at, mut pairs) = (1400, Vec::new());
        for hook in *hooks {
            pairs.extend([at, hook.len()]);
            at += hook.len();
        }
        let (pairs, hooks, rules) = (words(&pairs), hooks.concat(), words(&[1250, 4]));
        format!(
            r#"(component {TYPES}
  (import "liucheng:province/types@{interface}" (instance $types (type $types-type)))
  {imports}
  (core module $main
    {core_imports}
    (memory (export "memory") {pages})
    (global $top (mut i32) (i32.const 32768))
    (data (i32.const 1024) "{description}")
    (data (i32.const 1100) "{id}")
    (data (i32.const 1200) "{version}")
    (data (i32.const 1300) "{pairs}") (data (i32.const 1400) "{hooks}")
    (data (i32.const 1240) "{rules}") (data (i32.const 1250) "XX-1")
    {more}
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (global.set $top (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
      (global.get $top)
      (global.set $top (i32.add (global.get $top) (local.get 3)))
      (if (i32.gt_u (global.get $top) (i32.shl (memory.size) (i32.const 16)))
        (then (drop (memory.grow (i32.add (i32.shr_u (local.get 3) (i32.const 16)) (i32.const 1)))))))
    (func (export "describe") (result i32) {describe})
    (func (export "check") (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32) {EMPTY})
    (func (export "compute") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) {compute})
    (func (export "run-step") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
      (local $fact i32) (local $left i32) {run_step})
    (func (export "migrate-facts") (param i32 i32 i32 i32) (result i32) {EMPTY}))
  (core instance $m (instantiate $main {core_with}))
  (alias core export $m "memory" (core memory $memory))
  (alias core export $m "realloc" (core func $realloc))
  (alias export $types "request" (type $request))
  (alias export $types "answer" (type $answer))
  (alias export $types "problem" (type $problem))
  (alias export $types "description" (type $description))
  (alias export $types "step-outcome" (type $outcome))
  (alias export $types "migration" (type $migration))
  (alias export $types "fact" (type $fact))
  (type $answered (result $answer (error $problem)))
  (func $describe (result $description) (canon lift (core func $m "describe") (memory $memory)))
  (func $check (param "request" $request) (result $answered)
    (canon lift (core func $m "check") (memory $memory) (realloc $realloc)))
  (func $compute (param "topic" string) (param "request" $request) (result $answered)
    (canon lift (core func $m "compute") (memory $memory) (realloc $realloc)))
  (type $stepped (result $outcome (error $problem)))
  (func $run-step (param "step" string) (param "request" $request) (result $stepped)
    (canon lift (core func $m "run-step") (memory $memory) (realloc $realloc)))
  (type $migrated (result $migration (error $problem)))
  (type $facts (list $fact))
  (func $migrate-facts (param "from-version" string) (param "facts" $facts) (result $migrated)
    (canon lift (core func $m "migrate-facts") (memory $memory) (realloc $realloc)))
  (instance $rules
    (export "describe" (func $describe)) (export "check" (func $check)) (export "compute" (func $compute))
    (export "run-step" (func $run-step)) (export "migrate-facts" (func $migrate-facts)))
  (export "liucheng:province/rules@{interface}" (instance $rules)))"#
        )
    }
}

/// A `plugin.toml` for a component with that digest, which lists those imports.
pub fn manifest([id, version]: [&str; 2], listed: &str, digest: &str) -> String {
    format!(
        "schema = 1\nid = \"{id}\"\nversion = \"{version}\"\ntitle = {{ zh = \"试\", en = \"T\" }}\n\
         api = \"liucheng:province@1\"\nimports = [{listed}]\n[component]\nfile = \"{id}.wasm\"\nsha256 = \"{digest}\"\n"
    )
}
