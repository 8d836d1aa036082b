//! 临汾市 2021–2022: seventeen counties build stations; in 洪洞县 a challenge stops the signing.

use liucheng_model::definition::Every;
use serde_json::{Value as Json, json};

use super::{
    Act, Script,
    blocks::{Contract, Reports, Round, numbered, person, supplier, terms},
};

/// The code of the project that is followed to its end, 洪洞县's.
pub const CODE: &str = "LF-141024";

/// The seventeen counties with their division codes (GB/T 2260) and the day their stations stand:
/// the nine pilots of LF-01 in 2021, the others in 2022.
const COUNTIES: [(&str, &str, &str); 17] = [
    ("141002", "尧都区", "2021-10-29"),
    ("141021", "曲沃县", "2021-11-12"),
    ("141022", "翼城县", "2021-11-26"),
    ("141023", "襄汾县", "2021-12-03"),
    ("141024", "洪洞县", "2021-09-06"),
    ("141025", "古县", "2022-09-30"),
    ("141026", "安泽县", "2022-10-14"),
    ("141027", "浮山县", "2022-10-28"),
    ("141028", "吉县", "2022-11-11"),
    ("141029", "乡宁县", "2022-11-18"),
    ("141030", "大宁县", "2022-11-25"),
    ("141031", "隰县", "2022-12-09"),
    ("141032", "永和县", "2021-12-10"),
    ("141033", "蒲县", "2021-12-17"),
    ("141034", "汾西县", "2022-12-16"),
    ("141081", "侯马市", "2021-12-24"),
    ("141082", "霍州市", "2021-10-15"),
];

/// Seventeen projects to their budgets and stations, one of them to its renewal.
pub fn acts() -> Vec<Act> {
    let mut acts = Vec::new();
    for (i, (division, name, ready)) in (1_u64..).zip(COUNTIES) {
        let mut s = Script::new(&format!("LF-{division}"), "shanxi-linfen");
        prepare(&mut s, (division, name), i);
        if s.project == CODE {
            buy(&mut s);
            challenge(&mut s);
            contract(&mut s);
            serve(&mut s);
            finish(&mut s);
        } else {
            s.record(ready, json!({"station.ready": ready}));
        }
        acts.extend(s.acts);
    }
    acts
}

/// Survey, plan and budget: the component says by which year the county's stations stand.
fn prepare(s: &mut Script, (division, name): (&str, &str), place: u64) {
    let days = |first: &str| super::blocks::plus(first, place);
    let (surveyed, planned, confirmed) =
        (days("2021-04-11"), days("2021-05-09"), days("2021-05-23"));
    s.open(
        "2021-03-15",
        &format!("临汾市{name}乡镇（街道）社会工作服务站项目"),
        json!({"division": division, "survey.started": "2021-03-15"}),
    );
    s.officer(
        &surveyed,
        "finish-survey",
        json!({"survey.finished": surveyed, "survey.public_consulted": "2021-04-08"}),
    );
    s.officer(
        &planned,
        "approve-plan",
        json!({
            "plan.approved": planned, "plan.filed": planned, "stations": 2,
            "plan.headings": {
                "background": true, "goals": true, "budget": true, "content": true, "standards": true, "evaluation": true,
            },
        }),
    );
    s.fire(
        &confirmed,
        "finance",
        "confirm-budget",
        json!({"budget.total": "240000", "budget.confirmed": confirmed, "budget.award_pool": "1000000"}),
    );
}

fn buy(s: &mut Script) {
    let round = Round {
        method: "open-tender",
        intent: "2021-05-10",
        issued: "2021-06-11",
        deadline: "2021-07-01",
        reviewed: "2021-07-02",
        delivered: "2021-07-05",
        decided: "2021-07-07",
        notified: "2021-07-08",
        supplier: supplier("示例社会工作服务中心", "52141024MJX000001B", "社会组织"),
    };
    s.tender(&round, json!({"bond.bid": "0"}));
    s.award(&round, json!({}));
}

/// 政府采购法实施条例54条: while the challenge is open nothing is signed, and the thirty days stand still.
fn challenge(s: &mut Script) {
    s.officer(
        "2021-07-14",
        "receive-challenge",
        json!({
            "challenge.received": "2021-07-14", "harm.known": "2021-07-08", "challenge.affects_result": true,
        }),
    );
    s.officer(
        "2021-07-22",
        "reply-challenge",
        json!({"challenge.replied": "2021-07-22"}),
    );
}

