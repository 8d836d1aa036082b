//! Single episodes of a project's life: pausing clocks, downtime, schedules, corrected facts.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate, NaiveDateTime, NaiveTime};
use liucheng_model::{
    calendar::Calendar,
    deadline::Suspension,
    decide::{self, Context, Decision, Fire, Fired, Slots},
    definition::{Definition, Source},
    evaluate::{Question, evaluate},
    event::{Event, MoveCause, Opening},
    fact::Facts,
    finding::{Finding, FindingCode},
    project::{Pin, Project},
    rejection::Rejection,
};
use serde_json::{Value as Json, json};

const BASE: &str = include_str!("../../../workflows/social-work-station.toml");

/// Every day at nine.
struct Daily;

impl Slots for Daily {
    fn next(&self, _: &str, after: NaiveDateTime) -> Option<NaiveDateTime> {
        let slot = after.date().and_hms_opt(9, 0, 0)?;
        Some(if slot > after {
            slot
        } else {
            slot + Days::new(1)
        })
    }
}

struct Life {
    definition: Definition,
    project: Project,
    now: NaiveDateTime,
}

impl Life {
    fn begin(text: &str, on: &str) -> Self {
        let definition = Definition::load(Source { name: "test", text }, None)
            .unwrap_or_else(|e| panic!("{e:#?}"));
        let now = at(on, "09:00");
        let opening = Opening {
            code: "T-1".to_owned(),
            name: "test".to_owned(),
            definition: Pin {
                id: "d".to_owned(),
                version: "1".to_owned(),
                digest: "x".to_owned(),
            },
            package: None,
            calendar: "cn".to_owned(),
            contacts: BTreeMap::new(),
            states: decide::initial_states(&definition),
        };
        let context = Context {
            definition: &definition,
            calendar: Calendar::national().unwrap(),
            now,
            slots: &Daily,
        };
        let project = decide::open(context, opening, Facts::new(), &[])
            .unwrap()
            .project;
        Self {
            definition,
            project,
            now,
        }
    }

    fn context(&self) -> Context<'_> {
        Context {
            definition: &self.definition,
            calendar: Calendar::national().unwrap(),
            now: self.now,
            slots: &Daily,
        }
    }

    fn fire(&mut self, on: &str, event: &str, facts: Json) -> Result<Vec<Event>, Rejection> {
        self.now = at(on, "09:00");
        let facts = facts.as_object().unwrap().clone().into_iter().collect();
        let command = Fire {
            event: event.to_owned(),
            facts,
            roles: BTreeSet::from(["*".to_owned()]),
            waived: None,
            unanswered: Vec::new(),
        };
        let decision = decide::fire(self.context(), &self.project, &command, Vec::new())?;
        self.project = decision.project;
        Ok(decision.events)
    }

    /// Fires a timer at a time that may be long after it was due.
    fn timer(&mut self, key: &str, now: NaiveDateTime) -> Option<Decision> {
        let timer = *self.project.timers.get(key)?;
        self.now = now;
        match decide::fire_timer(
            self.context(),
            &self.project,
            key,
            timer.at,
            timer.generation,
        )
        .unwrap()
        {
            Fired::Decided(decision) => {
                self.project = decision.project.clone();
                Some(*decision)
            }
            Fired::Stale | Fired::Early | Fired::Idle { .. } => None,
        }
    }

    fn due(&self, key: &str) -> Option<String> {
        self.project
            .obligations
            .get(key)?
            .due
            .map(|d| d.to_string())
    }
}

fn at(date: &str, time: &str) -> NaiveDateTime {
    let date: NaiveDate = date.parse().unwrap();
    date.and_time(NaiveTime::parse_from_str(time, "%H:%M").unwrap())
}

/// A project whose award notice was issued on 23 October 2026: the contract is due on 23 November.
fn awarded() -> Life {
    let mut life = Life::begin(BASE, "2026-09-01");
    for (on, event, facts) in [
        (
            "2026-09-01",
            "finish-survey",
            json!({"survey.finished": "2026-09-01"}),
        ),
        (
            "2026-09-02",
            "approve-plan",
            json!({"plan.approved": "2026-09-02"}),
        ),
        (
            "2026-09-03",
            "confirm-budget",
            json!({"budget.total": "3000000", "budget.confirmed": "2026-09-03"}),
        ),
        (
            "2026-10-12",
            "finish-review",
            json!({"evaluation.finished": "2026-10-12"}),
        ),
        (
            "2026-10-22",
            "decide-award",
            json!({"award.decided": "2026-10-22"}),
        ),
        (
            "2026-10-23",
            "issue-award-notice",
            json!({"award.notice_issued": "2026-10-23"}),
        ),
    ] {
        life.fire(on, event, facts).unwrap();
    }
    life
}

