//! Programs that are started, fed, stopped and killed for real. This one program plays every part: by its first argument
//! it is the guard, a runtime that gets killed, or, without one it knows, the tests.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that cannot go on ends

mod attacks;
mod contained;
mod contained_jobs;
mod dockerd;
mod guarded;
mod jobs;
mod killed;
mod model;
mod scratch;
mod sources;
mod survivors;
mod trouble;
mod world;

use std::panic::catch_unwind;
use std::process::ExitCode;

use tagger_runtime::run_guard;

/// Every test and its name.
const TESTS: &[(&str, fn())] = &[
    ("nothing_outlives_a_runtime_that_was_killed", guarded::nothing_outlives_a_runtime_that_was_killed),
    ("every_executor_keeps_the_same_rules", contained::every_executor_keeps_the_same_rules),
    ("a_container_sees_its_files_and_nothing_else", contained::a_container_sees_its_files_and_nothing_else),
    ("limits_of_a_container_hold_and_are_told", contained::limits_of_a_container_hold_and_are_told),
    (
        "a_token_comes_into_the_container_and_not_into_the_log",
        contained::a_token_comes_into_the_container_and_not_into_the_log,
    ),
    ("what_cannot_start_is_told_with_the_way_out", contained::what_cannot_start_is_told_with_the_way_out),
    (
        "sixteen_start_at_once_and_none_outlives_its_service",
        contained::sixteen_start_at_once_and_none_outlives_its_service,
    ),
    ("what_others_do_to_a_container_is_told", contained::what_others_do_to_a_container_is_told),
    (
        "an_engine_that_is_gone_is_started_again_and_finds_its_containers",
        contained::an_engine_that_is_gone_is_started_again_and_finds_its_containers,
    ),
    ("a_gpu_is_given_by_its_name", contained::a_gpu_is_given_by_its_name),
    ("jobs_are_done_by_images", contained::jobs_are_done_by_images),
    ("images_that_cannot_be_used_are_refused_at_submit", contained::images_that_cannot_be_used_are_refused_at_submit),
    (
        "an_image_that_goes_between_submit_and_start_is_told_and_a_retry_takes_the_new_one",
        contained_jobs::an_image_that_goes_between_submit_and_start_is_told_and_a_retry_takes_the_new_one,
    ),
    (
        "images_are_fetched_when_the_configuration_says_so_and_what_fails_is_explained",
        contained_jobs::images_are_fetched_when_the_configuration_says_so_and_what_fails_is_explained,
    ),
    (
        "a_job_outlives_its_engine_and_has_every_tag_once",
        contained_jobs::a_job_outlives_its_engine_and_has_every_tag_once,
    ),
    (
        "the_gpus_that_a_job_was_lent_are_those_in_its_container",
        contained_jobs::the_gpus_that_a_job_was_lent_are_those_in_its_container,
    ),
    (
        "hostile_images_change_nothing_outside_and_the_next_job_is_done",
        attacks::hostile_images_change_nothing_outside_and_the_next_job_is_done,
    ),
    (
        "hostile_programs_change_nothing_outside_and_the_next_job_is_done",
        attacks::hostile_programs_change_nothing_outside_and_the_next_job_is_done,
    ),
    (
        "a_program_that_fills_the_disk_fails_and_the_next_job_is_done",
        attacks::a_program_that_fills_the_disk_fails_and_the_next_job_is_done,
    ),
    (
        "a_container_that_outlives_its_server_is_taken_over_by_the_next_one",
        survivors::a_container_that_outlives_its_server_is_taken_over_by_the_next_one,
    ),
    (
        "a_container_that_was_started_otherwise_is_removed_and_its_job_done_anew",
        survivors::a_container_that_was_started_otherwise_is_removed_and_its_job_done_anew,
    ),
    ("containers_of_the_dead_are_removed_and_no_others", contained::containers_of_the_dead_are_removed_and_no_others),
    ("a_guarded_program_ends_as_if_it_were_alone", guarded::a_guarded_program_ends_as_if_it_were_alone),
    ("what_a_guarded_program_leaves_behind_is_ended", guarded::what_a_guarded_program_leaves_behind_is_ended),
    ("a_long_log_keeps_its_beginning_and_its_end", guarded::a_long_log_keeps_its_beginning_and_its_end),
    (
        "every_part_is_stored_with_its_tags_on_the_contents_time",
        jobs::every_part_is_stored_with_its_tags_on_the_contents_time,
    ),
    (
        "a_part_that_kills_every_program_is_quarantined_and_the_rest_is_kept",
        jobs::a_part_that_kills_every_program_is_quarantined_and_the_rest_is_kept,
    ),
    ("an_error_about_a_part_is_that_parts_alone", jobs::an_error_about_a_part_is_that_parts_alone),
    (
        "a_model_that_stalls_is_killed_and_the_part_it_was_at_blamed",
        jobs::a_model_that_stalls_is_killed_and_the_part_it_was_at_blamed,
    ),
    ("floods_are_ended_and_the_part_they_came_from_blamed", jobs::floods_are_ended_and_the_part_they_came_from_blamed),
    ("garbage_is_told_and_stops_nothing", jobs::garbage_is_told_and_stops_nothing),
    ("exit_0_is_no_success_for_a_part_without_progress", jobs::exit_0_is_no_success_for_a_part_without_progress),
    (
        "output_that_gets_shorter_is_the_models_fault_and_keeps_what_was_finished",
        jobs::output_that_gets_shorter_is_the_models_fault_and_keeps_what_was_finished,
    ),
    (
        "a_stopped_job_keeps_what_is_finished_and_a_retry_does_the_rest",
        jobs::a_stopped_job_keeps_what_is_finished_and_a_retry_does_the_rest,
    ),
    ("a_drained_service_leaves_its_jobs_to_the_next_one", jobs::a_drained_service_leaves_its_jobs_to_the_next_one),
    (
        "a_quiescing_service_lets_running_jobs_end_and_begins_no_others",
        jobs::a_quiescing_service_lets_running_jobs_end_and_begins_no_others,
    ),
    (
        "what_is_known_to_be_wrong_is_refused_before_a_job_is_there",
        jobs::what_is_known_to_be_wrong_is_refused_before_a_job_is_there,
    ),
    (
        "media_that_change_between_submit_and_start_are_named",
        jobs::media_that_change_between_submit_and_start_are_named,
    ),
    ("a_full_disk_makes_a_job_wait_and_loses_nothing", trouble::a_full_disk_makes_a_job_wait_and_loses_nothing),
    (
        "output_that_cannot_be_written_counts_against_nobody",
        trouble::output_that_cannot_be_written_counts_against_nobody,
    ),
    ("a_stop_does_not_wait_for_a_full_disk", trouble::a_stop_does_not_wait_for_a_full_disk),
    ("parts_that_cannot_be_written_make_a_job_wait", trouble::parts_that_cannot_be_written_make_a_job_wait),
    (
        "replaced_tags_can_be_read_again_for_as_long_as_is_configured",
        trouble::replaced_tags_can_be_read_again_for_as_long_as_is_configured,
    ),
    (
        "long_sound_is_cut_into_parts_and_its_tags_lie_where_they_are_heard",
        sources::long_sound_is_cut_into_parts_and_its_tags_lie_where_they_are_heard,
    ),
    (
        "a_model_of_video_that_is_given_no_sound_has_a_warning",
        sources::a_model_of_video_that_is_given_no_sound_has_a_warning,
    ),
    ("each_still_of_a_folder_is_a_part", sources::each_still_of_a_folder_is_a_part),
    (
        "a_folder_in_which_a_still_was_renamed_is_other_media",
        sources::a_folder_in_which_a_still_was_renamed_is_other_media,
    ),
    (
        "a_program_sees_the_gpus_that_were_lent_to_it_and_no_others",
        sources::a_program_sees_the_gpus_that_were_lent_to_it_and_no_others,
    ),
    (
        "what_goes_on_across_cuts_is_one_tag_when_it_is_read",
        sources::what_goes_on_across_cuts_is_one_tag_when_it_is_read,
    ),
    (
        "what_a_model_sees_on_all_frames_it_looks_at_is_one_tag_across_cuts",
        sources::what_a_model_sees_on_all_frames_it_looks_at_is_one_tag_across_cuts,
    ),
    ("a_batch_says_where_it_comes_from", sources::a_batch_says_where_it_comes_from),
    (
        "a_retry_over_media_that_have_become_shorter_begins_anew",
        sources::a_retry_over_media_that_have_become_shorter_begins_anew,
    ),
    ("a_clock_that_jumps_changes_nothing", trouble::a_clock_that_jumps_changes_nothing),
    (
        "a_clock_that_jumps_beyond_the_time_of_keeping_leaves_what_can_be_undone",
        trouble::a_clock_that_jumps_beyond_the_time_of_keeping_leaves_what_can_be_undone,
    ),
    ("a_service_that_is_killed_goes_on_where_it_was", killed::a_service_that_is_killed_goes_on_where_it_was),
    (
        "faults_at_random_instants_lose_no_tag_and_double_none",
        killed::faults_at_random_instants_lose_no_tag_and_double_none,
    ),
];

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    match arguments.next().as_ref().and_then(|word| word.to_str()) {
        Some("guard") => ExitCode::from(run_guard(arguments)),
        Some("short-lived-runtime") => guarded::be_a_runtime(arguments),
        Some("model") => model::be_a_model(arguments.map(|word| word.into_string().expect("UTF-8")).collect()),
        Some("service") => killed::be_a_service(arguments),
        Some("contained-service") => survivors::be_a_service(arguments),
        word => run_tests(word.filter(|word| !word.starts_with('-'))),
    }
}

/// Runs the tests whose names hold `filter`, one after the other.
fn run_tests(filter: Option<&str>) -> ExitCode {
    let chosen = TESTS.iter().filter(|(name, _)| filter.is_none_or(|filter| name.contains(filter)));
    let (mut passed, mut failed) = (0, 0);
    for (name, test) in chosen {
        let is_well = catch_unwind(test).is_ok();
        println!("test {name} ... {}", if is_well { "ok" } else { "FAILED" });
        *(if is_well { &mut passed } else { &mut failed }) += 1;
    }
    scratch::clear_up();
    println!("\ntest result: {passed} passed; {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
