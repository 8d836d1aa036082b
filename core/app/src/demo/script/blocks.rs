//! What projects have in common: a round of procurement, a contract, reports, people.

use chrono::{Days, NaiveDate};
use liucheng_model::{
    decide::{period_containing, period_label},
    definition::Every,
};
use serde_json::{Value as Json, json};

use super::{Script, day};

/// One round of procurement, day by day.
pub struct Round<'a> {
    /// The method.
    pub method: &'a str,
    /// The intent is published.
    pub intent: &'a str,
    /// The notice is published and the documents are issued.
    pub issued: &'a str,
    /// Bids (responses) close and are opened.
    pub deadline: &'a str,
    /// The review ends.
    pub reviewed: &'a str,
    /// Its report is delivered.
    pub delivered: &'a str,
    /// The award is decided.
    pub decided: &'a str,
    /// The award notice is issued and the result published.
    pub notified: &'a str,
    /// Who wins.
    pub supplier: Json,
}

/// A contract as it is signed.
pub struct Contract<'a> {
    /// The day of signing.
    pub signed: &'a str,
    /// The day it begins and takes effect.
    pub start: &'a str,
    /// Its last day.
    pub expiry: &'a str,
    /// Yuan.
    pub amount: &'a str,
    /// What else is recorded with it.
    pub with: Json,
}

/// Reports of one kind, each handed in some days after its period.
pub struct Reports<'a> {
    /// The recurring obligation.
    pub kind: &'a str,
    /// Whose task it is.
    pub role: &'static str,
    /// How often.
    pub every: Every,
    /// A day in the first period.
    pub from: &'a str,
    /// How many periods.
    pub count: usize,
    /// One that is late, and by how many days after its period.
    pub late: Option<(&'a str, u64)>,
}

/// How many days after its period a report comes.
const REPORT_DAYS: u64 = 4;

impl Script {
    /// The notice and the documents.
    pub fn tender(&mut self, round: &Round<'_>, with: Json) {
        let documents = match round.method {
            "open-tender" => "tender.docs_issued",
            _ => "docs.issued",
        };
        let facts = json!({
            "procurement.method": round.method, "intent.published": round.intent,
            "procurement.started": round.issued, "notice.published": round.issued,
            documents: round.issued, "bid.deadline": round.deadline,
        });
        self.officer(round.issued, "issue-tender", merged(facts, with));
    }

    /// From the review of the bids to the award notice.
    pub fn award(&mut self, round: &Round<'_>, with: Json) {
        self.officer(
            round.reviewed,
            "finish-review",
            json!({"bid.opened": round.deadline, "evaluation.finished": round.reviewed}),
        );
        self.officer(
            round.delivered,
            "deliver-report",
            json!({"report.delivered": round.delivered}),
        );
        self.officer(
            round.decided,
            "decide-award",
            json!({"award.decided": round.decided, "supplier": round.supplier}),
        );
        let facts = json!({
            "award.notice_issued": round.notified, "result.published": round.notified,
        });
        self.officer(round.notified, "issue-award-notice", merged(facts, with));
    }

    /// The contract is signed.
    pub fn sign(&mut self, contract: Contract<'_>) {
        let facts = json!({
            "contract.signed": contract.signed, "contract.start": contract.start,
            "contract.effective": contract.start, "contract.expiry": contract.expiry,
            "contract.amount": contract.amount,
        });
        self.officer(
            contract.signed,
            "sign-contract",
            merged(facts, contract.with),
        );
    }

    /// The contract is publicised and filed.
    pub fn make_public(&mut self, publicised: &str, filed: &str, with: Json) {
        self.officer(
            publicised,
            "publish-contract",
            json!({"contract.publicised": publicised}),
        );
        let facts = json!({"contract.filed": filed});
        self.officer(filed, "file-contract", merged(facts, with));
    }

    /// An invoice comes and is paid.
    pub fn pay(&mut self, no: u32, invoiced: &str, paid: &str) {
        self.officer(
            invoiced,
            "receive-invoice",
            json!({"invoice.received": invoiced}),
        );
        self.release(no, paid);
    }

    /// The finance office releases a tranche.
    pub fn release(&mut self, no: u32, on: &str) {
        self.fire(on, "finance", "release-payment", json!({"payment.no": no}));
    }

    /// The mid-term evaluation is passed.
    pub fn mid_evaluation(&mut self, started: &str, passed: &str, grade: &str) {
        self.officer(started, "start-mid-evaluation", json!({}));
        self.evaluator(
            passed,
            "pass-mid-evaluation",
            json!({
                "eval.mid.passed": passed, "eval.mid.grade": grade, "deliverable.mid_report": started,
            }),
        );
    }

