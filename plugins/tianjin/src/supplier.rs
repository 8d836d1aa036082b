//! The contractor (承接主体): TJ-10, TJ-11 and TJ-12.

use liucheng_sdk::{Answer, Call, Fields, Finding, Problem, msg, supplier};

/// Judges the contractor as soon as there is one.
pub fn check(call: &Call<'_>) -> Result<Answer, Problem> {
    let mut answer = Answer::new();
    let Some(contractor) = supplier::known(&mut answer, call, "TJ-10")? else {
        return Ok(answer);
    };
    supplier::registered(&mut answer, &contractor, "TJ-10")?;
    kind(&mut answer, call, &contractor)?;
    let zh = "请核对财务和纳税资质、固定办公场所、专业队伍的证明";
    let message = msg(
        zh,
        "check the papers on finance and tax, fixed office and professional team",
    );
    answer.find(Finding::informative("TJ-11", message).on(&["supplier"]));
    supplier::clean_record(&mut answer, &contractor, "TJ-12")?;
    Ok(answer)
}

/// TJ-10: 社会工作类社会组织. Which values of `supplier.kind` there are, and which of them are meant, is the
/// overlay's business; what is not listed is refused with the list.
fn kind(answer: &mut Answer, call: &Call<'_>, contractor: &Fields<'_>) -> Result<(), Problem> {
    let (kinds, rule) = call.parameters.rows("supplier-kinds")?;
    let Some(given) = contractor.text("kind")? else {
        let message = msg("未填承接主体类别", "the kind of contractor is missing");
        answer.find(Finding::input_required(rule, "supplier", message));
        return Ok(());
    };
    let mut list = Vec::new();
    for row in &kinds {
        let kind = row.text("kind")?.unwrap_or_default();
        list.push(kind);
        if kind != given {
            continue;
        }
        let finding = match row.flag("accepted")? {
            Some(true) => return Ok(()),
            Some(false) => Finding::violation(
                rule,
                msg(
                    format!("承接主体应为社会工作类社会组织，现为“{given}”"),
                    format!("the contractor must be a social-work organisation; it is {given:?}"),
                ),
            )
            .on(&["supplier"]),
            None => Finding::input_required(
                rule,
                "supplier",
                msg(
                    format!(
                        "承接主体类别为“{given}”：请确认是否属社会工作类，属者填“社会工作类社会组织”"
                    ),
                    format!(
                        "the contractor is {given:?}: confirm whether it is one of social work, and enter it as such"
                    ),
                ),
            ),
        };
        answer.find(finding);
        return Ok(());
    }
    let list = list.join("、");
    let zh = format!("承接主体类别“{given}”不在可填之列：{list}");
    let en = format!("the kind of contractor {given:?} is none of: {list}");
    answer.find(Finding::violation(rule, msg(zh, en)).on(&["supplier"]));
    Ok(())
}
