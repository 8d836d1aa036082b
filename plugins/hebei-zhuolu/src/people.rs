//! Who they are (人员条件): the age and education of ZL-07.

use liucheng_sdk::{Answer, Call, Fields, Finding, Problem, msg};

use crate::staffing::few;

/// ZL-07: 年龄在35周岁以下,具备大专及以上学历.
pub fn check(call: &Call<'_>, answer: &mut Answer) -> Result<(), Problem> {
    let (_, rule) = call.parameters.int("age-max")?;
    let Some(roster) = call.facts.rows("staff.roster")? else {
        let message = msg(
            "缺少人员名册，无法核对年龄和学历",
            "the roster is missing; age and education cannot be checked",
        );
        answer.find(Finding::input_required(rule, "staff.roster", message));
        return Ok(());
    };
    ages(call, answer, &roster)?;
    education(call, answer, &roster)
}

/// 以下 includes the number (民法典1259); somebody may decide otherwise (ZL-A5).
fn ages(call: &Call<'_>, answer: &mut Answer, roster: &[Fields<'_>]) -> Result<(), Problem> {
    let (max, rule) = call.parameters.int("age-max")?;
    let below = call.facts.text("decision.zl_a5")? == Some("exclusive");
    let (mut over, mut open) = (Vec::new(), Vec::new());
    for person in roster {
        match person.int("age")? {
            None => open.push(name(person)?),
            Some(age) if age > max || (below && age == max) => {
                over.push(format!("{} {age}", name(person)?));
            }
            Some(_) => {}
        }
    }
    let word = if below {
        ("不满", "below")
    } else {
        ("不超过", "at most")
    };
    if let Some((zh, en)) = few(&over) {
        let message = msg(
            format!("驻站社工年龄应{} {max} 周岁：{zh}", word.0),
            format!("workers have to be {} {max}: {en}", word.1),
        );
        answer.find(Finding::violation(rule, message).on(&["staff.roster"]));
    }
    ask(answer, rule, ("年龄", "age"), &open);
    Ok(())
}

/// Which degrees are 大专及以上 is the overlay's business; others are looked at by a person.
fn education(call: &Call<'_>, answer: &mut Answer, roster: &[Fields<'_>]) -> Result<(), Problem> {
    let (degrees, rule) = call.parameters.rows("education")?;
    let (mut low, mut open) = (Vec::new(), Vec::new());
    for person in roster {
        let given = person.text("education")?;
        let mut enough = None;
        for degree in &degrees {
            if given.is_some() && degree.text("name")? == given {
                enough = degree.flag("enough")?;
            }
        }
        match (enough, given) {
            (Some(true), _) => {}
            (Some(false), given) => {
                low.push(format!("{} {}", name(person)?, given.unwrap_or_default()));
            }
            (None, _) => open.push(name(person)?),
        }
    }
    if let Some((zh, en)) = few(&low) {
        let message = msg(
            format!("驻站社工应具备大专及以上学历：{zh}"),
            format!("workers need a college degree or more: {en}"),
        );
        answer.find(Finding::violation(rule, message).on(&["staff.roster"]));
    }
    ask(answer, rule, ("学历", "education"), &open);
    Ok(())
}

fn ask(answer: &mut Answer, rule: &str, (zh, en): (&str, &str), open: &[String]) {
    if let Some((list_zh, list_en)) = few(open) {
        let message = msg(
            format!("以下人员未填{zh}或无法识别：{list_zh}"),
            format!("people whose {en} is missing or not known: {list_en}"),
        );
        answer.find(Finding::input_required(rule, "staff.roster", message));
    }
}

fn name(person: &Fields<'_>) -> Result<String, Problem> {
    Ok(person
        .text("id")?
        .map_or_else(|| person.place(), str::to_owned))
}
