from scitq.lib import Server
from pprint import pprint

s = Server('127.0.0.1')
pprint(s.workers())
