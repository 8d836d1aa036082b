//! What transitions do beside changing state.

use super::{Draft, fire::Chain};
use crate::{
    definition::Effect,
    event::Event,
    fact::{FactValue, Scalar},
    money::Fen,
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
            Effect::SubmitReport => self.submit_report(chain).map(|()| Vec::new()),
        }
    }

    fn plan_payments(&mut self) -> Result<Vec<String>, Rejection> {
        let verdict = self.events.iter().rev().find_map(|event| match event {
            Event::VerdictGiven(verdict) if verdict.hook == Hook::TranchePlan => Some(verdict),
            _ => None,
        });
        let total = self
            .project
            .facts
            .get("contract.amount")
            .and_then(FactValue::as_money);
        let payments = match verdict {
            Some(verdict) => verdict.answer.payments.clone(),
            // National law knows no tranches: the contract's own terms hold.
            None => self
                .project
                .facts
                .get("contract.payment_terms")
                .map_or_else(Vec::new, |terms| plan_by_terms(terms, total)),
        };
        check_plan(&payments, total)?;
        let planned = !payments.is_empty();
        if planned || !self.project.payments.is_empty() {
            self.emit(Event::PaymentsPlanned { payments });
        }
        Ok(if planned {
            vec![PAYMENTS_PLANNED.to_owned()]
        } else {
            Vec::new()
        })
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
            self.evaluation()
                .deadlines
                .iter()
                .any(|d| d.id == id && !d.projected)
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
            chain
                .argument(key)
                .and_then(FactValue::as_text)
                .unwrap_or_default()
                .to_owned()
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
        let due = open.target();
        let on = self.context.today();
        self.emit(Event::ObligationMet { key, on, due });
        Ok(())
    }
}

/// The payment plan that a contract's own terms make; the last tranche takes what is left.
fn plan_by_terms(terms: &FactValue, total: Option<Fen>) -> Vec<PlannedPayment> {
    let FactValue::Rows(rows) = terms else {
        return Vec::new();
    };
    let mut left = total;
    let mut payments = Vec::new();
    for (i, row) in rows.iter().enumerate() {
        let percent = match row.get("percent") {
            Some(Scalar::Percent(percent)) => *percent,
            _ => continue,
        };
        let share = total.and_then(|t| t.percent_floor(percent));
        let amount = if i + 1 == rows.len() { left } else { share };
        left = left
            .zip(amount)
            .and_then(|(left, amount)| left.checked_sub(amount));
        let text = |key: &str| match row.get(key) {
            Some(Scalar::Text(text)) => text.clone(),
            _ => String::new(),
        };
        payments.push(PlannedPayment {
            no: u32::try_from(i + 1).unwrap_or(u32::MAX),
            percent: percent.normalize().to_string(),
            amount,
            obligation: text("obligation"),
            rule: text("rule"),
        });
    }
    payments
}

/// A plan adds up to the contract's price, with each tranche numbered once.
fn check_plan(payments: &[PlannedPayment], total: Option<Fen>) -> Result<(), Rejection> {
    let refuse = |reason: String| Err(Rejection::PlanSum(reason));
    for (i, payment) in payments.iter().enumerate() {
        if usize::try_from(payment.no) != Ok(i + 1) {
            return refuse(format!("tranche {} stands at place {}", payment.no, i + 1));
        }
        if payment.amount.is_some_and(|a| a < Fen::ZERO) {
            return refuse(format!("tranche {} is negative", payment.no));
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

    #[test]
    fn a_contracts_terms_make_an_exact_plan() {
        let row =
            |p: i64| crate::fact::Row::from([("percent".to_owned(), Scalar::Percent(p.into()))]);
        let terms = FactValue::Rows(vec![row(33), row(33), row(34)]);
        let plan = plan_by_terms(&terms, Some(Fen(101)));
        assert_eq!(
            plan.iter().filter_map(|p| p.amount).collect::<Vec<_>>(),
            [Fen(33), Fen(33), Fen(35)]
        );
        assert_eq!(check_plan(&plan, Some(Fen(101))), Ok(()));
    }

    #[test]
    fn a_plan_has_to_add_up() {
        let total = Some(Fen(100));
        assert_eq!(check_plan(&[payment(1, 60), payment(2, 40)], total), Ok(()));
        assert!(check_plan(&[payment(1, 60), payment(2, 41)], total).is_err());
        assert!(check_plan(&[payment(2, 100)], total).is_err());
        assert!(check_plan(&[payment(1, 110), payment(2, -10)], total).is_err());
        assert!(check_plan(&[payment(1, i64::MAX), payment(2, i64::MAX)], total).is_err());
    }
}
