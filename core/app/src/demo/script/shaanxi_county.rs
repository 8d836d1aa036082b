//! 陕西省某县 2022: a window for signing beside the thirty days of the law, quarterly applications for money.

use liucheng_model::definition::Every;
use serde_json::json;

use super::{
    Act, Script,
    blocks::{Contract, Group, Reports, Round, numbered, roster, supplier},
};

/// The project's code.
pub const CODE: &str = "SX-2022";

/// The plan gives no number of stations: the county's eight towns are made up.
const STATIONS: usize = 8;

/// From the survey of spring 2022 to the renewal of July 2023.
pub fn acts() -> Vec<Act> {
    let mut s = Script::new(CODE, "shaanxi-county");
    buy(&mut s);
    sign(&mut s);
    serve(&mut s);
    finish(&mut s);
    s.acts
}

fn buy(s: &mut Script) {
    s.open(
        "2022-03-01",
        "陕西省某县2022年镇（街道）社会工作服务站项目",
        json!({"survey.started": "2022-03-01"}),
    );
    s.officer(
        "2022-04-15",
        "finish-survey",
        json!({"survey.finished": "2022-04-15", "survey.public_consulted": "2022-04-08", "stations": STATIONS}),
    );
    s.record("2022-04-20", json!({"service.government_duties": false}));
    s.officer(
        "2022-05-18",
        "approve-plan",
        json!({"plan.approved": "2022-05-18"}),
    );
    s.fire(
        "2022-05-20",
        "finance",
        "confirm-budget",
        json!({"budget.total": "960000", "budget.confirmed": "2022-05-20"}),
    );
    s.record(
        "2022-05-27",
        json!({"budget.subsidy_received": "2022-05-26"}),
    );
    let round = Round {
        method: "open-tender",
        intent: "2022-04-28",
        issued: "2022-06-02",
        deadline: "2022-06-22",
        reviewed: "2022-06-23",
        delivered: "2022-06-24",
        decided: "2022-06-29",
        notified: "2022-07-01",
        supplier: supplier("示例社工服务社", "52610000MJX000001B", "社会组织"),
    };
    s.tender(&round, json!({"bond.bid": "0"}));
    s.award(&round, json!({}));
}

fn sign(s: &mut Script) {
    // SX-A2: the thirty days end on Sunday, 31 July, and roll beyond the window; the earlier counts.
    s.decide(
        "2022-07-05",
        ("SX-A2", "earlier"),
        "法定末日顺延至8月1日，晚于方案窗口，取二者较早，7月31日前签订",
    );
    s.decide(
        "2022-07-05",
        ("SX-A4", "quarterly"),
        "方案未写比例，经财政局同意，按季申请、等额支付，便于按绩效监管",
    );
    s.sign(Contract {
        signed: "2022-07-27",
        start: "2022-08-01",
        expiry: "2023-07-31",
        amount: "960000",
        with: json!({"contract.effective": "2022-08-01", "staffing.per_station_min": 2}),
    });
    s.make_public("2022-07-28", "2022-08-03", json!({}));
    let workers = Group {
        role: "worker",
        each: 2,
        qualified: 1,
    };
    s.contractor(
        "2022-08-08",
        "staff-onboard",
        json!({
            "staff.onboard": "2022-08-08", "staff.total": 2 * STATIONS, "stations": STATIONS,
            "staffing.per_station_min": 2, "station.ready": "2022-08-05",
            "staff.roster": roster(&numbered("镇站", STATIONS), &[workers]),
        }),
    );
    s.record(
        "2022-08-15",
        json!({
            "evaluator.appointed": "2022-08-15", "staff.contracts_checked": "2022-08-15",
            "report.town_interval": "每季度", "disclosure.published": "2022-08-12",
        }),
    );
    s.record("2022-09-20", json!({"coverage.stations": "2022-09-20"}));
}

fn serve(s: &mut Script) {
    let of = |kind, role, every, count, late| Reports {
        kind,
        role,
        every,
        from: "2022-08-01",
        count,
        late,
    };
    s.reports(&of(
        "report-quarterly",
        "contractor",
        Every::Quarter,
        4,
        Some(("2022-Q4", 20)),
    ));
    s.reports(&of("report-city", "officer", Every::Quarter, 4, None));
    s.reports(&of(
        "funding-application",
        "contractor",
        Every::Quarter,
        4,
        None,
    ));
    s.reports(&of("wages", "officer", Every::Month, 12, None));
    // One part for every three months of the contract.
    for (no, requested, paid) in [
        (1, "2022-10-08", "2022-10-20"),
        (2, "2023-01-06", "2023-01-18"),
        (3, "2023-04-06", "2023-04-19"),
        (4, "2023-07-05", "2023-07-14"),
    ] {
        s.contractor(
            requested,
            "request-payment",
            json!({"payment.requested": requested, "request.agreement": true, "request.vouchers": true}),
        );
        s.release(no, paid);
    }
    s.mid_evaluation("2023-01-30", "2023-02-08", "good");
}

fn finish(s: &mut Script) {
    let annual = json!({"eval.annual.passed": "2023-06-26", "eval.annual.grade": "good"});
    s.final_evaluation("2023-06-12", "2023-06-26", ("good", annual));
    s.contractor(
        "2023-07-03",
        "record-staffing",
        json!({"archive.handed_in": "2023-07-03"}),
    );
    s.settle("2023-07-24");
    s.officer("2023-07-26", "decide-renewal", json!({}));
}
