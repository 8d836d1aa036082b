//! Continuing education (继续教育): 60 hours a year for each station worker (HN-13).

use liucheng_sdk::{
    Answer, Call, Finding, Problem, msg,
    staffing::{self, Hours, Onboard},
};

use crate::staffing::Person;

/// HN-13: 驻站社工每年度接受继续教育累计不得少于60学时.
///
/// Years for which hours are recorded are judged: one that is over is a rule broken that nothing can
/// mend, so it warns; the current one, and the one somebody joined in, only say what is still missing.
pub fn yearly(answer: &mut Answer, call: &Call<'_>, people: &[Person<'_>]) -> Result<(), Problem> {
    let (minimum, rule) = call.parameters.int("training-hours-per-year")?;
    let Some(hours) = Hours::read(call.facts, "training")? else {
        return Ok(());
    };
    if hours.incomplete > 0 {
        let zh = format!("继续教育记录有 {} 条未填学时", hours.incomplete);
        let en = format!("{} training record(s) give no hours", hours.incomplete);
        answer.find(Finding::input_required(rule, "training", msg(zh, en)));
    }
    let onboard = Onboard::read(call.facts)?;
    let this_year = i64::from(call.today.year());
    for year in hours.years() {
        let (mut broken, mut open) = (Vec::new(), Vec::new());
        for person in people.iter().filter(|person| person.station_worker) {
            let count = hours.in_year(&person.id, year);
            if count >= minimum {
                continue;
            }
            let joined = onboard.of(&person.id).map(|day| i64::from(day.year()));
            if joined.is_some_and(|joined| joined > year) {
                continue;
            }
            if year < this_year && joined != Some(year) {
                broken.push((person.id.as_str(), count));
            } else {
                open.push((person.id.as_str(), count));
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