#[test]
fn a_challenge_stops_the_signing_clock() {
    let mut life = awarded();
    assert_eq!(life.due("sign-contract").as_deref(), Some("2026-11-23"));
    // The challenge comes in on 2 November and is answered on the 9th: seven days do not count.
    let events = life
        .fire(
            "2026-11-02",
            "receive-challenge",
            json!({"challenge.received": "2026-11-02"}),
        )
        .unwrap();
    let suspended = |e: &Event| matches!(e, Event::ObligationMoved { key, cause: MoveCause::Suspended, .. } if key == "sign-contract");
    assert!(events.iter().any(suspended), "{events:#?}");
    assert_eq!(
        life.due("sign-contract"),
        None,
        "no date while the clock stands still"
    );
    assert!(
        !life.project.timers.contains_key("due:sign-contract"),
        "and no reminder"
    );
    let refused = life.fire("2026-11-03", "sign-contract", json!({"contract.signed": "2026-11-03", "contract.amount": "1", "contract.expiry": "2027-11-02"}));
    assert!(
        matches!(refused, Err(Rejection::Guard { .. })),
        "{refused:?}"
    );
    let events = life
        .fire(
            "2026-11-09",
            "reply-challenge",
            json!({"challenge.replied": "2026-11-09"}),
        )
        .unwrap();
    let resumed = |e: &Event| matches!(e, Event::ObligationMoved { key, cause: MoveCause::Resumed, .. } if key == "sign-contract");
    assert!(events.iter().any(resumed), "{events:#?}");
    // 22 November + 7 days = Sunday 29 November, rolled to Monday.
    assert_eq!(life.due("sign-contract").as_deref(), Some("2026-11-30"));

    // Signed on the last day: whoever looks later sees that it was in time.
    let signed = json!({"contract.signed": "2026-11-30", "contract.amount": "1", "contract.expiry": "2027-11-29"});
    life.fire("2026-11-30", "sign-contract", signed).unwrap();
    let late = |suspensions: &BTreeMap<String, Vec<Suspension>>| {
        let found = evaluate(Question {
            definition: &life.definition,
            facts: &life.project.facts,
            states: &life.project.states,
            today: life.now.date(),
            calendar: Calendar::national().unwrap(),
            suspensions,
        });
        let of_law = |f: &Finding| f.rule == "CN-CONTRACT-30D" && f.code == FindingCode::Violation;
        found.findings.iter().any(of_law)
    };
    assert!(!late(&life.project.all_suspensions()));
    assert!(late(&BTreeMap::new()), "without the suspension it was late");
}

#[test]
fn a_corrected_fact_moves_the_date_with_its_cause() {
    let mut life = awarded();
    let events = life
        .fire(
            "2026-10-26",
            "record-facts",
            json!({"award.notice_issued": "2026-10-26"}),
        )
        .unwrap();
    let moved = |e: &Event| matches!(e, Event::ObligationMoved { key, cause: MoveCause::Facts, .. } if key == "sign-contract");
    assert!(events.iter().any(moved));
    assert_eq!(life.due("sign-contract").as_deref(), Some("2026-11-25"));
}

#[test]
fn after_a_long_downtime_there_is_one_reminder() {
    let mut life = awarded();
    // Nobody was running for months: all steps of the ladder have passed.
    let decision = life
        .timer("due:sign-contract", at("2026-12-30", "10:00"))
        .unwrap();
    let reminders: Vec<&Event> = decision
        .events
        .iter()
        .filter(|e| matches!(e, Event::ReminderDue { .. }))
        .collect();
    assert_eq!(reminders.len(), 1, "{reminders:#?}");
    assert!(
        matches!(
            reminders[0],
            Event::ReminderDue {
                escalation: true,
                ..
            }
        ),
        "the last one, which goes a level up"
    );
    assert!(
        !life.project.timers.contains_key("due:sign-contract"),
        "the ladder has ended"
    );
}

