//! Obligations: what they run from, what they refer to, and whether the law allows them.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Found, Layer, Lint, Raw, code,
    facts::{cycles, describe},
    names::Kind,
    place::Spot,
    shorten,
    states::expect_region_state,
};
use crate::{
    deadline::Period,
    definition::{
        doc::*,
        statute::{Statute, Strictness, compare, mirrored},
    },
    fact::nearest,
};

pub(super) fn check(lint: Lint<'_>, layer: Option<Layer<'_>>, found: &mut Found) {
    let statutory = layer.map(|layer| by_anchor(layer.base));
    for (i, obligation) in lint.doc.obligations.iter().enumerate() {
        let spot = lint.root.key("obligation").item(i);
        references(lint, obligation, spot, found);
        shape(obligation, spot, found);
        expect_basis(&obligation.basis, layer, spot, found);
        claimed_rule(obligation, spot, found);
        if let Some(statutory) = &statutory {
            same_duty(obligation, statutory, spot, found);
        }
    }
    circles(lint, found);
    for (i, recurring) in lint.doc.recurring.iter().enumerate() {
        let spot = lint.root.key("recurring").item(i);
        lint.require(
            Kind::Role,
            &recurring.responsible,
            spot.key("responsible"),
            found,
        );
        if let Some(ladder) = &recurring.ladder {
            lint.require(Kind::Ladder, ladder, spot.key("ladder"), found);
        }
        if recurring.anchor.is_empty() {
            let message = "no anchor: the first period would never begin".to_owned();
            found.add(code::OBLIGATION_SHAPE, spot.key("anchor").offset(), message);
        }
        expect_basis(&recurring.basis, layer, spot, found);
    }
    for (i, pair) in lint.doc.feasibility.iter().enumerate() {
        let spot = lint.root.key("feasibility").item(i);
        lint.require(
            Kind::Obligation,
            &pair.not_after,
            spot.key("not-after"),
            found,
        );
        if let Some(id) = &pair.after_due_of {
            lint.require(Kind::Obligation, id, spot.key("after-due-of"), found);
        } else if pair.anchor.is_empty() {
            let message = "nothing to run from: neither anchor nor after-due-of".to_owned();
            found.add(code::OBLIGATION_SHAPE, spot.key("period").offset(), message);
        }
    }
    if let Some(layer) = layer {
        tightened(lint, layer, found);
    }
}

fn references(lint: Lint<'_>, obligation: &ObligationDoc, spot: Spot<'_>, found: &mut Found) {
    for (key, id) in [
        ("after-due-of", &obligation.after_due_of),
        ("projected-from", &obligation.projected_from),
    ] {
        if let Some(id) = id {
            lint.require(Kind::Obligation, id, spot.key(key), found);
        }
    }
    if let Some(role) = &obligation.responsible {
        lint.require(Kind::Role, role, spot.key("responsible"), found);
    }
    if let Some(ladder) = &obligation.ladder {
        lint.require(Kind::Ladder, ladder, spot.key("ladder"), found);
    }
    if let Some(place) = &obligation.suspended_while {
        expect_region_state(lint, place, spot.key("suspended-while"), found);
    }
    if let Some(no) = obligation
        .met_by_tranche
        .filter(|no| !lint.names.tranches.contains(no))
    {
        let message = format!("unknown tranche {no}");
        found.add(
            code::TRANCHE_UNKNOWN,
            spot.key("met-by-tranche").offset(),
            message,
        );
    }
}

fn shape(obligation: &ObligationDoc, spot: Spot<'_>, found: &mut Found) {
    let has_origin = !obligation.anchor.is_empty() || obligation.after_due_of.is_some();
    let period = obligation.period.map(|_| "period");
    let runs = period.or(obligation.month_day.map(|_| "month-day"));
    let problem = match (obligation.date, runs) {
        (Some(_), Some(_)) => Some(("date", "both a date and a period")),
        (None, Some(_)) if period.is_some() && obligation.month_day.is_some() => {
            Some(("month-day", "both a period and a day of the year"))
        }
        (Some(_), None) if has_origin => Some(("date", "a fixed date has nothing to run from")),
        (None, Some(key)) if !has_origin => {
            Some((key, "nothing to run from: neither anchor nor after-due-of"))
        }
        (None, None) => Some(("id", "neither a date nor a period")),
        _ if !obligation.anchor.is_empty() && obligation.after_due_of.is_some() => {
            Some(("after-due-of", "both anchor and after-due-of"))
        }
        _ if obligation.projected_from.is_some() && obligation.anchor.is_empty() => Some((
            "projected-from",
            "projected-from stands in for an anchor, and there is none",
        )),
        _ => None,
    };
    if let Some((key, message)) = problem {
        found.add(
            code::OBLIGATION_SHAPE,
            spot.key(key).offset(),
            message.to_owned(),
        );
    }
}

