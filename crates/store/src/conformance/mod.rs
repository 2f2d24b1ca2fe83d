//! The conformance suite: the definition of the contract. An engine runs it with a fresh store for each case:
//!
//! ```ignore
//! async fn fresh() -> (Arc<dyn Store>, TempDir) { … }
//! cedarkeep_store::conformance_suite!(fresh);
//! ```
//!
//! The second value is whatever must live as long as the store. The engine's crate needs tokio with its macros. Cases
//! assert, they answer nothing; each is a promise, told by its name.
#![expect(clippy::unwrap_used, clippy::panic, clippy::missing_panics_doc, reason = "the cases are tests")]

mod accounts;
mod answers;
mod attestations;
mod bindings;
mod changes;
mod claims;
mod concurrency;
mod decisions;
mod deletion;
mod divergences;
mod drafts;
mod entities;
mod events;
mod filters;
mod isolation;
mod keys;
mod policies;
mod policy_sets;
mod policy_versions;
mod re_sign;
mod refusals;
mod rows;
mod samples;
mod schemas;
mod set_versions;
mod support;
mod transactions;
mod usage;
mod users;
mod windows;
mod world;
mod zones;

pub use world::one_of_everything;

/// Names every case once: exports it, and makes it a test of its own in [`conformance_suite`](crate::conformance_suite).
/// A case that is missing here is dead code, which the compiler reports.
macro_rules! cases {
    ($dollar:tt $($file:ident: $($case:ident)+;)+) => {
        $(pub use $file::{$($case),+};)+

        /// Runs the conformance suite against an engine: one test a case. See [`conformance`](crate::conformance).
        #[macro_export]
        macro_rules! conformance_suite {
            ($dollar fresh:path) => {$($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let (store, _keep) = $dollar fresh().await;
                    // Not a measure of speed: a case that hangs should fail by its name.
                    let patience = ::std::time::Duration::from_secs(120);
                    let ended = ::tokio::time::timeout(patience, $crate::conformance::$case(&store)).await;
                    assert!(ended.is_ok(), "the case hangs");
                    store.close().await;
                }
            )+)+};
        }
    };
}

