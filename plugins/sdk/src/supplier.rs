//! The contractor (承接主体): what several documents ask of it.
//!
//! Each function judges one demand under the rule it is given. What is not known is asked for, never
//! taken for a yes or a no.

use crate::{Answer, Call, Fields, Finding, Message, Problem, Scalar, msg, uscc};

/// A contractor has been chosen once one of these facts is known.
const CHOSEN: [&str; 3] = ["award.decided", "award.notice_issued", "contract.signed"];

/// The contractor; asked for under `rule` once one must have been chosen.
///
/// # Errors
/// A [`Problem`] when `supplier` is not a record.
pub fn known<'a>(
    answer: &mut Answer,
    call: &'a Call<'_>,
    rule: &str,
) -> Result<Option<Fields<'a>>, Problem> {
    let supplier = call.facts.row("supplier")?;
    if supplier.is_none() && CHOSEN.iter().any(|key| call.facts.has(key)) {
        let message = msg(
            "缺少承接主体信息，无法核对资格",
            "the contractor is missing; it cannot be checked",
        );
        ask(answer, rule, message);
    }
    Ok(supplier)
}

/// 依法注册登记: there is a unified social credit code, and its check character is right.
///
/// # Errors
/// A [`Problem`] when `uscc` is not a text.
pub fn registered(answer: &mut Answer, supplier: &Fields<'_>, rule: &str) -> Result<(), Problem> {
    match supplier.text("uscc")? {
        None => {
            let message = msg(
                "未填统一社会信用代码",
                "the unified social credit code is missing",
            );
            ask(answer, rule, message);
        }
        Some(code) if !uscc::is_valid(code) => {
            let zh = format!("统一社会信用代码 {code} 校验不通过");
            let en = format!("the unified social credit code {code} fails its check");
            violate(answer, rule, msg(zh, en));
        }
        Some(_) => {}
    }
    Ok(())
}

