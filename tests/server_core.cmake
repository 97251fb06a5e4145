# The core of the server, without HTTP; tests/server.cmake includes this.
add_library(server_core_bench STATIC unit/server_core.c unit/server_worker.c)
target_link_libraries(server_core_bench PUBLIC server store_place store model base PkgConfig::CMOCKA)
foreach(test states lease attempt gather hook hire run v1 random threads)
	scitq_unit_test(server_${test}_test SOURCES unit/server_${test}_test.c
		LIBS server_core_bench server)
endforeach()
scitq_unit_test(server_debug_test SOURCES unit/server_debug_test.c LIBS server_core_bench server)
scitq_unit_test(server_feed_test SOURCES unit/server_feed_test.c LIBS server_core_bench server)
scitq_unit_test(server_why_test SOURCES unit/server_why_test.c LIBS server_core_bench server)
scitq_unit_test(server_known_test SOURCES unit/server_known_test.c LIBS server_core_bench server)
scitq_unit_test(server_tally_test SOURCES unit/server_tally_test.c LIBS server_core_bench server)
scitq_unit_test(server_deadline_test SOURCES unit/server_deadline_test.c LIBS server_core_bench server)
# Recruiters: their arithmetic, and the engine.
scitq_unit_test(server_decision_test SOURCES unit/server_decision_test.c LIBS server)
scitq_unit_test(server_recruit_test SOURCES unit/server_recruit_test.c LIBS server_core_bench server)
scitq_unit_test(server_watch_test SOURCES unit/server_watch_test.c LIBS server_core_bench server)
scitq_unit_test(server_simulation_test SOURCES unit/server_simulation_test.c LIBS server)
# Some of them again on PostgreSQL, where every query is a journey to another process.
foreach(test lease gather tally known random recruit deadline debug)
	add_test(NAME server_${test}_postgres COMMAND server_${test}_test
		WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
	set_tests_properties(server_${test}_postgres PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 900
		ENVIRONMENT SCITQ_TEST_DATABASE=postgres LABELS "unit;slow")
endforeach()
# Two hundred databases.
set_tests_properties(server_simulation_test PROPERTIES TIMEOUT 600 LABELS "unit;slow")
