//! The cap of 2 % (HN-14), of the year that HN-A3 leaves open.

use liucheng_sdk::{
    Answer, Call, Finding, Problem,
    budget::{self, Bound, Limit},
    msg,
};

/// HN-14: 困难群众救助补助资金按照不高于2%安排. Of which year, the text does not say (HN-A3).
pub fn cap(call: &Call<'_>) -> Result<Answer, Problem> {
    let (percent, rule) = call.parameters.percent("cap-percent")?;
    let mut answer = Answer::new();
    let base_name = msg(
        "困难群众救助补助资金总额",
        "the subsidy fund for people in need",
    );
    let money = budget::fund(call, &mut answer, (rule, &base_name))?;
    if !right_year(&mut answer, call, rule)? {
        return Ok(answer);
    }
    if let (Some(amount), Some(base)) = (money.amount, money.base) {
        let limit = Limit {
            bound: Bound::AtMost,
            percent,
        };
        let measure = limit.measure(amount, base);
        let finding = if measure.kept {
            Finding::informative(rule, measure.message())
        } else {
            Finding::violation(rule, measure.message())
        };
        answer.find(finding.on(&[money.key(), "budget.fund_base"]));
    }
    Ok(answer)
}

/// Whether the base is that of the year which the decision on HN-A3 names.
///
/// Undecided, the base is taken as it is, and another year than the one before is pointed out.
fn right_year(answer: &mut Answer, call: &Call<'_>, rule: &str) -> Result<bool, Problem> {
    let decision = call.facts.text("decision.hn_a3")?;
    let Some(base_year) = call.facts.int("budget.fund_base_year")? else {
        if decision.is_some() {
            let message = msg(
                "已确定基数年度，请填写资金基数是哪一年的",
                "the year of the base is decided: enter which year the base is of",
            );
            answer.find(Finding::input_required(
                rule,
                "budget.fund_base_year",
                message,
            ));
        }
        return Ok(true);
    };
    // Which year is the previous one, only a step of this budget tells.
    let Some(budget_year) = budget::year(call)? else {
        let message = msg(
            "缺少经费落实日期（或方案、合同日期），不能判断所填基数是上年还是当年的",
            "no day of the budget, plan or contract is known: whether the base is of the previous or the current year cannot be told",
        );
        answer.find(Finding::input_required(rule, "budget.confirmed", message));
        return Ok(true);
    };
    let current = decision.is_some_and(|option| option.starts_with("current-year"));
    let wanted = if current {
        budget_year
    } else {
        budget_year - 1
    };
    if base_year == wanted {
        return Ok(true);
    }
    if decision.is_some() {
        let zh = format!(
            "基数年度已确定为 {wanted} 年，所填基数为 {base_year} 年：请填写 {wanted} 年的资金总额"
        );
        let en = format!(
            "the base is decided to be that of {wanted}; given is that of {base_year}: enter the fund of {wanted}"
        );
        let finding = Finding::input_required(rule, "budget.fund_base", msg(zh, en));
        answer.find(finding.on(&["budget.fund_base_year"]));
        return Ok(false);
    }
    // Neither reading means any other year.
    if base_year != budget_year {
        let zh = format!(
            "基数应为上年（{wanted} 年）或当年（{budget_year} 年）的资金总额，现填 {base_year} 年"
        );
        let en = format!(
            "the base has to be the fund of {wanted} or of {budget_year}; the one given is of {base_year}"
        );
        answer.find(Finding::deviation(rule, msg(zh, en)).on(&["budget.fund_base_year"]));
        return Ok(true);
    }
    let zh = format!("基数为 {base_year} 年；未作决定前以上年（{wanted} 年）为准，请核对年度");
    let en =
        format!("the base is of {base_year}; undecided, that of {wanted} is meant: check the year");
    answer.find(Finding::informative(rule, msg(zh, en)).on(&["budget.fund_base_year"]));
    Ok(true)
}
