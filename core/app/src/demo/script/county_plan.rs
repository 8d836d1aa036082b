//! 某县三年行动方案 2021–2023: five stations, six more, and aims for the people of the county.

use liucheng_model::definition::Every;
use serde_json::{Value as Json, json};

use super::{
    Act, Script,
    blocks::{Contract, Group, Reports, Round, numbered, roster, supplier, terms},
};

/// The project's code.
pub const CODE: &str = "XC-2021";

/// From the plan of 2021 to the archive at the end of 2023.
pub fn acts() -> Vec<Act> {
    let mut s = Script::new(CODE, "county-action-plan");
    prepare(&mut s);
    buy(&mut s);
    first_year(&mut s);
    second_year(&mut s);
    s.acts
}

fn prepare(s: &mut Script) {
    s.open(
        "2021-02-22",
        "某县乡镇社会工作服务站三年行动（2021—2023年）",
        json!({"survey.started": "2021-02-22"}),
    );
    s.officer(
        "2021-03-26",
        "finish-survey",
        json!({
            "survey.finished": "2021-03-26", "survey.public_consulted": "2021-03-19", "townships": 11, "stations": 5,
        }),
    );
    s.officer(
        "2021-04-16",
        "approve-plan",
        json!({"plan.approved": "2021-04-16"}),
    );
    s.record(
        "2021-04-19",
        json!({
            "population.registered": 300_000, "talent.total": 120, "agencies.local": 0,
            "talent.certified": [{"year": 2020, "count": 40}],
        }),
    );
    // XC-A4: 3,000 people or 300.
    s.decide(
        "2021-04-20",
        ("XC-A4", "per-mille"),
        "30万人的1%为3000人，远超全县干部规模，疑为1‰之误，按300人掌握并请示上级",
    );
    s.fire(
        "2021-04-28",
        "finance",
        "confirm-budget",
        json!({"budget.total": "600000", "budget.confirmed": "2021-04-28", "budget.in_annual_budget": "2021-04-28"}),
    );
}

fn buy(s: &mut Script) {
    let round = Round {
        method: "inquiry",
        intent: "2021-04-29",
        issued: "2021-06-01",
        deadline: "2021-06-07",
        reviewed: "2021-06-08",
        delivered: "2021-06-09",
        decided: "2021-06-10",
        notified: "2021-06-11",
        supplier: supplier("示例社会工作服务中心", "52430000MJX0000016", "社会组织"),
    };
    s.tender(&round, json!({"bond.bid": "0"}));
    s.award(&round, json!({}));
}

fn first_year(s: &mut Script) {
    s.contract(["2021-06-24", "2021-07-01", "2022-06-30"], "600000");
    s.make_public("2021-06-25", "2021-07-02", json!({}));
    let people = staff(5, 1);
    s.contractor(
        "2021-07-05",
        "staff-onboard",
        json!({
            "staff.onboard": "2021-07-05", "supervisor.appointed": "2021-07-05", "staff.total": people.len(),
            "staff.roster": people, "stations": 5,
            // XC-07, XC-08: 5 stations × 16 hours × 1 visit are 80 of the 174 hours of a month.
            "supervision": {"stations_per_supervisor": 5, "hours_per_visit": 16, "visits_per_month": 1},
        }),
    );
    s.record(
        "2021-07-12",
        json!({
            "staff.filed": "2021-07-12", "staff.contracts_checked": "2021-07-12", "staff.used_as_town_staff": false,
            "report.interval": "每季度", "evaluator.appointed": "2021-07-09",
        }),
    );
    s.contractor(
        "2021-07-13",
        "record-staffing",
        json!({"staff.insured": "2021-07-13", "disclosure.published": "2021-07-13"}),
    );
    s.pay(1, "2021-07-15", "2021-08-06");
    s.reports_of("2021-07-01", 4, Some(("2021-Q4", 20)));
    s.reports(&yearly("2021-01-01"));
    s.record("2021-12-20", json!({"aim.stations_2021": "2021-12-20"}));
    s.mid_evaluation("2021-12-27", "2022-01-07", "good");
    s.record("2022-03-10", json!({"talent.certified": certified(&[54])}));
    s.final_evaluation("2022-05-16", "2022-05-27", ("good", json!({})));
    s.pay(2, "2022-05-30", "2022-06-17");
    s.record("2022-06-20", json!({"eval.applied": "2022-06-20"}));
    s.settle("2022-06-21");
    // XC-A6: the preview ends before contracts, so that a person decides.
    s.renew_by_hand(
        "2022-06-23",
        "renew",
        "方案为三年行动，首年评估良好，第二年扩大到11个乡镇，经局务会研究续签",
    );
}

