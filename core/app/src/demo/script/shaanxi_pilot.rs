//! 陕西省“五社联动”试点 2022: at least three people at each station, organisations in every community.

use liucheng_model::definition::Every;
use serde_json::json;

use super::{
    Act, Script,
    blocks::{Contract, Group, Reports, Round, numbered, roster, supplier, terms},
};

/// The project's code.
pub const CODE: &str = "SP-2022";

/// The report on the pilot names no county: its four stations are made up.
const STATIONS: usize = 4;

/// SP-06.
const DOMAINS: [&str; 8] = [
    "social-assistance",
    "elderly-care",
    "child-welfare",
    "community-governance",
    "social-affairs",
    "public-safety",
    "rural-revitalisation",
    "epidemic-control",
];

/// From the survey of spring 2022 to the decision of September 2023.
pub fn acts() -> Vec<Act> {
    let mut s = Script::new(CODE, "shaanxi-pilot");
    prepare(&mut s);
    buy(&mut s);
    serve(&mut s);
    finish(&mut s);
    s.acts
}

fn prepare(s: &mut Script) {
    s.open(
        "2022-04-06",
        "陕西省“五社联动”试点县社会工作服务项目",
        json!({"survey.started": "2022-04-06"}),
    );
    s.officer(
        "2022-05-13",
        "finish-survey",
        json!({
            "survey.finished": "2022-05-13", "survey.public_consulted": "2022-05-06", "survey.market_players": 3,
            // SP-03: ten organisations in an urban community, five in a rural one.
            "communities": [
                {"id": "东街社区", "kind": "urban", "orgs": 10}, {"id": "西街社区", "kind": "urban", "orgs": 11},
                {"id": "河湾社区", "kind": "rural", "orgs": 5}, {"id": "塬上社区", "kind": "rural", "orgs": 6},
                {"id": "沟口社区", "kind": "rural", "orgs": 4},
            ],
        }),
    );
    s.record("2022-05-16", json!({"pilot.listed": true}));
    s.officer(
        "2022-06-08",
        "approve-plan",
        json!({"plan.approved": "2022-06-08"}),
    );
    s.record(
        "2022-06-10",
        json!({
            "system.city": "2022-05-20", "system.county": "2022-05-30", "system.town": "2022-06-06",
            "system.village": "2022-06-09",
        }),
    );
    s.fire(
        "2022-06-15",
        "finance",
        "confirm-budget",
        json!({"budget.total": "600000", "budget.confirmed": "2022-06-15", "budget.line_listed": "2022-06-15"}),
    );
    s.record("2022-06-16", json!({"pilot.award": "200000"}));
    s.decide(
        "2022-06-16",
        ("SP-A2", "by-contract"),
        "只有新闻解读，未取得方案原文；合同、付款按法律和合同约定，取得原文后复核",
    );
}

fn buy(s: &mut Script) {
    let round = Round {
        method: "competitive-negotiation",
        intent: "2022-06-17",
        issued: "2022-07-20",
        deadline: "2022-07-26",
        reviewed: "2022-07-27",
        delivered: "2022-07-28",
        decided: "2022-08-01",
        notified: "2022-08-02",
        supplier: supplier("示例五社联动促进中心", "52610001MJX000001R", "社会组织"),
    };
    s.tender(
        &round,
        json!({"procurement.purchaser": "county-bureau", "bond.bid": "0"}),
    );
    s.officer(
        "2022-07-21",
        "receive-inquiry",
        json!({"inquiry.received": "2022-07-21"}),
    );
    s.officer(
        "2022-07-22",
        "answer-inquiry",
        json!({"inquiry.answered": "2022-07-22"}),
    );
    s.award(&round, json!({}));
    s.sign(Contract {
        signed: "2022-08-22",
        start: "2022-09-01",
        expiry: "2023-08-31",
        amount: "600000",
        with: json!({"contract.payment_terms": terms(&["40", "30", "30"])}),
    });
    s.make_public("2022-08-23", "2022-08-30", json!({}));
}

fn serve(s: &mut Script) {
    let names = numbered("试点站", STATIONS);
    let stations: Vec<_> = names
        .iter()
        .map(|id| json!({"id": id, "kind": "试点", "staff": 3}))
        .collect();
    let workers = Group {
        role: "worker",
        each: 3,
        qualified: 2,
    };
    let domains: Vec<_> = DOMAINS
        .iter()
        .map(|domain| json!({"domain": domain}))
        .collect();
    s.contractor(
        "2022-09-05",
        "staff-onboard",
        json!({
            "staff.onboard": "2022-09-05", "staff.total": 3 * STATIONS, "stations": stations,
            "staff.roster": roster(&names, &[workers]), "service.domains": domains,
        }),
    );
    s.record(
        "2022-09-14",
        json!({
            "system.training": "2022-09-14", "system.supervision": "2022-09-09", "report.county_day": 5,
            "report.city_day": 10,
        }),
    );
    s.pay(1, "2022-09-15", "2022-09-28");
    for (kind, role) in [
        ("report-city", "officer"),
        ("report-province", "upper-bureau"),
    ] {
        s.reports(&Reports {
            kind,
            role,
            every: Every::Quarter,
            from: "2022-10-01",
            count: 4,
            late: None,
        });
    }
    s.mid_evaluation("2023-02-20", "2023-03-03", "good");
    s.pay(2, "2023-03-07", "2023-03-30");
}

fn finish(s: &mut Script) {
    s.record("2023-06-30", json!({"orgs.reached": "2023-06-30"}));
    s.final_evaluation("2023-07-17", "2023-07-31", ("good", json!({})));
    s.pay(3, "2023-08-02", "2023-08-25");
    s.settle("2023-08-28");
    // SP-A2: the report says nothing on renewal, so that a person decides.
    s.renew_by_hand(
        "2023-09-04",
        "renew",
        "报道未载续签条款；末期评估良好，试点延续，经局务会研究续签一年",
    );
}
