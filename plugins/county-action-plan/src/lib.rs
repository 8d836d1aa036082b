//! Computed rules of a county's 社会工作人才队伍和乡镇社会工作服务站建设三年行动方案(2021-2023年).
//!
//! Numbers come from `overlay.toml` as parameters; here is only what has to be computed.

mod growth;
mod payments;
mod supervision;
mod targets;

use liucheng_sdk::{Answer, Call, Description, Problem, Province, export_province};

/// The province.
pub struct ActionPlan;

impl Province for ActionPlan {
    fn describe() -> Description {
        Description {
            id: "county-action-plan",
            version: env!("CARGO_PKG_VERSION"),
            hooks: &["tranche-plan", "staffing", "grade"],
            rules: &[
                "XC-01", "XC-02", "XC-03", "XC-04", "XC-05", "XC-06", "XC-07", "XC-08", "XC-A1",
                "XC-A2", "XC-A5", "XC-A6",
            ],
        }
    }

    fn tranche_plan(call: &Call<'_>) -> Result<Answer, Problem> {
        payments::plan(call)
    }

    fn staffing(call: &Call<'_>) -> Result<Answer, Problem> {
        let mut answer = Answer::new();
        supervision::judge(&mut answer, call)?;
        supervision::supervisors(&mut answer, call)?;
        Ok(answer)
    }

    fn grade(call: &Call<'_>) -> Result<Answer, Problem> {
        let mut answer = Answer::new();
        targets::stations(&mut answer, call)?;
        growth::judge(&mut answer, call)?;
        targets::talent(&mut answer, call)?;
        targets::agencies(&mut answer, call)?;
        Ok(answer)
    }
}

export_province!(ActionPlan);

#[cfg(test)]
mod tests {
    use liucheng_sdk::testing::{Failure, run_cases};

    #[test]
    fn golden_cases() -> Result<(), Failure> {
        run_cases::<super::ActionPlan>(concat!(env!("CARGO_MANIFEST_DIR"), "/cases"))
    }
}
