//! What is installed and built in, who answers for it, and which open projects need it.

use liucheng_engine::{
    inventory::{Inventory, Standing, inventory},
    ports::Store,
};

use super::fine;
use crate::{
    compose::{Finding, Level, Parts},
    output::counted,
    package::signature::Trust,
};

/// The code of what is said about packages.
const CODE: &str = "D-PACKAGES";
/// Projects with incidents that are named; the others are counted.
const NAMED: usize = 5;

/// What is built in, where there is no database that says more.
pub fn built_in(parts: &Parts) -> Finding {
    let names = parts.library.provinces().join(", ");
    fine(CODE, format!("built in: {names}"))
}

/// Every package that projects go by, or new ones would, and incidents of open projects.
pub async fn look(store: &dyn Store, parts: &Parts, trust: &Trust) -> Vec<Finding> {
    match inventory(store, &parts.library).await {
        Ok(found) => said(&found, trust),
        Err(error) => {
            let detail = format!("{error} ({})", error.code());
            vec![Finding::new(CODE, Level::Bad, detail).hint(error.hint())]
        }
    }
}

fn said(found: &Inventory, trust: &Trust) -> Vec<Finding> {
    let (built_in, others): (Vec<&Standing>, Vec<&Standing>) = found
        .packages
        .iter()
        .partition(|one| one.is_built_in && one.is_current && !one.is_damaged);
    let names = built_in.iter().map(|one| match one.open_projects {
        0 => one.pin.id.clone(),
        count => format!("{} ({count} open)", one.pin.id),
    });
    let names: Vec<String> = names.collect();
    let mut findings = vec![fine(CODE, format!("built in: {}", names.join(", ")))];
    findings.extend(others.into_iter().map(|one| package(one, trust)));
    findings.push(incidents(found));
    findings
}

fn package(one: &Standing, trust: &Trust) -> Finding {
    let pin = &one.pin;
    let short: String = pin.component.chars().take(12).collect();
    let is_trusted = one
        .signed_by
        .as_ref()
        .is_some_and(|key| trust.keys.contains(key));
    let signed = match &one.signed_by {
        _ if one.is_built_in => "built in".to_owned(),
        None => "not signed".to_owned(),
        Some(key) if is_trusted => format!("signed by {key}, which is trusted"),
        Some(key) => format!("signed by {key}, which is not on the trust list"),
    };
    let origin = match &one.installed {
        Some(act) => format!("installed {} by {}", act.at.date(), act.actor),
        None if one.is_current => "built in".to_owned(),
        None => "kept for open projects, new ones do not go by it".to_owned(),
    };
    let open = counted(one.open_projects, "open project", "open projects");
    let detail = format!(
        "{} {}: component {short}, {signed}, {origin}, {open}",
        pin.id, pin.version
    );
    if one.is_missing {
        let detail = format!("{detail}; the component is missing");
        return Finding::new(CODE, Level::Bad, detail).hint(
            "install exactly that package again (`liucheng plugin install`), or restore a backup: its projects \
             cannot be decided without it",
        );
    }
    if one.is_damaged {
        let detail = format!("{detail}; what is kept of the component does not have its digest");
        let hint = "install exactly that package again (`liucheng plugin install`), which restores it, or restore \
                    a backup";
        let hint = match one.is_built_in {
            true => format!("{hint}; this program brings its own copy, the next one may not"),
            false => format!("{hint}: its projects cannot be decided without it"),
        };
        return Finding::new(CODE, Level::Bad, detail).hint(hint);
    }
    if trust.is_required && !is_trusted && !one.is_built_in {
        return Finding::new(CODE, Level::Warn, detail).hint(
            "[plugins] require-signature asks for a key of the trust list, and this was installed before: add the \
             key to `trusted` if you know whose it is, or install a signed version",
        );
    }
    fine(CODE, detail)
}

fn incidents(found: &Inventory) -> Finding {
    const CODE: &str = "D-INCIDENTS";
    if found.incidents.is_empty() {
        return fine(CODE, "no component failed to answer for an open project");
    }
    let all = found.incidents.iter();
    let named = all.take(NAMED).map(|(code, hooks)| {
        let hooks: Vec<&str> = hooks.iter().map(|hook| hook.name()).collect();
        format!("{code} ({})", hooks.join(", "))
    });
    let mut named: Vec<String> = named.collect();
    if found.incidents.len() > NAMED {
        named.push(format!("{} more", found.incidents.len() - NAMED));
    }
    let count = counted(
        found.incidents.len() as u64,
        "open project has a component that",
        "open projects have a component that",
    );
    let detail = format!("{count} could not answer: {}", named.join(", "));
    Finding::new(CODE, Level::Warn, detail).hint(
        "`liucheng project show CODE` says why; install a mended version, or go on with `project fire … --waive`",
    )
}
