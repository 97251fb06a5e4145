"""A PostgreSQL cluster for the tests of one script: tests/tools/cluster as a child, psql to look inside."""

import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
BETWEEN = "\x1f"


class Cluster:
    def __init__(self):
        self.process = subprocess.Popen([os.path.join(HERE, "cluster")], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.uri = self.process.stdout.readline().strip()
        self.made = 0
        if not self.uri.startswith("postgresql:"):
            print(self.uri)
            self.process.stdin.close()
            sys.exit(self.process.wait() or 1)

    def tell(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        told = self.process.stdout.readline().strip()
        if told != "ok":
            raise RuntimeError(f"the cluster does not {word}: {told!r}")

    def stop(self):
        """As kill -9 would."""
        self.tell("stop")

    def start(self):
        self.tell("start")

    def place(self):
        """The URI of a new, empty schema."""
        self.made += 1
        query(self.uri, f"create schema p{self.made}")
        return f"{self.uri}&options=-csearch_path%3Dp{self.made}"

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def query(uri, sql):
    """The rows of a query, all of it text."""
    told = subprocess.run(["psql", "-XqAt", "-F", BETWEEN, "-v", "ON_ERROR_STOP=1", "-d", uri, "-c", sql],
                          stdout=subprocess.PIPE, check=True, text=True).stdout
    return [tuple(line.split(BETWEEN)) for line in told.splitlines()]


def dump(uri):
    """{table: rows}: everything that the place holds, but for who leads."""
    tables = [row[0] for row in query(uri, "select tablename from pg_tables where schemaname = current_schema()"
                                           " and tablename not in ('leader', 'last_number') order by 1")]
    rows = query(uri, " union all ".join(f"select '{table}', replace(t::text, chr(10), ' ') from \"{table}\" t"
                                         for table in tables))
    return {table: sorted(row[1] for row in rows if row[0] == table) for table in tables}
