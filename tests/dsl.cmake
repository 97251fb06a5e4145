scitq_unit_test(dsl_golden_test SOURCES unit/dsl_golden_test.c LIBS dsl)
