//! Writing what was answered into golden cases; everything else of a file stays as it was written.

use liucheng_plugin_host::{CaseOutcome, CaseReport};
use toml::{Table as Found, Value as Answer};
use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, TableLike, Value};

use crate::output::{Exit, Failure};

/// What of a finding is written where the case said nothing about it yet.
const FINDING_KEYS: [&str; 3] = ["code", "rule", "severity"];

/// The text of a case file with the answers of all cases that differ; `reports` are those of this file, in
/// order. `None` where nothing differs.
///
/// # Errors
/// `E-PLUGIN-CASES` where the file cannot be read.
pub fn blessed(text: &str, reports: &[&CaseReport]) -> Result<Option<String>, Failure> {
    let unreadable = |reason: &str| Failure::new(Exit::Rejected, "E-PLUGIN-CASES", reason);
    let mut document: DocumentMut = text
        .parse()
        .map_err(|e: toml_edit::TomlError| unreadable(e.message()))?;
    let cases = document
        .get_mut("case")
        .and_then(Item::as_array_of_tables_mut);
    let cases = cases.ok_or_else(|| unreadable("there is no [[case]]"))?;
    if cases.len() != reports.len() {
        return Err(unreadable("the file has changed meanwhile"));
    }
    let mut changed = false;
    for (case, report) in cases.iter_mut().zip(reports) {
        if let (CaseOutcome::Differs(_), Some(found)) = (&report.outcome, &report.found) {
            expect(case, found);
            changed = true;
        }
    }
    Ok(changed.then(|| document.to_string()))
}

/// Replaces the parts of a case's expectation that differ from the answer.
fn expect(case: &mut Table, found: &Found) {
    if found.is_empty() {
        case.remove("expect");
        return;
    }
    let entry = case.entry("expect").or_insert_with(|| {
        let mut table = Table::new();
        table.set_implicit(true);
        Item::Table(table)
    });
    // One on a single line becomes a table, where there is room for lists of findings.
    if let Some(inline) = entry.as_inline_table() {
        let mut table = inline.clone().into_table();
        table.set_implicit(true);
        *entry = Item::Table(table);
    }
    let Some(expected) = entry.as_table_mut() else {
        return;
    };
    for key in ["findings", "facts", "payments", "problem", "next"] {
        match found.get(key) {
            None => {
                expected.remove(key);
            }
            Some(answer) => {
                let item = match (key, answer) {
                    ("findings", Answer::Array(list)) => findings(expected.get(key), list),
                    (_, Answer::Array(list)) => rows(list),
                    (_, Answer::Table(table)) => Item::Table(table_of(table)),
                    (_, scalar) => Item::Value(value(scalar)),
                };
                // What is right already keeps its comments.
                let same = expected
                    .get(key)
                    .is_some_and(|old| plain(old) == plain(&item));
                if !same {
                    expected.insert(key, item);
                }
            }
        }
    }
    // `expect` itself is shown only where something stands directly below it.
    let direct = expected.iter().any(|(_, item)| item.is_value());
    expected.set_implicit(!direct);
}

/// Findings with the keys that the case spoke of.
fn findings(old: Option<&Item>, list: &[Answer]) -> Item {
    let old: Vec<Vec<String>> = match old {
        Some(Item::ArrayOfTables(tables)) => tables.iter().map(|t| keys(t)).collect(),
        Some(Item::Value(Value::Array(array))) => {
            let tables = array.iter().filter_map(Value::as_inline_table);
            tables.map(|t| keys(t)).collect()
        }
        _ => Vec::new(),
    };
    let mut tables = ArrayOfTables::new();
    for (i, finding) in list.iter().enumerate() {
        let mut table = Table::new();
        let of_case = old
            .get(i)
            .map(|keys| keys.iter().map(String::as_str).collect());
        let keys: Vec<&str> = of_case.unwrap_or_else(|| FINDING_KEYS.to_vec());
        for key in keys {
            if let Some(answer) = finding.get(key) {
                table.insert(key, Item::Value(value(answer)));
            }
        }
        tables.push(table);
    }
    Item::ArrayOfTables(tables)
}

fn keys(table: &dyn TableLike) -> Vec<String> {
    table.iter().map(|(key, _)| key.to_owned()).collect()
}

fn rows(list: &[Answer]) -> Item {
    let mut tables = ArrayOfTables::new();
    for row in list {
        if let Answer::Table(row) = row {
            tables.push(table_of(row));
        }
    }
    Item::ArrayOfTables(tables)
}

