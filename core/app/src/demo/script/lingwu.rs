//! 灵武市 2023: 1,820,000 yuan in three classes, of which the common project of eight towns is bought here.

use liucheng_model::definition::Every;
use serde_json::{Value as Json, json};

use super::{
    Act, Script,
    blocks::{Contract, Group, Reports, Round, roster, supplier, terms},
};

/// The project's code.
pub const CODE: &str = "LW-2023";

/// The eight towns of LW-07 with their money, and recipients of social assistance: the numbers of
/// people are made up, in proportions near to those of the money.
const TOWNS: [(&str, &str, u32, &str); 8] = [
    ("城区街道", "140000", 1_980, "urban"),
    ("东塔镇", "60000", 860, "rural"),
    ("郝家桥镇", "340000", 4_760, "rural"),
    ("崇兴镇", "200000", 2_830, "rural"),
    ("马家滩镇", "40000", 540, "rural"),
    ("临河镇", "30000", 450, "rural"),
    ("梧桐树乡", "100000", 1_390, "rural"),
    ("白土岗乡", "110000", 1_560, "rural"),
];

/// What LW-19 to LW-22 ask for each month.
const SERVICES: [(&str, u32); 9] = [
    ("打扫卫生", 1),
    ("理发", 1),
    ("洗头洗脚", 1),
    ("洗衣", 1),
    ("助医", 2),
    ("上门探视、心理疏导", 2),
    ("测量血压血糖、中医康复", 1),
    ("主题活动", 1),
    ("志愿服务活动", 1),
];

/// From the survey of September 2022 to the archive of January 2024.
pub fn acts() -> Vec<Act> {
    let mut s = Script::new(CODE, "ningxia-lingwu");
    prepare(&mut s);
    buy(&mut s);
    serve(&mut s);
    finish(&mut s);
    s.acts
}

fn prepare(s: &mut Script) {
    let (mut towns, mut stations, mut recipients) = (Vec::new(), Vec::new(), Vec::new());
    for (id, amount, count, kind) in TOWNS {
        towns.push(json!({"id": id, "kind": kind}));
        stations.push(json!({"id": id, "amount": amount}));
        recipients.push(json!({"id": id, "count": count}));
    }
    s.open(
        "2022-09-05",
        "灵武市2023年乡镇（街道）社会工作服务共性项目",
        json!({"division": "640181", "survey.started": "2022-09-05"}),
    );
    s.officer(
        "2022-12-20",
        "finish-survey",
        json!({
            "survey.finished": "2022-12-20", "survey.public_consulted": "2022-11-15",
            "survey.market_players": 3, "townships": towns,
        }),
    );
    s.officer(
        "2023-02-28",
        "approve-plan",
        json!({"plan.approved": "2023-02-28", "stations": stations}),
    );
    s.record(
        "2023-03-01",
        json!({
            "project.category": "common", "budget.fund_base": "85000000", "budget.fund_base_year": 2022,
        }),
    );
    s.decide(
        "2023-03-01",
        ("LW-A2", "previous-year"),
        "编制方案时2023年支出总量尚不可得，按2022年8500万元测算，年底决算后复核",
    );
    s.fire(
        "2023-03-02",
        "finance",
        "confirm-budget",
        json!({
            "budget.total": "1820000", "budget.confirmed": "2023-03-02",
            "assistance.recipients": recipients,
        }),
    );
}

fn buy(s: &mut Script) {
    let round = Round {
        method: "open-tender",
        intent: "2023-02-01",
        issued: "2023-03-06",
        deadline: "2023-03-27",
        reviewed: "2023-03-28",
        delivered: "2023-03-29",
        decided: "2023-03-31",
        notified: "2023-04-03",
        supplier: supplier("示例社会工作发展中心", "52640181MJX0000017", "社会组织"),
    };
    s.tender(&round, json!({"bond.bid": "20000"}));
    s.award(&round, json!({}));
    s.record("2023-04-10", json!({"bond.losers_returned": "2023-04-10"}));
    s.sign(Contract {
        signed: "2023-04-20",
        start: "2023-05-01",
        expiry: "2023-12-31",
        amount: "1020000",
        // LW-17: money follows the evaluations; the shares are the contract's own.
        with: json!({
            "contract.buyer": "civil-affairs-bureau", "contract.payment_terms": terms(&["60", "40"]),
        }),
    });
    s.make_public("2023-04-21", "2023-04-27", json!({}));
    s.record("2023-04-26", json!({"bond.winner_returned": "2023-04-26"}));
}

fn serve(s: &mut Script) {
    let stations: Vec<String> = TOWNS.iter().map(|(id, ..)| (*id).to_owned()).collect();
    let workers = Group {
        role: "worker",
        each: 2,
        qualified: 1,
    };
    s.contractor(
        "2023-05-04",
        "staff-onboard",
        json!({
            "staff.onboard": "2023-05-04", "supervisor.appointed": "2023-05-04",
            "staff.total": 16, "staff.roster": roster(&stations, &[workers]),
        }),
    );
    s.record(
        "2023-05-08",
        json!({
            "evaluator.appointed": "2023-05-08",
            "evaluation.group": {"civil_affairs": true, "finance": true, "townships": true, "third_party": true},
        }),
    );
    for kind in [
        "home-care",
        "elderly-care",
        "festival-activity",
        "volunteering",
    ] {
        s.reports(&Reports {
            kind,
            role: "contractor",
            every: Every::Month,
            from: "2023-05-01",
            count: 8,
            // The summer holidays: volunteers were missing, and so was the report.
            late: (kind == "volunteering").then_some(("2023-07", 14)),
        });
    }
    s.mid_evaluation("2023-08-21", "2023-08-28", "good");
    s.contractor(
        "2023-08-29",
        "request-payment",
        json!({"payment.requested": "2023-08-29"}),
    );
    // Thirty days end within the National Day holidays: Saturday 7 October is a working day.
    s.pay(1, "2023-08-30", "2023-09-26");
}

fn finish(s: &mut Script) {
    let done = |n: u32| -> Vec<Json> {
        let of_month = |(item, times): &(&str, u32)| json!({"month": format!("2023-{n:02}"), "item": item, "times": times});
        SERVICES.iter().map(of_month).collect()
    };
    let log: Vec<Json> = (5..=11).flat_map(done).collect();
    let incubated = TOWNS
        .iter()
        .map(|(id, ..)| json!({"id": id, "consolidated": 2, "incubated": 4}));
    s.contractor(
        "2023-11-29",
        "record-staffing",
        json!({
            "service.log": log, "incubation.towns": incubated.collect::<Vec<_>>(),
            "exam.candidates": 96, "exam.passed": 21,
            "supplies.beneficiaries": 12_350, "station_service.person_times": 12,
        }),
    );
    s.final_evaluation("2023-11-30", "2023-12-20", ("good", json!({})));
    s.pay(2, "2023-12-22", "2024-01-10");
    s.settle("2024-01-12");
    // LW-A4: the plan knows no renewal, so that a person decides.
    s.renew_by_hand(
        "2024-01-15",
        "archive",
        "方案只安排2023年项目，未规定续签；验收合格、资金付清，项目归档",
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_towns_make_up_the_common_project() {
        let sum: u32 = TOWNS
            .iter()
            .filter_map(|(_, amount, ..)| amount.parse::<u32>().ok())
            .sum();
        assert_eq!(sum, 1_020_000);
    }
}
