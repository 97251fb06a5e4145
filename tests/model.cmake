scitq_unit_test(model_test SOURCES unit/model_test.c LIBS model)