/// The kind of organisation is one of `accepted`, rows with a field `kind`; `wanted` names them for people.
///
/// # Errors
/// A [`Problem`] when a `kind` is not a text.
pub fn of_kind(
    answer: &mut Answer,
    supplier: &Fields<'_>,
    (accepted, rule): (&[Fields<'_>], &str),
    wanted: &Message,
) -> Result<(), Problem> {
    let Some(kind) = supplier.text("kind")? else {
        let message = msg("未填承接主体类别", "the kind of contractor is missing");
        ask(answer, rule, message);
        return Ok(());
    };
    for row in accepted {
        if row.text("kind")? == Some(kind) {
            return Ok(());
        }
    }
    let zh = format!("承接主体应为{}，现为“{kind}”", wanted.zh);
    let en = format!("the contractor must be {}; it is {kind:?}", wanted.en);
    violate(answer, rule, msg(zh, en));
    Ok(())
}

/// 无违法违规记录. The record is a count or a yes or no.
///
/// # Errors
/// A [`Problem`] when `violations` is neither.
pub fn clean_record(answer: &mut Answer, supplier: &Fields<'_>, rule: &str) -> Result<(), Problem> {
    let message = match supplier.get("violations") {
        Some(Scalar::Bool(false) | Scalar::Int(0)) => return Ok(()),
        None => {
            let message = msg("未填违法违规记录", "the record of violations is missing");
            ask(answer, rule, message);
            return Ok(());
        }
        Some(Scalar::Int(count)) => msg(
            format!("有违法违规记录 {count} 条"),
            format!("{count} violation(s) on record"),
        ),
        Some(Scalar::Bool(true)) => msg("有违法违规记录", "violations on record"),
        Some(other) => {
            return Err(Problem::wrong_type(
                "supplier.violations",
                "int or bool",
                other.kind(),
            ));
        }
    };
    violate(answer, rule, message);
    Ok(())
}

/// 年检合格: at least `years` yearly inspections (年检) passed in a row.
///
/// # Errors
/// A [`Problem`] when `years_inspected` is not a whole number.
pub fn inspected(
    answer: &mut Answer,
    supplier: &Fields<'_>,
    (years, rule): (i64, &str),
) -> Result<(), Problem> {
    match supplier.int("years_inspected")? {
        None => {
            let message = msg(
                "未填年检合格年数（years_inspected）",
                "the number of inspections passed (years_inspected) is missing",
            );
            ask(answer, rule, message);
        }
        Some(passed) if passed < years => {
            let zh = format!("须近 {years} 年年检合格，现为 {passed} 年");
            let en = format!("{years} yearly inspections must be passed; there are {passed}");
            violate(answer, rule, msg(zh, en));
        }
        Some(_) => {}
    }
    Ok(())
}

/// 评估等级3A以上: graded 3A or above, where a text demands it of this contractor.
///
/// # Errors
/// A [`Problem`] when `grade_3a` is not a yes or no.
pub fn graded_3a(answer: &mut Answer, supplier: &Fields<'_>, rule: &str) -> Result<(), Problem> {
    match supplier.flag("grade_3a")? {
        None => {
            let message = msg(
                "未填社会组织评估等级是否 3A 以上（grade_3a）",
                "whether it is graded 3A or above (grade_3a) is missing",
            );
            ask(answer, rule, message);
        }
        Some(false) => violate(
            answer,
            rule,
            msg(
                "社会组织评估等级须为 3A 以上",
                "the organisation must be graded 3A or above",
            ),
        ),
        Some(true) => {}
    }
    Ok(())
}

/// 原则上应承接过项目且评估合格: a deviation to justify, not a refusal.
///
/// # Errors
/// A [`Problem`] when `prior_pass` is not a yes or no.
pub fn passed_before(
    answer: &mut Answer,
    supplier: &Fields<'_>,
    rule: &str,
) -> Result<(), Problem> {
    match supplier.flag("prior_pass")? {
        Some(true) => {}
        Some(false) => {
            let zh = "原则上应承接过政府购买社工服务项目且评估合格，该主体没有";
            let en = "in principle it should have passed an earlier purchase of social-work services; it has not";
            answer.find(Finding::deviation(rule, msg(zh, en)).on(&["supplier"]));
        }
        None => {
            let message = msg(
                "未填以往项目评估结果（prior_pass）",
                "the result of earlier projects (prior_pass) is missing",
            );
            ask(answer, rule, message);
        }
    }
    Ok(())
}

/// 评估3A以上且成立党组织的优先: says so where it is the case, and nothing else.
///
/// # Errors
/// A [`Problem`] when a field is not a yes or no.
pub fn preferred(answer: &mut Answer, supplier: &Fields<'_>, rule: &str) -> Result<(), Problem> {
    if supplier.flag("grade_3a")? == Some(true) && supplier.flag("party_org")? == Some(true) {
        let zh = "评估 3A 以上且成立党组织，可优先承接";
        let message = msg(
            zh,
            "graded 3A or above with a Party organisation: may be preferred",
        );
        answer.find(Finding::informative(rule, message).on(&["supplier"]));
    }
    Ok(())
}

fn ask(answer: &mut Answer, rule: &str, message: Message) {
    answer.find(Finding::input_required(rule, "supplier", message));
}

fn violate(answer: &mut Answer, rule: &str, message: Message) {
    answer.find(Finding::violation(rule, message).on(&["supplier"]));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Facts, FindingCode, Row, Value};

    type Found = Vec<(FindingCode, String)>;

    fn judge(
        fields: &[(&str, Scalar)],
        demand: impl Fn(&mut Answer, &Fields<'_>) -> Result<(), Problem>,
    ) -> Result<Found, Problem> {
        let row: Row = fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        let facts: Facts = [("supplier".to_owned(), Value::Row(row))]
            .into_iter()
            .collect();
        let mut answer = Answer::new();
        let supplier = facts.row("supplier")?;
        supplier.map_or(Ok(()), |supplier| demand(&mut answer, &supplier))?;
        let found = answer.findings.into_iter();
        Ok(found.map(|finding| (finding.code, finding.rule)).collect())
    }

    fn one(code: FindingCode) -> Result<Found, Problem> {
        Ok(vec![(code, "X-1".to_owned())])
    }

    #[test]
    fn what_is_unknown_is_asked_for() {
        let asked = one(FindingCode::InputRequired);
        assert_eq!(judge(&[], |a, s| registered(a, s, "X-1")), asked);
        assert_eq!(judge(&[], |a, s| clean_record(a, s, "X-1")), asked);
        assert_eq!(judge(&[], |a, s| inspected(a, s, (3, "X-1"))), asked);
        assert_eq!(judge(&[], |a, s| graded_3a(a, s, "X-1")), asked);
        assert_eq!(judge(&[], |a, s| passed_before(a, s, "X-1")), asked);
        assert_eq!(judge(&[], |a, s| preferred(a, s, "X-1")), Ok(vec![]));
    }

    #[test]
    fn each_limit_has_two_sides() {
        let years = |n| [("years_inspected", Scalar::Int(n))];
        let demand = |a: &mut Answer, s: &Fields<'_>| inspected(a, s, (3, "X-1"));
        assert_eq!(judge(&years(3), demand), Ok(vec![]));
        assert_eq!(judge(&years(2), demand), one(FindingCode::Violation));
        let graded = |yes| [("grade_3a", Scalar::Bool(yes))];
        let demand = |a: &mut Answer, s: &Fields<'_>| graded_3a(a, s, "X-1");
        assert_eq!(judge(&graded(true), demand), Ok(vec![]));
        assert_eq!(judge(&graded(false), demand), one(FindingCode::Violation));
        let record = |value| [("violations", value)];
        let demand = |a: &mut Answer, s: &Fields<'_>| clean_record(a, s, "X-1");
        assert_eq!(judge(&record(Scalar::Int(0)), demand), Ok(vec![]));
        assert_eq!(
            judge(&record(Scalar::Int(1)), demand),
            one(FindingCode::Violation)
        );
        assert!(judge(&record(Scalar::Text("none".to_owned())), demand).is_err());
    }
}
