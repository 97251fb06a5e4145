scitq_unit_test(store_row_test SOURCES unit/store_row_test.c unit/store_place.c
	LIBS store PkgConfig::SQLITE)
