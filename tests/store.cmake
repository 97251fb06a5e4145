# Each test twice: in a SQLite file, and in a database of a PostgreSQL cluster that it starts.
add_library(store_place STATIC unit/store_place.c unit/store_cluster.c)
target_link_libraries(store_place PUBLIC store PkgConfig::CMOCKA PkgConfig::SQLITE PkgConfig::PQ)
foreach(test row open query log crash thread)
	scitq_unit_test(store_${test}_test SOURCES unit/store_${test}_test.c
		LIBS store_place store Threads::Threads)
	add_test(NAME store_${test}_postgres COMMAND store_${test}_test postgres
		WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
	set_tests_properties(store_${test}_postgres PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 900
		LABELS unit)
endforeach()
scitq_unit_test(store_wal_test SOURCES unit/store_wal_test.c LIBS store_place store PkgConfig::SQLITE)
# The plans that SQLite makes for the lists of server/filters.def.
scitq_unit_test(store_plan_test SOURCES unit/store_plan_test.c LIBS store_place server store)
