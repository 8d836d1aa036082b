//! 河南省 2021–2023: two stations in the first year, a contractor that fails, 60 % of the townships in the second.

use liucheng_model::definition::Every;
use serde_json::{Value as Json, json};

use super::{
    Act, Script,
    blocks::{Contract, Group, Reports, Round, merged, numbered, person, roster, supplier, terms},
};

/// The project's code.
pub const CODE: &str = "HN-2021";

/// The townships of HN-A6's example.
const TOWNSHIPS: usize = 13;

/// From the pilot of 2021 through its failure to the renewal of 2023.
pub fn acts() -> Vec<Act> {
    let mut s = Script::new(CODE, "henan");
    pilot(&mut s);
    fail(&mut s);
    spread(&mut s);
    clarified_tender(&mut s);
    second_service(&mut s);
    s.acts
}

/// HN-24: 2021年…至少购买2个.
fn pilot(s: &mut Script) {
    s.open(
        "2021-02-22",
        "河南省某县乡镇（街道）社会工作服务站项目",
        json!({"survey.started": "2021-02-22"}),
    );
    s.officer(
        "2021-03-19",
        "finish-survey",
        json!({
            "survey.finished": "2021-03-19", "survey.public_consulted": "2021-03-10",
            "townships": TOWNSHIPS, "stations": 2,
        }),
    );
    s.officer("2021-03-29", "approve-plan", plan("2021-03-29"));
    s.record(
        "2021-04-02",
        json!({"budget.fund_base": "52000000", "budget.fund_base_year": 2020}),
    );
    s.decide(
        "2021-04-06",
        ("HN-A3", "previous-year"),
        "当年资金总额尚未下达，2%按上年总额测算；市级补助按每站每年5万元",
    );
    s.fire(
        "2021-04-08",
        "finance",
        "confirm-budget",
        json!({
            "budget.total": "240000", "budget.confirmed": "2021-04-08", "budget.city_subsidy": "100000",
        }),
    );
    // The Labour Day holidays: twenty days end on 2 May, the earliest day is 6 May.
    let round = Round {
        method: "open-tender",
        intent: "2021-03-10",
        issued: "2021-04-12",
        deadline: "2021-05-06",
        reviewed: "2021-05-07",
        // A Saturday that is a working day.
        delivered: "2021-05-08",
        decided: "2021-05-11",
        notified: "2021-05-12",
        supplier: supplier("示例社工服务中心", "52410000MJX000001X", "社会组织"),
    };
    s.tender(&round, json!({"bond.bid": "0"}));
    s.award(&round, contractor_of_the_place());
    s.sign(Contract {
        signed: "2021-05-28",
        start: "2021-06-01",
        expiry: "2022-05-31",
        amount: "240000",
        with: json!({"contract.force_majeure": true, "contract.payment_terms": terms(&["50", "30", "20"])}),
    });
    s.make_public(
        "2021-05-31",
        "2021-06-03",
        json!({"contract.filed_city": "2021-06-03"}),
    );
    s.contractor("2021-06-15", "staff-onboard", staff("2021-06-15", 2));
    s.record(
        "2021-06-18",
        json!({
            "staff.filed": "2021-06-18", "station.signage": "2021-06-17", "accounting.separate": true,
        }),
    );
    s.record("2021-10-20", json!({"agency.registered": "2021-10-20"}));
    s.request("2021-06-18", "〔2021〕1号");
    s.pay(1, "2021-06-21", "2021-07-08");
    s.year_of_reports(["2021-06-01", "2021-07-01", "2021-07-01", "2021-01-01"]);
}

/// HN-04: 评估不合格的不予续签. Two evaluations make one grade (HN-A5), and the second fails.
fn fail(s: &mut Script) {
    s.mid_evaluation("2021-11-22", "2021-11-30", "pass");
    s.decide(
        "2021-12-06",
        ("HN-A5", "both"),
        "两次集中评估均合格方为年度合格，取较低等级，防止一评定全年",
    );
    s.request("2021-12-08", "〔2021〕2号");
    s.pay(2, "2021-12-10", "2021-12-28");
    s.officer(
        "2022-04-18",
        "start-final-evaluation",
        json!({"deliverable.final_report": "2022-04-18"}),
    );
    s.evaluator(
        "2022-04-27",
        "fail-final-evaluation",
        json!({"eval.final.grade": "fail"}),
    );
    // The last tranche never falls due.
    s.officer(
        "2022-05-10",
        "settle",
        json!({"settlement.confirmed": "2022-05-10", "archive.completed": "2022-05-09"}),
    );
    s.officer("2022-05-12", "decide-renewal", json!({}));
}

/// HN-25: 2022年…在60%以上乡镇(街道)实施, eight of thirteen.
fn spread(s: &mut Script) {
    s.record(
        "2022-05-31",
        json!({
            "survey.finished": "2022-05-31", "survey.public_consulted": "2022-05-27",
            "intent.published": "2022-05-24", "stations": 8,
        }),
    );
    s.officer("2022-06-13", "approve-plan", plan("2022-06-13"));
    s.fire(
        "2022-06-20",
        "finance",
        "confirm-budget",
        json!({
            "budget.total": "960000", "budget.confirmed": "2022-06-20", "budget.fund_base": "54000000",
            "budget.fund_base_year": 2021, "budget.city_subsidy": "400000",
        }),
    );
}

