//! The budget of ZL-02 and its split into staff and operation (ZL-03), whose base is open (ZL-A3).

use liucheng_sdk::{
    Answer, Call, Fen, Finding, Percent, Problem, Scalar,
    budget::{self, Tree},
    msg,
};

/// The budget's two parts; `None` while not known.
#[derive(Debug, Clone, Copy, Default)]
struct Parts {
    township: Option<Fen>,
    platform: Option<Fen>,
    total: Option<Fen>,
}

/// What the document sets (ZL-02).
#[derive(Debug, Clone, Copy)]
struct Document {
    township: Fen,
    platform: Fen,
    total: Fen,
}

/// ZL-02 and ZL-03.
pub fn allocation(call: &Call<'_>) -> Result<Answer, Problem> {
    let mut answer = Answer::new();
    let (rows, rule) = call.parameters.rows("budget-parts")?;
    let tree = Tree::of_package(&rows, rule)?;
    let amount = |id: &str| {
        let part = tree.part(id).map(|part| part.amount);
        part.ok_or_else(|| Problem::missing_field("budget-parts", id))
    };
    let document = Document {
        township: amount("township")?,
        platform: amount("platform")?,
        total: amount("total")?,
    };
    let parts = parts(call, &mut answer, (rule, document))?;
    compare(call, &mut answer, (rule, document, parts))?;
    stations(call, &mut answer, (rule, parts))?;
    split(call, &mut answer, parts)?;
    Ok(answer)
}

/// The parts as entered; what is missing follows from the others, or from the document's own total.
fn parts(
    call: &Call<'_>,
    answer: &mut Answer,
    (rule, document): (&str, Document),
) -> Result<Parts, Problem> {
    const KEYS: [&str; 3] = ["budget.total", "budget.township", "budget.platform"];
    let mut parts = Parts {
        township: call.facts.money("budget.township")?,
        platform: call.facts.money("budget.platform")?,
        total: call.facts.money("budget.total")?,
    };
    match (parts.township, parts.platform, parts.total) {
        (Some(township), Some(platform), total) => {
            let sum = budget::sum([township, platform])
                .ok_or_else(|| Problem::bad_request("budget.township"))?;
            if let Some(total) = total.filter(|total| *total != sum) {
                let (township, platform) = (township.grouped(), platform.grouped());
                let (sum, total) = (sum.grouped(), total.grouped());
                let message = msg(
                    format!(
                        "乡镇 {township} 元与县级平台 {platform} 元合计 {sum} 元，与总经费 {total} 元不符"
                    ),
                    format!(
                        "{township} yuan for the townships and {platform} yuan for the county's platform sum to {sum} yuan, not to the budget of {total} yuan"
                    ),
                );
                answer.find(Finding::violation(rule, message).on(&KEYS));
            }
            parts.total = Some(total.unwrap_or(sum));
        }
        (Some(one), None, Some(total)) | (None, Some(one), Some(total)) => {
            let rest = total.checked_sub(one).filter(|rest| rest.0 >= 0);
            if rest.is_none() {
                let (one, total) = (one.grouped(), total.grouped());
                let message = msg(
                    format!("分项 {one} 元大于总经费 {total} 元"),
                    format!("a part of {one} yuan exceeds the budget of {total} yuan"),
                );
                answer.find(Finding::violation(rule, message).on(&KEYS));
            }
            parts.township = parts.township.or(rest);
            parts.platform = parts.platform.or(rest);
        }
        (None, None, Some(total)) if total == document.total => {
            parts.township = Some(document.township);
            parts.platform = Some(document.platform);
        }
        // The township projects' money alone, as the document gives it.
        (None, None, Some(total)) if total == document.township => parts.township = Some(total),
        (None, None, None) => {
            let message = msg(
                "缺少项目总经费，无法核对构成和 90%/10% 分配",
                "the budget is missing; its parts and the split cannot be checked",
            );
            answer.find(Finding::input_required(rule, "budget.total", message));
        }
        _ => {}
    }
    Ok(parts)
}

/// ZL-02: 共计约376.62万元. Whether 约 leaves room is ZL-A1.
fn compare(
    call: &Call<'_>,
    answer: &mut Answer,
    (rule, document, parts): (&str, Document, Parts),
) -> Result<(), Problem> {
    let (plan_year, _) = call.parameters.int("plan-year")?;
    let other_year = budget::year(call)?.is_some_and(|year| year != plan_year);
    let Some(total) = parts
        .total
        .filter(|total| !other_year && *total != document.total && *total != document.township)
    else {
        return Ok(());
    };
    let (total, planned) = (total.grouped(), document.total.grouped());
    let message = msg(
        format!("方案经费 {planned} 元，现为 {total} 元"),
        format!("the plan sets {planned} yuan; entered are {total} yuan"),
    );
    let approximate = call.facts.text("decision.zl_a1")? == Some("approximate");
    let finding = if approximate {
        Finding::informative(rule, message)
    } else {
        Finding::deviation(rule, message)
    };
    answer.find(finding.on(&["budget.total"]));
    Ok(())
}

