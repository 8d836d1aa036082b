//! The contractor (承接主体): TJ-10, TJ-11 and TJ-12.

use liucheng_sdk::{Answer, Call, Finding, Problem, msg, supplier};

/// Judges the contractor as soon as there is one.
pub fn check(call: &Call<'_>) -> Result<Answer, Problem> {
    let mut answer = Answer::new();
    let Some(contractor) = supplier::known(&mut answer, call, "TJ-10")? else {
        return Ok(answer);
    };
    supplier::registered(&mut answer, &contractor, "TJ-10")?;
    // TJ-10: which values of `supplier.kind` are 社会工作类社会组织 is the overlay's business.
    let (accepted, rule) = call.parameters.rows("supplier-kinds")?;
    let wanted = msg("社会工作类社会组织", "a social-work organisation");
    supplier::of_kind(&mut answer, &contractor, (&accepted, rule), &wanted)?;
    let zh = "请核对财务和纳税资质、固定办公场所、专业队伍的证明";
    let message = msg(
        zh,
        "check the papers on finance and tax, fixed office and professional team",
    );
    answer.find(Finding::informative("TJ-11", message).on(&["supplier"]));
    supplier::clean_record(&mut answer, &contractor, "TJ-12")?;
    Ok(answer)
}
