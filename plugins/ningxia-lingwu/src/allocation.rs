//! The budget of LW-04 to LW-08: three classes and their parts, whose sums add up.

use liucheng_sdk::{
    Answer, Call, Fen, Fields, Finding, Problem,
    budget::{self, Defect, Mismatch, Tree},
    msg,
};

use crate::recipients;

/// The class that is shared out by recipients: 共性项目.
pub const COMMON: &str = "common";
/// The class that every town carries out itself: 个性化项目.
const PERSONALISED: &str = "personalised";

/// One row of a budget, with what this document's tree says beside the amount.
pub struct Line {
    /// Its name.
    pub id: String,
    /// The class it belongs to; may be empty.
    pub class: String,
    /// The town it is for; empty for a sum.
    pub town: String,
    /// Its amount.
    pub amount: Fen,
    /// The rule it comes from.
    pub rule: String,
}

/// The budget that applies.
pub struct Budget {
    /// Its rows.
    pub lines: Vec<Line>,
    /// The rule of rows that name none.
    pub rule: String,
}

/// LW-04 to LW-08: the sums add up, and 共性项目 is shared by 社会救助对象人数比例.
pub fn allocation(call: &Call<'_>) -> Result<Answer, Problem> {
    let mut answer = Answer::new();
    let (rows, rule) = call.parameters.rows("budget-parts")?;
    let whole = Tree::of_package(&rows, rule)?;
    let document = lines(&rows, rule)?;
    let total = call.facts.money("budget.total")?;
    let own = call.facts.rows("budget.parts")?;
    let budget = match own {
        Some(rows) => {
            own_budget(&mut answer, &rows, (rule, total))?;
            let lines = lines(&rows, rule)?;
            compare(call, &mut answer, (&document, &lines))?;
            Some(lines)
        }
        None => {
            let planned = budget::sum(whole.roots().map(|part| part.amount)).unwrap_or_default();
            let of_project = of_project(call, &document, total)?;
            document_budget(call, &mut answer, (planned, rule, total, of_project))?
                .then_some(document)
        }
    };
    let Some(lines) = budget else {
        return Ok(answer);
    };
    let budget = Budget {
        lines,
        rule: rule.to_owned(),
    };
    stations(call, &mut answer, &budget)?;
    // A project of one class has nothing to do with the others.
    let category = call.facts.text("project.category")?;
    if category.is_none_or(|category| category == PERSONALISED) {
        per_town(call, &mut answer, &budget)?;
    }
    if category.is_none_or(|category| category == COMMON) {
        recipients::share_out(call, &mut answer, &budget)?;
    }
    Ok(answer)
}

/// The officer's own budget: every sum that does not add up is named and refused.
fn own_budget(
    answer: &mut Answer,
    rows: &[Fields<'_>],
    (rule, total): (&str, Option<Fen>),
) -> Result<(), Problem> {
    let (tree, defects) = Tree::read(rows, rule)?;
    for defect in &defects {
        let message = Defect::message(defect);
        answer.find(Finding::input_required(rule, "budget.parts", message));
    }
    for wrong in tree.mismatches() {
        let message = Mismatch::message(&wrong);
        answer.find(Finding::violation(&wrong.rule, message).on(&["budget.parts"]));
    }
    let roots: Vec<Fen> = tree.roots().map(|part| part.amount).collect();
    let Some((total, parts)) = total.zip(budget::sum(roots)) else {
        return Ok(());
    };
    if total != parts {
        let (total, parts) = (total.grouped(), parts.grouped());
        let message = msg(
            format!("总经费 {total} 元与经费构成合计 {parts} 元不一致"),
            format!("the budget of {total} yuan and its parts of {parts} yuan differ"),
        );
        answer.find(Finding::violation(rule, message).on(&["budget.total", "budget.parts"]));
    }
    Ok(())
}

/// The project's own class and the total, where the document sets that amount for the class or for a town of it.
fn of_project<'a>(
    call: &Call<'_>,
    document: &'a [Line],
    total: Option<Fen>,
) -> Result<Option<(&'a Line, Fen)>, Problem> {
    let (Some(category), Some(total)) = (call.facts.text("project.category")?, total) else {
        return Ok(None);
    };
    let set = |line: &Line| line.class == category && line.amount == total;
    let class = of_class(document, category).filter(|_| document.iter().any(set));
    Ok(class.map(|class| (class, total)))
}

