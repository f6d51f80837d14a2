//! One suite for both engines: what an operation means does not depend on where it runs.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod accounts;
mod bodies;
mod care;
mod console;
mod credentials;
mod folders;
mod guard;
mod journal;
mod ledger;
mod lockouts;
mod opening;
mod personal;
mod queue;
mod rounds;
mod sharing;
mod steps;
mod together;
mod transactions;
mod world;

/// Each named case once on SQLite and once on PostgreSQL.
macro_rules! on_both_engines {
    ($($module:ident: $($case:ident),+ $(,)?;)+) => {
        mod sqlite {
            $($(#[test]
            fn $case() {
                let world = crate::world::World::sqlite();
                world.run(crate::$module::$case(&world));
            })+)+
        }
        mod postgres {
            $($(#[test]
            fn $case() {
                let world = crate::world::World::postgres();
                world.run(crate::$module::$case(&world));
            })+)+
        }
    };
}

on_both_engines! {
    transactions: a_failure_undoes_itself_alone, a_panic_is_an_error, reads_are_snapshots, values_come_back,
        counters_under_contention, message_ids_are_unique, nodes_hear_each_other, closed_stores_say_so;
    accounts: people_are_added_renamed_and_removed, addresses_resolve, aliases_lead_to_their_owner, lists_have_members,
        purging_goes_in_steps, switches_and_settings;
    bodies: bodies_are_counted, large_bodies_are_files, summaries_are_kept;
    queue: accepting_and_settling, lanes_are_leased, deferral_and_order, holding_an_origin, fairness_between_origins,
        holding_and_releasing_by_epoch, leases_run_out, the_same_id_twice;
    steps: filters, few_behind_many, hold_release_retry_purge, releasing_out_of_a_held_origin, steps_resume;
    folders: folders_are_made_renamed_and_deleted, appending_and_flags, expunging_and_what_vanished,
        changes_are_found_by_modseq, copying_and_moving, delivering_to_many, quota_is_kept, keywords;
    together: copies_by_ranges_are_whole, expunged_bodies_go_when_there_is_time, what_changes_nothing_writes_nothing,
        unheard_changes_are_the_same_changes;
    sharing: subscriptions_are_names, rights_add_up, anyone_is_the_own_domain, annotations_have_scopes,
        digests_go_with_their_bodies, one_message_takes_the_place_of_another;
    opening: gaps_tell_what_is_there, the_first_unseen_message_is_remembered, signatures_are_made_in_steps,
        one_node_makes_signatures, headers_are_read_alone;
    journal: entries_come_back_in_order, filters_and_times, old_days_are_compressed, growth_is_bounded;
    personal: rules_are_kept_and_go_with_the_account, replies_go_once_and_not_without_end, marks_are_set_once;
    lockouts: places_locks_and_rules;
    credentials: app_passwords_are_made_used_and_revoked, recoverable_passwords_belong_to_their_hash;
    console: sessions_factors_and_tokens, rule_texts_are_kept;
    rounds: hours_reports_and_listings;
    ledger: accounting_never_lies;
    guard: contacts_are_noted_and_found, contacts_are_bounded_and_strangers_go_first, profiles_are_kept,
        incidents_open_once_and_close;
    care: check_finds_damage, backup_and_restore, copying_to_the_other_engine;
}
