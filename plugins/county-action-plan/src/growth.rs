//! Certified social workers (持证社工): 35 % a year (XC-03) and twice the number of 2020 (XC-05).

use std::collections::BTreeMap;

use liucheng_sdk::{Answer, Call, Fen, Finding, Percent, Problem, msg};

const FACT: &str = "talent.certified";
/// More than this is a slip of the pen, and keeps the arithmetic within its bounds.
const COUNT_MAX: i64 = 1_000_000_000;

/// The years and what is asked of them.
struct Aims<'a> {
    base_year: i64,
    last_year: i64,
    growth: (Percent, &'a str),
    multiple: (i64, &'a str),
    /// XC-A3: whether growth counts beside doubling.
    growth_counts: bool,
}

/// XC-03 and XC-05 on the numbers of each year.
pub fn judge(answer: &mut Answer, call: &Call<'_>) -> Result<(), Problem> {
    let aims = Aims {
        base_year: call.parameters.int("base-year")?.0,
        last_year: call.parameters.int("last-year")?.0,
        growth: call.parameters.percent("growth-percent")?,
        multiple: call.parameters.int("multiple")?,
        growth_counts: call.facts.text("decision.xc_a3")? != Some("double"),
    };
    let Some(counts) = counts(answer, call, &aims)? else {
        return Ok(());
    };
    let Some(base) = counts.get(&aims.base_year).copied() else {
        let zh = format!("缺少 {} 年持证人数，无法计算目标", aims.base_year);
        let en = format!(
            "the number certified in {} is missing; aims cannot be computed",
            aims.base_year
        );
        answer.find(Finding::input_required(aims.growth.1, FACT, msg(zh, en)));
        return Ok(());
    };
    path(answer, &aims, base)?;
    for (year, count) in counts.range(aims.base_year + 1..) {
        grown(answer, &aims, base, (*year, *count))?;
    }
    if let Some(count) = counts.get(&aims.last_year) {
        doubled(answer, &aims, base, *count);
    }
    Ok(())
}

/// The numbers by year; a number or year that cannot be is said, and nothing is computed.
fn counts(
    answer: &mut Answer,
    call: &Call<'_>,
    aims: &Aims<'_>,
) -> Result<Option<BTreeMap<i64, i64>>, Problem> {
    let rule = aims.growth.1;
    let mut counts = BTreeMap::new();
    let mut is_sound = true;
    for row in call.facts.rows(FACT)?.unwrap_or_default() {
        let field = |name: &str| {
            row.int(name)?
                .ok_or_else(|| Problem::missing_field(&row.place(), name))
        };
        let (year, count) = (field("year")?, field("count")?);
        let (zh, en) = if !(aims.base_year..=aims.last_year).contains(&year) {
            let (first, last) = (aims.base_year, aims.last_year);
            (
                format!("年份 {year} 不在 {first}—{last} 之内"),
                format!("the year {year} is not from {first} to {last}"),
            )
        } else if !(0..=COUNT_MAX).contains(&count) {
            (
                format!("{year} 年持证人数 {count} 不合理"),
                format!("{count} certified in {year} cannot be"),
            )
        } else if counts.insert(year, count).is_some() {
            (
                format!("{year} 年持证人数填了两次"),
                format!("the number certified in {year} was entered twice"),
            )
        } else {
            continue;
        };
        is_sound = false;
        // An aim refuses nothing; the condition on recording does.
        answer.find(Finding::deviation(rule, msg(zh, en)).on(&[FACT]));
    }
    Ok(is_sound.then_some(counts))
}

/// What each year has to reach, from the base.
fn path(answer: &mut Answer, aims: &Aims<'_>, base: i64) -> Result<(), Problem> {
    let (mut zh, mut en) = (Vec::new(), Vec::new());
    for year in aims.base_year + 1..=aims.last_year {
        let needed = needed(aims, base, year)?;
        zh.push(format!("{year} 年 {needed} 人"));
        en.push(format!("{needed} in {year}"));
    }
    let ((percent, rule), (multiple, _)) = (aims.growth, aims.multiple);
    let double = base.saturating_mul(multiple);
    let (zh, en) = (zh.join("、"), en.join(", "));
    let zh = format!(
        "{} 年持证 {base} 人，年均增长 {percent}%：{zh}；{multiple} 倍为 {double} 人",
        aims.base_year
    );
    let en = format!(
        "{base} certified in {}; at {percent} % a year: {en}; {multiple} times are {double}",
        aims.base_year
    );
    answer.find(Finding::informative(rule, msg(zh, en)).on(&[FACT]));
    Ok(())
}

/// XC-03: 年均增长35%, measured from the base to that year.
fn grown(
    answer: &mut Answer,
    aims: &Aims<'_>,
    base: i64,
    (year, count): (i64, i64),
) -> Result<(), Problem> {
    let (percent, rule) = aims.growth;
    let needed = needed(aims, base, year)?;
    let zh = format!("{year} 年持证 {count} 人，年均增长 {percent}% 须 {needed} 人");
    let en = format!("{count} certified in {year}; growth of {percent} % a year needs {needed}");
    let finding = if count >= needed {
        Finding::informative(rule, msg(format!("{zh}：达到"), format!("{en}: reached")))
    } else if aims.growth_counts {
        Finding::deviation(
            rule,
            msg(format!("{zh}：未达到"), format!("{en}: not reached")),
        )
    } else {
        let zh = format!("{zh}：未达到（已决定按翻一番考核）");
        let en = format!("{en}: not reached (it was decided that doubling counts)");
        Finding::informative(rule, msg(zh, en))
    };
    answer.find(finding.on(&[FACT]));
    Ok(())
}

/// XC-05: 力争……比2020年翻一番.
fn doubled(answer: &mut Answer, aims: &Aims<'_>, base: i64, count: i64) {
    let (multiple, rule) = aims.multiple;
    let needed = base.saturating_mul(multiple);
    let is_reached = count >= needed;
    let (zh, en) = if is_reached {
        ("达到", "reached")
    } else {
        ("未达到", "not reached")
    };
    let year = aims.last_year;
    let zh = format!("{year} 年持证 {count} 人，力争 {multiple} 倍（{needed} 人）：{zh}");
    let en = format!("{count} certified in {year}; the aim is {multiple} times ({needed}): {en}");
    // Where doubling is what counts, missing it is worth a look.
    let finding = if is_reached || aims.growth_counts {
        Finding::informative(rule, msg(zh, en))
    } else {
        Finding::deviation(rule, msg(zh, en))
    };
    answer.find(finding.on(&[FACT]));
}

/// The smallest number that is `base` grown at the percentage to that year, exactly.
fn needed(aims: &Aims<'_>, base: i64, year: i64) -> Result<i64, Problem> {
    let whole = 100_000_000_i64;
    let part = Fen(whole).percent_floor(aims.growth.0).0;
    let common = greatest_divisor(whole, whole + part);
    let (up, down) = (
        i128::from((whole + part) / common),
        i128::from(whole / common),
    );
    let years = u32::try_from(year - aims.base_year).ok();
    let grown = years.and_then(|years| {
        let up = i128::from(base).checked_mul(up.checked_pow(years)?)?;
        let down = down.checked_pow(years)?;
        i64::try_from(up.checked_add(down - 1)? / down).ok()
    });
    grown.ok_or_else(|| {
        Problem::wrong_parameter("growth-percent", "a shorter number", "too many digits")
    })
}

fn greatest_divisor(a: i64, b: i64) -> i64 {
    if b == 0 {
        a
    } else {
        greatest_divisor(b, a % b)
    }
}
