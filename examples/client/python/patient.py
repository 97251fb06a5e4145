from scitq.lib import Server

s = Server('127.0.0.1', put_timeout=60, get_timeout=300)
