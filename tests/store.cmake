foreach(test row open log query)
	scitq_unit_test(store_${test}_test SOURCES unit/store_${test}_test.c unit/store_place.c
		LIBS store PkgConfig::SQLITE)
endforeach()
