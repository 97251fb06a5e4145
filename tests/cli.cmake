# scitq-run as a whole program. Those labelled slow are left out by scripts/check --quick.
scitq_script_test(run_signals tests/e2e/run_signals)
scitq_script_test(run_together tests/e2e/run_together)
set_tests_properties(run_signals run_together PROPERTIES TIMEOUT 120)
