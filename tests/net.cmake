scitq_unit_test(net_test SOURCES unit/net_test.c unit/net_server.c LIBS net Threads::Threads)