#[test]
fn a_timer_never_fires_early() {
    let mut life = awarded();
    let before = life.project.clone();
    let timer = life.project.timers["due:sign-contract"];
    assert!(
        life.timer(
            "due:sign-contract",
            timer.at - chrono::TimeDelta::microseconds(1)
        )
        .is_none()
    );
    assert_eq!(life.project, before);
}

/// Two states and a schedule that counts how often it fired.
fn scheduled(missed: &str) -> Life {
    let text = format!(
        r#"
schema = 1
id = "s"
version = "1"
title = {{ zh = "试", en = "t" }}
calendar = "cn"
[roles]
officer = {{ title = {{ zh = "经办", en = "o" }} }}
[facts]
"tick.count" = {{ type = "int", title = {{ zh = "次", en = "n" }} }}
[[region]]
id = "main"
title = {{ zh = "主", en = "m" }}
initial = "on"
[[region.state]]
id = "on"
title = {{ zh = "开", en = "on" }}
bounded-by = ["tick"]
[[region.state]]
id = "off"
title = {{ zh = "关", en = "off" }}
final = true
[[transition]]
id = "count"
on = "ticked"
region = "main"
from = ["on"]
to = "."
title = {{ zh = "计", en = "count" }}
set = {{ "tick.count" = "has(tick.count) ? tick.count + 1 : 1" }}
[[transition]]
id = "close"
region = "main"
from = ["on"]
to = "off"
title = {{ zh = "关", en = "close" }}
roles = ["officer"]
[[schedule]]
id = "tick"
title = {{ zh = "每日", en = "daily" }}
cron = "0 0 9 * * *"
missed = "{missed}"
active-in = ["main.on"]
event = "ticked"
"#
    );
    Life::begin(&text, "2026-03-02")
}

#[test]
fn missed_slots_follow_the_policy() {
    // The schedule is due on 3 March at nine; the matrix says how often it fires when somebody
    // comes back after 0, 1, 2 and 40 missed slots, within the hour or hours later.
    for (missed, now, expected) in [
        ("skip", "2026-03-03 09:00", 1),
        ("skip", "2026-03-03 12:00", 0),
        ("skip", "2026-03-05 09:30", 1),
        ("once", "2026-03-03 09:00", 1),
        ("once", "2026-03-03 12:00", 1),
        ("once", "2026-04-12 12:00", 1),
        ("all", "2026-03-03 09:00", 1),
        ("all", "2026-03-05 12:00", 3),
        ("all", "2026-12-31 12:00", 100),
    ] {
        let mut life = scheduled(missed);
        let (date, time) = now.split_once(' ').unwrap();
        life.timer("schedule:tick", at(date, time));
        let count = life
            .project
            .facts
            .get("tick.count")
            .and_then(liucheng_model::fact::FactValue::as_int)
            .unwrap_or(0);
        assert_eq!(count, expected, "{missed} at {now}");
        if expected > 0 {
            let next = life.project.timers["schedule:tick"].at;
            assert!(
                next > at(date, time),
                "{missed} at {now}: the next slot lies ahead, {next}"
            );
        }
    }
}

#[test]
fn an_ended_project_has_no_timers() {
    let mut life = scheduled("once");
    assert!(!life.project.timers.is_empty());
    life.fire("2026-03-04", "close", json!({})).unwrap();
    assert!(life.project.timers.is_empty());
    assert!(decide::possible(&life.definition, &life.project).is_empty());
}

