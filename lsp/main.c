/* scitq-lsp: the language server for .scitq files, over standard input and output. */
#include "lsp/session.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		puts("scitq-lsp " SCITQ_VERSION);
		return 0;
	}
	/* Editors pass --stdio, the only way there is. */
	if (argc > 2 || (argc == 2 && strcmp(argv[1], "--stdio") != 0)) {
		fputs("usage: scitq-lsp [--stdio | --version]\n"
		      "The Language Server Protocol over standard input and output.\n",
		      argc == 2 && strcmp(argv[1], "--help") == 0 ? stdout : stderr);
		return argc == 2 && strcmp(argv[1], "--help") == 0 ? 0 : 2;
	}
	if (argc == 1 && isatty(STDIN_FILENO)) {
		fputs("scitq-lsp: editors start it, and speak the Language Server Protocol to it; "
		      "editors/README.md of the sources says how\n",
		      stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	return session_serve(STDIN_FILENO, STDOUT_FILENO);
}