    /// The final evaluation is passed.
    pub fn final_evaluation(&mut self, started: &str, passed: &str, (grade, with): (&str, Json)) {
        self.officer(
            started,
            "start-final-evaluation",
            json!({"deliverable.final_report": started}),
        );
        let facts = json!({"eval.final.passed": passed, "eval.final.grade": grade});
        self.evaluator(passed, "pass-final-evaluation", merged(facts, with));
    }

    /// Services are accepted with their users, and the settlement is confirmed.
    pub fn settle(&mut self, on: &str) {
        self.officer(
            on,
            "settle",
            json!({
                "settlement.confirmed": on, "delivery.accepted": on,
                "delivery.user_opinion": on, "delivery.published": on,
            }),
        );
    }

    /// A person decides about renewal and says why.
    pub fn renew_by_hand(&mut self, on: &str, decision: &str, reason: &str) {
        self.fire(
            on,
            "supervisor",
            "decide-renewal-by-hand",
            json!({"renewal.human_decision": decision, "renewal.human_reason": reason}),
        );
    }

    /// Reports, period by period.
    pub fn reports(&mut self, reports: &Reports<'_>) {
        let mut next = day(reports.from);
        for _ in 0..reports.count {
            let Some((first, last)) = period_containing(reports.every, next) else {
                return;
            };
            let label = period_label(reports.every, first);
            let after = match reports.late {
                Some((late, days)) if late == label => days,
                _ => REPORT_DAYS,
            };
            let facts = json!({"report.kind": reports.kind, "report.period": label});
            let on = later(last, after).to_string();
            self.fire(&on, reports.role, "submit-report", facts);
            next = later(last, 1);
        }
    }
}

/// A group of people on a roster: `count` of them for each station.
pub struct Group<'a> {
    /// What they are.
    pub role: &'a str,
    /// How many at each station.
    pub each: usize,
    /// Of how many the qualification is there, at each station.
    pub qualified: usize,
}

/// A roster: at each station the people of each group, numbered through.
pub fn roster(stations: &[String], groups: &[Group<'_>]) -> Vec<Json> {
    let mut people = Vec::new();
    for station in stations {
        for group in groups {
            for place in 0..group.each {
                let qualified = place < group.qualified;
                people.push(person(
                    &format!("p{}", people.len() + 1),
                    station,
                    (group.role, qualified),
                ));
            }
        }
    }
    people
}

/// One person of a roster.
pub fn person(id: &str, station: &str, (role, qualified): (&str, bool)) -> Json {
    let level = if qualified { "assistant" } else { "none" };
    json!({
        "id": id, "station": station, "role": role, "age": 29, "education": "大专",
        "level": level, "qualified": qualified, "local": true, "employed": true,
    })
}

/// Names of stations: `name` followed by a number.
pub fn numbered(name: &str, count: usize) -> Vec<String> {
    (1..=count).map(|n| format!("{name}{n}")).collect()
}

/// A contractor that any of the documents accepts.
pub fn supplier(name: &str, uscc: &str, kind: &str) -> Json {
    json!({
        "name": name, "uscc": uscc, "kind": kind, "years_inspected": 3,
        "grade_3a": true, "party_org": true, "prior_pass": true, "violations": 0,
    })
}

/// Payment terms of a contract: shares in percent, each due when its invoice is.
pub fn terms(percents: &[&str]) -> Json {
    let last = percents.len();
    let term = |(i, percent): (usize, &&str)| {
        json!({
            "no": i + 1, "percent": percent, "remainder": i + 1 == last, "obligation": "invoice-payment",
        })
    };
    percents.iter().enumerate().map(term).collect()
}

/// Two objects in one.
pub fn merged(one: Json, other: Json) -> Json {
    match (one, other) {
        (Json::Object(mut one), Json::Object(other)) => {
            one.extend(other);
            Json::Object(one)
        }
        (one, _) => one,
    }
}

/// So many days later.
pub fn later(date: NaiveDate, days: u64) -> NaiveDate {
    date.checked_add_days(Days::new(days)).unwrap_or(date)
}

/// So many days after a day.
pub fn plus(date: &str, days: u64) -> String {
    later(day(date), days).to_string()
}

/// So many days before a day.
pub fn minus(date: &str, days: u64) -> String {
    let date = day(date);
    date.checked_sub_days(Days::new(days))
        .unwrap_or(date)
        .to_string()
}
