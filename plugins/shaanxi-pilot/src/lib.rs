//! Computed rules of the pilot of 陕西: “五社联动”助力基层治理和乡村振兴试点.
//!
//! Numbers come from `overlay.toml` as parameters; here is only what has to be computed.

mod communities;
mod domains;
mod payments;
mod staffing;

use liucheng_sdk::{Answer, Call, Description, Problem, Province, export_province};

/// The province.
pub struct Pilot;

impl Province for Pilot {
    fn describe() -> Description {
        Description {
            id: "shaanxi-pilot",
            version: env!("CARGO_PKG_VERSION"),
            hooks: &["tranche-plan", "staffing", "grade"],
            rules: &["SP-02", "SP-03", "SP-06", "SP-A1", "SP-A2"],
        }
    }

    fn tranche_plan(call: &Call<'_>) -> Result<Answer, Problem> {
        payments::plan(call)
    }

    fn staffing(call: &Call<'_>) -> Result<Answer, Problem> {
        let mut answer = Answer::new();
        staffing::judge(&mut answer, call)?;
        domains::judge(&mut answer, call)?;
        Ok(answer)
    }

    fn grade(call: &Call<'_>) -> Result<Answer, Problem> {
        communities::judge(call)
    }
}

export_province!(Pilot);

#[cfg(test)]
mod tests {
    use liucheng_sdk::testing::{Failure, run_cases};

    #[test]
    fn golden_cases() -> Result<(), Failure> {
        run_cases::<super::Pilot>(concat!(env!("CARGO_MANIFEST_DIR"), "/cases"))
    }
}