/// A duty is written somewhere. In an overlay an empty source means the overlay's own; a definition has none.
fn expect_basis(basis: &Basis, layer: Option<Layer<'_>>, spot: Spot<'_>, found: &mut Found) {
    let missing = if basis.text.trim().is_empty() {
        "neither a basis nor a clause of its rule says where it is written"
    } else if layer.is_none() && basis.source.trim().is_empty() {
        "the basis names no source"
    } else {
        return;
    };
    let offset = spot.key("basis").offset();
    found.add(code::OBLIGATION_SHAPE, offset, missing.to_owned());
}

fn circles(lint: Lint<'_>, found: &mut Found) {
    let mut edges: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut index: BTreeMap<&str, usize> = BTreeMap::new();
    for (i, obligation) in lint.doc.obligations.iter().enumerate() {
        let runs_from = obligation
            .after_due_of
            .iter()
            .chain(&obligation.projected_from);
        edges
            .entry(&obligation.id)
            .or_default()
            .extend(runs_from.map(String::as_str));
        index.entry(&obligation.id).or_insert(i);
    }
    for circle in cycles(&edges) {
        let message = format!("these run from each other: {}", describe(&circle));
        let item = circle.first().and_then(|id| index.get(id)).copied();
        let spot = item.map_or(lint.root, |i| lint.root.key("obligation").item(i).key("id"));
        found.add(code::OBLIGATION_CYCLE, spot.offset(), message);
    }
}

/// An obligation that claims a statute's rule has to state it as the statute does, or stricter.
fn claimed_rule(obligation: &ObligationDoc, spot: Spot<'_>, found: &mut Found) {
    let Some(statute) = Statute::of(&obligation.rule) else {
        return;
    };
    if obligation.force != Force::Law {
        let cited = cite(statute.source, statute.article, statute.rule);
        let message = format!("{cited} is statute: its force is law");
        found.add(code::LOOSER_THAN_LAW, spot.key("force").offset(), message);
    }
    let Some(law) = statute.period() else { return };
    let cited = format!(
        "{law} of {}",
        cite(statute.source, statute.article, statute.rule)
    );
    let Some(period) = obligation.period else {
        let fixed = [
            ("date", obligation.date.is_some()),
            ("month-day", obligation.month_day.is_some()),
        ];
        if let Some((key, _)) = fixed.into_iter().find(|(_, there)| *there) {
            let message = format!("a fixed date cannot be held against the {cited}");
            found.add(code::LOOSER_THAN_LAW, spot.key(key).offset(), message);
        }
        return;
    };
    // The clock may be read from its other end, so that it limits what the law counts back from.
    let runs_to = |key: &String| statute.anchors.contains(&key.as_str());
    let from_other_end =
        period.direction() != law.direction() && obligation.met_by.iter().any(runs_to);
    let seen = mirrored(period).filter(|_| from_other_end);
    let offset = spot.key("period").offset();
    if let Some(how) = how_looser(seen.unwrap_or(period), law) {
        found.add(code::LOOSER_THAN_LAW, offset, format!("{how} the {cited}"));
    } else if period.unit() != law.unit() {
        let message = format!("{period} is counted in another unit than the {cited}");
        found.add(code::LOOSER_THAN_LAW, offset, message);
    }
    let has_anchors = !statute.anchors.is_empty() && !obligation.anchor.is_empty();
    if seen.is_none() && has_anchors && !obligation.anchor.iter().any(runs_to) {
        let message = format!(
            "runs from {} instead of {}, unlike the {cited}",
            shorten(&obligation.anchor.join(" or ")),
            statute.anchors.join(" or ")
        );
        found.add(code::LOOSER_THAN_LAW, spot.key("anchor").offset(), message);
    }
}

