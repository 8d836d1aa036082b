//! How many people (人员配备): ZL-06, 9 + 2 + 17 × (2–5) + 7 × 2, and the stations of ZL-01.

use liucheng_sdk::{
    Answer, Call, Fields, Finding, Message, Problem, Value, msg,
    staffing::{names, stations_once},
};

/// A kind of station and how many people each of it has.
struct Kind<'a> {
    kind: &'a str,
    name: &'a str,
    stations: i64,
    min: i64,
    max: i64,
}

impl Kind<'_> {
    fn smallest(&self) -> i64 {
        self.stations.saturating_mul(self.min)
    }

    fn largest(&self) -> i64 {
        self.stations.saturating_mul(self.max)
    }
}

/// ZL-06: the total lies in what the stations allow, and every station in its own range.
pub fn staffing(call: &Call<'_>) -> Result<Answer, Problem> {
    let mut answer = Answer::new();
    let (rows, rule) = call.parameters.rows("station-kinds")?;
    let (wanted, _) = call.parameters.int("staff-total")?;
    let mut kinds = rows.iter().map(kind).collect::<Result<Vec<_>, _>>()?;
    stations_once(&mut answer, call, rule)?;
    coverage(call, &mut answer, &mut kinds)?;
    if call.facts.text("decision.zl_a2")? == Some("even") {
        spread_evenly(&mut kinds, wanted);
    }
    let listed = each_station(call, &mut answer, (rule, &kinds))?;
    let total = match (call.facts.int("staff.total")?, listed) {
        (Some(total), Some(listed)) if total != listed => {
            let message = msg(
                format!("人员总数 {total} 人，各站合计 {listed} 人，两者不符"),
                format!("{total} staff in all, but the stations sum to {listed}"),
            );
            answer.find(Finding::violation(rule, message).on(&["staff.total", "stations"]));
            Some(total)
        }
        (total, listed) => total.or(listed),
    };
    match total {
        Some(total) => feasible(&mut answer, (rule, wanted), (total, &kinds)),
        None => {
            let message = msg(
                format!("缺少人员总数，无法核对配备（方案 {wanted} 名）"),
                format!(
                    "the number of staff is missing; it cannot be checked ({wanted} are planned)"
                ),
            );
            answer.find(Finding::input_required(rule, "staff.total", message));
        }
    }
    Ok(answer)
}

fn kind<'a>(row: &'a Fields<'_>) -> Result<Kind<'a>, Problem> {
    let missing = |field| Problem::missing_field(&row.place(), field);
    Ok(Kind {
        kind: row.text("kind")?.ok_or_else(|| missing("kind"))?,
        name: row.text("name")?.ok_or_else(|| missing("name"))?,
        stations: row.int("stations")?.ok_or_else(|| missing("stations"))?,
        min: row.int("min")?.ok_or_else(|| missing("min"))?,
        max: row.int("max")?.ok_or_else(|| missing("max"))?,
    })
}

/// ZL-01: 全县17个乡镇和涿鹿镇7个社区全部建成. Other numbers, where they are entered, are counted with.
fn coverage(call: &Call<'_>, answer: &mut Answer, kinds: &mut [Kind<'_>]) -> Result<(), Problem> {
    for (key, name) in [("townships", "township"), ("communities", "community")] {
        let Some(count) = call.facts.count(key)?.filter(|count| *count >= 0) else {
            continue;
        };
        for kind in kinds.iter_mut().filter(|kind| kind.kind == name) {
            if count != kind.stations {
                let (name, planned) = (kind.name, kind.stations);
                let message = msg(
                    format!("方案要求建成{name} {planned} 个，现填 {count} 个，按后者核对"),
                    format!(
                        "the plan has {planned} of the kind {key}; {count} are entered and counted with"
                    ),
                );
                answer.find(Finding::deviation("ZL-01", message).on(&[key]));
                kind.stations = count;
            }
        }
    }
    Ok(())
}

