//! Computed rules of 山西省临汾市: 乡镇(街道)社会工作服务站项目实施方案.
//!
//! Numbers come from `overlay.toml` as parameters; here is only what has to be computed.

mod allocation;
mod evaluation;
mod renewal;
mod staffing;
mod supplier;

use liucheng_sdk::{
    Answer, Call, Description, Problem, Province, budget::by_contract, export_province,
};

/// The city.
pub struct Linfen;

impl Province for Linfen {
    fn describe() -> Description {
        Description {
            id: "shanxi-linfen",
            version: env!("CARGO_PKG_VERSION"),
            hooks: &[
                "check",
                "allocation",
                "tranche-plan",
                "staffing",
                "grade",
                "renewal",
            ],
            rules: &[
                "LF-01", "LF-05", "LF-06", "LF-07", "LF-08", "LF-09", "LF-16", "LF-17", "LF-18",
                "LF-25", "LF-A6",
            ],
        }
    }

    fn check(call: &Call<'_>) -> Result<Answer, Problem> {
        supplier::check(call)
    }

    fn tranche_plan(call: &Call<'_>) -> Result<Answer, Problem> {
        // The plan gives neither shares nor dates of payment.
        by_contract(call, "LF-A6")
    }

    fn staffing(call: &Call<'_>) -> Result<Answer, Problem> {
        staffing::staffing(call)
    }

    fn renewal(call: &Call<'_>) -> Result<Answer, Problem> {
        renewal::renewal(call)
    }

    fn allocation(call: &Call<'_>) -> Result<Answer, Problem> {
        allocation::allocation(call)
    }

    fn grade(call: &Call<'_>) -> Result<Answer, Problem> {
        evaluation::grade(call)
    }
}

export_province!(Linfen);

#[cfg(test)]
mod tests {
    use liucheng_sdk::testing::{Failure, run_cases};

    #[test]
    fn golden_cases() -> Result<(), Failure> {
        run_cases::<super::Linfen>(concat!(env!("CARGO_MANIFEST_DIR"), "/cases"))
    }
}
