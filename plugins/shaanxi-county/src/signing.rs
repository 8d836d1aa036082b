//! Signing (签订合同): the window of SX-03 and the statutory days of SX-04 together. The earlier end wins.

use liucheng_sdk::{Answer, Call, Date, Finding, Problem, Scalar, Severity, Value, msg};

use crate::dates;

/// The days within which the contract is to be signed.
struct Limits {
    /// SX-03, both days included.
    window: (Date, Date),
    /// SX-04, rolled off rest days.
    statutory: Date,
}

/// SX-03, SX-04, SX-A1 and SX-A2, as soon as the award notice has been issued.
pub fn check(call: &Call<'_>) -> Result<Answer, Problem> {
    let mut answer = Answer::new();
    let Some(notice) = call.facts.date("award.notice_issued")? else {
        return Ok(answer);
    };
    let Some(limits) = limits(call, notice)? else {
        return Ok(answer);
    };
    let ((start, end), statutory) = (limits.window, limits.statutory);
    if statutory < start {
        answer.find(early(call, notice, &limits)?);
    } else if notice > end {
        let zh = format!(
            "通知书 {notice} 发出时签约窗口（至 {end}）已过：两者冲突，按法定期限，最迟 {statutory} 签订"
        );
        let en = format!(
            "the notice was issued on {notice}, after the window had closed on {end}; the statutory limit counts, sign by {statutory}"
        );
        answer.find(conflict("SX-A2", &zh, &en));
    } else if !call.facts.has("contract.signed") {
        answer.find(together(call, &limits)?.on(&["award.notice_issued", "contract.signed"]));
    }
    Ok(answer)
}

/// SX-A1: the statutory days end before the window opens. The law prevails; what becomes of the window, a
/// person decides.
fn early(call: &Call<'_>, notice: Date, limits: &Limits) -> Result<Finding, Problem> {
    let ((start, _), statutory) = (limits.window, limits.statutory);
    Ok(match call.facts.text("decision.sx_a1")? {
        Some("statutory") => {
            let zh = format!(
                "通知书 {notice} 发出：已决定以法定期限为准，签约窗口不适用，最迟 {statutory} 签订"
            );
            let en = format!(
                "the notice was issued on {notice}: it was decided that the window does not apply; sign by {statutory}"
            );
            Finding::informative("SX-A1", msg(zh, en)).on(&["award.notice_issued"])
        }
        Some("move-window") if !call.facts.has("plan.sign_window_opens") => {
            let zh = format!(
                "已决定请县里把签约窗口起点 {start} 提前到法定末日 {statutory} 以前：请登记调整后的起点"
            );
            let en = format!(
                "it was decided that the county moves the window from {start} to before the statutory last day {statutory}: enter its new first day"
            );
            Finding::input_required("SX-A1", "plan.sign_window_opens", msg(zh, en))
        }
        Some("move-window") => moved(call, statutory)?,
        _ => {
            let zh = format!(
                "通知书 {notice} 发出，法定末日 {statutory} 早于签约窗口起点 {start}：两者冲突，以法定期限为准，最迟 {statutory} 签订"
            );
            let en = format!(
                "the notice was issued on {notice}: the statutory last day {statutory} is before the window opens on {start}; the law prevails, sign by {statutory}"
            );
            conflict("SX-A1", &zh, &en)
        }
    })
}

/// The window as the county has moved it, which still has to leave a day for signing.
fn moved(call: &Call<'_>, statutory: Date) -> Result<Finding, Problem> {
    let opens = call.facts.date("plan.sign_window_opens")?;
    let opens = opens.unwrap_or(statutory);
    if opens > statutory {
        let zh = format!("调整后的签约窗口起点 {opens} 仍晚于法定末日 {statutory}");
        let en = format!(
            "the moved window opens on {opens}, still after the statutory last day {statutory}"
        );
        return Ok(conflict("SX-A1", &zh, &en).on(&["plan.sign_window_opens"]));
    }
    let zh = format!("签约窗口已调整为 {opens} 起：{opens} 至 {statutory} 签订");
    let en = format!("the window was moved: sign from {opens} to {statutory}");
    Ok(Finding::informative("SX-A1", msg(zh, en)).on(&["plan.sign_window_opens"]))
}

/// The window speaks of one year: that of the first contract. Below the threshold nothing is awarded.
fn limits(call: &Call<'_>, notice: Date) -> Result<Option<Limits>, Problem> {
    let window = (
        day(call, "sign-window-start")?,
        day(call, "sign-window-end")?,
    );
    let later = |key: &str| Ok::<_, Problem>(call.facts.int(key)?.is_some_and(|n| n > 1));
    if notice.year() != window.1.year()
        || later("contract.year")?
        || later("project.cycle")?
        || call.facts.text("procurement.method")? == Some("below-threshold")
    {
        return Ok(None);
    }
    let (days, _) = call.parameters.int("sign-days")?;
    let unrolled = u16::try_from(days)
        .ok()
        .and_then(|days| dates::plus_days(notice, days))
        .ok_or_else(|| {
            Problem::wrong_parameter("sign-days", "a number of days", "another number")
        })?;
    let counted = call.host.next_working_day(unrolled).map_err(|_| {
        Problem::new(
            "calendar",
            msg(
                format!("日历不能推算 {unrolled}"),
                format!("the calendar cannot tell about {unrolled}"),
            ),
        )
    })?;
    Ok(Some(Limits {
        window,
        statutory: counted.date,
    }))
}

/// Both can be kept: by which day, and why.
fn together(call: &Call<'_>, limits: &Limits) -> Result<Finding, Problem> {
    let ((start, end), statutory) = (limits.window, limits.statutory);
    if statutory <= end {
        let zh = format!(
            "法定末日 {statutory} 不晚于签约窗口终点 {end}：取较早者，{start} 至 {statutory} 签订"
        );
        let en = format!(
            "the statutory last day {statutory} is not after the window's end {end}; the earlier counts: sign from {start} to {statutory}"
        );
        return Ok(Finding::informative("SX-04", msg(zh, en)));
    }
    if call.facts.text("decision.sx_a2")? == Some("statutory") {
        let zh = format!("已决定按顺延后的法定末日：最迟 {statutory} 签订（签约窗口终点 {end}）");
        let en = format!(
            "decided: the statutory last day counts; sign by {statutory} (the window ends on {end})"
        );
        return Ok(Finding::informative("SX-A2", msg(zh, en)));
    }
    let zh = format!("签约窗口终点 {end} 早于法定末日 {statutory}：取较早者，最迟 {end} 签订");
    let en = format!(
        "the window's end {end} is before the statutory last day {statutory}; the earlier counts: sign by {end}"
    );
    Ok(Finding::informative("SX-03", msg(zh, en)))
}

/// The notice has been issued and must be recorded, so that nothing is refused: somebody has to look.
fn conflict(rule: &str, zh: &str, en: &str) -> Finding {
    let finding = Finding::infeasible(rule, msg(zh, en)).on(&["award.notice_issued"]);
    Finding {
        severity: Severity::Warning,
        ..finding
    }
}

fn day(call: &Call<'_>, key: &str) -> Result<Date, Problem> {
    match &call.parameters.get(key)?.value {
        Value::One(Scalar::Date(date)) => Ok(*date),
        other => Err(Problem::wrong_parameter(key, "date", other.kind())),
    }
}
