# Providers: each by the words of docs/providers.md, and with the real thing.
scitq_script_test(provider_local tests/providers/conformance ${CMAKE_BINARY_DIR}/libexec/scitq/providers/local)
scitq_script_test(provider_slurm tests/providers/slurm)
scitq_script_test(provider_ssh tests/providers/ssh)
scitq_script_test(provider_openstack_nova_stub tests/providers/openstack_nova_stub)
# Each of its calls asks a Keystone in Python.
set_tests_properties(provider_openstack_nova_stub PROPERTIES LABELS "script;slow" TIMEOUT 1200)
