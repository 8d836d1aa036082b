//! Staffing (人员配备): the certified worker of LW-10 and the local staff of LW-23.

use liucheng_sdk::{Answer, Call, Fields, Finding, Message, Percent, Problem, msg};

/// How many people answer yes, no, and nothing.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    yes: i64,
    no: i64,
    unknown: i64,
}

impl Tally {
    fn of(roster: &[Fields<'_>], field: &str) -> Result<Self, Problem> {
        let mut tally = Self::default();
        for person in roster {
            match person.flag(field)? {
                Some(true) => tally.yes += 1,
                Some(false) => tally.no += 1,
                None => tally.unknown += 1,
            }
        }
        Ok(tally)
    }

    fn total(self) -> i64 {
        self.yes + self.no + self.unknown
    }
}

/// LW-10 and LW-23.
pub fn staffing(call: &Call<'_>) -> Result<Answer, Problem> {
    let (minimum, rule) = call.parameters.int("certified-min")?;
    let mut answer = Answer::new();
    let Some(roster) = call.facts.rows("staff.roster")? else {
        let message = msg(
            "缺少人员名册，无法核对持证社工",
            "the roster is missing; certified workers cannot be checked",
        );
        answer.find(Finding::input_required(rule, "staff.roster", message));
        return Ok(answer);
    };
    certified(
        &mut answer,
        Tally::of(&roster, "qualified")?,
        (minimum, rule),
    );
    local(call, &mut answer, Tally::of(&roster, "local")?)?;
    Ok(answer)
}

/// LW-10: 项目团队中应有取得社会工作师资格证书的工作人员. "Some" is read as at least one.
fn certified(answer: &mut Answer, tally: Tally, (minimum, rule): (i64, &str)) {
    let (total, yes, unknown) = (tally.total(), tally.yes, tally.unknown);
    let finding = if yes >= minimum {
        return;
    } else if yes + unknown >= minimum {
        let message = msg(
            format!("名册有 {unknown} 人未填持证情况，持证社工至少 {minimum} 名"),
            format!(
                "the certificate of {unknown} on the roster is missing; at least {minimum} certified worker(s) are needed"
            ),
        );
        Finding::input_required(rule, "staff.roster", message)
    } else {
        let message = msg(
            format!("项目团队须有持证社工至少 {minimum} 名，名册 {total} 人中有 {yes} 名"),
            format!(
                "the team needs at least {minimum} certified worker(s); the roster of {total} has {yes}"
            ),
        );
        Finding::violation(rule, message).on(&["staff.roster"])
    };
    answer.find(finding);
}

/// LW-23: 承接项目的团队培养不少于30%的本地社会工作人员, an aim.
fn local(call: &Call<'_>, answer: &mut Answer, tally: Tally) -> Result<(), Problem> {
    let (percent, rule) = call.parameters.percent("local-percent")?;
    let (total, yes, unknown) = (tally.total(), tally.yes, tally.unknown);
    let Some(needed) = people(total, percent).filter(|needed| yes < *needed) else {
        return Ok(());
    };
    if yes + unknown >= needed {
        let message = msg(
            format!("名册有 {unknown} 人未填是否本地，本地社工须 {needed} 人以上（{percent}%）"),
            format!(
                "whether {unknown} on the roster are local is missing; {needed} ({percent} %) should be"
            ),
        );
        answer.find(Finding::input_required(rule, "staff.roster", message));
    } else {
        let message = Message {
            zh: format!("本地社工应不少于 {percent}%（{total} 人中 {needed} 人），现 {yes} 人"),
            en: format!(
                "at least {percent} % of the staff should be local ({needed} of {total}); {yes} are"
            ),
        };
        answer.find(Finding::deviation(rule, message).on(&["staff.roster"]));
    }
    Ok(())
}

/// The fewest people that are at least a percentage of all.
fn people(total: i64, percent: Percent) -> Option<i64> {
    Some(liucheng_sdk::Fen(total).percent_ceil(percent).0).filter(|needed| *needed > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_of_people_is_rounded_up() {
        let thirty = Percent::whole(30);
        assert_eq!(people(10, thirty), Some(3));
        assert_eq!(people(11, thirty), Some(4));
        assert_eq!(people(1, thirty), Some(1));
        assert_eq!(people(0, thirty), None);
    }
}
