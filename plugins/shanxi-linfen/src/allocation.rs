//! The counties' batches (LF-01) and the city's award pool (LF-17).

use liucheng_sdk::{Answer, Call, Fields, Finding, Message, Problem, Scalar, Value, msg};

/// LF-01 and LF-17.
pub fn allocation(call: &Call<'_>) -> Result<Answer, Problem> {
    let mut answer = Answer::new();
    batch(&mut answer, call)?;
    award_pool(&mut answer, call)?;
    Ok(answer)
}

/// LF-01: 2 counties as pilots of the province and 7 of the city in 2021, the other 8 in 2022: 17.
fn batch(answer: &mut Answer, call: &Call<'_>) -> Result<(), Problem> {
    let (named, rule) = call.parameters.rows("pilot-counties")?;
    consistent(call, &named)?;
    let (first_year, _) = call.parameters.int("pilot-year")?;
    let (later_year, _) = call.parameters.int("later-year")?;
    let Some(division) = call.facts.text("division")? else {
        let message = msg(
            "缺少行政区划代码，无法判断属于哪一批（2021年试点或2022年建成）",
            "the division code is missing; whether the county belongs to the pilots of 2021 or to 2022 is unknown",
        );
        answer.find(Finding::input_required(rule, "division", message));
        return Ok(());
    };
    for county in &named {
        let (Some(code), Some(name)) = (county.text("code")?, county.text("name")?) else {
            continue;
        };
        if !division.starts_with(code) {
            continue;
        }
        let (zh, en) = match county.text("batch")? {
            Some("province") => ("省级试点", "a pilot of the province"),
            _ => ("市级试点", "a pilot of the city"),
        };
        let zh = format!("{name}为{zh}，{first_year} 年完成建设工作");
        let en = format!("{name} is {en}: built in {first_year}");
        settle(answer, first_year, (rule, msg(zh, en)));
        return Ok(());
    }
    let prefix = prefix(call)?;
    if division.starts_with(prefix) {
        let zh = format!("属于其余县（市、区），{later_year} 年完成建设工作");
        let en = format!("one of the other counties: built in {later_year}");
        settle(answer, later_year, (rule, msg(zh, en)));
    } else {
        let zh = format!("行政区划代码 {division} 不在临汾市（{prefix}）");
        let en = format!("the division {division} is not in Linfen ({prefix})");
        answer.find(Finding::violation(rule, msg(zh, en)).on(&["division"]));
    }
    Ok(())
}

fn settle(answer: &mut Answer, year: i64, (rule, message): (&str, Message)) {
    answer.set("allocation.completion_year", year);
    answer.find(Finding::informative(rule, message).on(&["division"]));
}

/// The code that all counties of the city begin with.
fn prefix<'c>(call: &'c Call<'_>) -> Result<&'c str, Problem> {
    let parameter = call.parameters.get("city-code")?;
    match &parameter.value {
        Value::One(Scalar::Text(code)) => Ok(code),
        other => Err(Problem::wrong_parameter("city-code", "text", other.kind())),
    }
}

/// 2 + 7 + 8 = 17 (LF-A3), and as many counties are named as are counted.
fn consistent(call: &Call<'_>, named: &[Fields<'_>]) -> Result<(), Problem> {
    let number = |key| call.parameters.int(key).map(|(number, _)| number);
    let (province, city) = (number("pilots-of-province")?, number("pilots-of-city")?);
    let (later, total) = (number("later-counties")?, number("counties")?);
    let mut of_province = 0;
    for county in named {
        of_province += i64::from(county.text("batch")? == Some("province"));
    }
    let of_city = i64::try_from(named.len()).unwrap_or(i64::MAX) - of_province;
    if province + city + later == total && (of_province, of_city) == (province, city) {
        return Ok(());
    }
    let zh =
        format!("{province}+{city}+{later} 与 {total} 或列名的 {of_province}+{of_city} 个县不符");
    let en = format!(
        "{province} + {city} + {later} do not fit {total} or the {of_province} + {of_city} counties named"
    );
    Err(Problem::new("bad-parameter", msg(zh, en)))
}

/// LF-17: 每年从本级福彩公益金中列支不少于100万元. The city's duty: no step of a county is refused for it.
fn award_pool(answer: &mut Answer, call: &Call<'_>) -> Result<(), Problem> {
    let (least, rule) = call.parameters.money("award-pool-min")?;
    let Some(pool) = call.facts.money("budget.award_pool")? else {
        return Ok(());
    };
    let enough = pool >= least;
    let (pool, least) = (pool.grouped(), least.grouped());
    let zh = format!("市级奖补资金 {pool} 元，每年不少于 {least} 元");
    let en = format!("the city's award pool is {pool} yuan; at least {least} yuan a year are due");
    let finding = if enough {
        Finding::informative(rule, msg(zh, en))
    } else {
        Finding::deviation(rule, msg(zh, en))
    };
    answer.find(finding.on(&["budget.award_pool"]));
    Ok(())
}
