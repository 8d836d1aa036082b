//! Computed rules of 宁夏银川市灵武市: 2023年乡镇(街道)社会工作服务项目实施方案.
//!
//! Numbers come from `overlay.toml` as parameters; here is only what has to be computed.

mod allocation;
mod cap;
mod evaluation;
mod recipients;
mod service;
mod staffing;
mod supplier;

use liucheng_sdk::{Answer, Call, Description, Problem, Province, budget, export_province};

/// The province.
pub struct Lingwu;

impl Province for Lingwu {
    fn describe() -> Description {
        Description {
            id: "ningxia-lingwu",
            version: env!("CARGO_PKG_VERSION"),
            hooks: &[
                "check",
                "cap",
                "tranche-plan",
                "staffing",
                "allocation",
                "grade",
            ],
            rules: &[
                "LW-04", "LW-05", "LW-06", "LW-07", "LW-08", "LW-09", "LW-10", "LW-11", "LW-12",
                "LW-13", "LW-14", "LW-15", "LW-16", "LW-17", "LW-19", "LW-20", "LW-21", "LW-22",
                "LW-23", "LW-24", "LW-26", "LW-27", "LW-A1", "LW-A2", "LW-A3",
            ],
        }
    }

    fn check(call: &Call<'_>) -> Result<Answer, Problem> {
        supplier::check(call)
    }

    fn cap(call: &Call<'_>) -> Result<Answer, Problem> {
        cap::cap(call)
    }

    /// LW-17: paid by the result of the evaluation; the text gives no shares (LW-A4).
    fn tranche_plan(call: &Call<'_>) -> Result<Answer, Problem> {
        budget::by_contract(call, "LW-17")
    }

    fn staffing(call: &Call<'_>) -> Result<Answer, Problem> {
        staffing::staffing(call)
    }

    fn allocation(call: &Call<'_>) -> Result<Answer, Problem> {
        allocation::allocation(call)
    }

    fn grade(call: &Call<'_>) -> Result<Answer, Problem> {
        evaluation::grade(call)
    }
}

export_province!(Lingwu);

#[cfg(test)]
mod tests {
    use liucheng_sdk::testing::{Failure, run_cases};

    #[test]
    fn golden_cases() -> Result<(), Failure> {
        run_cases::<super::Lingwu>(concat!(env!("CARGO_MANIFEST_DIR"), "/cases"))
    }
}
