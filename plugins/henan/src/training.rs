//! Continuing education (继续教育): 60 hours a year for each station worker (HN-13).

use std::collections::BTreeSet;

use liucheng_sdk::{
    Answer, Call, Date, Finding, Problem, msg,
    staffing::{self, Hours, Onboard},
};

use crate::staffing::Person;

/// The most years that are looked back: nobody's records go further.
const YEARS_MAX: i64 = 10;

/// How a year counts for somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Year {
    /// Over, and worked from its first working day on.
    Whole,
    /// Over, and joined in the midst of it.
    Joined,
    /// Not over.
    Running,
}

/// HN-13: 驻站社工每年度接受继续教育累计不得少于60学时.
///
/// Every year since somebody came on board is judged, with or without records. One that is over is a rule broken
/// that nothing can mend, so it warns; the current one, and the one somebody joined in the midst of, only say what
/// there is.
pub fn yearly(answer: &mut Answer, call: &Call<'_>, people: &[Person<'_>]) -> Result<(), Problem> {
    let (minimum, rule) = call.parameters.int("training-hours-per-year")?;
    let Some(hours) = Hours::read(call.facts, "training")? else {
        if people.iter().any(|person| person.station_worker) {
            let zh = format!("缺少继续教育记录，无法核对每年度 {minimum} 学时");
            let en = format!(
                "the training hours are missing: {minimum} of every year cannot be checked"
            );
            answer.find(Finding::input_required(rule, "training", msg(zh, en)));
        }
        return Ok(());
    };
    if hours.incomplete > 0 {
        let zh = format!("继续教育记录有 {} 条未填学时", hours.incomplete);
        let en = format!("{} training record(s) give no hours", hours.incomplete);
        answer.find(Finding::input_required(rule, "training", msg(zh, en)));
    }
    let onboard = Onboard::read(call.facts)?;
    for year in years(call, &hours, (people, &onboard)) {
        let (mut broken, mut joined, mut open) = (Vec::new(), Vec::new(), Vec::new());
        let first = first_working_day(call, year);
        for person in people.iter().filter(|person| person.station_worker) {
            let count = hours.in_year(&person.id, year);
            if count >= minimum {
                continue;
            }
            match kind(
                year,
                i64::from(call.today.year()),
                (onboard.of(&person.id), first),
            ) {
                None => {}
                Some(Year::Whole) => broken.push((person.id.as_str(), count)),
                Some(Year::Joined) => joined.push((person.id.as_str(), count)),
                Some(Year::Running) => open.push((person.id.as_str(), count)),
            }
        }
        let unit = ("人", "people");
        if let Some(list) = staffing::named(&broken, unit) {
            let zh = format!("{year} 年继续教育少于 {minimum} 学时：{}", list.zh);
            let en = format!(
                "less than {minimum} hours of training in {year}: {}",
                list.en
            );
            answer.find(Finding::deviation(rule, msg(zh, en)).on(&["training"]));
        }
        if let Some(list) = staffing::named(&joined, unit) {
            let zh = format!(
                "{year} 年年中到岗，该年度是否须满 {minimum} 学时原文未写，现有：{}",
                list.zh
            );
            let en = format!(
                "on board in the midst of {year}; whether {minimum} hours are due for that year is not said; there are: {}",
                list.en
            );
            answer.find(Finding::informative(rule, msg(zh, en)).on(&["training"]));
        }
        if let Some(list) = staffing::named(&open, unit) {
            let zh = format!("{year} 年继续教育须满 {minimum} 学时，现有：{}", list.zh);
            let en = format!(
                "{minimum} hours of training are due for {year}; so far: {}",
                list.en
            );
            answer.find(Finding::informative(rule, msg(zh, en)).on(&["training"]));
        }
    }
    Ok(())
}

/// The years with records, and those since the first of the people came on board.
fn years(
    call: &Call<'_>,
    hours: &Hours,
    (people, onboard): (&[Person<'_>], &Onboard<'_>),
) -> BTreeSet<i64> {
    let this_year = i64::from(call.today.year());
    let mut years = hours.years();
    let workers = people.iter().filter(|person| person.station_worker);
    let joined = workers.filter_map(|person| onboard.of(&person.id));
    if let Some(first) = joined.map(|day| i64::from(day.year())).min() {
        years.extend(first.max(this_year - YEARS_MAX)..=this_year);
    }
    years
}

/// `None` before somebody came on board.
fn kind(year: i64, this_year: i64, (joined, first): (Option<Date>, Option<Date>)) -> Option<Year> {
    let joined_in = joined.map(|day| i64::from(day.year()));
    if joined_in.is_some_and(|joined| joined > year) {
        return None;
    }
    let midst = joined_in == Some(year) && first.is_none_or(|first| joined > Some(first));
    Some(match (year < this_year, midst) {
        (false, _) => Year::Running,
        (true, true) => Year::Joined,
        (true, false) => Year::Whole,
    })
}

/// The first working day of a year; `None` where the calendar does not reach it.
fn first_working_day(call: &Call<'_>, year: i64) -> Option<Date> {
    let new_year: Date = format!("{year:04}-01-01").parse().ok()?;
    let next = call.host.next_working_day(new_year).ok()?;
    Some(next.date)
}
