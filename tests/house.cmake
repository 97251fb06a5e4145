scitq_script_test(include_order tests/house/include_order)
scitq_script_test(include_order_self tests/house/include_order --self-test)
scitq_script_test(check_counts tests/house/check_counts)
scitq_script_test(shell_scripts tests/house/shell_scripts)
