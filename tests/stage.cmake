scitq_unit_test(stage_uri_test SOURCES unit/stage_uri_test.c LIBS stage)
scitq_unit_test(stage_test SOURCES unit/stage_test.c unit/stage_tree.c LIBS stage)
