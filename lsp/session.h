/* One connection with an editor, from `initialize` to `exit`. */
#ifndef LSP_SESSION_H
#define LSP_SESSION_H

/* Serves until the other side leaves; the exit code of the program. */
int session_serve(int in, int out);

#endif
