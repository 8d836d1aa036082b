//! What every database must do. A new one joins with one line: `store_contract!(NewDatabase)`.

mod commits;
mod health;
mod queues;
mod seals;

use std::sync::Arc;

use liucheng_engine::ports::Store;

pub use commits::*;
pub use health::*;
pub use queues::*;
pub use seals::*;

/// A place for one database, removed at the end.
pub trait Database {
    /// An empty place; `None`, loudly, where this machine has no such database.
    async fn new() -> Option<Self>
    where
        Self: Sized;
    /// Opens the database; again after the store before was dropped.
    async fn open(&self) -> Arc<dyn Store>;
}

/// Makes one test of each check.
macro_rules! store_contract {
    ($database:ty) => {
        $crate::checks::store_contract!($database:
            load_gives_what_was_committed many_are_loaded_at_once chinese_and_control_characters_survive
            unknown_things_are_absent stale_version_names_who_and_when
            opening_twice_conflicts change_of_unknown_project_conflicts
            broken_chain_is_refused malformed_changes_are_refused
            repeated_key_has_one_effect key_is_private_to_its_project
            repeated_wins_over_conflict one_of_two_writers_wins
            duplicate_code_is_refused one_of_two_equal_codes_wins code_may_change
            bad_commits_leave_neighbours_alone chain_of_one_project_in_one_group
            list_pages_by_code history_pages
            due_timers_in_order_and_never_early timers_are_replaced_and_cleared
            postponing_needs_the_generation mails_are_unique_and_due_in_order
            mail_is_retried_then_sent dead_mail_stays_dead finishing_mail_twice_counts_once
            two_fates_of_one_mail_at_once next_wake_is_the_earliest
            documents_are_kept_once tokens_are_kept token_changes_are_recorded answers_are_removed reopening_keeps_everything
            acknowledged_is_readable_at_once many_committers_share_a_history
            what_waits_is_counted a_store_that_works_has_no_trouble);
        $crate::checks::seal_contract!($database);
    };
    ($database:ty: $($check:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $check() {
                let database = <$database as $crate::checks::Database>::new().await;
                if let Some(database) = database {
                    $crate::checks::$check(&database).await;
                }
            }
        )*
    };
}
pub(crate) use store_contract;

/// The part of the contract that speaks of epochs.
macro_rules! seal_contract {
    ($database:ty) => {
        $crate::checks::store_contract!($database:
            an_epoch_seals_what_changed an_epoch_has_a_limit epochs_are_chained_and_signed
            documents_and_tokens_are_sealed_once a_dossier_is_complete
            nothing_is_lost_while_sealing sealing_at_once_makes_one_chain);
    };
}
pub(crate) use seal_contract;
