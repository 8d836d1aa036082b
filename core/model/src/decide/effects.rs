//! What transitions do beside changing state.

use rust_decimal::Decimal;

use super::{Draft, fire::Chain, reconcile::timer_key};
use crate::{
    definition::Effect,
    event::Event,
    fact::{FactValue, Row, Scalar},
    money::Fen,
    project::Payment,
    rejection::Rejection,
    verdict::{Hook, PlannedPayment},
};

/// Raised when a contract has a payment plan.
const PAYMENTS_PLANNED: &str = "payments-planned";
/// Raised when the last tranche was released.
const PAYMENTS_COMPLETE: &str = "payments-complete";

impl Draft<'_> {
    /// Carries out an effect; returns the events it raises.
    pub(super) fn apply_effect(
        &mut self,
        effect: Effect,
        chain: &Chain,
    ) -> Result<Vec<String>, Rejection> {
        match effect {
            Effect::PlanPayments => self.plan_payments(),
            Effect::ReleasePayment => self.release_payment(chain),
            Effect::ResetPayments => {
                let payments = Vec::new();
                self.emit(Event::PaymentsPlanned { payments });
                Ok(Vec::new())
            }
            Effect::SubmitReport => self.submit_report(chain).map(|()| Vec::new()),
        }
    }

    fn plan_payments(&mut self) -> Result<Vec<String>, Rejection> {
        let verdict = self.events.iter().rev().find_map(|event| match event {
            Event::VerdictGiven(verdict) if verdict.hook == Hook::TranchePlan => Some(verdict),
            _ => None,
        });
        let facts = &self.project.facts;
        let total = facts.get("contract.amount").and_then(FactValue::as_money);
        let planned = match (verdict, facts.get("contract.payment_terms")) {
            (Some(verdict), _) => verdict.answer.payments.clone(),
            // National law knows no tranches: the contract's own terms hold.
            (None, Some(FactValue::Rows(terms))) => plan_by_terms(terms, total)?,
            (None, _) => Vec::new(),
        };
        let known = |id: &str| self.context.definition.obligation(id).is_some();
        check_plan(&planned, total, known)?;
        let payments = keep_released(&planned, &self.project.payments)?;
        if payments == self.project.payments {
            return Ok(Vec::new());
        }
        let any = !payments.is_empty();
        self.emit(Event::PaymentsPlanned { payments });
        Ok(if any {
            vec![PAYMENTS_PLANNED.to_owned()]
        } else {
            Vec::new()
        })
    }

    /// Tranches that are still to be paid have to be those of the contract's price.
    pub(super) fn check_payments(&self) -> Result<(), Rejection> {
        let payments = &self.project.payments;
        let total = self
            .project
            .facts
            .get("contract.amount")
            .and_then(FactValue::as_money);
        let amounts: Option<Vec<Fen>> = payments.iter().map(|p| p.amount).collect();
        let (Some(amounts), Some(total)) = (amounts, total) else {
            return Ok(());
        };
        let sum = amounts.into_iter().try_fold(Fen::ZERO, Fen::checked_add);
        if payments.is_empty() || sum == Some(total) {
            return Ok(());
        }
        Err(Rejection::PlanSum(format!(
            "the planned tranches no longer add up to the contract's {total} yuan; record contract.amount with replan-payments"
        )))
    }

    fn release_payment(&mut self, chain: &Chain) -> Result<Vec<String>, Rejection> {
        let no = chain
            .argument("payment.no")
            .and_then(FactValue::as_int)
            .unwrap_or_default();
        let payment = self.project.payments.iter().find(|p| i64::from(p.no) == no);
        let payment = payment.cloned().ok_or(Rejection::PaymentUnknown(no))?;
        if let Some(on) = payment.released {
            return Err(Rejection::PaymentReleased { no: payment.no, on });
        }
        let amount = payment.amount.ok_or(Rejection::PaymentAmount(payment.no))?;
        // A tranche is due once the period that the rule gives it has begun to run.
        let gate = self.context.definition.obligation(&payment.obligation);
        let begun = |id: &str| {
            self.deadlines()
                .iter()
                .any(|d| d.obligation.id == id && !d.projected)
        };
        if let Some(gate) = gate
            && !begun(&gate.id)
        {
            return Err(Rejection::PaymentNotDue {
                no: payment.no,
                waits_for: gate.anchor.join(" or "),
            });
        }
        let on = chain.argument("payment.on").and_then(FactValue::as_date);
        self.emit(Event::PaymentReleased {
            no: payment.no,
            on: on.unwrap_or(self.context.today()),
            amount,
        });
        let complete = self.project.payments.iter().all(|p| p.released.is_some());
        Ok(if complete {
            vec![PAYMENTS_COMPLETE.to_owned()]
        } else {
            Vec::new()
        })
    }

    fn submit_report(&mut self, chain: &Chain) -> Result<(), Rejection> {
        let text = |key| {
            let value = chain.argument(key).and_then(FactValue::as_text);
            value.unwrap_or_default().to_owned()
        };
        let (kind, period) = (text("report.kind"), text("report.period"));
        let key = format!("{kind}@{period}");
        let Some(open) = self.project.obligations.get(&key) else {
            let open = self.project.obligations.iter();
            return Err(Rejection::ReportUnknown {
                kind,
                period,
                open: open
                    .filter(|(_, o)| o.period.is_some())
                    .map(|(k, _)| k.clone())
                    .collect(),
            });
        };
        let ends = open.anchor_date.filter(|last| *last > self.context.today());
        if let Some(ends) = ends {
            return Err(Rejection::ReportEarly { key, ends });
        }
        let responsible = self
            .context
            .definition
            .recurring(&kind)
            .map(|r| r.responsible.clone());
        if let Some(role) = responsible.filter(|role| !chain.allows(role)) {
            return Err(Rejection::Role {
                event: key,
                needs: vec![role],
            });
        }
        let due = open.target();
        let on = self.context.today();
        self.emit(Event::ObligationMet {
            key: key.clone(),
            on,
            due,
        });
        self.emit(Event::ReportSubmitted { id: kind, period });
        self.set_timer(timer_key(&key), None);
        Ok(())
    }
}

