//! Computed rules of 天津市: 关于开展首批街道(乡镇)社会工作服务站建设工作通知 (2021-05-26).
//!
//! Numbers come from `overlay.toml` as parameters; here is only what has to be computed.

mod budget;
mod renewal;
mod staffing;
mod supplier;

use liucheng_sdk::{Answer, Call, Description, Problem, Province, export_province};

/// The province.
pub struct Tianjin;

impl Province for Tianjin {
    fn describe() -> Description {
        Description {
            id: "tianjin",
            version: env!("CARGO_PKG_VERSION"),
            hooks: &["check", "cap", "tranche-plan", "staffing", "renewal"],
            rules: &[
                "TJ-05", "TJ-08", "TJ-10", "TJ-11", "TJ-12", "TJ-13", "TJ-15", "TJ-16", "TJ-A1",
                "TJ-A4", "TJ-A5", "TJ-A6",
            ],
        }
    }

    fn check(call: &Call<'_>) -> Result<Answer, Problem> {
        supplier::check(call)
    }

    fn cap(call: &Call<'_>) -> Result<Answer, Problem> {
        budget::target(call)
    }

    fn tranche_plan(call: &Call<'_>) -> Result<Answer, Problem> {
        budget::tranche_plan(call)
    }

    fn staffing(call: &Call<'_>) -> Result<Answer, Problem> {
        staffing::staffing(call)
    }

    fn renewal(call: &Call<'_>) -> Result<Answer, Problem> {
        renewal::renewal(call)
    }
}

export_province!(Tianjin);

#[cfg(test)]
mod tests {
    use liucheng_sdk::testing::{Failure, run_cases};

    #[test]
    fn golden_cases() -> Result<(), Failure> {
        run_cases::<super::Tianjin>(concat!(env!("CARGO_MANIFEST_DIR"), "/cases"))
    }
}
