scitq_unit_test(stage_uri_test SOURCES unit/stage_uri_test.c LIBS stage)
scitq_unit_test(stage_report_test SOURCES unit/stage_report_test.c LIBS stage)
scitq_fuzz_target(report_fuzz SOURCES fuzz/report_fuzz.c LIBS stage)
scitq_unit_test(stage_test SOURCES unit/stage_test.c unit/stage_tree.c LIBS stage)
scitq_unit_test(stage_archive_test SOURCES unit/stage_archive_test.c unit/stage_tree.c
	LIBS stage PkgConfig::ARCHIVE)
scitq_unit_test(stage_remote_test
	SOURCES unit/stage_remote_test.c unit/stage_tree.c unit/net_server.c
	LIBS stage PkgConfig::ARCHIVE Threads::Threads)