/// A clarification that may affect the bids moves their deadline (政府采购法实施条例31条).
fn clarified_tender(s: &mut Script) {
    let round = Round {
        method: "open-tender",
        intent: "2022-05-24",
        issued: "2022-06-24",
        deadline: "2022-07-15",
        reviewed: "2022-07-22",
        delivered: "2022-07-25",
        decided: "2022-07-28",
        notified: "2022-07-29",
        supplier: supplier("示例社会工作促进会", "52410002MJX000001T", "社会组织"),
    };
    s.tender(&round, json!({"bond.bid": "0"}));
    s.officer(
        "2022-07-06",
        "clarify",
        json!({
            "clarification.issued": "2022-07-06", "clarification.affects_bids": true,
            "bid.deadline": "2022-07-21",
        }),
    );
    let round = Round {
        deadline: "2022-07-21",
        ..round
    };
    s.award(&round, contractor_of_the_place());
    s.sign(Contract {
        signed: "2022-08-22",
        start: "2022-09-01",
        expiry: "2023-08-31",
        amount: "960000",
        with: json!({"contract.force_majeure": true, "contract.payment_terms": terms(&["50", "30", "20"])}),
    });
    s.make_public(
        "2022-08-23",
        "2022-08-30",
        json!({"contract.filed_city": "2022-08-30"}),
    );
    s.contractor("2022-09-05", "staff-onboard", staff("2022-09-05", 8));
    s.record(
        "2022-09-08",
        json!({"staff.filed": "2022-09-08", "accounting.separate": true}),
    );
}

fn second_service(s: &mut Script) {
    s.request("2022-09-09", "〔2022〕1号");
    s.pay(1, "2022-09-13", "2022-09-29");
    s.year_of_reports(["2022-09-01", "2022-10-01", "2022-07-01", "2023-01-01"]);
    s.mid_evaluation("2023-02-06", "2023-02-15", "good");
    s.request("2023-02-17", "〔2023〕1号");
    s.pay(2, "2023-02-20", "2023-03-10");
    s.contractor(
        "2023-06-20",
        "record-staffing",
        json!({"staff.all_qualified": "2023-06-20"}),
    );
    s.final_evaluation("2023-07-03", "2023-07-14", ("good", json!({})));
    s.request("2023-07-17", "〔2023〕2号");
    s.pay(3, "2023-07-18", "2023-08-04");
    s.officer(
        "2023-08-08",
        "settle",
        json!({"settlement.confirmed": "2023-08-08", "archive.completed": "2023-08-07"}),
    );
    s.officer("2023-08-15", "decide-renewal", json!({}));
}

impl Script {
    /// HN-21: applications come with the agreement and vouchers.
    fn request(&mut self, on: &str, number: &str) {
        self.contractor(
            on,
            "request-payment",
            json!({
                "payment.requested": on, "payment.application": number,
                "payment.agreement_attached": true, "payment.vouchers_attached": true,
            }),
        );
    }

    /// HN-13, HN-16 to HN-18 and HN-29: twelve months, four quarters, two half-years, one year.
    fn year_of_reports(&mut self, [month, quarter, half, year]: [&'static str; 4]) {
        let of = |kind, role, every, from, count, late| Reports {
            kind,
            role,
            every,
            from,
            count,
            late,
        };
        let late = month.starts_with("2021").then_some(("2022-01", 18));
        self.reports(&of(
            "brief-monthly",
            "contractor",
            Every::Month,
            month,
            12,
            late,
        ));
        self.reports(&of("wages", "officer", Every::Month, month, 12, None));
        self.reports(&of(
            "report-quarterly",
            "officer",
            Every::Quarter,
            quarter,
            4,
            None,
        ));
        self.reports(&of(
            "report-half-year",
            "upper-bureau",
            Every::HalfYear,
            half,
            2,
            None,
        ));
        self.reports(&of(
            "training-hours",
            "contractor",
            Every::Year,
            year,
            1,
            None,
        ));
    }
}

/// HN-31 and HN-19.
fn plan(on: &str) -> Json {
    json!({
        "plan.approved": on, "plan.filed": on,
        "plan.headings": {
            "background": true, "goals": true, "budget": true, "content": true, "standards": true, "evaluation": true,
        },
    })
}

/// HN-22.
fn contractor_of_the_place() -> Json {
    json!({"contractor.registered": true, "contractor.scope_social_work": true, "contractor.local": true})
}

/// HN-08 to HN-10 and HN-23: two workers and an office at each station, and a manager.
fn staff(on: &str, stations: usize) -> Json {
    let names = numbered("镇站", stations);
    let workers = Group {
        role: "worker",
        each: 2,
        qualified: 1,
    };
    let mut people = roster(&names, &[workers]);
    people.push(merged(
        person("m1", "镇站1", ("项目主管", true)),
        json!({"level": "intermediate"}),
    ));
    let office = |id: &String| json!({"id": id, "sqm": 16});
    json!({
        "staff.onboard": on, "staff.total": people.len(), "staff.roster": people,
        "station.offices": names.iter().map(office).collect::<Vec<_>>(),
    })
}
