//! The 3 % of LW-05: a cap, unless somebody decides otherwise (LW-A3), of a base whose year is open (LW-A2).

use liucheng_sdk::{
    Answer, Call, Finding, Problem,
    budget::{self, Bound, Limit},
    msg,
};

/// LW-05: 所需经费不得超过当年社会救助专项资金支出总量的3%.
pub fn cap(call: &Call<'_>) -> Result<Answer, Problem> {
    let (percent, rule) = call.parameters.percent("cap-percent")?;
    let floor = call.facts.text("decision.lw_a3")? == Some("floor");
    let bound = if floor { Bound::AtLeast } else { Bound::AtMost };
    let mut answer = Answer::new();
    let base_name = msg(
        "社会救助专项资金支出总量",
        "the spending of the social-assistance fund",
    );
    let mut money = budget::fund(call, &mut answer, (rule, &base_name))?;
    // 所需经费: the whole, whatever of it comes from the fund.
    let total = call.facts.money("budget.total")?;
    if total.is_some() {
        (money.amount, money.partial) = (total, false);
    }
    if money.base.is_some() {
        base_year(call, &mut answer, rule)?;
    }
    let (Some(amount), Some(base)) = (money.amount, money.base) else {
        return Ok(answer);
    };
    let measure = Limit { bound, percent }.measure(amount, base);
    if money.partial && (measure.kept == (bound == Bound::AtMost)) {
        // A part within a cap, or below a floor, says nothing of the whole.
        let message = msg(
            "只填了从该资金列支的金额：请填写项目总经费，按总经费核对比例",
            "only what comes from the fund is entered: enter the whole budget, which the share is of",
        );
        answer.find(Finding::input_required(rule, "budget.total", message));
        return Ok(answer);
    }
    let message = measure.message();
    let finding = match (measure.kept, bound) {
        (true, _) => Finding::informative(rule, message),
        (false, Bound::AtMost) => Finding::violation(rule, message),
        // The floor of the same region's other document says 原则上.
        (false, Bound::AtLeast) => Finding::deviation(rule, message),
    };
    answer.find(finding.on(&[money.key(), "budget.fund_base"]));
    Ok(answer)
}

/// LW-A2: the text says 当年, the document counted with the year before. Until somebody decides, both pass.
fn base_year(call: &Call<'_>, answer: &mut Answer, rule: &str) -> Result<(), Problem> {
    let Some(given) = call.facts.int("budget.fund_base_year")? else {
        let message = msg("请填写资金基数的年度", "enter the year of the fund base");
        answer.find(Finding::input_required(
            rule,
            "budget.fund_base_year",
            message,
        ));
        return Ok(());
    };
    let Some(year) = budget::year(call)? else {
        // Which year is the same one, only a step of this budget tells.
        if call.facts.has("decision.lw_a2") {
            let message = msg(
                "已决定基数年度：请填写经费所属年度",
                "the year of the base is decided: enter the year the budget is for",
            );
            answer.find(Finding::input_required(rule, "budget.year", message));
        }
        return Ok(());
    };
    let (accepted, zh, en) = match call.facts.text("decision.lw_a2")? {
        Some("current-year") => (
            given == year,
            format!("当年（{year}）"),
            format!("of the same year, {year}"),
        ),
        Some("previous-year") => (
            given == year - 1,
            format!("上年（{}）", year - 1),
            format!("of the year before, {}", year - 1),
        ),
        _ => (
            given == year || given == year - 1,
            format!("当年（{year}）或上年（{}）", year - 1),
            format!("of {year} or of the year before"),
        ),
    };
    if !accepted {
        let message = msg(
            format!("资金基数应为{zh}的支出总量，现填 {given} 年"),
            format!("the fund base has to be that {en}; the one given is of {given}"),
        );
        answer.find(Finding::deviation(rule, message).on(&["budget.fund_base_year"]));
    }
    Ok(())
}
