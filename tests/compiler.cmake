scitq_unit_test(compiler_golden_test SOURCES unit/compiler_golden_test.c LIBS compiler stage)
scitq_unit_test(compiler_shell_test SOURCES unit/compiler_shell_test.c LIBS compiler)
scitq_unit_test(compiler_api_test SOURCES unit/compiler_api_test.c LIBS compiler)
scitq_fuzz_target(compiler_fuzz SOURCES fuzz/compiler_fuzz.c LIBS compiler)
