//! Computed rules of a county of 陕西: 镇(街道)社会工作服务站建设方案.
//!
//! Numbers come from `overlay.toml` as parameters; here is only what has to be computed.

mod dates;
mod payments;
mod renewal;
mod signing;
mod staffing;
mod term;

use liucheng_sdk::{Answer, Call, Description, Problem, Province, export_province};

/// The province.
pub struct County;

impl Province for County {
    fn describe() -> Description {
        Description {
            id: "shaanxi-county",
            version: env!("CARGO_PKG_VERSION"),
            hooks: &["check", "tranche-plan", "staffing", "renewal"],
            rules: &[
                "SX-03", "SX-04", "SX-05", "SX-06", "SX-07", "SX-08", "SX-09", "SX-A1", "SX-A2",
                "SX-A3", "SX-A4", "SX-A5",
            ],
        }
    }

    fn check(call: &Call<'_>) -> Result<Answer, Problem> {
        signing::check(call)
    }

    fn tranche_plan(call: &Call<'_>) -> Result<Answer, Problem> {
        let mut answer = Answer::new();
        term::judge(&mut answer, call)?;
        payments::plan(&mut answer, call)?;
        Ok(answer)
    }

    fn staffing(call: &Call<'_>) -> Result<Answer, Problem> {
        staffing::staffing(call)
    }

    fn renewal(call: &Call<'_>) -> Result<Answer, Problem> {
        renewal::renewal(call)
    }
}

export_province!(County);

#[cfg(test)]
mod tests {
    use liucheng_sdk::testing::{Failure, run_cases};

    #[test]
    fn golden_cases() -> Result<(), Failure> {
        run_cases::<super::County>(concat!(env!("CARGO_MANIFEST_DIR"), "/cases"))
    }
}