#[test]
fn a_component_cannot_change_what_people_record() {
    use liucheng_model::{
        fact::{FactValue, Scalar},
        money::Fen,
        verdict::{Answer, Hook, PackagePin, Verdict},
    };
    let mut life = awarded();
    life.now = at("2026-10-26", "09:00");
    let command = Fire {
        event: "sign-contract".to_owned(),
        facts: BTreeMap::from([
            ("contract.signed".to_owned(), json!("2026-10-26")),
            ("contract.amount".to_owned(), json!("100")),
            ("contract.expiry".to_owned(), json!("2027-10-25")),
        ]),
        roles: BTreeSet::from(["officer".to_owned()]),
        waived: None,
        unanswered: Vec::new(),
    };
    let verdict = |key: &str, value: Scalar| Verdict {
        hook: Hook::TranchePlan,
        package: PackagePin {
            id: "p".to_owned(),
            version: "1".to_owned(),
            component: String::new(),
        },
        input: String::new(),
        fuel: 1,
        answer: Answer {
            facts: Facts::from([(key.to_owned(), FactValue::One(value))]),
            ..Answer::default()
        },
        arguments: Default::default(),
        next: None,
    };
    let greedy = vec![verdict("contract.amount", Scalar::Money(Fen(1)))];
    let refused = decide::fire(life.context(), &life.project, &command, greedy);
    assert!(
        matches!(&refused, Err(Rejection::Proposal { key, .. }) if key == "contract.amount"),
        "{refused:?}"
    );
    let fair = vec![verdict(
        "renewal.reason",
        Scalar::Text("because".to_owned()),
    )];
    assert!(decide::fire(life.context(), &life.project, &command, fair).is_ok());
}

#[test]
fn a_suspension_counts_from_the_notice_not_from_its_recording() {
    let mut life = awarded();
    // Answered on the 9th, received on the 2nd; both recorded on the 12th.
    life.fire(
        "2026-11-12",
        "receive-challenge",
        json!({"challenge.received": "2026-11-02"}),
    )
    .unwrap();
    life.fire(
        "2026-11-12",
        "reply-challenge",
        json!({"challenge.replied": "2026-11-09"}),
    )
    .unwrap();
    assert_eq!(
        life.due("sign-contract").as_deref(),
        Some("2026-11-30"),
        "the same seven days"
    );
}

#[test]
fn a_clock_that_steps_back_loses_no_timer() {
    let mut life = awarded();
    let timer = life.project.timers["due:sign-contract"];
    life.now = timer.at - chrono::TimeDelta::seconds(2);
    let fired = decide::fire_timer(
        life.context(),
        &life.project,
        "due:sign-contract",
        timer.at,
        timer.generation,
    )
    .unwrap();
    assert_eq!(fired, Fired::Early);
    assert!(life.timer("due:sign-contract", timer.at).is_some());
}

#[test]
fn every_move_has_a_generation_of_its_own() {
    let mut life = awarded();
    let mut seen = BTreeSet::from([life.project.obligations["sign-contract"].generation]);
    for day in [
        "2026-10-26",
        "2026-10-27",
        "2026-10-23",
        "2026-10-24",
        "2026-10-25",
    ] {
        life.fire(
            "2026-11-01",
            "record-facts",
            json!({"award.notice_issued": day}),
        )
        .unwrap();
        let generation = life.project.obligations["sign-contract"].generation;
        assert!(
            seen.insert(generation),
            "{day}: generation {generation} was used before"
        );
    }
}

#[test]
fn opening_a_project_enforces_what_commands_enforce() {
    let life = awarded();
    let open = |facts: Json| {
        let facts: Facts = facts
            .as_object()
            .unwrap()
            .iter()
            .map(|(key, json)| (key.clone(), life.definition.parse_fact(key, json).unwrap()))
            .collect();
        let opening = Opening {
            code: "T-2".to_owned(),
            name: "test".to_owned(),
            definition: life.project.definition.clone(),
            package: None,
            calendar: life.project.calendar.clone(),
            contacts: BTreeMap::new(),
            states: decide::initial_states(&life.definition),
        };
        decide::open(life.context(), opening, facts, &[]).map(|_| ())
    };
    let tender = json!({"procurement.method": "open-tender", "tender.docs_issued": "2026-09-14", "bid.deadline": "2026-09-20"});
    assert!(matches!(open(tender), Err(Rejection::LawMinimum { .. })));
    assert!(matches!(
        open(json!({"payment.no": 1})),
        Err(Rejection::FactNotAtOpening { .. })
    ));
    assert!(matches!(
        open(json!({"renewal.decision": "renew"})),
        Err(Rejection::FactNotAtOpening { .. })
    ));
    assert_eq!(open(json!({"survey.started": "2026-09-01"})), Ok(()));
}

