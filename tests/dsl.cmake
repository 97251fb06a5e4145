scitq_unit_test(dsl_golden_test SOURCES unit/dsl_golden_test.c LIBS dsl)
scitq_unit_test(dsl_shelltext_test SOURCES unit/dsl_shelltext_test.c LIBS dsl)
scitq_unit_test(dsl_parse_test SOURCES unit/dsl_parse_test.c LIBS dsl)
scitq_fuzz_target(dsl_fuzz SOURCES fuzz/dsl_fuzz.c LIBS dsl)
