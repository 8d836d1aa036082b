//! Professional qualification (社会工作专业资质): HN-12 in the readings of HN-A1 and HN-A2.

use liucheng_sdk::{
    Call, Fields, Problem,
    staffing::{Hours, Level},
};

/// Who counts as qualified.
pub struct Qualification {
    hours_min: i64,
    /// A certificate alone is not enough: 证书“以及”60学时 (HN-A2).
    certificate_needs_hours: bool,
    /// 累计接受社会工作专业培训; `None` where no hours are recorded at all.
    hours: Option<Hours>,
    /// Hours of training organised as the text demands it.
    organised: Option<Hours>,
    only_organised: bool,
}

impl Qualification {
    /// Reads the hours and the decisions.
    pub fn of(call: &Call<'_>) -> Result<Self, Problem> {
        let (hours_min, _) = call.parameters.int("qualifying-hours")?;
        let decision = |key| call.facts.text(key);
        Ok(Self {
            hours_min,
            certificate_needs_hours: decision("decision.hn_a2")? == Some("certificate-and-hours"),
            only_organised: decision("decision.hn_a1")? == Some("organised-only"),
            hours: Hours::read(call.facts, "training")?,
            organised: Hours::read(call.facts, "staff.professional_training")?,
        })
    }

    /// Whether a person is qualified; `None` while that is unknown.
    ///
    /// `qualified` on the roster says degree or certificate, `level` says certificate.
    pub fn of_person(&self, id: &str, person: &Fields<'_>) -> Result<Option<bool>, Problem> {
        let stated = person.flag("qualified")?;
        let level = Level::of(person)?;
        let certified = level.flatten() > Some(Level::Uncertified);
        let trained = self.trained(id);
        if self.certificate_needs_hours {
            return Ok(match (certified, stated) {
                (true, _) => trained,
                (false, stated) => stated,
            });
        }
        Ok(match (certified || stated == Some(true), trained) {
            (true, _) | (_, Some(true)) => Some(true),
            _ => stated,
        })
    }

    /// Whether the hours suffice; `None` where none are recorded.
    fn trained(&self, id: &str) -> Option<bool> {
        let organised = self.organised.as_ref().map(|hours| hours.total(id));
        let all = self.hours.as_ref().map(|hours| hours.total(id));
        let counted = if self.only_organised {
            organised
        } else {
            organised.max(all)
        };
        counted.map(|hours| hours >= self.hours_min)
    }
}
