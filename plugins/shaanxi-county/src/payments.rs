//! Payments (资金支付): SX-08 names days and no shares, SX-09 pays on application.

use liucheng_sdk::{
    Answer, Call, Date, Fen, Finding, Percent, Problem, msg, terms,
    tranche::{self, Tranche},
};

use crate::dates;

/// By the contract's own terms; without them, only as a person has decided (SX-A4).
pub fn plan(answer: &mut Answer, call: &Call<'_>) -> Result<(), Problem> {
    if terms::plan(answer, call, "SX-09")? {
        return Ok(());
    }
    let price = call.facts.money("contract.amount")?;
    match call.facts.text("decision.sx_a4")? {
        Some("single-window") => {
            answer.payments = tranche::plan(&[whole()], price)?;
            terms::ask_price(answer, price, "SX-09");
        }
        Some("quarterly") => equal(answer, call, (price, dates::contract_quarters))?,
        Some("calendar-quarters") => equal(answer, call, (price, dates::quarters))?,
        _ => {
            let zh = "方案只给支付时段（9月16日至30日），未写比例：请按合同填写付款条款";
            let en = "the plan gives days for paying (16 to 30 September) and no shares; enter the contract's payment terms";
            answer.find(Finding::input_required(
                "SX-08",
                "contract.payment_terms",
                msg(zh, en),
            ));
        }
    }
    Ok(())
}

/// All at once, within the days of SX-08.
fn whole() -> Tranche {
    Tranche {
        no: 1,
        percent: Some(Percent::HUNDRED),
        remainder: true,
        obligation: "pay".to_owned(),
        rule: "SX-08".to_owned(),
    }
}

/// One application for each quarter of the contract or of the calendar, equal parts; the last takes what is left.
fn equal(
    answer: &mut Answer,
    call: &Call<'_>,
    (price, quarters): (Option<Fen>, fn(Date, Date) -> u32),
) -> Result<(), Problem> {
    let start = call.facts.date("contract.start")?;
    let start = match start {
        Some(start) => Some(start),
        None => call.facts.date("contract.signed")?,
    };
    let term = start.zip(call.facts.date("contract.expiry")?);
    let count = term.map_or(0, |(start, expiry)| quarters(start, expiry));
    if count == 0 {
        let message = msg(
            "已决定按季申请：缺少合同起止日，不能分期",
            "decided: one application a quarter; without the contract's term there are no parts",
        );
        answer.find(Finding::input_required("SX-A4", "contract.expiry", message));
        return Ok(());
    }
    let share = 100_000_000 / count;
    let share: Percent = format!("{}.{:06}", share / 1_000_000, share % 1_000_000)
        .parse()
        .map_err(|_| Problem::bad_request("contract.expiry"))?;
    let part = |no: u32| Tranche {
        no,
        percent: (no < count).then_some(share),
        remainder: no == count,
        obligation: String::new(),
        rule: "SX-09".to_owned(),
    };
    let parts: Vec<Tranche> = (1..=count).map(part).collect();
    answer.payments = tranche::plan(&parts, price)?;
    terms::ask_price(answer, price, "SX-09");
    Ok(())
}