#[test]
fn contacts_have_to_be_reachable() {
    let life = awarded();
    let open = |role: &str, address: &str| {
        let opening = Opening {
            code: "T-2".to_owned(),
            name: "test".to_owned(),
            definition: life.project.definition.clone(),
            package: None,
            calendar: life.project.calendar.clone(),
            contacts: BTreeMap::from([(role.to_owned(), vec![address.to_owned()])]),
            states: decide::initial_states(&life.definition),
        };
        decide::open(life.context(), opening, Facts::new(), &[])
            .map_err(|e| e.code())
            .map(|_| ())
    };
    assert_eq!(open("officer", "o@county.example"), Ok(()));
    for (role, address) in [
        ("offcier", "o@county.example"),
        ("officer", "@@"),
        ("officer", "o"),
        ("officer", "a@b\nBcc: x@y"),
        ("officer", "张三 <z@b.example>"),
    ] {
        assert_eq!(open(role, address), Err("E-CONTACT"), "{role} {address:?}");
    }
}

#[test]
fn a_corrected_contract_takes_back_reports_of_wrong_years() {
    let yuanzhou = include_str!("../../../plugins/ningxia-yuanzhou/overlay.toml");
    let base = Source {
        name: "base",
        text: BASE,
    };
    let definition = Definition::load(
        base,
        Some(Source {
            name: "overlay",
            text: yuanzhou,
        }),
    )
    .unwrap_or_else(|e| panic!("{e:#?}"));
    let mut life = awarded();
    life.definition = definition;
    let sign = json!({"contract.signed": "2026-10-26", "contract.start": "2016-11-01", "contract.expiry": "2027-10-31", "contract.amount": "100"});
    life.fire("2026-10-26", "sign-contract", sign).unwrap();
    let months = |life: &Life| {
        life.project
            .obligations
            .keys()
            .filter(|k| k.starts_with("report-monthly@"))
            .count()
    };
    assert!(months(&life) > 100, "{}", months(&life));
    life.fire(
        "2026-12-02",
        "record-facts",
        json!({"contract.start": "2026-11-01"}),
    )
    .unwrap();
    let left: Vec<&String> = life
        .project
        .obligations
        .keys()
        .filter(|k| k.starts_with("report-monthly@"))
        .collect();
    assert_eq!(left, ["report-monthly@2026-11", "report-monthly@2026-12"]);
    // Moved back, the months that are owed now open; what was handed in stays handed in.
    life.fire(
        "2026-12-03",
        "submit-report",
        json!({"report.kind": "report-monthly", "report.period": "2026-11"}),
    )
    .unwrap();
    life.fire(
        "2026-12-04",
        "record-facts",
        json!({"contract.start": "2026-09-01"}),
    )
    .unwrap();
    let left: Vec<&String> = life
        .project
        .obligations
        .keys()
        .filter(|k| k.starts_with("report-monthly@"))
        .collect();
    assert_eq!(
        left,
        [
            "report-monthly@2026-09",
            "report-monthly@2026-10",
            "report-monthly@2026-12"
        ]
    );
}

#[test]
fn a_day_to_come_discharges_nothing_and_facts_can_be_taken_back() {
    let mut life = awarded();
    let sign = json!({"contract.signed": "2026-10-26", "contract.expiry": "2027-10-25", "contract.amount": "100"});
    let early = life.fire("2026-10-25", "sign-contract", sign.clone());
    assert!(
        matches!(early, Err(Rejection::FactFuture { .. })),
        "{early:?}"
    );
    life.fire("2026-10-26", "sign-contract", sign).unwrap();
    assert!(life.due("contract-publicity").is_some());
    let typo = life.fire(
        "2026-10-27",
        "record-facts",
        json!({"contract.publicised": "2062-10-27"}),
    );
    assert!(
        matches!(typo, Err(Rejection::FactFuture { .. })),
        "{typo:?}"
    );
    life.fire(
        "2026-10-27",
        "record-facts",
        json!({"contract.publicised": "2026-10-27"}),
    )
    .unwrap();
    assert_eq!(life.due("contract-publicity"), None, "done");
    life.fire(
        "2026-10-27",
        "record-facts",
        json!({"contract.publicised": null}),
    )
    .unwrap();
    assert!(
        life.due("contract-publicity").is_some(),
        "taken back, the duty is there again"
    );
}
