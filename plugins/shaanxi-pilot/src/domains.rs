//! The eight domains of service (服务领域): SP-06.

use std::collections::BTreeSet;

use liucheng_sdk::{Answer, Call, Finding, Problem, msg};

/// SP-06: 要在……八方面开展专业服务. Asked once the staff is there.
pub fn judge(answer: &mut Answer, call: &Call<'_>) -> Result<(), Problem> {
    let (domains, rule) = call.parameters.rows("domains")?;
    let count = domains.len();
    let Some(rows) = call.facts.rows("service.domains")? else {
        if call.facts.has("staff.onboard") {
            let zh = format!("须在 {count} 个领域开展专业服务：请登记已开展的领域");
            let en = format!("service is given in {count} domains: enter those there are");
            answer.find(Finding::input_required(
                rule,
                "service.domains",
                msg(zh, en),
            ));
        }
        return Ok(());
    };
    let mut served = BTreeSet::new();
    for row in &rows {
        served.extend(row.text("domain")?);
    }
    let (mut zh, mut en) = (Vec::new(), Vec::new());
    for domain in &domains {
        let field = |name: &str| {
            domain
                .text(name)?
                .ok_or_else(|| Problem::missing_field(&domain.place(), name))
        };
        let id = field("domain")?;
        if !served.contains(id) {
            zh.push(field("title")?);
            en.push(id);
        }
    }
    let finding = if zh.is_empty() {
        let zh = format!("{count} 个服务领域均已开展");
        Finding::informative(
            rule,
            msg(zh, format!("service is given in all {count} domains")),
        )
    } else {
        let zh = format!("{count} 个服务领域中尚未开展：{}", zh.join("、"));
        let en = format!(
            "of the {count} domains, service is missing in {}",
            en.join(", ")
        );
        Finding::deviation(rule, msg(zh, en))
    };
    answer.find(finding.on(&["service.domains"]));
    Ok(())
}
