//! The wage of ZL-04: the county's minimum wage and ten percent.

use liucheng_sdk::{Answer, Call, Fen, Finding, Problem, Scalar, msg};

/// ZL-04: 工资标准参照我县最低工资标准上浮10%执行. The minimum wage changes; it is always entered.
pub fn floor(call: &Call<'_>, answer: &mut Answer) -> Result<(), Problem> {
    let (uplift, rule) = call.parameters.percent("wage-uplift-percent")?;
    let Some(minimum) = call.facts.money("wage.minimum")?.filter(|wage| wage.0 > 0) else {
        let message = msg(
            "请填写县最低工资标准（元/月），文件未载",
            "enter the county's minimum wage (yuan a month); the document does not give it",
        );
        answer.find(Finding::input_required(rule, "wage.minimum", message));
        return Ok(());
    };
    let floor = minimum
        .0
        .checked_add(minimum.percent_ceil(uplift).0)
        .map(Fen)
        .ok_or_else(|| Problem::bad_request("wage.minimum"))?;
    answer.set("allocation.wage_floor", Scalar::Money(floor));
    let (minimum, wanted) = (minimum.grouped(), floor.grouped());
    let paid = call.facts.money("wage.standard")?;
    let zh = format!("最低工资 {minimum} 元上浮 {uplift}% 为每月 {wanted} 元");
    let en =
        format!("the minimum wage of {minimum} yuan and {uplift} % make {wanted} yuan a month");
    let finding = match paid {
        Some(paid) if paid < floor => {
            let paid = paid.grouped();
            let message = msg(
                format!("{zh}，工资标准 {paid} 元低于此数"),
                format!("{en}; the wage of {paid} yuan is below that"),
            );
            Finding::violation(rule, message).on(&["wage.standard", "wage.minimum"])
        }
        _ => Finding::informative(rule, msg(zh, en)).on(&["wage.minimum"]),
    };
    answer.find(finding);
    Ok(())
}