/// ZL-A2 decided as "the same everywhere": the townships share what the others leave.
fn spread_evenly(kinds: &mut [Kind<'_>], wanted: i64) {
    let others: i64 = kinds
        .iter()
        .filter(|kind| kind.min == kind.max)
        .map(Kind::smallest)
        .sum();
    for kind in kinds.iter_mut().filter(|kind| kind.min != kind.max) {
        let left = wanted.saturating_sub(others);
        if kind.stations > 0 && left % kind.stations == 0 {
            let each = (left / kind.stations).clamp(kind.min, kind.max);
            (kind.min, kind.max) = (each, each);
        }
    }
}

/// Stations listed one by one: each within its own range. Answers the sum when every station has a number.
fn each_station(
    call: &Call<'_>,
    answer: &mut Answer,
    (rule, kinds): (&str, &[Kind<'_>]),
) -> Result<Option<i64>, Problem> {
    if !matches!(call.facts.get("stations"), Some(Value::Rows(_))) {
        return Ok(None);
    }
    let rows = call.facts.rows("stations")?.unwrap_or_default();
    let (mut wrong, mut open, mut sum) = (Vec::new(), Vec::new(), Some(0_i64));
    for row in &rows {
        let id = row.text("id")?.map_or_else(|| row.place(), str::to_owned);
        let given = row.text("kind")?.unwrap_or_default();
        let kind = kinds.iter().find(|k| k.kind == given || k.name == given);
        let staff = row.int("staff")?;
        sum = sum
            .zip(staff)
            .and_then(|(sum, staff)| sum.checked_add(staff));
        match (kind, staff) {
            (Some(kind), Some(staff)) if !(kind.min..=kind.max).contains(&staff) => {
                wrong.push(format!("{id} {staff}（{}–{}）", kind.min, kind.max));
            }
            (Some(_), Some(_)) => {}
            _ => open.push(id),
        }
    }
    if let Some(list) = list(&wrong) {
        let message = msg(
            format!("以下站点人数不在规定范围：{}", list.zh),
            format!("stations whose staff is out of range: {}", list.en),
        );
        answer.find(Finding::violation(rule, message).on(&["stations"]));
    }
    if let Some(list) = list(&open) {
        let message = msg(
            format!("以下站点未填类别或人数：{}", list.zh),
            format!(
                "stations without a known kind or a number of staff: {}",
                list.en
            ),
        );
        answer.find(Finding::input_required(rule, "stations", message));
    }
    for kind in kinds {
        let mut there = 0_i64;
        for row in &rows {
            let given = row.text("kind")?.unwrap_or_default();
            there += i64::from(given == kind.kind || given == kind.name);
        }
        if there < kind.stations && open.is_empty() {
            let (name, stations, key) = (kind.name, kind.stations, kind.kind);
            let message = msg(
                format!("{name}应有 {stations} 个，名单只有 {there} 个"),
                format!("{stations} stations of the kind {key} are planned; the list has {there}"),
            );
            answer.find(Finding::deviation("ZL-01", message).on(&["stations"]));
        }
    }
    Ok(sum.filter(|_| !rows.is_empty()))
}

fn list(stations: &[String]) -> Option<Message> {
    let stations: Vec<&str> = stations.iter().map(String::as_str).collect();
    names(&stations, ("站", "stations"))
}

/// Is the total possible at all, and is it the one of the text?
fn feasible(answer: &mut Answer, (rule, wanted): (&str, i64), (total, kinds): (i64, &[Kind<'_>])) {
    let low = kinds
        .iter()
        .map(Kind::smallest)
        .fold(0_i64, i64::saturating_add);
    let high = kinds
        .iter()
        .map(Kind::largest)
        .fold(0_i64, i64::saturating_add);
    let sum = |max: bool| {
        let part = |kind: &Kind<'_>| {
            let each = if max { kind.max } else { kind.min };
            format!("{}×{each}", kind.stations)
        };
        kinds.iter().map(part).collect::<Vec<_>>().join("+")
    };
    if !(low..=high).contains(&total) {
        let message = msg(
            format!(
                "人员总数 {total} 人不可行：应在 {low}（{}）至 {high}（{}）人之间",
                sum(false),
                sum(true)
            ),
            format!(
                "{total} staff are not feasible: between {low} ({}) and {high} ({}) are",
                sum(false),
                sum(true)
            ),
        );
        answer.find(Finding::infeasible(rule, message).on(&["staff.total"]));
        return;
    }
    let fixed = kinds
        .iter()
        .filter(|kind| kind.kind != "township")
        .map(Kind::smallest)
        .fold(0_i64, i64::saturating_add);
    let townships = kinds.iter().find(|kind| kind.kind == "township");
    let towns = townships.map_or(0, |kind| kind.stations);
    let left = total.saturating_sub(fixed);
    let (mean_zh, mean_en) = mean(left, towns).map_or_else(
        || (String::new(), String::new()),
        |mean| {
            (
                format!("，{towns} 个乡镇 {left} 人，平均 {mean} 人"),
                format!("; {left} for {towns} townships, {mean} each on average"),
            )
        },
    );
    let message = msg(
        format!("人员总数 {total} 人可行（{low}–{high} 人）{mean_zh}"),
        format!("{total} staff are feasible ({low} to {high}){mean_en}"),
    );
    answer.find(Finding::informative(rule, message).on(&["staff.total"]));
    if total != wanted {
        let message = msg(
            format!("方案共需社工 {wanted} 名，现为 {total} 名"),
            format!("the plan needs {wanted} workers; {total} are entered"),
        );
        answer.find(Finding::deviation(rule, message).on(&["staff.total"]));
    }
}

/// A mean to two decimals: `3.00`.
fn mean(sum: i64, count: i64) -> Option<String> {
    // People are whole, so the hundredth of a person is exact enough; money prints the same way.
    (count > 0 && sum >= 0).then(|| liucheng_sdk::Fen(sum.saturating_mul(100) / count).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_has_two_decimals() {
        assert_eq!(mean(51, 17).as_deref(), Some("3.00"));
        assert_eq!(mean(50, 17).as_deref(), Some("2.94"));
        assert_eq!(mean(50, 0), None);
    }
}
