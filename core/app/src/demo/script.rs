//! What the officers of two real projects do, day by day.
//!
//! Dates of Yuanzhou follow its document of 2021; Tianjin's follow its notice of 2021. Names and
//! addresses are made up.

use std::collections::BTreeMap;

use chrono::{Datelike, Days, Months, NaiveDate};
use liucheng_engine::commands::{Create, FireEvent};
use serde_json::{Map, Value as Json, json};

/// One act of one person.
#[derive(Debug, Clone)]
pub struct Act {
    /// The project's code.
    pub project: &'static str,
    /// The day.
    pub on: NaiveDate,
    /// The role that acts.
    pub role: &'static str,
    /// What is done.
    pub deed: Deed,
}

/// What is done.
#[derive(Debug, Clone)]
pub enum Deed {
    /// A project is opened.
    Open(Create),
    /// An event is fired.
    Fire(FireEvent),
}

/// The code of the Yuanzhou project.
pub const YUANZHOU: &str = "YZ-2021";
/// The code of the Tianjin project.
pub const TIANJIN: &str = "TJ-2021";

/// All acts of both projects, in order of time.
#[must_use]
pub fn acts() -> Vec<Act> {
    let mut acts = yuanzhou();
    acts.extend(tianjin());
    // The sort is stable: acts of one day stay in the order they are written.
    acts.sort_by_key(|act| act.on);
    acts
}

/// Collects the acts of one project.
struct Script {
    project: &'static str,
    acts: Vec<Act>,
}

impl Script {
    fn new(project: &'static str) -> Self {
        Self {
            project,
            acts: Vec::new(),
        }
    }

    fn open(&mut self, on: &str, name: &str, province: &str, facts: Json) {
        let contact = |role: &str| (role.to_owned(), vec![format!("{role}@{province}.example")]);
        let create = Create {
            code: self.project.to_owned(),
            name: name.to_owned(),
            province: province.to_owned(),
            facts: object(facts),
            contacts: ["officer", "supervisor", "contractor", "finance"]
                .into_iter()
                .map(contact)
                .collect(),
        };
        self.push(on, "officer", Deed::Open(create));
    }

    fn fire(&mut self, on: &str, role: &'static str, event: &str, facts: Json) {
        let deed = Deed::Fire(FireEvent {
            event: event.to_owned(),
            facts: object(facts),
            expected_version: None,
            waive: None,
        });
        self.push(on, role, deed);
    }

    /// The officer fires an event.
    fn officer(&mut self, on: &str, event: &str, facts: Json) {
        self.fire(on, "officer", event, facts);
    }

    fn push(&mut self, on: &str, role: &'static str, deed: Deed) {
        let on = on.parse().unwrap_or_default();
        self.acts.push(Act {
            project: self.project,
            on,
            role,
            deed,
        });
    }

    /// Monthly briefs for `count` months from `first`, each handed in on the fifth of the next month.
    fn monthly_reports(&mut self, first: &str, count: u32) {
        let first: NaiveDate = first.parse().unwrap_or_default();
        for i in 0..count {
            let Some(month) = first.checked_add_months(Months::new(i)) else {
                return;
            };
            let handed_in = month
                .checked_add_months(Months::new(1))
                .and_then(|m| m.checked_add_days(Days::new(4)));
            let Some(on) = handed_in else { return };
            let period = format!("{}-{:02}", month.year(), month.month());
            let facts = json!({"report.kind": "report-monthly", "report.period": period});
            self.fire(&on.to_string(), "contractor", "submit-report", facts);
        }
    }

    fn release(&mut self, on: &str, no: u32) {
        self.fire(on, "finance", "release-payment", json!({"payment.no": no}));
    }
}

fn object(json: Json) -> BTreeMap<String, Json> {
    let map = match json {
        Json::Object(map) => map,
        _ => Map::new(),
    };
    map.into_iter().collect()
}

