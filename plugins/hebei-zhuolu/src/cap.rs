//! The cap of ZL-05, of the year before, on what comes from the fund (ZL-A4); the county pays the rest.

use liucheng_sdk::{
    Answer, Call, Fen, Finding, Problem,
    budget::{self, Bound, Limit},
    msg,
};

/// ZL-05: 从社会救助专项经费中列支的,不超过上年度资金总额的3%; 不足部分由县财政补助.
pub fn cap(call: &Call<'_>) -> Result<Answer, Problem> {
    let (percent, rule) = call.parameters.percent("cap-percent")?;
    let mut answer = Answer::new();
    let base_name = msg(
        "上年度社会救助专项经费资金总额",
        "last year's total of the social-assistance fund",
    );
    let mut money = budget::fund(call, &mut answer, (rule, &base_name))?;
    let total = call.facts.money("budget.total")?;
    let whole = call.facts.text("decision.zl_a4")? == Some("whole-budget");
    if whole && total.is_some() {
        money.amount = total;
        money.partial = false;
    }
    if money.base.is_some() {
        base_year(call, &mut answer, rule)?;
    }
    if let (Some(amount), Some(base)) = (money.amount, money.base) {
        let bound = Bound::AtMost;
        let measure = Limit { bound, percent }.measure(amount, base);
        let mut message = measure.message();
        if !measure.kept && !money.partial && !whole {
            message.zh.push_str("；未填从该资金列支的金额，按总经费计");
            message.en.push_str(
                "; what is taken from the fund is not entered, so the whole budget counts",
            );
        }
        let finding = if measure.kept {
            Finding::informative(rule, message)
        } else {
            Finding::violation(rule, message)
        };
        answer.find(finding.on(&[money.key(), "budget.fund_base"]));
    }
    if let Some(from_fund) = call.facts.money("budget.from_fund")? {
        subsidy(&mut answer, rule, (from_fund, total));
    }
    Ok(answer)
}

/// 不足部分由县财政补助: what the fund does not pay.
fn subsidy(answer: &mut Answer, rule: &str, (from_fund, total): (Fen, Option<Fen>)) {
    const KEYS: [&str; 2] = ["budget.from_fund", "budget.total"];
    let Some(total) = total else {
        return;
    };
    match total.checked_sub(from_fund).filter(|rest| rest.0 >= 0) {
        Some(rest) => {
            let amount = rest.grouped();
            let message = msg(
                format!("其余 {amount} 元由县财政补助"),
                format!("the county's treasury pays the other {amount} yuan"),
            );
            answer.find(Finding::informative(rule, message).on(&KEYS));
            answer.set(
                "allocation.county_subsidy",
                liucheng_sdk::Scalar::Money(rest),
            );
        }
        None => {
            let (from_fund, total) = (from_fund.grouped(), total.grouped());
            let message = msg(
                format!("列支金额 {from_fund} 元大于总经费 {total} 元"),
                format!("{from_fund} yuan taken from the fund exceed the budget of {total} yuan"),
            );
            answer.find(Finding::violation(rule, message).on(&KEYS));
        }
    }
}

/// 上年度: the base belongs to the year before the budget's.
fn base_year(call: &Call<'_>, answer: &mut Answer, rule: &str) -> Result<(), Problem> {
    const KEY: &str = "budget.fund_base_year";
    let year = budget::year(call)?;
    match (call.facts.int(KEY)?, year) {
        (None, _) => {
            let message = msg(
                "请填写资金基数的年度（应为上年度）",
                "enter the year of the fund base, which has to be the year before",
            );
            answer.find(Finding::input_required(rule, KEY, message));
        }
        (Some(given), Some(year)) if given != year - 1 => {
            let wanted = year - 1;
            let message = msg(
                format!("资金基数应为上年度（{wanted} 年）总额，现填 {given} 年"),
                format!(
                    "the fund base has to be that of the year before, {wanted}; the one given is of {given}"
                ),
            );
            answer.find(Finding::deviation(rule, message).on(&[KEY]));
        }
        _ => {}
    }
    Ok(())
}