/// The new plan with what was released already; a released tranche cannot change any more.
fn keep_released(
    planned: &[PlannedPayment],
    before: &[Payment],
) -> Result<Vec<Payment>, Rejection> {
    let mut payments: Vec<Payment> = planned
        .iter()
        .map(|p| Payment {
            no: p.no,
            percent: p.percent.clone(),
            amount: p.amount,
            obligation: p.obligation.clone(),
            rule: p.rule.clone(),
            released: None,
        })
        .collect();
    for paid in before.iter().filter(|p| p.released.is_some()) {
        match payments
            .iter_mut()
            .find(|p| p.no == paid.no && p.amount == paid.amount)
        {
            Some(same) => same.released = paid.released,
            None => {
                return Err(Rejection::PlanSum(format!(
                    "tranche {} was released already and cannot change",
                    paid.no
                )));
            }
        }
    }
    Ok(payments)
}

/// The payment plan that a contract's own terms make.
///
/// The tranche that is marked as the remainder, else the last one, takes what the others leave.
fn plan_by_terms(terms: &[Row], total: Option<Fen>) -> Result<Vec<PlannedPayment>, Rejection> {
    let refuse = |reason: &str| Err(Rejection::PlanSum(reason.to_owned()));
    let flagged = |row: &Row| row.get("remainder") == Some(&Scalar::Bool(true));
    let mut rows: Vec<&Row> = terms.iter().collect();
    rows.sort_by_key(|row| match row.get("no") {
        Some(Scalar::Int(no)) => *no,
        _ => i64::MAX,
    });
    let remainder = match rows.iter().filter(|row| flagged(row)).count() {
        0 => rows.len().saturating_sub(1),
        1 => rows.iter().position(|row| flagged(row)).unwrap_or_default(),
        _ => return refuse("more than one tranche takes the remainder"),
    };
    let percent = |row: &Row| match row.get("percent") {
        Some(Scalar::Percent(percent)) => Some(*percent),
        _ => None,
    };
    let others = rows.iter().enumerate().filter(|(i, _)| *i != remainder);
    let Some(stated) = others.map(|(_, row)| percent(row)).sum::<Option<Decimal>>() else {
        return refuse("a tranche of contract.payment_terms has no percent");
    };
    let rest = Decimal::ONE_HUNDRED - stated;
    let agrees = |row: &&Row| percent(row).is_none_or(|p| p == rest);
    if rest < Decimal::ZERO || !rows.get(remainder).is_none_or(agrees) {
        return refuse("the percentages of contract.payment_terms do not add up to 100");
    }
    let mut left = total;
    let mut payments = Vec::new();
    for (i, row) in rows.iter().enumerate() {
        let share = if i == remainder {
            rest
        } else {
            percent(row).unwrap_or_default()
        };
        let amount = total.and_then(|t| t.percent_floor(share));
        left = left
            .zip(amount)
            .and_then(|(left, amount)| left.checked_sub(amount));
        let text = |key: &str| match row.get(key) {
            Some(Scalar::Text(text)) => text.clone(),
            _ => String::new(),
        };
        payments.push(PlannedPayment {
            no: u32::try_from(i + 1).unwrap_or(u32::MAX),
            percent: share.normalize().to_string(),
            amount,
            obligation: text("obligation"),
            rule: text("rule"),
        });
    }
    // What was lost by dropping parts of a fen goes to the remainder.
    if let Some(payment) = payments.get_mut(remainder) {
        payment.amount = payment
            .amount
            .zip(left)
            .and_then(|(amount, left)| amount.checked_add(left));
    }
    Ok(payments)
}