/// The definition's statutory obligations, by the facts they run from.
type ByAnchor<'d> = BTreeMap<&'d str, Vec<&'d ObligationDoc>>;

fn by_anchor(doc: &DefinitionDoc) -> ByAnchor<'_> {
    let mut by_anchor = ByAnchor::new();
    for obligation in doc.obligations.iter().filter(|o| o.force == Force::Law) {
        for anchor in &obligation.anchor {
            by_anchor.entry(anchor).or_default().push(obligation);
        }
    }
    by_anchor
}

/// An overlay's obligation that runs from and is met by the same as a statutory one.
fn same_duty(
    obligation: &ObligationDoc,
    statutory: &ByAnchor<'_>,
    spot: Spot<'_>,
    found: &mut Found,
) {
    let Some(period) = obligation.period else {
        return;
    };
    let laws = obligation
        .anchor
        .iter()
        .filter_map(|anchor| statutory.get(anchor.as_str()));
    let same = laws
        .flatten()
        .filter(|law| law.met_by.iter().any(|key| obligation.met_by.contains(key)));
    for law in same.take(4) {
        // Counted the other way, it is another duty about the same dates.
        let Some(limit) = law
            .period
            .filter(|limit| compare(period, *limit) != Strictness::Incomparable)
        else {
            continue;
        };
        if let Some(how) = how_looser(period, limit) {
            let message = format!("{how} the {limit} of {}", cited(law));
            found.add(code::LOOSER_THAN_LAW, spot.key("period").offset(), message);
        }
    }
}

fn tightened(lint: Lint<'_>, layer: Layer<'_>, found: &mut Found) {
    let by_id: BTreeMap<&str, &ObligationDoc> = layer
        .base
        .obligations
        .iter()
        .map(|o| (o.id.as_str(), o))
        .collect();
    let mut seen = BTreeSet::new();
    for (i, tighten) in layer.overlay.tighten.iter().enumerate() {
        let spot = lint.root.key("tighten").item(i);
        if !seen.insert(tighten.obligation.as_str()) {
            // The second would be held against the first, and one of them is not what was meant.
            found.push(Raw {
                offset: spot.key("obligation").offset(),
                code: code::ID_TWICE,
                message: format!("{:?} is tightened twice", shorten(&tighten.obligation)),
                hint: Some("keep one [[tighten]] for each obligation".to_owned()),
            });
            continue;
        }
        let Some(target) = by_id.get(tighten.obligation.as_str()) else {
            let ids = by_id.values().map(|o| &o.id).take(500);
            let near = if found.may_suggest() {
                nearest(&tighten.obligation, ids)
            } else {
                None
            };
            let message = format!(
                "the definition has no obligation {:?}",
                shorten(&tighten.obligation)
            );
            found.add_near(
                code::OBLIGATION_UNKNOWN,
                spot.key("obligation").offset(),
                message,
                near.as_deref(),
            );
            continue;
        };
        let Some(limit) = target.period else {
            let message = format!(
                "{:?} has no period to tighten",
                shorten(&tighten.obligation)
            );
            found.add(
                code::OBLIGATION_SHAPE,
                spot.key("obligation").offset(),
                message,
            );
            continue;
        };
        if let Some(how) = how_looser(tighten.period, limit) {
            let message = format!("{how} the {limit} of {}", cited(target));
            found.add(code::LOOSER_THAN_LAW, spot.key("period").offset(), message);
        }
    }
}

fn cited(obligation: &ObligationDoc) -> String {
    let basis = &obligation.basis;
    cite(&basis.source, &basis.article, &obligation.rule)
}

fn cite(source: &str, article: &str, rule: &str) -> String {
    let numbered = article.starts_with(|c: char| c.is_ascii_digit());
    let article = if numbered {
        format!("第{article}条")
    } else {
        String::new()
    };
    shorten(&format!("{source}{article} ({rule})"))
}

/// The beginning of a sentence that ends with the law's period, if this one is looser.
fn how_looser(period: Period, law: Period) -> Option<String> {
    match compare(period, law) {
        Strictness::Holds => None,
        Strictness::Looser => Some(format!("{period} is looser than")),
        Strictness::MayBeLooser => Some(format!(
            "{period} is in another unit and, depending on the calendar, may be looser than"
        )),
        Strictness::Incomparable => Some(format!("{period} limits the other way than")),
    }
}
