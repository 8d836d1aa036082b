//! Staffing (人员配备): SX-07 refers to a policy; the number is asked for (SX-A5).

use liucheng_sdk::{Answer, Call, Finding, Problem, msg};

/// SX-07: 按政策要求配备驻站人员, by the number that a person has entered.
pub fn staffing(call: &Call<'_>) -> Result<Answer, Problem> {
    let mut answer = Answer::new();
    let is_provincial = call.facts.text("decision.sx_a5")? == Some("provincial-plan");
    let (source_zh, source_en) = if is_provincial {
        ("省实施方案", "the provincial plan")
    } else {
        ("合同", "the contract")
    };
    let Some(each) = call.facts.int("staffing.per_station_min")? else {
        let zh = format!("本方案未写驻站人数：请按{source_zh}填写每站最少人数");
        let en = format!(
            "the plan gives no number of staff: enter the least a station needs by {source_en}"
        );
        answer.find(Finding::input_required(
            "SX-A5",
            "staffing.per_station_min",
            msg(zh, en),
        ));
        return Ok(answer);
    };
    if each < 1 {
        let zh = format!("每站最少人数应不少于 1，现为 {each}");
        let en = format!("a station needs at least 1; {each} was entered");
        answer.find(Finding::violation("SX-07", msg(zh, en)).on(&["staffing.per_station_min"]));
        return Ok(answer);
    }
    let stations = call.facts.count("stations")?;
    // The roster is what there is; the total only what was agreed.
    let (key, staff) = match call.facts.rows("staff.roster")? {
        Some(roster) => ("staff.roster", i64::try_from(roster.len()).ok()),
        None => ("staff.total", call.facts.int("staff.total")?),
    };
    let (Some(stations), Some(staff)) = (stations, staff) else {
        if stations.is_none() {
            let message = msg(
                "缺少社工站数量，无法核对驻站人数",
                "the number of stations is missing; staffing cannot be checked",
            );
            answer.find(Finding::input_required("SX-07", "stations", message));
        }
        if staff.is_none() {
            let message = msg(
                "缺少人员名册，无法核对驻站人数",
                "the roster is missing; staffing cannot be checked",
            );
            answer.find(Finding::input_required("SX-07", "staff.roster", message));
        }
        return Ok(answer);
    };
    let Some(needed) = each.checked_mul(stations) else {
        return Err(Problem::bad_request("stations"));
    };
    let zh = format!(
        "{stations} 站每站不少于 {each} 人（{source_zh}），共 {needed} 人，现有 {staff} 人"
    );
    let en = format!(
        "{stations} stations of at least {each} by {source_en} need {needed}; there are {staff}"
    );
    let finding = if staff < needed {
        Finding::violation("SX-07", msg(zh, en))
    } else {
        Finding::informative("SX-07", msg(zh, en))
    };
    answer.find(finding.on(&["stations", key]));
    Ok(answer)
}
