//! Staffing (人员配备): the supervisor of YZ-16 and the open number of YZ-28.

use liucheng_sdk::{
    Answer, Call, Fields, Finding, Problem, msg,
    staffing::{self, Level, Role},
};

/// YZ-16 and YZ-28.
pub fn staffing(call: &Call<'_>) -> Result<Answer, Problem> {
    let (minimum, rule) = call.parameters.int("supervisor-min")?;
    let mut answer = Answer::new();
    let roster = call.facts.rows("staff.roster")?;
    match &roster {
        None => {
            let message = msg(
                "缺少人员名册，无法核对专职督导员",
                "the roster is missing; the supervisor cannot be checked",
            );
            answer.find(Finding::input_required(rule, "staff.roster", message));
        }
        Some(roster) => supervisors(&mut answer, roster, (minimum, rule))?,
    }
    headcount(&mut answer, call, counted(call, roster.as_deref())?)?;
    Ok(answer)
}

/// YZ-16: 项目专职督导员(持有中级社会工作师及以上社会工作专业资质).
fn supervisors(
    answer: &mut Answer,
    roster: &[Fields<'_>],
    (minimum, rule): (i64, &str),
) -> Result<(), Problem> {
    staffing::ask_roles(answer, roster, rule)?;
    let (mut total, mut qualified, mut unknown, mut unread) = (0_i64, 0_i64, 0_i64, 0_i64);
    for person in roster {
        let level = Level::of(person)?.flatten();
        match Role::of(person)? {
            Some(Some(Role::Supervisor)) => total += 1,
            // Whoever it is may be the supervisor, unless the level is too low.
            Some(None) if level.is_none_or(|level| level >= Level::Intermediate) => {
                unread += 1;
                continue;
            }
            _ => continue,
        }
        match level {
            Some(level) => qualified += i64::from(level >= Level::Intermediate),
            None => unknown += 1,
        }
    }
    if qualified >= minimum {
        return Ok(());
    }
    if qualified + unknown + unread >= minimum {
        if unknown == 0 {
            // Whose role is not understood was asked for above.
            return Ok(());
        }
        let zh = format!("{unknown} 名督导员未填职业水平等级，或等级无法识别（须中级及以上）");
        let en = format!(
            "the level of {unknown} supervisor(s) is missing or not understood (intermediate or above is needed)"
        );
        answer.find(Finding::input_required(rule, "staff.roster", msg(zh, en)));
        return Ok(());
    }
    let zh = format!(
        "须有中级及以上专职督导员至少 {minimum} 名，名册有督导员 {total} 名，其中达标 {qualified} 名"
    );
    let en = format!(
        "at least {minimum} dedicated supervisor(s) of intermediate level or above; the roster has {total}, of whom {qualified} qualify"
    );
    answer.find(Finding::violation(rule, msg(zh, en)).on(&["staff.roster"]));
    Ok(())
}

/// How many of the roster the contract speaks of, and who is not counted: 低保核查员 are hired by the
/// government and are no 项目社工, unless it was decided to count both (YZ-A7).
fn counted(call: &Call<'_>, roster: Option<&[Fields<'_>]>) -> Result<(i64, i64), Problem> {
    let together = call.facts.text("decision.yz_a7")? == Some("together");
    let (mut counted, mut apart) = (0, 0);
    for person in roster.unwrap_or_default() {
        if together || person.flag("employed")? != Some(false) {
            counted += 1;
        } else {
            apart += 1;
        }
    }
    Ok((counted, apart))
}

/// YZ-28: 足额配备, but the text gives no number: that of the contract counts.
fn headcount(
    answer: &mut Answer,
    call: &Call<'_>,
    (listed, apart): (i64, i64),
) -> Result<(), Problem> {
    let Some(total) = call.facts.int("staff.total")? else {
        let zh = "文件未规定人数，请按服务协议填写人员总数";
        let en = "the text gives no number of staff; enter the total of the contract";
        answer.find(Finding::input_required("YZ-28", "staff.total", msg(zh, en)));
        return Ok(());
    };
    let (who_zh, who_en) = match (call.facts.text("decision.yz_a7")?, apart) {
        (Some("together"), _) => (
            "（驻站社工与项目社工合并）".to_owned(),
            " (station and project workers together)".to_owned(),
        ),
        (_, 0) => (String::new(), String::new()),
        (_, apart) => (
            format!("（另有政府聘用的驻站社工 {apart} 人不计）"),
            format!(" ({apart} hired by the government not counted)"),
        ),
    };
    let zh = format!("人数由服务协议确定：协议 {total} 人，名册 {listed} 人{who_zh}");
    let en = format!(
        "the contract sets the number of staff: {total} agreed, {listed} on the roster{who_en}"
    );
    // A roster may still be being filled in: it is shown and refuses nothing.
    let finding = if call.facts.has("staff.roster") && listed < total {
        Finding::deviation(
            "YZ-28",
            msg(format!("{zh}，未足额"), format!("{en}: not enough")),
        )
    } else {
        Finding::informative("YZ-28", msg(zh, en))
    };
    answer.find(finding.on(&["staff.total", "staff.roster"]));
    Ok(())
}