cases! { $
    accounts:
        organizations_come_back_as_written
        service_accounts_come_back_as_written
        a_service_account_is_there_under_its_own_organization_only
        credentials_come_back_as_written
        a_credential_is_there_under_its_own_account_only
        roles_are_replaced_whole
        a_deleted_service_account_leaves_nothing_behind
        roles_in_a_zone_go_with_it
        events_of_an_organization_have_no_gaps
        zones_are_listed_within_organizations_and_by_id;
    zones:
        values_of_the_installation_are_kept_and_replaced
        zones_come_back_as_written
        updating_a_zone_writes_what_may_change_and_nothing_else
        slugs_are_unique_within_an_organization
        the_revision_counts_up_alone
        revisions_are_those_of_the_living_zones
        locking_a_zone_answers_it;
    schemas:
        schemas_come_back_as_written
        updating_a_schema_leaves_its_content_alone
        schema_versions_are_unique_within_a_zone
        the_zone_says_which_schema_is_the_default;
    policies:
        policies_come_back_as_written
        updating_a_policy_writes_all_that_may_change
        policy_names_are_unique_among_the_living;
    policy_versions:
        policy_versions_come_back_as_written
        a_policy_version_is_found_under_its_own_policy_only
        numbers_of_policy_versions_are_taken_once
        archiving_a_policy_version_leaves_its_content_alone
        many_policy_versions_are_read_by_id
        heads_say_what_is_archived
        policy_versions_are_found_by_digest
        the_first_archived_of_many_versions_is_found
        policy_versions_need_their_policy_and_schema;
    policy_sets:
        policy_sets_come_back_as_written
        updating_a_policy_set_writes_all_that_may_change
        policy_set_names_are_unique_among_the_living
        a_policy_set_shows_its_most_recent_bindings;
    set_versions:
        set_versions_come_back_as_written
        a_set_version_is_found_under_its_own_set_only
        numbers_of_set_versions_are_taken_once
        archiving_a_set_version_leaves_its_content_alone
        all_set_versions_come_in_order_of_creation
        a_manifest_of_ten_thousand_entries_comes_back_whole
        pinned_policies_have_the_names_of_today
        set_versions_pin_what_the_zone_has;
    attestations:
        attestations_come_back_byte_for_byte
        a_set_version_shows_its_newest_attestation
        attestations_need_a_key_of_the_zone;
    usage:
        usage_names_the_living_set_versions_and_their_bindings
        usage_names_at_most_a_hundred_set_versions;
    drafts:
        drafts_come_back_as_written
        a_draft_replaces_the_one_before
        a_draft_can_be_thrown_away
        drafts_need_what_they_are_drafts_of;
    entities:
        entities_come_back_as_written
        an_entity_replaces_the_one_before
        entities_can_be_deleted
        entities_are_listed_through_windows
        changes_of_entities_can_be_followed
        entities_go_with_their_zone;
    divergences:
        divergences_come_back_as_written
        divergences_are_listed_through_windows
        old_divergences_are_forgotten
        divergence_totals_add_up;
    decisions:
        logged_decisions_come_back_as_written
        logged_decisions_hold_no_nul
        logged_decisions_are_listed_through_windows
        logged_decisions_are_filtered
        old_logged_decisions_are_forgotten
        zones_with_logged_decisions_are_found;
    bindings:
        bindings_come_back_as_written
        binding_replaces_what_stands_in_the_slot
        slots_differ_by_scope_target_and_mode
        unbinding_empties_a_slot
        bindings_of_a_set_come_oldest_first
        bindings_need_their_version
        a_binding_that_pins_a_policy_is_found
        zone_state_has_the_zone_and_every_binding;
    keys:
        keys_come_back_as_written
        updating_a_key_leaves_its_halves_in_public_alone
        one_key_signs
        one_key_waits
        the_data_key_of_a_zone_is_kept;
    re_sign:
        zones_with_work_for_keys_are_found
        versions_to_sign_again_are_found
        versions_to_sign_again_are_listed_through_windows
        versions_are_counted_by_their_keys
        refusals_stand_while_they_matter;
    refusals:
        text_with_a_nul_is_refused
        a_target_of_thousands_of_bytes_is_refused;
    events:
        events_are_a_chain
        the_newest_event_is_known
        events_of_zones_are_separate_chains
        a_lost_transaction_leaves_no_gap;
    answers:
        answers_are_kept_under_their_scope
        a_fresh_answer_is_not_replaced
        a_stale_answer_is_replaced
        answers_are_forgotten_by_age_and_number;
    claims:
        a_job_is_one_holders_at_a_time
        a_job_can_be_released
        a_claim_from_far_in_the_future_does_not_stand
        one_of_many_claims_a_job;
    changes:
        a_shared_store_tells_of_changes;
    rows:
        rows_of_every_kind_are_there
        rows_are_listed_by_their_keys
        rows_are_taken_in_as_they_were
        rows_that_do_not_fit_are_refused
        a_snapshot_sees_one_moment
        a_store_that_is_read_only_is_not_written_to
        who_makes_a_store_read_only_waits_for_writers
        no_write_slips_in_while_a_store_becomes_read_only;
    transactions:
        a_transaction_reads_its_own_writes
        nobody_else_sees_a_transaction_before_its_commit
        dropping_a_transaction_undoes_it
        after_an_error_nothing_can_be_committed
        an_error_that_is_dropped_harms_nobody
        a_transaction_left_in_the_middle_of_a_step_cannot_commit
        a_closed_store_says_so;
    concurrency:
        concurrent_writers_keep_the_chain_gapless
        every_acknowledged_commit_is_there
        writers_that_go_away_hold_nobody_up
        zone_state_is_of_one_moment
        a_slot_never_stands_empty_while_it_is_rebound
        one_of_many_takes_a_name;
    users:
        user_tokens_come_back_as_written
        the_digest_of_a_user_token_is_its_own
        a_user_token_can_be_taken_back
        user_tokens_are_listed_through_windows
        bundles_say_what_was_made_for_whom
        a_thing_is_made_for_one_user
        a_policy_is_found_by_its_name;
    isolation:
        the_same_ids_in_two_zones_are_two_things
        a_foreign_zone_sees_nothing
        writes_do_not_cross_zones;
    deletion:
        a_deleted_zone_is_gone
        a_tombstone_keeps_its_record
        a_deleted_zone_frees_its_slug
        a_tombstone_leaves_other_zones_alone;
    filters:
        zones_are_filtered
        policies_are_filtered_by_id_owner_and_archive
        policies_are_searched_by_name_and_description
        wildcards_in_a_query_are_literals
        queries_may_be_long_and_many
        queries_know_no_case
        policy_sets_are_filtered
        bindings_are_filtered;
    windows:
        zones_are_listed_through_windows
        schemas_are_listed_through_windows
        policies_are_listed_through_windows
        policy_versions_are_listed_through_windows
        policy_sets_are_listed_through_windows
        policy_sets_are_listed_by_status
        set_versions_are_listed_through_windows
        pinned_versions_are_listed_through_windows
        bindings_are_listed_through_windows
        events_are_listed_through_windows
        a_window_opens_where_no_item_stands;
}
