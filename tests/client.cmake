scitq_unit_test(client_test SOURCES unit/client_test.c LIBS client)
