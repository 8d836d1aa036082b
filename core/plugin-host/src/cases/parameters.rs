//! What a file of cases says of parameters, held against the overlay.
//!
//! Cases that bring numbers of their own would stay green whatever the overlay says, and it is the overlay
//! that projects go by.

use std::collections::BTreeMap;

use liucheng_model::{fact::FactValue, verdict::Parameter};
use toml::de::{DeTable, DeValue};

use super::format::show_value;

/// Parameters by their names.
pub type Parameters = BTreeMap<String, Parameter>;

/// A parameter that a file gives to its cases, and that a project would not get like that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterProblem {
    /// The file.
    pub file: String,
    /// Where its name stands in the file, in bytes.
    pub offset: usize,
    /// Its name.
    pub key: String,
    /// Its value in the file, in the form of case files.
    pub given: String,
    /// Its value in the overlay; `None` where the overlay does not have it.
    pub overlay: Option<String>,
}

/// What of a file's own parameters is not as in the overlay; those of single cases may differ on purpose.
pub(super) fn compare(
    (file, text): (&str, &str),
    given: &Parameters,
    overlay: &Parameters,
) -> Vec<ParameterProblem> {
    let said = |parameter: &Parameter| {
        let Parameter { value, rule, .. } = parameter;
        format!("{} of {rule:?}", show_value(value))
    };
    let offsets = offsets(text);
    let problem = |(key, parameter): (&String, &Parameter)| {
        let declared = overlay.get(key);
        let is_same = declared.is_some_and(|declared| {
            is_same(&declared.value, &parameter.value) && declared.rule == parameter.rule
        });
        (!is_same).then(|| ParameterProblem {
            file: file.to_owned(),
            offset: offsets.get(key).copied().unwrap_or_default(),
            key: key.clone(),
            given: said(parameter),
            overlay: declared.map(said),
        })
    };
    given.iter().filter_map(problem).collect()
}

/// Equal as the component sees them.
fn is_same(left: &FactValue, right: &FactValue) -> bool {
    left == right || show_value(left) == show_value(right)
}

/// Where the names of `[parameters]` stand.
fn offsets(text: &str) -> BTreeMap<String, usize> {
    let Ok(root) = DeTable::parse(text) else {
        return BTreeMap::new();
    };
    let table = root.get_ref().get("parameters").map(toml::Spanned::get_ref);
    let Some(DeValue::Table(table)) = table else {
        return BTreeMap::new();
    };
    let names = table.keys();
    names
        .map(|name| (name.get_ref().to_string(), name.span().start))
        .collect()
}
