scitq_unit_test(worker_slots_test SOURCES unit/worker_slots_test.c LIBS worker)
scitq_unit_test(worker_message_test SOURCES unit/worker_message_test.c LIBS worker)
scitq_unit_test(worker_task_test SOURCES unit/worker_task_test.c LIBS worker)
scitq_script_test(worker_commands tests/worker/commands)
scitq_script_test(worker_options tests/worker/options)
scitq_script_test(worker_survival tests/worker/survival)
scitq_script_test(worker_real_server tests/worker/real_server)
# A minute, most of it waiting for timeouts.
set_tests_properties(worker_survival PROPERTIES LABELS "script;slow")
