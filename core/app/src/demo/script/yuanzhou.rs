//! 原州区 2021: 5,450,000 yuan, paid 50/30/20 %, contract by the end of August 2021.

use liucheng_model::definition::Every;
use serde_json::json;

use super::{
    Act, Script,
    blocks::{Contract, Reports, Round, supplier},
};

/// The project's code.
pub const CODE: &str = "YZ-2021";

/// From the survey of July 2021 to the renewal of September 2022, and certificates two years on.
pub fn acts() -> Vec<Act> {
    let mut s = Script::new(CODE, "ningxia-yuanzhou");
    buy(&mut s);
    serve(&mut s);
    renew(&mut s);
    s.acts
}

fn buy(s: &mut Script) {
    s.open(
        "2021-07-05",
        "原州区2021年乡镇（街道）社工站服务项目",
        json!({"division": "640402", "survey.started": "2021-07-05"}),
    );
    s.officer(
        "2021-07-28",
        "finish-survey",
        json!({"survey.finished": "2021-07-28", "survey.public_consulted": "2021-07-20"}),
    );
    s.officer(
        "2021-08-06",
        "approve-plan",
        json!({"plan.approved": "2021-08-06"}),
    );
    s.record("2021-08-12", json!({"station.ready": "2021-08-12"}));
    s.fire(
        "2021-08-13",
        "finance",
        "confirm-budget",
        json!({
            "budget.total": "5450000", "budget.confirmed": "2021-08-13",
            // YZ-04: at least 3 %, 5,400,000 yuan of a fund that is made up.
            "budget.fund_base": "180000000", "budget.fund_base_year": 2021,
        }),
    );
    s.decide(
        "2021-08-13",
        ("YZ-A2", "contract-price"),
        "“项目总资金”按承接合同价计算，第三方评估费另行列支，经局长办公会研究",
    );
    // Eleven days are too short for an open tender (20 days); consultation needs ten.
    let round = Round {
        method: "competitive-consultation",
        intent: "2021-07-12",
        issued: "2021-08-13",
        deadline: "2021-08-23",
        reviewed: "2021-08-24",
        delivered: "2021-08-25",
        decided: "2021-08-26",
        notified: "2021-08-27",
        supplier: supplier(
            "示例社会工作服务中心",
            "52640402MJX0000019",
            "social-organisation",
        ),
    };
    s.tender(&round, json!({"bond.bid": "100000"}));
    s.award(&round, json!({}));
    s.sign(Contract {
        signed: "2021-08-30",
        start: "2021-08-30",
        expiry: "2022-08-29",
        amount: "5450000",
        with: json!({}),
    });
    s.record(
        "2021-09-01",
        json!({"bond.losers_returned": "2021-09-01", "bond.winner_returned": "2021-09-01"}),
    );
    s.make_public("2021-08-31", "2021-09-03", json!({}));
}

fn serve(s: &mut Script) {
    s.contractor(
        "2021-09-01",
        "staff-onboard",
        json!({
            "staff.onboard": "2021-09-01", "supervisor.appointed": "2021-09-01", "staff.total": 3,
            "staff.roster": [
                {"id": "s1", "role": "supervisor", "level": "intermediate", "qualified": true},
                {"id": "w1", "role": "worker", "qualified": true},
                {"id": "w2", "role": "worker", "qualified": false},
            ],
        }),
    );
    s.release(1, "2021-09-16");
    s.reports(&Reports {
        kind: "report-monthly",
        role: "contractor",
        every: Every::Month,
        from: "2021-09-01",
        count: 12,
        // Over the Spring Festival.
        late: Some(("2022-01", 16)),
    });
    s.reports(&Reports {
        kind: "report-half-year",
        role: "officer",
        every: Every::HalfYear,
        from: "2021-07-01",
        count: 2,
        late: None,
    });
    s.record("2021-09-08", json!({"plan.filed": "2021-09-08"}));
    s.contractor(
        "2021-12-15",
        "record-staffing",
        json!({"disclosure.published": "2021-12-15"}),
    );
    s.record("2021-12-20", json!({"evaluator.appointed": "2021-12-20"}));
    s.mid_evaluation("2022-01-10", "2022-01-18", "good");
    s.release(2, "2022-02-10");
    s.record("2022-07-27", json!({"plan.next_approved": "2022-07-27"}));
}

fn renew(s: &mut Script) {
    let annual = json!({"eval.annual.passed": "2022-08-12", "eval.annual.grade": "good", "eval.published": "2022-08-12"});
    s.final_evaluation("2022-08-01", "2022-08-12", ("good", annual));
    s.release(3, "2022-09-01");
    s.record("2022-09-02", json!({"settlement.confirmed": "2022-09-02"}));
    // Renewal opens by itself on the next working morning.
    s.officer("2022-09-07", "decide-renewal", json!({}));
    s.contractor(
        "2023-06-20",
        "record-staffing",
        json!({"staff.all_qualified": "2023-06-20"}),
    );
}
