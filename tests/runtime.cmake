scitq_unit_test(runtime_test SOURCES unit/runtime_test.c LIBS runtime)
# A run task by task.
scitq_script_test(run_debug tests/e2e/run_debug)
set_tests_properties(run_debug PROPERTIES LABELS "script;slow")
# Lists that are kept up to date.
scitq_script_test(watched tests/e2e/watched)
set_tests_properties(watched PROPERTIES LABELS "script;slow")
