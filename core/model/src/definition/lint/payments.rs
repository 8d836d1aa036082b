//! Tranches and the numbers for the component.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use super::{Found, Layer, Lint, code, names::Kind, shorten};

/// The name under which the tranche table is handed to the component.
const TRANCHES: &str = "tranches";

pub(super) fn check(lint: Lint<'_>, layer: Option<Layer<'_>>, found: &mut Found) {
    tranches(lint, layer, found);
    let root = lint.root.key("parameter");
    for (key, parameter) in &lint.doc.parameters {
        let spot = root.key(key);
        if let Err(error) = parameter.kind.parse(key, &parameter.value) {
            found.add(
                code::PARAMETER,
                spot.key("value").offset(),
                error.to_string(),
            );
        }
        if parameter.rule.trim().is_empty() {
            let message = format!("{:?} names no rule", shorten(key));
            found.add(code::PARAMETER, spot.key("rule").offset(), message);
        }
        if key == TRANCHES {
            let message = "\"tranches\" is the table under [[tranche]]".to_owned();
            found.add(code::PARAMETER, root.name(key).offset(), message);
        }
    }
}

fn tranches(lint: Lint<'_>, layer: Option<Layer<'_>>, found: &mut Found) {
    let root = lint.root.key("tranche");
    let own = &lint.doc.tranches;
    let before = layer
        .map(|layer| layer.base.tranches.as_slice())
        .unwrap_or_default();
    let mut numbers: BTreeSet<u32> = before.iter().map(|t| t.no).collect();
    let mut remainders = before.iter().filter(|t| t.remainder).count();
    let mut sum: Option<Decimal> = before
        .iter()
        .map(|t| t.percent.parse::<Decimal>().ok())
        .sum();
    for (i, tranche) in own.iter().enumerate() {
        let spot = root.item(i);
        lint.require(
            Kind::Obligation,
            &tranche.obligation,
            spot.key("obligation"),
            found,
        );
        if tranche.no == 0 || !numbers.insert(tranche.no) {
            let message = match tranche.no {
                0 => "tranches are numbered from 1".to_owned(),
                no => format!("there is a tranche {no} already"),
            };
            found.add(code::TRANCHE_SUM, spot.key("no").offset(), message);
        }
        remainders += usize::from(tranche.remainder);
        if tranche.remainder && remainders > 1 {
            let message = "another tranche takes the remainder already".to_owned();
            found.add(code::TRANCHE_SUM, spot.key("remainder").offset(), message);
        }
        let percent = tranche.percent.parse::<Decimal>().ok();
        let percent = percent.filter(|p| *p > Decimal::ZERO && *p <= Decimal::ONE_HUNDRED);
        if percent.is_none() {
            let message = format!(
                "{:?} is not a percentage above 0",
                shorten(&tranche.percent)
            );
            found.add(code::TRANCHE_SUM, spot.key("percent").offset(), message);
        }
        // Each is at most 100 and there are fewer than a million, so the sum cannot overflow.
        sum = sum.zip(percent).map(|(sum, percent)| sum + percent);
    }
    let wrong = sum.filter(|sum| *sum != Decimal::ONE_HUNDRED && !own.is_empty());
    if let Some(sum) = wrong {
        let message = format!(
            "the tranches add up to {} % instead of 100 %",
            sum.normalize()
        );
        found.add(
            code::TRANCHE_SUM,
            root.item(0).key("percent").offset(),
            message,
        );
    }
}
