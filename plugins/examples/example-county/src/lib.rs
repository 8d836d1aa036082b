//! What has to be computed; the numbers come from `overlay.toml`.

use liucheng_sdk::{
    Answer, Call, Description, Finding, Problem, Province, Scalar, Value, export_province, msg,
};

/// The province.
pub struct Example;

impl Province for Example {
    fn describe() -> Description {
        Description {
            id: "example-county",
            version: env!("CARGO_PKG_VERSION"),
            hooks: &["cap"],
            rules: &["XX-01"],
        }
    }

    fn cap(call: &Call<'_>) -> Result<Answer, Problem> {
        let (percent, rule) = call.parameters.percent("floor-percent")?;
        let mut answer = Answer::new();
        let Some(base) = call.facts.money("budget.fund_base")? else {
            let message = msg("缺少资金基数", "the fund base is missing");
            answer.find(Finding::input_required(rule, "budget.fund_base", message));
            return Ok(answer);
        };
        let floor = base.percent_ceil(percent);
        answer.set("budget.floor", Value::One(Scalar::Money(floor)));
        let Some(total) = call.facts.money("budget.total")? else {
            let message = msg("缺少项目总经费", "the total budget is missing");
            answer.find(Finding::input_required(rule, "budget.total", message));
            return Ok(answer);
        };
        if total < floor {
            let message = msg(
                format!("经费 {total} 元，低于下限 {floor} 元"),
                format!("the budget of {total} yuan is below the floor of {floor} yuan"),
            );
            answer.find(Finding::violation(rule, message).on(&["budget.total"]));
        }
        Ok(answer)
    }
}

export_province!(Example);

#[cfg(test)]
mod tests {
    #[test]
    fn golden_cases() -> Result<(), liucheng_sdk::testing::Failure> {
        liucheng_sdk::testing::run_cases::<super::Example>(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/cases"
        ))
    }
}