/// Whether the document's own budget applies: with its total or that of the project's class, or without any
/// in its own year.
fn document_budget(
    call: &Call<'_>,
    answer: &mut Answer,
    (planned, rule, total, of_project): (Fen, &str, Option<Fen>, Option<(&Line, Fen)>),
) -> Result<bool, Problem> {
    if let Some((class, amount)) = of_project {
        let (id, amount) = (&class.id, amount.grouped());
        let message = msg(
            format!("与方案“{id}”的概算 {amount} 元相符"),
            format!("as the plan sets it for {id:?}: {amount} yuan"),
        );
        answer.find(Finding::informative(&class.rule, message).on(&["budget.total"]));
        return Ok(true);
    }
    let applies = match total {
        Some(total) => total == planned,
        None => is_document_year(call)?,
    };
    let planned = planned.grouped();
    if applies {
        let message = msg(
            format!("方案概算 {planned} 元，三大类及各乡镇（街道）分项合计相符"),
            format!("the plan's {planned} yuan: the three classes and all towns add up"),
        );
        answer.find(Finding::informative(rule, message));
    } else if let Some(total) = total {
        let total = total.grouped();
        let message = msg(
            format!("总经费 {total} 元与方案概算 {planned} 元不同：请填写经费构成"),
            format!(
                "the budget of {total} yuan differs from the plan's {planned} yuan: enter its parts"
            ),
        );
        answer.find(Finding::input_required(rule, "budget.parts", message));
    } else {
        let (year, _) = call.parameters.int("plan-year")?;
        let message = msg(
            format!("方案只有 {year} 年的经费构成：请填写本年度经费构成"),
            format!("the plan has the parts of {year} only: enter those of this year"),
        );
        answer.find(Finding::input_required(rule, "budget.parts", message));
    }
    Ok(applies)
}

fn lines(rows: &[Fields<'_>], rule: &str) -> Result<Vec<Line>, Problem> {
    let mut lines = Vec::new();
    for row in rows {
        let (Some(id), Some(amount)) = (row.text("id")?, row.money("amount")?) else {
            continue;
        };
        let text = |name: &str| Ok(row.text(name)?.unwrap_or_default().to_owned());
        lines.push(Line {
            id: id.to_owned(),
            class: text("class")?,
            town: text("town")?,
            amount,
            rule: row.text("rule")?.unwrap_or(rule).to_owned(),
        });
    }
    Ok(lines)
}

/// The amount of a whole class: the row that names the class and no town.
pub fn of_class<'a>(lines: &'a [Line], class: &str) -> Option<&'a Line> {
    lines
        .iter()
        .find(|line| line.class == class && line.town.is_empty())
}

/// Does the document speak of the year of this budget?
fn is_document_year(call: &Call<'_>) -> Result<bool, Problem> {
    let (year, _) = call.parameters.int("plan-year")?;
    Ok(budget::year(call)?.is_none_or(|given| given == year))
}

/// LW-06 to LW-08: classes whose amount differs from the document's.
fn compare(
    call: &Call<'_>,
    answer: &mut Answer,
    (document, own): (&[Line], &[Line]),
) -> Result<(), Problem> {
    if !is_document_year(call)? {
        return Ok(());
    }
    for planned in document
        .iter()
        .filter(|line| !line.class.is_empty() && line.town.is_empty())
    {
        let Some(line) = of_class(own, &planned.class) else {
            continue;
        };
        if line.amount != planned.amount {
            let (id, amount, wanted) =
                (&planned.id, line.amount.grouped(), planned.amount.grouped());
            let message = msg(
                format!("“{id}”方案概算 {wanted} 元，现为 {amount} 元"),
                format!("the plan sets {wanted} yuan for {id:?}; entered are {amount} yuan"),
            );
            answer.find(Finding::deviation(&planned.rule, message).on(&["budget.parts"]));
        }
    }
    Ok(())
}

