//! Computed rules of 河北省张家口市涿鹿县: 社会工作服务站建设实施方案 (2021).
//!
//! Numbers come from `overlay.toml` as parameters; here is only what has to be computed.

mod allocation;
mod cap;
mod people;
mod renewal;
mod staffing;
mod supplier;
mod wage;

use liucheng_sdk::{Answer, Call, Description, Problem, Province, budget, export_province};

/// The province.
pub struct Zhuolu;

impl Province for Zhuolu {
    fn describe() -> Description {
        Description {
            id: "hebei-zhuolu",
            version: env!("CARGO_PKG_VERSION"),
            hooks: &[
                "check",
                "cap",
                "tranche-plan",
                "staffing",
                "renewal",
                "allocation",
                "grade",
            ],
            rules: &[
                "ZL-01", "ZL-02", "ZL-03", "ZL-04", "ZL-05", "ZL-06", "ZL-07", "ZL-10", "ZL-11",
                "ZL-12", "ZL-13", "ZL-14", "ZL-15", "ZL-A1", "ZL-A2", "ZL-A3", "ZL-A4", "ZL-A5",
                "ZL-A7",
            ],
        }
    }

    fn check(call: &Call<'_>) -> Result<Answer, Problem> {
        supplier::check(call)
    }

    fn cap(call: &Call<'_>) -> Result<Answer, Problem> {
        cap::cap(call)
    }

    /// The text gives no shares (ZL-A7).
    fn tranche_plan(call: &Call<'_>) -> Result<Answer, Problem> {
        budget::by_contract(call, "ZL-A7")
    }

    fn staffing(call: &Call<'_>) -> Result<Answer, Problem> {
        let mut answer = staffing::staffing(call)?;
        people::check(call, &mut answer)?;
        Ok(answer)
    }

    fn renewal(call: &Call<'_>) -> Result<Answer, Problem> {
        renewal::renewal(call)
    }

    fn allocation(call: &Call<'_>) -> Result<Answer, Problem> {
        let mut answer = allocation::allocation(call)?;
        wage::floor(call, &mut answer)?;
        Ok(answer)
    }

    fn grade(call: &Call<'_>) -> Result<Answer, Problem> {
        renewal::grade(call)
    }
}

export_province!(Zhuolu);

#[cfg(test)]
mod tests {
    use liucheng_sdk::testing::{Failure, run_cases};

    #[test]
    fn golden_cases() -> Result<(), Failure> {
        run_cases::<super::Zhuolu>(concat!(env!("CARGO_MANIFEST_DIR"), "/cases"))
    }
}
