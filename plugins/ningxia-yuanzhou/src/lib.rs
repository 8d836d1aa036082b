//! Computed rules of 宁夏固原市原州区: 乡镇(街道)社会工作服务站建设实施方案(试行).
//!
//! Numbers come from `overlay.toml` as parameters; here is only what has to be computed.

mod budget;
mod renewal;
mod staffing;
mod supplier;

use liucheng_sdk::{Answer, Call, Description, Problem, Province, export_province};

/// The province.
pub struct Yuanzhou;

impl Province for Yuanzhou {
    fn describe() -> Description {
        Description {
            id: "ningxia-yuanzhou",
            version: env!("CARGO_PKG_VERSION"),
            hooks: &["check", "cap", "tranche-plan", "staffing", "renewal"],
            rules: &[
                "YZ-01", "YZ-03", "YZ-04", "YZ-06", "YZ-07", "YZ-08", "YZ-09", "YZ-16", "YZ-23",
                "YZ-24", "YZ-25", "YZ-28", "YZ-A2", "YZ-A4", "YZ-A6", "YZ-A7",
            ],
        }
    }

    fn check(call: &Call<'_>) -> Result<Answer, Problem> {
        supplier::check(call)
    }

    fn cap(call: &Call<'_>) -> Result<Answer, Problem> {
        budget::floor(call)
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

export_province!(Yuanzhou);

#[cfg(test)]
mod tests {
    use liucheng_sdk::testing::{Failure, run_cases};

    #[test]
    fn golden_cases() -> Result<(), Failure> {
        run_cases::<super::Yuanzhou>(concat!(env!("CARGO_MANIFEST_DIR"), "/cases"))
    }
}
