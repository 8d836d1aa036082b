//! 天津 2021: the first 50 stations of the city at 250,000 yuan a year each, three yearly contracts.

use liucheng_model::definition::Every;
use serde_json::{Value as Json, json};

use super::{
    Act, Script,
    blocks::{Contract, Group, Reports, Round, minus, numbered, plus, roster, supplier, terms},
};

/// The project's code.
pub const CODE: &str = "TJ-2021";

/// TJ-01.
const STATIONS: usize = 50;

/// From the notice of May 2021 to the end of the three-year cycle.
pub fn acts() -> Vec<Act> {
    let mut s = Script::new(CODE, "tianjin");
    buy(&mut s);
    let years = [
        Year {
            signed: "2021-07-28",
            start: "2021-07-28",
            expiry: "2022-07-27",
            first_report: "2021-08-01",
            grade: "pass",
        },
        Year {
            signed: "2022-07-25",
            start: "2022-07-28",
            expiry: "2023-07-27",
            first_report: "2022-08-01",
            grade: "excellent",
        },
        Year {
            signed: "2023-07-24",
            start: "2023-07-28",
            expiry: "2024-07-27",
            first_report: "2023-08-01",
            grade: "good",
        },
    ];
    for (i, year) in years.iter().enumerate() {
        s.year(year, i == 0);
    }
    s.acts
}

fn buy(s: &mut Script) {
    s.open(
        "2021-05-27",
        "天津市首批50个街道（乡镇）社工站项目",
        json!({"division": "120000", "survey.started": "2021-05-27", "stations": STATIONS}),
    );
    s.officer(
        "2021-06-10",
        "finish-survey",
        json!({"survey.finished": "2021-06-10", "survey.public_consulted": "2021-06-04"}),
    );
    s.officer(
        "2021-06-11",
        "approve-plan",
        json!({"plan.approved": "2021-06-11", "plan.filed": "2021-06-11"}),
    );
    // 50 × 250,000 (TJ-A4).
    s.record("2021-06-15", json!({"budget.total": "12500000"}));
    s.decide(
        "2021-06-16",
        ("TJ-A4", "aim"),
        "“力争达到”为努力目标，不作为经费下限，以财政批复为准",
    );
    s.fire(
        "2021-06-17",
        "finance",
        "confirm-budget",
        json!({"budget.confirmed": "2021-06-17"}),
    );
    // Twenty days from 28 June end on a Sunday: the earliest day to open bids is Monday, 19 July.
    let round = Round {
        method: "open-tender",
        intent: "2021-05-28",
        issued: "2021-06-28",
        deadline: "2021-07-19",
        reviewed: "2021-07-20",
        delivered: "2021-07-21",
        decided: "2021-07-22",
        notified: "2021-07-23",
        supplier: supplier(
            "示例社会工作事务所",
            "52120000MJX000001X",
            "社会工作类社会组织",
        ),
    };
    s.tender(&round, json!({"bond.bid": "200000"}));
    s.award(&round, json!({}));
}

/// One of the contract years.
struct Year {
    signed: &'static str,
    start: &'static str,
    expiry: &'static str,
    first_report: &'static str,
    grade: &'static str,
}

impl Script {
    fn year(&mut self, year: &Year, first: bool) {
        let after = |days: u64| plus(year.start, days);
        let before = |days: u64| minus(year.expiry, days);
        self.sign(Contract {
            signed: year.signed,
            start: year.start,
            expiry: year.expiry,
            amount: "12500000",
            // The notice names no percentages: these are the contract's own.
            with: json!({"contract.payment_terms": terms(&["60", "40"])}),
        });
        if first {
            self.record("2021-07-30", json!({"bond.losers_returned": "2021-07-29"}));
            self.contractor("2021-08-10", "staff-onboard", staff());
            self.contractor(
                "2021-08-13",
                "record-staffing",
                json!({"station.signage": "2021-08-12", "station.catalogue_published": "2021-08-13"}),
            );
        } else {
            self.contractor(&after(2), "continue-service", json!({}));
            self.record(&after(8), json!({"plan.filed": after(8)}));
        }
        self.make_public(&plus(year.signed, 1), &plus(year.signed, 8), json!({}));
        self.record(
            &plus(year.signed, 6),
            json!({"bond.winner_returned": plus(year.signed, 5)}),
        );
        self.pay(1, &after(20), &after(40));
        self.reports(&Reports {
            kind: "report-monthly",
            role: "contractor",
            every: Every::Month,
            from: year.first_report,
            count: 12,
            late: first.then_some(("2022-01", 17)),
        });
        self.mid_evaluation(&after(170), &after(181), "good");
        self.record(&after(181), json!({"eval.reported": after(181)}));
        let annual = json!({
            "eval.annual.passed": before(22), "eval.annual.grade": year.grade, "eval.reported": before(22),
        });
        self.final_evaluation(&before(30), &before(22), (year.grade, annual));
        self.pay(2, &before(20), &before(14));
        self.record(&before(13), json!({"settlement.confirmed": before(13)}));
        self.officer(&before(8), "decide-renewal", json!({}));
        if year.grade == "excellent" {
            // 优秀 stands in no list of the notice: a person decides and says why.
            self.renew_by_hand(
                &before(7),
                "renew",
                "评估等级优秀高于“良好或合格”，经局务会研究同意续签",
            );
        }
        if year.start.starts_with("2022") {
            self.contractor(
                &after(300),
                "record-staffing",
                json!({"staff.all_qualified": after(300)}),
            );
        }
    }
}

/// Two workers at each station, one of them qualified (TJ-05).
fn staff() -> Json {
    let workers = Group {
        role: "worker",
        each: 2,
        qualified: 1,
    };
    json!({
        "staff.onboard": "2021-08-10", "supervisor.appointed": "2021-08-10",
        "staff.roster": roster(&numbered("站", STATIONS), &[workers]),
    })
}
