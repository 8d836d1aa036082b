//! 涿鹿县 2021: 3,766,200 yuan, 90 % of the townships' money for staff, 76 people at 26 stations.

use serde_json::{Value as Json, json};

use super::{
    Act, Script,
    blocks::{Contract, Round, numbered, person, supplier, terms},
};

/// The project's code.
pub const CODE: &str = "ZL-2021";

/// How the 51 people of the 17 townships are spread, two to five at each (ZL-06, ZL-A2).
const TOWNSHIP_STAFF: [usize; 17] = [5, 4, 4, 4, 3, 3, 3, 3, 3, 3, 3, 3, 2, 2, 2, 2, 2];

/// From the plan of spring 2021 to the renewal of May 2022, and each person's two years for a certificate.
pub fn acts() -> Vec<Act> {
    let mut s = Script::new(CODE, "hebei-zhuolu");
    prepare(&mut s);
    buy(&mut s);
    serve(&mut s);
    finish(&mut s);
    certificates(&mut s);
    s.acts
}

fn prepare(s: &mut Script) {
    s.open(
        "2021-02-03",
        "涿鹿县社会工作服务站建设项目",
        json!({"division": "130731", "survey.started": "2021-02-03"}),
    );
    s.officer(
        "2021-03-12",
        "finish-survey",
        json!({
            "survey.finished": "2021-03-12", "survey.public_consulted": "2021-03-05", "survey.market_players": 4,
            "townships": 17, "communities": 7,
        }),
    );
    s.officer(
        "2021-03-25",
        "approve-plan",
        json!({"plan.approved": "2021-03-25"}),
    );
    s.record(
        "2021-04-02",
        json!({"budget.total": "3766200", "budget.township": "3320200", "budget.platform": "446000"}),
    );
    s.decide(
        "2021-04-06",
        ("ZL-A3", "township"),
        "该条写的是“乡镇社工站项目建设经费的使用”，90%和10%按332.02万元计",
    );
    // ZL-05: what comes from the fund is at most 3 % of last year's total, the county pays the rest.
    s.fire(
        "2021-04-08",
        "finance",
        "confirm-budget",
        json!({
            "budget.confirmed": "2021-04-08", "budget.fund_base": "80000000", "budget.fund_base_year": 2020,
            "budget.from_fund": "2400000", "budget.staff_cost": "2988180", "budget.operating_cost": "332020",
            "wage.minimum": "1680", "wage.standard": "1848",
        }),
    );
}

