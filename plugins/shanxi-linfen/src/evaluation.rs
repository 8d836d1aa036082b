//! What a grade means: the joint evaluation at the year's end (LF-16) and the award pool (LF-17).

use liucheng_sdk::{
    Answer, Call, Finding, Problem, msg,
    renewal::{first_grade, grade_name},
};

/// LF-16 and LF-17; which grades there are, the text does not say (LF-A6).
pub fn grade(call: &Call<'_>) -> Result<Answer, Problem> {
    let (_, pool_rule) = call.parameters.money("award-pool-min")?;
    let mut answer = Answer::new();
    let keys = ["eval.annual.grade", "eval.final.grade"];
    let Some((key, grade)) = first_grade(call, &keys)? else {
        return Ok(answer);
    };
    let Some(name) = grade_name(grade) else {
        let zh = format!("评估等级“{grade}”不在优秀、良好、合格、不合格之列，请填写");
        let en = format!("the grade {grade:?} is not one of excellent, good, pass, fail; give it");
        answer.find(Finding::input_required("LF-16", key, msg(zh, en)));
        return Ok(answer);
    };
    let joint = call.facts.flag("eval.joint")?;
    let message = match joint {
        Some(true) => None,
        Some(false) => Some(Finding::deviation(
            "LF-16",
            msg(
                "年度末绩效评价须由县（市、区）民政局和乡镇（街道）共同进行",
                "the county's bureau and the township evaluate together at the year's end",
            ),
        )),
        None => Some(Finding::input_required(
            "LF-16",
            "eval.joint",
            msg(
                "请登记年度末绩效评价是否由县（市、区）民政局和乡镇（街道）共同进行",
                "enter whether the county's bureau and the township evaluated together",
            ),
        )),
    };
    if let Some(finding) = message {
        answer.find(finding);
    }
    if grade == "excellent" {
        let zh = format!("评估{name}：可申请市级奖补（每年福彩公益金奖补资金）");
        let en = "the grade is excellent: the city's award pool may be applied for";
        answer.find(Finding::informative(pool_rule, msg(zh, en)).on(&[key]));
    }
    Ok(answer)
}
