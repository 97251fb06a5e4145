# The server: its core without HTTP, then the whole program over HTTP.
include(${CMAKE_CURRENT_LIST_DIR}/server_core.cmake)
scitq_unit_test(server_text_test SOURCES unit/server_text_test.c LIBS server)
foreach(test v1_tasks v1_workers v1_replay routes page browser openapi malformed bad_input auth tls netns limits operate bulk lease runs reading crash hostile program)
	scitq_script_test(api_${test} tests/api/${test})
endforeach()
scitq_script_test(api_v1_program tests/api/v1_program test_sqlite)
scitq_script_test(api_events tests/api/events)
set_tests_properties(api_v1_program api_browser api_openapi api_malformed api_bulk api_reading api_crash api_hostile api_program PROPERTIES LABELS "script;slow")
