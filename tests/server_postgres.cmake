# Tests of the API again on PostgreSQL, and what only a database server can do; tests/server.cmake
# includes this.
foreach(test lease log_long repeated runs crash v1_program v1_replay by_hand)
	scitq_script_test(api_${test}_postgres tests/api/${test})
	set_property(TEST api_${test}_postgres APPEND PROPERTY ENVIRONMENT SCITQ_TEST_DATABASE=postgres)
	set_property(TEST api_${test}_postgres PROPERTY LABELS "script;slow")
endforeach()
scitq_script_test(api_by_hand tests/api/by_hand)
scitq_script_test(api_outage tests/api/outage)
scitq_script_test(api_leader tests/api/leader)
scitq_script_test(run_postgres tests/e2e/run_postgres)
