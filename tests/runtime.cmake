scitq_unit_test(runtime_test SOURCES unit/runtime_test.c LIBS runtime)