/// 原州区: 5,450,000 yuan, paid 50/30/20 %, contract by the end of August 2021.
fn yuanzhou() -> Vec<Act> {
    let mut s = Script::new(YUANZHOU);
    s.open(
        "2021-07-05",
        "原州区2021年乡镇（街道）社工站服务项目",
        "ningxia-yuanzhou",
        json!({
            "division": "640402", "survey.started": "2021-07-05",
        }),
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
    s.officer(
        "2021-08-12",
        "record-facts",
        json!({"station.ready": "2021-08-12"}),
    );
    s.fire(
        "2021-08-13",
        "finance",
        "confirm-budget",
        json!({"budget.total": "5450000", "budget.confirmed": "2021-08-13"}),
    );
    // Eleven days are too short for an open tender (20 days); consultation needs ten.
    s.officer("2021-08-13", "issue-tender", json!({
        "procurement.method": "competitive-consultation", "intent.published": "2021-07-12", "procurement.started": "2021-08-13",
        "notice.published": "2021-08-13", "tender.docs_issued": "2021-08-13", "bid.deadline": "2021-08-23",
    }));
    s.officer(
        "2021-08-24",
        "finish-review",
        json!({"bid.opened": "2021-08-23", "evaluation.finished": "2021-08-24"}),
    );
    s.officer(
        "2021-08-25",
        "deliver-report",
        json!({"report.delivered": "2021-08-25"}),
    );
    s.officer(
        "2021-08-26",
        "decide-award",
        json!({"award.decided": "2021-08-26"}),
    );
    s.officer("2021-08-27", "issue-award-notice", json!({
        "award.notice_issued": "2021-08-27", "result.published": "2021-08-27",
        "supplier": {"name": "示例社会工作服务中心", "kind": "social-organisation", "years_inspected": 3, "grade_3a": true, "party_org": true, "prior_pass": true, "violations": 0},
    }));
    s.officer("2021-08-30", "sign-contract", json!({
        "contract.signed": "2021-08-30", "contract.effective": "2021-08-30", "contract.start": "2021-08-30",
        "contract.expiry": "2022-08-29", "contract.amount": "5450000",
    }));
    s.officer(
        "2021-08-31",
        "publish-contract",
        json!({"contract.publicised": "2021-08-31"}),
    );
    s.officer(
        "2021-09-01",
        "record-facts",
        json!({"bond.losers_returned": "2021-09-01", "bond.winner_returned": "2021-09-01"}),
    );
    s.fire(
        "2021-09-01",
        "contractor",
        "staff-onboard",
        json!({
            "staff.onboard": "2021-09-01", "supervisor.appointed": "2021-09-01",
            "staff.roster": [
                {"id": "s1", "role": "supervisor", "level": "intermediate", "qualified": true},
                {"id": "w1", "role": "worker", "qualified": true},
                {"id": "w2", "role": "worker", "qualified": false},
            ],
        }),
    );
    s.officer(
        "2021-09-03",
        "file-contract",
        json!({"contract.filed": "2021-09-03"}),
    );
    s.release("2021-09-16", 1);
    s.monthly_reports("2021-09-01", 12);
    s.officer(
        "2022-01-10",
        "start-mid-evaluation",
        json!({"evaluator.appointed": "2021-12-20"}),
    );
    s.officer(
        "2022-01-12",
        "submit-report",
        json!({"report.kind": "report-half-year", "report.period": "2021-H2"}),
    );
    s.fire(
        "2022-01-18",
        "evaluator",
        "pass-mid-evaluation",
        json!({"eval.mid.passed": "2022-01-18", "eval.mid.grade": "good"}),
    );
    s.release("2022-02-10", 2);
    s.officer(
        "2022-07-08",
        "submit-report",
        json!({"report.kind": "report-half-year", "report.period": "2022-H1"}),
    );
    s.officer(
        "2022-07-27",
        "record-facts",
        json!({"plan.next_approved": "2022-07-27"}),
    );
    s.officer(
        "2022-08-01",
        "start-final-evaluation",
        json!({"deliverable.final_report": "2022-08-01"}),
    );
    s.fire("2022-08-12", "evaluator", "pass-final-evaluation", json!({
        "eval.final.passed": "2022-08-12", "eval.final.grade": "good", "eval.annual.passed": "2022-08-12", "eval.annual.grade": "good",
    }));
    s.release("2022-09-01", 3);
    s.officer(
        "2022-09-02",
        "record-facts",
        json!({"settlement.confirmed": "2022-09-02"}),
    );
    // Renewal opens by itself on the next working morning.
    s.officer("2022-09-07", "decide-renewal", json!({}));
    s.fire(
        "2023-06-20",
        "contractor",
        "record-staffing",
        json!({"staff.all_qualified": "2023-06-20"}),
    );
    s.acts
}

/// 天津: 250,000 yuan a year, staff within 15 days, three yearly contracts.
fn tianjin() -> Vec<Act> {
    let mut s = Script::new(TIANJIN);
    s.open(
        "2021-05-27",
        "天津市首批街道社工站项目（示例街道）",
        "tianjin",
        json!({
            "division": "120000", "survey.started": "2021-05-27", "stations": 1,
        }),
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
    s.fire(
        "2021-06-17",
        "finance",
        "confirm-budget",
        json!({"budget.total": "250000", "budget.confirmed": "2021-06-17"}),
    );
    // Twenty days from 28 June end on a Sunday: the earliest day to open bids is Monday, 19 July.
    s.officer("2021-06-28", "issue-tender", json!({
        "procurement.method": "open-tender", "intent.published": "2021-05-28", "procurement.started": "2021-06-28",
        "notice.published": "2021-06-28", "tender.docs_issued": "2021-06-28", "bid.deadline": "2021-07-19",
    }));
    s.officer(
        "2021-07-20",
        "finish-review",
        json!({"bid.opened": "2021-07-19", "evaluation.finished": "2021-07-20"}),
    );
    s.officer(
        "2021-07-21",
        "deliver-report",
        json!({"report.delivered": "2021-07-21"}),
    );
    s.officer(
        "2021-07-22",
        "decide-award",
        json!({"award.decided": "2021-07-22"}),
    );
    s.officer("2021-07-23", "issue-award-notice", json!({
        "award.notice_issued": "2021-07-23", "result.published": "2021-07-23",
        "supplier": {"name": "示例社会工作事务所", "kind": "社会工作类社会组织", "years_inspected": 3, "prior_pass": true, "violations": 0},
    }));
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

/// One of Tianjin's contract years.
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
        self.officer(year.signed, "sign-contract", json!({
            "contract.signed": year.signed, "contract.start": year.start, "contract.effective": year.start,
            "contract.expiry": year.expiry, "contract.amount": "250000",
            // The notice names no percentages: these are the contract's own.
            "contract.payment_terms": [
                {"no": 1, "percent": "60", "obligation": "invoice-payment"},
                {"no": 2, "percent": "40", "remainder": true, "obligation": "invoice-payment"},
            ],
        }));
        self.officer(
            &plus(year.signed, 1),
            "publish-contract",
            json!({"contract.publicised": plus(year.signed, 1)}),
        );
        if first {
            self.officer(
                "2021-07-30",
                "record-facts",
                json!({"bond.losers_returned": "2021-07-29"}),
            );
            self.fire("2021-08-10", "contractor", "staff-onboard", json!({
                "staff.onboard": "2021-08-10", "supervisor.appointed": "2021-08-10",
                "staff.roster": [
                    {"id": "w1", "station": "1", "role": "worker", "qualified": true, "employed": true},
                    {"id": "w2", "station": "1", "role": "worker", "qualified": false, "employed": true},
                ],
            }));
        } else {
            self.fire(&after(2), "contractor", "continue-service", json!({}));
        }
        self.officer(
            &plus(year.signed, 6),
            "record-facts",
            json!({"bond.winner_returned": plus(year.signed, 5)}),
        );
        self.officer(
            &plus(year.signed, 8),
            "file-contract",
            json!({"contract.filed": plus(year.signed, 7)}),
        );
        self.officer(
            &after(20),
            "receive-invoice",
            json!({"invoice.received": after(20)}),
        );
        self.release(&after(40), 1);
        self.monthly_reports(year.first_report, 12);
        self.officer(&after(170), "start-mid-evaluation", json!({}));
        self.fire(&after(181), "evaluator", "pass-mid-evaluation", json!({
            "eval.mid.passed": after(181), "eval.mid.grade": "good", "eval.reported": after(181),
        }));
        self.officer(
            &before(30),
            "start-final-evaluation",
            json!({"deliverable.final_report": before(30)}),
        );
        self.fire(&before(22), "evaluator", "pass-final-evaluation", json!({
            "eval.final.passed": before(22), "eval.final.grade": year.grade,
            "eval.annual.passed": before(22), "eval.annual.grade": year.grade, "eval.reported": before(22),
        }));
        self.officer(
            &before(20),
            "receive-invoice",
            json!({"invoice.received": before(20)}),
        );
        self.release(&before(14), 2);
        self.officer(
            &before(13),
            "record-facts",
            json!({"settlement.confirmed": before(13)}),
        );
        self.officer(&before(8), "decide-renewal", json!({}));
        if year.grade == "excellent" {
            // 优秀 stands in no list of the notice: a person decides and says why.
            self.fire(
                &before(7),
                "supervisor",
                "decide-renewal-by-hand",
                json!({
                    "renewal.human_decision": "renew",
                    "renewal.human_reason": "评估等级优秀高于“良好或合格”，经局务会研究同意续签",
                }),
            );
        }
        if year.start.starts_with("2022") {
            self.fire(
                &after(300),
                "contractor",
                "record-staffing",
                json!({"staff.all_qualified": after(300)}),
            );
        }
    }
}

fn plus(date: &str, days: u64) -> String {
    let date: NaiveDate = date.parse().unwrap_or_default();
    date.checked_add_days(Days::new(days))
        .unwrap_or(date)
        .to_string()
}

fn minus(date: &str, days: u64) -> String {
    let date: NaiveDate = date.parse().unwrap_or_default();
    date.checked_sub_days(Days::new(days))
        .unwrap_or(date)
        .to_string()
}
