foreach(test row open query log crash thread)
	scitq_unit_test(store_${test}_test SOURCES unit/store_${test}_test.c unit/store_place.c
		LIBS store PkgConfig::SQLITE Threads::Threads)
endforeach()
