scitq_unit_test(base_test SOURCES unit/base_test.c LIBS base)
scitq_unit_test(diag_test SOURCES unit/diag_test.c LIBS base)
scitq_unit_test(child_test SOURCES unit/child_test.c LIBS base)
scitq_unit_test(base_linediff_test SOURCES unit/base_linediff_test.c LIBS base)