/// Amounts entered station by station: they make up the project's class, or, where that is not said, one of
/// the sums of the budget.
fn stations(call: &Call<'_>, answer: &mut Answer, budget: &Budget) -> Result<(), Problem> {
    let Some(entered) = budget::listed(call, "stations")? else {
        return Ok(());
    };
    let of = |class: &str| of_class(&budget.lines, class).map(|line| line.amount);
    let guidance = of("guidance").unwrap_or_default();
    let (common, personalised) = (
        of(COMMON).unwrap_or_default(),
        of(PERSONALISED).unwrap_or_default(),
    );
    let towns = budget::sum([common, personalised]).unwrap_or_default();
    let whole = budget::sum([guidance, towns]).unwrap_or_default();
    let accepted = match call.facts.text("project.category")? {
        Some(COMMON) => vec![common],
        Some(PERSONALISED) => vec![personalised],
        Some(_) => vec![guidance],
        None => vec![whole, towns, common, personalised],
    };
    if accepted.contains(&entered) {
        return Ok(());
    }
    let entered = entered.grouped();
    let sums: Vec<String> = accepted.iter().map(|sum| sum.grouped()).collect();
    let message = msg(
        format!(
            "各站金额合计 {entered} 元，与经费构成（{} 元）不符",
            sums.join("、")
        ),
        format!(
            "the stations' amounts sum to {entered} yuan, the budget says {} yuan",
            sums.join(", or ")
        ),
    );
    let rule = of_class(&budget.lines, COMMON).map_or(&budget.rule, |line| &line.rule);
    answer.find(Finding::violation(rule, message).on(&["stations", "budget.parts"]));
    Ok(())
}

/// LW-08: 每个乡镇6万元, 城区街道16万元. The number of towns is counted from LW-07 (LW-A1).
fn per_town(call: &Call<'_>, answer: &mut Answer, budget: &Budget) -> Result<(), Problem> {
    if !is_document_year(call)? {
        return Ok(());
    }
    let Some(class) = of_class(&budget.lines, PERSONALISED) else {
        return Ok(());
    };
    let (each, rule) = call.parameters.money("personalised-per-town")?;
    let (street, _) = call.parameters.money("personalised-street")?;
    let towns = if call.facts.text("decision.lw_a1")? == Some("as-listed") {
        // 乡镇(街道) counts the sub-district too.
        match call.facts.count("townships")? {
            Some(count) => count.saturating_sub(1).max(0),
            None => {
                let message = msg(
                    "缺少乡镇（街道）名单或数量，无法核对个性化项目经费",
                    "the towns are missing; the personalised projects cannot be checked",
                );
                answer.find(Finding::input_required(rule, "townships", message));
                return Ok(());
            }
        }
    } else {
        call.parameters.int("personalised-towns")?.0
    };
    let Some(wanted) = each
        .checked_mul(towns)
        .and_then(|all| budget::sum([all, street]))
    else {
        return Err(Problem::bad_request("townships"));
    };
    if class.amount != wanted {
        let (amount, wanted) = (class.amount.grouped(), wanted.grouped());
        let (each, street) = (each.grouped(), street.grouped());
        let message = msg(
            format!(
                "个性化项目按 {towns} 个乡镇各 {each} 元、城区街道 {street} 元应为 {wanted} 元，现为 {amount} 元"
            ),
            format!(
                "{towns} towns at {each} yuan and the sub-district's {street} yuan make {wanted} yuan; planned are {amount} yuan"
            ),
        );
        answer.find(Finding::deviation(rule, message).on(&["budget.parts", "townships"]));
    }
    Ok(())
}
