//! Computed rules of 河南省: 乡镇(街道)社会工作服务站项目实施方案.
//!
//! Numbers come from `overlay.toml` as parameters; here is only what has to be computed.

mod allocation;
mod cap;
mod evaluation;
mod qualification;
mod renewal;
mod staffing;
mod supplier;
mod training;

use liucheng_sdk::{
    Answer, Call, Description, Problem, Province, budget::by_contract, export_province,
};

/// The province.
pub struct Henan;

impl Province for Henan {
    fn describe() -> Description {
        Description {
            id: "henan",
            version: env!("CARGO_PKG_VERSION"),
            hooks: &[
                "check",
                "cap",
                "allocation",
                "tranche-plan",
                "staffing",
                "grade",
                "renewal",
            ],
            rules: &[
                "HN-02", "HN-03", "HN-04", "HN-07", "HN-08", "HN-09", "HN-10", "HN-11", "HN-12",
                "HN-13", "HN-14", "HN-15", "HN-21", "HN-22", "HN-23", "HN-24", "HN-25", "HN-26",
            ],
        }
    }

    fn check(call: &Call<'_>) -> Result<Answer, Problem> {
        supplier::check(call)
    }

    fn cap(call: &Call<'_>) -> Result<Answer, Problem> {
        cap::cap(call)
    }

    fn tranche_plan(call: &Call<'_>) -> Result<Answer, Problem> {
        // The plan gives no shares: what the contract says is paid.
        by_contract(call, "HN-21")
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

export_province!(Henan);

#[cfg(test)]
mod tests {
    use liucheng_sdk::testing::{Failure, run_cases};

    #[test]
    fn golden_cases() -> Result<(), Failure> {
        run_cases::<super::Henan>(concat!(env!("CARGO_MANIFEST_DIR"), "/cases"))
    }
}