/// A plan adds up to the contract's price, with each tranche numbered once and gated by an
/// obligation that exists.
fn check_plan(
    payments: &[PlannedPayment],
    total: Option<Fen>,
    known: impl Fn(&str) -> bool,
) -> Result<(), Rejection> {
    let refuse = |reason: String| Err(Rejection::PlanSum(reason));
    for (i, payment) in payments.iter().enumerate() {
        if usize::try_from(payment.no) != Ok(i + 1) {
            return refuse(format!("tranche {} stands at place {}", payment.no, i + 1));
        }
        if payment.amount.is_some_and(|a| a < Fen::ZERO) {
            return refuse(format!("tranche {} is negative", payment.no));
        }
        if !payment.obligation.is_empty() && !known(&payment.obligation) {
            return refuse(format!(
                "tranche {} waits for {:?}, which is no obligation",
                payment.no, payment.obligation
            ));
        }
    }
    let amounts: Option<Vec<Fen>> = payments.iter().map(|p| p.amount).collect();
    let (Some(amounts), Some(total)) = (amounts, total) else {
        return Ok(());
    };
    if amounts.is_empty() {
        return Ok(());
    }
    let sum = amounts.into_iter().try_fold(Fen::ZERO, Fen::checked_add);
    if sum == Some(total) {
        return Ok(());
    }
    let sum = sum.map_or_else(|| "too much".to_owned(), |s| s.to_string());
    refuse(format!(
        "the tranches sum to {sum} yuan, the contract is {total} yuan"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payment(no: u32, fen: i64) -> PlannedPayment {
        PlannedPayment {
            no,
            percent: "50".to_owned(),
            amount: Some(Fen(fen)),
            obligation: String::new(),
            rule: "YZ-06".to_owned(),
        }
    }

    fn term(no: i64, percent: Option<i64>, remainder: bool) -> Row {
        let mut row = Row::from([
            ("no".to_owned(), Scalar::Int(no)),
            ("remainder".to_owned(), Scalar::Bool(remainder)),
        ]);
        row.extend(percent.map(|p| ("percent".to_owned(), Scalar::Percent(p.into()))));
        row
    }

    fn amounts(terms: &[Row], total: i64) -> Option<Vec<i64>> {
        let plan = plan_by_terms(terms, Some(Fen(total))).ok()?;
        assert_eq!(check_plan(&plan, Some(Fen(total)), |_| true), Ok(()));
        plan.iter().map(|p| p.amount.map(|a| a.0)).collect()
    }

    #[test]
    fn a_contracts_terms_make_an_exact_plan() {
        let thirds = [
            term(1, Some(33), false),
            term(2, Some(33), false),
            term(3, Some(34), false),
        ];
        assert_eq!(amounts(&thirds, 101), Some(vec![33, 33, 35]));
        let marked = [term(2, Some(30), false), term(1, None, true)];
        assert_eq!(amounts(&marked, 101), Some(vec![71, 30]));
        assert_eq!(
            amounts(&[term(1, Some(50), false), term(2, Some(30), false)], 100),
            None
        );
        assert_eq!(
            amounts(&[term(1, None, true), term(2, None, true)], 100),
            None
        );
        assert_eq!(
            amounts(
                &[
                    term(1, Some(90), false),
                    term(2, Some(30), false),
                    term(3, None, true)
                ],
                100
            ),
            None
        );
        assert_eq!(amounts(&[], 100), Some(Vec::new()));
    }

    #[test]
    fn a_plan_has_to_add_up() {
        let total = Some(Fen(100));
        let check = |payments: &[PlannedPayment]| check_plan(payments, total, |id| id == "pay-1");
        assert_eq!(check(&[payment(1, 60), payment(2, 40)]), Ok(()));
        assert!(check(&[payment(1, 60), payment(2, 41)]).is_err());
        assert!(check(&[payment(2, 100)]).is_err());
        assert!(check(&[payment(1, 110), payment(2, -10)]).is_err());
        assert!(check(&[payment(1, i64::MAX), payment(2, i64::MAX)]).is_err());
        let gated = |id: &str| PlannedPayment {
            obligation: id.to_owned(),
            ..payment(1, 100)
        };
        assert_eq!(check(&[gated("pay-1")]), Ok(()));
        assert!(check(&[gated("pya-1")]).is_err());
    }

    #[test]
    fn what_was_paid_stays_paid() {
        let on = chrono::NaiveDate::from_ymd_opt(2021, 9, 16);
        let mut before = keep_released(&[payment(1, 60), payment(2, 40)], &[]).unwrap();
        before[0].released = on;
        let again = keep_released(&[payment(1, 60), payment(2, 40)], &before).unwrap();
        assert_eq!(again[0].released, on);
        assert!(keep_released(&[payment(1, 50), payment(2, 50)], &before).is_err());
        assert!(keep_released(&[], &before).is_err());
    }
}