fn table_of(found: &Found) -> Table {
    let mut table = Table::new();
    for (key, answer) in found {
        table.insert(key, Item::Value(value(answer)));
    }
    table
}

fn value(answer: &Answer) -> Value {
    match answer {
        Answer::String(text) => text.as_str().into(),
        Answer::Integer(number) => (*number).into(),
        Answer::Float(number) => (*number).into(),
        Answer::Boolean(flag) => (*flag).into(),
        Answer::Datetime(day) => {
            // The two crates read the same form.
            let text = day.to_string();
            text.parse::<Value>().unwrap_or_else(|_| text.into())
        }
        Answer::Array(list) => Value::Array(list.iter().map(value).collect::<Array>()),
        Answer::Table(table) => {
            let mut inline = InlineTable::new();
            for (key, answer) in table {
                inline.insert(key, value(answer));
            }
            Value::InlineTable(inline)
        }
    }
}

/// An item without its comments and blanks.
fn plain(item: &Item) -> Option<Answer> {
    let mut document = DocumentMut::new();
    document.insert("x", item.clone());
    toml::from_str::<Found>(&document.to_string())
        .ok()?
        .remove("x")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn report(found: &str, differs: bool) -> CaseReport {
        CaseReport {
            file: String::new(),
            name: String::new(),
            hook: "cap".to_owned(),
            fuel: 0,
            fuel_percent: 0.0,
            elapsed: Duration::ZERO,
            found: Some(found.parse().unwrap()),
            outcome: match differs {
                true => CaseOutcome::Differs(String::new()),
                false => CaseOutcome::Passed,
            },
        }
    }

    const TEXT: &str = r#"# the file's comment
[parameters]
floor = { value = 3, rule = "X-1" } # stays

[[case]]
name = "first" # of two
[case.facts]
a = 1 # stays too
[[case.expect.findings]]
rule = "X-1" # goes
[case.expect.facts]
"b.c" = 1 # stays: it is right

[[case]]
name = "second"
[case.facts]
a = 2
[case.expect]
problem = "bad-fact"
"#;

    #[test]
    fn only_what_differs_is_written() {
        let first = report(
            "findings = [{ code = \"violation\", rule = \"X-2\", severity = \"error\", facts = [] }, \
             { code = \"informative\", rule = \"X-3\", severity = \"info\", facts = [\"a\"] }]\n\
             facts = { \"b.c\" = 1 }",
            true,
        );
        let second = report("problem = \"bad-fact\"", false);
        let said = blessed(TEXT, &[&first, &second]).unwrap().unwrap();
        for kept in [
            "# the file's comment",
            "# stays\n",
            "# of two",
            "# stays too",
            "# stays: it is right",
        ] {
            assert!(said.contains(kept), "{kept}: {said}");
        }
        let read: Found = said.parse().unwrap();
        let case = &read["case"][0];
        // The first finding keeps the keys it was asked for, a new one gets the usual ones.
        assert_eq!(case["expect"]["findings"][0].as_table().unwrap().len(), 1);
        assert_eq!(case["expect"]["findings"][0]["rule"].as_str(), Some("X-2"));
        assert_eq!(
            case["expect"]["findings"][1]["severity"].as_str(),
            Some("info")
        );
        assert_eq!(case["expect"]["facts"]["b.c"].as_integer(), Some(1));
        assert_eq!(case["facts"]["a"].as_integer(), Some(1));
        assert_eq!(
            read["case"][1]["expect"]["problem"].as_str(),
            Some("bad-fact")
        );
        assert_eq!(read["case"][1]["facts"]["a"].as_integer(), Some(2));
        assert_eq!(blessed(TEXT, &[&report("", false), &second]).unwrap(), None);
    }

    #[test]
    fn an_answer_of_another_kind_replaces_the_whole() {
        let first = report("", true);
        let second = report(
            "facts = { \"d.e\" = 2021-08-30, \"f.g\" = { money = \"1.00\" } }\npayments = [{ no = 1, percent = \"50\" }]",
            true,
        );
        let said = blessed(TEXT, &[&first, &second]).unwrap().unwrap();
        let read: Found = said.parse().unwrap();
        assert!(read["case"][0].get("expect").is_none(), "{said}");
        let expect = &read["case"][1]["expect"];
        assert!(expect.get("problem").is_none());
        assert_eq!(expect["facts"]["f.g"]["money"].as_str(), Some("1.00"));
        assert_eq!(expect["facts"]["d.e"].to_string(), "2021-08-30");
        assert_eq!(expect["payments"][0]["no"].as_integer(), Some(1));
    }
}