fn contract(s: &mut Script) {
    let content = [
        "term",
        "services",
        "goals",
        "standards",
        "price",
        "staff",
        "settlement",
        "rights",
        "liability",
    ];
    let content: serde_json::Map<String, Json> = content
        .into_iter()
        .map(|part| (part.to_owned(), Json::Bool(true)))
        .collect();
    // After the 9th, when the thirty days would have ended.
    s.sign(Contract {
        signed: "2021-08-12",
        start: "2021-08-16",
        expiry: "2022-08-15",
        amount: "240000",
        with: json!({
            "contract.force_majeure": true, "contract.content": content, "scope.administrative": false,
            "contract.payment_terms": terms(&["50", "50"]),
        }),
    });
    s.decide(
        "2021-08-13",
        ("LF-A1", "both"),
        "报财政部门7个工作日、报市民政局15个工作日，收件人不同，两条并行",
    );
    s.make_public("2021-08-13", "2021-08-20", json!({}));
    s.record("2021-09-01", json!({"contract.filed_city": "2021-08-31"}));
    s.contractor(
        "2021-09-06",
        "staff-onboard",
        json!({
            "station.ready": "2021-09-06", "staff.roster": people(), "staff.filed": "2021-09-01",
            "staff.onboard": [
                {"id": "p1", "date": "2021-08-16"}, {"id": "p2", "date": "2021-08-16"},
                {"id": "p3", "date": "2021-08-23"}, {"id": "p4", "date": "2021-09-06"},
            ],
        }),
    );
}

fn serve(s: &mut Script) {
    s.record(
        "2021-09-10",
        json!({
            "oversight.established": "2021-09-10", "accounting.separate": true, "disclosure.published": "2021-09-08",
            "staff.courses": [
                {"kind": "professional", "date": "2021-09-09"}, {"kind": "practice", "date": "2021-09-10"},
                {"kind": "exam", "date": "2021-09-10"}, {"kind": "supervision", "date": "2021-09-10"},
            ],
        }),
    );
    s.pay(1, "2021-09-13", "2021-10-08");
    let of = |kind, role, every, from, count, late| Reports {
        kind,
        role,
        every,
        from,
        count,
        late,
    };
    // The contract begins in the middle of a month and of a quarter: what it covers by half counts.
    let late = Some(("2021-12", 20));
    s.reports(&of(
        "report-monthly",
        "contractor",
        Every::Month,
        "2021-08-01",
        12,
        late,
    ));
    s.reports(&of(
        "brief-monthly",
        "contractor",
        Every::Month,
        "2021-08-01",
        12,
        None,
    ));
    s.reports(&of(
        "report-quarterly",
        "officer",
        Every::Quarter,
        "2021-07-01",
        5,
        None,
    ));
    s.reports(&of(
        "report-half-year",
        "upper-bureau",
        Every::HalfYear,
        "2021-07-01",
        2,
        None,
    ));
    s.mid_evaluation("2022-02-14", "2022-02-25", "good");
}

fn finish(s: &mut Script) {
    s.final_evaluation(
        "2022-07-04",
        "2022-07-15",
        (
            "excellent",
            json!({"eval.joint": true, "eval.annual.grade": "excellent", "eval.annual.passed": "2022-07-15"}),
        ),
    );
    s.pay(2, "2022-07-18", "2022-08-05");
    s.settle("2022-08-08");
    s.officer("2022-08-10", "decide-renewal", json!({}));
    s.reports(&Reports {
        kind: "year-end-evaluation",
        role: "officer",
        every: Every::Year,
        from: "2022-01-01",
        count: 1,
        late: None,
    });
    // LF-09: three years for each person, certificate and registration.
    let ids = ["p1", "p2", "p3", "p4"];
    let dated = |date: &str| -> Vec<Json> {
        ids.iter()
            .map(|id| json!({"id": id, "date": date}))
            .collect()
    };
    s.contractor(
        "2023-09-15",
        "record-staffing",
        json!({"staff.certified": dated("2023-08-31"), "staff.registered": dated("2023-09-12")}),
    );
}

/// Two people at each of two stations (LF-07).
fn people() -> Vec<Json> {
    let stations = numbered("镇站", 2);
    let places = stations.iter().flat_map(|station| [station, station]);
    (1..)
        .zip(places)
        .map(|(n, station)| person(&format!("p{n}"), station, ("worker", false)))
        .collect()
}
