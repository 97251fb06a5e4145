# scitq-run as a whole program. Those labelled slow are left out by scripts/check --quick.
set(runs commands run_again run_exits run_fmt run_json run_shellcheck run_killed run_long run_many run_modules run_server run_signals run_simulate run_stale run_terminal run_then run_together run_yields)
foreach(name IN LISTS runs)
	scitq_script_test(${name} tests/e2e/${name})
endforeach()
scitq_unit_test(cli_meter_test SOURCES unit/cli_meter_test.c ../cli/meter.c LIBS base)
scitq_script_test(manual tests/e2e/manual)
scitq_script_test(shell tests/e2e/shell)
scitq_script_test(shell_container tests/e2e/shell container)
set_tests_properties(shell shell_container PROPERTIES LABELS "script;slow")
# The commands of scitq fetch.
foreach(place local box azure s3 ftp)
	scitq_script_test(fetch_${place} tests/e2e/fetch ${place})
endforeach()
scitq_script_test(remote_files tests/e2e/remote_files)
set_tests_properties(fetch_azure fetch_s3 fetch_ftp PROPERTIES LABELS "script;slow")
# What the server does when nobody is attached.
foreach(feature attempts quorum accepts hooks limits priority)
	scitq_script_test(unattended_${feature} tests/e2e/unattended ${feature})
	list(APPEND runs unattended_${feature})
endforeach()
set_tests_properties(${runs} PROPERTIES TIMEOUT 120)
# Tens of thousands of tasks through an instrumented compiler.
set_tests_properties(run_many PROPERTIES TIMEOUT 300 LABELS "script;slow")
scitq_script_test(run_price tests/e2e/run_price)
set_tests_properties(run_price PROPERTIES TIMEOUT 120)
# Workers that are made for a run.
scitq_script_test(recruited tests/e2e/recruited)