/// Eleven stations now, and a contract to the end of the plan.
fn second_year(s: &mut Script) {
    s.contract(["2022-06-28", "2022-07-01", "2023-06-30"], "1320000");
    s.make_public("2022-06-29", "2022-07-06", json!({}));
    s.record("2022-06-30", json!({"stations": 11}));
    let people = staff(11, 2);
    s.contractor(
        "2022-07-01",
        "continue-service",
        json!({"staff.total": people.len(), "staff.roster": people}),
    );
    // Two supervisors for eleven stations, six at most: 96 hours a month.
    s.contractor(
        "2022-07-04",
        "record-staffing",
        json!({"supervision": {"stations_per_supervisor": 6, "hours_per_visit": 16, "visits_per_month": 1}}),
    );
    s.pay(1, "2022-07-18", "2022-08-08");
    s.reports_of("2022-07-01", 4, None);
    s.reports(&yearly("2022-01-01"));
    s.record("2022-12-19", json!({"aim.stations_2022": "2022-12-19"}));
    s.mid_evaluation("2022-12-26", "2023-01-06", "good");
    s.record(
        "2023-03-10",
        json!({"talent.certified": certified(&[54, 73]), "agencies.local": 1}),
    );
    s.record("2023-03-13", json!({"aim.agency": "2023-03-10"}));
    s.final_evaluation("2023-05-15", "2023-05-26", ("good", json!({})));
    s.pay(2, "2023-05-29", "2023-06-16");
    s.record("2023-06-19", json!({"eval.applied": "2023-06-19"}));
    s.settle("2023-06-20");
    // XC-03: 40 × 1.35³ are 98.4, so 99; XC-05: twice 40 are 80.
    s.record(
        "2023-12-11",
        json!({
            "talent.certified": certified(&[54, 73, 99]), "talent.total": 305,
            "aim.doubled": "2023-12-11", "aim.population_share": "2023-12-11",
        }),
    );
    s.renew_by_hand(
        "2023-12-20",
        "archive",
        "三年行动任务完成：11个乡镇社工站建成，持证99人，项目归档",
    );
}

/// Two workers at each station, and the contractor's supervisors.
fn staff(stations: usize, supervisors: usize) -> Vec<Json> {
    let workers = Group {
        role: "worker",
        each: 2,
        qualified: 1,
    };
    let mut people = roster(&numbered("乡镇站", stations), &[workers]);
    let supervisor = |n| json!({"id": format!("s{n}"), "role": "supervisor", "level": "intermediate", "qualified": true, "employed": true});
    people.extend((1..=supervisors).map(supervisor));
    people
}

/// Certified people by year: 40 in 2020, then these.
fn certified(counts: &[u32]) -> Vec<Json> {
    (2020..)
        .zip([40].iter().chain(counts))
        .map(|(year, count): (u32, &u32)| json!({"year": year, "count": count}))
        .collect()
}

fn yearly(from: &'static str) -> Reports<'static> {
    Reports {
        kind: "annual-plan",
        role: "officer",
        every: Every::Year,
        from,
        count: 1,
        late: None,
    }
}

impl Script {
    fn contract(&mut self, [signed, start, expiry]: [&'static str; 3], amount: &str) {
        self.sign(Contract {
            signed,
            start,
            expiry,
            amount,
            with: json!({"contract.payment_terms": terms(&["50", "50"])}),
        });
    }

    /// XC-07, XC-09, XC-12.
    fn reports_of(&mut self, from: &str, quarters: usize, late: Option<(&str, u64)>) {
        let of = |kind, role, every, count, late| Reports {
            kind,
            role,
            every,
            from,
            count,
            late,
        };
        self.reports(&of(
            "supervision-monthly",
            "contractor",
            Every::Month,
            3 * quarters,
            None,
        ));
        self.reports(&of(
            "ledger-quarterly",
            "contractor",
            Every::Quarter,
            quarters,
            late,
        ));
        self.reports(&of("wages", "officer", Every::Month, 3 * quarters, None));
    }
}