/// Amounts entered station by station make up the township projects, or the whole with the platform.
fn stations(
    call: &Call<'_>,
    answer: &mut Answer,
    (rule, parts): (&str, Parts),
) -> Result<(), Problem> {
    let sums: Vec<Fen> = [parts.township, parts.total]
        .into_iter()
        .flatten()
        .collect();
    let Some(entered) = budget::listed(call, "stations")? else {
        return Ok(());
    };
    if sums.is_empty() || sums.contains(&entered) {
        return Ok(());
    }
    let entered = entered.grouped();
    let sums: Vec<String> = sums.iter().map(|sum| sum.grouped()).collect();
    let message = msg(
        format!(
            "各站金额合计 {entered} 元，与经费（{} 元）不符",
            sums.join("、")
        ),
        format!(
            "the stations' amounts sum to {entered} yuan, the budget says {} yuan",
            sums.join(", or ")
        ),
    );
    answer.find(Finding::violation(rule, message).on(&["stations", "budget.total"]));
    Ok(())
}

/// ZL-03: 人员费用占90%, 服务质量保障和运营管理占10%.
fn split(call: &Call<'_>, answer: &mut Answer, parts: Parts) -> Result<(), Problem> {
    let (staff, rule) = call.parameters.percent("staff-percent")?;
    let (operation, _) = call.parameters.percent("operation-percent")?;
    let decided = call.facts.text("decision.zl_a3")?;
    let whole = decided == Some("whole-budget");
    let (base, other) = if whole {
        (parts.total, parts.township)
    } else {
        (parts.township, parts.total)
    };
    let Some(base) = base else {
        if parts.total.is_some() {
            let message = msg(
                "缺少乡镇社工站项目经费，无法按 90%/10% 分配",
                "the township projects' money is missing; it cannot be split",
            );
            answer.find(Finding::input_required(rule, "budget.township", message));
        }
        return Ok(());
    };
    let divide = |base: Fen| {
        let shares = budget::split(base, &[staff, operation]);
        let pair = shares.and_then(|shares| <[Fen; 2]>::try_from(shares).ok());
        pair.ok_or_else(|| {
            Problem::wrong_parameter("staff-percent", "100 with operation-percent", "another sum")
        })
    };
    let [staff_cost, operating_cost] = divide(base)?;
    let name = if whole {
        ("总经费", "the whole budget")
    } else {
        ("乡镇社工站项目经费", "the township projects")
    };
    let sentence = |base: Fen, [of_staff, of_operation]: [Fen; 2]| {
        let base = base.grouped();
        let (of_staff, of_operation) = (of_staff.grouped(), of_operation.grouped());
        (
            format!(
                "{base} 元：人员费用 {staff}% {of_staff} 元，质量保障和运营管理 {operation}% {of_operation} 元"
            ),
            format!(
                "{base} yuan: {of_staff} yuan for staff ({staff} %), {of_operation} yuan for quality and operation ({operation} %)"
            ),
        )
    };
    let (zh, en) = sentence(base, [staff_cost, operating_cost]);
    let message = msg(format!("按{} {zh}", name.0), format!("of {} {en}", name.1));
    answer.find(Finding::informative(rule, message));
    // Until somebody decides, both readings are on the table.
    if let Some(other) = other.filter(|other| decided.is_none() && *other != base) {
        let (zh, en) = sentence(other, divide(other)?);
        let message = msg(
            format!("若按总经费 {zh}"),
            format!("of the whole budget it would be {en}"),
        );
        answer.find(Finding::informative("ZL-A3", message));
    }
    answer.set("allocation.staff_cost", Scalar::Money(staff_cost));
    answer.set("allocation.operating_cost", Scalar::Money(operating_cost));
    planned(
        call,
        answer,
        (rule, [staff, operation], [staff_cost, operating_cost]),
    )
}

/// The split that somebody planned, against the one that follows.
fn planned(
    call: &Call<'_>,
    answer: &mut Answer,
    (rule, percents, costs): (&str, [Percent; 2], [Fen; 2]),
) -> Result<(), Problem> {
    let names = [
        ("budget.staff_cost", "人员费用", "staff"),
        (
            "budget.operating_cost",
            "质量保障和运营管理费",
            "quality and operation",
        ),
    ];
    for ((key, zh, en), (percent, wanted)) in names.into_iter().zip(percents.into_iter().zip(costs))
    {
        let Some(given) = call.facts.money(key)?.filter(|given| *given != wanted) else {
            continue;
        };
        let (given, wanted) = (given.grouped(), wanted.grouped());
        let message = msg(
            format!("{zh}应占 {percent}%（{wanted} 元），现为 {given} 元"),
            format!("{percent} % ({wanted} yuan) are for {en}; planned are {given} yuan"),
        );
        answer.find(Finding::violation(rule, message).on(&[key]));
    }
    Ok(())
}