fn buy(s: &mut Script) {
    // The Labour Day holidays: twenty days end on 2 May, the earliest day is 6 May.
    let round = Round {
        method: "open-tender",
        intent: "2021-03-10",
        issued: "2021-04-12",
        deadline: "2021-05-06",
        reviewed: "2021-05-07",
        delivered: "2021-05-10",
        decided: "2021-05-12",
        notified: "2021-05-14",
        supplier: supplier("示例社会工作服务中心", "52130731MJX0000013", "社工服务机构"),
    };
    s.tender(&round, json!({"bond.bid": "50000"}));
    s.record(
        "2021-05-11",
        json!({"contractor.charter_scope": true, "contractor.finance_tax": true, "contractor.fixed_office": true}),
    );
    s.award(&round, json!({}));
    s.record("2021-05-19", json!({"bond.losers_returned": "2021-05-19"}));
    s.decide(
        "2021-05-20",
        ("ZL-A6", "government-signs"),
        "县政府为购买主体并作合同甲方，县民政局组织实施和备案",
    );
    let content = [
        "term",
        "services",
        "targets",
        "requirements",
        "rights",
        "evaluation",
        "liability",
    ];
    let content: Json = content
        .into_iter()
        .map(|part| (part.to_owned(), Json::Bool(true)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    s.sign(Contract {
        signed: "2021-05-27",
        start: "2021-06-01",
        expiry: "2022-05-31",
        amount: "3320200",
        with: json!({
            "contract.buyer": "county-government", "contract.operator": "县民政局", "contract.content": content,
            "contract.payment_terms": terms(&["40", "40", "20"]),
        }),
    });
    s.make_public("2021-05-28", "2021-06-03", json!({}));
    s.record("2021-06-02", json!({"bond.winner_returned": "2021-06-02"}));
}

fn serve(s: &mut Script) {
    let staff = stations();
    let named: Vec<Json> = staff
        .iter()
        .map(|(id, kind, count)| json!({"id": id, "kind": kind, "staff": count}))
        .collect();
    let mut people = Vec::new();
    for (station, _, count) in &staff {
        for place in 0..*count {
            people.push(person(
                &format!("p{}", people.len() + 1),
                station,
                ("worker", place == 0),
            ));
        }
    }
    s.contractor(
        "2021-06-28",
        "record-staffing",
        json!({"induction.held": "2021-06-28"}),
    );
    s.contractor(
        "2021-07-01",
        "staff-onboard",
        json!({
            "staff.onboard": "2021-07-01", "staff.total": people.len(), "stations": named, "staff.roster": people,
            "supervisor.appointed": "2021-07-01",
        }),
    );
    // ZL-08: each newly hired person has two years of their own.
    s.contractor(
        "2021-08-20",
        "record-staffing",
        json!({"staff.hired": hired(&["p13", "p14", "p15", "p20"])}),
    );
    s.pay(1, "2021-07-05", "2021-07-28");
    s.contractor(
        "2021-09-15",
        "record-staffing",
        json!({"station.systems_adopted": "2021-09-15", "deliverable.work_report": "2021-09-15"}),
    );
    s.record(
        "2021-09-24",
        json!({"station.ready": "2021-09-24", "deliverable.city_report": "2021-09-24"}),
    );
    s.mid_evaluation("2021-11-15", "2021-11-26", "good");
    s.pay(2, "2021-11-29", "2021-12-22");
    // ZL-11: every year by its end.
    s.evaluator(
        "2021-12-20",
        "record-annual-evaluation",
        json!({"eval.annual.grade": "good", "eval.annual.passed": "2021-12-20", "eval.reported": "2021-12-20"}),
    );
}

fn finish(s: &mut Script) {
    s.final_evaluation("2022-04-18", "2022-04-29", ("good", json!({})));
    s.pay(3, "2022-05-05", "2022-05-20");
    s.settle("2022-05-23");
    s.officer("2022-05-25", "decide-renewal", json!({}));
}

/// Two pass the examination, one does so in the last month, and one leaves (否则予以解聘).
fn certificates(s: &mut Script) {
    s.contractor(
        "2022-09-05",
        "record-staffing",
        json!({"staff.certified": [
            {"id": "p13", "date": "2022-08-31"}, {"id": "p14", "date": "2022-08-31"},
        ]}),
    );
    s.contractor(
        "2023-07-24",
        "record-staffing",
        json!({"staff.certified": [
            {"id": "p13", "date": "2022-08-31"}, {"id": "p14", "date": "2022-08-31"}, {"id": "p15", "date": "2023-07-21"},
        ]}),
    );
    s.contractor(
        "2023-08-17",
        "record-staffing",
        json!({"staff.hired": hired(&["p13", "p14", "p15"])}),
    );
}

/// The days of hiring.
fn hired(ids: &[&str]) -> Json {
    let days = [
        ("p13", "2021-07-01"),
        ("p14", "2021-07-12"),
        ("p15", "2021-08-02"),
        ("p20", "2021-08-16"),
    ];
    let of = days.into_iter().filter(|(id, _)| ids.contains(id));
    of.map(|(id, date)| json!({"id": id, "date": date}))
        .collect()
}

/// The 26 stations: name, kind, staff.
fn stations() -> Vec<(String, &'static str, usize)> {
    let mut stations = vec![
        ("县级社工总站".to_owned(), "county", 9),
        ("区民政分局".to_owned(), "district", 2),
    ];
    let townships = numbered("乡镇站", TOWNSHIP_STAFF.len());
    stations.extend(
        townships
            .into_iter()
            .zip(TOWNSHIP_STAFF)
            .map(|(id, count)| (id, "township", count)),
    );
    let communities = numbered("社区室", 7).into_iter();
    stations.extend(communities.map(|id| (id, "community", 2)));
    stations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seventy_six_people_at_twenty_six_stations() {
        let stations = stations();
        assert_eq!(stations.len(), 26);
        assert_eq!(stations.iter().map(|(.., count)| count).sum::<usize>(), 76);
    }
}
